"""The way to the database, which can be cut."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from django.db import connection

# Whoever has just been accepted is led on only some turns of the loop later.
LET_IN_WITHIN_S = 0.05


class Road:
    """The way to the database's socket, which can be cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._real = Path(connection.get_connection_params()["host"]) / ".s.PGSQL.5432"
        self._there = folder / ".s.PGSQL.5432"
        self._travelling: set[asyncio.Task[None]] = set()

    @property
    def database_url(self) -> str:
        """The test's database, at the road's end."""
        name = connection.get_connection_params()["dbname"]
        return f"postgresql://postgres@/{name}?host={quote(str(self.folder))}"

    async def mend(self) -> None:
        self._server = await asyncio.start_unix_server(self._lead, self._there)

    async def cut(self) -> None:
        self._server.close()
        self._there.unlink()
        await asyncio.sleep(LET_IN_WITHIN_S)
        travelling = list(self._travelling)
        for task in travelling:
            task.cancel()
        await asyncio.gather(*travelling)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._travelling.add(task)
        with contextlib.suppress(asyncio.CancelledError, ConnectionError), aborting(writer):
            there = await asyncio.open_unix_connection(self._real)
            with aborting(there[1]):
                await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))
        self._travelling.discard(task)


@contextlib.contextmanager
def aborting(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    finally:
        writer.transport.abort()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
