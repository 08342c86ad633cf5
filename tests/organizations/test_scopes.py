"""Roles as product.md tells them."""

import pytest

from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Role, Scope, scopes_of


def test_roles_bundle_the_scopes_of_the_contract():
    assert scopes_of(Role.ADMIN) == set(Scope)
    assert scopes_of(Role.SUPERVISOR) == {
        "conversations:read",
        "conversations:read_sensitive",
        "agents:read",
        "members:read",
    }
    assert scopes_of(Role.VIEWER) == {"conversations:read", "agents:read"}


def test_an_unknown_role_has_no_scopes():
    with pytest.raises(ValueError, match="owner"):
        scopes_of("owner")


def test_any_one_of_the_accepted_scopes_is_enough():
    caller = Caller(Organization(), frozenset({Scope.AGENTS_READ}))
    assert caller.can(Scope.CONVERSATIONS_READ, Scope.AGENTS_READ)
    assert not caller.can(Scope.CONVERSATIONS_READ, Scope.AGENTS_MANAGE)
    assert not caller.can()


def test_managing_members_implies_reading_them_and_nothing_else():
    caller = Caller(Organization(), frozenset({Scope.MEMBERS_MANAGE}))
    may = {scope for scope in Scope if caller.can(scope)}
    assert may == {Scope.MEMBERS_MANAGE, Scope.MEMBERS_READ}
