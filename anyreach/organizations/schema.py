"""What the OpenAPI document says about every operation: who may, and how a "no" looks."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers


class FieldErrorOut(serializers.Serializer[Any]):
    field = serializers.CharField()
    message = serializers.CharField()


class ErrorOut(serializers.Serializer[Any]):
    detail = serializers.CharField(help_text="A sentence for people.")
    errors = FieldErrorOut(  # type: ignore[assignment]  # a field of this name, not the property
        many=True, required=False, help_text="With 422: what is wrong where."
    )


class ApiSchema(AutoSchema):
    """Adds to an operation what holds for all: accepted scopes, the header, and the errors."""

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's own signature
        scopes = " or ".join(f"`{scope}`" for scope in getattr(self.view, "accepts", []))
        needs = f"Scopes: {scopes}." if scopes else ""
        return "\n\n".join(filter(None, [super().get_description(), needs]))

    def get_override_parameters(self) -> list[Any]:
        organization = OpenApiParameter(
            "X-Anyreach-Org",
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            description="The organization's id. An API key has its own: with one this is not read.",
        )
        return [*super().get_override_parameters(), organization] if self.get_auth() else []

    def map_parsers(self) -> list[str]:
        return ["application/json"]

    def get_operation(self, *args: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args)
        if operation is not None:
            for status in self._refusals():
                operation["responses"].setdefault(str(status.value), self._refusal(status))
        return operation

    def _refusals(self) -> list[HTTPStatus]:
        statuses = [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN] if self.get_auth() else []
        if "{" in self.path:
            statuses.append(HTTPStatus.NOT_FOUND)
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses += [HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY]
        return [*statuses, HTTPStatus.SERVICE_UNAVAILABLE]

    def _refusal(self, status: HTTPStatus) -> dict[str, Any]:
        error = self.resolve_serializer(ErrorOut, "response").ref
        return {"description": status.phrase, "content": {"application/json": {"schema": error}}}


class StrictScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = "anyreach.bodies.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "anyreach.organizations.authentication.BearerAuthentication"
    name = "Bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": (
                "An organization's API key, `ak_<id>.<secret>`, or a personal access token, "
                "`pat_<id>.<secret>`. With a token, the header `X-Anyreach-Org: <organization id>` "
                "says in which organization; without it the answer is 401."
            ),
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "anyreach.organizations.authentication.SessionAuthentication"
    name = "Session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": (
                "For AnyReach's own pages: the session cookie with `X-Anyreach-Org` and, to "
                "change something, `X-CSRFToken`."
            ),
        }
