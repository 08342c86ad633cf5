"""An organization's outbound trunk: over what it calls telephones, and which ones."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from anyreach.errors import Conflict
from anyreach.gateways.livekit import phones
from anyreach.gateways.livekit.phones import NoSipService
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.organizations.models import Organization
from conversations.models import OutboundTrunk

PREFIX_FORM = r"\+[1-9][0-9]{0,14}"


class TrunkTaken(Conflict):
    """Says the same whosever the trunk is: this installation's others are nobody's business."""

    detail = "This trunk is in use already."


def prefixes_of(text: str) -> list[str] | None:
    """Read beginnings of phone numbers ("+49, +43 1"), apart by commas or lines; None: wrong."""
    parts = [re.sub(r"[ ()./-]", "", part) for part in re.split(r"[,;\n]", text)]
    prefixes = sorted({part for part in parts if part})
    return prefixes if all(re.fullmatch(PREFIX_FORM, each) for each in prefixes) else None


def keep(organization: Organization, *, data: Mapping[str, Any]) -> None:
    """Call over this trunk from now on; `data` holds fields of OutboundTrunk. Raises TrunkTaken."""
    try:
        with transaction.atomic():
            OutboundTrunk.objects.update_or_create(organization=organization, defaults=dict(data))
    except IntegrityError as error:
        raise TrunkTaken from error


def state_of(trunk: OutboundTrunk) -> str:
    """Say in a sentence whether LiveKit could call over this trunk now."""
    try:
        known = phones.has_outbound_trunk(trunk.sip_trunk_id)
    except NoSipService:
        return "LiveKit has no SIP service: no telephone can be called."
    except LiveKitAway:
        return "LiveKit does not answer: whether it has this trunk is not known."
    return "LiveKit has this trunk." if known else "LiveKit has no outbound trunk of this id."
