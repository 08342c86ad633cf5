"""Trying in a room of our own what LiveKit's server allows."""

from contextlib import suppress

from asgiref.sync import async_to_sync
from livekit import api

from anyreach.gateways.livekit import handover, phones
from anyreach.gateways.livekit.server import Gone, server


def obstacle(*, room: str, identity: str) -> str | None:
    """Return what of LiveKit would keep a human from taking a call, in a sentence; None: nothing.

    Tried in `room`, made for this and gone afterwards, by us as `identity`. Raises LiveKitAway.
    """
    return async_to_sync(_obstacle)(room, identity)


async def _obstacle(room: str, identity: str) -> str | None:
    # A room that names its agent wakes no other.
    await phones.make_room(room, agent_name=room)
    opening = handover.opened(room, identity=identity, human="", supervisor_room="")
    try:
        async with opening as ours:
            return await ours.obstacle()
    finally:
        with suppress(Gone):
            async with server() as client:
                await client.room.delete_room(api.DeleteRoomRequest(room=room))
