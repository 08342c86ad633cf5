"""The demo's organization, people, key, agents and numbers; and its past calls."""

import secrets
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from anyreach.demo import history
from anyreach.demo.scripts import SCRIPTS
from anyreach.organizations.api_keys import make_api_key
from anyreach.organizations.caller import Caller
from anyreach.organizations.credentials import Credential, matches
from anyreach.organizations.models import ApiKey, Membership, Organization, User
from anyreach.organizations.scopes import Role
from conversations.models import Agent, PhoneNumber

ORGANIZATION_SLUG = "demo"
KEY_NAME = "Demo"


@dataclass(frozen=True)
class DemoUser:
    email: str
    password: str
    role: str


@dataclass(frozen=True)
class DemoAccess:
    """What one needs to get in; the API key has an admin's rights."""

    api_key: str
    users: list[DemoUser]


def seed(kept: dict[str, Any] | None = None) -> DemoAccess:
    """Fill the database, or leave it as it is where that was done before.

    `kept` is the earlier content of .anyreach/demo.json: its passwords and key go on working.
    """
    kept = kept or {}
    with transaction.atomic():
        organization, _ = Organization.objects.get_or_create(
            slug=ORGANIZATION_SLUG, defaults={"name": "Northwind Voice"}
        )
        passwords = {user["email"]: user["password"] for user in kept.get("users", [])}
        users = [_user(organization, role, passwords) for role in Role]
        agents = [_agent(organization, number) for number in range(len(SCRIPTS))]
        history.write(organization, agents)
        return DemoAccess(_api_key(organization, kept.get("api_key", "")), users)


def _user(organization: Organization, role: Role, passwords: dict[str, str]) -> DemoUser:
    email = f"{role.value}@demo.example"
    password = passwords.get(email) or secrets.token_urlsafe(9)
    user = User.objects.filter(email=email).first() or User.objects.create_user(
        email, password, name=f"Demo {role.label}"
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    Membership.objects.get_or_create(organization=organization, user=user, defaults={"role": role})
    return DemoUser(email, password, role.value)


def _agent(organization: Organization, number: int) -> Agent:
    script = SCRIPTS[number]
    agent, _ = Agent.objects.get_or_create(organization=organization, name=script.agent)
    PhoneNumber.objects.get_or_create(
        number=f"+155501{number:02}", defaults={"organization": organization, "agent": agent}
    )
    return agent


def _api_key(organization: Organization, kept: str) -> str:
    """Return the kept key if it still works, else a new one in its place."""
    credential = Credential.read(kept)
    if credential is not None:
        row = ApiKey.objects.filter(pk=credential.id, organization=organization).first()
        if row is not None and matches(credential.secret, row.secret_hash):
            return kept
    ApiKey.objects.filter(organization=organization, name=KEY_NAME).delete()
    admin = Membership.objects.select_related("organization", "user").get(
        organization=organization, user__email=f"{Role.ADMIN.value}@demo.example"
    )
    _, made = make_api_key(
        caller=Caller.of_member(admin), name=KEY_NAME, role=Role.ADMIN, expires_at=None
    )
    return made
