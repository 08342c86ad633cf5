"""What browsers and proxies may keep of our answers: nothing, unless a view says otherwise."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class NoStore:
    """Middleware: what somebody was shown is not to be found after they have signed out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
