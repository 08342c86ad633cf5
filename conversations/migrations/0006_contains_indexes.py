"""Indexes for what user_id and agent_number contain, where the server has pg_trgm.

Without it, or without the right to create it, there are none, and looking for a part of a number
reads every row. To make them later, as one who may:

    CREATE EXTENSION pg_trgm;
    CREATE INDEX conversation_user_id_part ON conversations_conversation
        USING gin (UPPER(user_id::text) gin_trgm_ops);
    CREATE INDEX conversation_agent_number_part ON conversations_conversation
        USING gin (UPPER(agent_number::text) gin_trgm_ops);
"""

from django.db import migrations, transaction
from django.db.utils import ProgrammingError

COLUMNS = ("user_id", "agent_number")


def make(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        if cursor.fetchone() is None:
            return
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except ProgrammingError:
        return  # not allowed to
    for column in COLUMNS:
        # The expression is what Django's icontains looks at.
        schema_editor.execute(
            f"CREATE INDEX conversation_{column}_part ON conversations_conversation"
            f" USING gin (UPPER({column}::text) gin_trgm_ops)"
        )


def drop(apps, schema_editor):
    for column in COLUMNS:
        schema_editor.execute(f"DROP INDEX IF EXISTS conversation_{column}_part")


class Migration(migrations.Migration):
    dependencies = [("conversations", "0005_list_indexes")]

    operations = [migrations.RunPython(make, drop)]
