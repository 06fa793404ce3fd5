"""What Slack is given for what a model wrote."""

import pytest

from adapters.slack.render import LIMIT, escape, fallback, render

JOINER = "\u2060"


def shown(text: str) -> str:
    (message,) = render(text, final=True)
    return message


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\x00\u0085", "\ud83d"])
def test_nothing_to_see_is_no_message(text: str) -> None:
    assert render(text, final=True) == []
    assert render(text, final=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "Hello, world",
        "2 * 3 * 4 = 24, a_b_c, __init__",
        "two spaces  \nat a line's end ",
        "日本語の**太字**です。",
        "* one\n* two\n\n\n3) three\n+ four",
        "# Title #\n\nText\n====\n***\n- [x] done",
        "> quote\nlazy\n> > deeper",
        "> ",
        "`code` and ``a`b`` and **bold *both***",
    ],
)
def test_a_models_own_spelling_is_kept(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<!channel>", f"&lt;{JOINER}!channel&gt;"),
        ("<@U123> <#C1|x>", f"&lt;{JOINER}@U123&gt; &lt;{JOINER}#C1|x&gt;"),
        ("&lt;!here&gt;", f"&amp;lt;{JOINER}!here&amp;gt;"),
        ("<&#33;here>", f"&lt;{JOINER}&amp;#33;here&gt;"),
        ("\\<!here>", f"&lt;{JOINER}!here&gt;"),
        ("<\\!here>", f"&lt;{JOINER}\\!here&gt;"),
        ("<**!here**>", f"&lt;{JOINER}**!here**&gt;"),
        ("[<](https://a.example)!here>", None),
        ("# <!here>", f"# &lt;{JOINER}!here&gt;"),
        ("|<!here>|\n|-|\n|<@U1>|", f"|&lt;{JOINER}!here&gt;|\n|-|\n|&lt;{JOINER}@U1&gt;|"),
        ("<https://evil.example|https://good.example>", None),
        ("`a < b && <!doctype html>`", "`a < b && <!doctype html>`"),
        ("`<!channel>`", f"`<{JOINER}!channel>`"),
        ("```html\n<b>&amp;\n<@U123>\n```", f"```html\n<b>&amp;\n<{JOINER}@U123>\n```"),
        ("a\u202eb `\u202e`", "ab `\u202e`"),
    ],
)
def test_control_syntax_is_shown_and_does_nothing(text: str, message: str | None) -> None:
    drawn = shown(text)
    assert message is None or drawn == message
    assert "<!" not in drawn.replace("<!doctype", "")
    assert "&lt;!" not in drawn
    assert "<https" not in drawn


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[docs](https://a.example/b)", "[docs](https://a.example/b) (a.example)"),
        ("[a.example](https://a.example/b)", "[a.example](https://a.example/b)"),
        (
            "[good.example](https://evil.example)",
            "[good.example](https://evil.example) (evil.example)",
        ),
        (
            "![cat](https://a.example/c.png?d=1&e)",
            "[cat](https://a.example/c.png?d=1&e) (a.example)",
        ),
        ("![](https://a.example/c)", "[https://a.example/c](https://a.example/c)"),
        ("<https://a.example>", "[https://a.example](https://a.example)"),
        ("see https://a.example/b_c?d=1&e.", "see https://a.example/b_c?d=1&e."),
        ("[x](https://a.example/?a&num=1)", "[x](https://a.example/?a&num=1) (a.example)"),
        (
            "[x](https://a.example/?&lt;!here&gt;)",
            "[x](https://a.example/?%3C!here%3E) (a.example)",
        ),
        ("https://a.example/?&lt;!here&gt;", f"https:{JOINER}//a.example/?&amp;lt;!here&amp;gt;"),
        ("https://a.example/?&amp;a&#60;b", "https://a.example/?&amp;amp;a&amp;#60;b"),
        ("https://u:p@a.example/b", "[https://a.example/b](https://a.example/b)"),
        ("[x](javascript:alert(1))", f"[x]{JOINER}(javascript:alert(1))"),
        ("[x](/there)", f"[x]{JOINER}(/there)"),
        ("![x](data:image/png;base64,AA)", f"!{JOINER}[x]{JOINER}(data:image/png;base64,AA)"),
        ("[a][b]\n\n[b]: javascript:x", f"[a][b]\n\n[b]{JOINER}: javascript:x"),
        ("\\![a](https://b.example)", f"\\!{JOINER}[a](https://b.example) (b.example)"),
        ("slack://open", f"slack:{JOINER}//open"),
    ],
)
def test_every_link_is_a_checked_one(text: str, message: str) -> None:
    assert shown(text) == message


def test_a_second_table_begins_a_new_message_and_a_long_one_repeats_its_header() -> None:
    table = "| name | n |\n|---|--:|\n" + "".join(f"| row {n} | {n} |\n" for n in range(20))
    assert len(render(f"{table}\nand\n\n{table}", final=True)) == 2
    parts = render(table, final=True, limit=150)
    assert all(part.startswith("| name | n |\n|---|--:|\n| row") for part in parts)
    assert "".join(part.split("\n", 2)[2] for part in parts) == table.split("\n", 2)[2]


def test_a_message_that_starts_deep_in_a_list_is_not_read_as_code() -> None:
    text = "10. first\n    ```py\n" + "    x = 1\n" * 30 + "    ```\n    - inner <b>\n    - inner\n"
    second = render(text, final=True, limit=200)[1]
    assert second.startswith("```py\nx = 1\n")
    assert second.endswith("\nx = 1\n```\n- inner &lt;b&gt;\n- inner\n")


def test_a_mark_without_its_pair_is_closed_and_half_a_link_waits_while_a_text_grows() -> None:
    assert render("some **bol", final=False) == ["some **bol**"]
    assert render("some `cod", final=False) == ["some `cod`"]
    assert render("2*3 and 4", final=False) == ["2*3 and 4"]
    assert render("see [docs](https://a.exa", final=False) == ["see"]
    assert render("mail <!chan", final=False) == ["mail"]
    assert render("a &am", final=False) == ["a"]
    assert render("text\n| a | b |\n|--", final=False) == ["text"]
    assert render("|a|b|\n|-|-|\n|1|2|\n|3|", final=False) == ["|a|b|\n|-|-|\n|1|2|"]
    assert render("```py\nx", final=False) == ["```py\nx\n```"]
    assert render("text\n-", final=False) == ["text"]


def test_the_limit_is_met_exactly() -> None:
    assert [len(m) for m in render("a" * LIMIT, final=True)] == [LIMIT]
    assert [len(m) for m in render("a" * (LIMIT + 1), final=True)] == [LIMIT, 1]
    assert len(render("😀" * (LIMIT // 2), final=True)) == 1
    assert len(render("😀" * (LIMIT // 2 + 1), final=True)) == 2


def test_foreign_words_are_inert_in_our_own_strings() -> None:
    assert escape("jane_doe & co") == "jane_doe &amp; co"
    assert (
        escape("<!channel>\n*x*") == f"&lt;{JOINER}!channel&gt; {JOINER}*{JOINER}x{JOINER}*{JOINER}"
    )
    assert "://" not in escape("https://evil.example")
    assert escape("a\u202eb\x07") == "ab"


def test_the_fallback_is_what_can_be_read_and_at_most_3000_characters() -> None:
    message = shown(
        "## Hi\n\n**bold** <@U1> [docs](https://a.example) `x < y`\n\n```py\na < b\n```"
    )
    assert fallback(message) == (
        f"## Hi\n\nbold &lt;{JOINER}@{JOINER}U1&gt; docs (https:{JOINER}//a.example) (a.example) "
        f"x &lt;{JOINER} y\n\na &lt;{JOINER} b"
    )
    long = fallback("&lt;" * 5_000)
    assert 2_400 < len(long) <= 3_000
    assert long.endswith("…")


APPENDED = """# Title

Some **bold words**, *slanted _more_* and `code < 1 && x`, a < b & c > d, 2 * 3 * 4 and snake_case.

| a | b |
| --- | --- |
| 1 | <2> |

```python
if a < b && c > d: print("x")

# more
```

1. one
2. two
   - nested

> quoted **strongly

Done.
"""


def test_what_is_not_closed_is_the_beginning_of_what_comes() -> None:
    """For platforms that append: what was shown is never taken back, though less may be certain for a moment. An
    address, and a control form in code, are not among what is appended."""
    sent = ""
    for end in range(1, len(APPENDED)):
        open_ended = "".join(render(APPENDED[:end], final=False, closed=False))
        assert open_ended.startswith(sent) or sent.startswith(open_ended), APPENDED[:end][-20:]
        sent = max(sent, open_ended, key=len)
    assert "".join(render(APPENDED, final=True)).startswith(sent)
    assert sent.endswith("Done.")
