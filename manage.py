#!/usr/bin/env python
"""Django's command line, with the embedded PostgreSQL when no DATABASE_URL is set."""

import os
import sys

from django.core.management import execute_from_command_line

from anyreach import open_files
from anyreach.stack import postgres


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anyreach.settings")
    if not os.environ.get("DATABASE_URL"):
        try:
            os.environ["DATABASE_URL"] = postgres.embedded_url()
        except postgres.PostgresFailed as failure:
            sys.exit(str(failure))
    open_files.as_many_as_allowed()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
