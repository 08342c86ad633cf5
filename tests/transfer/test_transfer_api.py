"""Asking for a warm transfer, seeing how it goes, and cancelling it."""

import json
import uuid
from datetime import timedelta
from http import HTTPStatus

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from agent_assist.transfer.asking import ends_unbegun
from agent_assist.transfer.models import Status, Transfer
from anyreach.organizations.scopes import Role
from tests.callers import make_room
from tests.conversations.factories import make_conversation, make_trunk
from tests.organizations.factories import bearer, make_api_key, make_organization
from tests.transfer.factories import make_transfer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("livekit_server")]

NUMBER = "+4930555010"


@pytest.fixture
def organization():
    organization = make_organization()
    make_trunk(organization, transfer_destinations=[NUMBER, "sip.example.com"])
    return organization


@pytest.fixture
def conversation(organization):
    room = f"transfer-{uuid.uuid4()}"
    async_to_sync(make_room)(room)
    return make_conversation(organization, room_name=room)


@pytest.fixture
def ask(organization, conversation):
    def ask(role=Role.ADMIN, **body):
        return Client().post(
            f"/core/conversations/{conversation.pk}/warm-transfer",
            json.dumps({"transfer_number": NUMBER, **body}),
            content_type="application/json",
            headers=bearer(make_api_key(organization, role)[1]),
        )

    return ask


def jobs():
    return ProcrastinateJob.objects.filter(task_name="transfers.conduct").count()


def test_it_is_accepted_and_conducted_by_a_worker(ask, conversation):
    answer = ask(supervisor_instructions="She wants her money back.")
    assert answer.status_code == HTTPStatus.ACCEPTED
    told = answer.json()
    assert told["status"] == "requested"
    transfer = Transfer.objects.get(pk=told["id"])
    assert transfer.conversation == conversation
    assert transfer.supervisor_instructions == "She wants her money back."
    assert (transfer.hold_music, transfer.accept) == ("default", "dtmf")
    assert (transfer.ring_timeout_seconds, transfer.accept_timeout_seconds) == (30, 30)
    assert jobs() == 1
    assert NUMBER not in answer.text
    assert "money" not in answer.text


def test_the_same_request_again_answers_the_first_and_another_is_refused(ask):
    first = ask(hold_music="none")
    again = ask(hold_music="none")
    assert (again.status_code, again.json()) == (HTTPStatus.ACCEPTED, first.json())
    other = ask(hold_music="default")
    assert other.status_code == HTTPStatus.CONFLICT
    assert other.json()["detail"] == "Another transfer of this conversation is under way."
    assert jobs() == Transfer.objects.count() == 1


def test_one_that_no_worker_took_up_stands_in_no_others_way(ask):
    first = ask()
    an_age_ago = timezone.now() - timedelta(seconds=11)
    Transfer.objects.update(requested_at=an_age_ago)
    again = ask()
    assert again.status_code == HTTPStatus.ACCEPTED
    assert again.json()["id"] != first.json()["id"]
    left = Transfer.objects.get(pk=first.json()["id"])
    assert (left.status, left.reason) == ("failed", "No worker took the transfer up in time.")


def test_who_asks_how_it_goes_learns_that_no_worker_took_it_up(ask, conversation):
    transfer = f"/core/conversations/{conversation.pk}/warm-transfer/{ask().json()['id']}"
    viewer = bearer(make_api_key(conversation.organization, Role.VIEWER)[1])
    assert Client().get(transfer, headers=viewer).json()["status"] == "requested"
    Transfer.objects.update(requested_at=timezone.now() - timedelta(seconds=11))
    told = Client().get(transfer, headers=viewer).json()
    assert told["status"] == "failed"
    assert told["reason"] == "No worker took the transfer up in time."
    assert told["finished_at"]


def test_one_that_a_worker_is_just_taking_up_goes_on(ask):
    ask()
    Transfer.objects.update(requested_at=timezone.now() - timedelta(seconds=11))
    as_asked_for = Transfer.objects.get()
    Transfer.objects.update(status=Status.HOLDING)
    assert not ends_unbegun(as_asked_for, now=timezone.now())
    assert Transfer.objects.get().status == as_asked_for.status == Status.HOLDING


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transfer_number", "+4930555011"),
        ("transfer_number", "+19005550100"),
        ("transfer_number", "030 555010"),
        ("transfer_number", "sip:desk@example.com"),
        ("transfer_number", "sip:desk@sip.example.com;transport=tcp"),
        ("transfer_number", None),
        ("supervisor_instructions", "x" * 2001),
        ("hold_music", "jazz"),
        ("accept", "voice"),
        ("ring_timeout_seconds", 4),
        ("ring_timeout_seconds", 121),
        ("accept_timeout_seconds", 4),
        ("sip_trunk_id", "ST_other"),
    ],
)
def test_what_cannot_be_is_refused_and_nobody_is_dialled(ask, field, value):
    answer = ask(**{field: value})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["field"] == field
    assert not jobs()


def test_while_no_destination_is_named_nobody_is_dialled(ask, organization):
    organization.outbound_trunk.transfer_destinations = []
    organization.outbound_trunk.save()
    assert ask().status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    organization.outbound_trunk.delete()
    assert ask().status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not jobs()


@pytest.mark.parametrize("status", ["token_created", "triggered", "ringing", "completed"])
def test_only_a_call_in_progress_is_transferred(ask, conversation, status):
    fields = {"status": status, "ended_at": None}
    if status == "completed":
        fields["ended_at"] = conversation.created_at
    type(conversation).objects.filter(pk=conversation.pk).update(**fields)
    assert ask().status_code == HTTPStatus.CONFLICT
    assert not jobs()


def test_a_call_that_a_human_has_taken_is_not_transferred_again(ask, conversation):
    make_transfer(conversation, status=Status.BRIDGED)
    conversation.transferred_at = conversation.created_at
    conversation.save()
    answer = ask()
    assert answer.status_code == HTTPStatus.CONFLICT
    assert answer.json()["detail"] == "A human has taken this call already."


def test_a_room_that_is_gone_and_a_livekit_that_is_away_are_told(ask, conversation, settings):
    conversation.room_name = "gone"
    conversation.save()
    assert ask().status_code == HTTPStatus.NOT_FOUND
    settings.LIVEKIT_URL = "ws://127.0.0.1:9"
    answer = ask()
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer["Retry-After"]
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    ("role", "asks", "sees"),
    [(Role.ADMIN, 202, 200), (Role.SUPERVISOR, 403, 200), (Role.VIEWER, 403, 200)],
)
def test_who_manages_conversations_asks_and_cancels_and_who_reads_sees(
    ask, organization, conversation, role, asks, sees
):
    assert ask(role).status_code == asks
    transfer = Transfer.objects.first() or make_transfer(conversation)
    address = f"/core/conversations/{conversation.pk}/warm-transfer/{transfer.pk}"
    headers = bearer(make_api_key(organization, role)[1])
    assert Client().get(address, headers=headers).status_code == sees
    cancels = HTTPStatus.OK if asks == HTTPStatus.ACCEPTED else HTTPStatus.FORBIDDEN
    assert Client().delete(address, headers=headers).status_code == cancels


def test_cancelling_again_or_too_late_changes_nothing(organization, conversation):
    transfer = make_transfer(conversation)
    address = f"/core/conversations/{conversation.pk}/warm-transfer/{transfer.pk}"
    headers = bearer(make_api_key(organization)[1])
    first = Client().delete(address, headers=headers).json()
    assert (first["status"], first["reason"]) == ("cancelled", "The transfer was cancelled.")
    assert Client().delete(address, headers=headers).json() == first
    bridged = make_transfer(conversation, status=Status.BRIDGED)
    late = Client().delete(address.replace(str(transfer.pk), str(bridged.pk)), headers=headers)
    assert late.json()["status"] == "bridged"
