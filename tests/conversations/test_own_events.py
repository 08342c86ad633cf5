"""Rooms that one process has joined are told each of what happens in it."""

import asyncio
import logging
import threading
from contextlib import AsyncExitStack

import pytest
from livekit import rtc
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiEvent

from anyreach.gateways.livekit import own_events
from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit.room import Speech
from tests.callers import Party, make_room, token_of

pytestmark = pytest.mark.usefixtures("livekit_server")

ROOMS = [f"own-{number}" for number in range(4)]


def test_each_room_hears_what_is_said_in_it_and_nothing_is_kept_of_those_left():
    async def play():
        heard = {}
        async with AsyncExitStack() as joined:
            for room in ROOMS:
                await make_room(room)
                following = livekit_room.followed(room, identity=f"recorder-{room}")
                heard[room] = (await joined.enter_async_context(following)).happenings
            parties = [
                await Party().join(token_of("agent-1", room, kind="agent")) for room in ROOMS
            ]
            for room, party in zip(ROOMS, parties, strict=True):
                await party.say("S1", "I am", f"I am in {room}.")
            said = [await asyncio.wait_for(_said_in(heard[room]), 10) for room in ROOMS]
            for party in parties:
                await party.leave()
        return said

    assert asyncio.run(play()) == [f"I am in {room}." for room in ROOMS]
    assert own_events._post().subscribers == {}


def test_what_happens_just_when_a_room_gets_its_address_reaches_it(monkeypatch):
    post, event = own_events._post(), FfiEvent()
    event.room_event.room_handle = 7

    class Interrupted(dict):
        """Somebody gets the address just after it was looked for."""

        def get(self, address):
            found = super().get(address)
            giving = threading.Thread(target=lambda: post.deliver(*address, queue))
            giving.start()
            giving.join(0.5)
            return found

    async def play():
        nonlocal queue
        queue = FfiClient.instance.queue.subscribe()
        monkeypatch.setattr(post, "subscribers", Interrupted())
        await asyncio.to_thread(FfiClient.instance.queue.put, event)
        return await asyncio.wait_for(queue.get(), 1)

    queue = None
    assert asyncio.run(play()) == event
    FfiClient.instance.queue.unsubscribe(queue)


def test_a_room_is_not_told_a_stream_in_pieces(monkeypatch):
    told, tell = [], rtc.Room._on_room_event

    def noting(room, event):
        told.append(event.WhichOneof("message"))
        tell(room, event)

    async def play():
        await make_room("unread")
        async with livekit_room.followed("unread", identity="recorder-unread") as following:
            party = await Party().join(token_of("agent-1", "unread", kind="agent"))
            await party.say("S1", "I am", "I am here.")
            await asyncio.wait_for(_said_in(following.happenings), 10)
            await party.leave()

    monkeypatch.setattr(rtc.Room, "_on_room_event", noting)
    asyncio.run(play())
    assert "text_stream_opened" in told
    assert not own_events.UNREAD & set(told)


def test_what_the_native_part_logs_stays_inside(monkeypatch, caplog):
    async def play():
        await make_room("quiet")
        own_events._post()
        caplog.clear()
        async with livekit_room.followed("quiet", identity="recorder-quiet"):
            await asyncio.sleep(1)

    monkeypatch.setenv("LIVEKIT_RTC_DEBUG", "1")
    with caplog.at_level(logging.DEBUG, logger="livekit"):
        asyncio.run(play())
    assert not [each for each in caplog.records if each.name == "livekit"]


async def _said_in(happenings):
    while True:
        happening = await happenings.get()
        if isinstance(happening, Speech) and happening.final:
            return happening.text
