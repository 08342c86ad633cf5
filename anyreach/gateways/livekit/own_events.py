"""Many LiveKit rooms in one process, each awake for its own events only."""

from typing import Any

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient

# Whoever began one of these waits for its event apart from the room.
WAITED_FOR_APART = ("text_stream_", "byte_stream_", "capture_audio_frame")


def only_its_own(room: rtc.Room) -> None:
    """Spare a connected `room` what happens in others.

    LiveKit's library wakes every room of a process for every event, to have all but one throw
    it away: work that grows with the square of their number.
    """
    assert room._ffi_handle is not None  # noqa: S101 - it is connected
    events, handle = FfiClient.instance.queue, room._ffi_handle.handle

    def may_be_its_own(event: Any) -> bool:
        kind: str = event.WhichOneof("message")
        if kind == "room_event":
            return bool(event.room_event.room_handle == handle)
        return not kind.startswith(WAITED_FOR_APART)

    with events._lock:
        events._subscribers = [
            (queue, loop, may_be_its_own if queue is room._ffi_queue else wanted)
            for queue, loop, wanted in events._subscribers
        ]
