"""Who reads a live call's page is not disturbed by what comes."""

from playwright.sync_api import expect

from tests.e2e.conftest import open_call


def test_what_one_reads_stays_selected_while_the_call_goes_on(page, site, live_call, supervisor):
    live_call.say("S1", "My order has not arrived.")
    open_call(page, site, live_call.conversation)
    turns = page.locator("#transcript .turn")
    expect(turns).to_have_count(1)
    turns.first.locator(".turn-text").evaluate("said => getSelection().selectAllChildren(said)")
    live_call.say("S2", "I would like a refund.")
    expect(turns).to_have_count(2)
    assert page.evaluate("getSelection().toString()") == "My order has not arrived."


def test_the_focus_stays_on_the_page_when_the_panel_is_closed(page, site, live_call, supervisor):
    open_call(page, site, live_call.conversation)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#content")).to_be_focused()
