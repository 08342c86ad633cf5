"""The change feed's sending half: tell every web process what changed, once it is committed."""

import json
from collections.abc import Iterable
from uuid import UUID

from django.db import connection

CHANNEL = "anyreach_changes"


def announce(organization_id: UUID, conversation_id: UUID | None, what: str) -> None:
    """Tell that `what` ("status", "turns", "brief" …) of a conversation changed, or the "rights"
    of an organization's members.

    PostgreSQL delivers at commit, drops the notice on rollback, and joins equal ones.
    The notice carries ids only: nothing that anybody said.
    """
    announce_all([(organization_id, conversation_id)], what)


def announce_all(conversations: Iterable[tuple[UUID, UUID | None]], what: str) -> None:
    """Tell the same of several, each by its organization's id and its own, in one query."""
    notices = [
        json.dumps([str(organization_id), conversation_id and str(conversation_id), what])
        for organization_id, conversation_id in conversations
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, notice) FROM unnest(%s::text[]) notice", [CHANNEL, notices]
        )
