"""What user_id and agent_number contain is looked up by pg_trgm, where the server has it."""

import pytest
from django.db import connection

from tests.conversations.factories import make_conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan():
    """Return how a part of `column` is looked for, were reading all rows no choice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        if cursor.fetchone() is None:
            pytest.skip("This server has no pg_trgm, as the embedded one.")
        cursor.execute("SET LOCAL enable_seqscan = off")

    def plan(column: str) -> str:
        conversation = make_conversation(**{column: "+15550100"})
        found = type(conversation).objects.filter(**{f"{column}__icontains": "5501"})
        assert list(found) == [conversation]
        return found.order_by().explain()

    return plan


@pytest.mark.parametrize("column", ["user_id", "agent_number"])
def test_a_part_is_found_by_its_index(plan, column):
    assert f"conversation_{column}_part" in plan(column)
