"""Conversations and what belongs to them, for any test."""

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from anyreach.organizations.models import Organization
from conversations.models import (
    TERMINAL,
    Agent,
    Channel,
    Conversation,
    Direction,
    ListenSession,
    OutboundTrunk,
    PhoneNumber,
    Status,
    Turn,
)
from tests.organizations.factories import make_organization

_numbers = itertools.count(1)


def make_conversation(organization: Organization | None = None, **fields: Any) -> Conversation:
    """Make a conversation in progress in a room of its own, unless `fields` say otherwise."""
    now = timezone.now()
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "direction": Direction.INBOUND,
        "channel": Channel.WEBRTC,
        "status": Status.IN_PROGRESS,
        "user_id": f"guest_{number}",
        "created_at": now - timedelta(minutes=1),
        "room_name": f"room-{number}",
    }
    if fields.get("status", Status.IN_PROGRESS) == Status.IN_PROGRESS:
        defaults["answered_at"] = now - timedelta(seconds=50)
    if fields.get("status") in TERMINAL:
        defaults["ended_at"] = now
    return Conversation.objects.create(
        organization=organization or make_organization(), **{**defaults, **fields}
    )


def make_agent(organization: Organization, **fields: Any) -> Agent:
    return Agent.objects.create(
        organization=organization, **{"name": f"Agent {next(_numbers)}", **fields}
    )


def make_phone_number(organization: Organization, number: str | None = None) -> PhoneNumber:
    return PhoneNumber.objects.create(
        organization=organization, number=number or f"+1555010{next(_numbers):04}"
    )


def make_turn(conversation: Conversation, **fields: Any) -> Turn:
    number = next(_numbers)
    defaults = {
        "position": number,
        "role": Turn.Role.USER,
        "text": f"Sentence {number}.",
        "started_at": timezone.now(),
        "final": True,
        "segment_id": f"SG_{number}",
    }
    return Turn.objects.create(conversation=conversation, **{**defaults, **fields})


def make_listen_session(conversation: Conversation, **fields: Any) -> ListenSession:
    now = timezone.now()
    defaults = {
        "room_name": conversation.room_name or "",
        "who": "somebody@example.com",
        "source": ListenSession.Source.API,
        "minted_at": now,
        "expires_at": now + timedelta(minutes=15),
    }
    return ListenSession.objects.create(conversation=conversation, **{**defaults, **fields})


def make_trunk(organization: Organization, **fields: Any) -> OutboundTrunk:
    number = next(_numbers)
    defaults = {"sip_trunk_id": f"ST_{number}", "number": "+493090182000"}
    return OutboundTrunk.objects.create(organization=organization, **{**defaults, **fields})
