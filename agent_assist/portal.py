"""What a human who takes over is shown: facts, and what a model wrote that the call bears out."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from agent_assist import finding
from agent_assist.brief.facts import Facts, began_at, facts_of
from agent_assist.brief.sections import (
    Claim,
    Flag,
    Information,
    Marker,
    Section,
    Sections,
    Statement,
    Withheld,
)
from agent_assist.brief.version import version_of
from agent_assist.models import Brief
from conversations.models import Conversation, Turn

LINES_AT_LEAST, LINES_AT_MOST = 3, 5
STEPS_AT_MOST = 3
NO_MODEL = "no model"

C = TypeVar("C", bound=Claim)


@dataclass(frozen=True)
class Line:
    """A turn of the transcript, so many whole seconds into the call."""

    turn: Turn
    offset_seconds: int
    marker: Marker | None

    @property
    def text(self) -> str:
        """What was said; of a tool call, what was asked and answered."""
        turn = self.turn
        if turn.role != Turn.Role.TOOL:
            return turn.text
        answer = "failed" if turn.is_error else "answered"
        return f"{turn.name}({_json(turn.arguments)}) {answer}: {_json(turn.output)}"


@dataclass(frozen=True)
class Portal:
    """A brief of a transcript. `written` is what a model has contributed by now."""

    conversation: Conversation
    other_conversations: int
    transcript: Sequence[Line]
    transcript_version: str
    facts: Facts
    brief: Brief | None
    written: Sections
    withheld: Sequence[Withheld]
    sections: Sections

    @property
    def generated_by(self) -> str:
        """The model that wrote any of the lines, or that none did."""
        return self.brief.model if self.brief and self.written != Sections() else NO_MODEL

    @property
    def evidence(self) -> dict[Section, Sequence[UUID] | Sequence[Sequence[UUID]]]:
        """The turns of each claim, by section: one list, or as many as it has lines."""
        return {section: _turns_of(getattr(self.sections, section)) for section in Section}


def turns_of(conversation: Conversation) -> list[Turn]:
    """Return what a brief reads: what was said and done, as far as it is final, in order."""
    return list(conversation.turns.filter(final=True))


def portal_of(conversation: Conversation, turns: Sequence[Turn], brief: Brief | None) -> Portal:
    """Put together what is known by `turns`, and what `brief` has of it by now.

    Of one that has failed nothing is taken: then there are facts alone.
    """
    facts = facts_of(conversation, turns)
    is_usable = brief is not None and brief.state != Brief.State.FAILED
    written = brief.sections if brief and is_usable else Sections()
    began = began_at(conversation, turns)
    return Portal(
        conversation=conversation,
        other_conversations=finding.others_of(conversation),
        transcript=[
            Line(
                turn,
                max(0, int((turn.started_at - began).total_seconds())),
                facts.markers.get(turn.pk),
            )
            for turn in turns
        ],
        transcript_version=version_of(conversation, turns),
        facts=facts,
        brief=brief,
        written=written,
        withheld=brief.withheld if brief and is_usable else (),
        sections=merged(facts.sections, written),
    )


def merged(facts: Sections, written: Sections) -> Sections:
    """Return what a model wrote, and of the facts what it has left out."""
    return Sections(
        sentiment=written.sentiment or facts.sentiment,
        transfer_reason=written.transfer_reason or facts.transfer_reason,
        call_summary=_topped_up(written.call_summary, facts.call_summary),
        information_collected=_without_doubles(
            [*facts.information_collected, *written.information_collected], _same_information
        ),
        suggested_next_steps=(written.suggested_next_steps or facts.suggested_next_steps)[
            :STEPS_AT_MOST
        ],
        compliance_flags=_without_doubles(
            [*facts.compliance_flags, *written.compliance_flags], _same_flag
        ),
    )


def _topped_up(written: Sequence[Statement], facts: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return what is written, and the facts alone where nothing is. What is too short gets facts,
    first those that rest on turns of which nothing is written."""
    if not written:
        return tuple(facts[:LINES_AT_MOST])
    told = {turn for line in written for turn in line.turns}
    others = sorted(facts, key=lambda line: told.issuperset(line.turns))
    return (*written, *others[: max(0, LINES_AT_LEAST - len(written))])[:LINES_AT_MOST]


def _without_doubles(claims: Iterable[C], same: Callable[[C, C], bool]) -> tuple[C, ...]:
    kept: list[C] = []
    for claim in claims:
        if not any(same(claim, other) for other in kept):
            kept.append(claim)
    return tuple(kept)


def _same_information(one: Information, other: Information) -> bool:
    return _plain(one.value) == _plain(other.value)


def _same_flag(one: Flag, other: Flag) -> bool:
    shares_turns = not set(one.turns).isdisjoint(other.turns)
    return one.kind == other.kind and (shares_turns or one.detail == other.detail)


def _plain(value: str) -> str:
    return "".join(filter(str.isalnum, value.casefold())) or value


def _turns_of(claims: Claim | Sequence[Claim] | None) -> Sequence[UUID] | Sequence[Sequence[UUID]]:
    if isinstance(claims, Sequence):
        return [claim.turns for claim in claims]
    return claims.turns if claims else []


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
