"""The page of an organization's outbound trunk."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from anyreach.organizations.scopes import Role
from conversations.models import OutboundTrunk, TrialCall
from tests.conversations.factories import make_trunk
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.django_db

PAGE = "/acme/phones"
TRIAL = "/acme/phones/trial-call"
FILLED_IN = {
    "sip_trunk_id": "ST_abc",
    "number": "+49 30 90182000",
    "allowed_prefixes": "+49, +43 1",
    "transfer_destinations": "+49 30 555010, +43*\nSip.Example.com",
}


@pytest.fixture
def organization():
    return make_organization("acme", "Acme Dental")


@pytest.mark.usefixtures("livekit_server")
def test_a_trunk_is_set_changed_and_removed(as_member, organization):
    admin = as_member()
    assert "No trunk yet" in admin.get(PAGE).text
    saved = admin.post(PAGE, FILLED_IN, follow=True)
    assert "The outbound trunk is saved." in saved.text
    assert 'value="+431, +49"' in saved.text
    trunk = OutboundTrunk.objects.get(organization=organization, sip_trunk_id="ST_abc")
    assert (trunk.number, trunk.allowed_prefixes) == ("+493090182000", ["+431", "+49"])
    assert "Any number may be called" not in saved.text
    assert trunk.transfer_destinations == ["+43*", "+4930555010", "sip.example.com"]
    assert "+43*, +4930555010, sip.example.com</textarea>" in saved.text
    assert "No call can be transferred" not in saved.text

    emptied = {**FILLED_IN, "allowed_prefixes": "", "transfer_destinations": ""}
    changed = admin.post(PAGE, emptied, follow=True)
    trunk.refresh_from_db()
    assert trunk.allowed_prefixes == trunk.transfer_destinations == []
    assert "Any number may be called" in changed.text
    assert "No call can be transferred" in changed.text

    assert "The outbound trunk is removed." in admin.post(f"{PAGE}/remove", follow=True).text
    assert not OutboundTrunk.objects.exists()


@pytest.mark.usefixtures("livekit_server")
def test_a_livekit_without_sip_is_said(as_member, organization):
    make_trunk(organization)
    assert "LiveKit has no SIP service: no telephone can be called." in as_member().get(PAGE).text


def test_a_livekit_that_is_away_is_said(as_member, organization, settings):
    settings.LIVEKIT_URL = "ws://127.0.0.1:9"
    make_trunk(organization)
    assert "LiveKit does not answer" in as_member().get(PAGE).text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sip_trunk_id": ""}, "This field is required."),
        ({"sip_trunk_id": "ST_theirs"}, "This trunk is in use already."),
        ({"number": "030 1"}, "with its country code"),
        ({"allowed_prefixes": "49"}, "+ and digits"),
        ({"allowed_prefixes": "+"}, "+ and digits"),
        ({"allowed_prefixes": "+49, x"}, "+ and digits"),
        ({"transfer_destinations": "+49"}, "Each must be a number"),
        ({"transfer_destinations": "*"}, "Each must be a number"),
        ({"transfer_destinations": "+*"}, "Each must be a number"),
        ({"transfer_destinations": "example"}, "Each must be a number"),
        ({"transfer_destinations": "sip:a@example.com"}, "Each must be a number"),
    ],
)
def test_what_cannot_be_saved_is_shown_again_with_the_reason(
    as_member, organization, change, reason
):
    make_trunk(make_organization(), sip_trunk_id="ST_theirs")
    answer = as_member().post(PAGE, {**FILLED_IN, **change})
    assert reason in answer.text
    assert not OutboundTrunk.objects.filter(organization=organization).exists()


@pytest.mark.usefixtures("livekit_server")
def test_a_test_call_waits_for_a_worker_and_there_is_one_at_a_time(as_member, organization):
    make_trunk(organization, allowed_prefixes=["+49"], transfer_destinations=["sip.example.com"])
    admin = as_member()
    called = admin.post(TRIAL, {"destination": "sip:desk@sip.example.com"}, follow=True)
    assert "sip:desk@sip.example.com: It waits for a worker." in " ".join(called.text.split())
    assert "A test call is under way." in admin.post(TRIAL, {"destination": "+49 30 1"}).text
    # One whose worker never came does not keep others away.
    TrialCall.objects.update(requested_at=timezone.now() - timedelta(hours=1))
    admin.post(TRIAL, {"destination": "+49 30 555010"})
    assert TrialCall.objects.get().destination == "+4930555010"


@pytest.mark.parametrize(
    ("destination", "reason"),
    [
        ("", "This field is required."),
        ("030 1", "with its country code"),
        ("sip:@example", "with its country code"),
        ("+43 1 5550100", "does not allow calls to it"),
        ("sip:desk@127.0.0.1", "does not allow calls to it"),
    ],
)
@pytest.mark.usefixtures("livekit_server")
def test_a_test_call_goes_to_allowed_destinations_only(
    as_member, organization, destination, reason
):
    make_trunk(organization, allowed_prefixes=["+49"], transfer_destinations=["+44*"])
    assert reason in as_member().post(TRIAL, {"destination": destination}).text
    assert not TrialCall.objects.exists()


def test_without_a_list_no_sip_address_is_called_for_a_test(as_member, organization, settings):
    settings.LIVEKIT_URL = "ws://127.0.0.1:9"
    make_trunk(organization)
    answer = as_member().post(TRIAL, {"destination": "sip:desk@127.0.0.1"})
    assert "does not allow calls to it" in answer.text


def test_without_a_trunk_there_is_no_test_call(as_member, organization):
    admin = as_member()
    assert "Test call" not in admin.get(PAGE).text
    assert admin.post(TRIAL, {"destination": "+4930555010"}).status_code == HTTPStatus.NOT_FOUND
    assert admin.get(TRIAL).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_it_is_for_administrators_only(as_member, organization, role):
    make_trunk(organization)
    member = as_member(role)
    assert "Phones" not in member.get("/acme/conversations").text
    for answer in (
        *(member.get(PAGE), member.post(PAGE, FILLED_IN), member.post(f"{PAGE}/remove")),
        *(member.get(TRIAL), member.post(TRIAL, {"destination": "+4930555010"})),
    ):
        assert answer.status_code == HTTPStatus.FORBIDDEN
    assert OutboundTrunk.objects.filter(sip_trunk_id="ST_abc").count() == 0
    assert OutboundTrunk.objects.count() == 1
    assert not TrialCall.objects.exists()
    assert f'href="{PAGE}"' in as_member().get("/acme/conversations").text
