"""What a claim claims: what it names exactly, its words, and who is to have said or done it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from agent_assist.brief.patterns import Found, Kind, find
from agent_assist.brief.testimony import TOKEN, Clause, Word, clauses_of
from agent_assist.brief.words import (
    ACCEPTING,
    SPEECH,
    STOP,
    SUBJECTS,
    expanded,
    is_known,
)

LABEL = re.compile(r"^(?P<label>[^:.]{2,40}):\s+(?P<value>\S.*)$", re.S)
NAMING = re.compile(
    r"^(?:the\s+|a\s+)?(?P<label>(?:[\w']+\s+){1,5})(?:is|was|are|ends\s+in)\s+(?P<value>[^,;]+?)\.?$",
    re.I,
)
PROPER = re.compile(r"[^\W\d_][\w'-]*")
TOPIC = re.compile(r"^(?:the|an?|their|his|her)\s+(?P<noun>[^\W\d_]+)\b", re.I)
PRONOUNS = frozenset(("it", "she", "he", "they", "we", "that"))


@dataclass
class Assertion:
    text: str
    on: date
    found: list[Found] = field(init=False)
    label: str = field(init=False, default="")
    clauses: list[Clause] = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.text.strip()
        self.found = [each for each in find(self.text, on=self.on) if each.kind is not Kind.NAME]
        match = LABEL.match(self.text)
        if match:
            self.label = match["label"]
        self.clauses = list(clauses_of(match["value"] if match else self.text, "", 0))

    @property
    def words(self) -> list[Word]:
        """Return its words without those that its facts are made of, or that say who says it."""
        facts = {
            token[0].lower() for each in self.found for token in TOKEN.finditer(expanded(each.text))
        }
        facts |= {part.lower() for name in self.names() for part in TOKEN.findall(name)}
        return [
            word
            for clause in self.clauses
            for word in clause.words
            if word.written not in facts and word.concept not in SPEECH | ACCEPTING
        ]

    @property
    def verbs(self) -> set[str]:
        return {word.concept for clause in self.clauses for word in clause.words}

    @property
    def who(self) -> str | None:
        """Return whom its subject names: "caller", "agent" or nobody of the two."""
        match = SUBJECTS.match(self.text)
        return None if match is None or self.label else "caller" if match["caller"] else "agent"

    @property
    def topic(self) -> str | None:
        """Return the noun it begins with: "the dog"."""
        match = TOPIC.match(self.text)
        return match["noun"].lower() if match else None

    def capitals(self) -> Iterator[tuple[str, bool]]:
        """Yield words with a capital, and whether a sentence or value that begins explains it."""
        facts = [range(each.start, each.end) for each in self.found]
        for match in PROPER.finditer(self.text, len(self.label)):
            word, before = match[0], self.text[: match.start()].rstrip()
            if not word[0].isupper() or any(match.start() in fact for fact in facts):
                continue
            begins = not before or before[-1] in ".?!:"
            if not begins or not (is_known(word) or word.lower() in STOP):
                yield word.removesuffix("'s"), begins

    def names(self) -> list[str]:
        return [word for word, _ in self.capitals()]
