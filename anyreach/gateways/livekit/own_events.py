"""Many LiveKit rooms in one process, each told of what happens in it, and of nothing else.

LiveKit's library asks every room and every stream of a process about every event: work that
grows with the square of their number. Here an event goes straight to whose it is.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient

# What an event of a kind says of whose it is.
HANDLE_OF: dict[str, Callable[[Any], int]] = {
    "room_event": lambda event: event.room_event.room_handle,
    "text_stream_reader_event": lambda event: event.text_stream_reader_event.reader_handle,
}
# Whoever began one of these waits for its event apart from the room.
WAITED_FOR_APART = ("text_stream_", "byte_stream_", "capture_audio_frame")


def only_its_own(receiver: rtc.Room | rtc.TextStreamReader) -> None:
    """Spare a connected room, or a stream, what happens in others."""
    if isinstance(receiver, rtc.TextStreamReader):
        _post().deliver("text_stream_reader_event", receiver._reader_handle, receiver._queue)
        return
    assert receiver._ffi_handle is not None  # noqa: S101 - it is connected
    queue = receiver._ffi_queue
    _post().deliver("room_event", receiver._ffi_handle.handle, queue, besides=_may_be_a_rooms)


def _may_be_a_rooms(event: Any) -> bool:
    """A room waits for answers, too, which have no address."""
    kind: str = event.WhichOneof("message")
    return kind not in HANDLE_OF and not kind.startswith(WAITED_FOR_APART)


class _Post:
    """Stands before the library's events, and delivers those that have an address."""

    def __init__(self) -> None:
        self.subscribers: dict[tuple[str, int], Any] = {}
        self._events: Any = FfiClient.instance.queue
        self._put, self._unsubscribe = self._events.put, self._events.unsubscribe
        self._events.put, self._events.unsubscribe = self.put, self.unsubscribe

    def deliver(
        self,
        kind: str,
        handle: int,
        queue: Any,
        *,
        besides: Callable[[Any], bool] | None = None,
    ) -> None:
        """Have events of `kind` with `handle` go to the subscriber with `queue` and to nobody
        else, and to it no others but those that `besides` wants.
        """
        events = self._events
        with events._lock:
            mine = next(each for each in events._subscribers if each[0] is queue)
            self._unsubscribe(queue)
            if besides:
                events._subscribers.append((*mine[:2], besides))
            self.subscribers[kind, handle] = mine

    def put(self, event: Any) -> None:
        kind = event.WhichOneof("message")
        handle_of = HANDLE_OF.get(kind)
        # Whoever gets an address between the look and the library's round would miss the event.
        with self._events._lock:
            subscriber = handle_of and self.subscribers.get((kind, handle_of(event)))
            if not subscriber:
                self._put(event)
                return
        queue, loop, _ = subscriber
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, event)

    def unsubscribe(self, queue: Any) -> None:
        with self._events._lock:
            for address, subscriber in list(self.subscribers.items()):
                if subscriber[0] is queue:
                    del self.subscribers[address]
            self._unsubscribe(queue)


@cache
def _post() -> _Post:
    """Return the process's one, from when it is first needed."""
    return _Post()
