"""How soon a closed ear is silent, what it hears on its return, and what a crowd of them costs."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from uuid import uuid4

import httpx
import numpy as np
import pytest
from asgiref.sync import sync_to_async
from livekit import api, rtc

from conversations.models import Conversation
from tests.bench.figures import told
from tests.callers import Party, identities, server
from tests.conftest import ROOT
from tests.ears import listen_with, live_call
from tests.organizations.factories import bearer, make_api_key, make_organization

RUNS = 50
RETURNS = 20
CROWD = 50
PINGS = 150
LOUD = 500
PER_MS = 16


class Office:
    """An organization with a live call, and a program that mints and revokes over HTTP."""

    def __init__(self, room: str, http: httpx.AsyncClient, conversation_id: str) -> None:
        self.room, self.http = room, http
        self.path = f"/core/conversations/{conversation_id}"

    async def mint(self) -> str:
        answer = await self.http.post(f"{self.path}/listener-token")
        return str(answer.raise_for_status().json()["token"])

    async def revoke(self, ear: Party) -> None:
        session_id = ear.room.local_participant.identity.removeprefix("listener-")
        answer = await self.http.delete(f"{self.path}/listeners/{session_id}")
        answer.raise_for_status()


@asynccontextmanager
async def office(web) -> AsyncIterator[tuple[Office, Party, Party]]:
    room = f"room-{uuid4()}"
    organization = await sync_to_async(make_organization)()
    _, key = await sync_to_async(make_api_key)(organization)
    address = web.url.replace("localhost", "127.0.0.1")
    async with (
        live_call(organization, room) as (caller, agent),
        httpx.AsyncClient(base_url=address, headers=bearer(key), timeout=30) as http,
    ):
        conversation = await Conversation.objects.aget(room_name=room)
        yield Office(room, http, str(conversation.pk)), caller, agent


def last_sound(ear: Party) -> float:
    """Return when (time.monotonic()) the last audible sample came in."""
    parts = [part for parts in ear.heard.values() for part in parts]
    return max(at for at, samples in parts if np.abs(samples.astype(int)).max() > LOUD)


def audible_ms(ear: Party) -> float:
    """Return for how long the voice that was heard longest could be heard."""
    return max(
        (
            sum(int((np.abs(samples.astype(int)) > LOUD).any()) * len(samples) for _, samples in p)
            / PER_MS
            for p in ear.heard.values()
        ),
        default=0.0,
    )


@pytest.mark.timeout(600)
def bench_revocation_to_the_last_sample(web, worker) -> None:
    async def play() -> None:
        raw, ours = [], []
        async with office(web) as (desk, _caller, _agent):
            for _ in range(RUNS):
                ear = await listen_with(await desk.mint())
                began = time.monotonic()
                async with server() as client:
                    await client.room.remove_participant(
                        api.RoomParticipantIdentity(
                            room=desk.room, identity=ear.room.local_participant.identity
                        )
                    )
                await asyncio.wait_for(ear.closed, 10)
                raw.append((last_sound(ear) - began) * 1000)
                await ear.leave()
                ear = await listen_with(await desk.mint())
                began = time.monotonic()
                await desk.revoke(ear)
                await asyncio.wait_for(ear.closed, 10)
                ours.append((last_sound(ear) - began) * 1000)
                await ear.leave()
        print(f"\nFrom the request to the ear's last audible sample, {RUNS} runs")
        print(told("LiveKit's RemoveParticipant alone", raw))
        print(told("DELETE …/listeners/{id}", ours))

    asyncio.run(play())


@pytest.mark.timeout(600)
def bench_return_with_an_old_token(web, worker) -> None:
    async def play() -> None:
        heard = []
        async with office(web) as (desk, _caller, _agent):
            token = await desk.mint()
            ear = await listen_with(token)
            await desk.revoke(ear)
            await asyncio.wait_for(ear.closed, 10)
            for _ in range(RETURNS):
                again = Party()
                try:
                    await again.join(token)
                    await asyncio.wait_for(again.closed, 10)
                except rtc.ConnectError:
                    pass
                heard.append(audible_ms(again))
                await again.leave()
        print(f"\nWhat a revoked listener hears on returning, {RETURNS} tries")
        print(told("audible sound", heard) + f"   worst {max(heard):.0f} ms")

    asyncio.run(play())


async def round_trips(caller: Party, agent: Party) -> list[float]:
    """Return how long data takes from caller to agent and back, in ms."""
    took: list[float] = []
    back = asyncio.Event()
    echoes = set()

    def echo(packet: rtc.DataPacket) -> None:
        sent = agent.room.local_participant.publish_data(packet.data, topic="pong")
        echoes.add(asyncio.create_task(sent))

    def note(packet: rtc.DataPacket) -> None:
        back.set()

    agent.room.on("data_received", echo)
    caller.room.on("data_received", note)
    for _ in range(PINGS):
        back.clear()
        began = time.perf_counter()
        await caller.room.local_participant.publish_data(b"ping", topic="ping")
        await asyncio.wait_for(back.wait(), 5)
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.03)
    agent.room.off("data_received", echo)
    caller.room.off("data_received", note)
    return took


async def sound_of(party: Party, identity: str, frequency: int) -> tuple[float, list[float]]:
    """Return the tone's level over the last seconds, and the time between its frames, in ms."""
    since = time.monotonic()
    await asyncio.sleep(5)
    level = party.hears(identity, frequency, since=since)
    times = [at for at, _ in party.heard[identity] if at >= since]
    return level, [1000 * (b - a) for a, b in pairwise(times)]


@pytest.mark.timeout(600)
def bench_a_call_with_50_listeners(web, worker) -> None:
    async def measure(caller: Party, agent: Party, name: str) -> None:
        level, gaps = await sound_of(agent, "guest_1", 440)
        print(told(f"{name}: round trip caller-agent", await round_trips(caller, agent)))
        print(told(f"{name}: between frames at the agent", gaps) + f"   level {level:.0f}")

    async def play() -> None:
        async with office(web) as (desk, caller, agent):
            print(f"\nOne call without and with {CROWD} listeners")
            await measure(caller, agent, "alone")
            async with crowd_of(desk) as crowd:
                told_of_others = caller.room.num_participants
                await measure(caller, agent, f"with {CROWD}")
                await measure(caller, agent, f"with {CROWD}, again")
                print(f"participants that the caller's client counts: {told_of_others}")
                revoking = desk.http.delete(f"{desk.path}/listeners")
                await print_outs(crowd, desk.room, revoking, f"{CROWD} revoked by one request")
            await measure(caller, agent, "alone again")
            async with crowd_of(desk) as crowd, server() as client:
                ears = [each for each in await identities(desk.room) if is_ear(each)]
                them = [api.RoomParticipantIdentity(room=desk.room, identity=each) for each in ears]
                removing = asyncio.gather(*map(client.room.remove_participant, them))
                await print_outs(crowd, desk.room, removing, f"{CROWD} times RemoveParticipant")

    asyncio.run(play())


@asynccontextmanager
async def crowd_of(desk: Office) -> AsyncIterator[subprocess.Popen[str]]:
    """Let CROWD listeners hear the call, in a process of their own."""
    tokens = [await desk.mint() for _ in range(CROWD)]
    command = ["nice", sys.executable, "-m", "tests.bench.crowd"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as crowd:
        try:
            crowd.stdin.write("\n".join(tokens))
            crowd.stdin.close()
            assert (await asyncio.to_thread(crowd.stdout.readline)) == "in\n"
            yield crowd
        finally:
            crowd.kill()


async def print_outs(
    crowd: subprocess.Popen[str], room: str, closing: Awaitable[object], name: str
) -> None:
    """Close the crowd's ears, and print how long it took until they heard their last and were
    gone from LiveKit's list."""
    began = time.time()
    _, gone_after = await asyncio.gather(closing, time_until(lambda: nobody_listens(room)))
    lines = [await asyncio.to_thread(crowd.stdout.readline) for _ in range(CROWD)]
    last_sounds = [float(line.split()[1]) for line in lines]
    heard = [(last - began) * 1000 for last in last_sounds if last]
    print(told(f"{name}: last audible frame", heard) + f"   worst {max(heard):.0f} of {len(heard)}")
    print(f"{name}: none in LiveKit's list after {gone_after * 1000:.0f} ms")


async def time_until(condition: Callable[[], Awaitable[bool]]) -> float:
    """Return after how many seconds `condition` came true."""
    began = time.monotonic()
    while not await condition():
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def nobody_listens(room: str) -> bool:
    return not [each for each in await identities(room) if is_ear(each)]


def is_ear(identity: str) -> bool:
    return identity.startswith("listener-")
