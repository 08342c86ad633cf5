"""What the OpenAPI document says about credentials."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class BearerScheme(OpenApiAuthenticationExtension):
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


class SessionScheme(OpenApiAuthenticationExtension):
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
