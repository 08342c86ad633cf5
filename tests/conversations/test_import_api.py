"""POST /core/conversations/import."""

import contextlib
import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import BytesIO

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from anyreach.errors import DomainError
from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Role
from conversations import importing
from conversations.import_body import ImportBody
from conversations.import_serializers import FinishedConversationIn
from conversations.importing import Finished, Refused, read
from conversations.models import Conversation, StatusChange, Turn
from tests.conversations.factories import make_agent, make_conversation, make_turn
from tests.organizations.factories import bearer, make_api_key, make_member, make_organization

ADDRESS = "/core/conversations/import"
BEGAN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NDJSON = "application/x-ndjson"


def at(seconds: float) -> str:
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def finished(**fields):
    """Return a line: a call of two minutes in which two turns were said."""
    return {
        "id": str(uuid.uuid4()),
        "direction": "inbound",
        "channel": "telephone",
        "status": "completed",
        "user_id": "+15550100199",
        "created_at": at(0),
        "answered_at": at(5),
        "ended_at": at(125),
        "conversation": {
            "turns": [
                {"role": "agent", "text": "Good morning.", "started_at": at(6)},
                {"role": "user", "text": "Hello.", "started_at": at(8), "ended_at": at(9)},
            ]
        },
        **fields,
    }


@pytest.fixture
def organization(db):
    return make_organization()


class Program:
    """A program with a key of `role`."""

    def __init__(self, organization, role=Role.ADMIN):
        self.headers = bearer(make_api_key(organization, role)[1])

    def send(self, body, content_type=NDJSON):
        data = body if isinstance(body, str | bytes) else ndjson(*body)
        return Client().post(ADDRESS, data, content_type, headers=self.headers)

    def get(self, pk):
        return Client().get(f"/core/conversations/{pk}", headers=self.headers).json()


def ndjson(*lines):
    return "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)


@pytest.fixture
def admin(organization):
    return Program(organization)


def counts(answer):
    assert answer.status_code == HTTPStatus.OK, answer.content
    body = answer.json()
    assert set(body) == {"imported", "unchanged", "refused"}
    return body["imported"], body["unchanged"], [each["line"] for each in body["refused"]]


# --- What is kept --------------------------------------------------------------------------


def test_a_finished_conversation_is_kept_with_its_turns(organization, admin):
    agent = make_agent(organization, name="Refunds")
    tool = {
        "role": "tool",
        "call_id": "call_1",
        "name": "find_order",
        "arguments": {"number": 7},
        "output": None,
        "is_error": True,
        "started_at": at(10),
    }
    said = {
        "id": str(uuid.uuid4()),
        "role": "agent",
        "text": " It is on its way. ",
        "started_at": at(12),
        "ended_at": at(14),
        "final": True,
        "interrupted": True,
        "speaker": "agent-1",
        "latency": {"end_to_end_ms": 840},
    }
    line = finished(
        agent_id=str(agent.pk),
        agent_version_id="v1",
        agent_number="+15550100",
        trunk_id="ST_1",
        web_widget_id="w1",
        end_reason="The caller hung up.",
        caller_name="Mara",
        summary="An order.",
        initial_context="VIP",
        custom_metadata={"anyreach_campaign": "spring"},
        recording_details={"url": "https://example.com/1.wav"},
        conversation={"turns": [tool, said]},
    )
    assert counts(admin.send([line])) == (1, 0, [])
    shown = admin.get(line["id"])
    for name in set(line) - {"conversation", "created_at", "answered_at", "ended_at"}:
        assert shown[name] == line[name], name
    assert datetime.fromisoformat(shown["ended_at"]) == BEGAN + timedelta(seconds=125)
    assert shown["agent"] == {"id": str(agent.pk), "name": "Refunds"}
    assert (shown["duration"], shown["user_turn_count"]) == (120, 0)
    first, second = shown["conversation"]["turns"]
    assert (first["call_id"], first["arguments"], first["is_error"]) == (
        "call_1",
        {"number": 7},
        True,
    )
    assert second["id"] == said["id"]
    assert (second["text"], second["interrupted"]) == (" It is on its way. ", True)
    assert second["latency"] == {"end_to_end_ms": 840}


def test_what_get_answers_can_be_imported_elsewhere(organization, admin):
    line = finished()
    admin.send([line])
    exported = {**admin.get(line["id"]), "agent_id": None}
    Conversation.objects.all().delete()
    other = Program(make_organization())
    assert counts(other.send([exported])) == (1, 0, [])
    again = other.get(line["id"])
    ours = {"organization_id", "updated_at"}
    assert {k: v for k, v in again.items() if k not in ours} == {
        k: v for k, v in exported.items() if k not in ours
    }


def test_turns_may_stand_by_themselves_but_not_twice(admin):
    turns = finished()["conversation"]["turns"]
    short = {**finished(), "turns": turns}
    assert counts(admin.send([short])) == (0, 0, [1])
    del short["conversation"]
    assert counts(admin.send([short])) == (1, 0, [])
    assert len(admin.get(short["id"])["conversation"]["turns"]) == 2


def test_user_turns_are_counted_as_the_transcript_counts_them(admin):
    roles = ["user", "user", "agent", "user", "tool", "user"]
    turns = [
        {"role": role, "text": "x", "started_at": at(60 - number)}
        for number, role in enumerate(reversed(roles))
    ]
    counted, told = finished(turns=turns), finished(user_turn_count=9, duration=7)
    del counted["conversation"]
    admin.send([counted, told])
    assert admin.get(counted["id"])["user_turn_count"] == 3
    shown = admin.get(told["id"])
    assert (shown["user_turn_count"], shown["duration"]) == (9, 7)


def test_a_call_that_nobody_answered_has_no_duration(admin):
    line = finished(status="unanswered", answered_at=None)
    admin.send([line])
    assert admin.get(line["id"])["duration"] is None


def test_the_status_history_says_that_it_was_imported(admin):
    line, missed = finished(), finished(status="unanswered", answered_at=None)
    admin.send([line, missed])
    steps = StatusChange.objects.filter(source=StatusChange.Source.IMPORT)
    assert [each.status for each in steps.filter(conversation=line["id"])] == [
        "in_progress",
        "completed",
    ]
    assert [each.status for each in steps.filter(conversation=missed["id"])] == ["unanswered"]


# --- Repeated ------------------------------------------------------------------------------


def test_the_same_request_again_changes_nothing(admin):
    lines = [finished() for _ in range(3)]
    assert counts(admin.send(lines)) == (3, 0, [])
    before = [admin.get(line["id"]) for line in lines]
    assert counts(admin.send([*lines, finished()])) == (1, 3, [])
    assert [admin.get(line["id"]) for line in lines] == before
    assert counts(admin.send(json.dumps(lines), "application/json")) == (0, 3, [])


def test_it_is_the_same_however_it_is_written(admin):
    line = finished()
    other_order = dict(reversed(line.items()))
    other_zone = {**line, "created_at": line["created_at"].replace("+00:00", "Z")}
    assert counts(admin.send([line, other_order, other_zone])) == (1, 2, [])


def test_an_id_with_other_content_is_refused_the_same_whosever_it_is(organization, admin):
    first = finished()
    Program(make_organization()).send([theirs := finished()])
    made = make_conversation(organization)
    admin.send([first])
    answers = [
        admin.send([taken]).json()["refused"]
        for taken in (
            {**first, "summary": "Another."},
            {**first, "conversation": {"turns": []}},
            theirs,
            {**theirs, "summary": "Another."},
            finished(id=str(made.pk)),
        )
    ]
    refused = {
        "line": 1,
        "detail": "id: This id belongs to another conversation.",
        "errors": [{"field": "id", "message": "This id belongs to another conversation."}],
    }
    assert answers == [[refused]] * 5
    assert admin.get(first["id"])["summary"] is None


def test_ids_that_two_lines_give_are_kept_once(admin):
    line = finished()
    turn = {"id": str(uuid.uuid4()), "role": "user", "text": "x", "started_at": at(6)}
    one, two = (finished(conversation={"turns": [turn]}) for _ in range(2))
    lines = [line, line, {**line, "summary": "Another."}, one, two, line]
    assert counts(admin.send(lines)) == (2, 2, [3, 5])
    assert Turn.objects.filter(pk=turn["id"]).count() == 1


def test_a_turns_id_that_is_taken_is_refused(admin):
    taken = make_turn(make_conversation())
    turn = {"id": str(taken.pk), "role": "user", "text": "Stolen.", "started_at": at(6)}
    assert counts(admin.send([finished(conversation={"turns": [turn]}), finished()])) == (1, 0, [1])
    taken.refresh_from_db()
    assert taken.text != "Stolen."


def test_a_line_imported_before_is_unchanged_when_its_agent_is_gone(organization, admin):
    agent = make_agent(organization)
    line = finished(agent_id=str(agent.pk))
    admin.send([line])
    agent.delete()
    assert counts(admin.send([line])) == (0, 1, [])


@pytest.mark.django_db(transaction=True)
def test_the_same_lines_at_the_same_time_are_kept_once():
    organization = make_organization()
    lines = [json.dumps(finished()).encode() for _ in range(60)]
    outcomes, start = [], threading.Barrier(3)

    def send(own):
        start.wait()
        outcomes.append(
            importing.import_conversations(organization, enumerate(own, 1), now=timezone.now())
        )
        connection.close()

    orders = (lines, lines[::-1], lines[30:] + lines[:30])
    threads = [threading.Thread(target=send, args=[own]) for own in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(each.imported for each in outcomes) == 60
    assert sum(each.unchanged for each in outcomes) == 120
    assert Conversation.objects.count() == 60
    assert Turn.objects.count() == 120


@pytest.mark.django_db(transaction=True)
def test_what_broke_half_way_is_completed_by_sending_it_again(monkeypatch):
    organization = make_organization()
    lines = [(n, json.dumps(finished()).encode()) for n in range(1, 251)]

    def breaking():
        yield from lines[:220]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        importing.import_conversations(organization, breaking(), now=timezone.now())
    assert Conversation.objects.count() == 200
    again = importing.import_conversations(organization, lines, now=timezone.now())
    assert (again.imported, again.unchanged, again.refused) == (50, 200, [])
    assert Turn.objects.count() == 500


@pytest.mark.django_db(transaction=True)
def test_an_agent_or_id_that_goes_meanwhile_costs_its_own_line_only():
    organization = make_organization()
    agent = make_agent(organization)
    turn = {"id": str(uuid.uuid4()), "role": "user", "text": "x", "started_at": at(6)}
    bodies = [
        finished(agent_id=str(agent.pk)),
        finished(conversation={"turns": [turn]}),
        finished(),
    ]

    def while_others_write():
        yield from ((n, json.dumps(body).encode()) for n, body in enumerate(bodies, 1))
        agent.delete()
        make_turn(make_conversation(), id=turn["id"])

    outcome = importing.import_conversations(organization, while_others_write(), now=timezone.now())
    fields = [(each.line, each.errors[0]["field"]) for each in outcome.refused]
    assert (outcome.imported, fields) == (1, [(1, "agent_id"), (2, "turns")])


def test_a_page_of_ours_imports_with_its_session_and_csrf_token(organization):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(organization).user)
    headers = {"X-Anyreach-Org": str(organization.pk)}
    refused = client.post(ADDRESS, ndjson(finished()), NDJSON, headers=headers)
    assert refused.status_code == HTTPStatus.FORBIDDEN
    client.get(f"/{organization.slug}/agents")
    headers["X-CSRFToken"] = client.cookies["csrftoken"].value
    assert counts(client.post(ADDRESS, ndjson(finished()), NDJSON, headers=headers)) == (1, 0, [])


# --- Refused lines -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": "7"}, "id"),
        ({"direction": "sideways"}, "direction"),
        ({"channel": "pigeon"}, "channel"),
        ({"status": "in_progress"}, "status"),
        ({"status": "token_created"}, "status"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "u" * 256}, "user_id"),
        ({"agent_id": str(uuid.uuid4())}, "agent_id"),
        ({"duration": -1}, "duration"),
        ({"duration": 2**31}, "duration"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": at(6)}, "answered_at"),
        ({"answered_at": None, "created_at": at(126)}, "ended_at"),
        ({"ended_at": at(4)}, "ended_at"),
        ({"ended_at": None}, "ended_at"),
        ({"ended_at": (timezone.now() + timedelta(hours=1)).isoformat()}, "ended_at"),
        ({"custom_metadata": []}, "custom_metadata"),
        ({"recording_details": "x"}, "recording_details"),
        ({"room_name": "room"}, "room_name"),
        ({"conversation": []}, "conversation"),
        ({"conversation": {}}, "conversation.turns"),
        ({"conversation": {"turns": [{}]}}, "conversation.turns.0.role"),
        (
            {
                "conversation": {
                    "turns": [{"role": "user", "started_at": at(1), "text": 1.5, "x": 1}]
                }
            },
            "conversation.turns.0.x",
        ),
        (
            {"conversation": {"turns": [{"role": "user", "started_at": at(2), "ended_at": at(1)}]}},
            "conversation.turns.0.ended_at",
        ),
        (
            {
                "conversation": {
                    "turns": [{"role": "tool", "started_at": at(1), "call_id": "1"}] * 2
                }
            },
            "turns",
        ),
    ],
)
def test_a_bad_field_is_named_and_stops_no_other_line(admin, change, field):
    answer = admin.send([finished(), finished(**change), finished()])
    assert counts(answer) == (2, 0, [2])
    (refused,) = answer.json()["refused"]
    assert field in [each["field"] for each in refused["errors"]]
    assert refused["detail"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "nothing",
        "[]",
        "1",
        "null",
        '{"id": NaN}',
        r'{"summary": "\u0000"}',
        r'{"summary": "\ud800"}',
        r'{"\udfff": 1}',
        b"\xff\xfe",
        '{"a":' * 200 + "1" + "}" * 200,
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"id": ' + "1" * 5000 + "}", id="digits"),
        pytest.param(json.dumps({"id": "x" * importing.LINE_MAX_BYTES}), id="long"),
    ],
)
def test_a_broken_line_is_only_that_lines_refusal(admin, line):
    broken = line if isinstance(line, bytes) else line.encode()
    good = [json.dumps(finished()).encode() for _ in range(2)]
    answer = admin.send(b"\n".join([good[0], b"", broken, good[1] + b"\r", b""]))
    assert counts(answer) == (2, 0, [3])
    assert answer.json()["refused"][0]["errors"][0]["field"] == "body"


def test_what_an_array_holds_is_refused_by_its_place(admin):
    body = json.dumps([finished(), 7, {"summary": "\0"}, finished()], indent=1)
    assert counts(admin.send(body, "application/json")) == (2, 0, [2, 3])


def test_a_line_with_a_thousand_faults_is_answered_shortly(admin):
    answer = admin.send([finished(conversation={"turns": [{}] * 1000})])
    assert len(answer.json()["refused"][0]["errors"]) == importing.ERRORS_A_LINE


# --- Refused requests ----------------------------------------------------------------------


@pytest.mark.parametrize("body", ["[", "[{]", "[1 2]", "[1,]", "[] x", "x", b"[\xff]", "{", '["a]'])
def test_an_array_that_cannot_be_read_imports_nothing(admin, body):
    for sent in (body, body if isinstance(body, bytes) else f"[{json.dumps(finished())},{body}"):
        answer = admin.send(sent, "application/json")
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert "application/x-ndjson" in answer.json()["detail"]
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("body", ["{}", "1", "null", json.dumps(finished())])
def test_json_that_is_no_array_is_422(admin, body):
    answer = admin.send(body, "application/json")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not Conversation.objects.exists()


def test_too_many_are_refused_before_any_is_imported(admin, monkeypatch):
    monkeypatch.setattr("conversations.import_body.MAX_CONVERSATIONS", 3)
    lines = [finished() for _ in range(4)]
    for body, kind in ((ndjson(*lines), NDJSON), (json.dumps(lines), "application/json")):
        answer = admin.send(body, kind)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert answer.json()["detail"] == "body: At most 3 conversations a request."
    assert not Conversation.objects.exists()
    assert counts(admin.send(ndjson(*lines[:3]) + "\n\n\n")) == (3, 0, [])


def test_too_much_is_refused_before_any_is_imported(admin, settings):
    settings.IMPORT_MAX_BYTES = 5000
    body = ndjson(*(finished() for _ in range(20)))
    for kind in (NDJSON, "application/json"):
        assert admin.send(body, kind).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(("body", "kind"), [("", NDJSON), ("\n \n", NDJSON), ("[]", None)])
def test_nothing_is_imported_of_nothing(admin, body, kind):
    assert counts(admin.send(body, kind or "application/json")) == (0, 0, [])


def test_nobody_a_reader_and_a_stranger_import_nothing_here(organization):
    assert Client().post(ADDRESS, "", NDJSON).status_code == HTTPStatus.UNAUTHORIZED
    for role in (Role.VIEWER, Role.SUPERVISOR):
        reader = Program(organization, role)
        assert reader.send([finished()]).status_code == HTTPStatus.FORBIDDEN
    foreign = make_agent(organization)
    stranger = Program(make_organization())
    assert counts(stranger.send([finished(), finished(agent_id=str(foreign.pk))])) == (1, 0, [2])
    assert not organization.conversations.exists()


# --- Cost ----------------------------------------------------------------------------------


def test_a_hundred_conversations_cost_a_few_queries(admin, django_assert_max_num_queries):
    def lines(count):
        turns = finished()["conversation"]["turns"] * 10
        return [finished(conversation={"turns": turns}) for _ in range(count)]

    admin.send(lines(1))
    # The key and the agents; then two reads, three writes and a savepoint for each hundred.
    with django_assert_max_num_queries(2 + 6):
        assert counts(admin.send(lines(100))) == (100, 0, [])
    with django_assert_max_num_queries(2 + 2 * 6):
        assert counts(admin.send(lines(200))) == (200, 0, [])


# --- Any body ------------------------------------------------------------------------------

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
names = st.sampled_from([*FinishedConversationIn().fields])
lines = st.one_of(
    st.binary(max_size=60),
    odd.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(names, odd, max_size=4).map(
        lambda changes: json.dumps({**finished(), **changes}).encode()
    ),
    st.dictionaries(st.sampled_from(["role", "text", "started_at", "latency", "output"]), odd).map(
        lambda turn: json.dumps(finished(conversation={"turns": [turn]})).encode()
    ),
)


@settings(max_examples=300)
@given(lines)
def test_any_line_is_read_or_refused_with_a_sentence(line):
    form = FinishedConversationIn()
    outcome = read(1, line, form=form, now=timezone.now())
    if isinstance(outcome, Refused):
        assert outcome.detail
        assert all(each["field"] and each["message"] for each in outcome.errors)
    else:
        assert isinstance(outcome, Finished)
        assert read(1, line, form=form, now=timezone.now()) == outcome


@pytest.mark.django_db
@settings(max_examples=100)
@given(st.lists(lines, max_size=3))
def test_what_is_read_can_be_kept(bodies):
    organization = Organization.objects.filter(slug="kept").first() or make_organization("kept")
    numbered = list(enumerate(bodies, 1))
    first = importing.import_conversations(organization, numbered, now=timezone.now())
    assert first.imported + first.unchanged + len(first.refused) == len(bodies)
    again = importing.import_conversations(organization, numbered, now=timezone.now())
    assert again.imported == 0
    assert again.unchanged == first.imported + first.unchanged


@given(st.lists(odd, max_size=6), st.sampled_from([None, 0, 2]))
def test_an_array_is_read_element_by_element(values, indent):
    values = json.loads(json.dumps(values).replace("NaN", "1").replace("Infinity", "2"))
    body = json.dumps(values, indent=indent).encode()
    read_back = ImportBody().parse(BytesIO(body), "application/json")
    assert [(n, json.loads(text)) for n, text in read_back] == list(enumerate(values, 1))


@given(st.binary(max_size=80), st.sampled_from(["application/json", NDJSON]))
def test_any_body_is_read_or_refused_by_name(body, kind):
    with contextlib.suppress(DomainError, ParseError):
        list(ImportBody().parse(BytesIO(body), kind))
