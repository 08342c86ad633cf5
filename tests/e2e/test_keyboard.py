"""From sign-in to hearing a live call, without a mouse."""

from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from tests.organizations.factories import make_member, make_user

PASSWORD = "correct horse battery staple"
AT_MOST = 60


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called `name` has the focus."""
    for _ in range(AT_MOST):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
              let element = document.activeElement;
              while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
              const label = element?.labels?.[0]?.textContent ?? element?.textContent ?? "";
              return element?.getAttribute("aria-label") ?? label.trim();
            }"""
        )
        if name in focused:
            return
    raise AssertionError(f"{name} cannot be reached with Tab.")


def test_a_supervisor_signs_in_opens_a_live_call_reads_and_hears_it(
    page, context, site, live_call, organization
):
    user = make_user("sam@example.com", password=PASSWORD)
    make_member(organization, Role.SUPERVISOR, user=user)
    live_call.say("S1", "Good morning.")

    page.goto(f"{site.url}/acme/conversations")
    tab_to(page, "Email")
    page.keyboard.type("sam@example.com")
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Conversations")).to_be_visible()

    page.locator("tbody a").first.wait_for()
    with context.expect_page() as opened:
        for _ in range(AT_MOST):
            page.keyboard.press("Tab")
            if page.evaluate("() => Boolean(document.activeElement.closest('tbody a'))"):
                break
        page.keyboard.press("Enter")
    call = opened.value
    panel = call.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    expect(call.get_by_text("Good morning.").first).to_be_visible()
    tab_to(call, "Listen")
    call.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="Mute")).to_be_visible()
    tab_to(call, "Stop")
    call.keyboard.press("Enter")
    expect(panel).to_have_count(0)
