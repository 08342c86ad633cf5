"""The panel Transfer of a conversation's page, painted anew. What it asks for, it asks the API."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from agent_assist.transfer.panel import panel_of
from anyreach.organizations.pages import OrganizationRequest, organization_page
from conversations.models import Conversation
from conversations.views import READERS


@require_GET
@organization_page(*READERS)
def panel(request: OrganizationRequest, conversation_id: UUID) -> HttpResponse:
    visible = Conversation.objects.visible_to(request.caller)
    conversation = get_object_or_404(visible, pk=conversation_id)
    context = panel_of(conversation, request.caller)
    return render(request, "agent_assist/partials/transfer.html", context)
