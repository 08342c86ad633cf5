"""A customer's page in the browser, at an origin that is listed or is not."""

import pytest
from playwright.sync_api import Page, expect

from listen_sdk.models import EmbedOrigin
from tests.e2e.customers import customer_at


@pytest.fixture
def hear(page: Page, site, live_call, organization):
    """Return a function: a customer's page hears a call. Its origin and "", or why it could not."""

    def on_a_page(*, listed: str = "", headers: dict[str, str] | None = None) -> tuple[str, str]:
        with customer_at(site.url, organization) as customer:
            if listed:
                EmbedOrigin.objects.create(
                    organization=organization, origin=listed.format(origin=customer.origin)
                )
            page.goto(customer.page(path="/calls/1", headers=headers))
            code = page.evaluate(
                """async (grant) => {
                  window.session = AnyReach.listen(grant);
                  try { await session.connect(); return ""; }
                  catch (error) { window.sentence = error.message; return error.code; }
                }""",
                customer.mint(str(live_call.conversation.pk)),
            )
            return customer.origin, code

    return on_a_page


def test_while_none_is_listed_any_page_hears(hear, live_call):
    origin, code = hear()
    assert code == ""
    session = live_call.conversation.listen_sessions.get()
    assert (session.source, session.origin) == ("embed", origin)


def test_a_listed_page_hears(hear):
    assert hear(listed="{origin}")[1] == ""


@pytest.mark.parametrize("policy", ["", "no-referrer"])
def test_another_page_is_told_where_to_list_it(hear, page, complaints, policy):
    headers = {"Referrer-Policy": policy} if policy else {}
    origin, code = hear(listed="https://portal.example", headers=headers)
    assert code == "embed_refused"
    sentence = page.evaluate("sentence")
    assert origin in sentence
    assert "page Embedding" in sentence
    expect(page.locator("iframe")).to_have_count(0)
    complaints.clear()  # it says so in the console too


def test_a_page_that_isolates_itself_hears(hear, page):
    headers = {
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    assert hear(headers=headers)[1] == ""
    assert page.evaluate("crossOriginIsolated")
