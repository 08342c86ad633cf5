"""What has become known in a call: from tools, the caller's words, and what came with it."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from uuid import UUID

from agent_assist.brief import tools
from agent_assist.brief.call import Call
from agent_assist.brief.cards import is_card_number, masked
from agent_assist.brief.markers import text_of
from agent_assist.brief.patterns import Found, Kind, find
from agent_assist.brief.quoting import clean, cut
from agent_assist.brief.sections import FlagKind, Information, MarkerKind
from conversations.models import Conversation, Turn

AT_MOST = 12
VALUE_CHARS = 80
SAID_TURNS = 75  # at either end of a call: looking for patterns takes its time
TOOL_TURNS = 40
SAID_EACH = 2
FROM_ARGUMENTS, FROM_OUTPUTS, FROM_METADATA = 6, 4, 3

_SAYS_SOMETHING = re.compile(
    r"\d|@|\b(?:at|arroba|zero|oh|null|one|two|three|four|five|six|seven|eight|nine|ten|\w+teen"
    r"|\w+ty|hundred|dos|tres|cuatro|cinco|siete|zwei|drei|vier|fünf|sieben|name|llamo|nombre|soy"
    r"|hei(?:ß|ss)e|this is|i am|i'm|ich bin|\w+day|tomorrow|january|february|march|april|may|june"
    r"|july|august|\w+tember|october|november|december|\w+tag|mittwoch|morgen|mañana|lunes|jueves"
    r"|viernes)\b|\b\w\W+\w\W+\w\b",
    re.IGNORECASE,
)
_IDENTIFYING = {
    Kind.NAME: "Name said",
    Kind.PHONE: "Phone number said",
    Kind.EMAIL: "E-mail said",
    Kind.REFERENCE: "Number said",
}
_OTHERS_SAID = {Kind.AMOUNT: "Amount said", Kind.DATE: "Date said"}
_VAGUE = {Kind.TIME: "Time said"}

_SECRET = re.compile(
    r"pass(?:word|wd|code|phrase)|pwd|secret|(?:^|_)(?:token|cvv|cvc|csc|pin|otp|tan)(?:$|_)"
    r"|api_?key|security_?code|one_time|credential|authorization|pin_?code"
)
_PARTLY = re.compile(r"card_?(?:number|no|num)|(?:^|_)(?:card|pan|iban|ssn)(?:$|_)|social_security")
_NOISE = re.compile(
    r"^(?:ok|success|successful|found|error|errors|is_error|message|status_code|http_status"
    r"|timestamp|request_id|trace_id|session_id|call_id|conversation_id|version|type|object|locale"
    r"|language)$"
)
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_UPPER = {"id", "url", "iban", "sku", "zip", "vin", "pnr", "imei", "sms", "vat"}
_WHOLE_LABELS = {"dob": "Date of birth", "e mail": "E-mail", "email": "E-mail"}


@dataclass(frozen=True)
class Piece:
    """`same` is equal for two values that mean the same."""

    label: str
    value: str
    same: str
    turns: tuple[UUID, ...] = ()


def information_of(call: Call) -> tuple[Information, ...]:
    """Return what to know, the most useful first, each value once with all turns that have it."""
    on = call.conversation.created_at.date()
    failed = {sign.turn.id for sign in call.of(MarkerKind.TOOL_FAILURE)}
    # Parts of a card's number are no information, and what the machine was told to note is none.
    unfit = {
        sign.turn.id
        for kind in (FlagKind.PAYMENT_DATA, FlagKind.PROMPT_INJECTION)
        for sign in call.flagged(kind)
    }
    ran = call.ran[-TOOL_TURNS:]
    worked = [turn for turn in ran if turn.id not in failed]
    heard = list(_heard([turn for turn in call.said if turn.id not in unfit], on))
    identified = list(_said(heard, _IDENTIFYING))
    given = _arguments(ran, failed, on, {piece.same for piece in identified})[:FROM_ARGUMENTS]
    pieces: dict[str, Piece] = {}
    for piece in (
        *_named(call.conversation),
        *given,
        *_not_within(identified, given),
        *_latest(_answered(worked, on))[-FROM_OUTPUTS:],
        *_said(heard, _OTHERS_SAID if ran else {**_OTHERS_SAID, **_VAGUE}),
        *_metadata(call.conversation),
    ):
        pieces.setdefault(piece.same, piece)
    texts = [(turn.id, text_of(turn).lower()) for turn in call.said]
    known = [_with_turns(each, call, heard, texts) for each in list(pieces.values())[:AT_MOST]]
    return tuple(
        Information(label=each.label, value=each.value, turns=each.turns)
        for each in _told_apart(known, call)
    )


def _told_apart(pieces: Sequence[Piece], call: Call) -> Iterator[Piece]:
    """Yield them, a label that comes again with the tool from which its value is."""
    names = {turn.id: tools.spoken_name(turn) for turn in call.ran}
    taken: set[str] = set()
    for piece in pieces:
        sources = [names[turn] for turn in piece.turns if turn in names]
        label = (
            f"{piece.label} ({sources[-1]})" if piece.label in taken and sources else piece.label
        )
        taken.add(label)
        yield replace(piece, label=label)


def label_of(key: str) -> str:
    """A key as a person reads it: "order_id" and "orderId" → "Order ID"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", clean(key))
    words = re.sub(r"[\W_]+", " ", spaced).strip().lower()
    if words in _WHOLE_LABELS:
        return _WHOLE_LABELS[words]
    shown = " ".join(word.upper() if word in _UPPER else word for word in words.split())
    return cut(shown[:1].upper() + shown[1:], 40) or "Value"


def value_of(key: str, value: str) -> str:
    """A value as it may be shown: short, and hidden where its key says that it is secret."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_").replace(" ", "_")
    if _SECRET.search(name):
        return "••••"
    digits = re.sub(r"\D", "", value)
    if _PARTLY.search(name) and len(digits) > 4:
        return masked(digits)
    return cut(value, VALUE_CHARS)


def _named(conversation: Conversation) -> Iterator[Piece]:
    if name := clean(conversation.caller_name or ""):
        yield Piece("Caller name", cut(name, VALUE_CHARS), _same(name))


def _arguments(
    ran: Sequence[Turn], failed: Container[UUID], on: date, identified: Container[str]
) -> list[Piece]:
    """The last value of each argument. What only a failed tool was given has merely been tried,
    unless the caller has told it of themselves."""
    worked = _latest(_given([turn for turn in ran if turn.id not in failed], on))
    given = {piece.label: piece for piece in worked}
    for piece in _latest(_given([turn for turn in ran if turn.id in failed], on)):
        same = given.get(piece.label)
        if same is None:
            label = piece.label if piece.same in identified else f"{piece.label} (tried)"
            given[piece.label] = replace(piece, label=label)
        elif same.same == piece.same:
            given[piece.label] = replace(same, turns=(*same.turns, *piece.turns))
    return list(given.values())


def _given(turns: Sequence[Turn], on: date) -> Iterator[Piece]:
    """Yield what tools were called with."""
    for turn in turns:
        for key, value in tools.scalars(turn.arguments):
            if not _UUID.fullmatch(value):
                yield _piece(key, value, turn, on)


def _answered(turns: Sequence[Turn], on: date) -> Iterator[Piece]:
    """Yield what tools have answered, where it is short."""
    for turn in turns:
        for key, value in tools.scalars(turn.output):
            is_short = len(value) <= tools.SHORT_CHARS and value not in ("yes", "no")
            if is_short and not _NOISE.match(key.lower()) and not _UUID.fullmatch(value):
                yield _piece(key, value, turn, on)


def _metadata(conversation: Conversation) -> list[Piece]:
    metadata = conversation.custom_metadata
    return [
        Piece(label_of(key.removeprefix("anyreach_")), value_of(key, value), _same(value))
        for key, value in tools.scalars(metadata if isinstance(metadata, dict) else {})
        if not _UUID.fullmatch(value)
    ][:FROM_METADATA]


def _piece(key: str, value: str, turn: Turn, on: date) -> Piece:
    label, same = label_of(key), _meaning(value, on)
    # Two nights for two guests are two things to know.
    return Piece(
        label, value_of(key, value), same if len(same) > 2 else f"{label} {same}", (turn.id,)
    )


def _latest(pieces: Iterator[Piece]) -> list[Piece]:
    """The last value of each label: what is given again has been corrected."""
    latest: dict[str, Piece] = {}
    for piece in pieces:
        before = latest.get(piece.label)
        again = before.turns if before is not None and before.same == piece.same else ()
        latest[piece.label] = replace(piece, turns=(*again, *piece.turns))
    return list(latest.values())


def _heard(turns: Sequence[Turn], on: date) -> Iterator[tuple[Turn, Found]]:
    first = islice(filter(_may_name_something, turns), SAID_TURNS)
    last = islice(filter(_may_name_something, reversed(turns)), SAID_TURNS)
    for turn in dict.fromkeys([*first, *reversed(list(last))]):
        yield from ((turn, found) for found in find(text_of(turn), on=on))


def _may_name_something(turn: Turn) -> bool:
    return _SAYS_SOMETHING.search(text_of(turn)) is not None


def _said(heard: Sequence[tuple[Turn, Found]], labels: Mapping[Kind, str]) -> Iterator[Piece]:
    """Yield the last things of these kinds that the caller said."""
    for kind, label in labels.items():
        last: dict[str, Piece] = {}
        for turn, found in heard:
            is_weekday = kind == Kind.DATE and Kind.TIME not in labels and not _is_calendar(found)
            if found.kind == kind and not is_weekday and not is_card_number(found.value):
                same = _same(found.value) if kind == Kind.NAME else found.value
                last[same] = Piece(label, _shown(found), same, (turn.id,))
        yield from list(last.values())[: -SAID_EACH - 1 : -1]


def _not_within(said: Iterable[Piece], given: Sequence[Piece]) -> Iterator[Piece]:
    """Yield what was said but for parts of what a tool was given: "BS3" of "BS3 4QT"."""
    whole = [_same(piece.same) for piece in given]
    for piece in said:
        part = _same(piece.same)
        if not any(part in each and part != each for each in whole):
            yield piece


def _is_calendar(found: Found) -> bool:
    """Whether a day was said by its date, and not as "Friday" or "tomorrow"."""
    return any(reading.startswith("--") for reading in found.readings) or "20" in found.text


def _shown(found: Found) -> str:
    """As it was said, where that is what a person reads best; what it means otherwise.

    A "Friday" may have been the last or the next one: the words do not say.
    """
    if found.kind == Kind.AMOUNT:
        number, currency = found.value.split()
        return f"{Decimal(number):,.2f} {currency}".replace(".00 ", " ")
    is_written = found.kind in (Kind.DATE, Kind.TIME) or any(map(str.isdigit, found.text))
    return cut(found.text.rstrip(".") if is_written else found.value, VALUE_CHARS)


def _with_turns(
    piece: Piece,
    call: Call,
    heard: Sequence[tuple[Turn, Found]],
    texts: Sequence[tuple[UUID, str]],
) -> Piece:
    """Cite the caller's turns, too, that say the same."""
    saying = {turn.id for turn, found in heard if piece.same in found.readings}
    words = piece.value.lower()
    if len(words) > 3 and "•" not in words and not words.endswith("…"):
        whole = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")
        saying |= {turn for turn, text in texts if words in text and whole.search(text)}
    cited = sorted(saying | set(piece.turns), key=call.places.__getitem__)
    return replace(piece, turns=tuple(cited))


def _meaning(value: str, on: date) -> str:
    """What makes two values the same: how `find` reads a value that is nothing else."""
    if len(value) <= tools.SHORT_CHARS:
        found = find(value, on=on) if _SAYS_SOMETHING.search(value) else []
        if len(found) == 1 and found[0].text.strip() == value.strip():
            return found[0].value
    return _same(value)


def _same(value: str) -> str:
    return re.sub(r"\W", "", value.casefold()) or value
