"""What a caller may do. Roles are bundles of scopes; everything else checks scopes only."""

from enum import StrEnum

from django.db.models import TextChoices


class Scope(StrEnum):
    CONVERSATIONS_READ = "conversations:read"
    CONVERSATIONS_READ_SENSITIVE = "conversations:read_sensitive"
    CONVERSATIONS_MANAGE = "conversations:manage"
    AGENTS_READ = "agents:read"
    AGENTS_MANAGE = "agents:manage"
    MEMBERS_READ = "members:read"
    MEMBERS_MANAGE = "members:manage"
    ORGANIZATIONS_MANAGE = "organizations:manage"


class Role(TextChoices):
    ADMIN = "admin", "Admin"
    SUPERVISOR = "supervisor", "Supervisor"
    VIEWER = "viewer", "Viewer"


_SCOPES = {
    Role.ADMIN: frozenset(Scope),
    Role.SUPERVISOR: frozenset(
        {
            Scope.CONVERSATIONS_READ,
            Scope.CONVERSATIONS_READ_SENSITIVE,
            Scope.AGENTS_READ,
            Scope.MEMBERS_READ,
        }
    ),
    Role.VIEWER: frozenset({Scope.CONVERSATIONS_READ, Scope.AGENTS_READ}),
}

IMPLIED = {Scope.MEMBERS_MANAGE: frozenset({Scope.MEMBERS_READ})}


def scopes_of(role: str) -> frozenset[Scope]:
    """Return the scopes that `role` (a value of Role) bundles. Raises ValueError for another."""
    return _SCOPES[Role(role)]
