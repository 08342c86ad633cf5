"""A conversation's page: its transcript in parts, and what each role sees of it."""

import re
from datetime import timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.utils import timezone

from anyreach.live.announcing import announce
from anyreach.organizations import members
from anyreach.organizations.scopes import Role
from conversations import parts
from conversations.models import Status, StatusChange, Turn
from tests.conversations.factories import make_agent, make_conversation, make_turn
from tests.organizations.factories import make_organization, signed_in
from tests.streams import Stream

pytestmark = pytest.mark.django_db


class Reader:
    """A member with a conversation's page open."""

    def __init__(self, conversation, role):
        self.client = signed_in(conversation.organization, role)
        self.address = f"/{conversation.organization.slug}/conversations/{conversation.pk}"

    def get(self, piece="", **query):
        return self.client.get(self.address + piece, query)

    def text(self, piece="", **query):
        answer = self.get(piece, **query)
        assert answer.status_code == HTTPStatus.OK
        return answer.content.decode()

    def turns(self, piece="/transcript", **query):
        return re.findall(r'<li id="turn-([^"]+)"', self.text(piece, **query))


@pytest.fixture
def conversation():
    return make_conversation(make_organization())


@pytest.fixture
def reader(conversation):
    return Reader(conversation, Role.SUPERVISOR)


def turns_of(conversation, count):
    now = timezone.now()
    return Turn.objects.bulk_create(
        Turn(
            conversation=conversation,
            position=position,
            role=Turn.Role.USER,
            text="Yes.",
            started_at=now + timedelta(seconds=position),
            final=True,
        )
        for position in range(count)
    )


def ids(turns):
    return [str(turn.pk) for turn in turns]


def test_a_long_transcript_comes_in_parts_and_whole(conversation, reader, monkeypatch):
    monkeypatch.setattr(parts, "PART_LENGTH", 4)
    turns = turns_of(conversation, 10)
    seen, piece, query = [], "", {}
    while True:
        text = reader.text(piece, **query)
        seen += re.findall(r'<li id="turn-([^"]+)"', text)
        following = re.search(r'data-following="(\d+)"', text)
        if following is None:
            break
        piece, query = "/transcript", {"since": following[1]}
    assert seen == ids(turns)


def test_lines_for_the_panel_come_in_the_same_parts(conversation, reader, monkeypatch):
    monkeypatch.setattr(parts, "PART_LENGTH", 4)
    turns = turns_of(conversation, 6)
    first = reader.get("/lines").json()
    second = reader.get("/lines", since=first["following"]).json()
    assert [line["id"] for line in first["lines"] + second["lines"]] == ids(turns)
    assert second["following"] is None


def test_turns_of_one_position_are_in_one_part_or_in_both(conversation, reader, monkeypatch):
    monkeypatch.setattr(parts, "PART_LENGTH", 2)
    for position in (0, 1, 1, 2):
        make_turn(conversation, position=position)
    found, query = set(), {}
    for _ in range(3):
        part = reader.get("/lines", **query).json()
        found |= {line["id"] for line in part["lines"]}
        query = {"since": part["following"]}
        if part["following"] is None:
            break
    assert found == set(ids(conversation.turns.all()))


def test_what_is_asked_for_by_its_id_comes_with_what_is_new(conversation, reader):
    turns = turns_of(conversation, 6)
    assert reader.turns(since=4, turn=str(turns[1].pk)) == ids([turns[1], turns[4], turns[5]])


def test_a_turn_of_another_call_is_not_one_of_this(conversation, reader):
    foreign = make_turn(make_conversation(conversation.organization))
    assert reader.turns(turn=str(foreign.pk)) == []


def test_turns_stand_in_the_order_of_what_was_said_whichever_was_told_first(conversation, reader):
    now = timezone.now()
    later = make_turn(conversation, position=0, started_at=now)
    earlier = make_turn(conversation, position=1, started_at=now - timedelta(seconds=1))
    assert reader.turns() == ids([earlier, later])


def test_it_stands_among_the_turns_when_a_human_took_the_call(conversation, reader, monkeypatch):
    monkeypatch.setattr(parts, "PART_LENGTH", 2)
    taken_at = timezone.now()
    conversation.transferred_at = taken_at
    conversation.save()
    for second in (-20, -10, 10):
        make_turn(
            conversation,
            position=second + 20,
            text=f"At {second}.",
            started_at=taken_at + timedelta(seconds=second),
        )
    first, rest = reader.text("/transcript"), reader.text("/transcript", since=30)
    assert "A human took the call" not in first
    assert rest.index("A human took the call") < rest.index("At 10.")


@pytest.mark.parametrize(
    "query",
    [{"since": "x"}, {"since": "-1"}, {"since": "9" * 30}, {"since": "9" * 5000}, {"turn": "x"}],
)
@pytest.mark.parametrize("piece", ["", "/transcript", "/lines"])
def test_what_cannot_be_asked_for_is_refused(reader, piece, query):
    assert reader.get(piece, **query).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("piece", ["", "/transcript"])
def test_a_long_transcript_costs_no_more_queries(
    conversation, reader, piece, django_assert_max_num_queries
):
    turns_of(conversation, 30)
    with django_assert_max_num_queries(9):
        reader.get(piece)


def test_a_viewer_sees_safe_facts_and_is_told_of_the_rest(conversation):
    conversation.caller_name, conversation.summary = "Mara Lindqvist", "A refund."
    conversation.initial_context, conversation.custom_metadata = "Gold customer", {"order": "4471"}
    conversation.agent_version_id = "version-7"
    conversation.save()
    turn = make_turn(conversation, text="It arrived broken.")
    viewer = Reader(conversation, Role.VIEWER)
    shown = "".join(viewer.text(piece) for piece in ("", "/heading", "/facts", "/transcript"))
    for secret in ("Mara", "refund", "Gold", "4471", "broken", str(turn.pk)):
        assert secret not in shown
    assert "version-7" in shown
    assert "What was said is shown to supervisors and admins" in shown
    assert viewer.get("/lines").status_code == HTTPStatus.NOT_FOUND


def test_details_tell_all_that_is_known_of_the_channel_and_the_call():
    organization = make_organization()
    conversation = make_conversation(
        organization,
        status=Status.COMPLETED,
        agent=make_agent(organization, name="Refund desk"),
        agent_version_id="version-7",
        agent_number="+15550100",
        trunk_id="ST_trunk",
        web_widget_id="widget-3",
        answered_at=timezone.now(),
        duration=64,
        end_reason="The caller hung up.",
        initial_context="Gold customer",
        custom_metadata={"order": {"id": 4471}},
    )
    for status, source in (("triggered", "api"), ("in_progress", "recorder")):
        StatusChange.objects.create(
            conversation=conversation, status=status, source=source, at=timezone.now()
        )
    shown = Reader(conversation, Role.SUPERVISOR).text("/facts")
    for told in (
        *("Refund desk", "version-7", "+15550100", "ST_trunk", "widget-3", "1:04"),
        *("The caller hung up.", "Gold customer", "4471", "API", "Recorder", "In progress"),
    ):
        assert told in shown
    for at in (conversation.created_at, conversation.answered_at, conversation.ended_at):
        assert f"{at:%Y-%m-%d %H:%M:%S} UTC" in shown


@pytest.mark.parametrize("piece", ["", "/heading", "/facts", "/transcript", "/lines", "/events"])
def test_another_organizations_conversation_does_not_exist(reader, piece):
    foreign = make_conversation(make_organization())
    there = f"{reader.address.rsplit('/', 1)[0]}/{foreign.pk}{piece}"
    assert reader.client.get(there).status_code == HTTPStatus.NOT_FOUND
    nowhere = f"{reader.address.rsplit('/', 1)[0]}/{uuid4()}{piece}"
    assert reader.client.get(nowhere).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("web")
class TestEvents:
    def test_what_others_say_is_not_told_nor_that_somebody_listens(self, conversation):
        reader = Reader(conversation, Role.SUPERVISOR)
        open_page = Stream(reader.client, f"{reader.address}/events")
        open_page.wait_for(lambda: len(open_page.events) == 6)  # all is told twice at first
        other = make_conversation(conversation.organization)
        for told, what in ((other, "turns"), (conversation, "listeners"), (conversation, "turns")):
            announce(conversation.organization_id, told.pk, what)
        open_page.wait_for(lambda: len(open_page.events) > 6)
        all_of_it = ["status", "turns", "transfer"]
        assert [name for name, _ in open_page.events] == all_of_it * 2 + ["turns"]

    def test_it_ends_for_whom_the_rights_are_taken_and_no_other(self, conversation):
        readers = [Reader(conversation, role) for role in (Role.VIEWER, Role.ADMIN)]
        viewers, admins = (Stream(each.client, f"{each.address}/events") for each in readers)
        members.remove(conversation.organization.memberships.get(role=Role.VIEWER))
        assert viewers.closed.wait(5)
        assert not admins.closed.wait(0.5)
