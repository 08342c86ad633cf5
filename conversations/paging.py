"""Cursors through a list that is newest first by `created_at`, then `id`."""

import base64
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from anyreach.errors import Invalid
from conversations.models import Conversation, ConversationQuerySet


@dataclass(frozen=True)
class Cursor:
    """A place after a row. Without `id` it is after every row of that moment."""

    created_at: datetime
    id: UUID | None = None

    @classmethod
    def after(cls, conversation: Conversation) -> "Cursor":
        return cls(conversation.created_at, conversation.pk)

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Read Base64 of a `created_at`, alone or (the exact cursor) with an id after it.

        Raises Invalid (422).
        """
        try:
            padded = text + "=" * (-len(text) % 4)
            decoded = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
            moment, _, row = decoded.partition(" ")
            created_at = parse_datetime(moment)
            row_id = UUID(row) if row else None
        except ValueError:
            created_at = None
        if created_at is None or created_at.tzinfo is None:
            raise Invalid("cursor", "This cursor cannot be read.")
        return cls(created_at, row_id)

    def older(self) -> Q:
        """Return the condition of what comes after this place."""
        if self.id is None:
            return Q(created_at__lt=self.created_at)
        # An index can begin where one bound says, not where either of two does.
        not_newer = Q(created_at__lte=self.created_at)
        return not_newer & (Q(created_at__lt=self.created_at) | Q(id__lt=self.id))

    def __str__(self) -> str:
        text = (
            f"{self.created_at.isoformat()} {self.id}" if self.id else (self.created_at.isoformat())
        )
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_of(
    conversations: ConversationQuerySet, *, cursor: str | None, limit: int
) -> tuple[list[Conversation], Cursor | None]:
    """Return up to `limit` rows after `cursor`, and the next cursor if there are more."""
    if cursor:
        conversations = conversations.filter(Cursor.read(cursor).older())
    rows = list(conversations.order_by("-created_at", "-id")[: limit + 1])
    page = rows[:limit]
    return page, Cursor.after(page[-1]) if len(rows) > limit else None
