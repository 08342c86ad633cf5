"""What POST /core/conversations/import takes of each conversation, and what it answers."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from anyreach.bodies import StrictSerializer
from anyreach.organizations.schema import FieldErrorOut
from conversations.models import TERMINAL, Channel, Direction, Turn

MAX_INTEGER = 2**31 - 1
# What GET answers besides: taken in so that its answers can be imported, but ours to say.
ANSWERED_ONLY = ("organization_id", "agent", "updated_at")


def _without(data: Any, *names: str) -> Any:
    if not isinstance(data, Mapping):
        return data
    return {name: value for name, value in data.items() if name not in names}


class LatencyIn(StrictSerializer):
    end_to_end_ms = serializers.IntegerField(required=False, min_value=0, max_value=MAX_INTEGER)
    llm_ttft_ms = serializers.IntegerField(required=False, min_value=0, max_value=MAX_INTEGER)
    llm_ms = serializers.IntegerField(required=False, min_value=0, max_value=MAX_INTEGER)
    tts_ms = serializers.IntegerField(required=False, min_value=0, max_value=MAX_INTEGER)


class FinishedTurnIn(StrictSerializer):
    """One turn. A tool call and its result are one turn, with one `call_id`."""

    id = serializers.UUIDField(required=False, help_text="Left out, we give one.")
    role = serializers.ChoiceField(Turn.Role.choices)
    text = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(required=False, allow_null=True)
    final = serializers.BooleanField(default=True)
    interrupted = serializers.BooleanField(required=False)
    speaker = serializers.CharField(required=False, allow_blank=True, max_length=255)
    call_id = serializers.CharField(required=False, max_length=128)
    name = serializers.CharField(required=False, allow_blank=True, max_length=255)
    arguments = serializers.JSONField(required=False, allow_null=True)
    output = serializers.JSONField(required=False, allow_null=True)
    is_error = serializers.BooleanField(required=False)
    latency = LatencyIn(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        ended_at = attrs.get("ended_at")
        if ended_at and ended_at < attrs["started_at"]:
            raise serializers.ValidationError({"ended_at": ["This is before its beginning."]})
        return attrs


class FinishedTranscriptIn(StrictSerializer):
    turns = FinishedTurnIn(many=True)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_without(data, "gaps"))


class FinishedConversationIn(StrictSerializer):
    """A finished conversation, as GET answers it. What only we can say is left unread:
    `organization_id`, `agent`, `updated_at`, `conversation.gaps`."""

    id = serializers.UUIDField(help_text="Yours. What is sent again with it is not doubled.")
    direction = serializers.ChoiceField(Direction.choices)
    channel = serializers.ChoiceField(Channel.choices)
    status = serializers.ChoiceField([(each.value, each.label) for each in TERMINAL])
    user_id = serializers.CharField(max_length=255)
    agent_id = serializers.UUIDField(required=False, allow_null=True)
    agent_version_id = serializers.CharField(required=False, allow_null=True, max_length=255)
    agent_number = serializers.CharField(required=False, allow_null=True, max_length=255)
    trunk_id = serializers.CharField(required=False, allow_null=True, max_length=255)
    web_widget_id = serializers.CharField(required=False, allow_null=True, max_length=255)
    duration = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_INTEGER,
        help_text="Seconds. Left out, from `answered_at` to `ended_at`.",
    )
    user_turn_count = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_INTEGER,
        help_text="Left out, counted in the turns.",
    )
    created_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(required=False, allow_null=True)
    ended_at = serializers.DateTimeField()
    end_reason = serializers.CharField(required=False, allow_null=True, max_length=255)
    caller_name = serializers.CharField(required=False, allow_null=True, max_length=255)
    summary = serializers.CharField(required=False, allow_null=True)
    initial_context = serializers.CharField(required=False, allow_null=True)
    custom_metadata = serializers.DictField(required=False)
    recording_details = serializers.DictField(required=False, allow_null=True)
    conversation = FinishedTranscriptIn(required=False)
    turns = FinishedTurnIn(
        many=True, required=False, help_text="The same as `conversation.turns`, written shorter."
    )

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(_without(data, *ANSWERED_ONLY))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        transcript = attrs.pop("conversation", None)
        if transcript and "turns" in attrs:
            raise serializers.ValidationError({"turns": ["The turns are here twice."]})
        turns = transcript["turns"] if transcript else attrs.get("turns", [])
        errors = {
            "answered_at": self._before(attrs, "answered_at", "created_at"),
            "ended_at": self._before(attrs, "ended_at", "answered_at", "created_at"),
            "turns": [
                f"The same {name} stands at two turns."
                for name in ("id", "call_id")
                if _repeats([turn[name] for turn in turns if name in turn])
            ],
        }
        if any(errors.values()):
            raise serializers.ValidationError({at: why for at, why in errors.items() if why})
        return {**attrs, "turns": turns}

    @staticmethod
    def _before(attrs: dict[str, Any], name: str, *earlier: str) -> list[str]:
        at = attrs.get(name)
        return [
            f"This is before {each}." for each in earlier if at and at < (attrs.get(each) or at)
        ]


def _repeats(values: list[Any]) -> bool:
    return len(set(values)) < len(values)


class RefusedLineOut(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Of the body, or of the array's elements, from 1.")
    detail = serializers.CharField(help_text="A sentence for people.")
    errors = FieldErrorOut(many=True)  # type: ignore[assignment]  # not the property of this name


class ImportOut(serializers.Serializer[Any]):
    imported = serializers.IntegerField()
    unchanged = serializers.IntegerField(help_text="Imported before, by the same lines.")
    refused = RefusedLineOut(many=True)
