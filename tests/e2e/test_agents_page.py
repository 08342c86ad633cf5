"""The page Agents in a browser: changed in a dialog, deleted after one question."""

import pytest
from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from conversations.models import PhoneNumber
from tests.conversations.factories import make_agent
from tests.e2e.conftest import sign_in
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_member


@pytest.fixture
def admin(context, site, organization):
    sign_in(context, make_member(organization, Role.ADMIN).user, site)


@pytest.fixture
def agent(organization):
    agent = make_agent(organization, name="Front desk", starting_message="Good morning. " * 20)
    PhoneNumber.objects.create(organization=organization, number="+493090182000", agent=agent)
    return agent


def test_an_agent_is_changed_in_place_and_deleted_after_one_question(admin, page, site, agent):
    page.goto(f"{site.url}/acme/agents")
    page.get_by_role("button", name="Change Front desk").press("Enter")
    dialog = page.get_by_role("dialog", name="Front desk")
    expect(dialog.get_by_label("Starting message")).to_have_value(agent.starting_message)
    dialog.get_by_label("Name", exact=True).fill("Reception")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The agent “Reception” is saved.")).to_be_visible()

    page.get_by_role("button", name="Delete Reception").press("Enter")
    question = page.get_by_role("dialog", name="Delete the agent “Reception”?")
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    page.get_by_role("button", name="Delete Reception").click()
    question.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No agents yet.")).to_be_visible()
    expect(page.get_by_role("row", name="+493090182000")).to_contain_text("-")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_can_be_read_and_used_by_all(admin, page: Page, site, agent, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site.url}/acme/agents")
    assert violations(page) == []
    assert_fits(page)
    page.get_by_label("Number").last.fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This must be a phone number with its country code")).to_be_visible()
    assert violations(page) == []
    assert_fits(page)
