"""People and agents in a room: real rtc clients, each with a tone of its own."""

import asyncio
import contextlib
import itertools
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import numpy as np
from django.conf import settings
from livekit import api, rtc

from anyreach.gateways.livekit.own_events import only_its_own
from anyreach.gateways.livekit.server import list_rooms
from tests.environment import PATIENCE_S

RATE = 48_000
# 200 ms. Each costs this process the same, and twenty parties are too many for shorter ones.
FRAME = 9600


def token_of(
    identity: str,
    room: str,
    *,
    kind: str = "standard",
    attributes: dict[str, str] | None = None,
    config: api.RoomConfiguration | None = None,
) -> str:
    token = (
        api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(identity)
        .with_kind(kind)
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
    if attributes:
        token = token.with_attributes(attributes)
    if config:
        token = token.with_room_config(config)
    return token.to_jwt()


class Party:
    """One client in a room. `seen` keeps every event that told it of anybody else."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.seen: list[str] = []
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.heard: dict[str, list[tuple[float, np.ndarray]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._hearing: dict[str, asyncio.Task[None]] = {}
        self.track_sid = ""
        for event in (
            "participant_connected",
            "participant_disconnected",
            "track_published",
            "track_unpublished",
            "active_speakers_changed",
            "room_updated",
            "participant_metadata_changed",
            "participant_permissions_changed",
        ):
            self.room.on(event, self._note(event))
        self.room.on("track_subscribed", self._listen)
        self.room.on("track_unsubscribed", self._listen_no_more)
        self.room.on("disconnected", self._close)

    def _note(self, event: str) -> Callable[..., None]:
        def note(*arguments: object) -> None:
            who = [each.identity for each in arguments if hasattr(each, "identity")]
            self.seen.append(f"{event} {' '.join(who)}".strip())

        return note

    def _close(self, reason: int) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)

    def _listen(
        self,
        track: rtc.RemoteTrack,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            hearing = asyncio.create_task(self._hear(track, participant.identity))
            self._hearing[publication.sid] = hearing

    def _listen_no_more(
        self,
        track: rtc.RemoteTrack,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        hearing = self._hearing.pop(publication.sid, None)
        if hearing:
            hearing.cancel()

    async def _hear(self, track: rtc.RemoteTrack, identity: str) -> None:
        async for event in rtc.AudioStream(track, sample_rate=16_000, num_channels=1):
            samples = np.frombuffer(event.frame.data, dtype=np.int16)
            self.heard.setdefault(identity, []).append((time.monotonic(), samples))

    async def join(self, token: str, *, listens: bool = True) -> "Party":
        options = rtc.RoomOptions(auto_subscribe=listens)
        await self.room.connect(settings.LIVEKIT_URL, token, options)
        only_its_own(self.room)
        return self

    async def hum(self, frequency: int, *, pulsing: bool = False) -> None:
        """Publish a tone: steady, or on and off each second as somebody who speaks in words."""
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("voice", source)
        publication = await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        self.track_sid = publication.sid
        self._tasks.append(asyncio.create_task(_tone(source, frequency, pulsing)))

    async def say(
        self, segment_id: str, *texts: str, final: bool = True, speaker: "Party | None" = None
    ) -> None:
        """Publish transcription as an agent does for a caller: each text whole, the last final."""
        speaker = speaker or self
        for number, text in enumerate(texts, start=1):
            is_final = final and number == len(texts)
            writer = await self.room.local_participant.stream_text(
                topic="lk.transcription",
                sender_identity=speaker.room.local_participant.identity,
                attributes={
                    "lk.segment_id": segment_id,
                    "lk.transcription_final": "true" if is_final else "false",
                    "lk.transcribed_track_id": speaker.track_sid,
                },
            )
            await writer.write(text)
            await writer.aclose()

    async def begin(self, segment_id: str) -> rtc.TextStreamWriter:
        """Begin to say something, in one stream that grows, as an agent does for itself.

        A writer that nobody holds any more is ended.
        """
        return await self.room.local_participant.stream_text(
            topic="lk.transcription", attributes={"lk.segment_id": segment_id}
        )

    def hears(self, identity: str, frequency: int, *, since: float = 0) -> float:
        """Return the level, in samples, of `frequency` in what `identity` was heard to send."""
        parts = [samples for at, samples in self.heard.get(identity, []) if at >= since]
        if not parts:
            return 0.0
        samples = np.concatenate(parts).astype(float)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / len(samples)
        frequencies = np.fft.rfftfreq(len(samples), 1 / 16_000)
        near = (frequencies > frequency - 10) & (frequencies < frequency + 10)
        return float(spectrum[near].max()) if near.any() else 0.0

    async def leave(self) -> None:
        for task in (*self._tasks, *self._hearing.values()):
            task.cancel()
        await self.room.disconnect()


async def _tone(source: rtc.AudioSource, frequency: int, pulsing: bool) -> None:
    second = np.sin(2 * math.pi * frequency * np.arange(RATE) / RATE) * 8000
    frames = [frame.astype(np.int16).tobytes() for frame in np.split(second, RATE // FRAME)]
    pause = [bytes(len(frame)) for frame in frames] if pulsing else []
    for frame in itertools.cycle([*frames, *pause]):
        await source.capture_frame(rtc.AudioFrame(frame, RATE, 1, FRAME))


@contextlib.asynccontextmanager
async def call(
    room: str, *, metadata: str = "", caller: str = "guest_1", one_of_many: bool = False
) -> AsyncIterator[tuple[Party, Party]]:
    """A caller (440 Hz, steady) and an agent (660 Hz, pulsing) in a room with `metadata`.

    Of `one_of_many` calls nobody listens and the agent is silent: for more, one process is slow.
    """
    await make_room(room, metadata=metadata)
    parties = Party(), Party()
    try:
        await parties[0].join(token_of(caller, room), listens=not one_of_many)
        await parties[0].hum(440)
        await parties[1].join(token_of("agent-1", room, kind="agent"), listens=not one_of_many)
        if not one_of_many:
            await parties[1].hum(660, pulsing=True)
        yield parties
    finally:
        for party in parties:
            await party.leave()


async def told_until(happenings: asyncio.Queue[Any], kind: type[Any]) -> list[Any]:
    """Return what a recorder is told, up to the next of `kind` and with it."""
    told = [None]
    while not isinstance(told[-1], kind):
        told.append(await asyncio.wait_for(happenings.get(), PATIENCE_S))
    return told[1:]


async def make_room(room: str, *, metadata: str = "") -> None:
    # Where nobody but agents has been for that long, LiveKit closes the room.
    request = api.CreateRoomRequest(name=room, metadata=metadata, empty_timeout=60)
    async with server() as client:
        await client.room.create_room(request)


def server() -> api.LiveKitAPI:
    return api.LiveKitAPI(
        settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET
    )


def room_names() -> set[str]:
    """Return the rooms that are there: also what other tests have left, for a minute."""
    return {room.name for room in list_rooms()}


async def is_there(room: str, prefix: str) -> bool:
    """Whether anybody whose identity begins with `prefix` is in `room`, hidden or not."""
    return any(identity.startswith(prefix) for identity in await identities(room))


async def identities(room: str) -> list[str]:
    """Return who is in `room`, hidden ones too; nobody when there is no such room."""
    async with server() as client:
        try:
            answer = await client.room.list_participants(api.ListParticipantsRequest(room=room))
        except api.ServerError:
            return []
    return [participant.identity for participant in answer.participants]


async def until(
    condition: Callable[[], object | Awaitable[object]], *, within_s: float = PATIENCE_S
) -> None:
    """Wait until `condition` holds. Raises TimeoutError.

    `within_s` is given where the same comes about otherwise, too, only later.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("It did not come about.")
