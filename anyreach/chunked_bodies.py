"""Bodies that come in chunks: without a Content-Length, DRF takes them for no body at all."""

from collections.abc import Awaitable, Callable, MutableMapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

CHUNK_BYTES = 64 * 1024


def with_lengths(application: Application) -> Application:
    """Return an ASGI application that hands a chunked body to `application` whole, with its length.

    It waits in a file, as Django has other bodies wait. One over the most that any address takes
    is cut just above, to be refused as too large.
    """

    async def told_the_length(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or b"transfer-encoding" not in dict(scope["headers"]):
            await application(scope, receive, send)
            return
        with SpooledTemporaryFile(max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE) as body:
            if not await _gathered(receive, body):
                return
            length = (b"content-length", str(body.tell()).encode())
            body.seek(0)
            over = False

            async def receive_whole() -> Message:
                nonlocal over
                if over:
                    return await receive()
                chunk = body.read(CHUNK_BYTES)
                over = len(chunk) < CHUNK_BYTES
                return {"type": "http.request", "body": chunk, "more_body": not over}

            await application(
                {**scope, "headers": [*scope["headers"], length]}, receive_whole, send
            )

    return told_the_length


async def _gathered(receive: Receive, body: IO[bytes]) -> bool:
    """Write what comes to `body`. False: the client went away meanwhile."""
    limit = max(settings.IMPORT_MAX_BYTES, settings.API_BODY_MAX_BYTES) + 1
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        body.write(message.get("body", b"")[: limit - body.tell()])
        if not message.get("more_body", False):
            return True
