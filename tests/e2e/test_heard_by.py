"""An admin sees who hears a call as it happens, and puts one of them out."""

from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from tests.callers import until
from tests.e2e.conftest import open_call, sign_in
from tests.ears import listen, session
from tests.organizations.factories import make_member


def test_an_admin_sees_an_ear_come_and_puts_it_out_while_listening_on(
    page: Page, context, site, live_call, stage, organization
):
    sign_in(context, make_member(organization, Role.ADMIN).user, site)
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    panel.get_by_role("button", name="Listen").click()
    heard_by = page.locator("#heard-by")
    expect(heard_by.get_by_text("hears the call")).to_be_visible()

    ear = stage.run(listen(organization, live_call.room))
    theirs = heard_by.get_by_role("listitem").filter(has_text="API key A key")
    expect(theirs.get_by_text("In the room since")).to_be_visible()
    theirs.get_by_role("button", name="Revoke the listening of API key A key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Revoke").click()
    stage.run(until(ear.closed.done, within_s=5))

    expect(theirs.get_by_text("Revoked by")).to_be_visible()
    expect(theirs.get_by_role("button")).to_have_count(0)
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    expect(panel.get_by_role("button", name="Mute")).to_be_visible()
    assert session().ended_how == "revoked"


def test_a_question_that_is_being_read_is_not_taken_away(
    page: Page, context, site, live_call, stage, organization
):
    sign_in(context, make_member(organization, Role.ADMIN).user, site)
    open_call(page, site, live_call.conversation)
    first = stage.run(listen(organization, live_call.room))
    heard_by = page.locator("#heard-by")
    theirs = heard_by.get_by_role("listitem").filter(has_text="API key A key")
    theirs.get_by_role("button").click()
    second = stage.run(listen(organization, live_call.room))
    page.wait_for_timeout(1500)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(theirs).to_have_count(2)
    for ear in (first, second):
        stage.run(ear.leave())
