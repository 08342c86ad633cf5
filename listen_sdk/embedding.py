"""Which pages may embed an organization's calls: any, or those that it lists."""

import re
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from anyreach.errors import Forbidden
from anyreach.organizations.caller import Caller
from anyreach.organizations.models import Organization
from anyreach.organizations.scopes import Scope
from conversations import listening, revoking
from conversations.listening import HEARERS, NotActive
from conversations.models import ListenEvent, ListenSession
from listen_sdk.models import ORIGIN_FORM, EmbedOrigin

DEFAULT_PORTS = {"http": 80, "https": 443}
# A ledger is no place to be filled by a hostile page.
REFUSALS_AT_MOST = 20


class Refused(Forbidden):
    """The page may not hear with this token; the detail is for whoever built the page."""


class NotOurs(Refused):
    detail = "This token was not made by this AnyReach installation."


class OtherOrganization(Refused):
    detail = "This token is for another organization than the frame that it came to."


class Over(Refused):
    status = HTTPStatus.UNAUTHORIZED
    detail = "This token does not let its holder hear any more."


class OriginRefused(Refused):
    def __init__(self, origin: str) -> None:
        super().__init__(
            f"The page's origin, {origin}, may not embed this organization's calls. "
            "An administrator can list it on the page Embedding of AnyReach."
        )


class NoTranscript(Forbidden):
    detail = "This token does not let its holder read the transcript."


def origin_of(address: str) -> str | None:
    """Return the origin of a page's address as browsers write it, or None if it has none.

    Without a scheme it is taken for https. None too for a host that ORIGIN_FORM leaves out.
    """
    text = address.strip()
    if text == "null":  # what browsers call the origin of a page that has none
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname or "", parts.port
        # Pages of names that IDNA 2003 writes otherwise (ß) can be listed as xn--….
        name = host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        return None
    suffix = "" if port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    origin = f"{parts.scheme}://{name.lower()}{suffix}"
    return origin if re.fullmatch(ORIGIN_FORM, origin) and len(origin) <= 255 else None


def list_origin(origin: str, *, caller: Caller) -> tuple[EmbedOrigin, bool]:
    """Let pages of `origin`, as origin_of returns it, embed. False: it was listed before."""
    row, made = EmbedOrigin.objects.get_or_create(
        organization=caller.organization, origin=origin, defaults={"created_by": caller.user}
    )
    close_unlisted(caller, now=timezone.now())
    return row, made


def unlist(row: EmbedOrigin, *, caller: Caller) -> None:
    """Let pages of an origin embed no longer: those that hear now are put out."""
    row.delete()
    close_unlisted(caller, now=timezone.now())


def close_unlisted(caller: Caller, *, now: datetime) -> None:
    """Close the ears in pages of origins that may not embed any more."""
    allowed = allowed_origins(caller.organization)
    embedded = ListenSession.objects.visible_to(caller).filter(source=ListenSession.Source.EMBED)
    if allowed:
        elsewhere = embedded.may_hear(now).exclude(origin__in=allowed)
        revoking.revoke(elsewhere, by=f"{caller.name}: its origin is not listed", now=now)


def allowed_origins(organization: Organization) -> list[str]:
    """Return the origins of pages that may embed this organization's calls; [] means any.

    Ours is among them, as our own page Embedding tries the SDK.
    """
    rows = EmbedOrigin.objects.filter(organization=organization)
    listed = list(rows.values_list("origin", flat=True))
    ours = origin_of(settings.BASE_URL)
    return [*([ours] if ours else []), *listed] if listed else []


def organization_named(embed: str) -> Organization:
    """Return the organization that a frame's address names. Raises NotOurs."""
    try:
        embed_id = UUID(embed)
    except ValueError:
        raise NotOurs from None
    organization = Organization.objects.filter(embed_id=embed_id, is_active=True).first()
    if organization is None:
        raise NotOurs
    return organization


def admit(session: ListenSession, *, embed: str, origin: str, now: datetime) -> None:
    """Let a page of `origin` hear with a session's token, and note where it is heard.

    `embed` is what the frame's address names. Raises NotActive (409), Over (401), or another
    Refused (403); one for the page's sake is written to the ledger.
    """
    if not session.conversation.is_active:
        raise NotActive
    if _scopes(session, now).isdisjoint(HEARERS):
        raise Over
    organization = session.conversation.organization
    try:
        if embed != str(organization.embed_id):
            raise OtherOrganization
        allowed = allowed_origins(organization)
        if allowed and origin not in allowed:
            raise OriginRefused(origin)
    except Refused as refusal:
        _write_down(session, refusal, origin=origin, now=now)
        raise
    source = ListenSession.Source
    minted_by_program = ListenSession.objects.filter(pk=session.pk, source=source.API)
    minted_by_program.update(source=source.EMBED, origin=origin)


def check_may_read(session: ListenSession, now: datetime) -> None:
    """Raises NoTranscript (403)."""
    if Scope.CONVERSATIONS_READ_SENSITIVE not in _scopes(session, now):
        raise NoTranscript


def _scopes(session: ListenSession, now: datetime) -> frozenset[Scope]:
    """What whoever asked for this session's token may do now; nothing once it is over."""
    if not ListenSession.objects.may_hear(now).filter(pk=session.pk).exists():
        return frozenset()
    return listening.holders_scopes(session, now)


def _write_down(session: ListenSession, refusal: Refused, *, origin: str, now: datetime) -> None:
    conversation = session.conversation
    refusals = ListenEvent.objects.filter(
        organization=conversation.organization_id,
        conversation_id=conversation.pk,
        session_id=session.pk,
        kind=ListenEvent.Kind.REFUSED,
    )
    if refusals.count() < REFUSALS_AT_MOST:
        kind = ListenEvent.Kind.REFUSED
        listening.write_down([session], kind, at=now, why=refusal.detail, origin=origin)
