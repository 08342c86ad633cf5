"""The API against its own description: no 500, no answer that the document does not tell."""

import json

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode

from anyreach.organizations.scopes import Role
from tests.conversations.factories import (
    make_agent,
    make_conversation,
    make_listen_session,
    make_phone_number,
    make_turn,
)
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_invitation,
    make_member,
    make_organization,
)
from tests.transfer.factories import make_transfer

EXAMPLES = 10

CONFIG = schemathesis.Config.from_dict(
    {
        # PostgreSQL cannot keep NUL: no text may have one (anyreach/bodies.py).
        "generation": {"allow-x00": False},
        "checks": {
            "positive_data_acceptance": {
                # A document cannot tell that an id is unknown, a name taken, or a time over.
                "expected-statuses": ["2xx", 401, 403, 404, 409, 422]
            }
        },
        "operations": [
            {
                # Refused lines are told in the answer, and stop no others.
                "include-path": "/core/conversations/import",
                "checks": {"negative_data_rejection": {"enabled": False}},
                # Its body is so deep that the thousands of those cases take a minute.
                "phases": {"coverage": {"enabled": False}},
            }
        ],
    }
)
document = schemathesis.openapi.from_wsgi(
    "/core/openapi.json", get_wsgi_application(), config=CONFIG
)


@schemathesis.serializer("application/x-ndjson")
def one_line(context, value):
    return json.dumps(value).encode()


@pytest.fixture
def one_connection(db):
    """Requests stay in the test's transaction, as Django's own test client has it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def things(one_connection, livekit_server):
    """One of everything that an address names, in an organization."""
    organization = make_organization()
    conversation = make_conversation(organization)
    make_turn(conversation)
    return {
        "organization": organization,
        "conversation_id": conversation.pk,
        "phone_number": conversation.user_id,
        "transfer_id": make_transfer(conversation).pk,
        "session_id": make_listen_session(conversation).pk,
        "agent_id": make_agent(organization).pk,
        "phone_number_id": make_phone_number(organization).pk,
        "member_id": make_member(organization).pk,
        "key_id": make_api_key(organization)[0].pk,
        "invitation_id": make_invitation(organization, "x@example.com", "viewer")[0].pk,
    }


@pytest.fixture(params=["admin", "viewer", "nobody"])
def headers(request, things):
    if request.param == "nobody":
        return {}
    return bearer(make_api_key(things["organization"], Role(request.param))[1])


@document.parametrize()
@settings(
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_each_operation_answers_as_it_is_documented(case, things, headers):
    if case.meta.generation.mode == GenerationMode.POSITIVE:
        case.path_parameters = {name: str(things[name]) for name in case.path_parameters}
    case.call_and_validate(headers=headers)
