"""What we tell allauth."""

from http import HTTPStatus

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse

from anyreach import errors

RETRY_AFTER_S = 60  # the time that allauth's limits on sign-in are counted over


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody comes in by themselves: accounts are made by invitations."""
        return False


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """handler429: what allauth answers when somebody tries too often."""
    sentence = "That was too often from here. Wait a minute, then try again."
    response = errors.answer(request, HTTPStatus.TOO_MANY_REQUESTS, sentence)
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response
