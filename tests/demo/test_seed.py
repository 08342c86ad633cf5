"""The demo's data: there once, the same each time, and of every kind."""

from dataclasses import asdict

import pytest
from django.test import Client

from anyreach.demo.seed import seed
from anyreach.organizations.models import ApiKey, Membership, User
from conversations.models import Channel, Conversation, PhoneNumber, Status, Turn

pytestmark = pytest.mark.django_db

MODELS = (Conversation, Turn, User, Membership, ApiKey, PhoneNumber)


def test_the_second_time_nothing_is_added_and_everything_goes_on_working():
    first = seed()
    counts = [model.objects.count() for model in MODELS]
    second = seed(asdict(first))
    assert second == first
    assert [model.objects.count() for model in MODELS] == counts


def test_about_two_hundred_conversations_of_every_status_and_channel():
    seed()
    finished = Conversation.objects.exclude(status=Status.TOKEN_CREATED)
    assert 180 <= finished.count() <= 220
    past = set(Status.values) - {Status.TRIGGERED, Status.RINGING, Status.IN_PROGRESS}
    assert set(Conversation.objects.values_list("status", flat=True)) == past
    assert set(Conversation.objects.values_list("channel", flat=True)) == set(Channel.values)


def test_each_role_can_sign_in():
    for user in seed().users:
        assert Client().login(email=user.email, password=user.password)
        membership = Membership.objects.get(user__email=user.email)
        assert membership.role == user.role


def test_a_lost_key_is_made_anew_and_the_old_one_ends():
    first = seed()
    again = seed({**asdict(first), "api_key": "ak_lost.secret"})
    assert again.api_key != first.api_key
    old, new = (
        Client().get(
            "/core/conversations?limit=1", headers={"Authorization": f"Bearer {access.api_key}"}
        )
        for access in (first, again)
    )
    assert (old.status_code, new.status_code) == (401, 200)
