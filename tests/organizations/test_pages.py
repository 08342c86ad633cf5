"""The pages of keys, tokens and members."""

from http import HTTPStatus
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from anyreach.organizations.caller import Caller
from anyreach.organizations.models import ApiKey, Invitation, Membership, PersonalAccessToken
from anyreach.organizations.pages import Reader
from anyreach.organizations.scopes import Role
from tests.organizations.factories import (
    bearer,
    make_api_key,
    make_invitation,
    make_member,
    make_organization,
    make_token,
    make_user,
    signed_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return make_organization("acme", "Acme Dental")


PAGES = ["/acme/api-keys", "/acme/members", "/acme/members/invite"]


@pytest.mark.parametrize("page", PAGES)
def test_nobody_is_sent_to_sign_in(client, organization, page):
    for path in (page, page.replace("acme", "unknown")):
        answer = client.get(path)
        assert answer.status_code == HTTPStatus.FOUND
        assert answer.headers["Location"] == f"/accounts/sign-in?next={path}"


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_told_it_does_not_exist(client, organization, page):
    client.force_login(make_member().user)
    for path in (page, page.replace("acme", "unknown")):
        for answer in (client.get(path), client.post(path)):
            assert answer.status_code == HTTPStatus.NOT_FOUND
            assert "Acme Dental" not in answer.text


def test_a_page_whose_scope_is_missing_says_so(as_member):
    viewer, supervisor = as_member(Role.VIEWER), as_member(Role.SUPERVISOR)
    for client, page in ((viewer, PAGES[0]), (viewer, PAGES[1]), (supervisor, PAGES[0])):
        answer = client.get(page)
        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert "Your role in this organization does not include this page" in answer.text


def test_a_control_whose_scope_is_missing_is_not_shown(as_member):
    for_supervisors = as_member(Role.SUPERVISOR).get("/acme/members").text
    assert "Invite" not in for_supervisors
    assert "Remove" not in for_supervisors
    assert "API keys" not in for_supervisors
    for_admins = as_member(Role.ADMIN).get("/acme/members").text
    assert "Invite somebody" in for_admins
    assert "API keys" in for_admins


def test_a_key_is_made_shown_once_and_deleted(as_member):
    admin = as_member()
    made = admin.post("/acme/api-keys", {"name": "CRM", "role": "viewer", "expires_at": "30"})
    api_key = ApiKey.objects.get()
    assert f"ak_{api_key.pk}." in made.text
    assert "no-store" in made.headers["Cache-Control"]
    assert f"ak_{api_key.pk}." not in admin.get("/acme/api-keys").text
    assert api_key.expires_at is not None

    deleted = admin.post(f"/acme/api-keys/{api_key.pk}/delete", follow=True)
    assert "The key “CRM” is deleted." in deleted.text
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"role": "owner"}, {"expires_at": "-1"}, {"expires_at": "x"}]
)
def test_a_bad_form_makes_no_key(as_member, change):
    body = {"name": "CRM", "role": "viewer", "expires_at": ""}
    answer = as_member().post("/acme/api-keys", {**body, **change})
    assert "form-errors" in answer.text
    assert not ApiKey.objects.exists()


def test_another_organizations_rows_cannot_be_reached_through_ones_own(as_member):
    admin = as_member()
    api_key, _ = make_api_key()
    membership = make_member()
    make_member(membership.organization)
    invitation, _ = make_invitation()
    token, _ = make_token()
    paths = [
        f"/acme/api-keys/{api_key.pk}/delete",
        f"/acme/members/{membership.pk}/remove",
        f"/acme/members/{membership.pk}/role",
        f"/acme/invitations/{invitation.pk}/withdraw",
        f"/account/tokens/{token.pk}/delete",
        f"/account/tokens/{uuid4()}/delete",
    ]
    statuses = [admin.post(path, {"role": "viewer"}).status_code for path in paths]
    assert statuses == [HTTPStatus.NOT_FOUND] * len(paths)


def test_a_token_is_made_by_its_user_shown_once_and_works(client):
    membership = make_member()
    client.force_login(membership.user)
    made = client.post("/account/tokens", {"name": "Laptop", "expires_at": ""})
    token = PersonalAccessToken.objects.get()
    assert (token.user, token.expires_at) == (membership.user, None)
    credential = made.text.partition(f'value="pat_{token.pk}')[2].partition('"')[0]
    answer = Client().get(
        "/admin/members/me/scopes",
        headers=bearer(f"pat_{token.pk}{credential}", membership.organization),
    )
    assert answer.status_code == HTTPStatus.OK
    assert credential not in client.get("/account/tokens").text

    client.post(f"/account/tokens/{token.pk}/delete")
    assert not PersonalAccessToken.objects.exists()


def test_somebody_is_invited_and_the_link_shown_once(as_member):
    admin = as_member()
    made = admin.post("/acme/members/invite", {"email": "new@example.com", "role": "viewer"})
    link = made.text.partition('value="http')[2].partition('"')[0]
    assert "/accounts/invitation/" in link
    page = admin.get("/acme/members").text
    assert "new@example.com" in page
    assert link not in page

    admin.post(f"/acme/invitations/{Invitation.objects.get().pk}/withdraw")
    assert not Invitation.objects.exists()


def test_a_member_is_not_invited_again(as_member, organization):
    member = make_member(organization).user
    answer = as_member().post("/acme/members/invite", {"email": member.email, "role": "viewer"})
    assert "This person is a member already." in answer.text


def test_a_role_is_changed_and_a_member_removed(as_member, organization):
    admin, viewer = as_member(), make_member(organization, Role.VIEWER)
    admin.post(f"/acme/members/{viewer.pk}/role", {"role": "supervisor"})
    viewer.refresh_from_db()
    assert viewer.role == Role.SUPERVISOR
    admin.post(f"/acme/members/{viewer.pk}/remove")
    assert not Membership.objects.filter(pk=viewer.pk).exists()


@pytest.mark.parametrize("act", ["remove", "role"])
def test_the_last_admin_is_told_why_not(as_member, act):
    admin = as_member()
    membership = Membership.objects.get()
    path = f"/acme/members/{membership.pk}/{act}"
    admin.post(path, {"role": "viewer"})
    assert "needs an admin" in admin.get("/acme/members").text
    assert Membership.objects.get().role == Role.ADMIN


def test_what_changes_something_is_a_post_with_csrf(as_member, organization):
    api_key, _ = make_api_key(organization)
    admin = as_member()
    path = f"/acme/api-keys/{api_key.pk}/delete"
    assert admin.get(path).status_code == HTTPStatus.METHOD_NOT_ALLOWED
    admin.handler.enforce_csrf_checks = True
    assert admin.post(path).status_code == HTTPStatus.FORBIDDEN
    assert ApiKey.objects.exists()


def test_the_start_page_leads_to_ones_first_organization(client, organization):
    user = make_member(organization).user
    make_member(make_organization("zebra", "Zebra"), user=user)
    assert client.get("/").headers["Location"] == "/accounts/sign-in?next=/"
    client.force_login(user)
    assert client.get("/").headers["Location"] == "/acme/conversations"


def test_somebody_without_an_organization_is_told_what_to_do(client):
    client.force_login(make_user("none@example.com"))
    answer = client.get("/")
    assert answer.status_code == HTTPStatus.OK
    assert "none@example.com" in answer.text


def test_the_switcher_lists_ones_own_organizations_only(client, organization):
    make_organization("other", "Somebody Else")
    user = make_member(organization, Role.ADMIN).user
    make_member(make_organization("second", "My Second"), Role.VIEWER, user=user)
    client.force_login(user)
    page = client.get("/acme/members").text
    assert "My Second" in page
    assert "Somebody Else" not in page


def test_what_people_typed_is_text_on_the_page(as_member, organization):
    make_api_key(organization, name="<script>alert(1)</script>")
    page = as_member().get("/acme/api-keys").text
    assert "<script>alert" not in page


def test_pages_cost_the_same_with_many_rows(as_member, organization, django_assert_num_queries):
    admin = as_member()
    for page, make in (("members", make_member), ("api-keys", make_api_key)):
        admin.get(f"/acme/{page}")
        for _ in range(5):
            make(organization)
        with django_assert_num_queries(6 if page == "members" else 5):
            admin.get(f"/acme/{page}")


@pytest.mark.parametrize("path", ["/nothing/here/at/all", "/unknown-organization/api-keys/x"])
def test_a_missing_page_is_a_plain_page_for_anybody(client, path):
    answer = client.get(path)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "There is nothing here" in answer.text


def test_the_error_page_asks_no_database(rf, django_assert_num_queries):
    from anyreach import errors

    with django_assert_num_queries(0):
        answer = errors.server_error(rf.get("/x"))
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "This should not have happened" in answer.text


# --- Pages that stay open --------------------------------------------------------------------


@pytest.fixture
def reader(organization):
    """Who has a page of the organization's open, as a supervisor."""
    make_member(organization, Role.ADMIN)
    client = signed_in(organization, Role.SUPERVISOR)
    membership = organization.memberships.get(role=Role.SUPERVISOR)
    return Reader(Caller.of_member(membership), client.session.session_key)


def test_who_has_signed_out_may_not_go_on(reader):
    assert reader.may_go_on()
    Session.objects.filter(pk=reader.session_key).delete()
    assert not reader.may_go_on()


def test_who_has_another_role_by_now_may_not_go_on(reader):
    Membership.objects.filter(user=reader.caller.user).update(role=Role.VIEWER)
    assert not reader.may_go_on()
