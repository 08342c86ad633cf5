"""/admin/members."""

from http import HTTPStatus
from uuid import uuid4

import pytest

from anyreach.organizations.models import Invitation, Membership
from anyreach.organizations.scopes import Role, scopes_of
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_invitation,
    make_member,
    make_organization,
    make_token,
    make_user,
)

pytestmark = pytest.mark.django_db

MEMBERS = "/admin/members"


@pytest.fixture
def admin():
    return make_member(role=Role.ADMIN)


@pytest.fixture
def headers(admin):
    return bearer(make_api_key(admin.organization)[1])


def patch(client, headers, membership, body):
    return client.patch(f"{MEMBERS}/{membership.pk}", body, "application/json", headers=headers)


def test_members_are_listed_with_their_scopes(client, admin, headers):
    viewer = make_member(admin.organization, Role.VIEWER, user=make_user("a@example.com"))
    make_member()
    listed = client.get(MEMBERS, headers=headers)

    assert listed.status_code == HTTPStatus.OK
    assert [each["id"] for each in listed.json()] == [str(viewer.pk), str(admin.pk)]
    first = listed.json()[0]
    assert (first["email"], first["role"]) == ("a@example.com", "viewer")
    assert first["scopes"] == sorted(scopes_of(Role.VIEWER))
    assert first["user_id"] == str(viewer.user_id)


def test_the_list_costs_the_same_with_many_members(
    client, admin, headers, django_assert_num_queries
):
    for _ in range(5):
        make_member(admin.organization)
    client.get(MEMBERS, headers=headers)
    with django_assert_num_queries(2):
        assert len(client.get(MEMBERS, headers=headers).json()) == 6


@pytest.mark.parametrize(
    ("role", "reads", "manages"),
    [(Role.ADMIN, 200, 200), (Role.SUPERVISOR, 200, 403), (Role.VIEWER, 403, 403)],
)
def test_reading_and_managing_are_different_scopes(client, role, reads, manages):
    asking = make_member(role=role)
    other = make_member(asking.organization, Role.VIEWER)
    make_member(asking.organization, Role.ADMIN)
    _, token = make_token(asking.user)
    headers = bearer(token, asking.organization)

    assert client.get(MEMBERS, headers=headers).status_code == reads
    assert patch(client, headers, other, {"role": "viewer"}).status_code == manages
    removed = client.delete(f"{MEMBERS}/{other.pk}", headers=headers).status_code
    assert removed == (HTTPStatus.NO_CONTENT if manages == HTTPStatus.OK else manages)


def test_a_role_is_changed_and_counts_at_once(client, admin, headers):
    viewer = make_member(admin.organization, Role.VIEWER)
    _, token = make_token(viewer.user)
    assert client.get(MEMBERS, headers=bearer(token, admin.organization)).status_code == 403

    changed = patch(client, headers, viewer, {"role": "supervisor"})
    assert (changed.status_code, changed.json()["role"]) == (HTTPStatus.OK, "supervisor")
    assert client.get(MEMBERS, headers=bearer(token, admin.organization)).status_code == 200


def test_a_member_is_removed(client, admin, headers):
    viewer = make_member(admin.organization, Role.VIEWER)
    url = f"{MEMBERS}/{viewer.pk}"
    assert client.delete(url, headers=headers).status_code == HTTPStatus.NO_CONTENT
    assert client.delete(url, headers=headers).status_code == HTTPStatus.NOT_FOUND


def test_the_last_admin_stays_and_stays_admin(client, admin, headers):
    make_member(admin.organization, Role.SUPERVISOR)
    disabled = make_member(admin.organization, Role.ADMIN)
    disabled.user.is_active = False
    disabled.user.save()

    answers = [
        patch(client, headers, admin, {"role": "viewer"}),
        client.delete(f"{MEMBERS}/{admin.pk}", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.CONFLICT] * 2
    assert "admin" in answers[0].json()["detail"]
    admin.refresh_from_db()
    assert admin.role == Role.ADMIN
    assert patch(client, headers, admin, {"role": "admin"}).status_code == HTTPStatus.OK


def test_one_of_two_admins_may_go(client, admin, headers):
    other = make_member(admin.organization, Role.ADMIN)
    assert patch(client, headers, other, {"role": "viewer"}).status_code == HTTPStatus.OK
    answer = client.delete(f"{MEMBERS}/{admin.pk}", headers=headers)
    assert answer.status_code == HTTPStatus.CONFLICT


@pytest.mark.parametrize(
    ("body", "field"), [({}, "role"), ({"role": "owner"}, "role"), ({"x": 1}, "x")]
)
def test_a_bad_body_is_422(client, admin, headers, body, field):
    answer = patch(client, headers, admin, body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_a_stranger_is_told_it_does_not_exist(client, headers):
    theirs = make_member()
    make_member(theirs.organization)
    answers = [
        patch(client, headers, theirs, {"role": "viewer"}),
        patch(client, headers, Membership(), {"role": "viewer"}),
        client.delete(f"{MEMBERS}/{theirs.pk}", headers=headers),
        client.delete(f"{MEMBERS}/{uuid4()}", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.NOT_FOUND] * 4


def test_nobody_is_401(client, admin):
    answers = [
        client.get(MEMBERS),
        patch(client, {}, admin, {"role": "viewer"}),
        client.delete(f"{MEMBERS}/{admin.pk}"),
    ]
    assert [answer.status_code for answer in answers] == [HTTPStatus.UNAUTHORIZED] * 3


@pytest.mark.parametrize("leaves", ["removed", "demoted"])
def test_what_a_former_admin_offered_is_withdrawn(client, admin, headers, leaves):
    former = make_member(admin.organization, Role.ADMIN)
    make_invitation(admin.organization, "first@example.com", invited_by=former.user)
    kept, _ = make_invitation(admin.organization, "second@example.com", invited_by=admin.user)
    elsewhere, _ = make_invitation(make_organization(), invited_by=former.user)

    if leaves == "removed":
        client.delete(f"{MEMBERS}/{former.pk}", headers=headers)
    else:
        patch(client, headers, former, {"role": "supervisor"})
    assert set(Invitation.objects.all()) == {kept, elsewhere}
