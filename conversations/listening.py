"""Who may hear a live call, for how long, and how that ends.

LiveKit's tokens bound joining only: it never ends a connection at expiry and knows no
revocation. So each token has a ListenSession here, and whoever is in a room without a live
one is put out.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from anyreach.errors import Conflict, DomainError, Forbidden, Invalid, NotThere
from anyreach.gateways.livekit import server, tokens
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.livekit.words import Kind, LeaveReason, ParticipantInfo, RoomInfo
from anyreach.live.announcing import announce
from anyreach.organizations.caller import Caller
from anyreach.organizations.scopes import Scope
from anyreach.organizations.standing import scopes_now
from conversations import ledger
from conversations.models import (
    LISTENER_PREFIX,
    RETURNABLE,
    Conversation,
    ListenEvent,
    ListenSession,
)

HEARERS = (Scope.CONVERSATIONS_READ_SENSITIVE, Scope.CONVERSATIONS_MANAGE)
GHOST_GRACE_S = 5
SOUND_REPORTS_AT_MOST = 500
UNTIL_LIVEKIT_IS_BACK = RetryStrategy(max_attempts=60, wait=1, linear_wait=1)

Ended = ListenSession.Ended
ENDED_BY_REASON = {
    LeaveReason.CLIENT_INITIATED: Ended.STOPPED,
    LeaveReason.ROOM_DELETED: Ended.CALL_ENDED,
    LeaveReason.ROOM_CLOSED: Ended.CALL_ENDED,
}


class NotActive(Conflict):
    detail = "This conversation is not active. Only an active one can be heard."


class NoRoom(NotThere):
    detail = "This conversation has no LiveKit room."


class Closed(Forbidden):
    detail = "This listener was closed by an administrator."


class RightLost(Forbidden):
    detail = "Your role does not allow this any more."


class TooManyReports(DomainError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    detail = "This listener has been muted and unmuted too often to be written down."
    retry_after_s = 60


@dataclass(frozen=True)
class ListenGrant:
    """What a listener needs to join; `expires_at` is aware UTC."""

    url: str
    token: str
    room_name: str
    expires_at: datetime


@dataclass(frozen=True)
class AskedFrom:
    """Where a listener token was asked for."""

    source: ListenSession.Source
    origin: str
    ip: str | None
    user_agent: str


def grant(
    conversation: Conversation,
    *,
    caller: Caller,
    asked_from: AskedFrom,
    renews: str | None,
    now: datetime,
) -> ListenGrant:
    """Let one person or key hear a live conversation for LISTEN_TOKEN_TTL_S seconds from `now`.

    `conversation` is already narrowed to what the caller may see. `renews` is the identity
    in a token that this one follows. LiveKit learns an opaque identity,
    "listener-<session id>": names and e-mail addresses stay with us. A token never outlives the
    credential that it was asked for with.

    Raises NotActive (409), NoRoom (404), Invalid (422, `renews`), Closed or RightLost (403),
    LiveKitAway (503).
    """
    if not conversation.is_active:
        raise NotActive
    room = conversation.room_name
    if not room or not server.list_rooms([room]):
        raise NoRoom
    first = _renewed(conversation, caller, renews) if renews else None
    expires_at = now + timedelta(seconds=settings.LISTEN_TOKEN_TTL_S)
    if caller.expires_at:
        expires_at = min(expires_at, caller.expires_at)
    session = ListenSession(
        conversation=conversation,
        room_name=room,
        user=caller.user,
        api_key=caller.api_key,
        token=caller.token,
        who=caller.name,
        source=asked_from.source,
        origin=asked_from.origin,
        ip=asked_from.ip,
        user_agent=asked_from.user_agent,
        first=first,
        minted_at=now,
        expires_at=expires_at,
    )
    token = tokens.listener_token(
        room=room,
        identity=session.identity,
        ttl=expires_at - now,
        embed_id=caller.organization.embed_id,
    )
    with transaction.atomic():
        # Whoever revokes holds this row: the renewal is either seen by them, or refused.
        if first and ListenSession.objects.select_for_update().get(pk=first.pk).revoked_at:
            raise Closed
        session.save(force_insert=True)
        write_down([session], ListenEvent.Kind.MINTED, at=now, renews=renews, **asdict(asked_from))
        # Under the ledger's lock: whoever takes the right away looks at us, or we see it taken.
        if not still_may(session, now):
            raise RightLost
        if settings.LISTEN_EVICT_AT_EXPIRY:
            evict.configure(schedule_at=session.expires_at).defer(session_id=str(session.pk))
    return ListenGrant(settings.LIVEKIT_PUBLIC_URL, token, room, session.expires_at)


def still_may(session: ListenSession, now: datetime) -> bool:
    """Whether who asked for this session has the right to listen now."""
    return not holders_scopes(session, now).isdisjoint(HEARERS)


def holders_scopes(session: ListenSession, now: datetime) -> frozenset[Scope]:
    """Return what who asked for this session may do now."""
    return scopes_now(
        organization_id=session.conversation.organization_id,
        user_id=session.user_id,
        api_key_id=session.api_key_id,
        token_id=session.token_id,
        now=now,
    )


def write_down(
    sessions: Sequence[ListenSession],
    kind: ListenEvent.Kind,
    *,
    at: datetime,
    told_by: ListenEvent.ToldBy = ListenEvent.ToldBy.SERVER,
    **details: str | int | None,
) -> None:
    """Add a line to the ledger about each of one organization's `sessions`, and tell pages that
    the listeners of their calls changed."""
    lines = [
        ledger.Line(kind, at, each.who, each.conversation_id, each.pk, told_by, details)
        for each in sessions
    ]
    calls = {session.conversation_id: session.conversation for session in sessions}
    if lines:
        ledger.append(sessions[0].conversation.organization_id, lines)
    for call in calls.values():
        announce(call.organization_id, call.pk, "listeners")


def refused(
    conversation_id: UUID, *, caller: Caller, asked_from: AskedFrom, why: str, now: datetime
) -> None:
    """Write down that a token was not given. The conversation may not even exist."""
    details = {"why": why, **asdict(asked_from)}
    line = ledger.Line(ListenEvent.Kind.REFUSED, now, caller.name, conversation_id, details=details)
    ledger.append(caller.organization.pk, [line])


def _renewed(conversation: Conversation, caller: Caller, identity: str) -> ListenSession:
    """Return the first session of the listener whose `identity` is being renewed."""
    session = session_of(identity)
    if (
        session is None
        or session.conversation_id != conversation.pk
        or (session.user_id, session.api_key_id)
        != (caller.user and caller.user.pk, caller.api_key and caller.api_key.pk)
    ):
        raise Invalid("renews", "This is not the identity of a listener of yours here.")
    return session.first or session


def session_of_token(token: str) -> ListenSession | None:
    """Return the listen session that an unexpired listener token of ours stands for."""
    identity = tokens.identity_of(token)
    return session_of(identity) if identity else None


def session_of(identity: str) -> ListenSession | None:
    """Return the listen session that LiveKit knows as `identity`, if there is one."""
    if not identity.startswith(LISTENER_PREFIX):
        return None
    try:
        session_id = UUID(identity.removeprefix(LISTENER_PREFIX))
    except ValueError:
        return None
    sessions = ListenSession.objects.select_related("conversation", "first")
    return sessions.filter(pk=session_id).first()


def is_listener(participant: ParticipantInfo) -> bool:
    return participant.identity.startswith(LISTENER_PREFIX)


def may_be_there(session: ListenSession, room: RoomInfo, now: datetime) -> bool:
    """Whether an ear in `room` has a right to be: its session lives, and so does its call."""
    if session.room_name != room.name or not session.conversation.is_active:
        return False
    if settings.LISTEN_EVICT_AT_EXPIRY and session.expires_at <= now:
        return False
    return session.ended_how in RETURNABLE


def bounce(room: RoomInfo, participant: ParticipantInfo) -> None:
    """Put an ear out that may not be in `room`. That it came, `joined` writes down."""
    if not is_listener(participant):
        return
    session = session_of(participant.identity)
    if session is None or not may_be_there(session, room, timezone.now()):
        with suppress(LiveKitAway):
            server.remove_participant(room.name, participant.identity)


def joined(room: RoomInfo, participant: ParticipantInfo, *, at: datetime) -> None:
    """An ear is in `room`: note it, or put it out again. Raises LiveKitAway."""
    session = session_of(participant.identity)
    now = timezone.now()
    if session is None or not may_be_there(session, room, now):
        server.remove_participant(room.name, participant.identity)
        if session:
            _note_refused(session, participant, at=at)
        close_ghost.configure(schedule_in={"seconds": GHOST_GRACE_S}).defer(
            room_name=room.name, room_sid=room.sid
        )
        return
    joined_at = participant.joined_at or at
    with transaction.atomic():
        row = ListenSession.objects.select_for_update().get(pk=session.pk)
        if row.participant_sid == participant.sid or row.ended_how not in RETURNABLE:
            return  # Told already, or closed meanwhile, by someone who puts it out.
        was_there = row.in_room_since is not None
        row.participant_sid = participant.sid
        row.joined_at = row.joined_at or joined_at
        row.in_room_since = row.in_room_since or joined_at
        row.left_at, row.ended_how = None, ""
        row.save()
        if not was_there:
            write_down([session], ListenEvent.Kind.JOINED, at=joined_at)


def _note_refused(session: ListenSession, participant: ParticipantInfo, *, at: datetime) -> None:
    """Write down that an ear came and was put out: once, whoever finds the same connection."""
    absent = ListenSession.objects.filter(pk=session.pk, in_room_since=None)
    with transaction.atomic():
        if absent.exclude(participant_sid=participant.sid).update(participant_sid=participant.sid):
            write_down([session], ListenEvent.Kind.REFUSED, at=at, why=_why_not(session))


def left(participant: ParticipantInfo, *, at: datetime) -> None:
    """An ear has left its room. How it ended is kept if it was already decided."""
    session = session_of(participant.identity)
    if session is not None:
        how = ENDED_BY_REASON.get(LeaveReason(participant.leave_reason), Ended.LOST)
        _note_left(session, at, how, participant=participant)


def lost(session: ListenSession, *, at: datetime) -> None:
    """An ear is in no room any more, and nobody told when it left."""
    how = Ended.LOST if session.conversation.is_active else Ended.CALL_ENDED
    _note_left(session, at, how)


def _note_left(
    session: ListenSession,
    at: datetime,
    how: Ended,
    *,
    participant: ParticipantInfo | None = None,
) -> None:
    """Close the accounts of an ear that left; its joining may not have been told.

    A connection of the same ear that came after `participant` is still there: then nothing.
    """
    with transaction.atomic():
        row = ListenSession.objects.select_for_update().get(pk=session.pk)
        if participant:
            if row.participant_sid not in ("", participant.sid):
                return
            row.participant_sid = participant.sid
            row.in_room_since = row.in_room_since or participant.joined_at
        if row.left_at is not None:
            return
        row.in_room_since = row.in_room_since or at
        row.joined_at = row.joined_at or row.in_room_since
        # Webhooks tell in whole seconds when somebody left.
        row.left_at = max(at, row.in_room_since)
        row.seconds_in_room += (row.left_at - row.in_room_since).total_seconds()
        if row.audible_since:
            row.seconds_audible += max(0, (row.left_at - row.audible_since).total_seconds())
        row.in_room_since = row.audible_since = None
        row.ended_how = row.ended_how or how
        row.save()
        write_down(
            [session],
            ListenEvent.Kind.LEFT,
            at=row.left_at,
            ended_how=row.ended_how,
            seconds_in_room=round(row.seconds_in_room),
            seconds_audible=round(row.seconds_audible),
        )


def sounded(session: ListenSession, *, audible: bool, at: datetime) -> None:
    """Take a browser's word that its listener hears the call now, or does not any more.

    Raises TooManyReports (429): a ledger is no place to be filled by a hostile page.
    """
    with transaction.atomic():
        row = ListenSession.objects.select_for_update().get(pk=session.pk)
        if row.ended_how or audible == bool(row.audible_since):
            return
        if row.sound_reports >= SOUND_REPORTS_AT_MOST:
            raise TooManyReports
        if row.audible_since:
            row.seconds_audible += (at - row.audible_since).total_seconds()
        row.audible_since = at if audible else None
        row.sound_reports += 1
        row.save(update_fields=["audible_since", "seconds_audible", "sound_reports"])
        kind = ListenEvent.Kind.AUDIBLE if audible else ListenEvent.Kind.MUTED
        write_down([session], kind, at=at, told_by=ListenEvent.ToldBy.BROWSER)


def _why_not(session: ListenSession) -> str:
    if session.ended_how in RETURNABLE:
        return "Came with a token that was not valid here. Put out at once."
    return f"Came back with a token that was over ({session.ended_how}). Put out at once."


def end(session: ListenSession, how: ListenSession.Ended) -> None:
    """Close one ear: first it may not return, then it is put out. Raises LiveKitAway."""
    ListenSession.objects.filter(pk=session.pk, ended_how__in=RETURNABLE).update(ended_how=how)
    server.remove_participant(session.room_name, session.identity)


@app.task(name="listening.evict", retry=UNTIL_LIVEKIT_IS_BACK)
def evict(session_id: str) -> None:
    """Put an ear out whose token has expired."""
    session = ListenSession.objects.filter(pk=session_id, ended_how="").first()
    if session is not None:
        end(session, Ended.EXPIRED)


@app.task(name="listening.close_ears", retry=UNTIL_LIVEKIT_IS_BACK)
def close_ears(conversation_id: str) -> None:
    """Close every ear of a conversation that is over."""
    sessions = ListenSession.objects.filter(conversation=UUID(conversation_id))
    # A try that found LiveKit away has marked them already.
    there = list(sessions.filter(Q(ended_how="") | Q(in_room_since__isnull=False)))
    sessions.filter(ended_how="").update(ended_how=Ended.CALL_ENDED)
    put_out(there)


def put_out(sessions: Iterable[ListenSession]) -> None:
    """Put these ears out of their rooms, at once. Raises LiveKitAway."""
    identities: dict[str, list[str]] = {}
    for session in sessions:
        identities.setdefault(session.room_name, []).append(session.identity)
    for room_name, there in identities.items():
        server.remove_participants(room_name, there)


@app.task(name="listening.close_ghost", retry=UNTIL_LIVEKIT_IS_BACK)
def close_ghost(room_name: str, room_sid: str) -> None:
    """Delete a room that only a listener's token has woken: nobody called, though an agent may
    have been sent there. The room of a call that is not over is never one."""
    if Conversation.objects.open().filter(room_name=room_name).exists():
        return
    rooms = server.list_rooms([room_name])
    if not rooms or rooms[0].sid != room_sid:
        return
    present = server.list_participants(room_name)
    if all(participant.hidden or participant.kind == Kind.AGENT for participant in present):
        server.delete_room(room_name)
