"""Finished conversations from elsewhere, many at once."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from rest_framework.exceptions import ValidationError

from anyreach.bodies import read_json
from anyreach.errors import field_errors
from anyreach.organizations.models import Organization
from conversations import lifecycle
from conversations.calls import IdTaken
from conversations.import_serializers import MAX_INTEGER, FinishedConversationIn
from conversations.models import Agent, Conversation, StatusChange, Turn
from conversations.transcript import user_turn_count
from conversations.turns import line_of

LINE_MAX_BYTES = 4 * 1024 * 1024
BATCH_CONVERSATIONS = 100
BATCH_BYTES = LINE_MAX_BYTES
TURNS_AN_INSERT = 2_000
CLOCKS_DIFFER_BY = timedelta(minutes=5)
# A line can be wrong in more places than anybody reads.
ERRORS_A_LINE = 10

TOO_LONG = f"One conversation may have {LINE_MAX_BYTES // 1024 // 1024} MiB."
UNREADABLE = (
    "This is not valid JSON, or holds what cannot be kept: NUL, half a character, a number that "
    "is not finite, more than 100 levels."
)


@dataclass(frozen=True)
class Refused:
    """A line that was not imported. `errors` are {field, message}, as with 422."""

    line: int
    errors: list[dict[str, str]]

    @classmethod
    def because(cls, line: int, at: str, why: str) -> "Refused":
        return cls(line, [{"field": at, "message": why}])

    @property
    def detail(self) -> str:
        return " ".join(f"{each['field']}: {each['message']}" for each in self.errors)


@dataclass
class Imported:
    """What became of a request's lines."""

    imported: int = 0
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class Finished:
    """A line that can be read: a conversation's fields, its turns' fields, and a hash of both."""

    line: int
    size_bytes: int
    fields: dict[str, Any]
    turns: list[dict[str, Any]]
    request_hash: str

    @property
    def id(self) -> UUID:
        pk: UUID = self.fields["id"]
        return pk

    @property
    def turn_ids(self) -> set[UUID]:
        """Those that the line itself gives."""
        return {turn["id"] for turn in self.turns if "id" in turn}


def read(
    line: int, text: bytes, *, form: FinishedConversationIn, now: datetime
) -> Finished | Refused:
    """Read one conversation's JSON. `form` can serve for many lines."""
    if len(text) > LINE_MAX_BYTES:
        return Refused.because(line, "body", TOO_LONG)
    try:
        fields = form.run_validation(read_json(text.decode()))
    except ValidationError as error:
        return Refused(line, list(field_errors(error.detail))[:ERRORS_A_LINE])
    except ValueError:
        return Refused.because(line, "body", UNREADABLE)
    if fields["ended_at"] > now + CLOCKS_DIFFER_BY:
        return Refused.because(line, "ended_at", "This is still to come.")
    canonical = json.dumps(fields, sort_keys=True, default=str)
    request_hash = hashlib.sha256(canonical.encode()).hexdigest()
    turns = fields.pop("turns")
    return Finished(line, len(text), fields, turns, request_hash)


def import_conversations(
    organization: Organization, lines: Iterable[tuple[int, bytes]], *, now: datetime
) -> Imported:
    """Keep each of `lines`, (number, JSON of a finished conversation), once.

    They are written in transactions of many. A line sent before changes nothing; one that is
    refused stops no other.
    """
    return _Import(organization, now).of(lines)


class _Import:
    def __init__(self, organization: Organization, now: datetime) -> None:
        self.organization = organization
        self.now = now
        self.outcome = Imported()
        self.agents = set(
            Agent.objects.filter(organization=organization).values_list("pk", flat=True)
        )
        self.batch: list[Finished] = []
        self.batch_ids: set[UUID] = set()
        self.batch_bytes = 0

    def of(self, lines: Iterable[tuple[int, bytes]]) -> Imported:
        form = FinishedConversationIn()
        for number, text in lines:
            match read(number, text, form=form, now=self.now):
                case Refused() as refused:
                    self.outcome.refused.append(refused)
                case Finished() as finished:
                    self._take(finished)
        self._flush()
        self.outcome.refused.sort(key=lambda refused: refused.line)
        return self.outcome

    def _take(self, finished: Finished) -> None:
        ids = {finished.id, *finished.turn_ids}
        full = (
            len(self.batch) == BATCH_CONVERSATIONS
            or self.batch_bytes + finished.size_bytes > BATCH_BYTES
        )
        if full or not ids.isdisjoint(self.batch_ids):
            # An id that two lines give is judged by what the first has become.
            self._flush()
        self.batch.append(finished)
        self.batch_ids |= ids
        self.batch_bytes += finished.size_bytes

    def _flush(self) -> None:
        batch, self.batch, self.batch_ids, self.batch_bytes = self.batch, [], set(), 0
        try:
            self._write(batch)
        except IntegrityError:
            # Somebody else wrote the same ids meanwhile, or deleted an agent: whose line is it?
            for finished in batch:
                self._write_alone(finished)

    def _write_alone(self, finished: Finished) -> None:
        try:
            self._write([finished])
        except IntegrityError:
            agents = Agent.objects.filter(organization=self.organization)
            self.agents = set(agents.values_list("pk", flat=True))
            self._write([finished])

    def _write(self, batch: list[Finished]) -> None:
        """Write what of `batch` is new and may be, and count it. Raises IntegrityError."""
        if not batch:
            return
        with transaction.atomic():
            fresh, unchanged, refused = self._sorted_out(batch)
            rows = [_rows_of(finished, self.organization) for finished in fresh]
            # In the order of their ids: two imports of the same wait for, not against, each other.
            conversations = sorted((row for row, _ in rows), key=lambda row: row.pk)
            turns = sorted((turn for _, each in rows for turn in each), key=lambda turn: turn.pk)
            Conversation.objects.bulk_create(conversations)
            Turn.objects.bulk_create(turns, batch_size=TURNS_AN_INSERT)
            lifecycle.came_finished(conversations, source=StatusChange.Source.IMPORT)
        self.outcome.imported += len(fresh)
        self.outcome.unchanged += unchanged
        self.outcome.refused += refused

    def _sorted_out(self, batch: list[Finished]) -> tuple[list[Finished], int, list[Refused]]:
        """Return what is new, how many were imported before, and what is refused."""
        there = Conversation.objects.in_bulk([finished.id for finished in batch])
        new = [finished for finished in batch if finished.id not in there]
        turn_ids = [pk for finished in new for pk in finished.turn_ids]
        taken = set(Turn.objects.filter(pk__in=turn_ids).values_list("pk", flat=True))
        fresh, unchanged, refused = [], 0, []
        for finished in batch:
            first = there.get(finished.id)
            agent_id = finished.fields.get("agent_id")
            if first is not None and self._came_from(finished, first):
                unchanged += 1
            elif first is not None:
                refused.append(Refused.because(finished.line, "id", IdTaken.detail))
            elif agent_id and agent_id not in self.agents:
                why = "There is no such agent."
                refused.append(Refused.because(finished.line, "agent_id", why))
            elif not taken.isdisjoint(finished.turn_ids):
                why = "One of these turns' ids belongs to another turn."
                refused.append(Refused.because(finished.line, "turns", why))
            else:
                fresh.append(finished)
        return fresh, unchanged, refused

    def _came_from(self, finished: Finished, first: Conversation) -> bool:
        ours = first.organization_id == self.organization.pk
        return ours and first.request_hash == finished.request_hash


def _rows_of(finished: Finished, organization: Organization) -> tuple[Conversation, list[Turn]]:
    conversation = Conversation(
        **finished.fields, organization=organization, request_hash=finished.request_hash
    )
    turns = [
        Turn(**{"id": uuid4(), **fields}, conversation=conversation, position=position)
        for position, fields in enumerate(finished.turns)
    ]
    if conversation.duration is None and conversation.answered_at and conversation.ended_at:
        lasted = conversation.ended_at - conversation.answered_at
        conversation.duration = min(round(lasted.total_seconds()), MAX_INTEGER)
    if conversation.user_turn_count is None:
        in_order = sorted(turns, key=lambda turn: (turn.started_at, turn.position))
        conversation.user_turn_count = user_turn_count(map(line_of, in_order))
    return conversation, turns
