"""What we tell allauth."""

from collections.abc import Iterable
from http import HTTPStatus

from allauth.account.adapter import DefaultAccountAdapter
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from anyreach import errors
from anyreach.organizations import standing
from anyreach.organizations.models import User

RETRY_AFTER_S = 60  # the time that allauth's limits on sign-in are counted over


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody comes in by themselves: accounts are made by invitations."""
        return False

    @transaction.atomic
    def set_password(self, user: User, password: str) -> None:
        super().set_password(user, password)
        standing.sign_in_changed(user)

    @transaction.atomic
    def logout(self, request: HttpRequest) -> None:
        user = request.user
        super().logout(request)
        if isinstance(user, User):
            standing.sign_in_changed(user)


class UserSessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]  # allauth has no types
    @transaction.atomic
    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        users = {session.user for session in sessions}
        super().end_sessions(sessions)
        for user in users:
            standing.sign_in_changed(user)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """handler429: what allauth answers when somebody tries too often."""
    sentence = "That was too often from here. Wait a minute, then try again."
    response = errors.answer(request, HTTPStatus.TOO_MANY_REQUESTS, sentence)
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response
