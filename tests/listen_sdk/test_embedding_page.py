"""/{org}/embedding: where an admin lists pages, finds the script, and tries it."""

import html
import uuid
from http import HTTPStatus

import pytest
from django.conf import settings

from anyreach.organizations.scopes import Role
from conversations.models import ListenSession, Status
from listen_sdk import VERSION, loader
from listen_sdk.models import EmbedOrigin
from tests.conversations.factories import make_agent, make_conversation, make_listen_session
from tests.listen_sdk.factories import make_embed_origin
from tests.organizations.factories import make_organization, signed_in

pytestmark = pytest.mark.django_db

PAGE = "/acme/embedding"


@pytest.fixture
def organization():
    return make_organization("acme", "Acme Dental")


@pytest.fixture
def admin(organization):
    return signed_in(organization)


def test_nobody_is_sent_to_sign_in(client, organization):
    for answer in (client.get(PAGE), client.post(PAGE, {"origin": "https://crm.example"})):
        assert answer.status_code == HTTPStatus.FOUND
        assert answer["Location"] == f"/accounts/sign-in?next={PAGE}"
    assert not EmbedOrigin.objects.exists()


def test_a_stranger_is_told_it_does_not_exist(organization):
    stranger = signed_in(make_organization())
    origin = make_embed_origin(organization)
    paths = [PAGE, f"{PAGE}/{origin.pk}/remove"]
    statuses = [stranger.post(path, {"origin": "x.example"}).status_code for path in paths]
    assert statuses == [HTTPStatus.NOT_FOUND] * 2
    assert list(EmbedOrigin.objects.all()) == [origin]


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_only_who_manages_the_organization_opens_it(organization, role):
    client = signed_in(organization, role)
    origin = make_embed_origin(organization)
    answers = [
        client.get(PAGE),
        client.post(PAGE, {"origin": "https://evil.example"}),
        client.post(f"{PAGE}/{origin.pk}/remove"),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.FORBIDDEN] * 3
    assert list(EmbedOrigin.objects.all()) == [origin]
    assert "Embedding" not in client.get("/acme/conversations").text


def test_an_origin_is_listed_and_removed(admin):
    assert "Any page may embed" in admin.get(PAGE).text
    listed = admin.post(PAGE, {"origin": "https://CRM.example/calls?x"}, follow=True)
    assert "Every page of https://crm.example may embed calls." in listed.text
    assert "Any page may embed" not in listed.text
    origin = EmbedOrigin.objects.get()
    assert origin.created_by is not None
    removed = admin.post(f"{PAGE}/{origin.pk}/remove", follow=True)
    assert "https://crm.example is not listed any more." in removed.text
    assert "Any page may embed" in removed.text
    late = admin.post(f"{PAGE}/{origin.pk}/remove")
    assert late.status_code == HTTPStatus.NOT_FOUND


def test_listing_twice_is_no_error(admin):
    for _ in range(2):
        answer = admin.post(PAGE, {"origin": "https://crm.example"}, follow=True)
    assert "https://crm.example was listed before." in answer.text
    assert EmbedOrigin.objects.count() == 1


def test_http_is_listed_with_a_warning_but_on_ones_own_machine(admin):
    assert "not https" in admin.post(PAGE, {"origin": "http://crm.example"}, follow=True).text
    EmbedOrigin.objects.all().delete()
    assert (
        "not https" not in admin.post(PAGE, {"origin": "http://localhost:3000"}, follow=True).text
    )


@pytest.mark.parametrize("pasted", ["", "*", "https://*.example", "null", "file:///x", "\0"])
def test_what_is_no_page_is_refused_in_words(admin, pasted):
    answer = admin.post(PAGE, {"origin": pasted})
    assert answer.status_code == HTTPStatus.OK
    assert "form-errors" in answer.text
    assert not EmbedOrigin.objects.exists()


def test_an_origin_of_another_organization_cannot_be_removed_through_ones_own(admin):
    origin = make_embed_origin(make_organization())
    assert admin.post(f"{PAGE}/{origin.pk}/remove").status_code == HTTPStatus.NOT_FOUND
    assert EmbedOrigin.objects.exists()


def test_the_script_can_be_copied_with_and_without_its_version(admin):
    text = html.unescape(admin.get(PAGE).text)
    assert f'<script src="{settings.BASE_URL}/public/listen-sdk" async></script>' in text
    assert f'src="{settings.BASE_URL}/public/listen-sdk/{VERSION}.js"' in text
    assert f'integrity="{loader.sri(VERSION)}"' in text


def test_a_live_call_of_ones_own_can_be_tried(admin, organization):
    live = make_conversation(organization, agent=make_agent(organization, name="Front desk"))
    others = [
        make_conversation(organization, status=Status.COMPLETED),
        make_conversation(organization, room_name=None),
        make_conversation(),
    ]
    answer = admin.get(PAGE)
    assert f"/core/conversations/{live.pk}/listener-token" in answer.text
    assert "Front desk" in answer.text
    assert not [other for other in others if str(other.pk) in answer.text]
    assert "frame-src 'self'" in answer["Content-Security-Policy"]


def test_without_a_live_call_it_says_how_to_get_one(admin):
    answer = admin.get(PAGE)
    assert "No call is live." in answer.text
    assert "pages/embedding" not in answer.text


def test_the_number_of_queries_does_not_grow(admin, organization, django_assert_num_queries):
    def fill():
        for _ in range(3):
            make_conversation(organization, agent=make_agent(organization))
            make_embed_origin(organization, f"https://{EmbedOrigin.objects.count()}.example")

    fill()
    admin.get(PAGE)
    with django_assert_num_queries(6) as counted:
        admin.get(PAGE)
    fill()
    with django_assert_num_queries(len(counted)):
        admin.get(PAGE)


def test_pages_that_are_not_listed_any_more_are_put_out(organization, admin, livekit_server):
    conversation = make_conversation(organization)
    embedded = {"source": ListenSession.Source.EMBED}
    crm = make_listen_session(conversation, origin="https://crm.example", **embedded)
    other = make_listen_session(conversation, origin="https://other.example", **embedded)
    dashboard = make_listen_session(conversation, source=ListenSession.Source.DASHBOARD)

    def revoked() -> set[uuid.UUID]:
        return set(ListenSession.objects.exclude(revoked_at=None).values_list("pk", flat=True))

    admin.post(PAGE, {"origin": "https://crm.example"})
    assert revoked() == {other.pk}
    admin.post(PAGE, {"origin": "https://third.example"})
    listed = EmbedOrigin.objects.get(origin="https://crm.example")
    admin.post(f"{PAGE}/{listed.pk}/remove")
    assert revoked() == {other.pk, crm.pk}
    assert dashboard.pk not in revoked()
