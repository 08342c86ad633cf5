"""The change feed's sending half: tell every web process what changed, once it is committed."""

import json
from uuid import UUID

from django.db import connection

CHANNEL = "anyreach_changes"


def announce(organization_id: UUID, conversation_id: UUID | None, what: str) -> None:
    """Tell that `what` ("status", "turns", "brief" …) of a conversation changed, or the "rights"
    of an organization's members.

    PostgreSQL delivers at commit, drops the notice on rollback, and joins equal ones.
    The notice carries ids only: nothing that anybody said.
    """
    notice = json.dumps([str(organization_id), conversation_id and str(conversation_id), what])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, notice])
