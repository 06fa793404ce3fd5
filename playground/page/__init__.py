"""The page of the playground: a simulated Slack and a simulated Discord side by side, in a browser."""

from playground.page.server import PageServer

__all__ = ["PageServer"]
