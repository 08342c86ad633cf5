"""What was said or written, as a brief may show it: short, on one line, without secrets."""

import re

from agent_assist.brief.cards import without_cards

QUOTE_CHARS = 140
READ_CHARS = 2_000  # of one turn; what somebody says in one breath is shorter

# Control characters, and those that would turn the direction of what follows the quote.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_SPACE = re.compile(r"\s+")
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def clean(text: str) -> str:
    return _SPACE.sub(" ", _UNSEEN.sub(" ", text[:READ_CHARS])).strip()


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
