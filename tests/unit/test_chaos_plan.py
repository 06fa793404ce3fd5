"""A seed is a plan: the same faults, whom they hit and for how long, and the same questions."""

from __future__ import annotations

import random
from pathlib import Path

from tests.chaos.beside import NAMES, beside
from tests.chaos.faults import KINDS, plan
from tests.chaos.history import Canary
from tests.chaos.talks import Talk, answer_to, order, regrets

TALKS = [Talk(number, "thread", f"C{number}") for number in range(5)]


def test_a_seed_gives_the_same_plan_again() -> None:
    first, again = (plan(random.Random(7), 40, 1_000) for _ in range(2))
    assert first == again
    assert first != plan(random.Random(8), 40, 1_000)


def test_a_plan_has_every_kind_of_fault_in_the_order_of_questions() -> None:
    faults = plan(random.Random(1), 40, 1_000)
    assert {fault.kind for fault in faults} == set(KINDS)
    assert [fault.after for fault in faults] == sorted(fault.after for fault in faults)
    assert faults[0].after > 0
    assert faults[-1].after < 1_000


def test_each_process_gives_way_to_the_other_version_and_back_in_order_and_by_kill() -> None:
    run = beside(Path("other"), 1)
    for name in NAMES:
        kinds = [fault.kind for fault in run.faults if fault.victim == name]
        assert kinds == ["end", "end", "kill", "kill"]
    assert [fault.after for fault in run.faults] == sorted({fault.after for fault in run.faults})
    assert run.faults[-1].after < run.size.questions


def test_every_conversation_begins_before_any_goes_on() -> None:
    asked = [talk.number for talk in order(random.Random(1), TALKS, 20)]
    assert asked[:5] == [0, 1, 2, 3, 4]
    assert asked == [talk.number for talk in order(random.Random(1), TALKS, 20)]


def test_a_seed_says_who_regrets_what() -> None:
    whom = list(order(random.Random(1), TALKS, 400))
    first, again = (regrets(random.Random(4), whom) for _ in range(2))
    assert first == again
    assert {how for how, _ in first.values()} == {"edit", "delete", "stop", "retry"}


def test_an_answer_names_its_question_in_every_piece_of_it() -> None:
    answer = answer_to(Canary(3, 6))
    assert {str(canary) for canary in Canary.all_in(answer)} == {"c3-q6"}
    assert all("c3-q6" in answer[at : at + 400] for at in range(0, len(answer) - 400, 50))
