"""manage.py demo_calls: three calls live at once, starting anew for ever."""

import asyncio
import contextlib
import itertools
import json
import random
import signal
import sys
import uuid
from typing import Any

import aiohttp
from django.core.management.base import BaseCommand
from livekit import api, rtc
from livekit.rtc.participant import PublishTrackError

from anyreach.demo.player import Call, Line
from anyreach.demo.scripts import SCRIPTS, Script
from anyreach.demo.seed import ORGANIZATION_SLUG
from conversations.models import Agent, PhoneNumber

AT_ONCE = 3
STAGGER_S = 6
BETWEEN_S = (0.5, 2)
AWAY_WAITS_S = (1, 2, 5, 10, 30)
# LiveKit is away, or somebody has ended the call: its room is gone in mid-sentence.
BROKEN_OFF = (
    *(aiohttp.ClientError, api.ServerError, TimeoutError, RuntimeError),
    *(rtc.ConnectError, rtc.StreamError, PublishTrackError),
)


class Command(BaseCommand):
    help = "Play three calls at once on LiveKit until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        agents = {
            agent.name: str(agent.pk)
            for agent in Agent.objects.filter(organization__slug=ORGANIZATION_SLUG)
        }
        numbers = {
            number.agent.name: number.number
            for number in PhoneNumber.objects.filter(
                organization__slug=ORGANIZATION_SLUG
            ).select_related("agent")
            if number.agent
        }
        asyncio.run(play_until_stopped(agents, numbers))


async def play_until_stopped(agents: dict[str, str], numbers: dict[str, str]) -> None:
    """Keep AT_ONCE calls going. `agents` and `numbers` are by the agent's name."""
    scripts = itertools.cycle(SCRIPTS)
    slots = [
        asyncio.create_task(keep_calling(slot, scripts, agents, numbers)) for slot in range(AT_ONCE)
    ]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: [slot.cancel() for slot in slots])
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*slots)
    await asyncio.gather(*slots, return_exceptions=True)


async def keep_calling(
    slot: int, scripts: "itertools.cycle[Script]", agents: dict[str, str], numbers: dict[str, str]
) -> None:
    await asyncio.sleep(slot * STAGGER_S)
    failures = 0
    for count in itertools.count(slot):
        script = next(scripts)
        by_phone = count % 2 == 0
        line = phone_line(numbers[script.agent]) if by_phone else web_line(agents[script.agent])
        try:
            await Call(script, line).play()
            failures = 0
        except BROKEN_OFF:
            wait_s = AWAY_WAITS_S[min(failures, len(AWAY_WAITS_S) - 1)]
            print(f"A call broke off; the next one is in {wait_s} s.", file=sys.stderr, flush=True)
            failures += 1
            await asyncio.sleep(wait_s)
        await asyncio.sleep(random.uniform(*BETWEEN_S))  # noqa: S311 - nothing secret


def phone_line(dialled: str) -> Line:
    """A call to one of the organization's numbers, in a room that nobody prepared."""
    caller = f"+1555017{random.randrange(10_000):04}"  # noqa: S311 - nothing secret
    return Line(
        room=f"call-{uuid.uuid4().hex[:12]}", caller=f"sip_{caller}", phone=caller, dialled=dialled
    )


def web_line(agent_id: str) -> Line:
    """A visitor's call, in a room whose metadata says whose it is."""
    claim = {"anyreach": {"organization": ORGANIZATION_SLUG, "agent": agent_id}}
    return Line(
        room=f"web-{uuid.uuid4().hex[:12]}",
        caller=f"guest_{uuid.uuid4().hex[:8]}",
        metadata=json.dumps(claim),
    )
