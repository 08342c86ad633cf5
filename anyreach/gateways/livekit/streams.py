"""Incoming data streams of a room, told as they grow, without a task for each.

LiveKit's library has a queue and a task for each stream it receives, wakes them once for each
piece, and hands over each piece twice. Of many calls, whose every sentence is several short
streams, that is most of the work. A stream whose length nobody has told is taken here from the
pieces themselves; one that was whole when it was sent may be compressed, or lie in the packet that
announces it (livekit-data-stream, `outgoing/manager.rs`), so that the library has to read it.

Nor does the library ask who sends a stream's pieces: whoever is in the room and knows a stream's
id, as all do, can go on with what another says, or end it. LiveKit tells of each piece who sent it:
only what a stream's own sender, or an agent, wrote is taken.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient, FfiHandle
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from anyreach.gateways.livekit import own_events
from anyreach.gateways.livekit.words import KINDS, Kind

log = logging.getLogger(__name__)


class Receiver(Protocol):
    """Takes one stream in: any number of contents, then one of its ends."""

    def take(self, content: Any) -> None:
        """Take what the stream has grown by: text, or bytes."""

    def end(self, attributes: Mapping[str, str]) -> None:
        """It is whole; `attributes` came with its end."""

    def break_off(self) -> None:
        """Its sender has vanished, or we have, or it is too long."""


# Of a stream's content, in bytes: no one says more in a breath, nor answers a tool with more.
LONGEST = 1_000_000
# Of one sender, at a time. An agent has one or two.
OPEN_AT_MOST = 50
# It is all in this process by then.
LAST_WORDS_WITHIN_S = 0.5
# Of a reader's event, or of a leaving: both are made in the same moment, and take different ways.
PIECES_KNOWN_WITHIN_S = 0.1
# Pieces, in a room, of writers whom LiveKit has not told of yet.
HELD_BACK_AT_MOST = 200

# Makes a receiver of a stream's info (`stream_id`, `attributes`) and its sender's identity.
Opening = Callable[[Any, str], Receiver | None]
# What a stream is of, "text" or "byte", and its topic.
Topic = tuple[str, str]


class Room(rtc.Room):
    """Receives the streams of the topics that it `expects`, and drops the others.

    The methods here are those of the library's Room that it calls as a stream begins, with each
    piece of it, and when no more comes of those that are open.
    """

    def __init__(self) -> None:
        super().__init__()
        self.expects: dict[Topic, Opening] = {}
        self._open: dict[str, _Stream] = {}
        self._held_back: deque[Any] = deque(maxlen=HELD_BACK_AT_MOST)
        self._changed = asyncio.Event()

    def kind_of(self, identity: str) -> Kind:
        participant = self.remote_participants.get(identity)
        return KINDS.get(participant.kind, Kind.OTHER) if participant else Kind.OTHER

    async def disconnect(self, **options: Any) -> None:
        await super().disconnect(**options)
        self._break_off(self._open.values())
        self.expects = {}

    async def heard_out(self) -> None:
        """Wait until the streams that are open now are at their end."""
        while_open = set(self._open)
        while while_open & self._open.keys():
            self._changed.clear()
            await self._changed.wait()

    async def last_words(self) -> None:
        """Read what LiveKit brought before it closed the room, and break off what has no end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.heard_out(), LAST_WORDS_WITHIN_S)
        self._break_off(self._open.values())

    def _error_stream_readers(self) -> None:
        # Where the room was closed, there are last words still to be read.
        if self.isconnected():
            self._break_off(self._open.values())

    def _break_off(self, streams: "Iterable[_Stream]") -> None:
        for stream in list(streams):
            stream.break_off()

    def _handle_text_stream_opened(self, opened: Any) -> None:
        self._receive("text", opened)

    def _handle_byte_stream_opened(self, opened: Any) -> None:
        self._receive("byte", opened)

    def _receive(self, kind: str, opened: Any) -> None:
        handle, info, sender = (
            opened.reader.handle.id,
            opened.reader.info,
            opened.participant_identity,
        )
        opening = self.expects.get((kind, info.topic))
        is_new = info.stream_id not in self._open
        receiver = opening(info, sender) if opening and is_new else None
        if receiver:
            # Those before the last ones have lost their ends.
            self._break_off(self._sent_by(sender)[: 1 - OPEN_AT_MOST])
        over = partial(self._on_over, info.stream_id)
        if receiver and info.HasField("total_length"):
            self._open[info.stream_id] = _Whole(kind, receiver, sender, over, handle=handle)
            return
        FfiHandle(handle).dispose()
        if receiver:
            self._open[info.stream_id] = _Growing(kind, receiver, sender, over)

    def _sent_by(self, sender: str) -> "list[_Stream]":
        return [stream for stream in self._open.values() if stream.sender == sender]

    def _on_room_event(self, event: Any) -> None:
        match event.WhichOneof("message"):
            case "stream_chunk_received" | "stream_trailer_received":
                self._on_piece(event)
            case "participant_connected":
                super()._on_room_event(event)
                held_back = list(self._held_back)
                self._held_back.clear()
                for piece in held_back:
                    self._on_piece(piece)
            case "participant_disconnected":
                # It may overtake what they said last.
                who = event.participant_disconnected.participant_identity
                later = asyncio.get_running_loop().call_later
                later(PIECES_KNOWN_WITHIN_S, self._break_off, self._sent_by(who))
                super()._on_room_event(event)
            case _:
                super()._on_room_event(event)

    def _on_piece(self, event: Any) -> None:
        told = getattr(event, event.WhichOneof("message"))
        is_chunk = event.HasField("stream_chunk_received")
        piece, writer = told.chunk if is_chunk else told.trailer, told.participant_identity
        stream = self._open.get(piece.stream_id)
        if stream is None:
            return
        # Who is hidden has no name here.
        is_senders = writer in ("", stream.sender)
        if not is_senders and writer not in self.remote_participants:
            self._held_back.append(event)
            return
        # LiveKit lets agents begin streams in another's name.
        is_own = is_senders or self.kind_of(writer) == Kind.AGENT
        on_piece = stream.on_chunk if is_chunk else stream.on_trailer
        on_piece(piece, is_own=is_own)

    def _on_over(self, stream_id: str) -> None:
        del self._open[stream_id]
        self._changed.set()


class _Stream(ABC):
    """One that is being received."""

    def __init__(
        self, kind: str, receiver: Receiver, sender: str, over: Callable[[], None]
    ) -> None:
        self.sender = sender
        self._kind, self._receiver, self._over = kind, receiver, over
        self._is_over = False

    @abstractmethod
    def on_chunk(self, chunk: Any, *, is_own: bool) -> None:
        """A piece has come, and whether its writer may write here."""

    @abstractmethod
    def on_trailer(self, trailer: Any, *, is_own: bool) -> None:
        """Its end has come, and whether its writer may end it."""

    def break_off(self) -> None:
        if not self._is_over:
            self._close()
            self._receiver.break_off()

    def _end(self, attributes: Mapping[str, str]) -> None:
        self._close()
        self._receiver.end(attributes)

    def _close(self) -> None:
        self._is_over = True
        self._over()


class _Growing(_Stream):
    """Taken piece by piece. What others write into it is as if it had not come."""

    _chunks = _bytes = 0

    def on_chunk(self, chunk: Any, *, is_own: bool) -> None:
        # What LiveKit sends again after a reconnection has its index again.
        if not is_own or chunk.chunk_index < self._chunks:
            return
        self._bytes += len(chunk.content)
        if chunk.chunk_index > self._chunks or self._bytes > LONGEST:
            self.break_off()
            return
        self._chunks += 1
        content: bytes = chunk.content
        is_text = self._kind == "text"
        self._receiver.take(content.decode(errors="replace") if is_text else content)

    def on_trailer(self, trailer: Any, *, is_own: bool) -> None:
        if not is_own:
            return
        if trailer.reason:
            self.break_off()
        else:
            self._end(trailer.attributes)


class _Whole(_Stream):
    """Read by the library's native part, which puts together whatever anybody writes: taken at its
    end, and only if nobody else wrote. So others can keep it out, but put nothing into it.
    """

    def __init__(self, *stream: Any, handle: int) -> None:
        super().__init__(*stream)
        self._event, self._handle = f"{self._kind}_stream_reader_event", handle
        self._contents: list[Any] = []
        self._eos: Any = None
        self._has_chunks = self._has_trailer = False
        # First, so that nothing is missed of what is asked for then.
        own_events.deliver(self._event, handle, self._on_event)
        request = FfiRequest()
        getattr(request, f"{self._kind}_read_incremental").reader_handle = handle
        FfiClient.instance.request(request)

    def on_chunk(self, chunk: Any, *, is_own: bool) -> None:
        self._has_chunks = True
        if not is_own:
            self._refuse()

    def on_trailer(self, trailer: Any, *, is_own: bool) -> None:
        if not is_own:
            self._refuse()
            return
        # The pieces of one stream come in their order.
        self._has_trailer = True
        if self._eos:
            self._finish()

    def _refuse(self) -> None:
        log.warning("A participant wrote into another's stream, which is broken off")
        self.break_off()

    def _on_event(self, event: Any) -> None:
        told = getattr(event, self._event)
        if told.HasField("chunk_received"):
            self._contents.append(told.chunk_received.content)
            return
        self._eos = told.eos
        if self._has_trailer:
            self._finish()
        else:
            # One that came in a single packet has no pieces.
            asyncio.get_running_loop().call_later(PIECES_KNOWN_WITHIN_S, self._finish)

    def _finish(self) -> None:
        if self._is_over:
            return
        if self._eos.HasField("error"):
            self.break_off()
            return
        if self._has_chunks and not self._has_trailer:
            return
        for content in self._contents:
            self._receiver.take(content)
        self._end(self._eos.attributes)

    def _close(self) -> None:
        own_events.withhold(self._event, self._handle)
        super()._close()
