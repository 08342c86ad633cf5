"""The page Phones: over which trunk an organization calls, and whom it may call."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from anyreach.organizations.pages import OrganizationRequest, organization_page
from anyreach.organizations.scopes import Scope
from conversations.models import OutboundTrunk
from conversations.phones import trunks, trying
from conversations.phones.forms import TrialForm, TrunkForm


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_http_methods(["GET", "POST"])
def phones_page(request: OrganizationRequest) -> HttpResponse:
    """Show the trunk; POST sets it."""
    trunk = _trunk(request)
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
    return _page(request, trunk, form=form, trial_form=TrialForm())


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_http_methods(["GET", "POST"])
def trial_call(request: OrganizationRequest) -> HttpResponse:
    """Show how the test call goes, as a part of the page; POST makes one."""
    trunk = _trunk(request)
    if trunk is None:
        raise Http404
    if request.method == "GET":
        return render(request, "conversations/partials/trial_call.html", {"trunk": trunk})
    form = TrialForm(request.POST)
    if form.is_valid():
        destination = form.cleaned_data["destination"]
        try:
            trying.try_out(trunk, destination=destination, now=timezone.now())
        except (trying.NotAllowed, trying.NotNow) as refusal:
            form.add_error("destination", refusal.detail)
        else:
            return _back(request)
    return _page(request, trunk, form=TrunkForm.about(trunk), trial_form=form)


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_POST
def remove_trunk(request: OrganizationRequest) -> HttpResponse:
    OutboundTrunk.objects.visible_to(request.caller).delete()
    messages.success(request, "The outbound trunk is removed.")
    return _back(request)


def _trunk(request: OrganizationRequest) -> OutboundTrunk | None:
    trunks_of_theirs = OutboundTrunk.objects.visible_to(request.caller)
    found: OutboundTrunk | None = trunks_of_theirs.select_related("trial_call").first()
    return found


def _page(
    request: OrganizationRequest,
    trunk: OutboundTrunk | None,
    *,
    form: TrunkForm,
    trial_form: TrialForm,
) -> HttpResponse:
    state = trunks.state_of(trunk) if trunk else None
    context = {"form": form, "trial_form": trial_form, "trunk": trunk, "state": state}
    return render(request, "conversations/phones.html", context)


def _back(request: OrganizationRequest) -> HttpResponse:
    return redirect("phones", org_slug=request.caller.organization.slug)
