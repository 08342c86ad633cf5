"""How long a customer's page waits until it hears a call, beside livekit-client alone."""

import statistics
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Frame, Page

from tests.bench.figures import told
from tests.e2e.conftest import LiveCall
from tests.e2e.customers import Customer, customer_at

RUNS = 40

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

# What a program does that has only livekit-client. With `isUnseen` it subscribes to voices alone,
# as we do: LiveKit's own autoSubscribe takes video too, which whoever publishes it can notice.
RAW = """
async ([{url, token}, isUnseen]) => {
  const {Room, RoomEvent} = livekit;
  const room = new Room();
  const voices = () => [...room.remoteParticipants.values()]
    .flatMap((each) => [...each.audioTrackPublications.values()]);
  const subscribe = () => voices().forEach((each) => each.setSubscribed(true));
  if (isUnseen) room.on(RoomEvent.SignalConnected, subscribe);
  const began = performance.now();
  const subscribed = new Promise((resolve) => room.on(RoomEvent.TrackSubscribed, () => {
    if (voices().every(({isSubscribed}) => isSubscribed)) resolve();
  }));
  await room.connect(url, token, {autoSubscribe: !isUnseen});
  if (isUnseen) subscribe();
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

# The question whether the page may embed, which the frame asks as soon as it has the token.
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
    ours, admitted, connected, unseen = [], [], [], []

    def raw(*, is_unseen: bool) -> tuple[float, float]:
        page.goto(raw_page)
        frame = frame_of(page)
        frame.evaluate(LOAD_ALONE, chunk)
        return frame.evaluate(RAW, [customer.mint(call), is_unseen])

    for _ in range(1 + RUNS):  # a browser's first takes longer
        page.goto(ours_page)
        page.evaluate(
            "(grant) => { window.session = AnyReach.listen(grant); }", customer.mint(call)
        )
        frame = frame_of(page)
        chunk = frame.evaluate(LOADED)
        ours.append(page.evaluate(SDK))
        admitted.append(frame.evaluate(ADMITTED))
        page.evaluate("() => session.end()")
        connected.append(raw(is_unseen=False)[0])
        unseen.append(raw(is_unseen=True)[1])
    rows = {
        "livekit-client: connect(), which takes everything": connected,
        "livekit-client: connect(), then every voice, no video": unseen,
        "SDK: connect(), which waits for every voice": ours,
        "before it: the server lets the page embed": admitted,
    }
    print("\nEverything loaded, one after the other in turn, a new page each time")
    for name, values in rows.items():
        print(told(name, values[1:]))
    median = statistics.median(ours[1:])
    print(f"ratio to connect() {median / statistics.median(connected[1:]):.2f}")
    print(f"ratio to every voice, no video {median / statistics.median(unseen[1:]):.2f}")


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
