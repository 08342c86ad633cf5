"""Who belongs where, and what they show to prove it."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.functions import RandomUUID
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from anyreach.organizations.scopes import Role, Scope, scopes_of

if TYPE_CHECKING:
    from anyreach.organizations.caller import Caller

# The first parts of our own addresses: an organization of such a name could not be reached.
RESERVED_SLUGS = (
    "account",
    "accounts",
    "admin",
    "api",
    "core",
    "docs",
    "health",
    "livekit",
    "metrics",
    "public",
    "sign-in",
    "static",
)
SLUG_FORM = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LAST_USED_EVERY = timedelta(minutes=1)


def role_is_known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(role__in=Role.values), name=name)


def name_is_given(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=~Q(name=""), name=name)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user who signs in with `email`; without a password, not yet."""
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. Rights come from memberships only; there is no user above organizations."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail", max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(email=Lower(F("email"))), name="user_email_is_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def memberships_by_name(self) -> "models.QuerySet[Membership]":
        """One's memberships with their organizations, as the switcher lists them."""
        theirs = self.memberships.active().select_related("organization")
        return theirs.order_by("organization__name")


class Organization(models.Model):
    """What everything but users belongs to. Its pages' addresses begin with `slug`.

    `embed_id` names it to any page that embeds our listening frame: public, and no more than a
    name. While it is not active nobody gets in, and no credential of its counts.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=50, unique=True, validators=[RegexValidator(SLUG_FORM)])
    embed_id = models.UUIDField(unique=True, db_default=RandomUUID(), editable=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            name_is_given("organization_has_name"),
            models.CheckConstraint(
                condition=Q(slug__regex=SLUG_FORM),
                name="organization_slug_form",
                violation_error_message="A slug has small letters, digits and single dashes.",
            ),
            models.CheckConstraint(
                condition=~Q(slug__in=RESERVED_SLUGS),
                name="organization_slug_not_reserved",
                violation_error_message="This slug is taken by an address of the product.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OrganizationsOwn(models.QuerySet[Any]):
    """Rows that belong to one organization."""

    def visible_to(self, caller: "Caller") -> Self:
        """Narrow to the caller's organization. Every view starts here."""
        return self.filter(organization=caller.organization)


class MembershipQuerySet(OrganizationsOwn):
    def active(self) -> Self:
        """Those that count now: neither the user nor the organization is shut out."""
        return self.filter(user__is_active=True, organization__is_active=True)


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="membership_once"),
            role_is_known("membership_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.organization_id}"

    @property
    def scopes(self) -> frozenset[Scope]:
        return scopes_of(self.role)


class CredentialQuerySet(models.QuerySet[Any]):
    """What ApiKey and PersonalAccessToken are asked alike."""

    def unexpired(self, now: datetime) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now))

    def mark_used(self, row: "ApiKey | PersonalAccessToken", now: datetime) -> None:
        """Note that `row` was used. Written at most once a minute: no write per request."""
        before = now - LAST_USED_EVERY
        if row.last_used_at is None or row.last_used_at <= before:
            stale = Q(last_used_at=None) | Q(last_used_at__lte=before)
            self.filter(stale, pk=row.pk).update(last_used_at=now)


class ApiKeyQuerySet(CredentialQuerySet, OrganizationsOwn):  # type: ignore[override]
    """Both; the stubs type as_manager() for one base only."""


class ApiKey(models.Model):
    """An organization's own credential, with a role. Only the hash of its secret is here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="api_keys"
    )
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    secret_hash = models.CharField(max_length=64, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            name_is_given("api_key_has_name"),
            role_is_known("api_key_role_is_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scopes(self) -> frozenset[Scope]:
        return scopes_of(self.role)


class PersonalAccessToken(models.Model):
    """A user's credential, in every organization of theirs, with the rights they have there now."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=120)
    secret_hash = models.CharField(max_length=64, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [name_is_given("token_has_name")]

    def __str__(self) -> str:
        return self.name


class InvitationQuerySet(OrganizationsOwn):
    def open(self, now: datetime) -> Self:
        return self.filter(expires_at__gt=now)


class Invitation(models.Model):
    """A link that makes its finder a member, once. Only the hash of its secret is here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField("e-mail", max_length=254)
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    secret_hash = models.CharField(max_length=64, editable=False)
    expires_at = models.DateTimeField()
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "email"], name="invitation_once"),
            models.CheckConstraint(
                condition=Q(email=Lower(F("email"))), name="invitation_email_is_lower_case"
            ),
            role_is_known("invitation_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} as {self.role}"

    def is_for(self, user: User) -> bool:
        return self.email == user.email
