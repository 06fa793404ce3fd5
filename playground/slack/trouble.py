"""What Slack, the network and administrators do to a bot, on the word of a test."""

import asyncio
from collections.abc import Iterable

from playground.slack import streams
from playground.slack.api import MANDATORY
from playground.slack.limits import rate_limited
from playground.slack.sockets import REFRESH_GRACE, Delivery, Reason, Repeat
from playground.slack.wire import SlackError
from playground.slack.workspace import Workspace
from playground.slack.world import Person, Role

RATE_LIMIT_SECONDS = 1.0  # what a refusal with `ratelimited` asks for unless told otherwise


class Trouble:
    """Faults on purpose; each takes effect with the next fitting call or event."""

    workspace: Workspace

    # Calls of the Web API, and downloads under the name "files-pri"

    def will_refuse(
        self,
        method: str,
        error: str,
        times: int = 1,
        *,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        """The next calls are refused and change nothing; `ratelimited` is a 429."""
        if error == "ratelimited":
            refusal = rate_limited(RATE_LIMIT_SECONDS if retry_after is None else retry_after)
        else:
            headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
            refusal = SlackError(error, headers=headers)
        refusal.status = status or refusal.status
        self.workspace.faults.will_refuse(method, refusal, times)

    def will_drop_reply(self, method: str, times: int = 1) -> None:
        """The next calls take effect, and then the connection breaks."""
        self.workspace.faults.will_drop_reply(method, times)

    def will_drop_request(self, method: str, times: int = 1) -> None:
        """The next calls are lost before they take effect."""
        self.workspace.faults.will_drop_request(method, times)

    def will_hold(self, method: str) -> asyncio.Event:
        """The next call waits until the returned event is set."""
        return self.workspace.faults.will_hold(method)

    def end_streams(self) -> None:
        """Ends every open stream, as Slack does five minutes after its start."""
        streams.expire(self.workspace, at_once=True)

    def only(self, *methods: str) -> None:
        """Makes every other method unknown; without names, all but the indispensable ones."""
        self.workspace.methods = frozenset(methods) or MANDATORY

    # Events and sockets

    @property
    def events(self) -> list[Delivery]:
        """Every event that was meant for the app, with its attempts and acks."""
        return self.workspace.hub.deliveries

    def will_redeliver(self, times: int = 1, *, type: str | None = None) -> None:
        """The next acknowledged events, maybe of one type, are delivered again, as after a lost
        ack."""
        self.workspace.hub.repeats.append(Repeat(times, type))

    def redeliver(self, event_id: str) -> Delivery:
        """Delivers a past event again under its own `event_id`."""
        return self.workspace.hub.redeliver(event_id)

    def pause_socket(self) -> None:
        """Holds back every envelope until `resume_socket`."""
        self.workspace.hub.pause()

    def resume_socket(self) -> None:
        self.workspace.hub.resume()

    async def disconnect(
        self,
        reason: Reason = "refresh_requested",
        *,
        oldest_only: bool = False,
        grace: float = REFRESH_GRACE,
    ) -> None:
        """Asks the app to replace its sockets; the old ones end after `grace` seconds."""
        await self.workspace.hub.disconnect(reason, grace, oldest_only=oldest_only)

    def drop_sockets(self) -> None:
        """Cuts every socket without a close frame."""
        self.workspace.hub.drop()

    def freeze_sockets(self) -> None:
        """Leaves the present sockets open and deaf, so that only missing pongs tell."""
        self.workspace.hub.freeze()

    # Administration

    def grant(self, scopes: Iterable[str]) -> None:
        """Sets the bot's scopes, as a reinstallation does."""
        self.workspace.scopes = frozenset(scopes)

    def revoke(self) -> None:
        """The app is removed: both tokens are dead."""
        self.workspace.is_revoked = True

    def set_role(self, user: Person | str, role: Role) -> Person:
        """Makes somebody an admin, or no longer."""
        world = self.workspace.world
        changed = world.change_person(world.person(user), role=role)
        self.workspace.feed.publish("person", id=changed.id, role=changed.role)
        return changed
