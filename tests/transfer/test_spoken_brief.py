"""What a human who is called for a transfer is told."""

import pytest

from agent_assist.transfer.spoken_brief import MOST_LETTERS, spoken_letters, words_of
from conversations.models import Turn
from tests.conversations.factories import make_conversation, make_turn
from tests.transfer.factories import make_transfer

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    return make_conversation(user_id="+15550184471", caller_name="Mara Lindqvist")


def test_who_calls_what_to_do_why_and_what_is_known(call):
    make_turn(call, text="It is order 4471.", position=1)
    make_turn(call, text="Can I speak to a manager, please?", position=2)
    words = words_of(make_transfer(call, supervisor_instructions="Her refund is late."))
    assert words.startswith("A call for you, from Mara Lindqvist. Her refund is late. ")
    assert "Can I speak to a manager, please?" in words
    assert "4 4 7 1." in words


def test_it_is_told_in_fifteen_seconds(call):
    make_turn(call, text="Can I speak to a manager, please?")
    known = {f"key_{number}": f"value {number}" for number in range(30)}
    make_turn(call, role=Turn.Role.TOOL, text="", name="find", arguments=known, output="ok")
    words = words_of(make_transfer(call))
    assert "Key 0" in words
    assert MOST_LETTERS - 30 < spoken_letters(words) <= MOST_LETTERS


def test_of_a_caller_without_a_name_the_last_digits_are_told():
    call = make_conversation(user_id="+15550184471")
    assert words_of(make_transfer(call, supervisor_instructions="Order 88123 is late.")) == (
        "A call for you, from a number that ends in 4 4 7 1. Order 8 8 1 2 3 is late."
    )


def test_of_a_call_in_which_nothing_was_said_there_is_who_calls():
    visitor = make_conversation(user_id="guest_7")
    words = words_of(make_transfer(visitor, supervisor_instructions="Be kind."))
    assert words == "A call for you, from a visitor of the website. Be kind."
