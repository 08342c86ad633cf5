"""What a human who is called for a transfer is told."""

import pytest

from agent_assist.transfer.spoken_brief import MOST_WORDS, words_of
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
    assert "4471." in words


def test_it_is_told_in_fifteen_seconds(call):
    make_turn(call, text="Can I speak to a manager, please?")
    known = {f"key_{number}": f"value {number} of many words" for number in range(30)}
    make_turn(call, role=Turn.Role.TOOL, text="", name="find", arguments=known, output="ok")
    words = words_of(make_transfer(call))
    assert "Key 0" in words
    assert len(words.split()) <= MOST_WORDS


def test_of_a_call_in_which_nothing_was_said_there_is_who_calls():
    visitor = make_conversation(user_id="guest_7")
    words = words_of(make_transfer(visitor, supervisor_instructions="Be kind."))
    assert words == "A call for you, from a visitor of the website. Be kind."
