"""/public/listen/…: what the frame asks with its listener token."""

import uuid
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.conf import settings
from django.test import Client

from anyreach.gateways.livekit import tokens
from anyreach.organizations.scopes import Role
from anyreach.organizations.standing import set_organization_active, set_user_active
from conversations.models import ListenEvent, ListenSession, Status
from listen_sdk.embedding import REFUSALS_AT_MOST
from tests.conversations.factories import make_conversation, make_turn
from tests.listen_sdk.factories import make_embed_origin, make_listener
from tests.organizations.factories import bearer, make_api_key, make_member, make_organization

pytestmark = pytest.mark.django_db

SESSION, SOUND, LINES = (f"/public/listen/{name}" for name in ("session", "sound", "lines"))
CRM = "https://crm.example"
ASKS = [("post", SESSION), ("get", SESSION), ("post", SOUND), ("get", LINES)]
Ended = ListenSession.Ended


@pytest.fixture
def organization():
    return make_organization()


@pytest.fixture
def conversation(organization):
    return make_conversation(organization)


def ask(method, url, token, body=None):
    return getattr(Client(enforce_csrf_checks=True), method)(
        url,
        **({} if method == "get" else {"data": body or {}, "content_type": "application/json"}),
        headers=bearer(token),
    )


def greet(token, embed, origin=CRM):
    return ask("post", SESSION, token, {"embed": str(embed), "origin": origin})


# --- Who is asking --------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "url"), ASKS)
def test_nobody_is_asked_for_a_token(method, url, conversation):
    _, expired = make_listener(conversation, ttl_s=-120)
    visitor = tokens.visitor_token(
        room=conversation.room_name, identity="guest", ttl=timedelta(minutes=1), agent_name=None
    )
    recorder = tokens.recorder_token(room=conversation.room_name, identity="recorder-1")
    key = make_api_key(conversation.organization)[1]
    for token in ("", "x", "é", "a.b.c", expired, visitor, recorder, key):
        answer = ask(method, url, token)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, token
        assert answer.json() == {"detail": "The listener token is missing, not ours, or over."}
        assert "WWW-Authenticate" in answer


@pytest.mark.parametrize(("method", "url"), ASKS)
def test_a_session_cookie_opens_nothing(method, url, organization):
    client = Client()
    client.force_login(make_member(organization).user)
    assert getattr(client, method)(url).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(("method", "url"), ASKS)
def test_a_token_signed_with_another_secret_is_not_ours(method, url, conversation, settings):
    session, _ = make_listener(conversation)
    ours = settings.LIVEKIT_API_SECRET
    settings.LIVEKIT_API_SECRET = "another secret, which is long enough for HS256"
    forged = tokens.listener_token(
        room=session.room_name,
        identity=session.identity,
        ttl=timedelta(minutes=5),
        embed_id=conversation.organization.embed_id,
    )
    settings.LIVEKIT_API_SECRET = ours
    assert ask(method, url, forged).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(("method", "url"), ASKS)
def test_answers_are_kept_by_nobody_and_open_to_no_other_origin(method, url, conversation):
    _, token = make_listener(conversation)
    answer = ask(method, url, token)
    assert answer["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer
    assert not answer.cookies
    assert token not in answer.content.decode()


# --- POST session ---------------------------------------------------------------------------


def test_while_no_origin_is_listed_any_page_hears_and_is_noted(organization, conversation):
    session, token = make_listener(conversation)
    assert greet(token, organization.embed_id).status_code == HTTPStatus.NO_CONTENT
    session.refresh_from_db()
    assert (session.source, session.origin) == ("embed", CRM)


def test_the_first_page_stays_noted(organization, conversation):
    session, token = make_listener(conversation)
    for origin in (CRM, "https://second.example"):
        assert greet(token, organization.embed_id, origin).status_code == HTTPStatus.NO_CONTENT
    session.refresh_from_db()
    assert session.origin == CRM


def test_a_token_of_the_dashboards_stays_one(organization, conversation):
    session, token = make_listener(conversation, source="dashboard", origin="")
    assert greet(token, organization.embed_id, settings.BASE_URL).status_code == 204
    session.refresh_from_db()
    assert (session.source, session.origin) == ("dashboard", "")


@pytest.mark.parametrize("origin", [CRM, settings.BASE_URL], ids=["listed", "ours"])
def test_a_listed_page_and_ours_hear(organization, conversation, origin):
    make_embed_origin(organization, CRM)
    _, token = make_listener(conversation)
    assert greet(token, organization.embed_id, origin).status_code == HTTPStatus.NO_CONTENT


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://crm.example/", CRM + ":8443", "*"]
)
def test_a_page_that_is_not_listed_is_refused_and_written_down(organization, conversation, origin):
    make_embed_origin(organization, CRM)
    session, token = make_listener(conversation)
    answer = greet(token, organization.embed_id, origin)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert origin in answer.json()["detail"]
    assert "page Embedding of AnyReach" in answer.json()["detail"]
    event = ListenEvent.objects.get()
    assert (event.kind, event.who, event.session_id) == ("refused", session.who, session.pk)
    assert event.details == {"why": answer.json()["detail"], "origin": origin}
    session.refresh_from_db()
    assert (session.source, session.origin) == ("api", "")


def test_a_frame_of_an_organization_that_lists_nothing_lets_no_others_token_in(conversation):
    make_embed_origin(conversation.organization, CRM)
    open_to_all = make_organization()
    _, token = make_listener(conversation)
    for embed in (open_to_all.embed_id, uuid.uuid4(), "x"):
        answer = greet(token, embed, "https://evil.example")
        assert answer.status_code == HTTPStatus.FORBIDDEN
    refusals = ListenEvent.objects.filter(organization=conversation.organization)
    assert refusals.count() == 3
    assert not ListenEvent.objects.filter(organization=open_to_all).exists()


def test_a_hostile_page_cannot_fill_the_ledger(organization, conversation):
    make_embed_origin(organization, CRM)
    _, token = make_listener(conversation)
    for number in range(REFUSALS_AT_MOST + 3):
        answer = greet(token, organization.embed_id, f"https://evil{number}.example")
        assert answer.status_code == HTTPStatus.FORBIDDEN
    assert ListenEvent.objects.count() == REFUSALS_AT_MOST


@pytest.mark.parametrize("ended_how", [Ended.REVOKED, Ended.EXPIRED, Ended.CALL_ENDED])
def test_an_ended_session_does_not_hear_again(organization, conversation, ended_how):
    _, token = make_listener(conversation, ended_how=ended_how)
    assert greet(token, organization.embed_id).status_code == HTTPStatus.UNAUTHORIZED
    assert ask("get", LINES, token).status_code == HTTPStatus.FORBIDDEN
    assert ask("get", SESSION, token).json() == {"ended_how": ended_how}


@pytest.mark.parametrize("ended_how", ["", Ended.STOPPED, Ended.LOST])
def test_who_has_stopped_or_lost_it_may_come_back(organization, conversation, ended_how):
    _, token = make_listener(conversation, ended_how=ended_how)
    assert greet(token, organization.embed_id).status_code == HTTPStatus.NO_CONTENT


def test_an_owner_who_is_too_late_is_only_told_how_it_ended(organization, conversation):
    _, token = make_listener(conversation, ttl_s=-20)
    assert greet(token, organization.embed_id).status_code == HTTPStatus.UNAUTHORIZED
    assert ask("get", LINES, token).status_code == HTTPStatus.FORBIDDEN
    assert ask("get", SESSION, token).json() == {"ended_how": ""}


def test_of_a_call_that_is_over_nothing_is_heard(organization):
    over = make_conversation(organization, status=Status.COMPLETED)
    _, token = make_listener(over)
    assert greet(token, organization.embed_id).status_code == HTTPStatus.CONFLICT
    assert ask("get", LINES, token).status_code == HTTPStatus.FORBIDDEN


def test_who_was_shut_out_meanwhile_is_refused_at_once(organization, conversation):
    session, token = make_listener(conversation)
    set_user_active(session.user, False)
    assert greet(token, organization.embed_id).status_code == HTTPStatus.UNAUTHORIZED
    assert ask("get", LINES, token).status_code == HTTPStatus.FORBIDDEN


def test_an_organization_that_was_shut_is_refused_at_once(organization, conversation):
    _, token = make_listener(conversation)
    set_organization_active(organization, False)
    assert greet(token, organization.embed_id).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"embed": "x"},
        {"embed": "x", "origin": ""},
        {"embed": [], "origin": CRM},
        {"embed": "x", "origin": {}},
        [],
        "1",
        '"x"',
    ],
)
def test_a_body_of_another_form_is_refused(conversation, body):
    _, token = make_listener(conversation)
    answer = ask("post", SESSION, token, body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_fields_that_are_not_known_are_let_pass(organization, conversation):
    _, token = make_listener(conversation)
    body = {"embed": str(organization.embed_id), "origin": CRM, "later": 1}
    assert ask("post", SESSION, token, body).status_code == HTTPStatus.NO_CONTENT


@pytest.mark.parametrize("url", [SESSION, SOUND])
def test_a_body_that_is_too_large_is_not_read(conversation, url):
    _, token = make_listener(conversation)
    answer = ask("post", url, token, {"origin": "x" * settings.API_BODY_MAX_BYTES})
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


# --- The others -----------------------------------------------------------------------------


def test_when_it_is_audible_is_written_down(conversation):
    session, token = make_listener(conversation)
    for audible in (True, True, False):
        assert ask("post", SOUND, token, {"audible": audible}).status_code == 204
    kinds = ListenEvent.objects.order_by("sequence").values_list("kind", "told_by")
    assert list(kinds) == [("audible", "browser"), ("muted", "browser")]
    assert {event.session_id for event in ListenEvent.objects.all()} == {session.pk}


@pytest.mark.parametrize("body", [{}, {"audible": "perhaps"}, {"audible": []}, [True]])
def test_what_is_neither_audible_nor_not_is_refused(conversation, body):
    _, token = make_listener(conversation)
    assert ask("post", SOUND, token, body).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not ListenEvent.objects.exists()


def test_whoever_may_read_gets_what_was_said(conversation):
    for number in range(3):
        make_turn(conversation, text=f"Sentence {number}.", segment_id=f"SG_{number}")
    make_turn(make_conversation(conversation.organization), text="Elsewhere.")
    _, token = make_listener(conversation)
    lines = ask("get", LINES, token).json()["lines"]
    assert [line["text"] for line in lines] == ["Sentence 0.", "Sentence 1.", "Sentence 2."]
    assert lines[0]["segment_id"] == "SG_0"


def test_the_number_of_queries_does_not_grow_with_the_lines(
    conversation, django_assert_max_num_queries
):
    for _ in range(5):
        make_turn(conversation)
    _, token = make_listener(conversation)
    with django_assert_max_num_queries(4):  # the session, may it hear, its scopes, the turns
        assert ask("get", LINES, token).status_code == HTTPStatus.OK


def test_whoever_may_hear_but_not_read_gets_none(conversation):
    session, token = make_listener(conversation)
    session.user.memberships.update(role=Role.VIEWER)
    assert ask("get", LINES, token).status_code == HTTPStatus.FORBIDDEN


def test_unknown_addresses_beside_answer_in_json(client):
    answer = client.get("/public/listen/nothing")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
