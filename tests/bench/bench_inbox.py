"""How soon a change is on a supervisor's screen, and what a thousand open inboxes cost."""

import asyncio
import statistics
import time
from pathlib import Path

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from anyreach.organizations.scopes import Role
from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import Status, StatusChange
from tests.bench.figures import told
from tests.conversations.factories import make_conversation
from tests.organizations.factories import signed_in

RUNS = 60
INBOXES = 1000
CHANGES = 20
SOURCE = StatusChange.Source.API

# When each row's status was repainted, in milliseconds since the epoch.
STOPWATCH = """
() => {
  window.seen = {};
  new MutationObserver((changes) => {
    for (const {target} of changes) {
      const row = target.closest?.("tr");
      if (row?.textContent.includes("In progress")) seen[row.dataset.id] ??= Date.now();
    }
  }).observe(document.querySelector("#inbox"), {subtree: true, childList: true});
}
"""


@pytest.mark.timeout(300)
def bench_change_to_the_screen(context, site, supervisor, organization) -> None:
    calls = [
        make_conversation(organization, status=Status.RINGING, room_name=None) for _ in range(RUNS)
    ]
    page = context.new_page()
    with page.expect_response(lambda response: "/conversations/rows" in response.url):
        page.goto(f"{site.url}/acme/conversations")
    page.evaluate("() => scrollTo(0, 1e6)")
    page.wait_for_function(f"() => document.querySelectorAll('tbody tr').length === {RUNS}")
    page.evaluate(STOPWATCH)
    took, polled = [], []
    for call in calls:
        lifecycle.report(call, Evidence(Status.IN_PROGRESS, timezone.now(), SOURCE))
        committed = time.time() * 1000
        page.wait_for_function("(id) => seen[id]", arg=str(call.pk))
        took.append(page.evaluate("(id) => seen[id]", str(call.pk)) - committed)
        began = time.perf_counter()
        page.request.get(f"{site.url}/acme/conversations/rows")
        polled.append((time.perf_counter() - began) * 1000)
    print(f"\nA status committed in another process, {RUNS} runs")
    print(told("baseline: one request for the page's rows", polled))
    print(told("from the commit to the row on the screen", took))


def memory_of(pid: int) -> float:
    """Return a process's resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def listening_connections() -> tuple[int, int]:
    """Return how many connections listen for changes, and how many there are in all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE query LIKE 'LISTEN anyreach%'), count(*)"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()


@pytest.mark.timeout(600)
def bench_a_thousand_open_inboxes(site, organization) -> None:
    calls = [
        make_conversation(organization, status=Status.RINGING, room_name=None)
        for _ in range(CHANGES)
    ]
    client = signed_in(organization, Role.SUPERVISOR)
    cookies = {"sessionid": client.cookies["sessionid"].value}
    pid = site.pid
    before = memory_of(pid)

    async def play() -> tuple[list[float], tuple[int, int], float]:
        arrived: asyncio.Queue[float] = asyncio.Queue()
        ready = asyncio.Semaphore(0)
        limits = httpx.Limits(max_connections=None)
        address = site.url.replace("localhost", "127.0.0.1")
        async with httpx.AsyncClient(
            base_url=address, cookies=cookies, limits=limits, timeout=120
        ) as http:

            async def watch() -> None:
                async with http.stream("GET", "/acme/conversations/events") as answer:
                    async for line in answer.aiter_lines():
                        if line == "event: missed":
                            ready.release()
                        elif line == "event: rows":
                            arrived.put_nowait(time.time())

            watching = [asyncio.create_task(watch()) for _ in range(INBOXES)]
            for _ in watching:
                await ready.acquire()
            connections = await asyncio.to_thread(listening_connections)
            held = memory_of(pid)
            took = []
            for call in calls:
                evidence = Evidence(Status.IN_PROGRESS, timezone.now(), SOURCE)
                await asyncio.to_thread(lifecycle.report, call, evidence)
                committed = time.time()
                times = [await arrived.get() for _ in range(INBOXES)]
                took.append((max(times) - committed) * 1000)
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
        return took, connections, held

    took, (listening, all_in_all), held = asyncio.run(play())
    print(f"\n{INBOXES} open inboxes on one web process, their clients on the same two cores")
    print(f"memory of the web process: {before:.0f} MB before, {held:.0f} MB with them")
    print(f"connections of web and worker: {all_in_all}, of which listen for changes: {listening}")
    print(told(f"from a commit to the last of {INBOXES} inboxes", took))
    print(f"per inbox {statistics.median(took) / INBOXES:.2f} ms")
