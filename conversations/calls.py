"""Calls made and ended through the API."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction

from anyreach.errors import Conflict, Invalid
from anyreach.gateways.livekit import server, tokens
from anyreach.organizations.models import Organization
from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import (
    DESK_PREFIX,
    HUMAN_PREFIX,
    LISTENER_PREFIX,
    RECORDER_PREFIX,
    Channel,
    Conversation,
    Direction,
    Status,
    StatusChange,
)


class IdTaken(Conflict):
    detail = "This id belongs to another conversation."


@dataclass(frozen=True)
class Join:
    """What a visitor's page needs to join its call."""

    url: str
    token: str
    room_name: str
    expires_at: datetime


def create(
    organization: Organization, *, data: Mapping[str, Any], now: datetime
) -> tuple[Conversation, Join]:
    """Make a web call whose visitor is still to come; the agent is dispatched when they join.

    `data` holds the request's fields, `channel` and `user_id` at least. The same request with
    the same `id` answers the first conversation, with a new token while it is open.

    Raises Invalid (422) for what is not offered, Conflict (409) for one that is over, IdTaken.
    """
    if data["channel"] != Channel.WEBRTC:
        raise Invalid("channel", "This channel is not offered by this installation.")
    ours = (LISTENER_PREFIX, RECORDER_PREFIX, HUMAN_PREFIX, DESK_PREFIX)
    if data["user_id"].startswith(ours):
        raise Invalid("user_id", "This beginning is kept for AnyReach's own participants.")
    conversation, _ = made_once(
        organization,
        data,
        direction=Direction.INBOUND,
        status=Status.TOKEN_CREATED,
        created_at=now,
    )
    if conversation.is_over:
        raise Conflict("This conversation is over.")
    ttl = timedelta(seconds=settings.VISITOR_TOKEN_TTL_S)
    room = conversation.room_name or ""
    agent = conversation.agent
    token = tokens.visitor_token(
        room=room,
        identity=conversation.user_id,
        ttl=ttl,
        agent_name=agent.dispatch_name if agent else None,
    )
    return conversation, Join(settings.LIVEKIT_PUBLIC_URL, token, room, now + ttl)


def made_once(
    organization: Organization, data: Mapping[str, Any], **given: Any
) -> tuple[Conversation, bool]:
    """Make the conversation that `data` asks for, with the fields `given` besides.

    Returns it and whether it was made now: the same request with the same `id` answers the
    first. Raises IdTaken (409).
    """
    pk = data.get("id") or uuid4()
    fields = {name: value for name, value in data.items() if name != "id"}
    request_hash = _hash(data)
    try:
        with transaction.atomic():
            conversation = Conversation.objects.create(
                **{**fields, **given},
                pk=pk,
                organization=organization,
                room_name=f"conv-{pk}",
                request_hash=request_hash,
            )
            lifecycle.begun(conversation, source=StatusChange.Source.API)
    except IntegrityError as error:
        first = Conversation.objects.filter(pk=pk, organization=organization).first()
        if first is None or first.request_hash != request_hash:
            raise IdTaken from error
        return first, False
    return conversation, True


def _hash(data: Mapping[str, Any]) -> str:
    fields = {**data, "agent": str(data["agent"].pk) if data.get("agent") else None}
    text = json.dumps(fields, sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def end(conversation: Conversation, *, now: datetime) -> None:
    """End a conversation that is not over yet, and close its room. Raises LiveKitAway (503)."""
    if conversation.is_over:
        return
    answered = conversation.answered_at is not None
    evidence = Evidence(
        Status.COMPLETED if answered else Status.CANCELLED,
        now,
        StatusChange.Source.API,
        "The call was ended by the team.",
    )
    # Others who see the room go wait for this row, lest one of them tells first why it went.
    with transaction.atomic():
        lifecycle.report(conversation, evidence)
        if conversation.room_name:
            server.delete_room(conversation.room_name)
