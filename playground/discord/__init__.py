"""A Discord of one's own: the real discord.py speaks to it, and it is as strict as Discord."""

from playground.discord.errors import ClientRefusal, DidNotRespond
from playground.discord.interactions import Interaction, State
from playground.discord.rules import Bucket, Rules
from playground.discord.server import DiscordServer
from playground.discord.world import Message

__all__ = [
    "Bucket",
    "ClientRefusal",
    "DidNotRespond",
    "DiscordServer",
    "Interaction",
    "Message",
    "Rules",
    "State",
]
