"""The panel Transfer of a conversation's page, as the server paints it."""

import re
import uuid
from datetime import timedelta
from http import HTTPStatus

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone

from agent_assist.transfer import moving
from agent_assist.transfer.models import Status, Transfer
from anyreach.live.announcing import announce
from anyreach.organizations.scopes import Role
from tests.callers import make_room
from tests.conversations.factories import make_conversation, make_trunk
from tests.organizations.factories import make_member, make_organization, signed_in
from tests.streams import Stream
from tests.transfer.factories import make_transfer

pytestmark = pytest.mark.django_db

NUMBER = "+4930555010"


@pytest.fixture
def organization():
    return make_organization("acme")


@pytest.fixture
def conversation(organization):
    return make_conversation(organization)


@pytest.fixture
def trunk(organization):
    allowed = ["+43*", NUMBER, "+4930555011", "sip.example.com"]
    return make_trunk(organization, transfer_destinations=allowed)


def panel(conversation, role=Role.ADMIN):
    client = signed_in(conversation.organization, role)
    answer = client.get(f"/acme/conversations/{conversation.pk}/transfer")
    assert answer.status_code == HTTPStatus.OK
    return answer.text


def steps(text):
    shown = re.findall(r"<li data-status.*?</li>", text, re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", each).split()) for each in shown]


def clock(at):
    return f"{at:%H:%M:%S}"


@pytest.mark.usefixtures("trunk")
class TestWhoSeesWhat:
    @pytest.mark.parametrize("piece", ["", "/transfer"])
    def test_whoever_manages_conversations_is_offered_the_numbers_that_are_allowed(
        self, conversation, piece
    ):
        admin = signed_in(conversation.organization)
        page = admin.get(f"/acme/conversations/{conversation.pk}{piece}").text
        assert "Put a human on the line" in page
        assert f'action="/core/conversations/{conversation.pk}/warm-transfer"' in page
        offered = re.findall(r'<option value="([^"]*)"></option>', page)
        assert offered == [NUMBER, "+4930555011"]

    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
    def test_others_see_the_steps_and_neither_number_nor_instructions_nor_control(
        self, conversation, role
    ):
        assert "<form" not in panel(conversation, role)
        make_transfer(conversation, supervisor_instructions="She wants her money back.")
        shown = panel(conversation, role)
        assert steps(shown)[0].startswith("Requested")
        for secret in (NUMBER, "money", "Cancel", "<form"):
            assert secret not in shown

    def test_whoever_manages_conversations_sees_who_is_called_and_may_cancel(self, conversation):
        transfer = make_transfer(conversation)
        shown = panel(conversation)
        assert NUMBER in shown
        address = f"/core/conversations/{conversation.pk}/warm-transfer/{transfer.pk}"
        assert f'data-cancel="{address}"' in shown
        assert "<form" not in shown

    def test_a_stranger_is_told_it_does_not_exist(self, conversation):
        stranger = signed_in(make_organization("other"))
        for slug in ("acme", "other"):
            answer = stranger.get(f"/{slug}/conversations/{conversation.pk}/transfer")
            assert answer.status_code == HTTPStatus.NOT_FOUND

    @pytest.mark.parametrize("status", ["triggered", "ringing", "completed"])
    def test_only_a_call_in_progress_is_offered_to_be_transferred(self, organization, status):
        shown = panel(make_conversation(organization, status=status))
        assert "<form" not in shown
        assert "Nobody has been put on the line." in shown

    def test_what_a_human_has_taken_is_not_offered_again(self, conversation):
        transfer = make_transfer(conversation, status=Status.BRIEFING)
        assert moving.move(transfer, Status.BRIDGED, at=timezone.now())
        shown = panel(conversation)
        assert "The human has taken the call." in shown
        for control in ("<form", "Cancel the transfer"):
            assert control not in shown


def test_without_a_trunk_or_anybody_named_it_leads_to_where_these_are_set(conversation):
    shown = panel(conversation)
    assert "there is no outbound trunk" in shown
    assert 'href="/acme/phones"' in shown
    make_trunk(conversation.organization)
    shown = panel(conversation)
    assert "nobody is named whom a transfer may go to" in shown
    assert 'href="/acme/phones"' in shown
    assert "<form" not in shown
    assert "/acme/phones" not in panel(conversation, Role.VIEWER)


def test_steps_have_their_times_and_those_to_come_have_none(conversation):
    began = timezone.now() - timedelta(minutes=1)
    transfer = make_transfer(conversation, requested_at=began)
    times = {Status.REQUESTED: began}
    for seconds, status in enumerate((Status.HOLDING, Status.DIALLING, Status.RINGING), 1):
        times[status] = began + timedelta(seconds=seconds)
        assert moving.move(transfer, status, at=times[status])
    shown = panel(conversation, Role.VIEWER)
    came = [f"{status.capitalize()} {clock(at)}" for status, at in times.items()]
    assert steps(shown) == [*came, "Briefing to come", "Bridged to come"]
    assert re.search(r'data-status="ringing"\s+aria-current="step"', shown)
    assert "Ringing.</strong> The human&#x27;s telephone rings." in shown


@pytest.mark.usefixtures("trunk")
def test_who_looks_learns_that_no_worker_took_it_up_and_may_ask_again(conversation):
    make_transfer(conversation)
    assert 'data-look-again-in-s="10"' in panel(conversation, Role.VIEWER)
    Transfer.objects.update(requested_at=timezone.now() - timedelta(seconds=11))
    shown = panel(conversation)
    assert "Failed.</strong> No worker took the transfer up in time." in shown
    assert "<form" in shown
    assert "data-look-again-in-s" not in shown


def test_one_that_is_over_says_how_it_ended_and_no_step_that_never_came(conversation, trunk):
    transfer = make_transfer(conversation)
    ended = transfer.requested_at + timedelta(seconds=30)
    reason = "Nobody answered."
    assert moving.move(transfer, Status.UNANSWERED, at=ended, reason=reason)
    shown = panel(conversation)
    assert steps(shown) == [
        f"Requested {clock(transfer.requested_at)}",
        f"Unanswered {clock(ended)}",
    ]
    assert "Unanswered.</strong> Nobody answered." in shown
    assert "<form" in shown


def test_earlier_ones_stay_to_be_read_newest_first(conversation):
    now = timezone.now()
    for seconds, status in ((3, Status.BUSY), (2, Status.DECLINED), (1, Status.REQUESTED)):
        make_transfer(conversation, status=status, requested_at=now - timedelta(seconds=seconds))
    shown = panel(conversation)
    assert re.findall(r'data-status="(\w+)"\s+aria-current', shown) == [
        *("requested", "declined", "busy")
    ]


@pytest.mark.usefixtures("livekit_server", "trunk")
class TestAskingFromThePage:
    """With the session's cookie, as pages do, of the API: its rules are tried at the API."""

    @pytest.fixture
    def in_a_room(self, organization):
        room = f"transfer-{uuid.uuid4()}"
        async_to_sync(make_room)(room)
        return make_conversation(organization, room_name=room)

    @pytest.fixture
    def request_of(self, in_a_room):
        def request_of(role, *, token=True, method="post", transfer=None):
            client = Client(enforce_csrf_checks=True)
            client.force_login(make_member(in_a_room.organization, role).user)
            page = client.get(f"/acme/conversations/{in_a_room.pk}").text
            (csrf,) = re.findall(r'data-csrf="(\w+)"', page)
            headers = {"X-Anyreach-Org": str(in_a_room.organization_id)}
            if token:
                headers["X-CSRFToken"] = csrf
            return getattr(client, method)(
                f"/core/conversations/{in_a_room.pk}/warm-transfer"
                + (f"/{transfer.pk}" if transfer else ""),
                {"transfer_number": NUMBER},
                content_type="application/json",
                headers=headers,
            )

        return request_of

    def test_it_is_asked_for_and_cancelled(self, request_of):
        assert request_of(Role.ADMIN).status_code == HTTPStatus.ACCEPTED
        transfer = Transfer.objects.get()
        cancelled = request_of(Role.ADMIN, method="delete", transfer=transfer)
        assert cancelled.json()["status"] == "cancelled"

    def test_another_sites_page_cannot_ask_in_somebodys_name(self, request_of):
        assert request_of(Role.ADMIN, token=False).status_code == HTTPStatus.FORBIDDEN
        assert not Transfer.objects.exists()

    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
    def test_whoever_does_not_manage_conversations_is_refused(self, request_of, in_a_room, role):
        assert request_of(role).status_code == HTTPStatus.FORBIDDEN
        transfer = make_transfer(in_a_room)
        answer = request_of(role, method="delete", transfer=transfer)
        assert answer.status_code == HTTPStatus.FORBIDDEN
        transfer.refresh_from_db()
        assert transfer.status == Status.REQUESTED


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("web")
def test_an_open_page_of_any_role_is_told_of_each_step(conversation):
    viewer = signed_in(conversation.organization, Role.VIEWER)
    open_page = Stream(viewer, f"/acme/conversations/{conversation.pk}/events")
    open_page.wait_for(lambda: len(open_page.events) == 6)  # all is told twice at first
    transfer = make_transfer(conversation)
    announce(conversation.organization_id, conversation.pk, "transfer")
    open_page.wait_for(lambda: len(open_page.events) == 7)
    assert moving.move(transfer, Status.HOLDING, at=timezone.now())
    open_page.wait_for(lambda: len(open_page.events) == 8)
    assert open_page.events[6:] == [("transfer", {})] * 2
