"""A scripted model server that speaks OpenAI's chat completions: `ModelServer`, and the steps of its scripts."""

from playground.models.playback import Recorded
from playground.models.refusals import Refusal
from playground.models.requests import ChatRequest
from playground.models.scripts import Cut, Hold, Page, Pause, Raw, Reset, Say
from playground.models.server import ModelServer

__all__ = [
    "ChatRequest",
    "Cut",
    "Hold",
    "ModelServer",
    "Page",
    "Pause",
    "Raw",
    "Recorded",
    "Refusal",
    "Reset",
    "Say",
]
