"""LiveKit's webhooks: is it LiveKit that speaks, and what does it say?"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from django.conf import settings
from google.protobuf.json_format import Parse, ParseError
from jwt import PyJWTError
from livekit import api
from livekit.protocol import webhook

from anyreach.gateways.livekit.words import WebhookEvent, participant_info, room_info


class NotFromLiveKit(Exception):
    """The signature is missing, wrong or too old, or does not fit the body."""


def verified(body: bytes, authorization: str) -> str:
    """Return a webhook's raw `body` as text if its Authorization header says LiveKit sent it.

    Raises NotFromLiveKit.
    """
    verifier = api.TokenVerifier(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    try:
        claims = verifier.verify(authorization)
        text = body.decode()
    except (PyJWTError, UnicodeDecodeError, ValueError) as error:
        raise NotFromLiveKit from error
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if not hmac.compare_digest(claims.sha256 or "", digest):
        raise NotFromLiveKit
    return text


def read(text: str) -> WebhookEvent:
    """Return the event in a verified webhook's body. Raises ValueError when it is none."""
    try:
        message = Parse(text, webhook.WebhookEvent(), ignore_unknown_fields=True)
    except ParseError as error:
        raise ValueError("This body is no webhook event.") from error
    if not message.id:
        raise ValueError("This event has no id.")
    return WebhookEvent(
        id=message.id,
        name=message.event,
        at=datetime.fromtimestamp(message.created_at, UTC),
        room=room_info(message.room),
        participant=participant_info(message.participant)
        if message.HasField("participant")
        else None,
    )
