"""How an import's body is read: whole, then conversation by conversation, before any is kept."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from anyreach.bodies import read_json
from anyreach.errors import Invalid, TooLarge

MAX_CONVERSATIONS = 10_000
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
CHUNK_BYTES = 64 * 1024
IN_MEMORY_BYTES = 1024 * 1024
SPACE = re.compile(r"[ \t\n\r]*")

Numbered = tuple[int, bytes]


class ImportBody(BaseParser):
    """Read NDJSON, by its content type, or else a JSON array; give `(number, JSON)` of each.

    Numbers are those of the lines, or of the array's elements, from 1. Empty lines are left out.
    Raises TooLarge (413), Invalid (422) for too many, ParseError (400) for a broken array. A
    broken line is given like any other.
    """

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        with ExitStack() as closing:
            kept = closing.enter_context(_kept(stream))
            if (media_type or "").partition(";")[0].strip().lower() not in NDJSON:
                return _elements(kept.read())
            _check_count(sum(1 for line in kept if line.strip()))
            closing.pop_all()  # _lines closes it
            return _lines(kept)


def _kept(stream: IO[bytes]) -> IO[bytes]:
    """Return a copy that can be read twice: an error must come before anything is imported."""
    kept: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
    while chunk := stream.read(CHUNK_BYTES):
        kept.write(chunk)
        if kept.tell() > settings.IMPORT_MAX_BYTES:
            kept.close()
            raise TooLarge
    kept.seek(0)
    return kept


def _lines(kept: IO[bytes]) -> Iterator[Numbered]:
    with kept:
        kept.seek(0)
        for number, line in enumerate(kept, 1):
            if line.strip():
                yield number, line


def _elements(body: bytes) -> Iterator[Numbered]:
    try:
        text = body.decode()
        if not text.startswith("[", _after_space(text, 0)):
            read_json(text)
            raise Invalid("body", "This must be an array of conversations.")
        spans = _spans(text)
    except (ValueError, RecursionError) as error:
        raise ParseError(
            "The body is not a JSON array. Send lines as application/x-ndjson."
        ) from error
    return ((number, text[start:end].encode()) for number, (start, end) in enumerate(spans, 1))


def _spans(text: str) -> list[tuple[int, int]]:
    """Return where each element of the array in `text` begins and ends. Raises ValueError.

    One element after another is decoded, and forgotten.
    """
    decoder = json.JSONDecoder()
    spans: list[tuple[int, int]] = []
    at = _after_space(text, _after_space(text, 0) + 1)
    closed = text[at : at + 1] == "]"
    while not closed:
        _, end = decoder.raw_decode(text, at)
        spans.append((at, end))
        _check_count(len(spans))
        at = _after_space(text, end)
        closed = text[at : at + 1] == "]"
        if not closed:
            if text[at : at + 1] != ",":
                raise ValueError("neither , nor ] after an element")
            at = _after_space(text, at + 1)
    if _after_space(text, at + 1) != len(text):
        raise ValueError("something after the array")
    return spans


def _after_space(text: str, at: int) -> int:
    space = SPACE.match(text, at)
    return space.end() if space else at


def _check_count(count: int) -> None:
    if count > MAX_CONVERSATIONS:
        raise Invalid("body", f"At most {MAX_CONVERSATIONS:,} conversations a request.")
