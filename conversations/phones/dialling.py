"""Dialling a telephone, once, and telling how it went when nobody answers.

A telephone that answers is told of by LiveKit, as in every call.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from anyreach.gateways.livekit import phones, server
from anyreach.gateways.livekit.phones import NotReached, Why
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.jobs.shutdown import Shutdown
from conversations import lifecycle, rooms, webhooks
from conversations.lifecycle import Evidence
from conversations.models import Conversation, Participant, Status, StatusChange

SOURCE = StatusChange.Source.DIALLING
LOOK_EVERY_S = 1.0
# Who asked for a call does not expect it much later.
DIAL_WITHIN = timedelta(seconds=30)
UNTIL_IT_IS_KNOWN = RetryStrategy(max_attempts=60, wait=1)
ENDINGS = {
    Why.BUSY: (Status.FAILED, "The line was busy."),
    Why.DECLINED: (Status.FAILED, "The call was declined."),
    Why.NOBODY: (Status.UNANSWERED, "Nobody answered."),
    Why.NO_SUCH_NUMBER: (Status.FAILED, "There is no such number."),
    Why.NO_TRUNK: (Status.FAILED, "LiveKit has no such outbound trunk."),
    Why.NO_SERVICE: (Status.FAILED, "LiveKit's SIP service does not answer."),
    Why.TRUNK_FAILED: (Status.FAILED, "The telephone trunk failed."),
}


@app.task(name="phones.dial", retry=UNTIL_IT_IS_KNOWN, pass_context=True)
async def dial(context: JobContext, conversation_id: str) -> None:
    """Dial for a conversation, unless that was done: then see how it goes.

    Raises LiveKitAway, or GivenBack when this worker stops: to be tried again.
    """
    shutdown: Shutdown = context.additional_context["shutdown"]
    unanswered = Conversation.objects.active().filter(pk=conversation_id, answered_at=None)
    conversation = await unanswered.select_related("agent").afirst()
    if conversation is None:
        return
    mine = await sync_to_async(_begin)(conversation, timezone.now())
    await shutdown.outlasting(_dial(conversation) if mine else _take_up(conversation))


def _begin(conversation: Conversation, now: datetime) -> bool:
    """Note that it is dialled, before it is; return whether nobody had noted that yet.

    A worker that dies in between has dialled at most once: no telephone rings twice.
    """
    waiting = Conversation.objects.active().filter(pk=conversation.pk, dialled_at=None)
    begun = waiting.filter(created_at__gt=now - DIAL_WITHIN).update(dialled_at=now) == 1
    conversation.refresh_from_db(fields=["status", "dialled_at"])
    return begun


async def _dial(conversation: Conversation) -> None:
    room = conversation.room_name or ""
    agent = conversation.agent
    ringing = asyncio.create_task(_ring(conversation, agent.dispatch_name if agent else None))
    try:
        while not (await asyncio.wait({ringing}, timeout=LOOK_EVERY_S))[0]:
            # Ended just before the telephone came into the room, which that made anew.
            if await sync_to_async(_is_over)(conversation):
                with contextlib.suppress(LiveKitAway):
                    await sync_to_async(server.delete_room)(room)
        ringing.result()
    except NotReached as error:
        status, reason = ENDINGS[error.why]
        evidence = Evidence(status, timezone.now(), SOURCE, reason)
        await sync_to_async(lifecycle.report)(conversation, evidence)
        await sync_to_async(server.delete_room)(room)
    finally:
        ringing.cancel()


async def _ring(conversation: Conversation, agent_name: str | None) -> None:
    room = conversation.room_name or ""
    await phones.make_room(room, agent_name=agent_name)
    await phones.dial(
        room=room,
        identity=conversation.user_id,
        sip_trunk_id=conversation.trunk_id or "",
        destination=conversation.user_id,
        shown_number=conversation.agent_number or "",
        ringing_timeout_s=settings.PHONE_RINGING_TIMEOUT_S,
    )


def _is_over(conversation: Conversation) -> bool:
    conversation.refresh_from_db(fields=["status"])
    return conversation.is_over


async def _take_up(conversation: Conversation) -> None:
    """Follow a telephone that another worker has dialled, until it has answered or is gone."""
    while not await sync_to_async(_is_decided)(conversation):
        await asyncio.sleep(LOOK_EVERY_S)


def _is_decided(conversation: Conversation) -> bool:
    now = timezone.now()
    room = conversation.room_name or ""
    present = [each for each in server.list_participants(room) if not rooms.is_ours(each)]
    for participant in present:
        rooms.note(conversation, participant, at=now)
    rooms.reported(conversation, source=SOURCE, at=now)
    if conversation.answered_at or conversation.is_over:
        return True
    if any(each.identity == conversation.user_id for each in present):
        return False
    if webhooks.are_waiting(room):
        return False
    if not conversation.participants.filter(kind=Participant.Kind.SIP).exists():
        reason = "The call could not be dialled."
        lifecycle.report(conversation, Evidence(Status.FAILED, now, SOURCE, reason))
    rooms.reported(conversation, source=SOURCE, at=now, room_gone_at=now)
    server.delete_room(room)
    return True
