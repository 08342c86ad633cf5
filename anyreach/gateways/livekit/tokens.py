"""Tokens that open a LiveKit room. Each grant is spelled out: the defaults allow too much."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from jwt import PyJWTError
from livekit.api import (
    AccessToken,
    RoomAgentDispatch,
    RoomConfiguration,
    TokenVerifier,
    VideoGrants,
)

EMBED_ATTRIBUTE = "anyreach.embed"
DESK_ATTRIBUTE = "anyreach.desk"


def listener_token(*, room: str, identity: str, ttl: timedelta, embed_id: UUID) -> str:
    """Return a JWT that lets its holder hear `room` for `ttl`, and nothing else.

    `embed_id` is there for a page that embeds our frame to read: it names the organization.

    Hidden alone is not enough: a hidden participant of the standard kind is counted in
    `num_participants`, keeps the room open and takes a seat. Kind agent does neither
    (measured, livekit-server 1.13.5). LIVEKIT_LISTENER_KIND chooses.
    """
    token = (
        AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(identity)
        .with_ttl(ttl)
        .with_attributes({EMBED_ATTRIBUTE: str(embed_id)})
        .with_grants(hidden_grants(room))
    )
    if settings.LIVEKIT_LISTENER_KIND == "agent":
        token = token.with_kind("agent")
    return token.to_jwt()


def identity_of(token: str) -> str | None:
    """Return whom a token of ours that has not expired lets in; None for any other text."""
    try:
        claims = TokenVerifier(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET).verify(token)
    except (PyJWTError, ValueError):
        return None
    return claims.identity or None


def recorder_token(*, room: str, identity: str) -> str:
    """Return a JWT for our own recorder: as unseen and as mute as a listener."""
    return (
        AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(identity)
        .with_ttl(timedelta(minutes=1))
        .with_kind("agent")
        .with_grants(hidden_grants(room))
        .to_jwt()
    )


def desk_token(*, room: str, identity: str) -> str:
    """Return a JWT for our own desk, which plays to one of those in a room and tells the agent.

    It is seen: of a participant that is hidden nobody receives a track. Of kind agent it is not
    counted, and keeps no room open; by its attribute other desks tell it from the call's agents.
    """
    return (
        AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(identity)
        .with_ttl(timedelta(minutes=1))
        .with_kind("agent")
        .with_attributes({DESK_ATTRIBUTE: "true"})
        .with_grants(
            VideoGrants(
                room_join=True,
                room=room,
                hidden=False,
                can_subscribe=True,
                can_publish=True,
                can_publish_data=True,
                can_update_own_metadata=False,
            )
        )
        .to_jwt()
    )


def hidden_grants(room: str) -> VideoGrants:
    return VideoGrants(
        room_join=True,
        room=room,
        hidden=True,
        can_subscribe=True,
        can_publish=False,
        can_publish_data=False,
        can_update_own_metadata=False,
    )


def visitor_token(*, room: str, identity: str, ttl: timedelta, agent_name: str | None) -> str:
    """Return a JWT for the person who calls from a web page.

    LiveKit dispatches the agent named `agent_name` when the visitor makes the room by
    joining it; with None, agents that register without a name are dispatched.
    """
    dispatch = [RoomAgentDispatch(agent_name=agent_name)] if agent_name else []
    return (
        AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(identity)
        .with_ttl(ttl)
        .with_room_config(RoomConfiguration(agents=dispatch))
        .with_grants(
            VideoGrants(
                room_join=True,
                room=room,
                hidden=False,
                can_subscribe=True,
                can_publish=True,
                can_publish_data=True,
                can_update_own_metadata=False,
            )
        )
        .to_jwt()
    )
