"""The contract of AnyReach.listen, kept in a customer's page on a real call."""

import json
import shutil
from pathlib import Path
from typing import Any

import jwt
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from playwright.sync_api import Frame, Page, Route, expect

from conversations.models import Conversation, Status
from listen_sdk import VERSION
from listen_sdk.loader import sri
from tests.callers import identities, until
from tests.e2e.conftest import ARGUMENTS, LiveCall
from tests.e2e.customers import KIT, Customer, customer_at
from tests.e2e.test_pages import assert_fits, violations
from tests.e2e.test_renewal import SAMPLER
from tests.environment import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def customer(site, organization):
    with customer_at(site.url, organization) as customer:
        yield customer


def script_of(live_call: LiveCall, script: str) -> str:
    """A page's own script, which hears `call`."""
    return f'<script>const call = "{live_call.conversation.pk}";{script}</script>'


FOLLOWED = """
window.opening = mint(call).then((grant) => (window.session = follow(AnyReach.listen(grant))));
"""
CONNECTED = FOLLOWED + "window.connecting = opening.then(() => session.connect());"


def listening_page(page: Page, customer: Customer, live_call: LiveCall) -> None:
    """Be on a page that hears the call."""
    page.goto(customer.page(script_of(live_call, CONNECTED)))
    page.evaluate("() => connecting")


def frame_of(page: Page) -> Frame:
    """Return the SDK's frame, when it is there."""
    return next(frame for frame in page.frames if "/public/listen?" in frame.url)


def wait_in_frame(page: Page, condition: str) -> None:
    # Playwright asks at animation frames, of which a hidden page has none.
    frame_of(page).wait_for_function(condition, polling=100)


def hears(page: Page) -> None:
    wait_in_frame(page, "async () => await energy() > 0.001")


def happened(page: Page) -> list[Any]:
    told: list[Any] = page.evaluate("() => happened")
    return told


def wait_until_told(page: Page, event: str) -> None:
    page.wait_for_function("(event) => happened.some(([name]) => name === event)", arg=event)


async def nobody_listens(live_call: LiveCall) -> bool:
    present = await identities(live_call.room)
    return not any(identity.startswith("listener-") for identity in present)


def test_states_and_events_come_in_order_until_the_agent_leaves(page, customer, live_call):
    page.goto(customer.page(script_of(live_call, FOLLOWED)))
    states = page.evaluate(
        """async () => {
          await opening;
          const states = [session.getState()];
          const [first, second] = [session.connect(), session.connect()];
          states.push(session.getState());
          first.then(() => happened.push(["resolved"]));
          await first;
          return [...states, session.getState(), session.isMuted(), first === second];
        }"""
    )
    assert states == ["idle", "connecting", "connected", False, True]
    live_call.say("SG_1", "Good", "Good morning.", final=True)
    page.wait_for_function("() => happened.some(([, line]) => line?.final)")
    live_call.stage.run(live_call.agent.leave())
    wait_until_told(page, "ended")
    told = happened(page)
    lines = [line for event, line in (each for each in told if each[0] == "transcript")]
    assert len({line["id"] for line in lines}) == 1
    assert {line["role"] for line in lines} == {"user"}
    assert [line["final"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[0]["text"] == "Good"
    assert lines[-1]["text"] == "Good morning."
    assert [each for each in told if each[0] != "transcript"] == [
        ["stateChange", "connecting"],
        ["stateChange", "connected"],
        ["resolved"],
        ["agentDisconnected", {"participantIdentity": "agent-1"}],
        ["stateChange", "disconnected"],
        ["ended"],
    ]
    expect(page.locator("iframe")).to_have_count(0)
    assert page.evaluate("() => session.getState()") == "disconnected"


def forged(grant: dict[str, str], secret: str, **claims: Any) -> dict[str, str]:
    """Return the grant with other claims, signed with `secret`."""
    given = jwt.decode(grant["token"], options={"verify_signature": False})
    return {**grant, "token": jwt.encode({**given, **claims}, secret, algorithm="HS256")}


def wait_until_over(live_call: LiveCall) -> None:
    ended = Conversation.objects.filter(pk=live_call.conversation.pk, status=Status.COMPLETED)
    live_call.stage.run(until(sync_to_async(ended.exists)))


LONG_AGO = {"nbf": 1_000_000_000, "exp": 1_000_000_900}


def test_connect_rejects_with_a_code_for_each_reason(page, customer, live_call, complaints):
    call = str(live_call.conversation.pk)
    grant, of_a_call_that_ends = customer.mint(call), customer.mint(call)
    reasons = [
        ("token_refused", forged(grant, "x" * 40)),
        ("token_refused", forged(grant, settings.LIVEKIT_API_SECRET, **LONG_AGO)),
        ("unreachable", {**grant, "url": f"ws://127.0.0.1:{free_port()}"}),
        ("invalid_options", {"url": grant["url"]}),
        ("call_ended", of_a_call_that_ends),
    ]
    page.goto(customer.page())
    for code, given in reasons:
        if given is of_a_call_that_ends:
            live_call.close()
            wait_until_over(live_call)
        page.evaluate("() => happened.splice(0)")
        connect = "(grant) => codeOf(follow(AnyReach.listen(grant)).connect())"
        assert page.evaluate(connect, given) == code
        told = happened(page)
        assert [event for event, *_ in told] == ["stateChange", "error", "stateChange", "ended"]
        assert told[1][1]["code"] == code
        assert told[1][1]["message"]
    expect(page.locator("iframe")).to_have_count(0)
    complaints.clear()  # the browser writes down what was refused


def test_connect_rejects_after_15_seconds_when_nothing_answers(page, customer, live_call):
    held: list[Route] = []
    page.route("**/public/listen?*", lambda route: held.append(route))
    page.clock.install()
    # A frame that is held and comes soon holds up the page's own load.
    page.goto(customer.page(script_of(live_call, FOLLOWED)), wait_until="domcontentloaded")
    page.evaluate("async () => { await opening; window.code = codeOf(session.connect()); }")
    page.clock.run_for(9_000)  # and it runs by itself
    assert page.evaluate("() => session.getState()") == "connecting"
    page.clock.run_for(6_000)
    assert page.evaluate("() => code") == "frame_blocked"
    expect(page.locator("iframe")).to_have_count(0)
    held[0].abort()


def test_sound_waits_for_a_click_and_then_obeys(page, customer, live_call):
    page.add_init_script(SAMPLER)
    listen = '<button onclick="session.startAudio()">Listen</button>'
    # Whatever Playwright asks a page counts as a click there: only the page itself may speak.
    with page.expect_console_message(lambda message: message.text == "audioBlocked"):
        page.goto(customer.page(listen + script_of(live_call, CONNECTED)))
    page.get_by_role("button", name="Listen").click()
    hears(page)
    playing = "() => [...sounds].map(({paused, muted, volume}) => [!paused && !muted, volume])"
    wait_in_frame(page, f"() => ({playing})().some(([plays]) => plays)")
    page.evaluate("() => session.setVolume(0.25)")
    wait_in_frame(page, f"() => ({playing})().every(([, volume]) => volume === 0.25)")
    page.evaluate("() => session.mute()")
    wait_in_frame(page, f"() => ({playing})().every(([plays]) => !plays)")
    assert page.evaluate("() => session.isMuted()") is True
    live_call.say("SG_1", "Lines go on.")
    page.wait_for_function("() => happened.some(([, line]) => line?.text === 'Lines go on.')")
    page.evaluate("() => session.unmute()")
    wait_in_frame(page, f"() => ({playing})().some(([plays]) => plays)")
    assert page.evaluate("() => session.isMuted()") is False


def test_end_leaves_the_call_however_often_and_early_it_comes(page, customer, live_call):
    listening_page(page, customer, live_call)
    assert len(live_call.listeners()) == 1
    page.evaluate("() => Promise.all([session.end(), session.end()])")
    page.evaluate("() => session.end()")
    expect(page.locator("iframe")).to_have_count(0)
    assert [event for event, *_ in happened(page)].count("ended") == 1
    live_call.stage.run(until(lambda: nobody_listens(live_call)))
    code = page.evaluate(
        """async () => {
          const code = codeOf(session.connect());
          await session.end();
          return code;
        }"""
    )
    assert code == "ended"
    assert page.evaluate("() => session.getState()") == "disconnected"
    expect(page.locator("iframe")).to_have_count(0)


def test_end_is_forced_after_three_seconds_when_the_frame_hangs(page, customer, live_call):
    listening_page(page, customer, live_call)
    frame_of(page).evaluate(
        """() => {
          setTimeout(() => { for (const until = Date.now() + 6000; Date.now() < until; ); });
        }"""
    )
    ms = page.evaluate(
        """async () => {
          const began = performance.now();
          await session.end();
          return performance.now() - began;
        }"""
    )
    assert 2500 < ms < 6000
    expect(page.locator("iframe")).to_have_count(0)


def test_a_handler_that_throws_stops_neither_the_session_nor_the_other_handlers(
    page, customer, live_call, complaints
):
    thrower = "session.on('transcript', () => { throw new Error('of the page'); });"
    page.goto(customer.page(script_of(live_call, FOLLOWED)))
    page.evaluate(
        f"async () => {{ await opening; session.off('transcript', null); {thrower}"
        " session.on('transcript', ({text}) => (window.read = text)); await session.connect(); }"
    )
    live_call.say("SG_1", "Good morning.")
    page.wait_for_function("() => window.read === 'Good morning.'")
    live_call.say("SG_2", "Good evening.")
    page.wait_for_function("() => window.read === 'Good evening.'")
    assert set(complaints) == {"of the page"}
    complaints.clear()


def test_two_sessions_in_one_page_hear_a_call_each(page, customer, live_call, stage, organization):
    other = LiveCall(stage, organization)
    try:
        page.goto(customer.page())
        page.evaluate(
            """(calls) => Promise.all(calls.map(async (call, index) => {
              window[`heard${index}`] = [];
              await follow(AnyReach.listen(await mint(call)), window[`heard${index}`]).connect();
            }))""",
            [str(each.conversation.pk) for each in (live_call, other)],
        )
        live_call.say("SG_1", "One.")
        other.say("SG_1", "Two.")
        for index, text in enumerate(("One.", "Two.")):
            lines = f"heard{index}.filter(([event]) => event === 'transcript')"
            page.wait_for_function(f"() => {lines}.length > 0")
            page.wait_for_function(f"() => {lines}.some(([, line]) => line.final)")
            assert set(page.evaluate(f"() => {lines}.map(([, line]) => line.text)")) == {text}
    finally:
        other.close()


def test_it_may_be_called_in_the_head_and_be_loaded_twice(page, customer, live_call):
    grant = json.dumps(customer.mint(str(live_call.conversation.pk)))
    again = f'<script src="{customer.our_url}/public/listen-sdk"></script>'
    page.goto(
        customer.raw_page(
            f"<!DOCTYPE html><html><head><title>CRM</title>{again}"
            f"<script>window.session = AnyReach.listen({grant}); window.first = AnyReach;</script>"
            f"{again}</head><body><p>Late</p></body></html>"
        )
    )
    page.evaluate("() => session.connect()")
    assert page.evaluate("() => first === AnyReach && session.getState()") == "connected"
    expect(page.locator("iframe")).to_have_count(1)


def test_calls_before_the_script_has_loaded_are_made_when_it_has(page, customer, live_call):
    stub = (ROOT / "static/js/sdk/stub.js").read_text()
    early = "window.session.connect(); window.early = session.getState();"
    sdk = f'<script src="{customer.our_url}/public/listen-sdk" async></script>'
    grant = json.dumps(customer.mint(str(live_call.conversation.pk)))
    page.goto(
        customer.page(
            f"<script>{stub}; window.session = follow(AnyReach.listen({grant})); {early}</script>"
            + sdk,
            sdk=False,
        )
    )
    page.wait_for_function("() => session.getState() === 'connected'")
    assert page.evaluate("() => early") == "idle"
    assert happened(page)[:2] == [["stateChange", "connecting"], ["stateChange", "connected"]]


def test_a_strict_content_security_policy_that_allows_the_frame_is_enough(
    page, customer, live_call
):
    grant = json.dumps(customer.mint(str(live_call.conversation.pk)))
    script = f"window.session = follow(AnyReach.listen({grant})); session.connect();"
    sdk = f'<script nonce="n1" src="{customer.our_url}/public/listen-sdk"></script>'
    policy = f"default-src 'none'; script-src 'nonce-n1'; frame-src {customer.our_url}"
    page.goto(
        customer.raw_page(
            f'<!DOCTYPE html><title>CRM</title><script nonce="n1">{KIT}</script>{sdk}'
            f'<script nonce="n1">{script}</script>',
            headers={"Content-Security-Policy": policy},
        )
    )
    page.wait_for_function("() => session.getState() === 'connected'")
    hears(page)


def test_a_pinned_script_runs_only_with_its_own_hash(page, customer, complaints):
    pinned = f"{customer.our_url}/public/listen-sdk/{VERSION}.js"
    tag = f'<script src="{pinned}" integrity="{{}}" crossorigin="anonymous"></script>'
    page.goto(customer.page(tag.format(sri(VERSION)), sdk=False))
    assert page.evaluate("() => typeof AnyReach.listen") == "function"
    page.goto(customer.page(tag.format("sha384-" + "A" * 64), sdk=False))
    assert page.evaluate("() => typeof AnyReach") == "undefined"
    assert len(complaints) == 1
    assert "integrity" in complaints.pop()


def test_level_and_quality_are_told_to_who_asks(page, customer, live_call):
    page.goto(customer.page(script_of(live_call, FOLLOWED)))
    page.evaluate(
        """async () => {
          await opening;
          window.levels = []; window.qualities = [];
          window.isLoud = (wanted) => ({role, level}) => role === wanted && level > 0.05;
          session.on("level", (level) => levels.push(level));
          session.on("quality", (quality) => qualities.push(quality));
          await session.connect();
        }"""
    )
    page.wait_for_function("() => ['user', 'agent'].every((role) => levels.some(isLoud(role)))")
    page.wait_for_function("() => qualities.includes('excellent') || qualities.includes('good')")
    identities = page.evaluate("() => [...new Set(levels.map((one) => one.participantIdentity))]")
    assert sorted(identities) == ["agent-1", "guest_1"]


def test_nobody_listens_on_a_page_that_was_left_and_it_can_listen_again(
    browser, customer, live_call
):
    # Playwright turns off what keeps a page alive when one goes on.
    own = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    try:
        page = own.new_page()
        kept = "addEventListener('pageshow', ({persisted}) => (window.persisted = persisted));"
        page.goto(customer.page(script_of(live_call, kept + CONNECTED)))
        page.evaluate("() => connecting")
        page.goto(customer.page("Elsewhere", path="/elsewhere", sdk=False))
        live_call.stage.run(until(lambda: nobody_listens(live_call)))
        page.go_back(wait_until="commit")
        assert page.evaluate("() => persisted") is True
        assert page.evaluate("() => session.getState()") == "disconnected"
        page.evaluate("async () => { await session.connect(); }")
        assert len(live_call.listeners()) == 1
    finally:
        own.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_the_ready_made_element_is_a_panel_that_anyone_can_use(
    page, customer, live_call, width, complaints
):
    page.set_viewport_size({"width": width, "height": 800})
    element = "<main><h1>CRM</h1><anyreach-listen></anyreach-listen></main>"
    script = """
      const element = document.querySelector("anyreach-listen");
      mint(call).then((grant) => (window.session = follow(element.listen(grant))));
    """
    page.goto(customer.page(element + script_of(live_call, script)))
    page.evaluate("() => { document.documentElement.lang = 'en'; }")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("LIVE", exact=True)).to_be_visible()
    frame.get_by_role("button", name="Listen").click()
    hears(page)
    page.wait_for_function("() => session.isMuted() === false")
    live_call.say("SG_1", "Good morning.")
    expect(frame.get_by_text("Good morning.", exact=True)).to_be_visible()
    assert violations(page) == []
    of_the_frame = violations(frame_of(page))
    assert [each for each in of_the_frame if "heading-one" not in each] == []  # the page's own
    assert_fits(page)
    assert_fits(frame_of(page))
    assert page.evaluate("() => document.querySelector('iframe').offsetHeight") > 100
    frame.get_by_role("button", name="Stop").click()
    wait_until_told(page, "ended")
    expect(page.locator("iframe")).to_have_count(0)
    live_call.stage.run(until(lambda: nobody_listens(live_call)))
