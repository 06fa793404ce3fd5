"""A word on the command line becomes a process, or a page of text.

Processes are found by name among the installed entry points, so nothing here imports an adapter or a worker, and
nothing of a platform or a model is imported before the settings are known to be right.
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import TYPE_CHECKING, Any

from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.settings import Settings

Process = Callable[["Settings", argparse.Namespace | None], int]

DISTRIBUTION = "switchboard-bot"
YOUNG = 5_000  # objects before garbage is searched for among them; most of an answer's end by themselves
INTERRUPTED = 130  # as a shell tells it: 128 and the number of SIGINT
PROCESSES = "switchboard.processes"  # word -> run(settings, arguments) -> exit code
MANIFESTS = "switchboard.manifests"  # platform -> manifest(settings) -> text
INVITES = "switchboard.invites"  # platform -> invite(settings) -> text


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the word."""
    given = parser().parse_args(arguments)
    try:
        return int(given.run(given))
    except SettingsError as error:
        for fault in error.faults:
            sys.stderr.write(f"switchboard {given.word}: {fault}\n")
        return SettingsError.EXIT
    except KeyboardInterrupt:  # before the process could take it as the order to end
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a page has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Every word with its arguments."""
    top = argparse.ArgumentParser(
        prog="switchboard", description="One chat bot for Slack and Discord."
    )
    top.add_argument("--version", action="version", version=f"switchboard {version(DISTRIBUTION)}")
    words = top.add_subparsers(dest="word", required=True, metavar="WORD")

    up = words.add_parser("up", help="everything that the settings configure, in one command")
    up.add_argument("--workers", type=_count, default=1, metavar="N", help="default 1")
    up.set_defaults(run=_up)

    for entry in sorted(entry_points(group=PROCESSES), key=lambda e: e.name):
        process = words.add_parser(entry.name, help=f"the {entry.name} process alone")
        process.set_defaults(run=_process)
        if entry.name == "worker":
            process.add_argument(
                "--concurrency",
                type=_count,
                default=200,
                metavar="N",
                help="answers in flight at once, default %(default)s",
            )

    demo = words.add_parser("demo", help="everything, against simulated workspaces")
    demo.add_argument(
        "--port", type=_port, default=8765, metavar="N", help="of the page, default 8765"
    )
    demo.add_argument("--no-browser", action="store_true", help="do not open the page")
    demo.add_argument("--workers", type=_count, default=1, metavar="N", help="default 1")
    demo.set_defaults(run=_demo)

    doctor = words.add_parser("doctor", help="checks everything and says how to mend it")
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.set_defaults(run=_doctor)

    for word, group, what in (
        ("manifest", MANIFESTS, "the app manifest for a platform"),
        ("invite", INVITES, "the address that invites the bot to a platform"),
    ):
        page = words.add_parser(word, help=what)
        page.add_argument("platform", choices=sorted(e.name for e in entry_points(group=group)))
        page.set_defaults(run=_platform_page, group=group)

    words.add_parser("models", help="the catalog of models").set_defaults(run=_models)

    config = words.add_parser("config", help="the settings in force, secrets masked")
    config.add_argument("form", nargs="?", choices=["env"], help="a commented .env.example")
    config.set_defaults(run=_config)
    return top


def find(group: str, name: str) -> EntryPoint:
    """The one entry point of that name."""
    found = list(entry_points(group=group, name=name))
    if len(found) != 1:
        raise LookupError(f"{len(found)} installed packages offer {name} in {group}")
    return found[0]


def _ends_in_order() -> None:
    """SIGTERM ends what is still starting: it holds nothing yet. A process that holds something takes it over. At once:
    an exception that is raised while Python clears something away, or imports it, is dropped there."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def _process(given: argparse.Namespace) -> int:
    gc.set_threshold(YOUNG)
    _ends_in_order()  # before what takes long to import
    from bot import environment, logs, tether
    from bot.settings import Settings

    tether.tie()
    kind = environment.all_kinds().get(given.word, Settings)
    own = environment.load(kind)
    logs.configure(given.word, form=own.log_format, level=own.log_level, secrets=own.secrets)
    environment.forget_secrets()
    _look_at_redis(own)
    run: Process = find(PROCESSES, given.word).load()
    return run(own, given)


def _look_at_redis(own: "Settings") -> None:
    from bot import redis_checks  # not before the settings are known to be right

    asyncio.run(redis_checks.at_start(own))


def _up(given: argparse.Namespace) -> int:
    _ends_in_order()
    from bot import supervisor

    return supervisor.up(workers=given.workers)


def _demo(given: argparse.Namespace) -> int:
    _ends_in_order()
    from bot import demo

    return demo.run(port=given.port, workers=given.workers, browser=not given.no_browser)


def _doctor(given: argparse.Namespace) -> int:
    from bot import doctor

    return doctor.run(as_json=given.json)


def _platform_page(given: argparse.Namespace) -> int:
    from bot import environment

    kind = environment.all_kinds()[given.platform]
    own = environment.load(kind, complete=False)  # a page needs no Redis
    page: Callable[[Any], str] = find(given.group, given.platform).load()
    return _write(page(own))


def _models(given: argparse.Namespace) -> int:
    from bot import models_page

    return _write(models_page.table())


def _config(given: argparse.Namespace) -> int:
    from bot import settings_pages

    return _write(settings_pages.env_example() if given.form else settings_pages.in_force())


def _write(text: str) -> int:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("must be a port, 0 for any that is free")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
