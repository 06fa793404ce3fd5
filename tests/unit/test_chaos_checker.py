"""The checker of fault runs catches each broken promise, shown by histories written by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.checker import Verdict, check
from tests.chaos.crashes import Crashes
from tests.chaos.history import (
    Acknowledged,
    Admitted,
    Amended,
    Asked,
    Called,
    Canary,
    Claimed,
    Committed,
    Event,
    Fell,
    History,
    Left,
    Regret,
    Regretted,
    Retried,
    Seen,
    Struck,
)
from tests.chaos.measure import pauses
from tests.chaos.report import account


def asked(talk: int, question: int, at: float = 0.0) -> Asked:
    return Asked(at, talk, question, "slack", said(talk, question))


def said(talk: int, question: int) -> str:
    return f"c{talk}-q{question} begins and c{talk}-q{question} ends."


def seen(talk: int, question: int, at: float, **changes: object) -> Seen:
    """The whole answer in one message."""
    message = Seen(at, f"room-{talk}", f"m{question}", said(talk, question), talk=talk)
    return replace(message, **changes)  # type: ignore[arg-type]


def answered(talk: int, question: int, at: float = 0.0) -> list[Event]:
    """A question that went well, from `at` on for four seconds."""
    return [
        asked(talk, question, at),
        Acknowledged(at, question),
        Admitted(question, at, at + 1, f"line-{talk}"),
        Called(at + 2, talk, question, (Canary(talk, question),)),
        Committed(at + 3, question),
        seen(talk, question, at + 4),
    ]


def kinds(*events: Event) -> list[str]:
    return [verdict.kind for verdict in check(History(list(events)))]


def without(events: list[Event], *kinds: type[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, kinds)]


def test_a_history_in_which_all_went_well_breaks_no_promise() -> None:
    second = without(answered(1, 2, 10), Called)
    call = Called(12, 1, 2, (Canary(1, 1), Canary(1, 2)))
    assert kinds(*answered(1, 1), *second, call, *answered(2, 3)) == []


def test_an_answer_that_ends_in_the_middle_is_lost() -> None:
    half = seen(1, 1, 4, text="c1-q1 begins and")
    assert kinds(*without(answered(1, 1), Seen), half) == ["lost"]


def test_an_answer_that_was_taken_away_again_is_silent() -> None:
    assert kinds(*answered(1, 1), seen(1, 1, 5, text="")) == ["silent"]


def test_an_acknowledged_question_without_a_word_is_silent() -> None:
    assert kinds(*without(answered(1, 1), Seen)) == ["silent"]


def test_what_was_never_acknowledged_may_stay_without_an_answer() -> None:
    assert kinds(*without(answered(1, 1), Seen, Acknowledged)) == []


def test_a_sentence_is_an_end_too() -> None:
    sorry = Seen(4, "room-1", "m9", notes="Sorry, that did not work.", talk=1, private=True)
    assert kinds(*without(answered(1, 1), Seen), sorry) == []


def test_one_sentence_is_not_the_end_of_two_questions() -> None:
    sorry = Seen(4, "room-1", "m9", notes="Sorry, that did not work.", talk=1, private=True)
    two = [*without(answered(1, 1), Seen), *without(answered(1, 2, 10), Seen, Called)]
    assert kinds(*two, sorry) == ["silent"]


@pytest.mark.parametrize(
    "again", [seen(1, 1, 5, message="m2"), seen(1, 1, 5, text=said(1, 1) + said(1, 1))]
)
def test_an_answer_that_is_there_twice_is_doubled(again: Seen) -> None:
    assert kinds(*answered(1, 1), again) == ["doubled"]


def test_a_piece_of_an_answer_beside_the_whole_is_doubled() -> None:
    assert kinds(*answered(1, 1), seen(1, 1, 5, message="m2", text="c1-q1 begins")) == ["doubled"]


def test_for_one_person_alone_a_message_may_come_twice() -> None:
    one = seen(1, 1, 4, text="c1-q1 begins", private=True)
    again = seen(1, 1, 5, message="m2", private=True)
    assert kinds(*without(answered(1, 1), Seen), one, again) == []


def test_a_split_answer_is_one_answer() -> None:
    first, second = "c1-q1 begins", "and c1-q1 ends."
    parts = [
        seen(1, 1, 4, text=first),
        seen(1, 1, 5, message="m2", text=second),
    ]
    assert kinds(*without(answered(1, 1), Seen), *parts) == []


def test_an_answer_before_that_of_an_earlier_question_is_out_of_order() -> None:
    events = [*answered(1, 1), *without(answered(1, 2, 1.5), Seen, Called), seen(1, 2, 3.5)]
    assert kinds(*events) == ["out of order"]


def test_an_answer_that_begins_before_the_one_before_is_whole_is_out_of_order() -> None:
    first = [*without(answered(1, 1), Seen), seen(1, 1, 4, text="c1-q1"), seen(1, 1, 9)]
    second = [*without(answered(1, 2, 1.5), Seen, Called), seen(1, 2, 8)]
    assert kinds(*first, *second) == ["out of order"]


def test_questions_whose_admissions_overlapped_have_no_order() -> None:
    events = [*answered(1, 1), *without(answered(1, 2, 0.5), Seen, Called), seen(1, 2, 3.5)]
    assert kinds(*events) == []


def test_a_message_that_belongs_to_no_question_is_orphaned() -> None:
    stray = Seen(5, "room-1", "m9", notes="Hello.", talk=1)
    assert kinds(*answered(1, 1), stray) == ["orphaned"]


def test_an_answer_to_what_nobody_asked_is_orphaned() -> None:
    assert kinds(seen(1, 1, 4)) == ["orphaned"]


def test_thinking_that_never_ends_is_orphaned() -> None:
    thinks = Seen(5, "room-1", "m9", talk=1, thinking=True)
    assert kinds(*answered(1, 1), thinks) == ["orphaned"]


def test_thinking_that_became_the_answer_is_none() -> None:
    thinks = Seen(3, "room-1", "m1", question=1, talk=1, thinking=True)
    assert kinds(*without(answered(1, 1), Seen), thinks, seen(1, 1, 4)) == []


def test_text_of_another_conversation_is_mixed_up_though_only_for_a_moment() -> None:
    wrong = seen(1, 1, 3, text="c2-q2 begins")
    found = kinds(*without(answered(1, 1), Seen), *answered(2, 2), wrong, seen(1, 1, 4))
    assert found == ["mixed up"]


def test_text_of_another_conversation_in_a_request_is_mixed_up() -> None:
    call = Called(2, 1, 1, (Canary(2, 2), Canary(1, 1)))
    assert kinds(*without(answered(1, 1), Called), *answered(2, 2), call) == ["mixed up"]


def test_a_request_after_its_accepted_commit_is_paid_twice() -> None:
    assert kinds(*answered(1, 1), Called(3.5, 1, 1, (Canary(1, 1),))) == ["paid twice"]


def test_the_request_of_a_stopped_answer_may_arrive_late_and_no_other_one() -> None:
    stopped = [*without(answered(1, 1), Seen), *regretted("stop", "stopping"), MARKED]
    again = Called(4.5, 1, 1, (Canary(1, 1),))
    assert kinds(*stopped, again) == []
    assert kinds(*stopped, Claimed(4, 1, "worker-1"), again) == ["paid twice"]


def test_a_request_that_begins_anew_before_any_commit_is_not() -> None:
    assert kinds(*answered(1, 1), Called(2.5, 1, 1, (Canary(1, 1),))) == []


def test_an_earlier_answer_that_the_model_was_not_told_of_is_forgotten() -> None:
    assert kinds(*answered(1, 1), *answered(1, 2, 10)) == ["forgotten"]


def test_of_a_long_conversation_the_oldest_may_be_beyond_what_a_model_is_told() -> None:
    def last(told: Sequence[int]) -> list[str]:
        before = [event for n in range(1, 13) for event in alone(n)]
        asked = answered(1, 13, 50)
        call = Called(51, 1, 13, (*(Canary(1, n) for n in told), Canary(1, 13)))
        return kinds(*before, *without(asked, Called), call)

    def alone(n: int) -> list[Event]:
        told = tuple(Canary(1, m) for m in range(1, n + 1))
        return [
            replace(event, canaries=told) if isinstance(event, Called) else event
            for event in answered(1, n, 4 * n - 40)
        ]

    assert last(range(3, 13)) == []
    assert last([1, *range(4, 13)]) == ["forgotten", "forgotten"]
    assert last(range(4, 13)) == ["forgotten"] * 3


def test_a_question_that_stands_twice_in_a_request_is_forgotten_once() -> None:
    call = Called(2, 1, 1, (Canary(1, 1), Canary(1, 1)))
    assert kinds(*without(answered(1, 1), Called), call) == ["forgotten"]


def regretted(how: Regret, state: str, at: float = 2.5) -> list[Event]:
    return [Regretted(2, 1, 1, how), Amended(at, 1, how), Amended(at, 1, how, state)]


MARKED = seen(1, 1, 4, text="c1-q1 begins", notes="Stopped here.")


def test_a_stopped_answer_is_a_marked_beginning_of_it() -> None:
    stopped = [*without(answered(1, 1), Seen), *regretted("stop", "stopping")]
    assert kinds(*stopped, MARKED) == []
    assert kinds(*stopped) == []
    assert kinds(*stopped, replace(MARKED, notes="")) == ["lost"]
    assert kinds(*stopped, replace(MARKED, text="c1-q1 ends.")) == ["lost"]
    assert kinds(*without(answered(1, 1), Seen), MARKED) == [], "a sentence says why not"


def test_a_stop_that_came_in_time_and_left_no_mark_is_unheeded() -> None:
    stop = regretted("stop", "stopping")
    assert kinds(*answered(1, 1), *stop) == ["unheeded"]
    assert kinds(*without(answered(1, 1), Seen), *stop, seen(1, 1, 4, notes="Stopped here.")) == []
    assert kinds(*answered(1, 1), *regretted("stop", "later", at=5)) == []


def test_what_nobody_stopped_must_be_whole() -> None:
    stopped = without(answered(1, 1), Seen)
    assert kinds(*stopped, Amended(2.5, 1, "stop", "stopping")) == ["silent", "unheeded"]


def test_a_question_that_was_taken_back_while_it_waited_is_not_asked() -> None:
    events = [asked(1, 1), Acknowledged(0, 1), Admitted(1, 0, 1, "line-1")]
    taken_back = [*events, *regretted("delete", "cancelled")]
    assert kinds(*taken_back) == []
    assert kinds(*taken_back, Claimed(3, 1, "worker-1")) == ["unheeded"]


def test_a_question_that_was_deleted_before_it_was_admitted_may_be_silent() -> None:
    """An adapter that comes back reads what it missed, and not what is gone by then."""
    missed = [asked(1, 1), Acknowledged(0, 1)]
    assert kinds(*missed) == ["silent"]
    assert kinds(*missed, Regretted(2, 1, 1, "delete")) == []


def test_a_question_that_was_edited_while_it_waited_is_asked_in_its_new_words() -> None:
    before = [*answered(1, 1), *regretted("edit", "replaced", at=1.5)]
    assert kinds(*before, Claimed(1.2, 1, "worker-1")) == [], "it had been taken already"
    late = [*before, Claimed(1.8, 1, "worker-1")]
    assert kinds(*late) == ["unheeded"]
    new = [replace(e, edited=True) if isinstance(e, Called) else e for e in late]
    assert kinds(*new) == []


def test_a_deleted_question_is_told_to_no_model_any_more() -> None:
    first = [*answered(1, 1), *regretted("delete", "later", at=5)]
    assert kinds(*first, *answered(1, 2, 10)) == []


def test_an_answer_that_is_given_again_is_paid_for_once_more_and_whole() -> None:
    again = [Retried(5, 1), Called(6, 1, 1, (Canary(1, 1),)), Committed(7, 1)]
    first = [*without(answered(1, 1), Seen), *regretted("stop", "stopping"), MARKED]
    assert kinds(*first, *again, seen(1, 1, 8)) == []
    assert kinds(*first, *again) == [], "a mark says why not"
    assert kinds(*first, *again, replace(MARKED, notes="")) == ["lost"]
    once_more = Called(9, 1, 1, (Canary(1, 1),))
    assert kinds(*answered(1, 1), *again, once_more) == ["paid twice"]


def test_what_is_owed_at_rest_is_left_over() -> None:
    assert kinds(*answered(1, 1), Left("owed", ("a turn",))) == ["left over"]


def test_a_process_that_nobody_killed_fell() -> None:
    assert kinds(Fell(1, "worker-1", 1)) == ["fell"]


def test_a_run_that_sees_no_steps_judges_nothing() -> None:
    many = [without(answered(n, n), Committed) for n in range(3)]
    assert kinds(*(event for events in many for event in events)) == ["unseen"]


def test_every_verdict_has_its_meaning_on_the_page() -> None:
    root = Path(__file__).parents[2]
    source = (root / "tests" / "chaos" / "checker.py").read_text()
    page = (root / "docs" / "reliability.md").read_text().partition("## What each verdict means")[2]
    given = set(re.findall(r'Verdict\(\s*"([a-z ]+)"', source))
    told = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")}
    assert given == told - {"verdict"}


def test_a_history_survives_its_file(tmp_path: Path) -> None:
    more = [*regretted("stop", "later"), Struck(1, "kill", "redis", 2), Left("due", ("a",))]
    history = History([*answered(1, 1), *more])
    history.save(tmp_path / "history")
    assert History.load(tmp_path / "history") == history


def test_a_pause_lasts_until_something_new_is_seen() -> None:
    events = [
        *without(answered(1, 1), Seen, Committed),
        Claimed(2, 1, "worker-1"),
        seen(1, 1, 3, text="c1-q1"),
        Struck(4, "kill", "worker-1", 4),
        seen(1, 1, 5, text="c1-q1"),
        seen(1, 1, 11),
        Committed(11, 1),
    ]
    (pause,) = pauses(History(events))
    assert (pause.kind, pause.longest) == ("kill worker", 7)


def test_what_broke_at_a_crash_point_is_told_with_the_points_and_the_history_of_its_talk() -> None:
    crashes = Crashes(missed=["after slack ack (mention)"])
    kill = Struck(1.5, "kill", "slack-1", 1.6)
    for event in (asked(0, 0), asked(1, 1, at=1.0), kill, asked(2, 2, at=1.7), Committed(2.0, 1)):
        crashes.history.add(event)
    crashes.tried += [(0.5, 1.8, "before slack OWN (mention)"), (3.0, 4.0, "after slack OWN")]
    told = account(crashes, [Verdict("lost", 1, "no answer")])
    assert told.splitlines() == [
        "never reached: after slack ack (mention)",
        "lost: c1: no answer",
        "--- c1, while these were tried:",
        "before slack OWN (mention)",
        *map(repr, (asked(1, 1, at=1.0), kill, Committed(2.0, 1))),
    ]
