"""Warm transfers where LiveKit moves participants, against a stand-in for LiveKit Cloud."""

import asyncio
import json
import time
import uuid
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from livekit import rtc

from agent_assist.transfer.models import Status
from anyreach.gateways.livekit import handover
from anyreach.gateways.livekit.desk import Desk
from anyreach.gateways.livekit.moving_desk import MovingDesk
from anyreach.gateways.livekit.server import LiveKitAway
from conversations.models import Conversation
from conversations.models import Status as ConversationStatus
from tests.callers import Party, call, identities, token_of, until
from tests.conftest import Process, wait_for_worker
from tests.conversations.factories import make_conversation, make_phone_number, make_trunk
from tests.environment import free_port
from tests.organizations.factories import bearer, make_api_key, make_organization
from tests.phones import tones
from tests.phones.scene import NUMBER, ON_ITS_WAY_S, SHORT, Scene, heard
from tests.transfer.cloud import Phone, cloud

pytestmark = pytest.mark.usefixtures("web")


@pytest.fixture(autouse=True)
def _before_the_worker(our_sounds):
    pass


class MovedScene(Scene):
    """A scene on the stand-in, in which the agent is told by RPC too."""

    def __init__(self, organization, livekit_url):
        self.livekit_url, self.cloud_port = livekit_url, free_port()
        self.conversation = make_conversation(
            organization, room_name=f"room-{uuid.uuid4()}", created_at=timezone.now()
        )
        self.room = self.conversation.room_name
        self.headers = bearer(make_api_key(organization)[1])
        make_trunk(organization, transfer_destinations=[NUMBER])
        self.told, self.told_by_rpc = [], []

    @property
    def cloud_url(self):
        return f"ws://127.0.0.1:{self.cloud_port}"

    @asynccontextmanager
    async def talking(self):
        self.phone = Phone()
        serving = cloud(self.cloud_port, self.livekit_url, self.phone)
        async with serving as self.cloud, super().talking():
            us = self.agent.room.local_participant
            us.register_rpc_method("anyreach.transfer", self._on_told)
            yield

    @asynccontextmanager
    async def taken(self, *, refusals):
        """The human has pressed 1, and LiveKit refuses so often to move them."""
        async with self.on_hold():
            await self.phone_rings()
            await self.phone.answer()
            await self.brief_is_heard()
            self.cloud.refusals = refusals
            await self.phone.press("1")
            await self.reaches(Status.BRIDGED)
            yield

    def _on_told(self, call: rtc.RpcInvocationData):
        self.told_by_rpc.append(json.loads(call.payload))
        return ""

    async def mouth_and_ears_in_own_room(self):
        """Return whether the human's tracks are muted, and whether they may hear."""
        human = await self.human_in(self.transfer.supervisor_room)
        return [track.muted for track in human.tracks], human.permission.can_subscribe

    async def supervisor_room_is_gone(self):
        async def gone():
            return await identities(self.transfer.supervisor_room) == []

        await until(gone)


@pytest.fixture
def organization(transactional_db):
    return make_organization()


@pytest.fixture
def scene(organization, livekit_server):
    return MovedScene(organization, livekit_server.url)


@pytest.fixture
def new_worker(no_jobs, livekit_server):
    workers = []

    def start(**environment):
        workers.append(Process("cloud-worker", "manage.py", "worker", **environment))
        workers[-1].start()
        wait_for_worker()
        return workers[-1]

    yield start
    for each in workers:
        each.kill()


def test_a_human_is_moved_to_the_caller_whom_they_take(scene, organization, new_worker):
    new_worker(LIVEKIT_URL=scene.cloud_url)
    make_phone_number(organization, "+493090182000")

    async def play():
        async with scene.on_hold():
            held_at = time.monotonic()
            await scene.phone_rings()
            assert scene.phone.room_name == scene.transfer.supervisor_room
            assert scene.human not in await identities(scene.room)
            await scene.reaches(Status.RINGING)
            await scene.phone.answer()
            await scene.brief_is_heard()
            scene.nobody_overheard()
            assert await scene.mouth_and_ears_in_own_room() == ([False], True)
            assert not heard(scene.caller, held_at + ON_ITS_WAY_S)["agent"].any()
            assert not heard(scene.agent, held_at)["caller"].any()
            await scene.phone.press("1")
            await scene.reaches(Status.BRIDGED)
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            assert "agent-1" not in await identities(scene.room)
            await scene.supervisor_room_is_gone()
            with_caller = heard(scene.phone.parties[-1])
            for voice in ("agent", "hold", "brief"):
                assert not with_caller[voice].any(), f"the human heard the {voice}"
            assert not heard(scene.agent)["human"].any()
            await scene.phone.hang_up()
            await scene.conversation_is(ConversationStatus.TRANSFERRED)
            await asyncio.wait_for(scene.caller.closed, 10)

    asyncio.run(play())
    assert scene.conversation.end_reason == "Who took the call hung up."
    assert Conversation.objects.count() == 1


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
def test_otherwise_the_caller_is_back_with_the_agent_who_is_told_why(
    scene, new_worker, how, status, reason
):
    new_worker(LIVEKIT_URL=scene.cloud_url)

    async def play():
        async with scene.talking():
            await scene.order(**SHORT.get(how, {}))
            await scene.hold_music_plays()
            await scene.phone_rings()
            if how == "is busy":
                await scene.phone.hang_up(busy=True)
            elif how == "is wanted no more while it rings":
                await scene.cancel()
            elif how != "does not answer":
                await scene.phone.answer()
                await scene.brief_is_heard()
                if how == "presses 2":
                    await scene.phone.press("2")
                elif how == "hangs up":
                    await scene.phone.hang_up()
                elif how == "is not wanted any more":
                    await scene.cancel()
            over_at = await scene.gives_back(status)
            await until(lambda: scene.told_by_rpc)
            await scene.supervisor_room_is_gone()
            await until(lambda: scene.phone.calls_over)
            scene.nobody_overheard()
            assert not heard(scene.caller, over_at + 1)["hold"].any()

    asyncio.run(play())
    assert scene.told == scene.told_by_rpc == [scene.outcome(status, reason)]
    assert scene.phone.calls == 1


def test_a_human_of_whom_we_hear_first_that_they_answered_has_not_hung_up(scene, new_worker):
    new_worker(LIVEKIT_URL=scene.cloud_url)

    async def play():
        async with scene.talking():
            scene.phone.seen_after_s = 1.0
            await scene.order()
            await scene.phone_rings()
            await scene.brief_is_heard()

    asyncio.run(play())


def test_the_human_is_let_go_when_the_call_ends_on_hold(scene, new_worker):
    new_worker(LIVEKIT_URL=scene.cloud_url)

    async def play():
        async with scene.talking():
            await scene.order()
            await scene.phone_rings()
            await scene.phone.answer()
            await scene.brief_is_heard()
            await scene.caller.leave()
            await scene.reaches(Status.CANCELLED)
            await scene.supervisor_room_is_gone()
            await until(lambda: scene.phone.calls_over)

    asyncio.run(play())


@pytest.mark.parametrize("killed_in", ["ringing", "briefing", "bridged"])
def test_another_worker_goes_on_when_one_dies(scene, new_worker, killed_in):
    first = new_worker(LIVEKIT_URL=scene.cloud_url)

    async def another_comes():
        await sync_to_async(first.kill)()
        await sync_to_async(new_worker)(LIVEKIT_URL=scene.cloud_url)

    async def play():
        async with scene.talking():
            await scene.order()
            await scene.hold_music_plays()
            await scene.phone_rings()
            if killed_in == "ringing":
                await scene.reaches(Status.RINGING)
                await another_comes()
            await scene.phone.answer()
            await scene.reaches(Status.BRIEFING)
            await scene.brief_is_heard()
            if killed_in == "briefing":
                await another_comes()
                told, later = scene.phone.parties[0], time.monotonic() + 1
                await until(lambda: heard(told, later)["brief"].any())
            scene.nobody_overheard()
            await scene.phone.press("1")
            await scene.reaches(Status.BRIDGED)
            if killed_in == "bridged":
                await another_comes()
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            await scene.supervisor_room_is_gone()
            await scene.phone.hang_up()
            await until(lambda: scene.caller.closed.done())
            await scene.conversation_is(ConversationStatus.TRANSFERRED)

    asyncio.run(play())
    assert scene.phone.calls == 1


def test_a_human_whom_livekit_does_not_move_at_once_is_moved_then(scene, new_worker):
    new_worker(LIVEKIT_URL=scene.cloud_url)

    async def play():
        async with scene.taken(refusals=3):
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)

    asyncio.run(play())


def test_a_caller_does_not_wait_for_a_human_whom_livekit_does_not_move(scene, new_worker):
    new_worker(LIVEKIT_URL=scene.cloud_url)

    async def play():
        async with scene.taken(refusals=1000):
            await asyncio.wait_for(scene.caller.closed, 30)
            await until(lambda: scene.phone.calls_over)
            await scene.conversation_is(ConversationStatus.FAILED)

    asyncio.run(play())
    assert scene.conversation.end_reason == "LiveKit did not put the human on the line."


def test_who_else_comes_into_the_humans_room_is_put_out(scene, new_worker):
    new_worker(LIVEKIT_URL=scene.cloud_url)

    async def play():
        async with scene.talking():
            await scene.order()
            await scene.phone_rings()
            room = scene.transfer.supervisor_room
            sent = await Party().join(token_of("agent-2", room, kind="agent"))
            reason = await asyncio.wait_for(sent.closed, 5)
            assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
            await sent.leave()

    asyncio.run(play())


def test_a_livekit_that_moves_nobody_is_not_asked_to(scene, new_worker):
    new_worker(TRANSFER_STRATEGY="move")

    async def play():
        async with scene.talking():
            await scene.order()
            await scene.reaches(Status.FAILED)
            await scene.back_with_the_agent()
            await until(lambda: scene.told)

    asyncio.run(play())
    assert scene.transfer.reason == "LiveKit does not move participants."


@pytest.mark.parametrize(
    ("strategy", "desk_here", "desk_on_cloud"),
    [("auto", Desk, MovingDesk), ("gated", Desk, Desk), ("move", MovingDesk, MovingDesk)],
)
def test_what_livekit_answers_decides_unless_a_setting_does(
    scene, settings, strategy, desk_here, desk_on_cloud
):
    settings.TRANSFER_STRATEGY = strategy

    async def opened_at(url):
        settings.LIVEKIT_URL = url
        names = {"identity": "desk-1", "human": "human-1", "supervisor_room": "supervisor-1"}
        async with handover.opened(scene.room, **names) as desk:
            return type(desk)

    async def play():
        serving = cloud(scene.cloud_port, scene.livekit_url, Phone())
        async with call(scene.room), serving:
            for _ in range(2):
                assert await opened_at(scene.livekit_url) is desk_here
                assert await opened_at(scene.cloud_url) is desk_on_cloud

    asyncio.run(play())


@pytest.mark.parametrize("status", [408, 429, 502])
def test_a_proxy_that_fails_is_not_taken_for_an_answer(scene, settings, status):
    settings.TRANSFER_STRATEGY = "auto"
    names = {"identity": "desk-1", "human": "human-1", "supervisor_room": "supervisor-1"}

    async def play():
        async with call(scene.room), cloud(scene.cloud_port, scene.livekit_url, Phone()) as there:
            settings.LIVEKIT_URL = scene.cloud_url
            there.proxy_answers = status
            with pytest.raises(LiveKitAway):
                async with handover.opened(scene.room, **names):
                    pass
            there.proxy_answers = None
            async with handover.opened(scene.room, **names) as desk:
                assert type(desk) is MovingDesk

    asyncio.run(play())
