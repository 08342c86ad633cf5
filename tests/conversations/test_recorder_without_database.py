"""PostgreSQL is away for a while, in the midst of a call: what is said waits, and is written."""

import asyncio
import logging

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, OperationalError

from conversations import recording
from conversations.recording import Recorder
from conversations.transcript import Text, fold
from conversations.turns import Saved
from tests.callers import until
from tests.conftest import Process
from tests.conversations.factories import make_conversation
from tests.conversations.test_recorders_taking_over import (
    count,
    gaps,
    recorded_call,
    said,
    wait_for,
)

# Long enough for the worker to give up; twenty seconds are the same, only longer.
AWAY_S = 6


@pytest.fixture
def its_worker(worker, road):
    """The only worker, not started yet, whose database is at the road's end."""
    worker.kill()
    its_worker = Process("worker-2", "manage.py", "worker", DATABASE_URL=road.database_url)
    yield its_worker
    its_worker.kill()


@pytest.mark.usefixtures("web")
def test_what_is_said_while_the_database_is_away_is_written_when_it_is_back(its_worker, road):
    async def play():
        await road.mend()
        its_worker.start()
        async with recorded_call() as (_, agent):
            await agent.say("A1", "Before.")
            await wait_for("Before.")
            await road.cut()
            await agent.say("A2", "Meanwhile.")
            await asyncio.sleep(AWAY_S)
            assert await sync_to_async(said)() == ["Before."]
            await agent.say("A3", "Still.")
            await road.mend()
            await wait_for("Before.", "Meanwhile.", "Still.", within_s=20)
            # The worker, too, has come back: it has taken the call's job up again.
            await until(sync_to_async(lambda: count() == 2), within_s=60)
            await until(sync_to_async(lambda: count(ended_at=None) == 1), within_s=30)
            await agent.say("A4", "After.")
            await wait_for("Before.", "Meanwhile.", "Still.", "After.")
        await road.cut()

    asyncio.run(play())
    assert gaps() == []


class Failing:
    """A writer to whom a database does this, a few times."""

    def __init__(self, error: Exception, times: int) -> None:
        self.errors = [error] * times
        self.written = []

    async def write(self, heard):
        if self.errors:
            raise self.errors.pop()
        self.written.append(heard)


@pytest.fixture
def last_words(db, monkeypatch):
    """Return a function: have a recorder whose call is over write what was said, by a writer."""
    recorder = Recorder(make_conversation())
    recorder.span = None
    recorder.saved = Saved(recorder.conversation)
    recorder.written = recorder.saved.lines
    said = Text("S1", "user", "guest_1", "I want a refund.", True, 1_000)
    recorder.lines = fold(recorder.written, said)
    monkeypatch.setattr(recording, "REFUSED_FOR_S", -1)
    monkeypatch.setattr(recording, "AGAIN_AFTER_S", 0.01)

    def write(writer):
        monkeypatch.setattr(recording, "writer", writer)
        asyncio.run(recorder._write_all())
        return [turn.text for heard in writer.written for turn in heard.news.turns]

    return write


def test_last_words_wait_for_the_database_however_long_and_tell_it_once(last_words, caplog):
    with caplog.at_level(logging.INFO, logger="conversations"):
        assert last_words(Failing(OperationalError(), times=20)) == ["I want a refund."]
    assert [record.getMessage() for record in caplog.records] == [
        "A transcript waits for the database",
        "A transcript that waited for the database is written",
    ]


def test_last_words_that_the_database_refuses_are_told_as_lost(last_words, caplog):
    assert last_words(Failing(IntegrityError(), times=20)) == []
    assert "it is lost" in caplog.records[-1].getMessage()
