"""A transcript's lines as rows, and back: what the recorder keeps and what pages and API read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from anyreach.live.announcing import announce_all
from conversations.models import Conversation, Turn
from conversations.transcript import Line, Lines, changed, user_turn_count

SOURCES = ("segment_id", "item_id", "call_id")
Key = tuple[str, str, str]
TOLD = (
    *("role", "text", "started_at", "ended_at", "final", "interrupted", "speaker", *SOURCES),
    *("name", "arguments", "output", "is_error", "latency"),
)


@dataclass(frozen=True)
class News:
    """Rows that a conversation's transcript has changed in. `user_turn_count` None: as it was."""

    conversation: Conversation
    turns: Sequence[Turn]
    user_turn_count: int | None


def write(several: Sequence[News]) -> None:
    """Write what is new in several conversations, and announce it.

    In the transaction of whoever knows that it may be written.
    """
    Turn.objects.bulk_create(
        [turn for news in several for turn in news.turns],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=TOLD,
    )
    # In one order: another who writes of several waits, and is not waited for.
    for news in sorted(several, key=lambda news: news.conversation.pk):
        if news.user_turn_count is not None:
            conversations = Conversation.objects.filter(pk=news.conversation.pk)
            conversations.update(user_turn_count=news.user_turn_count)
    announce_all(
        [(news.conversation.organization_id, news.conversation.pk) for news in several], "turns"
    )


class Saved:
    """The rows of one conversation's lines, found by their sources' ids."""

    def __init__(self, conversation: Conversation) -> None:
        """Read what is kept already: another recorder may have been here before."""
        self.conversation = conversation
        turns = list(conversation.turns.all())
        self.lines: Lines = tuple(line_of(turn) for turn in turns)
        self._rows: dict[Key, tuple[UUID, int]] = {}
        for turn, line in zip(turns, self.lines, strict=True):
            self._rows |= dict.fromkeys(_keys(line), (turn.pk, turn.position))
        self._next = max((turn.position for turn in turns), default=-1) + 1

    def news(self, before: Lines, after: Lines) -> News:
        """Return what has changed since `before` was written."""
        turns = [self._turn(line) for line in changed(before, after)]
        count = user_turn_count(after)
        is_same = before and count == user_turn_count(before)
        return News(self.conversation, turns, None if is_same else count)

    def _turn(self, line: Line) -> Turn:
        keys = _keys(line)
        row = next((self._rows[key] for key in keys if key in self._rows), None)
        if row is None:
            row, self._next = (uuid4(), self._next), self._next + 1
        self._rows |= dict.fromkeys(keys, row)
        return turn_of(line, self.conversation, pk=row[0], position=row[1])


def _keys(line: Line) -> list[Key]:
    """Return what a line's row is found by: a segment is its speaker's, as in the fold."""
    keys = [
        ("segment", line.speaker, line.segment_id),
        ("item", "", line.item_id),
        ("call", "", line.call_id),
    ]
    return [key for key in keys if key[-1]]


def turn_of(line: Line, conversation: Conversation, *, pk: UUID, position: int) -> Turn:
    return Turn(
        # By this name Django makes up no other first.
        id=pk,
        conversation=conversation,
        position=position,
        role=line.role,
        text=line.text,
        started_at=time_of(line.started_at),
        ended_at=None if line.ended_at is None else time_of(line.ended_at),
        final=line.final,
        interrupted=line.interrupted,
        speaker=line.speaker[:255],
        segment_id=line.segment_id or None,
        item_id=line.item_id or None,
        call_id=line.call_id or None,
        name=line.name[:255],
        arguments=line.arguments,
        output=line.output,
        is_error=line.is_error,
        latency=line.latency,
    )


def line_of(turn: Turn) -> Line:
    return Line(
        role=turn.role,
        text=turn.text,
        started_at=_ms(turn.started_at),
        ended_at=None if turn.ended_at is None else _ms(turn.ended_at),
        final=turn.final,
        interrupted=turn.interrupted,
        speaker=turn.speaker,
        segment_id=turn.segment_id or "",
        item_id=turn.item_id or "",
        call_id=turn.call_id or "",
        name=turn.name,
        arguments=turn.arguments,
        output=turn.output,
        is_error=turn.is_error,
        latency=turn.latency,
    )


def time_of(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
