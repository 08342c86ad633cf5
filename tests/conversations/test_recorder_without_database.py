"""PostgreSQL is away for a while, in the midst of a call: what is said waits, and is written."""

import asyncio
import contextlib
from pathlib import Path
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from tests.callers import until
from tests.conftest import Process
from tests.conversations.test_recorders_taking_over import (
    count,
    gaps,
    recorded_call,
    said,
    wait_for,
)

pytestmark = pytest.mark.usefixtures("web")

# Long enough for the worker to give up; twenty seconds are the same, only longer.
AWAY_S = 6


class Road:
    """The way to the database's socket, which can be cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._real = Path(connection.get_connection_params()["host"]) / ".s.PGSQL.5432"
        self._there = folder / ".s.PGSQL.5432"
        self._travelling: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_unix_server(self._lead, self._there)

    async def cut(self) -> None:
        self._server.close()
        self._there.unlink()
        for task in self._travelling:
            task.cancel()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(self._real)
        both = asyncio.gather(carry(reader, there[1]), carry(there[0], writer))
        self._travelling.add(asyncio.current_task())
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await both
        self._travelling.discard(asyncio.current_task())


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@pytest.fixture
def road(tmp_path_factory):
    # The path of a socket is short.
    return Road(tmp_path_factory.mktemp("pg"))


@pytest.fixture
def its_worker(worker, road):
    """The only worker, not started yet, whose database is at the road's end."""
    worker.kill()
    name = connection.get_connection_params()["dbname"]
    url = f"postgresql://postgres@/{name}?host={quote(str(road.folder))}"
    its_worker = Process("worker-2", "manage.py", "worker", DATABASE_URL=url)
    yield its_worker
    its_worker.kill()


def test_what_is_said_while_the_database_is_away_is_written_when_it_is_back(its_worker, road):
    async def play():
        await road.mend()
        its_worker.start()
        async with recorded_call() as (_, agent):
            await agent.say("A1", "Before.")
            await wait_for("Before.")
            await road.cut()
            await agent.say("A2", "Meanwhile.")
            await asyncio.sleep(AWAY_S)
            assert await sync_to_async(said)() == ["Before."]
            await agent.say("A3", "Still.")
            await road.mend()
            await wait_for("Before.", "Meanwhile.", "Still.", within_s=20)
            # The worker, too, has come back: it has taken the call's job up again.
            await until(sync_to_async(lambda: count() == 2), within_s=60)
            await until(sync_to_async(lambda: count(ended_at=None) == 1), within_s=30)
            await agent.say("A4", "After.")
            await wait_for("Before.", "Meanwhile.", "Still.", "After.")
        await road.cut()

    asyncio.run(play())
    assert gaps() == []
