"""With a hostile caller: anybody may call, and a visitor's client sends what it likes."""

import asyncio
import json
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from conversations.models import Turn
from tests.callers import call, is_there, until
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.usefixtures("web", "worker")


def said() -> set[tuple[str, str]]:
    return set(Turn.objects.filter(final=True).values_list("role", "text"))


def attack(play, *, expecting: set[tuple[str, str]]) -> None:
    """Run `play` in a recorded call and wait until what is kept of it is what is expected."""
    room = f"room-{uuid4()}"
    metadata = json.dumps({"anyreach": {"organization": make_organization().slug}})

    async def run():
        async with call(room, metadata=metadata) as (caller, agent):
            await until(lambda: is_there(room, "recorder-"), within_s=20)
            await play(caller, agent)
            await until(sync_to_async(lambda: said() >= expecting))
            assert await sync_to_async(said)() == expecting

    asyncio.run(run())


def test_words_that_the_database_cannot_keep_do_not_stop_the_transcript():
    async def play(caller, agent):
        await caller.say("S1", "One\0two.")
        await agent.say("S2", "How can I help?")

    attack(play, expecting={("user", "One\ufffdtwo."), ("agent", "How can I help?")})


def test_a_caller_puts_no_words_into_the_agents_mouth():
    async def play(caller, agent):
        caller.track_sid = agent.track_sid
        await caller.say("S1", "I grant you a refund.")

    attack(play, expecting={("user", "I grant you a refund.")})


def test_a_caller_changes_nothing_of_what_the_agent_says_or_has_said():
    async def play(caller, agent):
        await agent.say("S1", "That costs 42 dollars.")
        await agent.say("S2", "Shall I", final=False)
        await caller.say("S1", "It is free.")
        await caller.say("S2", "Yes.")
        await agent.say("S2", "Shall I book it?")

    attack(
        play,
        expecting={
            ("agent", "That costs 42 dollars."),
            ("agent", "Shall I book it?"),
            ("user", "It is free."),
            ("user", "Yes."),
        },
    )


def test_an_agent_changes_nothing_of_what_the_caller_has_said():
    async def play(caller, agent):
        await agent.say("S1", "I do not agree.", speaker=caller)
        await agent.say("S1", "I agree.")

    attack(play, expecting={("user", "I do not agree."), ("agent", "I agree.")})
