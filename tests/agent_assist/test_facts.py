"""A brief without a model says what stands in the call, and nothing besides."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_assist.brief.facts import facts_of
from agent_assist.brief.sections import Level, MarkerKind
from conversations.models import Conversation, Status, Turn
from tests.agent_assist.said import BEGAN, agent, call, caller, tool, turns_of, where

REFUND = (
    agent("Hello, this is the refund desk. How can I help you today?"),
    caller("Hello. I ordered a kettle two weeks ago, and it arrived broken."),
    agent("I am sorry. What is your order number, please?"),
    caller("It is four four seven one."),
    tool("find_order", {"order_id": "4471"}, {"item": "Kettle", "amount": "42.00 USD"}),
    tool("refund_order", {"order_id": "4471"}, {"error": "The card was declined."}),
    agent("That did not work. You will get forty two dollars by Friday."),
    caller("Can I talk to a manager, please?"),
)


def test_call_can_be_taken_over_with_it():
    turns = turns_of(*REFUND)

    facts = facts_of(call(caller_name="Mara Lindqvist"), turns)

    sections = facts.sections
    assert facts.caller_name == "Mara Lindqvist"
    assert facts.duration == 35
    assert sections.transfer_reason.text == (
        "Asks for a person after “refund order” failed: “Can I talk to a manager, please?”"
    )
    assert where(turns, sections.transfer_reason.turns) == [5, 7]
    assert [(line.text, where(turns, line.turns)) for line in sections.call_summary] == [
        (
            "The caller said: “Hello. I ordered a kettle two weeks ago, and it arrived broken.”",
            [1],
        ),
        ("Tools that ran: find order.", [4]),
        ("The tool “refund order” failed: The card was declined.", [5]),
        ("The agent said: “You will get forty two dollars by Friday.”", [6]),
        ("The caller said last: “Can I talk to a manager, please?”", [7]),
    ]
    known = {each.label: (each.value, where(turns, each.turns)) for each in _known(sections)}
    assert known["Order ID"] == ("4471", [3, 4, 5])
    assert [turn.kind for turn in facts.markers.values()] == [
        MarkerKind.IDENTITY,
        MarkerKind.TOOL_FAILURE,
        MarkerKind.COMMITMENT,
        MarkerKind.REQUEST,
    ]


def _known(sections: Any) -> Any:
    return sections.information_collected


@pytest.mark.parametrize("lines", [(), (caller(""),), (caller("Yes."),)])
def test_call_of_nearly_nothing_has_a_brief_of_nearly_nothing(lines):
    facts = facts_of(call(), turns_of(*lines))

    assert facts.caller_name == "Unknown Caller"
    assert facts.sections.sentiment.level == Level.CALM
    assert len(facts.sections.call_summary) <= 1
    assert facts.sections.suggested_next_steps[0].action == "Ask how you can help."


def test_ended_call_lasts_as_long_as_it_did():
    assert facts_of(call(status=Status.COMPLETED, duration=71), []).duration == 71


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)


@st.composite
def any_turns(draw: st.DrawFn) -> list[Turn]:
    return turns_of(
        *draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "role": st.sampled_from(Turn.Role.values),
                        "text": st.text(max_size=80) | st.sampled_from(["My card is 4111", "No"]),
                        "name": st.text(max_size=10),
                        "arguments": json_values,
                        "output": json_values,
                        "is_error": st.booleans(),
                        "started_at": st.just(BEGAN),
                        "ended_at": st.none()
                        | st.timedeltas(timedelta(0), timedelta(1)).map(_after_began),
                    }
                ),
                max_size=8,
            )
        )
    )


def _after_began(time: timedelta) -> datetime:
    return BEGAN + time


@settings(max_examples=300, deadline=None)
@given(turns=any_turns(), metadata=json_values, name=st.none() | st.text(max_size=300))
def test_nothing_in_a_call_makes_it_fail(turns, metadata, name):
    conversation = call(caller_name=name, custom_metadata=metadata)

    facts = facts_of(conversation, turns)

    assert 1 <= len(facts.sections.suggested_next_steps) <= 3
    assert len(facts.sections.call_summary) <= 5
    assert len(facts.sections.information_collected) <= 12
    assert facts_of(conversation, turns) == facts
    _assert_cited(facts.sections, {turn.id for turn in turns})


def _assert_cited(sections: Any, known: set[Any]) -> None:
    lines = (
        sections.sentiment,
        sections.transfer_reason,
        *sections.call_summary,
        *sections.information_collected,
        *sections.suggested_next_steps,
        *sections.compliance_flags,
    )
    assert all(set(line.turns) <= known for line in lines)
    assert all(line.turns for line in (*sections.call_summary, *sections.compliance_flags))


def test_conversation_needs_no_row():
    assert facts_of(Conversation(created_at=BEGAN), []).duration is None
