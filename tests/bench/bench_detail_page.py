"""How a conversation's page bears ten thousand turns, beside the same page with a hundred."""

import time

import pytest
from playwright.sync_api import Page

from anyreach.live.announcing import announce
from tests.bench.figures import told
from tests.conversations.factories import make_turn
from tests.e2e.test_detail_page import long_call, open_followed

LENGTHS = (100, 10_000)
OPENINGS = 5
REFRESHES = 20

PAINTED = """
() => performance.getEntriesByName("first-contentful-paint")[0].startTime
"""

# From the request for what is new to the frame that shows it, and from the order to follow it.
WATCH_REFRESHES = """
() => {
  window.refreshes = [];
  const fetch = window.fetch;
  let asked;
  window.fetch = (url) => {
    if (url.includes("/transcript?")) asked = performance.now();
    return fetch(url);
  };
  new MutationObserver((changes) => {
    if (!changes.some(({addedNodes}) => addedNodes.length)) return;
    requestAnimationFrame(() => setTimeout(() => {
      window.refreshes.push([performance.now() - asked, Date.now()]);
    }));
  }).observe(document.querySelector(".turns"), {childList: true});
}
"""

SCROLL = """
async () => {
  const frames = [];
  const height = document.documentElement.scrollHeight;
  let before = performance.now();
  for (let step = 1; step <= 200; step += 1) {
    scrollTo(0, (height * step) / 200);
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - before);
    before = performance.now();
  }
  return frames;
}
"""

FIND = """
async (words) => {
  const field = document.querySelector("#find input");
  field.value = words;
  const began = performance.now();
  field.dispatchEvent(new Event("input"));
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return [performance.now() - began, document.querySelector(".find-count").textContent];
}
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("length", LENGTHS)
def bench_a_page_of_turns(page: Page, site, supervisor, organization, length: int) -> None:
    conversation, _ = long_call(organization, length)
    paints, wholes = [], []
    for _ in range(OPENINGS):
        began = time.perf_counter()
        open_followed(page, site, conversation)
        page.wait_for_function(
            "count => document.querySelectorAll('.turn').length === count", arg=length
        )
        wholes.append((time.perf_counter() - began) * 1000)
        paints.append(page.evaluate(PAINTED))
    address = f"{site.url}/acme/conversations/{conversation.pk}"
    first_bytes = len(page.request.get(address).body())

    page.wait_for_timeout(1000)
    page.evaluate(WATCH_REFRESHES)
    committed = []
    for number in range(REFRESHES):
        make_turn(conversation, position=length + number, text="Something new.")
        announce(organization.pk, conversation.pk, "turns")
        committed.append(time.time() * 1000)
        page.wait_for_function("count => window.refreshes.length === count", arg=number + 1)
        page.wait_for_timeout(700)
    refreshes = page.evaluate("refreshes")
    shown = [at - since for (_, at), since in zip(refreshes, committed, strict=True)]

    print(f"\nA page of {length} turns, of which it has the first {first_bytes // 1000} kB")
    print(told("first contentful paint", paints))
    print(told("all turns there", wholes))
    print(told("a live refresh, asked for until shown", [each for each, _ in refreshes]))
    print(told("from the commit to the screen", shown))
    frames = page.evaluate(SCROLL)
    print(told("a frame of scrolling through all", frames) + f"   worst {max(frames):.0f} ms")
    for words in ("sentence", f"sentence {length - 1}."):
        took, count = page.evaluate(FIND, words)
        print(f"{f'find “{words}”':<44} {took:11.1f} ms   {count}")
