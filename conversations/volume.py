"""Conversations by the million, as a busy organization has them after two years; for measuring."""

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import models

from conversations.models import (
    ACTIVE,
    Channel,
    Conversation,
    Direction,
    Status,
    StatusChange,
    Turn,
)

T = TypeVar("T")
Table = type[models.Model]
Row = tuple[object, ...]

CONVERSATION_COLUMNS = (
    *("id", "organization_id", "direction", "channel", "status", "user_id", "agent_id"),
    *("agent_number", "web_widget_id", "duration", "user_turn_count", "created_at", "updated_at"),
    *("answered_at", "ended_at", "end_reason", "caller_name", "summary", "custom_metadata"),
)
TURN_COLUMNS = (
    *("id", "conversation_id", "position", "role", "text", "started_at", "ended_at", "final"),
    *("interrupted", "speaker", "segment_id", "name", "is_error", "latency"),
)
CHANGE_COLUMNS = ("conversation_id", "status", "at", "source")
COLUMNS: dict[Table, tuple[str, ...]] = {
    Conversation: CONVERSATION_COLUMNS,
    Turn: TURN_COLUMNS,
    StatusChange: CHANGE_COLUMNS,
}

YEARS = timedelta(days=730)
LIVE = 12
OUTCOMES = {
    Status.COMPLETED: 780,
    Status.UNANSWERED: 80,
    Status.CANCELLED: 60,
    Status.TRANSFERRED: 40,
    Status.FAILED: 30,
    Status.TOKEN_CREATED: 10,
}
TALKED = (Status.COMPLETED, Status.TRANSFERRED)
SHARE_TALKED = sum(OUTCOMES[status] for status in TALKED) / sum(OUTCOMES.values())
REASONS = {
    Status.COMPLETED: "The caller hung up.",
    Status.UNANSWERED: "Nobody answered.",
    Status.CANCELLED: "The caller hung up before the call was answered.",
    Status.TRANSFERRED: "A human took the call over.",
    Status.FAILED: "The telephone trunk failed.",
}
CHANNELS = {Channel.TELEPHONE: 60, Channel.WEBRTC: 38, Channel.TEXT: 2}
CAMPAIGNS = {
    None: 400,
    "renewals": 250,
    "welcome": 150,
    "spring-sale": 100,
    "win-back": 60,
    "survey": 35,
    "beta": 5,
}
NAMES = ("Mara Lindqvist", "Jonas Okafor", "Priya Raman", "Tom Becker", "Noor Haddad")
SUMMARIES = (
    "Asked where an order is. The agent found it and gave the day of delivery.",
    "Wanted to change an appointment; moved to Thursday at ten.",
    "Complained about a bill that had been paid twice. A refund was begun.",
    "Asked for opening hours and the way to the shop.",
)
SAID = {
    Turn.Role.AGENT: (
        "Thank you for calling. How can I help you today?",
        "Let me look that up for you, one moment please.",
        "I have found it. It left our warehouse yesterday and should arrive on Friday.",
        "Is there anything else that I can do for you?",
    ),
    Turn.Role.USER: (
        "Hello, I am calling about my order.",
        "The number is four four one seven, I think.",
        "Yes, that is right.",
        "No, that was all. Thank you very much, goodbye.",
    ),
}
# What is there once, or not at all: looking for it is what gets slow first.
RARE_CALLER = "+19995550123"
RARE_CAMPAIGN = "reunion"


@dataclass(frozen=True)
class Party:
    """An organization and its agents, the busiest first; half of them have left after a year,
    and the last never had a call."""

    organization_id: UUID
    agents: list[UUID]

    def row_id(self, number: int) -> UUID:
        """Return an id like a random one, but in order: indexes fill quickly and come out small."""
        return UUID(int=self.organization_id.int >> 64 << 64 | 1 << 63 | number)


@dataclass(frozen=True)
class Volume:
    """`conversations` of `ours` with about `turns_each`, in the two years before `now`, among a
    quarter as many of a `neighbour`'s, which have no turns. The same for the same `seed`."""

    ours: Party
    neighbour: Party
    conversations: int
    turns_each: int
    now: datetime
    seed: int = 4471

    @property
    def total(self) -> int:
        return self.conversations + self.conversations // 4

    def rows(self, numbers: range) -> dict[Table, list[Row]]:
        """Return the rows of the conversations of these `numbers`, of 0 up to `total`, by table."""
        rows: dict[Table, list[Row]] = {table: [] for table in COLUMNS}
        for number in numbers:
            past = _Past(self, number)
            rows[Conversation].append(past.row())
            rows[Turn] += past.turns()
            rows[StatusChange] += past.changes()
        return rows


class _Past:
    """One conversation of a volume."""

    def __init__(self, volume: Volume, number: int) -> None:
        self.volume = volume
        self.chance = chance = random.Random(volume.seed * 2**32 + number)  # noqa: S311 - no secret
        self.is_ours = number % 5 != 4
        self.party = volume.ours if self.is_ours else volume.neighbour
        # A conversation's own id, and before the next conversation's those of its turns.
        self.number = number << 16
        self.id = self.party.row_id(self.number)
        self.is_rare = number == volume.total // 2 // 5 * 5
        step = YEARS / volume.total
        self.began = volume.now - YEARS + step * (number + chance.random())
        self.is_live = number >= volume.total - LIVE
        self.status: str = _pick(chance, OUTCOMES)
        if self.is_live:
            self.status = ACTIVE[number % len(ACTIVE)]
        self.channel = _pick(chance, CHANNELS)
        if self.status == Status.TOKEN_CREATED:
            self.channel = Channel.WEBRTC
        self.talked = self.status in TALKED
        self.answered = self.began + timedelta(seconds=chance.uniform(2, 9))
        self.duration = min(7200, round(chance.lognormvariate(5, 0.8))) if self.talked else None
        most = math.ceil(2 * volume.turns_each / SHARE_TALKED)
        self.turn_count = chance.randint(1, max(1, most)) if self.talked and self.is_ours else 0

    @property
    def ended(self) -> datetime | None:
        if self.is_live or self.status == Status.TOKEN_CREATED:
            return None
        if self.duration is None:
            return self.began + timedelta(seconds=25)
        return self.answered + timedelta(seconds=self.duration)

    def row(self) -> Row:
        chance = self.chance
        by_phone = self.channel == Channel.TELEPHONE
        is_outbound = by_phone and chance.random() < 0.25
        answered = self.talked or self.status == Status.IN_PROGRESS
        return (
            self.id,
            self.party.organization_id,
            Direction.OUTBOUND if is_outbound else Direction.INBOUND,
            self.channel,
            self.status,
            self._caller(by_phone),
            self._agent(),
            f"+1555200{chance.randrange(40):04}" if by_phone else None,
            None if by_phone else f"widget-{chance.randrange(6)}",
            self.duration,
            self.turn_count // 2 if self.talked else None,
            self.began,
            self.ended or self.began,
            self.answered if answered else None,
            self.ended,
            REASONS.get(Status(self.status)),
            chance.choice(NAMES) if self.talked and chance.random() < 0.8 else None,
            chance.choice(SUMMARIES) if self.talked else None,
            json.dumps(self._metadata()),
        )

    def _caller(self, by_phone: bool) -> str:
        if self.is_rare:
            return RARE_CALLER
        if by_phone:  # most call more than once
            return f"+1{2_025_550_000 + self.chance.randrange(self.volume.total // 3 + 1) * 17}"
        return f"guest_{self.chance.randrange(16**8):08x}"

    def _agent(self) -> UUID | None:
        if self.chance.random() < 0.02:
            return None
        agents = self.party.agents[:-1]
        present = agents if self.began < self.volume.now - YEARS / 2 else agents[::2]
        # The first of them is as busy as all others, and so on.
        return present[min(int(self.chance.expovariate(0.69)), len(present) - 1)]

    def _metadata(self) -> dict[str, str]:
        campaign = RARE_CAMPAIGN if self.is_rare else _pick(self.chance, CAMPAIGNS)
        order = {"order": f"A-{self.chance.randrange(10**7):07}"}
        return order | {"anyreach_campaign": campaign} if campaign else order

    def turns(self) -> Iterator[Row]:
        step = timedelta(seconds=(self.duration or 0) / (self.turn_count + 1))
        for position in range(self.turn_count):
            role = Turn.Role.USER if position % 2 else Turn.Role.AGENT
            at = self.answered + step * position
            ttft = self.chance.randrange(180, 900)
            yield (
                self.party.row_id(self.number + position),
                self.id,
                position,
                role,
                self.chance.choice(SAID[role]),
                at,
                at + step * 0.8,
                True,
                False,
                "caller" if position % 2 else "agent",
                f"SG_{position:012x}",
                "",
                False,
                None
                if position % 2
                else f'{{"llm_ttft_ms": {ttft}, "end_to_end_ms": {ttft + 420}}}',
            )

    def changes(self) -> Iterator[Row]:
        source = StatusChange.Source.WEBHOOK
        yield self.id, Status.TRIGGERED, self.began, source
        if self.talked or self.status == Status.IN_PROGRESS:
            yield self.id, Status.IN_PROGRESS, self.answered, source
        if self.ended:
            yield self.id, self.status, self.ended, source


def _pick(chance: random.Random, weights: Mapping[T, int]) -> T:
    return chance.choices([*weights], [*weights.values()])[0]
