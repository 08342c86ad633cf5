"""The page of a brief, and what refreshes it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from agent_assist import finding, writing
from agent_assist.models import Brief
from agent_assist.portal import Portal, portal_of, turns_of
from agent_assist.writing import left_alone_after
from anyreach.errors import Invalid
from anyreach.live.streams import event_stream
from anyreach.organizations.pages import OrganizationRequest, Reader, organization_page
from conversations.models import Conversation
from conversations.watching import STILL_HERE, changes_of

# What a person takes in at a glance, and how much of it the page itself has: its bar and labels,
# and of a live call, that it has gone on.
WORDS_AT_A_GLANCE = 90
OWN_WORDS = 24
NEWS_WORDS = 10
# "Next steps" and how sure they are.
STEP_WORDS = 4
# As much of a long reason is shown as three lines hold (static/css/brief.css).
REASON_WORDS = 30


@dataclass(frozen=True)
class Open:
    """What an open page shows: a brief that was begun when there were only so many turns."""

    turns: int
    brief_id: UUID | None

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read `turns` and `brief`. Raises Invalid (422)."""
        try:
            turns, brief = int(query.get("turns", "")), query.get("brief")
            brief_id = UUID(brief) if brief else None
        except ValueError:
            raise Invalid("turns, brief", "These must be a number and a brief's id.") from None
        if turns < 0:
            raise Invalid("turns", "There is no such number of turns.")
        return cls(turns, brief_id)


@require_GET
@organization_page(*finding.TAKERS_OVER)
def brief_page(request: OrganizationRequest, phone_number: str) -> HttpResponse:
    conversation = finding.newest(request.caller, phone_number)
    if conversation is None:
        return render(request, "agent_assist/not_found.html", status=404)
    turns = turns_of(conversation)
    portal = portal_of(conversation, turns, writing.begin(conversation, turns))
    context = _context(portal, new_turns=0) | {"turns": turns, "patience": left_alone_after()}
    return render(request, "agent_assist/brief.html", context)


@require_GET
@organization_page(*finding.TAKERS_OVER)
def brief(request: OrganizationRequest, conversation_id: UUID) -> HttpResponse:
    """Paint a brief anew, as a page shows it that is open."""
    conversation = _visible(request, conversation_id)
    shown, turns, written = Open.read(request.GET), turns_of(conversation), None
    if shown.brief_id:
        written = get_object_or_404(Brief, pk=shown.brief_id, conversation=conversation)
    read, since = turns[: shown.turns], turns[shown.turns :]
    context = _context(portal_of(conversation, read, written), new_turns=len(since))
    return render(request, "agent_assist/partials/brief.html", context)


@require_GET
@organization_page(*finding.TAKERS_OVER)
def events(request: OrganizationRequest, conversation_id: UUID) -> HttpResponseBase:
    """Tell, as server-sent events, that there is more to paint; never what."""
    conversation = _visible(request, conversation_id)
    return event_stream(_stream(conversation.pk, Reader.of(request)))


async def _stream(conversation_id: UUID, reader: Reader) -> AsyncIterator[str]:
    async for what in changes_of(conversation_id, reader):
        if what is None:
            yield STILL_HERE
        elif what in ("brief", "turns", "status", "missed"):
            yield "event: changed\ndata: {}\n\n"


def _visible(request: OrganizationRequest, conversation_id: UUID) -> Conversation:
    visible = Conversation.objects.visible_to(request.caller)
    return get_object_or_404(visible, pk=conversation_id)


def _context(portal: Portal, *, new_turns: int) -> dict[str, Any]:
    brief, conversation, now = portal.brief, portal.conversation, timezone.now()
    unfinished = brief if brief and brief.state == Brief.State.WRITING else None
    is_writing = bool(unfinished and unfinished.began_at > now - left_alone_after())
    return {
        "portal": portal,
        "conversation": conversation,
        "is_writing": is_writing,
        "is_left_alone": bool(unfinished) and not is_writing,
        "is_settled": conversation.is_over and not is_writing,
        "new_turns": new_turns,
        "now": now,
        **_at_a_glance(portal),
    }


def _at_a_glance(portal: Portal) -> dict[str, Any]:
    """Return how many lines of the summary fit in a glance, as a slice, and whether what to do
    next still does."""
    sections, left = portal.sections, WORDS_AT_A_GLANCE - OWN_WORDS
    if portal.conversation.is_active:
        left -= NEWS_WORDS
    left -= _words(portal.facts.caller_name)
    left -= _words(sections.sentiment.label) if sections.sentiment else 0
    reason = sections.transfer_reason
    left -= min(REASON_WORDS, _words(reason.text)) if reason else 0
    read = list(accumulate(_words(line.text) for line in sections.call_summary))
    steps = sum(_words(step.action) + STEP_WORDS for step in sections.suggested_next_steps)
    return {
        "first_lines": str(sum(words <= left for words in read)),
        "steps_first": sum(read[-1:]) + steps <= left,
    }


def _words(text: str) -> int:
    return len(text.split())
