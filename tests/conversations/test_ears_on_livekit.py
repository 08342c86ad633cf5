"""Ears on a real LiveKit server: unnoticed, known, and closed when their time is over."""

import asyncio
import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from livekit import api

from conversations import listening
from conversations.models import Conversation, ListenSession, Status, WebhookEvent
from tests.callers import Party, call, identities, is_there, make_room, server, until
from tests.conftest import running_web
from tests.ears import listen, live_call, mint, session
from tests.organizations.factories import make_organization


@pytest.fixture
def organization(transactional_db):
    return make_organization()


@pytest.mark.usefixtures("web", "worker")
def test_when_the_conversation_ends_every_ear_is_closed(organization):
    async def play():
        async with live_call(organization, "ends") as (caller, _agent):
            ears = [await listen(organization, "ends") for _ in range(3)]
            await caller.leave()
            for ear in ears:
                await asyncio.wait_for(ear.closed, 5)
            assert not await is_there("ends", "listener-")

    asyncio.run(play())
    assert set(ListenSession.objects.values_list("ended_how", flat=True)) == {"call_ended"}


@pytest.mark.usefixtures("worker")
def test_an_ear_that_is_not_renewed_is_out_soon_after_its_time(
    organization, livekit_server, settings
):
    settings.LISTEN_TOKEN_TTL_S = 10

    async def play():
        async with live_call(organization, "expires"):
            ear = await listen(organization, "expires")
            expires_at = (await sync_to_async(session)()).expires_at
            await asyncio.wait_for(ear.closed, 45)
            assert timezone.now() >= expires_at - timedelta(seconds=1)
            assert timezone.now() <= expires_at + timedelta(seconds=30)

    with running_web():
        asyncio.run(play())
        asyncio.run(until(sync_to_async(lambda: session().left_at)))
    assert session().ended_how == ListenSession.Ended.EXPIRED


@pytest.mark.usefixtures("web", "worker")
@pytest.mark.parametrize("how", [ListenSession.Ended.REVOKED, ListenSession.Ended.EXPIRED])
def test_who_was_put_out_is_put_out_again_on_return(organization, how):
    async def play():
        room = f"returns-{how}"
        async with live_call(organization, room):
            token = await sync_to_async(mint)(organization, room)
            ear = await Party().join(token)
            await until(lambda: ear.heard)
            await sync_to_async(listening.end)(await sync_to_async(session)(), how)
            await asyncio.wait_for(ear.closed, 2)
            again = await Party().join(token)
            await asyncio.wait_for(again.closed, 2)
            assert not await is_there(room, "listener-")

    asyncio.run(play())
    assert session().ended_how == how


@pytest.mark.usefixtures("web", "worker")
def test_an_ear_may_come_back_while_its_time_lasts(organization):
    async def play():
        async with live_call(organization, "comes-back"):
            token = await sync_to_async(mint)(organization, "comes-back")
            ear = await Party().join(token)
            await until(lambda: ear.heard)
            await ear.leave()
            await until(sync_to_async(lambda: session().left_at))
            assert (await sync_to_async(session)()).ended_how == "stopped"
            again = await Party().join(token)
            await until(sync_to_async(lambda: session().left_at is None))
            assert (await sync_to_async(session)()).ended_how == ""
            await again.leave()

    asyncio.run(play())


@pytest.mark.usefixtures("web", "worker")
def test_a_revoked_ear_does_not_take_a_waiting_room_away(organization):
    """The room of a call that nobody has joined yet holds the claim on it."""

    async def play():
        metadata = json.dumps({"anyreach": {"organization": organization.slug}})
        await make_room("waiting", metadata=metadata)
        waiting = Conversation.objects.filter(room_name="waiting")
        await until(sync_to_async(waiting.exists))
        token = await sync_to_async(mint)(organization, "waiting")
        await sync_to_async(listening.end)(await sync_to_async(session)(), "revoked")
        ear = await Party().join(token)
        await asyncio.wait_for(ear.closed, 5)
        await asyncio.sleep(listening.GHOST_GRACE_S + 1)
        async with server() as client:
            (room,) = (await client.room.list_rooms(api.ListRoomsRequest(names=["waiting"]))).rooms
        assert room.metadata == metadata

    asyncio.run(play())


async def gone(room: str) -> bool:
    return not await identities(room)


@pytest.mark.usefixtures("worker")
def test_what_webhooks_did_not_tell_the_reconciler_finds_out(organization, livekit_server):
    """No web process runs: every webhook is lost."""

    async def play():
        async with live_call(organization, "untold") as (caller, agent):
            await caller.leave()
            await agent.leave()
        over = Conversation.objects.filter(room_name="untold", status=Status.COMPLETED)
        await until(sync_to_async(over.exists), within_s=45)

    asyncio.run(play())


@pytest.mark.usefixtures("web", "worker")
def test_after_livekit_was_restarted_in_mid_call_the_statuses_are_right(
    organization, livekit_server
):
    async def play():
        async with live_call(organization, "restart") as (caller, agent):
            livekit_server.restart()
            await until(lambda: is_there("restart", "guest_1"), within_s=30)
            await until(lambda: is_there("restart", "agent-1"), within_s=30)
            await asyncio.sleep(12)
            live = Conversation.objects.filter(room_name="restart", status=Status.IN_PROGRESS)
            assert await sync_to_async(live.count)() == 1
            await caller.leave()
            await agent.leave()
        over = Conversation.objects.filter(room_name="restart", status=Status.COMPLETED)
        await until(sync_to_async(over.exists), within_s=45)

    asyncio.run(play())
    assert Conversation.objects.filter(room_name="restart").count() == 1


def test_a_web_process_killed_before_its_webhooks_were_handled_loses_nothing(organization, worker):
    worker.kill()

    async def play():
        metadata = json.dumps({"anyreach": {"organization": organization.slug}})
        async with call("killed", metadata=metadata) as (caller, agent):
            await caller.leave()
            await agent.leave()
        finished = WebhookEvent.objects.filter(name="room_finished")
        await until(sync_to_async(finished.exists))

    with running_web():
        asyncio.run(play())
    assert not Conversation.objects.exists()
    worker.start()
    over = Conversation.objects.filter(room_name="killed", status=Status.COMPLETED)
    asyncio.run(until(sync_to_async(over.exists), within_s=30))
    changes = over.get().status_changes.order_by("id")
    assert {change.source for change in changes} == {"webhook"}
