"""Which conversation a LiveKit room belongs to, and what the room's participants say of it.

Webhooks and the reconciler see rooms differently (event by event, or all at once); both
bring what they see here.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from anyreach.bodies import read_json
from anyreach.gateways.livekit.words import Kind, LeaveReason, ParticipantInfo, RoomInfo
from anyreach.organizations.models import Organization
from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import (
    DESK_PREFIX,
    HUMAN_PREFIX,
    LISTENER_PREFIX,
    RECORDER_PREFIX,
    SUPERVISOR_PREFIX,
    Agent,
    Channel,
    Conversation,
    Direction,
    Participant,
    PhoneNumber,
    Status,
    StatusChange,
)

ANSWERED = {"active", "automation"}
NEVER_MIND = {LeaveReason.DUPLICATE_IDENTITY, LeaveReason.MIGRATION}
FAILURES = {
    LeaveReason.USER_REJECTED: "The call was rejected.",
    LeaveReason.SIP_TRUNK_FAILURE: "The telephone trunk failed.",
    LeaveReason.CONNECTION_TIMEOUT: "The connection was lost.",
    LeaveReason.MEDIA_FAILURE: "No sound could be set up.",
    LeaveReason.AGENT_ERROR: "The agent failed.",
}
ENDINGS = {
    LeaveReason.CLIENT_INITIATED: "{who} hung up.",
    LeaveReason.PARTICIPANT_REMOVED: "{who} was disconnected.",
    LeaveReason.ROOM_DELETED: "The call was ended.",
    LeaveReason.ROOM_CLOSED: "The call was ended.",
    LeaveReason.SERVER_SHUTDOWN: "LiveKit was shut down.",
    LeaveReason.CONNECTION_TIMEOUT: "{who}'s connection was lost.",
    LeaveReason.SIGNAL_CLOSE: "{who}'s connection was lost.",
}


def is_ours(participant: ParticipantInfo) -> bool:
    """Is this a participant of our own, which is no part of the conversation?"""
    ours = (LISTENER_PREFIX, RECORDER_PREFIX, DESK_PREFIX)
    return participant.hidden or participant.identity.startswith(ours)


def conversation_of(
    room: RoomInfo,
    participants: Sequence[ParticipantInfo],
    *,
    source: StatusChange.Source,
    at: datetime,
    may_open: bool = True,
) -> Conversation | None:
    """Return the conversation that `room` belongs to, made now if somebody claims it.

    In this order: the conversation that has this life of the room; an open one with a room of
    this name (made through the API, or LiveKit restarted and the room came back); the dialled
    number in an organization's phone numbers; the room's metadata. None when nobody claims it;
    without `may_open` a claim alone makes no conversation. A human's own room while a call is
    transferred is part of no conversation, whatever number it is called from.
    """
    if room.name.startswith(SUPERVISOR_PREFIX):
        return None
    known = Conversation.objects.filter(room_sid=room.sid).first() if room.sid else None
    if known is not None:
        return known
    reopened = Conversation.objects.open().filter(room_name=room.name).first()
    if reopened is not None:
        Conversation.objects.filter(pk=reopened.pk).update(room_sid=room.sid or None)
        reopened.room_sid = room.sid or None
        return reopened
    if not may_open:
        return None
    claim = _claim_by_number(participants) or _claim_by_metadata(room.metadata)
    return _open(room, claim, source=source, at=at) if claim else None


def _claim_by_number(participants: Sequence[ParticipantInfo]) -> dict[str, Any] | None:
    for participant in participants:
        dialled = participant.attributes.get("sip.trunkPhoneNumber")
        # A human's telephone was not dialled by anybody who called us.
        called_us = is_caller(participant.kind, participant.identity)
        if participant.kind == Kind.SIP and dialled and called_us:
            number = PhoneNumber.objects.filter(number=dialled).select_related("agent").first()
            if number is not None:
                return {"organization_id": number.organization_id, "agent": number.agent}
    return None


def _claim_by_metadata(metadata: str) -> dict[str, Any] | None:
    """Read room metadata {"anyreach": {"organization": slug, "agent": id}}."""
    try:
        claim = read_json(metadata)["anyreach"]
        slug, agent_id = str(claim["organization"]), claim.get("agent")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    organization = Organization.objects.filter(slug=slug).first()
    if organization is None:
        return None
    return {"organization_id": organization.pk, "agent": _agent(organization, agent_id)}


def _agent(organization: Organization, agent_id: object) -> Agent | None:
    try:
        return Agent.objects.filter(organization=organization, pk=UUID(str(agent_id))).first()
    except ValueError:
        return None


def _open(
    room: RoomInfo, claim: dict[str, Any], *, source: StatusChange.Source, at: datetime
) -> Conversation | None:
    """Make the conversation of a room that LiveKit made. Another process may be first."""
    try:
        with transaction.atomic():
            conversation = Conversation.objects.create(
                **claim,
                direction=Direction.INBOUND,
                channel=Channel.WEBRTC,
                status=Status.TRIGGERED,
                user_id="",
                created_at=at,
                room_name=room.name,
                room_sid=room.sid or None,
            )
            lifecycle.begun(conversation, source=source)
    except IntegrityError:
        return Conversation.objects.filter(room_sid=room.sid).first()
    return conversation


def note(
    conversation: Conversation,
    info: ParticipantInfo,
    *,
    at: datetime,
    left_at: datetime | None = None,
) -> None:
    """Keep that `info` is in the room at `at`, or left it at `left_at`. Any order is fine."""
    participant, made = Participant.objects.get_or_create(
        conversation=conversation,
        sid=info.sid,
        defaults={
            "identity": info.identity[:255],
            "kind": info.kind,
            "joined_at": info.joined_at or at,
            "last_seen_at": at,
        },
    )
    known = Participant.objects.filter(pk=participant.pk)
    if not made:
        known.update(last_seen_at=Greatest(F("last_seen_at"), at))
    if info.kind == Kind.SIP and info.attributes.get("sip.callStatus") in ANSWERED:
        known.filter(active_at=None).update(active_at=at)
    if left_at is not None:
        known.filter(left_at=None).update(
            left_at=Greatest(F("joined_at"), left_at), leave_reason=info.leave_reason
        )
    if is_caller(info.kind, info.identity):
        _introduce(conversation, info)


def is_caller(kind: str, identity: str) -> bool:
    return kind in (Kind.STANDARD, Kind.SIP) and not identity.startswith(HUMAN_PREFIX)


def _introduce(conversation: Conversation, info: ParticipantInfo) -> None:
    """Fill in who calls, once the first caller is seen."""
    if conversation.user_id:
        return
    changes: dict[str, Any] = {"user_id": info.identity[:255], "channel": Channel.WEBRTC}
    if info.name:
        changes["caller_name"] = info.name[:255]
    if info.kind == Kind.SIP:
        dialling = info.attributes.get("sip.callStatus") == "dialing"
        changes = {
            "user_id": info.attributes.get("sip.phoneNumber", "")[:255] or "anonymous",
            "channel": Channel.TELEPHONE,
            "direction": Direction.OUTBOUND if dialling else Direction.INBOUND,
            "agent_number": info.attributes.get("sip.trunkPhoneNumber", "")[:255] or None,
            "trunk_id": info.attributes.get("sip.trunkID", "")[:255] or None,
        }
    Conversation.objects.filter(pk=conversation.pk, user_id="").update(**changes)
    conversation.refresh_from_db()


def reported(
    conversation: Conversation,
    *,
    source: StatusChange.Source,
    at: datetime,
    room_gone_at: datetime | None = None,
) -> None:
    """Report to the lifecycle what is known of the room's participants."""
    participants = list(conversation.participants.all())
    for evidence in evidence_of(
        participants,
        source=source,
        at=at,
        room_gone_at=room_gone_at,
        dialled=conversation.dialled_at is not None,
    ):
        lifecycle.report(conversation, evidence)


def evidence_of(
    participants: Sequence[Participant],
    *,
    source: StatusChange.Source,
    at: datetime,
    room_gone_at: datetime | None = None,
    dialled: bool = False,
) -> Iterator[Evidence]:
    """Yield what the room's participants, past ones too, are evidence of, in order.

    `dialled`: the caller is who was called by us.
    """
    callers = [each for each in participants if is_caller(each.kind, each.identity)]
    agents = [each for each in participants if each.kind == Participant.Kind.AGENT]
    yield Evidence(Status.TRIGGERED, min((each.joined_at for each in callers), default=at), source)
    phones = [each for each in callers if each.kind == Participant.Kind.SIP]
    if phones:
        yield Evidence(Status.RINGING, min(each.joined_at for each in phones), source)
    answered_at = _answered_at(callers, agents)
    if answered_at:
        yield Evidence(Status.IN_PROGRESS, answered_at, source)
    last = _last_to_leave(callers)
    # That an agent was there may be told after the visitor left: the room's end decides. Why a
    # telephone was not answered, who dials it knows best (phones/dialling.py).
    undecided = not answered_at and not room_gone_at and (dialled or not phones)
    if last is not None and not undecided:
        yield _ending(last, answered=bool(answered_at), source=source, dialled=dialled)
    elif room_gone_at:
        status = Status.COMPLETED if answered_at else Status.CANCELLED
        yield Evidence(status, room_gone_at, source, "The call was ended.")


def _answered_at(callers: Sequence[Participant], agents: Sequence[Participant]) -> datetime | None:
    """Return when a phone call became active, or a visitor and an agent were both there."""
    moments = [each.active_at for each in callers if each.active_at]
    for caller in callers:
        if caller.kind == Participant.Kind.STANDARD:
            for agent in agents:
                both = max(caller.joined_at, agent.joined_at)
                # Webhooks tell in whole seconds when somebody left.
                second = both.replace(microsecond=0)
                if all(each.left_at is None or each.left_at >= second for each in (caller, agent)):
                    moments.append(both)
    return min(moments, default=None)


def _last_to_leave(callers: Sequence[Participant]) -> Participant | None:
    """Return the caller with whom the call ended; None while one is there, or none came."""
    real = [each for each in callers if each.leave_reason not in NEVER_MIND]
    if not real or any(each.left_at is None for each in real):
        return None
    return max(real, key=lambda each: each.left_at or each.joined_at)


def _ending(
    last: Participant, *, answered: bool, source: StatusChange.Source, dialled: bool
) -> Evidence:
    reason = LeaveReason(last.leave_reason)
    left_at = last.left_at or last.last_seen_at
    if answered:
        who = "Who was called" if dialled else "The caller"
        sentence = ENDINGS.get(reason, "The call was ended.").format(who=who)
        return Evidence(Status.COMPLETED, left_at, source, sentence)
    if reason == LeaveReason.USER_UNAVAILABLE:
        return Evidence(Status.UNANSWERED, left_at, source, "Nobody answered.")
    if reason in FAILURES:
        return Evidence(Status.FAILED, left_at, source, FAILURES[reason])
    sentence = (
        "The call was ended before it was answered."
        if dialled
        else "The caller hung up before the call was answered."
    )
    return Evidence(Status.CANCELLED, left_at, source, sentence)
