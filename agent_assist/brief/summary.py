"""What happened in a call, in a few lines: wanted, done, promised, said last."""

import re
from collections.abc import Iterator

from agent_assist.brief import tools
from agent_assist.brief.call import Call, failure_in_words, is_spoken, tells_something
from agent_assist.brief.markers import text_of
from agent_assist.brief.rules import DESK
from agent_assist.brief.sections import FlagKind, MarkerKind, Statement
from conversations.models import Turn

AT_MOST = 5
AT_LEAST = 3
TOOLS_NAMED = 4
FAILURES_NAMED = 2
EARLY_TURNS = 8
FEW_WORDS = 3

# "Do you speak German?" is not what somebody calls for.
_LANGUAGE = re.compile(
    r"\b(?:speak|talk in|habla|hablas|sprechen|reden)\b.{0,12}\b(?:english|german|spanish|deutsch"
    r"|englisch|español|inglés)\b|\b(?:deutsch|español|english) (?:sprechen|reden|please)\b",
    re.IGNORECASE,
)
_SPEAKERS: dict[str, str] = {
    Turn.Role.USER: "The caller said",
    Turn.Role.AGENT: "The agent said",
    Turn.Role.HUMAN: "The person on the line said",
}


def summary_of(call: Call) -> tuple[Statement, ...]:
    """Return at most five lines in the order of the call; three, where it is long enough."""
    lines: list[Statement] = []
    for line in _chosen(call):
        if not any(set(line.turns) & set(other.turns) for other in lines):
            lines.append(line)
    for line in _topping_up(call):
        if len(lines) >= AT_LEAST:
            break
        if not any(line.turns == other.turns for other in lines):
            lines.append(line)
    return tuple(sorted(lines[:AT_MOST], key=lambda line: call.places[line.turns[0]]))


def _chosen(call: Call) -> Iterator[Statement]:
    if call.said:
        yield _quoting(call, _wish(call))
    for sign in call.failed[-FAILURES_NAMED:]:
        yield Statement(text=failure_in_words(sign), turns=(sign.turn.id,))
    for sign in call.of(MarkerKind.COMMITMENT)[-1:]:
        said = f"{_speaker(sign.turn)}: {call.quote_words(sign.turn, sign.words)}"
        yield Statement(text=said, turns=(sign.turn.id,))
    for sign in call.stuck[-1:]:
        yield _quoting(call, sign.turn, sign.words)
    for sign in (call.requests or call.escalations)[-1:]:
        yield _quoting(call, sign.turn, sign.words)
    if worked := call.worked[-TOOLS_NAMED:]:
        names = ", ".join(dict.fromkeys(map(tools.spoken_name, worked)))
        yield Statement(text=f"Tools that ran: {names}.", turns=tuple(turn.id for turn in worked))
    in_words = [turn for turn in call.told if len(turn.text.split()) > FEW_WORDS]
    for turn in (in_words or call.told)[-1:]:
        yield _quoting(call, turn)


def _topping_up(call: Call) -> Iterator[Statement]:
    """Yield the caller's longest turns, the desk's last ones, and at last whatever was said."""
    for turn in sorted(call.told, key=lambda turn: -len(turn.text))[:AT_MOST]:
        yield _quoting(call, turn)
    spoken = [turn for turn in call.turns if is_spoken(turn)]
    for turn in reversed([turn for turn in spoken if turn.role in DESK and tells_something(turn)]):
        yield _quoting(call, turn)
    for turn in spoken:
        yield _quoting(call, turn)


def _wish(call: Call) -> Turn:
    """Return where the caller told what they want: early, in more than a greeting."""
    orders = {sign.turn.id for sign in call.flagged(FlagKind.PROMPT_INJECTION)}
    early = [turn for turn in call.told[:EARLY_TURNS] if turn.id not in orders]
    telling = [
        turn
        for turn in early
        if len(turn.text.split()) > FEW_WORDS and not _LANGUAGE.search(text_of(turn))
    ]
    return [*telling, *early, *call.said][0]


def _quoting(call: Call, turn: Turn, words: str = "") -> Statement:
    is_last = bool(call.said) and turn is call.said[-1] and len(call.said) > 1
    speaker = "The caller said last" if is_last else _speaker(turn)
    return Statement(text=f"{speaker}: {call.quote(turn, words)}", turns=(turn.id,))


def _speaker(turn: Turn) -> str:
    return _SPEAKERS.get(turn.role, "Somebody said")
