"""An address that a model wrote becomes a checked target, or None: then it is only text."""

import re
from dataclasses import dataclass
from urllib.parse import quote

# Longest address that is made a link (browsers and both platforms take about this much).
LONGEST = 2_000
# Longest host name (RFC 1035); also bounds the work of the IDNA codec.
LONGEST_HOST = 253

BARE = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)
_TRAILING = frozenset(".,:;!?\"'`)]}*_~|")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)
_MAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_{}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE)
_HOST_LIKE = re.compile(r"(?:https?://)?(?:[^\s/@]*@)?([^\s/?#:@]+\.[^\s/?#:@]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link goes: an address that is safe to write, and what a reader must see of it."""

    url: str
    host: str  # of mailto: the mail address
    as_typed: bool  # nothing about the host had to be changed


def check(address: str) -> Target | None:
    """The target of an address, or None unless it is http, https or mailto and well formed."""
    if not address or len(address) > LONGEST:
        return None
    # A backslash is a slash to browsers and a letter to others: nobody knows where that leads.
    if "\\" in address or any(ch.isspace() or not ch.isprintable() for ch in address):
        return None
    scheme, _, rest = address.partition(":")
    match scheme.lower():
        case "http" | "https" if rest.startswith("//"):
            return _web(scheme.lower(), rest[2:])
        case "mailto":
            return _mail(rest)
        case _:
            return None


def _web(scheme: str, rest: str) -> Target | None:
    end = next((at for at, ch in enumerate(rest) if ch in "/?#"), len(rest))
    authority, path = rest[:end], rest[end:]
    userinfo, _, place = authority.rpartition("@")
    typed, colon, port = place.rpartition(":") if re.search(r":\d*$", place) else (place, "", "")
    host = _ascii(typed)
    if host is None or not _HOST.fullmatch(host) or (port and int(port[:6]) > 65_535):
        return None
    url = f"{scheme}://{host}{colon}{port}{_encode(path)}"
    return Target(url=url, host=host, as_typed=not userinfo and host == typed)


def _mail(rest: str) -> Target | None:
    address, mark, query = rest.partition("?")
    if not _MAIL.fullmatch(address):
        return None
    return Target(url=f"mailto:{address}{mark}{_encode(query)}", host=address, as_typed=True)


def _ascii(host: str) -> str | None:
    """The host in ASCII, so that letters that look alike show themselves."""
    if host.isascii() or len(host) > LONGEST_HOST:
        return host if len(host) <= LONGEST_HOST else None
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def _encode(path: str) -> str:
    """A path without any character that Markdown, a mention or an angle bracket is made of."""
    return quote(path, safe="%/?#@!$&'*+,;=:~")


def trimmed(address: str) -> str:
    """A bare address as a reader means it: without the punctuation of the sentence around it."""
    while address and address[-1] in _TRAILING:
        if address[-1] == ")" and address.count("(") >= address.count(")"):
            break
        address = address[:-1]
    return address


def names(label: str, target: Target) -> bool:
    """Whether a link's label already shows where the link goes."""
    shown = label.strip().casefold()
    if shown in (target.host.casefold(), target.url.casefold()):
        return True
    found = _HOST_LIKE.match(shown)
    if not found or "@" in shown or any(ch.isspace() for ch in shown):
        return False
    return found.group(1).rstrip(".") == target.host.casefold().rstrip(".")
