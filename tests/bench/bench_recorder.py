"""How soon what is said is in the database, and what a worker needs for many calls at once."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from asgiref.sync import sync_to_async

from conversations.models import RecordedSpan, Turn
from tests.bench.figures import told
from tests.callers import Party, make_room, token_of, until
from tests.conftest import Process, test_database_url
from tests.organizations.factories import make_organization

SENTENCES = 200
LOOK_EVERY_S = 0.001
CALLS = 100
CALLS_COME_WITHIN_S = 300
MEASURED_S = 60


@pytest.mark.timeout(300)
def bench_from_the_last_word_to_the_row(web, worker) -> None:
    written = asyncio.run(sentences_written(make_organization().slug))
    print(f"\n{SENTENCES} final texts, one after another")
    print(told("INSERT and commit of such a row alone", plain_inserts()))
    print(told("sent by the agent to seen in the database", written))


async def sentences_written(slug: str) -> list[float]:
    room = f"room-{uuid.uuid4()}"
    await make_room(room, metadata=json.dumps({"anyreach": {"organization": slug}}))
    # LiveKit closes a room of agents alone after a while.
    caller = await Party().join(token_of("guest_1", room))
    agent = await Party().join(token_of("agent-1", room, kind="agent"))
    await until(recorders(1), within_s=30)
    took = []
    async with await psycopg.AsyncConnection.connect(test_database_url(), autocommit=True) as link:
        for number in range(SENTENCES):
            sent_at = time.perf_counter()
            await agent.say(f"S{number}", f"This is sentence {number}.")
            while not await is_written(link, f"S{number}"):
                await asyncio.sleep(LOOK_EVERY_S)
            took.append((time.perf_counter() - sent_at) * 1000)
    await agent.leave()
    await caller.leave()
    return took


async def is_written(link: psycopg.AsyncConnection, segment_id: str) -> bool:
    found = await link.execute(
        "SELECT 1 FROM conversations_turn WHERE final AND segment_id = %s", [segment_id]
    )
    return await found.fetchone() is not None


def plain_inserts() -> list[float]:
    turns = Turn.objects.all()
    like = turns[0]
    took = []
    for number in range(SENTENCES):
        like.pk, like.segment_id = uuid.uuid4(), f"copy-{number}"
        began = time.perf_counter()
        like.save(force_insert=True)
        took.append((time.perf_counter() - began) * 1000)
    return took


def recorders(count: int) -> Callable[[], object]:
    spans = RecordedSpan.objects.filter(ended_at=None)
    return sync_to_async(lambda: spans.count() >= count)


@pytest.mark.timeout(600)
def bench_many_calls_in_one_worker(web, worker: Process) -> None:
    slug = make_organization().slug
    options = ["--calls", str(CALLS), "--repeat", "10", "--organization", slug]
    calls = Process("simulate", "manage.py", "simulate", *options)
    calls.start()
    try:
        asyncio.run(until(recorders(CALLS), within_s=CALLS_COME_WITHIN_S))
        turns, began = Turn.objects.count(), time.monotonic()
        used, used_to_speak = seconds_used(worker.pid), seconds_used(calls.pid)
        used_by_python = seconds_used(worker.pid, thread=worker.pid)
        resident = []
        while time.monotonic() - began < MEASURED_S:
            resident.append(megabytes_of(worker.pid))
            time.sleep(1)
        took = time.monotonic() - began
        share = (seconds_used(worker.pid) - used) / took
        by_python = (seconds_used(worker.pid, thread=worker.pid) - used_by_python) / took
        to_speak = (seconds_used(calls.pid) - used_to_speak) / took
        said = Turn.objects.count() - turns
    finally:
        calls.kill()
    print(f"\n{CALLS} calls in one worker for {took:.0f} s, {said / took:.0f} turns/s")
    print(f"what plays the calls    {to_speak:.0%} of one core")
    print(f"its share of one core   {share:.0%}, of which its event loop {by_python:.0%}")
    print(f"its memory              {max(resident):.0f} MB at most")


def seconds_used(pid: int, *, thread: int | None = None) -> float:
    told = Path(f"/proc/{pid}/task/{thread}/stat" if thread else f"/proc/{pid}/stat")
    fields = told.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes_of(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
