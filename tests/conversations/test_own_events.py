"""Rooms that one process has joined are told each of what happens in it."""

import asyncio
import logging
import threading
from contextlib import AsyncExitStack

import pytest
from django.conf import settings
from livekit import rtc
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiEvent

from anyreach.gateways.livekit import own_events
from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit.room import Speech
from tests.callers import Party, make_room, token_of, told_until, until

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
            said = [await _said_in(heard[room]) for room in ROOMS]
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
            room = {"room": address[1], "queue": queue, "may_wait": False, "pieces": True}
            giving = threading.Thread(target=post.resubscribe, kwargs=room)
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


@pytest.mark.parametrize("wanted", [False, True])
def test_a_room_is_told_of_a_streams_pieces_only_if_it_wants_them(monkeypatch, wanted):
    told, tell = [], rtc.Room._on_room_event

    def noting(room, event):
        told.append(event.WhichOneof("message"))
        tell(room, event)

    async def play():
        await make_room("unread")
        room = rtc.Room()
        await room.connect(settings.LIVEKIT_URL, token_of("agent-2", "unread", kind="agent"))
        own_events.only_its_own(room, pieces=wanted)
        party = await Party().join(token_of("agent-1", "unread", kind="agent"))
        await party.say("S1", "I am", "I am here.")
        await until(lambda: told.count("text_stream_opened") == 2)
        await room.disconnect()
        await party.leave()

    monkeypatch.setattr(rtc.Room, "_on_room_event", noting)
    asyncio.run(play())
    assert bool(own_events.PIECES & set(told)) == wanted


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


def test_python_knows_livekits_threads_from_one_event_to_the_next(monkeypatch):
    here, known = threading.local(), set()
    events = FfiClient.instance.queue
    put = events.put

    def noting(event):
        here.state = getattr(here, "state", None) or object()
        known.add((threading.get_native_id(), here.state))
        put(event)

    async def play():
        await make_room("known")
        async with livekit_room.followed("known", identity="recorder-known") as following:
            party = await Party().join(token_of("agent-1", "known", kind="agent"))
            for number in range(20):
                await party.say(f"S{number}", "I am", "I am here.")
            for _ in range(20):
                await _said_in(following.happenings)
            await party.leave()

    own_events._post()
    monkeypatch.setattr(events, "put", noting)
    asyncio.run(play())
    threads = {thread for thread, _ in known}
    assert threads
    assert len(known) == len(threads)


async def _said_in(happenings):
    while True:
        *_, speech = await told_until(happenings, Speech)
        if speech.final:
            return speech.text
