"""Bodies that come in chunks: without a Content-Length, DRF takes them for no body at all."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def with_lengths(application: Application) -> Application:
    """Return an ASGI application that hands a chunked body to `application` whole, with its length.

    A body over DATA_UPLOAD_MAX_MEMORY_SIZE bytes is cut just above, to be refused as too large.
    """

    async def told_the_length(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or b"transfer-encoding" not in dict(scope["headers"]):
            await application(scope, receive, send)
            return
        body = await _gathered(receive)
        if body is None:
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_whole() -> Message:
            return waiting.pop() if waiting else await receive()

        length = (b"content-length", str(len(body)).encode())
        await application({**scope, "headers": [*scope["headers"], length]}, receive_whole, send)

    return told_the_length


async def _gathered(receive: Receive) -> bytes | None:
    """Return the body, None when the client went away meanwhile."""
    limit = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) + 1
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        del body[limit:]
        if not message.get("more_body", False):
            return bytes(body)
