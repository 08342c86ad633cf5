"""Attacks on the log: to have something that was said or dialled stand in it."""

import asyncio
import gc
import io
import json
import logging
import subprocess
import sys
import time
from http import HTTPStatus

import pytest
from django.db import IntegrityError
from django.test import Client
from procrastinate.contrib.django import app

from agent_assist import finding
from conversations.models import Turn
from tests.conftest import ROOT
from tests.conversations.factories import make_conversation, make_turn
from tests.environment import PATIENCE_S
from tests.organizations.factories import bearer, make_api_key, make_organization

SAID = "My card is 4111 1111 1111 1111"
NUMBER = "+15550184472"


@pytest.fixture
def logged():
    """Return a function: the lines that our log has got since."""
    (ours,) = (each for each in logging.getLogger().handlers if each.name == "stderr")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ours.formatter)
    logging.getLogger().addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    logging.getLogger().removeHandler(handler)


def quotes(line: str) -> bool:
    return "4111 1111" in line or "5550184472" in line


def have_a_row_refused() -> None:
    turn = make_turn(make_conversation(), text=SAID, speaker=NUMBER)
    with pytest.raises(IntegrityError) as raised:
        Turn.objects.filter(pk=turn.pk).update(position=-1)
    assert quotes(str(raised.value))
    raise raised.value


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_database_refuses_is_named_and_not_quoted(logged):
    try:
        have_a_row_refused()
    except IntegrityError:
        logging.getLogger("conversations").exception("A turn is not written")
    (line,) = logged()
    assert "psycopg.errors.CheckViolation (conversations_turn_position_check)" in line
    assert "django.db.utils.IntegrityError" in line
    assert "have_a_row_refused" in line
    assert not quotes(line)


def test_errors_in_a_group_are_named_and_not_quoted(logged):
    try:
        raise ExceptionGroup(SAID, [ValueError(NUMBER), KeyError(NUMBER)])
    except ExceptionGroup:
        logging.getLogger("conversations").exception("It failed")
    (line,) = logged()
    assert (
        "builtins.ExceptionGroup\\nof which 1 of 2\\nbuiltins.ValueError\\nof which 2 of 2" in line
    )
    assert not quotes(line)


def test_errors_that_come_of_each_other_are_told_once(logged):
    first, second = ValueError(SAID), KeyError(NUMBER)
    first.__cause__, second.__cause__ = second, first
    logging.getLogger("conversations").error("It failed", exc_info=first)
    (line,) = logged()
    told = json.loads(line)["exception"].splitlines()
    assert told == ["builtins.KeyError", "and then", "builtins.ValueError"]


@pytest.mark.django_db
def test_a_request_that_fails_quotes_neither_its_address_nor_its_error(logged, monkeypatch):
    def fail(_, number):
        raise RuntimeError(number)

    monkeypatch.setattr(finding, "newest", fail)
    headers = bearer(make_api_key(make_organization())[1])
    client = Client(raise_request_exception=False)
    answer = client.get(f"/core/agent-assist/{NUMBER}", headers=headers)
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    (line,) = logged()
    told = json.loads(line)
    assert (told["event"], told["route"]) == (
        "A request failed",
        "core/agent-assist/<str:phone_number>",
    )
    assert told["exception"].endswith("builtins.RuntimeError")
    assert not quotes(line)


def test_an_error_that_nobody_awaits_is_not_quoted(logged):
    async def fail():
        raise ValueError(SAID)

    async def play():
        task = asyncio.create_task(fail(), name=NUMBER)
        await asyncio.sleep(0)
        del task
        gc.collect()

    asyncio.run(play())
    (line,) = logged()
    assert json.loads(line)["exception"].endswith("builtins.ValueError")
    assert not quotes(line)


def test_what_libraries_quote_is_not_kept(logged):
    """As LiveKit's does, of an event that it cannot make sense of."""
    logging.exception("error while handling: %s", NUMBER, extra={"identity": NUMBER})
    logging.getLogger("django.dispatch").error("Error in %s", SAID, exc_info=ValueError(SAID))
    of_root, of_django = logged()
    assert json.loads(of_root)["event"] == json.loads(of_django)["event"] == "A library's message"
    assert "test_logs:" in json.loads(of_root)["place"]
    assert "builtins.ValueError" in of_django
    assert not quotes(of_root + of_django)


STREAM_FAILS = f"""
import logging
import uvicorn
uvicorn.Config("anyreach.asgi:application").load()
logging.getLogger("uvicorn.error").error("Exception", exc_info=ValueError({SAID!r}))
"""


def test_a_stream_that_fails_is_not_quoted():
    """Uvicorn has handlers of its own, until Django is there."""
    done = subprocess.run(
        [sys.executable, "-c", STREAM_FAILS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["exception"].endswith("builtins.ValueError")
    assert not quotes(line)


@pytest.mark.usefixtures("transactional_db", "worker")
def test_a_job_that_fails_quotes_none_of_its_arguments():
    log = ROOT / ".anyreach" / "test-worker.log"
    before = log.stat().st_size if log.exists() else 0
    # As after an upgrade, for a worker that is still the old one.
    app.configure_task("no.such_task").defer(room_name=f"call-{NUMBER}")
    deadline = time.monotonic() + PATIENCE_S
    while b"job_error" not in (written := log.read_bytes()[before:]):
        assert time.monotonic() < deadline, "No job failed."
        time.sleep(0.1)
    told = [json.loads(line) for line in written.decode().splitlines() if "no.such_task" in line]
    assert {each["event"] for each in told} == {"Job queue: task_not_found", "Job queue: job_error"}
    assert not quotes(written.decode())
