"""/core/agents and /core/phone-numbers."""

import json
import uuid
from http import HTTPStatus

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from anyreach.organizations.scopes import Role
from conversations.agents import e164_of
from conversations.models import Agent, PhoneNumber
from tests.conversations.factories import make_agent, make_conversation, make_phone_number
from tests.organizations.factories import bearer, make_api_key, make_organization

AGENTS, NUMBERS = "/core/agents", "/core/phone-numbers"


@pytest.fixture
def organization(db):
    return make_organization()


class Program:
    """A program with a key of `role`."""

    def __init__(self, organization, role=Role.ADMIN):
        self.headers = bearer(make_api_key(organization, role)[1])

    def get(self, path):
        return Client().get(path, headers=self.headers)

    def delete(self, path):
        return Client().delete(path, headers=self.headers)

    def post(self, path, body):
        return Client().post(path, json.dumps(body), "application/json", headers=self.headers)

    def patch(self, path, body):
        return Client().patch(path, json.dumps(body), "application/json", headers=self.headers)


@pytest.fixture
def admin(organization):
    return Program(organization)


@pytest.fixture
def viewer(organization):
    return Program(organization, Role.VIEWER)


# --- Agents --------------------------------------------------------------------------------


def test_an_agent_is_added_read_changed_and_deleted(organization, admin):
    wanted = {"name": "Refunds", "dispatch_name": "refunds-1", "starting_message": "Hello."}
    made = admin.post(AGENTS, wanted)
    assert made.status_code == HTTPStatus.CREATED
    body = made.json()
    assert set(body) == {"id", "name", "dispatch_name", "starting_message", "created_at"}
    assert {name: body[name] for name in wanted} == wanted
    path = f"{AGENTS}/{body['id']}"
    assert admin.get(path).json() == body

    changed = admin.patch(path, {"name": "Returns"})
    assert changed.json() == {**body, "name": "Returns"} == admin.get(path).json()

    assert admin.delete(path).status_code == HTTPStatus.NO_CONTENT
    for late in (admin.get(path), admin.patch(path, {"name": "x"}), admin.delete(path)):
        assert late.status_code == HTTPStatus.NOT_FOUND


def test_the_agents_of_ones_own_organization_are_listed_by_name(organization, admin, viewer):
    make_agent(make_organization())
    for name in ("Beta", "Alpha"):
        make_agent(organization, name=name)
    for program in (admin, viewer):
        assert [each["name"] for each in program.get(AGENTS).json()] == ["Alpha", "Beta"]


def test_an_agents_conversations_and_numbers_outlive_it(organization, admin):
    agent = make_agent(organization)
    conversation = make_conversation(organization, agent=agent)
    number = PhoneNumber.objects.create(organization=organization, number="+15550100", agent=agent)
    admin.delete(f"{AGENTS}/{agent.pk}")
    assert admin.get(f"/core/conversations/{conversation.pk}").json()["agent"] is None
    assert admin.get(f"{NUMBERS}/{number.pk}").json()["agent_id"] is None


def test_two_agents_of_an_organization_do_not_share_a_name(organization, admin):
    make_agent(make_organization(), name="Refunds")
    assert admin.post(AGENTS, {"name": "Refunds"}).status_code == HTTPStatus.CREATED
    other = make_agent(organization)
    for again in (
        admin.post(AGENTS, {"name": "Refunds"}),
        admin.patch(f"{AGENTS}/{other.pk}", {"name": "Refunds"}),
    ):
        assert again.status_code == HTTPStatus.CONFLICT
        assert again.json() == {"detail": "There is an agent of this name already."}
    assert Agent.objects.filter(organization=organization).count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"name": "a", "dispatch_name": "d" * 201}, "dispatch_name"),
        ({"name": "a", "starting_message": "s" * 2001}, "starting_message"),
        ({"name": "a", "starting_message": ["s"]}, "starting_message"),
        ({"name": "a", "organization": "x"}, "organization"),
        ({"name": "a", "id": str(uuid.uuid4())}, "id"),
    ],
)
def test_a_bad_field_of_an_agent_is_named(organization, admin, body, field):
    agent = make_agent(organization, name="Kept")
    answers = [admin.post(AGENTS, body)]
    if body:
        answers.append(admin.patch(f"{AGENTS}/{agent.pk}", body))
    for answer in answers:
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert Agent.objects.get().name == "Kept"


# --- Phone numbers -------------------------------------------------------------------------


def test_a_number_is_added_read_changed_and_removed(organization, admin):
    agent = make_agent(organization, name="Refunds")
    made = admin.post(NUMBERS, {"number": "+49 (30) 9018-2000", "agent_id": str(agent.pk)})
    assert made.status_code == HTTPStatus.CREATED
    body = made.json()
    shown = {"id": str(agent.pk), "name": "Refunds"}
    assert body == {
        "id": body["id"],
        "number": "+493090182000",
        "agent_id": str(agent.pk),
        "agent": shown,
    }
    path = f"{NUMBERS}/{body['id']}"
    assert admin.get(path).json() == body

    without = admin.patch(path, {"agent_id": None})
    assert without.json() == {**body, "agent_id": None, "agent": None} == admin.get(path).json()
    assert admin.patch(path, {"number": "+1 555 010 0199"}).json()["number"] == "+15550100199"

    assert admin.delete(path).status_code == HTTPStatus.NO_CONTENT
    for late in (admin.get(path), admin.patch(path, {"agent_id": None}), admin.delete(path)):
        assert late.status_code == HTTPStatus.NOT_FOUND


def test_a_number_in_use_is_refused_the_same_whosever_it_is(organization, admin):
    ours, theirs = make_phone_number(organization), make_phone_number(make_organization())
    third = make_phone_number(organization)
    answers = []
    for taken in (ours, theirs):
        answers.append(admin.post(NUMBERS, {"number": taken.number}))
        answers.append(admin.patch(f"{NUMBERS}/{third.pk}", {"number": taken.number}))
    assert {each.status_code for each in answers} == {HTTPStatus.CONFLICT}
    assert {each.content for each in answers} == {b'{"detail":"This number is in use already."}'}


@pytest.mark.parametrize(
    "number",
    [
        *("", "5550100", "+1", "+", "+1555", "+15550100199 ext 5", "+1800FLOWERS", "a" * 65),
        *("tel:+15550100199", "+999123456789", "+1" * 20, "+155501001991234567", None, 15, ["+1"]),
    ],
)
def test_what_is_no_phone_number_is_refused(admin, number):
    answer = admin.post(NUMBERS, {"number": number})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert [each["field"] for each in answer.json()["errors"]] == ["number"]


def test_another_organizations_agent_answers_no_number_of_ours(admin):
    foreign = make_agent(make_organization())
    for agent_id in (str(foreign.pk), str(uuid.uuid4())):
        answer = admin.post(NUMBERS, {"number": "+15550100199", "agent_id": agent_id})
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["errors"] == [
            {"field": "agent_id", "message": "There is no such agent."}
        ]


@given(st.text(st.characters(codec="utf-8"), max_size=70))
def test_any_text_is_a_number_or_none(text):
    for written in (text, f"+{text}"):
        number = e164_of(written)
        assert number is None or (number[0] == "+" and number[1:].isascii())
        assert number is None or (number[1:].isdigit() and len(number) <= 16)


# --- Both ----------------------------------------------------------------------------------


def test_whoever_reads_does_not_change(organization, viewer):
    agent, number = make_agent(organization), make_phone_number(organization)
    for path in (f"{AGENTS}/{agent.pk}", f"{NUMBERS}/{number.pk}"):
        assert viewer.get(path).status_code == HTTPStatus.OK
        for answer in (viewer.patch(path, {}), viewer.delete(path)):
            assert answer.status_code == HTTPStatus.FORBIDDEN
    for path in (AGENTS, NUMBERS):
        assert viewer.get(path).status_code == HTTPStatus.OK
        assert viewer.post(path, {}).status_code == HTTPStatus.FORBIDDEN


def test_a_stranger_is_told_it_does_not_exist_and_nobody_is_asked(organization):
    stranger = Program(make_organization())
    agent, number = make_agent(organization), make_phone_number(organization)
    for path in (f"{AGENTS}/{agent.pk}", f"{NUMBERS}/{number.pk}"):
        for answer in (stranger.get(path), stranger.patch(path, {}), stranger.delete(path)):
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
        assert Client().get(path).status_code == HTTPStatus.UNAUTHORIZED
    assert stranger.get(AGENTS).json() == stranger.get(NUMBERS).json() == []


def test_lists_cost_the_same_with_many_rows(organization, admin, django_assert_num_queries):
    for _ in range(5):
        agent = make_agent(organization)
        PhoneNumber.objects.filter(pk=make_phone_number(organization).pk).update(agent=agent)
    for path in (AGENTS, NUMBERS):
        admin.get(path)
        with django_assert_num_queries(2):
            assert len(admin.get(path).json()) == 5
