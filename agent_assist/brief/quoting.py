"""What was said or written, as a brief may show it: short, on one line, without secrets."""

import re

QUOTE_CHARS = 140
READ_CHARS = 4_000  # of one turn; what somebody says in one breath is shorter

# Card networks' numbers have 13 to 19 digits; people and programs group them.
_DIGITS = re.compile(r"(?<![\w.,])\d(?:[ .-]?\d){12,18}(?![\w]|[.,]\d)")
# Control characters, and those that would turn the direction of what follows the quote.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)
_SPACE = re.compile(r"\s+")
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def clean(text: str) -> str:
    return _SPACE.sub(" ", _UNSEEN.sub(" ", text[:READ_CHARS])).strip()


def is_card_number(digits: str) -> bool:
    """Whether `digits` could be a card's: by their count and Luhn's sum."""
    if not 13 <= len(digits) <= 19 or not digits.isascii() or not digits.isdigit():
        return False
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    total = sum(map(int, digits[-1::-2])) + sum(each - 9 if each > 9 else each for each in doubled)
    return total % 10 == 0 and len(set(digits)) > 1


def masked(digits: str) -> str:
    """`digits` but for the last four."""
    return f"•••• {digits[-4:]}"


def card_numbers(text: str) -> list[str]:
    """The digits of each card number that is written in `text`."""
    found = (re.sub(r"\D", "", match.group()) for match in _DIGITS.finditer(text))
    return [digits for digits in found if is_card_number(digits)]


def without_cards(text: str) -> str:
    def hide(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match.group())
        return masked(digits) if is_card_number(digits) else match.group()

    return _DIGITS.sub(hide, text)


def cut(text: str, chars: int = QUOTE_CHARS) -> str:
    """`text` on one line, cut after a word where it is longer than `chars`."""
    text = without_cards(clean(text))
    if len(text) <= chars:
        return text
    head = text[: chars - 1]
    words, space, _ = head.rpartition(" ")
    return f"{(words if space and not text[chars - 1].isspace() else head).rstrip(' ,;:-')}…"


def quoted(text: str, chars: int = QUOTE_CHARS) -> str:
    """`text` in quotation marks, for a sentence. What is written to the left stays a block."""
    said = cut(text, chars).replace("“", "'").replace("”", "'")
    return f"“\u2068{said}\u2069”" if _RIGHT_TO_LEFT.search(said) else f"“{said}”"
