"""A listener's token lives 20 seconds here: renewals are neither heard nor seen."""

import pytest
from playwright.sync_api import expect

from conversations.models import ListenSession
from tests.conftest import Web, running_web
from tests.e2e.conftest import LiveCall, open_call

# Samples, every 20 ms, how loud what the page plays is: what is muted or paused counts as silent.
SAMPLER = """
window.samples = [];
window.sample = () => {
  const audio = new AudioContext();
  const ears = new Map();
  const data = new Float32Array(1024);
  setInterval(() => {
    let loudest = 0;
    for (const sound of window.sounds) {
      if (sound.paused || sound.muted || !sound.srcObject) continue;
      if (!ears.has(sound)) {
        const analyser = audio.createAnalyser();
        analyser.fftSize = 1024;
        audio.createMediaStreamSource(sound.srcObject).connect(analyser);
        ears.set(sound, analyser);
      }
      ears.get(sound).getFloatTimeDomainData(data);
      loudest = Math.max(loudest, ...data.map(Math.abs));
    }
    window.samples.push([performance.now(), loudest]);
  }, 20);
};
window.sounds = new Set();
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.sounds.add(this);
  return play.call(this);
};
"""


@pytest.fixture
def site(transactional_db, livekit_server, worker):
    with running_web(LISTEN_TOKEN_TTL_S="20") as web:
        yield web


def longest_silence_ms(samples: list[list[float]]) -> float:
    longest, since = 0.0, None
    for at, level in samples:
        if level > 0.02:
            since = None
        else:
            since = at if since is None else since
            longest = max(longest, at - since)
    return longest


@pytest.mark.timeout(180)
def test_over_three_renewals_no_sound_and_no_line_is_lost(
    page, site: Web, live_call: LiveCall, supervisor
):
    page.add_init_script(SAMPLER)
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    panel.get_by_role("button", name="Listen").click()
    page.wait_for_function("async () => await energy() > 0.001")
    page.evaluate("() => sample()")
    page.wait_for_function("() => samples.some(([, level]) => level > 0.02)")
    page.evaluate("() => { samples.length = 0; }")
    said = []
    while ListenSession.objects.filter(first__isnull=False, joined_at__isnull=False).count() < 3:
        said.append(f"This is sentence {len(said)}.")
        live_call.say(f"S{len(said)}", said[-1])
        page.wait_for_timeout(250)
    page.wait_for_timeout(2000)
    samples = page.evaluate("() => samples")
    assert len(samples) > 500
    assert longest_silence_ms(samples) < 100
    shown = panel.locator(".transcript .said").all_inner_texts()
    assert shown == said
    assert ListenSession.objects.filter(first=None).count() == 1
