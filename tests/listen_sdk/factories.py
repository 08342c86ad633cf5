"""Listed origins, and listeners with a real token."""

from datetime import timedelta

from django.utils import timezone

from anyreach.gateways.livekit import tokens
from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Role
from conversations.models import Conversation, ListenSession
from listen_sdk.models import EmbedOrigin
from tests.conversations.factories import make_listen_session
from tests.organizations.factories import make_member


def make_embed_origin(
    organization: Organization, origin: str = "https://crm.example"
) -> EmbedOrigin:
    return EmbedOrigin.objects.create(organization=organization, origin=origin)


def make_listener(
    conversation: Conversation, *, role: str = Role.SUPERVISOR, ttl_s: float = 900, **fields
) -> tuple[ListenSession, str]:
    """Return the session of somebody with `role`, and its token, `ttl_s` seconds from its end."""
    session = make_listen_session(
        conversation,
        **{"user": make_member(conversation.organization, role).user, **fields},
        expires_at=timezone.now() + timedelta(seconds=ttl_s),
    )
    token = tokens.listener_token(
        room=session.room_name,
        identity=session.identity,
        ttl=timedelta(seconds=ttl_s),
        embed_id=conversation.organization.embed_id,
    )
    return session, token
