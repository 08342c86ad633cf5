"""A human who is called for a transfer is apart from the call, until they have taken it."""

import asyncio
import json
import uuid
from http import HTTPStatus

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone
from livekit import api

from conversations.models import Conversation
from tests.callers import Party, make_room, server, token_of, until
from tests.conversations.factories import make_conversation
from tests.conversations.test_webhooks import event, participant, send
from tests.organizations.factories import make_organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("livekit_server")]

HUMAN = "human-1"
APART, TOGETHER = (False, [True]), (True, [False])


def reported(room):
    """Return whether the human hears, and which of their tracks are muted, once LiveKit has told
    us of them: of a telephone that is not answered yet, or that has forgotten that it was.
    """
    return asyncio.run(_reported(room))


async def _reported(room):
    await make_room(room)
    human = Party()
    await human.join(token_of(HUMAN, room, kind="sip", attributes={"sip.callStatus": "dialing"}))
    await human.hum(440)
    # LiveKit tells of a track again once it is there.
    await until(lambda: has_track(room))
    late = event("participant_joined", room=room, participant=participant(HUMAN, "SIP"))
    answer = await sync_to_async(send)(json.dumps(late).encode())
    assert answer.status_code == HTTPStatus.OK
    told = await human_in(room)
    await human.leave()
    return told.permission.can_subscribe, [track.muted for track in told.tracks]


async def has_track(room):
    return (await human_in(room)).tracks


async def human_in(room):
    async with server() as client:
        wanted = api.RoomParticipantIdentity(room=room, identity=HUMAN)
        return await client.room.get_participant(wanted)


@pytest.fixture
def conversation():
    return make_conversation(make_organization("acme"), room_name=f"room-{uuid.uuid4()}")


def test_who_is_called_neither_hears_nor_is_heard(conversation):
    assert reported(conversation.room_name) == APART


def test_who_has_taken_the_call_is_left_with_the_caller(conversation):
    Conversation.objects.update(transferred_at=timezone.now())
    assert reported(conversation.room_name) == TOGETHER


def test_who_took_an_earlier_call_of_the_rooms_name_took_that_only(conversation):
    Conversation.objects.update(
        status="transferred", transferred_at=timezone.now(), ended_at=timezone.now()
    )
    make_conversation(conversation.organization, room_name=conversation.room_name)
    assert reported(conversation.room_name) == APART


def test_without_the_database_nobody_has_taken_it(conversation, monkeypatch):
    def away(*_):
        raise OperationalError

    Conversation.objects.update(transferred_at=timezone.now())
    monkeypatch.setattr(type(Conversation.objects.all()), "active", away)
    assert reported(conversation.room_name) == APART
