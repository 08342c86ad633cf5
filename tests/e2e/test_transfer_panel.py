"""Putting a human on the line from a conversation's page, and seeing each step as it happens."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from agent_assist.transfer import moving
from agent_assist.transfer.models import Status, Transfer
from anyreach.live.announcing import announce
from anyreach.organizations.scopes import Role
from tests.conversations.factories import make_conversation, make_trunk
from tests.e2e.conftest import open_call, sign_in
from tests.e2e.test_detail_page import PHONE, open_followed
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_member
from tests.transfer.factories import make_transfer

NUMBER = "+4930555010"
# Chromium itself reports each refusal of the API.
REFUSED = "the server responded with a status of"


@pytest.fixture
def site(web):
    """Without a worker, which would take up what these tests begin and move on themselves."""
    return web


@pytest.fixture
def trunk(organization):
    allowed = [NUMBER, "+4930555011", "+43*", "sip.example.com"]
    return make_trunk(organization, transfer_destinations=allowed)


@pytest.fixture
def admin(context, site, organization):
    sign_in(context, make_member(organization, Role.ADMIN).user, site)


@pytest.fixture
def conversation(organization):
    return make_conversation(organization, room_name=None)


@pytest.fixture
def refused(page, complaints):
    """The API may refuse what is asked of it."""
    yield
    complaints[:] = [each for each in complaints if REFUSED not in each]


def begin(conversation, **fields) -> Transfer:
    """Begin a transfer as the API does, without a worker."""
    transfer = make_transfer(conversation, **fields)
    announce(conversation.organization_id, conversation.pk, "transfer")
    return transfer


def move(transfer: Transfer, status: Status, reason: str = "") -> None:
    assert moving.move(transfer, status, at=timezone.now(), reason=reason)


def current(page: Page):
    return page.locator("#transfer-latest [aria-current]")


def opener(page: Page):
    return page.get_by_role("button", name="Transfer…")


def open_form(page: Page):
    opener(page).press("Enter")
    dialog = page.get_by_role("dialog", name="Put a human on the line")
    expect(dialog).to_be_visible()
    return dialog


HEARD = """
window.heard = [];
addEventListener("DOMContentLoaded", () => {
  const said = document.querySelector("#transfer-said");
  new MutationObserver(() => window.heard.push(said.textContent))
    .observe(said, {childList: true, characterData: true, subtree: true});
});
"""


@pytest.mark.usefixtures("admin", "trunk")
def test_each_step_is_shown_and_told_as_it_happens(page, context, site, conversation):
    context.add_init_script(HEARD)
    open_followed(page, site, conversation)
    expect(page.get_by_text("Nobody has been put on the line.")).to_be_visible()
    transfer = begin(conversation)
    expect(current(page)).to_contain_text("Requested")
    expect(opener(page)).to_have_count(0)
    with page.expect_response(lambda response: response.url.endswith("/transfer")):
        announce(conversation.organization_id, conversation.pk, "transfer")  # nothing new
    times = page.locator("#transfer-latest li time")
    statuses = (Status.HOLDING, Status.DIALLING, Status.RINGING, Status.BRIEFING, Status.BRIDGED)
    for count, status in enumerate(statuses, 2):
        cancel = page.get_by_role("button", name="Cancel the transfer")
        expect(cancel).to_be_visible()
        cancel.evaluate("button => { button.isTheSame = true; }")
        move(transfer, status)
        expect(current(page)).to_contain_text(status.capitalize())
        expect(times).to_have_count(count)
        if status != Status.BRIDGED:
            assert cancel.evaluate("button => button.isTheSame")
    expect(page.locator(".turns")).to_contain_text("A human took the call")
    expect(cancel).to_have_count(0)
    expect(opener(page)).to_have_count(0)
    assert page.evaluate("heard") == [
        "Requested. It is about to begin.",
        "Holding. The caller is on hold.",
        "Dialling. The human is being called.",
        "Ringing. The human's telephone rings.",
        "Briefing. The human hears what the call is about.",
        "Bridged. The human has taken the call.",
    ]
    expect(page.locator("#transfer-said")).to_have_attribute("aria-live", "polite")


@pytest.mark.usefixtures("admin", "trunk")
def test_one_that_no_worker_takes_up_fails_before_the_readers_eyes(page, site, conversation):
    page.clock.install()
    begin(conversation)
    open_followed(page, site, conversation)
    page.wait_for_timeout(1500)  # A page that has just been opened asks for the panel anyway.
    expect(current(page)).to_contain_text("Requested")
    Transfer.objects.update(requested_at=timezone.now() - timedelta(seconds=11))
    page.clock.run_for(10_000)
    latest = page.locator("#transfer-latest")
    why = latest.get_by_text("No worker took the transfer up in time.")
    expect(why).to_be_visible()
    expect(opener(page)).to_be_visible()


@pytest.mark.usefixtures("admin", "trunk")
def test_one_that_failed_gives_its_reason_and_stays_to_be_read_beside_the_next(
    page, site, conversation
):
    open_followed(page, site, conversation)
    transfer = begin(conversation)
    move(transfer, Status.DIALLING)
    move(transfer, Status.BUSY, "The line was busy.")
    latest, earlier = page.locator("#transfer-latest"), page.locator("#transfer-earlier")
    expect(latest.get_by_text("The line was busy.")).to_be_visible()
    expect(latest.get_by_role("listitem")).to_have_count(3)
    expect(opener(page)).to_be_visible()
    begin(conversation)
    expect(current(page)).to_contain_text("Requested")
    expect(latest.get_by_text("The line was busy.")).to_have_count(0)
    earlier.locator("summary").press("Enter")
    expect(earlier.get_by_text("The line was busy.")).to_be_visible()
    expect(earlier.get_by_role("listitem")).to_have_count(3)


@pytest.mark.usefixtures("admin", "trunk")
def test_it_is_cancelled_by_one_press(page, site, conversation):
    open_followed(page, site, conversation)
    transfer = begin(conversation)
    page.get_by_role("button", name="Cancel the transfer").press("Enter")
    expect(page.locator("#transfer-latest")).to_contain_text("The transfer was cancelled.")
    transfer.refresh_from_db()
    assert transfer.status == Status.CANCELLED
    expect(page.get_by_role("heading", name="Transfer")).to_be_focused()
    expect(opener(page)).to_be_visible()


@pytest.mark.usefixtures("admin", "trunk")
def test_a_cancelling_that_does_not_arrive_is_said(page, site, conversation, complaints):
    open_followed(page, site, conversation)
    begin(conversation)
    page.route("**/warm-transfer/*", lambda route: route.abort())
    page.get_by_role("button", name="Cancel the transfer").click()
    expect(page.get_by_role("alert")).to_have_text("AnyReach does not answer. Please try again.")
    expect(current(page)).to_contain_text("Requested")
    complaints.clear()  # Chromium reports what was aborted


@pytest.mark.usefixtures("worker", "admin", "trunk")
def test_a_human_is_called_from_the_page_and_why_they_could_not_be_is_seen(page, site, live_call):
    """The test's LiveKit has no SIP service."""
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    dialog = open_form(page)
    dialog.get_by_label("Number").fill("+49 30 555010")
    dialog.get_by_label("Instructions").fill("She wants her money back.")
    dialog.get_by_label("The caller hears on hold").select_option("Silence")
    dialog.get_by_label("The human takes the call").select_option("By answering")
    dialog.get_by_text("More", exact=True).press("Enter")
    expect(dialog.get_by_label("Seconds to answer")).to_have_value("30")
    dialog.get_by_label("Seconds to answer").fill("45")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    latest = page.locator("#transfer-latest")
    expect(latest.get_by_text("SIP service does not answer")).to_be_visible()
    expect(current(page)).to_contain_text("Failed")
    transfer = live_call.conversation.transfers.get()
    asked = (transfer.transfer_number, transfer.supervisor_instructions, transfer.hold_music)
    assert asked == (NUMBER, "She wants her money back.", "none")
    timeouts = (transfer.ring_timeout_seconds, transfer.accept_timeout_seconds)
    assert (transfer.accept, *timeouts) == ("answer", 45, 30)
    # Who asks for a human may be listening too, and goes on.
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    expect(opener(page)).to_be_visible()


@pytest.mark.usefixtures("admin", "trunk", "refused")
def test_what_is_wrong_is_said_where_it_is(page, site, conversation):
    open_followed(page, site, conversation)
    dialog = open_form(page)
    number, seconds = dialog.get_by_label("Number"), dialog.get_by_label("Seconds to answer")
    send = dialog.get_by_role("button", name="Transfer", exact=True)
    send.click()
    expect(number).to_be_focused()
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_text("This field is required.")).to_be_visible()

    number.fill("+19005550100")
    dialog.get_by_text("More", exact=True).click()
    seconds.fill("3")
    dialog.get_by_text("More", exact=True).click()
    send.click()
    expect(seconds).to_be_visible()
    expect(seconds).to_have_attribute("aria-invalid", "true")
    expect(number).not_to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_text("greater than or equal to 5")).to_be_visible()
    expect(dialog.get_by_text("This field is required.")).to_have_count(0)

    seconds.fill("20")
    send.click()
    refusal = dialog.get_by_text("This organization allows no transfers to it.")
    expect(refusal).to_be_visible()
    described = number.get_attribute("aria-describedby").split()
    assert described[0] == refusal.get_attribute("id")
    assert len(described) == 2

    number.fill(NUMBER)
    send.click()
    expect(dialog.get_by_role("alert")).to_have_text("This conversation has no LiveKit room.")
    expect(number).not_to_have_attribute("aria-invalid", "true")
    assert not Transfer.objects.exists()


@pytest.mark.usefixtures("admin", "trunk", "refused")
def test_what_is_being_filled_in_is_not_taken_away(page, site, conversation):
    open_followed(page, site, conversation)
    dialog = open_form(page)
    dialog.get_by_label("Number").fill(NUMBER)
    begin(conversation, hold_music="none")
    expect(current(page)).to_contain_text("Requested")
    expect(dialog.get_by_label("Number")).to_have_value(NUMBER)
    dialog.get_by_role("button", name="Transfer", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text(
        "Another transfer of this conversation is under way."
    )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener(page)).to_have_count(0)


def test_a_viewer_sees_the_steps_and_nothing_else(page, context, site, conversation, organization):
    sign_in(context, make_member(organization, Role.VIEWER).user, site)
    make_trunk(organization, transfer_destinations=[NUMBER])
    open_followed_by_viewer(page, site, conversation)
    transfer = begin(conversation, supervisor_instructions="She wants her money back.")
    expect(current(page)).to_contain_text("Requested")
    move(transfer, Status.HOLDING)
    expect(current(page)).to_contain_text("Holding")
    expect(opener(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel the transfer")).to_have_count(0)
    for secret in (NUMBER, "money"):
        assert secret not in page.content()


def open_followed_by_viewer(page: Page, site, conversation) -> None:
    with page.expect_response(lambda response: response.url.endswith("/transfer")):
        open_call(page, site, conversation)


def test_without_scripts_the_steps_are_there_and_no_button_that_does_nothing(
    browser, site, organization, conversation, trunk
):
    make_transfer(conversation)
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    sign_in(context, make_member(organization, Role.ADMIN).user, site)
    page = context.new_page()
    open_call(page, site, conversation)
    expect(current(page)).to_contain_text("Requested")
    expect(page.get_by_role("button", name="Cancel the transfer")).to_have_count(0)
    context.close()


@pytest.mark.usefixtures("admin", "trunk", "refused")
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_can_be_read_and_used_by_all(page, site, conversation, width, scheme):
    before = timezone.now() - timedelta(hours=1)
    for status, reason in ((Status.BUSY, "The line was busy."), (Status.DECLINED, "Declined.")):
        make_transfer(conversation, status=status, reason=reason, requested_at=before)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    open_followed(page, site, conversation)
    for tab in page.get_by_role("tab", name="Details").all():
        tab.click()
    page.locator("#transfer-earlier summary").click()
    assert_fits(page)
    assert violations(page) == []

    dialog = open_form(page)
    dialog.get_by_text("More", exact=True).click()
    dialog.get_by_label("Seconds to answer").fill("3")
    dialog.get_by_role("button", name="Transfer", exact=True).click()
    expect(dialog.get_by_text("This field is required.")).to_be_visible()
    assert_fits(page)
    assert violations(page) == []
    page.keyboard.press("Escape")

    transfer = begin(conversation, transfer_number=f"sip:{'desk' * 9}@sip.example.com")
    move(transfer, Status.RINGING)
    expect(current(page)).to_contain_text("Ringing")
    expect(page.get_by_role("button", name="Cancel the transfer")).to_be_visible()
    assert_fits(page)
    assert violations(page) == []
