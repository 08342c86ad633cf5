"""Which turns deserve a look, and why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from agent_assist.brief import tools
from agent_assist.brief.cards import Group, card_in, rows
from agent_assist.brief.commitments import PROMISING, promise_in
from agent_assist.brief.quoting import READ_CHARS, cut
from agent_assist.brief.rules import DESK, MONTH, RULES, RUN, THING
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

WORD = re.compile(r"[\w']+|@")
PLACES_BY_WORD = {
    word: [place for place, rule in enumerate(RULES) if word in rule.words]
    for word in set().union(*(rule.words for rule in RULES))
}
CARD_NUMBER = "Says a card number"


def text_of(turn: Turn) -> str:
    """What was said, with plain apostrophes; the same length as it was."""
    return (turn.text or "")[:READ_CHARS].replace("\u2019", "'")


def words_of(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower()))


def signs_of(turns: Sequence[Turn]) -> list[Sign]:
    """Return what the rules find, in the turns' order."""
    signs: list[Sign] = []
    asked = ""
    for turn in turns:
        if turn.role == Turn.Role.TOOL:
            signs += _tool_signs(turn)
            continue
        text = text_of(turn)
        words = words_of(text)
        found = _tried(turn, text, words)
        signs += found
        if turn.role in DESK:
            promised = None if PROMISING.isdisjoint(words) else promise_in(text)
            if promised is not None:
                signs.append(Sign(turn, MarkerKind.COMMITMENT, promised.label, promised.sentence))
            asked = text if "?" in text or "please" in words or _OFFERED.search(text) else ""
        elif turn.role == Turn.Role.USER:
            if asked:
                known = {sign.kind for sign in found}
                answers = _answer_signs(turn, text, asked)
                signs += [sign for sign in answers if sign.kind not in known]
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


def _tried(turn: Turn, text: str, words: frozenset[str]) -> list[Sign]:
    """Try the rules of which a word occurs, in their order."""
    having = words & PLACES_BY_WORD.keys()
    places = sorted({place for word in having for place in PLACES_BY_WORD[word]})
    signs = []
    for rule in (RULES[place] for place in places if turn.role in RULES[place].roles):
        matches = rule.pattern.finditer(text)
        match = next((each for each in matches if rule.says_no or not _denied(text, each)), None)
        if match is not None:
            found = match.group().strip(" .,!?")
            signs.append(
                Sign(turn, rule.kind, rule.label, found, rule.flag, rule.severity, rule.level)
            )
    return signs


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
    output = tools.parsed(turn.output)
    told = [output] if isinstance(output, str) else [value for _, value in tools.scalars(output)]
    for text in told:
        found = _tried(turn, text[:READ_CHARS], words_of(text[:READ_CHARS]))
        signs += [replace(sign, words=cut(text)) for sign in found]
    return signs


MOST_GROUPS = 40  # of digits, of which a card's number is looked for
_DIGITS = re.compile(
    r"\d{4}|\b(one|two|three|four|five|six|uno|dos|tres|eins|zwei|drei)[ ,.-]+(?:\1|oh|zero|one"
    r"|two|three|four|five|six|seven|eight|nine|double|triple|cero|uno|dos|tres|null|eins|zwei"
    r"|drei)\b",
    re.IGNORECASE,
)


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
                CARD_NUMBER,
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
            flag=FlagKind.IDENTITY_UNCLEAR,
            severity=Severity.LOW,
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
_OFFERED = re.compile(
    r"\b(?:connect|transfer|pass|put|hand) you\b(?: (?:on|over|through))*(?: (?:to|with)\b|\W*\?)",
    re.IGNORECASE,
)
_AGREED = re.compile(
    r"^\W*(?:yes|yeah|yep|please|sure|ok|okay|all right|go ahead|do that|that would be)\b",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"^\W*no\b(?!\W+problem)", re.IGNORECASE)


def _answer_signs(turn: Turn, text: str, asked: str) -> list[Sign]:
    """Read an answer with its question; alone, neither tells enough."""
    if _RECORDED.search(asked) and _REFUSED.search(text):
        refused = FlagKind.CONSENT_REFUSED
        label = "Refuses the recording"
        return [Sign(turn, MarkerKind.COMPLIANCE, label, text, refused, Severity.HIGH)]
    if _OFFERED.search(asked) and _AGREED.search(text):
        return [Sign(turn, MarkerKind.REQUEST, "Agrees to be put through", text)]
    for label, question, answer in _ANSWERS:
        if question.search(asked) and answer.search(text):
            return [Sign(turn, MarkerKind.IDENTITY, label, text)]
    return []
