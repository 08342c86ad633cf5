"""What can be read of a language model's answer, also while it is still being written.

A claim counts once it is finished. What is not in a form that we asked for is left out, and
whatever is there is read: fences, prose around the JSON, a string where a list should be.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from pydantic_core import from_json

from agent_assist.brief.sections import (
    Confidence,
    Flag,
    FlagKind,
    Information,
    Level,
    Section,
    Sections,
    Sentiment,
    Severity,
    Statement,
    Step,
)

# Cited where the model cites a turn that it was not shown: there is none with this id.
NO_TURN = UUID(int=0)
# What is longer is no bullet, and is not cut: half a sentence can say the opposite.
LONGEST = 400
LONGEST_LABEL = 80
MOST_TURNS = 20
MOST = {
    Section.CALL_SUMMARY: 5,
    Section.SUGGESTED_NEXT_STEPS: 3,
    Section.INFORMATION_COLLECTED: 12,
    Section.COMPLIANCE_FLAGS: 8,
}

THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
BEGINNING = re.compile(r'\{\s*"')
STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
BRACKET = re.compile(r"[][{}]")
DEPTH_OF_CLAIM = 2
NUMBER = re.compile(r"\d{1,9}")

Json = dict[str, Any]
Claimed = TypeVar("Claimed")
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True)
class Answer:
    """`is_whole`: nothing more is to come."""

    sections: Sections
    is_whole: bool


def read(text: str, numbers: Mapping[int, UUID]) -> Answer | None:
    """Return what is finished of an answer so far; None while, or as, there is no JSON in it.

    `numbers` are those by which turns are cited.
    """
    found = _object_in(text)
    if found is None:
        return None
    data, depth = found
    growing = next(reversed(data), None) if depth >= DEPTH_OF_CLAIM else None
    finished = {
        name: _finished(value, depth) if name == growing else value for name, value in data.items()
    }
    return Answer(_Reader(numbers).sections(finished), is_whole=depth == 0)


def _object_in(text: str) -> tuple[Json, int] | None:
    """Return the object in `text` as far as it goes, and how deep in it the text ends."""
    # Endpoints cut between the two halves of a character, too: halves that belong together join.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = THOUGHTS.sub("", text)
    beginning = BEGINNING.search(text)
    if beginning is None:
        return None
    text = text[beginning.start() :]
    depth, end = _depth(text)
    try:
        data = from_json(text[:end], allow_partial=True)
    except ValueError:
        return None
    return (data, depth) if isinstance(data, dict) else None


def _depth(text: str) -> tuple[int, int]:
    """Return how many brackets are open at the end, or where the first was closed."""
    # Brackets in strings are none: strings are blotted out, their lengths kept.
    bare = STRING.sub(lambda match: " " * len(match[0]), text)
    depth = 0
    for bracket in BRACKET.finditer(bare):
        depth += 1 if bracket[0] in "{[" else -1
        if depth == 0:
            return 0, bracket.end()
    return depth, len(text)


def _finished(value: Any, depth: int) -> Any:
    """Return a section that is still being written, without the claim that is."""
    if not isinstance(value, list):
        return None
    return value if depth == DEPTH_OF_CLAIM else value[:-1]


class _Reader:
    """Reads one answer's claims. One that lacks a part, or has it in no known form, is None."""

    def __init__(self, numbers: Mapping[int, UUID]) -> None:
        self._numbers = numbers

    def sections(self, data: Json) -> Sections:
        return Sections(
            transfer_reason=self._statement(data.get(Section.TRANSFER_REASON)),
            sentiment=self._sentiment(data.get(Section.SENTIMENT)),
            call_summary=_all(self._statement, data, Section.CALL_SUMMARY),
            suggested_next_steps=_all(self._step, data, Section.SUGGESTED_NEXT_STEPS),
            information_collected=_all(self._information, data, Section.INFORMATION_COLLECTED),
            compliance_flags=_all(self._flag, data, Section.COMPLIANCE_FLAGS),
        )

    def _statement(self, claim: Any) -> Statement | None:
        # A bare sentence is one that cites nothing.
        claim = {"text": claim} if isinstance(claim, str) else claim
        text = _text(claim, "text")
        return Statement(text=text, turns=self._turns(claim)) if text else None

    def _sentiment(self, claim: Any) -> Sentiment | None:
        level = _one_of(Level, claim, "level")
        if not level:
            return None
        # Words of the model's own would be a claim that nobody can check.
        label = level.replace("_", " ").capitalize()
        return Sentiment(label=label, level=level, turns=self._turns(claim))

    def _step(self, claim: Any) -> Step | None:
        action, confidence = _text(claim, "action"), _one_of(Confidence, claim, "confidence")
        if not action or not confidence:
            return None
        return Step(action=action, confidence=confidence, turns=self._turns(claim))

    def _information(self, claim: Any) -> Information | None:
        label, value = _text(claim, "label", LONGEST_LABEL), _text(claim, "value")
        if not label or not value:
            return None
        return Information(label=label, value=value, turns=self._turns(claim))

    def _flag(self, claim: Any) -> Flag | None:
        kind, severity = _one_of(FlagKind, claim, "kind"), _one_of(Severity, claim, "severity")
        detail = _text(claim, "detail")
        if not kind or not severity or not detail:
            return None
        return Flag(kind=kind, severity=severity, detail=detail, turns=self._turns(claim))

    def _turns(self, claim: Json) -> tuple[UUID, ...]:
        """Return the turns that are cited, in whatever writing: [3], "3, 4", ["t3"]."""
        cited = claim.get("turns")
        written = NUMBER.findall(str(cited)) if cited else []
        turns = [self._numbers.get(int(number), NO_TURN) for number in written[:MOST_TURNS]]
        return tuple(dict.fromkeys(turns))


def _all(
    read: Callable[[Any], Claimed | None], data: Json, section: Section
) -> tuple[Claimed, ...]:
    """Return the first claims of a section, as many as it may have."""
    claims = data.get(section)
    listed = claims if isinstance(claims, list) else [claims]
    found = (read(claim) for claim in listed)
    return tuple(islice((claim for claim in found if claim is not None), MOST[section]))


def _text(claim: Any, name: str, longest: int = LONGEST) -> str:
    """Return a part of a claim on one line; nothing when it is no text, or too long."""
    value = claim.get(name) if isinstance(claim, dict) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    words = value.split() if isinstance(value, str) else []
    text = "".join(filter(str.isprintable, " ".join(words)))
    return text if len(text) <= longest else ""


def _one_of(choices: type[Choice], claim: Any, name: str) -> Choice | None:
    """Return a part of a claim that is one of some words, however they are written."""
    word = _text(claim, name).lower().replace(" ", "_").replace("-", "_")
    return choices(word) if word in list(choices) else None
