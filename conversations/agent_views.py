"""The page Agents: an organization's agents and the phone numbers they answer."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from anyreach.organizations.pages import OrganizationRequest, organization_page
from anyreach.organizations.scopes import Scope
from conversations import agents
from conversations.agent_forms import AgentForm, PhoneNumberForm
from conversations.models import Agent, PhoneNumber


@organization_page(Scope.AGENTS_READ, Scope.AGENTS_MANAGE)
@require_GET
def agents_page(request: OrganizationRequest) -> HttpResponse:
    return _page(request)


@organization_page(Scope.AGENTS_MANAGE)
@require_POST
def add_agent(request: OrganizationRequest) -> HttpResponse:
    form = AgentForm(request.POST)
    if form.is_valid():
        try:
            agent = agents.add_agent(request.caller.organization, data=form.cleaned_data)
        except agents.NameTaken as refusal:
            form.add_error("name", refusal.detail)
        else:
            messages.success(request, f"The agent “{agent.name}” is added.")
            return _back(request)
    return _page(request, agent_form=form)


@organization_page(Scope.AGENTS_MANAGE)
@require_POST
def change_agent(request: OrganizationRequest, agent_id: UUID) -> HttpResponse:
    agent = get_object_or_404(Agent.objects.visible_to(request.caller), pk=agent_id)
    form = AgentForm(request.POST)
    if form.is_valid():
        try:
            agents.change_agent(agent, data=form.cleaned_data)
            messages.success(request, f"The agent “{agent.name}” is saved.")
        except agents.NameTaken as refusal:
            messages.error(request, refusal.detail)
    else:
        _say_why_not(request, form)
    return _back(request)


@organization_page(Scope.AGENTS_MANAGE)
@require_POST
def delete_agent(request: OrganizationRequest, agent_id: UUID) -> HttpResponse:
    agent = get_object_or_404(Agent.objects.visible_to(request.caller), pk=agent_id)
    agent.delete()
    messages.success(request, f"The agent “{agent.name}” is deleted.")
    return _back(request)


@organization_page(Scope.AGENTS_MANAGE)
@require_POST
def add_phone_number(request: OrganizationRequest) -> HttpResponse:
    form = PhoneNumberForm(request.POST, agents=Agent.objects.visible_to(request.caller))
    if form.is_valid():
        try:
            added = agents.add_phone_number(request.caller.organization, data=form.cleaned_data)
        except agents.NumberTaken as refusal:
            form.add_error("number", refusal.detail)
        else:
            messages.success(request, f"{added.number} is added.")
            return _back(request)
    return _page(request, number_form=form)


@organization_page(Scope.AGENTS_MANAGE)
@require_POST
def change_phone_number(request: OrganizationRequest, phone_number_id: UUID) -> HttpResponse:
    visible = PhoneNumber.objects.visible_to(request.caller)
    phone_number = get_object_or_404(visible, pk=phone_number_id)
    form = PhoneNumberForm(request.POST, agents=Agent.objects.visible_to(request.caller))
    if form.is_valid():
        try:
            agents.change_phone_number(phone_number, data=form.cleaned_data)
            messages.success(request, f"{phone_number.number} is saved.")
        except agents.NumberTaken as refusal:
            messages.error(request, refusal.detail)
    else:
        _say_why_not(request, form)
    return _back(request)


@organization_page(Scope.AGENTS_MANAGE)
@require_POST
def remove_phone_number(request: OrganizationRequest, phone_number_id: UUID) -> HttpResponse:
    visible = PhoneNumber.objects.visible_to(request.caller)
    phone_number = get_object_or_404(visible, pk=phone_number_id)
    phone_number.delete()
    messages.success(request, f"{phone_number.number} is removed.")
    return _back(request)


def _page(
    request: OrganizationRequest,
    *,
    agent_form: AgentForm | None = None,
    number_form: PhoneNumberForm | None = None,
) -> HttpResponse:
    """Show the page; a form is given when what was filled in has to be seen again."""
    own = list(Agent.objects.visible_to(request.caller))
    numbers = PhoneNumber.objects.visible_to(request.caller).select_related("agent")
    may_manage = request.caller.can(Scope.AGENTS_MANAGE)
    context = {
        "agents": [(agent, may_manage and AgentForm.about(agent)) for agent in own],
        "numbers": [(each, may_manage and PhoneNumberForm.about(each, own)) for each in numbers],
        "agent_form": agent_form or AgentForm(),
        "number_form": number_form or PhoneNumberForm(agents=own, auto_id="id-new-number-%s"),
        "may_manage": may_manage,
    }
    return render(request, "conversations/agents.html", context)


def _say_why_not(request: OrganizationRequest, form: forms.Form) -> None:
    for field, errors in form.errors.items():
        messages.error(request, f"{form[field].label}: {' '.join(map(str, errors))}")


def _back(request: OrganizationRequest) -> HttpResponse:
    return redirect("agents", org_slug=request.caller.organization.slug)
