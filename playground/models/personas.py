"""A model id becomes a manner of speaking, so that a reader notices a switch of models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Persona:
    """How one family of scripted models talks. `openings` and `closings` take turns by the prompt."""

    name: str
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    bullet: str = "-"
    terse: bool = False


_GPT4O = Persona(
    "the scripted stand-in for GPT-4o",
    ("Happy to help! ", "Sure thing. ", "Good question. "),
    (
        "Want me to go deeper into any part of this?",
        "Tell me if you would like that shorter, longer, or as a table.",
        "Ask me anything else, I keep the whole thread in mind.",
    ),
)
_CLAUDE = Persona(
    "the scripted stand-in for Claude",
    ("Let me think about that with you. ", "I'd put it this way. ", "Thanks for asking. "),
    (
        "There may well be a better angle; push back if this one feels wrong.",
        "I may have misread you, so do correct me.",
    ),
    bullet="*",
)
_GEMINI = Persona(
    "the scripted stand-in for Gemini",
    ("Here is a breakdown. ", "Three quick points. ", "In short: "),
    ("**Next step:** pick one point and ask me about it.",),
    bullet="1.",
)
_GROK = Persona(
    "the scripted stand-in for Grok",
    ("Alright, no beating about the bush. ", "Straight answer: "),
    ("That's the gist. Fire away if you want more.",),
)
_MISTRAL = Persona(
    "the scripted stand-in for Mistral",
    ("Bien sûr. ", "With pleasure. "),
    ("Voilà. Ask for more detail at any time.",),
)
_DEEPSEEK = Persona(
    "the scripted stand-in for DeepSeek",
    ("Step by step. ", "First, the essentials. "),
    ("Every step above can be expanded.",),
    bullet="1.",
)
_SMALL = Persona(
    "a small scripted model",
    ("Quick answer: ", "Briefly: "),
    ("(A small model keeps it short.)",),
    terse=True,
)
_OTHER = Persona("a scripted local model", ("Sure. ", "Of course. "), ("Anything else I can try?",))

_BY_FRAGMENT = (  # the first that occurs in the id decides
    ("mini", _SMALL),
    ("nano", _SMALL),
    ("lite", _SMALL),
    ("haiku", _SMALL),
    ("claude", _CLAUDE),
    ("gemini", _GEMINI),
    ("grok", _GROK),
    ("mistral", _MISTRAL),
    ("deepseek", _DEEPSEEK),
    ("gpt-oss", _OTHER),
    ("gpt", _GPT4O),
)


def persona(model: str) -> Persona:
    return next((who for fragment, who in _BY_FRAGMENT if fragment in model.lower()), _OTHER)
