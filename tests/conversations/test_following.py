"""Joining a LiveKit room as a recorder does."""

import asyncio
import signal

import pytest

from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit.server import LiveKitAway
from tests.callers import identities, make_room, until

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
