"""A version stands for all that a brief reads, and for nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from agent_assist.brief.version import is_of, version_of
from conversations.models import Conversation, Turn

BEGAN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def call(**fields: Any) -> Conversation:
    known = {"id": UUID(int=1), "user_id": "+15550100", "status": "completed", "duration": 60}
    return Conversation(created_at=BEGAN, **{**known, **fields})


def turns(**fields: Any) -> list[Turn]:
    known = {"role": "tool", "name": "find", "arguments": {"a": 1, "b": 2}, "started_at": BEGAN}
    first = Turn(id=UUID(int=2), role="user", text="Hello.", started_at=BEGAN, position=0)
    return [first, Turn(id=UUID(int=3), **{**known, "position": 1, **fields})]


VERSION = version_of(call(), turns())


def test_the_same_transcript_has_the_same_version():
    assert version_of(call(), turns(arguments={"b": 2, "a": 1})) == VERSION
    assert len(VERSION) == 64


@pytest.mark.parametrize(
    "changed",
    [
        {"caller_name": "Anna"},
        {"status": "in_progress"},
        {"duration": 61},
        {"custom_metadata": {"a": 1}},
        {"answered_at": BEGAN},
    ],
)
def test_what_changes_of_the_call_changes_it_but_not_whose_turns_they_are(changed):
    version = version_of(call(**changed), turns())
    assert version != VERSION
    assert is_of(version, turns())


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Hello!"},
        {"role": "agent"},
        {"arguments": {"a": 1}},
        {"output": "none"},
        {"is_error": True},
        {"interrupted": True},
        {"started_at": BEGAN + timedelta(microseconds=1)},
        {"ended_at": BEGAN},
    ],
)
def test_what_changes_of_a_turn_changes_it(changed):
    assert version_of(call(), turns(**changed)) != VERSION
    assert not is_of(VERSION, turns(**changed))


def test_order_and_number_of_turns_matter():
    assert version_of(call(), turns()[::-1]) != VERSION
    assert version_of(call(), turns()[:1]) != VERSION


def test_where_its_row_stands_and_how_long_it_took_do_not():
    assert version_of(call(), turns(position=7, latency={"llm_ms": 4})) == VERSION
