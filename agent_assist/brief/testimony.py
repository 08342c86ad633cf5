"""What the turns that a claim cites say, cut into clauses: who says what, and as what.

A question is none of what it asks, unless it is answered; what is corrected or negated was said
only to be taken back; what gives orders to a machine is kept apart.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from agent_assist.brief.patterns import WEEKDAYS, Found, Kind, find
from agent_assist.brief.words import (
    CORRECTING,
    FAILED,
    MODAL,
    NEGATED_BEFORE,
    NEGATING,
    NO,
    ORDERS,
    PENDING,
    STOP,
    YES,
    concept,
    expanded,
)
from conversations.models import Turn

CORRECTED_WITHIN = 6  # things of its kind that are said next
MONEY = re.compile(r"amount|total|price|fee|balance|cost|refund|credit|excess|extra|estimate|due")


class Word(NamedTuple):
    concept: str
    written: str
    negated: bool


@dataclass
class Clause:
    """A part of a sentence. `who` is "caller" or "agent"; `turn` counts the turns cited."""

    text: str
    who: str
    turn: int
    words: list[Word]
    asked: bool = False
    possible: bool = False
    answered: bool = False

    @property
    def concepts(self) -> set[str]:
        return {word.concept for word in self.words}


TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
SENTENCE = re.compile(r"[^.?!¿¡…\n]*(?:[.](?=[^\s])[^.?!¿¡…\n]*)*[.?!…\n]*")
CLAUSE = re.compile(
    r"[,;:\u2013\u2014]\s+|\s+(?:but|because|since|although|though|while|aber|weil|pero|porque)\s+"
    r"|\s+(?:and|und|y)\s+(?=(?:i|we|you|he|she|it|they|the|my|will|is|was|has|can)\b)",
    re.I,
)


def tokens_of(text: str) -> list[str]:
    return [match[0].lower() for match in TOKEN.finditer(expanded(text))]


def words_of(text: str) -> list[Word]:
    """Return the words that carry meaning, each with whether it stands after a negation."""
    tokens = [match[0].lower() for match in TOKEN.finditer(expanded(text))]
    negations = sum(token in NEGATED_BEFORE for token in tokens)
    words = []
    for token in tokens:
        if token in NEGATING:
            negations += 1
        elif token not in STOP and not token.isdigit():
            words.append(Word(concept(token), token, negations % 2 == 1))
    return words


def clauses_of(text: str, who: str, turn: int) -> Iterator[Clause]:
    for sentence in SENTENCE.findall(expanded(text)):
        asked = sentence.rstrip().endswith("?")
        for part in CLAUSE.split(sentence):
            if TOKEN.search(part):
                tokens = {match[0].lower() for match in TOKEN.finditer(part)}
                yield Clause(part, who, turn, words_of(part), asked, bool(tokens & MODAL))


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what a tool was given or gave, each value with its key."""
    if isinstance(value, dict):
        currency = value.get("currency")
        for name, each in value.items():
            money = isinstance(each, int | float) and not isinstance(each, bool)
            if money and isinstance(currency, str) and MONEY.search(str(name)):
                each = f"{each} {currency}"
            yield from leaves(each, str(name))
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, key)
    elif value is not None:
        yield key, value


def tool_clauses(turn: Turn, index: int) -> Iterator[Clause]:
    """Return a clause for the tool's name and one for each value.

    What a failed tool was asked to do was not done. Text that gives orders is left out.
    """
    outputs = list(leaves(turn.output))
    failed = turn.is_error or any(
        value is False or FAILED.search(answer) or PENDING.search(answer)
        for key, value in outputs
        for answer in [f"{key} {value}".replace("_", " ")]
    )
    action = turn.name.replace("_", " ").replace("-", " ")
    yield Clause(action, "agent", index, words_of(action), possible=failed)
    if turn.is_error:
        yield Clause("failed", "agent", index, words_of("failed"))
    for is_output, pairs in ((False, leaves(turn.arguments)), (True, outputs)):
        for key, value in pairs:
            label = key.replace("_", " ").replace("-", " ")
            if isinstance(value, bool):
                label, value = (label if value else f"not {label}"), ""
            text = f"{label}: {value}"
            if not ORDERS.search(text):
                said = str(value).replace("_", " ")
                words = [*words_of(label), *words_of(said)]
                open_still = bool(PENDING.search(said)) if is_output else failed
                yield Clause(text, "agent", index, words, possible=open_still)


def tool_text(turn: Turn) -> str:
    pairs = (*leaves(turn.arguments), *leaves(turn.output))
    return " \n ".join(f"{key}: {value}" for key, value in pairs if not ORDERS.search(str(value)))


class Saying(NamedTuple):
    """Something named exactly in one of the turns cited; `asked` by the agent, or in an order."""

    found: Found
    turn: int
    text: str
    sentence: str
    asked: bool = False


class Testimony:
    """What the cited turns say. `clauses` lacks what gives orders to a machine: see `ordered`."""

    def __init__(self, cited: Sequence[Turn], on: date) -> None:
        self.clauses: list[Clause] = []
        self.ordered: list[Clause] = []
        self.sayings: list[Saying] = []
        self.texts: list[str] = []
        self.of_tools = [turn.role == Turn.Role.TOOL for turn in cited]
        self.ordinary: set[str] = set()  # words that were written without a capital
        for index, turn in enumerate(cited):
            if turn.role == Turn.Role.TOOL:
                text = tool_text(turn)
                self.clauses += tool_clauses(turn, index)
            else:
                text = turn.text
                who = "caller" if turn.role == Turn.Role.USER else "agent"
                clauses = list(clauses_of(NO.sub("", text), who, index))
                self.answer(text, index)
                (self.ordered if ORDERS.search(text) else self.clauses).extend(clauses)
            self.texts.append(text)
            self.ordinary |= {
                concept(token) for token in TOKEN.findall(expanded(text)) if token.islower()
            }
            ordered = turn.role != Turn.Role.TOOL and bool(ORDERS.search(text))
            by_agent = turn.role == Turn.Role.AGENT
            sentences = list(SENTENCE.finditer(text))
            ends = [match.end() for match in sentences]
            for found in find(text, on=on):
                sentence = sentences[bisect_right(ends, found.start)][0]
                asked = by_agent and sentence.rstrip().endswith("?")
                self.sayings.append(Saying(found, index, text, sentence, asked or ordered))

    def answer(self, text: str, index: int) -> None:
        """Turn a question into what the next turn's yes or no makes of it."""
        yes, no = YES.match(text), NO.match(text)
        if yes or no:
            for clause in self.clauses:
                if clause.asked and clause.turn == index - 1:
                    clause.asked = clause.possible = False
                    clause.answered = True
                    if no:
                        clause.words = [
                            word._replace(negated=not word.negated) for word in clause.words
                        ]
        if yes:
            self.sayings = [
                saying._replace(asked=saying.asked and saying.turn != index - 1)
                for saying in self.sayings
            ]

    def is_withdrawn(self, saying: Saying) -> bool:
        """Tell whether it is negated ("not the 4th") or corrected ("no, wait, the 14th")."""
        if is_rejected(saying):
            return True
        found = saying.found
        later = [
            other
            for other in self.sayings
            if (other.turn, other.found.start) > (saying.turn, found.start)
            and alike(other.found.kind) == alike(found.kind)
        ]
        corrected = next(
            (
                index
                for index, other in enumerate(later[:CORRECTED_WITHIN])
                if corrects(other, saying)
                or (is_rejected(other) and set(other.found.readings) & set(found.readings))
            ),
            None,
        )
        return corrected is not None and not any(
            set(other.found.readings) & set(found.readings) and not is_rejected(other)
            for other in later[corrected:]
        )

    def names(self) -> set[str]:
        """Return every word and spelled name; the spelling counts where the two differ."""
        names: set[str] = set()
        for turn, text in enumerate(self.texts):
            spelled = {
                saying.found.value.casefold()
                for saying in self.sayings
                if saying.turn == turn and saying.found.kind is Kind.NAME
            }
            words = {
                match[0].casefold().removesuffix("'s") for match in TOKEN.finditer(expanded(text))
            }
            single = {name for name in spelled if " " not in name and name not in words}
            names |= words - {word for word in words for name in single if is_misheard(word, name)}
            names |= single
        return names


def corrects(later: Saying, saying: Saying) -> bool:
    """Tell whether words like "no, wait" stand before what is said later."""
    start = saying.found.end if later.turn == saying.turn else 0
    return bool(CORRECTING.search(later.text[start : later.found.start]))


def is_misheard(word: str, spelled: str) -> bool:
    return word[0] == spelled[0] and SequenceMatcher(None, word, spelled).ratio() > 0.7


CORRECTED_AWAY = re.compile(
    r"\b(?:not|nicht|instead\s+of|rather\s+than|statt|en\s+vez\s+de|, no)\s+"
    r"(?:the\s+|on\s+|at\s+|am\s+|for\s+)*$",
    re.I,
)


REJECTED = re.compile(r"\s+(?:is|does|do|will|was)\s+not\s+(?:work|suit|good|right|possible)", re.I)


def is_rejected(saying: Saying) -> bool:
    """Tell whether it is named only to say no to it: "not the 4th", "Monday doesn't work"."""
    before, after = saying.text[: saying.found.start], saying.text[saying.found.end :]
    return bool(CORRECTED_AWAY.search(before) or REJECTED.match(expanded(after[:40])))


def alike(kind: Kind) -> Kind:
    """A number may be corrected by what looks like a phone or a reference."""
    return Kind.NUMBER if kind in (Kind.PHONE, Kind.REFERENCE) else kind


def readings_of(found: Found) -> set[str]:
    """Return all that is said with it: of a date its day and month, of an amount its number."""
    readings = set(found.readings)
    if found.kind is Kind.DATE:
        for reading in found.readings:
            if len(reading) == 10 and reading[0] != "-":
                day = date.fromisoformat(reading)
                readings |= {
                    f"-{reading[4:]}",
                    f"-{reading[4:7]}",
                    reading[:7],
                    WEEKDAYS[day.weekday()],
                }
    if found.kind is Kind.AMOUNT:
        number = found.value.split()[0]
        readings |= {number.removesuffix(".00"), number}
    return readings
