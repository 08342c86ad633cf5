"""A customer's page in the browser, at an origin that is listed or is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest
from playwright.sync_api import Page, expect

from listen_sdk.models import EmbedOrigin
from tests.organizations.factories import bearer, make_api_key


@contextmanager
def customers_page(body: str, headers: dict[str, str]) -> Iterator[str]:
    """Serve `body` at another site than ours, which is "localhost". Yields its origin."""

    class CustomersServer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in {"Content-Type": "text/html", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), CustomersServer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hear(page: Page, site, live_call, organization):
    """Return a function: a customer's page hears a call. Its origin and "", or why it could not."""
    key = make_api_key(organization)[1]

    def on_a_page(*, listed: str = "", headers: dict[str, str] | None = None) -> tuple[str, str]:
        url = f"{site.url}/core/conversations/{live_call.conversation.pk}/listener-token"
        grant = httpx.post(url, headers=bearer(key)).json()
        body = (
            f'<link rel="icon" href="data:,"><script src="{site.url}/public/listen-sdk"></script>'
        )
        with customers_page(body, headers or {}) as origin:
            if listed:
                origins = EmbedOrigin.objects
                origins.create(organization=organization, origin=listed.format(origin=origin))
            page.goto(f"{origin}/calls/1")
            code = page.evaluate(
                """async (grant) => {
                  window.session = AnyReach.listen(grant);
                  try { await session.connect(); return ""; }
                  catch (error) { window.sentence = error.message; return error.code; }
                }""",
                grant,
            )
            return origin, code

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
