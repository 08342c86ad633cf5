"""What somebody who came in earlier may do now, and telling those whom a change of it concerns."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app

from anyreach.live.announcing import announce
from anyreach.organizations.models import (
    ApiKey,
    Membership,
    Organization,
    PersonalAccessToken,
    User,
)
from anyreach.organizations.scopes import Scope

RIGHTS_CHANGED = "listening.close_rightless"


def scopes_now(
    *,
    organization_id: UUID,
    user_id: UUID | None,
    api_key_id: UUID | None,
    token_id: UUID | None,
    now: datetime,
) -> frozenset[Scope]:
    """Return the scopes in an organization of whoever came with these; none once one is gone.

    Ids are those a Caller had: a key's, or a user's, with a token's if the user came with one.
    """
    if api_key_id:
        keys = ApiKey.objects.unexpired(now).filter(organization__is_active=True)
        key: ApiKey | None = keys.filter(pk=api_key_id, organization=organization_id).first()
        return key.scopes if key else frozenset()
    tokens = PersonalAccessToken.objects.unexpired(now).filter(user=user_id)
    if token_id and not tokens.filter(pk=token_id).exists():
        return frozenset()
    memberships = Membership.objects.active().filter(organization=organization_id, user=user_id)
    membership: Membership | None = memberships.first()
    return membership.scopes if membership else frozenset()


def changed(organization_ids: Iterable[UUID]) -> None:
    """Have what rests on somebody's rights in these organizations looked at again, at once.

    To be called in the transaction that changes them. The job is named, not imported: this app
    knows none of those that listen.
    """
    for organization_id in organization_ids:
        app.configure_task(RIGHTS_CHANGED).defer(organization_id=str(organization_id))
        announce(organization_id, None, "rights")


def sign_in_changed(user: User) -> None:
    """Have the pages that a user has open looked at again: a session of theirs may be over.

    An ear lasts until its page hears of it, at most as long as its token: it has no session.
    """
    for organization_id in user.memberships.values_list("organization_id", flat=True):
        announce(organization_id, None, "rights")


@transaction.atomic
def set_user_active(user: User, active: bool) -> None:
    """Shut a user out of every organization, or let them in again."""
    User.objects.filter(pk=user.pk).update(is_active=active)
    changed(user.memberships.values_list("organization_id", flat=True))


@transaction.atomic
def set_organization_active(organization: Organization, active: bool) -> None:
    """Shut an organization's people and credentials out, or let them in again."""
    Organization.objects.filter(pk=organization.pk).update(is_active=active)
    changed([organization.pk])
