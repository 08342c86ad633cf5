"""The page Embedding: origins listed by hand, and the real SDK tried on a live call."""

import pytest
from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from tests.e2e.conftest import sign_in
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_member


@pytest.fixture
def admin(context, site, organization):
    sign_in(context, make_member(organization, Role.ADMIN).user, site)


def add_origin(page: Page, pasted: str) -> None:
    page.get_by_label("A page that may embed calls").fill(pasted)
    page.keyboard.press("Enter")


def test_an_admin_tries_the_sdk_whether_or_not_origins_are_listed(admin, page, site, live_call):
    page.goto(f"{site.url}/acme/embedding")
    expect(page.get_by_text("Any page may embed")).to_be_visible()
    state = page.locator("#state")
    for sentence in ("Good morning, front desk.", "And good evening."):
        page.get_by_role("button", name="Listen", exact=True).click()
        expect(state).to_have_text("connected")
        live_call.say(sentence, sentence)
        expect(page.get_by_role("list", name="What is said")).to_contain_text(sentence)
        assert len(live_call.listeners()) == 1
        page.get_by_role("button", name="End").click()
        expect(state).to_have_text("disconnected")
        expect(page.locator("iframe")).to_have_count(0)
        expect(page.locator("#errors")).to_be_empty()
        add_origin(page, "https://crm.example")
        expect(page.get_by_role("row", name="https://crm.example")).to_be_visible()


def test_a_listed_origin_is_removed_after_one_question(admin, page, site):
    page.goto(f"{site.url}/acme/embedding")
    add_origin(page, "http://CRM.example/path")
    expect(page.get_by_role("row").filter(has_text="http://crm.example")).to_contain_text(
        "not https"
    )
    page.get_by_role("button", name="Remove http://crm.example").click()
    question = page.get_by_role("dialog", name="Remove “http://crm.example”?")
    question.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Any page may embed")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_can_be_read_and_used_by_all(admin, page, site, live_call, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site.url}/acme/embedding")
    add_origin(page, "http://crm.example")
    page.get_by_role("button", name="Listen", exact=True).click()
    expect(page.locator("#state")).to_have_text("connected")
    live_call.say("SG_1", "Good morning.")
    expect(page.get_by_role("list", name="What is said")).to_contain_text("Good morning.")
    assert violations(page) == []
    assert_fits(page)
