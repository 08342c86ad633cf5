"""How the page of a conversation, which knows nothing of transfers, comes to show them."""

from typing import Any

from django import template
from django.template import RequestContext

from agent_assist.transfer.panel import panel_of

register = template.Library()


@register.inclusion_tag("agent_assist/partials/transfer.html", takes_context=True)
def transfer_panel(context: RequestContext) -> dict[str, Any]:
    request = context["request"]
    return {"request": request, **panel_of(context["conversation"], request.caller)}
