"""What docs/listen-sdk.md shows, taken from there and pasted into a customer's page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Page, expect

from anyreach.stack.dying_with_parent import die_with_parent
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_api_key

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/embed"
DOCUMENTATION = (ROOT / "docs/listen-sdk.md").read_text()


def shown(beginning: str, end: str) -> str:
    """Return the one piece of the documentation from `beginning` to `end`."""
    (piece,) = re.findall(f"{re.escape(beginning)}.*?{re.escape(end)}", DOCUMENTATION, re.DOTALL)
    return piece


@pytest.fixture
def serve(site, organization) -> Iterator[Callable[[Path], str]]:
    """Return a function that runs the backend in a folder: an origin and site that is not ours."""
    servers = []

    def run(folder: Path) -> str:
        key = make_api_key(organization)[1]
        server = subprocess.Popen(
            [sys.executable, folder / "backend.py"],
            env=os.environ | {"ANYREACH_URL": site.url, "ANYREACH_API_KEY": key, "PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=die_with_parent,
        )
        servers.append(server)
        return server.stdout.readline().strip()

    yield run
    for server in servers:
        server.kill()
        server.communicate()


@pytest.fixture
def page(page):
    # Browsers ask for one by themselves; a page of ten lines has none.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    return page


@pytest.fixture
def customers_page(serve, tmp_path) -> Callable[[str], str]:
    """Return a function that serves a page by the example's backend. It returns the address."""

    def paste(html: str) -> str:
        shutil.copy(EXAMPLE / "backend.py", tmp_path)
        (tmp_path / "page.html").write_text(html)
        return serve(tmp_path)

    return paste


def frame_of(page: Page) -> Frame:
    return page.locator("iframe").element_handle().content_frame()


# What the page shows, told without asking: to be asked by Playwright is a gesture for the browser.
TELL_WHAT_IT_SHOWS = """
if (window === top) addEventListener("DOMContentLoaded", () => {
  for (const id of ["state", "notice", "listen"]) {
    const part = document.getElementById(id);
    new MutationObserver(() => console.info(part.textContent)).observe(part, {childList: true});
  }
});
"""


def test_the_whole_page_hears_a_call_to_its_end(page, customers_page, live_call, stage):
    address = customers_page(shown("<!DOCTYPE html>", "</html>"))
    told: list[str] = []
    page.on("console", lambda each: told.append(each.text) if each.type == "info" else None)
    page.add_init_script(TELL_WHAT_IT_SHOWS)
    with page.expect_console_message(lambda message: message.text.startswith("Press Listen")):
        page.goto(f"{address}?conversation={live_call.conversation.pk}")
    assert told == ["connected", "Press Listen to hear the call."]
    live_call.say("S1", "I would", "I would like", final=False)
    line = page.get_by_role("listitem")
    expect(line).to_have_text("user: I would like")
    expect(line).to_have_css("font-style", "italic")
    live_call.say("S1", "I would like <b>two</b>.")
    expect(line).to_have_text("user: I would like <b>two</b>.")
    expect(line).to_have_css("font-style", "normal")
    frame = frame_of(page)
    assert frame.evaluate("energy()") == 0

    page.get_by_role("button", name="Listen").click()
    frame.wait_for_function("async () => await energy() > 0.001")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Unmute")).to_be_visible()

    told.clear()
    stage.run(live_call.agent.leave())
    expect(page.get_by_role("button", name="Listen again")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(0)
    assert told == ["The agent has left the call.", "disconnected", "Listen again"]


def test_the_whole_page_says_that_it_may_not_hear(page, customers_page, complaints):
    page.goto(customers_page(shown("<!DOCTYPE html>", "</html>")) + "?conversation=unknown")
    expect(page.get_by_role("alert")).to_have_text("This call has ended, or you may not hear it.")
    expect(page.locator("#state")).to_have_text("disconnected")
    complaints.clear()  # the browser tells of the 404


def test_ten_lines_are_enough_to_hear(page, customers_page, live_call):
    ten_lines = shown('<button id="listen">Listen</button>\n<p id', "</script>\n```")
    page.goto(customers_page(ten_lines[:-3].replace("…", str(live_call.conversation.pk))))
    page.get_by_role("button", name="Listen").click()
    page.wait_for_function("session.getState() === 'connected'")
    frame_of(page).wait_for_function("async () => await energy() > 0.001")
    live_call.say("S1", "Good evening.")
    expect(page.locator("#line")).to_have_text("user: Good evening.")


def test_the_panel_as_it_is_shown(page, customers_page, live_call):
    live_call.say("S0", "Said before.")
    element = shown("<anyreach-listen></anyreach-listen>\n<script", "</script>")
    get_token = shown("const getToken = async", "\n")
    head = '<script src="https://anyreach.example.com/public/listen-sdk" async></script>'
    body = element.replace("  await", f"{get_token}  await")
    page.goto(customers_page(head + body.replace("…", str(live_call.conversation.pk))))
    panel = page.frame_locator("iframe")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    expect(panel.get_by_text("Said before.", exact=True)).to_be_visible()
    panel.get_by_role("button", name="Listen").click()
    frame_of(page).wait_for_function("async () => await energy() > 0.001")


def test_the_stub_is_the_built_one():
    stub = (ROOT / "static/build/sdk/stub.js").read_text()
    assert f"<script>\n{stub}</script>" in DOCUMENTATION


def test_the_stub_keeps_calls_on_a_page_with_a_strict_policy(page, customers_page, live_call):
    host = "https://anyreach.example.com"
    needed = shown(f"script-src {host}", "\n").strip()
    with_nonce = needed.replace("script-src", "script-src 'nonce-n'")
    policy = f"default-src 'none'; connect-src 'self'; {with_nonce}"
    stub = shown("(()=>{window.AnyReach", "\n</script>")
    script = shown(f'<script src="{host}/public/listen-sdk" async>', "</script>")
    get_token = shown("const getToken = async", "\n").replace("…", str(live_call.conversation.pk))
    page.goto(
        customers_page(
            f"""<meta http-equiv="Content-Security-Policy" content="{policy}">
            <script nonce="n">{stub}
            <script nonce="n">{get_token}
              AnyReach.listen({{getToken, nonce: "n"}})
                .on("stateChange", (state) => document.body.append(state))
                .connect();
            </script>{script}"""
        )
    )
    expect(page.locator("body")).to_contain_text("connectingconnected")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_example_lists_calls_and_hears_one(page, serve, live_call, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(serve(EXAMPLE))
    page.get_by_role("button", name="Listen to").click()
    expect(page.locator("#state")).to_have_text("connected")
    frame_of(page).wait_for_function("async () => await energy() > 0.001")
    live_call.say("S1", "Good morning.")
    expect(page.get_by_text("user: Good morning.")).to_be_visible()
    assert violations(page) == []
    assert_fits(page)
    page.get_by_role("button", name="Leave").click()
    expect(page.locator("iframe")).to_have_count(0)
    assert live_call.listeners() == []
