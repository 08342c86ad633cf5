"""Attacks with a page that was left open, after the sign-in behind it has ended."""

from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse

from anyreach.organizations.scopes import Role
from tests.organizations.factories import PASSWORD, make_member, make_organization, make_user
from tests.streams import Stream


def by_signing_out(owner: Client, thief: Client) -> None:
    thief.post(reverse("account_logout"))


def by_another_password(owner: Client, thief: Client) -> None:
    new = {"oldpassword": PASSWORD, "password1": "another-1-word", "password2": "another-1-word"}
    answer = owner.post(reverse("account_change_password"), new)
    assert answer.status_code == HTTPStatus.FOUND


def by_ending_other_sessions(owner: Client, thief: Client) -> None:
    assert owner.post(reverse("usersessions_list")).status_code == HTTPStatus.FOUND


@pytest.mark.usefixtures("transactional_db", "web")
@pytest.mark.parametrize("end", [by_signing_out, by_another_password, by_ending_other_sessions])
def test_a_page_that_was_left_open_is_told_nothing_more(end):
    """Not within the quarter of a minute in which each stream asks by itself."""
    user = make_user(password=PASSWORD)
    make_member(make_organization("acme"), Role.SUPERVISOR, user=user)
    owner, thief = Client(), Client()
    for each in (owner, thief):
        each.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    left_open = Stream(thief, "/acme/conversations/events")
    end(owner, thief)
    assert left_open.closed.wait(5)
