"""The handoff portal as the API shows it."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from agent_assist.brief.sections import (
    Confidence,
    FlagKind,
    Level,
    MarkerKind,
    Section,
    Severity,
    Statement,
)
from agent_assist.portal import NO_MODEL
from anyreach.bodies import StrictQuery
from conversations.models import Status, Turn


class BriefQuery(StrictQuery):
    refresh = serializers.ChoiceField(
        [("1", "Make it anew")],
        required=False,
        help_text="Have the model write it anew, even where it has written it already.",
    )


class SentimentOut(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # not the field's own label
    level = serializers.ChoiceField([each.value for each in Level])


class HeaderOut(serializers.Serializer[Any]):
    caller_name = serializers.CharField(source="facts.caller_name")
    phone_number = serializers.CharField(source="conversation.user_id")
    call_duration_seconds = serializers.IntegerField(source="facts.duration", allow_null=True)
    sentiment = SentimentOut(source="sections.sentiment")


class InformationOut(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # not the field's own label
    value = serializers.CharField()


class StepOut(serializers.Serializer[Any]):
    action = serializers.CharField()
    confidence = serializers.ChoiceField([each.value for each in Confidence])


class MarkerOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([each.value for each in MarkerKind])
    label = serializers.CharField()  # type: ignore[assignment]  # not the field's own label


class TranscriptLineOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="turn.pk")
    role = serializers.ChoiceField(Turn.Role.choices, source="turn.role")
    text = serializers.CharField(
        help_text="What was said; of a tool call, what was asked and answered."
    )
    offset_seconds = serializers.IntegerField()
    marker = MarkerOut(allow_null=True)


class FlagOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([each.value for each in FlagKind])
    severity = serializers.ChoiceField([each.value for each in Severity])
    detail = serializers.CharField()


class BriefedConversationOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(Status.choices)
    created_at = serializers.DateTimeField()


class TurnsField(serializers.ListField):
    child = serializers.UUIDField()


class EvidenceOut(serializers.Serializer[Any]):
    """The ids of the turns that each claim rests on, in the order of the claims."""

    sentiment = TurnsField()
    transfer_reason = TurnsField()
    call_summary = serializers.ListField(child=TurnsField())
    information_collected = serializers.ListField(child=TurnsField())
    suggested_next_steps = serializers.ListField(child=TurnsField())
    compliance_flags = serializers.ListField(child=TurnsField())


class WithheldOut(serializers.Serializer[Any]):
    """What the model claimed, and the transcript does not bear out."""

    section = serializers.ChoiceField([each.value for each in Section])
    text = serializers.CharField()
    why = serializers.CharField()


@extend_schema_field(OpenApiTypes.STR)
class TextField(serializers.Field[Statement, Any, str, Statement]):
    """A claim, as its text."""

    def to_representation(self, value: Statement) -> str:
        return value.text


EXAMPLE = {
    "header": {
        "caller_name": "Mara Lindqvist",
        "phone_number": "+15550184471",
        "call_duration_seconds": 94,
        "sentiment": {"label": "Upset about a late refund", "level": "frustrated"},
    },
    "transfer_reason": "The caller asks for a person, as the refund failed twice.",
    "call_summary": [
        "A kettle, order 4471, arrived broken.",
        "The refund of 42 dollars was declined by the bank.",
        "The caller asks for a person.",
    ],
    "information_collected": [{"label": "Order ID", "value": "4471"}],
    "suggested_next_steps": [{"action": "Refund order 4471 by hand.", "confidence": "high"}],
    "transcript": [
        {
            "id": "0b5f7a5e-6f0c-4f4e-9d55-0f1f8a3a1c11",
            "role": "user",
            "text": "Can I speak to a person, please?",
            "offset_seconds": 81,
            "marker": {"kind": "request", "label": "Asks for a person"},
        }
    ],
    "compliance_flags": [],
    "conversation": {
        "id": "7c1d8a0e-3d0e-4a53-8a2d-0f6f2f3f9a10",
        "status": "in_progress",
        "created_at": "2026-06-18T12:00:00Z",
    },
    "other_conversations": 0,
    "evidence": {
        "sentiment": ["0b5f7a5e-6f0c-4f4e-9d55-0f1f8a3a1c11"],
        "transfer_reason": ["0b5f7a5e-6f0c-4f4e-9d55-0f1f8a3a1c11"],
        "call_summary": [[], [], ["0b5f7a5e-6f0c-4f4e-9d55-0f1f8a3a1c11"]],
        "information_collected": [[]],
        "suggested_next_steps": [[]],
        "compliance_flags": [],
    },
    "withheld": [
        {
            "section": "call_summary",
            "text": "The caller paid on 3 March.",
            "why": "The turns that it cites say no such date: 3 March.",
        }
    ],
    "generated_by": "no model",
    "transcript_version": "5d41402abc4b2a76b9719d911017c592",
}


@extend_schema_serializer(examples=[OpenApiExample("A caller who asks for a person", EXAMPLE)])
class AgentAssistPortalOut(serializers.Serializer[Any]):
    """What a human who takes over needs to know, each line with the turns that it rests on."""

    header = HeaderOut(source="*")
    transfer_reason = TextField(
        source="sections.transfer_reason", help_text="Why a human is needed"
    )
    call_summary = serializers.ListField(
        child=TextField(),
        source="sections.call_summary",
        help_text="3 to 5; fewer only when the call is too short to hold three",
    )
    information_collected = InformationOut(many=True, source="sections.information_collected")
    suggested_next_steps = StepOut(many=True, source="sections.suggested_next_steps")
    transcript = TranscriptLineOut(many=True)
    compliance_flags = FlagOut(many=True, source="sections.compliance_flags")
    conversation = BriefedConversationOut()
    other_conversations = serializers.IntegerField(
        help_text="How many more there were with this number in the 24 h before"
    )
    evidence = EvidenceOut()
    withheld = WithheldOut(many=True)
    generated_by = serializers.CharField(help_text=f"A model's name, or `{NO_MODEL}`")
    transcript_version = serializers.CharField(
        help_text="The same version gives the same brief, byte for byte."
    )
