"""A room tells of its incoming streams as they grow."""

import asyncio

import pytest
from django.conf import settings
from livekit.rtc._proto.ffi_pb2 import FfiEvent

from anyreach.gateways.livekit import own_events
from anyreach.gateways.livekit import streams as livekit_streams
from anyreach.gateways.livekit.streams import Room
from tests.callers import Party, make_room, token_of, until

pytestmark = pytest.mark.usefixtures("livekit_server")


class Noting:
    """Receives one stream."""

    def __init__(self):
        self.came = []

    def take(self, content):
        self.came.append(content)

    def end(self, attributes):
        self.came.append(dict(attributes))

    def break_off(self):
        self.came.append("broken off")


@pytest.fixture
def received():
    """Play `speak` by an agent in a room whose streams on "wanted" are received; return those."""

    def receive(speak):
        streams = []

        def opening(info, sender):
            streams.append(Noting())
            return streams[-1]

        async def play():
            await make_room("streams")
            room = Room()
            room.expects = {("text", "wanted"): opening, ("byte", "bytes wanted"): opening}
            await room.connect(*_address("listener-1"))
            agent = await Party().join(token_of("agent-1", "streams", kind="agent"))
            await speak(room, agent, streams)
            await room.disconnect()
            await agent.leave()

        asyncio.run(play())
        return [stream.came for stream in streams]

    return receive


def _address(identity):
    # Where nobody but agents is left, LiveKit closes the room.
    return settings.LIVEKIT_URL, token_of(identity, "streams")


def knows(room, identity):
    """LiveKit tells seconds late of whoever has no track, and never of whoever is gone by then."""
    return identity in room.remote_participants


async def begun(agent, topic, text):
    writer = await agent.room.local_participant.stream_text(topic=topic)
    await writer.write(text)
    return writer


def test_each_is_told_as_it_grows_and_with_its_end(received):
    async def speak(room, agent, streams):
        writer = await begun(agent, "wanted", "One")
        await until(lambda: streams and streams[0].came == ["One"])
        await writer.write(", two")
        hearing_out = asyncio.create_task(room.heard_out())
        await until(lambda: streams[0].came == ["One", ", two"])
        assert not hearing_out.done()
        await writer.aclose(attributes={"final": "true"})
        await asyncio.wait_for(hearing_out, 5)

    assert received(speak) == [["One", ", two", {"final": "true"}]]


@pytest.mark.parametrize("text", ["Yes, of course.", "I can! " * 10_000], ids=["short", "long"])
def test_one_that_was_whole_when_it_was_sent_is_told_at_its_end(received, text):
    async def speak(room, agent, streams):
        local = agent.room.local_participant
        await local.send_text(text, topic="wanted", attributes={"its": "own"})
        await until(lambda: streams and not room._open)

    ((*contents, attributes),) = received(speak)
    assert "".join(contents) == text
    assert attributes == {"its": "own"}
    assert own_events._post().subscribers == {}


def test_one_of_bytes_is_told_as_it_grows_too(received):
    async def speak(room, agent, streams):
        writer = await agent.room.local_participant.stream_bytes("name", topic="bytes wanted")
        await writer.write(b"\xff")
        await until(lambda: streams and streams[0].came == [b"\xff"])
        await writer.aclose(reason="I cannot go on")
        await until(lambda: not room._open)

    assert received(speak) == [[b"\xff", "broken off"]]


def test_of_other_topics_nothing_is_told_or_kept(received):
    async def speak(room, agent, streams):
        await begun(agent, "other", "No.")
        await begun(agent, "bytes wanted", "No.")
        writer = await begun(agent, "wanted", "Yes.")
        await writer.aclose()
        await until(lambda: streams and len(streams[0].came) == 2)
        assert not room._open

    assert received(speak) == [["Yes.", {}]]


@pytest.mark.parametrize("who_goes", ["the sender", "we"])
def test_one_whose_end_never_comes_is_broken_off(received, who_goes):
    async def speak(room, agent, streams):
        writer = await begun(agent, "wanted", "I was")
        await until(lambda: streams and streams[0].came)
        await until(lambda: knows(room, "agent-1"))
        await (agent.leave() if who_goes == "the sender" else room.disconnect())
        await until(lambda: not room._open)
        del writer  # Only now: one that nobody holds is ended.

    assert received(speak) == [["I was", "broken off"]]
    assert own_events._post().subscribers == {}


def test_of_one_who_opens_ever_more_the_last_are_received_and_of_others_all(received, monkeypatch):
    monkeypatch.setattr(livekit_streams, "OPEN_AT_MOST", 3)

    async def speak(room, agent, streams):
        writer = await begun(agent, "wanted", "Yes.")
        guest = await Party().join(token_of("guest_1", "streams"))
        endless = [await begun(guest, "wanted", str(number)) for number in range(10)]
        await until(lambda: len(streams) == 11 and all(stream.came for stream in streams))
        assert len(room._open) == 4
        await writer.aclose()
        await until(lambda: knows(room, "guest_1"))
        await guest.leave()
        await until(lambda: not room._open)
        del endless  # Only now: one that nobody holds is ended.

    came = received(speak)
    assert sorted(came) == [*([str(number), "broken off"] for number in range(10)), ["Yes.", {}]]


def test_what_an_agent_writes_for_another_waits_until_it_is_known_that_it_is_one(received):
    async def speak(room, agent, streams):
        another = await Party().join(token_of("agent-2", "streams", kind="agent"))
        writer = await another.room.local_participant.stream_text(
            topic="wanted", sender_identity="guest_1"
        )
        await writer.write("Hello")
        await writer.aclose()
        await until(lambda: streams and not room._open)
        await another.leave()

    assert received(speak) == [["Hello", {}]]


def test_what_one_said_who_has_just_left_is_received_to_its_end(received):
    async def speak(room, agent, streams):
        writer = await begun(agent, "wanted", "Goodbye.")
        await until(lambda: streams and streams[0].came and knows(room, "agent-1"))
        left, said = FfiEvent().room_event, FfiEvent().room_event
        left.participant_disconnected.participant_identity = "agent-1"
        said.stream_trailer_received.participant_identity = "agent-1"
        said.stream_trailer_received.trailer.stream_id = writer.info.stream_id
        said.stream_trailer_received.trailer.reason = ""
        for event in (left, said):
            room._on_room_event(event)
        await asyncio.sleep(2 * livekit_streams.PIECES_KNOWN_WITHIN_S)
        del writer  # Only now: one that nobody holds is ended.

    assert received(speak) == [["Goodbye.", {}]]


def test_what_one_cannot_take_in_keeps_nothing_from_another(caplog):
    event, told = FfiEvent(), []
    event.text_stream_reader_event.reader_handle = 7

    async def play():
        loop = asyncio.get_running_loop()
        own_events._post().gathered[loop] = [
            (lambda _: int("a secret"), event),
            (told.append, event),
        ]
        own_events._post().hand_over(loop)

    asyncio.run(play())
    assert told == [event]
    assert "could not be taken in" in caplog.text
