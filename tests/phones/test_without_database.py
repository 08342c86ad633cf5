"""PostgreSQL is away for a while, in the midst of a transfer: nobody is in silence for it."""

import asyncio
import time

import numpy as np
import pytest
from asgiref.sync import sync_to_async

from agent_assist.transfer.models import Status
from conversations.models import Status as ConversationStatus
from tests.callers import until
from tests.phones import tones

pytestmark = pytest.mark.usefixtures("web", "our_sounds")

# Long enough for the worker to give up; twenty seconds are the same, only longer.
AWAY_S = 8
SILENT_AT_MOST_S = 2
LOUD = 1000


def longest_silence_s(scene, since):
    """Return for how long the caller heard no music, at most."""
    loud = [at for at, samples in scene.caller.heard[scene.desk] if samples.max() > LOUD]
    return float(np.diff([since, *(at for at in loud if at > since), time.monotonic()]).max())


@pytest.mark.parametrize("cut_while", ["ringing", "briefing"])
def test_the_music_plays_on_and_the_transfer_goes_on(scene, new_worker, road, cut_while):
    async def play():
        await road.mend()
        await sync_to_async(new_worker)(DATABASE_URL=road.database_url)
        async with scene.talking():
            await scene.order()
            await scene.phone_rings()
            await scene.hold_music_plays()
            if cut_while == "briefing":
                scene.phone.answer()
                await scene.brief_is_heard()
            since = time.monotonic()
            await road.cut()
            await asyncio.sleep(AWAY_S)
            await road.mend()
            if cut_while == "ringing":
                scene.phone.answer()
            await scene.reaches(Status.BRIEFING)
            await scene.brief_is_heard()
            scene.nobody_overheard()
            # It may be told anew, by a desk that has heard no digit yet.
            await asyncio.sleep(10)
            assert longest_silence_s(scene, since) < SILENT_AT_MOST_S
            scene.phone.press("1")
            await scene.reaches(Status.BRIDGED)
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
        await road.cut()

    asyncio.run(play())
    assert scene.phone.calls == 1


def test_a_human_who_hangs_up_meanwhile_leaves_nobody_alone(scene, new_worker, road):
    async def play():
        await road.mend()
        await sync_to_async(new_worker)(DATABASE_URL=road.database_url)
        async with scene.on_hold():
            await scene.telephone_hears_brief()
            scene.phone.press("1")
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await road.cut()
            scene.phone.hang_up()
            await asyncio.wait_for(scene.caller.closed, 4)
            await road.mend()
            await scene.conversation_is(ConversationStatus.TRANSFERRED)
        await road.cut()

    asyncio.run(play())
