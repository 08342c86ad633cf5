"""Asking for a warm transfer, and taking that back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from agent_assist.transfer import moving
from agent_assist.transfer.conducting import NOT_BEGUN, have_conducted, was_never_begun
from agent_assist.transfer.models import Status, Transfer
from anyreach.errors import Conflict, Invalid
from anyreach.gateways.livekit import server
from anyreach.live.announcing import announce
from conversations.listening import NoRoom
from conversations.models import Conversation, OutboundTrunk
from conversations.models import Status as ConversationStatus
from conversations.phones.destinations import is_allowed, is_destination


class NotInProgress(Conflict):
    detail = "Only a conversation in progress can be transferred."


class TakenAlready(Conflict):
    detail = "A human has taken this call already."


class UnderWay(Conflict):
    detail = "Another transfer of this conversation is under way."


def ask(conversation: Conversation, *, data: Mapping[str, Any], now: datetime) -> Transfer:
    """Make a transfer of `conversation`, which a worker then conducts.

    `data` holds the request's fields. The same request, while its transfer is under way, answers
    that one. Raises Invalid (422), NotInProgress, TakenAlready, UnderWay (409), NoRoom (404),
    LiveKitAway (503).
    """
    trunk = OutboundTrunk.objects.filter(organization=conversation.organization_id).first()
    destination = data["transfer_number"]
    if not is_destination(destination):
        raise Invalid("transfer_number", "This must be a phone number as E.164, or a SIP URI.")
    if trunk is None:
        raise Invalid("transfer_number", "This organization has no outbound trunk to call with.")
    if not is_allowed(destination, trunk.transfer_destinations):
        raise Invalid("transfer_number", "This organization allows no transfers to it.")
    if conversation.status != ConversationStatus.IN_PROGRESS:
        raise NotInProgress
    if conversation.transferred_at:
        raise TakenAlready
    going = conversation.transfers.unfinished().first()
    if going is not None and not ends_unbegun(going, now=now):
        return _same(going, data)
    if not conversation.room_name or not server.list_rooms([conversation.room_name]):
        raise NoRoom
    try:
        with transaction.atomic():
            transfer = Transfer.objects.create(conversation=conversation, requested_at=now, **data)
            announce(conversation.organization_id, conversation.pk, "transfer")
            have_conducted(transfer)
    except IntegrityError as error:
        going = conversation.transfers.unfinished().first()
        if going is None:
            raise UnderWay from error
        return _same(going, data)
    return transfer


def ends_unbegun(transfer: Transfer, *, now: datetime) -> bool:
    """End one that no worker has taken up in time. Returns whether it is over for that."""
    if not was_never_begun(transfer, now=now):
        return False
    # A worker may be taking it up just now.
    unbegun = [Status.REQUESTED]
    moving.move(transfer, Status.FAILED, at=now, reason=NOT_BEGUN, only_from=unbegun)
    return transfer.is_final


def _same(going: Transfer, data: Mapping[str, Any]) -> Transfer:
    if any(getattr(going, name) != value for name, value in data.items()):
        raise UnderWay
    return going


def cancel(transfer: Transfer, *, now: datetime) -> None:
    """Take a transfer back, unless it is over. Its worker takes the caller off hold."""
    moving.move(transfer, Status.CANCELLED, at=now, reason="The transfer was cancelled.")
