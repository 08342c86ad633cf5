"""A room that tells of its incoming text and byte streams as they grow.

LiveKit's library makes a reader of each, with a queue, a subscription and a task of whoever reads
it: of what a call's words are, many short streams, that is most of the work.

Nor does the library ask who sends a stream's pieces: whoever is in the room and knows a stream's
id, as all do, can go on with what another says, or end it. LiveKit tells of each piece who sent it,
apart from the reader's events, in any order. So a stream is taken in as far as its pieces are known
to be its sender's own.
"""

import asyncio
import logging
from collections import Counter, deque
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
        """Its sender has vanished, or we have."""


# Of one sender, at a time. An agent has one or two.
OPEN_AT_MOST = 50
# It is all in this process by then.
LAST_WORDS_WITHIN_S = 0.5
# Of a reader's event: both are made in the same moment, and brought at most TOLD_EVERY_S apart.
PIECES_KNOWN_WITHIN_S = 0.2

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
        self._open: dict[str, _Incoming] = {}
        self._open_by: Counter[str] = Counter()
        self._changed = asyncio.Event()

    async def disconnect(self, **options: Any) -> None:
        await super().disconnect(**options)
        self._break_off()
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
        self._break_off()

    def _error_stream_readers(self) -> None:
        # Where the room was closed, there are last words still to be read.
        if self.isconnected():
            self._break_off()

    def _break_off(self) -> None:
        for incoming in list(self._open.values()):
            incoming.break_off()

    def _handle_text_stream_opened(self, opened: Any) -> None:
        self._receive("text", opened)

    def _handle_byte_stream_opened(self, opened: Any) -> None:
        self._receive("byte", opened)

    def _on_room_event(self, event: Any) -> None:
        match event.WhichOneof("message"):
            case "stream_chunk_received":
                told = event.stream_chunk_received
                if incoming := self._open.get(told.chunk.stream_id):
                    is_own = self._is_own(incoming, told.participant_identity)
                    incoming.on_chunk(told.chunk.chunk_index, is_own=is_own)
            case "stream_trailer_received":
                told = event.stream_trailer_received
                if incoming := self._open.get(told.trailer.stream_id):
                    incoming.on_trailer(is_own=self._is_own(incoming, told.participant_identity))
            case _:
                super()._on_room_event(event)

    def _is_own(self, incoming: "_Incoming", writer: str) -> bool:
        """Whether `writer` may go on with this stream: its sender, who is hidden has no name here,
        or an agent, which LiveKit lets begin streams in another's name."""
        if writer in ("", incoming.sender):
            return True
        participant = self.remote_participants.get(writer)
        return participant is not None and KINDS.get(participant.kind) == Kind.AGENT

    def _receive(self, kind: str, opened: Any) -> None:
        handle, info = opened.reader.handle.id, opened.reader.info
        sender, opening = opened.participant_identity, self.expects.get(info.topic)
        has_room = self._open_by[sender] < OPEN_AT_MOST and info.stream_id not in self._open
        receiver = opening(info, sender) if opening and has_room else None
        if receiver is None:
            FfiHandle(handle).dispose()
            return
        self._open_by[sender] += 1
        over = partial(self._on_over, info.stream_id, sender)
        self._open[info.stream_id] = _Incoming(kind, handle, receiver, sender=sender, over=over)

    def _on_over(self, stream_id: str, sender: str) -> None:
        del self._open[stream_id]
        self._open_by[sender] -= 1
        self._changed.set()


class _Incoming:
    """One stream that the library's native part reads for us."""

    def __init__(
        self, kind: str, handle: int, receiver: Receiver, *, sender: str, over: Callable[[], None]
    ) -> None:
        self.sender = sender
        self._event, self._handle, self._receiver = f"{kind}_stream_reader_event", handle, receiver
        self._over, self._is_over = over, False
        self._contents: deque[Any] = deque()
        self._taken = self._own_chunks = 0
        self._is_spoilt = self._has_trailer = False
        self._eos: Any = None
        # First, so that nothing is missed of what is asked for then.
        own_events.deliver(self._event, handle, self._on_event)
        request = FfiRequest()
        getattr(request, f"{kind}_read_incremental").reader_handle = handle
        FfiClient.instance.request(request)

    def on_chunk(self, index: int, *, is_own: bool) -> None:
        # One that LiveKit sends again after a reconnection has its index again.
        if not is_own:
            self._spoil()
        elif index == self._own_chunks and not self._is_spoilt:
            self._own_chunks += 1
            self._go_on()

    def on_trailer(self, *, is_own: bool) -> None:
        if is_own:
            self._has_trailer = True
            self._go_on()
        else:
            self._spoil()

    def break_off(self) -> None:
        if not self._is_over:
            self._close()
            self._receiver.break_off()

    def _spoil(self) -> None:
        """Another has written here: what they wrote, and what comes after, is not taken."""
        if not self._is_spoilt:
            self._is_spoilt = True
            log.warning("A participant wrote into another's stream, which is broken off")
            self._later(self.break_off)

    def _on_event(self, event: Any) -> None:
        told = getattr(event, self._event)
        if self._is_over:
            return
        if told.HasField("chunk_received"):
            self._contents.append(told.chunk_received.content)
        else:
            self._eos = told.eos
            self._later(self._settle)
        self._go_on()

    def _go_on(self) -> None:
        while self._contents and self._taken < self._own_chunks:
            self._take()
        is_whole = self._eos is not None and not self._eos.HasField("error")
        if is_whole and self._has_trailer and not self._is_spoilt:
            self._end()

    def _settle(self) -> None:
        """What its sender left open, or sent in one packet, has no trailer."""
        if self._eos.HasField("error"):
            self.break_off()
        elif not (self._is_over or self._own_chunks or self._is_spoilt):
            self._end()

    def _end(self) -> None:
        while self._contents:
            self._take()
        self._close()
        self._receiver.end(self._eos.attributes)

    def _take(self) -> None:
        self._taken += 1
        self._receiver.take(self._contents.popleft())

    def _later(self, do: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(PIECES_KNOWN_WITHIN_S, do)

    def _close(self) -> None:
        self._is_over = True
        own_events.withhold(self._event, self._handle)
        self._over()
