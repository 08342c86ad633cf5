"""What the recorders of a process have heard is written together, or else each for itself."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import recorded
from conversations.models import Conversation, RecordedSpan, Turn
from conversations.transcript import Text, fold
from conversations.turns import Saved
from conversations.writing import Heard, Writer
from tests.conversations.factories import make_conversation
from tests.organizations.factories import make_organization

SENTENCE = Text("S1", "user", "guest_1", "I want a refund.", True, 1_000)


@pytest.fixture
def calls(transactional_db) -> list[Conversation]:
    organization = make_organization()
    return [make_conversation(organization) for _ in range(5)]


def heard_in(call: Conversation) -> Heard:
    span = recorded.begin(call, identity="recorder-1", at=timezone.now())
    saved = Saved(call)
    return Heard(span, saved.news(saved.lines, fold(saved.lines, SENTENCE)))


def written(
    several: list[Heard], *, apart_s: float = 0
) -> tuple[list[BaseException | None], list[str]]:
    """Have all of them written, each `apart_s` after the one before; return what became of each,
    and the SQL of it."""

    async def write():
        watching = CaptureQueriesContext(connection)
        await sync_to_async(watching.__enter__)()
        writer = Writer()

        async def write_in_turn(number, heard):
            await asyncio.sleep(number * apart_s)
            await writer.write(heard)

        writing = itertools.starmap(write_in_turn, enumerate(several))
        outcomes = await asyncio.gather(*writing, return_exceptions=True)
        return outcomes, await sync_to_async(
            lambda: [query["sql"] for query in watching.captured_queries]
        )()

    return asyncio.run(write())


def test_what_is_heard_in_many_calls_is_written_at_once(calls):
    outcomes, queries = written([heard_in(call) for call in calls])
    assert outcomes == [None] * len(calls)
    assert len([sql for sql in queries if sql.startswith("INSERT")]) == 1
    assert len([sql for sql in queries if "pg_notify" in sql]) == 1
    for call in calls:
        call.refresh_from_db()
        assert [turn.text for turn in call.turns.all()] == ["I want a refund."]
        assert call.user_turn_count == 1


def test_what_is_heard_soon_after_is_written_together(calls):
    outcomes, queries = written([heard_in(call) for call in calls], apart_s=0.01)
    assert outcomes == [None] * len(calls)
    assert 1 < len([sql for sql in queries if sql.startswith("INSERT")]) < len(calls)


def test_a_call_that_is_gone_keeps_no_other_from_being_written(calls):
    several = [heard_in(call) for call in calls]
    Conversation.objects.filter(pk=calls[2].pk).delete()
    outcomes, _ = written(several)
    assert outcomes == [None] * len(calls)
    assert Turn.objects.count() == len(calls) - 1


def test_words_that_cannot_be_kept_keep_no_others_from_being_written(calls):
    several = [heard_in(call) for call in calls]
    several[2].news.turns[0].conversation_id = calls[2].organization_id
    outcomes, _ = written(several)
    assert [type(each) for each in outcomes].count(IntegrityError) == 1
    assert isinstance(outcomes[2], IntegrityError)
    assert Turn.objects.count() == len(calls) - 1


def test_a_second_try_tells_the_same_of_what_was_missed(calls):
    several = [heard_in(call) for call in calls]
    began, lost, back = (timezone.now() + timedelta(minutes=minute) for minute in range(3))
    RecordedSpan.objects.filter(pk=several[0].span.pk).update(started_at=began)
    several[0] = replace(several[0], absences=[(lost, back)])
    several[2].news.turns[0].conversation_id = calls[2].organization_id
    written(several)
    spans = calls[0].recorded_spans.values_list("started_at", "ended_at")
    assert set(spans) == {(began, lost), (back, None)}


def test_a_recorder_that_was_relieved_writes_no_more(calls):
    several = [heard_in(call) for call in calls]
    recorded.take_over(recorded.begin(calls[2], identity="recorder-2", at=timezone.now()))
    written(several)
    assert calls[2].turns.count() == 0
    assert Turn.objects.count() == len(calls) - 1
