"""A LiveKit room followed from inside, unseen and unheard: what is said and who is there.

Text streams on `lk.transcription` are what LiveKit agents (1.0 and later) publish;
`lk.agent.session` carries the agent's own records where it sends them. It has no stable
contract: what is there is used, and what is not is not missed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from google.protobuf.message import DecodeError
from livekit import rtc
from livekit.protocol.agent_pb import agent_session as session_pb

from anyreach.bodies import read_json
from anyreach.gateways.livekit import own_events, streams
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.livekit.streams import Receiver, Room
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
# Of what has happened and waits to be taken in: then words that are still growing are not told of.
WAITING_AT_MOST = 50


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
    """A segment has no end: whoever sent it vanished, or said too much."""

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
Tell = Callable[[Happening], None]


_late: set[asyncio.Task[None]] = set()


async def join(room: rtc.Room, token: str) -> None:
    """Connect `room`, subscribed to nobody's sound. Raises LiveKitAway.

    LiveKit's library ends the whole process when a connection comes that nobody waits for any
    more. So one that takes too long is waited for all the same, and left.

    The ways to LiveKit are gathered once per connection: by default its library looks for more of
    them as long as a room lasts, and keeps 26 sockets open for it instead of 3. A network that
    goes or changes is found by the reconnecting, as soon as otherwise.
    """
    limits = rtc.DataStreamOptions(max_payload_byte_length=streams.LONGEST)
    once = rtc.RtcConfiguration(continual_gathering_policy=rtc.ContinualGatheringPolicy.GATHER_ONCE)
    options = rtc.RoomOptions(auto_subscribe=False, data_stream=limits, rtc_config=once)
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
    await leave(room)


async def leave(room: rtc.Room) -> None:
    """Disconnect `room` and part it from who listened to it.

    While they hold each other, all that LiveKit's native part has of the room stays there until
    Python next looks for garbage, which in our processes is seldom.
    """
    await room.disconnect()
    room._events.clear()


@asynccontextmanager
async def followed(room_name: str, *, identity: str) -> AsyncIterator["Following"]:
    """Join `room_name` hidden, without sound, and yield what happens in it.

    Whoever is there already is told as Presence first. A token of ours wakes a room that is
    gone: ask the server before. Raises LiveKitAway.
    """
    following = Following()
    await join(following.room, recorder_token(room=room_name, identity=identity))
    try:
        own_events.only_its_own(following.room, may_wait=True, pieces=True)
        for participant in following.room.remote_participants.values():
            following.tell(Presence(_info(participant), left=False))
        yield following
    finally:
        await following.leave()


class Following:
    """One joined room: LiveKit's callbacks on one side, `happenings` in our words on the other."""

    def __init__(self) -> None:
        self.happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self.room = Room()
        self._opened_at = 0
        self._closing: asyncio.Task[None] | None = None
        # Before connecting: a stream that nobody expects is dropped.
        self.room.expects = {
            ("text", TRANSCRIPTION): self._on_transcription,
            ("byte", SESSION): self._on_session,
        }
        for event in ("participant_connected", "participant_active"):
            self.room.on(event, self._on_came)
        self.room.on("participant_attributes_changed", self._on_changed)
        self.room.on("participant_disconnected", self._on_went)
        self.room.on("reconnecting", lambda: self.tell(Lost(_now())))
        self.room.on("reconnected", lambda: self.tell(Back(_now())))
        self.room.on("disconnected", self._on_disconnected)

    def tell(self, happening: Happening) -> None:
        is_growing = isinstance(happening, Speech) and not happening.final
        # Each holds its whole text so far, and what comes next holds it too.
        if not is_growing or self.happenings.qsize() < WAITING_AT_MOST:
            self.happenings.put_nowait(happening)

    async def heard_out(self) -> None:
        """Wait until all that is being said now has been said to its end."""
        await self.room.heard_out()

    def stop(self) -> None:
        """Tell no more than what has happened so far, and then Closed."""
        self.tell(Closed(LeaveReason.CLIENT_INITIATED))

    async def leave(self) -> None:
        await leave(self.room)

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
        self._closing = asyncio.create_task(self._close(LeaveReason(reason)))

    async def _close(self, reason: LeaveReason) -> None:
        await self.room.last_words()
        self.tell(Closed(reason))

    def _on_transcription(self, info: Any, sender: str) -> Receiver:
        # Two within a millisecond keep their order.
        self._opened_at = max(_now(), self._opened_at + 1)
        speaker, kind = self._speaker(sender, info.attributes.get("lk.transcribed_track_id", ""))
        return _Segment(self.tell, info, speaker=speaker, kind=kind, opened_at=self._opened_at)

    def _on_session(self, info: Any, sender: str) -> Receiver | None:
        return _Session(self.tell) if self.room.kind_of(sender) == Kind.AGENT else None

    def _speaker(self, sender: str, track_sid: str) -> tuple[str, Kind]:
        """Return identity and kind of who spoke: the transcribed track's owner, else the sender.

        Only an agent may speak for others: a caller cannot put words into the agent's mouth. (Nor
        write into the agent's own stream: `streams`.)
        """
        sender_kind = self.room.kind_of(sender)
        for participant in self.room.remote_participants.values():
            if track_sid in participant.track_publications and (
                sender_kind == Kind.AGENT or participant.identity == sender
            ):
                return participant.identity, KINDS.get(participant.kind, Kind.OTHER)
        return sender, sender_kind


class _Segment:
    """A text stream on `lk.transcription`: what somebody says, as it grows."""

    def __init__(self, tell: Tell, info: Any, *, speaker: str, kind: Kind, opened_at: int) -> None:
        self._attributes = dict(info.attributes)
        self._segment_id = storable(self._attributes.get("lk.segment_id") or info.stream_id)
        self._tell, self._speaker, self._kind = tell, speaker, kind
        self._text, self._at = "", opened_at

    def take(self, content: str) -> None:
        if content:
            self._text += storable(content)
            self._tell_so_far(final=False)
            self._at = max(_now(), self._at)

    def end(self, attributes: Mapping[str, str]) -> None:
        # An agent's stream says only in its trailer that it is final.
        final = {**self._attributes, **attributes}.get("lk.transcription_final")
        # Its opening may be ahead of the clock, and those of others before it, too.
        self._at = max(_now(), self._at)
        self._tell_so_far(final=final == "true")

    def break_off(self) -> None:
        self._tell(SpeechCut(self._segment_id, self._speaker, _now()))

    def _tell_so_far(self, *, final: bool) -> None:
        said = Speech(self._segment_id, self._speaker, self._kind, self._text, final, self._at)
        self._tell(said)


class _Session:
    """A byte stream on `lk.agent.session`: one of the agent's own records."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._body = tell, bytearray()

    def take(self, content: bytes) -> None:
        self._body += content

    def end(self, attributes: Mapping[str, str]) -> None:
        try:
            message = session_pb.AgentSessionMessage.FromString(bytes(self._body))
        except DecodeError:
            return
        for happening in _session_happenings(message.event):
            self._tell(happening)

    def break_off(self) -> None:
        """What is not whole says nothing."""


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
