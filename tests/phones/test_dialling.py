"""Calls to telephones, on a real LiveKit with its SIP service, and telephones that ring."""

import asyncio
import json
import uuid
from datetime import timedelta
from http import HTTPStatus

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test import Client
from django.utils import timezone

from conversations.models import TERMINAL, Conversation, Status
from conversations.phones import dialling
from tests.callers import Party, identities, token_of, until
from tests.conversations.factories import make_trunk
from tests.conversations.test_webhooks import event, handled, participant, send
from tests.organizations.factories import bearer, make_api_key
from tests.phones.softphone import Refuser
from tests.phones.trunks import OURS, give_trunk

pytestmark = pytest.mark.usefixtures("web")

NUMBER = "+4930555010"


@pytest.fixture
def program(organization):
    """Return a function: post to /core/conversations, and return the conversation."""
    headers = bearer(make_api_key(organization)[1])

    def post(path="", **body):
        answer = Client().post(
            f"/core/conversations{path}",
            json.dumps(body),
            content_type="application/json",
            headers=headers,
        )
        assert answer.status_code < HTTPStatus.BAD_REQUEST, answer.content
        told = answer.json()
        return Conversation.objects.get(
            pk=told["id"] if "id" in told else told["conversation"]["id"]
        )

    return post


def reaches(conversation, *statuses, within_s=15):
    def check():
        conversation.refresh_from_db()
        return conversation.status in statuses

    async_to_sync(until)(sync_to_async(check), within_s=within_s)


def room_is_gone(conversation):
    async def gone():
        return not await identities(conversation.room_name)

    async_to_sync(until)(gone)


def steps(conversation):
    return [each.status for each in conversation.status_changes.order_by("id")]


@pytest.mark.usefixtures("worker")
def test_a_telephone_that_answers_and_the_agent_hear_each_other(organization, program, new_phone):
    phone = new_phone(answers=True)
    give_trunk(organization, phone)
    conversation = program(channel="telephone", user_id=NUMBER)
    room = conversation.room_name

    async def talk():
        agent = await Party().join(token_of("agent-1", room, kind="agent"))
        try:
            await agent.hum(660)
            await until(lambda: agent.hears(NUMBER, 440) > 500)
            await until(lambda: phone.hears(660) > 500)
        finally:
            await agent.leave()

    reaches(conversation, Status.IN_PROGRESS)
    asyncio.run(talk())
    phone.hang_up()
    reaches(conversation, Status.COMPLETED)
    assert conversation.end_reason == "Who was called hung up."
    assert conversation.duration is not None
    assert conversation.duration >= 1
    assert conversation.agent_number == OURS
    assert steps(conversation) == ["triggered", "ringing", "in_progress", "completed"]
    assert [p.identity for p in conversation.participants.filter(kind="sip")] == [NUMBER]
    assert phone.calls == 1


@pytest.mark.usefixtures("worker")
def test_a_busy_line_is_told(organization, program, new_phone):
    phone = new_phone()
    give_trunk(organization, phone)
    conversation = program(channel="telephone", user_id=NUMBER)
    reaches(conversation, Status.RINGING)
    async_to_sync(until)(lambda: phone.calls)
    phone.hang_up()
    reaches(conversation, Status.FAILED)
    assert conversation.end_reason == "The line was busy."
    assert steps(conversation) == ["triggered", "ringing", "failed"]
    room_is_gone(conversation)


@pytest.mark.usefixtures("worker")
def test_what_the_other_side_answers_is_told(organization, program):
    answers = {
        "603 Decline": (Status.FAILED, "The call was declined."),
        "480 Temporarily Unavailable": (Status.UNANSWERED, "Nobody answered."),
        "404 Not Found": (Status.FAILED, "There is no such number."),
        "503 Service Unavailable": (Status.FAILED, "The telephone trunk failed."),
    }
    refuser = Refuser()
    refuser.start()
    give_trunk(organization, refuser)
    for refuser.status, (status, reason) in answers.items():
        conversation = program(channel="telephone", user_id=NUMBER)
        reaches(conversation, *TERMINAL)
        assert (conversation.status, conversation.end_reason) == (status, reason)
        assert conversation.answered_at is None
    refuser.stop()


@pytest.mark.usefixtures("worker")
def test_a_telephone_that_nobody_answers_stops_ringing(organization, program, new_phone):
    phone = new_phone()
    give_trunk(organization, phone)
    conversation = program(channel="telephone", user_id=NUMBER)
    reaches(conversation, Status.UNANSWERED)
    assert conversation.end_reason == "Nobody answered."
    assert conversation.ended_at - conversation.created_at > timedelta(seconds=3.5)
    room_is_gone(conversation)
    async_to_sync(until)(lambda: phone.calls == phone.calls_over == 1)


@pytest.mark.usefixtures("worker")
def test_ending_the_conversation_stops_the_ringing(organization, program, new_phone):
    phone = new_phone()
    give_trunk(organization, phone)
    conversation = program(channel="telephone", user_id=NUMBER)
    reaches(conversation, Status.RINGING)
    async_to_sync(until)(lambda: phone.calls)
    program(f"/{conversation.pk}/end")
    conversation.refresh_from_db()
    assert conversation.status == Status.CANCELLED
    assert conversation.end_reason == "The call was ended by the team."
    async_to_sync(until)(lambda: phone.calls_over, within_s=3)
    room_is_gone(conversation)
    assert steps(conversation) == ["triggered", "ringing", "cancelled"]


@pytest.mark.usefixtures("worker")
def test_a_trunk_that_livekit_does_not_have_is_told(organization, program):
    make_trunk(organization, sip_trunk_id="ST_unknown")
    conversation = program(channel="telephone", user_id=NUMBER)
    reaches(conversation, Status.FAILED)
    assert conversation.end_reason == "LiveKit has no such outbound trunk."


@pytest.mark.usefixtures("worker")
def test_a_sip_service_that_is_away_is_told(organization, program, new_phone, phones):
    phone = new_phone()
    give_trunk(organization, phone)
    phones.sip.stop(within_s=0)
    try:
        conversation = program(channel="telephone", user_id=NUMBER)
        reaches(conversation, Status.FAILED)
        assert conversation.end_reason == "LiveKit's SIP service does not answer."
        assert not phone.calls
    finally:
        phones.start_sip()


def test_a_telephone_rings_once_although_its_worker_dies(
    organization, program, new_phone, new_worker
):
    phone = new_phone()
    give_trunk(organization, phone)
    first = new_worker()
    body = {"id": str(uuid.uuid4()), "channel": "telephone", "user_id": NUMBER}
    conversation = program(**body)
    async_to_sync(until)(lambda: phone.calls)
    first.kill()
    new_worker()
    program(**body)
    reaches(conversation, Status.UNANSWERED, within_s=25)
    assert conversation.end_reason == "Nobody answered."
    assert phone.calls == 1


def test_a_worker_that_dies_before_it_has_dialled_leaves_no_call_behind(
    organization, program, new_phone, new_worker
):
    phone = new_phone()
    give_trunk(organization, phone)
    conversation = program(channel="telephone", user_id=NUMBER)
    Conversation.objects.filter(pk=conversation.pk).update(dialled_at=timezone.now())
    new_worker()
    reaches(conversation, Status.FAILED)
    assert conversation.end_reason == "The call could not be dialled."
    assert not phone.calls


def test_what_livekit_reported_is_taken_in_before_a_telephone_counts_as_not_dialled(
    organization, program, new_phone
):
    give_trunk(organization, new_phone())
    conversation = program(channel="telephone", user_id=NUMBER)
    Conversation.objects.filter(pk=conversation.pk).update(dialled_at=timezone.now())
    conversation.refresh_from_db()
    rang = participant(NUMBER, "SIP", disconnectReason="USER_UNAVAILABLE")
    left = event("participant_left", room=conversation.room_name, participant=rang)
    assert send(json.dumps(left).encode()).status_code == HTTPStatus.OK
    assert not dialling._is_decided(conversation)
    handled(left)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded'")
    assert dialling._is_decided(conversation)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.end_reason) == ("unanswered", "Nobody answered.")
