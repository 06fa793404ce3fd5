"""What the bot says of itself: the help texts, made from the table of commands."""

from __future__ import annotations

from bot.commands import TABLE, WORDS, Entry
from bot.words import shown

_SCOPES = {
    "slack": "SCOPE is `thread`, `channel` (if you name none) or `workspace`.",
    "discord": "SCOPE is `thread`, `channel` (if you name none), `category` or `workspace`.",
}
_MODELS = (
    "DURATION is a whole number and m, h or d, such as `2h`, at most `90d`; then what is inherited "
    "comes back. The narrowest setting wins: once, thread, channel, category, workspace, default. "
    "A lock beats everything narrower."
)


def help_text(topic: str, *, platform: str, slash: str) -> str:
    """All commands in force, or what is to know of one; `slash` is Slack's slash command."""
    word = topic.split()[0] if topic.strip() else ""
    if word in WORDS:
        return _about(word, platform, slash)
    lines = [f"There is no help on `{shown(topic)}`."] if shown(topic, "") else []
    lines += [
        "Mention me with a question, or write to me in a direct message. These are the commands:",
        *(_line(entry, platform, slash) for entry in TABLE if not entry.later),
        "In a mention a command begins with `/`, directly after my name: `@bot /model list`.",
    ]
    return "\n".join(lines)


def _about(word: str, platform: str, slash: str) -> str:
    entries = [entry for entry in TABLE if entry.word == word]
    if entries[0].later:
        return not_yet(word)
    lines = [
        f"{_line(entry, platform, slash)}; in a mention: `{entry.in_mention()}`"
        for entry in entries
    ]
    if word == "model":
        lines += [_SCOPES[platform], _MODELS] if platform in _SCOPES else [_MODELS]
    return "\n".join(lines)


def _line(entry: Entry, platform: str, slash: str) -> str:
    return f"`{entry.written(platform, slash)}`: {entry.says}"


def not_yet(word: str) -> str:
    """What a word answers whose meaning is fixed and that is still to come."""
    return f"`{word}` is not there yet. It is reserved for a later version."
