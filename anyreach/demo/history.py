"""About two hundred conversations of the last three weeks, told by the demo's scripts."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from anyreach.demo.scripts import SCRIPTS, Script, Tool, User
from anyreach.organizations.models import Organization
from conversations.models import (
    TERMINAL,
    Agent,
    Channel,
    Conversation,
    Direction,
    PhoneNumber,
    Status,
    StatusChange,
    Turn,
)
from conversations.transcript import Line, user_turn_count
from conversations.turns import line_of

COUNT = 200
DAYS = 21
NAMES = (
    *("Mara Lindqvist", "Jonas Okafor", "Priya Raman", "Tom Becker", "Aiko Tanaka"),
    *("Luis Ferreira", "Noor Haddad", "Greta Sommer", "Sam Whitfield", "Elena Petrova"),
)
# How calls end, and how often: most are simply talked to their end.
OUTCOMES = {
    Status.COMPLETED: ("The caller hung up.", 70),
    Status.TRANSFERRED: ("A human took the call over.", 9),
    Status.UNANSWERED: ("Nobody answered.", 8),
    Status.CANCELLED: ("The caller hung up before the call was answered.", 7),
    Status.FAILED: ("The telephone trunk failed.", 4),
    Status.TOKEN_CREATED: (None, 2),
}
CHANNELS = {Channel.TELEPHONE: 55, Channel.WEBRTC: 33, Channel.EMAIL: 6, Channel.TEXT: 6}
TALKED = (Status.COMPLETED, Status.TRANSFERRED)


def write(organization: Organization, agents: Sequence[Agent]) -> None:
    """Write the past, once; the same each time but for its dates. `agents` go with SCRIPTS."""
    if Conversation.objects.filter(organization=organization).exists():
        return
    chance = random.Random(4471)  # noqa: S311 - nothing secret
    now = timezone.now()
    numbers = dict(PhoneNumber.objects.values_list("agent_id", "number"))
    conversations: list[Conversation] = []
    turns: list[Turn] = []
    changes: list[StatusChange] = []
    for index in range(COUNT):
        which = chance.randrange(len(SCRIPTS))
        # The first of each kind are certain, the others by chance.
        status = (
            [*OUTCOMES][index]
            if index < len(OUTCOMES)
            else pick(chance, {status: weight for status, (_, weight) in OUTCOMES.items()})
        )
        channel = [*CHANNELS][index] if index < len(CHANNELS) else pick(chance, CHANNELS)
        if status not in (Status.COMPLETED, Status.TOKEN_CREATED):
            channel = Channel.TELEPHONE
        if status == Status.TOKEN_CREATED:
            channel = Channel.WEBRTC
        # Most calls come in by day.
        began = now - timedelta(days=chance.random() * DAYS, minutes=20)
        began = began.replace(hour=min(23, max(0, round(chance.gauss(13, 3)))))
        if began > now - timedelta(minutes=20):
            began -= timedelta(days=1)
        past = Past(chance, SCRIPTS[which], agents[which], channel, status, began)
        conversation = past.conversation(organization, numbers.get(agents[which].pk))
        said = past.turns(conversation)
        lines: list[Line] = [line_of(turn) for turn in said]
        conversation.user_turn_count = user_turn_count(lines) if said else None
        conversations.append(conversation)
        turns += said
        changes += past.changes(conversation)
    Conversation.objects.bulk_create(conversations)
    Turn.objects.bulk_create(turns, batch_size=1000)
    StatusChange.objects.bulk_create(changes)


def pick(chance: random.Random, weights: Mapping[Any, int]) -> str:
    return str(chance.choices([*weights], [*weights.values()])[0])


class Past:
    """One conversation that is over, or (token created) that never began."""

    def __init__(
        self,
        chance: random.Random,
        script: Script,
        agent: Agent,
        channel: str,
        status: str,
        began: datetime,
    ) -> None:
        self.chance, self.script, self.agent = chance, script, agent
        self.channel, self.status, self.began = channel, status, began
        self.talked = status in TALKED
        self.answered = began + timedelta(seconds=chance.uniform(2, 9))
        self.duration = round(chance.uniform(40, 420)) if self.talked else None

    @property
    def ended(self) -> datetime | None:
        if self.status not in TERMINAL:
            return None
        if self.duration is None:
            return self.began + timedelta(seconds=25)
        return self.answered + timedelta(seconds=self.duration)

    def conversation(self, organization: Organization, number: str | None) -> Conversation:
        chance = self.chance
        by_phone = self.channel == Channel.TELEPHONE
        guest = f"guest_{chance.randrange(16**8):08x}"
        return Conversation(
            pk=UUID(int=chance.getrandbits(128), version=4),
            organization=organization,
            direction=Direction.OUTBOUND
            if by_phone and chance.random() < 0.2
            else Direction.INBOUND,
            channel=self.channel,
            status=self.status,
            user_id=f"+1555018{chance.randrange(10_000):04}" if by_phone else guest,
            agent=self.agent,
            agent_number=number if by_phone else None,
            duration=self.duration,
            created_at=self.began,
            answered_at=self.answered if self.talked else None,
            ended_at=self.ended,
            end_reason=OUTCOMES[Status(self.status)][0],
            caller_name=chance.choice(NAMES) if self.talked and chance.random() < 0.8 else None,
            summary=self.script.summary if self.talked else None,
            custom_metadata={"anyreach_campaign": self.script.campaign}
            if chance.random() < 0.6
            else {},
        )

    def turns(self, conversation: Conversation) -> list[Turn]:
        if not self.talked:
            return []
        lines = self.script.lines
        step = timedelta(seconds=(self.duration or 0) / (len(lines) + 1))
        return [
            self._turn(conversation, position, part, self.answered + step * position, step)
            for position, part in enumerate(lines)
        ]

    def _turn(
        self, conversation: Conversation, position: int, part: object, at: datetime, step: timedelta
    ) -> Turn:
        turn = Turn(
            pk=UUID(int=self.chance.getrandbits(128), version=4),
            conversation=conversation,
            position=position,
            started_at=at,
            ended_at=at + step * 0.8,
            final=True,
        )
        if isinstance(part, Tool):
            turn.role, turn.call_id, turn.name = Turn.Role.TOOL, f"call_{position}", part.name
            turn.arguments, turn.output, turn.is_error = part.arguments, part.output, part.is_error
        elif isinstance(part, User):
            turn.role, turn.text, turn.speaker = Turn.Role.USER, part.text, conversation.user_id
        else:
            self._agent_turn(turn, part)
        return turn

    def _agent_turn(self, turn: Turn, part: object) -> None:
        words, heard = getattr(part, "text", "").split(), getattr(part, "heard", 1.0)
        ttft = round(getattr(part, "ttft_ms", 0) * self.chance.uniform(0.7, 1.6))
        turn.role, turn.speaker = Turn.Role.AGENT, "agent"
        turn.text = " ".join(words[: max(1, round(len(words) * heard))])
        turn.interrupted = heard < 1
        turn.latency = {"llm_ttft_ms": ttft, "end_to_end_ms": ttft + 420, "tts_ms": 120}

    def changes(self, conversation: Conversation) -> list[StatusChange]:
        steps: list[tuple[str, datetime]] = [(Status.TRIGGERED, self.began)]
        if self.status == Status.TOKEN_CREATED:
            steps = []
        elif self.channel == Channel.TELEPHONE:
            steps.append((Status.RINGING, self.began + timedelta(seconds=1)))
        if self.talked:
            steps.append((Status.IN_PROGRESS, self.answered))
        steps.append((self.status, self.ended or self.began))
        source = StatusChange.Source.WEBHOOK
        return [
            StatusChange(conversation=conversation, status=status, at=at, source=source)
            for status, at in steps
        ]
