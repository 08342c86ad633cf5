"""Briefs in the real worker process: it tells no log what was said, and may die at any moment."""

import time

import pytest

from agent_assist import writing
from agent_assist.models import Brief
from tests.agent_assist.briefed import RIGHT, SAID, make_call, turns_of
from tests.agent_assist.model_server import ModelServer, Reply
from tests.conftest import ROOT
from tests.environment import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)

SLOWLY = Reply(RIGHT, tokens_per_s=60)


def begun() -> Brief:
    call = make_call(*SAID)
    brief = writing.begin(call, turns_of(call))
    assert brief is not None
    return brief


def until_state(brief: Brief, state: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while brief.state != state:
        assert time.monotonic() < deadline, brief.state
        time.sleep(0.05)
        brief.refresh_from_db()


def until_some_is_written(brief: Brief, model: ModelServer) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not brief.content:
        assert time.monotonic() < deadline, model.asked
        time.sleep(0.02)
        brief.refresh_from_db()


def test_it_writes_and_logs_no_word_of_it_however_much_it_logs(brief_worker, model):
    path = ROOT / ".anyreach" / "test-brief-worker.log"
    before = path.stat().st_size if path.exists() else 0
    brief_worker.environment |= {"LOG_LEVEL": "DEBUG", "OPENAI_LOG": "debug"}
    brief_worker.environment |= {"LLM_API_KEY": "sk-very-secret"}
    model.queue(RIGHT, Reply("provider's words", 401, "application/json"), Reply("no JSON"))
    brief_worker.start()
    for state in ("written", "failed", "failed"):
        until_state(begun(), state)
    with path.open() as log:
        log.seek(before)
        told = log.read()
    assert "The language model failed" in told
    # What the libraries have to tell is theirs to choose, and could be any of it.
    libraries = ("openai", "httpx2", "httpcore2")
    for word in ("Anna", "4471", "refund", "provider", "no JSON", "sk-very-secret", *libraries):
        assert word not in told
    assert model.keys[0] == "Bearer sk-very-secret"


def test_a_killed_workers_brief_is_written_by_the_next(brief_worker, model):
    model.queue(SLOWLY, RIGHT)
    brief_worker.start()
    brief = begun()
    until_some_is_written(brief, model)
    brief_worker.kill()
    brief_worker.start()
    until_state(brief, "written")
    assert len(brief.sections.call_summary) == 3
    assert len(model.asked) == 2


def test_a_worker_that_is_asked_to_stop_finishes_its_brief(brief_worker, model):
    model.queue(SLOWLY)
    brief_worker.start()
    brief = begun()
    until_some_is_written(brief, model)
    brief_worker.stop()
    until_state(brief, "written")
    assert len(model.asked) == 1
