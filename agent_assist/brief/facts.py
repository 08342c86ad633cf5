"""A brief from facts alone: what rules find in a transcript, quoted, and nothing besides."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agent_assist.brief import tools
from agent_assist.brief.call import Call, failure_in_words
from agent_assist.brief.information import information_of
from agent_assist.brief.markers import CARD_NUMBER, Sign, markers_of, signs_of, text_of
from agent_assist.brief.quoting import cut, quoted
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
from agent_assist.brief.summary import summary_of
from conversations.models import Conversation, Turn

UNKNOWN_CALLER = "Unknown Caller"
STEPS = 3


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
    call = Call(conversation, turns, signs_of(turns))
    sections = Sections(
        sentiment=_sentiment(call),
        transfer_reason=_transfer_reason(call),
        call_summary=summary_of(call),
        information_collected=information_of(call),
        suggested_next_steps=_next_steps(call),
        compliance_flags=tuple(_flags(call)),
    )
    return Facts(
        sections=sections,
        markers=markers_of(call.signs),
        caller_name=cut(conversation.caller_name or "") or UNKNOWN_CALLER,
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


# ── How the caller feels ──────────────────────────────────────────────────────────────────────

_THANKS = re.compile(
    r"\b(?:thank you|thanks|danke|dankeschön|gracias|perfect|wonderful|great|perfecto|wunderbar)\b",
    re.IGNORECASE,
)
_NO_THANKS = re.compile(
    r"\b(?:no|not|isn't|for nothing|nein)\b|\bthanks to (?:you|your)\b", re.IGNORECASE
)
LAST_TURNS = 3
LEVELS = list(Level)
FELT = {
    Level.CALM: "Calm",
    Level.SLIGHTLY_FRUSTRATED: "Slightly frustrated",
    Level.FRUSTRATED: "Frustrated",
    Level.ANGRY: "Angry",
}


def _sentiment(call: Call) -> Sentiment:
    """The worst that was said; one worse when it was more than once, one better after thanks."""
    if not call.said:
        return Sentiment(label="Has said nothing", level=Level.CALM, turns=())
    signs = call.of(MarkerKind.SENTIMENT)
    last = call.places[signs[-1].turn.id] if signs else -1
    upset = {sign.turn.id for sign in call.of(MarkerKind.ESCALATION)}
    thanks = [
        turn
        for turn in call.said[-LAST_TURNS:]
        if _thanked(turn) and call.places[turn.id] > last and turn.id not in upset
    ]
    if not signs:
        label = "Calm, said thanks" if thanks else "No sign of upset"
        return Sentiment(label=label, level=Level.CALM, turns=_ids(thanks))
    worst = max(signs, key=_level)
    turns = _ids(dict.fromkeys(sign.turn for sign in signs))
    level = LEVELS[min(_level(worst) + (len(turns) > 1), len(LEVELS) - 1) - bool(thanks)]
    why = "thanked since" if thanks else quoted(worst.words, 30)
    return Sentiment(label=f"{FELT[level]}, {why}", level=level, turns=(*turns, *_ids(thanks)))


def _level(sign: Sign) -> int:
    return LEVELS.index(sign.level or Level.CALM)


def _thanked(turn: Turn) -> bool:
    text = text_of(turn)
    return _THANKS.search(text) is not None and _NO_THANKS.search(text) is None


# ── Why a human is needed ─────────────────────────────────────────────────────────────────────


def _transfer_reason(call: Call) -> Statement:
    """The most pressing of what was found."""
    if emergencies := call.flagged(FlagKind.EMERGENCY):
        return _quoting(call, emergencies[0])
    if call.requests:
        asked = call.requests[-1]
        before = [sign for sign in call.failed if _is_before(call, sign, asked)][-1:]
        after = "".join(f" after “{tools.spoken_name(sign.turn)}” failed" for sign in before)
        return _quoting(call, asked, after, *before)
    if call.failed:
        return Statement(text=failure_in_words(call.failed[-1]), turns=_cited(call.failed[-1:]))
    upset = [sign for sign in call.of(MarkerKind.SENTIMENT) if _level(sign) > 1]
    for signs in (call.escalations, call.stuck, call.callbacks, upset):
        if signs:
            return _quoting(call, signs[-1])
    return Statement(text="No request for a person was found in what was said.", turns=())


def _is_before(call: Call, sign: Sign, other: Sign) -> bool:
    return call.places[sign.turn.id] < call.places[other.turn.id]


def _quoting(call: Call, sign: Sign, after: str = "", *before: Sign) -> Statement:
    text = f"{sign.label}{after}: {call.quote(sign.turn, sign.words)}"
    return Statement(text=text, turns=_cited([*before, sign]))


# ── What to do now ────────────────────────────────────────────────────────────────────────────


def _next_steps(call: Call) -> tuple[Step, ...]:
    steps = tuple(_steps(call))[:STEPS]
    return steps or (Step(action="Ask how you can help.", confidence=Confidence.LOW, turns=()),)


def _steps(call: Call) -> Iterator[Step]:
    if signs := call.flagged(FlagKind.EMERGENCY):
        yield _step("Ask whether emergency services are on their way.", Confidence.HIGH, signs)
    if signs := call.flagged(FlagKind.CONSENT_REFUSED):
        yield _step("Mind that the caller refused the recording.", Confidence.HIGH, signs)
    for sign in call.failed[-1:]:
        action = f"Do “{tools.spoken_name(sign.turn)}” by hand, or try it again: it failed."
        yield _step(action, Confidence.HIGH, [sign])
    # What an intruder was refused stays refused.
    for sign in [] if call.flagged(FlagKind.PROMPT_INJECTION) else call.stuck[-1:]:
        action = f"Decide what the agent could not: {call.quote(sign.turn, sign.words, chars=100)}"
        yield _step(action, Confidence.MEDIUM, [sign])
    if signs := call.flagged(FlagKind.IDENTITY_UNCLEAR):
        yield _step("Confirm who is speaking.", Confidence.HIGH, signs)
    if signs := call.flagged(FlagKind.FORMAL_COMPLAINT):
        yield _step("Take up the complaint.", Confidence.MEDIUM, signs)
    asked = call.unanswered
    if asked is not None and asked.id not in _cited(call.of(MarkerKind.REQUEST)):
        action = f"Answer the caller's last question: {call.quote(asked, chars=100)}"
        yield Step(action=action, confidence=Confidence.MEDIUM, turns=(asked.id,))
    for sign in call.of(MarkerKind.COMMITMENT)[-1:]:
        action = f"See that it is kept: {call.quote_words(sign.turn, sign.words, chars=100)}"
        yield _step(action, Confidence.MEDIUM, [sign])
    for sign in call.callbacks[-1:]:
        yield _step("Settle when to call back.", Confidence.MEDIUM, [sign])
    for sign in call.requests[-1:]:
        yield _step("Say that you are a person, and take over.", Confidence.MEDIUM, [sign])


def _step(action: str, confidence: Confidence, signs: Sequence[Sign]) -> Step:
    return Step(action=action, confidence=confidence, turns=_cited(signs))


# ── What to mind ──────────────────────────────────────────────────────────────────────────────


def _flags(call: Call) -> Iterator[Flag]:
    """One flag of each kind, with all its turns, and the words of the gravest."""
    for kind in FlagKind:
        if signs := call.flagged(kind):
            worst = min(signs, key=lambda sign: list(Severity).index(sign.severity))
            detail = _detail(call, worst)
            yield Flag(kind=kind, severity=worst.severity, detail=detail, turns=_cited(signs))


def _detail(call: Call, sign: Sign) -> str:
    if sign.label == CARD_NUMBER:
        return f"{sign.label}, ending in {sign.words}."
    if sign.flag == FlagKind.PAYMENT_DATA:
        return f"{sign.label}."
    if sign.turn.role == Turn.Role.TOOL:
        return f"{sign.label}: {quoted(sign.words, 80)}" if sign.words else f"{sign.label}."
    return f"{sign.label}: {call.quote(sign.turn, sign.words, chars=80)}"


def _ids(turns: Iterable[Turn]) -> tuple[UUID, ...]:
    return tuple(turn.id for turn in turns)


def _cited(signs: Sequence[Sign]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(sign.turn.id for sign in signs))
