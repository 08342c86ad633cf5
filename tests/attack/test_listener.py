"""With a genuine listener token and a hostile client: what a listener must never be able to do."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from livekit import api, rtc
from livekit.rtc.participant import PublishTrackError

from tests.callers import Party, identities, server, token_of, until
from tests.ears import listen_with, live_call, mint
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.usefixtures("web", "worker")


@dataclass
class Scene:
    room: str
    caller: Party
    agent: Party
    listener: Party
    token: str


@asynccontextmanager
async def attacked(organization, room: str) -> AsyncIterator[Scene]:
    """Yield a live call with a listener in it."""
    async with live_call(organization, room) as (caller, agent):
        token = await sync_to_async(mint)(organization, room)
        listener = await listen_with(token)
        for party in (caller, agent):
            party.seen.clear()
        yield Scene(room, caller, agent, listener, token)


def attack(play: Callable[[Scene], Awaitable[None]]) -> None:
    """Run `play` on a live call; caller and agent notice nothing of it."""
    organization = make_organization()

    async def run() -> None:
        async with attacked(organization, f"room-{uuid4()}") as scene:
            await play(scene)
            await asyncio.sleep(1)
            for party in (scene.caller, scene.agent):
                told = [each for each in party.seen if each.startswith(("participant", "track"))]
                assert told == []
                assert len(party.room.remote_participants) == 1
                assert party.room.num_participants <= 2

    asyncio.run(run())


async def ear_of(scene: Scene) -> api.ParticipantInfo:
    """Return what the server knows of the listener, hidden from everybody else."""
    async with server() as client:
        told = await client.room.list_participants(api.ListParticipantsRequest(room=scene.room))
    (ear,) = [each for each in told.participants if each.identity.startswith("listener-")]
    return ear


def test_a_listener_cannot_publish_sound_or_video():
    async def play(scene):
        audio = rtc.LocalAudioTrack.create_audio_track("x", rtc.AudioSource(48_000, 1))
        video = rtc.LocalVideoTrack.create_video_track("x", rtc.VideoSource(64, 64))
        for track in (audio, video):
            with pytest.raises((PublishTrackError, TimeoutError)):
                await asyncio.wait_for(
                    scene.listener.room.local_participant.publish_track(track), 3
                )
        assert list((await ear_of(scene)).tracks) == []

    attack(play)


def test_a_listener_cannot_send_data_or_text_or_call_procedures():
    async def play(scene):
        heard: list[str] = []
        for party in (scene.caller, scene.agent):
            party.room.on("data_received", lambda packet: heard.append("data"))
            party.room.register_text_stream_handler(
                "lk.chat", lambda reader, sender: heard.append("text")
            )
            party.room.register_byte_stream_handler(
                "file", lambda reader, sender: heard.append("bytes")
            )

        @scene.agent.room.local_participant.register_rpc_method("lk.sip.EndCall")
        async def end_call(data: rtc.RpcInvocationData) -> str:
            heard.append("rpc")
            return "ended"

        me = scene.listener.room.local_participant
        attempts = (
            me.publish_data(b"hello", reliable=True),
            me.send_text("hello", topic="lk.chat"),
            me.perform_rpc(destination_identity="agent-1", method="lk.sip.EndCall", payload="{}"),
        )
        for attempt in attempts:
            with suppress(Exception):
                await asyncio.wait_for(attempt, 4)
        await asyncio.sleep(1)
        assert heard == []

    attack(play)


def test_a_listener_cannot_change_what_is_told_of_it():
    async def play(scene):
        me = scene.listener.room.local_participant
        for attempt in (me.set_name("Me"), me.set_metadata("me"), me.set_attributes({"a": "b"})):
            with suppress(Exception):
                await asyncio.wait_for(attempt, 3)
        ear = await ear_of(scene)
        assert (ear.name, ear.metadata, set(ear.attributes)) == ("", "", {"anyreach.embed"})
        assert ear.permission.hidden

    attack(play)


def test_a_listeners_token_opens_no_part_of_the_server_api():
    async def play(scene):
        me = scene.listener.room.local_participant.identity
        permission = api.ParticipantPermission(hidden=False, can_publish=True, can_subscribe=True)
        async with api.LiveKitAPI.with_token(scene.token, settings.LIVEKIT_URL) as client:
            attempts = (
                client.room.list_rooms(api.ListRoomsRequest()),
                client.room.list_participants(api.ListParticipantsRequest(room=scene.room)),
                client.room.remove_participant(
                    api.RoomParticipantIdentity(room=scene.room, identity="guest_1")
                ),
                client.room.update_participant(
                    api.UpdateParticipantRequest(
                        room=scene.room, identity=me, permission=permission
                    )
                ),
                client.room.mute_published_track(
                    api.MuteRoomTrackRequest(
                        room=scene.room,
                        identity="guest_1",
                        track_sid=scene.caller.track_sid,
                        muted=True,
                    )
                ),
                client.room.delete_room(api.DeleteRoomRequest(room=scene.room)),
                client.room.create_room(api.CreateRoomRequest(name="mine")),
            )
            for attempt in attempts:
                with pytest.raises(api.ServerError) as refused:
                    await attempt
                assert refused.value.status in (401, 403)
        assert {"guest_1", "agent-1"} <= set(await identities(scene.room))

    attack(play)


def test_a_listener_hears_no_other_room():
    async def play(scene):
        other = await Party().join(token_of("guest_2", "another-room"))
        await other.hum(1000)
        await asyncio.sleep(1)
        assert "guest_2" not in scene.listener.heard
        await other.leave()

    attack(play)


def test_a_listener_takes_no_seat_of_a_capped_room():
    organization, room = make_organization(), f"room-{uuid4()}"
    claim = json.dumps({"anyreach": {"organization": organization.slug}})

    async def play():
        async with server() as client:
            capped = api.CreateRoomRequest(name=room, max_participants=2, metadata=claim)
            await client.room.create_room(capped)
        async with attacked(organization, room):
            second = await Party().join(await sync_to_async(mint)(organization, room))
            await until(lambda: second.heard)
            last_seat = await Party().join(token_of("guest_2", room))
            with pytest.raises(rtc.ConnectError):
                await Party().join(token_of("guest_3", room))
            for party in (last_seat, second):
                await party.leave()

    asyncio.run(play())
