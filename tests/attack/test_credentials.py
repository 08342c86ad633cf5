"""Getting more out of keys, tokens, sessions and invitations than they give."""

import hmac
import json
import re
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from threading import Barrier
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern

from anyreach.organizations import credentials
from anyreach.organizations.models import ApiKey, Invitation, Membership, User
from anyreach.organizations.scopes import Role
from anyreach.organizations.urls import admin_urlpatterns
from tests.organizations.factories import (
    PASSWORD,
    bearer,
    make_api_key,
    make_invitation,
    make_member,
    make_token,
    make_user,
)

KEYS = "/admin/organization-pats"
SCOPES = "/admin/members/me/scopes"
ACCOUNT = {"name": "Eve", "password": PASSWORD, "password_again": PASSWORD}


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_no_lesser_role_makes_itself_a_better_one(client, role):
    eve = make_member(role=role)
    admin = make_member(eve.organization, Role.ADMIN)
    _, key = make_api_key(eve.organization, role)
    _, token = make_token(eve.user)
    organization = str(eve.organization_id)
    attempts = [
        ("post", KEYS, {"name": "k", "role": "admin"}),
        ("post", "/admin/invitations", {"email": "eve2@example.com", "role": "admin"}),
        ("patch", f"/admin/members/{eve.pk}", {"role": "admin"}),
        ("patch", f"/admin/members/{admin.pk}", {"role": "viewer"}),
        ("delete", f"/admin/members/{admin.pk}", {}),
    ]
    for method, path, body in attempts:
        for headers in (bearer(key), bearer(token, eve.organization)):
            call = getattr(client, method)
            answer = call(path, json.dumps(body), "application/json", headers=headers)
            assert answer.status_code == HTTPStatus.FORBIDDEN
    client.force_login(eve.user)
    slug = eve.organization.slug
    pages = [
        (f"/{slug}/api-keys", {"name": "k", "role": "admin"}),
        (f"/{slug}/members/invite", {"email": "eve2@example.com", "role": "admin"}),
        (f"/{slug}/members/{eve.pk}/role", {"role": "admin"}),
        (f"/{slug}/members/{admin.pk}/remove", {}),
    ]
    for path, body in pages:
        assert client.post(path, body).status_code == HTTPStatus.FORBIDDEN
    eve.refresh_from_db()
    assert eve.role == role
    assert ApiKey.objects.count() == 1
    assert not Invitation.objects.exists()
    assert client.get(SCOPES, headers={"X-Anyreach-Org": organization}).status_code == 200


@pytest.mark.django_db
def test_an_admin_here_is_nothing_there(client):
    """An admin of one organization names another's in header, address and body."""
    eve = make_member(role=Role.ADMIN)
    victim = make_member(role=Role.ADMIN)
    victims_key, _ = make_api_key(victim.organization)
    _, key = make_api_key(eve.organization)
    _, token = make_token(eve.user)

    named = client.get(KEYS, headers=bearer(token, victim.organization))
    assert named.status_code == HTTPStatus.FORBIDDEN
    # A key has its organization: what the header says does not count.
    listed = client.get(KEYS, headers=bearer(key, victim.organization))
    assert str(victims_key.pk) not in listed.text
    for path in (f"{KEYS}/{victims_key.pk}", f"/admin/members/{victim.pk}"):
        for headers in (bearer(key, victim.organization), bearer(token, eve.organization)):
            assert client.delete(path, headers=headers).status_code == HTTPStatus.NOT_FOUND
    body = {"name": "k", "role": "admin", "organization": str(victim.organization_id)}
    made = client.post(KEYS, body, "application/json", headers=bearer(key))
    assert made.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", admin_urlpatterns, ids=lambda pattern: pattern.name)
def test_every_admin_address_refuses_a_stranger_and_nobody(client, pattern: URLPattern):
    """A new address cannot be forgotten: this walks the list that the project mounts."""
    rows = {
        "key_id": make_api_key()[0].pk,
        "member_id": make_member().pk,
        "invitation_id": make_invitation()[0].pk,
    }
    path = "/admin/" + re.sub(r"<uuid:(\w+)>", lambda m: str(rows[m[1]]), str(pattern.pattern))
    _, strangers = make_api_key(role=Role.ADMIN)
    about_a_row = "<" in str(pattern.pattern)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        nobody = client.generic(method, path, "{}")
        assert nobody.status_code == HTTPStatus.UNAUTHORIZED
        headers = bearer(strangers)
        stranger = client.generic(method, path, '{"role": "viewer"}', headers=headers)
        if about_a_row:
            refused = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
            assert stranger.status_code in refused
        assert "json" in stranger.headers["Content-Type"] or not stranger.content


@pytest.mark.django_db
def test_an_invitation_works_once(client):
    _, link = make_invitation(email="eve@example.com", role=Role.ADMIN)
    assert client.post(link, ACCOUNT).status_code == HTTPStatus.FOUND
    eve = Membership.objects.get()
    make_member(eve.organization, Role.ADMIN)
    eve.delete()
    for again in (client, Client()):
        assert again.get(link).status_code == HTTPStatus.NOT_FOUND
        assert again.post(link, ACCOUNT).status_code == HTTPStatus.NOT_FOUND
    assert not Membership.objects.filter(user__email="eve@example.com").exists()


@pytest.mark.django_db(transaction=True)
def test_an_invitation_used_twice_at_once_makes_one_account():
    _, link = make_invitation(email="eve@example.com")
    both_ready = Barrier(2, timeout=10)

    def accept(_):
        try:
            both_ready.wait()
            return Client().post(link, ACCOUNT).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as people:
        statuses = sorted(people.map(accept, range(2)))
    assert statuses[0] == HTTPStatus.FOUND
    # The second was told that it came late, or shown the way to sign in.
    assert statuses[1] in {HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
    assert User.objects.count() == Membership.objects.count() == 1


@pytest.mark.django_db
def test_an_invitation_for_somebody_else_is_of_no_use(client):
    make_user("ada@example.com", password=PASSWORD)
    eve = make_user("eve@example.com")
    _, link = make_invitation(email="ada@example.com", role=Role.ADMIN)
    client.force_login(eve)
    assert client.get(link).status_code == HTTPStatus.FORBIDDEN
    assert client.post(link, ACCOUNT).status_code == HTTPStatus.FORBIDDEN
    # Nor does it set a password for an account that there is.
    Client().post(link, {**ACCOUNT, "password": "eve's own phrase"})
    assert User.objects.get(email="ada@example.com").check_password(PASSWORD)
    assert not Membership.objects.exists()


@pytest.mark.django_db
def test_nobody_becomes_somebody_else_by_changing_their_address(client):
    """Invitations are bound to addresses; allauth's pages that change one are not there."""
    client.force_login(make_user("eve@example.com"))
    for path in ("email", "confirm-email", "login/code", "password/set"):
        for prefix in ("/accounts/", "/account/"):
            client.post(f"{prefix}{path}", {"email": "ada@example.com", "action_add": ""})
            client.post(f"{prefix}{path}/", {"email": "ada@example.com", "action_add": ""})
    assert User.objects.get().email == "eve@example.com"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        "X-Anyreach-Org",
        "X_Anyreach_Org",
        "X-Forwarded-User",
        "Remote-User",
        "X-Original-Url",
    ],
)
def test_no_header_stands_for_a_credential(client, header):
    organization = make_member().organization
    answer = client.get(SCOPES, headers={header: str(organization.pk)})
    assert answer.status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.django_db
def test_a_credential_in_the_address_is_none(client):
    _, key = make_api_key()
    for name in ("token", "access_token", "api_key", "key"):
        answer = client.get(f"{SCOPES}?{name}={key}")
        assert answer.status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.django_db
def test_another_persons_token_is_not_listed_and_not_deleted(client):
    token, _ = make_token(make_member().user, name="Victim's")
    client.force_login(make_member().user)
    assert "Victim" not in client.get("/account/tokens").text
    gone = client.post(f"/account/tokens/{token.pk}/delete")
    assert gone.status_code == HTTPStatus.NOT_FOUND


@pytest.mark.django_db
def test_secrets_are_in_no_answer_but_the_first_and_in_no_log(client, caplog):
    _, key = make_api_key()
    secret = key.partition(".")[2]
    answers = [
        client.get(KEYS, headers=bearer(key)),
        client.get(KEYS, headers=bearer(f"{key}x")),
        client.get(f"/nowhere/{uuid4()}", headers=bearer(key)),
        client.post(KEYS, {"name": key, "x": 1}, "application/json", headers=bearer(key)),
    ]
    assert not any(secret in answer.text for answer in answers)
    assert secret not in caplog.text


def test_a_secret_is_not_found_letter_by_letter(monkeypatch):
    """Hashes are compared, in constant time, and the same is done where nothing is stored."""
    compared = []

    def comparing(*both: str) -> bool:
        compared.append(both)
        return hmac.compare_digest(*both)

    monkeypatch.setattr(credentials, "hmac", SimpleNamespace(compare_digest=comparing))
    secret = credentials.new_secret()
    stored, nearly = credentials.hash_of(secret), secret[:-1] + "~"
    assert credentials.matches(secret, stored)
    assert not credentials.matches(nearly, stored)
    assert not credentials.matches(nearly, None)
    (right, _), (wrong, against), (nobodys, nothing) = compared
    assert (right, against) == (stored, stored)
    assert wrong == nobodys == credentials.hash_of(nearly)
    assert len(wrong) == len(against) == len(nothing)


@pytest.mark.django_db
def test_an_unknown_id_takes_the_same_steps_as_a_wrong_secret(client, django_assert_num_queries):
    _, key = make_api_key()
    for text in (f"ak_{uuid4()}.{'a' * 43}", f"{key.partition('.')[0]}.{'a' * 43}"):
        with django_assert_num_queries(1):
            client.get(SCOPES, headers=bearer(text))


@pytest.mark.django_db
def test_a_page_of_another_site_cannot_act_for_a_session():
    eve_visits = make_member()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(eve_visits.user)
    slug = eve_visits.organization.slug
    for path in (f"/{slug}/api-keys", "/account/tokens", f"/{slug}/members/invite"):
        answer = browser.post(path, {"name": "k", "role": "admin", "email": "e@example.com"})
        assert answer.status_code == HTTPStatus.FORBIDDEN
    named = {"X-Anyreach-Org": str(eve_visits.organization_id), "Origin": "https://evil.example"}
    answer = browser.post(KEYS, {"name": "k"}, "application/json", headers=named)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert not ApiKey.objects.exists()
