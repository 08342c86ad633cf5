"""The page of agents and phone numbers."""

from http import HTTPStatus

import pytest

from anyreach.organizations.scopes import Role
from conversations.models import Agent, PhoneNumber
from tests.conversations.factories import make_agent, make_conversation, make_phone_number
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.django_db

PAGE = "/acme/agents"


@pytest.fixture
def organization():
    return make_organization("acme", "Acme Dental")


def test_an_agent_is_added_changed_and_deleted(as_member, organization):
    admin = as_member()
    kept = {"name": "Refunds", "dispatch_name": "refunds-1", "starting_message": "Hello."}
    added = admin.post(f"{PAGE}/add", kept, follow=True)
    assert "The agent “Refunds” is added." in added.text
    agent = Agent.objects.get(organization=organization, **kept)
    conversation = make_conversation(organization, agent=agent)

    admin.post(f"{PAGE}/{agent.pk}/change", {**kept, "name": "Returns"})
    agent.refresh_from_db()
    assert (agent.name, agent.dispatch_name) == ("Returns", "refunds-1")

    deleted = admin.post(f"{PAGE}/{agent.pk}/delete", follow=True)
    assert "The agent “Returns” is deleted." in deleted.text
    conversation.refresh_from_db()
    assert conversation.agent is None
    assert admin.post(f"{PAGE}/{agent.pk}/delete").status_code == HTTPStatus.NOT_FOUND


def test_a_number_is_added_changed_and_removed(as_member, organization):
    admin, agent = as_member(), make_agent(organization)
    added = admin.post(
        "/acme/phone-numbers/add", {"number": "+49 30 90182000", "agent": agent.pk}, follow=True
    )
    assert "+493090182000 is added." in added.text
    number = PhoneNumber.objects.get(number="+493090182000", agent=agent)

    admin.post(f"/acme/phone-numbers/{number.pk}/change", {"number": "+1 555 010 0199"})
    number.refresh_from_db()
    assert (number.number, number.agent) == ("+15550100199", None)

    admin.post(f"/acme/phone-numbers/{number.pk}/remove")
    assert not PhoneNumber.objects.exists()


def test_what_cannot_be_added_is_shown_again_with_the_reason(as_member, organization):
    admin, theirs = as_member(), make_phone_number(make_organization())
    make_agent(organization, name="Refunds")
    foreign = make_agent(make_organization())
    for path, body, reason in (
        (f"{PAGE}/add", {"name": "Refunds", "starting_message": "Typed."}, "of this name already"),
        (f"{PAGE}/add", {"name": "", "starting_message": "Typed."}, "This field is required."),
        ("/acme/phone-numbers/add", {"number": "555 Typed."}, "with its country code"),
        ("/acme/phone-numbers/add", {"number": theirs.number}, "This number is in use already."),
        ("/acme/phone-numbers/add", {"number": "+15550100199", "agent": foreign.pk}, "valid"),
    ):
        answer = admin.post(path, body)
        assert reason in answer.text
        assert "form-errors" in answer.text
        assert ("Typed." in answer.text) == ("Typed." in str(body))
    assert organization.agents.count() == 1
    assert not organization.phone_numbers.exists()


def test_what_cannot_be_changed_is_said_and_stays(as_member, organization):
    admin = as_member()
    make_agent(organization, name="Refunds")
    agent = make_agent(organization, name="Kept")
    number, taken = make_phone_number(organization), make_phone_number(organization)
    for path, body, reason in (
        (f"{PAGE}/{agent.pk}/change", {"name": "Refunds"}, "of this name already"),
        (f"{PAGE}/{agent.pk}/change", {"name": ""}, "Name: This field is required."),
        (f"/acme/phone-numbers/{number.pk}/change", {"number": taken.number}, "in use already"),
        (f"/acme/phone-numbers/{number.pk}/change", {"number": "1"}, "Number: This must be"),
    ):
        assert reason in admin.post(path, body, follow=True).text
    agent.refresh_from_db()
    assert agent.name == "Kept"
    assert PhoneNumber.objects.filter(pk=number.pk, number=number.number).exists()


def test_who_only_reads_sees_no_controls_and_changes_nothing(as_member, organization):
    agent, number = make_agent(organization), make_phone_number(organization)
    viewer = as_member(Role.VIEWER)
    page = viewer.get(PAGE).text
    assert agent.name in page
    assert number.number in page
    for control in ("Add agent", "Add number", "Delete", "Change", "Remove"):
        assert control not in page
    for path in (
        f"{PAGE}/add",
        f"{PAGE}/{agent.pk}/change",
        f"{PAGE}/{agent.pk}/delete",
        "/acme/phone-numbers/add",
        f"/acme/phone-numbers/{number.pk}/change",
        f"/acme/phone-numbers/{number.pk}/remove",
    ):
        assert viewer.post(path, {"name": "x"}).status_code == HTTPStatus.FORBIDDEN
    assert Agent.objects.filter(pk=agent.pk, name=agent.name).exists()


def test_the_menu_leads_there(as_member):
    for role in Role:
        assert f'href="{PAGE}"' in as_member(role).get("/acme/conversations").text


def test_what_people_typed_is_text_on_the_page(as_member, organization):
    make_agent(organization, name="<script>alert(1)</script>")
    assert "<script>alert" not in as_member().get(PAGE).text


def test_it_costs_the_same_with_many_rows(as_member, organization, django_assert_num_queries):
    admin = as_member()
    admin.get(PAGE)
    for _ in range(5):
        number = make_phone_number(organization)
        PhoneNumber.objects.filter(pk=number.pk).update(agent=make_agent(organization))
    with django_assert_num_queries(6):
        admin.get(PAGE)
