"""What is missing for phone calls and warm transfers, in words for who installs AnyReach."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

from anyreach.gateways import speech
from anyreach.gateways.livekit import phones, rehearsing, server
from anyreach.gateways.livekit.phones import NoSipService
from anyreach.gateways.livekit.server import KeyRefused, LiveKitAway
from conversations.models import DESK_PREFIX, SUPERVISOR_PREFIX, OutboundTrunk

NOT_KNOWN = "LiveKit does not answer: this is not known."


@dataclass(frozen=True)
class Finding:
    """One thing that is needed, whether it is there (None: not known), and what to do if not."""

    what: str
    is_there: bool | None
    sentence: str


def findings(trunks: Sequence[OutboundTrunk]) -> Iterator[Finding]:
    """Yield what is found, one after another. `trunks` are those to look for in LiveKit."""
    yield _livekit()
    yield from _sip()
    yield _taking()
    if not trunks:
        yield Finding(
            "Outbound trunk",
            False,
            "None is set, so nobody can be called. An outbound trunk is the line of a telephone "
            "provider that LiveKit calls over. Make one in LiveKit as docs/phones.md says, and "
            "enter its id on the page Phones of an organization.",
        )
    for trunk in trunks:
        yield _trunk(trunk)
    yield _speech()
    yield _worker()


def _livekit() -> Finding:
    what = "LiveKit"
    try:
        server.list_rooms(["none"])
    except KeyRefused:
        return Finding(
            what,
            False,
            "It refuses our key. Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair that the "
            "LiveKit server's configuration has under keys. If they are, a clock is wrong: this "
            "machine's or the server's.",
        )
    except LiveKitAway:
        return Finding(
            what,
            False,
            f"Nothing answers at {_host()}. LiveKit is the media server that all calls go "
            "through: start it, or set LIVEKIT_URL to where it is.",
        )
    return Finding(what, True, f"It answers at {_host()} and takes our key.")


def _host() -> str:
    """Return where LIVEKIT_URL leads, without what else an address may hold."""
    address = urlsplit(settings.LIVEKIT_URL)
    return f"{address.hostname}:{address.port}" if address.port else str(address.hostname)


def _sip() -> Iterator[Finding]:
    redis, service = "Redis", "SIP service"
    try:
        takes_calls = phones.takes_calls()
    except NoSipService:
        yield Finding(
            redis,
            False,
            "The LiveKit server has none. Redis is the small database over which it talks with "
            "its SIP service: install it, put redis: {address: 127.0.0.1:6379} into the LiveKit "
            "server's configuration, and start that again.",
        )
        yield Finding(service, None, "Without Redis LiveKit does not know of any.")
        return
    except LiveKitAway:
        yield Finding(redis, None, NOT_KNOWN)
        yield Finding(service, None, NOT_KNOWN)
        return
    yield Finding(redis, True, "The LiveKit server has it.")
    if takes_calls:
        yield Finding(service, True, "livekit-sip runs and takes calls.")
    else:
        yield Finding(
            service,
            False,
            "None takes calls. livekit-sip is the program that connects LiveKit with the "
            "telephone network: run it as https://docs.livekit.io/home/self-hosting/sip-server/ "
            "says, with the LiveKit server's Redis, its address as ws_url, and LIVEKIT_API_KEY "
            "and LIVEKIT_API_SECRET as api_key and api_secret. If it runs, its log says why it "
            "takes none: too busy, or another Redis.",
        )


def _taking() -> Finding:
    what = "Taking a call"
    name = str(uuid.uuid4())
    try:
        obstacle = rehearsing.obstacle(
            room=f"{SUPERVISOR_PREFIX}{name}", identity=f"{DESK_PREFIX}{name}"
        )
    except LiveKitAway:
        return Finding(what, None, NOT_KNOWN)
    if obstacle is None:
        return Finding(what, True, "LiveKit lets a human be heard once they take a call.")
    if settings.TRANSFER_STRATEGY == "move":
        return Finding(
            what,
            False,
            f"{obstacle} Only LiveKit Cloud does: leave TRANSFER_STRATEGY out, or set it to auto.",
        )
    return Finding(
        what,
        False,
        f"{obstacle} Who is called for a transfer is muted until they take the call, and would "
        "stay so. Put room: {enable_remote_unmute: true} into the LiveKit server's configuration "
        "and start that again.",
    )


def _trunk(trunk: OutboundTrunk) -> Finding:
    slug = trunk.organization.slug
    what = f"Outbound trunk of {slug}"
    try:
        known = phones.has_outbound_trunk(trunk.sip_trunk_id)
    except (LiveKitAway, NoSipService):
        return Finding(what, None, f"Whether LiveKit has {trunk.sip_trunk_id} is not known.")
    if not known:
        return Finding(
            what,
            False,
            f"LiveKit has no outbound trunk {trunk.sip_trunk_id}. lk sip outbound list prints "
            f"those that it has: enter the right id on /{slug}/phones, or make the trunk as "
            "docs/phones.md says.",
        )
    if not trunk.transfer_destinations:
        return Finding(
            what,
            True,
            f"LiveKit has {trunk.sip_trunk_id}. No call may be transferred to anybody until "
            f"/{slug}/phones names to whom.",
        )
    return Finding(what, True, f"LiveKit has {trunk.sip_trunk_id}.")


def _speech() -> Finding:
    what = "Speech"
    can_speak = async_to_sync(speech.spoken)("This is a test.") is not None
    if settings.SPEECH_BASE_URL and not can_speak:
        return Finding(
            what,
            False,
            "No speech comes from SPEECH_BASE_URL within SPEECH_TIMEOUT_S seconds, so briefs are "
            "not spoken. See that it is the address of an OpenAI-compatible speech endpoint, "
            "mostly one that ends in /v1, and that SPEECH_API_KEY, SPEECH_MODEL and SPEECH_VOICE "
            "are right.",
        )
    if settings.SPEECH_BASE_URL:
        return Finding(what, True, "SPEECH_BASE_URL speaks.")
    if can_speak:
        return Finding(what, True, "espeak-ng speaks.")
    return Finding(
        what,
        True,
        "A recorded voice says what to press, and nothing of the call. To have the brief spoken, "
        "set SPEECH_BASE_URL, or install espeak-ng on the worker's machine.",
    )


def _worker() -> Finding:
    what = "Worker"
    stalled_before = timezone.now() - timedelta(seconds=settings.WORKER_STALLED_AFTER_S)
    running = ProcrastinateWorker.objects.filter(last_heartbeat__gt=stalled_before).count()
    if running:
        return Finding(what, True, f"{running} run{'s' if running == 1 else ''}.")
    return Finding(
        what,
        False,
        "None runs on this database (DATABASE_URL). It is the process that dials and conducts "
        "transfers: start python manage.py worker.",
    )
