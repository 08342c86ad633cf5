"""An ear that is closed, or has lost its right, is out within a second and gets in by no token."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from uuid import uuid4

import aiohttp
import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from livekit import rtc
from livekit.protocol import rtc as signalling
from procrastinate.contrib.django.models import ProcrastinateJob

from anyreach.organizations.models import ApiKey, Membership, Organization, PersonalAccessToken
from anyreach.organizations.scopes import Role
from conversations.models import Conversation, ListenEvent, ListenSession
from tests.callers import Party, identities, until
from tests.ears import ask_for_token, listen_with, live_call, session
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_member,
    make_organization,
    make_token,
)

pytestmark = pytest.mark.usefixtures("web", "worker")
OUT_WITHIN_S = 1
RATE_HEARD = 16_000


@dataclass
class Someone:
    """Who listens, by every way of coming in; and an admin who can close their ear."""

    organization: Organization = field(default_factory=make_organization)

    def __post_init__(self) -> None:
        self.admin = make_member(self.organization)
        self.membership = make_member(self.organization, Role.SUPERVISOR)
        self.token, secret = make_token(self.membership.user)
        self.by_token = bearer(secret, self.organization)
        self.key, secret = make_api_key(self.organization, Role.SUPERVISOR)
        self.by_key = bearer(secret)
        self.admins = bearer(make_api_key(self.organization)[1])

    def sign_in(self) -> Client:
        client = Client()
        client.force_login(self.admin.user)
        return client


def by_button(someone: Someone) -> None:
    ear = session()
    slug = someone.organization.slug
    address = f"/{slug}/conversations/{ear.conversation_id}/listeners/{ear.pk}/revoke"
    assert someone.sign_in().post(address).status_code == HTTPStatus.FOUND


def by_api(someone: Someone) -> None:
    ear = session()
    address = f"/core/conversations/{ear.conversation_id}/listeners/{ear.pk}"
    assert Client().delete(address, headers=someone.admins).status_code == HTTPStatus.NO_CONTENT


def by_removing_the_member(someone: Someone) -> None:
    address = f"/admin/members/{someone.membership.pk}"
    assert Client().delete(address, headers=someone.admins).status_code == HTTPStatus.NO_CONTENT
    assert not Membership.objects.filter(pk=someone.membership.pk).exists()


def by_another_role(someone: Someone) -> None:
    slug = someone.organization.slug
    address = f"/{slug}/members/{someone.membership.pk}/role"
    someone.sign_in().post(address, {"role": Role.VIEWER})
    someone.membership.refresh_from_db()
    assert someone.membership.role == Role.VIEWER


def by_shutting_the_user_out(someone: Someone) -> None:
    call_command("shut_out", user=someone.membership.user.email)


def by_shutting_the_organization_out(someone: Someone) -> None:
    call_command("shut_out", organization=someone.organization.slug)


def by_deleting_the_token(someone: Someone) -> None:
    client = Client()
    client.force_login(someone.membership.user)
    client.post(f"/account/tokens/{someone.token.pk}/delete")
    assert not PersonalAccessToken.objects.exists()


def by_deleting_the_key(someone: Someone) -> None:
    address = f"/admin/organization-pats/{someone.key.pk}"
    assert Client().delete(address, headers=someone.admins).status_code == HTTPStatus.NO_CONTENT
    assert not ApiKey.objects.filter(pk=someone.key.pk).exists()


WAYS = {
    "by_token": [
        by_button,
        by_api,
        by_removing_the_member,
        by_another_role,
        by_shutting_the_user_out,
        by_shutting_the_organization_out,
        by_deleting_the_token,
    ],
    "by_key": [by_button, by_api, by_deleting_the_key, by_shutting_the_organization_out],
}


async def is_out(ear: Party) -> None:
    await asyncio.wait_for(ear.closed, OUT_WITHIN_S)


async def all_is_noted() -> None:
    """Wait until nobody puts out any more whom a revocation has closed, and their leaving is kept.

    Of a return that is put out while it still connects, LiveKit tells nobody.
    """
    unfinished = ProcrastinateJob.objects.filter(
        task_name="revoking.put_out", status__in=["todo", "doing"]
    )
    there = ListenSession.objects.filter(in_room_since__isnull=False)
    await until(sync_to_async(lambda: not unfinished.exists() and not there.exists()))


async def cannot_return(room: str, token: str) -> None:
    """Join once more: refused, or out again within a second and without having heard much."""
    again = Party()
    try:
        await again.join(token)
    except rtc.ConnectError:
        return
    await asyncio.wait_for(again.closed, OUT_WITHIN_S)
    for parts in again.heard.values():
        assert sum(len(samples) for _, samples in parts) < RATE_HEARD * OUT_WITHIN_S


@pytest.mark.parametrize(
    ("came", "way"),
    [(came, way) for came, ways in WAYS.items() for way in ways],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_an_ear_that_lost_its_right_is_out_and_stays_out(came, way):
    someone, room = Someone(), f"room-{uuid4()}"
    headers = getattr(someone, came)

    async def play() -> None:
        async with live_call(someone.organization, room):
            first = (await sync_to_async(ask_for_token)(room, headers)).json()["token"]
            ear = await listen_with(first)
            identity = ear.room.local_participant.identity
            answer = await sync_to_async(ask_for_token)(room, headers, renews=identity)
            renewed = answer.json()["token"]
            await sync_to_async(way)(someone)
            await is_out(ear)
            await all_is_noted()
            for token in (first, renewed):
                await cannot_return(room, token)
            again = await sync_to_async(ask_for_token)(room, headers, renews=identity)
            assert again.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
            assert not [each for each in await identities(room) if each.startswith("listener-")]

    asyncio.run(play())
    assert set(ListenSession.objects.values_list("ended_how", flat=True)) == {"revoked"}
    assert ListenEvent.objects.filter(kind="revoked").count() == 1
    tried = set(ListenSession.objects.values_list("pk", flat=True))
    returns = ListenEvent.objects.filter(kind="refused", details__why__startswith="Came")
    noted = returns.values_list("session_id", flat=True)
    asyncio.run(until(sync_to_async(lambda: set(noted.all()) == tried)))


def test_who_else_listens_hears_on():
    someone, room = Someone(), f"room-{uuid4()}"

    async def play() -> None:
        async with live_call(someone.organization, room):
            by_key = (await sync_to_async(ask_for_token)(room, someone.by_key)).json()["token"]
            stays = await listen_with(by_key)
            by_token = (await sync_to_async(ask_for_token)(room, someone.by_token)).json()["token"]
            goes = await listen_with(by_token)
            await sync_to_async(by_another_role)(someone)
            await is_out(goes)
            since = time.monotonic()
            await until(lambda: stays.hears("guest_1", 440, since=since) > 100)

    asyncio.run(play())


def test_a_token_never_outlives_the_key_it_was_asked_for_with():
    someone, room = Someone(), f"room-{uuid4()}"

    async def play() -> None:
        async with live_call(someone.organization, room):
            # Its time begins once all is there.
            ends = timezone.now() + timedelta(seconds=10)
            make_key = sync_to_async(make_api_key)
            _, secret = await make_key(someone.organization, Role.SUPERVISOR, expires_at=ends)
            headers = bearer(secret)
            token = (await sync_to_async(ask_for_token)(room, headers)).json()["token"]
            ear = await listen_with(token)
            await asyncio.wait_for(ear.closed, 30)
            assert timezone.now() < ends + timedelta(seconds=3)
            await cannot_return(room, token)

    asyncio.run(play())


def test_a_right_that_is_taken_behind_our_back_closes_the_ear_all_the_same():
    """Somebody changes a row in the database by hand: the reconciler looks every ten seconds."""
    someone, room = Someone(), f"room-{uuid4()}"

    async def play() -> None:
        async with live_call(someone.organization, room):
            token = (await sync_to_async(ask_for_token)(room, someone.by_token)).json()["token"]
            ear = await listen_with(token)
            members = Membership.objects.filter(pk=someone.membership.pk)
            await sync_to_async(members.update)(role=Role.VIEWER)
            await asyncio.wait_for(ear.closed, 25)

    asyncio.run(play())


def test_the_token_that_livekit_itself_renewed_lets_nobody_back():
    """LiveKit hands a connected client a new token of its own, which lives on after ours."""
    someone, room = Someone(), f"room-{uuid4()}"

    async def play() -> None:
        async with live_call(someone.organization, room):
            token = (await sync_to_async(ask_for_token)(room, someone.by_token)).json()["token"]
            refreshed = await refreshed_token(token)
            assert refreshed != token
            await sync_to_async(by_api)(someone)
            await cannot_return(room, refreshed)

    asyncio.run(play())


async def refreshed_token(token: str) -> str:
    """Join by LiveKit's signalling protocol and return the token that the server sends."""
    address = f"{settings.LIVEKIT_URL}/rtc?access_token={token}&protocol=15&sdk=python"
    async with aiohttp.ClientSession() as client, client.ws_connect(address) as link:
        while True:
            message = await asyncio.wait_for(link.receive_bytes(), 5)
            told = signalling.SignalResponse.FromString(message)
            if told.refresh_token:
                return told.refresh_token


def test_revoking_twice_or_too_late_is_no_error():
    someone, room = Someone(), f"room-{uuid4()}"

    async def play() -> None:
        async with live_call(someone.organization, room):
            token = (await sync_to_async(ask_for_token)(room, someone.by_key)).json()["token"]
            ear = await listen_with(token)
            await sync_to_async(by_api)(someone)
            await sync_to_async(by_api)(someone)
            await is_out(ear)

    asyncio.run(play())
    by_api(someone)
    assert ListenEvent.objects.filter(kind="revoked").count() == 1
    assert Conversation.objects.count() == 1
    assert httpx.get(f"{settings.BASE_URL}/health").is_success
