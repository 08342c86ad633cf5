"""A caller, an agent and a telephone in a warm transfer, and what each of them hears."""

import asyncio
import json
import time
import uuid
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
import numpy as np
from asgiref.sync import sync_to_async
from django.utils import timezone
from livekit import api
from procrastinate.contrib.django.models import ProcrastinateJob

from agent_assist.transfer.models import Status, Transfer
from tests.callers import Party, call, identities, server, token_of, until
from tests.conversations.factories import make_conversation
from tests.conversations.test_webhooks import event, participant, send
from tests.environment import WEB_PORT
from tests.organizations.factories import bearer, make_api_key
from tests.phones import tones
from tests.phones.trunks import give_trunk

NUMBER = "+4930555010"
CALLER = "guest_1"
# For how long it rings, and a human may think: longer than anything takes on a busy machine.
TIMEOUT_S = 90
SHORT = {
    "does not answer": {"ring_timeout_seconds": 5},
    "says nothing": {"accept_timeout_seconds": 5},
}
PRESSED_AGAIN_S = 10
# What the agent said until the music began, and the caller's buffer still plays.
ON_ITS_WAY_S = 0.15
our_web = httpx.Client(base_url=f"http://127.0.0.1:{WEB_PORT}")


class Scene:
    """A caller who talks with an agent, and a telephone that a transfer may ring."""

    def __init__(self, organization, phone):
        self.phone = phone
        # An older one without a room is ended by the reconciler before the parties are there.
        self.conversation = make_conversation(
            organization, room_name=f"room-{uuid.uuid4()}", created_at=timezone.now()
        )
        self.room = self.conversation.room_name
        self.headers = bearer(make_api_key(organization)[1])
        give_trunk(organization, phone, transfer_destinations=[NUMBER, "127.0.0.1"])
        self.told = []

    @asynccontextmanager
    async def talking(self):
        async with call(self.room, caller=CALLER) as (self.caller, self.agent):
            self._listen_to_what_the_agent_is_told()
            await self.both_talk()
            yield

    def _listen_to_what_the_agent_is_told(self):
        self.agent.room.on("data_received", lambda data: self.told.append(json.loads(data.data)))

    async def agent_comes(self):
        """Another one, in the place of the one who has left."""
        self.agent = Party()
        self._listen_to_what_the_agent_is_told()
        await self.agent.join(token_of("agent-1", self.room, kind="agent"))
        await self.agent.hum(tones.AGENT, pulsing=True)

    @asynccontextmanager
    async def on_hold(self, *, after_s=0):
        async with self.talking():
            await asyncio.sleep(after_s)
            await self.order()
            await self.hold_music_plays()
            yield

    @asynccontextmanager
    async def declined_without_agent(self):
        """The human declines a caller whose agent has left on hold."""
        async with self.on_hold():
            await self.agent.leave()
            await self.telephone_hears_brief()
            self.phone.press("2")
            await self.reaches(Status.DECLINED)
            yield

    @asynccontextmanager
    async def talking_among_many(self):
        async with call(self.room, caller=CALLER, one_of_many=True):
            yield

    async def both_talk(self, since=0.0):
        await until(lambda: self.caller.hears("agent-1", 660, since=since) > 300)
        await until(lambda: self.agent.hears(CALLER, 440, since=since) > 300)

    async def order(self, **fields):
        body = {
            "transfer_number": NUMBER,
            "supervisor_instructions": "Be kind.",
            "ring_timeout_seconds": TIMEOUT_S,
            "accept_timeout_seconds": TIMEOUT_S,
            **fields,
        }
        self.ordered_at = time.monotonic()
        self.transfer = await sync_to_async(self._post)(body)

    def _post(self, body):
        address = f"/core/conversations/{self.conversation.pk}/warm-transfer"
        answer = our_web.post(address, json=body, headers=self.headers)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.content
        return Transfer.objects.get(pk=answer.json()["id"])

    async def cancel(self):
        address = f"/core/conversations/{self.conversation.pk}/warm-transfer/{self.transfer.pk}"
        answer = await sync_to_async(our_web.delete)(address, headers=self.headers)
        assert answer.json()["status"] == "cancelled"

    async def reaches(self, *statuses, pressing=None):
        """What the human is `pressing` they press again when nothing has come of it: LiveKit tells
        nobody of a digit while it loses a leg or the desk, which happens on a machine too busy."""
        pressed_at = time.monotonic()

        async def reached():
            nonlocal pressed_at
            if pressing and time.monotonic() - pressed_at > PRESSED_AGAIN_S:
                self.phone.press(pressing)
                pressed_at = time.monotonic()
            await self.transfer.arefresh_from_db()
            return self.transfer.status in statuses

        await self._until(reached)

    async def _until(self, condition):
        try:
            await until(condition)
        except TimeoutError as error:
            await self.transfer.arefresh_from_db()
            how_far = f"{self.transfer.status}. {self.transfer.reason}"
            raise TimeoutError(f"It did not come about, and is {how_far}") from error

    async def job_is_done(self):
        jobs = ProcrastinateJob.objects.filter(
            status__in=["todo", "doing"], args__transfer_id=str(self.transfer.pk)
        )
        await until(sync_to_async(lambda: not jobs.exists()))

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
        await self._until(lambda: self.caller.hears(self.desk, tones.HOLD) > 300)

    async def phone_rings(self):
        await self._until(lambda: self.phone.calls)

    async def brief_is_heard(self):
        await self._until(lambda: self.phone.hears(tones.BRIEF) > 300)

    async def telephone_hears_brief(self):
        await self.phone_rings()
        self.phone.answer()
        await self.brief_is_heard()

    async def gives_back(self, status):
        """The caller is back with the agent within two seconds. Returns when it was over."""
        await self.reaches(status)
        over_at = time.monotonic()
        await self.back_with_the_agent()
        assert time.monotonic() - over_at < 2
        await until(lambda: self.told)
        return over_at

    def outcome(self, status, reason):
        return {"transfer_id": str(self.transfer.pk), "status": status, "reason": reason}

    async def back_with_the_agent(self):
        since = time.monotonic()
        await until(lambda: heard(self.caller, since)["agent"].any())
        await until(lambda: heard(self.agent, since)["caller"].any())

    async def human_is_gone(self):
        async def gone():
            return self.human not in await identities(self.room)

        await until(gone)

    async def human_is_muted(self):
        human = await self.human_in(self.room)
        return [track.muted for track in human.tracks] == [True]

    async def human_is_reported(self):
        """By LiveKit to our web process, as one who has come."""
        human = participant(self.human, "SIP")
        joined = event("participant_joined", room=self.room, participant=human)
        answer = await sync_to_async(send)(json.dumps(joined).encode())
        assert answer.status_code == HTTPStatus.OK

    async def human_in(self, room):
        """Return what LiveKit knows of their telephone there."""
        wanted = api.RoomParticipantIdentity(room=room, identity=self.human)
        async with server() as client:
            return await client.room.get_participant(wanted)

    def human_overheard_nobody(self):
        human = tones.heard_in(self.phone.heard, 8000)
        for voice in ("caller", "agent", "hold"):
            windows = human[voice]
            assert not windows.any(), f"the human heard the {voice}: {windows.sum()}"

    def nobody_overheard(self, *, human_save_for_s=0.0):
        """What came to an ear before, and that was not meant for it, fails the test."""
        self.human_overheard_nobody()
        for ear in (self.caller, self.agent):
            for voice, may_be_heard_for_s in (("human", human_save_for_s), ("brief", 0)):
                heard_for_s = heard(ear)[voice].sum() * tones.WINDOW_S
                assert heard_for_s <= may_be_heard_for_s, f"the {voice} was heard: {heard_for_s} s"
        assert not heard(self.agent)["hold"].any(), "the agent heard the music"


def heard(party: Party, since=0.0):
    """Return for each voice in which windows it was heard, in whatever track."""
    tracks = [
        np.concatenate([samples for at, samples in frames if at >= since] or [np.zeros(0)])
        for frames in party.heard.values()
    ]
    each = [tones.heard_in(samples, 16_000) for samples in tracks]
    return {voice: np.concatenate([one[voice] for one in each]) for voice in tones.TONES}


def is_told_anew(phone, since):
    """Whether the brief is heard after a second in which nothing was."""
    brief = tones.heard_in(phone.heard[since:], 8000)["brief"]
    silent_for = 0
    for is_heard in brief:
        if is_heard and silent_for > 1 / tones.WINDOW_S:
            return True
        silent_for = 0 if is_heard else silent_for + 1
    return False
