"""Closing ears: by a person, by a program, or because who listens has lost the right to."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django import app

from anyreach.gateways.livekit import server
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.live.announcing import announce
from anyreach.organizations import standing
from anyreach.organizations.models import Organization
from conversations import ledger, listening
from conversations.models import Conversation, ListenEvent, ListenSession

LOST_RIGHT = "AnyReach: the right to listen was lost"


def revoke(session: ListenSession, *, by: str, now: datetime) -> None:
    """Close the ear that `session` belongs to, with all its renewals, for good.

    Committed first: from then on neither an old nor a renewed token stays in the room. Then who
    is there is put out at once; should LiveKit be away, or we die, a job makes up for it.
    """
    with transaction.atomic():
        closed = _close(session, by=by, now=now)
        for each in closed:
            put_out.configure(schedule_in={"seconds": 1}).defer(session_id=str(each.pk))
    for each in closed:
        try:
            server.remove_participant(each.room_name, each.identity)
        except LiveKitAway:
            return


def _close(session: ListenSession, *, by: str, now: datetime) -> list[ListenSession]:
    """Mark a listener's sessions as revoked and write it down. Returns those that could hear."""
    first_id = session.first_id or session.pk
    # The first one's row is what a renewal holds while it is made.
    ListenSession.objects.select_for_update().get(pk=first_id)
    chain = ListenSession.objects.filter(Q(pk=first_id) | Q(first_id=first_id))
    closed = list(chain.may_hear(now))
    if not closed:
        return []
    chain.filter(pk__in=[each.pk for each in closed]).update(ended_how=ListenSession.Ended.REVOKED)
    chain.filter(pk=first_id).update(revoked_at=now, revoked_by=by[:255])
    conversation = Conversation.objects.only("organization_id").get(pk=session.conversation_id)
    ledger.append(
        conversation.organization_id,
        ListenEvent.Kind.REVOKED,
        at=now,
        who=session.who,
        conversation_id=conversation.pk,
        session_id=session.pk,
        by=by,
    )
    announce(conversation.organization_id, conversation.pk, "listeners")
    return closed


@app.task(name="revoking.put_out", retry=listening.UNTIL_LIVEKIT_IS_BACK)
def put_out(session_id: str) -> None:
    """Make sure that a revoked ear is out, should LiveKit have been away."""
    session = ListenSession.objects.get(pk=session_id)
    server.remove_participant(session.room_name, session.identity)


@app.task(name=standing.RIGHTS_CHANGED)
def close_rightless(organization_id: str) -> None:
    """Close the ears of those who have lost the right to listen in this organization."""
    now = timezone.now()
    with transaction.atomic():
        # A mint holds this row until it is committed: after that we see its session.
        Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    theirs = ListenSession.objects.filter(conversation__organization=UUID(organization_id))
    may: dict[object, bool] = {}
    for session in theirs.may_hear(now).select_related("conversation"):
        asker = (session.user_id, session.api_key_id, session.token_id)
        if asker not in may:
            may[asker] = listening.still_may(session, now)
        if not may[asker]:
            revoke(session, by=LOST_RIGHT, now=now)


def sweep(now: datetime) -> None:
    """Close every ear without a right: a key's time may be over, a row changed by hand."""
    theirs = ListenSession.objects.may_hear(now).order_by()
    for organization_id in theirs.values_list("conversation__organization", flat=True).distinct():
        close_rightless(str(organization_id))
