"""Numbers, dates and names are found with one value, however they are said."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_assist.brief.patterns import Kind, find

ON = date(2026, 11, 21)  # a Saturday
N, D, T, A = Kind.NUMBER, Kind.DATE, Kind.TIME, Kind.AMOUNT
E, P, NAME, R = Kind.EMAIL, Kind.PHONE, Kind.NAME, Kind.REFERENCE


def values(text: str) -> list[tuple[Kind, str]]:
    return [(found.kind, found.value) for found in find(text, on=ON)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty-five cows, one hundred and five pigs", [(N, "25"), (N, "105")]),
        ("1,250.50", [(N, "1250.5")]),
        ("2.5 million, a 3 thousand", [(N, "2500000"), (N, "3000")]),
        ("a dozen eggs", [(N, "12")]),
        ("no one told me, one moment, the second one", []),
        ("vierundzwanzig Stück und eine Kiste", [(N, "24")]),
        ("quiero veintitrés de ellos", [(N, "23")]),
        ("the third of March", [(D, "2027-03-03")]),
        ("March 3rd, 2026", [(D, "2026-03-03")]),
        ("on 2026-12-01", [(D, "2026-12-01")]),
        ("am dritten März", [(D, "2027-03-03")]),
        ("el tres de marzo", [(D, "2027-03-03")]),
        ("born on the twelfth of July nineteen eighty-four", [(D, "1984-07-12")]),
        ("no, wait, the 14th", [(D, "2026-12-14")]),
        ("tomorrow, yesterday", [(D, "2026-11-22"), (D, "2026-11-20")]),
        ("in two weeks", [(D, "2026-12-05")]),
        ("three days ago", [(D, "2026-11-18")]),
        ("next Friday", [(D, "2026-11-27")]),
        ("last Friday", [(D, "2026-11-20")]),
        ("Friday the 11th of December", [(D, "2026-12-11"), (D, "2026-12-11")]),
        ("in March", [(D, "2027-03")]),
        ("I may come, we march on", []),
        ("half past five", [(T, "05:30")]),
        ("quarter to six in the evening", [(T, "17:45")]),
        ("at seven thirty pm", [(T, "19:30")]),
        ("noon", [(T, "12:00")]),
        ("halb sechs", [(T, "05:30")]),
        ("a las cinco y media de la tarde", [(T, "17:30")]),
        ("um 15 Uhr 30", [(T, "15:30")]),
        ("2026-11-24T17:30:00Z", [(D, "2026-11-24"), (T, "17:30")]),
        ("forty euros and €1,200", [(A, "40.00 EUR"), (A, "1200.00 EUR")]),
        ("$1.2k", [(A, "1200.00 USD")]),
        ("ninety-nine cents", [(A, "0.99 EUR")]),
        ("forty euros and fifty cents", [(A, "40.50 EUR")]),
        ("1.250,50 Euro", [(A, "1250.50 EUR")]),
        ("veinticinco euros con cincuenta", [(A, "25.50 EUR")]),
        ("anna dot meyer at example dot com", [(E, "anna.meyer@example.com")]),
        ("It is Anna.Meyer@Example.com.", [(E, "anna.meyer@example.com")]),
        ("four four seven, double two, oh", [(R, "447220")]),
        ("my number is oh one seven oh, five five five, one two", [(P, "0170555" + "12")]),
        ("+49 170 5551234", [(P, "491705551234")]),
        ("M as in Mike, I, L, E, R", [(NAME, "Miler")]),
        ("M-I-L-L-E-R", [(NAME, "Miller")]),
        ("V as in Victor, O, double S", [(NAME, "Voss")]),
        ("my name is Anna Meyer", [(NAME, "Anna Meyer")]),
        ("mein Name ist Jürgen Groß", [(NAME, "Jürgen Groß")]),
        ("order RF-20931", [(R, "RF20931")]),
        ("R F two zero nine three one", [(R, "RF20931")]),
        ("A as in Alpha, B, four four seven", [(R, "AB447")]),
        ("order number 4471", [(R, "4471")]),
        ("", []),
    ],
)
def test_words_are_read_as_what_they_mean(text: str, expected: list[tuple[Kind, str]]) -> None:
    assert values(text) == expected


def test_what_can_be_read_in_two_ways_is_read_in_both() -> None:
    (day,) = find("3/4/2026", on=ON)
    (hour,) = find("half past five", on=ON)
    assert set(day.readings) == {"2026-03-04", "2026-04-03"}
    assert set(hour.readings) == {"05:30", "17:30"}


def test_the_words_that_were_said_are_shown() -> None:
    text = "Well, it was twenty-five euros, on the third of March."
    for found in find(text, on=ON):
        assert found.text == text[found.start : found.end]
    assert [found.text for found in find(text, on=ON)] == ["twenty-five euros", "third of March"]


@given(st.text() | st.text("0123456789 .,:/+-€$@aeimnoprstdhyf'", max_size=60))
def test_no_text_breaks_it_and_nothing_is_found_twice(text: str) -> None:
    end = 0
    for found in find(text, on=ON):
        assert end <= found.start < found.end
        assert found.text == text[found.start : found.end]
        end = found.end
