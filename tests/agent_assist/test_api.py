"""GET /core/agent-assist/{phone_number}."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from django.test import Client

from agent_assist.brief.version import version_of
from agent_assist.portal import turns_of
from anyreach.organizations.scopes import Role
from conversations.models import Status, Turn
from tests.agent_assist.model_server import MODEL, Reply, answer, claim
from tests.conftest import wait_for_worker
from tests.conversations.factories import make_conversation, make_turn
from tests.organizations.factories import bearer, make_api_key, make_organization

NUMBER = "+15550184471"
BEGAN = datetime(2026, 11, 3, 9, tzinfo=UTC)


@pytest.fixture
def organization(db):
    return make_organization()


@pytest.fixture
def call(organization):
    call = make_conversation(
        organization,
        channel="telephone",
        status=Status.COMPLETED,
        user_id=NUMBER,
        caller_name="Mara Lindqvist",
        duration=94,
        created_at=BEGAN,
        answered_at=BEGAN,
        ended_at=BEGAN + timedelta(seconds=94),
    )
    said = (
        ("agent", "Hello, this is the refund desk."),
        ("user", "My kettle arrived broken. It is order 4471."),
        ("user", "Can I speak to a manager, please?"),
    )
    for position, (role, text) in enumerate(said):
        at = BEGAN + timedelta(seconds=10 * position)
        make_turn(call, role=role, text=text, position=position, started_at=at)
    at = BEGAN + timedelta(seconds=40)
    failed = {"name": "refund", "arguments": {"order_id": "4471"}, "output": "declined"}
    make_turn(call, role=Turn.Role.TOOL, text="", started_at=at, is_error=True, **failed)
    return call


@pytest.fixture
def get(organization):
    headers = bearer(make_api_key(organization, Role.SUPERVISOR)[1])

    def get(number=NUMBER, **query):
        return Client().get(f"/core/agent-assist/{number}", query, headers=headers)

    return get


def test_a_brief_is_made_of_what_the_contract_names(call, get):
    answer = get()
    assert answer.status_code == HTTPStatus.OK
    assert answer["Cache-Control"] == "no-store"
    portal = answer.json()
    assert portal["header"] == {
        "caller_name": "Mara Lindqvist",
        "phone_number": NUMBER,
        "call_duration_seconds": 94,
        "sentiment": portal["header"]["sentiment"],
    }
    assert portal["header"]["sentiment"]["level"] == "calm"
    assert "manager" in portal["transfer_reason"]
    assert 3 <= len(portal["call_summary"]) <= 5
    assert {"label": "Order ID", "value": "4471"} in portal["information_collected"]
    assert 1 <= len(portal["suggested_next_steps"]) <= 3
    assert portal["conversation"] == {
        "id": str(call.pk),
        "status": "completed",
        "created_at": "2026-11-03T09:00:00Z",
    }
    assert (portal["other_conversations"], portal["compliance_flags"]) == (0, [])
    assert (portal["generated_by"], portal["withheld"]) == ("no model", [])
    assert portal["transcript_version"] == version_of(call, turns_of(call))


def test_its_transcript_has_all_that_was_said_and_done(call, get):
    make_turn(call, text="Not yet fin", final=False)
    turns = turns_of(call)
    lines = get().json()["transcript"]
    assert [line["id"] for line in lines] == [str(turn.pk) for turn in turns]
    assert [line["offset_seconds"] for line in lines] == [0, 10, 20, 40]
    assert [line["marker"] and line["marker"]["kind"] for line in lines][2:] == [
        "request",
        "tool_failure",
    ]
    assert lines[3]["text"] == 'refund({"order_id": "4471"}) failed: declined'


def test_each_claim_cites_turns_of_the_transcript(call, get):
    portal = get().json()
    ids = {line["id"] for line in portal["transcript"]}
    evidence = portal["evidence"]
    assert set(evidence["transfer_reason"]) <= ids
    assert evidence["transfer_reason"]
    for section in ("call_summary", "information_collected", "suggested_next_steps"):
        assert len(evidence[section]) == len(portal[section])
        assert {turn for turns in evidence[section] for turn in turns} <= ids


def test_the_same_transcript_gives_the_same_bytes(call, get):
    first = get().content
    assert get("1 (555) 018-4471").content == first
    assert get("%2B15550184471").content == first


def test_a_live_call_is_briefed_by_what_was_said_so_far(organization, get):
    call = make_conversation(organization, user_id="guest_7", answered_at=BEGAN)
    at = BEGAN + timedelta(seconds=7)
    make_turn(call, text="Hello?", started_at=at, ended_at=at + timedelta(seconds=2))
    header = get("guest_7").json()["header"]
    assert (header["caller_name"], header["call_duration_seconds"]) == ("Unknown Caller", 9)


@pytest.mark.parametrize("said", [[], ["Hm."]])
def test_a_call_in_which_nothing_was_said_is_briefed_too(organization, get, said):
    call = make_conversation(organization, user_id=NUMBER)
    for text in said:
        make_turn(call, text=text)
    portal = get().json()
    assert len(portal["call_summary"]) == len(said)
    assert (portal["transfer_reason"] != "", len(portal["suggested_next_steps"])) == (True, 1)


@pytest.mark.parametrize("number", ["+15550184472", "a", "%00", "%2B"])
def test_a_number_with_which_nobody_spoke_is_not_found(call, get, number):
    answer = get(number)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    ("query", "field"),
    [({"fresh": "1"}, "fresh"), ({"refresh": "2"}, "refresh"), ({"refresh": ""}, "refresh")],
)
def test_an_unknown_parameter_is_refused_by_its_name(call, get, query, field):
    answer = get(**query)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_it_takes_few_queries_however_much_was_said(call, get, django_assert_max_num_queries):
    for position in range(50):
        make_turn(call, position=position)
    with django_assert_max_num_queries(5):
        get()


class TestWithAModel:
    """The model writes in the worker's process; the request waits for it."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture(autouse=True)
    def _worker_is_ready(self, brief_worker):
        brief_worker.start()
        wait_for_worker()

    def test_it_answers_what_the_model_wrote_and_the_call_bears_out(self, call, get, model):
        model.queue(
            answer(
                transfer_reason=claim("The caller wants to speak to a manager.", 3),
                call_summary=[claim("The caller paid 99 euros on 5 May.", 2)],
            )
        )
        portal = get().json()
        assert portal["generated_by"] == MODEL
        assert portal["transfer_reason"] == "The caller wants to speak to a manager."
        assert [each["text"] for each in portal["withheld"]] == [
            "The caller paid 99 euros on 5 May."
        ]
        assert "99" not in " ".join(portal["call_summary"])
        assert 3 <= len(portal["call_summary"]) <= 5

    def test_it_asks_once_until_it_is_to_be_made_anew(self, call, get, model):
        for reason in ("wants to speak to a manager", "asks for a manager"):
            model.queue(answer(transfer_reason=claim(f"The caller {reason}.", 3)))
        first = get().content
        assert get().content == first
        assert get(refresh="1").json()["transfer_reason"] == "The caller asks for a manager."
        assert len(model.asked) == 2

    def test_when_the_model_fails_there_are_facts(self, call, get, model, settings):
        model.queue(Reply("<html>", 200, "text/html"), Reply("<html>", 200, "text/html"))
        portal = get().json()
        assert portal["generated_by"] == "no model"
        settings.LLM_BASE_URL = ""
        assert get().json() == portal
