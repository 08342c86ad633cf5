"""A brief from facts alone: what rules find in a transcript, quoted, and nothing besides."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agent_assist.brief import tools
from agent_assist.brief.information import information_of
from agent_assist.brief.markers import Sign, markers_of, signs_of
from agent_assist.brief.quoting import clean, quoted
from agent_assist.brief.rules import DESK
from agent_assist.brief.sections import (
    Confidence,
    Flag,
    FlagKind,
    Level,
    Marker,
    MarkerKind,
    Sections,
    Sentiment,
    Severity,
    Statement,
    Step,
)
from conversations.models import Conversation, Turn

UNKNOWN_CALLER = "Unknown Caller"
SUMMARY_LINES = 5
WANTED_LINES = 3
STEPS = 3
TOOLS_NAMED = 4


@dataclass(frozen=True)
class Facts:
    """What a brief shows without a model.

    `duration` is whole seconds: of a live call, up to what was said last. None: never answered.
    """

    sections: Sections
    markers: Mapping[UUID, Marker]
    caller_name: str
    duration: int | None


def facts_of(conversation: Conversation, turns: Sequence[Turn]) -> Facts:
    """Return what rules can tell of a call. `turns` are its final ones, in order."""
    signs = signs_of(turns)
    call = Call(conversation, turns, signs)
    return Facts(
        sections=Sections(
            sentiment=call.sentiment(),
            transfer_reason=call.transfer_reason(),
            call_summary=tuple(call.summary()),
            information_collected=information_of(conversation, turns, signs),
            suggested_next_steps=tuple(call.next_steps()),
            compliance_flags=tuple(call.flags()),
        ),
        markers=markers_of(signs),
        caller_name=clean(conversation.caller_name or "") or UNKNOWN_CALLER,
        duration=_duration(conversation, turns),
    )


def began_at(conversation: Conversation, turns: Sequence[Turn]) -> datetime:
    """Return what offsets into the call are counted from."""
    if conversation.answered_at is not None:
        return conversation.answered_at
    return turns[0].started_at if turns else conversation.created_at


def _duration(conversation: Conversation, turns: Sequence[Turn]) -> int | None:
    if conversation.is_over:
        return conversation.duration
    if not turns:
        return None
    last = max(turn.ended_at or turn.started_at for turn in turns)
    return max(0, int((last - began_at(conversation, turns)).total_seconds()))


# What somebody says who tells why they call.
_WANTS = re.compile(
    r"\b(?:i|we)(?:'d| would| want| need| have| had| ordered| bought| booked| got| received"
    r"| can't| cannot"
    r"| lost| paid| am calling|'m calling| was charged|'ve)\b|\bmy \w+|\bcalling (?:about|because"
    r"|to)\b"
    r"|\b(?:can|could|would|do|is|are) (?:you|i|we|there|it)\b|\b(?:quiero|necesito|tengo"
    r"|quisiera|llamo)\b"
    r"|\bich (?:möchte|will|brauche|habe|rufe)\b|\bmein\w* \w+",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"\b(?:thank you|thanks|danke|dankeschön|gracias|perfect|wonderful|great|perfecto|wunderbar)\b",
    re.IGNORECASE,
)
_NO_THANKS = re.compile(
    r"\b(?:no|not|isn't|for nothing|nein)\b|\bthanks to (?:you|your)\b", re.IGNORECASE
)
_FAREWELL = re.compile(
    r"^\W*(?:(?:good ?bye|bye|okay|ok|yes|no|hello|hi|hey|thanks|thank you|very much|so much|hallo"
    r"|hola|adiós|tschüss|danke|gracias|please|sure|all right|alright|good (?:morning|evening|day"
    r"|night"
    r"|afternoon)|is anyone there|are you there|can you hear me|uh|um|hm)\W*)+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Call:
    """A call as the rules see it."""

    conversation: Conversation
    turns: Sequence[Turn]
    signs: Sequence[Sign]

    def of(self, *kinds: MarkerKind) -> list[Sign]:
        return [sign for sign in self.signs if sign.kind in kinds]

    def flagged(self, kind: FlagKind) -> list[Sign]:
        return [sign for sign in self.signs if sign.flag == kind]

    @property
    def said(self) -> list[Turn]:
        """What the caller said."""
        return [
            turn for turn in self.turns if turn.role == Turn.Role.USER and clean(turn.text or "")
        ]

    @property
    def requests(self) -> list[Sign]:
        return [sign for sign in self.of(MarkerKind.REQUEST) if "called back" not in sign.label]

    @property
    def failed(self) -> list[Sign]:
        """Failures of tools that have not worked since."""
        failures = {sign.turn.id: sign for sign in self.of(MarkerKind.TOOL_FAILURE)}
        last = {turn.name: turn for turn in self.turns if turn.role == Turn.Role.TOOL}
        return [failures[turn.id] for turn in last.values() if turn.id in failures]

    def sentiment(self) -> Sentiment:
        said = self.said
        if not said:
            return Sentiment(label="Has said nothing", level=Level.CALM, turns=())
        signs = self.of(MarkerKind.SENTIMENT)
        thanks = [turn for turn in said[-3:] if _thanked(turn)]
        if not signs:
            label = "Calm, said thanks" if thanks else "No sign of upset"
            return Sentiment(label=label, level=Level.CALM, turns=_ids(thanks))
        levels = list(Level)
        level = max(levels.index(sign.level or Level.CALM) for sign in signs)
        if len(signs) > 1 and level < len(levels) - 1:
            level += 1
        last = self.turns.index(signs[-1].turn)
        thanked = [turn for turn in thanks if self.turns.index(turn) > last]
        if thanked:
            level -= 1
        worst = max(signs, key=lambda sign: levels.index(sign.level or Level.CALM))
        word = levels[level].value.replace("_", " ").capitalize()
        label = f"{word}, thanked since" if thanked else f"{word}: {quoted(worst.words, 30)}"
        return Sentiment(
            label=label,
            level=levels[level],
            turns=_ids([*dict.fromkeys(sign.turn for sign in signs), *thanked]),
        )

    def transfer_reason(self) -> Statement:
        emergencies = self.flagged(FlagKind.EMERGENCY)
        failed, requests = self.failed, self.requests
        if emergencies:
            return _line(f"Speaks of an emergency: {_quote(emergencies[0])}", emergencies[:1])
        if requests:
            last = requests[-1]
            before = [sign for sign in failed if sign.turn.started_at < last.turn.started_at]
            after = f" after “{tools.spoken_name(before[-1].turn)}” failed" if before else ""
            return _line(f"{last.label}{after}: {_quote(last)}", [*before[-1:], last])
        if failed:
            return _line(_failure(failed[-1]), failed[-1:])
        called_back = self.of(MarkerKind.REQUEST)
        for signs in (self.of(MarkerKind.ESCALATION), called_back, self._anger()):
            if signs:
                return _line(f"{signs[-1].label}: {_quote(signs[-1])}", signs[-1:])
        return Statement(text="No request for a person was found in what was said.", turns=())

    def _anger(self) -> list[Sign]:
        upset = (Level.ANGRY, Level.FRUSTRATED)
        return [sign for sign in self.of(MarkerKind.SENTIMENT) if sign.level in upset]

    def summary(self) -> list[Statement]:
        """What was wanted, done, promised and said last; in the order of the call."""
        said = self.said
        chosen: dict[UUID, Statement] = {}

        def add(statement: Statement) -> None:
            if not any(turn in chosen for turn in statement.turns):
                chosen[statement.turns[0]] = statement

        if said:
            add(_said("The caller said", _wish(said)))
        for statement in self._ran():
            add(statement)
        for sign in self.of(MarkerKind.COMMITMENT)[-1:]:
            add(_said(_speaker(sign.turn), sign.turn, sign.words))
        for sign in (self.requests or self.of(MarkerKind.ESCALATION))[-1:]:
            add(_said("The caller said", sign.turn))
        telling = [turn for turn in said if not _FAREWELL.match(turn.text)]
        for turn in (telling or said)[-1:]:
            add(_said("The caller said last" if turn is said[-1] else "The caller said", turn))
        for turn in self._more(telling):
            if len(chosen) >= WANTED_LINES:
                break
            add(_said(_speaker(turn), turn))
        order = {turn.id: index for index, turn in enumerate(self.turns)}
        lines = list(chosen.values())[:SUMMARY_LINES]
        return sorted(lines, key=lambda line: order[line.turns[0]])

    def _more(self, telling: Sequence[Turn]) -> Iterator[Turn]:
        """Yield what tops a short summary up: the caller's longest turns, the desk's last ones."""
        yield from sorted(telling, key=lambda turn: -len(turn.text))[:SUMMARY_LINES]
        desk = [turn for turn in self.turns if turn.role in DESK and clean(turn.text or "")]
        yield from [turn for turn in reversed(desk) if not _FAREWELL.match(turn.text)][:2]
        yield from self.said[:SUMMARY_LINES]
        others = (turn for turn in self.turns if turn.role == Turn.Role.UNKNOWN)
        yield from [turn for turn in others if clean(turn.text or "")][:SUMMARY_LINES]

    def _ran(self) -> Iterator[Statement]:
        """Yield one line of the tools that worked and one of the failures that stand."""
        failures = {sign.turn.id for sign in self.of(MarkerKind.TOOL_FAILURE)}
        worked = {
            turn.name: turn
            for turn in self.turns
            if turn.role == Turn.Role.TOOL and turn.output is not None and turn.id not in failures
        }
        if last := list(worked.values())[-TOOLS_NAMED:]:
            names = ", ".join(dict.fromkeys(map(tools.spoken_name, last)))
            yield Statement(text=f"Tools that ran: {names}.", turns=_ids(last))
        failed = self.failed
        if failed:
            yield _line(_failure(failed[-1]), failed[-1:])

    def next_steps(self) -> list[Step]:
        steps = list(self._steps())[:STEPS]
        if not steps:
            steps = [Step(action="Ask how you can help.", confidence=Confidence.LOW, turns=())]
        return steps

    def _steps(self) -> Iterator[Step]:
        if emergencies := self.flagged(FlagKind.EMERGENCY):
            yield _step(
                "Ask whether emergency services are on their way.", Confidence.HIGH, emergencies
            )
        for sign in self.failed[-1:]:
            name = tools.spoken_name(sign.turn)
            yield _step(
                f"Try “{name}” again, or do it by hand: it failed.", Confidence.HIGH, [sign]
            )
        if unclear := self._unclear():
            yield _step("Confirm who is speaking.", Confidence.MEDIUM, unclear)
        if complaints := self.flagged(FlagKind.FORMAL_COMPLAINT):
            yield _step("Take up the complaint.", Confidence.MEDIUM, complaints)
        for sign in self.of(MarkerKind.COMMITMENT)[-1:]:
            yield _step(
                f"Keep to what was said: {quoted(sign.words, 100)}", Confidence.MEDIUM, [sign]
            )
        if requests := self.requests:
            yield _step(
                "Say that you are a person, and ask how you can help.",
                Confidence.MEDIUM,
                requests[-1:],
            )

    def flags(self) -> Iterator[Flag]:
        for kind in FlagKind:
            signs = self._unclear() if kind == FlagKind.IDENTITY_UNCLEAR else self.flagged(kind)
            if signs:
                worst = min((sign.severity for sign in signs), key=list(Severity).index)
                yield Flag(
                    kind=kind, severity=worst, detail=_detail(kind, signs), turns=_sign_ids(signs)
                )

    def _unclear(self) -> list[Sign]:
        return []


def _wish(said: Sequence[Turn]) -> Turn:
    """Return where the caller told what they want: early, in more than a greeting."""
    early = [turn for turn in said[:8] if not _FAREWELL.match(turn.text)]
    telling = [turn for turn in early if len(turn.text.split()) > 3]
    wanting = [turn for turn in telling if _WANTS.search(turn.text)]
    return [*wanting, *telling, *early, *said][0]


def _thanked(turn: Turn) -> bool:
    return _THANKS.search(turn.text) is not None and _NO_THANKS.search(turn.text) is None


def _speaker(turn: Turn) -> str:
    return {
        Turn.Role.USER: "The caller said",
        Turn.Role.AGENT: "The agent said",
        Turn.Role.HUMAN: "The person on the line said",
    }.get(Turn.Role(turn.role), "Somebody said")


def _said(who: str, turn: Turn, words: str | None = None) -> Statement:
    return Statement(
        text=f"{who}: {quoted(turn.text if words is None else words)}", turns=(turn.id,)
    )


def _line(text: str, signs: Sequence[Sign]) -> Statement:
    return Statement(text=text, turns=_sign_ids(signs))


def _step(action: str, confidence: Confidence, signs: Sequence[Sign]) -> Step:
    return Step(action=action, confidence=confidence, turns=_sign_ids(signs))


def _quote(sign: Sign) -> str:
    return quoted(sign.turn.text)


def _failure(sign: Sign) -> str:
    why = f": {sign.words}" if sign.words else ""
    return f"The tool “{tools.spoken_name(sign.turn)}” failed{why}."


_DETAILS = {
    FlagKind.HEALTH_DATA: "The caller spoke of health",
    FlagKind.EMERGENCY: "The caller spoke of an emergency",
    FlagKind.LEGAL_THREAT: "The caller spoke of legal action",
    FlagKind.FORMAL_COMPLAINT: "The caller spoke of a complaint",
    FlagKind.CONSENT_REFUSED: "The caller does not want to be recorded",
    FlagKind.PROMPT_INJECTION: "The machine was given orders",
}


def _detail(kind: FlagKind, signs: Sequence[Sign]) -> str:
    return f"{_DETAILS.get(kind, kind.value)}."


def _ids(turns: Sequence[Turn]) -> tuple[UUID, ...]:
    return tuple(turn.id for turn in turns)


def _sign_ids(signs: Sequence[Sign]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(sign.turn.id for sign in signs))
