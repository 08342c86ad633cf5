"""Pages of conversations: the inbox, one conversation, and what refreshes it."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from anyreach.errors import NotThere
from anyreach.live.feed import feed
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Membership
from anyreach.organizations.pages import OrganizationRequest, organization_page
from anyreach.organizations.scopes import Scope
from conversations import paging
from conversations.listeners import listeners_of
from conversations.listening import HEARERS
from conversations.models import Conversation, Status
from conversations.serializers import LineOut

READERS = (Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_MANAGE)
PAGE_LENGTH = 50
HEARTBEAT_S = 15


@require_GET
@organization_page(*READERS)
def inbox(request: OrganizationRequest) -> HttpResponse:
    visible = Conversation.objects.visible_to(request.caller).select_related("agent")
    rows, following = paging.page_of(
        visible.exclude(status=Status.TOKEN_CREATED),
        cursor=request.GET.get("cursor"),
        limit=PAGE_LENGTH,
    )
    context = {
        "conversations": rows,
        "following": following,
        "is_first": "cursor" not in request.GET,
        "sensitive": request.caller.can(Scope.CONVERSATIONS_READ_SENSITIVE),
    }
    return render(request, "conversations/inbox.html", context)


@require_GET
@never_cache
@organization_page(*READERS)
def detail(request: OrganizationRequest, conversation_id: UUID) -> HttpResponse:
    context = _context(request, conversation_id)
    return render(request, "conversations/detail.html", context)


@require_GET
@never_cache
@organization_page(*READERS)
def piece(request: OrganizationRequest, conversation_id: UUID, *, template: str) -> HttpResponse:
    """Paint one part of the detail page anew, with the partial that painted it first."""
    return render(request, template, _context(request, conversation_id))


transcript = partial(piece, template="conversations/partials/transcript.html")
facts = partial(piece, template="conversations/partials/facts.html")
heading = partial(piece, template="conversations/partials/heading.html")


def _context(request: OrganizationRequest, conversation_id: UUID) -> dict[str, Any]:
    conversation = _visible(request, conversation_id)
    sensitive = request.caller.can(Scope.CONVERSATIONS_READ_SENSITIVE)
    sees_listeners = request.caller.can(Scope.ORGANIZATIONS_MANAGE)
    return {
        "conversation": conversation,
        "sees_listeners": sees_listeners,
        "listeners": listeners_of(conversation, now=timezone.now()) if sees_listeners else [],
        "sensitive": sensitive,
        "may_listen": request.caller.can(*HEARERS) and bool(conversation.room_name),
        "turns": conversation.turns.all() if sensitive else [],
        "status_changes": conversation.status_changes.all(),
    }


def _visible(request: OrganizationRequest, conversation_id: UUID) -> Conversation:
    visible = Conversation.objects.visible_to(request.caller).select_related("agent")
    return get_object_or_404(visible, pk=conversation_id)


@require_GET
@never_cache
@organization_page(*READERS)
def lines(request: OrganizationRequest, conversation_id: UUID) -> JsonResponse:
    """What was said so far, for the snoop panel: live text meets it by its segment."""
    conversation = _visible(request, conversation_id)
    if not request.caller.can(Scope.CONVERSATIONS_READ_SENSITIVE):
        raise NotThere
    return JsonResponse({"lines": LineOut(conversation.turns.all(), many=True).data})


@require_GET
@never_cache
@organization_page(*READERS)
def events(request: OrganizationRequest, conversation_id: UUID) -> HttpResponseBase:
    """Tell, as server-sent events, that status or transcript changed; never what was said."""
    conversation = _visible(request, conversation_id)
    return StreamingHttpResponse(
        _stream(request.caller, conversation.pk),
        content_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _stream(caller: Caller, conversation_id: UUID) -> AsyncIterator[str]:
    async with feed.changes() as changes:
        while True:
            try:
                change = await asyncio.wait_for(changes.get(), HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if change.conversation_id not in (conversation_id, None):
                continue
            seen = await sync_to_async(_seen)(caller, conversation_id)
            if seen is None:
                return
            status, scopes = seen
            if change.what in ("status", "missed"):
                yield f"event: status\ndata: {json.dumps(status)}\n\n"
            if change.what in ("turns", "missed"):
                yield "event: turns\ndata: {}\n\n"
            # Others are not even told that somebody listens.
            if change.what in ("listeners", "missed") and Scope.ORGANIZATIONS_MANAGE in scopes:
                yield "event: listeners\ndata: {}\n\n"


def _seen(caller: Caller, conversation_id: UUID) -> tuple[dict[str, Any], frozenset[Scope]] | None:
    """Return the status and the caller's scopes by now: a stream outlives its request."""
    memberships = Membership.objects.active()
    membership = memberships.filter(user=caller.user, organization=caller.organization).first()
    conversation = Conversation.objects.visible_to(caller).filter(pk=conversation_id).first()
    if conversation is None or membership is None:
        return None
    status = {
        "status": conversation.status,
        "is_active": conversation.is_active,
        "is_over": conversation.is_over,
    }
    return status, membership.scopes
