"""A call as the rules see it: what was said, what was found in it, and how to quote it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from agent_assist.brief import tools
from agent_assist.brief.cards import without_digits
from agent_assist.brief.markers import Sign, text_of
from agent_assist.brief.quoting import QUOTE_CHARS, SENTENCE_END, clean, quoted
from agent_assist.brief.rules import CALLED_BACK, CANNOT, NEEDS_COLLEAGUE
from agent_assist.brief.sections import FlagKind, MarkerKind
from conversations.models import Conversation, Turn

_NOTHING_TOLD = re.compile(
    r"^\W*(?:(?:good ?bye|bye|okay|ok|yes|no|hello|hi|hey|thanks|thank you|very much|so much|hallo"
    r"|hola|adiós|tschüss|danke|gracias|please|sure|all right|alright|good (?:morning|evening|day"
    r"|night|afternoon)|is anyone there|are you there|can you hear me|uh|um|hm)\W*)+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Call:
    """`turns` are final ones, in order; `signs` what the rules have found in them."""

    conversation: Conversation
    turns: Sequence[Turn]
    signs: Sequence[Sign]

    def of(self, kind: MarkerKind) -> list[Sign]:
        return [sign for sign in self.signs if sign.kind == kind]

    def flagged(self, kind: FlagKind) -> list[Sign]:
        return [sign for sign in self.signs if sign.flag == kind]

    @cached_property
    def places(self) -> dict[UUID, int]:
        return {turn.id: place for place, turn in enumerate(self.turns)}

    @cached_property
    def said(self) -> list[Turn]:
        """What the caller said."""
        return [turn for turn in self.turns if turn.role == Turn.Role.USER and is_spoken(turn)]

    @cached_property
    def told(self) -> list[Turn]:
        """What the caller said, but for greetings, thanks and the like."""
        return [turn for turn in self.said if tells_something(turn)]

    @cached_property
    def requests(self) -> list[Sign]:
        """Where a person was asked for, on this call."""
        return [sign for sign in self.of(MarkerKind.REQUEST) if sign.label != CALLED_BACK]

    @cached_property
    def callbacks(self) -> list[Sign]:
        return [sign for sign in self.of(MarkerKind.REQUEST) if sign.label == CALLED_BACK]

    @cached_property
    def stuck(self) -> list[Sign]:
        """Where the agent said that it cannot do something, or needs somebody for it."""
        signs = self.of(MarkerKind.ESCALATION)
        return [sign for sign in signs if sign.label in (CANNOT, NEEDS_COLLEAGUE)]

    @cached_property
    def escalations(self) -> list[Sign]:
        """Where the caller threatened, complained or spoke of leaving."""
        signs = self.of(MarkerKind.ESCALATION)
        return [sign for sign in signs if sign.turn.role == Turn.Role.USER]

    @cached_property
    def ran(self) -> list[Turn]:
        return [turn for turn in self.turns if turn.role == Turn.Role.TOOL]

    @cached_property
    def worked(self) -> list[Turn]:
        """Each tool's last run that was answered and did not fail."""
        failures = {sign.turn.id for sign in self.of(MarkerKind.TOOL_FAILURE)}
        answered = [turn for turn in self.ran if turn.output is not None]
        worked = {turn.name: turn for turn in answered if turn.id not in failures}
        return sorted(worked.values(), key=lambda turn: self.places[turn.id])

    @cached_property
    def failed(self) -> list[Sign]:
        """Failures of tools that have not worked since."""
        failures = {sign.turn.id: sign for sign in self.of(MarkerKind.TOOL_FAILURE)}
        last = {turn.name: turn for turn in self.ran}
        return [failures[turn.id] for turn in last.values() if turn.id in failures]

    @cached_property
    def unanswered(self) -> Turn | None:
        """The caller's question after which nobody has spoken."""
        last = next((turn for turn in reversed(self.turns) if is_spoken(turn)), None)
        is_asked = last is not None and last.role == Turn.Role.USER and "?" in last.text[-3:]
        return last if is_asked else None

    def quote(self, turn: Turn, words: str = "", *, chars: int = QUOTE_CHARS) -> str:
        """Quote a turn; of a long one, from the sentence on in which `words` are.

        Digits of a turn with payment data are hidden, since parts of a number could be joined.
        """
        text = text_of(turn)
        if len(text) > chars and words:
            sentences = SENTENCE_END.split(text)
            having = (place for place, each in enumerate(sentences) if words in each)
            text = " ".join(sentences[next(having, 0) :])
        return self.quote_words(turn, text, chars=chars)

    def quote_words(self, turn: Turn, words: str, *, chars: int = QUOTE_CHARS) -> str:
        """Quote some words of a turn."""
        return quoted(without_digits(words) if turn.id in self._payment else words, chars)

    @cached_property
    def _payment(self) -> set[UUID]:
        return {sign.turn.id for sign in self.flagged(FlagKind.PAYMENT_DATA)}


def is_spoken(turn: Turn) -> bool:
    return turn.role != Turn.Role.TOOL and clean(text_of(turn)) != ""


def tells_something(turn: Turn) -> bool:
    return _NOTHING_TOLD.match(text_of(turn)) is None


def failure_in_words(sign: Sign) -> str:
    why = f": {sign.words}" if sign.words else ""
    return f"The tool “{tools.spoken_name(sign.turn)}” failed{why}."
