"""Who may hear a live call, for how long, and how that ends.

LiveKit's tokens bound joining only: it never ends a connection at expiry and knows no
revocation. So each token has a ListenSession here, and whoever is in a room without a live
one is put out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from anyreach.errors import Conflict, Invalid, NotThere
from anyreach.gateways.livekit import server, tokens
from anyreach.gateways.livekit.words import Kind, LeaveReason, ParticipantInfo, RoomInfo
from anyreach.organizations.caller import Caller
from conversations.models import (
    LISTENER_PREFIX,
    Conversation,
    ListenSession,
)

GHOST_GRACE_S = 5
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
    "listener-<session id>": names and e-mail addresses stay with us.

    Raises NotActive (409), NoRoom (404), Invalid (422, `renews`), LiveKitAway (503).
    """
    if not conversation.is_active:
        raise NotActive
    room = conversation.room_name
    if not room or not server.list_rooms([room]):
        raise NoRoom
    first = _renewed(conversation, caller, renews) if renews else None
    session = ListenSession(
        conversation=conversation,
        room_name=room,
        user=caller.user,
        api_key=caller.api_key,
        token=caller.token,
        who=_name_of(caller),
        source=asked_from.source,
        origin=asked_from.origin[:255],
        ip=asked_from.ip,
        user_agent=asked_from.user_agent[:512],
        first=first,
        minted_at=now,
        expires_at=now + timedelta(seconds=settings.LISTEN_TOKEN_TTL_S),
    )
    token = tokens.listener_token(
        room=room, identity=session.identity, ttl=timedelta(seconds=settings.LISTEN_TOKEN_TTL_S)
    )
    with transaction.atomic():
        session.save(force_insert=True)
        if settings.LISTEN_EVICT_AT_EXPIRY:
            evict.configure(schedule_at=session.expires_at).defer(session_id=str(session.pk))
    return ListenGrant(settings.LIVEKIT_PUBLIC_URL, token, room, session.expires_at)


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


def _name_of(caller: Caller) -> str:
    if caller.api_key:
        return f"API key {caller.api_key.name}"
    return caller.user.email if caller.user else ""


def session_of(identity: str) -> ListenSession | None:
    """Return the listen session that LiveKit knows as `identity`, if there is one."""
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
    return session.ended_how in ("", Ended.STOPPED, Ended.LOST)


def joined(room: RoomInfo, participant: ParticipantInfo, *, at: datetime) -> None:
    """An ear is in `room`: note it, or put it out again. Raises LiveKitAway."""
    session = session_of(participant.identity)
    now = timezone.now()
    if session is None or not may_be_there(session, room, now):
        server.remove_participant(room.name, participant.identity)
        close_ghost.configure(schedule_in={"seconds": GHOST_GRACE_S}).defer(
            room_name=room.name, room_sid=room.sid
        )
        return
    joined_at = participant.joined_at or at
    sessions = ListenSession.objects.filter(pk=session.pk)
    sessions.filter(joined_at=None).update(joined_at=joined_at)
    # A return, unless this report is older than the leaving that is noted.
    sessions.filter(left_at__lt=joined_at).update(left_at=None, ended_how="")


def left(participant: ParticipantInfo, *, at: datetime) -> None:
    """An ear has left its room. How it ended is kept if it was already decided."""
    session = session_of(participant.identity)
    if session is None:
        return
    sessions = ListenSession.objects.filter(pk=session.pk)
    joined_at = participant.joined_at or at
    sessions.filter(joined_at=None).update(joined_at=joined_at)
    # Webhooks tell in whole seconds when somebody left.
    sessions.filter(left_at=None).update(left_at=max(at, joined_at))
    reason = ENDED_BY_REASON.get(LeaveReason(participant.leave_reason), Ended.LOST)
    sessions.filter(ended_how="").update(ended_how=reason)


def lost(session: ListenSession, *, at: datetime) -> None:
    """An ear is in no room any more, and nobody told when it left."""
    ended = Ended.LOST if session.conversation.is_active else Ended.CALL_ENDED
    ListenSession.objects.filter(pk=session.pk, left_at=None).update(left_at=at)
    ListenSession.objects.filter(pk=session.pk, ended_how="").update(ended_how=ended)


def end(session: ListenSession, how: ListenSession.Ended) -> None:
    """Close one ear: first it may not return, then it is put out. Raises LiveKitAway."""
    returnable = ("", Ended.STOPPED, Ended.LOST)
    ListenSession.objects.filter(pk=session.pk, ended_how__in=returnable).update(ended_how=how)
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
    for session in ListenSession.objects.filter(conversation_id=conversation_id, ended_how=""):
        end(session, Ended.CALL_ENDED)


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
