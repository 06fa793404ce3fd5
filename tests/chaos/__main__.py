"""`python -m tests.chaos [--long] [--seed N …]`: the whole proof, and its result in docs/reliability.md."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.beside import beside, tree
from tests.chaos.crashes import Crashes
from tests.chaos.faults import Fault
from tests.chaos.recovery import Recovery
from tests.chaos.report import Outcome, table, write
from tests.chaos.run import Run, Size

TALKS = 90  # half of them on Discord, where an adapter that was away reads 50 channels
SIZE = Size(questions=1_000, faults=40, talks=TALKS, seconds=280)
LONG = Size(questions=10_000, faults=150, talks=TALKS, seconds=2_800)
SEEDS, LONG_SEEDS = (1,), (1, 2, 3)
TIMES, LONG_TIMES = 1, 20  # of each crash point
ROUNDS = 3  # of each fault whose recovery is measured
LEASE = "8"  # s; what operators have, unless they choose otherwise


def say(words: object) -> None:
    """To whoever watches."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def prove(seeds: tuple[int, ...], size: Size, times: int, keep: Path | None) -> list[Outcome]:
    """What became of each part."""
    runs = [Run.of(seed, size, keep and keep / f"seed-{seed}") for seed in seeds]
    outcomes = await ran(runs)
    if times and not any(run.stop.is_set() for run in runs):
        outcomes.append(await _crashes(times))
        outcomes.append(await _recovery())
    return outcomes


async def ran(runs: Sequence[Run]) -> list[Outcome]:
    """One run after the other."""
    outcomes: list[Outcome] = []
    stop = asyncio.Event()  # Ctrl-C: what was asked until then is judged, and nothing more is done
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    for run in runs:
        if not stop.is_set():
            run.stop = stop
            outcomes.append(await _run(run))
    return outcomes


async def _run(run: Run) -> Outcome:
    say(f"seed {run.seed}: {run.size.questions} questions, {run.size.faults} faults")
    for fault in run.faults:
        say(f"  {fault}")
    began = time.monotonic()

    def struck(fault: Fault) -> None:
        say(f"{time.monotonic() - began:7.1f} s  {fault}")

    verdicts = await run.go(struck, SWITCHBOARD_LEASE_SECONDS=LEASE)
    for verdict in verdicts:
        say(f"BROKEN {verdict}")
    return Outcome(f"seed {run.seed}", run.history, verdicts, time.monotonic() - began)


async def _crashes(times: int, *, streams: bool = False) -> Outcome:
    began, crashes = time.monotonic(), Crashes(streams)
    say(f"crash points, {times} times each")
    verdicts = await crashes.go(
        times, lambda point: say(f"{time.monotonic() - began:7.1f} s  {point}")
    )
    for words in [*verdicts, *crashes.missed]:
        say(f"BROKEN {words}")
    name, took = f"crash points × {times}", time.monotonic() - began
    return Outcome(name, crashes.history, verdicts, took, crashes.missed)


async def _recovery() -> Outcome:
    began, recovery = time.monotonic(), Recovery()
    say("recovery, nothing else going on")
    verdicts = await recovery.go(ROUNDS, LEASE, say)
    for verdict in verdicts:
        say(f"BROKEN {verdict}")
    return Outcome("recovery", recovery.history, verdicts, time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--long", action="store_true", help="ten times as much, three seeds")
    parser.add_argument(
        "--seed", type=int, nargs="*", help="other plans than the usual ones, or none"
    )
    parser.add_argument("--times", type=int, help="how often each crash point, 0 for none")
    parser.add_argument("--keep", type=Path, help="a folder for histories and logs")
    parser.add_argument("--beside", metavar="COMMIT", help="its processes beside ours")
    parser.add_argument(
        "--streams", action="store_true", default=None, help="Slack's own streams' crash points"
    )
    given = parser.parse_args()
    seeds = (LONG_SEEDS if given.long else SEEDS) if given.seed is None else given.seed
    times = (LONG_TIMES if given.long else TIMES) if given.times is None else given.times
    if not seeds and not times:
        parser.error("neither a seed nor a crash point: nothing would be shown")
    if given.beside:
        with tree(given.beside) as other:
            runs = [beside(other, seed, given.keep) for seed in seeds]
            outcomes = asyncio.run(ran(runs))
    elif given.streams:
        outcomes = [asyncio.run(_crashes(times, streams=True))]
    else:
        size = LONG if given.long else SIZE
        outcomes = asyncio.run(prove(tuple(seeds), size, times, given.keep))
    say(words := table(outcomes))
    if (given.seed, given.times, given.streams or given.beside) == (None, None, None):  # the whole
        write("make chaos-long" if given.long else "make chaos", words)
    return 0 if all(outcome.fine for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
