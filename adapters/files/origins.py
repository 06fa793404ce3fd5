"""An address becomes a decision: may a file be fetched from there, and does the bot's token go along?

Exact hosts are compared after parsing, by the same parser that the request is made with; never prefixes or substrings.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Self

from yarl import URL

from bot.errors import SettingsError

SLACK_HOST = "files.slack.com"
DISCORD_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
HTTPS_PORT = 443
SLACK_PATIENCE = (0.3, 0.7, 1.5)  # s; Slack's file servers may lag behind its event
PROXY_RANGE = ip_network("198.18.0.0/15")  # what some transparent proxies answer for every name


@dataclass(frozen=True, slots=True)
class Origin:
    """One server, as browsers tell servers apart."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: URL) -> Self | None:
        """The origin of an address, or None if it has none or carries a user's name."""
        if url.user is not None or url.password is not None:
            return None
        if url.scheme not in ("http", "https") or not url.host or url.port is None:
            return None
        return cls(url.scheme, url.host, url.port)

    @classmethod
    def listed(cls, text: str) -> Self:
        """An origin as an operator writes it: `scheme://host:port`, the port left out where it is the usual one."""
        url = parsed(text.strip())
        origin = url and cls.of(url)
        if not url or not origin or url.path.strip("/") or url.query_string or url.fragment:
            raise SettingsError(
                ["SWITCHBOARD_ATTACHMENT_ORIGINS: each entry must read scheme://host:port"]
            )
        return origin


class Origins:
    """Where the files of one platform may come from.

    `hosts` are the platform's own file hosts (https, port 443); `extra` are origins that the operator vouches for. The
    `token` goes to `token_hosts` and the extra origins alone, and `hint` completes a sentence about a refusal.
    `patience` holds the pauses (s) before a file is asked for again; `lagging` says that a missing file may yet appear.
    """

    def __init__(
        self,
        hosts: frozenset[str],
        extra: Iterable[str] = (),
        token: str | None = None,
        token_hosts: frozenset[str] = frozenset(),
        *,
        platform: str = "the server",
        hint: str = "",
        patience: tuple[float, ...] = (0.5,),
        lagging: bool = False,
    ) -> None:
        self.own = frozenset(Origin("https", host, HTTPS_PORT) for host in hosts)
        self.extra = frozenset(Origin.listed(text) for text in extra)
        self._token = token
        self._token_origins = self.extra | frozenset(
            origin for origin in self.own if origin.host in token_hosts
        )
        self.platform = platform
        self.hint = hint
        self.patience = patience
        self.lagging = lagging

    @classmethod
    def slack(cls, token: str, extra: Iterable[str] = ()) -> Self:
        hosts = frozenset({SLACK_HOST})
        return cls(
            hosts,
            extra,
            token,
            hosts,
            platform="Slack",
            hint="; the app may need the permission files:read",
            patience=SLACK_PATIENCE,
            lagging=True,
        )

    @classmethod
    def discord(cls, extra: Iterable[str] = ()) -> Self:
        return cls(DISCORD_HOSTS, extra, platform="Discord")

    def allowed(self, url: str) -> bool:
        origin = _origin(url)
        return origin in self.own or origin in self.extra

    def headers_for(self, url: str) -> dict[str, str]:
        """What a first request carries; whoever follows a redirect sends nothing of it."""
        if self._token and _origin(url) in self._token_origins:
            return {"Authorization": f"Bearer {self._token}"}
        return {}

    def resolved(self, host: str, address: str) -> bool:
        """Whether a name may stand for this address: the platform's own names only for public ones.

        The name has been judged before. Names that are not the platform's are origins or proxies of the operator's.
        """
        return Origin("https", host, HTTPS_PORT) not in self.own or _public(ip_address(address))

    def __repr__(self) -> str:
        return f"<Origins of {self.platform}>"  # never the token


def parsed(url: str) -> URL | None:
    """The address as aiohttp will use it, or None if it is none."""
    try:
        return URL(url)
    except ValueError:
        return None


def _origin(url: str) -> Origin | None:
    address = parsed(url)
    return None if address is None else Origin.of(address)


def _public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return (address.is_global and not address.is_multicast) or address in PROXY_RANGE
