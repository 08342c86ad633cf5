"""One listener for a long time, over a network that fails. `make soak` takes half an hour."""

import os
import time

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from conversations.models import ListenSession
from tests.conftest import running_web
from tests.e2e.conftest import LiveCall
from tests.e2e.customers import customer_at
from tests.soak.road import Road

MINUTES = float(os.environ.get("SOAK_MINUTES", "2"))
IS_LONG = MINUTES > 5
CUTS = 3 if IS_LONG else 1
RENEWED_EVERY_S = 60 if IS_LONG else 20
RENEWED_AT = 0.6  # of a token's life, by ear.js
CUT_S = 5
BACK_WITHIN_S = 2
STALL_S = 0.5  # for which the caller's own program may stutter on a busy machine
CAUGHT_UP_WITHIN_S = 75  # frame.js looks for a minute after it is back
GROWN_AT_MOST_BYTES = 4_000_000

# Notes [from, to], in seconds since the epoch, where nothing that plays was loud for over 100 ms:
# what is muted or paused counts as silent.
NOTE_SILENCES = """
window.silences = [];
const meters = new Map();
const {play} = HTMLMediaElement.prototype;
HTMLMediaElement.prototype.play = function () {
  if (!meters.has(this)) meters.set(this, null);
  return play.call(this);
};
window.noteSilences = () => {
  const audio = new AudioContext();
  const data = new Float32Array(1024);
  const meterOf = (element) => {
    const source = audio.createMediaStreamSource(element.srcObject);
    const analyser = audio.createAnalyser();
    analyser.fftSize = data.length;
    source.connect(analyser);
    return {source, analyser};
  };
  let silence = null;
  setInterval(() => {
    const now = (performance.timeOrigin + performance.now()) / 1000;
    let loudest = 0;
    for (const [element, meter] of meters) {
      if (!element.srcObject) {
        meter?.source.disconnect();
        meters.delete(element);
      } else if (!meter) {
        meters.set(element, meterOf(element));
      } else if (!element.paused && !element.muted) {
        meter.analyser.getFloatTimeDomainData(data);
        loudest = Math.max(loudest, ...data.map(Math.abs));
      }
    }
    if (loudest < 0.02) {
      silence ??= [now, now];
      silence[1] = now;
    } else if (silence) {
      if (silence[1] - silence[0] > 0.1) silences.push(silence);
      silence = null;
    }
  }, 20);
};
"""

LISTEN = """
<button onclick="session.startAudio()">Listen</button>
<script>
  const [states, troubles, finals] = [[], [], []];
  const session = AnyReach.listen({getToken: (why) => mint("%s", why)});
  session.on("stateChange", (state) => states.push(state));
  session.on("error", ({code}) => troubles.push(code));
  session.on("transcript", ({text, final}) => final && finals.push(text));
</script>
"""


@pytest.fixture
def road(stage, livekit_server):
    road = Road(livekit_server)
    stage.run(road.open())
    yield road
    stage.run(road.close())


@pytest.fixture
def site(transactional_db, livekit_server, worker, road):
    life_s = round(RENEWED_EVERY_S / RENEWED_AT)
    with running_web(LISTEN_TOKEN_TTL_S=str(life_s), LIVEKIT_PUBLIC_URL=road.url) as web:
        yield web


@pytest.fixture
def context(browser: Browser, road: Road):
    context = browser.new_context()
    context.add_init_script(road.script + NOTE_SILENCES)
    yield context
    context.close()


@pytest.fixture
def customer(site, organization):
    with customer_at(site.url, organization) as customer:
        yield customer


class Speaker:
    """Says a numbered sentence every second."""

    def __init__(self, live_call: LiveCall, page: Page) -> None:
        self._live_call, self._page = live_call, page
        self.said: list[str] = []

    def speak_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.said.append(f"This is sentence {len(self.said)}.")
            self._live_call.say(f"S{len(self.said)}", self.said[-1])
            self._page.wait_for_timeout(min(1, left) * 1000)


def heaps(context: BrowserContext, page: Page) -> list[int]:
    """Return the bytes that live scripts hold after a collection: the page's, and the frame's."""
    used = []
    for place in (page, page.frames[1]):
        developer = context.new_cdp_session(place)
        developer.send("HeapProfiler.collectGarbage")
        used.append(developer.send("Runtime.getHeapUsage")["usedSize"])
        developer.detach()
    return used


@pytest.mark.timeout(MINUTES * 60 + 300)
def test_a_long_hearing_outlives_its_tokens_and_a_failing_network(
    context, page, complaints, customer, live_call: LiveCall, road: Road, stage
):
    page.goto(customer.page(LISTEN % live_call.conversation.pk))
    page.get_by_role("button", name="Listen").click()
    page.wait_for_function("() => session.getState() === 'connected'")
    frame = page.frames[1]
    frame.evaluate("() => noteSilences()")
    speaker = Speaker(live_call, page)
    speaker.speak_for(RENEWED_EVERY_S + 5)
    frame.evaluate("() => silences.splice(0)")
    before = heaps(context, page)

    cuts = []
    stretch_s = MINUTES * 60 / (CUTS + 1)
    speaker.speak_for(stretch_s)
    for _ in range(CUTS):
        began = time.time()
        stage.run(road.cut())
        speaker.speak_for(CUT_S)
        stage.run(road.mend())
        cuts.append((began, time.time()))
        speaker.speak_for(stretch_s)

    deadline = time.monotonic() + CAUGHT_UP_WITHIN_S
    while time.monotonic() < deadline:
        if page.evaluate("() => finals.length") >= len(speaker.said):
            break
        page.wait_for_timeout(500)
    # A frame that is gone would say less than what it told before.
    states, troubles, finals = page.evaluate("() => [states, troubles, finals]")
    assert (states, set(troubles) - {"renewal_failed"}) == (["connecting", "connected"], set())
    after = heaps(context, page)
    silences = frame.evaluate("() => silences")
    renewals = ListenSession.objects.filter(first__isnull=False, joined_at__isnull=False).count()
    print(f"\n{MINUTES:g} minutes, {renewals} renewals, {len(finals)} lines, trouble: {troubles}")
    for began, mended in cuts:
        print(f"cut for {mended - began:.1f} s")
    for since, until in silences:
        print(f"silent for {until - since:.2f} s, {since - cuts[0][0]:+.2f} s from the first cut")
    for place, begin, end in zip(("page", "frame"), before, after, strict=True):
        print(f"{place} holds {begin / 1e6:.2f} MB at the beginning, {end / 1e6:.2f} MB at the end")

    assert sorted(finals) == sorted(speaker.said)
    assert renewals >= MINUTES * 60 / RENEWED_EVERY_S - CUTS
    heard_cuts = 0
    for since, until in silences:
        in_a_cut = any(cut < since and until < end + BACK_WITHIN_S for cut, end in cuts)
        heard_cuts += in_a_cut and until - since > CUT_S - 2
        assert in_a_cut or until - since < STALL_S
    assert heard_cuts == CUTS  # otherwise nothing was cut
    for begin, end in zip(before, after, strict=True):
        assert end - begin < GROWN_AT_MOST_BYTES
    # The browser's own, of what is cut, are let be.
    cut_off = ("WebSocket connection to ", "Failed to load resource: net::ERR_")
    complaints[:] = [each for each in complaints if not each.startswith(cut_off)]
