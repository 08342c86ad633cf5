"""Whole calls on a real LiveKit server, told by its webhooks, handled by our own processes."""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async

from conversations.models import Conversation, Status, Turn
from tests.callers import call, is_there, until
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.usefixtures("web", "worker")


def claim(organization) -> str:
    return json.dumps({"anyreach": {"organization": organization.slug}})


def only() -> Conversation | None:
    return Conversation.objects.select_related("organization").first()


async def status_is(status):
    async def check():
        conversation = await sync_to_async(only)()
        return conversation is not None and conversation.status == status

    await until(check, within_s=20)


def test_a_web_call_claimed_by_metadata_is_followed_from_start_to_end():
    organization = make_organization()

    async def play():
        async with call("a-room", metadata=claim(organization)) as (caller, agent):
            await status_is(Status.IN_PROGRESS)
            await until(lambda: is_there("a-room", "recorder-"))
            await agent.say("S1", "Hello,", "Hello, I want a refund.", speaker=caller)
            await agent.say("S2", "How can I help?")
            await until(sync_to_async(lambda: only().turns.filter(final=True).count() == 2))
            await caller.leave()
            await status_is(Status.COMPLETED)

    asyncio.run(play())
    conversation = only()
    assert conversation.organization == organization
    assert (conversation.user_id, conversation.channel) == ("guest_1", "webrtc")
    assert conversation.end_reason == "The caller hung up."
    assert [(t.role, t.text) for t in conversation.turns.all()] == [
        ("user", "Hello, I want a refund."),
        ("agent", "How can I help?"),
    ]
    assert conversation.user_turn_count == 1
    assert [c.status for c in conversation.status_changes.order_by("id")] == [
        Status.TRIGGERED,
        Status.IN_PROGRESS,
        Status.COMPLETED,
    ]
    assert conversation.duration is not None


def test_what_is_being_said_is_written_before_it_is_said_to_the_end():
    organization = make_organization()

    async def play():
        async with call("interim-room", metadata=claim(organization)) as (caller, agent):
            await status_is(Status.IN_PROGRESS)
            await until(lambda: is_there("interim-room", "recorder-"))
            # Long enough for the recorder to be waiting for the next word.
            await asyncio.sleep(1.5)
            await agent.say("S1", "I would like", final=False, speaker=caller)
            interim = Turn.objects.filter(text="I would like", final=False)
            await until(sync_to_async(interim.exists), within_s=5)

    asyncio.run(play())


def test_what_is_said_in_one_breath_is_kept_in_its_order():
    organization = make_organization()
    sentences = [f"Sentence {number}." for number in range(40)]

    async def play():
        async with call("quick-room", metadata=claim(organization)) as (caller, agent):
            await status_is(Status.IN_PROGRESS)
            await until(lambda: is_there("quick-room", "recorder-"))
            for number, sentence in enumerate(sentences):
                await agent.say(f"S{number}", "Sent", sentence, speaker=caller)
            kept = Turn.objects.filter(final=True)
            await until(sync_to_async(lambda: kept.count() == len(sentences)), within_s=20)

    asyncio.run(play())
    assert [turn.text for turn in only().turns.all()] == sentences
