"""A simulated Slack: what the real client libraries say to it is judged as Slack would."""

from playground.slack.files import ConnectFile, GoneFile, RemoteFile
from playground.slack.messages import Message, text_of
from playground.slack.server import SlackServer
from playground.slack.wire import Impossible, SlackError
from playground.slack.workspace import SCOPES, SUBSCRIPTIONS, Call, Status, View, Violation
from playground.slack.world import App, Channel, Person, Team, UserGroup, World, seed

__all__ = [
    "SCOPES",
    "SUBSCRIPTIONS",
    "App",
    "Call",
    "Channel",
    "ConnectFile",
    "GoneFile",
    "Impossible",
    "Message",
    "Person",
    "RemoteFile",
    "SlackError",
    "SlackServer",
    "Status",
    "Team",
    "UserGroup",
    "View",
    "Violation",
    "World",
    "seed",
    "text_of",
]
