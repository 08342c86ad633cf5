"""The reconciler: every ten seconds it looks at LiveKit's rooms and makes up for what got lost."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from procrastinate.contrib.django import app

from anyreach.gateways.livekit import server
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.livekit.words import ParticipantInfo, RoomInfo
from conversations import lifecycle, listening, recording, revoking, rooms
from conversations.lifecycle import Evidence
from conversations.models import (
    Conversation,
    ListenSession,
    Participant,
    Status,
    StatusChange,
)

log = logging.getLogger(__name__)

Present = Sequence[tuple[RoomInfo, Sequence[ParticipantInfo]]]
Step = Callable[[], object]

# Longer than a client takes to come back after LiveKit was restarted.
ABSENCE_GRACE = timedelta(seconds=15)
SOURCE = StatusChange.Source.RECONCILER


@app.periodic(cron="* * * * * */10")
@app.task(name="reconciling.reconcile", queueing_lock="reconcile")
def reconcile(timestamp: int) -> None:
    """Bring conversations, participants and listen sessions in line with LiveKit's rooms."""
    try:
        present = server.list_all()
    except LiveKitAway:
        log.warning("The reconciler waits for LiveKit")
        return
    now = timezone.now()
    identities = {each.identity for _, participants in present for each in participants}
    _do_all(
        _ears(present, now=now),
        _rights(now),
        _rooms(present, now=now),
        _abandoned({room.name for room, _ in present}, now=now),
        _lost_ears(identities, now=now),
    )


def _do_all(*kinds: Iterable[Step]) -> None:
    """Do each step, whatever becomes of another: no room may keep the others' ears open.

    Raises ExceptionGroup.
    """
    errors: list[Exception] = []
    for steps in kinds:
        with _noting(errors):
            for step in steps:
                with _noting(errors):
                    step()
    if errors:
        raise ExceptionGroup("The reconciler could not do all", errors)


@contextmanager
def _noting(errors: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        errors.append(error)


def _ears(present: Present, *, now: datetime) -> Iterator[Step]:
    for room, participants in present:
        for participant in filter(listening.is_listener, participants):
            yield partial(listening.joined, room, participant, at=now)


def _rights(now: datetime) -> Iterator[Step]:
    for organization_id in revoking.organizations_listened_to(now):
        yield partial(revoking.close_rightless, organization_id)


def _rooms(present: Present, *, now: datetime) -> Iterator[Step]:
    settled = _still_there(present, now=now)
    for room, participants in present:
        if room.sid not in settled:
            yield partial(_look_at, room, _speakers(participants), now=now)


def _speakers(participants: Sequence[ParticipantInfo]) -> list[ParticipantInfo]:
    return [each for each in participants if not rooms.is_ours(each)]


def _still_there(present: Present, *, now: datetime) -> set[str]:
    """Note at once who is still where they were; return the rooms of which that is all to note.

    Those are most, and a look at each takes a dozen queries.
    """
    going_on = Conversation.objects.filter(
        status=Status.IN_PROGRESS, room_sid__in=[room.sid for room, _ in present if room.sid]
    )
    conversations = dict(going_on.values_list("room_sid", "pk"))
    known: dict[UUID, set[str]] = {pk: set() for pk in conversations.values()}
    there = Participant.objects.filter(conversation__in=known, left_at=None)
    for conversation_id, sid in there.values_list("conversation", "sid"):
        known[conversation_id].add(sid)
    recorded = recording.under_way(known)
    settled = {
        room.sid: conversations[room.sid]
        for room, participants in present
        if conversations.get(room.sid) in recorded
        and known[conversations[room.sid]] == {each.sid for each in _speakers(participants)}
    }
    there = there.filter(conversation__in=settled.values())
    there.update(last_seen_at=Greatest(F("last_seen_at"), now))
    return set(settled)


def _look_at(room: RoomInfo, speakers: Sequence[ParticipantInfo], *, now: datetime) -> None:
    conversation = rooms.conversation_of(room, speakers, source=SOURCE, at=now)
    if conversation is None:
        return
    for participant in speakers:
        rooms.note(conversation, participant, at=now)
    _note_absent(conversation, now=now)
    rooms.reported(conversation, source=SOURCE, at=now)
    recording.ensure(conversation)


def _note_absent(conversation: Conversation, *, now: datetime) -> None:
    """Take those for gone who have not been seen for a while: their webhook was lost."""
    unseen = conversation.participants.filter(left_at=None, last_seen_at__lt=now - ABSENCE_GRACE)
    for participant in unseen:
        participant.left_at = participant.last_seen_at
        participant.save(update_fields=["left_at"])


def _abandoned(room_names: set[str], *, now: datetime) -> Iterator[Step]:
    """Yield how open conversations end whose room is gone, or whose visitor never came."""
    too_old = now - timedelta(seconds=settings.VISITOR_TOKEN_TTL_S) - ABSENCE_GRACE
    waiting = Conversation.objects.filter(status=Status.TOKEN_CREATED, created_at__lt=too_old)
    evidence = Evidence(Status.CANCELLED, now, SOURCE, "The visitor never came.")
    for conversation in waiting.exclude(room_name__in=room_names):
        yield partial(lifecycle.report, conversation, evidence)
    missing = Conversation.objects.active().filter(room_name__isnull=False)
    for conversation in missing.exclude(room_name__in=room_names):
        yield partial(_end_without_room, conversation, now=now)


def _end_without_room(conversation: Conversation, *, now: datetime) -> None:
    _note_absent(conversation, now=now)
    seen = [each.last_seen_at for each in conversation.participants.all()]
    gone_at = max([conversation.created_at, *seen])
    if gone_at < now - ABSENCE_GRACE:
        rooms.reported(conversation, source=SOURCE, at=now, room_gone_at=gone_at)


def _lost_ears(identities: set[str], *, now: datetime) -> Iterator[Step]:
    """Yield how the ears end that are in no room although no webhook told that they left."""
    sessions = ListenSession.objects.filter(
        joined_at__lt=now - ABSENCE_GRACE, left_at=None
    ).select_related("conversation")
    for session in sessions:
        if session.identity not in identities:
            yield partial(listening.lost, session, at=now)
