"""POST /core/conversations for a telephone: what is taken, refused and handed to the worker."""

import uuid
from datetime import timedelta
from functools import partial
from http import HTTPStatus

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations import rooms
from conversations.models import Conversation, Direction, Participant, Status, StatusChange
from conversations.phones import dialling
from tests.conversations.calling import NUMBER, ask_for_call, dials
from tests.conversations.factories import make_conversation, make_trunk
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return make_organization()


@pytest.fixture
def ask(organization):
    return partial(ask_for_call, organization)


def test_a_call_is_taken_and_handed_to_the_worker(organization, ask):
    trunk = make_trunk(organization)
    answer = ask()
    assert answer.status_code == HTTPStatus.ACCEPTED
    shown = answer.json()["conversation"]
    assert (shown["status"], shown["direction"]) == (Status.TRIGGERED, Direction.OUTBOUND)
    assert (shown["user_id"], shown["agent_number"]) == (NUMBER, trunk.number)
    assert shown["trunk_id"] == trunk.sip_trunk_id
    assert set(answer.json()) == {"conversation"}
    assert dials() == 1


def test_the_same_request_dials_once_and_answers_the_first_even_when_it_is_over(organization, ask):
    make_trunk(organization)
    wanted = str(uuid.uuid4())
    first = ask(id=wanted)
    Conversation.objects.update(status=Status.FAILED, ended_at=timezone.now())
    again = ask(id=wanted)
    assert first.status_code == again.status_code == HTTPStatus.ACCEPTED
    assert again.json()["conversation"]["status"] == Status.FAILED
    assert ask(id=wanted, user_id="+4930555011").status_code == HTTPStatus.CONFLICT
    assert dials() == 1


def test_without_a_trunk_no_telephone_is_called(ask):
    make_trunk(make_organization())
    answer = ask()
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    (error,) = answer.json()["errors"]
    assert error["field"] == "channel"
    assert error["message"] == "This organization has no outbound trunk to call with."
    assert not dials()


@pytest.mark.parametrize(
    ("allowed", "number", "is_called"),
    [
        ([], "+19005550100", True),
        (["+49", "+43"], "+4930555010", True),
        (["+49", "+43"], "+4315555010", True),
        (["+49", "+43"], "+19005550100", False),
        (["+4930"], "+4989555010", False),
        (["+9"], "+4930555010", False),
    ],
)
def test_only_allowed_destinations_are_called(organization, ask, allowed, number, is_called):
    make_trunk(organization, allowed_prefixes=allowed)
    answer = ask(user_id=number)
    assert (answer.status_code == HTTPStatus.ACCEPTED) is is_called
    assert dials() == is_called
    if not is_called:
        assert answer.json()["errors"][0]["field"] == "user_id"


@pytest.mark.parametrize("wrong", [{"number": "030"}, {"allowed_prefixes": ["+49", ""]}])
def test_the_database_keeps_no_trunk_that_is_wrong(organization, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_trunk(organization, **wrong)


# --- Whose turn it is to dial ----------------------------------------------------------------


def make_waiting(**fields):
    defaults = {"status": Status.TRIGGERED, "direction": Direction.OUTBOUND, "user_id": NUMBER}
    return make_conversation(**{**defaults, "created_at": timezone.now(), **fields})


def test_of_two_workers_one_dials():
    conversation = make_waiting()
    again = Conversation.objects.get(pk=conversation.pk)
    assert dialling._begin(conversation, timezone.now())
    assert not dialling._begin(again, timezone.now())


def test_what_was_asked_long_ago_or_is_over_is_not_dialled():
    long_ago = timezone.now() - dialling.DIAL_WITHIN - timedelta(seconds=1)
    assert not dialling._begin(make_waiting(created_at=long_ago), timezone.now())
    over = make_waiting(status=Status.CANCELLED, ended_at=timezone.now())
    assert not dialling._begin(over, timezone.now())


def test_who_dials_tells_why_nobody_answered_unless_the_room_is_gone():
    now = timezone.now()
    left = Participant(
        identity=NUMBER, kind="sip", joined_at=now, last_seen_at=now, left_at=now, leave_reason=12
    )

    def told(**about):
        source = StatusChange.Source.WEBHOOK
        return [e.status for e in rooms.evidence_of([left], source=source, at=now, **about)]

    assert told(dialled=True) == [Status.TRIGGERED, Status.RINGING]
    assert told(dialled=True, room_gone_at=now)[-1] == Status.FAILED
    assert told()[-1] == Status.FAILED
