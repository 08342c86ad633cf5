"""Server-sent events: how a stream answers, and asks the database without keeping hold of it."""

from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import StreamingHttpResponse

P = ParamSpec("P")
T = TypeVar("T")


def event_stream(events: AsyncIterator[str]) -> StreamingHttpResponse:
    """Answer with events for as long as the page is open, holding no database connection."""
    close_old_connections()
    return StreamingHttpResponse(
        events, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def ask(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what asks the database, in a thread, and give its connection back at once.

    A thread of the process's pool: a request's own would end with the request that began a task.
    """

    def asked() -> T:
        try:
            return question(*args, **kwargs)
        finally:
            close_old_connections()

    return await sync_to_async(asked, thread_sensitive=False)()
