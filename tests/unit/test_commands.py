"""What people type, as phones and habits make of it, becomes the command that was meant, or a sentence."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    LATER,
    TABLE,
    WORDS,
    Ask,
    Command,
    Entry,
    Help,
    Later,
    ListModels,
    LockModel,
    NewConversation,
    ResetModel,
    Retry,
    SetModel,
    ShowModel,
    Stop,
    UnlockModel,
    parse_mention,
    parse_slash,
)
from bot.errors import UserError
from bot.types import Scope

THREAD, CHANNEL, CATEGORY, WORKSPACE = Scope

GRAMMAR: list[tuple[str, Command]] = [
    ("model", ShowModel()),
    ("model show", ShowModel()),
    ("model list", ListModels()),
    ("model set claude", SetModel("claude", CHANNEL)),
    ("model set claude thread", SetModel("claude", THREAD)),
    ("model set claude category", SetModel("claude", CATEGORY)),
    ("model set claude for 2h", SetModel("claude", CHANNEL, 7_200)),
    ("model set claude workspace for 90d", SetModel("claude", WORKSPACE, 7_776_000)),
    ("model set claude for 30m workspace", SetModel("claude", WORKSPACE, 1_800)),
    ("model reset", ResetModel(CHANNEL)),
    ("model reset workspace", ResetModel(WORKSPACE)),
    ("model lock", LockModel(CHANNEL)),
    ("model lock thread", LockModel(THREAD)),
    ("model unlock category", UnlockModel(CATEGORY)),
    ("new", NewConversation()),
    ("help", Help()),
    ("help model", Help("model")),
    ("help /new", Help("new")),
    ("compare gpt-4o claude: which is best?", Later("compare")),
    ("stop", Stop()),
    ("retry", Retry()),
    ("retry claude", Retry("claude")),
    ("usage me", Later("usage")),
    ("forget thread", Later("forget")),
    ("ask what is 5 < 6?", Ask("what is 5 < 6?")),
    ("ask --model claude what is it?", Ask("what is it?", "claude")),
]


@pytest.mark.parametrize(("text", "command"), GRAMMAR)
def test_both_doors_read_the_same_grammar(text: str, command: Command) -> None:
    assert parse_slash(text) == command
    assert parse_mention(f"/{text}") == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("  MODEL \n  Set\tclaude   Workspace  FOR 2H ", SetModel("claude", WORKSPACE, 7_200)),
        ("model set “gpt–4o” channel", SetModel("gpt-4o", CHANNEL)),
        ("model set 'claude'", SetModel("claude", CHANNEL)),
        ("model set `claude`", SetModel("claude", CHANNEL)),
        ("model set «claude opus» thread", SetModel("claude opus", THREAD)),
        ("model set gpt‑4o for 2 h", SetModel("gpt-4o", CHANNEL, 7_200)),
        ("\u200bmodel\u2060 set\ufeff cl\u00adaude", SetModel("claude", CHANNEL)),
        ("model\u00a0list", ListModels()),
        ("New.", NewConversation()),
        ("help!", Help()),
        ("ｍｏｄｅｌ　ｌｉｓｔ", ListModels()),
        ("Ask —model claude Why?", Ask("Why?", "claude")),
        ("ask –model claude Why?", Ask("Why?", "claude")),
        ("ask ‐‐Model “claude” Why?", Ask("Why?", "claude")),
        ("ask --model=claude Why?", Ask("Why?", "claude")),
        ("ask\n\nTwo\n  lines\n", Ask("Two\n  lines")),
        ("ask “quoted”, said she", Ask("“quoted”, said she")),
    ],
)
def test_what_phones_and_habits_type_is_understood(text: str, command: Command) -> None:
    assert parse_slash(text) == command


def test_a_prompt_is_left_as_it_was_typed() -> None:
    prompt = "“Why”—she  asked\u2014\n\n\t`code`  é\u0301 👩\u200d🚀"
    assert parse_slash(f"ask   {prompt}") == Ask(prompt)
    assert parse_mention(f"{prompt} ") == Ask(prompt)


@pytest.mark.parametrize(
    "prose",
    [
        "please tell me about /model list",
        "model list",
        "new ideas for lunch?",
        "-model railways are fun",
        "what does --model claude do?",
        "/etc/hosts is wrong on my machine",
        "/ or \\ in paths?",
        "— model claude, by Monet",
    ],
)
def test_prose_in_a_mention_is_a_prompt(prose: str) -> None:
    assert parse_mention(prose) == Ask(prose)


@pytest.mark.parametrize("text", ["", "   ", "\n\u200b\u2060 ", "/", "/ "])
def test_a_mention_with_nothing_in_it_asks_for_help(text: str) -> None:
    assert parse_mention(text) == Help()


def test_a_mention_may_ask_once_for_another_model() -> None:
    assert parse_mention("--model claude Why?") == Ask("Why?", "claude")
    assert parse_mention("—model claude Why?") == Ask("Why?", "claude")


def test_a_picture_or_a_quoted_message_needs_no_words() -> None:
    assert parse_mention("", accompanied=True) == Ask("")
    assert parse_mention("--model claude", accompanied=True) == Ask("", "claude")
    assert parse_mention("/ask", accompanied=True) == Ask("")
    assert parse_mention("/new", accompanied=True) == NewConversation()


@pytest.mark.parametrize("text", ["", "  ", "\u200b"])
def test_the_slash_command_alone_asks_for_help(text: str) -> None:
    assert parse_slash(text) == Help()


def refusal(text: str, command: str = "/ai") -> str:
    with pytest.raises(UserError) as caught:
        parse_slash(text, command)
    return caught.value.sentence


def test_slash_text_that_begins_with_no_command_is_never_a_question() -> None:
    assert refusal("what is 5+5?", "/bot") == (
        "`what` is no command. To ask that, write `/bot ask what is 5+5?`. "
        "`/bot help` lists the commands."
    )
    assert "Did you mean `/ai model`?" in refusal("modle list")
    assert "Did you mean `/ai model`?" in refusal("/model list")


def test_a_mistyped_command_in_a_mention_is_never_a_question() -> None:
    with pytest.raises(UserError, match="Did you mean `@bot /model`") as caught:
        parse_mention("/modle set claude")
    assert "write `@bot modle set claude`" in caught.value.sentence
    with pytest.raises(UserError, match="is no command"):
        parse_mention("/привет")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ask", "The form is `/ai ask PROMPT`."),
        ("ask --model", "The form is `/ai ask --model ALIAS PROMPT`."),
        ("ask --model claude", "no question after `--model`"),
        ("model set", "The form is `/ai model set ALIAS [SCOPE] [for DURATION]`."),
        ("model set claude everywhere", "`everywhere` is no scope"),
        ("model set claude thread channel", "`channel` is too much."),
        ("model set claude for 1h for 2h", "two durations"),
        ("model reset now", "The form is `/ai model reset [SCOPE]`."),
        ("model lock thread please", "`please` is too much. The form is `/ai model lock [SCOPE]`."),
        ("model list all", "The form is `/ai model list`."),
        ("model show it", "The form is `/ai model`."),
        ("model lok", "Did you mean `/ai model lock [SCOPE]`?"),
        ("model claude", "not `claude`"),
        ("new please", "The form is `/ai new`."),
        ("model set claude for", "How long? Write a whole number and m, h or d"),
        ("model set claude for ever", "`ever` is no duration."),
        ("model set claude for 1.5h", "`1.5h` is no duration."),
        ("model set claude for -2h", "`-2h` is no duration."),
        ("model set claude for 2w", "`2w` is no duration."),
        ("model set claude for 2", "`2` is no duration."),
        ("model set claude for 0h", "`0h` is no time at all."),
        ("model set claude for 91d", "`91d` is too long."),
        ("model set claude for 129601m", "`129601m` is too long."),
        (f"model set claude for {'9' * 5000}d", "is too long."),
    ],
)
def test_a_fault_names_the_right_form(text: str, part: str) -> None:
    assert part in refusal(text)


def test_a_fault_in_a_mention_names_the_form_of_a_mention() -> None:
    with pytest.raises(UserError, match=r"The form is `@bot /model set ALIAS"):
        parse_mention("/model set")
    with pytest.raises(UserError, match="The form is `@bot --model ALIAS PROMPT`"):
        parse_mention("--model claude")


def test_a_sentence_repeats_little_of_what_was_typed_and_none_of_its_marks() -> None:
    sentence = refusal("`**evil**`\n" + "x" * 40_000)
    assert len(sentence) < 400
    assert "**" not in sentence
    assert sentence.count("`") % 2 == 0


HEADS = st.sampled_from(
    ["", "/", "／", "--model ", "—model=", "ask ", "model set ", "MODEL ", "model set a for ", "“"]
    + [f"{word} " for word in WORDS]
    + [f"/{word} " for word in WORDS]
)
TYPED = st.builds(
    "".join,
    st.lists(HEADS | st.text(max_size=12) | st.sampled_from([" ", "\u200b", "\n", "2h", '"', "."])),
)


def outcome(read: Callable[[str], Command], text: str) -> Command | str:
    try:
        return read(text)
    except UserError as error:
        return error.sentence


@given(TYPED)
def test_whatever_is_typed_becomes_a_command_or_a_sentence(text: str) -> None:
    for read in (parse_slash, parse_mention):
        command = outcome(read, text)
        assert command != ""
        assert "\n" not in str(command) or isinstance(command, Ask)
        if isinstance(command, SetModel):
            assert command.alias
            assert command.duration_s is None or 60 <= command.duration_s <= 7_776_000
        if isinstance(command, Ask):
            assert command.prompt.strip()
            assert text.rstrip().endswith(command.prompt)


@given(TYPED)
def test_a_slash_command_reads_the_same_as_a_mention(text: str) -> None:
    command = outcome(parse_slash, text)
    if not isinstance(command, str | Ask):
        assert parse_mention(f"/{text.strip() or 'help'}") == command


@given(st.text())
def test_slash_text_asks_only_where_it_says_so(text: str) -> None:
    command = outcome(parse_slash, text)
    assert not isinstance(command, Ask) or text.strip()[:3].casefold() == "ask"


def filled(form: str) -> str:
    """A form with examples in the place of its names."""
    examples = {"ALIAS": "claude", "PROMPT": "why?", "SCOPE": "thread", "DURATION": "2h"}
    for name, example in examples.items():
        form = form.replace(name, example)
    return form.replace("[", "").replace("]", "")


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.form)
def test_every_line_of_the_table_is_read_as_it_is_written(entry: Entry) -> None:
    command = parse_slash(filled(entry.form))
    assert (command == Later(entry.word)) is entry.later
    assert (entry.word in LATER) is entry.later
    assert parse_mention(filled(entry.in_mention()).removeprefix("@bot ")) == command
