"""The worker process: webhooks, recorder, reconciler, bouncer."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector


class Command(BaseCommand):
    help = "Run jobs until stopped: webhooks, recorder, reconciler, bouncer."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(work())


async def work(**options: Any) -> None:
    """Run jobs until a signal comes; with wait=False until none is left.

    The worker fetches jobs over connections of its own, while jobs that a job defers go
    through Django's, in the transaction of what they follow from.
    """
    assert isinstance(app.connector, DjangoConnector)  # noqa: S101 - tells mypy
    app.perform_import_paths()  # type: ignore[no-untyped-call]
    worker = App(
        connector=app.connector.get_worker_connector(), worker_defaults=app.worker_defaults
    )
    worker.tasks = app.tasks
    worker.periodic_registry = app.periodic_registry
    async with worker.open_async():
        await worker.run_worker_async(**options)
