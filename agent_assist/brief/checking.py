"""Does the transcript bear out a claim? Rules, no model; in doubt the answer is no.

What the turns said is cut into clauses, and a claim is held against those: what it names exactly
(numbers, dates, names …) must be said; most of its words must be; and what it says was done,
denied, asked or promised must have been, by whom it says. Each rule is a function that returns
None, or a sentence for a person: the first sentence is why a claim is withheld.
"""

import re
from collections.abc import Sequence
from datetime import date

from agent_assist.brief.assertion import NAMING, PRONOUNS, Assertion
from agent_assist.brief.patterns import Found, Kind
from agent_assist.brief.testimony import (
    SENTENCE,
    TOKEN,
    Clause,
    Testimony,
    Word,
    readings_of,
    tokens_of,
    words_of,
)
from agent_assist.brief.words import (
    ACCEPTING,
    AFTER_REASON,
    IMPLIED,
    LABELS,
    MODAL,
    NAMELESS,
    NAMING_WORDS,
    OTHERS_BEFORE,
    PAST,
    SPEECH,
    STOP,
    TELLING,
    WISHING,
    YES,
    concept,
    expanded,
)
from conversations.models import Turn

# Of a claim's words must be in the turns that it cites; fewer if exact facts are, too, and no deed
# or denial is missing.
ENOUGH, ENOUGH_WITH_FACTS = 0.7, 0.6


def check(text: str, cited: Sequence[Turn], *, on: date) -> str | None:
    """Return None if the turns bear out the claim, else a sentence on what they lack.

    `text` is a sentence ("The agent promised a refund.") or a label with its value ("Order number:
    4471"). `on` is the day of the call, from which "tomorrow" counts.
    """
    if not cited:
        return "It cites no turn."
    claim = Assertion(text, on)
    said = Testimony(sorted(cited, key=lambda turn: (turn.started_at, turn.position)), on)
    for rule in RULES:
        fault = rule(claim, said)
        if fault:
            return fault
    return None


def check_advice(text: str, cited: Sequence[Turn], *, on: date) -> str | None:
    """As `check`, of what had better be done: nobody has to have said it, but what it names."""
    if not cited:
        return "It cites no turn."
    verb_first = not ADVISED.match(text)
    advice = Assertion(text[:1].lower() + text[1:] if verb_first else text, on)
    said = Testimony(sorted(cited, key=lambda turn: (turn.started_at, turn.position)), on)
    return facts_are_said(advice, said) or names_are_said(advice, said)


# "Anna should be called": advice that begins with a name, not with a verb.
ADVISED = re.compile(r"\w+\s+(?:should|must|needs?|has|have|is|was|will|can|may|wants?)\b", re.I)


# ── The rules, in the order in which they are tried ───────────────────────────────────────────

KINDS = {
    Kind.NUMBER: "number", Kind.DATE: "date", Kind.TIME: "time", Kind.AMOUNT: "amount",
    Kind.EMAIL: "e-mail address", Kind.PHONE: "phone number", Kind.NAME: "name",
    Kind.REFERENCE: "number",
}  # fmt: skip


def facts_are_said(claim: Assertion, said: Testimony) -> str | None:
    """Every number, date, time, amount and address stands in the turns, and was not corrected."""
    speaks = claim.verbs & (WISHING | TELLING)
    for each in claim.found:
        saying_so = [
            saying for saying in said.sayings if readings_of(saying.found) & set(each.readings)
        ]
        if not saying_so:
            return f"The turns that it cites say no such {KINDS[each.kind]}: {each.text}."
        if all(map(said.is_withdrawn, saying_so)):
            return f"The turns that it cites take it back: {each.text}."
        if not speaks and all(saying.asked for saying in saying_so):
            return f"The turns that it cites only ask for it: {each.text}."
    return None


def names_are_said(claim: Assertion, said: Testimony) -> str | None:
    """Every name stands in the turns, spelled as it was spelled."""
    names = said.names()
    for name, begins in claim.capitals():
        if begins and concept(name.lower()) in said.ordinary:
            continue
        parts = [part.casefold() for part in re.split(r"[-\s]", name)]
        if any(part in NAMELESS for part in parts):
            return f"That is no name: {name}."
        if not all(part in names for part in parts) and name.casefold() not in names:
            return f"The turns that it cites say no such name: {name}."
    return None


COUNTED = re.compile(r"^\s*(?:of\s+)?(?P<noun>[^\W\d_]{3,})")
HEADING = re.compile(r"\b(from|to)\s+(?:the\s+)?([A-ZÀ-Þ][^\W\d_]+)")


def numbers_count_the_same(claim: Assertion, said: Testimony) -> str | None:
    """What a number counts in the claim has that number in the turns, if it has one there."""
    for each in claim.found:
        if each.kind is not Kind.NUMBER or not (noun := noun_after(claim.text, each)):
            continue
        counts = [
            saying.found
            for saying in said.sayings
            if saying.found.kind is Kind.NUMBER
            and noun_after(saying.text, saying.found)
            in ((noun, None) if set(saying.found.readings) & set(each.readings) else (noun,))
        ]
        if counts and not any(set(count.readings) & set(each.readings) for count in counts):
            return f"The turns that it cites count otherwise: {each.text}."
    return None


def noun_after(text: str, found: Found) -> str | None:
    match = COUNTED.match(text[found.end :])
    return concept(match["noun"].lower()) if match and match["noun"].lower() not in STOP else None


def ways_are_the_same(claim: Assertion, said: Testimony) -> str | None:
    """Who goes "from Rome to Bonn" in the claim does so in the turns."""
    ways = {match.groups() for text in said.texts for match in HEADING.finditer(text)}
    directions = {direction for direction, _ in ways}
    for match in HEADING.finditer(claim.text):
        if match[1] in directions and match.groups() not in ways:
            return f"The turns that it cites say another way: {match[0]}."
    return None


def who_said_it(claim: Assertion, said: Testimony) -> str | None:
    """What the caller or the agent is said to have said or done comes from their turns."""
    if claim.who is None:
        return None
    speaks = bool(claim.verbs & SPEECH) or claim.who == "agent"
    if not speaks:
        return None
    own = [
        clause
        for clause in (*said.clauses, *said.ordered)
        if clause.who == claim.who or clause.answered
    ]
    if not own:
        return f"The turns that it cites are not the {claim.who}'s."
    words = claim.words
    theirs = {word for clause in own for word in clause.concepts}
    named = {
        reading
        for saying in said.sayings
        if saying.turn in {clause.turn for clause in own}
        for reading in readings_of(saying.found)
    }
    covered = sum(word.concept in theirs for word in words)
    covered += sum(bool(named & set(each.readings)) for each in claim.found)
    if covered * 2 < len(words) + len(claim.found):
        return f"It was not the {claim.who} who said so."
    return None


def words_are_said(claim: Assertion, said: Testimony) -> str | None:
    """Most of its words stand in the turns; a reason ("because …") with all of its words."""
    clauses = list(said.clauses)
    if claim.verbs & TELLING or claim.verbs & WISHING:
        clauses += said.ordered
    if not claim.verbs & (WISHING | TELLING) and not claim.label:
        clauses = [clause for clause in clauses if not clause.asked]
    there = {word for clause in clauses for word in clause.concepts}
    names = claim.names()
    for kind in {each.kind for each in claim.found} | ({Kind.NAME} if names else set()):
        there |= {concept(word) for word in IMPLIED[kind]}
    words = claim.words
    if words and claim.topic == words[0].written and any(map(is_pronominal, clauses)):
        words = words[1:]
    missing = [word.written for word in words if word.concept not in there]
    reason = AFTER_REASON.search(claim.text)
    if reason and any(word.concept not in there for word in words_of(reason[1])):
        return "The turns that it cites give no such reason."
    naming = NAMING.match(claim.text)
    if (claim.found or names) and claim.label:
        return None if len(missing) <= LABELS else not_said(missing)
    if (claim.found or names) and naming and not words_of_rest(naming["value"], claim):
        missing = [word for word in missing if concept(word) not in NAMING_WORDS]
    if not words and not claim.found and not names:
        return "It says nothing that could be held against the turns."
    exact = len(claim.found) + len(names)
    covered = len(words) - len(missing) + exact
    acts = any(is_past(word) for word in missing) or any(word.negated for word in words)
    enough = ENOUGH if acts or not claim.found else ENOUGH_WITH_FACTS
    return None if covered >= enough * (len(words) + exact) else not_said(missing)


def is_past(word: str) -> bool:
    return word in PAST or word.endswith("ed")


def is_pronominal(clause: Clause) -> bool:
    """Tell whether a clause may speak of something that it does not name: "it is not ready"."""
    tokens = {match[0].lower() for match in TOKEN.finditer(clause.text)}
    return bool(tokens & PRONOUNS)


def words_of_rest(value: str, claim: Assertion) -> list[Word]:
    facts = {token.lower() for each in claim.found for token in TOKEN.findall(expanded(each.text))}
    return [
        word
        for word in words_of(value)
        if word.written not in facts and not word.written[0].isupper()
    ]


def not_said(missing: Sequence[str]) -> str:
    return f"The turns that it cites do not speak of: {', '.join(dict.fromkeys(missing))}."


def nothing_is_reversed(claim: Assertion, said: Testimony) -> str | None:
    """What the claim affirms is not denied where it was last said, and the other way round."""
    counted = set(claim.words)
    for clause in claim.clauses:
        denied = [word for word in clause.words if word.negated]
        if denied and not any(denies(said, word, True) for word in denied):
            return f"The turns that it cites do not deny it: {denied[0].written}."
        for word in clause.words:
            if not denied and word in counted and not denies(said, word, False):
                return f"The turns that it cites say the opposite: {word.written}."
    return None


def denies(said: Testimony, word: Word, negated: bool) -> bool:
    """Tell whether the last turn with this word has it so, negated or not."""
    having = [
        (clause.turn, each.negated)
        for clause in said.clauses
        if not clause.asked
        for each in clause.words
        if each.concept == word.concept
    ]
    if not having:
        return not negated
    last = max(turn for turn, _ in having)
    return any(is_negated == negated for turn, is_negated in having if turn == last)


def what_is_done_was_done(claim: Assertion, said: Testimony) -> str | None:
    """What the claim has as done is more than wanted, offered, expected or asked for."""
    tokens = {match[0].lower() for match in TOKEN.finditer(expanded(claim.text))}
    if tokens & MODAL or claim.verbs & WISHING:
        return None
    for word in claim.words:
        if not is_past(word.written):
            continue
        having = [clause for clause in said.clauses if word.concept in clause.concepts]
        last = [clause for clause in having if clause.turn == having[-1].turn]
        if having and all(clause.possible or clause.asked for clause in last):
            return f"The turns that it cites do not say that it was done: {word.written}."
    return None


def what_will_be_is_promised(claim: Assertion, said: Testimony) -> str | None:
    """What the claim has as promised or coming is said to come."""
    tokens = {match[0].lower() for match in TOKEN.finditer(expanded(claim.text))}
    if not tokens & {"will", "promised", "promises"} or claim.verbs & WISHING:
        return None
    if any(clause.possible and not clause.asked for clause in said.clauses):
        return None
    return "The turns that it cites do not say that it will be so."


def agreement_is_said(claim: Assertion, said: Testimony) -> str | None:
    """Who accepted something said yes to it, in words."""
    if not claim.verbs & ACCEPTING or any(
        word.negated for clause in claim.clauses for word in clause.words
    ):
        return None
    own = [text for text, clause in said_by(said, claim.who)]
    return (
        None
        if any(YES.search(text) for text in own)
        else "Nobody agrees in the turns that it cites."
    )


def said_by(said: Testimony, who: str | None) -> list[tuple[str, Clause]]:
    return [
        (said.texts[clause.turn], clause) for clause in said.clauses if who in (None, clause.who)
    ]


def nobody_else_did_it(claim: Assertion, said: Testimony) -> str | None:
    """What "somebody" or "you" did was not done by who says so."""
    if claim.who is None or claim.verbs & TELLING:
        return None
    others = OTHERS_BEFORE[claim.who]
    for word in claim.words[:1]:
        if not is_past(word.written):
            continue
        doers = []
        for clause in said.clauses:
            tokens = [match[0].lower() for match in TOKEN.finditer(clause.text)]
            for index, token in enumerate(tokens):
                if concept(token) == word.concept:
                    before = [each for each in tokens[:index] if each in others["all"]]
                    doers.append((clause.who, before[-1] if before else None))
        if doers and all(doer in others[who] for who, doer in doers):
            return f"Somebody else did it in the turns that it cites: {word.written}."
    return None


def facts_stand_where_they_belong(claim: Assertion, said: Testimony) -> str | None:
    """A fact is not taken from another sentence, when the one on the matter has its own."""
    words = {word.concept for word in claim.words}
    for each in claim.found:
        alike = [
            (
                saying,
                len(words & {word.concept for word in words_of(saying.sentence)}),
            )
            for saying in said.sayings
            if saying.found.kind is each.kind and not said.is_withdrawn(saying)
        ]
        own = [near for saying, near in alike if readings_of(saying.found) & set(each.readings)]
        others = [(near, saying) for saying, near in alike if near]
        if own and max(own) == 0 and others:
            other = max(others, key=lambda pair: pair[0])[1].found.text
            return f"The turns that it cites say that of {other}, not of {each.text}."
    return None


def it_is_said_of_its_subject(claim: Assertion, said: Testimony) -> str | None:
    """What is said of "the coat" stands where the coat does, or where "it" may mean the coat."""
    if claim.topic is None or not (rest := {word.concept for word in claim.words[1:]}):
        return None
    topic, named = concept(claim.topic), False
    for text, is_tool in zip(said.texts, said.of_tools, strict=True):
        for sentence in [text] if is_tool else SENTENCE.findall(text):
            concepts = {word.concept for word in words_of(sentence)}
            named = named or topic in concepts
            meant = is_tool or topic in concepts or (named and PRONOUNS & set(tokens_of(sentence)))
            if meant and (rest & concepts or claim.found or claim.names()):
                return None
    return f"The turns that it cites say that of something else: {claim.topic}." if named else None


RULES = (
    facts_are_said,
    names_are_said,
    numbers_count_the_same,
    facts_stand_where_they_belong,
    ways_are_the_same,
    words_are_said,
    who_said_it,
    nothing_is_reversed,
    it_is_said_of_its_subject,
    what_is_done_was_done,
    what_will_be_is_promised,
    agreement_is_said,
    nobody_else_did_it,
)
