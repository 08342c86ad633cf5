"""Calling a telephone because the API was asked to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from anyreach.errors import Invalid
from anyreach.organizations.models import Organization
from conversations import calls
from conversations.agents import e164_of
from conversations.models import Conversation, Direction, OutboundTrunk, Status
from conversations.phones.dialling import dial


def call(organization: Organization, *, data: Mapping[str, Any], now: datetime) -> Conversation:
    """Make a conversation with the telephone `user_id`, which a worker then dials.

    `data` holds the request's fields. The same request with the same `id` answers the first
    conversation, and dials no second time. Raises Invalid (422), IdTaken (409).
    """
    trunk = OutboundTrunk.objects.filter(organization=organization).first()
    if trunk is None:
        raise Invalid("channel", "This organization has no outbound trunk to call with.")
    number = data["user_id"]
    if e164_of(number) != number:
        raise Invalid("user_id", "This must be a phone number as E.164, such as +493090182000.")
    if not trunk.may_call(number):
        raise Invalid("user_id", "This organization does not allow calls to this number.")
    shown_number = data.get("agent_number") or trunk.number
    own = organization.phone_numbers.filter(number=shown_number)
    if shown_number != trunk.number and not own.exists():
        raise Invalid("agent_number", "This is no number of this organization.")
    with transaction.atomic():
        conversation, made = calls.made_once(
            organization,
            data,
            direction=Direction.OUTBOUND,
            status=Status.TRIGGERED,
            created_at=now,
            agent_number=shown_number,
            trunk_id=trunk.sip_trunk_id,
        )
        if made:
            dial.defer(conversation_id=str(conversation.pk))
    return conversation
