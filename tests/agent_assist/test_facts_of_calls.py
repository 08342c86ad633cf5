"""Facts of the calls in tests/data/calls: each would do to take the call over."""

import json
import re

import pytest

from agent_assist.brief.facts import facts_of
from agent_assist.brief.markers import text_of
from agent_assist.brief.quoting import clean
from agent_assist.brief.sections import MarkerKind
from conversations.models import Turn
from tests.agent_assist.calls import FOLDER, read_call
from tests.agent_assist.said import call

# As a person reads them: in these somebody asks for a human, a desk, or to be called back.
ASKING = {
    *("angry_cancellation", "angry_furniture", "bank_card_de_en", "bank_fraud", "flight_change"),
    *("bilingual_de_rail", "bilingual_es_clinic", "bilingual_es_insurance", "hotel_complaint"),
    *("dentist_reschedule", "gym_refund_double_charge", "hotel_es_en", "injection_by_caller"),
    *("laundry_damage", "museum_tickets_long", "parking_appeal", "payroll_question"),
    *("pharmacy_prescription", "refund_late_parcel", "restaurant_large_party", "software_support"),
    *("school_trip_payment", "student_loan", "table_booking_corrected", "telecom_contract"),
    *("travel_insurance_claim", "airport_lost_bag"),
}
# And in these nobody does.
NOT_ASKING = {
    *("silent_caller", "silent_then_short", "wrong_number", "wrong_department", "vet_followup"),
    *("vet_appointment", "injection_by_tool", "insurance_claim", "landlord_leak", "clinic_intake"),
    *("antenatal_intake", "hearing_aid_order", "utility_moving_house", "internet_outage"),
    *("two_callers_bank", "two_callers_one_line", "power_outage_elderly", "broadband_installation"),
    *("courier_address_change", "car_rental_dispute", "telecom_number_porting"),
}


def facts(name):
    read = read_call(FOLDER / f"{name}.json")
    return facts_of(call(created_at=read.turns[0].started_at), read.turns), read.turns


def _kinds(name):
    found, _ = facts(name)
    return {marker.kind for marker in found.markers.values()}


@pytest.mark.parametrize("name", sorted(ASKING))
def test_who_asks_for_somebody_is_heard(name):
    assert MarkerKind.REQUEST in _kinds(name)


@pytest.mark.parametrize("name", sorted(NOT_ASKING))
def test_who_asks_for_nobody_is_not_said_to(name):
    assert MarkerKind.REQUEST not in _kinds(name)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_what_is_quoted_was_said_in_the_turns_cited(name):
    found, turns = facts(name)
    told = {turn.id: _told(turn) for turn in turns}
    sections = found.sections
    lines = [
        *((line.text, line.turns) for line in sections.call_summary),
        (sections.transfer_reason.text, sections.transfer_reason.turns),
        *((step.action, step.turns) for step in sections.suggested_next_steps),
        *((flag.detail, flag.turns) for flag in sections.compliance_flags),
    ]
    for text, cited in lines:
        for quote in re.findall("“(.+?)…?”", text):
            assert any(quote in told[turn] for turn in cited), text
    for each in sections.information_collected:
        assert each.turns, each


def _told(turn):
    if turn.role == Turn.Role.TOOL:
        return f"{turn.name.replace('_', ' ')} {json.dumps(turn.output, ensure_ascii=False)}"
    return clean(text_of(turn))
