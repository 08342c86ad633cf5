"""Closing ears: by a person, by a program, or because who listens has lost the right to."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django import app

from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.organizations import standing
from anyreach.organizations.models import Organization
from conversations import listening
from conversations.models import ListenEvent, ListenSession

LOST_RIGHT = "AnyReach: the right to listen was lost"


def revoke(sessions: Iterable[ListenSession], *, by: str, now: datetime) -> None:
    """Close the ears that `sessions` belong to, with all their renewals, for good.

    Committed first: from then on neither an old nor a renewed token stays in the room. Then who
    is there is put out at once; should LiveKit be away, or we die, a job makes up for it.
    """
    firsts = {session.first_id or session.pk for session in sessions}
    with transaction.atomic():
        closed = _close(firsts, by=by, now=now)
        if closed:
            later = make_sure_out.configure(schedule_in={"seconds": 1})
            later.defer(session_ids=[str(each.pk) for each in closed])
    with suppress(LiveKitAway):
        listening.put_out(closed)


def _close(firsts: set[UUID], *, by: str, now: datetime) -> list[ListenSession]:
    """Mark listeners' sessions as revoked and write it down. Returns those that could hear.

    All rows are locked before the ledger is, as everywhere: who holds a session waits for the
    ledger, never the other way round. A renewal that was being made meanwhile is there after.
    """
    theirs = ListenSession.objects.filter(Q(pk__in=firsts) | Q(first__in=firsts))
    list(theirs.order_by("pk").select_for_update().values_list("pk"))
    closed = list(theirs.may_hear(now).select_related("conversation").order_by("minted_at"))
    newest = {each.first_id or each.pk: each for each in closed}
    ListenSession.objects.filter(pk__in=[each.pk for each in closed]).update(
        ended_how=ListenSession.Ended.REVOKED
    )
    ListenSession.objects.filter(pk__in=newest).update(revoked_at=now, revoked_by=by[:255])
    listening.write_down(list(newest.values()), ListenEvent.Kind.REVOKED, at=now, by=by)
    return closed


@app.task(name="revoking.put_out", retry=listening.UNTIL_LIVEKIT_IS_BACK)
def make_sure_out(session_ids: list[str]) -> None:
    """Make sure that revoked ears are out, should LiveKit have been away."""
    listening.put_out(ListenSession.objects.filter(pk__in=session_ids))


@app.task(name=standing.RIGHTS_CHANGED)
def close_rightless(organization_id: str) -> None:
    """Close the ears of those who have lost the right to listen in this organization."""
    now = timezone.now()
    with transaction.atomic():
        # A mint holds this row until it is committed: after that we see its session.
        Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    theirs = ListenSession.objects.filter(conversation__organization=UUID(organization_id))
    may: dict[object, bool] = {}
    rightless = []
    for session in theirs.may_hear(now).select_related("conversation"):
        asker = (session.user_id, session.api_key_id, session.token_id)
        if asker not in may:
            may[asker] = listening.still_may(session, now)
        if not may[asker]:
            rightless.append(session)
    revoke(rightless, by=LOST_RIGHT, now=now)


def organizations_listened_to(now: datetime) -> Iterator[str]:
    """Yield those for which close_rightless may have something to do, whatever it is that changed:
    a key's time may be over, a row may be changed by hand."""
    theirs = ListenSession.objects.may_hear(now).order_by()
    for organization_id in theirs.values_list("conversation__organization", flat=True).distinct():
        yield str(organization_id)
