"""What /core/agents and /core/phone-numbers take (…In) and answer (…Out)."""

from typing import Any

from rest_framework import serializers

from anyreach.bodies import StrictSerializer
from conversations.agents import MAX_STARTING_MESSAGE, NO_NUMBER, e164_of
from conversations.models import Agent, PhoneNumber
from conversations.serializers import AgentField, AgentOut


class AgentIn(StrictSerializer):
    name = serializers.CharField(max_length=200, help_text="Once in an organization.")
    dispatch_name = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="The `agent_name` that its worker registers with LiveKit, if it has one.",
    )
    starting_message = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_STARTING_MESSAGE,
        help_text="What it says first.",
    )


class AgentChangeIn(AgentIn):
    """What the body leaves out stays."""

    name = serializers.CharField(required=False, max_length=200)


class AgentDetailOut(serializers.ModelSerializer[Agent]):
    class Meta:
        model = Agent
        fields = ["id", "name", "dispatch_name", "starting_message", "created_at"]
        read_only_fields = fields


class E164Field(serializers.CharField):
    """A phone number; what people write between its digits is left out."""

    def to_internal_value(self, data: Any) -> str:
        number = e164_of(super().to_internal_value(data))
        if number is None:
            raise serializers.ValidationError(NO_NUMBER)
        return number


class PhoneNumberIn(StrictSerializer):
    number = E164Field(max_length=64, help_text="Once in an installation. Kept as E.164.")
    agent_id = AgentField(
        source="agent", required=False, allow_null=True, help_text="Who answers calls to it."
    )


class PhoneNumberChangeIn(PhoneNumberIn):
    """What the body leaves out stays."""

    number = E164Field(required=False, max_length=64)


class PhoneNumberOut(serializers.ModelSerializer[PhoneNumber]):
    agent_id = serializers.UUIDField(allow_null=True)
    agent = AgentOut(allow_null=True)

    class Meta:
        model = PhoneNumber
        fields = ["id", "number", "agent_id", "agent"]
        read_only_fields = fields
