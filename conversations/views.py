"""The page of one conversation, and what refreshes it."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from anyreach.errors import NotThere
from anyreach.live.streams import ask, event_stream
from anyreach.organizations.pages import OrganizationRequest, Reader, organization_page
from anyreach.organizations.scopes import Scope
from conversations.listeners import listeners_of
from conversations.listening import HEARERS
from conversations.models import Conversation
from conversations.parts import Part, Wanted, part_of
from conversations.serializers import LineOut
from conversations.watching import STILL_HERE, changes_of

READERS = (Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_MANAGE)


@require_GET
@organization_page(*READERS)
def detail(request: OrganizationRequest, conversation_id: UUID) -> HttpResponse:
    conversation = _visible(request, conversation_id)
    context = _context(request, conversation)
    sees_listeners = request.caller.can(Scope.ORGANIZATIONS_MANAGE)
    context |= {
        "part": _part(request, conversation),
        "sees_listeners": sees_listeners,
        "listeners": listeners_of(conversation, now=context["now"]) if sees_listeners else [],
        "may_listen": request.caller.can(*HEARERS) and bool(conversation.room_name),
    }
    return render(request, "conversations/detail.html", context)


@require_GET
@organization_page(*READERS)
def piece(request: OrganizationRequest, conversation_id: UUID, *, template: str) -> HttpResponse:
    """Paint one part of the detail page anew, with the partial that painted it first."""
    return render(request, template, _context(request, _visible(request, conversation_id)))


facts = partial(piece, template="conversations/partials/facts.html")
heading = partial(piece, template="conversations/partials/heading.html")


@require_GET
@organization_page(*READERS)
def transcript(request: OrganizationRequest, conversation_id: UUID) -> HttpResponse:
    """Paint one part of the transcript."""
    conversation = _visible(request, conversation_id)
    context = _context(request, conversation) | {"part": _part(request, conversation)}
    return render(request, "conversations/partials/transcript.html", context)


def _part(request: OrganizationRequest, conversation: Conversation) -> Part | None:
    """Return the part that is asked for, to whoever may read what was said."""
    if not request.caller.can(Scope.CONVERSATIONS_READ_SENSITIVE):
        return None
    return part_of(conversation, Wanted.read(request.GET))


def _context(request: OrganizationRequest, conversation: Conversation) -> dict[str, Any]:
    return {
        "conversation": conversation,
        "sensitive": request.caller.can(Scope.CONVERSATIONS_READ_SENSITIVE),
        "status_changes": conversation.status_changes.all(),
        "now": timezone.now(),
    }


def _visible(request: OrganizationRequest, conversation_id: UUID) -> Conversation:
    visible = Conversation.objects.visible_to(request.caller).select_related("agent")
    return get_object_or_404(visible, pk=conversation_id)


@require_GET
@organization_page(*READERS)
def lines(request: OrganizationRequest, conversation_id: UUID) -> JsonResponse:
    """A part of what was said so far, for the snoop panel: live text meets it by its segment."""
    conversation = _visible(request, conversation_id)
    part = _part(request, conversation)
    if part is None:
        raise NotThere
    return JsonResponse({"lines": LineOut(part.turns, many=True).data, "following": part.following})


@require_GET
@organization_page(*READERS)
def events(request: OrganizationRequest, conversation_id: UUID) -> HttpResponseBase:
    """Tell, as server-sent events, that status, turns or transfers changed; never what was said."""
    conversation = _visible(request, conversation_id)
    return event_stream(_stream(conversation.pk, Reader.of(request)))


async def _stream(conversation_id: UUID, reader: Reader) -> AsyncIterator[str]:
    # Others are not even told that somebody listens.
    told = ["turns", "transfer"]
    if reader.caller.can(Scope.ORGANIZATIONS_MANAGE):
        told.append("listeners")
    async for what in changes_of(conversation_id, reader):
        if what is None:
            yield STILL_HERE
        if what in ("status", "missed"):
            yield f"event: status\ndata: {json.dumps(await ask(_status_of, conversation_id))}\n\n"
        for each in told:
            if what in (each, "missed"):
                yield f"event: {each}\ndata: {{}}\n\n"


def _status_of(conversation_id: UUID) -> dict[str, Any]:
    conversation = Conversation.objects.get(pk=conversation_id)
    return {
        "status": conversation.status,
        "is_active": conversation.is_active,
        "is_over": conversation.is_over,
    }
