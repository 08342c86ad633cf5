"""Hostile pages, frames and messages around the live-listen SDK."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from conversations.models import ListenEvent
from tests.callers import until
from tests.conftest import ROOT
from tests.e2e.customers import Customer, customer_at
from tests.e2e.test_listen_sdk import (
    CONNECTED,
    FOLLOWED,
    frame_of,
    hears,
    nobody_listens,
    script_of,
    wait_until_told,
)
from tests.listen_sdk.factories import make_embed_origin
from tests.organizations.factories import make_organization

# Goes around the loader: greets frames and windows by itself, and keeps what they answer.
BY_HAND = """<script>
window.words = [];
window.greet = (target, ...more) => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = ({data}) => { words.push(data); console.debug("answered"); };
  target.postMessage({type: "anyreach-listen", version: 1}, "*", [port2]);
  more.forEach((word) => port1.postMessage(word));
  return port1;
};
window.embed = (address, listens = true) => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.allow = "autoplay";
  frame.onload = () => resolve(frame);
  frame.src = address;
  (document.body ?? document.documentElement).append(frame);
});
window.connectWith = (grant) => (
  {type: "connect", grant, renewable: false, muted: false, volume: 1}
);
</script>"""

# Throws all that could be taken for a greeting or an order at every frame of the page around it.
THROWER = (
    BY_HAND
    + """<script>
setInterval(() => {
  const around = window.opened ?? parent;
  for (let index = 0; index < around.length; index++) {
    if (around[index] === window) continue;
    greet(around[index], {type: "end"});
    around[index].postMessage({type: "end"}, "*");
    around[index].postMessage({type: "mute"}, "*");
  }
  for (const type of ["ready", "connected", "failed", "disconnected", "ended"]) {
    around.postMessage({type, code: "ended", message: "Forged."}, "*");
  }
  const line = {id: "F1", role: "user", text: "Forged.", final: true};
  around.postMessage({type: "transcript", line}, "*");
  console.debug("thrown");
}, 100);
</script>"""
)


@pytest.fixture
def stranger(site):
    """A site of somebody else, whose organization lists nothing."""
    with customer_at(site.url, make_organization("stranger")) as stranger:
        yield stranger


def connect_by_hand(page: Page, address: str, grant: dict[str, str]) -> None:
    page.evaluate(
        """async ([address, grant]) => {
          window.port = greet((await embed(address)).contentWindow, connectWith(grant));
        }""",
        [address, grant],
    )


def said_of(page: Page) -> set[str]:
    return set(page.evaluate("() => words.map(({type}) => type)"))


def wait_until_answered(page: Page, kind: str) -> None:
    page.wait_for_function("(kind) => words.some(({type}) => type === kind)", arg=kind)


def test_a_token_is_of_no_use_to_a_page_that_is_not_listed(
    page, customer, live_call, organization, complaints
):
    make_embed_origin(organization)
    strangers_embed = make_organization("stranger").embed_id
    own = f"{customer.our_url}/public/listen?embed={organization.embed_id}"
    anothers = f"{customer.our_url}/public/listen?embed={strangers_embed}"
    none = f"{customer.our_url}/public/listen"
    for address, policy in ((own, ""), (own, "no-referrer"), (anothers, ""), (none, "")):
        headers = {"Referrer-Policy": policy} if policy else {}
        page.goto(customer.page(BY_HAND, sdk=False, headers=headers))
        connect_by_hand(page, address, customer.mint(str(live_call.conversation.pk)))
        if policy:  # the browser does not even show it: nobody is there to answer
            page.wait_for_timeout(1000)
        else:
            wait_until_answered(page, "failed")
        live_call.say("SG_1", "What nobody else may read.")
        live_call.stage.run(until(lambda: nobody_listens(live_call)))
        assert said_of(page) <= {"ready", "failed"}
        assert {word.get("code") for word in page.evaluate("() => words")} <= {
            "embed_refused",
            None,
        }
    assert ListenEvent.objects.filter(kind="refused", organization=organization).count() == 1
    complaints.clear()  # it says so in the console too


def test_nobody_frames_our_pages_but_who_is_listed(page, customer, organization, complaints):
    make_embed_origin(organization)
    pages = (
        "/",
        "/acme/conversations",
        "/acme/embedding",
        "/acme/listening",
        "/account/login/",
        "/core/conversations",
        f"/public/listen?embed={organization.embed_id}",
    )
    for path in pages:
        page.goto(customer.page(BY_HAND, sdk=False, headers={"Referrer-Policy": "no-referrer"}))
        page.evaluate("(address) => embed(address).then(() => {})", customer.our_url + path)
        assert any("frame-ancestors" in each for each in complaints), path
        complaints.clear()


def thrown(page: Page, times: int = 3) -> None:
    """Wait until whoever throws has done so once more."""
    for _ in range(times):
        page.context.wait_for_event("console", lambda message: message.text == "thrown")


def surrounded(customer: Customer, stranger: Customer, body: str, **options: Any) -> str:
    """A page with a stranger's frame in it, and another one that is sandboxed."""
    thrower = stranger.raw_page(THROWER, "/thrower")
    frames = (
        f'<iframe src="{thrower}"></iframe><iframe src="{thrower}" sandbox="allow-scripts">'
        "</iframe>"
    )
    return customer.page(body + frames, **options)


def open_from_elsewhere(context: BrowserContext, stranger: Customer, address: str) -> Page:
    """Open the page from a window that keeps a reference to it, and throws. Returns the page."""
    opener = context.new_page()
    opener.goto(stranger.raw_page(f"{THROWER}", "/opener"))
    with context.expect_page() as opened:
        opener.evaluate("(address) => { window.opened = window.open(address); }", address)
    opened.value.wait_for_url(address)
    return opened.value


def test_a_frame_answers_nobody_but_the_page_around_it(
    context, customer, stranger, organization, complaints
):
    listen = f"{customer.our_url}/public/listen?embed={organization.embed_id}"
    victim = surrounded(customer, stranger, BY_HAND, sdk=False)
    answers: list[str] = []
    context.on(
        "console",
        lambda message: answers.append(message.page.url) if message.text == "answered" else None,
    )
    page = open_from_elsewhere(context, stranger, victim)
    page.evaluate("async (address) => { window.ours = await embed(address); }", listen)
    thrown(page, times=8)
    assert answers == []
    page.evaluate("() => { greet(ours.contentWindow); }")
    wait_until_answered(page, "ready")
    thrown(page)
    page.evaluate("() => { greet(ours.contentWindow); }")  # nor twice
    thrown(page)
    assert page.evaluate("() => words.map(({type}) => type)") == ["ready"]
    assert len(answers) == 1


def test_a_frame_in_a_window_of_its_own_answers_nobody(context, stranger, organization):
    opener = context.new_page()
    opener.goto(stranger.raw_page(BY_HAND))
    listen = f"{stranger.our_url}/public/listen?embed={organization.embed_id}"
    with context.expect_page() as opened:
        opener.evaluate("(address) => { window.opened = window.open(address); }", listen)
    opened.value.wait_for_url(listen)
    opener.evaluate("() => { greet(opened); }")
    by_itself = opened.value.evaluate(
        """() => {
          const {port1, port2} = new MessageChannel();
          postMessage({type: "anyreach-listen", version: 1}, "*", [port2]);
          return new Promise((resolve) => {
            port1.onmessage = ({data}) => resolve(data);
            setTimeout(resolve, 500, "silence");
          });
        }"""
    )
    assert by_itself == "silence"
    assert opener.evaluate("() => words") == []


def test_a_session_minds_nobody_around_it(context, customer, stranger, live_call, complaints):
    address = surrounded(customer, stranger, script_of(live_call, CONNECTED))
    page = open_from_elsewhere(context, stranger, address)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.evaluate("() => connecting")
    thrown(page, times=8)
    live_call.say("SG_1", "Good morning.")
    page.wait_for_function("() => happened.some(([, line]) => line?.text === 'Good morning.')")
    told = page.evaluate("() => happened")
    assert [each for each in told if each[0] != "transcript" and each[0] != "audioBlocked"] == [
        ["stateChange", "connecting"],
        ["stateChange", "connected"],
    ]
    assert "Forged" not in json.dumps(told)
    assert page.evaluate("() => session.isMuted()") is False
    assert len(live_call.listeners()) == 1
    assert complaints == []


def test_nobody_but_our_frame_answers_the_loader(page, customer, stranger, live_call):
    held: list[Route] = []
    page.route("**/public/listen?*", lambda route: held.append(route))
    address = surrounded(customer, stranger, script_of(live_call, FOLLOWED))
    # A frame that is held and comes soon holds up the page's own load.
    page.goto(address, wait_until="domcontentloaded")
    page.evaluate("async () => { await opening; window.code = codeOf(session.connect()); }")
    thrown(page, times=8)
    assert page.evaluate("() => [session.getState(), happened]") == [
        "connecting",
        [["stateChange", "connecting"]],
    ]
    held[0].continue_()
    assert page.evaluate("() => code") == ""
    assert page.evaluate("() => session.getState()") == "connected"


NONSENSE = """
const deep = (levels) => {
  let value = {};
  for (let level = 0; level < levels; level++) value = {value};
  return value;
};
const huge = "x".repeat(10_000_000);
const grant = {url: huge, token: huge};
window.nonsense = [
  undefined, null, 0, "", "end", [], {}, [["end"]], new Map([["type", "end"]]), new Blob(["end"]),
  ...["__proto__", "constructor", "ready", "ended", 7, null, ["end "], {}].map((type) => ({type})),
  ...[NaN, Infinity, -1, 2, "1", null, [0], {}].map((volume) => ({type: "volume", volume})),
  ...[NaN, "1", {}, 1.5, 2 ** 60].map((id) => ({type: "startAudio", id})),
  ...[null, 0, {}, {url: 1, token: 2}, grant].map((grant) => ({type: "grant", id: 1, grant})),
  connectWith(grant), connectWith(null), connectWith({url: "javascript:alert(1)", token: "x"}),
  {type: huge}, {type: "volume", volume: huge},
  {type: "volume", volume: deep(10_000)}, deep(10_000),
];
"""


def test_messages_without_sense_disturb_no_session(
    page, customer, live_call, organization, complaints
):
    page.goto(customer.page(BY_HAND + f"<script>{NONSENSE}</script>", sdk=False))
    listen = f"{customer.our_url}/public/listen?embed={organization.embed_id}"
    connect_by_hand(page, listen, customer.mint(str(live_call.conversation.pk)))
    wait_until_answered(page, "connected")
    sent = page.evaluate(
        """() => {
          const frame = document.querySelector("iframe").contentWindow;
          let sent = 0;
          for (const word of nonsense) {
            try {
              port.postMessage(word);
              frame.postMessage(word, "*");
              frame.postMessage({type: "anyreach-listen", version: word}, "*");
              sent++;
            } catch (error) {
              if (!(error instanceof RangeError)) throw error; // too deep for the browser itself
            }
          }
          for (let time = 0; time < 10_000; time++) port.postMessage({type: "nothing", time});
          for (let time = 0; time < 1000; time++) port.postMessage({type: "levels"});
          return sent;
        }"""
    )
    assert sent > 35
    live_call.say("SG_1", "Good morning.")
    wait_until_answered(page, "transcript")
    assert said_of(page) <= {"ready", "connected", "quality", "transcript", "level"}
    assert len(live_call.listeners()) == 1
    hears(page)
    assert complaints == []


def test_a_token_is_found_nowhere(page, customer, live_call, organization, complaints):
    log = ROOT / ".anyreach" / "test-web.log"
    logged_before = log.stat().st_size
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    addresses: list[str] = []  # of requests: to LiveKit it is a WebSocket, which is none
    page.context.on("request", lambda request: addresses.append(request.url))
    errors = """
      window.errors = [];
      const keep = (event) => errors.push(String(event.message ?? event.reason?.stack));
      for (const kind of ["error", "unhandledrejection", "securitypolicyviolation"]) {
        addEventListener(kind, keep);
      }
    """
    grant = customer.mint(str(live_call.conversation.pk))
    refused = {**grant, "token": f"{grant['token'][:-8]}AAAAAAAA"}
    page.goto(customer.page(f"<script>{errors}</script>"))
    page.evaluate(
        """([grant, refused]) => {
          AnyReach.listen(refused).connect(); // nobody catches it
          window.session = follow(AnyReach.listen(grant));
          return session.connect();
        }""",
        [grant, refused],
    )
    live_call.say("SG_1", "Good morning.")
    page.wait_for_function("() => happened.some(([name]) => name === 'transcript')")
    everything = """async () => {
      const kept = (where) => { try { return {...window[where]}; } catch { return "shut to us"; } };
      return JSON.stringify([
      document.documentElement.outerHTML, document.referrer, document.cookie, location.href,
      name, history.state, kept("localStorage"), kept("sessionStorage"),
      [...document.querySelectorAll("iframe")].map(({src, name}) => [src, name]),
      performance.getEntries().map((entry) => entry.toJSON()),
      window.errors, window.happened,
      ]);
    }"""
    frame = frame_of(page)
    found = [page.evaluate(everything), frame.evaluate(everything)]
    found.append(json.dumps(page.context.cookies()))
    live_call.hang_up()
    live_call.stage.run(live_call.agent.leave())
    wait_until_told(page, "ended")
    expect(page.locator("iframe")).to_have_count(0)
    found.append(page.evaluate(everything))
    found += [*told, *addresses]
    with log.open() as lines:
        lines.seek(logged_before)
        found.append(lines.read())
    assert any("The listener token was refused." in each for each in told)
    _, payload, signature = grant["token"].split(".")
    for place in found:
        assert payload not in place
        assert signature not in place
    complaints.clear()  # the browser writes down what was refused
