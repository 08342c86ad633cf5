"""What user_id and agent_number contain is looked up by pg_trgm, where the server has it."""

import pytest
from django.db import connection

from tests.conversations.factories import make_conversation


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["user_id", "agent_number"])
def test_a_part_is_found_by_its_index_or_without(column):
    conversation = make_conversation(**{column: "+15550100"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        is_indexed = cursor.fetchone() is not None
        # Were reading all rows no choice.
        cursor.execute("SET LOCAL enable_seqscan = off")
    found = type(conversation).objects.filter(**{f"{column}__icontains": "5501"})
    assert list(found) == [conversation]
    assert (f"conversation_{column}_part" in found.order_by().explain()) is is_indexed
