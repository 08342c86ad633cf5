"""Who heard a call: the panel Heard by, the ledger's page and file, and the listeners endpoints."""

import asyncio
import uuid
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.test import Client
from django.utils import timezone

from anyreach.organizations.scopes import Role
from conversations import ledger
from conversations.models import ListenEvent, ListenSession
from tests.callers import make_room
from tests.conversations.factories import make_conversation, make_listen_session
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_organization,
    signed_in,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def organization():
    return make_organization("acme")


@pytest.fixture
def conversation(organization):
    return make_conversation(organization)


def listeners(conversation, role=Role.ADMIN, organization=None):
    headers = bearer(make_api_key(organization or conversation.organization, role)[1])
    return Client().get(f"/core/conversations/{conversation.pk}/listeners", headers=headers)


def revoke(session, organization, role=Role.ADMIN):
    headers = bearer(make_api_key(organization, role, name="Ops")[1])
    address = f"/core/conversations/{session.conversation_id}/listeners/{session.pk}"
    return Client().delete(address, headers=headers)


def test_a_listener_and_its_renewals_are_one(conversation):
    first = make_listen_session(
        conversation,
        minted_at=NOW - timedelta(seconds=100),
        joined_at=NOW - timedelta(seconds=90),
        left_at=NOW - timedelta(seconds=40),
        seconds_in_room=50,
        seconds_audible=20,
        ended_how="stopped",
    )
    make_listen_session(
        conversation,
        first=first,
        minted_at=NOW - timedelta(seconds=50),
        joined_at=NOW - timedelta(seconds=45),
        left_at=NOW - timedelta(seconds=10),
        seconds_in_room=35,
        seconds_audible=5,
        ended_how="lost",
    )
    make_listen_session(conversation, minted_at=NOW - timedelta(seconds=5))
    never, renewed = listeners(conversation).json()
    assert (never["joined_at"], never["seconds_in_room"], never["ended_how"]) == (None, 0, "")
    assert renewed["id"] == str(first.pk)
    # They overlapped for five seconds: nobody was there longer than the clock says.
    assert (renewed["seconds_in_room"], renewed["seconds_audible"]) == (80, 25)
    assert (renewed["in_room"], renewed["ended_how"]) == (False, "lost")


def test_who_is_there_now_counts_until_now(conversation):
    since = timezone.now() - timedelta(seconds=30)
    make_listen_session(conversation, joined_at=since, in_room_since=since, audible_since=since)
    (there,) = listeners(conversation).json()
    assert there["in_room"]
    assert there["audible"]
    assert there["left_at"] is None
    assert 29 <= there["seconds_in_room"] <= 60


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_others_than_admins_are_not_told_who_listens(conversation, role):
    session = make_listen_session(conversation)
    assert listeners(conversation, role).status_code == HTTPStatus.FORBIDDEN
    assert revoke(session, conversation.organization, role).status_code == HTTPStatus.FORBIDDEN
    page = signed_in(conversation.organization, role).get(f"/acme/conversations/{conversation.pk}")
    assert page.status_code == HTTPStatus.OK
    assert "Heard by" not in page.content.decode()
    assert session.who not in page.content.decode()


def test_another_organizations_listeners_do_not_exist(conversation):
    session = make_listen_session(conversation)
    stranger = make_organization()
    assert listeners(conversation, organization=stranger).status_code == HTTPStatus.NOT_FOUND
    assert revoke(session, stranger).status_code == HTTPStatus.NOT_FOUND
    session.refresh_from_db()
    assert session.revoked_at is None


def test_a_listener_of_another_call_is_not_one_of_this(organization, conversation):
    session = make_listen_session(make_conversation(organization))
    headers = bearer(make_api_key(organization)[1])
    address = f"/core/conversations/{conversation.pk}/listeners/{session.pk}"
    assert Client().delete(address, headers=headers).status_code == HTTPStatus.NOT_FOUND


def test_closing_one_ear_closes_its_renewals_and_no_other(conversation, livekit_server):
    first = make_listen_session(conversation, ended_how="stopped")
    renewal = make_listen_session(conversation, first=first)
    other = make_listen_session(conversation)
    assert revoke(renewal, conversation.organization).status_code == HTTPStatus.NO_CONTENT
    assert revoke(renewal, conversation.organization).status_code == HTTPStatus.NO_CONTENT
    for session in (first, renewal, other):
        session.refresh_from_db()
    assert (first.ended_how, renewal.ended_how, other.ended_how) == ("revoked", "revoked", "")
    assert (first.revoked_by, other.revoked_at) == ("API key Ops", None)
    (line,) = ListenEvent.objects.all()
    assert (line.kind, line.details, line.session_id) == (
        "revoked",
        {"by": "API key Ops"},
        renewal.pk,
    )


def test_with_livekit_away_an_ear_is_closed_all_the_same(conversation, livekit_server):
    session = make_listen_session(conversation)
    livekit_server.stop()
    try:
        answer = revoke(session, conversation.organization)
    finally:
        livekit_server.start()
    assert answer.status_code == HTTPStatus.NO_CONTENT
    session.refresh_from_db()
    assert session.ended_how == ListenSession.Ended.REVOKED


def test_a_closed_listener_gets_no_renewal(organization, livekit_server):
    conversation = make_conversation(organization, room_name=f"room-{uuid.uuid4()}")
    asyncio.run(make_room(conversation.room_name))
    key, credential = make_api_key(organization, Role.SUPERVISOR)
    session = make_listen_session(conversation, api_key=key, room_name=conversation.room_name)
    revoke(session, organization)
    answer = Client().post(
        f"/core/conversations/{conversation.pk}/listener-token",
        {"renews": session.identity},
        content_type="application/json",
        headers=bearer(credential),
    )
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert answer.json() == {"detail": "This listener was closed by an administrator."}
    assert ListenEvent.objects.first().details["why"] == answer.json()["detail"]


def test_a_refused_attempt_is_written_down_with_who_what_and_why(organization, conversation):
    _, credential = make_api_key(organization, Role.VIEWER, name="Nosy")
    others = make_conversation(make_organization())
    for asked in (conversation, others):
        Client(headers={"User-Agent": "curl/8"}).post(
            f"/core/conversations/{asked.pk}/listener-token", headers=bearer(credential)
        )
    (line, second) = ListenEvent.objects.filter(organization=organization).order_by("sequence")
    assert (line.kind, line.who, line.conversation_id) == (
        "refused",
        "API key Nosy",
        conversation.pk,
    )
    assert line.details["why"] == "Your role does not allow this."
    assert line.details["ip"] == "127.0.0.1"
    assert second.conversation_id == others.pk
    assert not ListenEvent.objects.filter(organization=others.organization).exists()


def test_heard_by_shows_who_and_closes_them(organization, conversation, livekit_server):
    client = signed_in(organization)
    page = f"/acme/conversations/{conversation.pk}"
    assert "Nobody has listened in." in client.get(page).content.decode()
    session = make_listen_session(conversation, who="eva@example.com")
    part = client.get(f"{page}/heard-by").content.decode()
    assert "eva@example.com" in part
    assert "never came" in part
    answer = client.post(f"{page}/listeners/{session.pk}/revoke", follow=True)
    text = answer.content.decode()
    assert "eva@example.com does not hear this call any more." in text
    assert "Revoked by" in text


def append(organization, kind="minted", **given):
    defaults = {"at": timezone.now(), "who": "eva@example.com", "conversation_id": uuid.uuid4()}
    line = ledger.Line(ListenEvent.Kind(kind), **{**defaults, **given})
    return ledger.append(organization.pk, [line])[0]


def shown(client, query="") -> str:
    answer = client.get(f"/acme/listening{query}")
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()


def test_the_ledger_is_narrowed_by_each_filter(organization):
    client = signed_in(organization)
    wanted = append(organization, kind="joined", who="Otto@example.com")
    append(organization, at=timezone.now() - timedelta(days=9))
    day = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    for query in (
        "?who=otto",
        "?kind=joined",
        f"?conversation={wanted.conversation_id}",
        f"?after={day}",
    ):
        text = shown(client, query)
        assert "Otto@example.com" in text
        assert "eva@example.com" not in text
    assert "Otto@example.com" not in shown(client, f"?before={day}")


@pytest.mark.parametrize("query", ["?kind=x", "?conversation=x", "?after=x", "?who=" + "x" * 256])
def test_a_wrong_filter_shows_no_line_and_says_so(organization, query):
    append(organization)
    assert "eva@example.com" not in shown(signed_in(organization), query)


@pytest.mark.parametrize("older_than", ["x", "-1", "9" * 40, "1e5"])
def test_a_wrong_page_is_the_first(organization, older_than):
    append(organization)
    assert "eva@example.com" in shown(signed_in(organization), f"?older_than={older_than}")


def test_the_ledger_goes_on_over_pages(organization, django_assert_max_num_queries):
    for number in range(105):
        append(organization, who=f"listener{number}@example.com")
    client = signed_in(organization)
    with django_assert_max_num_queries(6):
        newest = shown(client)
    assert "listener104@" in newest
    assert "listener4@" not in newest
    assert "older_than=6" in newest
    older = shown(client, "?older_than=6")
    assert "listener4@" in older
    assert "listener104@" not in older


def test_the_file_is_narrowed_as_the_page_is(organization):
    append(organization, kind="joined", who="otto@example.com")
    append(organization)
    answer = signed_in(organization).get("/acme/listening.csv?kind=joined")
    text = b"".join(answer.streaming_content).decode()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "otto@example.com" in text
    assert "eva@example.com" not in text


@pytest.mark.parametrize("page", ["listening", "listening.csv"])
def test_the_ledger_is_for_admins_of_its_organization(organization, page):
    assert signed_in(organization, Role.SUPERVISOR).get(f"/acme/{page}").status_code == 403
    assert signed_in(make_organization()).get(f"/acme/{page}").status_code == 404
    assert Client().get(f"/acme/{page}").status_code == 302


def test_who_listens_now_stands_above_the_ledger_and_can_be_closed_there(
    organization, conversation, livekit_server, django_assert_max_num_queries
):
    client = signed_in(organization)
    assert "Listening now" not in shown(client)
    for number in range(5):
        first = make_listen_session(conversation, who=f"ear{number}@example.com", left_at=NOW)
        make_listen_session(conversation, first=first, in_room_since=NOW, joined_at=NOW)
    gone = make_listen_session(conversation, who="gone@example.com", joined_at=NOW, left_at=NOW)
    others = make_conversation(make_organization())
    make_listen_session(others, who="other@example.com", in_room_since=NOW, joined_at=NOW)
    with django_assert_max_num_queries(8):
        text = shown(client)
    assert "ear4@example.com" in text
    assert gone.who not in text
    assert "other@example.com" not in text
    address = f"/acme/conversations/{conversation.pk}/listeners/{first.pk}/revoke?from_ledger"
    assert address in text
    assert client.post(address)["Location"] == "/acme/listening"
    first.refresh_from_db()
    assert first.revoked_at


def test_all_ears_of_a_call_are_closed_at_once_and_no_others(
    organization, conversation, livekit_server, django_assert_max_num_queries
):
    ears = [make_listen_session(conversation) for _ in range(10)]
    other = make_listen_session(make_conversation(organization))
    headers = bearer(make_api_key(organization)[1])
    with django_assert_max_num_queries(10 * 10 + 10):
        answer = Client().delete(
            f"/core/conversations/{conversation.pk}/listeners", headers=headers
        )
    assert answer.status_code == HTTPStatus.NO_CONTENT
    closed = ListenSession.objects.filter(ended_how="revoked")
    assert set(closed) == set(ears)
    other.refresh_from_db()
    assert other.ended_how == ""
    assert ListenEvent.objects.filter(kind="revoked").count() == 10
    assert ledger.verify(organization.pk).wrong == ""


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_only_an_admin_closes_all_ears(conversation, role):
    make_listen_session(conversation)
    headers = bearer(make_api_key(conversation.organization, role)[1])
    address = f"/core/conversations/{conversation.pk}/listeners"
    assert Client().delete(address, headers=headers).status_code == HTTPStatus.FORBIDDEN
    assert not ListenSession.objects.exclude(ended_how="").exists()
