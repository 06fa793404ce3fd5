"""A chat request becomes a friendly scripted answer: the default when no test has scripted anything."""

from __future__ import annotations

import ast
import asyncio
import operator
import re
from collections.abc import Callable
from zlib import crc32

from playground.models.personas import Persona, persona
from playground.models.requests import ChatRequest
from playground.models.samples import CODE, HEADINGS, LANGUAGES, SENTENCES
from playground.models.scripts import Answer, Say
from playground.models.sketch import describe

MOST_WORDS = 6_000  # of a long text; about three times what one message of Slack holds
QUOTE = 300  # characters of a message that are quoted
# Notes of a chat service stand in such brackets; quoted messages end with one.
_NOTE = re.compile(r"⟦[^⟧]*⟧|\[[^\]\n]{1,60}\]:?")
_QUOTES_END = "⟦End of the quoted messages.⟧"
_STOP_WORDS = """
a an and are as at be but by can could did do does for from give had has have how i if in is it just know like
make may me my need no not of on one or our please say show so some tell than that the their them then there
these they this to us was we were what when where which who why will with would write you your explain about
let get want think out up help using use bot ask see here words word characters paragraphs pages essay story
article long text short picture image
"""
_STOP = frozenset(_STOP_WORDS.split())


class Voice:
    """The demo's model. It understands a handful of wishes, and says so when it does not."""

    async def answer(self, request: ChatRequest, *, pace: float) -> Answer:
        text = await asyncio.to_thread(compose, request)
        return Answer(steps=[Say(piece) for piece in chunks(text)], pace=pace)


def chunks(text: str) -> list[str]:
    """Pieces about as long as a model's tokens: words with the space behind them, long words in two."""
    return re.findall(r"\s*\S{1,9}\s?", text) or [text]


def compose(request: ChatRequest) -> str:
    """The whole answer to a request, the same for the same request."""
    who = persona(request.model)
    prompt = _question(request.prompt)
    seed = crc32(f"{request.model}\0{prompt}\0{len(request.said)}".encode())
    pictures = next((m.pictures for m in reversed(request.said) if m.role == "user"), ())
    if pictures:
        return _about_pictures(request, who, prompt, seed)
    if quoted := _quoted_to_us(request.prompt):
        return _about_quotes(_Talk(request, who, prompt, seed), quoted)
    for pattern, reply in _INTENTS:
        if match := pattern.search(prompt):
            return reply(_Talk(request, who, prompt, seed), match)
    return _by_default(_Talk(request, who, prompt, seed))


class _Talk:
    """What one reply is made from."""

    def __init__(self, request: ChatRequest, who: Persona, prompt: str, seed: int) -> None:
        self.request, self.who, self.prompt, self.seed = request, who, prompt, seed
        self.earlier = [_question(m.text) for m in request.said if m.role == "user"][:-1]

    @property
    def opening(self) -> str:
        return self.who.openings[self.seed % len(self.who.openings)]

    @property
    def closing(self) -> str:
        return self.who.closings[self.seed // 7 % len(self.who.closings)]

    @property
    def topic(self) -> str:
        words = _keywords(self.prompt)
        return " ".join(words[:3]) or "this"


def _question(text: str) -> str:
    """What the person wrote, without the notes that a bot may have put around it."""
    own = text.rpartition(_QUOTES_END)[2]
    lines = [line for line in own.splitlines() if not _NOTE.fullmatch(line.strip())]
    return "\n".join(lines).strip()


def _quoted_to_us(text: str) -> str:
    """The messages that the bot quoted for the person, without the notes around them."""
    quoted = text.rpartition(_QUOTES_END)[0]
    lines = [line.removeprefix("> ") for line in quoted.splitlines() if line.startswith(">")]
    return "\n".join(lines).strip()


def _keywords(text: str) -> list[str]:
    words = re.findall(r"[^\W\d_][\w'-]*", text)
    seen = dict.fromkeys(w for w in words if w.casefold() not in _STOP and len(w) > 2)
    return list(seen)


def _quoted(text: str) -> str:
    """A message as a Markdown quote, cut where it is long."""
    short = text if len(text) <= QUOTE else text[:QUOTE].rstrip() + " …"
    return "\n".join("> " + line for line in short.splitlines())


# ---- replies ---------------------------------------------------------------------------------------------------------


def _about_pictures(request: ChatRequest, who: Persona, prompt: str, seed: int) -> str:
    last = next(m for m in reversed(request.said) if m.role == "user")
    shown = [describe(picture) for picture in last.pictures]
    opening = who.openings[seed % len(who.openings)]
    number = "one image" if len(shown) == 1 else f"{len(shown)} images"
    lines = [f"{opening}You showed me **{number}**:", ""]
    lines += [f"{n}. {sentence}" for n, sentence in enumerate(shown, 1)]
    if prompt:
        lines += ["", "And you asked:", _quoted(prompt)]
    lines += [
        "",
        "I am a scripted model: I measure pixels and colours, but I do not recognise what a picture shows. "
        "A real model behind the same bot would.",
    ]
    return "\n".join(lines)


def _about_quotes(talk: _Talk, quoted: str) -> str:
    words = (
        ", ".join(f"**{word}**" for word in _keywords(quoted)[:4]) or "nothing that I could name"
    )
    return (
        f"{talk.opening}You asked: *{talk.prompt or 'nothing in words'}* And this is what you pointed me to:\n\n"
        f"{_quoted(quoted)}\n\nIts main words are {words}. {talk.closing}"
    )


def _first(talk: _Talk, _: re.Match[str]) -> str:
    if not talk.earlier:
        return f"{talk.opening}This *is* the first thing you have said to me in this conversation."
    return f"{talk.opening}The first thing you said in this conversation was:\n\n{_quoted(talk.earlier[0])}"


def _last(talk: _Talk, _: re.Match[str]) -> str:
    if not talk.earlier:
        return f"{talk.opening}There is nothing before this message in our conversation."
    return f"{talk.opening}Just before this you said:\n\n{_quoted(talk.earlier[-1])}"


def _recall(talk: _Talk, match: re.Match[str]) -> str:
    wanted = match["thing"].casefold().strip()
    told = re.compile(rf"\bmy {re.escape(wanted)}\s+(?:is|are|was)\s+([^.!?\n]+)", re.IGNORECASE)
    for said in reversed(talk.earlier):
        if found := told.search(said):
            return f"{talk.opening}Your {wanted} is **{found[1].strip()}**. You told me so:\n\n{_quoted(said)}"
    return (
        f"{talk.opening}You have not told me your {wanted} in this conversation. "
        f'Say "my {wanted} is …" and ask me again; I only know what is in this thread.'
    )


def _noted(talk: _Talk, match: re.Match[str]) -> str:
    return (
        f"{talk.opening}Noted: your {match['thing'].strip()} is **{match['value'].strip()}**. "
        f"Ask me for it later in this conversation and I will know."
    )


def _memory(talk: _Talk, _: re.Match[str]) -> str:
    if not talk.earlier:
        return f"{talk.opening}Nothing yet: this is your first message in this conversation."
    lines = "\n".join(f"{n}. {_one_line(text)}" for n, text in enumerate(talk.earlier, 1))
    return f"{talk.opening}Of this conversation I was sent {_earlier(talk)} of yours:\n\n{lines}"


def _earlier(talk: _Talk) -> str:
    count = len(talk.earlier)
    return f"{count} earlier message{'s' if count > 1 else ''}"


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else flat[:90].rstrip() + " …"


def _who(talk: _Talk, _: re.Match[str]) -> str:
    sees = "see images" if talk.request.family.sees else "take text only"
    return (
        f"I answer under the model id `{talk.request.model}`, but I am **{talk.who.name}**: a small program that "
        f"plays a model, so that you can try everything without a key or a network.\n\n"
        f"{talk.who.bullet} I {sees}\n"
        f"{talk.who.bullet} My window holds {talk.request.family.context:,} tokens\n"
        f"{talk.who.bullet} You sent {len(talk.request.said)} messages, about {talk.request.tokens:,} tokens"
    )


def _code(talk: _Talk, _: re.Match[str]) -> str:
    words = [word.casefold() for word in re.findall(r"[\w+#]+", talk.prompt)]
    key = next((LANGUAGES[word] for word in words if word in LANGUAGES), "python")
    fence, code = CODE[key]
    return (
        f"{talk.opening}Here is something to start from:\n\n```{fence}\n{code}\n```\n\n"
        f"It is a sample that I keep for **{key}**, not written for your question. {talk.closing}"
    )


def _table(talk: _Talk, _: re.Match[str]) -> str:
    words = _keywords(talk.prompt)
    topics = [w for w in words if w.casefold() not in ("table", "compare", "comparison")][:4]
    topics = topics or ["Plan A", "Plan B", "Plan C"]
    marks = ("low", "medium", "high")
    rows = [
        f"| **{topic}** | {marks[(talk.seed + n) % 3]} | {marks[(talk.seed // 3 + n) % 3]} "
        f"| {'★' * (1 + (talk.seed + 2 * n) % 5)} |"
        for n, topic in enumerate(topics)
    ]
    head = ["| | Effort | Risk | Rating |", "|---|---|---|---|"]
    table = "\n".join(head + rows)
    return f"{talk.opening}As a table:\n\n{table}\n\nThe figures are invented, the table is real. {talk.closing}"


def _long(talk: _Talk, match: re.Match[str]) -> str:
    number = re.search(r"\b(\d[\d,.]{0,6})\s*(words?|characters?|paragraphs?|pages?)", talk.prompt)
    words = 600
    if number:
        amount = int(re.sub(r"\D", "", number[1]) or 0)
        each = {"w": 1.0, "c": 1 / 6, "p": 80.0}[number[2][0]]
        words = int(amount * (400 if number[2].startswith("page") else each))
    return _essay(talk, max(40, min(words, MOST_WORDS)))


def _essay(talk: _Talk, words: int) -> str:
    parts = [f"# {talk.topic.capitalize()}"]
    written, n = 0, talk.seed % 97
    while written < words:
        section = len(parts)
        sentences: list[str] = []
        while written < words and len(sentences) < 5:
            n += 5
            sentence = SENTENCES[n % len(SENTENCES)].format(topic=talk.topic)
            sentences.append(sentence)
            written += len(sentence.split())
        heading = HEADINGS[(section - 1) % len(HEADINGS)]
        parts.append(f"## {section}. {heading}\n\n{' '.join(sentences)}")
        n += 1
    parts.append(f"*{written} words by {talk.who.name}.*")
    return "\n\n".join(parts)


def _count_to(talk: _Talk, match: re.Match[str]) -> str:
    top = min(int(match[1]), 2_000)
    return f"{talk.opening}Here we go: " + ", ".join(str(n) for n in range(1, top + 1)) + "."


def _steps(talk: _Talk, _: re.Match[str]) -> str:
    topic = talk.topic
    items = (
        f"**Write down** what a good outcome for {topic} looks like, in one sentence.",
        "**Look** at what is there already; half of it usually exists.",
        "**Try** the smallest version with one real person.",
        "**Keep** what worked, and delete the rest without regret.",
    )
    listed = "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))
    return f"{talk.opening}A short plan for *{topic}*:\n\n{listed}\n\n{talk.closing}"


def _greeting(talk: _Talk, _: re.Match[str]) -> str:
    return (
        f"Hello! I am {talk.who.name}. Try one of these:\n\n"
        f"- *show me some Python code*\n- *compare tea, coffee and water in a table*\n"
        f"- *write 900 words about lighthouses*\n- *my favourite colour is teal*, and later "
        f"*what is my favourite colour?*\n- send me a picture"
    )


def _thanks(talk: _Talk, _: re.Match[str]) -> str:
    return "You're welcome! " + talk.closing


_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _sum(talk: _Talk, match: re.Match[str]) -> str:
    expression = match[1].strip().replace("×", "*").replace("÷", "/").replace("x", "*")
    try:
        value = _evaluate(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return _by_default(talk)
    shown = f"{value:,.6f}".rstrip("0").rstrip(".")
    return f"{talk.opening}`{match[1].strip()}` is **{shown}**. That one I really calculated."


def _evaluate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left), _evaluate(right))
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand)
        case _:
            raise ValueError("not a sum")


def _by_default(talk: _Talk) -> str:
    if not talk.prompt:
        return f"{talk.opening}Your message reached me without any text."
    words = _keywords(talk.prompt)
    if talk.who.terse:
        return f"{talk.opening}you asked about **{talk.topic}**.\n\n{_quoted(talk.prompt)}\n\n{talk.closing}"
    lines = [f"{talk.opening}This is what reached me:", "", _quoted(talk.prompt), ""]
    if words:
        lines += ["What I take from it:", ""]
        notes = ("the heart of it", "the part to get right first", "easy to forget")
        lines += [
            f"{talk.who.bullet} **{word}**: {note}"
            for word, note in zip(words, notes, strict=False)
        ]
        lines.append("")
    advice = SENTENCES[talk.seed % len(SENTENCES)].format(topic=talk.topic)
    lines += [advice, ""]
    if talk.earlier:
        lines += [
            f"(I have {_earlier(talk)} of this conversation in mind.)",
            "",
        ]
    lines.append(f"*I am {talk.who.name}, a script without opinions.* {talk.closing}")
    return "\n".join(lines)


Reply = Callable[[_Talk, re.Match[str]], str]


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_INTENTS: tuple[tuple[re.Pattern[str], Reply], ...] = (
    (
        _pattern(
            r"\b(what|which)\b.{0,40}\bfirst\b.{0,30}\b(say|said|ask|asked|message|question|write|wrote)\b"
        ),
        _first,
    ),
    (
        _pattern(
            r"\b(what|which)\b.{0,20}\b(say|said|ask|asked|message|question)\b.{0,20}\bfirst\b"
        ),
        _first,
    ),
    (_pattern(r"\bfirst (message|question)\b"), _first),
    (_pattern(r"\b(what did i (just )?(say|ask)|last (message|question)|before this)\b"), _last),
    (_pattern(r"\bwhat(?:'s| is| are| was) my (?P<thing>[\w -]{2,40}?)\s*\??$"), _recall),
    (_pattern(r"\b(?:what do you|do you|can you) (remember|recall|know about (me|us))\b"), _memory),
    (_pattern(r"\bmy (?P<thing>[\w -]{2,40}?) (?:is|are) (?P<value>[^.!?\n]{1,80})"), _noted),
    (
        _pattern(
            r"\b(who|what) are you\b|\bwhich model\b|\bwhat model\b|\bare you (real|gpt|claude|an? )"
        ),
        _who,
    ),
    (
        _pattern(
            r"(?:what(?:'s| is)|calculate|compute|how much is)\s+"
            r"((?:[-(]*\d[\d.]*\s*[)]*\s*[-+*/x×÷]\s*)+[-(]*\d[\d.]*[) ]*)"
        ),
        _sum,
    ),
    (_pattern(r"\bcount (?:up )?to (\d{1,5})\b"), _count_to),
    (_pattern(r"\b(table|compare|comparison|versus|vs\.?)\b"), _table),
    (
        _pattern(r"\b(code|function|script|snippet|program|python|javascript|sql|regex|bash)\b"),
        _code,
    ),
    (
        _pattern(r"\b(long|essay|story|article|\d+\s*(words?|characters?|paragraphs?|pages?))\b"),
        _long,
    ),
    (_pattern(r"\b(steps?|plan|checklist|how (do|to|can|should))\b"), _steps),
    (
        _pattern(r"^\W*(hi|hello|hey|good (morning|evening|afternoon)|moin|help)\b.{0,30}$"),
        _greeting,
    ),
    (_pattern(r"^\W*(thanks?|thank you|thx|cheers)\b"), _thanks),
)
