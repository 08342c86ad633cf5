"""Giving a user a personal access token."""

from datetime import datetime

from django.db import transaction

from anyreach.organizations import standing
from anyreach.organizations.credentials import Credential, hash_of, new_secret
from anyreach.organizations.models import PersonalAccessToken, User


def make_token(
    *, user: User, name: str, expires_at: datetime | None
) -> tuple[PersonalAccessToken, str]:
    """Make a token for `user`; `expires_at` is aware, or None for never.

    Returns the row and the whole credential, `pat_<id>.<secret>`, which cannot be had again.
    """
    secret = new_secret()
    token = PersonalAccessToken.objects.create(
        user=user, name=name, secret_hash=hash_of(secret), expires_at=expires_at
    )
    return token, str(Credential("pat", token.pk, secret))


@transaction.atomic
def delete_token(token: PersonalAccessToken) -> None:
    """Take a token away, from the next request on."""
    standing.changed(token.user.memberships.values_list("organization_id", flat=True))
    token.delete()
