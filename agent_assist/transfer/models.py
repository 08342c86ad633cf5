"""What is kept of a warm transfer: who was to be put on the line, and how that went."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from anyreach.organizations.caller import Caller
from conversations.models import DESK_PREFIX, HUMAN_PREFIX, SUPERVISOR_PREFIX, Conversation


class Status(models.TextChoices):
    """In the order in which a transfer goes through them; final ones last."""

    REQUESTED = "requested"
    HOLDING = "holding"
    DIALLING = "dialling"
    RINGING = "ringing"
    BRIEFING = "briefing"
    BRIDGED = "bridged"
    DECLINED = "declined"
    UNANSWERED = "unanswered"
    BUSY = "busy"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (
    Status.REQUESTED,
    Status.HOLDING,
    Status.DIALLING,
    Status.RINGING,
    Status.BRIEFING,
)
FINAL = tuple(each for each in Status if each not in UNFINISHED)
# What changes of a transfer.
PROGRESS = ["status", "reason", *(f"{each}_at" for each in UNFINISHED), "finished_at"]


class TransferQuerySet(models.QuerySet["Transfer"]):
    def visible_to(self, caller: Caller) -> Self:
        """Narrow to what `caller` may see. Every view starts here."""
        return self.filter(conversation__organization=caller.organization)

    def unfinished(self) -> Self:
        return self.filter(status__in=UNFINISHED)


class Transfer(models.Model):
    """A human being put on the line in a conversation.

    `reason` is a sentence fit for a person, once it is over. Each time is when the transfer first
    had that status; `finished_at`, when it had its last one; `told_at`, when the agent to whom the
    caller came back was told of that.
    """

    class HoldMusic(models.TextChoices):
        DEFAULT = "default"
        NONE = "none"

    class Accept(models.TextChoices):
        DTMF = "dtmf"
        ANSWER = "answer"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="transfers")
    transfer_number = models.CharField(max_length=255)
    supervisor_instructions = models.TextField(blank=True)
    hold_music = models.CharField(max_length=7, choices=HoldMusic)
    accept = models.CharField(max_length=6, choices=Accept)
    ring_timeout_seconds = models.PositiveSmallIntegerField()
    accept_timeout_seconds = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.REQUESTED)
    reason = models.CharField(max_length=255, blank=True)
    requested_at = models.DateTimeField()
    holding_at = models.DateTimeField(null=True)
    dialling_at = models.DateTimeField(null=True)
    ringing_at = models.DateTimeField(null=True)
    briefing_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        ordering = ["requested_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=UNFINISHED, finished_at=None)
                | Q(status__in=FINAL, finished_at__isnull=False),
                name="transfer_finished_when_final",
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(status__in=UNFINISHED),
                name="transfer_one_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(status=Status.BRIDGED),
                name="transfer_bridged_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def look(self) -> None:
        """Read anew how far it is."""
        self.refresh_from_db(fields=PROGRESS)

    @property
    def human_identity(self) -> str:
        """What LiveKit knows the human's telephone by. Their number stays with us."""
        return f"{HUMAN_PREFIX}{self.pk}"

    @property
    def desk_identity(self) -> str:
        """What LiveKit knows us by, who come between the caller and the human."""
        return f"{DESK_PREFIX}{self.pk}"

    @property
    def supervisor_room(self) -> str:
        """The human's own room, where LiveKit can move them from there to the caller."""
        return f"{SUPERVISOR_PREFIX}{self.pk}"
