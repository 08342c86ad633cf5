"""The page of a brief, as the server paints it."""

import re
from datetime import timedelta
from http import HTTPStatus
from uuid import uuid4

import pytest
from django.utils import timezone

from agent_assist import portal
from agent_assist.brief.sections import Sections, Statement, Withheld
from agent_assist.models import Brief, Content, sealed
from anyreach.organizations.scopes import Role
from tests.agent_assist.model_server import KEY
from tests.conversations.factories import make_conversation, make_turn
from tests.organizations.factories import make_organization, signed_in

pytestmark = pytest.mark.django_db
NUMBER = "+15550184471"
A_WHILE_AGO = timezone.now() - timedelta(minutes=1)


@pytest.fixture
def call():
    return make_conversation(make_organization("acme"), user_id=NUMBER)


@pytest.fixture
def reader(call):
    return signed_in(call.organization, Role.SUPERVISOR)


def page(reader, number=NUMBER):
    return reader.get(f"/acme/agent-assist/{number}")


def piece(reader, call, **query):
    return reader.get(f"/acme/conversations/{call.pk}/brief", query)


def byline(answer):
    (by,) = re.findall(r'id="brief-by".*?>(.*?)</div>', answer.content.decode(), re.DOTALL)
    return " ".join(re.sub("<.*?>", " ", by).split())


def test_the_number_of_queries_is_that_of_a_short_call(call, reader, django_assert_max_num_queries):
    for position in range(100):
        make_turn(call, position=position)
    with django_assert_max_num_queries(7):
        assert page(reader).status_code == HTTPStatus.OK
    with django_assert_max_num_queries(7):
        assert piece(reader, call, turns=50).status_code == HTTPStatus.OK


def test_a_number_with_which_nobody_spoke_is_not_found(reader):
    answer = page(reader, "+15550184472")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "Not Found" in answer.content.decode()


def test_a_page_that_is_open_keeps_to_what_it_has_read(call, reader):
    for position in range(3):
        make_turn(call, position=position, text=f"I said number {position}.")
    text = piece(reader, call, turns=2).content.decode()
    assert "The call has gone on since: 1 new turn." in text
    assert "number 1" in text
    assert "number 2" not in text


@pytest.mark.parametrize(
    "query", [{}, {"turns": "x"}, {"turns": "-1"}, {"turns": "1", "brief": "x"}]
)
def test_a_part_that_is_asked_for_in_another_way_is_refused(call, reader, query):
    assert piece(reader, call, **query).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_brief_of_another_call_is_none_of_this(call, reader):
    other = brief_of(make_conversation(call.organization))
    for brief in (other.pk, uuid4()):
        assert piece(reader, call, turns=1, brief=brief).status_code == HTTPStatus.NOT_FOUND


def brief_of(call, **fields):
    now = timezone.now()
    defaults = {"state": Brief.State.WRITTEN, "began_at": now, "made_at": now}
    return Brief.objects.create(
        conversation=call,
        transcript_version=str(uuid4()),
        model="m-1",
        prompt_version="1",
        **{**defaults, **fields},
    )


@pytest.fixture
def key(settings):
    settings.BRIEF_KEYS = [KEY.encode()]


@pytest.mark.parametrize(
    ("content", "fields", "sentence"),
    [
        (True, {}, "Written by m-1; each line was checked against what was said."),
        (False, {}, "Made from facts: the call bears out nothing that m-1 wrote."),
        (
            False,
            {"state": "failed", "failure": "It took too long."},
            "Made from facts, without a model. It took too long.",
        ),
        (
            False,
            {"state": "writing", "made_at": None},
            "m-1 is writing. Until then these are facts.",
        ),
        (
            False,
            {
                "state": "writing",
                "made_at": None,
                "began_at": timezone.now() - timedelta(minutes=1),
            },
            "Made from facts, without a model. Nobody writes this brief: "
            "AnyReach's worker does not run.",
        ),
        (
            True,
            {"turns_left_out": 7},
            "Written by m-1; each line was checked against what was said. "
            "The call is long: the model has not read 7 of its turns.",
        ),
    ],
)
def test_it_says_who_wrote_it(call, reader, key, content, fields, sentence):
    turn = make_turn(call)
    wrote = Sections(transfer_reason=Statement(text="They ask.", turns=(turn.pk,)))
    seal = sealed(Content(sections=wrote)) if content else b""
    brief = brief_of(call, content=seal, **fields)
    assert byline(piece(reader, call, turns=1, brief=brief.pk)) == sentence


def test_of_what_is_withheld_it_says_how_much(call, reader, key):
    withheld = Withheld(section="call_summary", text="A secret invention.", why="It cites no turn.")
    brief = brief_of(call, content=sealed(Content(withheld=(withheld, withheld))))
    answer = piece(reader, call, turns=0, brief=brief.pk)
    assert "2 lines that it wrote are left out" in byline(answer)
    assert "secret invention" not in answer.content.decode()


@pytest.mark.parametrize(("role", "is_led"), [(Role.SUPERVISOR, True), (Role.VIEWER, False)])
def test_a_conversations_page_leads_to_it_who_may(call, role, is_led):
    page = signed_in(call.organization, role).get(f"/acme/conversations/{call.pk}")
    assert (f"/acme/agent-assist/{NUMBER}" in page.content.decode()) == is_led


def test_a_conversation_of_a_strange_name_has_a_page_all_the_same(reader, call):
    strange = make_conversation(call.organization, user_id="sip:a/b@example.com")
    assert reader.get(f"/acme/conversations/{strange.pk}").status_code == HTTPStatus.OK
    assert piece(reader, strange, turns=0).status_code == HTTPStatus.OK


def test_a_line_of_the_transcript_is_never_interim(call):
    make_turn(call, final=False)
    assert portal.turns_of(call) == []
