"""The inbox in a browser: it changes under one's eyes, and never moves what one reads."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import Conversation, Status, StatusChange
from tests.conversations.factories import make_agent, make_conversation
from tests.e2e.conftest import sign_in
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_member

SOURCE = StatusChange.Source.API


@pytest.fixture
def inbox(site, supervisor) -> str:
    return f"{site.url}/acme/conversations"


def open_inbox(page: Page, address: str) -> None:
    """Open it, and wait until it is told of changes."""
    with page.expect_response(lambda response: "/conversations/rows" in response.url):
        page.goto(address)


def make_call(organization, **fields) -> Conversation:
    """Make a conversation without a room, on which nothing but the test reports."""
    return make_conversation(organization, room_name=None, **fields)


def begin(organization, **fields) -> Conversation:
    conversation = make_call(organization, **{"created_at": timezone.now(), **fields})
    lifecycle.begun(conversation, source=SOURCE)
    return conversation


def row(page: Page, conversation: Conversation):
    return page.locator(f"tr[data-id='{conversation.pk}']")


def names(page: Page) -> list[str]:
    return page.locator("tbody td[data-label='Caller Name']").all_inner_texts()


def test_a_row_changes_where_it_is(page, inbox, organization):
    calls = [
        make_call(organization, status=Status.RINGING, caller_name=f"Caller {number}")
        for number in range(5)
    ]
    open_inbox(page, inbox)
    before = names(page)
    expect(row(page, calls[2])).to_contain_text("Ringing")
    row(page, calls[2]).get_by_role("link").focus()

    now = timezone.now()
    lifecycle.report(calls[2], Evidence(Status.IN_PROGRESS, now - timedelta(seconds=61), SOURCE))
    expect(row(page, calls[2])).to_contain_text("In progress")
    duration = row(page, calls[2]).locator("[data-label=Duration]")
    expect(duration).to_have_text("1:03")
    expect(duration).to_have_text("1:04")
    expect(row(page, calls[2]).get_by_role("link")).to_be_focused()

    lifecycle.report(calls[2], Evidence(Status.COMPLETED, now, SOURCE, "The caller hung up."))
    expect(row(page, calls[2])).to_contain_text("Completed")
    expect(duration).to_have_text("1:01")
    assert names(page) == before


def test_new_ones_are_announced_and_come_when_asked_for(page, inbox, organization):
    make_call(organization, caller_name="Old")
    open_inbox(page, inbox)
    for number in range(3):
        begin(organization, caller_name=f"New {number}")
    new = page.get_by_role("status").get_by_role("button", name="3 new")
    expect(new).to_be_visible()
    assert names(page) == ["Old"]
    new.click()
    expect(page.locator("tbody tr")).to_have_count(4)
    assert names(page) == ["New 2", "New 1", "New 0", "Old"]
    expect(new).to_be_hidden()


def test_an_empty_inbox_shows_its_first_call_by_itself(page, inbox, organization):
    open_inbox(page, inbox)
    expect(page.get_by_text("No conversations yet.")).to_be_visible()
    call = begin(organization)
    expect(row(page, call)).to_be_visible()


def test_a_visitor_who_is_awaited_is_no_news_until_there(page, inbox, organization):
    make_call(organization)
    open_inbox(page, inbox)
    waiting = begin(organization, status=Status.TOKEN_CREATED)
    other = begin(organization)
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    lifecycle.report(other, Evidence(Status.FAILED, timezone.now(), SOURCE, "No agent came."))
    lifecycle.report(waiting, Evidence(Status.TRIGGERED, timezone.now(), SOURCE))
    expect(page.get_by_role("button", name="2 new")).to_be_visible()


def test_only_what_fits_the_filter_is_news(page, inbox, organization):
    make_call(organization, user_id="+49301")
    open_inbox(page, f"{inbox}?user_id=%2B49")
    begin(organization, user_id="+33101")
    begin(organization, user_id="+49302")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.get_by_role("button", name="1 new").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_older_ones_come_as_one_scrolls(page, inbox, organization):
    now = timezone.now()
    for number in range(130):
        make_call(
            organization,
            status=Status.COMPLETED,
            caller_name=f"Caller {number}",
            created_at=now - timedelta(minutes=number),
        )
    open_inbox(page, inbox)
    for count in (100, 130):
        page.mouse.wheel(0, 20_000)
        expect(page.locator("tbody tr")).to_have_count(count)
    assert names(page) == [f"Caller {number}" for number in range(130)]
    expect(page.get_by_role("link", name="Older")).to_be_hidden()


def test_what_was_missed_while_the_server_was_away_is_made_up_for(
    page, inbox, organization, site, complaints
):
    call = make_call(organization, status=Status.RINGING)
    open_inbox(page, inbox)
    site.kill()
    lifecycle.report(call, Evidence(Status.IN_PROGRESS, timezone.now(), SOURCE))
    begin(organization)
    site.start()
    expect(row(page, call)).to_contain_text("In progress")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    complaints.clear()  # of a server that was away


def test_a_row_opens_its_conversation_in_a_new_tab(page, context, inbox, organization):
    call = make_call(organization, status=Status.COMPLETED, summary="A refund.")
    open_inbox(page, inbox)
    with context.expect_page() as opened:
        row(page, call).get_by_text("A refund.").click()
    assert opened.value.url == f"{inbox}/{call.pk}"
    assert opened.value.evaluate("() => window.opener") is None


def test_keys_go_from_row_to_row_and_can_be_switched_off(page, inbox, organization):
    now = timezone.now()
    calls = [
        make_call(organization, created_at=now - timedelta(minutes=number)) for number in range(3)
    ]
    open_inbox(page, inbox)
    for call in (calls[0], calls[1], calls[2]):
        page.keyboard.press("j")
        expect(row(page, call).get_by_role("link")).to_be_focused()
    page.keyboard.press("k")
    expect(row(page, calls[1]).get_by_role("link")).to_be_focused()
    page.keyboard.press("f")
    expect(page.get_by_role("dialog", name="Filter conversations")).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("?")
    page.get_by_role("switch").press("Space")
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("f")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_filters_are_kept_in_the_address_and_remembered(page, inbox, organization):
    agent = make_agent(organization, name="Front desk")
    make_call(organization, agent=agent, status=Status.COMPLETED, caller_name="Both")
    make_call(organization, agent=agent, caller_name="Agent")
    make_call(organization, status=Status.COMPLETED, caller_name="Status")
    open_inbox(page, inbox)
    page.get_by_role("button", name="Filter").press("Enter")
    dialog = page.get_by_role("dialog", name="Filter conversations")
    dialog.get_by_label("Agent").select_option("Front desk")
    dialog.get_by_label("Status").select_option("Completed")
    dialog.get_by_role("button", name="Apply").press("Enter")
    address = f"{inbox}?agent_id={agent.pk}&status=completed"
    expect(page).to_have_url(address)
    assert names(page) == ["Both"]

    page.goto(inbox)
    expect(page).to_have_url(address)
    page.get_by_role("link", name="Status: Completed").click()
    expect(page).to_have_url(f"{inbox}?agent_id={agent.pk}")
    assert sorted(names(page)) == ["Agent", "Both"]

    page.get_by_role("button", name="Filter").click()
    dialog.get_by_role("link", name="Reset").click()
    expect(page).to_have_url(inbox)
    page.goto(inbox)
    assert len(names(page)) == 3


def test_moments_are_the_readers_own_in_the_dialog_and_utc_in_the_address(
    browser, site, organization
):
    zone = "America/New_York"
    context = browser.new_context(timezone_id=zone)
    sign_in(context, make_member(organization, Role.SUPERVISOR).user, site)
    page = context.new_page()
    noon = datetime(2026, 6, 18, 12, 0, tzinfo=ZoneInfo(zone))
    for minutes in (-1, 1):
        make_call(
            organization, caller_name=f"{minutes}", created_at=noon + timedelta(minutes=minutes)
        )
    page.goto(f"{site.url}/acme/conversations")
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Created After").fill("2026-06-18T12:00")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(f"{site.url}/acme/conversations?created_after=2026-06-18T16%3A00Z")
    assert names(page) == ["1"]
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_label("Created After")).to_have_value("2026-06-18T12:00")
    context.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_can_be_read_and_used_by_all(page, inbox, organization, width, scheme):
    make_call(organization, summary="A long summary. " * 20)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    open_inbox(page, f"{inbox}?user_id=guest&status=live")
    begin(organization)
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert violations(page) == []
    assert_fits(page)
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_label("Caller (Phone Number or User ID)")).to_be_visible()
    assert violations(page) == []
    assert_fits(page)
    page.goto(f"{inbox}?duration_above=many")
    expect(page.get_by_role("alert")).to_contain_text("Min Duration")
    assert violations(page) == []
