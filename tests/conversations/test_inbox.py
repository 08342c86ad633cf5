"""The inbox: what it lists, what narrows it, and what tells open pages that rows changed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from anyreach.live.announcing import announce
from anyreach.organizations import members
from anyreach.organizations.scopes import Role
from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import Conversation, Status, StatusChange, Turn
from tests.conversations.factories import make_agent, make_conversation, make_turn
from tests.organizations.factories import make_member, make_organization, signed_in
from tests.streams import Stream

PAGE = "/acme/conversations"
SOURCE = StatusChange.Source.API


@pytest.fixture
def organization(db):
    return make_organization(name="Acme", slug="acme")


def listed(client: Client, **address) -> list[str]:
    answer = client.get(PAGE, address)
    assert answer.status_code == 200
    return [str(each.pk) for each in answer.context["conversations"]]


def test_it_lists_the_newest_first_without_those_whose_visitor_is_not_there(organization):
    now = timezone.now()
    older = make_conversation(organization, created_at=now - timedelta(hours=1))
    newer = make_conversation(organization, created_at=now)
    make_conversation(organization, status=Status.TOKEN_CREATED)
    make_conversation(make_organization())
    assert listed(signed_in(organization, Role.SUPERVISOR)) == [str(newer.pk), str(older.pk)]


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ({"user_id": "BEN"}, {"user_id": "guest_ben_2"}),
        ({"user_id": "+4930"}, {"user_id": "+493090182000"}),
        ({"direction": "outbound"}, {"direction": "outbound"}),
        ({"status": "completed"}, {"status": "completed"}),
        ({"status": "live"}, {"status": "ringing"}),
        ({"channel": "telephone"}, {"channel": "telephone"}),
        ({"campaign": "autumn"}, {"custom_metadata": {"anyreach_campaign": "autumn", "more": 1}}),
        ({"duration_above": "60"}, {"duration": 60}),
        ({"duration_below": "9"}, {"duration": 9}),
        ({"user_turn_count_above": "7"}, {"user_turn_count": 7}),
        ({"user_turn_count_below": "1"}, {"user_turn_count": 1}),
        ({"created_after": "2026-06-01T00:00Z"}, {"created_at": datetime(2026, 6, 1, tzinfo=UTC)}),
        ({"created_before": "2020-06-01T00:00"}, {"created_at": datetime(2020, 6, 1, tzinfo=UTC)}),
    ],
)
def test_each_filter_finds_what_fits_and_nothing_else(organization, address, fields):
    make_conversation(
        organization,
        status=Status.FAILED,
        duration=30,
        user_turn_count=3,
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
        custom_metadata={"anyreach_campaign": "autumn 2"},
    )
    defaults = {"status": Status.FAILED, "duration": 30, "user_turn_count": 3}
    defaults["created_at"] = datetime(2025, 1, 2, tzinfo=UTC)
    fitting = make_conversation(organization, **{**defaults, **fields})
    assert listed(signed_in(organization, Role.SUPERVISOR), **address) == [str(fitting.pk)]


def test_filters_narrow_together_and_are_named_and_taken_off_one_by_one(organization):
    agent = make_agent(organization, name="Front <desk>")
    fitting = make_conversation(organization, agent=agent, user_id="+4912345")
    make_conversation(organization, agent=agent)
    make_conversation(organization, user_id="+4912345")
    answer = signed_in(organization, Role.SUPERVISOR).get(
        PAGE, {"agent_id": agent.pk, "user_id": "+49"}
    )
    assert [each.pk for each in answer.context["conversations"]] == [fitting.pk]
    assert answer.context["chips"] == [
        ("Caller (Phone Number or User ID)", "+49", f"agent_id={agent.pk}"),
        ("Agent", "Front <desk>", "user_id=%2B49"),
    ]
    assert "Front &lt;desk&gt;" in answer.text


@pytest.mark.parametrize(
    "address",
    [
        {"status": "token_created"},
        {"status": "nonsense"},
        {"duration_above": "-1"},
        {"duration_above": "99999999999"},
        {"created_after": "yesterday"},
        {"agent_id": "nonsense"},
        {"user_id": "a\0b"},
    ],
)
def test_a_filter_that_cannot_be_read_lists_nothing_and_says_so(organization, address):
    make_conversation(organization)
    answer = signed_in(organization, Role.SUPERVISOR).get(PAGE, address)
    assert answer.status_code == 200
    assert list(answer.context["conversations"]) == []
    assert "cannot be read" in answer.text


def test_who_may_not_read_the_campaign_cannot_narrow_by_it(organization):
    make_conversation(organization, custom_metadata={"anyreach_campaign": "autumn"})
    answer = signed_in(organization, Role.VIEWER).get(PAGE, {"campaign": "autumn"})
    assert list(answer.context["conversations"]) == []
    assert "cannot filter by one" in answer.text
    assert "Campaign" not in signed_in(organization, Role.VIEWER).get(PAGE).text


def test_another_organizations_agent_is_no_filter(organization):
    foreign = make_agent(make_organization())
    make_conversation(foreign.organization, agent=foreign)
    assert listed(signed_in(organization, Role.SUPERVISOR), agent_id=foreign.pk) == []


def test_the_next_page_keeps_the_filters(organization):
    now = timezone.now()
    for number in range(60):
        make_conversation(organization, user_id="+49", created_at=now - timedelta(minutes=number))
        make_conversation(organization, user_id="+33", created_at=now - timedelta(minutes=number))
    client = signed_in(organization, Role.SUPERVISOR)
    first = client.get(PAGE, {"user_id": "+49"})
    assert f'href="{PAGE}?user_id=%2B49&cursor=' in first.text
    cursor = str(first.context["following"])
    rest = client.get(f"{PAGE}/rows", {"user_id": "+49", "cursor": cursor})
    assert rest.text.count("<tr data-id") == 10
    assert "<html" not in rest.text


def test_the_number_of_queries_does_not_grow_with_the_rows(
    organization, django_assert_max_num_queries
):
    client = signed_in(organization, Role.SUPERVISOR)
    for _ in range(40):
        make_conversation(organization, agent=make_agent(organization))
    with django_assert_max_num_queries(7):
        client.get(PAGE)


def test_a_live_calls_duration_counts_from_its_answer(organization):
    answered_at = timezone.now() - timedelta(seconds=75)
    make_conversation(organization, answered_at=answered_at)
    text = signed_in(organization, Role.SUPERVISOR).get(PAGE).text
    assert 'data-since="' in text
    assert "1:15" in text or "1:16" in text


def test_pages_of_other_organizations_are_not_there(organization):
    client = signed_in(make_organization(), Role.SUPERVISOR)
    for page in ("", "/rows", "/events"):
        assert client.get(f"{PAGE}{page}").status_code == 404


class OpenInbox(Stream):
    def __init__(self, client: Client, query: str = "") -> None:
        super().__init__(client, f"{PAGE}/events?{query}")

    @property
    def rows(self) -> list[dict[str, object]]:
        return [row for name, rows in self.events if name == "rows" for row in rows]

    def row_of(self, conversation) -> dict[str, object] | None:
        mine = [row for row in self.rows if row["id"] == str(conversation.pk)]
        return mine[-1] if mine else None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("web")
class TestEvents:
    def test_rows_that_changed_come_painted_and_only_ours(self, organization):
        call = make_conversation(organization, status=Status.RINGING, caller_name="Ben <b>")
        foreign = make_conversation(make_organization(), status=Status.RINGING)
        open_inbox = OpenInbox(signed_in(organization, Role.SUPERVISOR))
        for each in (foreign, call):
            lifecycle.report(each, Evidence(Status.IN_PROGRESS, timezone.now(), SOURCE))
        open_inbox.wait_for(lambda: open_inbox.row_of(call))
        row = open_inbox.row_of(call)
        assert row["fits"] is True
        assert "In progress" in row["html"]
        assert "Ben &lt;b&gt;" in row["html"]
        assert open_inbox.row_of(foreign) is None

    def test_a_viewer_gets_no_names(self, organization):
        call = make_conversation(organization, status=Status.RINGING, caller_name="Ben Okri")
        inboxes = [OpenInbox(signed_in(organization, role)) for role in (Role.VIEWER, Role.ADMIN)]
        lifecycle.report(call, Evidence(Status.IN_PROGRESS, timezone.now(), SOURCE))
        for open_inbox in inboxes:
            open_inbox.wait_for(lambda: open_inbox.row_of(call))  # noqa: B023
        assert ["Ben Okri" in each.row_of(call)["html"] for each in inboxes] == [False, True]

    def test_what_a_filter_leaves_out_does_not_fit(self, organization):
        call = make_conversation(organization, status=Status.RINGING)
        live = OpenInbox(signed_in(organization, Role.SUPERVISOR), "status=live")
        over = OpenInbox(signed_in(organization, Role.SUPERVISOR), "status=completed")
        lifecycle.report(call, Evidence(Status.COMPLETED, timezone.now(), SOURCE, "Done."))
        for open_inbox, fits in ((live, False), (over, True)):
            open_inbox.wait_for(lambda: open_inbox.row_of(call))  # noqa: B023
            assert open_inbox.row_of(call)["fits"] is fits

    def test_growing_words_change_no_row(self, organization):
        call = make_conversation(organization)
        open_inbox = OpenInbox(signed_in(organization, Role.SUPERVISOR))
        turn = make_turn(call, role=Turn.Role.AGENT)
        announce_turns(call)
        open_inbox.wait_for(lambda: open_inbox.row_of(call))
        Turn.objects.filter(pk=turn.pk).update(text="More words.")
        announce_turns(call)
        Conversation.objects.filter(pk=call.pk).update(user_turn_count=2)
        announce_turns(call)
        open_inbox.wait_for(lambda: ">2<" in open_inbox.row_of(call)["html"])
        assert len(open_inbox.rows) == 2

    def test_it_ends_for_whom_the_rights_are_taken_at_once(self, organization):
        make_member(organization, Role.ADMIN)
        member = make_member(organization, Role.ADMIN)
        client = Client()
        client.force_login(member.user)
        open_inbox = OpenInbox(client)
        members.remove(member)
        assert open_inbox.closed.wait(5)

    def test_many_open_inboxes_hold_one_connection(self, organization):
        client = signed_in(organization, Role.SUPERVISOR)
        inboxes = [OpenInbox(client) for _ in range(30)]
        call = make_conversation(organization, status=Status.RINGING)
        lifecycle.report(call, Evidence(Status.IN_PROGRESS, timezone.now(), SOURCE))
        for open_inbox in inboxes:
            open_inbox.wait_for(lambda: open_inbox.row_of(call))  # noqa: B023
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN anyreach%'"
            )
            assert cursor.fetchone() == (1,)


def announce_turns(conversation) -> None:
    announce(conversation.organization_id, conversation.pk, "turns")
