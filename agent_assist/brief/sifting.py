"""What a model claims, one claim at a time: what the turns bear out, and what is withheld."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from agent_assist.brief.checking import check, check_advice
from agent_assist.brief.sections import (
    Claim,
    Flag,
    Information,
    Section,
    Sections,
    Sentiment,
    Statement,
    Step,
    Withheld,
)
from conversations.models import Turn

NO_SUCH_TURN = "It cites a turn that does not exist."
NOT_THE_CALLERS = "It cites nothing that the caller said."
SINGLE = {Section.SENTIMENT, Section.TRANSFER_REASON}
Fault = Callable[[Section, Claim], str | None]


class Sieve:
    """Holds each claim against the turns that it cites, once: a growing brief has it many times.

    `on` is the day of the call, from which "tomorrow" counts.
    """

    def __init__(self, turns: Sequence[Turn], *, on: date) -> None:
        self._turns = {turn.pk: turn for turn in turns}
        self._on = on
        self._known: dict[tuple[Section, Claim], str | None] = {}

    def fault(self, section: Section, claim: Claim) -> str | None:
        """Return why the turns do not bear a claim out, in a sentence; None when they do."""
        key = section, claim
        if key not in self._known:
            self._known[key] = self._look(claim)
        return self._known[key]

    def _look(self, claim: Claim) -> str | None:
        if not all(turn in self._turns for turn in claim.turns):
            return NO_SUCH_TURN
        cited = [self._turns[turn] for turn in claim.turns]
        if isinstance(claim, Sentiment):
            shown = any(turn.role == Turn.Role.USER for turn in cited)
            return None if shown else NOT_THE_CALLERS
        if isinstance(claim, Step):
            return check_advice(claim.action, cited, on=self._on)
        return check(text_of(claim), cited, on=self._on)


def sifted(sections: Sections, fault: Fault) -> tuple[Sections, tuple[Withheld, ...]]:
    """Return `sections` without the claims that have a fault, and those."""
    kept: dict[str, Any] = {}
    withheld: list[Withheld] = []
    for section, claims in claims_of(sections):
        faults = [(claim, fault(section, claim)) for claim in claims]
        good = tuple(claim for claim, why in faults if why is None)
        kept[section] = next(iter(good), None) if section in SINGLE else good
        withheld += [
            Withheld(section=section, text=text_of(claim), why=why) for claim, why in faults if why
        ]
    return Sections(**kept), tuple(withheld)


def claims_of(sections: Sections) -> Iterator[tuple[Section, tuple[Claim, ...]]]:
    for section in Section:
        value: tuple[Claim, ...] | Claim | None = getattr(sections, section)
        if value is None:
            yield section, ()
        else:
            yield section, value if isinstance(value, tuple) else (value,)


def text_of(claim: Claim) -> str:
    match claim:
        case Statement():
            return claim.text
        case Sentiment():
            return claim.label
        case Information():
            return f"{claim.label}: {claim.value}"
        case Step():
            return claim.action
        case Flag():
            return claim.detail
    raise TypeError(type(claim).__name__)
