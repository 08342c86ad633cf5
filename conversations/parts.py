"""A transcript, a part at a time: long ones reach a page in parts, live ones in what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Self
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict

from anyreach.errors import Invalid
from conversations.models import Conversation, Turn
from conversations.recorded import Gap, gaps_of

PART_LENGTH = 500
AT_MOST = 2**31 - 1


@dataclass(frozen=True)
class Wanted:
    """The turns from a position on, which are those first seen since; and these, too."""

    since: int = 0
    turns: Sequence[UUID] = ()

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read `since`, and any number of `turn`. Raises Invalid (422)."""
        try:
            since = int(query.get("since", "0"))
            turns = [UUID(each) for each in query.getlist("turn")]
        except ValueError:
            raise Invalid("since, turn", "These must be a position and turns' ids.") from None
        if not 0 <= since <= AT_MOST:
            raise Invalid("since", "There is no such position.")
        return cls(since, turns)


@dataclass(frozen=True)
class Takeover:
    """A human took the call from the agent."""

    started_at: datetime


@dataclass(frozen=True)
class Part:
    """Turns in the order of what was said, and what happened before and between them.

    The next part is since `following`, if there is one.
    """

    turns: Sequence[Turn]
    happenings: Sequence[Gap | Takeover]
    following: int | None

    @property
    def entries(self) -> list[Turn | Gap | Takeover]:
        return sorted([*self.turns, *self.happenings], key=attrgetter("started_at"))


def part_of(conversation: Conversation, wanted: Wanted) -> Part:
    """Return the first of the wanted turns. Two parts may share turns of one position."""
    found = conversation.turns.filter(Q(position__gte=wanted.since) | Q(pk__in=wanted.turns))
    turns = list(found.order_by("position")[: PART_LENGTH + 1])
    following = turns[-1].position if len(turns) > PART_LENGTH else None
    turns = sorted(turns[:PART_LENGTH], key=attrgetter("started_at", "position"))
    happenings: list[Gap | Takeover] = [*gaps_of(conversation)]
    if conversation.transferred_at:
        happenings.append(Takeover(conversation.transferred_at))
    if following is not None:
        happenings = [each for each in happenings if each.started_at < turns[-1].started_at]
    return Part(turns, happenings, following)
