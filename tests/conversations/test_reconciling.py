"""The reconciler's short way: rooms in which nothing has changed are noted in bulk."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from anyreach.gateways.livekit.words import Kind, ParticipantInfo, RoomInfo
from conversations import reconciling, recording
from conversations.models import Conversation, Participant, Status, StatusChange
from tests.conversations.factories import make_conversation, make_phone_number
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(minutes=5)


def somebody(sid: str, kind: Kind, *, hidden: bool = False) -> ParticipantInfo:
    return ParticipantInfo(sid=sid, identity=sid, kind=kind, name="", hidden=hidden)


class Call:
    """A call as the database and LiveKit have it: a caller and an agent, recorded."""

    def __init__(self, **fields) -> None:
        self.conversation = make_conversation(**fields)
        pk = self.conversation.pk
        self.room = RoomInfo(sid=f"RM_{pk}", name=self.conversation.room_name)
        type(self.conversation).objects.filter(pk=pk).update(room_sid=self.room.sid)
        self.present = [somebody(f"PA_{kind}_{pk}", kind) for kind in (Kind.STANDARD, Kind.AGENT)]
        for each in self.present:
            self.note(each)
        recording.ensure(self.conversation)

    def note(self, info: ParticipantInfo) -> Participant:
        return self.conversation.participants.create(
            sid=info.sid,
            identity=info.identity,
            kind=info.kind,
            joined_at=LONG_AGO,
            last_seen_at=LONG_AGO,
        )

    @property
    def seen(self) -> tuple[RoomInfo, list[ParticipantInfo]]:
        return self.room, self.present


def settled(*calls: Call) -> set[str]:
    return reconciling._still_there([each.seen for each in calls], now=timezone.now())


def test_who_is_still_there_is_noted_and_the_room_is_done_with():
    call, other = Call(), Call()
    assert settled(call) == {call.room.sid}
    seen_at = call.conversation.participants.values_list("last_seen_at", flat=True)
    assert all(at > LONG_AGO for at in seen_at)
    assert set(other.conversation.participants.values_list("last_seen_at", flat=True)) == {LONG_AGO}


def test_our_own_ears_make_no_difference():
    call = Call()
    call.present.append(somebody("PA_ear", Kind.AGENT, hidden=True))
    assert settled(call) == {call.room.sid}


def someone_came(call: Call) -> None:
    call.present.append(somebody("PA_new", Kind.STANDARD))


def someone_left(call: Call) -> None:
    call.present.pop()


def someone_is_back(call: Call) -> None:
    call.conversation.participants.filter(kind=Kind.AGENT).update(left_at=timezone.now())


def nobody_records(call: Call) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded'")


def it_rings(call: Call) -> None:
    type(call.conversation).objects.update(status=Status.RINGING, answered_at=None)


def it_is_unknown(call: Call) -> None:
    type(call.conversation).objects.update(room_sid=None)


@pytest.mark.parametrize(
    "change",
    [someone_came, someone_left, someone_is_back, nobody_records, it_rings, it_is_unknown],
)
def test_a_room_with_news_is_looked_at(change):
    call = Call()
    change(call)
    assert settled(call) == set()


def test_many_rooms_take_no_more_queries_than_one():
    calls = [Call() for _ in range(12)]
    with CaptureQueriesContext(connection) as for_one:
        settled(calls[0])
    with CaptureQueriesContext(connection) as for_all:
        assert len(settled(*calls)) == len(calls)
    assert len(for_all) == len(for_one)


def test_a_humans_telephone_makes_no_conversation_of_a_room_that_is_gone(monkeypatch):
    """Called for a transfer, it may make the room of a call anew that has just ended."""
    number = make_phone_number(make_organization()).number
    human = replace(somebody("human-1", Kind.SIP), attributes={"sip.trunkPhoneNumber": number})
    caller = replace(human, sid="PA_caller", identity="sip_+15550160042")
    for who, conversations in ((human, 0), (caller, 1)):
        present = [(RoomInfo(sid=f"RM_{who.sid}", name=f"room-{who.sid}"), [who])]
        monkeypatch.setattr(reconciling.server, "list_all", lambda present=present: present)
        reconciling.reconcile(0)
        assert Conversation.objects.count() == conversations


def test_a_room_of_the_longest_name_has_its_conversation(monkeypatch):
    claim = json.dumps({"anyreach": {"organization": make_organization().slug}})
    room = RoomInfo(sid="RM_long", name="x" * 256, metadata=claim)
    monkeypatch.setattr(reconciling.server, "list_all", lambda: [(room, [])])
    reconciling.reconcile(0)
    assert Conversation.objects.get(room_sid="RM_long").room_name == room.name


def test_a_call_of_which_no_webhook_told_is_the_reconcilers(monkeypatch):
    claim = json.dumps({"anyreach": {"organization": make_organization().slug}})
    room = RoomInfo(sid="RM_untold", name="untold", metadata=claim)
    monkeypatch.setattr(reconciling.server, "list_all", lambda: [(room, [])])
    reconciling.reconcile(0)
    (change,) = Conversation.objects.get().status_changes.all()
    assert change.source == StatusChange.Source.RECONCILER


def test_a_room_that_cannot_be_kept_keeps_nothing_else_from_being_done(monkeypatch):
    """LiveKit's own limit of a room's name can be set higher than ours."""
    call = Call()
    claim = json.dumps({"anyreach": {"organization": call.conversation.organization.slug}})
    unkept = RoomInfo(sid="RM_long", name="x" * 300, metadata=claim)
    monkeypatch.setattr(reconciling.server, "list_all", lambda: [(unkept, [])])
    with pytest.raises(ExceptionGroup) as raised:
        reconciling.reconcile(0)
    assert [type(error) for error in raised.value.exceptions] == [DataError]
    call.conversation.refresh_from_db()
    assert call.conversation.status == Status.COMPLETED
