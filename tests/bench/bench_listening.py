"""How long it takes to hear a call: the token, the page, the bytes."""

import asyncio
import statistics
import time

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from anyreach.organizations.scopes import Role
from tests.bench.figures import told
from tests.e2e.conftest import LiveCall, open_call
from tests.organizations.factories import make_api_key

CLIENTS = 20
REQUESTS_EACH = 25
OPENINGS = 15


@pytest.mark.timeout(300)
def bench_token_endpoint_under_20_clients(site, live_call: LiveCall, organization) -> None:
    _, key = make_api_key(organization, Role.SUPERVISOR)
    headers = {"Authorization": f"Bearer {key}"}
    token = f"/core/conversations/{live_call.conversation.pk}/listener-token"

    async def one_client(method: str, path: str) -> list[float]:
        took = []
        address = site.url.replace("localhost", "127.0.0.1")
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
            for _ in range(REQUESTS_EACH):
                began = time.perf_counter()
                answer = await client.request(method, path)
                took.append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
        return took

    async def all_clients(method: str, path: str) -> list[float]:
        each = await asyncio.gather(*(one_client(method, path) for _ in range(CLIENTS)))
        return [value for values in each for value in values]

    print(f"\n{CLIENTS} clients at once, {REQUESTS_EACH} requests each")
    for _ in range(2):
        print(
            told("bare Django view (/health)", live_call.stage.run(all_clients("GET", "/health")))
        )
        minted = live_call.stage.run(all_clients("POST", token))
        print(told("listener-token, LiveKit's answer included", minted))


# Marks when the token arrived and when the badge turned LIVE.
STOPWATCH = """
window.marks = {};
const fetched = window.fetch;
window.fetch = async (...given) => {
  const answer = await fetched(...given);
  if (String(given[0]).endsWith("/listener-token")) window.marks.token = performance.now();
  return answer;
};
new MutationObserver(function look() {
  const panel = document.querySelector("anyreach-snoop-panel");
  if (!panel || window.marks.panel) return;
  window.marks.panel = performance.now();
  new MutationObserver(() => {
    if (panel.shadowRoot.querySelector(".badge").textContent === "LIVE") {
      window.marks.live ??= performance.now();
    }
  }).observe(panel.shadowRoot, {subtree: true, childList: true, characterData: true});
}).observe(document, {subtree: true, childList: true});
"""

# livekit-client alone, on a page without a panel, with a token of its own.
RAW_CONNECT = """
async ({chunk, tokenUrl, headers}) => {
  const {Room} = await import(chunk);
  const grant = await (await fetch(tokenUrl, {method: "POST", headers})).json();
  const room = new Room();
  const began = performance.now();
  await room.connect(grant.url, grant.token, {autoSubscribe: false});
  const took = performance.now() - began;
  await room.disconnect();
  return took;
}
"""


@pytest.mark.timeout(300)
def bench_page_opened_to_live(
    context: BrowserContext, site, live_call: LiveCall, supervisor
) -> None:
    page = context.new_page()
    page.add_init_script(STOPWATCH)
    ours, raw, whole = [], [], []
    for _ in range(OPENINGS):
        open_call(page, site, live_call.conversation)
        panel = page.locator("anyreach-snoop-panel")
        expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
        marks = page.evaluate("() => marks")
        ours.append(marks["live"] - marks["token"])
        whole.append(marks["live"])
        given = page.evaluate(
            """() => {
              const {dataset} = document.querySelector("#conversation");
              const {tokenUrl, csrf, organizationId} = dataset;
              const chunk = performance.getEntriesByType("resource")
                .find(({name}) => name.includes("livekit-client")).name;
              return {chunk, tokenUrl,
                headers: {"X-CSRFToken": csrf, "X-Anyreach-Org": organizationId}};
            }"""
        )
        # A fresh page, so that both make their browser's first connection.
        page.goto(f"{site.url}/acme/conversations")
        raw.append(page.evaluate(RAW_CONNECT, given))
    print()
    print(told("raw livekit-client connect()", raw))
    print(told("token's arrival to LIVE", ours))
    print(f"ratio of the medians {statistics.median(ours) / statistics.median(raw):.2f}")
    print(told("navigation to LIVE, everything included", whole))


def bench_bytes_of_the_detail_page(context, site, live_call: LiveCall, supervisor) -> None:
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on(
        "requestfinished",
        lambda request: sizes.__setitem__(request.url, request.sizes()["responseBodySize"]),
    )
    open_call(page, site, live_call.conversation)
    expect(page.locator("anyreach-snoop-panel").get_by_text("LIVE", exact=True)).to_be_visible()
    painted = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    )
    first = {url: size for url, size in sizes.items() if "/static/" in url or "/acme/" in url}
    client = sum(size for url, size in first.items() if "livekit-client" in url)
    print("\nWhat the detail page loads, compressed")
    for url, size in sizes.items():
        print(f"  {size:>8} {url.removeprefix(site.url).partition('?')[0]}")
    print(f"requests {len(first)}, bytes {sum(first.values())}, of which livekit-client {client}")
    print(
        f"first contentful paint after {painted or 0:.0f} ms; without livekit-client it needs "
        f"{(sum(first.values()) - client) / 1024:.0f} KB"
    )
