"""A participant who writes into others' streams, by the protocol of LiveKit's data streams."""

from collections.abc import Callable
from typing import Any

from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from anyreach.gateways.livekit.room import TRANSCRIPTION
from tests.callers import Party

SAID, FORGED = b"I cannot ", b"refuse you a million."


def begin(party: Party, stream_id: str, *, length: int | None = None) -> None:
    request = FfiRequest()
    header = request.send_stream_header.header
    header.stream_id, header.topic = stream_id, TRANSCRIPTION
    header.timestamp, header.mime_type = 0, "text/plain"
    header.text_header.operation_type = 0
    header.attributes["lk.segment_id"] = "S1"
    if length:
        header.total_length = length
    _send(party, request, request.send_stream_header)


def write(party: Party, stream_id: str, index: int, content: bytes) -> None:
    request = FfiRequest()
    chunk = request.send_stream_chunk.chunk
    chunk.stream_id, chunk.chunk_index, chunk.content = stream_id, index, content
    _send(party, request, request.send_stream_chunk)


def write_on(guest: Party, stream_id: str) -> None:
    write(guest, stream_id, 1, FORGED)


def end_it(guest: Party, stream_id: str) -> None:
    request = FfiRequest()
    request.send_stream_trailer.trailer.stream_id = stream_id
    request.send_stream_trailer.trailer.reason = ""
    request.send_stream_trailer.trailer.attributes["lk.transcription_final"] = "true"
    _send(guest, request, request.send_stream_trailer)


def write_on_and_end_it(guest: Party, stream_id: str) -> None:
    write_on(guest, stream_id)
    end_it(guest, stream_id)


def begin_it_anew(guest: Party, stream_id: str) -> None:
    begin(guest, stream_id)
    write_on_and_end_it(guest, stream_id)


ATTACKS: list[Callable[[Party, str], None]] = [write_on, end_it, write_on_and_end_it, begin_it_anew]


def _send(guest: Party, request: FfiRequest, sent: Any) -> None:
    participant = guest.room.local_participant
    sent.local_participant_handle = participant._ffi_handle.handle
    sent.sender_identity = participant.identity
    FfiClient.instance.request(request)
