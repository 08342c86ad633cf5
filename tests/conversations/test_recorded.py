"""When a call was recorded, and what is told of the rest."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from conversations import recorded
from conversations.models import RecordedSpan, RecorderProcess, Status
from conversations.recorded import Gap, gaps_between, gaps_of
from tests.conversations.factories import make_conversation

START = datetime(2026, 6, 18, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def missed(*spans: tuple[float, float], begin: float = 0, end: float = 60) -> list[tuple]:
    gaps = gaps_between([(at(a), at(b)) for a, b in spans], begin=at(begin), end=at(end))
    return [
        ((g.started_at - START).total_seconds(), (g.ended_at - START).total_seconds()) for g in gaps
    ]


@pytest.mark.parametrize(
    ("spans", "gaps"),
    [
        ([(0, 60)], []),
        ([(0, 20), (28, 60)], [(20, 28)]),
        ([(0, 20), (20.2, 60)], [(20, 20.2)]),
        ([(0, 30), (28, 60)], []),
        ([(0, 60), (10, 20)], []),
        ([(28, 60), (0, 20)], [(20, 28)]),
        ([], [(0, 60)]),
        ([(1.9, 58.1)], []),
        ([(2.1, 57.9)], [(0, 2.1), (57.9, 60)]),
        ([(-20, -10), (0, 60)], []),
        ([(-20, -10), (5, 60)], [(0, 5)]),
        ([(0, 60), (70, 80)], []),
        ([(0, 50), (70, 80)], [(50, 60)]),
    ],
)
def test_what_the_spans_leave_open_is_missed(spans, gaps):
    assert missed(*spans) == gaps


moments = st.integers(-20, 80)


@given(st.lists(st.tuples(moments, st.integers(0, 30)), max_size=6))
def test_a_moment_is_either_recorded_or_missed(lengths):
    spans = [(start, start + length) for start, length in lengths]
    gaps = missed(*spans)
    for moment in range(60):
        is_recorded = any(a <= moment and moment + 1 <= b for a, b in spans)
        is_missed = any(a <= moment and moment + 1 <= b for a, b in gaps)
        is_short_edge = moment < 2 or moment >= 58
        assert is_recorded != is_missed or (is_short_edge and not (is_recorded or is_missed))


@pytest.fixture
def call(db):
    return make_conversation(
        status=Status.COMPLETED, room_sid="RM_1", answered_at=at(0), ended_at=at(60)
    )


def make_span(call, started_at, ended_at=None, *, alive_at=60):
    process = RecorderProcess.objects.create(alive_at=at(alive_at))
    return RecordedSpan.objects.create(
        conversation=call,
        process=process,
        identity="recorder-1",
        started_at=at(started_at),
        ended_at=None if ended_at is None else at(ended_at),
    )


def test_a_recorder_without_an_end_recorded_for_as_long_as_its_process_lived(call):
    make_span(call, 0, alive_at=20)
    make_span(call, 28, 60)
    assert gaps_of(call) == [Gap(at(20), at(28))]


def test_an_answered_call_that_nobody_recorded_was_missed_from_beginning_to_end(call):
    assert gaps_of(call) == [Gap(at(0), at(60))]


def test_a_call_that_never_was_in_our_rooms_has_no_gaps(db):
    assert gaps_of(make_conversation(status=Status.COMPLETED, answered_at=at(0))) == []


def test_while_a_call_lives_its_last_minute_is_not_missed_yet(call):
    call.status, call.ended_at = Status.IN_PROGRESS, None
    make_span(call, 0, alive_at=20)
    assert gaps_of(call) == []


def test_who_takes_over_ends_the_span_of_who_died_when_it_was_last_alive(call):
    dead = make_span(call, 0, alive_at=20)
    recorded.take_over(make_span(call, 28))
    dead.refresh_from_db()
    assert dead.ended_at == at(20)


def test_a_recorder_that_was_relieved_holds_its_span_no_more(call):
    dead = make_span(call, 0)
    recorded.take_over(make_span(call, 28))
    assert not recorded.holds(dead)


def test_a_recorder_that_lost_the_room_for_a_while_missed_that(call):
    span = make_span(call, 0)
    recorded.missed(span, lost_at=at(20), back_at=at(28))
    recorded.end(span, at=at(60))
    assert gaps_of(call) == [Gap(at(20), at(28))]


def test_no_span_ends_before_it_begins(call):
    with pytest.raises(IntegrityError):
        make_span(call, 28, 20)


@pytest.mark.django_db(transaction=True)
def test_a_beat_tells_that_this_process_lives_and_who_was_relieved(call):
    spans = [recorded.begin(call, identity=f"recorder-{n}", at=timezone.now()) for n in range(2)]
    before = RecorderProcess.objects.get().alive_at
    assert recorded._beat_and_look([span.pk for span in spans]) == [spans[0].pk]
    assert RecorderProcess.objects.get().alive_at > before
