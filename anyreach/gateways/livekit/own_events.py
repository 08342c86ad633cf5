"""Many LiveKit rooms in one process, each told of what happens in it, and of nothing else.

LiveKit's library asks every room and every stream of a process about every event: work that
grows with the square of their number. Here an event goes straight to whose it is, and what
nobody reads goes nowhere.
"""

import ctypes
import logging
import os
import threading
from asyncio import AbstractEventLoop, get_running_loop
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient, ffi_event_callback
from livekit.rtc.version import __version__ as VERSION

log = logging.getLogger(__name__)

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
TOLD_EVERY_S = 0.03
# A stream's pieces as they come. Of who reads none, the library makes a reader's events.
PIECES = {"stream_chunk_received", "stream_trailer_received"}
# A stream's opening tells the same.
UNREAD = {"stream_header_received"}
# Whoever began one of these waits for its event apart from the room.
WAITED_FOR_APART = ("text_stream_", "byte_stream_", "capture_audio_frame")

Tell = Callable[[Any], None]

_here = threading.local()


def only_its_own(room: rtc.Room, *, may_wait: bool = False, pieces: bool = False) -> None:
    """Spare a connected room what happens in others, and its streams' `pieces` if not wanted.

    If it `may_wait`, it is told TOLD_EVERY_S after the last time at the earliest, of all that has
    happened by then.
    """
    assert room._ffi_handle is not None  # noqa: S101 - it is connected
    handle = room._ffi_handle.handle
    _post().resubscribe(handle, room._ffi_queue, may_wait=may_wait, pieces=pieces)


def deliver(kind: str, handle: int, tell: Tell) -> None:
    """Have this loop `tell` events of `kind` with `handle`, which may wait, until `withhold`."""
    _post().deliver(kind, handle, tell, get_running_loop(), may_wait=True)


def withhold(kind: str, handle: int) -> None:
    """Tell no more events of `kind` with `handle`, save those that have come."""
    _post().withhold(kind, handle)


def _may_be_a_rooms(event: Any) -> bool:
    """A room waits for answers, too, which have no address."""
    kind: str = event.WhichOneof("message")
    return kind not in HANDLE_OF and not kind.startswith(WAITED_FOR_APART)


class _Post:
    """Stands before the library's events, and delivers those that have an address."""

    def __init__(self) -> None:
        self.subscribers: dict[tuple[str, int], tuple[Tell, AbstractEventLoop, bool]] = {}
        self.gathered: defaultdict[AbstractEventLoop, list[tuple[Tell, Any]]] = defaultdict(list)
        self._not_before = 0.0
        self._rooms: dict[Any, int] = {}
        self._spared: set[int] = set()
        self._events: Any = FfiClient.instance.queue
        self._put, self._unsubscribe = self._events.put, self._events.unsubscribe
        self._events.put, self._events.unsubscribe = self.put, self.unsubscribe
        _keep_logs_inside()

    def resubscribe(self, room: int, queue: Any, *, may_wait: bool, pieces: bool) -> None:
        """Have a room's events go to its `queue` alone, which gets no others' any more."""
        events = self._events
        with events._lock:
            loop = next(each for each in events._subscribers if each[0] is queue)[1]
            self._unsubscribe(queue)
            events._subscribers.append((queue, loop, _may_be_a_rooms))
            self._rooms[queue] = room
            if not pieces:
                self._spared.add(room)
            self.deliver("room_event", room, queue.put_nowait, loop, may_wait=may_wait)

    def unsubscribe(self, queue: Any) -> None:
        with self._events._lock:
            if room := self._rooms.pop(queue, None):
                self._spared.discard(room)
                self.withhold("room_event", room)
            self._unsubscribe(queue)

    def deliver(
        self, kind: str, handle: int, tell: Tell, loop: AbstractEventLoop, *, may_wait: bool
    ) -> None:
        with self._events._lock:
            self.subscribers[kind, handle] = tell, loop, may_wait

    def withhold(self, kind: str, handle: int) -> None:
        with self._events._lock:
            del self.subscribers[kind, handle]

    def put(self, event: Any) -> None:
        _stay_known()
        kind = event.WhichOneof("message")
        if kind == "room_event" and self._is_spared(event.room_event):
            return
        handle_of = HANDLE_OF.get(kind)
        # Whoever gets an address between the look and the library's round would miss the event.
        with self._events._lock:
            subscriber = handle_of and self.subscribers.get((kind, handle_of(event)))
            if not subscriber:
                self._put(event)
                return
            tell, loop, may_wait = subscriber
            if loop.is_closed():
                return
            if not may_wait:
                loop.call_soon_threadsafe(tell, event)
                return
            if loop not in self.gathered:
                loop.call_soon_threadsafe(loop.call_at, self._not_before, self.hand_over, loop)
            self.gathered[loop].append((tell, event))

    def _is_spared(self, event: Any) -> bool:
        kind = event.WhichOneof("message")
        return kind in UNREAD or (kind in PIECES and event.room_handle in self._spared)

    def hand_over(self, loop: AbstractEventLoop) -> None:
        with self._events._lock:
            gathered = self.gathered.pop(loop)
            self._not_before = loop.time() + TOLD_EVERY_S
        for tell, event in gathered:
            try:
                tell(event)
            except Exception:
                log.exception("What LiveKit told of could not be taken in")


def _keep_logs_inside() -> None:
    """Have the native part hand over no line of its log.

    It hands over each that libwebrtc writes, one call into Python after another, where the
    library throws them away: a fifth of what a recorder of many calls had to do. To initialize
    it again changes its settings alone.
    """
    library = FfiClient.instance._ffi_lib
    library.livekit_ffi_initialize(ffi_event_callback, False, b"python", VERSION.encode())


def _stay_known() -> None:
    """Have Python know the thread that calls, which is LiveKit's, until its end.

    Of a thread that is not its own Python knows nothing after each call (PyGILState_Release): for
    every event it would make a state and map a stack for it, and unmap it again.
    """
    if not hasattr(_here, "is_known"):
        ctypes.pythonapi.PyGILState_Ensure()
        _here.is_known = True


@cache
def _post() -> _Post:
    """Return the process's one, from when it is first needed."""
    return _Post()
