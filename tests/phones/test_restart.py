"""LiveKit restarted while a telephone is being put on the line: everybody is back, and apart."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async

from agent_assist.transfer.models import Status
from conversations.models import Status as ConversationStatus
from tests.callers import identities, until
from tests.phones import tones
from tests.phones.scene import heard, is_told_anew

pytestmark = pytest.mark.usefixtures("web", "our_sounds", "worker")

# LiveKit forgets that a telephone was muted: it is heard until our worker has said so again.
UNTIL_MUTED_S = 0.3


@pytest.fixture
def restarted(phones):
    async def restart():
        await sync_to_async(phones.server.restart)()
        return time.monotonic()

    return restart


async def caller_has_music_again(scene, since):
    # What their buffer still plays is over by then.
    await until(lambda: heard(scene.caller, since + 1)["hold"].any())


async def telephone_is_back(scene):
    """Its call has the status again that it joined with first: that it rings is forgotten."""

    async def joined():
        return (await scene.human_in(scene.room)).attributes["sip.callStatus"] == "dialing"

    await until(joined)


@pytest.mark.parametrize("restarted_while", ["on hold", "it rings", "it is briefed"])
def test_a_transfer_goes_on_when_livekit_is_back(scene, phones, restarted, restarted_while):
    async def play():
        # LiveKit closes a room that is older, and has nobody in it but agents and us.
        too_old = phones.server.empty_timeout_s if restarted_while == "on hold" else 0
        async with scene.on_hold(after_s=too_old):
            if restarted_while == "on hold":
                since = await restarted()
            await scene.phone_rings()
            if restarted_while == "it rings":
                await scene.reaches(Status.RINGING)
                since = await restarted()
                await telephone_is_back(scene)
            scene.phone.answer()
            await scene.brief_is_heard()
            if restarted_while == "it is briefed":
                since = await restarted()
                told_at = len(scene.phone.heard)
                await until(lambda: is_told_anew(scene.phone, told_at))
            await caller_has_music_again(scene, since)
            scene.nobody_overheard(
                human_save_for_s=UNTIL_MUTED_S if restarted_while == "it is briefed" else 0
            )
            assert not heard(scene.agent, since)["caller"].any()
            scene.phone.press("1")
            await scene.reaches(Status.BRIDGED)
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            assert "agent-1" not in await identities(scene.room)
            scene.phone.hang_up()
            await scene.conversation_is(ConversationStatus.TRANSFERRED)

    asyncio.run(play())
    assert scene.phone.calls == 1


def test_whom_a_human_has_taken_they_go_on_with(scene, restarted):
    async def play():
        async with scene.on_hold():
            await scene.telephone_hears_brief()
            scene.phone.press("1")
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            since = await restarted()
            await asyncio.sleep(2)
            await until(lambda: heard(scene.caller, since)["human"].any())
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            # LiveKit may tell of them after our worker has seen to who hears whom.
            await scene.human_is_reported()
            assert not await scene.human_is_muted()
            await asyncio.sleep(2)
            assert scene.phone.hears(tones.CALLER) > 300
            for voice in ("agent", "hold", "brief"):
                assert not heard(scene.caller, since + 1)[voice].any(), f"the caller heard {voice}"
            scene.phone.hang_up()
            await scene.conversation_is(ConversationStatus.TRANSFERRED)
            await asyncio.wait_for(scene.caller.closed, 10)

    asyncio.run(play())


def test_until_the_agent_is_back_the_caller_has_music(scene, restarted):
    async def play():
        async with scene.on_hold():
            await scene.phone_rings()
            await scene.agent.leave()
            since = await restarted()
            await scene.cancel()
            await caller_has_music_again(scene, since)
            await scene.human_is_gone()
            await scene.agent_comes()
            await scene.both_talk(since=time.monotonic())
            await until(lambda: scene.told)

    asyncio.run(play())


def test_an_agent_who_comes_back_late_hears_the_caller_whom_nobody_took(scene, restarted):
    async def play():
        async with scene.on_hold():
            await scene.phone_rings()
            await restarted()
            await scene.cancel()
            await until(lambda: scene.told)
            await scene.both_talk(since=time.monotonic())
            await scene.human_is_gone()
            await until(lambda: scene.phone.calls_over)
            scene.nobody_overheard()

    asyncio.run(play())
    assert scene.told == [scene.outcome(Status.CANCELLED, "The transfer was cancelled.")]
