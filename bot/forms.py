"""The text of one setting becomes its value, or a reason that never repeats the text."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

SLACK_TEAM = r"[TE][A-Z0-9]{1,30}"
SLACK_PERSON = r"[UW][A-Z0-9]{1,30}"
SLACK_GROUP = r"S[A-Z0-9]{1,30}"
SNOWFLAKE = r"\d{1,20}"  # Discord's ids
ADMIN_FORMS = re.compile(
    rf"slack:(?P<team>{SLACK_TEAM}):(?:(?P<person>{SLACK_PERSON})|group:(?P<group>{SLACK_GROUP}))"
    rf"|discord:(?P<guild>{SNOWFLAKE}):(?:(?P<user>{SNOWFLAKE})|role:(?P<role>{SNOWFLAKE}))"
)
ADMIN_HINT = "slack:T…:U…, slack:T…:group:S…, discord:GUILD:USER or discord:GUILD:role:ROLE"
MASK = "********"
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Admin:
    """One entry of SWITCHBOARD_ADMINS: a person, or everybody with a role (Discord) or in a user group (Slack)."""

    platform: Literal["slack", "discord"]
    workspace: str
    kind: Literal["user", "group"]
    id: str

    def __str__(self) -> str:
        group = {"slack": "group:", "discord": "role:"}[self.platform]
        return f"{self.platform}:{self.workspace}:{group if self.kind == 'group' else ''}{self.id}"


def words(text: str) -> tuple[str, ...]:
    """The entries of a comma list; empty ones do not count."""
    return tuple(entry for part in text.split(",") if (entry := part.strip()))


def admins(value: object) -> object:
    """A comma list of admins."""
    if not isinstance(value, str):
        return value
    return tuple(_admin(entry, number) for number, entry in enumerate(words(value), 1))


def _admin(entry: str, number: int) -> Admin:
    found = ADMIN_FORMS.fullmatch(entry)
    if found is None:
        raise ValueError(f"entry {number} is none of {ADMIN_HINT}")
    part = found.groupdict()
    if part["team"]:
        kind, who = ("user", part["person"]) if part["person"] else ("group", part["group"])
        return Admin("slack", part["team"], "user" if kind == "user" else "group", who)
    if part["user"]:
        return Admin("discord", part["guild"], "user", part["user"])
    return Admin("discord", part["guild"], "group", part["role"])


def origins(value: object) -> object:
    """A comma list of origins, each as `scheme://host` or, where the port is not the scheme's own, with it."""
    if not isinstance(value, str):
        return value
    return tuple(_origin(entry, number) for number, entry in enumerate(words(value), 1))


def _origin(entry: str, number: int) -> str:
    try:
        url = address(entry, "http", "https")
    except ValueError as fault:
        raise ValueError(f"entry {number} {fault}") from None
    if url.path.strip("/") or url.query or url.fragment or url.username is not None:
        raise ValueError(f"entry {number} must be scheme://host:port and nothing more")
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = "" if url.port in (None, DEFAULT_PORTS[url.scheme]) else f":{url.port}"
    return f"{url.scheme}://{host}{port}"


def address(text: str, *schemes: str) -> SplitResult:
    """An address with one of the schemes and a host."""
    known = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port  # reading the port checks it
    except ValueError:
        raise ValueError(f"must be an address that begins with {known}") from None
    if url.scheme not in schemes or not host or re.search(r"\s", text):
        raise ValueError(f"must be an address that begins with {known}")
    return url


def web_address(text: str) -> str:
    """An http or https address without a trailing slash, that a path can be appended to."""
    if re.search(r"[?#]", text):
        raise ValueError("must hold no ? and no #")
    address(text, "http", "https")
    return text.rstrip("/")


def web_folder(text: str) -> str:
    """An http or https address that ends with a slash, so that method names can be appended."""
    return web_address(text) + "/"


def socket_address(text: str) -> str:
    """The address of a websocket."""
    address(text, "ws", "wss")
    return text


def redis_address(text: str) -> str:
    """redis://, rediss:// with a host, or unix:// with a path."""
    if text.startswith("unix://"):
        if not urlsplit(text).path.startswith("/"):
            raise ValueError("must hold an absolute path after unix://")
        return text
    try:
        address(text, "redis", "rediss")
    except ValueError:
        raise ValueError("must begin with redis://, rediss:// or unix://") from None
    return text


def passwords(url: str) -> set[str]:
    """The passwords in an address, as they are written there and as they are meant."""
    written = {urlsplit(url).password or "", *re.findall(r"[?&]password=([^&#]*)", url)}
    return {form for text in written if text for form in (text, unquote(text))}


def masked(url: str) -> str:
    """An address without its passwords."""
    url = re.sub(r"(://(?:[^/\s@:]*:)?)[^/\s]+@", rf"\1{MASK}@", url)
    return re.sub(r"([?&]password=)[^&#]*", rf"\1{MASK}", url)


def bot_token(text: str) -> str:
    """Slack's bot token."""
    return _token(text, "xoxb-", "the bot token of the page OAuth & Permissions")


def app_token(text: str) -> str:
    """Slack's app-level token, which opens the socket."""
    return _token(text, "xapp-", "the app-level token of the page Basic Information")


def _token(text: str, prefix: str, what: str) -> str:
    if not text.startswith(prefix) or text == prefix:
        raise ValueError(f"must begin with {prefix}: {what}")
    return secret(text)


def discord_token(text: str) -> str:
    """Discord's bot token, without the word `Bot` of the header."""
    if text.startswith("Bot "):
        raise ValueError('must be the token alone, without "Bot " before it')
    return secret(text)


def secret(text: str) -> str:
    """A key as its provider shows it: one word of visible ASCII."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("holds a space or a character that no key has; was it copied in full?")
    return text


def slash_command(text: str) -> str:
    """The word that people type on Slack."""
    if not re.fullmatch(r"/[a-z0-9_-]{1,31}", text):
        raise ValueError("must be a slash and up to 31 of a-z, 0-9, - and _")
    return text


def key_prefix(text: str) -> str:
    """What every key in Redis begins with."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}:", text):
        raise ValueError("must be one word of a-z, 0-9, ., - and _ with a colon at its end")
    return text


def switch(value: object) -> object:
    """`on` or `off`."""
    if isinstance(value, str):
        if value not in ("on", "off"):
            raise ValueError("must be on or off")
        return value == "on"
    return value
