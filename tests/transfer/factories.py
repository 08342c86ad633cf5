"""Warm transfers, for any test."""

from typing import Any

from django.utils import timezone

from agent_assist.transfer.models import FINAL, Transfer
from conversations.models import Conversation


def make_transfer(conversation: Conversation, **fields: Any) -> Transfer:
    """Make a transfer just requested, unless `fields` say otherwise."""
    now = timezone.now()
    defaults: dict[str, Any] = {
        "transfer_number": "+4930555010",
        "hold_music": Transfer.HoldMusic.DEFAULT,
        "accept": Transfer.Accept.DTMF,
        "ring_timeout_seconds": 30,
        "accept_timeout_seconds": 30,
        "requested_at": now,
    }
    if fields.get("status") in FINAL:
        defaults["finished_at"] = now
    return Transfer.objects.create(conversation=conversation, **{**defaults, **fields})
