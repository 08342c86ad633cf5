"""/admin/organization-pats."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from anyreach.errors import Forbidden
from anyreach.organizations import api_keys
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import ApiKey
from anyreach.organizations.scopes import Role, Scope
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_member,
    make_organization,
    make_token,
)

pytestmark = pytest.mark.django_db

KEYS = "/admin/organization-pats"


@pytest.fixture
def admin():
    organization = make_organization()
    _, key = make_api_key(organization, Role.ADMIN)
    return organization, bearer(key)


def post(client, headers, body):
    return client.post(KEYS, body, "application/json", headers=headers)


def test_a_key_is_made_shown_once_and_works(client, admin):
    _, headers = admin
    made = post(client, headers, {"name": "CRM"})
    body = made.json()

    assert made.status_code == HTTPStatus.CREATED
    assert made.headers["Cache-Control"] == "no-store"
    assert (body["name"], body["role"], body["expires_at"]) == ("CRM", "viewer", None)
    assert parse_datetime(body["created_at"]).tzinfo is not None
    assert body["pat_key"].startswith(f"ak_{body['key_id']}.")

    scopes = client.get("/admin/members/me/scopes", headers=bearer(body["pat_key"]))
    assert scopes.json() == ["agents:read", "conversations:read"]
    listed = client.get(KEYS, headers=headers)
    assert body["key_id"] in [each["key_id"] for each in listed.json()]
    assert body["pat_key"].partition(".")[2] not in listed.text


def test_expiry_is_in_milliseconds_there_and_back(client, admin):
    _, headers = admin
    soon = int((timezone.now() + timedelta(days=1)).timestamp() * 1000)
    made = post(client, headers, {"name": "k", "role": "admin", "expires_at": soon})
    assert made.json()["expires_at"] == soon
    row = ApiKey.objects.get(pk=made.json()["key_id"])
    assert row.expires_at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=soon)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": None}, "name"),
        ({"name": ["k"]}, "name"),
        ({"name": "k" * 121}, "name"),
        ({"name": "k", "role": "owner"}, "role"),
        ({"name": "k", "role": None}, "role"),
        ({"name": "k", "role": {}}, "role"),
        ({"name": "k", "expires_at": 1}, "expires_at"),
        ({"name": "k", "expires_at": -(10**40)}, "expires_at"),
        ({"name": "k", "expires_at": 10**40}, "expires_at"),
        ({"name": "k", "expires_at": "2030-01-01"}, "expires_at"),
        ({"name": "k", "expires_at": "1900000000000"}, "expires_at"),
        ({"name": "k", "expires_at": 1.5e12}, "expires_at"),
        ({"name": "k", "expires_at": True}, "expires_at"),
        ({"name": "k", "scopes": ["all"]}, "scopes"),
        ({"name": "k", "organization": "x"}, "organization"),
    ],
)
def test_a_bad_field_is_422_and_named(client, admin, body, field):
    _, headers = admin
    answer = post(client, headers, body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert answer.json()["detail"]
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("body", ["[]", '"k"', "1", "null"])
def test_a_body_that_is_no_object_is_422(client, admin, body):
    answer = post(client, admin[1], body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "body", ["{", "name=k", b"\xff\xfe", '{"name": NaN}', pytest.param("[" * 100_000, id="deep")]
)
def test_a_body_that_is_no_json_is_400(client, admin, body):
    answer = post(client, admin[1], body)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize("body", [r'{"\ud800": 1}', r'{"name": "\ud800"}', r'{"name": "\u0000"}'])
def test_text_that_cannot_be_stored_is_refused_not_an_error(client, admin, body):
    answer = post(client, admin[1], body)
    assert answer.status_code == HTTPStatus.BAD_REQUEST


def test_deleting_a_key_ends_it(client, admin):
    organization, headers = admin
    api_key, key = make_api_key(organization)
    deleted = client.delete(f"{KEYS}/{api_key.pk}", headers=headers)
    assert (deleted.status_code, deleted.content) == (HTTPStatus.NO_CONTENT, b"")
    assert client.get(KEYS, headers=bearer(key)).status_code == HTTPStatus.UNAUTHORIZED
    again = client.delete(f"{KEYS}/{api_key.pk}", headers=headers)
    assert again.status_code == HTTPStatus.NOT_FOUND


def test_another_organizations_keys_do_not_exist(client, admin):
    _, headers = admin
    theirs, _ = make_api_key()
    answer = client.delete(f"{KEYS}/{theirs.pk}", headers=headers)
    unknown = client.delete(f"{KEYS}/{uuid4()}", headers=headers)
    assert answer.status_code == unknown.status_code == HTTPStatus.NOT_FOUND
    assert answer.json() == unknown.json()
    assert ApiKey.objects.filter(pk=theirs.pk).exists()
    listed = [each["key_id"] for each in client.get(KEYS, headers=headers).json()]
    assert str(theirs.pk) not in listed


@pytest.mark.parametrize("key_id", ["x", "1", "00000000-0000-0000-0000-00000000000g", "%00"])
def test_a_malformed_id_is_404_in_json(client, admin, key_id):
    answer = client.delete(f"{KEYS}/{key_id}", headers=admin[1])
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_roles_without_the_scope_are_403(client, role):
    membership = make_member(role=role)
    api_key, key = make_api_key(membership.organization, role)
    _, token = make_token(membership.user)
    for headers in (bearer(key), bearer(token, membership.organization)):
        answers = [
            client.get(KEYS, headers=headers),
            post(client, headers, {"name": "k"}),
            client.delete(f"{KEYS}/{api_key.pk}", headers=headers),
        ]
        assert [answer.status_code for answer in answers] == [HTTPStatus.FORBIDDEN] * 3
    assert ApiKey.objects.count() == 1


def test_nobody_is_401(client):
    answers = [
        client.get(KEYS),
        post(client, {}, {"name": "k"}),
        client.delete(f"{KEYS}/{uuid4()}"),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.UNAUTHORIZED] * 3


def test_other_methods_are_405_in_json(client, admin):
    answer = client.put(KEYS, {}, "application/json", headers=admin[1])
    assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert set(answer.json()) == {"detail"}


def test_the_list_costs_the_same_with_many_keys(client, admin, django_assert_num_queries):
    organization, headers = admin
    for _ in range(5):
        make_api_key(organization)
    client.get(KEYS, headers=headers)
    with django_assert_num_queries(2):
        assert len(client.get(KEYS, headers=headers).json()) == 6


def test_a_key_never_has_more_than_its_maker():
    organization = make_organization()
    maker = Caller(organization, frozenset({Scope.ORGANIZATIONS_MANAGE, Scope.CONVERSATIONS_READ}))
    with pytest.raises(Forbidden):
        api_keys.make_api_key(caller=maker, name="k", role=Role.VIEWER, expires_at=None)
    assert not ApiKey.objects.exists()


def test_a_key_does_not_outlive_the_key_that_made_it(client):
    organization = make_organization()
    _, key = make_api_key(organization, expires_at=timezone.now() + timedelta(hours=1))

    def until(**later):
        expires_at = int((timezone.now() + timedelta(**later)).timestamp() * 1000)
        return post(client, bearer(key), {"name": "k", "expires_at": expires_at}).status_code

    assert post(client, bearer(key), {"name": "k"}).status_code == HTTPStatus.FORBIDDEN
    assert until(hours=2) == HTTPStatus.FORBIDDEN
    assert until(minutes=30) == HTTPStatus.CREATED
