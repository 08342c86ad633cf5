"""Pages about ears: who heard one conversation, and the organization's ledger."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from anyreach.organizations.pages import OrganizationRequest, organization_page
from anyreach.organizations.scopes import Scope
from conversations import ledger_csv, revoking
from conversations.listeners import listeners_of, listening_now
from conversations.models import Conversation, ListenEvent, ListenSession

PAGE_LENGTH = 100


@require_GET
@organization_page(Scope.ORGANIZATIONS_MANAGE)
def heard_by(request: OrganizationRequest, conversation_id: UUID) -> HttpResponse:
    visible = Conversation.objects.visible_to(request.caller)
    conversation = get_object_or_404(visible, pk=conversation_id)
    context = {
        "conversation": conversation,
        "listeners": listeners_of(conversation, now=timezone.now()),
    }
    return render(request, "conversations/partials/heard_by.html", context)


@require_POST
@organization_page(Scope.ORGANIZATIONS_MANAGE)
def revoke(request: OrganizationRequest, conversation_id: UUID, session_id: UUID) -> HttpResponse:
    visible = ListenSession.objects.visible_to(request.caller)
    session = get_object_or_404(visible, conversation=conversation_id, pk=session_id)
    revoking.revoke([session], by=request.caller.name, now=timezone.now())
    messages.success(request, f"{session.who} does not hear this call any more.")
    slug = request.caller.organization.slug
    if "from_ledger" in request.GET:
        return redirect("listening", org_slug=slug)
    return redirect("conversation", org_slug=slug, conversation_id=conversation_id)


class LedgerFilter(forms.Form):
    """What the ledger is narrowed by; times are UTC, as the address bar and the file have them."""

    who = forms.CharField(required=False, max_length=255)
    kind = forms.ChoiceField(
        required=False, choices=[("", "Every kind"), *ListenEvent.Kind.choices], label="What"
    )
    conversation = forms.UUIDField(required=False, label="Conversation id")
    after = forms.DateTimeField(
        required=False,
        label="From (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    before = forms.DateTimeField(
        required=False,
        label="Until (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    lookups = {
        "who": "who__icontains",
        "kind": "kind",
        "conversation": "conversation_id",
        "after": "at__gte",
        "before": "at__lte",
    }

    def conditions(self) -> dict[str, Any]:
        """Return the given values as conditions of a QuerySet. Call is_valid() first."""
        return {
            lookup: self.cleaned_data[name]
            for name, lookup in self.lookups.items()
            if self.cleaned_data.get(name)
        }


@require_GET
@organization_page(Scope.ORGANIZATIONS_MANAGE)
def ledger_page(request: OrganizationRequest) -> HttpResponse:
    form, events = _narrowed(request)
    older_than = request.GET.get("older_than", "")
    if older_than.isdecimal() and len(older_than) < 19:
        events = events.filter(sequence__lt=int(older_than))
    page = list(events.order_by("-sequence")[: PAGE_LENGTH + 1])
    narrowed = request.GET.copy()
    narrowed.pop("older_than", None)
    organization = request.caller.organization
    context = {
        "listeners": listening_now(organization, now=timezone.now()),
        "form": form,
        "events": page[:PAGE_LENGTH],
        "older_than": page[PAGE_LENGTH - 1].sequence if len(page) > PAGE_LENGTH else None,
        "is_first": not older_than,
        "narrowed": narrowed.urlencode(),
        "is_narrowed": any(narrowed.values()),
    }
    return render(request, "conversations/listening.html", context)


@require_GET
@organization_page(Scope.ORGANIZATIONS_MANAGE)
def ledger_file(request: OrganizationRequest) -> HttpResponseBase:
    """The same lines as the page's filters leave, all of them, oldest first."""
    _, events = _narrowed(request)
    name = f"listening-{request.caller.organization.slug}.csv"
    return StreamingHttpResponse(
        ledger_csv.lines_of(events.order_by("sequence").iterator(chunk_size=1000)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _narrowed(request: OrganizationRequest) -> tuple[LedgerFilter, QuerySet[ListenEvent]]:
    """Return the filters, and the lines that they leave: none when one of them is wrong."""
    form = LedgerFilter(request.GET)
    events = ListenEvent.objects.filter(organization=request.caller.organization)
    return form, events.filter(**form.conditions()) if form.is_valid() else events.none()
