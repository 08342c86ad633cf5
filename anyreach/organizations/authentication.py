"""How the API learns who is asking: a bearer credential, or the session of one of our pages."""

from typing import Any, NoReturn
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from anyreach.organizations import credentials
from anyreach.organizations.caller import Caller
from anyreach.organizations.credentials import Credential
from anyreach.organizations.models import ApiKey, Membership, PersonalAccessToken, User

ORGANIZATION_HEADER = "X-Anyreach-Org"


class CallerRequest(Request):
    """What a view of the API gets: `auth` says who is asking."""

    auth: Caller


class NotAMember(exceptions.PermissionDenied):
    default_detail = f"You do not belong to the organization that {ORGANIZATION_HEADER} names."


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer ak_…` or `pat_…`; request.auth becomes a Caller.

    Every "no" about the credential itself reads the same, so that it tells nothing about which
    ids exist. 401, but 403 for an organization that the token's user is not in.
    """

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Caller] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        credential = Credential.read(text.strip())
        if credential is None:
            self._refuse()
        if credential.kind == "ak":
            return AnonymousUser(), self._caller_of_key(credential)
        membership, token = self._membership_of_token(request, credential)
        return membership.user, Caller.of_member(membership, token)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="AnyReach"'

    def _caller_of_key(self, credential: Credential) -> Caller:
        now = timezone.now()
        keys = ApiKey.objects.unexpired(now).filter(organization__is_active=True)
        known = keys.select_related("organization")
        row: ApiKey | None = known.filter(pk=credential.id).first()
        api_key = credentials.proven(row, credential.secret)
        if api_key is None:
            self._refuse()
        ApiKey.objects.mark_used(api_key, now)
        return Caller.of_key(api_key)

    def _membership_of_token(
        self, request: Request, credential: Credential
    ) -> tuple[Membership, PersonalAccessToken]:
        now = timezone.now()
        known = PersonalAccessToken.objects.unexpired(now).filter(user__is_active=True)
        row: PersonalAccessToken | None = known.filter(pk=credential.id).first()
        token = credentials.proven(row, credential.secret)
        if token is None:
            self._refuse()
        named = request.headers.get(ORGANIZATION_HEADER)
        if named is None:
            raise exceptions.AuthenticationFailed("Token is missing organization claim.")
        membership = membership_named(named, token.user_id)
        PersonalAccessToken.objects.mark_used(token, now)
        return membership, token

    def _refuse(self) -> NoReturn:
        raise exceptions.AuthenticationFailed("The credential is malformed, unknown or expired.")


class SessionAuthentication(authentication.SessionAuthentication):
    """A page of ours: session cookie, X-CSRFToken (Django's) and X-Anyreach-Org."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        user, _ = signed_in
        named = request.headers.get(ORGANIZATION_HEADER)
        if named is None:
            raise exceptions.AuthenticationFailed(f"The header {ORGANIZATION_HEADER} is missing.")
        return user, Caller.of_member(membership_named(named, user.pk))

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise exceptions.PermissionDenied("The CSRF token is missing or wrong.") from error


def membership_named(organization_id: str, user_id: Any) -> Membership:
    """Return the user's membership in the organization a header names. Raises NotAMember (403)."""
    try:
        organization = UUID(organization_id)
    except ValueError:
        raise NotAMember from None
    memberships = Membership.objects.active().select_related("organization", "user")
    theirs = memberships.filter(organization=organization, user=user_id)
    membership: Membership | None = theirs.first()
    if membership is None:
        raise NotAMember
    return membership
