"""The recorder: joins a live call unseen and writes down what is said, as it is spoken.

A call has one writer. When another recorder comes, because this one's worker stops or seemed
dead, it joins first and only listens; this one hears out what is being said, writes it and
leaves; then the other reads what is written, takes in what it has heard itself, and goes on.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.db import (
    DatabaseError,
    InterfaceError,
    close_old_connections,
)
from django.utils import timezone
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from anyreach.errors import DATABASE_AWAY
from anyreach.gateways.livekit import room as livekit_room
from anyreach.gateways.livekit import server
from anyreach.gateways.livekit.room import (
    Back,
    Closed,
    Following,
    Happening,
    Lost,
    Presence,
    Speech,
    SpeechCut,
    ToolRun,
    Utterance,
)
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.livekit.words import Kind
from anyreach.jobs.shutdown import Shutdown
from conversations import recorded, rooms
from conversations.models import (
    HUMAN_PREFIX,
    RECORDER_PREFIX,
    Conversation,
    StatusChange,
    Turn,
)
from conversations.transcript import Cut, Event, Item, Text, Tool, changed, fold
from conversations.turns import Saved, time_of
from conversations.writing import Heard, writer

log = logging.getLogger(__name__)

INTERIM_EVERY_S = 1.0
AFTER_THE_END_S = 30
LOOK_EVERY_S = 0.3
AGAIN_AFTER_S = 1.0
# What the database refuses, though it is there, is tried again for so long when a call is over.
REFUSED_FOR_S = 300
# When a worker stops and nobody comes, it is the only one.
ANOTHER_COMES_WITHIN_S = 5
# What is sent just when a newcomer joins may not reach it.
NEWCOMER_HEARS_AFTER_S = 1
HEARD_OUT_WITHIN_S = 25
# Longer than all of that, and than a short absence of the database.
OTHERS_LEAVE_WITHIN_S = 35
WHILE_THE_CALL_LIVES = RetryStrategy(max_attempts=1000, wait=1)


def ensure(conversation: Conversation) -> None:
    """Have an active conversation's room recorded, unless that is under way already."""
    if not conversation.is_active or not conversation.room_name or under_way([conversation.pk]):
        return
    name = _lock(conversation.pk)
    with contextlib.suppress(AlreadyEnqueued):
        record.configure(lock=name, queueing_lock=name).defer(conversation_id=str(conversation.pk))


def under_way(conversation_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of them that are being recorded, or about to be."""
    ids = {_lock(each): each for each in conversation_ids}
    jobs = ProcrastinateJob.objects.filter(lock__in=ids, status__in=("todo", "doing"))
    return {ids[lock] for lock in jobs.values_list("lock", flat=True)}


def _lock(conversation_id: UUID) -> str:
    return f"record:{conversation_id}"


@app.task(name="recording.record", retry=WHILE_THE_CALL_LIVES, pass_context=True)
async def record(context: JobContext, conversation_id: str) -> None:
    """Follow a live call until its room closes or another worker does.

    Raises LiveKitAway, or GivenBack when this worker stops: to be tried again.
    """
    shutdown: Shutdown = context.additional_context["shutdown"]
    recorder = await sync_to_async(_recorder)(conversation_id)
    if recorder is not None:
        await shutdown.outlasting(recorder.run(shutdown.begun))


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
        self.room_name = conversation.room_name or ""
        self.identity = f"{RECORDER_PREFIX}{uuid4()}"
        self.lost_at: datetime | None = None
        self.absences: list[tuple[datetime, datetime]] = []
        self.failure: Exception | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Record until the room closes, or a newer recorder has come. `stopping`: one will."""
        async with livekit_room.followed(self.room_name, identity=self.identity) as following:
            self.span = await sync_to_async(recorded.begin)(
                self.conversation, identity=self.identity, at=timezone.now()
            )
            async with recorded.beat.of(self.span) as relieved:
                leaving = asyncio.create_task(_leave(following, relieved, stopping))
                try:
                    await self._be_alone()
                    await _once_there(self._read)
                    try:
                        while not await self._step(following.happenings):
                            pass
                    finally:
                        await self._write_all()
                finally:
                    leaving.cancel()
                    await self._end()

    async def _be_alone(self) -> None:
        """Wait until every earlier recorder has finished, is dead, or is gone from the room."""
        earlier = recorded.Earlier(self.span)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OTHERS_LEAVE_WITHIN_S):
                while not await sync_to_async(self._is_alone)(earlier):
                    await asyncio.sleep(LOOK_EVERY_S)

    def _is_alone(self, earlier: recorded.Earlier) -> bool:
        close_old_connections()
        try:
            living = earlier.living(time.monotonic())
            if not living:
                return True
            present = {each.identity for each in server.list_participants(self.room_name)}
        except (LiveKitAway, *DATABASE_AWAY):
            return False
        return not living & present

    def _read(self) -> None:
        recorded.take_over(self.span)
        self.saved = Saved(self.conversation)
        self.written = self.lines = self.saved.lines

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
        return self.lines is not self.written or bool(self.absences)

    def _hasten(self, limit: asyncio.Timeout) -> None:
        """On the second, as every recorder of this process: what they have is written together."""
        now = asyncio.get_running_loop().time()
        limit.reschedule(now - now % INTERIM_EVERY_S + INTERIM_EVERY_S)

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
        if isinstance(happening, Lost):
            self.lost_at = self.lost_at or time_of(happening.at)
        if isinstance(happening, Back) and self.lost_at:
            self.absences.append((self.lost_at, time_of(happening.at)))
            self.lost_at = None
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

    async def _write(self) -> bool:
        """Write what has changed. Words wait here while the database is away: returns False."""
        if not self._is_waiting:
            return True
        about = {"conversation_id": str(self.conversation.pk)}
        lines = self.lines
        heard = Heard(self.span, self.saved.news(self.written, lines), tuple(self.absences))
        try:
            await writer.write(heard)
        except (DatabaseError, InterfaceError) as error:
            if self.failure is None:
                why = type(error.__cause__ or error).__name__
                log.warning("A transcript waits for the database", extra={**about, "why": why})
            self.failure = error
            return False
        if self.failure is not None:
            log.info("A transcript that waited for the database is written", extra=about)
            self.failure = None
        del self.absences[: len(heard.absences)]
        self.written = lines
        return True

    async def _write_all(self) -> None:
        """Write the last words, however long the database is away."""
        clock = asyncio.get_running_loop().time
        until = clock() + REFUSED_FOR_S
        while not await self._write():
            if clock() > until and not isinstance(self.failure, DATABASE_AWAY):
                about = {"conversation_id": str(self.conversation.pk)}
                log.error("The database refuses what was said last: it is lost", extra=about)
                return
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _end(self) -> None:
        """End the span: who comes next waits for that."""
        at = self.lost_at or timezone.now()
        await _once_there(lambda: recorded.end(self.span, at=at))


async def _once_there(work: Callable[[], None]) -> None:
    """Do `work` on the database, as soon as it is not away."""
    while True:
        try:
            return await sync_to_async(_afresh)(work)
        except DATABASE_AWAY:
            await asyncio.sleep(AGAIN_AFTER_S)


def _afresh(work: Callable[[], None]) -> None:
    close_old_connections()
    work()


async def _leave(following: Following, relieved: asyncio.Event, stopping: asyncio.Event) -> None:
    """Leave the room when another recorder is there, or when none comes in a worker's last seconds.

    A sentence that had begun before the other came is heard out here: it does not reach the other.
    """
    coming = [asyncio.create_task(event.wait()) for event in (relieved, stopping)]
    try:
        await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in coming:
            task.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(relieved.wait(), ANOTHER_COMES_WITHIN_S)
        await asyncio.sleep(NEWCOMER_HEARS_AFTER_S)
        await asyncio.wait_for(following.heard_out(), HEARD_OUT_WITHIN_S)
    following.stop()


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
