"""A desk between caller and human, on LiveKit's open server."""

import asyncio

import pytest
from livekit import api, rtc

from agent_assist.transfer import sounds
from anyreach.gateways.livekit import desk
from anyreach.gateways.livekit.server import LiveKitAway
from tests.callers import Party, make_room, server, token_of, until

pytestmark = pytest.mark.usefixtures("livekit_server")


def told(room, method):
    """Have an agent told how a transfer ended whose RPC method is `method`; None: it has none."""

    async def play():
        await make_room(room)
        agent = await Party().join(token_of("agent-1", room, kind="agent"))
        if method:
            agent.room.local_participant.register_rpc_method(desk.TOPIC, method)
        async with desk.opened(room, identity="desk-1", human="human-1") as opened:
            await until(lambda: opened.has_agent)
            await opened.tell_agents({"status": "declined"})
        await agent.leave()

    asyncio.run(play())


async def fail(_):
    raise rtc.RpcError(1, "No.")


async def take_long(_):
    await asyncio.sleep(desk.TOLD_WITHIN_S + 1)


@pytest.mark.parametrize("method", [None, fail, take_long])
def test_whatever_an_agent_makes_of_it_it_was_told(method):
    told("tell", method)


def test_where_there_is_no_agent_nobody_hears_how_a_transfer_ended():
    heard = []

    async def play():
        await make_room("tell-nobody")
        guest = await Party().join(token_of("guest_1", "tell-nobody"))
        guest.room.on("data_received", heard.append)
        async with desk.opened("tell-nobody", identity="desk-1", human="human-1") as opened:
            await opened.tell_agents({"status": "declined"})
            await opened.room.local_participant.publish_data("Hello", topic="other")
            await until(lambda: heard)
        await guest.leave()

    asyncio.run(play())
    assert [packet.topic for packet in heard] == ["other"]


def test_whether_an_agent_was_told_is_not_sure_when_livekit_is_lost(livekit_server):
    async def lose_livekit(_):
        # Here, as it ends with the thread that began it.
        livekit_server.restart()
        await asyncio.sleep(60)

    with pytest.raises(LiveKitAway):
        told("tell-and-lose", lose_livekit)


def test_a_voice_that_livekit_does_not_take_up_is_to_be_tried_again():
    async def play():
        await make_room("silenced")
        async with desk.opened("silenced", identity="desk-1", human="human-1") as opened:
            silence = api.UpdateParticipantRequest(
                room="silenced",
                identity="desk-1",
                permission=api.ParticipantPermission(can_publish=False),
            )
            async with server() as client:
                await client.room.update_participant(silence)
            await opened.play_to_human(sounds.hold_music(), pause_s=0)

    with pytest.raises(LiveKitAway):
        asyncio.run(play())
