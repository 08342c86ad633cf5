"""A demo call on a real LiveKit server, as our own recorder and a hidden listener receive it."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from anyreach.demo.player import Call, Line
from anyreach.demo.scripts import REFUND, Agent, Tool, User
from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit import tokens
from anyreach.gateways.livekit.room import Closed, Speech, ToolRun, Utterance
from tests.callers import Party, identities, make_room, told_until, until

pytestmark = pytest.mark.usefixtures("livekit_server")


def short(*numbers: int):
    """The refund call with only the spoken lines of these numbers, and its first tool."""
    said = [line for line, _ in REFUND.spoken()]
    tool = next(line for line in REFUND.lines if isinstance(line, Tool))
    return replace(REFUND, lines=(said[numbers[0]], tool, *(said[n] for n in numbers[1:])))


class ShortCall(Call):
    def __init__(self, line: Line) -> None:
        super().__init__(REFUND, line)
        self.script = short(0, 4, 5)


async def played(line: Line):
    """Play a call; return what happened in it, and the loudness of each voice."""
    await make_room(line.room, metadata=line.metadata)
    ear = await Party().join(tokens.recorder_token(room=line.room, identity="recorder-ear"))
    async with livekit_room.followed(line.room, identity="recorder-test") as following:
        playing = asyncio.create_task(ShortCall(line).play())
        *happenings, _ = await told_until(following.happenings, Closed)
        await playing
    await ear.leave()
    loudness = {
        identity: max(float(np.abs(samples).max()) for _, samples in parts)
        for identity, parts in ear.heard.items()
    }
    return happenings, loudness


def test_a_web_call_sends_what_livekit_agents_send():
    happenings, loudness = asyncio.run(played(Line(room="demo-web", caller="guest_1")))
    speech = [each for each in happenings if isinstance(each, Speech)]
    finals = [each for each in speech if each.final]
    assert sorted(each.kind for each in finals) == ["agent", "agent", "standard"]
    by_caller = [each for each in speech if each.kind == "standard"]
    assert {each.speaker for each in by_caller} == {"guest_1"}
    assert len({each.segment_id for each in by_caller}) == 1
    assert len({each.text for each in by_caller if not each.final}) > 2
    interrupted = next(
        each for each in happenings if isinstance(each, Utterance) and each.interrupted
    )
    whole = next(line for line, _ in REFUND.spoken() if isinstance(line, Agent) and line.heard < 1)
    assert whole.text.startswith(interrupted.text)
    assert len(interrupted.text) < len(whole.text)
    assert interrupted.latency is not None
    started, executed = [
        [each for each in happenings if isinstance(each, ToolRun) and each.done is done]
        for done in (False, True)
    ]
    assert started[0].arguments == {"order_id": "4471"}
    assert executed[0].output["item"] == "Kettle"
    assert len(loudness) == 2
    assert all(level > 3000 for level in loudness.values())


def test_after_a_phone_call_the_room_is_gone():
    line = Line(room="call-x", caller="sip_+15550170001", phone="+15550170001", dialled="+15550100")

    async def play():
        happenings, _ = await played(line)
        await until(lambda: nobody(line.room))
        return happenings

    statuses = [
        each.participant.attributes.get("sip.callStatus")
        for each in asyncio.run(play())
        if isinstance(each, livekit_room.Presence) and each.participant.kind == "sip"
    ]
    assert statuses[0] == "ringing"
    assert "active" in statuses


async def nobody(room: str) -> bool:
    return not await identities(room)


def test_the_short_call_is_of_the_real_script():
    assert [type(line) for line in short(0, 4, 5).lines] == [Agent, Tool, Agent, User]
