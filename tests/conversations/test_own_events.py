"""Rooms that one process has joined are told each of what happens in it."""

import asyncio
from contextlib import AsyncExitStack

import pytest

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


async def _said_in(happenings):
    while True:
        happening = await happenings.get()
        if isinstance(happening, Speech) and happening.final:
            return happening.text
