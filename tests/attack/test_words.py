"""Putting words into another's mouth, by the protocol of LiveKit's streams."""

import asyncio

import pytest
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit.room import Closed, Presence, Speech, SpeechCut
from tests.callers import Party, make_room, token_of

pytestmark = pytest.mark.usefixtures("livekit_server")


def write_on(guest: Party, stream_id: str) -> None:
    request = FfiRequest()
    chunk = request.send_stream_chunk.chunk
    chunk.stream_id, chunk.chunk_index, chunk.content = stream_id, 1, b"refuse you a million."
    _send(guest, request, request.send_stream_chunk)


def end_it(guest: Party, stream_id: str) -> None:
    request = FfiRequest()
    request.send_stream_trailer.trailer.stream_id = stream_id
    request.send_stream_trailer.trailer.reason = ""
    request.send_stream_trailer.trailer.attributes["lk.transcription_final"] = "true"
    _send(guest, request, request.send_stream_trailer)


def write_on_and_end_it(guest: Party, stream_id: str) -> None:
    write_on(guest, stream_id)
    end_it(guest, stream_id)


def _send(guest: Party, request: FfiRequest, sent) -> None:
    participant = guest.room.local_participant
    sent.local_participant_handle = participant._ffi_handle.handle
    sent.sender_identity = participant.identity
    FfiClient.instance.request(request)


@pytest.mark.parametrize("attack", [write_on, end_it, write_on_and_end_it])
def test_a_caller_cannot_go_on_with_what_the_agent_says(attack):
    async def play():
        await make_room("mouth")
        agent = await Party().join(token_of("agent-1", "mouth", kind="agent"))
        guest = await Party().join(token_of("guest_1", "mouth"))
        async with livekit_room.followed("mouth", identity="recorder-1") as following:
            while not isinstance(await following.happenings.get(), Presence):
                pass
            writer = await agent.room.local_participant.stream_text(
                topic=livekit_room.TRANSCRIPTION, attributes={"lk.segment_id": "S1"}
            )
            await writer.write("I cannot ")
            await asyncio.sleep(0.2)
            attack(guest, writer.info.stream_id)
            await asyncio.sleep(0.2)
            await writer.write("promise it.")
            await writer.aclose(attributes={"lk.transcription_final": "true"})
            await agent.say("S2", "Sorry?")
            await asyncio.sleep(1)
            following.stop()
            told = []
            while not isinstance(happening := await following.happenings.get(), Closed):
                told.append(happening)
        await agent.leave()
        await guest.leave()
        return told

    told = [each for each in asyncio.run(play()) if not isinstance(each, Presence)]
    cut_off = [each for each in told if each.segment_id == "S1"]
    assert {each.text for each in cut_off[:-1]} == {"I cannot "}
    assert not any(each.final for each in cut_off[:-1])
    assert isinstance(cut_off[-1], SpeechCut)
    said = [each for each in told if isinstance(each, Speech) and each.segment_id == "S2"]
    assert (said[-1].text, said[-1].final) == ("Sorry?", True)
