"""Joining a LiveKit room as a recorder does."""

import asyncio
import gc
import os
import signal
import weakref
from contextlib import AsyncExitStack, suppress

import pytest
from asgiref.sync import sync_to_async

from anyreach.gateways.livekit import desk, own_events, server, streams
from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit.room import Closed, Presence, Speech, SpeechCut
from anyreach.gateways.livekit.server import LiveKitAway
from conversations.recording import event_of
from conversations.transcript import fold
from tests.callers import Party, identities, make_room, token_of, told_until, until

pytestmark = pytest.mark.usefixtures("livekit_server")

# Longer than LiveKit's library waits for somebody who takes a connection.
GIVEN_UP_AFTER_S = 20


@pytest.fixture
def endings():
    """What would have ended this process."""
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    yield came
    signal.signal(signal.SIGTERM, before)


def test_a_connection_that_comes_too_late_is_left_and_ends_nothing(monkeypatch, endings):
    monkeypatch.setattr(livekit_room, "CONNECT_TIMEOUT_S", 0.001)

    async def play():
        await make_room("late")
        with pytest.raises(LiveKitAway):
            async with livekit_room.followed("late", identity="recorder-late"):
                pass
        await until(lambda: not livekit_room._late)
        assert await identities("late") == []
        await asyncio.sleep(GIVEN_UP_AFTER_S)

    asyncio.run(play())
    assert endings == []


def heard_of(say):
    """Return all that a recorder is told while an agent does `say`, after it is done."""

    async def play():
        await make_room("heard")
        agent = await Party().join(token_of("agent-1", "heard", kind="agent"))
        async with livekit_room.followed("heard", identity="recorder-1") as following:
            await told_until(following.happenings, Presence)
            await say(await agent.begin("S1"))
            await asyncio.sleep(0.5)
            following.stop()
            *told, _ = await told_until(following.happenings, Closed)
        await agent.leave()
        return told

    return asyncio.run(play())


def test_of_words_that_grow_while_nobody_takes_them_in_a_few_wait_and_all_at_their_end():
    words = [f"word {number} " for number in range(300)]

    async def say(writer):
        for word in words:
            await writer.write(word)
        await writer.aclose(attributes={"lk.transcription_final": "true"})

    *growing, final = heard_of(say)
    assert (final.text, final.final) == ("".join(words), True)
    assert len(growing) == livekit_room.WAITING_AT_MOST


def test_what_nobody_took_in_as_it_grew_stands_in_its_order(monkeypatch):
    sentences = [f"Sentence {number}." for number in range(livekit_room.WAITING_AT_MOST)]
    monkeypatch.setattr(livekit_room, "_now", lambda: 1000)  # all in one instant
    lines = ()

    async def play():
        await make_room("breath")
        agent = await Party().join(token_of("agent-1", "breath", kind="agent"))
        async with livekit_room.followed("breath", identity="recorder-1") as following:
            await told_until(following.happenings, Presence)
            for number, sentence in enumerate(sentences):
                await agent.say(f"S{number}", "Sent", sentence)
            await asyncio.sleep(0.5)
            following.stop()
            *told, _ = await told_until(following.happenings, Closed)
        await agent.leave()
        return told

    for happening in asyncio.run(play()):
        if isinstance(happening, Speech):
            lines = fold(lines, event_of(happening))
    assert [line.text for line in lines] == sentences


def test_one_who_never_stops_is_broken_off(monkeypatch):
    monkeypatch.setattr(streams, "LONGEST", 1000)

    async def say(writer):
        for _ in range(20):
            await writer.write("word " * 20)

    *growing, cut = heard_of(say)
    assert max(len(speech.text) for speech in growing) == 1000
    assert isinstance(cut, SpeechCut)


def test_what_was_said_just_before_the_room_was_closed_is_told(monkeypatch):
    monkeypatch.setattr(own_events, "TOLD_EVERY_S", 0.3)

    async def play():
        await make_room("last")
        agent = await Party().join(token_of("agent-1", "last", kind="agent"))
        async with livekit_room.followed("last", identity="recorder-1") as following:
            await agent.say("S1", "One moment.")
            await told_until(following.happenings, Speech)
            await agent.say("S2", "Goodbye.")
            writer = await agent.begin("S3")
            await writer.write("And thank")
            # It is on its way to us before LiveKit hears of the end.
            await asyncio.sleep(0.1)
            await sync_to_async(server.delete_room)("last")
            *told, _ = await told_until(following.happenings, Closed)
        await agent.leave()
        return told

    told = asyncio.run(play())
    assert any(each.text == "Goodbye." and each.final for each in told if isinstance(each, Speech))
    assert isinstance(told[-1], SpeechCut)


async def leave_it(room):
    """Do nothing more than leaving."""


async def see_it_deleted(room):
    await sync_to_async(server.delete_room)("kept")
    await until(lambda: not room.isconnected())


@pytest.mark.parametrize("end", [leave_it, see_it_deleted])
@pytest.mark.parametrize(
    "joined",
    [
        lambda: livekit_room.followed("kept", identity="recorder-1"),
        lambda: desk.opened("kept", identity="desk-1", human="human-1"),
    ],
    ids=["followed", "a desk's"],
)
def test_a_room_that_was_left_is_kept_by_nobody(joined, end):
    """LiveKit's native part frees a room with the last who knows it, and Python looks seldom."""

    async def play():
        await make_room("kept")
        agent = await Party().join(token_of("agent-1", "kept", kind="agent"))
        async with joined() as inside:
            room = weakref.ref(inside.room)
            await until(lambda: room().remote_participants)
            await agent.say("S1", "Hello there.")
            await end(room())
        del inside
        await agent.leave()
        await until(lambda: room() is None)

    gc.disable()
    try:
        asyncio.run(play())
    finally:
        gc.enable()


def test_to_follow_a_room_takes_few_of_a_processs_sockets():
    """Of the second on: LiveKit's library gathers anew in them whenever it sees a network."""

    async def play():
        async with AsyncExitStack() as all_of_them:
            for room in ("few-0", "few-1"):
                await make_room(room)
                before = sockets()
                await all_of_them.enter_async_context(
                    livekit_room.followed(room, identity=f"recorder-{room}")
                )
            return sockets() - before

    assert asyncio.run(play()) < 10


def sockets():
    """Return how many sockets this process has open."""
    count = 0
    for opened in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{opened}").startswith("socket:")
    return count
