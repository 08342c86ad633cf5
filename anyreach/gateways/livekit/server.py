"""LiveKit's server API: which rooms and participants there are, and taking them away.

Every function raises LiveKitAway (503) when the server does not answer within
LIVEKIT_TIMEOUT_S seconds or refuses our key.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import aiohttp
from asgiref.sync import async_to_sync
from django.conf import settings
from livekit import api

from anyreach.errors import Away
from anyreach.gateways.livekit.words import (
    ParticipantInfo,
    RoomInfo,
    participant_info,
    room_info,
)

LIVE_WITHIN_S = 0.3


class LiveKitAway(Away):
    detail = "LiveKit does not answer. Try again in a few seconds."


class KeyRefused(LiveKitAway):
    """LiveKit answers, but does not take LIVEKIT_API_KEY and LIVEKIT_API_SECRET."""


class Gone(Exception):
    """The room or participant is not on the server."""


@asynccontextmanager
async def server(
    *, failover: bool = True, timeout_s: float | None = None
) -> AsyncIterator[api.LiveKitAPI]:
    """Yield a client of the server API, and raise our words for its errors.

    With `failover`, what fails is asked of LiveKit Cloud's other regions too.
    """
    client = api.LiveKitAPI(
        settings.LIVEKIT_URL,
        settings.LIVEKIT_API_KEY,
        settings.LIVEKIT_API_SECRET,
        timeout=aiohttp.ClientTimeout(total=timeout_s or settings.LIVEKIT_TIMEOUT_S),
        failover=failover,
    )
    try:
        async with our_errors():
            yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def our_errors() -> AsyncIterator[None]:
    try:
        yield
    except api.ServerError as error:
        if error.code == api.ServerErrorCode.NOT_FOUND:
            raise Gone from error
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise KeyRefused from error
        raise LiveKitAway from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LiveKitAway from error


def is_decided(error: api.ServerError) -> bool:
    """Whether it is LiveKit's decision that `error` tells: not that nobody answered, or too late,
    or that a proxy is in the way."""
    if error.code == api.ServerErrorCode.CANCELED:
        return True
    undecided = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    return error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status not in undecided


def list_rooms(names: list[str] | None = None) -> list[RoomInfo]:
    """Return the rooms that are there, of those `names` or of all."""
    return async_to_sync(_list_rooms)(names)


async def _list_rooms(names: list[str] | None) -> list[RoomInfo]:
    async with server() as client:
        answer = await client.room.list_rooms(api.ListRoomsRequest(names=names))
    return [room_info(room) for room in answer.rooms]


async def is_live(room: str) -> bool:
    """Whether anybody has been in `room` since LiveKit was started.

    LiveKit lists rooms, and who was in them, of before a restart too. The first who comes back
    must not be one of us: a room that is older than `empty_timeout` and has nobody in it but
    agents is closed within a second (`CloseIfEmpty` of its pkg/rtc/room.go).
    """
    nobody = api.SendDataRequest(room=room, data=b"", destination_identities=["nobody"])
    # Where there is nobody, LiveKit would be three seconds to say so.
    with suppress(Gone, LiveKitAway):
        async with server(timeout_s=LIVE_WITHIN_S) as client:
            await client.room.send_data(nobody)
            return True
    return False


def list_participants(room: str) -> list[ParticipantInfo]:
    """Return everybody in `room`, hidden ones too; nobody when the room is gone."""
    try:
        return async_to_sync(_list_participants)(room)
    except Gone:
        return []


async def _list_participants(room: str) -> list[ParticipantInfo]:
    async with server() as client:
        answer = await client.room.list_participants(api.ListParticipantsRequest(room=room))
    return [participant_info(participant) for participant in answer.participants]


def list_all() -> list[tuple[RoomInfo, list[ParticipantInfo]]]:
    """Return every room that is there, with everybody in it."""
    return async_to_sync(_list_all)()


async def _list_all() -> list[tuple[RoomInfo, list[ParticipantInfo]]]:
    found = []
    async with server() as client:
        for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms:
            with suppress(Gone):
                async with our_errors():
                    wanted = api.ListParticipantsRequest(room=room.name)
                    answer = await client.room.list_participants(wanted)
                    present = [participant_info(each) for each in answer.participants]
                    found.append((room_info(room), present))
    return found


def remove_participant(room: str, identity: str) -> bool:
    """Put a participant out of `room`. Returns False when it was not there."""
    try:
        async_to_sync(_remove_participant)(room, identity)
    except Gone:
        return False
    return True


async def _remove_participant(room: str, identity: str) -> None:
    async with server() as client:
        await client.room.remove_participant(
            api.RoomParticipantIdentity(room=room, identity=identity)
        )


def remove_participants(room: str, identities: Sequence[str]) -> None:
    """Put many out of `room` at once; who is not there is let be. Raises LiveKitAway, all tried."""
    async_to_sync(_remove_participants)(room, identities)


async def _remove_participants(room: str, identities: Sequence[str]) -> None:
    async def remove(client: api.LiveKitAPI, identity: str) -> None:
        with suppress(Gone):
            async with our_errors():
                who = api.RoomParticipantIdentity(room=room, identity=identity)
                await client.room.remove_participant(who)

    async with server() as client:
        removals = (remove(client, identity) for identity in identities)
        outcomes = await asyncio.gather(*removals, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def delete_room(room: str) -> bool:
    """Close `room` and put everybody out. Returns False when it was not there."""
    try:
        async_to_sync(_delete_room)(room)
    except Gone:
        return False
    return True


async def _delete_room(room: str) -> None:
    async with server() as client:
        await client.room.delete_room(api.DeleteRoomRequest(room=room))
