"""Putting words into another's mouth, by the protocol of LiveKit's streams."""

import asyncio

import pytest

from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit.room import Closed, Presence, Speech, SpeechCut
from tests.attack.forging import ATTACKS, FORGED, SAID, begin, write
from tests.callers import Party, make_room, token_of, told_until

pytestmark = pytest.mark.usefixtures("livekit_server")


def told_while(speak):
    """Return all that a recorder is told while an agent and a guest do `speak`."""

    async def play():
        await make_room("mouth")
        agent = await Party().join(token_of("agent-1", "mouth", kind="agent"))
        guest = await Party().join(token_of("guest_1", "mouth"))
        async with livekit_room.followed("mouth", identity="recorder-1") as following:
            await told_until(following.happenings, Presence)
            await speak(agent, guest)
            await agent.say("S2", "Sorry?")
            await asyncio.sleep(1)
            following.stop()
            *told, _ = await told_until(following.happenings, Closed)
        await agent.leave()
        await guest.leave()
        return told

    told = [each for each in asyncio.run(play()) if not isinstance(each, Presence)]
    said = [each for each in told if isinstance(each, Speech) and each.segment_id == "S2"]
    assert (said[-1].text, said[-1].final) == ("Sorry?", True)
    return [each for each in told if each.segment_id == "S1"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_caller_cannot_go_on_with_what_the_agent_says(attack):
    async def speak(agent, guest):
        writer = await agent.begin("S1")
        await writer.write(SAID.decode())
        await asyncio.sleep(0.2)
        attack(guest, writer.info.stream_id)
        await asyncio.sleep(0.2)
        await writer.write("promise it.")
        await writer.aclose(attributes={"lk.transcription_final": "true"})

    told = told_while(speak)
    assert {each.speaker for each in told} == {"agent-1"}
    assert {(each.text, each.final) for each in told} == {
        ("I cannot ", False),
        ("I cannot promise it.", False),
        ("I cannot promise it.", True),
    }


@pytest.mark.parametrize("attack", ATTACKS)
def test_nor_with_what_it_sends_in_one(attack):
    """Of which LiveKit's library puts together whatever anybody wrote."""

    async def speak(agent, guest):
        begin(agent, "in-one", length=len(SAID) + len(FORGED))
        write(agent, "in-one", 0, SAID)
        await asyncio.sleep(0.2)
        attack(guest, "in-one")

    (cut,) = told_while(speak)
    assert isinstance(cut, SpeechCut)
