"""/admin/invitations."""

from datetime import timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from anyreach.organizations import invitations
from anyreach.organizations.caller import Caller
from anyreach.organizations.members import MoreThanTheGiver
from anyreach.organizations.models import Invitation
from anyreach.organizations.scopes import Role, Scope
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_invitation,
    make_member,
    make_organization,
    make_token,
)

pytestmark = pytest.mark.django_db

INVITATIONS = "/admin/invitations"


@pytest.fixture
def admin():
    return make_member(role=Role.ADMIN)


@pytest.fixture
def headers(admin):
    _, token = make_token(admin.user)
    return bearer(token, admin.organization)


def post(client, headers, body):
    return client.post(INVITATIONS, body, "application/json", headers=headers)


def test_an_invitation_is_made_and_its_link_shown_once(client, admin, headers):
    made = post(client, headers, {"email": "New@Example.com", "role": "supervisor"})
    body = made.json()
    assert made.status_code == HTTPStatus.CREATED
    assert made.headers["Cache-Control"] == "no-store"
    assert (body["email"], body["role"]) == ("new@example.com", "supervisor")
    assert body["invited_by"] == str(admin.user_id)
    assert body["link"].startswith("http")

    listed = client.get(INVITATIONS, headers=headers).json()
    assert listed == [{name: value for name, value in body.items() if name != "link"}]


def test_a_second_invitation_replaces_the_first(client, headers, settings):
    first = post(client, headers, {"email": "new@example.com", "role": "admin"}).json()["link"]
    second = post(client, headers, {"email": "NEW@example.com"}).json()["link"]
    assert Invitation.objects.get().role == Role.VIEWER
    paths = [link.removeprefix(settings.BASE_URL) for link in (first, second)]
    assert [client.get(path).status_code for path in paths] == [404, 200]


def test_a_member_is_not_invited_again(client, admin, headers):
    answer = post(client, headers, {"email": admin.user.email.upper()})
    assert answer.status_code == HTTPStatus.CONFLICT


def test_an_invitation_is_withdrawn(client, admin, headers):
    invitation, link = make_invitation(admin.organization)
    url = f"{INVITATIONS}/{invitation.pk}"
    assert client.delete(url, headers=headers).status_code == HTTPStatus.NO_CONTENT
    assert client.delete(url, headers=headers).status_code == HTTPStatus.NOT_FOUND
    assert client.get(link).status_code == HTTPStatus.NOT_FOUND


def test_old_ones_are_not_listed(client, admin, headers):
    make_invitation(admin.organization)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(INVITATIONS, headers=headers).json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@example.com\nBcc: b@example.com"}, "email"),
        ({"email": f"{'a' * 250}@example.com"}, "email"),
        ({"email": "a@example.com", "role": "owner"}, "role"),
        ({"email": "a@example.com", "organization_id": "x"}, "organization_id"),
    ],
)
def test_a_bad_field_is_422_and_named(client, headers, body, field):
    answer = post(client, headers, body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_roles_without_the_scope_are_403(client, role):
    membership = make_member(role=role)
    invitation, _ = make_invitation(membership.organization)
    headers = bearer(make_api_key(membership.organization, role)[1])
    answers = [
        client.get(INVITATIONS, headers=headers),
        post(client, headers, {"email": "a@example.com"}),
        client.delete(f"{INVITATIONS}/{invitation.pk}", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.FORBIDDEN] * 3


def test_a_stranger_is_told_it_does_not_exist(client, headers):
    theirs, _ = make_invitation()
    answers = [
        client.delete(f"{INVITATIONS}/{theirs.pk}", headers=headers),
        client.delete(f"{INVITATIONS}/{uuid4()}", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.NOT_FOUND] * 2
    assert client.get(INVITATIONS, headers=headers).json() == []


def test_nobody_is_401(client):
    answers = [
        client.get(INVITATIONS),
        post(client, {}, {"email": "a@example.com"}),
        client.delete(f"{INVITATIONS}/{uuid4()}"),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.UNAUTHORIZED] * 3


def test_the_link_is_e_mailed_where_e_mail_is_set_up(
    client, headers, settings, django_capture_on_commit_callbacks
):
    settings.SENDS_EMAIL = True
    with django_capture_on_commit_callbacks(execute=True):
        link = post(client, headers, {"email": "new@example.com"}).json()["link"]
    [letter] = mail.outbox
    assert letter.to == ["new@example.com"]
    assert link in letter.body


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_cannot_be_sent_leaves_the_link_to_be_handed_over(client, headers, settings):
    settings.SENDS_EMAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    made = post(client, headers, {"email": "new@example.com", "role": "viewer"})
    assert made.status_code == HTTPStatus.CREATED
    assert client.get(made.json()["link"]).status_code == HTTPStatus.OK


def test_nothing_is_e_mailed_where_it_is_not(
    client, headers, settings, django_capture_on_commit_callbacks
):
    settings.SENDS_EMAIL = False
    with django_capture_on_commit_callbacks(execute=True):
        post(client, headers, {"email": "new@example.com"})
    assert mail.outbox == []


def test_nobody_invites_to_more_than_they_have():
    inviter = Caller(make_organization(), frozenset({Scope.MEMBERS_MANAGE}))
    with pytest.raises(MoreThanTheGiver):
        invitations.invite(
            caller=inviter, email="a@example.com", role=Role.ADMIN, now=timezone.now()
        )
