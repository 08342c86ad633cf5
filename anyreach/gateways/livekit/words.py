"""LiveKit's rooms, participants and webhook events in our words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from livekit.protocol import models


class Kind(StrEnum):
    """What a participant is. Anything LiveKit adds later reads as `other`."""

    STANDARD = "standard"
    SIP = "sip"
    AGENT = "agent"
    OTHER = "other"


class LeaveReason(IntEnum):
    """LiveKit's DisconnectReason, under its own names; 0 while unknown."""

    UNKNOWN = 0
    CLIENT_INITIATED = 1
    DUPLICATE_IDENTITY = 2
    SERVER_SHUTDOWN = 3
    PARTICIPANT_REMOVED = 4
    ROOM_DELETED = 5
    STATE_MISMATCH = 6
    JOIN_FAILURE = 7
    MIGRATION = 8
    SIGNAL_CLOSE = 9
    ROOM_CLOSED = 10
    USER_UNAVAILABLE = 11
    USER_REJECTED = 12
    SIP_TRUNK_FAILURE = 13
    CONNECTION_TIMEOUT = 14
    MEDIA_FAILURE = 15
    AGENT_ERROR = 16

    @classmethod
    def _missing_(cls, value: object) -> "LeaveReason":
        return cls.UNKNOWN


KINDS: dict[int, Kind] = {
    models.ParticipantInfo.Kind.STANDARD: Kind.STANDARD,
    models.ParticipantInfo.Kind.SIP: Kind.SIP,
    models.ParticipantInfo.Kind.AGENT: Kind.AGENT,
}


@dataclass(frozen=True)
class RoomInfo:
    """One life of a room: `sid` differs each time a room of the same `name` is made anew."""

    name: str
    sid: str
    metadata: str = ""


@dataclass(frozen=True)
class ParticipantInfo:
    """Who is, or was, in a room."""

    sid: str
    identity: str
    kind: Kind
    name: str
    hidden: bool
    attributes: dict[str, str] = field(default_factory=dict)
    joined_at: datetime | None = None
    leave_reason: LeaveReason = LeaveReason.UNKNOWN


@dataclass(frozen=True)
class WebhookEvent:
    """One thing that LiveKit reports. `name` is LiveKit's, such as "participant_joined"."""

    id: str
    name: str
    at: datetime
    room: RoomInfo
    participant: ParticipantInfo | None


def storable(text: str) -> str:
    """Return `text` with what PostgreSQL cannot keep replaced: callers choose their names."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def storable_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name: storable(value) for name, value in attributes.items()}


def participant_info(message: models.ParticipantInfo) -> ParticipantInfo:
    joined_ms = message.joined_at_ms or message.joined_at * 1000
    return ParticipantInfo(
        sid=message.sid,
        identity=storable(message.identity),
        kind=KINDS.get(message.kind, Kind.OTHER),
        name=storable(message.name),
        hidden=message.permission.hidden,
        attributes=storable_attributes(message.attributes),
        joined_at=datetime.fromtimestamp(joined_ms / 1000, UTC) if joined_ms else None,
        leave_reason=LeaveReason(message.disconnect_reason),
    )


def room_info(message: models.Room) -> RoomInfo:
    return RoomInfo(name=storable(message.name), sid=message.sid, metadata=message.metadata)
