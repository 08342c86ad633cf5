"""What a tool's call and answer tell: whether it failed, and the values in it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from agent_assist.brief.quoting import clean, cut
from conversations.models import Turn

SHORT_CHARS = 60
WHY_CHARS = 80
READ_CHARS = 20_000
DEEP = 3
MANY = 40

# A status in words, wherever a tool puts it.
_BAD_STATUS = re.compile(
    r"(?:error|errored|fail(?:ed|ure)?|declined|denied|rejected|refused|not[ _-]?found"
    r"|no[ _-]?match|unavailable|time[d]?[ _-]?out|unauthori[sz]ed|forbidden|invalid|expired)",
    re.IGNORECASE,
)
# What was looked up may be declined itself: then the tool has worked.
_LOOKUP = re.compile(
    r"(?:get|find|check|look|track|search|list|show|fetch|read|query|view)|.*(?:status|lookup"
    r"|search)",
    re.IGNORECASE,
)
_BAD_STATUS_OF_LOOKUP = re.compile(
    r"error|not[ _-]?found|no[ _-]?match|time[d]?[ _-]?out|unauthori[sz]ed|forbidden", re.IGNORECASE
)
# A whole answer that says so; in a long text such words may be about something else.
_BAD_ANSWER = re.compile(
    r"^\W*(?:an? )?(?:\w+ ){0,2}?(?:error|exception|failure|failed|timeout|invalid|unauthorized"
    r"|forbidden)\b|\b(?:not found|no such|no (?:\w+ ){0,2}found|declined|failed|could not"
    r"|couldn't|unable to|timed out|was (?:denied|rejected|refused)|does not exist"
    r"|doesn't exist)\b",
    re.IGNORECASE,
)
_GOOD_ANSWER = re.compile(
    r"\b(?:no|zero|0|without|any) (?:\w+ )?(?:errors?|failures?|failed)\b", re.IGNORECASE
)
_STATUS_KEYS = {"status", "state", "result", "outcome", "code"}
_ERROR_KEYS = {"error", "errors", "exception", "failure", "error_message", "error_code"}
_SUCCESS_KEYS = {"success", "ok", "found", "succeeded", "successful", "authorized"}
_DONE_KEYS = {
    *("accepted", "approved", "booked", "sent", "created", "updated", "confirmed", "verified"),
    *("recorded", "completed"),
}
_MONEY = re.compile(r"amount|price|total|fee|cost|balance|refund|estimate|sum|charge|credit")
_ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_SNAKE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_WHY_KEYS = ("message", "reason", "detail", "details", "description", "error_message", "error")


def spoken_name(turn: Turn) -> str:
    """A tool's name in words: `find_order` → "find order"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", clean(turn.name or ""))
    return cut(re.sub(r"[_\W]+", " ", words).strip().lower() or "tool", 40)


def failure_of(turn: Turn) -> str | None:
    """Why a tool failed, in its own words; "" where it does not say; None where it has not."""
    output = parsed(turn.output)
    if turn.is_error or _says_failed(output, is_lookup=_LOOKUP.match(turn.name or "") is not None):
        return _why(output)
    return None


def _says_failed(output: Any, *, is_lookup: bool) -> bool:
    if isinstance(output, str):
        text = output.strip()
        return (
            len(text) <= 300
            and _BAD_ANSWER.search(text) is not None
            and _GOOD_ANSWER.search(text) is None
        )
    if not isinstance(output, dict):
        return False
    for key, value in list(output.items())[:MANY]:
        name = str(key).lower()
        if name in _ERROR_KEYS and value not in (None, "", False, 0, [], {}, "none", "None"):
            return True
        if name in (_SUCCESS_KEYS if is_lookup else _SUCCESS_KEYS | _DONE_KEYS) and value is False:
            return True
        if name in _STATUS_KEYS and isinstance(value, str):
            bad = _BAD_STATUS_OF_LOOKUP if is_lookup else _BAD_STATUS
            if bad.fullmatch(value.strip()):
                return True
    return False


def _why(output: Any) -> str:
    if isinstance(output, str):
        return cut(output, WHY_CHARS).rstrip(".")
    if isinstance(output, dict):
        named = {str(key).lower(): value for key, value in output.items()}
        for key in (*_WHY_KEYS, *_STATUS_KEYS):
            value = named.get(key)
            if isinstance(value, dict):
                value = value.get("message")
            if isinstance(value, str) and value.strip():
                return cut(value.replace("_", " "), WHY_CHARS).rstrip(".")
    return ""


def parsed(value: Any) -> Any:
    """`value`, or what it holds where it is JSON in a string."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and len(value) <= READ_CHARS:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def scalars(value: Any) -> Iterator[tuple[str, str]]:
    """Yield key and value of what is short in arguments or an answer, nested a little too."""
    yield from _scalars(parsed(value), key="", depth=0)


def _scalars(value: Any, *, key: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if depth < DEEP:
            for name, each in list(_with_currency(value).items())[:MANY]:
                yield from _scalars(each, key=str(name), depth=depth + 1)
    elif isinstance(value, list):
        shown = [text for each in value[:MANY] if (text := shown_as(each)) is not None]
        if key and shown and len(shown) == len(value):
            yield key, ", ".join(shown)
        elif depth < DEEP:
            for each in value[:3]:
                yield from _scalars(each, key=key, depth=depth + 1)
    elif key and (text := shown_as(value)) is not None:
        yield key, text


def _with_currency(values: dict[Any, Any]) -> dict[Any, Any]:
    """Join a currency that stands beside amounts with them: "84.90 EUR"."""
    currency = values.get("currency")
    if not isinstance(currency, str) or len(currency) != 3:
        return values
    return {
        key: f"{each:.2f} {currency.upper()}" if _is_amount(key, each) else each
        for key, each in values.items()
        if key != "currency"
    }


def _is_amount(key: Any, value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < 1e12 and _MONEY.search(str(key).lower()) is not None


def shown_as(value: Any) -> str | None:
    """A scalar as a person reads it; None for what is empty or no scalar."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        text = _ISO_TIME.sub(r"\1 \2 \3", clean(value)).strip()
        return (text.replace("_", " ") if _SNAKE.fullmatch(text) else text) or None
    if isinstance(value, int):
        return str(value) if value.bit_length() < 100 else None
    if isinstance(value, float):
        return f"{value:g}" if abs(value) >= 1e15 else f"{value:.6f}".rstrip("0").rstrip(".")
    return None
