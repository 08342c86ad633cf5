"""The page of an organization's outbound trunk."""

from http import HTTPStatus

import pytest

from anyreach.organizations.scopes import Role
from conversations.models import OutboundTrunk
from tests.conversations.factories import make_trunk
from tests.organizations.factories import make_organization

pytestmark = pytest.mark.django_db

PAGE = "/acme/phones"
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


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.VIEWER])
def test_it_is_for_administrators_only(as_member, organization, role):
    make_trunk(organization)
    member = as_member(role)
    assert "Phones" not in member.get("/acme/conversations").text
    for answer in (member.get(PAGE), member.post(PAGE, FILLED_IN), member.post(f"{PAGE}/remove")):
        assert answer.status_code == HTTPStatus.FORBIDDEN
    assert OutboundTrunk.objects.filter(sip_trunk_id="ST_abc").count() == 0
    assert OutboundTrunk.objects.count() == 1
    assert f'href="{PAGE}"' in as_member().get("/acme/conversations").text
