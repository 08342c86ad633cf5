"""One call on a real LiveKit server: two voices, and what an agent publishes beside them."""

import asyncio
import contextlib
import functools
import itertools
import json
import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
from django.conf import settings
from google.protobuf.timestamp_pb2 import Timestamp
from livekit import api, rtc
from livekit.protocol.agent_pb import agent_session as session_pb
from livekit.rtc.participant import PublishTrackError

from anyreach.demo.scripts import Agent, Say, Script, Tool
from anyreach.gateways.livekit.own_events import only_its_own
from anyreach.gateways.livekit.room import join
from anyreach.gateways.livekit.server import Gone, LiveKitAway, server

Kind = Literal["standard", "sip", "agent"]
Sound = np.ndarray[Any, np.dtype[np.int16]]

RATE = 16_000
# Longer than any line: a whole one is handed over at once.
QUEUE_MS = 20_000
INTERIM_EVERY_WORDS = 2
SETTLES_S = 0.35
BEGINS_WITHIN_S = 30
LEAVES_WITHIN_S = 10
BEFORE_CUT_S = 0.8
HANG_UP_AFTER_S = 1.0
# LiveKit is away, or somebody has ended the call: its room is gone in mid-sentence.
BREAKS = (*(LiveKitAway, Gone, TimeoutError, RuntimeError, rtc.StreamError, PublishTrackError),)
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


class BrokenOff(Exception):
    """The call could not be played to its end."""


class Party:
    """The caller or the agent: somebody in the room, with a voice or, far cheaper, without."""

    def __init__(self, identity: str, *, sounds: bool) -> None:
        self.identity = identity
        self.room = rtc.Room()
        self.track_sid = ""
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=QUEUE_MS) if sounds else None

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
        await join(self.room, token.to_jwt())
        only_its_own(self.room)
        if self._source is not None:
            track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
            microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            publication = await self.room.local_participant.publish_track(track, microphone)
            self.track_sid = publication.sid

    async def leave(self) -> None:
        await self.room.disconnect()

    async def say(self, sound: Path, *, for_s: float) -> None:
        """Begin to say it, and be silent after `for_s` seconds at the latest."""
        if self._source is not None:
            speech = load(sound)[: int(for_s * RATE)]
            await self._source.capture_frame(rtc.AudioFrame(speech.tobytes(), RATE, 1, len(speech)))

    def fall_silent(self) -> None:
        if self._source is not None:
            self._source.clear_queue()


class Call:
    """One script being played, `speed` times as fast as people speak, `times` over.

    Speech that does not fit into its time is cut.
    """

    def __init__(
        self,
        script: Script,
        line: Line,
        *,
        sounds: bool = True,
        speed: float = 1.0,
        times: int = 1,
    ) -> None:
        self.script = script
        self.line = line
        self.speed = speed
        self.times = times
        self.caller = Party(line.caller, sounds=sounds)
        self.agent = Party(f"agent-{uuid.uuid4().hex[:12]}", sounds=sounds)
        self._segments = itertools.count(1)
        self._sounds = {id(said): sound for said, sound in script.spoken()}
        self._beginning: asyncio.Task[None] | None = None

    @property
    def is_live(self) -> bool:
        """Whether both parties are in the room."""
        return self._beginning is not None and self._beginning.done()

    async def play(self, door: AbstractAsyncContextManager[object] | None = None) -> None:
        """Play the call from ringing to goodbye. The room is gone afterwards, come what may.

        `door` is held while the parties join. Raises BrokenOff.
        """
        try:
            async with door or contextlib.nullcontext():
                beginning = asyncio.wait_for(self._begin(), BEGINS_WITHIN_S)
                self._beginning = asyncio.create_task(beginning)
                await asyncio.shield(self._beginning)
            await self._talk()
        except BREAKS as error:
            raise BrokenOff from error
        finally:
            await self._end()

    async def _end(self) -> None:
        if self._beginning is not None:
            # Who is about to join would make the room anew.
            await asyncio.gather(self._beginning, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(self.caller.leave(), self.agent.leave()), LEAVES_WITHIN_S
            )
        with contextlib.suppress(Gone, LiveKitAway):
            async with server() as client:
                await client.room.delete_room(api.DeleteRoomRequest(room=self.line.room))

    async def _begin(self) -> None:
        line = self.line
        if not line.phone:
            async with server() as client:
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
        await self._wait(1.0)
        cut_off: list[asyncio.Task[None]] = []
        try:
            for part in self.script.lines * self.times:
                if isinstance(part, Agent) and part.heard < 1:
                    cut_off.append(asyncio.create_task(self._perform(part)))
                    # The caller begins to speak before the agent falls silent.
                    speaks_s = duration_s(self._sounds[id(part)]) * part.heard
                    await self._wait(part.pause_s + max(0.0, speaks_s - BEFORE_CUT_S))
                else:
                    await self._perform(part)
            await asyncio.gather(*cut_off)
        finally:
            for task in cut_off:
                task.cancel()
        await self._wait(HANG_UP_AFTER_S)

    async def _perform(self, part: Say | Tool) -> None:
        if isinstance(part, Tool):
            await self._use(part)
            return
        await self._wait(part.pause_s)
        says = self._agent_says if isinstance(part, Agent) else self._caller_says
        await says(part, self._sounds[id(part)])

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    # --- The caller: a new stream for each interim, with the whole text so far ------------

    async def _caller_says(self, line: Say, sound: Path) -> None:
        segment = self._segment()
        duration = duration_s(sound)
        await self.caller.say(sound, for_s=duration / self.speed)
        words = line.text.split()
        spent = 0.0
        for count, at_s in enumerate(word_ends(words, duration), start=1):
            await self._wait(at_s - spent)
            spent = at_s
            if count % INTERIM_EVERY_WORDS == 0 or count == len(words):
                await self._caller_text(segment, " ".join(words[:count]), final=False)
        await self._wait(SETTLES_S)
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

    async def _agent_says(self, line: Say, sound: Path) -> None:
        await self._state(session_pb.AS_THINKING, session_pb.AS_SPEAKING)
        duration = duration_s(sound)
        await self.agent.say(sound, for_s=duration / self.speed)
        segment = self._segment()
        writer = await self.agent.room.local_participant.stream_text(
            topic=TRANSCRIPTION, attributes=self._attributes(segment, self.agent, final=False)
        )
        words = line.text.split()
        heard: list[str] = []
        spent = 0.0
        for word, at_s in zip(words, word_ends(words, duration), strict=True):
            if at_s > duration * line.heard:
                break
            await self._wait(at_s - spent)
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
        await self._wait(tool.takes_s)
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


@functools.cache
def load(sound: Path) -> Sound:
    samples, rate = soundfile.read(sound, dtype="int16")
    if rate != RATE:
        raise ValueError(f"{sound} has {rate} Hz instead of {RATE}.")
    return np.asarray(samples, dtype=np.int16)


@functools.cache
def duration_s(sound: Path) -> float:
    return float(soundfile.info(sound).duration)


def turns_per_minute(script: Script) -> float:
    """Return how many turns, those of tools among them, the script has in a minute at speed 1."""
    seconds = sum(part.takes_s for part in script.lines if isinstance(part, Tool))
    for said, sound in script.spoken():
        seconds += said.pause_s + duration_s(sound) * said.heard
    return len(script.lines) / seconds * 60


def word_ends(words: list[str], duration_s: float) -> list[float]:
    """Return when each word ends, in seconds: by its length, which is near enough to speech."""
    weights = np.array([len(word) + 2 for word in words], dtype=float)
    ends: list[float] = (np.cumsum(weights) / weights.sum() * duration_s).tolist()
    return ends
