"""Warm transfers with a real telephone: who hears what, from the order to the end of the call."""

import asyncio
import json
import time
import uuid
from contextlib import asynccontextmanager
from http import HTTPStatus

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from agent_assist.transfer.models import Status, Transfer
from conversations.models import Status as ConversationStatus
from tests.callers import Party, call, identities, until
from tests.conversations.factories import make_conversation
from tests.organizations.factories import bearer, make_api_key, make_organization
from tests.phones import tones
from tests.phones.conftest import give_trunk

pytestmark = pytest.mark.usefixtures("web")

NUMBER = "+4930555010"
CALLER = "guest_1"


@pytest.fixture(autouse=True)
def _our_sounds(tmp_path, monkeypatch):
    """The worker's hold music and speech are tones."""
    hold = tmp_path / "hold.wav"
    tones.tone(hold, tones.HOLD, seconds=3)
    monkeypatch.setenv("HOLD_MUSIC_FILE", str(hold))
    with tones.speech_server() as url:
        monkeypatch.setenv("SPEECH_BASE_URL", url)
        yield


@pytest.fixture
def organization(transactional_db):
    return make_organization()


class Scene:
    """A caller who talks with an agent, and a telephone that a transfer may ring."""

    def __init__(self, organization, phone):
        self.phone = phone
        self.conversation = make_conversation(organization, room_name=f"room-{uuid.uuid4()}")
        self.room = self.conversation.room_name
        self.headers = bearer(make_api_key(organization)[1])
        give_trunk(organization, phone, transfer_destinations=[NUMBER])
        self.told = []

    @asynccontextmanager
    async def talking(self):
        async with call(self.room, caller=CALLER) as (self.caller, self.agent):
            self.agent.room.on(
                "data_received", lambda data: self.told.append(json.loads(data.data))
            )
            await self.both_talk()
            yield

    async def both_talk(self, since=0.0):
        await until(lambda: self.caller.hears("agent-1", 660, since=since) > 300)
        await until(lambda: self.agent.hears(CALLER, 440, since=since) > 300)

    async def order(self, **fields):
        body = {"transfer_number": NUMBER, "supervisor_instructions": "Be kind.", **fields}
        self.ordered_at = time.monotonic()
        self.transfer = await sync_to_async(self._post)(body)

    def _post(self, body):
        address = f"/core/conversations/{self.conversation.pk}/warm-transfer"
        kind = "application/json"
        answer = Client().post(address, body, content_type=kind, headers=self.headers)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.content
        return Transfer.objects.get(pk=answer.json()["id"])

    async def cancel(self):
        address = f"/core/conversations/{self.conversation.pk}/warm-transfer/{self.transfer.pk}"
        answer = await sync_to_async(Client().delete)(address, headers=self.headers)
        assert answer.json()["status"] == "cancelled"

    async def reaches(self, *statuses, within_s=20):
        async def reached():
            await self.transfer.arefresh_from_db()
            return self.transfer.status in statuses

        await until(reached, within_s=within_s)

    async def conversation_is(self, status):
        async def reached():
            await self.conversation.arefresh_from_db()
            return self.conversation.status == status

        await until(reached)

    @property
    def desk(self):
        return f"desk-{self.transfer.pk}"

    @property
    def human(self):
        return f"human-{self.transfer.pk}"

    async def hold_music_plays(self):
        await until(lambda: self.caller.hears(self.desk, tones.HOLD) > 300)

    async def phone_rings(self):
        await until(lambda: self.phone.calls)

    async def brief_is_heard(self):
        await until(lambda: self.phone.hears(tones.BRIEF) > 300)

    async def back_with_the_agent(self):
        since = time.monotonic()
        await self.both_talk(since)

        async def human_is_gone():
            return self.human not in await identities(self.room)

        await until(human_is_gone)

    def nobody_overheard(self):
        """What came to an ear before, and that was not meant for it, fails the test."""
        human = tones.heard_in(self.phone.heard, 8000)
        for voice in ("caller", "agent", "hold"):
            assert not human[voice].any(), f"the human heard the {voice}"
        for ear in (self.caller, self.agent):
            for voice in ("human", "brief"):
                assert not heard(ear)[voice].any(), f"the caller or agent heard the {voice}"
        assert not heard(self.agent)["hold"].any(), "the agent heard the music"


def heard(party: Party, since=0.0):
    parts = [samples for frames in party.heard.values() for at, samples in frames if at >= since]
    samples = np.concatenate(parts) if parts else np.zeros(0)
    return tones.heard_in(samples, 16_000)


@pytest.fixture
def scene(organization, new_phone):
    return Scene(organization, new_phone(frequency=tones.HUMAN))


@pytest.mark.usefixtures("worker")
def test_a_human_takes_the_call_by_pressing_1(scene):
    async def play():
        async with scene.talking():
            await scene.order()
            await scene.hold_music_plays()
            held_at = time.monotonic()
            await scene.phone_rings()
            scene.phone.answer()
            await scene.brief_is_heard()
            scene.nobody_overheard()
            assert not heard(scene.caller, held_at)["agent"].any()
            assert not heard(scene.agent, held_at)["caller"].any()
            scene.phone.press("1")
            await scene.reaches(Status.BRIDGED)
            await until(lambda: scene.caller.hears(scene.human, tones.HUMAN) > 300)
            await until(lambda: scene.phone.hears(tones.CALLER) > 300)
            assert "agent-1" not in await identities(scene.room)
            await scene.conversation.arefresh_from_db()
            assert scene.conversation.status == ConversationStatus.IN_PROGRESS
            scene.phone.hang_up()
            await scene.conversation_is(ConversationStatus.TRANSFERRED)
            await asyncio.wait_for(scene.caller.closed, 10)

    asyncio.run(play())
    assert scene.conversation.end_reason == "Who took the call hung up."
    assert scene.phone.calls == 1
