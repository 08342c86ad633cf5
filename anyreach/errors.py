"""How a "no" is said: one sentence, as JSON to programs and as a page to people."""

import sys
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

# PostgreSQL does not answer, or cannot do it now: its disk is full, it is starting, it gave way.
DATABASE_AWAY = (OperationalError, InterfaceError)
JSON_PREFIXES = ("/core/", "/admin/", "/livekit/", "/public/listen/")


class DomainError(Exception):
    """A refusal with a name. Subclasses set `status` and, as `detail`, a sentence for people."""

    status: HTTPStatus
    detail: str
    retry_after_s: int | None = None

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}


class NotThere(DomainError):
    status = HTTPStatus.NOT_FOUND
    detail = "Not found."


class Forbidden(DomainError):
    status = HTTPStatus.FORBIDDEN
    detail = "Your role does not allow this."


class Conflict(DomainError):
    status = HTTPStatus.CONFLICT
    detail = "The present state does not allow this."


class TooLarge(DomainError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    detail = "The request is too large."


class Away(DomainError):
    """A component that this needs does not answer. `detail` names it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_s = 5


class DatabaseAway(Away):
    detail = "The database does not answer, or cannot write. Please try again in a moment."


class Invalid(DomainError):
    """One field cannot be what it is: 422."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.errors = [{"field": field, "message": message}]


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler: every refusal as {"detail"}, and 422 with {"errors": [{field, message}]}."""
    if isinstance(error, Http404):
        # Django's own names the model.
        error = NotThere()
    if isinstance(error, DomainError):
        set_rollback()
        return Response(body_of(error), status=error.status, headers=error.headers)
    if isinstance(error, exceptions.ValidationError):
        set_rollback()
        errors = list(field_errors(error.detail))
        detail = " ".join(f"{each['field']}: {each['message']}" for each in errors)
        return Response(
            {"detail": detail, "errors": errors}, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    return exception_handler(error, context)


def body_of(error: DomainError) -> dict[str, Any]:
    errors = {"errors": error.errors} if isinstance(error, Invalid) else {}
    return {"detail": error.detail, **errors}


def field_errors(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested ValidationError detail to {field: dotted path, message}."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            # What is wrong with one value of a list is said of the list.
            of_list = isinstance(name, int) and not isinstance(inner, Mapping)
            own = name == "non_field_errors" or of_list
            path = f"{field}.{name}".lstrip(".")
            yield from field_errors(inner, field if own else path)
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from field_errors(inner, field)
    else:
        yield {"field": field or "body", "message": str(detail)}


def answer(request: HttpRequest, status: HTTPStatus, detail: str) -> HttpResponse:
    """Say `detail` the way the asker reads: JSON under the API's addresses, else a page."""
    if request.path.startswith(JSON_PREFIXES):
        return JsonResponse({"detail": detail}, status=status)
    return render(request, "error.html", {"status": status.value, "detail": detail}, status=status)


class ErrorPages:
    """Middleware: a DomainError raised by a page becomes a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return refuse(request, error) if isinstance(error, DomainError) else None


def refuse(request: HttpRequest, error: DomainError) -> HttpResponse:
    response = answer(request, error.status, error.detail)
    for name, value in error.headers.items():
        response[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, HTTPStatus.BAD_REQUEST, "This request could not be read.")


def permission_denied(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    return answer(request, HTTPStatus.FORBIDDEN, str(exception) or Forbidden.detail)


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    return answer(request, HTTPStatus.NOT_FOUND, NotThere.detail)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error that nobody foresaw: Django calls this while it is being handled."""
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        return refuse(request, DatabaseAway())
    return answer(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong on our side. It has been logged.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(
        request,
        HTTPStatus.FORBIDDEN,
        "This form is out of date. Go back, reload the page and try again.",
    )
