"""manage.py simulate on a real LiveKit server: its calls come in as any call does, and go."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command

from anyreach.demo.calling import Switchboard
from anyreach.demo.management.commands import simulate
from anyreach.stack.dying_with_parent import die_with_parent
from anyreach.stack.progress import Progress
from conversations.models import Agent, Conversation, Status, Turn
from tests.callers import room_names, until
from tests.conftest import ROOT, test_database_url
from tests.environment import PATIENCE_S
from tests.organizations.factories import make_organization

CALLS = 3


@contextmanager
def simulating(*options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "simulate", "--calls", str(CALLS), *options],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": test_database_url()},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "It did not come about."
        time.sleep(0.1)


@pytest.mark.usefixtures("web", "worker")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_calls_come_in_are_written_down_and_leave_no_room(number):
    organization = make_organization("busy")
    agent = Agent.objects.create(organization=organization, name="Reception")
    before = room_names()
    with simulating("--rate", "120") as simulation:
        live = Conversation.objects.filter(status=Status.IN_PROGRESS)
        wait_until(lambda: live.count() == CALLS)
        for role in (Turn.Role.USER, Turn.Role.AGENT, Turn.Role.TOOL):
            said = Turn.objects.filter(role=role, final=True).values("conversation").distinct()
            wait_until(lambda said=said: said.count() >= CALLS)
        assert {call.agent for call in live.all()} == {agent}
        simulation.send_signal(number)
        assert simulation.wait(20) == 0
        assert room_names() <= before
        assert "all rooms are gone" in simulation.stderr.read()
    wait_until(lambda: not live.exists())
    ends = Conversation.objects.values_list("organization__slug", "status")
    assert set(ends) == {("busy", Status.COMPLETED)}


@pytest.mark.usefixtures("web", "worker")
def test_a_call_that_is_to_last_longer_says_all_of_it_again():
    make_organization()
    over = Conversation.objects.filter(status=Status.COMPLETED)
    # Of some calls the recorder may have missed the first words: those of a worker that is new.
    with simulating("--rate", "300", "--repeat", "2") as simulation:
        wait_until(lambda: any(says_all_twice(call) for call in over.all()))
        simulation.terminate()
        assert simulation.wait(20) == 0


def says_all_twice(call: Conversation) -> bool:
    finals = call.turns.filter(role=Turn.Role.USER, final=True)
    return set(Counter(finals.values_list("text", flat=True)).values()) == {2}


@pytest.mark.usefixtures("livekit_server", "transactional_db")
def test_it_stops_by_itself():
    make_organization()
    before = room_names()
    with simulating("--minutes", "0.05") as simulation:
        assert simulation.wait(30) == 0
    assert room_names() <= before


@pytest.mark.usefixtures("livekit_server", "transactional_db")
def test_it_tells_that_no_call_comes_in(monkeypatch):
    monkeypatch.setattr(simulate, "UNNOTICED_FOR_S", 0)
    before = room_names()
    calls = simulate.web_calls(make_organization().slug, {}, sounds=False, rate=None, times=1)
    progress = Progress("Calls")

    async def run():
        async with asyncio.TaskGroup() as group:
            switchboard = Switchboard(calls, at_once=1)
            playing = group.create_task(switchboard.run())
            await until(switchboard.live_rooms)
            watching = group.create_task(simulate.watch(switchboard, progress))
            await until(lambda: simulate.UNNOTICED in progress.what)
            watching.cancel()
            playing.cancel()

    asyncio.run(run())
    assert room_names() <= before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("organizations", "options", "sentence"),
    [
        ([], {}, "There is no organization yet: manage.py create_organization makes one."),
        (["one"], {"organization": "two"}, "There is no organization two."),
        (
            ["one", "two"],
            {},
            "There are several organizations: choose one with --organization.",
        ),
    ],
)
def test_it_says_which_organization_is_missing(organizations, options, sentence):
    for slug in organizations:
        make_organization(slug)
    with pytest.raises(CommandError) as refusal:
        call_command("simulate", calls=1, **options)
    assert str(refusal.value) == sentence


@pytest.mark.django_db
def test_it_says_that_livekit_is_away(settings):
    make_organization()
    settings.LIVEKIT_URL = "ws://127.0.0.1:1"
    with pytest.raises(CommandError, match=r"LiveKit at ws://127\.0\.0\.1:1"):
        call_command("simulate", calls=1)


@pytest.mark.parametrize(
    "options", [("--calls=0",), ("--calls=1", "--rate=0"), ("--calls=1", "--minutes=nan")]
)
def test_it_refuses_what_cannot_be(options):
    with pytest.raises(CommandError, match="must be a"):
        call_command("simulate", *options)
