"""Trying in a room of our own what LiveKit's server allows."""

from contextlib import suppress

from asgiref.sync import async_to_sync
from livekit import api

from anyreach.gateways.livekit import desk as desks
from anyreach.gateways.livekit import phones
from anyreach.gateways.livekit.server import Gone, server


def can_unmute(*, room: str, identity: str) -> bool:
    """Return whether LiveKit would let us unmute a telephone (`enable_remote_unmute`).

    Tried in `room`, made for this and gone afterwards, by our desk as `identity`. Raises
    LiveKitAway.
    """
    return async_to_sync(_can_unmute)(room, identity)


async def _can_unmute(room: str, identity: str) -> bool:
    # A room that names its agent wakes no other.
    await phones.make_room(room, agent_name=room)
    try:
        async with desks.opened(room, identity=identity, human="") as desk:
            return await desk.can_unmute()
    finally:
        with suppress(Gone):
            async with server() as client:
                await client.room.delete_room(api.DeleteRoomRequest(room=room))
