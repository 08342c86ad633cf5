"""Calls at somebody else's cost: who may call, whom, over whose trunk, and under which number."""

import json
import threading
import uuid
from functools import partial
from http import HTTPStatus

import pytest
from django.db import connection
from django.test import Client

from anyreach.organizations.scopes import Role
from conversations.models import Conversation
from tests.conversations.calling import NUMBER, ask_for_call, dials
from tests.conversations.factories import make_phone_number, make_trunk
from tests.organizations.factories import bearer, make_api_key, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return make_organization()


@pytest.fixture
def ask(organization):
    return partial(ask_for_call, organization)


@pytest.mark.parametrize(
    "number",
    [
        "4930555010",
        "030 555010",
        "+49 30 555010",
        "+49",
        "+",
        "guest_1",
        "sip:+4930555010@example.com",
        "+4930555010@example.com",
        "+4930555010;phone-context=+1",
        "+4930555010,+19005550100",
        "+4930555010\r\nRoute: <sip:example.com>",
        "+٤٩٣٠٥٥٥٠١٠",
    ],
)
def test_what_is_no_e164_number_is_not_dialled(organization, ask, number):
    make_trunk(organization)
    answer = ask(user_id=number)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["field"] == "user_id"
    assert not dials()


def test_a_number_of_the_organizations_own_may_be_shown_and_no_others(organization, ask):
    make_trunk(organization)
    own, theirs = make_phone_number(organization), make_phone_number(make_organization())
    assert ask(agent_number=own.number).json()["conversation"]["agent_number"] == own.number
    for number in (theirs.number, "+15555550100", "anonymous"):
        answer = ask(agent_number=number)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["errors"][0]["field"] == "agent_number"
    assert dials() == 1


@pytest.mark.parametrize("field", ["trunk_id", "sip_trunk_id", "room_name", "dialled_at"])
def test_nobody_names_the_trunk_or_the_room(organization, ask, field):
    make_trunk(organization)
    assert ask(**{field: "ST_other"}).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not dials()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPERVISOR])
def test_who_may_not_manage_conversations_calls_nobody(organization, ask, role):
    make_trunk(organization)
    assert ask(role).status_code == HTTPStatus.FORBIDDEN
    assert not dials()


@pytest.mark.django_db(transaction=True)
def test_a_request_sent_many_times_at_once_dials_once(organization):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
    make_trunk(organization)
    headers = bearer(make_api_key(organization)[1])
    body = json.dumps({"id": str(uuid.uuid4()), "channel": "telephone", "user_id": NUMBER})
    answers = []

    def ask():
        try:
            address, kind = "/core/conversations", "application/json"
            answers.append(Client().post(address, body, content_type=kind, headers=headers))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.status_code for each in answers] == [HTTPStatus.ACCEPTED] * 8
    assert Conversation.objects.count() == dials() == 1


@pytest.mark.parametrize(
    "allowed", [["+49"], ["+4930"], ["+4930555010"]], ids=lambda value: str(value[0])
)
def test_no_way_of_writing_leads_to_a_destination_that_is_not_allowed(organization, ask, allowed):
    make_trunk(organization, allowed_prefixes=allowed)
    for number in ("+19005550100", "19005550100", "+49 30 555010@evil", "+049", "++49", " +1900"):
        answer = ask(user_id=number)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["errors"][0]["field"] == "user_id"
    assert not dials()
