"""The inbox's pages: the table, more of it, and what tells that its rows changed."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from anyreach.live.streams import event_stream
from anyreach.organizations.pages import OrganizationRequest, Reader, organization_page
from anyreach.organizations.scopes import Scope
from conversations import paging
from conversations.inbox import live
from conversations.inbox.filter import InboxFilter, all_of

READERS = (Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_MANAGE)
PAGE_LENGTH = 50


@require_GET
@organization_page(*READERS)
def inbox(request: OrganizationRequest) -> HttpResponse:
    return render(request, "conversations/inbox.html", _context(request))


@require_GET
@organization_page(*READERS)
def rows(request: OrganizationRequest) -> HttpResponse:
    """The rows that follow a cursor, or the newest, as the page has them."""
    return render(request, "conversations/partials/rows.html", _context(request))


def _context(request: OrganizationRequest) -> dict[str, Any]:
    narrowing = InboxFilter(request.GET, caller=request.caller)
    found = all_of(request.caller)
    # A filter that cannot be read shows its error and no rows, never rows that it does not mean.
    found = found.filter(**narrowing.conditions()) if narrowing.is_valid() else found.none()
    page, following = paging.page_of(found, cursor=request.GET.get("cursor"), limit=PAGE_LENGTH)
    return {
        "organization": request.caller.organization,
        "conversations": page,
        "following": following,
        "is_first": "cursor" not in request.GET,
        "filter": narrowing,
        "chips": narrowing.given() if narrowing.is_valid() else [],
        "address": narrowing.address(),
        "sensitive": request.caller.can(Scope.CONVERSATIONS_READ_SENSITIVE),
        "now": timezone.now(),
    }


@require_GET
@organization_page(*READERS)
def events(request: OrganizationRequest) -> HttpResponseBase:
    """Tell, as server-sent events, of rows that are new or have changed, painted."""
    narrowing = InboxFilter(request.GET, caller=request.caller)
    conditions = narrowing.conditions() if narrowing.is_valid() else {"pk__in": []}
    return event_stream(live.stream(live.Watcher(Reader.of(request), conditions)))
