"""LiveKit's SIP service: its outbound trunks, and calling a telephone over one."""

from contextlib import suppress
from enum import Enum, auto

from asgiref.sync import async_to_sync
from google.protobuf.duration_pb2 import Duration
from livekit import api

from anyreach.errors import Away
from anyreach.gateways.livekit.server import Gone, is_decided, server

SIP_BUSY = {486, 600}
SIP_NOBODY = {408, 480, 487}
SIP_NO_SUCH_NUMBER = {404, 410, 484, 604}
SIP_DECLINED = {603, 607, 608}


class NoSipService(Away):
    """LiveKit has no Redis, over which it would reach a SIP service."""

    detail = "LiveKit has no SIP service."


class Why(Enum):
    """Why a telephone was not reached."""

    BUSY = auto()
    DECLINED = auto()
    NOBODY = auto()
    NO_SUCH_NUMBER = auto()
    NO_TRUNK = auto()
    NO_SERVICE = auto()
    TRUNK_FAILED = auto()


class NotReached(Exception):
    """`is_certain`: LiveKit has decided so; else its answer was lost, and it may ring after all."""

    def __init__(self, why: Why, *, is_certain: bool = True) -> None:
        super().__init__(why.name)
        self.why, self.is_certain = why, is_certain


def has_outbound_trunk(sip_trunk_id: str) -> bool:
    """Return whether LiveKit knows this trunk. Raises LiveKitAway, NoSipService (503)."""
    return async_to_sync(_has_outbound_trunk)(sip_trunk_id)


async def _has_outbound_trunk(sip_trunk_id: str) -> bool:
    wanted = api.ListSIPOutboundTrunkRequest(trunk_ids=[sip_trunk_id])
    async with server() as client:
        try:
            answer = await client.sip.list_outbound_trunk(wanted)
        except api.ServerError as error:
            if error.code == api.ServerErrorCode.INTERNAL:  # without Redis there is no SIP
                raise NoSipService from error
            raise
    return any(trunk.sip_trunk_id == sip_trunk_id for trunk in answer.items)


def takes_calls() -> bool:
    """Return whether a SIP service would take a call now. Nothing is dialled.

    Raises LiveKitAway, NoSipService (503).
    """
    return async_to_sync(_takes_calls)()


async def _takes_calls() -> bool:
    await _has_outbound_trunk("")
    # Without codecs there is no call: livekit-sip, and nobody before it, refuses this one.
    call = api.CreateSIPParticipantRequest(
        sip_call_to="nobody",
        sip_number="nobody",
        room_name="nowhere",
        trunk=api.SIPOutboundConfig(hostname="nowhere.invalid"),
        media=api.SIPMediaConfig(only_listed_codecs=True),
    )
    async with server(failover=False) as client:
        try:
            await client.sip.create_sip_participant(call)
        except api.ServerError as error:
            return error.code != api.ServerErrorCode.UNAVAILABLE
    return True


async def make_room(room: str, *, agent_name: str | None) -> None:
    """Make `room`, to which the agent `agent_name` is dispatched; None: any without a name.

    Raises LiveKitAway (503).
    """
    dispatch = [api.RoomAgentDispatch(agent_name=agent_name)] if agent_name else []
    async with server() as client:
        await client.room.create_room(api.CreateRoomRequest(name=room, agents=dispatch))


async def dial(
    *,
    room: str,
    identity: str,
    sip_trunk_id: str,
    destination: str,
    shown_number: str,
    ringing_timeout_s: int,
    deaf_for_half_a_second: bool = False,
) -> None:
    """Call `destination` (E.164 or a SIP URI) into `room` as participant `identity`, until it
    answers and hears who is there; `deaf_for_half_a_second`, it does so that much later.

    A SIP URI is called directly, without the trunk's user and password. Raises NotReached;
    LiveKitAway, after which it may be ringing.
    """
    call = api.CreateSIPParticipantRequest(
        sip_call_to=destination,
        sip_number=shown_number,
        room_name=room,
        participant_identity=identity,
        ringing_timeout=Duration(seconds=ringing_timeout_s),
        wait_until_answered=True,
        # Digits that are dialled on answer, before sound goes either way: a pause, and none.
        dtmf="w" if deaf_for_half_a_second else "",
    )
    user, _, host = destination.removeprefix("sip:").partition("@")
    if host:
        call.sip_call_to = user
        call.trunk.hostname = host
    else:
        call.sip_trunk_id = sip_trunk_id
    # Where it fails over, the library sends a request twice: the telephone could ring twice.
    async with server(failover=False) as client:
        try:
            await client.sip.create_sip_participant(call)
        except api.ServerError as error:
            told_by_sip = getattr(error, "sip_status_code", None) is not None
            is_certain = told_by_sip or is_decided(error)
            raise NotReached(_why(error), is_certain=is_certain) from error


def seclude(room: str, identity: str) -> bool:
    """Let a telephone that has not been connected yet neither hear nor be heard. Returns whether
    it is now so; one that has, or is gone, is let be. Raises LiveKitAway (503).
    """
    with suppress(Gone):
        return async_to_sync(_part)(room, identity, is_apart=True)
    return False


def admit(room: str, identity: str) -> None:
    """Take back that a telephone was secluded. Raises LiveKitAway (503)."""
    with suppress(Gone):
        async_to_sync(_part)(room, identity, is_apart=False)


async def _part(room: str, identity: str, *, is_apart: bool) -> bool:
    async with server() as client:
        telephone = await client.room.get_participant(
            api.RoomParticipantIdentity(room=room, identity=identity)
        )
        if telephone.attributes.get("sip.callStatus") == "active":
            return False
        await client.room.update_participant(ears_of(room, identity, can_subscribe=not is_apart))
        for track in telephone.tracks:
            await client.room.mute_published_track(
                mouth_of(room, identity, track.sid, muted=is_apart)
            )
        return True


def ears_of(room: str, identity: str, *, can_subscribe: bool) -> api.UpdateParticipantRequest:
    """Return what says whether a telephone may hear."""
    # It replaces the whole set. Without can_publish its track is gone for good, without
    # can_update_metadata its call's status stands still.
    permission = api.ParticipantPermission(
        can_subscribe=can_subscribe,
        can_publish=True,
        can_publish_data=True,
        can_update_metadata=True,
        hidden=False,
    )
    return api.UpdateParticipantRequest(room=room, identity=identity, permission=permission)


def mouth_of(room: str, identity: str, sid: str, *, muted: bool) -> api.MuteRoomTrackRequest:
    """Return what says whether a telephone may be heard."""
    return api.MuteRoomTrackRequest(room=room, identity=identity, track_sid=sid, muted=muted)


def _why(error: api.ServerError) -> Why:
    status = error.sip_status_code if isinstance(error, api.SipCallError) else None
    if status is None:
        return {
            api.ServerErrorCode.CANCELED: Why.NOBODY,
            api.ServerErrorCode.NOT_FOUND: Why.NO_TRUNK,
            api.ServerErrorCode.INTERNAL: Why.NO_SERVICE,
            api.ServerErrorCode.UNAVAILABLE: Why.NO_SERVICE,
        }.get(error.code, Why.TRUNK_FAILED)
    if status in SIP_BUSY:
        return Why.BUSY
    if status in SIP_NOBODY:
        return Why.NOBODY
    if status in SIP_NO_SUCH_NUMBER:
        return Why.NO_SUCH_NUMBER
    return Why.DECLINED if status in SIP_DECLINED else Why.TRUNK_FAILED
