"""Warm transfers with a real telephone: who hears what, from the order to the end of the call."""

import asyncio
import contextlib
import time

import numpy as np
import pytest
from asgiref.sync import sync_to_async

from agent_assist.transfer.conducting import have_conducted
from agent_assist.transfer.models import Status
from conversations.models import Status as ConversationStatus
from tests.callers import identities, until
from tests.ears import listen
from tests.organizations.factories import make_organization
from tests.phones import tones
from tests.phones.scene import CALLER, ON_ITS_WAY_S, SHORT, Scene, heard, is_told_anew
from tests.phones.softphone import Refuser

pytestmark = pytest.mark.usefixtures("web")

LOUD, QUIET = 1000, 30


@pytest.fixture(autouse=True)
def _before_the_worker(our_sounds):
    pass


@pytest.mark.usefixtures("worker")
def test_a_human_takes_the_call_by_pressing_1(scene):
    async def play():
        async with scene.on_hold():
            held_at = time.monotonic()
            await scene.telephone_hears_brief()
            scene.nobody_overheard()
            assert not heard(scene.caller, held_at + ON_ITS_WAY_S)["agent"].any()
            assert not heard(scene.agent, held_at)["caller"].any()
            scene.phone.press("1")
            await scene.reaches(Status.BRIDGED)
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            assert max(scene.caller.hears(scene.human, tone) for tone in tones.DIGIT_1) < QUIET
            assert "agent-1" not in await identities(scene.room)
            await scene.conversation.arefresh_from_db()
            assert scene.conversation.status == ConversationStatus.IN_PROGRESS
            scene.phone.hang_up()
            await scene.conversation_is(ConversationStatus.TRANSFERRED)
            await asyncio.wait_for(scene.caller.closed, 10)

    asyncio.run(play())
    assert scene.conversation.end_reason == "Who took the call hung up."
    assert scene.phone.calls == 1


@pytest.mark.usefixtures("worker")
def test_a_listener_hears_the_callers_call_throughout_and_is_unseen(scene):
    async def play():
        async with scene.talking():
            listener = await listen(scene.conversation.organization, scene.room)
            await until(lambda: listener.hears(CALLER, tones.CALLER) > 300)
            await until(lambda: listener.hears("agent-1", tones.AGENT) > 300)
            await scene.order()
            await scene.hold_music_plays()
            held_at = time.monotonic()
            await scene.telephone_hears_brief()
            assert listener.hears(CALLER, tones.CALLER, since=held_at) > 300
            scene.phone.press("1")
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            bridged_at = time.monotonic()
            await until(lambda: listener.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: listener.hears(CALLER, tones.CALLER, since=bridged_at) > 300)
            for voice in ("brief", "hold"):
                assert not heard(listener)[voice].any(), f"the listener heard the {voice}"
            for party in (scene.caller, scene.agent):
                assert not [each for each in party.seen if "listener-" in each]
            await listener.leave()

    asyncio.run(play())


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("presses 2", Status.DECLINED, "Who was called pressed 2."),
        ("hangs up", Status.DECLINED, "Who was called hung up."),
        ("says nothing", Status.UNANSWERED, "Nobody pressed 1."),
        ("is busy", Status.BUSY, "The line was busy."),
        ("does not answer", Status.UNANSWERED, "Nobody answered."),
        ("is not wanted any more", Status.CANCELLED, "The transfer was cancelled."),
        ("is wanted no more while it rings", Status.CANCELLED, "The transfer was cancelled."),
    ],
)
def test_otherwise_the_caller_is_back_with_the_agent_who_is_told_why(scene, how, status, reason):
    async def play():
        async with scene.talking():
            await scene.order(**SHORT.get(how, {}))
            await scene.hold_music_plays()
            await scene.phone_rings()
            if how == "is busy":
                scene.phone.hang_up()
            elif how == "is wanted no more while it rings":
                await scene.cancel()
            elif how != "does not answer":
                scene.phone.answer()
                await scene.brief_is_heard()
                if how == "presses 2":
                    scene.phone.press("2")
                elif how == "hangs up":
                    scene.phone.hang_up()
                elif how == "is not wanted any more":
                    await scene.cancel()
            over_at = await scene.gives_back(status)
            await scene.human_is_gone()
            await until(lambda: how in ("is busy", "hangs up") or scene.phone.calls_over)
            scene.nobody_overheard()
            assert not heard(scene.caller, over_at + 1)["hold"].any()

    asyncio.run(play())
    assert scene.transfer.reason == reason
    assert scene.told == [scene.outcome(status, reason)]
    assert scene.phone.calls == 1


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ("404 Not Found", Status.FAILED, "There is no such number."),
        ("603 Decline", Status.DECLINED, "The call was declined."),
        ("no trunk", Status.FAILED, "LiveKit has no such outbound trunk."),
        ("no SIP service", Status.FAILED, "LiveKit's SIP service does not answer."),
    ],
)
def test_a_telephone_that_is_not_reached_is_told_too(organization, phones, answer, status, reason):
    refuser = Refuser()
    refuser.status = answer
    refuser.start()
    scene = Scene(organization, refuser)

    async def play():
        async with scene.talking():
            await scene.order()
            await scene.gives_back(status)
            await scene.human_is_gone()

    if answer == "no trunk":
        organization.outbound_trunk.sip_trunk_id = "ST_unknown"
        organization.outbound_trunk.save()
    if answer == "no SIP service":
        phones.sip.stop(within_s=0)
    try:
        asyncio.run(play())
    finally:
        refuser.stop()
        if answer == "no SIP service":
            phones.start_sip()
    assert scene.told == [scene.outcome(status, reason)]


@pytest.mark.usefixtures("worker")
def test_who_goes_on_with_a_transfer_that_is_over_tells_the_agent_nothing_anew(scene):
    async def play():
        async with scene.on_hold():
            await scene.cancel()
            await until(lambda: scene.told)
            await scene.job_is_done()
            await sync_to_async(have_conducted)(scene.transfer)
            await scene.job_is_done()
            await scene.both_talk(since=time.monotonic())

    asyncio.run(play())
    assert scene.told == [scene.outcome(Status.CANCELLED, "The transfer was cancelled.")]


@pytest.mark.usefixtures("worker")
def test_an_agent_that_crashes_on_hold_keeps_nobody_from_taking_the_call(scene):
    async def play():
        async with scene.on_hold():
            await scene.agent.leave()
            await scene.telephone_hears_brief()
            scene.human_overheard_nobody()
            scene.phone.press("1")
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            scene.phone.hang_up()
            await scene.conversation_is(ConversationStatus.TRANSFERRED)

    asyncio.run(play())


@pytest.mark.usefixtures("worker")
def test_whose_agent_is_gone_has_the_music_until_there_is_one(scene):
    async def play():
        async with scene.declined_without_agent():
            await until(lambda: scene.phone.calls_over)
            await asyncio.sleep(2)
            assert heard(scene.caller, time.monotonic() - 1)["hold"].any()
            await scene.agent_comes()
            await scene.both_talk(since=time.monotonic())
            await until(lambda: scene.told)
            over_at = time.monotonic()
            await asyncio.sleep(1)
            assert not heard(scene.caller, over_at + 0.5)["hold"].any()

    asyncio.run(play())
    assert scene.told == [scene.outcome(Status.DECLINED, "Who was called pressed 2.")]


@pytest.mark.usefixtures("worker")
def test_nobody_is_left_alone_in_a_call(scene):
    async def play():
        async with scene.declined_without_agent():
            await asyncio.wait_for(scene.caller.closed, 20)
            await scene.conversation_is(ConversationStatus.FAILED)

    asyncio.run(play())
    assert scene.conversation.end_reason == "The agent was gone, and nobody took the call."


def test_nobody_is_left_alone_by_a_worker_that_came_after_the_agent_was_gone(scene, new_worker):
    first = new_worker()

    async def play():
        async with scene.on_hold():
            await scene.phone_rings()
            await scene.agent.leave()
            await sync_to_async(first.kill)()
            await sync_to_async(new_worker)()
            scene.phone.answer()
            await scene.brief_is_heard()
            scene.phone.press("2")
            await scene.reaches(Status.DECLINED)
            await asyncio.wait_for(scene.caller.closed, 20)
            await scene.conversation_is(ConversationStatus.FAILED)

    asyncio.run(play())
    assert scene.conversation.end_reason == "The agent was gone, and nobody took the call."


@pytest.mark.usefixtures("worker")
def test_another_human_may_be_asked_for_while_the_agent_is_gone(scene):
    async def play():
        async with scene.declined_without_agent():
            await scene.order()
            await until(lambda: scene.phone.calls == 2)
            scene.phone.answer()
            await scene.reaches(Status.BRIEFING)
            await asyncio.sleep(1)
            scene.phone.press("1")
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)

    asyncio.run(play())


@pytest.mark.usefixtures("worker")
def test_a_caller_who_hangs_up_on_hold_leaves_nobody_ringing(scene):
    async def play():
        async with scene.talking():
            await scene.order()
            await scene.phone_rings()
            await scene.caller.leave()
            await scene.reaches(Status.CANCELLED)
            await until(lambda: scene.phone.calls_over)
            await scene.conversation_is(ConversationStatus.COMPLETED)

    asyncio.run(play())
    assert scene.transfer.reason == "The caller hung up."


@pytest.mark.usefixtures("worker")
def test_a_call_that_a_human_took_ends_with_the_caller(scene):
    async def play():
        async with scene.talking():
            await scene.order(accept="answer")
            await scene.phone_rings()
            scene.phone.answer()
            await scene.reaches(Status.BRIDGED)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            await scene.caller.leave()
            await until(lambda: scene.phone.calls_over)
            await scene.conversation_is(ConversationStatus.TRANSFERRED)

    asyncio.run(play())
    assert scene.conversation.end_reason == "The caller hung up."


@pytest.mark.parametrize("killed_in", ["holding", "ringing", "briefing", "bridged"])
def test_another_worker_goes_on_when_one_dies(scene, new_worker, killed_in):
    first = new_worker()

    async def another_comes():
        await sync_to_async(first.kill)()
        await sync_to_async(new_worker)()

    async def play():
        async with scene.on_hold():
            if killed_in == "holding":
                await another_comes()
            await scene.phone_rings()
            if killed_in == "ringing":
                await until(scene.human_is_muted)
                await another_comes()
            scene.phone.answer()
            await scene.reaches(Status.BRIEFING)
            await scene.brief_is_heard()
            if killed_in == "briefing":
                await another_comes()
                heard_at = len(scene.phone.heard)
                await until(lambda: is_told_anew(scene.phone, heard_at))
            scene.nobody_overheard()
            scene.phone.press("1")
            await scene.reaches(Status.BRIDGED)
            if killed_in == "bridged":
                await another_comes()
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            scene.phone.hang_up()
            await until(lambda: scene.caller.closed.done())
            await scene.conversation_is(ConversationStatus.TRANSFERRED)

    asyncio.run(play())
    assert scene.phone.calls == 1


@pytest.mark.whole_machine
def test_ten_at_once_end_rightly_though_one_of_two_workers_is_killed(new_phone, new_worker):
    first = new_worker()
    new_worker()
    scenes = [Scene(make_organization(), new_phone(frequency=tones.HUMAN)) for _ in range(10)]
    taken, declined = scenes[:5], scenes[5:]

    async def play():
        async with contextlib.AsyncExitStack() as calls:
            for scene in scenes:
                await calls.enter_async_context(scene.talking_among_many())
            for scene in scenes:
                await scene.order()
            for scene in scenes:
                await scene.phone_rings()
            await sync_to_async(first.kill)()
            for scene in scenes:
                scene.phone.answer()
            for scene in scenes:
                await scene.brief_is_heard()
                await scene.reaches(Status.BRIEFING)
            for scene in scenes:
                scene.human_overheard_nobody()
                scene.phone.press("1" if scene in taken else "2")
            for scene in taken:
                await scene.reaches(Status.BRIDGED, pressing="1")
                await until(lambda scene=scene: scene.phone.hears(tones.CALLER) > 300)
                assert "agent-1" not in await identities(scene.room)
            for scene in declined:
                await scene.reaches(Status.DECLINED, pressing="2")
                await scene.human_is_gone()
                assert "agent-1" in await identities(scene.room)

    asyncio.run(play())
    assert [scene.phone.calls for scene in scenes] == [1] * len(scenes)


@pytest.mark.usefixtures("worker")
def test_a_track_that_the_caller_publishes_on_hold_is_heard_by_nobody(scene):
    async def play():
        async with scene.on_hold():
            held_at = time.monotonic()
            await scene.caller.hum(tones.CALLER)
            await scene.telephone_hears_brief()
            await scene.caller.hum(tones.CALLER)
            heard_so_far = len(scene.phone.heard)
            await until(lambda: len(scene.phone.heard) > heard_so_far + 2 * 8000)
            scene.nobody_overheard()
            assert not heard(scene.agent, held_at)["caller"].any()

    asyncio.run(play())


@pytest.mark.usefixtures("worker")
def test_a_sip_address_can_be_called_too(organization, new_phone):
    scene = Scene(organization, new_phone("desk", frequency=tones.HUMAN))

    async def play():
        async with scene.talking():
            await scene.order(transfer_number=f"sip:desk@127.0.0.1:{scene.phone.sip_port}")
            await scene.telephone_hears_brief()
            scene.nobody_overheard()
            scene.phone.press("1")
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)

    asyncio.run(play())


def test_without_speech_a_recorded_voice_says_what_to_press(scene, new_worker, monkeypatch):
    monkeypatch.delenv("SPEECH_BASE_URL")
    monkeypatch.setenv("PATH", "/nowhere")
    new_worker()

    async def play():
        async with scene.talking():
            await scene.order()
            await scene.phone_rings()
            scene.phone.answer()
            await until(lambda: np.abs(scene.phone.heard.astype(int)).max(initial=0) > LOUD)
            assert not tones.heard_in(scene.phone.heard, 8000)["brief"].any()
            scene.phone.press("2")
            await scene.reaches(Status.DECLINED)

    asyncio.run(play())


def test_a_fault_of_ours_gives_the_caller_back_and_tells_the_agent_once(
    scene, new_worker, tmp_path
):
    no_sound = tmp_path / "music.wav"
    no_sound.write_text("La, la.")
    new_worker(HOLD_MUSIC_FILE=str(no_sound))

    async def play():
        async with scene.talking():
            await scene.order()
            await scene.gives_back(Status.FAILED)
            # A job that failed would be tried again a second later.
            await asyncio.sleep(4)

    asyncio.run(play())
    assert len(scene.told) == 1
    assert scene.transfer.reason.startswith("The transfer failed because of a fault of ours.")
