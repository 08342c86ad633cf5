"""How somebody comes into an organization: a link, for one e-mail address, once."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from anyreach.errors import Conflict, Forbidden, NotThere
from anyreach.organizations import credentials
from anyreach.organizations.caller import Caller
from anyreach.organizations.members import MoreThanTheGiver
from anyreach.organizations.models import Invitation, Membership, User

INVITATION_LIFE = timedelta(days=7)


class AlreadyAMember(Conflict):
    detail = "This person is a member already."


class InvitationGone(NotThere):
    detail = "This invitation was used, withdrawn or is too old. Ask for a new one."


class ForSomebodyElse(Forbidden):
    detail = "This invitation is for another e-mail address."


class AccountExists(Conflict):
    detail = "There is an account with this e-mail address. Sign in to accept the invitation."


def invite(*, caller: Caller, email: str, role: str, now: datetime) -> tuple[Invitation, str]:
    """Offer `role` to whoever has `email`; a second invitation replaces the first.

    Returns the row and the link, which cannot be had again. It is e-mailed too where the
    installation sends e-mail. Raises MoreThanTheGiver (403) or AlreadyAMember (409).
    """
    if not caller.may_give(role):
        raise MoreThanTheGiver
    email = email.lower()
    if Membership.objects.visible_to(caller).filter(user__email=email).exists():
        raise AlreadyAMember
    secret = credentials.new_secret()
    invitation, _ = Invitation.objects.update_or_create(
        organization=caller.organization,
        email=email,
        defaults={
            "role": role,
            "secret_hash": credentials.hash_of(secret),
            "expires_at": now + INVITATION_LIFE,
            "invited_by": caller.user,
            "created_at": now,
        },
    )
    path = reverse("invitation", kwargs={"invitation_id": invitation.pk, "secret": secret})
    link = f"{settings.BASE_URL}{path}"
    if settings.SENDS_EMAIL:
        # Of what fails, Django logs the name: a partial has none.
        transaction.on_commit(lambda: _send(invitation, link), robust=True)
    return invitation, link


def find(invitation_id: UUID, secret: str, *, now: datetime) -> Invitation:
    """Return the invitation a link stands for. Raises InvitationGone (404)."""
    waiting = Invitation.objects.open(now).select_related("organization")
    row: Invitation | None = waiting.filter(pk=invitation_id).first()
    invitation = credentials.proven(row, secret)
    if invitation is None:
        raise InvitationGone
    return invitation


@transaction.atomic
def accept(invitation: Invitation, user: User) -> Membership:
    """Make `user` a member. Somebody who is one already keeps their role.

    Raises ForSomebodyElse (403), or InvitationGone (404) when another request was first.
    """
    if not invitation.is_for(user):
        raise ForSomebodyElse
    _use_up(invitation)
    membership, _ = Membership.objects.get_or_create(
        organization=invitation.organization, user=user, defaults={"role": invitation.role}
    )
    return membership


@transaction.atomic
def accept_as_new_user(invitation: Invitation, *, name: str, password: str) -> User:
    """Make an account for the invited address, and its membership.

    Raises AccountExists (409), or InvitationGone (404) when another request was first.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, password, name=name)
    except IntegrityError:
        raise AccountExists from None
    accept(invitation, user)
    return user


def _use_up(invitation: Invitation) -> None:
    same = Invitation.objects.filter(pk=invitation.pk, secret_hash=invitation.secret_hash)
    deleted, _ = same.delete()
    if not deleted:
        raise InvitationGone


def _send(invitation: Invitation, link: str) -> None:
    send_mail(
        subject=f"Join {invitation.organization.name} on AnyReach",
        message=render_to_string(
            "organizations/email/invitation.txt", {"invitation": invitation, "link": link}
        ),
        from_email=None,
        recipient_list=[invitation.email],
    )
