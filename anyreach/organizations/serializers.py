"""What /admin/ takes (…In) and answers (…Out)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from anyreach.bodies import StrictSerializer
from anyreach.organizations.models import ApiKey, Invitation, Membership
from anyreach.organizations.scopes import Role, Scope

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


@extend_schema_field(OpenApiTypes.INT64)
class MillisecondsField(serializers.Field[datetime, int, int, Any]):
    """A moment as an integer of milliseconds since the epoch; what comes in must lie ahead."""

    default_error_messages = {
        "form": "This must be an integer of milliseconds since the epoch, or null.",
        "past": "This time has passed.",
    }

    def to_internal_value(self, data: object) -> datetime:
        if not isinstance(data, int) or isinstance(data, bool) or data > _LAST_MS:
            self.fail("form")
        if data <= self.to_representation(timezone.now()):
            self.fail("past")
        return _EPOCH + data * _MILLISECOND

    def to_representation(self, value: datetime) -> int:
        return (value - _EPOCH) // _MILLISECOND


class ApiKeyIn(StrictSerializer):
    """A key to be made. It never has more rights than its maker, nor outlives them."""

    name = serializers.CharField(max_length=120)
    role = serializers.ChoiceField(Role.choices, default=Role.VIEWER)
    expires_at = MillisecondsField(allow_null=True, default=None)


class ApiKeyOut(serializers.ModelSerializer[ApiKey]):
    key_id = serializers.UUIDField(source="id")
    expires_at = MillisecondsField(allow_null=True)
    created_by = serializers.UUIDField(
        source="created_by_id", allow_null=True, help_text="The user who made it."
    )

    class Meta:
        model = ApiKey
        fields = [
            "key_id",
            "name",
            "role",
            "expires_at",
            "created_at",
            "created_by",
            "last_used_at",
        ]
        read_only_fields = fields


class NewApiKeyOut(ApiKeyOut):
    pat_key = serializers.CharField(help_text="The whole credential. It is shown this once.")

    class Meta(ApiKeyOut.Meta):
        fields = [*ApiKeyOut.Meta.fields, "pat_key"]
        read_only_fields = fields


class MemberIn(StrictSerializer):
    """What is to change."""

    role = serializers.ChoiceField(Role.choices)


class MemberOut(serializers.ModelSerializer[Membership]):
    user_id = serializers.UUIDField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    scopes = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ["id", "user_id", "email", "name", "role", "scopes", "created_at"]
        read_only_fields = fields

    def get_scopes(self, membership: Membership) -> list[Scope]:
        return sorted(membership.scopes)


class InvitationIn(StrictSerializer):
    """Whom to invite, as what."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(Role.choices, default=Role.VIEWER)


class InvitationOut(serializers.ModelSerializer[Invitation]):
    invited_by = serializers.UUIDField(source="invited_by_id", allow_null=True)

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "expires_at", "created_at", "invited_by"]
        read_only_fields = fields


class NewInvitationOut(InvitationOut):
    link = serializers.CharField(help_text="Where to accept it. It is shown this once.")

    class Meta(InvitationOut.Meta):
        fields = [*InvitationOut.Meta.fields, "link"]
        read_only_fields = fields
