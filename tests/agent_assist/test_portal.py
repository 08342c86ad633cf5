"""How facts and what a model wrote are put together."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from agent_assist.brief.facts import facts_of
from agent_assist.brief.sections import (
    Flag,
    FlagKind,
    Information,
    Level,
    Sections,
    Sentiment,
    Severity,
    Statement,
    Step,
    Withheld,
)
from agent_assist.models import Brief, Content, sealed
from agent_assist.portal import NO_MODEL, merged, portal_of
from conversations.models import Turn
from tests.conversations.factories import make_conversation, make_turn

ONE, TWO, THREE, FOUR = (uuid4() for _ in range(4))
FACTS = Sections(
    sentiment=Sentiment(label="Calm", level=Level.CALM, turns=(ONE,)),
    transfer_reason=Statement(text="Asks for a person.", turns=(THREE,)),
    call_summary=tuple(
        Statement(text=f"Fact {number}.", turns=(turn,))
        for number, turn in enumerate((ONE, TWO, THREE, FOUR), start=1)
    ),
    information_collected=(Information(label="Order ID", value="AB-4471", turns=(TWO,)),),
    suggested_next_steps=(Step(action="Ask.", confidence="low", turns=()),),
    compliance_flags=(
        Flag(kind=FlagKind.PAYMENT_DATA, severity=Severity.HIGH, detail="A card.", turns=(TWO,)),
    ),
)


def lines(*texts, turns=(ONE,)):
    return tuple(Statement(text=text, turns=turns) for text in texts)


def texts(statements):
    return [each.text for each in statements]


def test_without_a_model_there_are_the_facts():
    assert merged(FACTS, Sections()) == FACTS


@pytest.mark.parametrize(
    "written",
    [
        {"sentiment": Sentiment(label="Angry", level=Level.ANGRY, turns=(TWO,))},
        {"transfer_reason": Statement(text="The refund failed.", turns=(TWO,))},
        {"suggested_next_steps": (Step(action="Refund.", confidence="high", turns=(TWO,)),)},
        {"call_summary": lines("One.", "Two.", "Three.")},
    ],
)
def test_a_section_that_the_model_wrote_is_its_own_and_the_others_are_facts(written):
    assert merged(FACTS, Sections(**written)) == FACTS.model_copy(update=written)


def test_a_short_summary_gets_facts_of_which_it_has_not_told():
    summary = merged(FACTS, Sections(call_summary=lines("Wrote.", turns=(ONE, TWO))))
    assert texts(summary.call_summary) == ["Wrote.", "Fact 3.", "Fact 4."]


def test_where_facts_are_few_nothing_is_invented():
    few = FACTS.model_copy(update={"call_summary": FACTS.call_summary[:1]})
    summary = merged(few, Sections(call_summary=lines("Wrote.")))
    assert texts(summary.call_summary) == ["Wrote.", "Fact 1."]


def test_a_summary_has_five_lines_and_steps_are_three():
    written = Sections(
        call_summary=lines(*"123456"),
        suggested_next_steps=[Step(action=a, confidence="low", turns=()) for a in "1234"],
    )
    both = merged(FACTS, written)
    assert (len(both.call_summary), len(both.suggested_next_steps)) == (5, 3)


def test_information_of_both_is_there_once():
    same = Information(label="Order", value="ab 4471", turns=(ONE,))
    new = Information(label="Date", value="3 March", turns=(ONE,))
    both = merged(FACTS, Sections(information_collected=(same, new, new)))
    assert [each.value for each in both.information_collected] == ["AB-4471", "3 March"]


def test_flags_of_both_are_there_once():
    def flag(kind, turn):
        return Flag(kind=kind, severity=Severity.LOW, detail="Said so.", turns=(turn,))

    again = flag(FlagKind.PAYMENT_DATA, TWO)
    elsewhere = flag(FlagKind.PAYMENT_DATA, FOUR)
    other = flag(FlagKind.HEALTH_DATA, TWO)
    both = merged(FACTS, Sections(compliance_flags=(again, elsewhere, other)))
    assert both.compliance_flags == (*FACTS.compliance_flags, elsewhere, other)


@pytest.fixture
def call(db):
    began = datetime(2026, 11, 3, 9, tzinfo=UTC)
    conversation = make_conversation(user_id="+15550184471", answered_at=began)
    turns = [
        make_turn(conversation, text="My order arrived broken.", started_at=began),
        make_turn(
            conversation,
            role=Turn.Role.TOOL,
            text="",
            name="find_order",
            arguments={"order": "Ä 1"},
            output="No such order.",
            is_error=True,
            started_at=began + timedelta(seconds=12.9),
        ),
    ]
    return conversation, turns


@pytest.fixture(autouse=True)
def key(settings):
    settings.BRIEF_KEYS = [Fernet.generate_key()]


def brief_of(conversation, **fields):
    content = Content(
        sections=Sections(call_summary=lines("Wrote.")),
        withheld=(Withheld(section="call_summary", text="No.", why="It cites no turn."),),
    )
    return Brief(conversation=conversation, model="m-1", content=sealed(content), **fields)


def test_a_transcript_says_when_and_why_it_matters(call):
    conversation, turns = call
    portal = portal_of(conversation, turns, None)
    first, second = portal.transcript
    assert (first.offset_seconds, second.offset_seconds) == (0, 12)
    assert second.text == 'find_order({"order": "Ä 1"}) failed: No such order.'
    assert second.marker == facts_of(conversation, turns).markers[turns[1].pk]


def test_each_claim_has_its_evidence(call):
    portal = portal_of(*call, None)
    for section, evidence in portal.evidence.items():
        claims = getattr(portal.sections, section)
        expected = [each.turns for each in claims] if isinstance(claims, tuple) else claims.turns
        assert evidence == expected


def test_what_the_model_wrote_has_its_name(call):
    conversation, turns = call
    portal = portal_of(conversation, turns, brief_of(conversation, state=Brief.State.WRITTEN))
    assert (portal.generated_by, len(portal.withheld)) == ("m-1", 1)
    assert portal.sections.call_summary[0].text == "Wrote."


def test_of_a_brief_that_failed_nothing_is_shown(call):
    conversation, turns = call
    failed = brief_of(conversation, state=Brief.State.FAILED, failure="It was slow.")
    portal = portal_of(conversation, turns, failed)
    assert (portal.generated_by, portal.withheld) == (NO_MODEL, ())
    assert portal.sections == facts_of(conversation, turns).sections


def test_a_model_of_which_nothing_is_left_is_not_named(call):
    conversation, turns = call
    empty = Brief(conversation=conversation, model="m-1", state=Brief.State.WRITTEN)
    assert portal_of(conversation, turns, empty).generated_by == NO_MODEL
