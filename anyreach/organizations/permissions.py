"""Whether who is asking may."""

from typing import Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from anyreach.organizations.caller import Caller


class AcceptsScopes(BasePermission):
    """Pass callers who hold any one scope of the view's `accepts: list[Scope]`."""

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Caller):
            raise NotAuthenticated("A credential is missing.")
        return request.auth.can(*view.accepts)
