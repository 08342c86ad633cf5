"""The listening ledger: who heard, was refused, or was closed; only ever appended to.

One chain per organization. Each line's hash covers the line and the hash of the one before, so
that a changed, missing or inserted line is found by whoever keeps the newest hash elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from anyreach.organizations.models import Organization
from conversations.models import ListenEvent

BEFORE_THE_FIRST = "0" * 64
LONGEST_DETAIL = 1000


@dataclass(frozen=True)
class Line:
    """What is to be written down; `at` is aware, details that are None are left out."""

    kind: ListenEvent.Kind
    at: datetime
    who: str
    conversation_id: UUID | None
    session_id: UUID | None = None
    told_by: ListenEvent.ToldBy = ListenEvent.ToldBy.SERVER
    details: Mapping[str, str | int | None] = field(default_factory=dict)


@transaction.atomic
def append(organization_id: UUID, lines: Iterable[Line]) -> list[ListenEvent]:
    """Add lines to the organization's ledger, in their order.

    The organization's row is locked until the transaction ends, so lines follow one another
    however many are written at once: keep what comes after it in the transaction short.
    """
    Organization.objects.select_for_update(no_key=True).only("pk").get(pk=organization_id)
    newest = ListenEvent.objects.filter(organization=organization_id).order_by("-sequence")
    last = newest.only("sequence", "hash").first()
    previous = last.hash if last else BEFORE_THE_FIRST
    events = []
    for sequence, line in enumerate(lines, last.sequence + 1 if last else 1):
        event = ListenEvent(
            organization_id=organization_id,
            sequence=sequence,
            kind=line.kind,
            at=line.at,
            told_by=line.told_by,
            who=line.who,
            conversation_id=line.conversation_id,
            session_id=line.session_id,
            details={n: _kept(value) for n, value in line.details.items() if value is not None},
        )
        event.hash = previous = hash_of(event, previous)
        events.append(event)
    return ListenEvent.objects.bulk_create(events)


def _kept(value: str | int) -> str | int:
    """Return a detail as PostgreSQL can keep it: some are what a hostile client wrote."""
    if isinstance(value, int):
        return value
    text = value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text[:LONGEST_DETAIL]


def hash_of(event: ListenEvent, previous: str) -> str:
    """Return the SHA-256, in hexadecimal, of a line and the hash of the line before it."""
    line = [
        previous,
        str(event.organization_id),
        event.sequence,
        event.kind,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.told_by,
        event.who,
        str(event.conversation_id or ""),
        str(event.session_id or ""),
        event.details,
    ]
    text = json.dumps(line, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """How a chain stands: how many lines fit, the last one's hash, and what is wrong with the next.

    `newest_hash` is "" for an empty ledger; `wrong` is a sentence, or "" when all lines fit.
    """

    lines: int
    newest_hash: str
    wrong: str = ""


def verify(organization_id: UUID) -> Verdict:
    """Recompute an organization's chain from its first line."""
    lines = ListenEvent.objects.filter(organization=organization_id).order_by("sequence")
    return verdict_of(lines.iterator(chunk_size=1000))


def verdict_of(events: Iterable[ListenEvent]) -> Verdict:
    """Judge a chain's lines, given in order."""
    count, previous = 0, BEFORE_THE_FIRST
    for event in events:
        newest = previous if count else ""
        if event.sequence != count + 1:
            return Verdict(count, newest, f"Line {count + 1} is missing.")
        if event.hash != hash_of(event, previous):
            return Verdict(count, newest, f"Line {event.sequence} does not fit the one before it.")
        count, previous = count + 1, event.hash
    return Verdict(count, previous if count else "")
