"""manage.py seed_volume: a database to measure on."""

import pytest
from django.core.management import CommandError, call_command

from anyreach.organizations.models import Organization
from conversations.models import ACTIVE, Conversation, Status, StatusChange, Turn
from conversations.volume import RARE_CALLER, RARE_CAMPAIGN

# VACUUM, at its end, refuses to run in a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def seed(slug: str = "volume") -> list[Conversation]:
    call_command("seed_volume", conversations=400, turns_per_conversation=4, organization=slug)
    listed = Conversation.objects.filter(organization__slug=slug)
    return list(listed.select_related("agent").prefetch_related("turns", "status_changes"))


def test_an_organization_is_filled_among_anothers_rows():
    made = seed()
    assert len(made) == 400
    assert Conversation.objects.exclude(organization__slug="volume").count() == 100
    assert {each.status for each in made} == set(Status.values)
    assert len({each.agent_id for each in made}) > 4
    assert 3 <= Turn.objects.count() / len(made) <= 5
    assert [each for each in made if each.user_id == RARE_CALLER] == [
        each for each in made if each.custom_metadata.get("anyreach_campaign") == RARE_CAMPAIGN
    ]


def test_what_it_makes_hangs_together():
    for conversation in seed():
        turns = list(conversation.turns.all())
        assert [turn.position for turn in turns] == list(range(len(turns)))
        assert (conversation.user_turn_count or 0) == len([t for t in turns if t.role == "user"])
        assert conversation.room_name is None
        if conversation.status not in (*ACTIVE, Status.TOKEN_CREATED):
            assert list(conversation.status_changes.all())[-1].status == conversation.status
        if conversation.agent:
            assert conversation.agent.organization_id == conversation.organization_id
    assert StatusChange.objects.exists()


def test_it_is_the_same_each_time():
    told = [
        [
            (each.status, each.user_id, each.agent and each.agent.name, each.duration)
            for each in made
        ]
        for made in (seed("one"), seed("two"))
    ]
    assert told[0] == told[1]


def test_an_organization_with_conversations_is_left_alone():
    seed()
    with pytest.raises(CommandError, match=r"The organization volume has conversations already\."):
        seed()
    assert Conversation.objects.filter(organization__slug="volume").count() == 400
    assert Organization.objects.count() == 2
