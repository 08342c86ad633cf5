"""What is kept of a conversation: the call, who was in its room, what was said, who heard it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, F, Func, Q, TextField, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Length
from django.db.models.lookups import Exact, LessThanOrEqual

from anyreach.organizations.caller import Caller
from anyreach.organizations.models import (
    ApiKey,
    Organization,
    OrganizationsOwn,
    PersonalAccessToken,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Direction(models.TextChoices):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Channel(models.TextChoices):
    TELEPHONE = "telephone"
    WEBRTC = "webrtc", "WebRTC"
    EMAIL = "email"
    TEXT = "text"


class Status(models.TextChoices):
    """In the order in which a conversation goes through them; terminal ones last."""

    TOKEN_CREATED = "token_created"  # noqa: S105 - a status
    TRIGGERED = "triggered"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TRANSFERRED = "transferred"
    UNANSWERED = "unanswered"


ACTIVE = (Status.TRIGGERED, Status.RINGING, Status.IN_PROGRESS)
OPEN = (Status.TOKEN_CREATED, *ACTIVE)
TERMINAL = (
    Status.COMPLETED,
    Status.FAILED,
    Status.CANCELLED,
    Status.TRANSFERRED,
    Status.UNANSWERED,
)


class Agent(models.Model):
    """An AI voice agent. `dispatch_name` is the agent_name its worker registers with, if any."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="agents")
    name = models.CharField(max_length=200)
    dispatch_name = models.CharField(max_length=200, blank=True)
    starting_message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrganizationsOwn.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="agent_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class PhoneNumber(models.Model):
    """A number of the organization's (E.164). A call to it belongs to that organization."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="phone_numbers")
    number = models.CharField(max_length=16, unique=True)
    agent = models.ForeignKey(Agent, models.SET_NULL, null=True, blank=True)

    objects = OrganizationsOwn.as_manager()

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return self.number


E164_FORM = r"^\+[1-9][0-9]{4,14}$"


class OutboundTrunk(models.Model):
    """An organization's way out to telephones: one of LiveKit's SIP trunks, paid by it alone.

    `number` is shown to whom it calls. `allowed_prefixes` are beginnings of the numbers that the
    API may call; while there are none, any number. `transfer_destinations` are who calls may be
    transferred to (conversations/phones/destinations.py); while there are none, nobody.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.OneToOneField(Organization, models.CASCADE, related_name="outbound_trunk")
    sip_trunk_id = models.CharField(max_length=64, unique=True)
    number = models.CharField(max_length=16)
    allowed_prefixes = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    transfer_destinations = ArrayField(models.CharField(max_length=253), default=list, blank=True)

    objects = OrganizationsOwn.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(number__regex=E164_FORM), name="outbound_trunk_number_form"
            ),
            # An empty beginning would allow any number unseen.
            models.CheckConstraint(
                condition=~Q(allowed_prefixes__contains=[""]), name="outbound_trunk_prefix_form"
            ),
            models.CheckConstraint(
                condition=~Q(transfer_destinations__overlap=["", "*"]),
                name="outbound_trunk_destination_form",
            ),
        ]

    def __str__(self) -> str:
        return self.sip_trunk_id

    def may_call(self, number: str) -> bool:
        return not self.allowed_prefixes or number.startswith(tuple(self.allowed_prefixes))


class TrialCall(models.Model):
    """A test call: a telephone rings, and hears a sentence. Of a trunk's, the last one is kept.

    `result` is a sentence fit for a person, once it is over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trunk = models.OneToOneField(OutboundTrunk, models.CASCADE, related_name="trial_call")
    destination = models.CharField(max_length=255)
    requested_at = models.DateTimeField()
    dialled_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=255, blank=True)

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def sentence(self) -> str:
        """How it goes, or went."""
        if self.finished_at:
            return self.result
        if self.answered_at:
            return "It was answered, and hears our voice."
        return "It is called." if self.dialled_at else "It waits for a worker."


# Where custom_metadata tells of a campaign.
CAMPAIGN = "anyreach_campaign"
CAMPAIGN_INDEXED = 255
_CAMPAIGN_TEXT = KT(f"custom_metadata__{CAMPAIGN}")
_CAMPAIGN_IS_INDEXED = Q(
    Exact(
        Func(F(f"custom_metadata__{CAMPAIGN}"), function="jsonb_typeof", output_field=TextField()),
        Value("string"),
    ),
    LessThanOrEqual(Length(_CAMPAIGN_TEXT), CAMPAIGN_INDEXED),
)
# What people write between a number's digits, and its plus: it may get lost in an address.
PUNCTUATION = " \u00a0().-[]+"
# A user_id without that, as conversation_by_user has it.
PLAIN_USER_ID = Func(
    F("user_id"), Value(PUNCTUATION), Value(""), function="translate", output_field=TextField()
)


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, caller: Caller) -> Self:
        """Narrow to what `caller` may see. Every view starts here."""
        return self.filter(organization=caller.organization)

    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def open(self) -> Self:
        """Not over yet: active ones, and web sessions whose visitor is still to come."""
        return self.filter(status__in=OPEN)

    def with_number(self, number: str) -> Self:
        """Narrow to those whose `user_id` is a telephone number, however either is written, or
        else exactly `number`."""
        plain = number.translate(dict.fromkeys(map(ord, PUNCTUATION)))
        found = self.alias(plain_user_id=PLAIN_USER_ID).filter(plain_user_id=plain)
        return found if plain.isdecimal() else found.filter(user_id=number)


class Conversation(models.Model):
    """One session on one channel."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="conversations", db_index=False
    )
    direction = models.CharField(max_length=8, choices=Direction)
    channel = models.CharField(max_length=9, choices=Channel)
    status = models.CharField(max_length=13, choices=Status)
    user_id = models.CharField(max_length=255)
    agent = models.ForeignKey(Agent, models.SET_NULL, null=True, blank=True, db_index=False)
    agent_version_id = models.CharField(max_length=255, null=True, blank=True)
    agent_number = models.CharField(max_length=255, null=True, blank=True)
    trunk_id = models.CharField(max_length=255, null=True, blank=True)
    web_widget_id = models.CharField(max_length=255, null=True, blank=True)
    duration = models.PositiveIntegerField(null=True, blank=True)
    user_turn_count = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=255, null=True, blank=True)
    caller_name = models.CharField(max_length=255, null=True, blank=True)
    summary = models.TextField(null=True, blank=True)
    initial_context = models.TextField(null=True, blank=True)
    custom_metadata = models.JSONField(default=dict, blank=True)
    # None also where it is no text, or longer than an index has room for.
    campaign = models.GeneratedField(
        expression=Case(When(_CAMPAIGN_IS_INDEXED, then=_CAMPAIGN_TEXT)),
        output_field=models.CharField(max_length=CAMPAIGN_INDEXED, null=True),
        db_persist=True,
    )
    recording_details = models.JSONField(null=True, blank=True)
    # LiveKit allows no longer ones, unless its own limit is set higher.
    room_name = models.CharField(max_length=256, null=True, blank=True)
    room_sid = models.CharField(max_length=64, null=True, blank=True)
    request_hash = models.CharField(max_length=64, null=True, blank=True)
    dialled_at = models.DateTimeField(null=True, blank=True)
    # When a human took the call over from the agent.
    transferred_at = models.DateTimeField(null=True, blank=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="conversation_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN, ended_at=None)
                | Q(status__in=TERMINAL, ended_at__isnull=False),
                name="conversation_ended_when_terminal",
            ),
            models.UniqueConstraint(
                fields=["room_sid"],
                condition=Q(room_sid__isnull=False),
                name="conversation_of_room_sid",
            ),
            models.UniqueConstraint(
                fields=["room_name"],
                condition=Q(status__in=OPEN, room_name__isnull=False),
                name="conversation_open_in_room",
            ),
        ]
        # One for each parameter of the list (ConversationQuery). Off those in the list's order a
        # page is read; by the others the few that fit are found. What is contained in user_id and
        # agent_number needs pg_trgm: a migration indexes that where the server has it.
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="conversation_newest"),
            models.Index(fields=["agent", "-created_at", "-id"], name="conversation_by_agent"),
            models.Index(
                F("organization"),
                PLAIN_USER_ID,
                F("created_at").desc(),
                F("id").desc(),
                name="conversation_by_user",
            ),
            *(
                models.Index(
                    fields=["organization", field, "-created_at", "-id"],
                    name=f"conversation_by_{field}",
                )
                for field in ("direction", "channel")
            ),
            # What never came about has no duration and no turns: none that fits is found here.
            models.Index(
                fields=[
                    *("organization", "status", "-created_at", "-id"),
                    *("duration", "user_turn_count"),
                ],
                name="conversation_by_status",
            ),
            *(
                models.Index(
                    fields=["organization", field, "-created_at", "-id"],
                    name=f"conversation_by_{field.removesuffix('_id')}",
                    condition=Q(**{f"{field}__isnull": False}),
                )
                for field in ("agent_version_id", "web_widget_id")
            ),
            models.Index(
                fields=["organization", "campaign", "-created_at", "-id", "status"],
                name="conversation_by_campaign",
                condition=Q(campaign__isnull=False),
            ),
            # Pairs of these that no conversation has are common: web calls are never outbound.
            models.Index(
                fields=["organization", "direction", "channel", "-created_at", "-id"],
                name="conversation_by_both",
            ),
            models.Index(fields=["organization", "duration"], name="conversation_duration"),
            models.Index(fields=["organization", "user_turn_count"], name="conversation_turns"),
            GinIndex(
                fields=["custom_metadata"],
                opclasses=["jsonb_path_ops"],
                name="conversation_metadata",
            ),
            models.Index(fields=["room_name"], name="conversation_room_name"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def created_at_us(self) -> int:
        """Microseconds since the epoch, exactly."""
        return (self.created_at - EPOCH) // timedelta(microseconds=1)

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL


class StatusChange(models.Model):
    """One step of a conversation's status, and who told."""

    class Source(models.TextChoices):
        WEBHOOK = "webhook"
        RECORDER = "recorder"
        RECONCILER = "reconciler"
        TRANSFER = "transfer"
        API = "api"
        IMPORT = "import"
        DIALLING = "dialling"

    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="status_changes", db_index=False
    )
    status = models.CharField(max_length=13, choices=Status)
    at = models.DateTimeField()
    source = models.CharField(max_length=10, choices=Source)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["conversation", "at", "id"], name="status_change_order")]

    def __str__(self) -> str:
        return self.status


class Participant(models.Model):
    """Who was in a conversation's LiveKit room, as webhooks and snapshots told.

    `active_at` is when a phone call was answered; `leave_reason` is LiveKit's
    DisconnectReason, 0 while unknown. Listeners and recorders are not kept here.
    """

    class Kind(models.TextChoices):
        STANDARD = "standard"
        SIP = "sip"
        AGENT = "agent"
        OTHER = "other"

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="participants")
    sid = models.CharField(max_length=64)
    identity = models.CharField(max_length=255)
    kind = models.CharField(max_length=8, choices=Kind)
    joined_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    active_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    leave_reason = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "sid"], name="participant_once")
        ]

    def __str__(self) -> str:
        return self.identity


class Turn(models.Model):
    """One transcription segment, or one tool call with its result.

    The sources' own ids are unique per conversation (of segments, which any sender names, per
    speaker), so that two sources of one turn meet in one row. `latency` holds whole milliseconds
    by name.
    """

    class Role(models.TextChoices):
        USER = "user"
        AGENT = "agent"
        HUMAN = "human"
        TOOL = "tool"
        UNKNOWN = "unknown"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="turns", db_index=False
    )
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=7, choices=Role)
    text = models.TextField(blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    final = models.BooleanField(default=False)
    interrupted = models.BooleanField(default=False)
    speaker = models.CharField(max_length=255, blank=True)
    segment_id = models.CharField(max_length=128, null=True, blank=True)
    item_id = models.CharField(max_length=128, null=True, blank=True)
    call_id = models.CharField(max_length=128, null=True, blank=True)
    name = models.CharField(max_length=255, blank=True)
    arguments = models.JSONField(null=True, blank=True)
    output = models.JSONField(null=True, blank=True)
    is_error = models.BooleanField(default=False)
    latency = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["started_at", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", *fields],
                condition=Q(**{f"{fields[-1]}__isnull": False}),
                name=f"turn_{fields[-1]}_once",
            )
            for fields in (["speaker", "segment_id"], ["item_id"], ["call_id"])
        ]
        indexes = [
            models.Index(fields=["conversation", "started_at", "position"], name="turn_order")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class RecorderProcess(models.Model):
    """A worker process that records calls. It says each second, for all of them, that it lives."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alive_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)


class RecordedSpan(models.Model):
    """A recorder followed a call without a break, as `identity` in its room.

    Without an end it does still, or did for as long as its process lived. Of two that do, the
    later one takes over (conversations/recorded.py).
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="recorded_spans")
    process = models.ForeignKey(RecorderProcess, models.PROTECT, related_name="spans")
    identity = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="recorded_span_forward",
            )
        ]

    def __str__(self) -> str:
        return self.identity


class ListenSessionQuerySet(models.QuerySet["ListenSession"]):
    def visible_to(self, caller: Caller) -> Self:
        """Narrow to what `caller` may see. Every view starts here."""
        return self.filter(conversation__organization=caller.organization)

    def may_hear(self, now: datetime) -> Self:
        """Sessions of live calls whose holder is in the room, or could still come, or return."""
        return self.filter(
            Q(in_room_since__isnull=False) | Q(expires_at__gt=now),
            ended_how__in=RETURNABLE,
            conversation__status__in=ACTIVE,
        )


class ListenSession(models.Model):
    """One ear: a token that was minted, and what became of it.

    Who got it is remembered when user, key or token are gone. When it was in the room comes from
    LiveKit; when it was audible is the browser's word. `first` names the session that this one
    renews, directly or through others, so that both show as one listener; `revoked_at` and
    `revoked_by` stand at the first one, for all of them.
    """

    class Source(models.TextChoices):
        DASHBOARD = "dashboard"
        API = "api"
        EMBED = "embed"

    class Ended(models.TextChoices):
        STOPPED = "stopped"
        CALL_ENDED = "call_ended"
        EXPIRED = "expired"
        REVOKED = "revoked"
        LOST = "lost"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="listen_sessions")
    room_name = models.CharField(max_length=256)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, db_constraint=False
    )
    api_key = models.ForeignKey(ApiKey, models.DO_NOTHING, null=True, db_constraint=False)
    token = models.ForeignKey(
        PersonalAccessToken, models.DO_NOTHING, null=True, db_constraint=False
    )
    who = models.CharField(max_length=255)
    source = models.CharField(max_length=9, choices=Source)
    origin = models.CharField(max_length=255, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=512, blank=True)
    first = models.ForeignKey("self", models.CASCADE, null=True, related_name="renewals")
    minted_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    joined_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    participant_sid = models.CharField(max_length=64, blank=True)
    in_room_since = models.DateTimeField(null=True)
    seconds_in_room = models.FloatField(default=0)
    audible_since = models.DateTimeField(null=True)
    seconds_audible = models.FloatField(default=0)
    sound_reports = models.PositiveIntegerField(default=0)
    ended_how = models.CharField(max_length=10, choices=Ended, blank=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=255, blank=True)

    objects = ListenSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-minted_at", "-id"]
        indexes = [
            models.Index(fields=["conversation", "-minted_at"], name="listen_session_of_call"),
            models.Index(
                fields=["expires_at"], name="listen_session_open", condition=Q(ended_how="")
            ),
            models.Index(
                fields=["conversation"],
                name="listen_session_in_room",
                condition=Q(in_room_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.identity

    @property
    def identity(self) -> str:
        """What LiveKit knows this ear by. Names and e-mail addresses stay with us."""
        return f"{LISTENER_PREFIX}{self.pk}"


# How a session may have ended whose token lets its holder in again, while it is valid.
RETURNABLE = ("", ListenSession.Ended.STOPPED, ListenSession.Ended.LOST)


class ListenEvent(models.Model):
    """One line of an organization's listening ledger; the database refuses to change or delete it.

    `sequence` counts from 1 without a gap in each organization. `hash` is over the line and the
    hash of the one before (conversations/ledger.py). Ids are kept without a foreign key: what
    they name may go, the line stays.
    """

    class Kind(models.TextChoices):
        MINTED = "minted"
        REFUSED = "refused"
        JOINED = "joined"
        AUDIBLE = "audible"
        MUTED = "muted"
        LEFT = "left"
        REVOKED = "revoked"

    class ToldBy(models.TextChoices):
        SERVER = "server"
        BROWSER = "browser"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="listen_events")
    sequence = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=7, choices=Kind)
    at = models.DateTimeField()
    told_by = models.CharField(max_length=7, choices=ToldBy)
    who = models.CharField(max_length=255)
    conversation_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    details = models.JSONField(default=dict)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["organization", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "sequence"], name="listen_event_sequence"
            ),
            models.CheckConstraint(
                condition=Q(told_by="server") | Q(kind__in=["audible", "muted"]),
                name="listen_event_browsers_word",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "kind", "-sequence"], name="listen_event_of_kind"),
            models.Index(
                fields=["organization", "conversation_id", "-sequence"],
                name="listen_event_of_call",
            ),
            models.Index(fields=["organization", "at"], name="listen_event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind}"


LISTENER_PREFIX = "listener-"
RECORDER_PREFIX = "recorder-"
HUMAN_PREFIX = "human-"
DESK_PREFIX = "desk-"
# Of rooms: one in which a human is told of a call, before LiveKit moves them into it.
SUPERVISOR_PREFIX = "supervisor-"


class WebhookEvent(models.Model):
    """One event that LiveKit sent, kept once by its id until handled, and a while after."""

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=64)
    body = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="webhook_event_age")]

    def __str__(self) -> str:
        return self.id
