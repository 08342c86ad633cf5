"""Who has heard a conversation: sessions joined to listeners, as people count them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from anyreach.organizations.models import Organization
from conversations.models import Conversation, ListenSession


@dataclass(frozen=True)
class Listener:
    """One ear: its sessions in order, the first token's and those that renewed it, as of `now`.

    Seconds in the room are LiveKit's word, seconds audible the browser's.
    """

    sessions: Sequence[ListenSession]
    now: datetime

    @property
    def first(self) -> ListenSession:
        return self.sessions[0]

    @property
    def id(self) -> UUID:
        return self.first.pk

    @property
    def expires_at(self) -> datetime:
        return max(each.expires_at for each in self.sessions)

    @property
    def in_room(self) -> bool:
        return any(each.in_room_since for each in self.sessions)

    @property
    def audible(self) -> bool:
        return any(each.audible_since for each in self.sessions)

    @property
    def joined_at(self) -> datetime | None:
        return min((each.joined_at for each in self.sessions if each.joined_at), default=None)

    @property
    def left_at(self) -> datetime | None:
        if self.in_room:
            return None
        return max((each.left_at for each in self.sessions if each.left_at), default=None)

    @property
    def seconds_in_room(self) -> int:
        """Renewals overlap for a moment: together they are no longer than from first to last."""
        if self.joined_at is None:
            return 0
        total = sum(
            each.seconds_in_room + _seconds(each.in_room_since, self.now) for each in self.sessions
        )
        return round(min(total, _seconds(self.joined_at, self.left_at or self.now)))

    @property
    def seconds_audible(self) -> int:
        return round(
            sum(
                each.seconds_audible + _seconds(each.audible_since, self.now)
                for each in self.sessions
            )
        )

    @property
    def ended_how(self) -> str:
        """How the session ended that was there last; "" while one is there, or none came yet."""
        if self.in_room:
            return ""
        there = [each for each in self.sessions if each.left_at]
        last = max(there, key=lambda each: each.left_at or self.now) if there else self.sessions[-1]
        return "revoked" if self.first.revoked_at else last.ended_how

    @property
    def may_hear(self) -> bool:
        """Whether closing it would change anything."""
        is_active = self.first.conversation.is_active
        could = self.in_room or self.expires_at > self.now
        return is_active and could and not self.first.revoked_at


def _seconds(since: datetime | None, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds()) if since else 0.0


def listeners_of(conversation: Conversation, *, now: datetime) -> list[Listener]:
    """Return who heard, or could have heard, a conversation; the newest first."""
    return _joined(conversation.listen_sessions.all(), now)


def listening_now(organization: Organization, *, now: datetime) -> list[Listener]:
    """Return who is in the room of any of the organization's calls; the newest first."""
    sessions = ListenSession.objects.filter(conversation__organization=organization)
    there = sessions.filter(in_room_since__isnull=False)
    firsts = [first or pk for pk, first in there.values_list("pk", "first")]
    return _joined(sessions.filter(Q(pk__in=firsts) | Q(first__in=firsts)), now)


def _joined(sessions: QuerySet[ListenSession], now: datetime) -> list[Listener]:
    chains: dict[UUID, list[ListenSession]] = {}
    for session in sessions.select_related("conversation").order_by("minted_at", "id"):
        chains.setdefault(session.first_id or session.pk, []).append(session)
    return [Listener(chain, now) for chain in reversed(chains.values())]
