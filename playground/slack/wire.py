"""What crosses the sockets: JSON objects, and the refusals that Slack writes into them."""

import uuid
from typing import Any

Json = dict[str, Any]


class SlackError(Exception):
    """A refusal in Slack's words: an error code, and what stands beside it in the answer."""

    def __init__(
        self,
        error: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **beside: Any,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status  # Slack refuses with HTTP 200, but for 429 and its own outages
        self.headers = headers or {}
        self.beside = beside

    @property
    def answer(self) -> Json:
        return {"ok": False, "error": self.error, **self.beside}


def invalid_arguments(*complaints: str) -> SlackError:
    """Slack names each fault of a call in `response_metadata.messages`."""
    return SlackError(
        "invalid_arguments",
        response_metadata={"messages": [f"[ERROR] {complaint}" for complaint in complaints]},
    )


class Impossible(Exception):
    """A person tried what Slack's own client would not let them do: the script is wrong."""


def fresh_id(prefix: str) -> str:
    """An id in Slack's form that no earlier run has used, since a bot remembers ids for a day."""
    return prefix + uuid.uuid4().hex[:10].upper()
