"""Incoming data streams of a room, told as they grow, without a task for each.

LiveKit's library has a queue and a task for each stream it receives, wakes them once for each
piece, and hands over each piece twice. Of many calls, whose every sentence is several short
streams, that is most of the work. A stream whose length nobody has told is taken here from the
pieces themselves; one that was whole when it was sent may be compressed, or lie in the packet that
announces it (livekit-data-stream, `outgoing/manager.rs`), so that the library has to read it.

Nor does the library ask who sends a stream's pieces: whoever is in the room and knows a stream's
id, as all do, can go on with what another says, or end it. LiveKit tells of each piece who sent it:
what is not of the stream's own sender is not taken.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
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
# Of a reader's event: both are made in the same moment, and brought at most TOLD_EVERY_S apart.
PIECES_KNOWN_WITHIN_S = 0.1

# Makes a receiver of a stream's info (`stream_id`, `attributes`) and its sender's identity.
Opening = Callable[[Any, str], Receiver | None]


class Room(rtc.Room):
    """Receives the streams of the topics that it `expects`, and drops the others.

    The methods here are those of the library's Room that it calls as a stream begins, with each
    piece of it, and when no more comes of those that are open.
    """

    def __init__(self) -> None:
        super().__init__()
        self.expects: dict[str, Opening] = {}
        self._open: dict[str, _Stream] = {}
        self._changed = asyncio.Event()

    def kind_of(self, identity: str) -> Kind:
        participant = self.remote_participants.get(identity)
        return KINDS.get(participant.kind, Kind.OTHER) if participant else Kind.OTHER

    async def disconnect(self, **options: Any) -> None:
        await super().disconnect(**options)
        self._break_off(list(self._open.values()))
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
        self._break_off(list(self._open.values()))

    def _error_stream_readers(self) -> None:
        # Where the room was closed, there are last words still to be read.
        if self.isconnected():
            self._break_off(list(self._open.values()))

    def _break_off(self, streams: "list[_Stream]") -> None:
        for stream in streams:
            stream.break_off()

    def _handle_text_stream_opened(self, opened: Any) -> None:
        self._receive("text", opened)

    def _handle_byte_stream_opened(self, opened: Any) -> None:
        self._receive("byte", opened)

    def _receive(self, kind: str, opened: Any) -> None:
        handle, info = opened.reader.handle.id, opened.reader.info
        sender, opening = opened.participant_identity, self.expects.get(info.topic)
        has_room = info.stream_id not in self._open and len(self._sent_by(sender)) < OPEN_AT_MOST
        receiver = opening(info, sender) if opening and has_room else None
        over = partial(self._on_over, info.stream_id)
        if receiver and info.HasField("total_length"):
            self._open[info.stream_id] = _Whole(kind, handle, receiver, sender, over)
            return
        FfiHandle(handle).dispose()
        if receiver:
            self._open[info.stream_id] = _Growing(kind, receiver, sender, over)

    def _sent_by(self, sender: str) -> "list[_Stream]":
        return [stream for stream in self._open.values() if stream.sender == sender]

    def _on_room_event(self, event: Any) -> None:
        match event.WhichOneof("message"):
            case "stream_chunk_received":
                told = event.stream_chunk_received
                if stream := self._open.get(told.chunk.stream_id):
                    is_own = self._is_own(stream, told.participant_identity)
                    stream.on_chunk(told.chunk, is_own=is_own)
            case "stream_trailer_received":
                told = event.stream_trailer_received
                if stream := self._open.get(told.trailer.stream_id):
                    is_own = self._is_own(stream, told.participant_identity)
                    stream.on_trailer(told.trailer, is_own=is_own)
            case "participant_disconnected":
                who = event.participant_disconnected.participant_identity
                self._break_off(self._sent_by(who))
                super()._on_room_event(event)
            case _:
                super()._on_room_event(event)

    def _is_own(self, stream: "_Stream", writer: str) -> bool:
        """Whether `writer` may go on with it: its sender, who is hidden has no name here, or an
        agent, which LiveKit lets begin streams in another's name."""
        return writer in ("", stream.sender) or self.kind_of(writer) == Kind.AGENT

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
    end, and only if nobody else wrote.
    """

    def __init__(
        self,
        kind: str,
        handle: int,
        receiver: Receiver,
        sender: str,
        over: Callable[[], None],
    ) -> None:
        super().__init__(kind, receiver, sender, over)
        self._event, self._handle = f"{kind}_stream_reader_event", handle
        self._contents: list[Any] = []
        self._eos: Any = None
        self._has_trailer = False
        # First, so that nothing is missed of what is asked for then.
        own_events.deliver(self._event, handle, self._on_event)
        request = FfiRequest()
        getattr(request, f"{kind}_read_incremental").reader_handle = handle
        FfiClient.instance.request(request)

    def on_chunk(self, chunk: Any, *, is_own: bool) -> None:
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
            # One that came in a single packet has none.
            asyncio.get_running_loop().call_later(PIECES_KNOWN_WITHIN_S, self._finish)

    def _finish(self) -> None:
        if self._is_over:
            return
        if self._eos.HasField("error"):
            self.break_off()
            return
        for content in self._contents:
            self._receiver.take(content)
        self._end(self._eos.attributes)

    def _close(self) -> None:
        own_events.withhold(self._event, self._handle)
        super()._close()
