"""Trunks of LiveKit's that lead to one telephone."""

from typing import Any

from asgiref.sync import async_to_sync
from livekit import api

from anyreach.organizations.models import Organization
from conversations.models import OutboundTrunk
from tests.callers import server
from tests.phones.softphone import Humming, Refuser

OURS = "+493090182000"


def give_trunk(
    organization: Organization, phone: Humming | Refuser, **fields: Any
) -> OutboundTrunk:
    """Give the organization a trunk of LiveKit's that leads to one telephone."""

    async def make() -> str:
        trunk = api.SIPOutboundTrunkInfo(
            name="test", address=f"127.0.0.1:{phone.sip_port}", numbers=[OURS]
        )
        async with server() as client:
            made = await client.sip.create_outbound_trunk(
                api.CreateSIPOutboundTrunkRequest(trunk=trunk)
            )
        return str(made.sip_trunk_id)

    return OutboundTrunk.objects.create(
        organization=organization, sip_trunk_id=async_to_sync(make)(), number=OURS, **fields
    )
