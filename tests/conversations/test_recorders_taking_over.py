"""A recorder that goes, by a signal or by a crash, while people speak: another one takes over."""

import asyncio
import contextlib
import json
import time
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from conversations import recording
from conversations.models import Conversation, RecordedSpan, Status
from conversations.recorded import gaps_of
from tests.callers import call, identities, until
from tests.conftest import Process, wait_for_worker
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.usefixtures("web")


@pytest.fixture
def another(worker):
    """A second worker, not started yet."""
    another = Process("worker-2", "manage.py", "worker")
    yield another
    another.kill()


@contextlib.asynccontextmanager
async def recorded_call():
    """A call in progress, followed by a recorder."""
    room = f"room-{uuid4()}"
    claim = {"anyreach": {"organization": (await sync_to_async(make_organization)()).slug}}
    async with call(room, metadata=json.dumps(claim)) as (caller, agent):
        await until(sync_to_async(lambda: count(ended_at=None) == 1), within_s=30)
        await until(
            sync_to_async(Conversation.objects.filter(status=Status.IN_PROGRESS).exists),
            within_s=30,
        )
        yield caller, agent


def count(**conditions):
    return RecordedSpan.objects.filter(**conditions).count()


def only() -> Conversation:
    return Conversation.objects.get()


def said():
    return [turn.text for turn in only().turns.filter(final=True)]


def gaps():
    """What was missed since the first recorder came, which may have been just starting up."""
    first = RecordedSpan.objects.order_by("started_at")[0]
    return [gap for gap in gaps_of(only()) if gap.started_at >= first.started_at]


async def wait_for(*texts, within_s=10):
    """Wait until these have been written, each once. Two of one moment stand in any order."""
    with contextlib.suppress(TimeoutError):
        await until(sync_to_async(lambda: sorted(said()) == sorted(texts)), within_s=within_s)
    assert sorted(await sync_to_async(said)()) == sorted(texts)


async def talk(caller, agent, number, *, spoken):
    """Say one thing each: the caller all at once, the agent word by word."""
    await agent.say(f"U{number}", f"Question {number}?", speaker=caller)
    spoken.append(f"Question {number}?")
    writer = await agent.begin(f"A{number}")
    for word in ("Answer", str(number)):
        await writer.write(f"{word} ")
        await asyncio.sleep(0.2)
    await writer.aclose(attributes={"lk.transcription_final": "true"})
    spoken.append(f"Answer {number} ")


def test_a_worker_that_is_stopped_hands_its_call_over_without_a_gap(worker, another):
    spoken = []

    async def play():
        async with recorded_call() as (caller, agent):
            another.start()
            await sync_to_async(wait_for_worker)(2)
            await talk(caller, agent, 0, spoken=spoken)
            worker.stop()
            number = 1
            while worker.is_running:
                await talk(caller, agent, number, spoken=spoken)
                number += 1
            await talk(caller, agent, number, spoken=spoken)
            await wait_for(*spoken)

    asyncio.run(play())
    assert gaps() == []
    assert count() == 2


def test_a_sentence_that_is_being_said_is_heard_out_by_who_heard_its_beginning(worker, another):
    async def play():
        async with recorded_call() as (_, agent):
            another.start()
            await sync_to_async(wait_for_worker)(2)
            writer = await agent.begin("A1")
            await writer.write("I will ")
            await asyncio.sleep(0.5)
            worker.stop()
            await until(sync_to_async(lambda: count(ended_at=None) == 2), within_s=30)
            await asyncio.sleep(2)
            await writer.write("look into it.")
            await writer.aclose(attributes={"lk.transcription_final": "true"})
            await wait_for("I will look into it.")
            await agent.say("A2", "Anything else?")
            await wait_for("I will look into it.", "Anything else?")

    asyncio.run(play())
    assert gaps() == []


def test_after_a_crash_another_takes_over_and_what_was_missed_is_told(worker, another):
    async def play():
        async with recorded_call() as (_, agent):
            another.start()
            await sync_to_async(wait_for_worker)(2)
            await agent.say("A1", "Before.")
            await wait_for("Before.")
            worker.kill()
            died = time.time()
            await until(sync_to_async(lambda: count() == 2), within_s=15)
            print(f"Another recorder was there {time.time() - died:.1f} s after a crash.")
            await agent.say("A2", "After.")
            # Until it is sure that the other is dead, the next only gathers.
            await wait_for("Before.", "After.", within_s=20)
            print(f"It wrote {time.time() - died:.1f} s after the crash.")
            return died

    died = asyncio.run(play())
    (gap,) = gaps()
    assert -1.5 < gap.started_at.timestamp() - died < 0.1
    assert gap.ended_at == RecordedSpan.objects.last().started_at


def test_a_call_that_two_workers_were_told_of_is_recorded_once(worker, another):
    async def play():
        another.start()
        async with recorded_call() as (_, agent):
            for _ in range(3):
                await sync_to_async(recording.ensure)(await sync_to_async(only)())
            # As if it were another call's: past every lock.
            job = recording.record.configure(lock="another")
            await sync_to_async(job.defer)(conversation_id=str((await sync_to_async(only)()).pk))
            await until(sync_to_async(lambda: count() == 2), within_s=30)
            await agent.say("A1", "Hello.")
            await until(sync_to_async(lambda: count(ended_at=None) == 1), within_s=30)
            await agent.say("A2", "Goodbye.")
            await wait_for("Hello.", "Goodbye.")
            recorders = [
                each for each in await identities(agent.room.name) if each.startswith("recorder-")
            ]
            assert len(recorders) == 1

    asyncio.run(play())
    assert gaps() == []
