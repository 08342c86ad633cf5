"""Where an invitation's link leads."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.test import Client
from django.utils import timezone

from anyreach.organizations import invitations
from anyreach.organizations.models import Invitation, Membership, User
from anyreach.organizations.scopes import Role
from tests.organizations.factories import (
    PASSWORD,
    make_invitation,
    make_member,
    make_organization,
    make_user,
)

pytestmark = pytest.mark.django_db

ACCOUNT = {"name": "Ada", "password": PASSWORD, "password_again": PASSWORD}


def test_somebody_new_makes_an_account_and_is_in(client):
    organization = make_organization(name="Acme Dental")
    _, link = make_invitation(organization, "ada@example.com", Role.SUPERVISOR)
    assert "Acme Dental" in client.get(link).text

    made = client.post(link, ACCOUNT)
    assert (made.status_code, made.headers["Location"]) == (HTTPStatus.FOUND, "/")
    membership = Membership.objects.get()
    assert (membership.organization, membership.role) == (organization, Role.SUPERVISOR)
    assert (membership.user.email, membership.user.name) == ("ada@example.com", "Ada")
    assert membership.user.check_password(PASSWORD)
    assert client.get("/account/tokens").status_code == HTTPStatus.OK
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"password": "short", "password_again": "short"},
        {"password": "12345678901", "password_again": "12345678901"},
        {"password": "ada@example.com", "password_again": "ada@example.com"},
        {"password_again": "something else"},
        {"name": ""},
        {"name": "a\x00"},
        {"password": ""},
    ],
)
def test_a_bad_form_makes_nothing_and_keeps_the_invitation(client, change):
    _, link = make_invitation(email="ada@example.com")
    answer = client.post(link, {**ACCOUNT, **change})
    assert answer.status_code == HTTPStatus.OK
    assert "form-errors" in answer.text
    assert not User.objects.exists()
    assert Invitation.objects.exists()


def test_somebody_with_an_account_signs_in_first_and_joins(client):
    ada = make_user("ada@example.com", password=PASSWORD)
    organization = make_organization("acme")
    _, link = make_invitation(organization, "ADA@example.com")
    page = client.get(link)
    assert "Sign in" in page.text
    assert f"?next={link}" in page.text
    assert client.post(link, ACCOUNT).status_code == HTTPStatus.OK
    assert not Membership.objects.exists()

    client.force_login(ada)
    assert "Join" in client.get(link).text
    assert not Membership.objects.exists()
    assert client.post(link).headers["Location"] == "/acme/conversations"
    assert Membership.objects.get().user == ada


def test_a_member_keeps_the_role_there_is():
    membership = make_member(role=Role.VIEWER)
    _, link = make_invitation(membership.organization, "x@example.com", Role.ADMIN)
    Invitation.objects.update(email=membership.user.email)
    client = Client()
    client.force_login(membership.user)
    assert client.post(link).status_code == HTTPStatus.FOUND
    membership.refresh_from_db()
    assert membership.role == Role.VIEWER


def test_an_old_or_unknown_link_says_so(client):
    _, link = make_invitation()
    assert client.get(f"{link}x").status_code == HTTPStatus.NOT_FOUND
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = client.get(link)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "Ask for a new one" in answer.text


def test_what_was_withdrawn_meanwhile_makes_no_member():
    invitation, _ = make_invitation(email="ada@example.com")
    never_there, _ = make_invitation(email="eve@example.com")
    Invitation.objects.all().delete()
    with pytest.raises(invitations.InvitationGone):
        invitations.accept(invitation, make_user("ada@example.com"))
    with pytest.raises(invitations.InvitationGone):
        invitations.accept_as_new_user(never_there, name="Eve", password=PASSWORD)
    assert not Membership.objects.exists()
    assert not User.objects.filter(email="eve@example.com").exists()


def test_the_service_too_refuses_somebody_else():
    invitation, _ = make_invitation(email="ada@example.com")
    with pytest.raises(invitations.ForSomebodyElse):
        invitations.accept(invitation, make_user("eve@example.com"))
    assert Invitation.objects.exists()


def test_the_form_needs_its_csrf_token():
    _, link = make_invitation()
    answer = Client(enforce_csrf_checks=True).post(link, ACCOUNT)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert not User.objects.exists()
