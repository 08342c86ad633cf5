"""Which conversation a number means."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from agent_assist.finding import newest, others_of
from anyreach.organizations.caller import Caller
from anyreach.organizations.scopes import Scope
from conversations.models import Channel, Conversation, Direction, Status
from tests.conversations.factories import make_conversation
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.django_db
NUMBER = "+15550184471"


@pytest.fixture
def organization():
    return make_organization()


@pytest.fixture
def caller(organization):
    return Caller(organization, frozenset(Scope))


def ago(**time):
    return timezone.now() - timedelta(**time)


@pytest.mark.parametrize(
    "written",
    [
        "+15550184471",
        "15550184471",
        " 15550184471",
        "+1 555 018 4471",
        "+1 (555) 018-4471",
        "+1.555.018.4471",
        "[+1]555-018-4471",
    ],
)
@pytest.mark.parametrize("kept", [NUMBER, "15550184471", "+1 (555) 018-4471"])
def test_a_number_is_the_same_however_it_is_written(organization, caller, written, kept):
    conversation = make_conversation(organization, user_id=kept)
    assert newest(caller, written) == conversation


@pytest.mark.parametrize(
    "other", ["+1555018447", "+155501844710", "+2555018447", "5550184471", "", "+", "a", "\0"]
)
def test_a_number_that_contains_it_is_another(organization, caller, other):
    make_conversation(organization, user_id=NUMBER)
    assert newest(caller, other) is None


def test_what_is_no_number_is_compared_as_it_is(organization, caller):
    make_conversation(organization, user_id="ab@example.com")
    assert newest(caller, "a.b@example.com") is None
    assert newest(caller, "ab@example.com")


def test_the_newest_counts_live_or_ended(organization, caller):
    make_conversation(organization, user_id=NUMBER, created_at=ago(hours=2))
    ended = make_conversation(
        organization, user_id=NUMBER, created_at=ago(hours=1), status=Status.COMPLETED
    )
    assert newest(caller, NUMBER) == ended
    assert others_of(ended) == 1


def test_a_web_session_whose_visitor_never_came_is_none(organization, caller):
    make_conversation(organization, user_id="guest_1", status=Status.TOKEN_CREATED)
    assert newest(caller, "guest_1") is None
    make_conversation(organization, user_id="guest_1", created_at=ago(hours=3))
    assert others_of(newest(caller, "guest_1")) == 0


def test_others_are_those_of_the_day_before(organization, caller):
    for hours in (3, 10, 26.9, 27.1):
        make_conversation(organization, user_id=NUMBER, created_at=ago(hours=hours))
    make_conversation(organization, created_at=ago(hours=4))
    assert others_of(newest(caller, NUMBER)) == 2


def test_another_organizations_calls_are_not_there(caller):
    make_conversation(user_id=NUMBER)
    assert newest(caller, NUMBER) is None


def test_among_many_rows_an_index_finds_it(organization, caller, django_assert_num_queries):
    Conversation.objects.bulk_create(
        Conversation(
            organization=organization,
            direction=Direction.INBOUND,
            channel=Channel.TELEPHONE,
            status=Status.IN_PROGRESS,
            user_id=f"+1555{each % 5000:07}",
            created_at=ago(seconds=each),
        )
        for each in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE conversations_conversation")
    with_number = Conversation.objects.visible_to(caller).with_number("+1 555 0004471")
    assert "conversation_by_user" in with_number[:1].explain()
    assert "conversation_by_user" in with_number.filter(created_at__gte=ago(days=1)).explain()
    with django_assert_num_queries(2):
        assert others_of(newest(caller, "15550004471")) == 3
