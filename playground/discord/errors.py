"""What goes wrong becomes the status and JSON code that Discord answers with."""

from typing import Any

_MEANINGS: dict[int, tuple[int, str]] = {
    0: (401, "401: Unauthorized"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20016: (429, "This action cannot be performed due to slowmode rate limit."),
    30034: (400, "Max number of daily application command creates has been reached (200)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (400, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50024: (403, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50033: (400, "Invalid Recipient(s)"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
}


class ApiError(Exception):
    """One refusal, as Discord words it."""

    def __init__(
        self,
        code: int,
        *,
        status: int | None = None,
        errors: dict[str, Any] | None = None,
        retry_after: float | None = None,
        via: bool = True,
    ) -> None:
        usual, message = _MEANINGS.get(code, (400, "Refused"))
        super().__init__(message)
        self.code = code
        self.status = usual if status is None else status
        self.message = message
        self.errors = errors
        self.retry_after = retry_after
        self.via = via

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
        return body


class Form:
    """Collects the faults of a body as the tree that goes with 50035."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def fault(self, path: str, code: str, message: str) -> None:
        """`path` is dotted: `embeds.0.description`."""
        node = self._tree
        for part in path.split("."):
            node = node.setdefault(part, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def too_long(self, path: str, limit: int) -> None:
        self.fault(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")

    def bad_length(self, path: str, least: int, most: int) -> None:
        self.fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")

    def missing(self, path: str) -> None:
        self.fault(path, "BASE_TYPE_REQUIRED", "This field is required")

    def error(self) -> ApiError:
        return ApiError(50035, errors=self._tree)

    def check(self) -> None:
        if self._tree:
            raise self.error()


class ClientRefusal(Exception):
    """What Discord's own app would not let a person do; nothing reached the bot."""


class DidNotRespond(Exception):
    """The app answered an autocomplete too late or never."""
