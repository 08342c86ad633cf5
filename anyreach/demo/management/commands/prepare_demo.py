"""manage.py prepare_demo: the database as the demo wants it, and demo.json to get in with."""

import json
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from anyreach.demo.seed import ORGANIZATION_SLUG, seed
from anyreach.stack.private_files import write_private_json


class Command(BaseCommand):
    help = "Migrate and fill the demo's database, and write .anyreach/demo.json."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        path = settings.STATE_DIR / "demo.json"
        kept = None
        with suppress(FileNotFoundError, ValueError):
            kept = json.loads(path.read_text())
        access = seed(kept)
        livekit = {
            "url": settings.LIVEKIT_URL,
            "api_key": settings.LIVEKIT_API_KEY,
            "api_secret": settings.LIVEKIT_API_SECRET,
        }
        where = {"url": settings.BASE_URL, "organization": ORGANIZATION_SLUG}
        write_private_json(path, {**where, **asdict(access), "livekit": livekit})
