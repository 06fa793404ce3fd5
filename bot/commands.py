"""What people can ask for: the table of all commands, and the one grammar that reads them through either door."""

import difflib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import NoReturn

from bot import words
from bot.errors import UserError
from bot.types import Scope
from bot.words import bare, plain, shown

MINUTE, HOUR, DAY = 60, 3600, 86_400  # s
MOST_SECONDS = 90 * DAY  # the longest `for DURATION`
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
_MOST_DIGITS = 9  # of a duration; more can only be too long


# ---- the commands ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """A question for the model in force, or once for another. Its words are empty where something came along that
    speaks for itself: a picture, a quoted message."""

    prompt: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class ShowModel:
    """Which model answers here, and why."""


@dataclass(frozen=True, slots=True)
class ListModels:
    """The models to choose from."""


@dataclass(frozen=True, slots=True)
class SetModel:
    """A model for a scope, for good or for `duration_s` seconds."""

    alias: str
    scope: Scope = Scope.CHANNEL
    duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class ResetModel:
    """A scope goes back to the model that it inherits."""

    scope: Scope = Scope.CHANNEL


@dataclass(frozen=True, slots=True)
class LockModel:
    """A scope's model in force now holds for everything below it."""

    scope: Scope = Scope.CHANNEL


@dataclass(frozen=True, slots=True)
class UnlockModel:
    """The lock of a scope is lifted."""

    scope: Scope = Scope.CHANNEL


@dataclass(frozen=True, slots=True)
class NewConversation:
    """What was said so far is no longer part of the conversation."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The answer ends where it is."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The latest answer is made again, by another model if one is named, and takes the place of what it was."""

    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Help:
    """How to use the bot; `topic` is a command's first word, or empty."""

    topic: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """A word whose meaning is fixed and that this version does not have yet."""

    word: str


Command = (
    Ask
    | ShowModel
    | ListModels
    | SetModel
    | ResetModel
    | LockModel
    | UnlockModel
    | NewConversation
    | Stop
    | Retry
    | Help
    | Later
)


# ---- the table ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table: how a command is written, and what it does.

    `form` is the grammar, the same after Slack's slash command and after the `/` in a mention; `discord` is the native
    command with its options; `mention` is given where a mention is not written that way.
    """

    form: str
    discord: str
    says: str
    mention: str = ""
    later: bool = False

    @property
    def word(self) -> str:
        return self.form.split()[0]

    def written(self, platform: str, slash: str) -> str:
        """The form on a platform; `slash` is Slack's slash command."""
        return self.discord if platform == "discord" else f"{slash} {self.form}"

    def in_mention(self) -> str:
        return f"@bot {self.mention or '/' + self.form}"


TABLE = (
    Entry(
        "ask PROMPT",
        "/ask prompt: [image:] [model:] [private:]",
        "ask the model of this channel",
        mention="PROMPT",
    ),
    Entry(
        "ask --model ALIAS PROMPT",
        "/ask model:",
        "ask another model, this once",
        mention="--model ALIAS PROMPT",
    ),
    Entry("model", "/model show", "show the model in force, and why"),
    Entry("model list", "/model list", "list the models"),
    Entry(
        "model set ALIAS [SCOPE] [for DURATION]",
        "/model set model: [scope:] [duration:]",
        "set the model (admins)",
    ),
    Entry(
        "model reset [SCOPE]",
        "/model reset [scope:]",
        "go back to the inherited model (admins)",
    ),
    Entry(
        "model lock [SCOPE]",
        "/model lock [scope:]",
        "pin the model for everything below (admins)",
    ),
    Entry("model unlock [SCOPE]", "/model unlock [scope:]", "lift the lock (admins)"),
    Entry(
        "compare A B [C]: PROMPT",
        "/compare prompt: models: [image:]",
        "ask several models at once",
        later=True,
    ),
    Entry("new", "/new", "begin a new conversation"),
    Entry("stop", "/stop", "stop your answer, or your question that waits"),
    Entry(
        "retry [ALIAS]",
        "/retry [model:]",
        "answer the latest question again, in place of its answer",
    ),
    Entry(
        "usage [me|channel|workspace]",
        "/usage",
        "show what was used and what it cost",
        later=True,
    ),
    Entry("forget [me|thread]", "/forget", "delete what is kept", later=True),
    Entry("help [topic]", "/help", "show this help"),
)
WORDS = tuple(dict.fromkeys(entry.word for entry in TABLE))
LATER = frozenset(entry.word for entry in TABLE if entry.later)
_FORMS = {
    " ".join(takewhile(lambda word: word.islower() and word[0] != "[", entry.form.split())): entry
    for entry in TABLE
}


def entry_of(words_: str) -> Entry:
    """The line of a command by its own words, such as `model set`."""
    return _FORMS[words_]


_LONGEST = 20  # characters of an unknown word that are compared


# ---- the two doors --------------------------------------------------------------------------------------------------

Form = Callable[[Entry], str]  # how a command is written at the door where somebody stands
_DASH = "-‐‑‒–—―−"
# `--model`, or what a phone makes of the two hyphens
_OPTION = re.compile(rf"(?:[{_DASH}]{{2,3}}|[‒–—―−])model(?:=(?P<alias>.*))?", re.IGNORECASE)


def parse_slash(text: str, command: str = "/ai") -> Command:
    """The text after Slack's slash command. Without words it asks for help; words that begin with no command are never
    a question. Raises UserError, and nothing else, with the right form."""

    def form(entry: Entry) -> str:
        return entry.written("slack", command)

    if words.blank(text):
        return Help()
    word, rest = words.take(text)
    if plain(word) not in WORDS:
        _unknown(words.strip(text), word, form)
    return _read(plain(word), rest, form)


def parse_mention(text: str, *, accompanied: bool = False) -> Command:
    """The text after a mention: a command where it begins with `/`, else a question. Raises UserError, and nothing
    else, with the right form.

    `accompanied` says that a picture or a quoted message came along, so that a question needs no words.
    """
    text = words.strip(text)
    if unicodedata.normalize("NFKC", text[:1]) == "/":
        word, rest = words.take(text[1:])
        if plain(word) in WORDS:
            return _read(plain(word), rest, Entry.in_mention, accompanied=accompanied)
        if words.blank(text[1:]):
            return Help()
        if (
            plain(word).isalpha() and not text[1].isspace()
        ):  # `/etc/hosts` is no command, `/hepl` meant one
            _unknown(text[1:], word, Entry.in_mention)
    if not (text or accompanied):
        return Help()
    return _question(text, Entry.in_mention, accompanied=accompanied)


# ---- the grammar ----------------------------------------------------------------------------------------------------


def _read(word: str, rest: str, form: Form, *, accompanied: bool = False) -> Command:
    """A command whose first word is known."""
    if word == "ask":
        return _question(words.strip(rest), form, accompanied=accompanied)
    arguments = [argument for argument in words.split(rest) if bare(argument)]
    if word in LATER:
        return Later(word)
    if word == "model":
        return _model(arguments, form)
    if word == "help":
        return Help(plain(" ".join(arguments)).removeprefix("/"))
    if word == "retry":
        if len(arguments) > 1:
            _fault(f"`{shown(arguments[1])}` is too much.", word, form)
        return Retry(bare(arguments[0]) if arguments else None)
    if arguments:
        _fault(f"`{word}` stands alone.", word, form)
    return Stop() if word == "stop" else NewConversation()


def _question(text: str, form: Form, *, accompanied: bool) -> Ask:
    """A prompt, as it was typed, with `--model ALIAS` before it or not."""
    word, rest = words.take(text)
    option = _OPTION.fullmatch(words.seen(word))
    if option is None:
        if not (text or accompanied):
            _fault("There is no question.", "ask", form)
        return Ask(text)
    alias = option["alias"] or ""
    if option["alias"] is None:
        alias, rest = words.take(rest)
    prompt = words.strip(rest)
    if not bare(alias) or not (prompt or accompanied):
        missing = "question" if bare(alias) else "model"
        _fault(f"There is no {missing} after `--model`.", "ask --model", form)
    return Ask(prompt, bare(alias))


def _model(arguments: list[str], form: Form) -> Command:
    verb, *rest = [plain(argument) for argument in arguments] or ["show"]
    if verb in ("show", "list"):
        if rest:
            _fault(
                f"`model {verb}` stands alone.", "model" if verb == "show" else "model list", form
            )
        return ShowModel() if verb == "show" else ListModels()
    if verb == "set":
        return _set(arguments[1:], form)
    changes: dict[str, type[ResetModel | LockModel | UnlockModel]] = {
        "reset": ResetModel,
        "lock": LockModel,
        "unlock": UnlockModel,
    }
    if verb not in changes:
        near = difflib.get_close_matches(verb, [*changes, "set", "list"], 1)
        meant = f" Did you mean `{form(entry_of(f'model {near[0]}'))}`?" if near else ""
        choice = "`list`, `set`, `reset`, `lock` or `unlock`"
        raise UserError(f"After `model` comes nothing, or {choice}; not `{shown(verb)}`.{meant}")
    if not rest:
        return changes[verb]()
    if len(rest) > 1:
        _fault(f"`{shown(rest[1])}` is too much.", f"model {verb}", form)
    return changes[verb](_scope(rest[0], f"model {verb}", form))


def _set(arguments: list[str], form: Form) -> SetModel:
    """ALIAS, then SCOPE and `for DURATION` in any order."""
    if not arguments:
        _fault("Which model?", "model set", form)
    alias, *rest = [bare(argument) for argument in arguments]
    scope: Scope | None = None
    seconds: int | None = None
    rest = [word.casefold() for word in rest]
    while rest:
        word = rest.pop(0)
        if word != "for":
            if scope is not None:
                _fault(f"`{shown(word)}` is too much.", "model set", form)
            scope = _scope(word, "model set", form)
            continue
        if seconds is not None:
            _fault("There are two durations.", "model set", form)
        said = rest.pop(0) if rest else ""
        if said.isdecimal() and rest and rest[0] in _UNITS:
            said += rest.pop(0)
        seconds = duration(said)
    return SetModel(alias, scope or Scope.CHANNEL, seconds)


def duration(text: str) -> int:
    """A whole number and m, h or d, as seconds; raises UserError."""
    right = "Write a whole number and m, h or d, such as `30m`, `2h` or `7d`; at most `90d`."
    found = re.fullmatch(r"([0-9]+) ?([mhd])", plain(text))
    if found is None:
        what = f"`{shown(text)}` is no duration." if plain(text) else "How long?"
        raise UserError(f"{what} {right}")
    number = found[1].lstrip("0")
    if not number:
        raise UserError(f"`{shown(text)}` is no time at all. {right}")
    if len(number) > _MOST_DIGITS or int(number) * _UNITS[found[2]] > MOST_SECONDS:
        raise UserError(f"`{shown(text)}` is too long. {right}")
    return int(number) * _UNITS[found[2]]


def _scope(word: str, command: str, form: Form) -> Scope:
    try:
        return Scope(word)
    except ValueError:
        known = "`thread`, `channel`, `workspace` or, on Discord, `category`"
        return _fault(f"`{shown(word)}` is no scope: that is {known}.", command, form)


def _fault(what: str, command: str, form: Form) -> NoReturn:
    raise UserError(f"{what} The form is `{form(entry_of(command))}`.")


def _unknown(text: str, word: str, form: Form) -> NoReturn:
    """Words that begin with no command: what they may have meant, and how each is written."""
    near = difflib.get_close_matches(plain(word)[:_LONGEST].lstrip("/"), WORDS, 1)
    question = form(entry_of("ask")).replace("PROMPT", shown(text))
    guess = f" Did you mean `{form(entry_of(near[0])).split(' [')[0]}`?" if near else ""
    raise UserError(
        f"`{shown(word)}` is no command.{guess} To ask that, write `{question}`. "
        f"`{form(entry_of('help')).removesuffix(' [topic]')}` lists the commands."
    )
