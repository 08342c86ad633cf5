"""A warm transfer as the API takes and shows it."""

from typing import Any

from rest_framework import serializers

from agent_assist.transfer.models import Status, Transfer
from anyreach.bodies import StrictSerializer


class TransferIn(StrictSerializer):
    transfer_number = serializers.CharField(
        max_length=255,
        help_text="E.164 or a SIP URI, of those that the organization allows.",
    )
    supervisor_instructions = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=2000,
        help_text="What whoever takes the call should know and do.",
    )
    hold_music = serializers.ChoiceField(
        Transfer.HoldMusic.choices, required=False, default=Transfer.HoldMusic.DEFAULT
    )
    accept = serializers.ChoiceField(
        Transfer.Accept.choices,
        required=False,
        default=Transfer.Accept.DTMF,
        help_text="By pressing 1, or by answering.",
    )
    ring_timeout_seconds = serializers.IntegerField(
        required=False, default=30, min_value=5, max_value=120
    )
    accept_timeout_seconds = serializers.IntegerField(
        required=False, default=30, min_value=5, max_value=120
    )


class TransferOut(serializers.Serializer[Any]):
    """A transfer, and when it had each status."""

    id = serializers.UUIDField()
    conversation_id = serializers.UUIDField()
    status = serializers.ChoiceField(Status.choices)
    reason = serializers.CharField(help_text="Why it is over, in a sentence; empty before.")
    requested_at = serializers.DateTimeField()
    holding_at = serializers.DateTimeField(allow_null=True)
    dialling_at = serializers.DateTimeField(allow_null=True)
    ringing_at = serializers.DateTimeField(allow_null=True)
    briefing_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
