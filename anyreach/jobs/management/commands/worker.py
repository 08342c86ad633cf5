"""The worker process: webhooks, recorder, reconciler, bouncer."""

import asyncio
import contextlib
import logging
import signal
from typing import Any

from django.core.management.base import BaseCommand
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import ConnectorException

from anyreach.garbage import look_seldom
from anyreach.jobs.shutdown import Shutdown

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 1


class Command(BaseCommand):
    help = "Run jobs until stopped: webhooks, recorder, reconciler, bouncer."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(work())


async def work() -> None:
    """Run jobs until a signal comes, also when the database is away for a while.

    The worker fetches jobs over connections of its own, while jobs that a job defers go
    through Django's, in the transaction of what they follow from.
    """
    assert isinstance(app.connector, DjangoConnector)  # noqa: S101 - tells mypy
    app.perform_import_paths()  # type: ignore[no-untyped-call]
    look_seldom()
    worker = App(
        connector=app.connector.get_worker_connector(), worker_defaults=app.worker_defaults
    )
    worker.tasks = app.tasks
    worker.periodic_registry = app.periodic_registry
    shutdown = Shutdown()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, shutdown.begun.set)
    async with worker.open_async():
        while not shutdown.begun.is_set():
            await _work_until_stopped(worker, shutdown)
        await shutdown.finished()


async def _work_until_stopped(worker: App, shutdown: Shutdown) -> None:
    """Run jobs until a signal comes. Without its database procrastinate's worker gives up."""
    running = asyncio.create_task(
        worker.run_worker_async(
            install_signal_handlers=False, additional_context={"shutdown": shutdown}
        )
    )
    stopping = asyncio.create_task(shutdown.begun.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectorException):
        await running
    if not stopping.done():
        log.warning("The worker lost the database; it starts again")
        await asyncio.wait({stopping}, timeout=AGAIN_AFTER_S)
    stopping.cancel()
