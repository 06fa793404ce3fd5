"""What people install: the wheel, the locks, the image and the compose file."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from bot.model_tables import key_names
from bot.settings import DiscordSettings, Settings, SlackSettings, WorkerSettings

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^\s;]+)", text, re.MULTILINE))


def service(name: str) -> str:
    text = (ROOT / "docker-compose.yml").read_text("utf-8").partition("\nservices:")[2]
    found = re.search(rf"^  {name}:\n(?:(?:    .*)?\n)+", text, re.MULTILINE)
    assert found
    return found[0]


def test_the_locks_hold_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-run.lock"):
        text = (ROOT / name).read_text("utf-8")
        assert "://" not in text
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert [b.split()[0] for b in blocks if "--hash=sha256:" not in b] == []


def test_the_images_lock_is_a_part_of_the_whole_one_without_tools() -> None:
    whole, image = pins("requirements.lock"), pins("requirements-run.lock")
    assert image.items() <= whole.items()
    assert not {"pytest", "mypy", "ruff", "playwright", "hypothesis"} & image.keys()


def test_every_dependency_is_locked() -> None:
    names = {re.split(r"[\[><=;]", text)[0].lower() for text in PROJECT["dependencies"]}
    assert {re.sub(r"[-_.]+", "-", name) for name in names} <= pins("requirements-run.lock").keys()


def test_the_grace_of_a_container_is_above_the_drain() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    grace = re.search(r"^x-process:.*?stop_grace_period: (\d+)s", text, re.MULTILINE | re.DOTALL)
    assert grace
    assert int(grace[1]) >= Settings.model_fields["drain_seconds"].default + 5


@pytest.mark.parametrize(
    ("name", "kind"),
    [("slack", SlackSettings), ("discord", DiscordSettings), ("worker", WorkerSettings)],
)
def test_a_container_is_given_its_own_secrets_alone(name: str, kind: type[Settings]) -> None:
    given = set(re.findall(r"^      ([A-Z_]+):", service(name), re.MULTILINE))
    every: list[type[Settings]] = [SlackSettings, DiscordSettings, WorkerSettings]
    others = [other for other in every if other is not kind]
    assert set(kind.required) - {"REDIS_URL"} <= given
    assert given <= kind.names({})
    assert not given & set().union(*(other.secret_names({}) for other in others))


def test_the_workers_container_can_be_given_every_key_of_the_catalog() -> None:
    assert all(f"      {name}: ${{{name}:-}}\n" in service("worker") for name in key_names(None))


def test_no_port_is_published() -> None:
    assert "ports:" not in (ROOT / "docker-compose.yml").read_text("utf-8")


def test_the_wheel_has_all_that_it_needs_and_starts_elsewhere(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    for pattern in ("bot/*.toml", "bot/scripts/*.lua", "playground/page/static/*"):
        wanted = {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)}
        assert wanted
        assert wanted <= names
    program = (
        "import bot.__main__ as m, sys; print(m.__file__); sys.exit(m.main(['config', 'env']))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, sys.argv[1]); {program}",
            str(tmp_path / "installed"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(tmp_path))
    assert "#REDIS_URL=" in done.stdout
