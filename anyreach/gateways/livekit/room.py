"""A LiveKit room followed from inside, unseen and unheard: what is said and who is there.

Text streams on `lk.transcription` are what LiveKit agents (1.0 and later) publish;
`lk.agent.session` carries the agent's own records where it sends them. It has no stable
contract: what is there is used, and what is not is not missed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from google.protobuf.message import DecodeError
from livekit import rtc
from livekit.protocol.agent_pb import agent_session as session_pb

from anyreach.bodies import read_json
from anyreach.gateways.livekit import own_events
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.livekit.tokens import recorder_token
from anyreach.gateways.livekit.words import (
    KINDS,
    Kind,
    LeaveReason,
    ParticipantInfo,
    storable,
    storable_attributes,
)

TRANSCRIPTION = "lk.transcription"
SESSION = "lk.agent.session"
CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True)
class Speech:
    """A transcription segment's whole text so far. `kind` is of who spoke; `at` is in ms."""

    segment_id: str
    speaker: str
    kind: Kind
    text: str
    final: bool
    at: int


@dataclass(frozen=True)
class SpeechCut:
    """Whoever sent a segment vanished before its end."""

    segment_id: str
    speaker: str
    at: int


@dataclass(frozen=True)
class ToolRun:
    """An agent called a tool, or (with `done`) has its answer."""

    call_id: str
    name: str
    at: int
    arguments: Any = None
    output: Any = None
    is_error: bool = False
    done: bool = False


@dataclass(frozen=True)
class Utterance:
    """An agent's own record of what was said. `latency` is in whole milliseconds by name."""

    item_id: str
    by_agent: bool
    text: str
    interrupted: bool
    latency: dict[str, int] | None
    at: int


@dataclass(frozen=True)
class Presence:
    """Somebody came, changed or (with `left`) went."""

    participant: ParticipantInfo
    left: bool


@dataclass(frozen=True)
class Lost:
    """We ourselves have lost the room, and try to come back. `at` is in ms, here and below."""

    at: int


@dataclass(frozen=True)
class Back:
    """We are back in the room. What was said meanwhile did not reach us."""

    at: int


@dataclass(frozen=True)
class Closed:
    """We are out of the room, for good. No event follows."""

    reason: LeaveReason


Happening = Speech | SpeechCut | ToolRun | Utterance | Presence | Lost | Back | Closed


_late: set[asyncio.Task[None]] = set()


async def join(room: rtc.Room, token: str) -> None:
    """Connect `room`, subscribed to nobody's sound. Raises LiveKitAway.

    LiveKit's library ends the whole process when a connection comes that nobody waits for any
    more. So one that takes too long is waited for all the same, and left.
    """
    options = rtc.RoomOptions(auto_subscribe=False)
    connecting = asyncio.create_task(room.connect(settings.LIVEKIT_URL, token, options))
    try:
        await asyncio.wait_for(asyncio.shield(connecting), CONNECT_TIMEOUT_S)
    except (rtc.ConnectError, TimeoutError) as error:
        raise LiveKitAway from error
    finally:
        if not connecting.done():
            leaving = asyncio.create_task(_leave_at_once(room, connecting))
            _late.add(leaving)
            leaving.add_done_callback(_late.discard)


async def _leave_at_once(room: rtc.Room, connecting: asyncio.Task[None]) -> None:
    with suppress(rtc.ConnectError):
        await connecting
    await room.disconnect()


@asynccontextmanager
async def followed(room_name: str, *, identity: str) -> AsyncIterator["Following"]:
    """Join `room_name` hidden, without sound, and yield what happens in it.

    Whoever is there already is told as Presence first. A token of ours wakes a room that is
    gone: ask the server before. Raises LiveKitAway.
    """
    following = Following()
    await join(following.room, recorder_token(room=room_name, identity=identity))
    try:
        own_events.only_its_own(following.room, may_wait=True)
        for participant in following.room.remote_participants.values():
            following.tell(Presence(_info(participant), left=False))
        yield following
    finally:
        await following.leave()


class Following:
    """One joined room: LiveKit's callbacks on one side, `happenings` in our words on the other."""

    def __init__(self) -> None:
        self.happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self.room = rtc.Room()
        self._reading: set[asyncio.Task[None]] = set()
        self._opened_at = 0
        # Before connecting: a stream without a handler is dropped.
        self.room.register_text_stream_handler(TRANSCRIPTION, self._on_transcription)
        self.room.register_byte_stream_handler(SESSION, self._on_session)
        for event in ("participant_connected", "participant_active"):
            self.room.on(event, self._on_came)
        self.room.on("participant_attributes_changed", self._on_changed)
        self.room.on("participant_disconnected", self._on_went)
        self.room.on("reconnecting", lambda: self.tell(Lost(_now())))
        self.room.on("reconnected", lambda: self.tell(Back(_now())))
        self.room.on("disconnected", self._on_disconnected)

    def tell(self, happening: Happening) -> None:
        self.happenings.put_nowait(happening)

    async def heard_out(self) -> None:
        """Wait until all that is being said now has been said to its end."""
        if self._reading:
            await asyncio.wait(set(self._reading))

    def stop(self) -> None:
        """Tell no more than what has happened so far, and then Closed."""
        self.tell(Closed(LeaveReason.CLIENT_INITIATED))

    async def leave(self) -> None:
        for task in self._reading:
            task.cancel()
        await self.room.disconnect()

    def _on_came(self, participant: rtc.RemoteParticipant) -> None:
        self.tell(Presence(_info(participant), left=False))

    def _on_changed(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if isinstance(participant, rtc.RemoteParticipant):
            self.tell(Presence(_info(participant), left=False))

    def _on_went(self, participant: rtc.RemoteParticipant) -> None:
        # While we ourselves come back, everybody seems to go, for no reason.
        info = _info(participant)
        if info.leave_reason != LeaveReason.UNKNOWN:
            self.tell(Presence(info, left=True))

    def _on_disconnected(self, reason: int) -> None:
        self.tell(Closed(LeaveReason(reason)))

    def _on_transcription(self, reader: rtc.TextStreamReader, sender: str) -> None:
        # Streams are opened in the order they were sent, but each is then read on its own, so
        # that of two within a millisecond the later one may be read first.
        self._opened_at = max(_now(), self._opened_at + 1)
        own_events.only_its_own(reader, may_wait=True)
        self._read(self._follow_segment(reader, sender, self._opened_at))

    def _on_session(self, reader: rtc.ByteStreamReader, sender: str) -> None:
        own_events.only_its_own(reader, may_wait=True)
        self._read(self._follow_session(reader, sender))

    def _read(self, reading: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(reading)
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _follow_segment(
        self, reader: rtc.TextStreamReader, sender: str, opened_at: int
    ) -> None:
        attributes = reader.info.attributes or {}
        segment_id = storable(attributes.get("lk.segment_id") or reader.info.stream_id)
        speaker, kind = self._speaker(sender, attributes.get("lk.transcribed_track_id", ""))
        text = ""

        at = opened_at
        try:
            async for chunk in reader:
                text += storable(chunk)
                self.tell(Speech(segment_id, speaker, kind, text, False, at))
                at = _now()
        except rtc.StreamError:
            self.tell(SpeechCut(segment_id, speaker, _now()))
            return
        # An agent's stream says only in its trailer that it is final.
        trailer = reader.info.attributes or {}
        final = trailer.get("lk.transcription_final") == "true"
        self.tell(Speech(segment_id, speaker, kind, text, final, _now()))

    def _speaker(self, sender: str, track_sid: str) -> tuple[str, Kind]:
        """Return identity and kind of who spoke: the transcribed track's owner, else the sender.

        Only an agent may speak for others: a caller cannot put words into the agent's mouth.
        """
        sender_kind = self._kind(sender)
        for participant in self.room.remote_participants.values():
            if track_sid in participant.track_publications and (
                sender_kind == Kind.AGENT or participant.identity == sender
            ):
                return participant.identity, KINDS.get(participant.kind, Kind.OTHER)
        return sender, sender_kind

    def _kind(self, identity: str) -> Kind:
        participant = self.room.remote_participants.get(identity)
        return KINDS.get(participant.kind, Kind.OTHER) if participant else Kind.OTHER

    async def _follow_session(self, reader: rtc.ByteStreamReader, sender: str) -> None:
        if self._kind(sender) != Kind.AGENT:
            return
        body = bytearray()
        try:
            async for chunk in reader:
                body += chunk
            message = session_pb.AgentSessionMessage.FromString(bytes(body))
        except (rtc.StreamError, DecodeError):
            return
        for happening in _session_happenings(message.event):
            self.tell(happening)


def _session_happenings(event: Any) -> list[Happening]:
    at = event.created_at.ToMilliseconds()
    what = event.WhichOneof("event")
    if what == "conversation_item_added" and event.conversation_item_added.item.HasField("message"):
        return _utterance(event.conversation_item_added.item.message, at)
    if what == "function_tools_executed":
        executed = event.function_tools_executed
        calls = [_call(call, at) for call in executed.function_calls]
        return [*calls, *(_result(output, at) for output in executed.function_call_outputs)]
    if what == "tool_execution_updated" and event.tool_execution_updated.HasField("started"):
        return [_call(event.tool_execution_updated.started.function_call, at)]
    return []


def _utterance(message: Any, at: int) -> list[Happening]:
    if message.role not in (session_pb.USER, session_pb.ASSISTANT):
        return []
    text = " ".join(storable(content.text) for content in message.content if content.text)
    by_agent = message.role == session_pb.ASSISTANT
    latency = _latency(message.metrics) if by_agent else None
    return [Utterance(message.id, by_agent, text, message.interrupted, latency, at)]


def _latency(metrics: Any) -> dict[str, int] | None:
    names = {
        "end_to_end_ms": "e2e_latency",
        "llm_ttft_ms": "llm_node_ttft",
        "tts_ms": "tts_node_ttfb",
    }
    told = {
        ours: round(getattr(metrics, theirs) * 1000)
        for ours, theirs in names.items()
        if metrics.HasField(theirs)
    }
    return told or None


def _call(call: Any, at: int) -> ToolRun:
    return ToolRun(call.call_id, call.name, at, arguments=_json(call.arguments))


def _result(output: Any, at: int) -> ToolRun:
    return ToolRun(
        output.call_id,
        output.name,
        at,
        output=_json(output.output),
        is_error=output.is_error,
        done=True,
    )


def _json(text: str) -> Any:
    """Return JSON as what it says; anything else, and what cannot be kept, as the text it is."""
    try:
        return read_json(text)
    except ValueError:
        return storable(text)


def _info(participant: rtc.RemoteParticipant) -> ParticipantInfo:
    return ParticipantInfo(
        sid=participant.sid,
        identity=storable(participant.identity),
        kind=KINDS.get(participant.kind, Kind.OTHER),
        name=storable(participant.name),
        hidden=False,
        attributes=storable_attributes(participant.attributes),
        leave_reason=LeaveReason(participant.disconnect_reason or 0),
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
