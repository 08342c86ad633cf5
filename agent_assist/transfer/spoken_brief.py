"""What a human who is called is told of the call: its checked brief, in a few words."""

import re
from collections.abc import Iterator

from agent_assist import writing
from agent_assist.portal import Portal, portal_of, turns_of
from agent_assist.transfer.models import Transfer
from conversations.models import Conversation
from conversations.phones.destinations import NUMBER

# espeak-ng says a letter in 0.07 s, a digit in as long as three. With what is said of the keys to
# press (44) it takes less than fifteen seconds.
MOST_LETTERS = 150
LETTERS_OF_A_DIGIT = 3
# Order and telephone numbers, which a voice would else tell in thousands and billions.
DIGITS = re.compile(r"\d{4,}")


def words_of(transfer: Transfer) -> str:
    """Return who calls, what the human is to do, why they are called and what is known.

    Of the brief, as it is by now, whole lines that rest on turns, as many as there is time for.
    """
    conversation = transfer.conversation
    turns = turns_of(conversation)
    portal = portal_of(conversation, turns, writing.begin(conversation, turns))
    words = f"A call for you, from {_caller(conversation)}. {transfer.supervisor_instructions}"
    words = _spelt(words.strip())
    for line in map(_spelt, _lines(portal)):
        if spoken_letters(f"{words} {line}") > MOST_LETTERS:
            break
        words = f"{words} {line}"
    return words


def spoken_letters(words: str) -> int:
    """Return how long it takes to say `words`, in letters."""
    return len(re.sub(r"\d", "d" * LETTERS_OF_A_DIGIT, words))


def _caller(conversation: Conversation) -> str:
    name = conversation.caller_name or conversation.user_id
    if name.startswith("guest_"):
        return "a visitor of the website"
    return f"a number that ends in {name[-4:]}" if re.fullmatch(NUMBER, name) else name


def _spelt(words: str) -> str:
    """Return `words` with long numbers digit by digit."""
    return DIGITS.sub(lambda number: " ".join(number[0]), words)


def _lines(portal: Portal) -> Iterator[str]:
    sections = portal.sections
    if sections.transfer_reason and sections.transfer_reason.turns:
        yield sections.transfer_reason.text
    for known in sections.information_collected:
        if known.turns:
            yield f"{known.label}: {known.value}."
