"""Rooms that one process has joined are told each of what happens in it."""

import asyncio
import threading
from contextlib import AsyncExitStack

import pytest
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


async def _said_in(happenings):
    while True:
        happening = await happenings.get()
        if isinstance(happening, Speech) and happening.final:
            return happening.text
