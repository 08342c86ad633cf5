"""Rows of open inboxes as they change, painted once for all of a process that show the same."""

import asyncio
import contextlib
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.forms.models import model_to_dict
from django.template.loader import render_to_string
from django.utils import timezone

from anyreach.live.feed import RIGHTS, Change, feed
from anyreach.live.streams import ask
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Organization
from anyreach.organizations.pages import Reader
from anyreach.organizations.scopes import Scope
from conversations.inbox.filter import all_of
from conversations.models import Conversation
from conversations.watching import CHECK_EVERY_S, STILL_HERE

GATHER_S = 0.1
QUEUE_LENGTH = 100
REMEMBERED = 2000
# Something may have changed: the page asks for its rows.
MISSED = "missed"


@dataclass(frozen=True)
class Row:
    """A conversation's row; `at` is when it was made, in microseconds since the epoch."""

    id: UUID
    at: int
    html: str


@dataclass(frozen=True)
class Batch:
    """Rows that changed at about the same time."""

    rows: tuple[Row, ...]

    @cached_property
    def message(self) -> str:
        """For every inbox without a filter."""
        return self.message_for({row.id for row in self.rows})

    def message_for(self, fitting: set[UUID]) -> str:
        """A row that does not fit a filter is told all the same: it may be on the page already."""
        rows = [
            {"id": str(row.id), "at": row.at, "fits": row.id in fitting, "html": row.html}
            for row in self.rows
        ]
        return f"event: rows\ndata: {json.dumps(rows)}\n\n"


class Painter:
    """Paints one organization's changed rows, for those who may read all of them or not."""

    def __init__(self, organization: Organization, *, sensitive: bool) -> None:
        self._caller = Caller(organization, frozenset())
        self._sensitive = sensitive
        self._queues: set[asyncio.Queue[Batch | str]] = set()
        self._painting: asyncio.Task[None] | None = None
        self._painted: OrderedDict[UUID, dict[str, Any]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def batches(self) -> AsyncIterator[asyncio.Queue[Batch | str]]:
        """Yield a queue of what changes from now on; first MISSED, for what did before."""
        queue: asyncio.Queue[Batch | str] = asyncio.Queue(QUEUE_LENGTH)
        self._queues.add(queue)
        if self._painting is None:
            self._painting = asyncio.create_task(self._paint_on())
        else:
            queue.put_nowait(MISSED)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
            if not self._queues:
                self._painting.cancel()
                self._painting = None

    @property
    def is_idle(self) -> bool:
        return not self._queues

    async def _paint_on(self) -> None:
        async with feed.changes() as changes:
            while True:
                gathered = [await self._next(changes)]
                # What is said and done together comes together.
                await asyncio.sleep(GATHER_S)
                while not changes.empty():
                    gathered.append(changes.get_nowait())
                await self._tell([each for each in gathered if self._concerns_us(each)])

    async def _next(self, changes: asyncio.Queue[Change]) -> Change:
        while not self._concerns_us(change := await changes.get()):
            pass
        return change

    def _concerns_us(self, change: Change) -> bool:
        if change.what == MISSED:
            return True
        ours = change.organization_id == self._caller.organization.pk
        return ours and change.what in ("status", "turns", RIGHTS)

    async def _tell(self, changes: list[Change]) -> None:
        kinds = {change.what for change in changes}
        for kind in (RIGHTS, MISSED):
            if kind in kinds:
                self._put(kind)
        if ids := {each.conversation_id for each in changes if each.conversation_id}:
            batch = Batch(tuple(await ask(self._paint, ids)))
            if batch.rows:
                self._put(batch)

    def _paint(self, ids: set[UUID]) -> list[Row]:
        conversations = all_of(self._caller).filter(pk__in=ids)
        return [self._row(each) for each in conversations if self._is_news(each)]

    def _is_news(self, conversation: Conversation) -> bool:
        """Whether the row will look different: most of what is said changes none."""
        values = model_to_dict(conversation)
        is_news = self._painted.get(conversation.pk) != values
        self._painted[conversation.pk] = values
        self._painted.move_to_end(conversation.pk)
        if len(self._painted) > REMEMBERED:
            self._painted.popitem(last=False)
        return is_news

    def _row(self, conversation: Conversation) -> Row:
        context = {
            "conversation": conversation,
            "organization": self._caller.organization,
            "sensitive": self._sensitive,
            "now": timezone.now(),
        }
        html = render_to_string("conversations/partials/row.html", context)
        return Row(conversation.pk, conversation.created_at_us, html)

    def _put(self, item: Batch | str) -> None:
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(MISSED)
            queue.put_nowait(item)


_painters: dict[tuple[UUID, bool], Painter] = {}


@contextlib.asynccontextmanager
async def _batches_for(caller: Caller) -> AsyncIterator[asyncio.Queue[Batch | str]]:
    sensitive = caller.can(Scope.CONVERSATIONS_READ_SENSITIVE)
    key = (caller.organization.pk, sensitive)
    painter = _painters.get(key)
    if painter is None:
        painter = _painters[key] = Painter(caller.organization, sensitive=sensitive)
    try:
        async with painter.batches() as batches:
            yield batches
    finally:
        if painter.is_idle and _painters.get(key) is painter:
            del _painters[key]


@dataclass(frozen=True)
class Watcher:
    """Who has an inbox open, and by which conditions of a QuerySet it is narrowed."""

    reader: Reader
    conditions: Mapping[str, Any]

    def fitting(self, ids: list[UUID]) -> set[UUID]:
        """Return those of `ids` that the inbox would list."""
        found = all_of(self.reader.caller).filter(**self.conditions, pk__in=ids)
        return set(found.values_list("pk", flat=True))


async def stream(watcher: Watcher) -> AsyncIterator[str]:
    """Yield events: "rows" that changed, as the table has them; "missed" when it is to be asked for
    anew. Ends when whoever watches is signed out, or has not the same rights any more."""
    checked_at = time.monotonic()
    async with _batches_for(watcher.reader.caller) as batches:
        while True:
            item: Batch | str | None = None
            with contextlib.suppress(TimeoutError):
                item = await asyncio.wait_for(batches.get(), CHECK_EVERY_S)
            # MISSED may have been a change of rights.
            if item in (RIGHTS, MISSED) or time.monotonic() - checked_at >= CHECK_EVERY_S:
                if not await ask(watcher.reader.may_go_on):
                    return
                checked_at = time.monotonic()
            if isinstance(item, Batch) and not watcher.conditions:
                yield item.message
            elif isinstance(item, Batch):
                fitting = await ask(watcher.fitting, [row.id for row in item.rows])
                yield item.message_for(fitting)
            elif item == MISSED:
                yield "event: missed\ndata: {}\n\n"
            else:
                yield STILL_HERE
