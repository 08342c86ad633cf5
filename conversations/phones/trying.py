"""A test call over an organization's trunk: a telephone rings, hears our voice, and is hung up."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from anyreach.errors import Conflict, Forbidden
from anyreach.gateways import speech
from anyreach.gateways.livekit import desk as desks
from anyreach.gateways.livekit import phones, server
from anyreach.gateways.livekit.phones import NotReached
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.sound import Sound
from anyreach.live.streams import ask
from conversations.models import (
    DESK_PREFIX,
    HUMAN_PREFIX,
    SUPERVISOR_PREFIX,
    OutboundTrunk,
    TrialCall,
)
from conversations.phones.destinations import is_allowed
from conversations.phones.dialling import DIAL_WITHIN, ENDINGS

WORDS = "This is a test call from Any Reach. You can be called and hear us. Goodbye."
CHIME_HZ = (660, 880)
CHIME_RATE = 24_000
# Longer than a telephone takes to hear us once it has answered.
SETTLES_S = 1.0


class NotNow(Conflict):
    detail = "A test call is under way. Wait until it is over."


class NotAllowed(Forbidden):
    detail = "This organization does not allow calls to it."


def try_out(trunk: OutboundTrunk, *, destination: str, now: datetime) -> TrialCall:
    """Have a worker call `destination`, an E.164 number or a SIP URI, in place of the last try.

    Raises NotAllowed, NotNow.
    """
    if not may_be_tried(trunk, destination):
        raise NotAllowed
    with transaction.atomic():
        OutboundTrunk.objects.select_for_update().get(pk=trunk.pk)
        last = TrialCall.objects.filter(trunk=trunk)
        # One that nobody has finished by then never will be.
        if last.filter(finished_at=None, requested_at__gt=now - _longest()).exists():
            raise NotNow
        last.delete()
        trial = TrialCall.objects.create(trunk=trunk, destination=destination, requested_at=now)
        call.defer(trial_id=str(trial.pk))
    return trial


def may_be_tried(trunk: OutboundTrunk, destination: str) -> bool:
    """Whether the API may call it, or a transfer."""
    by_api = destination.startswith("+") and trunk.may_call(destination)
    return by_api or is_allowed(destination, trunk.transfer_destinations)


def _longest() -> timedelta:
    return DIAL_WITHIN + timedelta(seconds=settings.PHONE_RINGING_TIMEOUT_S) + timedelta(seconds=30)


@app.task(name="phones.try_out")
async def call(trial_id: str) -> None:
    """Call once. Whoever comes after a worker that died finds that it was dialled, and ends it."""
    trial = await ask(_begin, trial_id, timezone.now())
    if trial is None:
        return
    result = "The call broke off."
    try:
        result = await _call(trial)
    finally:
        await ask(_finish, trial, result)


def _begin(trial_id: str, now: datetime) -> TrialCall | None:
    trial = TrialCall.objects.select_related("trunk").filter(pk=trial_id, finished_at=None).first()
    if trial is None:
        return None
    undialled = TrialCall.objects.filter(pk=trial_id, dialled_at=None)
    if undialled.update(dialled_at=now) == 1:
        if trial.requested_at > now - DIAL_WITHIN:
            return trial
        _finish(trial, "No worker called in time.")
    else:
        _finish(trial, "The worker that called has died.")
    return None


def _finish(trial: TrialCall, result: str) -> None:
    over = TrialCall.objects.filter(pk=trial.pk, finished_at=None)
    over.update(finished_at=timezone.now(), result=result)
    with suppress(LiveKitAway):
        server.delete_room(_room(trial))


def _answered(trial: TrialCall) -> None:
    TrialCall.objects.filter(pk=trial.pk).update(answered_at=timezone.now())


def _room(trial: TrialCall) -> str:
    return f"{SUPERVISOR_PREFIX}{trial.pk}"


async def _call(trial: TrialCall) -> str:
    """Return in a sentence how it went."""
    room = _room(trial)
    speaking = asyncio.create_task(speech.spoken(WORDS))
    try:
        # A room that names its agent wakes no other.
        await phones.make_room(room, agent_name=room)
        opening = desks.opened(
            room, identity=f"{DESK_PREFIX}{trial.pk}", human=f"{HUMAN_PREFIX}{trial.pk}"
        )
        async with opening as desk:
            await desk.dial(
                trial.destination,
                sip_trunk_id=trial.trunk.sip_trunk_id,
                shown_number=trial.trunk.number,
                ringing_timeout_s=settings.PHONE_RINGING_TIMEOUT_S,
            )
            await ask(_answered, trial)
            sound = await speaking or chime()
            await desk.brief_may_be_heard()
            await desk.play_to_human(sound, pause_s=SETTLES_S)
            await asyncio.sleep(sound.duration_s + SETTLES_S)
            if desk.has_human:
                return "It was answered, and heard our voice to its end."
            return "It was answered, and hung up before our voice had ended."
    except NotReached as error:
        _, reason = ENDINGS[error.why]
        return reason
    except LiveKitAway as away:
        return away.detail
    finally:
        speaking.cancel()


def chime() -> Sound:
    """Return what is heard where nothing can speak: two notes, twice."""
    times = np.arange(CHIME_RATE // 2) / CHIME_RATE
    notes = [np.sin(2 * np.pi * each * times) * np.exp(-4 * times) * 8000 for each in CHIME_HZ]
    return Sound(np.concatenate(notes * 2).astype(np.int16), CHIME_RATE)
