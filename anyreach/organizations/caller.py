"""Who is asking, in which organization, with which rights."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from anyreach.organizations.models import (
    ApiKey,
    Membership,
    Organization,
    PersonalAccessToken,
    User,
)
from anyreach.organizations.scopes import IMPLIED, Scope, scopes_of


@dataclass(frozen=True)
class Caller:
    """One request's answer to "who is asking": a user (by session or token) or an API key.

    `scopes` are the rights in `organization`, read for this request. Either `user` or `api_key` is
    set (neither: the operator, at manage.py); `token` too when the user came with one.
    """

    organization: Organization
    scopes: frozenset[str]
    user: User | None = None
    api_key: ApiKey | None = None
    token: PersonalAccessToken | None = None

    @classmethod
    def of_member(cls, membership: Membership, token: PersonalAccessToken | None = None) -> Self:
        return cls(membership.organization, membership.scopes, user=membership.user, token=token)

    @classmethod
    def of_key(cls, api_key: ApiKey) -> Self:
        return cls(api_key.organization, api_key.scopes, api_key=api_key)

    def can(self, *scopes: Scope) -> bool:
        """Whether the caller holds any one of `scopes`, by itself or implied by another."""
        implied = (IMPLIED[scope] for scope in IMPLIED if scope in self.scopes)
        return not self.scopes.union(*implied).isdisjoint(scopes)

    def may_give(self, role: str) -> bool:
        """Whether `role` holds nothing that the caller does not."""
        return scopes_of(role) <= self.scopes

    @property
    def name(self) -> str:
        """As whom the caller is written down."""
        if self.api_key:
            return f"API key {self.api_key.name}"
        return self.user.email if self.user else "The operator"

    @property
    def expires_at(self) -> datetime | None:
        """When the credential that is asking ends; None for sessions and endless ones."""
        credential = self.api_key or self.token
        return credential.expires_at if credential else None
