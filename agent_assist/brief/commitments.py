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
    r"|(?:has|have) been (?:\w+ )?(?:booked|scheduled|reserved|refunded)|(?<!you are )(?:booked"
    r"|scheduled|reserved) for|have refunded|wird|werden|werde|recibirá|enviaremos|llamaremos"
    r"|vamos a)\b",
    re.IGNORECASE,
)
_NO_PROMISE = re.compile(
    r"\b(?:not|won't|cannot|can't|couldn't|unable|never|nicht|if you (?:want|like|prefer|wish)"
    r"|would you|let me|(?:i|we)(?:'ll| will) (?:\w+ly )?(?:look|check|see|ask you|need|have to"
    r"|note|pull|search|find|read|repeat|connect|transfer|put you))\b|\?\W*$",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday|noon"
    r"|midnight|this (?:morning|afternoon|evening|week)|next (?:week|month)|end of (?:the )?(?:day"
    r"|week|month)|january|february|march|april|june|july|august|september|october|november"
    r"|december|(?:on|by|until) the (?:first|second|third|\w+th|\d+(?:st|nd|rd))|may \d+"
    r"|\d+ ?(?:am|pm)\b|\d{1,2}[:.]\d{2}|o'clock|(?:within|in|after) (?:about |around "
    r"|the next )?[\w-]+(?: to [\w-]+)?(?: \w+)? (?:minutes?|hours?|days?|weeks?|months?)|morgen"
    r"|heute|montag|dienstag|mittwoch|donnerstag|freitag|samstag|mañana|hoy|lunes|martes|miércoles"
    r"|jueves|viernes|sábado)\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"[$€£]\s?\d|\b(?:\d|hundred|thousand|\w+ty|ten|five|twelve"
    r"|fifteen)[\d.,]*\W?(?:[\w-]+ )?(?:euros?|dollars?|pounds|cents|usd|eur|gbp|percent)\b",
    re.IGNORECASE,
)


def promise_in(text: str) -> Promise | None:
    """The first sentence that promises something with a date or an amount."""
    for sentence in SENTENCE_END.split(text):
        if _WILL.search(sentence) and not _NO_PROMISE.search(sentence):
            dated, priced = _WHEN.search(sentence), _AMOUNT.search(sentence)
            if dated or priced:
                told = " and ".join(["a date"] * bool(dated) + ["an amount"] * bool(priced))
                return Promise(f"Commitment with {told}", sentence)
    return None
