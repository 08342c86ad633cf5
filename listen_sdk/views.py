"""The page Embedding: where calls may be embedded, what to paste there, and a try of it."""

from typing import Any
from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from anyreach.organizations.pages import OrganizationRequest, organization_page
from anyreach.organizations.scopes import Scope
from conversations.listening import HEARERS
from conversations.models import Conversation
from listen_sdk import VERSION, embedding, loader
from listen_sdk.forms import OriginForm
from listen_sdk.models import EmbedOrigin

CALLS_TO_TRY = 20


@csp_update({"frame-src": [SELF]})
@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_http_methods(["GET", "POST"])
def embedding_page(request: OrganizationRequest) -> HttpResponse:
    """List origins; POST adds one."""
    form = OriginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        origin = form.cleaned_data["origin"]
        row, made = embedding.list_origin(origin, caller=request.caller)
        said = (
            f"Every page of {origin} may embed calls." if made else f"{origin} was listed before."
        )
        if not row.is_safe:
            said += " It is not https: others in its network can read and change such a page."
        messages.success(request, said)
        return redirect("embedding", org_slug=request.caller.organization.slug)
    origins = EmbedOrigin.objects.visible_to(request.caller).select_related("created_by")
    context = {"form": form, "origins": origins, **_snippets(), **_calls(request)}
    return render(request, "listen_sdk/embedding.html", context)


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_POST
def remove_origin(request: OrganizationRequest, origin_id: UUID) -> HttpResponse:
    row = get_object_or_404(EmbedOrigin.objects.visible_to(request.caller), pk=origin_id)
    embedding.unlist(row, caller=request.caller)
    messages.success(request, f"{row.origin} is not listed any more.")
    return redirect("embedding", org_slug=request.caller.organization.slug)


def _snippets() -> dict[str, str]:
    newest = settings.BASE_URL + reverse("listen-sdk")
    pinned = settings.BASE_URL + reverse("listen-sdk-release", args=[VERSION])
    integrity = loader.sri(VERSION)
    return {
        "snippet": f'<script src="{newest}" async></script>',
        "pinned_snippet": (
            f'<script src="{pinned}"\n        integrity="{integrity}"\n'
            '        crossorigin="anonymous" async></script>'
        ),
        "version": VERSION,
    }


def _calls(request: OrganizationRequest) -> dict[str, Any]:
    """The live calls that the SDK can be tried with, for those who may hear."""
    if not request.caller.can(*HEARERS):
        return {"may_listen": False}
    visible = Conversation.objects.visible_to(request.caller).active().select_related("agent")
    with_room = visible.exclude(room_name=None).exclude(room_name="")
    return {"may_listen": True, "calls": with_room[:CALLS_TO_TRY]}
