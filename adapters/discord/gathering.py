"""discord.py's state of a connection, which is ready as soon as every server that Discord named has come."""

from __future__ import annotations

from typing import Any

from discord.state import ConnectionState

AT_ONCE = 0.001  # s


class Gathering(ConnectionState[Any]):
    """discord.py is ready when no further server has come for `guild_ready_timeout`. READY names them all, so nothing
    need be waited for once they are there; what is told of as unavailable may never come, and is waited for so long."""

    _patience: float

    @property
    def guild_ready_timeout(self) -> float:
        """Seconds that the next server may be in coming: asked for anew after each, and while this is being made."""
        known = getattr(self, "_guilds", {}).values()
        return self._patience if any(guild.unavailable for guild in known) else AT_ONCE

    @guild_ready_timeout.setter
    def guild_ready_timeout(self, seconds: float) -> None:
        self._patience = seconds
