"""POST /core/conversations/{id}/listener-token: who gets a token, and what it can do."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import jwt
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from anyreach.organizations.scopes import Role
from conversations.models import Channel, ListenEvent, ListenSession, Status
from tests.callers import make_room
from tests.conversations.factories import make_conversation
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_member,
    make_organization,
    make_token,
)

pytestmark = pytest.mark.django_db


def url_of(conversation) -> str:
    return f"/core/conversations/{getattr(conversation, 'pk', conversation)}/listener-token"


@pytest.fixture
def organization():
    return make_organization()


@pytest.fixture
def live(organization, livekit_server):
    """A conversation in progress whose room is on the server."""
    conversation = make_conversation(organization, room_name=f"room-{uuid.uuid4()}")
    asyncio.run(make_room(conversation.room_name))
    return conversation


def headers_of(organization, kind: str, role: Role) -> tuple[Client, dict[str, str]]:
    """Return a client and headers of a caller with `role`, known by session, key or token."""
    client = Client()
    org = {"X-Anyreach-Org": str(organization.pk)}
    if kind == "ak":
        return client, bearer(make_api_key(organization, role)[1])
    member = make_member(organization, role)
    if kind == "pat":
        return client, {**bearer(make_token(member.user)[1]), **org}
    client.force_login(member.user)
    return client, org


def ask(organization, conversation, *, kind="ak", role=Role.SUPERVISOR, body=""):
    client, headers = headers_of(organization, kind, role)
    return client.post(
        url_of(conversation), data=body, content_type="application/json", headers=headers
    )


def claims_of(token: str) -> dict:
    return jwt.decode(token, settings.LIVEKIT_API_SECRET, algorithms=["HS256"])


def test_the_whole_claim_set_is_what_a_listener_needs_and_nothing_else(organization, live):
    before = timezone.now().timestamp()
    answer = ask(organization, live)
    assert answer.status_code == HTTPStatus.OK
    claims = claims_of(answer.json()["token"])
    session = ListenSession.objects.get()
    assert before - 1 <= claims.pop("nbf") <= before + 5
    assert abs(claims.pop("exp") - session.expires_at.timestamp()) < 2
    assert claims == {
        "iss": settings.LIVEKIT_API_KEY,
        "sub": f"listener-{session.pk}",
        "kind": "agent",
        "attributes": {"anyreach.embed": str(organization.embed_id)},
        "video": {
            "roomJoin": True,
            "room": live.room_name,
            "hidden": True,
            "canSubscribe": True,
            "canPublish": False,
            "canPublishData": False,
            "canUpdateOwnMetadata": False,
        },
    }


@pytest.mark.parametrize("kind", ["session", "ak", "pat"])
@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPERVISOR])
def test_whoever_may_hear_gets_a_token_that_nobody_keeps(organization, live, kind, role):
    answer = ask(organization, live, kind=kind, role=role)
    assert answer.status_code == HTTPStatus.OK
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert set(body) == {"url", "token", "room_name", "expires_at"}
    assert body["url"] == settings.LIVEKIT_PUBLIC_URL
    assert body["room_name"] == live.room_name
    life = datetime.fromisoformat(body["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < life <= timedelta(minutes=15)
    session = ListenSession.objects.get()
    assert session.source == ("dashboard" if kind == "session" else "api")
    assert session.who


@pytest.mark.parametrize("kind", ["session", "ak", "pat"])
def test_a_viewer_is_refused(organization, live, kind):
    answer = ask(organization, live, kind=kind, role=Role.VIEWER)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert answer.json() == {"detail": "Your role does not allow this."}
    assert not ListenSession.objects.exists()


def test_nobody_is_asked_who_they_are(live):
    answer = Client().post(url_of(live))
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert set(answer.json()) == {"detail"}


def test_an_unknown_conversation_is_not_found(organization):
    answer = ask(organization, uuid.uuid4())
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_anothers_conversation_does_not_exist(organization, live):
    answer = ask(make_organization(), live)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    "status", [status for status in Status if status not in ("triggered", "ringing", "in_progress")]
)
def test_what_is_not_active_cannot_be_heard(organization, status):
    answer = ask(organization, make_conversation(organization, status=status))
    assert answer.status_code == HTTPStatus.CONFLICT
    assert answer.json() == {
        "detail": "This conversation is not active. Only an active one can be heard."
    }


@pytest.mark.parametrize("room_name", [None, "a-room-that-is-gone"])
def test_without_a_room_there_is_nothing_to_hear(organization, livekit_server, room_name):
    conversation = make_conversation(organization, channel=Channel.TELEPHONE, room_name=room_name)
    answer = ask(organization, conversation)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert answer.json() == {"detail": "This conversation has no LiveKit room."}


def test_with_livekit_away_it_says_when_to_come_back(organization, live, livekit_server):
    livekit_server.stop()
    try:
        answer = ask(organization, live)
    finally:
        livekit_server.start()
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json() == {"detail": "LiveKit does not answer. Try again in a few seconds."}
    assert int(answer["Retry-After"]) > 0
    assert not ListenSession.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", HTTPStatus.BAD_REQUEST),
        ('"text"', HTTPStatus.UNPROCESSABLE_ENTITY),
        ('{"unknown": 1}', HTTPStatus.UNPROCESSABLE_ENTITY),
        ('{"\\u0000": 1}', HTTPStatus.BAD_REQUEST),
        ('{"\\ud800": 1}', HTTPStatus.BAD_REQUEST),
        (f'{{"{"x" * 9999}": 1}}', HTTPStatus.UNPROCESSABLE_ENTITY),
        ('{"renews": 5}', HTTPStatus.UNPROCESSABLE_ENTITY),
        ('{"renews": "listener-of-nobody"}', HTTPStatus.UNPROCESSABLE_ENTITY),
        (f'{{"renews": "listener-{uuid.UUID(int=1)}"}}', HTTPStatus.UNPROCESSABLE_ENTITY),
        ("x" * (1024 * 1024 + 1), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ],
)
def test_a_bad_body_has_its_code_and_makes_no_session(organization, live, body, status):
    answer = ask(organization, live, body=body)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert ListenEvent.objects.get().kind == "refused"
    assert not ListenSession.objects.exists()


def test_a_renewal_belongs_to_the_same_listener(organization, live):
    client, headers = headers_of(organization, "ak", Role.SUPERVISOR)
    identities = []
    for _ in range(3):
        body = {"renews": identities[-1]} if identities else {}
        answer = client.post(url_of(live), body, content_type="application/json", headers=headers)
        identities.append(claims_of(answer.json()["token"])["sub"])
    assert len(set(identities)) == 3
    first = ListenSession.objects.get(first=None)
    assert first.identity == identities[0]
    assert first.renewals.count() == 2


def test_nobody_renews_anothers_listening(organization, live):
    ask(organization, live)
    others = ListenSession.objects.get().identity
    answer = ask(organization, live, body=f'{{"renews": "{others}"}}')
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["field"] == "renews"


def test_no_token_is_ever_logged(organization, live, caplog):
    caplog.set_level("DEBUG")
    token = ask(organization, live).json()["token"]
    assert token not in caplog.text
