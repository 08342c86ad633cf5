"""When a call was recorded: by which process, from when until when, and what was missed between."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, close_old_connections, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest, Now

from anyreach.live.announcing import announce
from conversations.models import Conversation, RecordedSpan, RecorderProcess

log = logging.getLogger(__name__)

PROCESS_ID = uuid.uuid4()
BEAT_EVERY_S = 1.0
# Whose process beats no more for so long while another looks is dead.
SILENT_S = 5.0
# At a call's beginning and end nobody says more in that time than "hello".
SHORTEST_AT_THE_EDGE = timedelta(seconds=2)


# --- What was missed ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Gap:
    """Nobody recorded from `started_at` to `ended_at`, though the call went on."""

    started_at: datetime
    ended_at: datetime


def gaps_between(
    spans: Iterable[tuple[datetime, datetime]], *, begin: datetime, end: datetime
) -> list[Gap]:
    """Return what the `spans` leave open of the time from `begin` to `end`, in order."""
    gaps = []
    covered = begin
    for started_at, ended_at in sorted(spans):
        gaps.append(Gap(covered, min(started_at, end)))
        covered = max(covered, ended_at)
    gaps.append(Gap(covered, end))
    return [gap for gap in gaps if _is_told(gap, begin, end)]


def _is_told(gap: Gap, begin: datetime, end: datetime) -> bool:
    is_at_the_edge = gap.started_at == begin or gap.ended_at == end
    shortest = SHORTEST_AT_THE_EDGE if is_at_the_edge else timedelta(0)
    return gap.ended_at - gap.started_at > shortest


def gaps_of(conversation: Conversation) -> list[Gap]:
    """Return what was not recorded of a call while caller and agent could speak.

    Reads `recorded_spans` and their `process`, which a list prefetches. What was never in a
    LiveKit room of ours, or came with words from elsewhere, has no gaps. While a call lives, what
    comes after its last recorder is not known to be missed yet.
    """
    spans = [(span.started_at, _end_of(span)) for span in conversation.recorded_spans.all()]
    begin = conversation.answered_at or min((start for start, _ in spans), default=None)
    end = conversation.ended_at or max((end for _, end in spans), default=None)
    was_seen = spans or (conversation.room_sid and conversation.user_turn_count is None)
    if begin is None or end is None or not was_seen:
        return []
    return gaps_between(spans, begin=begin, end=end)


def _end_of(span: RecordedSpan) -> datetime:
    return span.ended_at or max(span.started_at, span.process.alive_at)


# --- Who records -------------------------------------------------------------------------------


def begin(conversation: Conversation, *, identity: str, at: datetime) -> RecordedSpan:
    """Note that this process records from now on, beside whoever did."""
    process, _ = RecorderProcess.objects.update_or_create(
        pk=PROCESS_ID, defaults={"alive_at": Now()}
    )
    return RecordedSpan.objects.create(
        conversation=conversation, process=process, identity=identity, started_at=at
    )


def earlier(span: RecordedSpan) -> QuerySet[RecordedSpan]:
    """Return the spans of those who recorded this call before `span`'s recorder, and still do."""
    spans = RecordedSpan.objects.filter(conversation=span.conversation_id, ended_at=None)
    return spans.filter(pk__lt=span.pk)


class Earlier:
    """Those who recorded a call before `span`'s recorder, as that one sees them."""

    def __init__(self, span: RecordedSpan) -> None:
        self._span = span
        self._beats: dict[str, tuple[datetime, float]] = {}

    def living(self, now: float) -> set[str]:
        """Return the identities of those who have not ended, and have beaten since SILENT_S.

        `now`: seconds of any clock that only goes forward. Raises DatabaseError, InterfaceError:
        nobody could say that they live, so silence counts from the next time on.
        """
        before, self._beats = self._beats, {}
        for identity, alive_at in earlier(self._span).values_list("identity", "process__alive_at"):
            known = before.get(identity)
            self._beats[identity] = known if known and known[0] == alive_at else (alive_at, now)
        return {each for each, (_, since) in self._beats.items() if now - since < SILENT_S}


def take_over(span: RecordedSpan) -> None:
    """End all earlier spans, when they were last known to go on: they may write no more."""
    alive_at = RecorderProcess.objects.filter(pk=OuterRef("process")).values("alive_at")
    with transaction.atomic():
        if earlier(span).update(ended_at=Greatest(F("started_at"), Subquery(alive_at))):
            announce(span.conversation.organization_id, span.conversation_id, "turns")


def held(spans: Iterable[RecordedSpan]) -> set[int]:
    """Return the ids of those that go on, until the end of this transaction."""
    going_on = RecordedSpan.objects.select_for_update(no_key=True).filter(ended_at=None)
    wanted = going_on.filter(pk__in=[span.pk for span in spans]).order_by("pk")
    return set(wanted.values_list("pk", flat=True))


def missed(span: RecordedSpan, *, lost_at: datetime, back_at: datetime) -> None:
    """Note that its recorder was cut off from the room for a while.

    In the transaction of whoever knows that `span` is held.
    """
    # What an earlier try has left in it was perhaps rolled back.
    span.refresh_from_db(fields=["started_at"])
    RecordedSpan.objects.create(
        conversation_id=span.conversation_id,
        process_id=span.process_id,
        identity=span.identity,
        started_at=span.started_at,
        ended_at=max(span.started_at, lost_at),
    )
    span.started_at = back_at
    span.save(update_fields=["started_at"])


def end(span: RecordedSpan, *, at: datetime) -> None:
    spans = RecordedSpan.objects.filter(pk=span.pk, ended_at=None)
    spans.update(ended_at=Greatest(F("started_at"), at))


class Beat:
    """Says every second, once for all calls of this process, that it still records them.

    The answer tells which of them a newer recorder has joined.
    """

    def __init__(self) -> None:
        self._relieved: dict[int, asyncio.Event] = {}
        self._beating: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def of(self, span: RecordedSpan) -> AsyncIterator[asyncio.Event]:
        """Say so of `span`, too. Yields an event that tells that a newer recorder has come."""
        relieved = self._relieved[span.pk] = asyncio.Event()
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())
        try:
            yield relieved
        finally:
            del self._relieved[span.pk]
            if not self._relieved and self._beating is not None:
                self._beating.cancel()
                self._beating = None

    async def _beat(self) -> None:
        has_told = False
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            try:
                newer = await sync_to_async(_beat_and_look)(list(self._relieved))
            except (DatabaseError, InterfaceError):
                if not has_told:
                    log.warning("The recorder's beat waits for the database")
                    has_told = True
                continue
            has_told = False
            for pk in newer:
                if pk in self._relieved:
                    self._relieved[pk].set()


beat = Beat()


def _beat_and_look(spans: Collection[int]) -> Sequence[int]:
    """Note that this process lives; return those of its `spans` that are over for others."""
    close_old_connections()
    RecorderProcess.objects.filter(pk=PROCESS_ID).update(alive_at=Now())
    newer = RecordedSpan.objects.filter(
        conversation=OuterRef("conversation"), ended_at=None, pk__gt=OuterRef("pk")
    )
    relieved = RecordedSpan.objects.filter(pk__in=spans)
    relieved = relieved.filter(Q(ended_at__isnull=False) | Exists(newer))
    return list(relieved.values_list("pk", flat=True))
