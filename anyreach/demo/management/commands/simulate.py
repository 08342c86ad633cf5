"""manage.py simulate: many calls on LiveKit, for benches, demos and load tests."""

import argparse
import asyncio
import contextlib
import itertools
import math
from collections.abc import Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections

from anyreach.demo.calling import Switchboard, web_line
from anyreach.demo.player import Call, turns_per_minute
from anyreach.demo.scripts import SCRIPTS
from anyreach.gateways.livekit import server
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.organizations.models import Organization
from anyreach.stack.progress import Progress
from conversations.models import Agent, Conversation, Status

LOOK_EVERY_S = 2
# Longer than the reconciler takes to find a room of which no webhook told.
UNNOTICED_FOR_S = 30
UNNOTICED = (
    "None comes in: do AnyReach's web process and worker run on this database, and do LiveKit's "
    "webhooks reach them?"
)


class Command(BaseCommand):
    help = (
        "Play calls on LiveKit, as a customer's agent and callers would, until Ctrl-C. They come "
        "in by LiveKit's webhooks as any call does, so AnyReach itself must run."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--calls", type=whole, required=True, help="how many at once")
        parser.add_argument("--minutes", type=above_zero, help="stop after this time")
        parser.add_argument(
            "--sound",
            action=argparse.BooleanOptionalAction,
            default=False,
            help="speak aloud, which takes far more of the machine",
        )
        parser.add_argument(
            "--organization", metavar="SLUG", help="needed where there is more than one"
        )
        parser.add_argument(
            "--rate",
            type=above_zero,
            metavar="TURNS",
            help="turns a minute in each call; without it as people speak, which is about 11",
        )

        parser.add_argument(
            "--repeat",
            type=whole,
            default=1,
            metavar="N",
            help="play each call's script N times over: it lasts N times its minute or so",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organization = organization_named(options["organization"])
        try:
            server.list_rooms(["simulate"])
        except LiveKitAway as error:
            raise CommandError(
                f"LiveKit at {settings.LIVEKIT_URL} does not answer, or LIVEKIT_API_KEY and "
                "LIVEKIT_API_SECRET are not its own."
            ) from error
        agents = Agent.objects.filter(organization=organization)
        calls = web_calls(
            organization.slug,
            {agent.name: str(agent.pk) for agent in agents},
            sounds=options["sound"],
            rate=options["rate"],
            times=options["repeat"],
        )
        switchboard = Switchboard(calls, at_once=options["calls"])
        minutes = options["minutes"]
        with Progress("Calls") as progress:
            asyncio.run(simulate(switchboard, progress, for_s=minutes and minutes * 60))


def organization_named(slug: str | None) -> Organization:
    """Return the organization `slug`, or the only one. Raises CommandError."""
    organizations = list(Organization.objects.filter(**({"slug": slug} if slug else {}))[:2])
    if not organizations:
        raise CommandError(
            f"There is no organization {slug}."
            if slug
            else "There is no organization yet: manage.py create_organization makes one."
        )
    if len(organizations) > 1:
        raise CommandError("There are several organizations: choose one with --organization.")
    return organizations[0]


def web_calls(
    slug: str, agents: dict[str, str], *, sounds: bool, rate: float | None, times: int
) -> Iterator[Call]:
    """Yield calls for ever, to the agent whose script it is or else to each agent in turn.

    `agents` are ids by name.
    """
    in_turn = itertools.cycle([*agents.values()] or [None])
    for script in itertools.cycle(SCRIPTS):
        line = web_line(slug, agents.get(script.agent) or next(in_turn))
        speed = rate / turns_per_minute(script) if rate else 1.0
        yield Call(script, line, sounds=sounds, speed=speed, times=times)


async def simulate(switchboard: Switchboard, progress: Progress, *, for_s: float | None) -> None:
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(switchboard, progress))
        await switchboard.run(for_s=for_s)
        watching.cancel()
    progress.what = (
        f"Stopped: {switchboard.over} calls were played to their end, all rooms are gone"
    )


async def watch(switchboard: Switchboard, progress: Progress) -> None:
    """Tell how many calls there are, and how many of them have come in."""
    loop = asyncio.get_running_loop()
    noticed, unnoticed_until = 0, loop.time() + UNNOTICED_FOR_S
    while True:
        rooms = switchboard.live_rooms()
        with contextlib.suppress(DatabaseError):
            noticed = await sync_to_async(in_progress)(rooms)
        if noticed or not rooms:
            unnoticed_until = loop.time() + UNNOTICED_FOR_S
        progress.what = (
            f"{len(rooms)} of {switchboard.at_once} calls live, {noticed} in progress in AnyReach, "
            f"{switchboard.over} over, {switchboard.broken_off} broken off"
        )
        if loop.time() > unnoticed_until:
            progress.what += f". {UNNOTICED}"
        await asyncio.sleep(LOOK_EVERY_S)


def in_progress(rooms: list[str]) -> int:
    close_old_connections()
    return Conversation.objects.filter(room_name__in=rooms, status=Status.IN_PROGRESS).count()


def whole(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more.")
    return int(text)


def above_zero(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (number := float(text)) < math.inf:
            return number
    raise argparse.ArgumentTypeError("must be a number above 0.")
