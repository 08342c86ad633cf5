"""What logs may hold: fixed sentences and ids, nothing that anybody said or dialled."""

import traceback
from collections.abc import Iterable, Iterator
from logging import LogRecord

import structlog
from django.http import HttpRequest
from structlog.typing import EventDict, ExcInfo, WrappedLogger

GROUPED_AT_MOST = 10
OURS = ("anyreach", "conversations", "agent_assist", "listen_sdk")
# Libraries whose messages are fixed sentences, or tell of connections and start-up only.
PLAIN = ("uvicorn", "psycopg.pool")
_add_all = structlog.stdlib.ExtraAdder()


def add_ids(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add a record's `extra`. Of libraries keep no message: they quote paths, arguments, names."""
    record: LogRecord = event["_record"]
    if _is_from(record, OURS):
        return _add_all(logger, method, event)
    if _is_from(record, PLAIN):
        return event
    event = {**event, "event": "A library's message", "place": f"{record.module}:{record.lineno}"}
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest):
        route = request.resolver_match.route if request.resolver_match else None
        return {**event, "event": "A request failed", "route": route}
    if _is_from(record, ("procrastinate",)):
        job = getattr(record, "job", None) or {}
        action = getattr(record, "action", "unknown")
        about = {"job": job.get("id"), "task": job.get("task_name")}
        return {**event, **about, "event": f"Job queue: {action}"}
    return event


def _is_from(record: LogRecord, loggers: Iterable[str]) -> bool:
    return any(record.name == each or record.name.startswith(f"{each}.") for each in loggers)


def without_words(exc_info: ExcInfo) -> str:
    """Return a traceback that names each exception and quotes none.

    PostgreSQL's, for one, quote the whole row that they are about.
    """
    return "\n".join(_told(exc_info[1], set()))


def _told(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before and id(before) not in seen:
        yield from _told(before, seen)
        yield "and then"
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    frames = "".join(traceback.format_tb(error.__traceback__))
    yield f"{frames}{name} ({constraint})" if constraint else f"{frames}{name}"
    if isinstance(error, BaseExceptionGroup):
        for number, each in enumerate(error.exceptions[:GROUPED_AT_MOST], 1):
            yield f"of which {number} of {len(error.exceptions)}"
            yield from _told(each, seen)
