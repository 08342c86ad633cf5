"""How long a customer's page waits until it hears a call, beside livekit-client alone."""

import statistics
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Frame, Page

from tests.bench.figures import told
from tests.e2e.conftest import LiveCall
from tests.e2e.customers import Customer, customer_at

RUNS = 15

# What the frame does by itself: its resources, and the time to prepare for a connection.
LOADED = """
async () => {
  const chunk = () => performance.getEntriesByType("resource")
    .find(({name, responseEnd}) => name.includes("livekit-client") && responseEnd)?.name;
  while (!chunk()) await new Promise((resolve) => setTimeout(resolve, 10));
  await import(chunk());
  await new Promise((resolve) => setTimeout(resolve, 500));
  return chunk();
}
"""

LOAD_ALONE = """
async (chunk) => {
  window.livekit = await import(chunk);
  await new Promise((resolve) => setTimeout(resolve, 500));
}
"""

# What a program would do that has only livekit-client: all voices, audio and no video.
RAW = """
async ({url, token}) => {
  const {Room, RoomEvent} = livekit;
  const room = new Room();
  const voices = () => [...room.remoteParticipants.values()]
    .flatMap((each) => [...each.audioTrackPublications.values()]);
  const began = performance.now();
  const subscribed = new Promise((resolve) => room.on(RoomEvent.TrackSubscribed, () => {
    if (voices().every(({isSubscribed}) => isSubscribed)) resolve();
  }));
  await room.connect(url, token);
  const connected = performance.now() - began;
  await subscribed;
  const heard = performance.now() - began;
  await room.disconnect();
  return [connected, heard];
}
"""

SDK = """
async () => {
  const began = performance.now();
  await session.connect();
  return performance.now() - began;
}
"""

# The question whether the page may embed, which the frame asks while it joins.
ADMITTED = """
() => performance.getEntriesByType("resource")
  .find(({name}) => name.endsWith("/public/listen/session")).duration
"""

# As a page does that hears at once. Milliseconds since the epoch, as page and frame share no clock.
COLD = """
async (grant) => {
  const now = () => performance.timeOrigin + performance.now();
  const listened = now();
  const session = AnyReach.listen(grant);
  await session.connect();
  return [listened, now()];
}
"""

LIVEKIT_LOADED = """
() => {
  const {startTime, responseEnd} = performance.getEntriesByType("resource")
    .find(({name}) => name.includes("livekit-client"));
  return [performance.timeOrigin + startTime, performance.timeOrigin + responseEnd];
}
"""


@pytest.fixture
def customer(site, organization):
    with customer_at(site.url, organization) as customer:
        yield customer


def frame_of(page: Page) -> Frame:
    """Return our frame in a customer's page."""
    page.wait_for_function("() => document.querySelector('iframe')")
    return page.main_frame.child_frames[0]


@pytest.mark.timeout(300)
def bench_connect_when_warm(context, site, customer: Customer, live_call: LiveCall) -> None:
    page = context.new_page()
    call = str(live_call.conversation.pk)
    ours_page = customer.page(path="/ours")
    # A frame of ours that is refused has our origin and policy, and loads nothing.
    raw_page = customer.page(
        f'<iframe hidden src="{site.url}/public/listen?embed=none"></iframe>',
        path="/raw",
        sdk=False,
    )
    ours, admitted, connected, heard = [], [], [], []
    for _ in range(RUNS):
        page.goto(ours_page)
        page.evaluate(
            "(grant) => { window.session = AnyReach.listen(grant); }", customer.mint(call)
        )
        frame = frame_of(page)
        chunk = frame.evaluate(LOADED)
        ours.append(page.evaluate(SDK))
        admitted.append(frame.evaluate(ADMITTED))
        page.evaluate("() => session.end()")

        page.goto(raw_page)
        frame = frame_of(page)
        frame.evaluate(LOAD_ALONE, chunk)
        each = frame.evaluate(RAW, customer.mint(call))
        connected.append(each[0])
        heard.append(each[1])
    print("\nEverything loaded, one after the other in turn, a new page each time")
    print(told("livekit-client: connect()", connected))
    print(told("livekit-client: connect(), every voice subscribed", heard))
    print(told("SDK: connect(), which waits for every voice", ours))
    print(told("meanwhile: the server lets the page embed", admitted))
    print(f"ratio to connect() {statistics.median(ours) / statistics.median(connected):.2f}")
    print(f"ratio to every voice {statistics.median(ours) / statistics.median(heard):.2f}")


@pytest.mark.timeout(300)
def bench_connect_when_cold(
    browser: Browser, site, customer: Customer, live_call: LiveCall
) -> None:
    call = str(live_call.conversation.pk)
    address = customer.page()
    parts: list[list[float]] = []
    for _ in range(RUNS):
        context = browser.new_context()  # whose cache is empty
        page = context.new_page()
        page.goto(address)
        listened, connected = page.evaluate(COLD, customer.mint(call))
        asked, loaded = frame_of(page).evaluate(LIVEKIT_LOADED)
        marks = (listened, asked, loaded, connected)
        parts.append([end - begin for begin, end in pairwise(marks)])
        context.close()
    frame, livekit, connect = (list(values) for values in zip(*parts, strict=True))
    print("\nNothing loaded but the loader")
    print(told("listen() to the frame's own script", frame))
    print(told("livekit-client's arrival", livekit))
    print(told("from there until connected", connect))
    print(told("listen() and connect(), all in all", [sum(each) for each in parts]))
