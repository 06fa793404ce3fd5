"""The page about the simulated Slack names tests that exist and every error that there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/playground-slack.md").read_text()
RULES = PAGE[PAGE.index("## The rules") : PAGE.index("## What it leaves out")]


def existing_tests() -> set[str]:
    found = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(file.read_text())
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        found |= {node.name for node in tree.body if isinstance(node, functions)}
    return found


def test_every_rule_names_a_test_that_exists() -> None:
    rows = [line for line in RULES.splitlines() if line.startswith("| ") and "| test |" not in line]
    assert len(rows) > 40
    existing = existing_tests()
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1])
        assert named, f"no test: {row}"
        assert set(named) <= existing


def errors_in(file: Path) -> Iterator[str]:
    """The first argument of each SlackError, and the errors handed on to `structure`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        place = {"SlackError": 0, "structure": 1}.get(name)
        if place is not None and isinstance(node.args[place], ast.Constant):
            yield str(node.args[place].value)


def test_every_error_is_on_the_page() -> None:
    sources = (ROOT / "playground/slack").glob("*.py")
    errors = {error for file in sources for error in errors_in(file)}
    assert len(errors) > 40
    assert {error for error in errors if f"`{error}`" not in RULES} == set()
