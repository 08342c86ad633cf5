"""A transfer's status: the only place that decides and writes it, by compare-and-set."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from agent_assist.transfer.models import FINAL, UNFINISHED, Status, Transfer
from anyreach.live.announcing import announce
from conversations.models import Conversation


def predecessors(status: Status) -> list[Status]:
    """Return the statuses from which `status` may be reached; final ones are never left."""
    if status == Status.BRIDGED:
        return [Status.BRIEFING]
    if status in FINAL:
        return list(UNFINISHED)
    return list(UNFINISHED[: UNFINISHED.index(status)])


def move(
    transfer: Transfer,
    status: Status,
    *,
    at: datetime,
    reason: str = "",
    only_from: Collection[Status] = tuple(Status),
) -> bool:
    """Move `transfer` to `status` if that is a step forward, and announce it once committed.

    Bridging marks the conversation as transferred, and fails when that is over. Returns whether
    this call made the move; `transfer` is as the database has it then.
    """
    time = "finished_at" if status in FINAL else f"{status}_at"
    conversation = transfer.conversation
    with transaction.atomic():
        before = [each for each in predecessors(status) if each in only_from]
        movable = Transfer.objects.filter(pk=transfer.pk, status__in=before)
        moved = movable.update(status=status, reason=reason, **{time: at}) == 1
        if moved and status == Status.BRIDGED:
            live = Conversation.objects.active().filter(pk=conversation.pk)
            moved = live.update(transferred_at=at) == 1
            transaction.set_rollback(not moved)
        if moved:
            announce(conversation.organization_id, conversation.pk, "transfer")
    transfer.look()
    return moved
