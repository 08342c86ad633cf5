"""Writing what the recorders of this process have heard: all that waits, in one transaction."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asgiref.sync import sync_to_async
from django.db import close_old_connections, transaction

from anyreach.errors import DATABASE_AWAY
from conversations import recorded, turns
from conversations.models import RecordedSpan
from conversations.turns import News

log = logging.getLogger(__name__)

# A transaction costs the same for one sentence as for what is heard in this time in many calls.
WRITTEN_EVERY_S = 0.1


@dataclass(frozen=True)
class Heard:
    """What one recorder has heard, and from when to when it was cut off from its room."""

    span: RecordedSpan
    news: News
    absences: Sequence[tuple[datetime, datetime]] = ()


Waiting = list[tuple[Heard, asyncio.Future[None]]]


class Writer:
    """Takes what recorders have heard, and writes it: at once, or WRITTEN_EVERY_S after the last
    time, with all that has come by then."""

    def __init__(self) -> None:
        self._waiting: Waiting = []
        self._not_before = 0.0
        self._working: asyncio.Task[None] | None = None

    async def write(self, heard: Heard) -> None:
        """Return when it is written. Raises DatabaseError, InterfaceError: it is not."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((heard, written))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        await written

    async def _work(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._waiting:
            await asyncio.sleep(max(0, self._not_before - clock()))
            self._not_before = clock() + WRITTEN_EVERY_S
            waiting, self._waiting = self._waiting, []
            await self._write(waiting)

    async def _write(self, waiting: Waiting) -> None:
        failure: Exception | None = None
        try:
            await sync_to_async(_save)([heard for heard, _ in waiting])
        except Exception as error:
            if len(waiting) > 1 and not isinstance(error, DATABASE_AWAY):
                # What is wrong with one of them keeps no other.
                for one in waiting:
                    await self._write([one])
                return
            failure = error
        for _, written in waiting:
            if written.done():
                continue
            if failure:
                written.set_exception(failure)
            else:
                written.set_result(None)


writer = Writer()


def _save(several: Sequence[Heard]) -> None:
    close_old_connections()
    with transaction.atomic():
        held = recorded.held(heard.span for heard in several)
        ours = [heard for heard in several if heard.span.pk in held]
        for heard in ours:
            for lost_at, back_at in heard.absences:
                recorded.missed(heard.span, lost_at=lost_at, back_at=back_at)
        turns.write([heard.news for heard in ours])
    for heard in several:
        if heard.span.pk not in held:
            log.warning(
                "A recorder that was taken for dead may write no more",
                extra={"conversation_id": str(heard.span.conversation_id)},
            )
