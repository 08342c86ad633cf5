"""People, organizations and credentials for any test."""

import itertools
from datetime import datetime

from django.conf import settings
from django.test import Client
from django.utils import timezone

from anyreach.organizations import api_keys, invitations, tokens
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import (
    ApiKey,
    Invitation,
    Membership,
    Organization,
    PersonalAccessToken,
    User,
)
from anyreach.organizations.scopes import Role, Scope

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def make_organization(slug: str | None = None, name: str | None = None) -> Organization:
    slug = slug or f"org-{next(_numbers)}"
    return Organization.objects.create(slug=slug, name=name or slug.replace("-", " ").title())


def make_user(email: str | None = None, *, password: str | None = None, name: str = "") -> User:
    """Make a user. Without `password` (PASSWORD, say) use client.force_login, which is faster."""
    email = email or f"person{next(_numbers)}@example.com"
    return User.objects.create_user(email, password, name=name)


def make_member(
    organization: Organization | None = None,
    role: str = Role.ADMIN,
    *,
    user: User | None = None,
) -> Membership:
    return Membership.objects.create(
        organization=organization or make_organization(), user=user or make_user(), role=role
    )


def make_api_key(
    organization: Organization | None = None,
    role: str = Role.ADMIN,
    *,
    name: str = "A key",
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Return the row and the credential to send, `ak_<id>.<secret>`."""
    caller = Caller(organization or make_organization(), frozenset(Scope))
    return api_keys.make_api_key(caller=caller, name=name, role=role, expires_at=expires_at)


def make_token(
    user: User | None = None, *, name: str = "A token", expires_at: datetime | None = None
) -> tuple[PersonalAccessToken, str]:
    """Return the row and the credential to send, `pat_<id>.<secret>`."""
    return tokens.make_token(user=user or make_user(), name=name, expires_at=expires_at)


def make_invitation(
    organization: Organization | None = None,
    email: str = "invited@example.com",
    role: str = Role.VIEWER,
    *,
    invited_by: User | None = None,
) -> tuple[Invitation, str]:
    """Return the row and the path of its link."""
    caller = Caller(organization or make_organization(), frozenset(Scope), user=invited_by)
    invitation, link = invitations.invite(caller=caller, email=email, role=role, now=timezone.now())
    return invitation, link.removeprefix(settings.BASE_URL)


def signed_in(organization: Organization, role: Role = Role.ADMIN) -> Client:
    """Return the client of a new member with a role."""
    client = Client()
    client.force_login(make_member(organization, role).user)
    return client


def bearer(credential: str, organization: Organization | None = None) -> dict[str, str]:
    """Return request headers: `client.get(url, headers=bearer(key))`."""
    named = {"X-Anyreach-Org": str(organization.pk)} if organization else {}
    return {"Authorization": f"Bearer {credential}", **named}
