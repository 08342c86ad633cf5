"""The page Phones: over which trunk an organization calls, and whom it may call."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from anyreach.organizations.pages import OrganizationRequest, organization_page
from anyreach.organizations.scopes import Scope
from conversations.models import OutboundTrunk
from conversations.phones import trunks
from conversations.phones.forms import TrunkForm


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_http_methods(["GET", "POST"])
@never_cache
def phones_page(request: OrganizationRequest) -> HttpResponse:
    """Show the trunk; POST sets it."""
    trunk = OutboundTrunk.objects.visible_to(request.caller).first()
    form = TrunkForm.about(trunk) if trunk else TrunkForm()
    if request.method == "POST":
        form = TrunkForm(request.POST)
        if form.is_valid():
            try:
                trunks.keep(request.caller.organization, data=form.cleaned_data)
            except trunks.TrunkTaken as refusal:
                form.add_error("sip_trunk_id", refusal.detail)
            else:
                messages.success(request, "The outbound trunk is saved.")
                return _back(request)
    state = trunks.state_of(trunk) if trunk else None
    context = {"form": form, "trunk": trunk, "state": state}
    return render(request, "conversations/phones.html", context)


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_POST
def remove_trunk(request: OrganizationRequest) -> HttpResponse:
    OutboundTrunk.objects.visible_to(request.caller).delete()
    messages.success(request, "The outbound trunk is removed.")
    return _back(request)


def _back(request: OrganizationRequest) -> HttpResponse:
    return redirect("phones", org_slug=request.caller.organization.slug)
