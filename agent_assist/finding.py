"""The conversation that a brief is of."""

from dataclasses import dataclass
from datetime import timedelta

from anyreach.organizations.caller import Caller
from conversations.models import Conversation, Status

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Found:
    """`others` is how many more conversations there were with the number, in the 24 h before."""

    conversation: Conversation
    others: int


def newest(caller: Caller, number: str) -> Found | None:
    """Return the newest conversation with `number` that the caller may see."""
    if "\0" in number:  # PostgreSQL has none
        return None
    began = Conversation.objects.visible_to(caller).exclude(status=Status.TOKEN_CREATED)
    with_number = began.with_number(number)
    conversation = with_number.first()
    if conversation is None:
        return None
    around = with_number.filter(created_at__gte=conversation.created_at - A_DAY)
    return Found(conversation, around.exclude(pk=conversation.pk).count())
