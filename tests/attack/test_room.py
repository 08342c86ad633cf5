"""What a listener's token does to a room: nothing that anybody could notice."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async

from conversations.models import Conversation, ListenSession
from tests.callers import Party, identities, token_of, until
from tests.ears import listen, live_call, mint, session
from tests.organizations.factories import make_organization

DEPARTURE_TIMEOUT_S = 2


@pytest.fixture
def organization(transactional_db):
    return make_organization()


def told_of(party: Party) -> tuple[int, list[str]]:
    """What a client knows of who is in its room."""
    return party.room.num_participants, sorted(party.room.remote_participants)


async def gone(room: str) -> bool:
    return not await identities(room)


@pytest.mark.usefixtures("web", "worker")
def test_caller_and_agent_notice_nothing_and_take_the_room_with_them(organization):
    async def play():
        async with live_call(organization, "unseen") as (caller, agent):
            # LiveKit tells of participant counts with some seconds' delay.
            await asyncio.sleep(6)
            before = [
                (p.room.num_participants, list(p.room.remote_participants)) for p in (caller, agent)
            ]
            seen = [len(party.seen) for party in (caller, agent)]
            ear = await listen(organization, "unseen")
            await asyncio.sleep(6)
            assert [told_of(party) for party in (caller, agent)] == before
            for party, count in zip((caller, agent), seen, strict=True):
                told = [each for each in party.seen[count:] if "speakers" not in each]
                assert told == []
            await until(sync_to_async(lambda: session().joined_at))
            await caller.leave()
            await agent.leave()
            left = time.monotonic()
            await asyncio.wait_for(ear.closed, DEPARTURE_TIMEOUT_S + 5)
            await until(lambda: gone("unseen"))
            took = time.monotonic() - left
            await asyncio.sleep(3)
            assert await gone("unseen")
            return took

    assert asyncio.run(play()) < DEPARTURE_TIMEOUT_S + 1
    asyncio.run(until(sync_to_async(lambda: session().left_at)))
    assert session().ended_how == ListenSession.Ended.CALL_ENDED


@pytest.mark.usefixtures("web", "worker")
def test_a_token_does_not_raise_a_dead_room(organization):
    async def play():
        async with live_call(organization, "dead") as (caller, agent):
            token = await sync_to_async(mint)(organization, "dead")
            await caller.leave()
            await agent.leave()
            await until(lambda: gone("dead"))
        ghost = await Party().join(token)
        await asyncio.wait_for(ghost.closed, 5)
        await until(lambda: gone("dead"), within_s=15)

    asyncio.run(play())
    assert Conversation.objects.count() == 1


@pytest.mark.usefixtures("web", "worker")
def test_an_agent_sent_into_a_dead_room_by_a_token_is_out_with_it(organization):
    async def play():
        async with live_call(organization, "woken") as (caller, agent):
            token = await sync_to_async(mint)(organization, "woken")
            await caller.leave()
            await agent.leave()
            await until(lambda: gone("woken"))
        ghost = await Party().join(token)
        agent = await Party().join(token_of("agent-2", "woken", kind="agent"))
        await asyncio.wait_for(ghost.closed, 5)
        await asyncio.wait_for(agent.closed, 8)

    asyncio.run(play())
