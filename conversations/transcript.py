"""How what a room sends becomes a transcript: a pure fold of events into lines.

Sources, as LiveKit agents send them: text streams on `lk.transcription` (what was said,
growing, then final) and, where it is sent, `lk.agent.session` (tool calls, latencies, what
was cut off). The browser's twin for text events is static/js/core/transcript.js; both pass
the fixtures in tests/data/transcript/.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

SAME_UTTERANCE_MS = 30_000


@dataclass(frozen=True)
class Text:
    """A segment's whole text so far. `at` is milliseconds since the epoch, here and below."""

    segment_id: str
    role: str
    speaker: str
    text: str
    final: bool
    at: int


@dataclass(frozen=True)
class Cut:
    """The sender of an unfinished segment vanished."""

    segment_id: str
    speaker: str
    at: int


@dataclass(frozen=True)
class Tool:
    """A tool was called, or (with `done`) has answered."""

    call_id: str
    name: str
    at: int
    arguments: Any = None
    output: Any = None
    is_error: bool = False
    done: bool = False


@dataclass(frozen=True)
class Item:
    """The agent's own record of one utterance. `latency` holds whole milliseconds by name."""

    item_id: str
    role: str
    text: str
    interrupted: bool
    at: int
    latency: dict[str, int] | None = None


Event = Text | Cut | Tool | Item


@dataclass(frozen=True)
class Line:
    """One turn. Empty source ids mean that this source has not told of it."""

    role: str
    started_at: int
    speaker: str = ""
    text: str = ""
    final: bool = False
    interrupted: bool = False
    ended_at: int | None = None
    segment_id: str = ""
    item_id: str = ""
    call_id: str = ""
    name: str = ""
    arguments: Any = None
    output: Any = None
    is_error: bool = False
    latency: dict[str, int] | None = None


Lines = tuple[Line, ...]


def fold(lines: Lines, event: Event) -> Lines:
    """Return `lines` with `event` taken in, oldest first. Lines that did not change are kept
    as the same objects, so a caller can tell by identity which did."""
    match event:
        case Text():
            return _fold_text(lines, event)
        case Cut():
            return _fold_cut(lines, event)
        case Tool():
            return _fold_tool(lines, event)
        case Item():
            return _fold_item(lines, event)


def _fold_text(lines: Lines, event: Text) -> Lines:
    index = _last(lines, lambda line: _is_of_segment(line, event))
    if index is None:
        index = _last(lines, lambda line: _is_text_of_item(line, event))
    if index is None:
        if not event.text:
            return lines
        line = Line(
            role=event.role,
            speaker=event.speaker,
            text=event.text,
            started_at=event.at,
            segment_id=event.segment_id,
        )
        return _append(lines, _settled(line, event.at) if event.final else line)
    line = lines[index]
    if line.final and not event.final:
        return _put(lines, index, replace(line, speaker=event.speaker, segment_id=event.segment_id))
    told = replace(line, text=event.text, speaker=event.speaker, segment_id=event.segment_id)
    return _put(lines, index, _settled(told, event.at) if event.final else told)


def _fold_cut(lines: Lines, event: Cut) -> Lines:
    index = _last(lines, lambda line: _is_of_segment(line, event))
    if index is None or lines[index].final:
        return lines
    return _put(lines, index, replace(_settled(lines[index], event.at), interrupted=True))


def _fold_tool(lines: Lines, event: Tool) -> Lines:
    index = _last(lines, lambda line: line.call_id == event.call_id)
    line = Line(role="tool", started_at=event.at, call_id=event.call_id)
    if index is not None:
        line = lines[index]
    if not line.final:
        line = replace(
            line,
            name=event.name or line.name,
            arguments=line.arguments if event.arguments is None else event.arguments,
        )
    if event.done and not line.final:
        line = _settled(replace(line, output=event.output, is_error=event.is_error), event.at)
    return _append(lines, line) if index is None else _put(lines, index, line)


def _fold_item(lines: Lines, event: Item) -> Lines:
    index = _last(lines, lambda line: line.item_id == event.item_id)
    if index is None:
        index = _last(lines, lambda line: _is_item_of_text(line, event))
    if index is None:
        if not event.text:
            return lines
        line = Line(role=event.role, text=event.text, started_at=event.at, item_id=event.item_id)
        line = replace(line, interrupted=event.interrupted, latency=event.latency)
        return _append(lines, _settled(line, event.at))
    line = lines[index]
    told = replace(
        line,
        item_id=event.item_id,
        interrupted=line.interrupted or event.interrupted,
        latency=event.latency or line.latency,
    )
    return _put(lines, index, told)


def _is_of_segment(line: Line, event: Text | Cut) -> bool:
    """Is `event` about this line's segment?

    A segment's id is its sender's choice, so it only counts among what the same speaker said:
    nobody changes another's words by using the id of their segment.
    """
    return (line.segment_id, line.speaker) == (event.segment_id, event.speaker)


def _is_item_of_text(line: Line, event: Item) -> bool:
    """Is `event` the agent's record of this line, which a text stream told of?

    An agent's record comes just before its stream ends; a caller's can join several segments.
    """
    said, recorded = _plain(line.text), _plain(event.text)
    return (
        line.role == event.role
        and not line.item_id
        and event.at - line.started_at < SAME_UTTERANCE_MS + len(line.text) * 200
        and bool(said)
        and (
            said == recorded
            or (line.final and event.role == "user" and recorded.endswith(said))
            or (not line.final and recorded.startswith(said))
        )
    )


def _is_text_of_item(line: Line, event: Text) -> bool:
    """Is this line, of which only the agent's record told, what `event` now tells?"""
    return (
        line.role == event.role
        and not line.segment_id
        and bool(line.item_id)
        and event.at - line.started_at < SAME_UTTERANCE_MS
        and _plain(line.text) == _plain(event.text)
    )


def _plain(text: str) -> str:
    return " ".join(text.split())


def _settled(line: Line, at: int) -> Line:
    return replace(line, final=True, ended_at=line.ended_at or max(at, line.started_at))


def _last(lines: Lines, fits: Callable[[Line], bool]) -> int | None:
    return next((i for i in range(len(lines) - 1, -1, -1) if fits(lines[i])), None)


def _append(lines: Lines, line: Line) -> Lines:
    index = len(lines)
    while index and lines[index - 1].started_at > line.started_at:
        index -= 1
    return (*lines[:index], line, *lines[index:])


def _put(lines: Lines, index: int, line: Line) -> Lines:
    if line == lines[index]:
        return lines
    return (*lines[:index], line, *lines[index + 1 :])


def changed(before: Sequence[Line], after: Sequence[Line]) -> list[Line]:
    """Return the lines of `after` that are not in `before`."""
    known = {id(line) for line in before}
    return [line for line in after if id(line) not in known]


def user_turn_count(lines: Iterable[Line]) -> int:
    """Count runs of the caller's turns between others' turns."""
    spoken = (line for line in lines if line.text or line.call_id)
    return sum(role == "user" for role, _ in groupby(spoken, key=lambda line: line.role))
