"""The cache's table: sign-in attempts are counted there, for all web processes together."""

from typing import Any

from django.core.management import call_command
from django.db import migrations


def create_cache_table(apps: Any, schema_editor: Any) -> None:
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("organizations", "0001_people_and_credentials")]

    operations = [migrations.RunPython(create_cache_table, migrations.RunPython.noop)]
