"""Ears on a real LiveKit server: a call that our processes follow, and listeners of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgiref.sync import sync_to_async
from django.test import Client

from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Role
from conversations.models import Conversation, ListenSession, Status
from tests.callers import Party, call, until
from tests.organizations.factories import bearer, make_api_key


@asynccontextmanager
async def live_call(organization: Organization, room: str) -> AsyncIterator[tuple[Party, Party]]:
    """Yield caller and agent once their call is in progress for us."""
    claim = json.dumps({"anyreach": {"organization": organization.slug}})
    async with call(room, metadata=claim) as parties:
        live = Conversation.objects.filter(room_name=room, status=Status.IN_PROGRESS)
        # Where nothing is told by webhooks, the reconciler takes its time.
        await until(sync_to_async(live.exists))
        yield parties


def ask_for_token(room: str, headers: dict[str, str], *, renews: str = ""):
    """Ask as a program does, and return the answer."""
    conversation = Conversation.objects.get(room_name=room)
    return Client().post(
        f"/core/conversations/{conversation.pk}/listener-token",
        {"renews": renews} if renews else {},
        content_type="application/json",
        headers=headers,
    )


def mint(organization: Organization, room: str) -> str:
    """Return a listener token for the conversation in `room`, got with a key of its own."""
    headers = bearer(make_api_key(organization, Role.SUPERVISOR)[1])
    return ask_for_token(room, headers).json()["token"]


async def listen(organization: Organization, room: str) -> Party:
    """Return a listener who hears the call."""
    return await listen_with(await sync_to_async(mint)(organization, room))


async def listen_with(token: str) -> Party:
    ear = await Party().join(token)
    await until(lambda: ear.heard)
    return ear


def session() -> ListenSession:
    """Return the newest listen session."""
    return ListenSession.objects.latest("minted_at")
