"""The conversation that a brief is of."""

from datetime import timedelta

from anyreach.organizations.caller import Caller
from anyreach.organizations.scopes import Scope
from conversations.models import Conversation, ConversationQuerySet, Status

# Who may be briefed.
TAKERS_OVER = (Scope.CONVERSATIONS_READ_SENSITIVE, Scope.CONVERSATIONS_MANAGE)
A_DAY = timedelta(days=1)


def newest(caller: Caller, number: str) -> Conversation | None:
    """Return the newest conversation with `number` that the caller may see."""
    if "\0" in number:  # PostgreSQL has none
        return None
    return _begun(Conversation.objects.visible_to(caller)).with_number(number).first()


def others_of(conversation: Conversation) -> int:
    """Return how many more there were with its number, in the 24 h before it or since."""
    ours = _begun(Conversation.objects.filter(organization=conversation.organization_id))
    since = ours.filter(created_at__gte=conversation.created_at - A_DAY)
    return since.with_number(conversation.user_id).exclude(pk=conversation.pk).count()


def _begun(conversations: ConversationQuerySet) -> ConversationQuerySet:
    return conversations.exclude(status=Status.TOKEN_CREATED)
