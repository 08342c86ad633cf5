"""What the agent, or a human, has promised with a date or an amount."""

import re
from dataclasses import dataclass

from agent_assist.brief.quoting import SENTENCE_END


@dataclass(frozen=True)
class Promise:
    label: str
    sentence: str


_WORDS = (
    "will shall i'll we'll you'll they'll it'll she'll he'll going promise guarantee back booked"
    " scheduled reserved refunded wird werden werde recibirá enviaremos llamaremos vamos"
)
PROMISING = frozenset(_WORDS.split())  # without one of which nothing is promised
_DONE = (
    r"(?:be (?:sent|there|delivered|refunded|paid|credited|with you|on your|at your|called|shipped"
    r"|booked|ready|mended|repaired|fixed)|arrive|come|call|ring|contact|reach|send|visit)"
)
_WILL = re.compile(
    r"\b(?:(?:i|we|you|they|it|she|he|someone|somebody)(?:'ll| will| shall| am going to|'m going to"
    r"|'re going to| are going to)"
    rf"|(?:\w+(?:\W\w+)? )(?:will|is going to) {_DONE}|promise|guarantee|goes? back"
    r"|(?:has|have) been (?:\w+ )?(?:booked|scheduled|reserved|refunded)"
    r"|(?<!you are )(?:booked|scheduled|reserved) for|have refunded"
    r"|wird|werden|werde|recibirá|enviaremos|llamaremos|vamos a)\b",
    re.IGNORECASE,
)
_NO_PROMISE = re.compile(
    r"\b(?:not|won't|cannot|can't|couldn't|unable|never|nicht|if you (?:want|like|prefer|wish)"
    r"|would you"
    r"|let me|(?:i|we)(?:'ll| will) (?:\w+ly )?(?:look|check|see|ask you|need|have to|note|pull"
    r"|search|find"
    r"|read|repeat|connect|transfer|put you))\b|\?\W*$",
    re.IGNORECASE,
)
_SOME = (
    r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|fifteen|twenty"
    r"|thirty|a few)"
)
_WHEN = re.compile(
    r"\b(?:today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday|noon"
    r"|midnight"
    r"|this (?:morning|afternoon|evening|week)|next (?:week|month)|end of (?:the )?(?:day|week"
    r"|month)"
    r"|january|february|march|april|june|july|august|september|october|november|december"
    r"|(?:on|by|until) the (?:first|second|third|\w+th|\d+(?:st|nd|rd))|may \d+|\d+ ?(?:am|pm)\b"
    r"|\d{1,2}[:.]\d{2}|o'clock"
    rf"|(?:within|in|after) (?:the next )?{_SOME}(?: to {_SOME})?(?: \w+)? (?:minutes?|hours?"
    rf"|days?|weeks?|months?)"
    r"|morgen|heute|montag|dienstag|mittwoch|donnerstag|freitag|samstag"
    r"|mañana|hoy|lunes|martes|miércoles|jueves|viernes|sábado)\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"[$€£]\s?\d|\b(?:\d|hundred|thousand|\w+ty|ten|five|twelve|fifteen)[\d.,]*\W?"
    r"(?:[\w-]+ )?(?:euros?|dollars?|pounds|cents|usd|eur|gbp|percent)\b",
    re.IGNORECASE,
)


def promise_in(text: str) -> Promise | None:
    """The first sentence that promises something with a date or an amount."""
    for sentence in SENTENCE_END.split(text):
        if _WILL.search(sentence) and not _NO_PROMISE.search(sentence):
            dated, priced = _WHEN.search(sentence), _AMOUNT.search(sentence)
            if dated or priced:
                told = (
                    "a date and an amount"
                    if dated and priced
                    else "a date"
                    if dated
                    else "an amount"
                )
                return Promise(f"Commitment with {told}", sentence)
    return None
