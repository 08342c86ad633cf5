"""A conversation's status: the only place that decides and writes it.

Whoever reports (webhook, recorder, reconciler, transfer, API), a move is made by
compare-and-set in the database. Late, doubled and reordered reports change nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, F, IntegerField, Value, When
from django.db.models.functions import Cast, Extract, Greatest

from anyreach.live.announcing import announce
from conversations import listening
from conversations.models import (
    OPEN,
    TERMINAL,
    Conversation,
    Status,
    StatusChange,
)


@dataclass(frozen=True)
class Evidence:
    """That a conversation has reached `status` at `at` (aware UTC), told by `source`.

    `reason` is one sentence fit for a person, kept for terminal statuses.
    """

    status: Status
    at: datetime
    source: StatusChange.Source
    reason: str | None = None


def predecessors(status: Status) -> list[Status]:
    """Return the statuses from which `status` may be reached: earlier ones, never terminal ones."""
    if status in TERMINAL:
        return list(OPEN)
    return list(OPEN[: OPEN.index(status)])


def report(conversation: Conversation, evidence: Evidence) -> bool:
    """Move `conversation` to what `evidence` says, if that is a step forward.

    What is completed after a human took it over is transferred.
    Writes the status history, announces the change once committed and, at the end of a
    conversation, has its ears closed. Returns whether this report made the move.
    """
    if conversation.status not in predecessors(evidence.status):
        # A row read earlier may be behind the database, never ahead of it.
        return False
    with transaction.atomic():
        moved = (
            Conversation.objects.filter(
                pk=conversation.pk, status__in=predecessors(evidence.status)
            ).update(**_changes(evidence))
            == 1
        )
        if moved:
            conversation.refresh_from_db()
            StatusChange.objects.create(
                conversation=conversation,
                status=conversation.status,
                at=evidence.at,
                source=evidence.source,
            )
            announce(conversation.organization_id, conversation.pk, "status")
            if evidence.status in TERMINAL:
                listening.close_ears.defer(conversation_id=str(conversation.pk))
    conversation.refresh_from_db()
    return moved


def begun(conversation: Conversation, *, source: StatusChange.Source) -> None:
    """Write the first step of a conversation just made, in the transaction that made it."""
    StatusChange.objects.create(
        conversation=conversation,
        status=conversation.status,
        at=conversation.created_at,
        source=source,
    )
    announce(conversation.organization_id, conversation.pk, "status")


def came_finished(conversations: Iterable[Conversation], *, source: StatusChange.Source) -> None:
    """Write the history of conversations that were over before we heard of them, in the
    transaction that made them. Nobody waits for them: nothing is announced."""
    steps = []
    for conversation in conversations:
        reached = {
            Status.IN_PROGRESS: conversation.answered_at,
            conversation.status: conversation.ended_at,
        }
        steps += [
            StatusChange(conversation=conversation, status=status, at=at, source=source)
            for status, at in reached.items()
            if at is not None
        ]
    StatusChange.objects.bulk_create(steps)


def _changes(evidence: Evidence) -> dict[str, object]:
    changes: dict[str, object] = {"status": evidence.status, "updated_at": evidence.at}
    if evidence.status == Status.IN_PROGRESS:
        changes["answered_at"] = evidence.at
    if evidence.status == Status.COMPLETED:
        taken = When(transferred_at__isnull=False, then=Value(Status.TRANSFERRED))
        changes["status"] = Case(taken, default=Value(Status.COMPLETED))
    if evidence.status in TERMINAL:
        # Clocks differ between LiveKit and us: an end is never before its beginning.
        ended_at = Greatest(evidence.at, F("answered_at"), F("created_at"))
        seconds = Extract(ended_at - F("answered_at"), "epoch")
        changes |= {
            "ended_at": ended_at,
            "duration": Cast(seconds, IntegerField()),
            "end_reason": evidence.reason,
        }
    return changes
