"""The change feed's receiving half: one database connection for all streams of a process."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import psycopg
from django.db import connection

from anyreach.live.announcing import CHANNEL

log = logging.getLogger(__name__)
RETRY_S = 1.0
QUEUE_LENGTH = 1000
# Who may see what is to be looked at anew.
RIGHTS = "rights"


@dataclass(frozen=True)
class Change:
    """`what` ("status", "turns", "brief" …) of a conversation changed, or RIGHTS of an
    organization's members.

    "missed": something may have.
    """

    organization_id: UUID | None
    conversation_id: UUID | None
    what: str

    @property
    def is_missed(self) -> bool:
        return self == MISSED


MISSED = Change(None, None, "missed")


class Feed:
    """Fans the database's notices out to the streams of one event loop.

    After a lost database connection every stream gets MISSED: whoever reads it looks at
    everything again.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Change]] = set()
        self._listening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @contextlib.asynccontextmanager
    async def changes(self) -> AsyncIterator[asyncio.Queue[Change]]:
        """Yield a queue of every change committed from now on, after MISSED for what was before."""
        queue: asyncio.Queue[Change] = asyncio.Queue(QUEUE_LENGTH)
        self._queues.add(queue)
        if self._listening is None:
            self._ready.clear()
            self._listening = asyncio.create_task(self._listen())
        try:
            await self._ready.wait()
            queue.put_nowait(MISSED)
            yield queue
        finally:
            self._queues.discard(queue)
            if not self._queues and self._listening is not None:
                self._listening.cancel()
                self._listening = None

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except psycopg.Error:
                log.warning("The change feed lost its database connection; trying again")
            self._ready.set()
            self._put(MISSED)
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        parameters = connection.get_connection_params()
        for name in ("cursor_factory", "context", "pool"):
            parameters.pop(name, None)
        async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as link:
            await link.execute(f"LISTEN {CHANNEL}")
            self._ready.set()
            self._put(MISSED)
            async for notice in link.notifies():
                organization, conversation, what = json.loads(notice.payload)
                self._put(Change(UUID(organization), conversation and UUID(conversation), what))

    def _put(self, change: Change) -> None:
        for queue in self._queues:
            overflow = queue.full()
            while overflow and not queue.empty():
                queue.get_nowait()
            queue.put_nowait(MISSED if overflow else change)


feed = Feed()
