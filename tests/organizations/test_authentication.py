"""Who is asking: keys, tokens and sessions, and everything that is not one."""

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from anyreach.organizations.models import ApiKey, PersonalAccessToken
from anyreach.organizations.scopes import Role, scopes_of
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_member,
    make_organization,
    make_token,
    make_user,
)

pytestmark = pytest.mark.django_db

UNKNOWN = UUID("5410340d-7d19-432f-8991-1c6cb5954d06")
SCOPES = "/admin/members/me/scopes"
KEYS = "/admin/organization-pats"


@pytest.mark.parametrize("role", Role)
def test_every_kind_of_caller_is_told_its_scopes(client, role):
    membership = make_member(role=role)
    organization = membership.organization
    _, key = make_api_key(organization, role)
    _, token = make_token(membership.user)

    client.force_login(membership.user)
    answers = [
        client.get(SCOPES, headers={"X-Anyreach-Org": str(organization.pk)}),
        Client().get(SCOPES, headers=bearer(key)),
        Client().get(SCOPES, headers=bearer(token, organization)),
    ]

    assert [answer.status_code for answer in answers] == [HTTPStatus.OK] * 3
    assert [answer.json() for answer in answers] == [sorted(scopes_of(role))] * 3


def test_nobody_is_401_with_the_way_to_authenticate(client):
    answer = client.get(SCOPES)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.json() == {"detail": "A credential is missing."}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer ak_.x",
        "bearer pat_x",
        "Bearer ak_00000000-0000-4000-8000-000000000000",
        f"Bearer ak_{UNKNOWN}.{'a' * 43}",
        f"Bearer pat_{UNKNOWN}.{'a' * 43}",
        f"Bearer ak_{UNKNOWN}.{'é' * 43}",
        "Bearer \x00",
        pytest.param("Bearer " + "a" * 4000, id="long"),
        "Token ak_x",
        "Basic YTpi",
        "ak_x.y",
    ],
)
def test_malformed_and_unknown_credentials_are_401(client, header):
    answer = client.get(SCOPES, headers={"Authorization": header})
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert "WWW-Authenticate" in answer.headers
    assert set(answer.json()) == {"detail"}


def test_unknown_id_and_wrong_secret_are_told_alike(client):
    _, known = make_api_key()
    wrong = known[:-4] + ("aaaa" if known[-4:] != "aaaa" else "bbbb")
    unknown = f"ak_{UNKNOWN}.{known.partition('.')[2]}"
    answers = [client.get(SCOPES, headers=bearer(text)) for text in (wrong, unknown)]
    assert answers[0].status_code == HTTPStatus.UNAUTHORIZED
    assert answers[0].json() == answers[1].json()


def test_a_key_is_no_token_and_a_token_no_key(client):
    _, key = make_api_key()
    _, token = make_token(make_member().user)
    for text in (key.replace("ak_", "pat_"), token.replace("pat_", "ak_")):
        assert client.get(SCOPES, headers=bearer(text)).status_code == HTTPStatus.UNAUTHORIZED


def test_a_token_needs_the_organization_header(client):
    _, token = make_token(make_member().user)
    answer = client.get(SCOPES, headers=bearer(token))
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.json() == {"detail": "Token is missing organization claim."}


def test_a_session_needs_the_organization_header(client):
    client.force_login(make_member().user)
    assert client.get(SCOPES).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("named", ["", "acme", "123", "\x00", str(UNKNOWN), "é" * 36])
def test_a_header_that_names_no_organization_of_theirs_is_403(client, named):
    member = make_member().user
    _, token = make_token(member)
    signed_in = Client()
    signed_in.force_login(member)
    answers = [
        client.get(SCOPES, headers={**bearer(token), "X-Anyreach-Org": named}),
        signed_in.get(SCOPES, headers={"X-Anyreach-Org": named}),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.FORBIDDEN] * 2


def test_another_organization_is_403_whether_it_exists_or_not(client):
    _, token = make_token(make_member().user)
    there = client.get(SCOPES, headers=bearer(token, make_organization()))
    not_there = client.get(SCOPES, headers={**bearer(token), "X-Anyreach-Org": str(UNKNOWN)})
    assert there.status_code == not_there.status_code == HTTPStatus.FORBIDDEN
    assert there.json() == not_there.json()


def test_a_token_has_the_rights_its_user_has_in_each_organization(client):
    user = make_user()
    here, there = make_member(role=Role.ADMIN, user=user), make_member(role=Role.VIEWER, user=user)
    _, token = make_token(user)
    scopes = [
        client.get(SCOPES, headers=bearer(token, membership.organization)).json()
        for membership in (here, there)
    ]
    assert scopes == [sorted(scopes_of(Role.ADMIN)), sorted(scopes_of(Role.VIEWER))]


def test_an_expired_key_or_token_is_401(client):
    membership = make_member()
    soon = timezone.now() + timedelta(hours=1)
    _, key = make_api_key(membership.organization, expires_at=soon)
    _, token = make_token(membership.user, expires_at=soon)
    both = [bearer(key), bearer(token, membership.organization)]
    assert [client.get(SCOPES, headers=each).status_code for each in both] == [200, 200]

    ApiKey.objects.update(expires_at=timezone.now())
    PersonalAccessToken.objects.update(expires_at=timezone.now())
    assert [client.get(SCOPES, headers=each).status_code for each in both] == [401, 401]


def test_losing_a_right_counts_from_the_next_request(client):
    membership = make_member(role=Role.ADMIN)
    user, organization = membership.user, membership.organization
    api_key, key = make_api_key(organization)
    token_row, token = make_token(user)
    session = Client()
    session.force_login(user)

    def statuses():
        named = {"X-Anyreach-Org": str(organization.pk)}
        return (
            client.get(KEYS, headers=bearer(key)).status_code,
            client.get(KEYS, headers=bearer(token, organization)).status_code,
            session.get(KEYS, headers=named).status_code,
        )

    assert statuses() == (200, 200, 200)
    membership.role = Role.VIEWER
    membership.save()
    assert statuses() == (200, 403, 403)
    membership.delete()
    assert statuses() == (200, 403, 403)
    make_member(organization, user=user)
    user.is_active = False
    user.save()
    assert statuses() == (200, 401, 401)
    user.is_active = True
    user.save()
    token_row.delete()
    api_key.delete()
    assert statuses() == (401, 401, 200)


def test_use_is_noted_at_most_once_a_minute(client):
    api_key, key = make_api_key()
    client.get(SCOPES, headers=bearer(key))
    api_key.refresh_from_db()
    first = api_key.last_used_at
    assert first is not None

    client.get(SCOPES, headers=bearer(key))
    api_key.refresh_from_db()
    assert api_key.last_used_at == first

    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    client.get(SCOPES, headers=bearer(key))
    api_key.refresh_from_db()
    assert api_key.last_used_at >= first


def test_of_two_requests_at_once_one_notes_the_use():
    seen_by_both, _ = make_api_key()
    now = timezone.now()
    ApiKey.objects.mark_used(seen_by_both, now)
    ApiKey.objects.mark_used(seen_by_both, now + timedelta(seconds=1))
    seen_by_both.refresh_from_db()
    assert seen_by_both.last_used_at == now


def test_a_refused_request_is_no_use(client):
    row, token = make_token(make_member().user)
    client.get(SCOPES, headers=bearer(token))
    client.get(SCOPES, headers=bearer(token, make_organization()))
    row.refresh_from_db()
    assert row.last_used_at is None


def test_asking_costs_few_queries(client, django_assert_num_queries):
    membership = make_member()
    _, key = make_api_key(membership.organization)
    _, token = make_token(membership.user)
    headers = [bearer(key), bearer(token, membership.organization)]
    for each in headers:
        client.get(SCOPES, headers=each)
    with django_assert_num_queries(1):
        client.get(SCOPES, headers=headers[0])
    with django_assert_num_queries(2):
        client.get(SCOPES, headers=headers[1])


def test_a_session_cannot_change_anything_without_the_csrf_token():
    membership = make_member()
    page = Client(enforce_csrf_checks=True)
    page.force_login(membership.user)
    named = {"X-Anyreach-Org": str(membership.organization_id)}

    refused = page.post(KEYS, {"name": "k"}, "application/json", headers=named)
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert refused.json() == {"detail": "The CSRF token is missing or wrong."}

    page.get(f"/{membership.organization.slug}/api-keys")
    csrf = {**named, "X-CSRFToken": page.cookies["csrftoken"].value}
    made = page.post(KEYS, {"name": "k"}, "application/json", headers=csrf)
    assert made.status_code == HTTPStatus.CREATED


def test_credentials_need_no_csrf_token():
    _, key = make_api_key()
    program = Client(enforce_csrf_checks=True)
    made = program.post(KEYS, {"name": "k"}, "application/json", headers=bearer(key))
    assert made.status_code == HTTPStatus.CREATED


def test_a_bad_credential_is_not_saved_by_a_good_session(client):
    membership = make_member()
    client.force_login(membership.user)
    headers = bearer(f"ak_{UNKNOWN}.{'a' * 43}", membership.organization)
    assert client.get(SCOPES, headers=headers).status_code == HTTPStatus.UNAUTHORIZED
