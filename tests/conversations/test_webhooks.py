"""LiveKit's reports: only LiveKit is believed, once each, in whatever order they come."""

import base64
import hashlib
import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import permutations

import pytest
from django.conf import settings
from django.test import Client
from livekit import api

from conversations import webhooks
from conversations.models import Channel, Conversation, ListenEvent, Status, WebhookEvent
from tests.conversations.factories import (
    make_agent,
    make_conversation,
    make_listen_session,
    make_phone_number,
)
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.django_db

BEGAN = datetime(2026, 6, 18, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def signed(body: bytes, secret: str = settings.LIVEKIT_API_SECRET) -> str:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    token = api.AccessToken(settings.LIVEKIT_API_KEY, secret).with_sha256(digest)
    return token.with_ttl(timedelta(minutes=5)).to_jwt()


def send(body: bytes, authorization: str | None = None):
    headers = {"Authorization": signed(body) if authorization is None else authorization}
    return Client().post(
        "/livekit/webhook", body, content_type="application/webhook+json", headers=headers
    )


def event(name: str, *, room: str = "room", metadata: str = "", at: int = 0, **parts) -> dict:
    """One event, `at` seconds after the beginning."""
    moment = int((BEGAN + timedelta(seconds=at)).timestamp())
    return {
        "event": name,
        "id": f"EV_{next(_numbers)}",
        "createdAt": str(moment),
        "room": {"sid": f"RM_{room}", "name": room, "metadata": metadata},
        **parts,
    }


def participant(identity: str, kind: str = "STANDARD", **parts) -> dict:
    return {"sid": f"PA_{identity}", "identity": identity, "kind": kind, **parts}


def handled(*events: dict) -> None:
    """Send events and handle what was kept, as the worker does."""
    for each in events:
        body = json.dumps(each).encode()
        assert send(body).status_code == HTTPStatus.OK
        if WebhookEvent.objects.filter(pk=each["id"]).exists():
            webhooks.handle(each["id"])


def claim(organization) -> str:
    return json.dumps({"anyreach": {"organization": organization.slug}})


CALLER = participant("guest_1", joinedAtMs=str(int(BEGAN.timestamp() * 1000) + 1000))
AGENT = participant("agent-1", "AGENT", joinedAtMs=str(int(BEGAN.timestamp() * 1000) + 3000))


def whole_call(metadata: str) -> list[dict]:
    given = {"metadata": metadata}
    return [
        event("room_started", **given),
        event("participant_joined", at=1, participant=CALLER, **given),
        event("participant_joined", at=3, participant=AGENT, **given),
        event(
            "participant_left",
            at=63,
            participant={**CALLER, "disconnectReason": "CLIENT_INITIATED"},
            **given,
        ),
        event("room_finished", at=70, **given),
    ]


# --- Who speaks? ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    ["", "nonsense", "Bearer x", signed(b"another body"), signed(b"", "x" * 40)],
    ids=["none", "nonsense", "bearer", "another body's", "another secret's"],
)
def test_a_forged_webhook_is_refused_and_nothing_is_kept(authorization):
    body = json.dumps(event("room_started")).encode()
    answer = send(body, authorization)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.json() == {"detail": "The signature is missing or wrong."}
    assert not WebhookEvent.objects.exists()


def test_an_old_signature_is_refused():
    body = json.dumps(event("room_started")).encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    token = api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    old = token.with_sha256(digest).with_ttl(timedelta(minutes=-10)).to_jwt()
    assert send(body, old).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b'{"createdAt": "never"}', b"\xff\xfe"])
def test_a_signed_body_that_is_no_event_is_refused(body):
    assert send(body).status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED)
    assert not WebhookEvent.objects.exists()


def test_a_body_over_64_kib_is_refused():
    body = b" " * (64 * 1024 + 1)
    assert send(body).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_a_body_of_64_kib_is_read():
    body = json.dumps(event("room_started")).encode().ljust(64 * 1024)
    assert send(body).status_code == HTTPStatus.OK


def test_only_posting_is_allowed():
    assert Client().get("/livekit/webhook").status_code == HTTPStatus.METHOD_NOT_ALLOWED


# --- Once ----------------------------------------------------------------------------------


def test_a_replayed_event_is_acknowledged_and_kept_once():
    body = json.dumps(event("room_started", metadata=claim(make_organization()))).encode()
    for _ in range(3):
        assert send(body).status_code == HTTPStatus.OK
    kept = WebhookEvent.objects.get()
    webhooks.handle(kept.pk)
    webhooks.handle(kept.pk)
    assert Conversation.objects.count() == 1


def test_events_that_tell_nothing_about_calls_are_not_kept():
    assert send(json.dumps(event("track_published")).encode()).status_code == HTTPStatus.OK
    assert not WebhookEvent.objects.exists()


def test_a_room_that_nobody_claims_is_ignored_and_counted():
    before = webhooks.unclaimed._value.get()
    handled(event("room_started"), event("participant_joined", participant=CALLER))
    assert webhooks.unclaimed._value.get() == before + 2
    assert not Conversation.objects.exists()


# --- Whose room? ---------------------------------------------------------------------------


def test_a_conversation_made_through_the_api_comes_first():
    organization, other = make_organization(), make_organization()
    made = make_conversation(organization, status=Status.TOKEN_CREATED, room_name="conv-1")
    handled(event("room_started", room="conv-1", metadata=claim(other)))
    assert Conversation.objects.get() == made
    made.refresh_from_db()
    assert (made.room_sid, made.status) == ("RM_conv-1", Status.TRIGGERED)


def test_a_dialled_number_comes_before_room_metadata():
    organization, other = make_organization(), make_organization()
    number = make_phone_number(organization, "+15550100")
    number.agent = make_agent(organization)
    number.save()
    attributes = {
        "sip.phoneNumber": "+15550177",
        "sip.trunkPhoneNumber": "+15550100",
        "sip.callStatus": "ringing",
    }
    phone = participant("sip_1", "SIP", attributes=attributes)
    handled(event("participant_joined", participant=phone, metadata=claim(other)))
    conversation = Conversation.objects.get()
    assert conversation.organization == organization
    assert conversation.agent == number.agent
    assert (conversation.user_id, conversation.agent_number) == ("+15550177", "+15550100")
    assert (conversation.channel, conversation.status) == (Channel.TELEPHONE, Status.RINGING)


@pytest.mark.parametrize(
    "metadata",
    [
        "not json",
        "[]",
        '{"anyreach": 1}',
        '{"anyreach": {"organization": 5}}',
        '{"anyreach": {"organization": "nobody"}}',
        '{"anyreach": {"organization": "\\u0000"}}',
        '{"anyreach": {"organization": "\\ud800"}}',
        '{"a":' * 5_000,
    ],
)
def test_metadata_that_claims_nothing_is_no_error(metadata):
    handled(event("room_started", metadata=metadata))
    assert not Conversation.objects.exists()


def test_an_agent_of_another_organization_is_not_taken_over():
    organization = make_organization()
    foreign = make_agent(make_organization())
    metadata = json.dumps(
        {"anyreach": {"organization": organization.slug, "agent": str(foreign.pk)}}
    )
    handled(event("room_started", metadata=metadata))
    assert Conversation.objects.get().agent is None


# --- Statuses ------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_call_whose_events_come_in_any_order_ends_the_same(order):
    started, *others, finished = whole_call(claim(make_organization()))
    events = [started, *others, finished]
    # What finishes the room is last from LiveKit too; what comes before it may be late.
    handled(*[events[index] for index in order], finished)
    conversation = Conversation.objects.get()
    assert conversation.status == Status.COMPLETED
    assert conversation.end_reason == "The caller hung up."
    assert (conversation.user_id, conversation.duration) == ("guest_1", 60)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_call_of_less_than_a_second_was_answered(order):
    """LiveKit tells in milliseconds when somebody joined, in seconds when they left."""
    given = {"metadata": claim(make_organization())}
    caller, agent = (
        {**each, "joinedAtMs": str(int(BEGAN.timestamp() * 1000) + ms)}
        for each, ms in ((CALLER, 402), (AGENT, 523))
    )
    events = [
        event("participant_joined", participant=caller, **given),
        event("participant_joined", participant=agent, **given),
        event("participant_left", participant=caller, **given),
    ]
    handled(*[events[index] for index in order], event("room_finished", **given))
    assert Conversation.objects.get().status == Status.COMPLETED


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_an_ear_of_less_than_a_second_has_left(order):
    session = make_listen_session(make_conversation(room_name="room"))
    ear = participant(
        session.identity, "AGENT", joinedAtMs=str(int(BEGAN.timestamp() * 1000) + 402)
    )
    events = [
        event("participant_joined", participant=ear),
        event("participant_left", participant={**ear, "disconnectReason": "CLIENT_INITIATED"}),
    ]
    handled(*[events[index] for index in order])
    session.refresh_from_db()
    assert session.joined_at == BEGAN + timedelta(milliseconds=402)
    assert session.left_at == BEGAN + timedelta(seconds=1)
    assert session.ended_how == "stopped"


@pytest.mark.usefixtures("livekit_server")
def test_an_ear_that_may_not_return_is_written_down_once_each_time():
    """The reconciler may find it there while LiveKit tells that it came."""
    session = make_listen_session(make_conversation(room_name="room"), ended_how="revoked")
    ear = participant(session.identity, "AGENT", sid="PA_first")
    again = {**ear, "sid": "PA_again"}
    handled(*[event("participant_joined", participant=each) for each in (ear, ear, again)])
    refused = ListenEvent.objects.filter(kind="refused", session_id=session.pk)
    assert refused.count() == 2


def test_every_event_twice_changes_nothing():
    events = whole_call(claim(make_organization()))
    again = [{**each, "id": f"{each['id']}_again"} for each in events]
    handled(*[each for pair in zip(events, again, strict=True) for each in pair])
    conversation = Conversation.objects.get()
    assert [change.status for change in conversation.status_changes.order_by("id")] == [
        Status.TRIGGERED,
        Status.IN_PROGRESS,
        Status.COMPLETED,
    ]


def phone_call(status: str, reason: str | None) -> Conversation:
    organization = make_organization()
    number = make_phone_number(organization)
    attributes = {"sip.phoneNumber": "+15550177", "sip.trunkPhoneNumber": number.number}
    name = f"room-{uuid.uuid4()}"

    def phone(status: str, **parts) -> dict:
        return participant(
            "sip_1", "SIP", attributes={**attributes, "sip.callStatus": status}, **parts
        )

    handled(event("participant_joined", room=name, participant=phone("ringing")))
    if status == "active":
        handled(event("participant_joined", room=name, at=2, participant=phone("active")))
    if reason:
        gone = phone("hangup", disconnectReason=reason)
        handled(event("participant_left", room=name, at=20, participant=gone))
    return Conversation.objects.get(room_name=name)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("ringing", None, Status.RINGING),
        ("active", None, Status.IN_PROGRESS),
        ("active", "CLIENT_INITIATED", Status.COMPLETED),
        ("ringing", "CLIENT_INITIATED", Status.CANCELLED),
        ("ringing", "USER_UNAVAILABLE", Status.UNANSWERED),
        ("ringing", "USER_REJECTED", Status.FAILED),
        ("ringing", "SIP_TRUNK_FAILURE", Status.FAILED),
    ],
)
def test_a_phone_call_ends_as_its_leg_does(status, reason, expected):
    conversation = phone_call(status, reason)
    assert conversation.status == expected
    assert (conversation.answered_at is not None) is (status == "active")


def test_a_caller_whose_name_cannot_be_kept_is_kept_all_the_same():
    metadata = claim(make_organization())
    caller = {**CALLER, "identity": "guest\0", "name": "Ma\0ra", "attributes": {"a\0": "\0"}}
    handled(event("participant_joined", participant=caller, metadata=metadata))
    conversation = Conversation.objects.get()
    assert (conversation.user_id, conversation.caller_name) == ("guest\ufffd", "Ma\ufffdra")


def test_a_visitor_without_an_agent_is_not_yet_in_progress():
    handled(event("participant_joined", participant=CALLER, metadata=claim(make_organization())))
    assert Conversation.objects.get().status == Status.TRIGGERED


def test_our_own_ears_are_no_part_of_the_call():
    metadata = claim(make_organization())
    recorder = participant("recorder-1", "AGENT", permission={"hidden": True})
    handled(
        event("participant_joined", participant=CALLER, metadata=metadata),
        event("participant_joined", participant=recorder, metadata=metadata),
    )
    conversation = Conversation.objects.get()
    assert conversation.status == Status.TRIGGERED
    assert [each.identity for each in conversation.participants.all()] == ["guest_1"]


def test_a_caller_replaced_by_itself_has_not_hung_up():
    metadata = claim(make_organization())
    replaced = {**CALLER, "disconnectReason": "DUPLICATE_IDENTITY"}
    handled(
        event("participant_joined", participant=CALLER, metadata=metadata),
        event("participant_joined", at=3, participant=AGENT, metadata=metadata),
        event("participant_left", at=5, participant=replaced, metadata=metadata),
        event(
            "participant_joined", at=5, participant={**CALLER, "sid": "PA_again"}, metadata=metadata
        ),
    )
    assert Conversation.objects.get().status == Status.IN_PROGRESS


def test_a_room_of_the_same_name_later_is_another_conversation():
    metadata = claim(make_organization())
    handled(*whole_call(metadata))
    again = event("room_started", at=100, metadata=metadata)
    again["room"]["sid"] = "RM_another"
    handled(again)
    assert sorted(Conversation.objects.values_list("status", flat=True)) == [
        Status.COMPLETED,
        Status.TRIGGERED,
    ]
