"""Asking the API to call a telephone."""

import json
from typing import Any

from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Role
from tests.organizations.factories import bearer, make_api_key

NUMBER = "+4930555010"


def ask_for_call(organization: Organization, role: str = Role.ADMIN, **body: Any) -> Any:
    """Ask as a program with a new key of `role`, for a call to NUMBER unless `body` says other."""
    return Client().post(
        "/core/conversations",
        json.dumps({"channel": "telephone", "user_id": NUMBER, **body}),
        content_type="application/json",
        headers=bearer(make_api_key(organization, role)[1]),
    )


def dials() -> int:
    """Return how many calls wait to be dialled."""
    return ProcrastinateJob.objects.filter(task_name="phones.dial").count()
