"""Which turns deserve a look, and why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from agent_assist.brief import tools
from agent_assist.brief.quoting import READ_CHARS, Group, card_in, rows
from agent_assist.brief.rules import COMPLIANCE, DESK, MONTH, RULES, RUN, THING, Rule
from agent_assist.brief.sections import FlagKind, Level, Marker, MarkerKind, Severity
from conversations.models import Turn


@dataclass(frozen=True)
class Sign:
    """What a rule has found in a turn. `words` are those that it went by."""

    turn: Turn
    kind: MarkerKind
    label: str
    words: str = ""
    flag: FlagKind | None = None
    severity: Severity = Severity.MEDIUM
    level: Level | None = None


# "I do not want a manager" is no request: a no in the same clause, shortly before, or within.
_NO = re.compile(
    r"(?:\b(?:not|no|never|without|nobody|nicht|kein\w*|nie|nunca|sin)|n't)\W+(?:[\w']+\W+){0,4}$",
    re.IGNORECASE,
)
_NO_WITHIN = re.compile(r"n't\b|\b(?:not|nicht|no (?:need|wish))\b", re.IGNORECASE)
# "Why can't I talk to somebody?" asks for it all the same.
_ASKED_WITH_NO = re.compile(
    r"\b(?:can't|can not|cannot|couldn't|won't|why don't|don't you|isn't|aren't)\W+(?:i|you|we"
    r"|there)\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.!?;:,]|\bbut\b|\baber\b|\bpero\b", re.IGNORECASE)

MOST_GROUPS = 40  # of digits, of which a card's number is looked for
_DIGITS = re.compile(r"\d{4}|\b(?:one|two|three|four|five|six|uno|dos|tres|eins|zwei|drei)\b", re.I)
WORD = re.compile(r"[\w']+|@")


def text_of(turn: Turn) -> str:
    """What was said, with plain apostrophes; the same length as it was."""
    return (turn.text or "")[:READ_CHARS].replace("\u2019", "'")


def signs_of(turns: Sequence[Turn]) -> list[Sign]:
    """Return what the rules find, in the turns' order."""
    signs: list[Sign] = []
    asked = ""
    for turn in turns:
        if turn.role == Turn.Role.TOOL:
            signs += _tool_signs(turn)
            continue
        text = text_of(turn)
        words = frozenset(WORD.findall(text.lower()))
        found = [sign for rule in RULES if (sign := _tried(rule, turn, text, words)) is not None]
        signs += found
        if turn.role in DESK:
            if promised := promise_in(text):
                signs.append(Sign(turn, MarkerKind.COMMITMENT, promised.label, promised.sentence))
            asked = text if "?" in text or "please" in words else ""
        elif turn.role == Turn.Role.USER:
            if asked and not found:
                signs += _answer_signs(turn, text, asked)
            asked = ""
    signs += [*_card_signs(turns), *_other_voices(turns)]
    places = {turn.id: place for place, turn in enumerate(turns)}
    return sorted(signs, key=lambda sign: places[sign.turn.id])


def markers_of(signs: Iterable[Sign]) -> Mapping[UUID, Marker]:
    """For each turn that has signs, the one that matters most."""
    most: dict[UUID, Sign] = {}
    for sign in signs:
        before = most.setdefault(sign.turn.id, sign)
        if _matters(sign) > _matters(before):
            most[sign.turn.id] = sign
    return {turn: Marker(kind=sign.kind, label=sign.label) for turn, sign in most.items()}


_LEAST_FIRST = (
    MarkerKind.COMMITMENT,
    MarkerKind.IDENTITY,
    MarkerKind.SENTIMENT,
    MarkerKind.COMPLIANCE,
    MarkerKind.ESCALATION,
    MarkerKind.REQUEST,
    MarkerKind.TOOL_FAILURE,
)


def _matters(sign: Sign) -> tuple[bool, int]:
    return sign.flag is not None and sign.severity == Severity.HIGH, _LEAST_FIRST.index(sign.kind)


def _tried(rule: Rule, turn: Turn, text: str, words: frozenset[str]) -> Sign | None:
    if turn.role not in rule.roles or rule.words.isdisjoint(words):
        return None
    for match in rule.pattern.finditer(text):
        if rule.says_no or not _denied(text, match):
            found = match.group().strip(" .,!?")
            return Sign(turn, rule.kind, rule.label, found, rule.flag, rule.severity, rule.level)
    return None


def _denied(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 60) : match.start()]
    clause = _CLAUSE_END.split(before)[-1]
    if _ASKED_WITH_NO.search(clause + match.group()):
        return False
    return _NO.search(clause) is not None or _NO_WITHIN.search(match.group()) is not None


_IDENTIFIES = re.compile(r"\b(?:verif|identif|authenticat)")


def _tool_signs(turn: Turn) -> list[Sign]:
    signs = []
    why = tools.failure_of(turn)
    if why is not None:
        name = tools.spoken_name(turn)
        flag = FlagKind.IDENTITY_UNCLEAR if _IDENTIFIES.search(name) else None
        signs.append(Sign(turn, MarkerKind.TOOL_FAILURE, f"Failed: {name}", why, flag))
    told = " ".join(value for _, value in tools.scalars(turn.output))
    if isinstance(turn.output, str):
        told = turn.output
    words = frozenset(WORD.findall(told[:READ_CHARS].lower()))
    found = (_tried(rule, turn, told[:READ_CHARS], words) for rule in COMPLIANCE)
    return signs + [sign for sign in found if sign is not None]


def _card_signs(turns: Sequence[Turn]) -> list[Sign]:
    """Find the numbers of cards; a caller may say one in several turns."""
    signs: list[Sign] = []
    saying: list[tuple[Turn, Group]] = []
    for turn in turns:
        text = text_of(turn)
        groups = [group for row in rows(text) for group in row] if _DIGITS.search(text) else []
        if turn.role == Turn.Role.USER:
            saying = (
                [*saying, *((turn, group) for group in groups)][-MOST_GROUPS:] if groups else []
            )
            card = card_in([group for _, group in saying])
            if card is None:
                continue
            of_card = saying[slice(*card)]
            saying = []
        else:
            card = card_in(groups)
            if card is None:
                continue
            of_card = [(turn, group) for group in groups[slice(*card)]]
        last = "".join(group.digits for _, group in of_card)[-4:]
        signs += [
            Sign(
                each,
                MarkerKind.COMPLIANCE,
                "Says a card number",
                last,
                FlagKind.PAYMENT_DATA,
                Severity.HIGH,
            )
            for each in dict.fromkeys(turn for turn, _ in of_card)
        ]
    return signs


def _other_voices(turns: Sequence[Turn]) -> list[Sign]:
    """Find where somebody else in the room begins to speak as the caller."""
    first = {turn.speaker: turn for turn in reversed(turns) if turn.role == Turn.Role.USER}
    voices = sorted(
        (turn for speaker, turn in first.items() if speaker),
        key=lambda turn: (turn.started_at, turn.position),
    )
    return [
        Sign(
            turn,
            MarkerKind.IDENTITY,
            "Another participant speaks",
            "",
            FlagKind.IDENTITY_UNCLEAR,
            Severity.LOW,
        )
        for turn in voices[1:]
    ]


# What the agent asked for, and what an answer to it looks like.
_ASKED = (
    ("Gives date of birth", r"\b(?:date of birth|born|birthday)\b", rf"\d|\b{MONTH}\b"),
    (
        "Gives a number",
        rf"\b{THING}\b\W+(?:number|id|code|reference)|\breference\b",
        rf"(?:\b|(?<=[a-z])){RUN}",
    ),
    ("Gives phone number", r"\b(?:phone|mobile|call(?:back)?) number\b", rf"\b{RUN}"),
    (
        "Gives address",
        r"\b(?:address|postcode|zip code)\b(?<!mail address)",
        r"\d|\b(?:street|lane|road|avenue)\b",
    ),
    (
        "Gives name",
        r"\b(?:your|the|full|last|which|what|ihr) name\b|\bwho am i (?:speaking|talking)\b",
        r"(?-i:^\W*(?:(?:[Ii]t's|[Ss]ure|[Yy]es|[Oo]f course"
        r"|[Oo]kay)\W+)*[A-Z][\w'-]+\W+[A-Z][\w'-]+\W*(?:$|[,.]))",
    ),
)
_ANSWERS = tuple(
    (label, re.compile(asked, re.IGNORECASE), re.compile(answer, re.IGNORECASE))
    for label, asked, answer in _ASKED
)
_RECORDED = re.compile(
    r"\brecord(?:ed|ing)?\b[^.?!]*\?|\brecord(?:ed|ing)?\b.{0,60}\b(?:okay|ok|alright|agree"
    r"|fine)\b.*\?",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"^\W*no\b(?!\W+problem)", re.IGNORECASE)


def _answer_signs(turn: Turn, text: str, asked: str) -> list[Sign]:
    if _RECORDED.search(asked) and _REFUSED.search(text):
        return [
            Sign(
                turn,
                MarkerKind.COMPLIANCE,
                "Refuses the recording",
                text,
                FlagKind.CONSENT_REFUSED,
                Severity.HIGH,
            )
        ]
    for label, question, answer in _ANSWERS:
        if question.search(asked) and answer.search(text):
            return [Sign(turn, MarkerKind.IDENTITY, label, text)]
    return []


@dataclass(frozen=True)
class Promise:
    label: str
    sentence: str


SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
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
    if not _WILL.search(text):
        return None
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
