"""Pages about people, organizations and credentials."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anyreach.organizations import api_keys, invitations, members, tokens
from anyreach.organizations.forms import (
    ApiKeyForm,
    InvitationForm,
    NewAccountForm,
    RoleForm,
    TokenForm,
)
from anyreach.organizations.models import ApiKey, Invitation, Membership, User
from anyreach.organizations.pages import OrganizationRequest, organization_page
from anyreach.organizations.scopes import Role, Scope


@require_GET
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """`/`: on to the conversations of one's first organization."""
    membership = _signed_in(request).memberships_by_name.first()
    if membership is None:
        return render(request, "organizations/none.html")
    return redirect("conversations", org_slug=membership.organization.slug)


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_http_methods(["GET", "POST"])
def api_keys_page(request: OrganizationRequest) -> HttpResponse:
    """List keys; POST makes one and shows it, this once."""
    form, credential = ApiKeyForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        _, credential = api_keys.make_api_key(caller=request.caller, **form.cleaned_data)
        form = ApiKeyForm()
    keys = ApiKey.objects.visible_to(request.caller).select_related("created_by")
    context = {"form": form, "credential": credential, "keys": keys, "now": timezone.now()}
    return render(request, "organizations/api_keys.html", context)


@organization_page(Scope.ORGANIZATIONS_MANAGE)
@require_POST
def delete_api_key(request: OrganizationRequest, key_id: UUID) -> HttpResponse:
    api_key = get_object_or_404(ApiKey.objects.visible_to(request.caller), pk=key_id)
    api_keys.delete_api_key(api_key)
    messages.success(request, f"The key “{api_key.name}” is deleted.")
    return redirect("api-keys", org_slug=request.caller.organization.slug)


@organization_page(Scope.MEMBERS_READ)
@require_http_methods(["GET"])
def members_page(request: OrganizationRequest) -> HttpResponse:
    return _members(request, InvitationForm())


@organization_page(Scope.MEMBERS_MANAGE)
@require_POST
def invite(request: OrganizationRequest) -> HttpResponse:
    """Make an invitation and show its link, this once."""
    form, link = InvitationForm(request.POST), None
    if form.is_valid():
        try:
            _, link = invitations.invite(
                caller=request.caller, now=timezone.now(), **form.cleaned_data
            )
        except invitations.AlreadyAMember as refusal:
            form.add_error("email", refusal.detail)
    return _members(request, form, link)


@organization_page(Scope.MEMBERS_MANAGE)
@require_POST
def withdraw_invitation(request: OrganizationRequest, invitation_id: UUID) -> HttpResponse:
    visible = Invitation.objects.visible_to(request.caller)
    invitation = get_object_or_404(visible, pk=invitation_id)
    invitation.delete()
    messages.success(request, f"The invitation for {invitation.email} is withdrawn.")
    return redirect("members", org_slug=request.caller.organization.slug)


@organization_page(Scope.MEMBERS_MANAGE)
@require_POST
def change_role(request: OrganizationRequest, member_id: UUID) -> HttpResponse:
    membership = _member(request, member_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = form.cleaned_data["role"]
        try:
            members.change_role(membership, role, caller=request.caller)
            messages.success(request, f"{membership.user} is {Role(role).label} now.")
        except members.LastAdmin as refusal:
            messages.error(request, refusal.detail)
    return _back_to_members(request, membership)


@organization_page(Scope.MEMBERS_MANAGE)
@require_POST
def remove_member(request: OrganizationRequest, member_id: UUID) -> HttpResponse:
    membership = _member(request, member_id)
    try:
        members.remove(membership)
        messages.success(request, f"{membership.user} is no longer a member.")
    except members.LastAdmin as refusal:
        messages.error(request, refusal.detail)
    return _back_to_members(request, membership)


@login_required
@require_http_methods(["GET", "POST"])
def tokens_page(request: HttpRequest) -> HttpResponse:
    """List one's own tokens; POST makes one and shows it, this once."""
    user = _signed_in(request)
    form, credential = TokenForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        _, credential = tokens.make_token(user=user, **form.cleaned_data)
        form = TokenForm()
    context = {
        "form": form,
        "credential": credential,
        "tokens": user.tokens.all(),
        "now": timezone.now(),
    }
    return render(request, "organizations/tokens.html", context)


@login_required
@require_POST
def delete_token(request: HttpRequest, token_id: UUID) -> HttpResponse:
    token = get_object_or_404(_signed_in(request).tokens, pk=token_id)
    tokens.delete_token(token)
    messages.success(request, f"The token “{token.name}” is deleted.")
    return redirect("tokens")


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password", "password_again")
def invitation(request: HttpRequest, invitation_id: UUID, secret: str) -> HttpResponse:
    """Where an invitation's link leads: make an account, or join with the one there is."""
    found = invitations.find(invitation_id, secret, now=timezone.now())
    if request.user.is_authenticated:
        return _join(request, found)
    if User.objects.filter(email=found.email).exists():
        return render(request, "organizations/invitation_sign_in.html", {"invitation": found})
    form = NewAccountForm(request.POST or None, email=found.email)
    if request.method == "POST" and form.is_valid():
        user = invitations.accept_as_new_user(
            found, name=form.cleaned_data["name"], password=form.cleaned_data["password"]
        )
        login(request, user)
        return redirect("start")
    context = {"form": form, "invitation": found}
    return render(request, "organizations/invitation_new_account.html", context)


def _join(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    user = _signed_in(request)
    if not invitation.is_for(user):
        return render(
            request, "organizations/invitation_other.html", {"invitation": invitation}, status=403
        )
    if request.method == "POST":
        invitations.accept(invitation, user)
        return redirect("conversations", org_slug=invitation.organization.slug)
    return render(request, "organizations/invitation_join.html", {"invitation": invitation})


def _members(
    request: OrganizationRequest, form: InvitationForm, link: str | None = None
) -> HttpResponse:
    visible = Membership.objects.visible_to(request.caller).select_related("user")
    waiting = Invitation.objects.visible_to(request.caller).open(timezone.now())
    context = {
        "form": form,
        "link": link,
        "memberships": visible.order_by("user__email"),
        "invitations": waiting.select_related("invited_by"),
        "roles": Role.choices,
        "may_manage": request.caller.can(Scope.MEMBERS_MANAGE),
    }
    return render(request, "organizations/members.html", context)


def _member(request: OrganizationRequest, member_id: UUID) -> Membership:
    visible = Membership.objects.visible_to(request.caller).select_related("user")
    membership: Membership = get_object_or_404(visible, pk=member_id)
    return membership


def _back_to_members(request: OrganizationRequest, changed: Membership) -> HttpResponse:
    if changed.user_id == request.user.pk:
        return redirect("start")
    return redirect("members", org_slug=request.caller.organization.slug)


def _signed_in(request: HttpRequest) -> User:
    return cast(User, request.user)
