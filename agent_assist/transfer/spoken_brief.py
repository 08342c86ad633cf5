"""What a human who is called is told of the call: its checked brief, in a few words."""

from collections.abc import Iterator

from agent_assist import writing
from agent_assist.portal import Portal, portal_of, turns_of
from agent_assist.transfer.models import Transfer

# Spoken in less than fifteen seconds.
MOST_WORDS = 40


def words_of(transfer: Transfer) -> str:
    """Return who calls, what the human is to do, why they are called and what is known.

    Of the brief, as it is by now, whole lines that rest on turns, as many as there is time for.
    """
    conversation = transfer.conversation
    turns = turns_of(conversation)
    portal = portal_of(conversation, turns, writing.begin(conversation, turns))
    name = conversation.caller_name or conversation.user_id
    who = "a visitor of the website" if name.startswith("guest_") else name
    words = f"A call for you, from {who}. {transfer.supervisor_instructions}".strip()
    for line in _lines(portal):
        if len(f"{words} {line}".split()) > MOST_WORDS:
            break
        words = f"{words} {line}"
    return words


def _lines(portal: Portal) -> Iterator[str]:
    sections = portal.sections
    if sections.transfer_reason and sections.transfer_reason.turns:
        yield sections.transfer_reason.text
    for known in sections.information_collected:
        if known.turns:
            yield f"{known.label}: {known.value}."
