"""Many LiveKit rooms in one process, each told of what happens in it, and of nothing else.

LiveKit's library asks every room and every stream of a process about every event: work that
grows with the square of their number. Here an event goes straight to whose it is, and what
nobody reads goes nowhere.
"""

import os
from asyncio import AbstractEventLoop
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient, ffi_event_callback
from livekit.rtc.version import __version__ as VERSION

# Read when the library is loaded. What its native part logs (`_keep_logs_inside`) is not printed
# instead: it calls every room's end an error.
os.environ.setdefault("RUST_LOG", "off")

# What an event of a kind says of whose it is.
HANDLE_OF: dict[str, Callable[[Any], int]] = {
    "room_event": lambda event: event.room_event.room_handle,
    "text_stream_reader_event": lambda event: event.text_stream_reader_event.reader_handle,
    "byte_stream_reader_event": lambda event: event.byte_stream_reader_event.reader_handle,
}
# Each waking of an event loop from LiveKit's thread costs more than the event that it brings.
GATHERED_S = 0.01
# A stream in pieces, of which the library makes a reader's events itself.
UNREAD = {"stream_header_received", "stream_chunk_received", "stream_trailer_received"}
# Whoever began one of these waits for its event apart from the room.
WAITED_FOR_APART = ("text_stream_", "byte_stream_", "capture_audio_frame")


def only_its_own(
    receiver: rtc.Room | rtc.TextStreamReader | rtc.ByteStreamReader, *, may_wait: bool = False
) -> None:
    """Spare a connected room, or a stream, what happens in others. If it `may_wait`, it is told
    GATHERED_S later, with all that has happened by then.
    """
    if not isinstance(receiver, rtc.Room):
        text = isinstance(receiver, rtc.TextStreamReader)
        kind = "text_stream_reader_event" if text else "byte_stream_reader_event"
        _post().deliver(kind, receiver._reader_handle, receiver._queue, may_wait=may_wait)
        return
    assert receiver._ffi_handle is not None  # noqa: S101 - it is connected
    handle, queue = receiver._ffi_handle.handle, receiver._ffi_queue
    _post().deliver("room_event", handle, queue, besides=_may_be_a_rooms, may_wait=may_wait)


def _may_be_a_rooms(event: Any) -> bool:
    """A room waits for answers, too, which have no address."""
    kind: str = event.WhichOneof("message")
    return kind not in HANDLE_OF and not kind.startswith(WAITED_FOR_APART)


class _Post:
    """Stands before the library's events, and delivers those that have an address."""

    def __init__(self) -> None:
        self.subscribers: dict[tuple[str, int], Any] = {}
        self.gathered: defaultdict[AbstractEventLoop, list[tuple[Any, Any]]] = defaultdict(list)
        self._events: Any = FfiClient.instance.queue
        self._put, self._unsubscribe = self._events.put, self._events.unsubscribe
        self._events.put, self._events.unsubscribe = self.put, self.unsubscribe
        _keep_logs_inside()

    def deliver(
        self,
        kind: str,
        handle: int,
        queue: Any,
        *,
        besides: Callable[[Any], bool] | None = None,
        may_wait: bool = False,
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
            self.subscribers[kind, handle] = (*mine[:2], may_wait)

    def put(self, event: Any) -> None:
        kind = event.WhichOneof("message")
        if kind == "room_event" and event.room_event.WhichOneof("message") in UNREAD:
            return
        handle_of = HANDLE_OF.get(kind)
        # Whoever gets an address between the look and the library's round would miss the event.
        with self._events._lock:
            subscriber = handle_of and self.subscribers.get((kind, handle_of(event)))
            if not subscriber:
                self._put(event)
                return
            queue, loop, may_wait = subscriber
            if loop.is_closed():
                return
            if not may_wait:
                loop.call_soon_threadsafe(queue.put_nowait, event)
                return
            if loop not in self.gathered:
                loop.call_soon_threadsafe(loop.call_later, GATHERED_S, self.hand_over, loop)
            self.gathered[loop].append((queue, event))

    def hand_over(self, loop: AbstractEventLoop) -> None:
        with self._events._lock:
            gathered = self.gathered.pop(loop)
        for queue, event in gathered:
            queue.put_nowait(event)

    def unsubscribe(self, queue: Any) -> None:
        with self._events._lock:
            for address, subscriber in list(self.subscribers.items()):
                if subscriber[0] is queue:
                    del self.subscribers[address]
            self._unsubscribe(queue)


def _keep_logs_inside() -> None:
    """Have the native part hand over no line of its log.

    It hands over each that libwebrtc writes, one call into Python after another, where the
    library throws them away: a fifth of what a recorder of many calls had to do. To initialize
    it again changes its settings alone.
    """
    library = FfiClient.instance._ffi_lib
    library.livekit_ffi_initialize(ffi_event_callback, False, b"python", VERSION.encode())


@cache
def _post() -> _Post:
    """Return the process's one, from when it is first needed."""
    return _Post()
