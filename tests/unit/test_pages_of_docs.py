"""What the pages of the project name is there: their links, pictures and commands."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_folder_and_file_of_ours_that_is_named_is_there(page: Path) -> None:
    ours = r"`((?:bot|adapters|workers|playground|tests|docs)/[\w./-]*)`"
    named = re.findall(ours, page.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_of_the_pages_is_one(page: str) -> None:
    words = set(re.findall(r"\bmake ([a-z]+)\b(?=`|\s+#)", (ROOT / page).read_text("utf-8")))
    assert words >= {"demo", "test"}
    asked = subprocess.run(
        ["make", "-n", *sorted(words)], cwd=ROOT, capture_output=True, check=False
    )
    assert asked.returncode == 0, asked.stderr


def test_every_test_that_the_page_about_streams_names_exists() -> None:
    page = (ROOT / "docs" / "slack-streaming.md").read_text("utf-8")
    files = (ROOT / "tests" / "contract" / "slack_adapter").glob("test_slack_s*ing.py")
    there = "\n".join(file.read_text("utf-8") for file in files)
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 15
    assert named <= set(re.findall(r"^async def (test_\w+)", there, re.MULTILINE))


def test_every_kind_of_key_in_redis_is_in_the_architecture() -> None:
    code = "".join(
        path.read_text("utf-8")
        for package in ("bot", "adapters", "workers")
        for path in (ROOT / package).rglob("*.py")
    )
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## Keys")[2]
    told = set(re.findall(r"`([a-z-]+)(?=[:`])", page))
    used = set(re.findall(r'\bkey\(\s*"([a-z-]+)"', code))
    assert len(used) > 25
    assert sorted(used - told) == []
