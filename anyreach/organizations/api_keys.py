"""Giving an organization a key, and taking it away."""

from datetime import datetime

from django.db import transaction

from anyreach.errors import Forbidden
from anyreach.organizations import standing
from anyreach.organizations.caller import Caller
from anyreach.organizations.credentials import Credential, hash_of, new_secret
from anyreach.organizations.models import ApiKey


class MoreThanItsMaker(Forbidden):
    detail = "A key cannot have more rights than its maker."


class LongerThanItsMaker(Forbidden):
    detail = "A key cannot outlive the credential that makes it."


def make_api_key(
    *, caller: Caller, name: str, role: str, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    """Make a key for the caller's organization; `expires_at` is aware, or None for never.

    Returns the row and the whole credential, `ak_<id>.<secret>`, which cannot be had again.
    Raises MoreThanItsMaker or LongerThanItsMaker (403).
    """
    if not caller.may_give(role):
        raise MoreThanItsMaker
    if caller.expires_at and (expires_at is None or expires_at > caller.expires_at):
        raise LongerThanItsMaker
    secret = new_secret()
    api_key = ApiKey.objects.create(
        organization=caller.organization,
        name=name,
        role=role,
        secret_hash=hash_of(secret),
        expires_at=expires_at,
        created_by=caller.user,
    )
    return api_key, str(Credential("ak", api_key.pk, secret))


@transaction.atomic
def delete_api_key(api_key: ApiKey) -> None:
    """Take a key away, from the next request on."""
    standing.changed([api_key.organization_id])
    api_key.delete()
