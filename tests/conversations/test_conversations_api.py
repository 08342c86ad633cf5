"""GET and POST /core/conversations, one by one as the contract says."""

import asyncio
import base64
import json
import uuid
from datetime import timedelta
from http import HTTPStatus

import jwt
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from django.utils import timezone
from livekit.rtc import DisconnectReason

from anyreach.organizations.scopes import Role
from conversations.models import Channel, Conversation, Direction, Status
from conversations.serializers import ConversationOut
from tests.callers import Party, token_of
from tests.conversations.factories import make_agent, make_conversation, make_turn
from tests.organizations.factories import bearer, make_api_key, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return make_organization()


class Program:
    """A program with a key of `role`."""

    def __init__(self, organization, role=Role.ADMIN):
        self.headers = bearer(make_api_key(organization, role)[1])

    def get(self, path="", **parameters):
        return Client().get(f"/core/conversations{path}", parameters, headers=self.headers)

    def post(self, path="", body=None):
        data = body if isinstance(body, str | bytes) else json.dumps(body or {})
        return Client().post(
            f"/core/conversations{path}",
            data,
            content_type="application/json",
            headers=self.headers,
        )


@pytest.fixture
def admin(organization):
    return Program(organization)


def nested(levels: int) -> str:
    """Return an object in an object in …, which Python still reads but cannot always write."""
    return '{"a":' * levels + "1" + "}" * levels


# --- One -----------------------------------------------------------------------------------


def test_one_conversation_has_every_field_of_the_contract(organization, admin):
    agent = make_agent(organization, name="Refunds")
    conversation = make_conversation(organization, agent=agent, custom_metadata={"a": 1})
    turn = make_turn(conversation, text="Hello.")
    shown = admin.get(f"/{conversation.pk}").json()
    assert set(shown) == set(ConversationOut.Meta.fields)
    assert shown["agent"] == {"id": str(agent.pk), "name": "Refunds"}
    assert shown["custom_metadata"] == {"a": 1}
    (told,) = shown["conversation"]["turns"]
    assert told["id"] == str(turn.pk)
    assert (told["role"], told["text"], told["final"]) == ("user", "Hello.", True)
    assert "call_id" not in told
    assert "segment_id" not in told


def test_a_viewer_gets_the_safe_fields_only_and_the_others_are_left_out(organization):
    conversation = make_conversation(organization, caller_name="Mara", summary="Secret.")
    make_turn(conversation, text="A secret.")
    viewer = Program(organization, Role.VIEWER)
    for answer in (viewer.get(f"/{conversation.pk}"), viewer.get()):
        assert answer.status_code == HTTPStatus.OK
        assert b"ecret" not in answer.content
        shown = answer.json() if isinstance(answer.json(), dict) else answer.json()[0]
        assert set(shown).isdisjoint(ConversationOut.SENSITIVE)
        assert "status" in shown


def test_an_unknown_or_foreign_conversation_is_not_found(organization, admin):
    foreign = make_conversation(make_organization())
    for path in (f"/{uuid.uuid4()}", f"/{foreign.pk}", "/not-a-uuid"):
        answer = admin.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


# --- The list ------------------------------------------------------------------------------


def ids(answer) -> list[str]:
    assert answer.status_code == HTTPStatus.OK, answer.content
    assert isinstance(answer.json(), list)
    return [each["id"] for each in answer.json()]


def test_the_list_is_a_plain_array_newest_first_of_every_status(organization, admin):
    make_conversation()
    now = timezone.now()
    made = [
        make_conversation(organization, status=status, created_at=now - timedelta(minutes=number))
        for number, status in enumerate(Status)
    ]
    assert ids(admin.get()) == [str(each.pk) for each in made]


@pytest.mark.parametrize(
    ("fields", "parameter", "hit", "miss"),
    [
        ({"direction": Direction.OUTBOUND}, "direction", "outbound", "inbound"),
        ({"channel": Channel.TELEPHONE}, "channel", "telephone", "webrtc"),
        ({"status": Status.RINGING}, "status", "ringing", "completed"),
        ({"user_id": "+15550100"}, "user_id", "5501", "999"),
        ({"user_id": "guest_ABC"}, "user_id", "abc", "x"),
        ({"agent_number": "+15550101"}, "agent_number", "0101", "9"),
        ({"agent_version_id": "v1"}, "agent_version_id", "v1", "v"),
        ({"web_widget_id": "w1"}, "web_widget_id", "w1", "w"),
        ({"duration": 60}, "duration_above", 60, 61),
        ({"duration": 60}, "duration_below", 60, 59),
        ({"user_turn_count": 3}, "user_turn_count_above", 3, 4),
        ({"user_turn_count": 3}, "user_turn_count_below", 3, 2),
        ({"custom_metadata": {"a": 1, "b": 2}}, "custom_metadata", '{"a": 1}', '{"a": 2}'),
    ],
)
def test_each_parameter_narrows_the_list(organization, admin, fields, parameter, hit, miss):
    conversation = make_conversation(organization, **fields)
    assert ids(admin.get(**{parameter: hit})) == [str(conversation.pk)]
    assert ids(admin.get(**{parameter: miss})) == []


def test_an_agent_and_times_narrow_the_list(organization, admin):
    agent = make_agent(organization)
    conversation = make_conversation(organization, agent=agent)
    make_conversation(organization)
    assert ids(admin.get(agent_id=agent.pk)) == [str(conversation.pk)]
    before = (conversation.created_at - timedelta(seconds=1)).isoformat()
    exactly = conversation.created_at.isoformat()
    assert str(conversation.pk) not in ids(admin.get(created_before=before))
    assert str(conversation.pk) in ids(admin.get(created_after=exactly, agent_id=agent.pk))


@pytest.mark.parametrize(
    ("parameter", "given", "other"),
    [
        ("status", [Status.RINGING, Status.COMPLETED], Status.IN_PROGRESS),
        ("channel", [Channel.TELEPHONE, Channel.EMAIL], Channel.WEBRTC),
        ("direction", [Direction.INBOUND, Direction.OUTBOUND], None),
    ],
)
def test_what_is_one_of_several_can_be_repeated(organization, admin, parameter, given, other):
    for value in [*given, other] if other else given:
        make_conversation(organization, **{parameter: value})
    shown = admin.get(**{parameter: given}).json()
    assert {each[parameter] for each in shown} == set(given)
    assert len(shown) == 2


@pytest.mark.parametrize("given", [["1", "2"], [""]])
def test_another_parameter_is_given_once_and_not_empty(admin, given):
    answer = admin.get(user_id=given)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    message = "This must be given once, and not empty."
    assert answer.json()["errors"] == [{"field": "user_id", "message": message}]


def test_all_parameters_narrow_together(organization, admin):
    fields = {"user_id": "+15550100", "channel": Channel.TELEPHONE, "duration": 60}
    conversation = make_conversation(organization, **fields)
    for name, value in (("user_id", "+2"), ("channel", Channel.WEBRTC), ("duration", 59)):
        make_conversation(organization, **{**fields, name: value})
    found = admin.get(user_id="555", channel="telephone", duration_above=60, status="in_progress")
    assert ids(found) == [str(conversation.pk)]


@pytest.mark.parametrize("wildcard", ["%", "_", "\\"])
def test_what_is_contained_is_meant_literally(organization, admin, wildcard):
    conversation = make_conversation(organization, user_id=f"a{wildcard}b")
    make_conversation(organization, user_id="a-b")
    assert ids(admin.get(user_id=wildcard)) == [str(conversation.pk)]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("unknown", "1"),
        ("format", "xml"),
        ("status", "done"),
        ("direction", "up"),
        ("agent_id", "not-a-uuid"),
        ("duration_above", "long"),
        ("duration_above", "-1"),
        ("duration_above", "99999999999999999999"),
        ("created_after", "yesterday"),
        ("limit", "0"),
        ("limit", "201"),
        ("cursor", "%%%"),
        ("cursor", base64.b64encode(b"2026-01-01T00:00:00").decode()),
        ("custom_metadata", "[1]"),
        ("custom_metadata", "{"),
        ("custom_metadata", '{"a": "\\u0000"}'),
        ("custom_metadata", '{"a": 1e999}'),
        ("custom_metadata", nested(101)),
        ("user_id", "\x00"),
    ],
)
def test_a_wrong_parameter_is_named(admin, parameter, value):
    answer = admin.get(**{parameter: value})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["field"] == parameter
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=0.9", ";;;", "", "\x00"])
def test_whatever_is_accepted_json_is_answered(admin, accept):
    answer = Client().get("/core/conversations", headers={**admin.headers, "Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (HTTPStatus.OK, "application/json")


def test_metadata_cannot_be_probed_without_the_right_to_read_it(organization):
    answer = Program(organization, Role.VIEWER).get(custom_metadata="{}")
    assert answer.status_code == HTTPStatus.FORBIDDEN


def test_who_may_read_metadata_narrows_by_any_part_of_it(organization):
    within = {"anyreach_campaign": "spring", "order": {"id": 7, "tags": ["a", "b"]}}
    conversation = make_conversation(organization, custom_metadata=within)
    make_conversation(organization, custom_metadata={"anyreach_campaign": "autumn"})
    supervisor = Program(organization, Role.SUPERVISOR)
    parts = [{"anyreach_campaign": "spring"}, {"order": {"tags": ["b"]}}]
    for part in (*parts, parts[0] | parts[1]):
        assert ids(supervisor.get(custom_metadata=json.dumps(part))) == [str(conversation.pk)]
    for part in (parts[0] | {"order": {"id": 8}}, {"anyreach_campaign": "autumn"} | parts[1]):
        assert ids(supervisor.get(custom_metadata=json.dumps(part))) == []
    assert len(ids(supervisor.get(custom_metadata="{}"))) == 2


@pytest.mark.parametrize(
    ("campaign", "asked", "is_found"),
    [
        ("a" * 300, "a" * 300, True),
        ("a" * 300, "a" * 299 + "b", False),
        (7, 7, True),
        (7, "7", False),
        (["spring"], "spring", False),
        ("\N{SNOWMAN}" * 255, "\N{SNOWMAN}" * 255, True),
    ],
)
def test_a_campaign_of_any_kind_is_found_by_itself_only(
    organization, admin, campaign, asked, is_found
):
    make_conversation(organization, custom_metadata={"anyreach_campaign": campaign})
    part = json.dumps({"anyreach_campaign": asked})
    assert len(ids(admin.get(custom_metadata=part))) == is_found


def test_a_page_has_50_or_up_to_200(organization, admin):
    now = timezone.now()
    Conversation.objects.bulk_create(
        Conversation(
            organization=organization,
            direction=Direction.INBOUND,
            channel=Channel.WEBRTC,
            status=Status.TRIGGERED,
            user_id="guest_1",
            created_at=now,
        )
        for _ in range(201)
    )
    assert len(ids(admin.get())) == 50
    whole = admin.get(limit=200)
    assert len(ids(whole)) == 200
    last = admin.get(limit=200, cursor=whole["X-Next-Cursor"])
    assert len(ids(last)) == 1
    assert "X-Next-Cursor" not in last.headers


def test_a_page_that_just_holds_the_rest_has_no_next(organization, admin):
    for _ in range(2):
        make_conversation(organization)
    assert "X-Next-Cursor" not in admin.get(limit=2).headers


def test_the_link_keeps_the_other_parameters(organization, admin):
    for status in (Status.RINGING, Status.FAILED, Status.COMPLETED, Status.COMPLETED):
        make_conversation(organization, status=status, user_id="+1 5&b")
    first = admin.get(limit=1, status=["failed", "completed"], user_id="+1 5&b")
    link = first["Link"].partition(";")[0].strip("<>")
    second = Client().get(link, headers=admin.headers)
    third = Client().get(second["Link"].partition(";")[0].strip("<>"), headers=admin.headers)
    assert len({*ids(first), *ids(second), *ids(third)}) == 3
    assert "Link" not in third.headers


def test_what_comes_in_meanwhile_moves_no_page(organization, admin):
    now = timezone.now()
    made = [
        make_conversation(organization, created_at=now - timedelta(seconds=number))
        for number in range(4)
    ]
    first = admin.get(limit=2)
    make_conversation(organization, created_at=now + timedelta(seconds=1))
    second = admin.get(limit=2, cursor=first["X-Next-Cursor"])
    assert ids(first) + ids(second) == [str(each.pk) for each in made]


def test_cursors_go_through_everything_once_ties_too(organization, admin):
    now = timezone.now()
    made = [
        make_conversation(organization, created_at=now - timedelta(seconds=number // 3))
        for number in range(10)
    ]
    seen: list[str] = []
    cursor = None
    while True:
        answer = admin.get(limit=4, **({"cursor": cursor} if cursor else {}))
        seen += ids(answer)
        cursor = answer.headers.get("X-Next-Cursor")
        if not cursor:
            assert "Link" not in answer.headers
            break
        link, _, rel = answer["Link"].partition("; ")
        assert rel == 'rel="next"'
        assert ids(Client().get(link.strip("<>"), headers=admin.headers)) == ids(
            admin.get(limit=4, cursor=cursor)
        )
    assert len(seen) == len(set(seen)) == len(made)


def test_the_last_items_printed_time_is_a_cursor_too(organization, admin):
    now = timezone.now()
    for number in range(3):
        make_conversation(organization, created_at=now - timedelta(seconds=number))
    first = admin.get(limit=1).json()[0]
    cursor = base64.b64encode(first["created_at"].encode()).decode()
    assert ids(admin.get(cursor=cursor)) == ids(admin.get())[1:]


def test_a_longer_list_costs_no_more_queries(organization, admin, django_assert_max_num_queries):
    for _ in range(5):
        make_turn(make_conversation(organization, agent=make_agent(organization)))
    with django_assert_max_num_queries(5):
        assert len(ids(admin.get())) == 5


# --- Making and ending ---------------------------------------------------------------------


def test_a_web_call_is_made_with_a_token_for_its_visitor(organization, admin):
    agent = make_agent(organization, starting_message="Hello!", dispatch_name="refunds")
    answer = admin.post(body={"channel": "webrtc", "user_id": "guest_7", "agent_id": str(agent.pk)})
    assert answer.status_code == HTTPStatus.OK
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["starting_message"] == "Hello!"
    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.user_id) == (Status.TOKEN_CREATED, "guest_7")
    assert body["join"]["room_name"] == conversation.room_name == f"conv-{conversation.pk}"
    claims = jwt.decode(body["join"]["token"], settings.LIVEKIT_API_SECRET, algorithms=["HS256"])
    assert claims["sub"] == "guest_7"
    assert claims["video"] == {
        "roomJoin": True,
        "room": conversation.room_name,
        "hidden": False,
        "canSubscribe": True,
        "canPublish": True,
        "canPublishData": True,
        "canUpdateOwnMetadata": False,
    }
    assert claims["roomConfig"]["agents"] == [{"agentName": "refunds"}]
    assert "kind" not in claims


def test_the_same_request_answers_the_first_conversation(organization, admin):
    wanted = {"id": str(uuid.uuid4()), "channel": "webrtc", "user_id": "guest_1"}
    first, second = admin.post(body=wanted).json(), admin.post(body=wanted).json()
    assert first["conversation"]["id"] == second["conversation"]["id"] == wanted["id"]
    assert Conversation.objects.count() == 1
    other = admin.post(body={**wanted, "user_id": "guest_2"})
    assert other.status_code == HTTPStatus.CONFLICT


def test_an_id_of_another_organization_is_taken(admin):
    foreign = make_conversation()
    answer = admin.post(body={"id": str(foreign.pk), "channel": "webrtc", "user_id": "guest_1"})
    assert answer.status_code == HTTPStatus.CONFLICT


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "email"}, "channel"),
        ({"channel": "text"}, "channel"),
        ({"channel": "telephone"}, "channel"),
        ({"channel": "pigeon"}, "channel"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": None}, "user_id"),
        ({"user_id": "listener-1"}, "user_id"),
        ({"user_id": "recorder-1"}, "user_id"),
        ({"user_id": "human-1"}, "user_id"),
        ({"user_id": "x" * 256}, "user_id"),
        ({"id": "5"}, "id"),
        ({"id": 5}, "id"),
        ({"user_id": 5}, "user_id"),
        ({"agent_id": "5"}, "agent_id"),
        ({"agent_id": str(uuid.UUID(int=1))}, "agent_id"),
        ({"custom_metadata": []}, "custom_metadata"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(admin, change, field):
    answer = admin.post(body={"channel": "webrtc", "user_id": "guest_1", **change})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["field"] == field
    assert not Conversation.objects.exists()


def test_anothers_agent_cannot_be_used(admin):
    foreign = make_agent(make_organization())
    answer = admin.post(
        body={"channel": "webrtc", "user_id": "guest_1", "agent_id": str(foreign.pk)}
    )
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nonsense",
        b"\xff\xfe",
        '{"user_id": "\\u0000"}',
        '{"user_id": "\\ud800"}',
        '{"a": NaN}',
        '{"a": 1e999}',
        "[" * 100_000,
        f'{{"channel": "webrtc", "user_id": "guest_1", "custom_metadata": {nested(100)}}}',
    ],
)
def test_an_unreadable_body_is_400(admin, body):
    answer = admin.post(body=body)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert answer.json() == {"detail": "The body is not valid JSON."}


def test_a_huge_body_is_413(admin):
    answer = admin.post(body=" " * (1024 * 1024 + 1))
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize(("body", "status"), [("{", 400), ('{"why": "rude"}', 422), ("[]", 422)])
def test_ending_takes_nothing_that_it_would_not_read(organization, admin, body, status):
    conversation = make_conversation(organization)
    assert admin.post(f"/{conversation.pk}/end", body).status_code == status
    conversation.refresh_from_db()
    assert conversation.is_active


def test_a_viewer_makes_and_ends_nothing(organization):
    viewer = Program(organization, Role.VIEWER)
    conversation = make_conversation(organization)
    for answer in (viewer.post(), viewer.post(f"/{conversation.pk}/end")):
        assert answer.status_code == HTTPStatus.FORBIDDEN
    conversation.refresh_from_db()
    assert conversation.is_active


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.IN_PROGRESS, Status.COMPLETED),
        (Status.RINGING, Status.CANCELLED),
        (Status.TRIGGERED, Status.CANCELLED),
        (Status.FAILED, Status.FAILED),
    ],
)
def test_ending_ends_what_is_active_and_nothing_else(
    organization, admin, livekit_server, status, expected
):
    conversation = make_conversation(organization, status=status)
    for _ in range(2):
        answer = admin.post(f"/{conversation.pk}/end")
        assert answer.status_code == HTTPStatus.OK
        assert answer.json()["status"] == expected


@pytest.mark.django_db(transaction=True)
def test_ending_a_call_closes_its_room(organization, admin, livekit_server):
    room = f"room-{uuid.uuid4()}"
    conversation = make_conversation(organization, room_name=room)

    async def play():
        caller = await Party().join(token_of("guest_1", room))
        answer = await sync_to_async(admin.post)(f"/{conversation.pk}/end")
        assert answer.json()["end_reason"] == "The call was ended by the team."
        assert await asyncio.wait_for(caller.closed, 5) == DisconnectReason.ROOM_DELETED

    asyncio.run(play())


def test_with_livekit_away_nothing_is_half_ended(organization, admin, livekit_server):
    conversation = make_conversation(organization)
    livekit_server.stop()
    try:
        answer = admin.post(f"/{conversation.pk}/end")
    finally:
        livekit_server.start()
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    conversation.refresh_from_db()
    assert conversation.is_active


def test_another_method_is_405_in_json(admin):
    answer = Client().delete("/core/conversations", headers=admin.headers)
    assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert set(answer.json()) == {"detail"}
