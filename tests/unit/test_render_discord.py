"""What Discord is given for what a model wrote."""

import re
from itertools import product

import pytest

from adapters.discord.render import _LIVE, _READING, LIMIT, escape, render

JOINER = "\u2060"


def shown(text: str) -> str:
    (message,) = render(text, final=True)
    return message


@pytest.mark.parametrize(
    "text",
    [
        "Hello, world",
        "2 * 3 * 4 = 24, a_b_c, a < b & c > d, a | b, &lt;",
        "two spaces  \nat a line's end ",
        "日本語の**太字**です。",
        "* one\n  * two\n\n\n3) three",
        "#### deep\n\n---\n\n- [x] done",
        "`<@123> @everyone ||x||`",
        "```py\n@everyone <@123> https://a.example\n```",
        "~~~~md\ntext\n~~~~",
    ],
)
def test_what_discord_reads_as_markdown_does_is_sent_as_typed(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<@123> <@&1> <#2>", f"<{JOINER}@123> <{JOINER}@&1> <{JOINER}#2>"),
        ("@everyone and @here", f"@{JOINER}everyone and @{JOINER}here"),
        (
            "<t:1> <:a:1> <a:b:2> </ask:3>",
            f"<{JOINER}t:1> <{JOINER}:a:1> <{JOINER}a:b:2> <{JOINER}/ask:3>",
        ),
        ("||secret||", "\\|\\|secret\\|\\|"),
        ("-# small\n> -# small", "\\-# small\n> \\-# small"),
        (">>> all of it", "\\>>> all of it"),
        ("a ` b\n\nc ` <@1>", f"a \\` b\n\nc \\` <{JOINER}@1>"),
        ("    <@1> *x*", f"    \\<{JOINER}@1\\> \\*x\\*"),
        ("~~~\n-# x\n<@1>\n~~~", f"~~~\n\\-# x\n<{JOINER}@1>\n~~~"),
        ("```\na ``` <@1>\n```", f"```\na `{JOINER}`{JOINER}` <@1>\n```"),
        ("[a](https://b.example/c)", "[a](<https://b.example/c>) (b.example)"),
        ("![a](https://b.example/c)", "a <https://b.example/c>"),
        ("![](https://b.example/c)", "<https://b.example/c>"),
        ("see https://b.example/c_(d).", "see <https://b.example/c_(d)>."),
        ("<https://b.example>", "<https://b.example>"),
        ("https://b.example/@here", "<https://b.example/%40here>"),
        ("https://u:p@b.example/c", "<https://b.example/c>"),
        ("[x](javascript:y)", f"[x]{JOINER}(javascript:y)"),
        ("[b.example](https://c.example)", "[b.example](<https://c.example>) (c.example)"),
        ("discord://-/x discord.gg/x", f"discord:{JOINER}//-/x discord.gg{JOINER}/x"),
    ],
)
def test_what_markdown_did_not_mean_does_nothing(text: str, message: str) -> None:
    assert shown(text) == message


def test_a_narrow_table_lines_up_and_a_wide_one_becomes_a_list() -> None:
    assert shown("| Name | n |\n|:--|--:|\n| 日本 | 1 |\n| `a` **b** | 22 |") == (
        "```\nName |  n\n-----+---\n日本 |  1\na b  | 22\n```"
    )
    wide = "| key | value |\n|---|---|\n| a | " + "word " * 12 + "|\n| b | [c](https://d.example) |"
    assert shown(wide) == (
        "key: a\nvalue: " + ("word " * 12).strip() + "\n\nkey: b\n"
        "value: [c](<https://d.example>) (d.example)"
    )


def test_a_long_table_repeats_its_header_in_every_message() -> None:
    rows = "".join(f"| row {n} | {n} |\n" for n in range(40))
    parts = render(f"| name | n |\n|---|---|\n{rows}", final=True, limit=200)
    assert len(parts) > 2
    for part in parts:
        assert part.startswith("```\nname ")
        assert part.rstrip().endswith("\n```")
    assert sum(part.count("row ") for part in parts) == 40


def test_a_fence_is_closed_and_opened_again_with_its_language() -> None:
    code = "".join(f"line_{n} = {n}\n" for n in range(300))
    parts = render(f"Look:\n\n```python\n{code}```\nDone.", final=True)
    assert len(parts) > 1
    assert all(len(part) <= LIMIT for part in parts)
    assert all(part.startswith("```python\n") for part in parts[1:])
    assert all(part.rstrip().endswith("\n```") for part in parts[:-1])
    joined = "".join(parts).replace("```python\n", "").replace("```\n", "")
    assert joined == f"Look:\n\n{code}Done."


def test_a_message_ends_before_a_heading_rather_than_anywhere_else() -> None:
    text = "Words. " * 150 + "\n\n## Next\n\n" + "More words. " * 100
    first, second = render(text, final=True)
    assert first == "Words. " * 150 + "\n\n"
    assert second.startswith("## Next")


def test_list_items_keep_their_numbers_and_quotes_their_marks() -> None:
    items = "".join(f"{n}. item number {n}\n" for n in range(1, 60))
    parts = render(items, final=True, limit=300)
    assert "".join(parts) == items
    assert all(part[0].isdigit() for part in parts)
    quote = render("> " + "said and done. " * 60, final=True, limit=300)
    assert all(part.startswith("> ") for part in quote)


def test_foreign_words_are_inert_in_our_own_notices() -> None:
    assert escape("gpt-4o by jane_doe (x)") == "gpt-4o by jane_doe (x)"
    assert escape("**a** ||b||\n-# c") == "\\*\\*a\\*\\* \\|\\|b\\|\\| \\-\\# c"
    assert escape("<@1> @everyone") == f"\\<{JOINER}@1\\> @{JOINER}everyone"
    assert escape("[a](https://b.example)") == "\\[a\\](https\\://b.example)"


ACTS = (
    *(
        "https://a.b/c",
        "HTTP://a",
        "http\u017f://a",
        "foo+bar://a",
        "Foo://a",
        "\u212aoo://a",
        f"a{'b' * 30}://c",
    ),
    *("<@1>", "<t:1>", "<", "<a:b:2>", "<id:home>", "@everyone", "@here", "]("),
    *(
        "discord.gg/a",
        "DISCORDapp.com/invite/a",
        "||",
        "`a`",
        "```\na```",
        "\\\u00e9",
        "\\*",
        "<https://a>",
    ),
    *("-# a", "> -# a", ">>> a"),
)
BEFORE = (
    "",
    " ",
    "\n",
    "\n ",
    "a",
    "a ",
    "1",
    "-",
    "a-",
    "_",
    "\u00e9",
    "@",
    "<",
    ">",
    "h",
    "d",
    "|",
    "`",
    "\\",
)


def test_the_shortcut_of_a_pattern_misses_nothing() -> None:
    for pattern in (_LIVE, _READING):
        _, _, whole = pattern.pattern.partition("\n")
        slow = re.compile(whole, pattern.flags)
        for before, acts, after in product(BEFORE, ACTS, ("", *ACTS)):
            text = before + acts + after
            found = [match.span() for match in pattern.finditer(text)]
            assert found == [match.span() for match in slow.finditer(text)], text
