"""A supervisor opens a live call and hears it, and nobody notices."""

import re

import pytest
from asgiref.sync import sync_to_async
from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from conversations import listening
from conversations.models import ListenSession
from tests.callers import is_there, until
from tests.e2e.conftest import open_call, sign_in
from tests.organizations.factories import make_member


def energy(page: Page) -> float:
    return page.evaluate("energy()")


def test_a_supervisor_hears_a_call_reads_it_and_leaves(page, site, live_call, supervisor, stage):
    before = live_call.caller.seen.copy(), live_call.agent.seen.copy()
    live_call.say("S1", "Said before.")
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    expect(
        panel.get_by_text("Listening in. The agent and caller can't see you or hear you.")
    ).to_be_visible()
    expect(panel.get_by_text("Said before.", exact=True)).to_be_visible()
    live_call.say("S2", "I would", "I would like", final=False)
    expect(panel.get_by_text("I would like", exact=True)).to_be_visible()
    expect(panel.locator("li.interim")).to_have_count(1)
    live_call.say("S2", "I would like a refund.")
    expect(panel.locator("li.interim")).to_have_count(0)
    meters = panel.get_by_role("meter")
    expect(meters).to_have_count(2)
    expect(panel.get_by_role("meter", name="Agent's level")).not_to_have_attribute(
        "aria-valuenow", "0"
    )
    assert energy(page) == 0

    panel.get_by_role("button", name="Listen").click()
    page.wait_for_function("async () => await energy() > 0.001")

    panel.get_by_role("button", name="Mute").click()
    page.wait_for_timeout(1000)
    muted = energy(page)
    live_call.say("S3", "Are you there?")
    expect(panel.get_by_text("Are you there?", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    assert energy(page) == pytest.approx(muted, abs=1e-6)

    assert live_call.listeners() == [session.identity for session in ListenSession.objects.all()]
    quiet = ("participant", "permissions")
    for party, seen in zip((live_call.caller, live_call.agent), before, strict=True):
        assert [s for s in party.seen if s.startswith(quiet)] == [
            s for s in seen if s.startswith(quiet)
        ]
        assert party.room.num_participants <= 2
    panel.get_by_role("button", name="Stop").click()
    expect(panel).to_have_count(0)

    async def left() -> bool:
        gone = ListenSession.objects.filter(left_at__isnull=False, ended_how="stopped")
        return await sync_to_async(gone.exists)()

    stage.run(until(left))
    assert live_call.listeners() == []


def test_the_panel_says_that_the_call_is_over_when_the_caller_hangs_up(
    page, site, live_call, supervisor
):
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    live_call.hang_up()
    expect(panel.get_by_text("Ended", exact=True)).to_be_visible()
    expect(panel.get_by_text("The call has ended.")).to_be_visible()
    expect(page.locator("#heading").get_by_text("Completed")).to_be_visible()


def test_the_panel_says_that_the_agent_has_left(page, site, live_call, supervisor, stage):
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    stage.run(live_call.agent.leave())
    expect(panel.get_by_text("Ended", exact=True)).to_be_visible()
    expect(panel.get_by_text("The agent has left the call.")).to_be_visible()


def test_two_tabs_of_one_person_both_hear(page, context, site, live_call, supervisor):
    second = context.new_page()
    for tab in (page, second):
        open_call(tab, site, live_call.conversation)
        tab.locator("anyreach-snoop-panel").get_by_role("button", name="Listen").click()
    for tab in (page, second):
        tab.wait_for_function("async () => await energy() > 0.001")
        expect(tab.locator("anyreach-snoop-panel").get_by_text("LIVE", exact=True)).to_be_visible()
    assert len(live_call.listeners()) == 2


def test_closing_the_tab_leaves_the_room_at_once(page, context, site, live_call, supervisor, stage):
    tab = context.new_page()
    open_call(tab, site, live_call.conversation)
    expect(tab.locator("anyreach-snoop-panel").get_by_text("LIVE", exact=True)).to_be_visible()
    tab.goto("about:blank")

    async def nobody_listens() -> bool:
        return not await is_there(live_call.room, "listener-")

    stage.run(until(nobody_listens, within_s=3))


def test_whoever_signs_out_hears_and_shows_nothing_more_in_another_tab(
    page, context, site, live_call, supervisor, stage, complaints
):
    live_call.say("S1", "A secret.")
    open_call(page, site, live_call.conversation)
    page.locator("anyreach-snoop-panel").get_by_role("button", name="Listen").click()
    page.wait_for_function("async () => await energy() > 0.001")
    expect(page.get_by_text("A secret.").first).to_be_visible()
    second = context.new_page()
    second.goto(f"{site.url}/accounts/sign-out")
    second.locator("main").get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/sign-in"))
    assert "A secret." not in page.content()

    async def nobody_listens() -> bool:
        return not await is_there(live_call.room, "listener-")

    stage.run(until(nobody_listens, within_s=3))
    # Chromium's, that what the page follows is a page now.
    complaints[:] = [each for each in complaints if "text/event-stream" not in each]


# Hides the page and shows it again, as going back does, while its token is being asked for.
COME_BACK_BEFORE_THE_TOKEN = """
const ask = window.fetch;
let isFirst = true;
window.fetch = async (url, options) => {
  if (isFirst && options?.method === "POST") {
    isFirst = false;
    for (const type of ["pagehide", "pageshow"]) {
      setTimeout(() => dispatchEvent(new PageTransitionEvent(type, {persisted: true})));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return ask(url, options);
};
"""


def test_who_leaves_and_returns_before_the_token_comes_listens_once(
    page, site, live_call, supervisor, stage
):
    page.add_init_script(COME_BACK_BEFORE_THE_TOKEN)
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    page.wait_for_timeout(2000)
    assert len(live_call.listeners()) == 1
    panel.get_by_role("button", name="Stop").click()

    async def nobody_listens() -> bool:
        return not await is_there(live_call.room, "listener-")

    stage.run(until(nobody_listens, within_s=3))


def test_a_viewer_sees_the_page_without_the_panel(page, context, site, live_call, organization):
    sign_in(context, make_member(organization, Role.VIEWER).user, site)
    live_call.say("S1", "A secret.")
    open_call(page, site, live_call.conversation)
    expect(page.get_by_text("What was said is shown to supervisors and admins")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.locator("anyreach-snoop-panel")).to_have_count(0)
    assert "A secret." not in page.content()
    assert live_call.listeners() == []


def test_a_revoked_listener_is_told_so(page, site, live_call, supervisor, stage):
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    session = ListenSession.objects.get()
    stage.run(sync_to_async(listening.end)(session, ListenSession.Ended.REVOKED))
    expect(panel.get_by_text("Ended", exact=True)).to_be_visible()
    expect(panel.get_by_text("An administrator has closed your listening session")).to_be_visible()
