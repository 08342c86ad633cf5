"""Pages of an organization: who may open them, and what a page knows about who did."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import Concatenate, ParamSpec, Self, cast

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone

from anyreach.errors import Forbidden
from anyreach.organizations import standing
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Membership, User
from anyreach.organizations.scopes import Scope

P = ParamSpec("P")


class OrganizationRequest(HttpRequest):
    """What a view under @organization_page gets: somebody signed in, as a member."""

    user: User
    caller: Caller


Page = Callable[Concatenate[OrganizationRequest, P], HttpResponseBase]


class PageNotAllowed(Forbidden):
    detail = "Your role in this organization does not include this page. An admin can change that."


def organization_page(*scopes: Scope) -> Callable[[Page[P]], Callable[..., HttpResponseBase]]:
    """Open a page under `/<slug:org_slug>/` to members who hold any one of `scopes`.

    Sets `request.caller` and takes `org_slug` out of the view's arguments. Anonymous people are
    sent to sign in, whatever the slug; members of other organizations get 404; members whose
    role lacks the scope get a page that says so (403).
    """

    def decorate(page: Page[P]) -> Callable[..., HttpResponseBase]:
        @wraps(page)
        def guarded(
            request: HttpRequest, org_slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            memberships = Membership.objects.active().select_related("organization", "user")
            membership = memberships.filter(organization__slug=org_slug, user=request.user).first()
            if membership is None:
                raise Http404
            as_member = cast(OrganizationRequest, request)
            as_member.caller = Caller.of_member(membership)
            if not as_member.caller.can(*scopes):
                raise PageNotAllowed
            return page(as_member, *args, **kwargs)

        return guarded

    return decorate


@dataclass(frozen=True)
class Reader:
    """Who has a page open, for longer than the request that opened it."""

    caller: Caller
    session_key: str | None

    @classmethod
    def of(cls, request: OrganizationRequest) -> Self:
        return cls(request.caller, request.session.session_key)

    def may_go_on(self) -> bool:
        """Whether they are still signed in, with the rights that they opened it with."""
        scopes = standing.scopes_now(
            organization_id=self.caller.organization.pk,
            user_id=self.caller.user.pk if self.caller.user else None,
            api_key_id=None,
            token_id=None,
            now=timezone.now(),
        )
        return scopes == self.caller.scopes and self._is_signed_in()

    def _is_signed_in(self) -> bool:
        """As with each request: a session ends with its time, and with the password it came by."""
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
        return get_user(request) == self.caller.user


def installation(request: HttpRequest) -> dict[str, bool]:
    """Context processor: what depends on how this installation is set up."""
    return {"sends_email": settings.SENDS_EMAIL}
