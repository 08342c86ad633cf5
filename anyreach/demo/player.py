"""One call on a real LiveKit server: two voices, and what an agent publishes beside them."""

import asyncio
import contextlib
import itertools
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import soundfile
from django.conf import settings
from google.protobuf.timestamp_pb2 import Timestamp
from livekit import api, rtc
from livekit.protocol.agent_pb import agent_session as session_pb

from anyreach.demo.scripts import Agent, Say, Script, Tool

Kind = Literal["standard", "sip", "agent"]

RATE = 16_000
FRAME_S = 0.04
QUEUE_MS = 120
INTERIM_EVERY_WORDS = 2
BEFORE_CUT_S = 0.8
HANG_UP_AFTER_S = 1.0
TRANSCRIPTION = "lk.transcription"
SESSION = "lk.agent.session"


@dataclass(frozen=True)
class Line:
    """How a call comes in: by web, claimed by room metadata, or by phone, by the dialled number."""

    room: str
    caller: str
    metadata: str = ""
    phone: str = ""
    dialled: str = ""


class Party:
    """The caller or the agent: somebody with a voice in the room."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.room = rtc.Room()
        self.track_sid = ""
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=QUEUE_MS)
        self._speech = np.zeros(0, dtype=np.int16)
        self._talking: asyncio.Task[None] | None = None

    async def join(
        self, room: str, *, kind: Kind, attributes: dict[str, str] | None = None
    ) -> None:
        token = (
            api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
            .with_identity(self.identity)
            .with_kind(kind)
            .with_attributes(attributes or {})
            .with_ttl(timedelta(minutes=10))
            .with_grants(
                api.VideoGrants(
                    room_join=True,
                    room=room,
                    can_publish=True,
                    can_publish_data=True,
                    can_subscribe=True,
                    can_update_own_metadata=True,
                )
            )
        )
        options = rtc.RoomOptions(auto_subscribe=False)
        await self.room.connect(settings.LIVEKIT_URL, token.to_jwt(), options)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await self.room.local_participant.publish_track(track, microphone)
        self.track_sid = publication.sid
        self._talking = asyncio.create_task(self._talk())

    async def leave(self) -> None:
        if self._talking is not None:
            self._talking.cancel()
        await self.room.disconnect()

    def say(self, speech: "np.ndarray[Any, np.dtype[np.int16]]") -> None:
        self._speech = speech

    def fall_silent(self) -> None:
        self._speech = self._speech[:0]

    async def _talk(self) -> None:
        """Send what is to be said, or silence, for ever; the source keeps the pace."""
        size = int(RATE * FRAME_S)
        while True:
            samples, self._speech = self._speech[:size], self._speech[size:]
            frame = np.zeros(size, dtype=np.int16)
            frame[: len(samples)] = samples
            await self._source.capture_frame(rtc.AudioFrame(frame.tobytes(), RATE, 1, size))


class Call:
    """One script being played."""

    def __init__(self, script: Script, line: Line) -> None:
        self.script = script
        self.line = line
        self.caller = Party(line.caller)
        self.agent = Party(f"agent-{uuid.uuid4().hex[:12]}")
        self._segments = itertools.count(1)
        self._sounds = {id(said): sound for said, sound in script.spoken()}

    async def play(self) -> None:
        """Play the call from ringing to goodbye. The room is gone afterwards, come what may."""
        async with server() as client:
            try:
                await self._begin(client)
                await self._talk()
            finally:
                await self.caller.leave()
                await self.agent.leave()
                with contextlib.suppress(api.ServerError):
                    await client.room.delete_room(api.DeleteRoomRequest(room=self.line.room))

    async def _begin(self, client: api.LiveKitAPI) -> None:
        line = self.line
        if not line.phone:
            request = api.CreateRoomRequest(name=line.room, metadata=line.metadata)
            await client.room.create_room(request)
            await self.caller.join(line.room, kind="standard")
            await self.agent.join(line.room, kind="agent")
            return
        attributes = {
            "sip.phoneNumber": line.phone,
            "sip.trunkPhoneNumber": line.dialled,
            "sip.callStatus": "ringing",
        }
        await self.caller.join(line.room, kind="sip", attributes=attributes)
        await asyncio.sleep(1.5)
        await self.agent.join(line.room, kind="agent")
        answered = {**attributes, "sip.callStatus": "active"}
        await self.caller.room.local_participant.set_attributes(answered)

    async def _talk(self) -> None:
        await asyncio.sleep(1.0)
        cut_off: asyncio.Task[None] | None = None
        for part in self.script.lines:
            if isinstance(part, Tool):
                await self._use(part)
                continue
            speech = load(self._sounds[id(part)])
            await asyncio.sleep(part.pause_s)
            if not isinstance(part, Agent):
                await self._caller_says(part, speech)
            elif part.heard < 1:
                # The caller begins to speak before the agent falls silent.
                cut_off = asyncio.create_task(self._agent_says(part, speech))
                await asyncio.sleep(max(0.0, len(speech) / RATE * part.heard - BEFORE_CUT_S))
            else:
                await self._agent_says(part, speech)
        if cut_off is not None:
            await cut_off
        await asyncio.sleep(HANG_UP_AFTER_S)

    # --- The caller: a new stream for each interim, with the whole text so far ------------

    async def _caller_says(self, line: Say, speech: "np.ndarray[Any, np.dtype[np.int16]]") -> None:
        segment = self._segment()
        self.caller.say(speech)
        words = line.text.split()
        spent = 0.0
        for count, at_s in enumerate(word_ends(words, len(speech) / RATE), start=1):
            await asyncio.sleep(at_s - spent)
            spent = at_s
            if count % INTERIM_EVERY_WORDS == 0 or count == len(words):
                await self._caller_text(segment, " ".join(words[:count]), final=False)
        await asyncio.sleep(0.35)
        await self._caller_text(segment, line.text, final=True)
        await self._added(session_pb.USER, line.text)

    async def _caller_text(self, segment: str, text: str, *, final: bool) -> None:
        writer = await self.agent.room.local_participant.stream_text(
            topic=TRANSCRIPTION,
            sender_identity=self.caller.identity,
            attributes=self._attributes(segment, self.caller, final=final),
        )
        await writer.write(text)
        await writer.aclose()

    # --- The agent: one stream for a segment, growing as it is spoken ---------------------

    async def _agent_says(self, line: Say, speech: "np.ndarray[Any, np.dtype[np.int16]]") -> None:
        await self._state(session_pb.AS_THINKING, session_pb.AS_SPEAKING)
        self.agent.say(speech)
        segment = self._segment()
        writer = await self.agent.room.local_participant.stream_text(
            topic=TRANSCRIPTION, attributes=self._attributes(segment, self.agent, final=False)
        )
        words, duration = line.text.split(), len(speech) / RATE
        heard: list[str] = []
        spent = 0.0
        for word, at_s in zip(words, word_ends(words, duration), strict=True):
            if at_s > duration * line.heard:
                break
            await asyncio.sleep(at_s - spent)
            spent = at_s
            await writer.write(f"{' ' if heard else ''}{word}")
            heard.append(word)
        self.agent.fall_silent()
        text = " ".join(heard)
        await self._added(session_pb.ASSISTANT, text, line=line, interrupted=line.heard < 1)
        await writer.aclose(attributes={"lk.transcription_final": "true"})
        await self._state(session_pb.AS_SPEAKING, session_pb.AS_LISTENING)

    async def _use(self, tool: Tool) -> None:
        call = session_pb.FunctionCall(
            id=f"item_{uuid.uuid4().hex[:12]}",
            call_id=f"call_{uuid.uuid4().hex[:8]}",
            name=tool.name,
            arguments=json.dumps(tool.arguments),
        )
        event = session_pb.AgentSessionEvent()
        event.tool_execution_updated.started.function_call.CopyFrom(call)
        await self._tell(event)
        await asyncio.sleep(tool.takes_s)
        output = session_pb.FunctionCallOutput(
            name=tool.name,
            call_id=call.call_id,
            output=tool.output if isinstance(tool.output, str) else json.dumps(tool.output),
            is_error=tool.is_error,
        )
        event = session_pb.AgentSessionEvent()
        event.function_tools_executed.function_calls.append(call)
        event.function_tools_executed.function_call_outputs.append(output)
        await self._tell(event)

    async def _added(
        self,
        role: session_pb.ChatRole,
        text: str,
        *,
        line: Say | None = None,
        interrupted: bool = False,
    ) -> None:
        """Publish the agent's own record of an utterance, with its latencies in seconds."""
        event = session_pb.AgentSessionEvent()
        message = event.conversation_item_added.item.message
        message.id = f"item_{uuid.uuid4().hex[:12]}"
        message.role = role
        message.content.add().text = text
        message.interrupted = interrupted
        if line is not None and line.ttft_ms:
            message.metrics.llm_node_ttft = line.ttft_ms / 1000
            message.metrics.tts_node_ttfb = 0.12
            message.metrics.e2e_latency = line.ttft_ms / 1000 + 0.42
        await self._tell(event)

    async def _state(self, old: session_pb.AgentState, new: session_pb.AgentState) -> None:
        event = session_pb.AgentSessionEvent()
        event.agent_state_changed.old_state = old
        event.agent_state_changed.new_state = new
        await self._tell(event)

    async def _tell(self, event: Any) -> None:
        now = Timestamp()
        now.GetCurrentTime()
        event.created_at.CopyFrom(now)
        message = session_pb.AgentSessionMessage(event=event)
        writer = await self.agent.room.local_participant.stream_bytes("event", topic=SESSION)
        await writer.write(message.SerializeToString())
        await writer.aclose()

    def _segment(self) -> str:
        return f"SG_{next(self._segments):03}_{uuid.uuid4().hex[:8]}"

    def _attributes(self, segment: str, speaker: Party, *, final: bool) -> dict[str, str]:
        return {
            "lk.segment_id": segment,
            "lk.transcription_final": "true" if final else "false",
            "lk.transcribed_track_id": speaker.track_sid,
        }


def load(sound: Any) -> "np.ndarray[Any, np.dtype[np.int16]]":
    samples, rate = soundfile.read(sound, dtype="int16")
    if rate != RATE:
        raise ValueError(f"{sound} has {rate} Hz instead of {RATE}.")
    return np.asarray(samples, dtype=np.int16)


def word_ends(words: list[str], duration_s: float) -> list[float]:
    """Return when each word ends, in seconds: by its length, which is near enough to speech."""
    weights = np.array([len(word) + 2 for word in words], dtype=float)
    ends: list[float] = (np.cumsum(weights) / weights.sum() * duration_s).tolist()
    return ends


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[api.LiveKitAPI]:
    client = api.LiveKitAPI(
        settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET
    )
    try:
        yield client
    finally:
        await client.aclose()
