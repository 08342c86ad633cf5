"""Changing what a member may do, and ending a membership."""

from django.db import transaction

from anyreach.errors import Conflict, Forbidden, NotThere
from anyreach.organizations import standing
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Invitation, Membership, Organization
from anyreach.organizations.scopes import Role, Scope, scopes_of


class MoreThanTheGiver(Forbidden):
    detail = "You cannot give a role with more rights than you have."


class LastAdmin(Conflict):
    detail = "An organization needs an admin: make somebody else an admin first."


@transaction.atomic
def change_role(membership: Membership, role: str, *, caller: Caller) -> Membership:
    """Give a member another role (a value of Role).

    Returns the membership. Raises MoreThanTheGiver (403), LastAdmin (409), or NotThere (404) when
    the membership has just ended.
    """
    if not caller.may_give(role):
        raise MoreThanTheGiver
    _keep_an_admin(membership, role)
    if not Membership.objects.filter(pk=membership.pk).update(role=role):
        raise NotThere
    membership.role = role
    if Scope.MEMBERS_MANAGE not in scopes_of(role):
        _withdraw_invitations(membership)
    standing.changed([membership.organization_id])
    return membership


@transaction.atomic
def remove(membership: Membership) -> None:
    """End a membership. Raises LastAdmin (409). Keys the member made are the organization's."""
    _keep_an_admin(membership, None)
    _withdraw_invitations(membership)
    standing.changed([membership.organization_id])
    membership.delete()


def _keep_an_admin(membership: Membership, role: str | None) -> None:
    """Refuse to leave an organization without an admin who can sign in.

    The organization's row is locked until the end of the transaction: of two admins who demote
    each other at once, the second waits and then finds itself the last.
    """
    if role == Role.ADMIN:
        return
    organization = membership.organization_id
    Organization.objects.select_for_update(no_key=True).get(pk=organization)
    admins = Membership.objects.filter(
        organization=organization, role=Role.ADMIN, user__is_active=True
    )
    if not admins.exclude(pk=membership.pk).exists():
        raise LastAdmin


def _withdraw_invitations(membership: Membership) -> None:
    """What somebody offered while they could is not theirs to offer any more."""
    Invitation.objects.filter(
        organization=membership.organization_id, invited_by=membership.user_id
    ).delete()
