"""A conversation as the API shows it, and what the API takes."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from anyreach.bodies import StrictQuery, StrictSerializer, read_json
from anyreach.organizations.caller import Caller
from anyreach.organizations.scopes import Scope
from conversations.models import (
    CAMPAIGN,
    CAMPAIGN_INDEXED,
    Agent,
    Channel,
    Conversation,
    Direction,
    ListenSession,
    Status,
    Turn,
)
from conversations.recorded import gaps_of

MAX_PAGE = 200


class LatencyOut(serializers.Serializer[Any]):
    end_to_end_ms = serializers.IntegerField(required=False)
    llm_ttft_ms = serializers.IntegerField(required=False)
    llm_ms = serializers.IntegerField(required=False)
    tts_ms = serializers.IntegerField(required=False)


class TurnOut(serializers.ModelSerializer[Turn]):
    """One turn; parts that it does not have are left out."""

    latency = LatencyOut(required=False)

    class Meta:
        model = Turn
        fields = [
            "id",
            "role",
            "text",
            "started_at",
            "ended_at",
            "final",
            "interrupted",
            "speaker",
            "call_id",
            "name",
            "arguments",
            "output",
            "is_error",
            "latency",
        ]
        # Without it each moment of a list asks anew which zone is the request's.
        extra_kwargs = {each: {"default_timezone": UTC} for each in ("started_at", "ended_at")}

    def to_representation(self, instance: Turn) -> dict[str, Any]:
        shown = super().to_representation(instance)
        other = ("text", "interrupted") if instance.role == Turn.Role.TOOL else ("is_error",)
        return {
            name: value
            for name, value in shown.items()
            if value not in (None, "") and name not in other
        }


class LineOut(TurnOut):
    """A turn as our own page takes it in, to meet live text by its segment."""

    class Meta(TurnOut.Meta):
        fields = [*TurnOut.Meta.fields, "segment_id", "position"]


class GapOut(serializers.Serializer[Any]):
    """A time in which the call went on and nobody recorded it."""

    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()


class TranscriptOut(serializers.Serializer[Any]):
    turns = TurnOut(many=True)
    gaps = GapOut(many=True)

    def to_representation(self, instance: Conversation) -> dict[str, Any]:
        # A serializer made anew for each conversation would take most of a list's time.
        return {
            "turns": self.fields["turns"].to_representation(instance.turns.all()),
            "gaps": self.fields["gaps"].to_representation(gaps_of(instance)),
        }


class AgentOut(serializers.ModelSerializer[Agent]):
    class Meta:
        model = Agent
        fields = ["id", "name"]


class ConversationOut(serializers.ModelSerializer[Conversation]):
    """What the caller may see: sensitive fields are left out without their scope."""

    organization_id = serializers.UUIDField()
    agent_id = serializers.UUIDField(allow_null=True)
    agent = AgentOut(allow_null=True)
    caller_name = serializers.CharField(required=False, allow_null=True)
    summary = serializers.CharField(required=False, allow_null=True)
    initial_context = serializers.CharField(required=False, allow_null=True)
    custom_metadata = serializers.DictField(required=False)
    recording_details = serializers.DictField(required=False, allow_null=True)
    conversation = TranscriptOut(source="*", required=False)

    SENSITIVE = (
        "caller_name",
        "summary",
        "initial_context",
        "custom_metadata",
        "conversation",
        "recording_details",
    )

    class Meta:
        model = Conversation
        fields = [
            "id",
            "organization_id",
            "direction",
            "channel",
            "status",
            "user_id",
            "agent_id",
            "agent_version_id",
            "agent",
            "agent_number",
            "trunk_id",
            "web_widget_id",
            "duration",
            "user_turn_count",
            "created_at",
            "updated_at",
            "answered_at",
            "ended_at",
            "end_reason",
            "caller_name",
            "summary",
            "initial_context",
            "custom_metadata",
            "conversation",
            "recording_details",
        ]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        caller: Caller | None = self.context.get("caller")
        if caller is not None and not caller.can(Scope.CONVERSATIONS_READ_SENSITIVE):
            for name in self.SENSITIVE:
                del fields[name]
        return fields


class AgentField(serializers.UUIDField):
    """An agent of the caller's organization, by its id."""

    def to_internal_value(self, data: Any) -> Agent:  # type: ignore[override]
        agents = Agent.objects.visible_to(self.context["caller"])
        agent: Agent | None = agents.filter(pk=super().to_internal_value(data)).first()
        if agent is None:
            raise serializers.ValidationError("There is no such agent.")
        return agent


class ConversationIn(StrictSerializer):
    id = serializers.UUIDField(required=False)
    channel = serializers.ChoiceField(Channel.choices)
    user_id = serializers.CharField(max_length=255)
    agent_id = AgentField(source="agent", required=False, allow_null=True)
    agent_number = serializers.CharField(required=False, allow_null=True, max_length=255)
    initial_context = serializers.CharField(required=False, allow_null=True, max_length=20_000)
    custom_metadata = serializers.DictField(required=False)
    caller_name = serializers.CharField(required=False, allow_null=True, max_length=255)


class JoinOut(serializers.Serializer[Any]):
    url = serializers.CharField()
    token = serializers.CharField()
    room_name = serializers.CharField()
    expires_at = serializers.DateTimeField()


class CreatedOut(serializers.Serializer[Any]):
    conversation = ConversationOut()
    starting_message = serializers.CharField(allow_blank=True)
    join = JoinOut()


class DialledOut(serializers.Serializer[Any]):
    conversation = ConversationOut()


class ListenerTokenIn(StrictSerializer):
    renews = serializers.CharField(required=False, max_length=255)


class ListenerTokenOut(serializers.Serializer[Any]):
    url = serializers.CharField()
    token = serializers.CharField()
    room_name = serializers.CharField()
    expires_at = serializers.DateTimeField()


class ListenerOut(serializers.Serializer[Any]):
    """One listener: a session and those that renewed it.

    Seconds in the room are LiveKit's word, seconds audible the browser's.
    """

    id = serializers.UUIDField()
    who = serializers.CharField(source="first.who")
    user_id = serializers.UUIDField(source="first.user_id", allow_null=True)
    api_key_id = serializers.UUIDField(source="first.api_key_id", allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # not the field of that name
        ListenSession.Source.choices, source="first.source"
    )
    origin = serializers.CharField(source="first.origin")
    ip = serializers.IPAddressField(source="first.ip", allow_null=True)
    user_agent = serializers.CharField(source="first.user_agent")
    minted_at = serializers.DateTimeField(source="first.minted_at")
    expires_at = serializers.DateTimeField()
    joined_at = serializers.DateTimeField(allow_null=True)
    left_at = serializers.DateTimeField(allow_null=True)
    in_room = serializers.BooleanField()
    seconds_in_room = serializers.IntegerField()
    audible = serializers.BooleanField()
    seconds_audible = serializers.IntegerField()
    ended_how = serializers.ChoiceField([("", "Not ended"), *ListenSession.Ended.choices])
    revoked_at = serializers.DateTimeField(source="first.revoked_at", allow_null=True)
    revoked_by = serializers.CharField(source="first.revoked_by")


@extend_schema_field(OpenApiTypes.STR)
class MetadataField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object, written as text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            value = read_json(data)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise serializers.ValidationError("This must be a JSON object.")
        return value


class ConversationQuery(StrictQuery):
    """The parameters of the list, by which it is narrowed; `lookups` says how."""

    direction = serializers.ListField(
        child=serializers.ChoiceField(Direction.choices), required=False
    )
    channel = serializers.ListField(child=serializers.ChoiceField(Channel.choices), required=False)
    status = serializers.ListField(child=serializers.ChoiceField(Status.choices), required=False)
    user_id = serializers.CharField(required=False)
    agent_number = serializers.CharField(required=False)
    agent_id = serializers.UUIDField(required=False)
    agent_version_id = serializers.CharField(required=False)
    web_widget_id = serializers.CharField(required=False)
    duration_above = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    duration_below = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    user_turn_count_above = serializers.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1
    )
    user_turn_count_below = serializers.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1
    )
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    custom_metadata = MetadataField(required=False, help_text="A JSON object as text: containment")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PAGE, default=50)
    cursor = serializers.CharField(required=False)

    lookups = {
        "direction": "direction__in",
        "channel": "channel__in",
        "status": "status__in",
        "user_id": "user_id__icontains",
        "agent_number": "agent_number__icontains",
        "agent_id": "agent_id",
        "agent_version_id": "agent_version_id",
        "web_widget_id": "web_widget_id",
        "duration_above": "duration__gte",
        "duration_below": "duration__lte",
        "user_turn_count_above": "user_turn_count__gte",
        "user_turn_count_below": "user_turn_count__lte",
        "created_after": "created_at__gte",
        "created_before": "created_at__lte",
        "custom_metadata": "custom_metadata__contains",
        "campaign": "campaign",
    }

    def conditions(self) -> dict[str, Any]:
        """Return the validated parameters as conditions of a QuerySet."""
        return self.conditions_of(self.validated_data)

    @classmethod
    def conditions_of(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        metadata = given.get("custom_metadata", {})
        campaign = metadata.get(CAMPAIGN)
        if isinstance(campaign, str) and len(campaign) <= CAMPAIGN_INDEXED:
            # The same, found by an index that has the list's order.
            rest = {name: part for name, part in metadata.items() if name != CAMPAIGN}
            given = {**given, "campaign": campaign, "custom_metadata": rest}
        return {
            lookup: given[name]
            for name, lookup in cls.lookups.items()
            if name in given and given[name] not in ([], {})
        }
