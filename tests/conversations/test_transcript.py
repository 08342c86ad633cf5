"""The fold from what a room sends to a transcript. The browser's twin passes the same fixtures."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.transcript import (
    Cut,
    Event,
    Item,
    Line,
    Lines,
    Text,
    Tool,
    changed,
    fold,
    user_turn_count,
)

CASES = json.loads((Path(__file__).parents[1] / "data/transcript/text-fold.json").read_text())


def read(event: dict[str, Any]) -> Event:
    types = {"text": Text, "cut": Cut}
    return types[event.pop("type")](**event)


def folded(*events: Event) -> Lines:
    lines: Lines = ()
    for event in events:
        lines = fold(lines, event)
    return lines


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_text_events_fold_as_the_shared_fixtures_say(case):
    lines = folded(*(read(dict(event)) for event in case["events"]))
    expected = case["lines"]
    assert [
        {key: asdict(line)[key] for key in want} for line, want in zip(lines, expected, strict=True)
    ] == expected


segments = st.sampled_from(["a", "b", "c"])
speakers = st.sampled_from(["x", "y"])
texts = st.builds(
    Text,
    segment_id=segments,
    role=st.sampled_from(["user", "agent"]),
    speaker=speakers,
    text=st.text(max_size=8),
    final=st.booleans(),
    at=st.integers(0, 50),
)
cuts = st.builds(Cut, segment_id=segments, speaker=speakers, at=st.integers(0, 50))


@given(st.lists(texts | cuts, max_size=30))
def test_a_final_line_never_becomes_interim_and_no_segment_is_doubled(events):
    lines: Lines = ()
    final: set[tuple[str, str]] = set()
    for event in events:
        lines = fold(lines, event)
        ids = [(line.speaker, line.segment_id) for line in lines]
        assert len(ids) == len(set(ids))
        now = {(line.speaker, line.segment_id) for line in lines if line.final}
        assert final <= now
        final = now
    assert [line.started_at for line in lines] == sorted(line.started_at for line in lines)


@given(st.lists(texts | cuts, max_size=30), speakers)
def test_nothing_that_one_speaker_sends_touches_what_another_said(events, speaker):
    alone = folded(*(event for event in events if event.speaker == speaker))
    assert tuple(line for line in folded(*events) if line.speaker == speaker) == alone


@given(st.lists(texts | cuts, max_size=20))
def test_hearing_everything_twice_changes_nothing(events):
    once = folded(*events)
    finals = [e for e in events if isinstance(e, Text) and not e.final]
    assert folded(*events, *finals) == folded(*events, *finals, *finals)
    assert changed(once, once) == []


def test_a_tool_call_and_its_result_share_one_line():
    lines = folded(
        Tool("call_1", "find_order", 1000, arguments={"order": "4471"}),
        Tool("call_1", "", 1300, output="42 USD", done=True),
        Tool("call_1", "find_order", 1310, output="42 USD", done=True),
    )
    assert lines == (
        Line(
            role="tool",
            call_id="call_1",
            name="find_order",
            arguments={"order": "4471"},
            output="42 USD",
            final=True,
            started_at=1000,
            ended_at=1300,
        ),
    )


def test_a_failed_tool_call_says_so():
    (line,) = folded(Tool("c", "book", 1, output="no slot", is_error=True, done=True))
    assert line.is_error


def test_the_agents_record_meets_the_line_its_stream_told():
    lines = folded(
        Text("S1", "agent", "agent-1", "How can I help?", False, 1000),
        Item("item_1", "agent", "How can I help?", False, 1900, {"llm_ttft_ms": 320}),
        Text("S1", "agent", "agent-1", "How can I help?", True, 2000),
    )
    (line,) = lines
    assert (line.segment_id, line.item_id, line.latency) == (
        "S1",
        "item_1",
        {"llm_ttft_ms": 320},
    )


def test_only_the_agents_record_says_that_it_was_cut_off():
    (line,) = folded(
        Text("S1", "agent", "agent-1", "It was forty", True, 1000),
        Item("item_1", "agent", "It was forty", True, 1100),
    )
    assert line.interrupted


def test_a_callers_record_that_joins_segments_marks_the_last_of_them():
    lines = folded(
        Text("S1", "user", "caller-1", "Hello.", True, 1000),
        Text("S2", "user", "caller-1", "I want a refund.", True, 2000),
        Item("item_1", "user", "Hello. I want a refund.", False, 2300),
    )
    assert [line.item_id for line in lines] == ["", "item_1"]


def test_a_record_without_a_stream_is_a_line_and_a_late_stream_meets_it():
    lines = folded(
        Item("item_1", "agent", "Goodbye.", False, 1000),
        Text("S1", "agent", "agent-1", "Goodbye.", True, 1200),
    )
    assert [(line.item_id, line.segment_id) for line in lines] == [("item_1", "S1")]


def test_the_same_words_said_again_are_two_lines():
    lines = folded(
        Text("S1", "user", "caller-1", "Yes.", True, 1000),
        Item("item_1", "user", "Yes.", False, 1100),
        Text("S2", "user", "caller-1", "Yes.", True, 5000),
        Item("item_2", "user", "Yes.", False, 5100),
    )
    assert [line.item_id for line in lines] == ["item_1", "item_2"]


def test_turns_of_the_caller_are_counted_in_runs():
    lines = folded(
        Text("1", "agent", "a", "Hello.", True, 1),
        Text("2", "user", "c", "Hi.", True, 2),
        Text("3", "user", "c", "A refund.", True, 3),
        Text("4", "agent", "a", "Sure.", True, 4),
        Text("5", "user", "c", "Thanks.", True, 5),
        Text("6", "user", "c", "", False, 6),
    )
    assert user_turn_count(lines) == 2
