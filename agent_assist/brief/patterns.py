"""What a sentence names exactly: numbers, dates, times, amounts, e-mails, phones, names, ids.

Two things said in different words ("half past five", "5:30 pm") are found with the same value.
Where words can be read in two ways, `Found.also` has the other readings. English first; German
and Spanish numbers, dates, times and currencies too.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import chain, pairwise
from typing import NamedTuple

from text_to_num import alpha2digit, find_numbers


class Kind(StrEnum):
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    AMOUNT = "amount"
    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Found:
    """`text` is `said[start:end]`; `value` is the same for all ways to say it.

    "25", "2026-11-21", "17:30", "40.00 EUR", "a.b@example.com", digits of phones, letters and
    digits of references without what separates them. Dates said in part have, in `also`, what was
    said: "--03-21" (no year), "--03" (a month), "---21" (a day), "friday".
    """

    kind: Kind
    value: str
    text: str
    start: int
    end: int
    also: tuple[str, ...] = ()

    @property
    def readings(self) -> tuple[str, ...]:
        return (self.value, *self.also)


def find(text: str, *, on: date) -> list[Found]:
    """Return what `text` names, in order and without overlaps, as said on the day `on`."""
    spoken = in_digits(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    taken = bytearray(len(spoken.text))
    found = []
    signs = signs_of(spoken.text)
    for kind, pattern, read, needs in RULES:
        if needs.isdisjoint(signs):
            continue
        for match in pattern.finditer(spoken.text):
            start, end = match.span("it") if "it" in pattern.groupindex else match.span()
            if any(taken[start:end]):
                continue
            readings: Readings = ()
            with suppress(ValueError, OverflowError):  # the 31st of February, the year 99999
                readings = read(match, on)
            if not readings:
                continue
            taken[start:end] = b"\1" * (end - start)
            first, last = spoken.before(start), spoken.after(end)
            also = tuple(dict.fromkeys(each for each in readings[1:] if each != readings[0]))
            found.append(
                Found(kind_of(kind, match), readings[0], text[first:last], first, last, also)
            )
    return dated(sorted(found, key=lambda each: each.start))


def dated(found: list[Found]) -> list[Found]:
    """Let "Friday" in "Friday the 11th of December" mean that Friday, if it is one."""
    for index, (name, day) in enumerate(pairwise(found)):
        is_weekday = bool(name.also) and name.also[0] in WEEKDAYS
        if is_weekday and day.kind is Kind.DATE and day.start - name.end <= len(", the "):
            meant = [each for each in day.readings if each.count("-") == 2 and each[0] != "-"]
            if any(WEEKDAYS[date.fromisoformat(each).weekday()] == name.also[0] for each in meant):
                found[index] = replace(name, value=day.value)
    return found


# ── Number words ──────────────────────────────────────────────────────────────────────────────

WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d+|[^\w\s]|_")
# Words by which a sentence shows that numbers in it may be Spanish or German.
OTHERS = {
    "es": re.compile(
        r"\b(?:el|los|las|del|que|por|para|con|mi|es|son|una?|tengo|quiero|gracias|número|hola|"
        r"sí|cero|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|doce|quince|veint\w+|"
        r"treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien\w*|euros)\b",
        re.I,
    ),
    "de": re.compile(
        r"\b(?:der|das|und|ich|ist|nicht|bitte|eine?[nmr]?|meine?|für|mit|uhr|null|zwei|drei|vier|"
        r"fünf|sechs|sieben|acht|neun|zehn|zwölf|dritte[nrs]?|januar|februar|märz|\w+zehn|\w+(?:zig|ßig)|hundert|tausend)\b",
        re.I,
    ),
}
# "One" is rarely a count after these or before those: "no one", "one of them".
PRONOUN = re.compile(
    r"(?:\b(?:no|any|some|every|this|that|which|the|another|each|last|next|new|right|first|second|other)\s+one)\b"
    r"|\bone(?=\s+(?:of|more|is|that|who|moment|second|day)\b)",
    re.I,
)
NOT_COUNTED = frozenset(
    "first second seconds ein eine einen einem einer eines un una cuarto".split()  # noqa: SIM905
)


class Heard:
    """A word as text_to_num wants it."""

    def __init__(self, match: re.Match[str]) -> None:
        self.match = match

    def text(self) -> str:
        return self.match[0]

    def nt_separated(self, previous: "Heard") -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


class Piece(NamedTuple):
    """Where a number word stood, and where its digits stand."""

    start: int
    end: int
    said_start: int
    said_end: int


@dataclass(frozen=True)
class Spoken:
    """A sentence with its number words in digits, and the way back to what was said."""

    text: str
    pieces: tuple[Piece, ...] = ()

    def before(self, position: int) -> int:
        piece = self._piece_at(position)
        if piece is None:
            return position
        return piece.said_start if position < piece.end else position - piece.end + piece.said_end

    def after(self, position: int) -> int:
        piece = self._piece_at(position - 1)
        if piece is None:
            return position
        return max(piece.said_end, position - piece.end + piece.said_end)

    def _piece_at(self, position: int) -> Piece | None:
        index = bisect_right(self.pieces, position, key=lambda piece: piece.start) - 1
        return self.pieces[index] if index >= 0 else None


def in_digits(text: str) -> Spoken:
    """Write number words as digits: "the third of March, twenty-five" → "the 3rd of March, 25"."""
    languages = ["en", *(name for name, shown in OTHERS.items() if shown.search(text))]
    languages = [name for name in languages if alpha2digit(text, name, 0) != text]
    if not languages:
        return Spoken(text)
    words = [Heard(match) for match in WORD.finditer(text)]
    pronouns = [match.span() for match in PRONOUN.finditer(text)]
    by_start: dict[int, tuple[int, str]] = {}
    covered: set[int] = set()
    for language in languages:
        for number in find_numbers(words, language, 0):
            start, end = words[number.start].match.start(), words[number.end - 1].match.end()
            if covered & set(range(number.start, number.end)):
                continue
            if number.end == number.start + 1 and (
                any(first <= start < last for first, last in pronouns)
                or (text[start:end].lower() in NOT_COUNTED and not MONTH_NEAR.match(text, end))
            ):
                continue
            covered.update(range(number.start, number.end))
            by_start[start] = (end, number.text)
    parts: list[str] = []
    pieces: list[Piece] = []
    position = length = 0
    for start, (end, digits) in sorted(by_start.items()):
        length += start - position
        parts += (text[position:start], digits)
        pieces.append(Piece(length, length + len(digits), start, end))
        length += len(digits)
        position = end
    return Spoken("".join((*parts, text[position:])), tuple(pieces))


# ── Readers: from a match to what it means, first the likeliest ───────────────────────────────

Readings = tuple[str, ...]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_INDEX = {
    name: index
    for names in (
        " ".join(WEEKDAYS),
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
        "lunes martes miércoles jueves viernes sábado domingo",
    )
    for index, name in enumerate(names.split())
}
MONTHS = {
    name: index
    for names in (
        "january february march april may june july august september october november december",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "januar februar märz april mai juni juli august september oktober november dezember",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    )
    for index, name in enumerate(names.split(), 1)
} | {"sept": 9}
MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b(?:\.(?=\s*\d))?"
MONTH_NEAR = re.compile(rf"\s+(?:of\s+|de\s+)?{MONTH}", re.I)
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.|º)?"
YEAR = r"(?:,?\s+(?:of\s+|del?\s+)?(?P<year>(?:19|20)\s?\d\d)\b(?!\s*(?:euros?|dollars?|pounds?)))?"
WEEKDAY = rf"(?P<weekday>{'|'.join(DAY_INDEX)})"

RELATIVE_DAYS = {
    "the day after tomorrow": 2, "day after tomorrow": 2, "tomorrow": 1, "today": 0, "tonight": 0,
    "the day before yesterday": -2, "yesterday": -1,
    "übermorgen": 2, "morgen": 1, "heute": 0, "gestern": -1,
    "pasado mañana": 2, "mañana": 1, "hoy": 0, "ayer": -1,
}  # fmt: skip
UNIT_DAYS = {"day": 1, "week": 7, "tag": 1, "woche": 7, "día": 1, "semana": 7}


def nearest(day: int, month: int, on: date) -> date:
    """Return that day in the year that brings it nearest to `on`."""
    around = []
    for year in (on.year - 1, on.year, on.year + 1):
        with suppress(ValueError):  # the 29th of February
            around.append(date(year, month, day))
    if not around:
        raise ValueError
    return min(around, key=lambda each: abs(each - on))


def calendar_day(match: re.Match[str], on: date) -> Readings:
    """Read "3 March 2026", or "3 March", and a weekday before it when it is that day's."""
    day, month, year = int(match["day"]), MONTHS[match["month"].lower()], match["year"]
    if year:
        return (date(int(year.replace(" ", "")), month, day).isoformat(),)
    return (nearest(day, month, on).isoformat(), f"--{month:02}-{day:02}")


def iso_day(match: re.Match[str], on: date) -> Readings:
    return (date.fromisoformat(match[0]).isoformat(),)


def numeric_day(match: re.Match[str], on: date) -> Readings:
    """Read "3/4/2026" both ways: who writes so does not say which."""
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    year += 2000 if year < 100 else 0
    readings = []
    for month, day in ((second, first), (first, second)):
        with suppress(ValueError):
            readings.append(date(year, month, day).isoformat())
    return tuple(readings[:1] if match[2] == "." else readings)


def day_of_month(match: re.Match[str], on: date) -> Readings:
    """Read "the 14th" as the next one."""
    day = int(match["day"])
    if not 1 <= day <= 31:
        return ()
    ahead = (on + timedelta(days=days) for days in range(62))
    following = next(each for each in ahead if each.day == day)
    return (following.isoformat(), f"---{day:02}")


def month_of_year(match: re.Match[str], on: date) -> Readings:
    month = MONTHS[match["month"].lower()]
    if match["year"]:
        return (f"{match['year'].replace(' ', '')}-{month:02}",)
    return (f"{nearest(1, month, on).year}-{month:02}", f"--{month:02}")


def weekday(match: re.Match[str], on: date) -> Readings:
    """Read "Friday" as the next one. "Next Friday" may also be the one after that."""
    index = DAY_INDEX[match["weekday"].lower()]
    which = (match["which"] or "").lower()
    if which in ("last", "letzten"):
        return ((on - timedelta(days=(on.weekday() - index - 1) % 7 + 1)).isoformat(),)
    coming = on + timedelta(days=(index - on.weekday() - 1) % 7 + 1)
    if which in ("next", "nächsten", "próximo"):
        return (coming.isoformat(), (coming + timedelta(days=7)).isoformat())
    return (coming.isoformat(), WEEKDAYS[index])


def relative_day(match: re.Match[str], on: date) -> Readings:
    return (
        (on + timedelta(days=RELATIVE_DAYS[" ".join(match["it"].lower().split())])).isoformat(),
    )


def days_from_now(match: re.Match[str], on: date) -> Readings:
    """Read "in two weeks"; its "2" is said, too."""
    count = int(match["count"])
    unit = next(days for name, days in UNIT_DAYS.items() if match["unit"].lower().startswith(name))
    days = count * unit * (-1 if match["way"].lower() == "ago" else 1)
    return ((on + timedelta(days=days)).isoformat(), str(count))


def clock(match: re.Match[str], on: date) -> Readings:
    """Read hours and minutes. Without a part of the day, both halves of it are meant."""
    groups = match.groupdict()
    part = (groups.get("part") or "").lower().replace(".", "")
    hour, minute = int(match["hour"]), int(groups.get("minute") or 0)
    if groups.get("half"):
        minute = 30
    if groups.get("quarter"):
        minute = 15
    if groups.get("before"):
        hour, minute = hour - 1, 60 - minute
    if not (0 <= hour <= 24 and 0 <= minute < 60):
        return ()
    if any(word in part for word in AFTERNOON):
        return (f"{hour % 12 + 12:02}:{minute:02}",)
    if any(word in part for word in MORNING):
        return (f"{hour % 12:02}:{minute:02}",)
    if hour > 12 or match["hour"].startswith("0"):
        return (f"{hour % 24:02}:{minute:02}",)
    return (f"{hour:02}:{minute:02}", f"{(hour + 12) % 24:02}:{minute:02}")


def named_hour(match: re.Match[str], on: date) -> Readings:
    return ("00:00",) if match[0].lower() in ("midnight", "mitternacht") else ("12:00",)


CURRENCIES = {
    "€": "EUR", "eur": "EUR", "$": "USD", "usd": "USD", "dollar": "USD", "dólar": "USD",
    "buck": "USD", "£": "GBP", "gbp": "GBP", "pound": "GBP", "quid": "GBP", "libra": "GBP",
    "pfund": "GBP", "chf": "CHF", "franc": "CHF", "franken": "CHF",
}  # fmt: skip
CURRENCY = (
    r"(?:euros?|eur|dollars?|dólar(?:es)?|usd|bucks?|pounds?|gbp|quid|libras?|pfund|francs?|franken"
    r"|chf)"
)
CENTS = r"(?:cents?|pence|céntimos?|centavos?)"
SCALES = {"k": 10**3, "thousand": 10**3, "1000": 10**3, "mil": 10**3, "tausend": 10**3,
          "m": 10**6, "million": 10**6, "1000000": 10**6}  # fmt: skip
SCALE = rf"\s?(?P<scale>{'|'.join(SCALES)})\b"
DECIMAL = r"\d+(?:[.,]\d+)*"


def decimals(written: str) -> tuple[Decimal, ...]:
    """Read "1,250.50", "1.250,50" and, both ways, "1.250"."""
    point, comma = written.rfind("."), written.rfind(",")
    if point >= 0 and comma >= 0:
        mark = written[max(point, comma)]
        other = "," if mark == "." else "."
        return (Decimal(written.replace(other, "").replace(mark, ".")),)
    mark = "." if point >= 0 else ","
    if written.count(mark) == 0:
        return (Decimal(written),)
    if written.count(mark) > 1:
        return (Decimal(written.replace(mark, "")),)
    whole, fraction = written.split(mark)
    as_fraction = Decimal(f"{whole}.{fraction}")
    if len(fraction) != 3:
        return (as_fraction,)
    as_thousands = Decimal(whole + fraction)
    return (as_thousands, as_fraction) if mark == "," else (as_fraction, as_thousands)


def plain(number: Decimal) -> str:
    """Return digits without zeros that mean nothing: "25", "2.5"."""
    digits = f"{number:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def scaled(match: re.Match[str]) -> tuple[Decimal, ...]:
    said = match.groupdict().get("scale")
    scale = SCALES[said.lower()] if said else 1
    return tuple(number * scale for number in decimals(match["number"]))


def amount(match: re.Match[str], on: date) -> Readings:
    word = match["currency"].lower()
    currency = next(code for name, code in CURRENCIES.items() if word.startswith(name))
    cents = Decimal(match.groupdict().get("cents") or 0) / 100
    return tuple(f"{number + cents:.2f} {currency}" for number in scaled(match))


def small_coins(match: re.Match[str], on: date) -> Readings:
    """Read "99 cents", which several currencies have."""
    value = decimals(match["number"])[0] / 100
    coin = match["coin"].lower()
    currencies = ("GBP",) if coin == "pence" else ("EUR", "USD") if "c" in coin else ()
    return tuple(f"{value:.2f} {currency}" for currency in currencies)


def number(match: re.Match[str], on: date) -> Readings:
    if len(match["number"]) > 1 and match["number"].startswith("0") and match["number"].isdigit():
        return (match["number"],)
    return tuple(plain(each) for each in scaled(match))


def dozen(match: re.Match[str], on: date) -> Readings:
    return ("12",)


SPOKEN_MARKS = {
    "dot": ".", "punkt": ".", "punto": ".", "point": ".", "underscore": "_", "unterstrich": "_",
    "guion": "-", "guión": "-", "dash": "-", "hyphen": "-", "minus": "-", "bindestrich": "-",
}  # fmt: skip
MARK = rf"(?:{'|'.join(SPOKEN_MARKS)})"


def email(match: re.Match[str], on: date) -> Readings:
    return (match[0].lower().rstrip("."),)


def spoken_email(match: re.Match[str], on: date) -> Readings:
    local, domain = (
        "".join(SPOKEN_MARKS.get(word, word.strip(",.-")) for word in part.lower().split())
        for part in (match["local"].replace("-", " - ").replace(" - ", " "), match["domain"])
    )
    return (f"{local}@{domain.rstrip('.')}",)


DIGIT_WORD = re.compile(r"(?:(double|triple|doble|doppel)[\s-]*)?([^\W_]+)", re.I)
GAP = r"[\s,-]+(?:(?:dash|hyphen|slash|bindestrich|guión)[\s,]+)?"
DASHES = re.compile(r"\b(?:dash|hyphen|slash|bindestrich|guión)\b", re.I)
ALPHABET = re.compile(r"\s*,?\s+(?:as\s+in|for|like|wie|de|como)\s+[^\W\d_]{3,}", re.I)
TIMES = {"double": 2, "doble": 2, "doppel": 2, "triple": 3}


def dictated(text: str) -> Iterator[str]:
    """Yield what was dictated: "double two, oh, M as in Mike" → "22", "0", "M"."""
    for match in DIGIT_WORD.finditer(DASHES.sub("", ALPHABET.sub("", text))):
        written = "0" if match[2].lower() in ("oh", "o") else match[2]
        yield written * TIMES[match[1].lower()] if match[1] else written


def digits_said(match: re.Match[str], on: date) -> Readings:
    """Join digits said or written in groups; not what may as well be a list of numbers."""
    groups = list(dictated(match[0]))
    joined = "".join(groups)
    one_by_one = len(joined) > (3 if "," in match[0] else 2) and all(
        len(set(each.lstrip("0"))) < 2 for each in groups
    )
    in_groups = len(joined) >= 6 and "," not in match[0] and all(len(each) > 1 for each in groups)
    with_prefix = len(joined) >= 7 and "," not in match[0]
    return (joined.removeprefix("00"),) if one_by_one or in_groups or with_prefix else ()


def spelled(match: re.Match[str], on: date) -> Readings:
    """Read letters, or letters and digits, said one by one."""
    parts = list(dictated(match[0]))
    if not re.search(r"\d", match[0]):  # who spells a name does not say "oh" for zero
        joined = "".join(parts).replace("0", "O")
        return (joined.capitalize(),) if len(parts) > 2 and len(set(joined)) > 1 else ()
    joined = "".join(parts).upper()
    is_article = parts[0] in ("a", "i", "I", "y") and joined[1:].isdigit()
    enough = len(parts) > 2 and sum(map(str.isdigit, joined)) > 2 and not joined[0].isdigit()
    return (joined,) if enough and not is_article else ()


def reference(match: re.Match[str], on: date) -> Readings:
    return ("".join(filter(str.isalnum, match["it"])).upper(),)


def name(match: re.Match[str], on: date) -> Readings:
    return () if match["it"].lower() in NO_NAMES else (match["it"].title(),)


NO_NAMES = frozenset({*WEEKDAYS, *MONTHS, "not", "on", "german", "spanish", "english", "american"})

AFTERNOON = ("pm", "afternoon", "evening", "night", "nachmittag", "abend", "tarde", "noche")
MORNING = ("am", "morning", "morgens", "vormittag", "früh", "mañana")
PART = (
    r"(?:\s*(?P<part>[ap]\.?m\b\.?|(?:(?:in\s+the|this|at|am|de\s+la|por\s+la)\s+)?(?:morning|"
    r"afternoon|evening|night|morgens|vormittags?|nachmittags?|abends?|mañana|tarde|noche)\b))"
)
CAPITALIZED = r"[A-ZÀ-ÖØ-Þ][^\W\d_]+(?:[-'][A-ZÀ-ÖØ-Þ][^\W\d_]+)*"
FULL_NAME = rf"(?P<it>(?-i:{CAPITALIZED}(?:\s{CAPITALIZED}){{0,2}}))"
TITLES = ("mr", "mrs", "ms", "dr", "miss", "herr", "herrn", "frau", "señora", "señor", "sra", "sr")
INTRODUCING = ("name", "this", "am", "m", "llamo", "nombre", "soy", "ich", "hier", "speaking")
LETTER = (
    r"(?:(?:double|doble|doppel)[\s-]*)?[^\W\d_]"
    r"(?:,?\s+(?:as\s+in|for|like|wie|de|como)\s+[^\W\d_]{3,})?"
)
ONE_DIGIT = r"(?:(?:double|triple|doble|doppel)\s+)?(?:\d+|oh|o)"
PHONE_WORDS = re.compile(
    r"(?:phone|number\s+is|call\s+(?:me|us|back)|mobile|cell|reach|telefon|handy|móvil|teléfono)"
    r"[^.?!]{0,30}$",
    re.I,
)


def kind_of(kind: Kind, match: re.Match[str]) -> Kind:
    """Tell a phone from other long rows of digits: by its +, its 0, or the words before it."""
    if kind is Kind.NAME and any(map(str.isdigit, match[0])):
        return Kind.REFERENCE
    if kind is not Kind.PHONE:
        return kind
    digits = "".join(dictated(match[0]))
    if len(digits) < 7:
        return Kind.REFERENCE
    before = match.string[max(0, match.start() - 60) : match.start()]
    is_phone = match[0][0] in "+(" or digits[0] == "0" or PHONE_WORDS.search(before)
    return Kind.PHONE if is_phone else Kind.REFERENCE


Reader = Callable[[re.Match[str], date], Readings]

LETTERS = re.compile(r"[^\W\d_]+")
DIGIT = re.compile(r"\d")
A_DIGIT = frozenset("#")


def signs_of(text: str) -> set[str]:
    """Return the words of a text, "#" if it has a digit, "@" if it has one, and "" always."""
    signs = {"", *LETTERS.findall(text.lower())}
    if DIGIT.search(text):
        signs.add("#")
    if "@" in text:
        signs.add("@")
    return signs


class Rule(NamedTuple):
    """Without any of the signs that it `needs`, `pattern` cannot match: most texts have none."""

    kind: Kind
    pattern: re.Pattern[str]
    read: Reader
    needs: frozenset[str]


def rules(kind: Kind, read: Reader, *patterns: str, needs: Iterable[str] = A_DIGIT) -> list[Rule]:
    return [Rule(kind, re.compile(pattern, re.I), read, frozenset(needs)) for pattern in patterns]


# The first rule that takes some words has them.
RULES = list(
    chain(
        rules(
            Kind.EMAIL, email, r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+", needs="@"
        ),
        rules(
            Kind.EMAIL,
            spoken_email,
            rf"(?P<local>(?:[^\W_][\s,-]+){{2,30}}[^\W_]|"
            rf"(?<![\w'-])[\w'-]{{1,64}}(?:\s+{MARK}\s+[\w'-]{{1,64}}){{0,5}}(?:\s\d+)?)"
            rf"\s+(?:at|arroba|ät)\s+"
            rf"(?P<domain>[\w-]{{1,63}}(?:\s+(?:dot|punkt|punto)\s+\w{{1,63}}){{1,5}})",
            needs=SPOKEN_MARKS,
        ),
        rules(Kind.DATE, iso_day, r"(?<![\d-])\d{4}-\d\d-\d\d(?!\d)"),
        rules(Kind.DATE, numeric_day, r"\b(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)\b"),
        rules(
            Kind.DATE,
            calendar_day,
            rf"\b{DAY}(?:\s+of|\s+de)?\s+{MONTH}{YEAR}",
            rf"\b{DAY}(?=\s*(?:to|and|or|until|bis|und|al?|y|-)\s*(?:the\s+)?\d{{1,2}}"
            rf"(?:st|nd|rd|th|\.|º)?(?:\s+of|\s+de)?\s+{MONTH}{YEAR})",
            rf"\b{MONTH}\s+(?:the\s+)?{DAY}\b(?!:\d|\s*[ap]\.?m\b){YEAR}",
            needs=MONTHS,
        ),
        rules(
            Kind.DATE,
            days_from_now,
            r"\b(?P<way>in|en)\s+(?P<count>\d{1,3})\s+"
            r"(?P<unit>days?|weeks?|tage?n?|wochen?|días?|semanas?)\b",
            r"\b(?P<count>\d{1,3})\s+(?P<unit>days?|weeks?)\s+(?P<way>ago)\b",
        ),
        rules(
            Kind.DATE,
            relative_day,
            rf"\b(?<!guten )(?<!la )(?P<it>{'|'.join(RELATIVE_DAYS)})\b".replace(" ", r"\s"),
            needs=(words.split()[-1] for words in RELATIVE_DAYS),
        ),
        rules(
            Kind.DATE,
            weekday,
            rf"\b(?:(?P<which>next|last|nächsten|letzten|próximo)\s+)?{WEEKDAY}s?\b",
            needs=(*DAY_INDEX, *(f"{name}s" for name in DAY_INDEX)),
        ),
        rules(
            Kind.DATE,
            day_of_month,
            r"\b(?:the|el|am|den|dem|der)\s+(?P<day>\d{1,2})(?:st|nd|rd|th|\.|º)"
            r"(?!\w|\s+(?!(?:at|in|is|to|or|and|for|of|then|please|works|would|instead|if|um|a|y|not)\b)\w)",
        ),
        rules(
            Kind.DATE,
            month_of_year,
            rf"\b(?:in|of|since|until|by|last|next|this|en|de|im)\s+{MONTH}{YEAR}",
            needs=MONTHS,
        ),
        rules(
            Kind.DATE,
            month_of_year,
            rf"\b{MONTH}\s+(?P<year>(?:19|20)\s?\d\d)\b",
            needs=MONTHS,
        ),
        rules(
            Kind.TIME,
            clock,
            rf"(?<![\d:,.])(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::\d\d)?(?!\d){PART}?",
            rf"\b(?:(?P<half>half)|(?P<quarter>quarter|viertel)|(?P<minute>\d{{1,2}})"
            rf"(?:\s+minutes|\s+minuten)?)\s+(?:(?P<before>to|till|vor)|past|after|nach)\s+"
            rf"(?P<hour>\d{{1,2}})(?:\s*o'clock|\s*uhr)?\b{PART}?",
            rf"\b(?P<half>(?P<before>halb))\s+(?P<hour>\d{{1,2}})\b{PART}?",
            rf"\b(?:las?)\s+(?P<hour>\d{{1,2}})\b(?:\s+(?:y|(?P<before>menos))\s+"
            rf"(?:(?P<half>media)|(?P<quarter>cuarto)|(?P<minute>\d{{1,2}})))?{PART}?",
            rf"\b(?P<hour>\d{{1,2}})(?:\s\d\d)?\s*(?:o'clock|uhr)(?:\s(?P<minute>\d\d))?\b{PART}?",
            rf"\b(?:at\s+|around\s+|by\s+)?(?P<hour>\d{{1,2}})(?:\s(?P<minute>\d\d))?{PART}",
            r"\b(?:at|um)\s+(?P<hour>\d{1,2})(?:\s(?P<minute>\d\d))?\b(?=\s*(?:[,.?!](?!\d)|$|"
            r"(?:tomorrow|today|on|sharp|for|then|works|please|is|and|or)\b))",
        ),
        rules(
            Kind.TIME,
            named_hour,
            r"\b(?:noon|midday|midnight|mittags|mitternacht|mediodía)\b",
            needs=("noon", "midday", "midnight", "mittags", "mitternacht", "mediodía"),
        ),
        rules(
            Kind.AMOUNT,
            amount,
            rf"(?P<currency>[€$£]|\b(?:EUR|USD|GBP|CHF)\s)\s?(?P<number>{DECIMAL})(?:{SCALE})?",
            rf"\b(?P<number>{DECIMAL})(?:{SCALE})?\s*(?P<currency>{CURRENCY}\b|[€$£])"
            rf"(?:\s+(?:(?:and|und|y|con)\s+)?(?P<cents>\d\d?)(?:\s+{CENTS}\b|(?=\s*(?:[.,;!?]|$|(?:a|per|for|each|in)\b))))?",
        ),
        rules(Kind.AMOUNT, small_coins, rf"\b(?P<number>{DECIMAL})\s*(?P<coin>{CENTS})\b"),
        rules(
            Kind.NAME,
            spelled,
            rf"(?<!['\w])(?:(?-i:[A-Z]{{2,4}})|{LETTER})(?!['\w])"
            rf"(?:(?:\.|{GAP})(?:{ONE_DIGIT}|{LETTER})(?!['\w]))+",
            needs=("",),
        ),
        rules(
            Kind.REFERENCE,
            reference,
            r"\b(?P<it>(?-i:[A-Z]{1,5})[ -]\d{2,}(?:-\d+)*)\b",
            r"\b(?P<it>(?!\d+(?:st|nd|rd|th|k|m|am|pm|h|º)\b)(?=[a-z-]*\d)(?=[\d-]*[a-z])[a-z\d]+(?:-[a-z\d]+)*)\b",
        ),
        rules(Kind.NUMBER, number, rf"(?<![\w.,])(?P<number>{DECIMAL}){SCALE}"),
        rules(
            Kind.PHONE,
            digits_said,
            rf"(?<![\d.,])(?:\+\s?|\(|\b){ONE_DIGIT}\b(?:[\s,()/-]+{ONE_DIGIT}\b)+",
            r"(?<![\d.,])\+?\b\d{7,}\b(?![.,]\d)",
        ),
        rules(
            Kind.REFERENCE,
            reference,
            r"\b(?:order|reference|ref|ticket|booking|confirmation|case|account|policy|invoice|"
            r"customer|member|bestell\w*|kunden\w*|pedido|reserva)\s+(?:(?:number|no\.?|id|code|"
            r"nummer|número)\s+)?(?:is\s+|ist\s+|es\s+|#\s?)?(?P<it>\d{3,})\b",
            r"(?<![\d.,])(?P<it>\d{5,})\b(?![.,]\d)",
        ),
        rules(
            Kind.NUMBER,
            dozen,
            r"\b(?:dozens?|dutzend|docena)\b",
            needs=("dozen", "dozens", "dutzend", "docena"),
        ),
        rules(Kind.NUMBER, number, rf"(?<![\w.,])(?P<number>{DECIMAL})"),
        rules(
            Kind.NAME,
            name,
            rf"\b(?:name\s+is|name's|this\s+is|i\s+am|i'm|me\s+llamo|nombre\s+es|soy|name\s+ist|"
            rf"ich\s+hei(?:ß|ss)e|ich\s+bin|hier\s+(?:ist|spricht)|speaking\s+(?:to|with))\s+"
            rf"(?:(?:{'|'.join(TITLES)})\b\.?\s+)?{FULL_NAME}",
            rf"\b(?:{'|'.join(TITLES)})\b\.?\s+{FULL_NAME}",
            r"\b(?:my\s+name\s+is|me\s+llamo|mein\s+name\s+ist|ich\s+heiße)\s+(?P<it>[^\W\d_]{2,}(?:\s(?-i:[A-Z])[^\W\d_]+)?)",
            needs=(*INTRODUCING, *TITLES),
        ),
    )
)
