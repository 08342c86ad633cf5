"""When a call was recorded, and what is told of the rest."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from anyreach.gateways.livekit.room import Back, Lost, Speech
from anyreach.gateways.livekit.words import Kind
from anyreach.organizations.scopes import Role
from conversations import recorded
from conversations.import_serializers import FinishedConversationIn
from conversations.models import RecordedSpan, RecorderProcess, Status
from conversations.recorded import Gap, gaps_between, gaps_of
from conversations.recording import Recorder
from tests.conversations.factories import make_conversation, make_turn
from tests.organizations.factories import signed_in

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
        status=Status.COMPLETED,
        room_sid="RM_1",
        created_at=at(0),
        answered_at=at(0),
        ended_at=at(60),
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
    assert not recorded.held([dead])


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


def test_who_does_not_beat_while_another_looks_is_dead(call):
    before = make_span(call, 0)
    earlier = recorded.Earlier(make_span(call, 28))
    assert earlier.living(100) == {"recorder-1"}
    assert earlier.living(100 + recorded.SILENT_S - 0.1) == {"recorder-1"}
    RecorderProcess.objects.filter(pk=before.process_id).update(alive_at=at(61))
    assert earlier.living(100 + recorded.SILENT_S) == {"recorder-1"}
    assert earlier.living(100 + 2 * recorded.SILENT_S) == set()


def test_nobody_is_taken_for_dead_who_cannot_beat_for_want_of_the_database(call, monkeypatch):
    make_span(call, 0)
    earlier = recorded.Earlier(make_span(call, 28))
    earlier.living(100)
    with monkeypatch.context() as away:
        away.setattr(recorded, "earlier", Mock(side_effect=OperationalError))
        with pytest.raises(OperationalError):
            earlier.living(101)
    assert earlier.living(100 + recorded.SILENT_S) == {"recorder-1"}


@pytest.fixture
def recorder(transactional_db, call):
    recorder = Recorder(call)
    recorder.span = recorded.begin(call, identity=recorder.identity, at=at(0))
    recorder._read()
    return recorder


def happens(recorder, *happenings):
    async def take():
        for happening in happenings:
            await recorder._take(happening)
        assert await recorder._write()

    asyncio.run(take())


def ms(seconds: int) -> int:
    return int(at(seconds).timestamp() * 1000)


def speech(text: str) -> Speech:
    return Speech("S1", "agent-1", Kind.AGENT, text, final=True, at=ms(30))


def test_a_recorder_that_was_cut_off_from_the_room_tells_what_it_missed(recorder, call):
    happens(recorder, Lost(ms(20)), Lost(ms(24)), Back(ms(28)), speech("After."))
    recorded.end(recorder.span, at=at(60))
    assert gaps_of(call) == [Gap(at(20), at(28))]
    assert call.turns.get().text == "After."


def test_a_recorder_that_was_taken_for_dead_writes_no_more(recorder, call):
    recorded.take_over(make_span(call, 28))
    happens(recorder, speech("Late."))
    assert not call.turns.exists()


# --- Where it is told --------------------------------------------------------------------------


def shown_to(call, role):
    client = signed_in(call.organization, role)
    page = f"/{call.organization.slug}/conversations/{call.pk}"
    headers = {"X-Anyreach-Org": str(call.organization_id)}
    return (
        client.get(page).content.decode(),
        client.get(f"/core/conversations/{call.pk}", headers=headers).json(),
    )


@pytest.fixture
def call_with_a_gap(call):
    make_span(call, 0, 20)
    make_span(call, 28, 60)
    for second, text in ((10, "Before."), (40, "After.")):
        make_turn(call, started_at=at(second), text=text)
    return call


def test_a_page_tells_what_was_missed_in_its_place(call_with_a_gap):
    page, _ = shown_to(call_with_a_gap, Role.SUPERVISOR)
    words = " ".join(re.sub("<[^>]*>", "", page[page.index("Before.") :]).split())
    assert "Not recorded 10:00:20\u201310:00:28" in words
    assert words.index("Not recorded") < words.index("After.")


def test_the_api_tells_what_was_missed_beside_the_turns(call_with_a_gap):
    _, answer = shown_to(call_with_a_gap, Role.SUPERVISOR)
    assert answer["conversation"]["gaps"] == [
        {"started_at": "2026-06-18T10:00:20Z", "ended_at": "2026-06-18T10:00:28Z"}
    ]


def test_a_viewer_learns_nothing_of_it(call_with_a_gap):
    page, answer = shown_to(call_with_a_gap, Role.VIEWER)
    assert "Not recorded" not in page
    assert "conversation" not in answer


def test_a_list_asks_as_often_for_many_calls_as_for_one(call, django_assert_max_num_queries):
    for number in range(5):
        other = make_conversation(call.organization, room_sid=f"RM_{number + 2}")
        make_span(other, 0)
    client = signed_in(call.organization, Role.SUPERVISOR)
    headers = {"X-Anyreach-Org": str(call.organization_id)}
    with django_assert_max_num_queries(8):
        assert len(client.get("/core/conversations", headers=headers).json()) == 6


def test_what_was_read_of_a_call_with_a_gap_can_be_imported(call_with_a_gap):
    _, answer = shown_to(call_with_a_gap, Role.SUPERVISOR)
    line = FinishedConversationIn(data={**answer, "id": str(uuid4())})
    assert line.is_valid(), line.errors
