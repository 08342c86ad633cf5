"""The recorder: joins a live call unseen and writes down what is said, as it is spoken."""

import asyncio
import contextlib
import logging
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit import server
from anyreach.gateways.livekit.room import (
    Closed,
    Happening,
    Presence,
    Speech,
    SpeechCut,
    ToolRun,
    Utterance,
)
from anyreach.gateways.livekit.words import Kind
from conversations import rooms
from conversations.models import (
    HUMAN_PREFIX,
    RECORDER_PREFIX,
    Conversation,
    StatusChange,
    Turn,
)
from conversations.transcript import Cut, Event, Item, Lines, Text, Tool, changed, fold
from conversations.turns import Saved

log = logging.getLogger(__name__)

INTERIM_EVERY_S = 1.0
AFTER_THE_END_S = 30
WHILE_THE_CALL_LIVES = RetryStrategy(max_attempts=1000, wait=1)


def ensure(conversation: Conversation) -> None:
    """Have an active conversation's room recorded, unless that is under way already."""
    if not conversation.is_active or not conversation.room_name:
        return
    name = f"record:{conversation.pk}"
    if ProcrastinateJob.objects.filter(lock=name, status__in=("todo", "doing")).exists():
        return
    with contextlib.suppress(AlreadyEnqueued):
        record.configure(lock=name, queueing_lock=name).defer(conversation_id=str(conversation.pk))


@app.task(name="recording.record", retry=WHILE_THE_CALL_LIVES)
async def record(conversation_id: str) -> None:
    """Follow a live call until its room closes. Raises LiveKitAway, to be tried again."""
    recorder = await sync_to_async(_recorder)(conversation_id)
    if recorder is not None:
        await recorder.run()


def _recorder(conversation_id: str) -> "Recorder | None":
    """Return a recorder if the call lives; a recorder never wakes a room that is gone."""
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None or not conversation.is_active or not conversation.room_name:
        return None
    if not server.list_rooms([conversation.room_name]):
        return None
    return Recorder(conversation)


class Recorder:
    """One call being recorded. Finished words are written at once, growing ones once a second."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.saved = Saved(conversation)
        self.written = self.lines = self.saved.lines

    async def run(self) -> None:
        room_name = self.conversation.room_name or ""
        identity = f"{RECORDER_PREFIX}{self.conversation.pk}"
        async with livekit_room.followed(room_name, identity=identity) as happenings:
            try:
                while not await self._step(happenings):
                    pass
            finally:
                await self._write()

    async def _step(self, happenings: asyncio.Queue[Happening]) -> bool:
        """Take in what happened since the last step; return whether the room is closed."""
        urgent = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AFTER_THE_END_S) as limit:
                if self._is_waiting:
                    self._hasten(limit)
                while not urgent:
                    happening = await happenings.get()
                    if isinstance(happening, Closed):
                        return True
                    waited = self._is_waiting
                    urgent = await self._take(happening)
                    if self._is_waiting and not waited:
                        self._hasten(limit)
        await self._write()
        return self._is_long_over()

    @property
    def _is_waiting(self) -> bool:
        """Whether something that was said is not written yet."""
        return self.lines is not self.written

    def _hasten(self, limit: asyncio.Timeout) -> None:
        limit.reschedule(asyncio.get_running_loop().time() + INTERIM_EVERY_S)

    def _is_long_over(self) -> bool:
        ended_at = self.conversation.ended_at
        limit = timedelta(seconds=AFTER_THE_END_S)
        return ended_at is not None and timezone.now() - ended_at > limit

    async def _take(self, happening: Happening) -> bool:
        """Fold one happening in; return whether it should be written now."""
        if isinstance(happening, Presence):
            with contextlib.suppress(DatabaseError, InterfaceError):
                await sync_to_async(self._present)(happening)
            return False
        before = self.lines
        event = event_of(happening)
        self.lines = fold(self.lines, event) if event else self.lines
        return any(
            line.final or line.role == Turn.Role.TOOL for line in changed(before, self.lines)
        )

    def _present(self, presence: Presence) -> None:
        """Who is there, and whether a phone call is answered, the recorder knows first."""
        close_old_connections()
        now = timezone.now()
        if rooms.is_ours(presence.participant):
            return
        rooms.note(
            self.conversation,
            presence.participant,
            at=now,
            left_at=now if presence.left else None,
        )
        rooms.reported(self.conversation, source=StatusChange.Source.RECORDER, at=now)

    async def _write(self) -> None:
        """Write what has changed. Words wait here while the database is away."""
        if not self._is_waiting:
            return
        lines = self.lines
        try:
            await sync_to_async(self._save)(lines)
        except (DatabaseError, InterfaceError):
            log.warning(
                "A transcript waits for the database",
                extra={"conversation_id": str(self.conversation.pk)},
            )
            return
        self.written = lines

    def _save(self, lines: Lines) -> None:
        close_old_connections()
        self.saved.save(changed(self.written, lines), lines)


def event_of(happening: Happening) -> Event | None:
    """Return what the fold understands of a happening."""
    match happening:
        case Speech():
            return Text(
                segment_id=happening.segment_id[:128],
                role=role_of(happening.kind, happening.speaker),
                speaker=happening.speaker[:255],
                text=happening.text,
                final=happening.final,
                at=happening.at,
            )
        case SpeechCut():
            return Cut(happening.segment_id[:128], happening.speaker[:255], happening.at)
        case ToolRun():
            return Tool(
                call_id=happening.call_id[:128],
                name=happening.name,
                at=happening.at,
                arguments=happening.arguments,
                output=happening.output,
                is_error=happening.is_error,
                done=happening.done,
            )
        case Utterance():
            return Item(
                item_id=happening.item_id[:128],
                role=Turn.Role.AGENT if happening.by_agent else Turn.Role.USER,
                text=happening.text,
                interrupted=happening.interrupted,
                at=happening.at,
                latency=happening.latency,
            )
        case _:
            return None


def role_of(kind: Kind, identity: str) -> str:
    """Return who speaks. Unknown stays unknown: a wrong name is worse than none."""
    if identity.startswith(HUMAN_PREFIX):
        return Turn.Role.HUMAN
    roles = {
        Kind.STANDARD: Turn.Role.USER,
        Kind.SIP: Turn.Role.USER,
        Kind.AGENT: Turn.Role.AGENT,
    }
    return roles.get(kind, Turn.Role.UNKNOWN)
