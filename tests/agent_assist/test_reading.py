"""A model's answer is read as far as it is finished, in whatever shape it comes."""

import json
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_assist.brief.reading import NO_TURN, read
from agent_assist.brief.sections import Level, Sections
from agent_assist.brief.sifting import claims_of
from tests.agent_assist.model_server import answer, claim

NUMBERS = {number: uuid4() for number in range(1, 5)}
WHOLE = answer(
    transfer_reason=claim('Says {"x"}] and "no".', 1),
    sentiment={"turns": [2], "label": "Calm", "level": "calm"},
    call_summary=[claim("One.", 1), claim("Two.", 1, 2), claim("Three.", 3)],
    suggested_next_steps=[{"turns": [1], "action": "Call.", "confidence": "low"}],
    information_collected=[{"turns": [2], "label": "Order", "value": "12"}],
    compliance_flags=[{"turns": [3], "kind": "emergency", "severity": "high", "detail": "Fire."}],
)


def sections_in(text: str) -> Sections:
    found = read(text, NUMBERS)
    assert found is not None
    return found.sections


def lines_in(*summary: object) -> list[str]:
    return [line.text for line in sections_in(answer(call_summary=list(summary))).call_summary]


def claims_in(sections: Sections) -> set[tuple[str, object]]:
    return {(section, claim) for section, claims in claims_of(sections) for claim in claims}


def test_a_whole_answer():
    found = read(WHOLE, NUMBERS)
    assert found is not None
    assert found.is_whole
    assert len(claims_in(found.sections)) == 8
    assert found.sections.call_summary[1].turns == (NUMBERS[1], NUMBERS[2])


def test_of_a_growing_answer_only_finished_claims_are_read_and_none_is_lost_again():
    finished = claims_in(sections_in(WHOLE))
    before: set[tuple[str, object]] = set()
    counts = set()
    for length in range(len(WHOLE)):
        found = read(WHOLE[:length], NUMBERS)
        now = claims_in(found.sections) if found else set()
        assert before <= now <= finished
        assert found is None or not found.is_whole
        before = now
        counts.add(len(now))
    assert counts == set(range(9))


@pytest.mark.parametrize(
    "written",
    [
        f"```json\n{WHOLE}\n```",
        f"Here is {{the}} brief you asked for:\n\n{WHOLE}\n\nI hope {{that}} helps!",
        f'<think>Perhaps {{"call_summary": []}}?</think>{WHOLE}',
        json.dumps(json.loads(WHOLE), indent=4),
        json.dumps({"turns_read": 4, **json.loads(WHOLE)}),
    ],
)
def test_what_is_around_the_answer_does_not_matter(written):
    found = read(written, NUMBERS)
    assert found == read(WHOLE, NUMBERS)


@pytest.mark.parametrize(
    "written", ["", "I am sorry.", "{", "[1, 2]", '<think>{"a": 1}', "{'a': 1}", '{"a" 1}']
)
def test_where_no_json_is_nothing_is_read(written):
    assert read(written, NUMBERS) is None


@pytest.mark.parametrize(
    "turns",
    [["t2"], 2, ["2"], [2], ["T2"], [2, "t2"], "[t2]"],
)
def test_a_turn_is_cited_in_any_writing(turns):
    claim = {"text": "One.", "turns": turns}
    assert sections_in(answer(call_summary=[claim])).call_summary[0].turns == (NUMBERS[2],)


@pytest.mark.parametrize("turns", [[], None, {}, "the second one", False])
def test_what_cites_nothing_has_no_turns(turns):
    claim = {"text": "One.", "turns": turns}
    assert sections_in(answer(call_summary=[claim])).call_summary[0].turns == ()


def test_a_turn_that_was_not_shown_is_none_that_there_is():
    cited = claim("One.", 1, 99, 0)
    assert sections_in(answer(call_summary=[cited])).call_summary[0].turns == (
        NUMBERS[1],
        NO_TURN,
    )
    assert NO_TURN not in NUMBERS.values()


@pytest.mark.parametrize(
    ("summary", "lines"),
    [
        (["A bare sentence."], ["A bare sentence."]),
        ([claim(f"{number}.", 1) for number in range(9)], ["0.", "1.", "2.", "3.", "4."]),
        ([claim(" Two\n lines. ", 1)], ["Two lines."]),
        ([claim("Turned \u202earound\x07.", 1)], ["Turned around."]),
        ([claim("x" * 401, 1), claim("y", 1)], ["y"]),
        ([claim("", 1), {"turns": [1]}, None, 7, [], claim("y", 1)], ["y"]),
        ([{"text": ["no"], "turns": [1]}], []),
    ],
)
def test_of_a_list_what_can_be_read_is(summary, lines):
    assert lines_in(*summary) == lines


def test_a_string_where_a_list_should_be():
    sections = sections_in(answer(call_summary="He wants a refund.", suggested_next_steps="Pay."))
    assert [line.text for line in sections.call_summary] == ["He wants a refund."]
    assert sections.suggested_next_steps == ()


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("Slightly frustrated", Level.SLIGHTLY_FRUSTRATED),
        ("ANGRY", Level.ANGRY),
        ("furious", None),
        (None, None),
        (["calm"], None),
    ],
)
def test_a_word_that_we_do_not_know_is_not_guessed(level, expected):
    sentiment = {"turns": [1], "label": "So so", "level": level}
    found = sections_in(answer(sentiment=sentiment)).sentiment
    assert (found.level if found else None) == expected


def test_of_a_key_that_comes_twice_the_last_counts():
    text = '{"call_summary": ["One."], "call_summary": ["Two."]}'
    assert [line.text for line in sections_in(text).call_summary] == ["Two."]


def test_another_schema_has_nothing_to_read():
    found = read('{"summary": "He wants a refund.", "mood": {"is": "calm"}}', NUMBERS)
    assert found is not None
    assert found.sections == Sections()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from([*json.loads(WHOLE), "turns", "text", "label", "value"])

CLAIMS = st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=3)


@settings(max_examples=40)
@given(st.dictionaries(KEYS, CLAIMS | JSON, max_size=4), st.integers(0, 500))
def test_no_shape_is_too_odd(data, length):
    text = json.dumps(data)
    for written in (text, text[:length]):
        found = read(written, NUMBERS)
        assert found is None or all(
            isinstance(turn, UUID)
            for _, claims in claims_of(found.sections)
            for each in claims
            for turn in each.turns
        )


def test_halves_of_a_character_that_came_apart_are_joined():
    text = answer(call_summary=["A smile: @"]).replace("@", "\ud83d" + "\ude00")
    assert sections_in(text).call_summary[0].text == "A smile: \U0001f600"


@given(st.text(alphabet='{}[]",:\\tn1 \ud83d'))
def test_no_text_is_too_odd(text):
    read(text, NUMBERS)


def test_a_long_answer_is_read_quickly():
    text = '{"call_summary": ["' + '\\"[' * 50_000
    assert read(text, NUMBERS) is not None
