"""manage.py demo_calls: three calls live at once, starting anew for ever."""

import asyncio
import itertools
import random
import uuid
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from anyreach.demo.calling import Switchboard, web_line
from anyreach.demo.player import Call, Line
from anyreach.demo.scripts import SCRIPTS
from anyreach.demo.seed import ORGANIZATION_SLUG
from conversations.models import Agent, PhoneNumber

AT_ONCE = 3


class Command(BaseCommand):
    help = "Play three calls at once on LiveKit until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        agents = Agent.objects.filter(organization__slug=ORGANIZATION_SLUG)
        numbers = PhoneNumber.objects.filter(organization__slug=ORGANIZATION_SLUG)
        calls = demo_calls(
            {agent.name: str(agent.pk) for agent in agents},
            {row.agent.name: row.number for row in numbers.select_related("agent") if row.agent},
        )
        switchboard = Switchboard(calls, at_once=AT_ONCE)
        asyncio.run(switchboard.run())


def demo_calls(agents: dict[str, str], numbers: dict[str, str]) -> Iterator[Call]:
    """Yield calls by phone and by web in turn. `agents` and `numbers` are by the agent's name."""
    for count, script in enumerate(itertools.cycle(SCRIPTS)):
        # Each script comes by phone and by web: their number is even.
        by_phone = (count + count // len(SCRIPTS)) % 2 == 0
        line = phone_line(numbers[script.agent]) if by_phone else None
        yield Call(script, line or web_line(ORGANIZATION_SLUG, agents[script.agent]))


def phone_line(dialled: str) -> Line:
    """A call to one of the organization's numbers, in a room that nobody prepared."""
    caller = f"+1555017{random.randrange(10_000):04}"  # noqa: S311 - nothing secret
    return Line(
        room=f"call-{uuid.uuid4().hex[:12]}", caller=f"sip_{caller}", phone=caller, dialled=dialled
    )
