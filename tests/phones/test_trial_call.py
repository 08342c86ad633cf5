"""The test call on the page Phones, to real telephones over a real SIP service."""

import numpy as np
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from anyreach.gateways.livekit import server
from conversations.models import SUPERVISOR_PREFIX, Conversation, TrialCall
from conversations.phones import trying
from tests.callers import until
from tests.conversations.factories import make_phone_number, make_trunk
from tests.organizations.factories import make_organization, signed_in
from tests.phones import tones
from tests.phones.softphone import Refuser
from tests.phones.trunks import OURS, give_trunk

pytestmark = pytest.mark.usefixtures("web")

NUMBER = "+4930555010"


def rings(trunk, destination=NUMBER):
    """Press the button; return the call when it is over."""
    trying.try_out(trunk, destination=destination, now=timezone.now())
    return over(trunk)


def over(trunk):
    def is_over():
        return TrialCall.objects.get(trunk=trunk).finished_at

    async_to_sync(until)(sync_to_async(is_over))
    return TrialCall.objects.get(trunk=trunk)


def rooms():
    """Return those of test calls: what an earlier test has left there is not looked for."""
    names = [room.name for room in server.list_rooms()]
    return [name for name in names if name.startswith(SUPERVISOR_PREFIX)]


def leaves_no_room():
    async_to_sync(until)(sync_to_async(lambda: rooms() == []))


@pytest.mark.usefixtures("worker")
def test_who_answers_hears_a_chime_where_nothing_can_speak(organization, new_phone):
    phone = new_phone(answers=True)
    # Whoever shows a number that takes calls is not called by it.
    make_phone_number(organization, number=OURS)
    admin = signed_in(organization)
    give_trunk(organization, phone)
    page = admin.post("/acme/phones/trial-call", {"destination": "+49 30 555010"}, follow=True)
    assert "data-under-way" in page.text
    trial = over(organization.outbound_trunk)
    assert trial.result == "It was answered, and heard our voice to its end."
    assert trial.answered_at
    # What it heard is on disk when its call is over.
    async_to_sync(until)(lambda: phone.calls_over)
    assert np.abs(phone.heard.astype(int)).max() > 1000
    shown = admin.get("/acme/phones/trial-call").text
    assert "+4930555010: It was answered, and heard our voice to its end." in shown
    assert "data-under-way" not in shown
    assert phone.calls == 1
    leaves_no_room()
    assert not Conversation.objects.filter(room_name__startswith=SUPERVISOR_PREFIX).exists()


def test_where_something_can_speak_a_voice_is_heard(
    organization, new_phone, new_worker, monkeypatch
):
    with tones.speech_server() as url:
        monkeypatch.setenv("SPEECH_BASE_URL", url)
        new_worker()
        phone = new_phone(answers=True)
        rings(give_trunk(organization, phone))
    async_to_sync(until)(lambda: phone.calls_over)
    assert tones.heard_in(phone.heard, 8000)["brief"].any()


@pytest.mark.usefixtures("worker")
def test_a_sip_address_is_called_too(organization, new_phone):
    phone = new_phone("desk", answers=True)
    trunk = give_trunk(organization, phone, transfer_destinations=["127.0.0.1"])
    trial = rings(trunk, f"sip:desk@127.0.0.1:{phone.sip_port}")
    assert trial.result == "It was answered, and heard our voice to its end."


@pytest.mark.usefixtures("worker")
def test_why_a_telephone_is_not_reached_is_told(organization, new_phone, phones):
    refuser = Refuser()
    refuser.start()
    trunk = give_trunk(organization, refuser)
    assert rings(trunk).result == "The line was busy."
    refuser.status = "404 Not Found"
    assert rings(trunk).result == "There is no such number."
    refuser.stop()
    silent = give_trunk(make_organization(), new_phone())
    assert rings(silent).result == "Nobody answered."
    unknown = make_trunk(make_organization(), sip_trunk_id="ST_unknown")
    assert rings(unknown).result == "LiveKit has no such outbound trunk."
    phones.sip.stop(within_s=0)
    try:
        assert rings(trunk).result == "LiveKit's SIP service does not answer."
    finally:
        phones.start_sip()
    assert rooms() == []


def test_a_telephone_rings_once_although_the_worker_dies(organization, new_phone, new_worker):
    phone = new_phone()
    trunk = give_trunk(organization, phone)
    first = new_worker()
    trying.try_out(trunk, destination=NUMBER, now=timezone.now())
    async_to_sync(until)(lambda: phone.calls)
    first.kill()
    new_worker()
    assert over(trunk).result == "The worker that called has died."
    assert phone.calls == 1
    leaves_no_room()
