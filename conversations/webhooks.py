"""What LiveKit reports: kept once, acknowledged at once, handled after, in order of arrival."""

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from prometheus_client import Counter

from anyreach.errors import DATABASE_AWAY
from anyreach.gateways.livekit import phones
from anyreach.gateways.livekit import webhooks as livekit_webhooks
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.livekit.words import Kind, LeaveReason, ParticipantInfo
from anyreach.gateways.livekit.words import WebhookEvent as Event
from conversations import listening, recording, rooms
from conversations.models import (
    HUMAN_PREFIX,
    SUPERVISOR_PREFIX,
    Conversation,
    StatusChange,
    WebhookEvent,
)

log = logging.getLogger(__name__)

HANDLED = {
    "room_started",
    "room_finished",
    "participant_joined",
    "participant_left",
    "participant_connection_aborted",
}
SEEN_WITH_A_TELEPHONE = {"participant_joined", "track_published"}
UNTIL_IT_WORKS = RetryStrategy(max_attempts=60, wait=1, linear_wait=1)
unclaimed = Counter("anyreach_webhooks_unclaimed_total", "Events of rooms that nobody claims")


def keep(body: bytes, authorization: str) -> None:
    """Keep a webhook's event and have it handled, unless its id is known already.

    The row and its job are written in one transaction: what was acknowledged will be handled.
    An ear that may not be there does not wait for its job: it is put out first. So is a human
    secluded who is called for a transfer, whatever has become of the worker that called.
    Raises NotFromLiveKit, ValueError.
    """
    text = livekit_webhooks.verified(body, authorization)
    event = livekit_webhooks.read(text)
    if event.name in SEEN_WITH_A_TELEPHONE and event.participant:
        _seclude(event.room.name, event.participant)
    if event.name not in HANDLED:
        return
    if event.name == "participant_joined" and event.participant:
        listening.bounce(event.room, event.participant)
    try:
        with transaction.atomic():
            WebhookEvent.objects.create(id=event.id, name=event.name, body=text)
            handle.configure(lock=_lock(event.room.name)).defer(event_id=event.id)
    except IntegrityError:
        log.info("A webhook event came twice", extra={"event_id": event.id})


def _seclude(room_name: str, participant: ParticipantInfo) -> None:
    is_human = participant.kind == Kind.SIP and participant.identity.startswith(HUMAN_PREFIX)
    # In a room of their own there is nothing that they must not hear.
    if not is_human or room_name.startswith(SUPERVISOR_PREFIX):
        return
    is_apart = False
    with suppress(LiveKitAway):
        is_apart = phones.seclude(room_name, participant.identity)
    # Only then: until the database answers, a telephone may have heard what it must not.
    if is_apart and _is_taken(room_name):
        phones.admit(room_name, participant.identity)


def _is_taken(room_name: str) -> bool:
    """Whether a human has taken the call there, whom LiveKit may report late, or anew once it was
    restarted: they are not to be parted from the caller. While the database does not say, none has.
    """
    with suppress(*DATABASE_AWAY):
        return (
            Conversation.objects.active()
            .filter(room_name=room_name, transferred_at__isnull=False)
            .exists()
        )
    return False


def are_waiting(room_name: str) -> bool:
    """Return whether LiveKit has reported more of this room than was taken in so far."""
    unfinished = ProcrastinateJob.objects.filter(status__in=["todo", "doing"])
    return unfinished.filter(lock=_lock(room_name)).exists()


def _lock(room_name: str) -> str:
    return f"room:{room_name}"


@app.periodic(cron="17 3 * * *")
@app.task(name="webhooks.forget")
def forget(timestamp: int) -> None:
    """Delete events that are too old to come twice."""
    before = timezone.now() - timedelta(days=settings.WEBHOOK_KEEP_DAYS)
    WebhookEvent.objects.filter(received_at__lt=before, handled_at__isnull=False).delete()


@app.task(name="webhooks.handle", retry=UNTIL_IT_WORKS)
def handle(event_id: str) -> None:
    """Take a kept event in. Events of one room are handled one after another."""
    kept = WebhookEvent.objects.get(pk=event_id)
    event = livekit_webhooks.read(kept.body)
    participant = event.participant
    if participant is not None and listening.is_listener(participant):
        if event.name == "participant_joined":
            listening.joined(event.room, participant, at=event.at)
        else:
            # It tells whole seconds only: what we received sooner than that was sooner.
            at = min(event.at + timedelta(seconds=1), kept.received_at)
            listening.left(participant, at=at)
    elif participant is None or not rooms.is_ours(participant):
        _observe(event)
    WebhookEvent.objects.filter(pk=event_id).update(handled_at=timezone.now())


def _observe(event: Event) -> None:
    participant = event.participant
    present = [participant] if participant is not None else []
    gone = event.name == "room_finished"
    source = StatusChange.Source.WEBHOOK
    conversation = rooms.conversation_of(
        event.room, present, source=source, at=event.at, may_open=not gone
    )
    if conversation is None:
        unclaimed.inc()
        return
    if participant is not None:
        left = event.name != "participant_joined"
        if event.name == "participant_connection_aborted":
            participant = replace(participant, leave_reason=LeaveReason.CONNECTION_TIMEOUT)
        rooms.note(conversation, participant, at=event.at, left_at=event.at if left else None)
    rooms.reported(
        conversation, source=source, at=event.at, room_gone_at=event.at if gone else None
    )
    recording.ensure(conversation)
