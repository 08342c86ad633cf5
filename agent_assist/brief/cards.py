"""Numbers of payment cards, written or said, and how they are hidden."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ONES = {
    word: str(digit)
    for words in (
        "zero one two three four five six seven eight nine",
        "oh",
        "null eins zwei drei vier fünf sechs sieben acht neun",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
    )
    for digit, word in enumerate(words.split())
}
_TIMES = {"double": 2, "triple": 3}
_GROUP = re.compile(rf"\b(?:(double|triple)[ -])?(\d{{1,19}}|{'|'.join(_ONES)})\b", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,.\-/]*")
# By which numbers the card networks' begin, and how long they are.
_CARD = re.compile(r"4\d{15}|5[1-5]\d{14}|2[2-7]\d{14}|6\d{15}|3[47]\d{13}|3[068]\d{12}")


@dataclass(frozen=True)
class Group:
    """Digits that stand, or were said, together: `digits` of "double two" are "22"."""

    digits: str
    start: int
    end: int


def rows(text: str) -> Iterator[list[Group]]:
    """Yield digits that follow each other, written or said, as their groups."""
    row: list[Group] = []
    for match in _GROUP.finditer(text):
        digits = _ONES.get(match[2].lower(), match[2]) * _TIMES.get((match[1] or "").lower(), 1)
        if row and not _BETWEEN.fullmatch(text, row[-1].end, match.start()):
            yield row
            row = []
        row.append(Group(digits, *match.span()))
    if row:
        yield row


def is_card_number(digits: str) -> bool:
    """Whether `digits` could be a card's: by how they begin, their count and Luhn's sum."""
    if not digits.isascii() or not _CARD.fullmatch(digits):
        return False
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    total = sum(map(int, digits[-1::-2])) + sum(each - 9 if each > 9 else each for each in doubled)
    return total % 10 == 0


def card_in(row: Sequence[Group]) -> tuple[int, int] | None:
    """Which of a row's groups, from the first to before the second, make a card's number."""
    for first in range(len(row)):
        digits = ""
        for last in range(first, len(row)):
            digits += row[last].digits
            if len(digits) > 16:
                break
            if len(digits) > 13 and is_card_number(digits):
                return first, last + 1
    return None


def masked(digits: str) -> str:
    """`digits` but for the last four."""
    return f"•••• {digits[-4:]}"


def without_cards(text: str) -> str:
    """`text` with the numbers of cards masked, whether written or said."""
    for row in reversed(list(rows(text))):
        if card := card_in(row):
            first, last = card
            digits = "".join(group.digits for group in row[first:last])
            text = text[: row[first].start] + masked(digits) + text[row[last - 1].end :]
    return text


def without_digits(text: str) -> str:
    """`text` with all rows of digits hidden, for where parts of a card's number were said."""
    for row in reversed(list(rows(text))):
        if sum(len(group.digits) for group in row) > 2:
            text = f"{text[: row[0].start]}••••{text[row[-1].end :]}"
    return text
