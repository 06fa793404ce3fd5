"""What people install: the wheel, the locks, the image and the compose file."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.model_tables import key_names
from bot.redis_programs import MIN_VERSION
from bot.settings import DiscordSettings, Settings, SlackSettings, WorkerSettings
from bot.supervisor import GRACE

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")

# The first has one value in force; the drain must fit the grace of the container; models.toml is to be mounted.
NOT_FOR_COMPOSE = {
    "SLACK_MODE",
    *("SWITCHBOARD_DRAIN_SECONDS", "SWITCHBOARD_MODELS_FILE"),
}


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^\s;]+)", text, re.MULTILINE))


def service(name: str) -> str:
    text = COMPOSE.partition("\nservices:")[2]
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


def unmet(requirements: list[str], lock: str) -> list[str]:
    """Those that a lock has no version for, or none that fits."""
    locked, missing = pins(lock), []
    for requirement in map(Requirement, requirements):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            missing.append(f"{requirement} ({version})")
    return missing


def test_every_dependency_is_locked_in_a_version_that_it_may_have() -> None:
    extras = PROJECT["optional-dependencies"]
    tools = [text for texts in extras.values() for text in texts if "switchboard" not in text]
    assert extras["build"] == PYPROJECT["build-system"]["requires"]
    assert unmet(PROJECT["dependencies"], "requirements-run.lock") == []
    assert unmet([*PROJECT["dependencies"], *tools], "requirements.lock") == []
    for lock in ("requirements.lock", "requirements-run.lock"):
        assert unmet(PYPROJECT["build-system"]["requires"], lock) == []


def test_the_grace_of_a_container_is_above_the_drain() -> None:
    grace = re.search(r"^x-process:.*?stop_grace_period: (\d+)s", COMPOSE, re.MULTILINE | re.DOTALL)
    assert grace
    assert int(grace[1]) >= Settings.model_fields["drain_seconds"].default + GRACE


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
    assert "ports:" not in COMPOSE


@pytest.mark.parametrize("kind", [Settings, SlackSettings, DiscordSettings, WorkerSettings])
def test_every_setting_in_force_can_be_given_to_its_container(kind: type[Settings]) -> None:
    words = {SlackSettings: ["slack"], DiscordSettings: ["discord"], WorkerSettings: ["worker"]}
    common = COMPOSE.partition("x-common: &common\n")[2].partition("\nservices:")[0]
    given = [common + "".join(service(word) for word in words.get(kind, []))]
    in_force = {n for n, f in kind.fields().items() if not f.json_schema_extra} - NOT_FOR_COMPOSE
    assert [
        n for n in sorted(in_force) if not re.search(rf"^ +{n}: ", given[0], re.MULTILINE)
    ] == []


def test_redis_keeps_what_it_is_given_and_is_waited_for() -> None:
    redis = service("redis")
    for words in ('--appendonly, "yes"', "--appendfsync, always", "--maxmemory-policy, noeviction"):
        assert words in redis
    assert "volumes: [redis:/data]" in redis
    assert "healthcheck:" in redis
    assert "condition: service_healthy" in COMPOSE
    image = re.search(r"image: redis:(\d+)", redis)
    assert image
    assert (int(image[1]), 0) >= MIN_VERSION


def test_the_image_runs_as_nobody_in_particular_and_from_its_own_lock_alone() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*$", final, re.MULTILINE)
    assert "pip" not in final, "the tools stay in the stage before"
    for line in re.findall(r"^.*pip install.*$", DOCKERFILE, re.MULTILINE):
        assert "--require-hashes" in line or "--no-index" in line
    assert (
        "/app/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock"
        in DOCKERFILE
    )
    assert "requirements.lock" not in DOCKERFILE
    assert not re.search(r"\b(ENV|ARG) \S*(TOKEN|KEY|SECRET|PASSWORD)", DOCKERFILE)


def test_the_builder_is_given_no_file_that_is_not_named() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    named = {name for line in copied for name in line.split()}
    assert {line[1:] for line in lines if line.startswith("!")} == named


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
    wanted = {
        str(path.relative_to(ROOT))
        for package in ("bot", "adapters", "workers", "playground")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"bot/models.toml", "bot/scripts/admit.lua"} < wanted
    assert wanted <= names
    own = {name for name in names if ".dist-info/" not in name}
    assert own == wanted, "and nothing else: no test, no secret of whoever built it"
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
