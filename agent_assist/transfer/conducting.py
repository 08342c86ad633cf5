"""Conducting a warm transfer: one job, in any worker, that another takes up when that one dies.

The row says how far it is; LiveKit keeps who hears whom. So a worker that comes later joins in
the place of the one before, sees to both again, and goes on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

from django.utils import timezone
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from agent_assist.transfer import moving, sounds
from agent_assist.transfer.models import Status, Transfer
from agent_assist.transfer.spoken_brief import words_of
from anyreach.errors import DATABASE_AWAY
from anyreach.gateways.livekit import handover, server
from anyreach.gateways.livekit.handover import Handover
from anyreach.gateways.livekit.moving_desk import NotMoved
from anyreach.gateways.livekit.phones import NotReached, Why
from anyreach.gateways.livekit.server import LiveKitAway
from anyreach.gateways.livekit.words import LeaveReason
from anyreach.gateways.sound import Sound
from anyreach.jobs.shutdown import Shutdown
from anyreach.live.streams import ask
from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import TERMINAL, OutboundTrunk, Participant, StatusChange
from conversations.models import Status as ConversationStatus
from conversations.phones import dialling

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

# A transfer may be cancelled by anybody, at any time.
LOOK_EVERY_S = 0.25
# Whoever asked for a transfer does not expect it much later.
BEGUN_WITHIN = timedelta(seconds=10)
# Until a telephone is seen in the room that has been dialled, or has answered.
SEEN_WITHIN = timedelta(seconds=5)
# Longer than a telephone that has answered takes to ask for all tracks, once.
SETTLES_S = 1.0
BRIEF_PAUSE_S = 2.0
HANG_UP_EVERY_S = 0.2
DATABASE_EVERY_S = 0.5
# Until a call is ended whose end cannot be written yet.
WRITTEN_WITHIN_S = 1.0
# At first, and ever more slowly: for about twenty seconds, until another worker may try.
BACK_AT_LIVEKIT_AFTER_S, MORE_SLOWLY, BACK_AT_LIVEKIT_EVERY_S = 0.1, 1.05, 1.0
WHILE_THE_CALL_LIVES = RetryStrategy(max_attempts=1000, wait=1)
ENDINGS = {
    Why.BUSY: Status.BUSY,
    Why.DECLINED: Status.DECLINED,
    Why.NOBODY: Status.UNANSWERED,
}
HUNG_UP = "Who took the call hung up."
NOT_MOVED = "LiveKit did not put the human on the line."
LEFT_ALONE = "The agent was gone, and nobody took the call."
NOT_BEGUN = "No worker took the transfer up in time."
OURS = "The transfer failed because of a fault of ours. It has been logged."


@app.task(name="transfers.conduct", retry=WHILE_THE_CALL_LIVES, pass_context=True)
async def conduct(context: JobContext, transfer_id: str) -> None:
    """Conduct a transfer to its end; a bridged one, to the end of the call.

    Raises LiveKitAway, or GivenBack when this worker stops: to be tried again, by any.
    """
    shutdown: Shutdown = context.additional_context["shutdown"]
    await shutdown.outlasting(_conduct(transfer_id, stopping=shutdown.begun))


def have_conducted(transfer: Transfer) -> None:
    """Give a transfer its job, which waits for those of the call's transfers before it."""
    lock = f"transfer:{transfer.conversation_id}"
    conduct.configure(lock=lock).defer(transfer_id=str(transfer.pk))


def was_never_begun(transfer: Transfer, *, now: datetime) -> bool:
    """Whether no worker has taken it up in time: none is to any more."""
    return transfer.status == Status.REQUESTED and transfer.requested_at < now - BEGUN_WITHIN


async def _conduct(transfer_id: str, *, stopping: asyncio.Event) -> None:
    """Conduct it from one desk after the other: one that has lost LiveKit is of no more use."""
    pause_s = BACK_AT_LIVEKIT_AFTER_S
    while True:
        try:
            await _from_a_desk(transfer_id)
        except LiveKitAway:
            if stopping.is_set() or pause_s > BACK_AT_LIVEKIT_EVERY_S:
                raise
            if pause_s == BACK_AT_LIVEKIT_AFTER_S:
                about = {"transfer_id": transfer_id}
                log.warning("A transfer has lost LiveKit, and waits for it", extra=about)
            await asyncio.sleep(pause_s)
            pause_s *= MORE_SLOWLY
        else:
            return


async def _from_a_desk(transfer_id: str) -> None:
    transfer = await _ask_patiently(_transfer, transfer_id)
    if transfer is None:
        return
    conversation = transfer.conversation
    room = conversation.room_name or ""
    is_first = transfer.status == Status.REQUESTED
    if not await ask(server.list_rooms, [room]):
        if conversation.status not in TERMINAL and not is_first:
            # LiveKit knows of no room after a restart, until somebody is back.
            raise LiveKitAway
        await _move(transfer, Status.CANCELLED, "The call ended.")
        await ask(server.delete_room, transfer.supervisor_room)
        return
    opening = handover.opened(
        room,
        identity=transfer.desk_identity,
        human=transfer.human_identity,
        supervisor_room=transfer.supervisor_room,
        is_first=is_first,
    )
    async with opening as desk:
        await Conductor(transfer, desk).run()


def _transfer(transfer_id: str) -> Transfer | None:
    """Return the transfer, unless it is gone with its conversation."""
    return Transfer.objects.select_related("conversation").filter(pk=transfer_id).first()


async def _move(transfer: Transfer, status: Status, reason: str = "") -> bool:
    return await _ask_patiently(moving.move, transfer, status, at=timezone.now(), reason=reason)


async def _ask_patiently(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask the database; while it is away, again and again, with whoever is on hold in music.

    What was written without our being told is found written: each move is made once.
    """
    has_told = False
    while True:
        try:
            return await ask(question, *args, **kwargs)
        except DATABASE_AWAY:
            if not has_told:
                log.warning("A transfer waits for the database")
                has_told = True
            await asyncio.sleep(DATABASE_EVERY_S)


class Conductor:
    """One transfer, with our desk in the call's room."""

    def __init__(self, transfer: Transfer, desk: Handover) -> None:
        self.transfer, self.desk = transfer, desk
        self._is_first = transfer.status == Status.REQUESTED
        self._is_held = self._is_telling = False
        self._briefed_at: float | None = None
        self._answered_at: float | None = None
        self._speaking: asyncio.Task[Sound] | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._rang_until = 0.0

    async def run(self) -> None:
        """Bring the transfer to its end. Raises LiveKitAway: it may then be run anew."""
        try:
            await self._run()
        except LiveKitAway:
            raise
        except Exception as error:
            if self.desk.is_lost:
                raise LiveKitAway from error
            # Whatever it was: nobody stays on hold for it.
            await _move(self.transfer, Status.FAILED, OURS)
            if self.transfer.status == Status.BRIDGED:
                raise
            log.exception("A transfer failed", extra={"transfer_id": str(self.transfer.pk)})
            await self._give_back()
        finally:
            for task in (self._speaking, self._ringing):
                if task:
                    task.cancel()

    async def _run(self) -> None:
        if not self.transfer.is_final:
            await self._hold()
        while not self.transfer.is_final and self.desk.closed is None:
            before = self.transfer.status
            await self._step()
            if self.transfer.status == before:
                await self._until_something_happens()
                await _ask_patiently(self.transfer.look)
        if self.desk.closed is not None:
            await self._leave_behind(self.desk.closed)
        elif self.transfer.status == Status.BRIDGED:
            try:
                await self._follow()
            except NotMoved:
                await self._end_call(ConversationStatus.FAILED, NOT_MOVED)
                await self.desk.put_human_out()
        else:
            await self._give_back()

    async def _hold(self) -> None:
        """Put the caller on hold. Nobody has been dialled without."""
        if was_never_begun(self.transfer, now=timezone.now()):
            await _move(self.transfer, Status.FAILED, NOT_BEGUN)
            return
        # At once: a worker that comes after this one is to find that it has begun.
        await asyncio.gather(self._hold_caller(), _move(self.transfer, Status.HOLDING))
        words = await _ask_patiently(words_of, self.transfer)
        self._speaking = asyncio.create_task(sounds.brief(words, accept=self.transfer.accept))

    async def _hold_caller(self) -> None:
        wants_music = self.transfer.hold_music == Transfer.HoldMusic.DEFAULT
        await self.desk.hold(sounds.hold_music() if wants_music else None)
        self._is_held = True

    async def _until_something_happens(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.desk.changed.wait(), LOOK_EVERY_S)
        self.desk.changed.clear()
        if self.desk.is_lost:
            raise LiveKitAway

    async def _step(self) -> None:
        if self.desk.caller_is_gone:
            await _move(self.transfer, Status.CANCELLED, "The caller hung up.")
        elif not self.desk.has_caller:
            return
        elif self.transfer.status == Status.HOLDING:
            await self._dial()
        elif self.transfer.status == Status.BRIEFING:
            await self._brief()
        elif self._ringing is not None:
            await self._see_how_it_rings(self._ringing)
        else:
            await self._see_what_another_dialled()

    async def _dial(self) -> None:
        """Note that it is dialled, before it is: no telephone rings twice."""
        trunk = await _ask_patiently(self._trunk)
        if trunk is None:
            await _move(
                self.transfer, Status.FAILED, "This organization has no outbound trunk any more."
            )
        elif obstacle := await self.desk.obstacle():
            await _move(self.transfer, Status.FAILED, obstacle)
        elif await _move(self.transfer, Status.DIALLING):
            conversation = self.transfer.conversation
            self._ringing = asyncio.create_task(
                self.desk.dial(
                    self.transfer.transfer_number,
                    sip_trunk_id=trunk.sip_trunk_id,
                    shown_number=conversation.agent_number or trunk.number,
                    ringing_timeout_s=self.transfer.ring_timeout_seconds,
                )
            )
            self._ringing.add_done_callback(self._rings_no_more)

    def _rings_no_more(self, _: asyncio.Task[None]) -> None:
        self._rang_until = _seconds()
        self.desk.changed.set()

    def _trunk(self) -> OutboundTrunk | None:
        organization = self.transfer.conversation.organization_id
        return OutboundTrunk.objects.filter(organization=organization).first()

    async def _see_how_it_rings(self, ringing: asyncio.Task[None]) -> None:
        if not ringing.done():
            if self.desk.human_rings:
                await _move(self.transfer, Status.RINGING)
            return
        try:
            ringing.result()
        except NotReached as error:
            _, reason = dialling.ENDINGS[error.why]
            await _move(self.transfer, ENDINGS.get(error.why, Status.FAILED), reason)
        except LiveKitAway:
            # It may be ringing all the same.
            self._ringing = None
        else:
            await _move(self.transfer, Status.BRIEFING)

    async def _see_what_another_dialled(self) -> None:
        """Follow a telephone of which nobody tells us any more how it was reached."""
        now = timezone.now()
        dialled_at = self.transfer.dialling_at or now
        rings_until = dialled_at + timedelta(seconds=self.transfer.ring_timeout_seconds)
        if self.desk.human_answered:
            self._answered_at = self._answered_at or _seconds()
            if _seconds() - self._answered_at > SETTLES_S:
                await _move(self.transfer, Status.BRIEFING)
        elif self.desk.has_human and now > rings_until + SEEN_WITHIN:
            await _move(self.transfer, Status.UNANSWERED, "Nobody answered.")
        elif self.desk.has_human and self.desk.human_rings:
            await _move(self.transfer, Status.RINGING)
        elif self.desk.human_is_gone and self.transfer.status == Status.RINGING:
            await _move(self.transfer, Status.UNANSWERED, "Nobody answered.")
        elif self.desk.human_is_gone and now > dialled_at + SEEN_WITHIN:
            await _move(self.transfer, Status.FAILED, "The call could not be dialled.")

    async def _brief(self) -> None:
        """Tell the human about the call, until they decide or their time is up."""
        by_pressing = self.transfer.accept == Transfer.Accept.DTMF
        if self._briefed_at is None and self.desk.has_human:
            assert self._speaking is not None  # noqa: S101 - since it is on hold
            self._sound = await self._speaking
            await self.desk.brief_may_be_heard()
            await self.desk.play_to_human(self._sound, pause_s=BRIEF_PAUSE_S)
            self._briefed_at = _seconds()
        if self.desk.human_is_gone and not self._may_be_coming(timezone.now()):
            await _move(self.transfer, Status.DECLINED, "Who was called hung up.")
        elif self.desk.pressed and self.desk.pressed[-1] == "2":
            await _move(self.transfer, Status.DECLINED, "Who was called pressed 2.")
        elif self._is_taken(by_pressing=by_pressing):
            await _move(self.transfer, Status.BRIDGED)
        elif self._time_is_up(timezone.now()):
            await _move(self.transfer, Status.UNANSWERED, "Nobody pressed 1.")

    def _may_be_coming(self, now: datetime) -> bool:
        """That they answered may be known before it is that they are in the room."""
        answered_at = self.transfer.briefing_at or now
        return self._briefed_at is None and now - answered_at < SEEN_WITHIN

    def _is_taken(self, *, by_pressing: bool) -> bool:
        if self._briefed_at is None:
            return False
        if by_pressing:
            return "1" in self.desk.pressed
        return _seconds() - self._briefed_at > self._sound.duration_s

    def _time_is_up(self, now: datetime) -> bool:
        began = self.transfer.briefing_at or now
        return now - began > timedelta(seconds=self.transfer.accept_timeout_seconds)

    async def _follow(self) -> None:
        """Put the two on the line, and see to it that the call ends with either."""
        desk = self.desk
        await desk.bridge()
        is_bridged = desk.has_human
        while desk.closed is None and not (desk.caller_is_gone or desk.human_is_gone):
            await self._until_something_happens()
            if desk.has_human and not is_bridged:
                await desk.bridge()
                is_bridged = True
        if desk.closed is not None:
            await self._leave_behind(desk.closed)
            return
        if desk.has_caller:
            await self._end_call(ConversationStatus.COMPLETED, HUNG_UP)
        else:
            await desk.close_room()

    async def _end_call(self, status: ConversationStatus, reason: str) -> None:
        evidence = Evidence(status, timezone.now(), StatusChange.Source.TRANSFER, reason)
        reporting = _ask_patiently(lifecycle.report, self.transfer.conversation, evidence)
        writing = asyncio.create_task(reporting)
        # First, lest somebody else tells first why the room went; but nobody is left alone for it.
        await asyncio.wait({writing}, timeout=WRITTEN_WITHIN_S)
        await self.desk.close_room()
        await writing

    async def _give_back(self) -> None:
        """Let caller and agent go on, tell the agent why, and hang up on the human."""
        returning = asyncio.create_task(self._return_caller())
        hanging_up = asyncio.create_task(self._hang_up_on_human())
        try:
            await asyncio.gather(returning, hanging_up)
        finally:
            hanging_up.cancel()
            # What the agent is just being told is told once, and so it is noted.
            if not self._is_telling:
                returning.cancel()
            await asyncio.wait({returning, hanging_up})

    async def _return_caller(self) -> None:
        """To the agent; who has lost theirs has the music until the agent is back, or the end."""
        if self.desk.awaits_agent and not self._is_held:
            await self._hold_caller()
        while self.desk.awaits_agent and not self.desk.caller_is_gone and self.desk.closed is None:
            await self._until_something_happens()
            if await _ask_patiently(self._asked_for_another):
                return
        if self.desk.has_caller and await self._has_lost_agent():
            await self._end_call(ConversationStatus.FAILED, LEFT_ALONE)
            return
        await self.desk.release()
        if self.desk.has_agent and self.transfer.told_at is None:
            await self._tell_agent()

    async def _tell_agent(self) -> None:
        """Tell them how it ended, and note that: whoever goes on from here tells no more."""
        self._is_telling = True
        outcome = {
            "transfer_id": str(self.transfer.pk),
            "status": self.transfer.status,
            "reason": self.transfer.reason,
        }
        await self.desk.tell_agents(outcome)
        self.transfer.told_at = timezone.now()
        await _ask_patiently(self._note_told)

    def _note_told(self) -> None:
        transfers = Transfer.objects.filter(pk=self.transfer.pk)
        transfers.update(told_at=self.transfer.told_at)

    async def _has_lost_agent(self) -> bool:
        """Whether an agent was there, and none is. A later desk may have seen none of it."""
        if self.desk.has_agent or self.desk.is_lost:
            return False
        if self._is_first or self.desk.has_seen_agent:
            return self.desk.has_seen_agent
        return await _ask_patiently(self._had_agent)

    def _had_agent(self) -> bool:
        participants = self.transfer.conversation.participants
        return participants.filter(kind=Participant.Kind.AGENT).exists()

    def _asked_for_another(self) -> bool:
        return self.transfer.conversation.transfers.unfinished().exists()

    async def _hang_up_on_human(self) -> None:
        await self.desk.put_human_out()
        # Who is not in the room yet comes into it before long.
        while (
            self._ringing and not (await asyncio.wait({self._ringing}, timeout=HANG_UP_EVERY_S))[0]
        ):
            await self.desk.put_human_out()
        # Who comes back after LiveKit was restarted is muted no more.
        while self._may_ring() or self._may_be_back():
            await self.desk.put_human_out()
            await self._until_something_happens()

    def _may_be_back(self) -> bool:
        was_dialled = self.transfer.dialling_at is not None
        return was_dialled and self.desk.closed is None and not self.desk.human_is_gone

    def _may_ring(self) -> bool:
        """Whether a telephone may be on its way into the room, whatever LiveKit answered."""
        if self._ringing is None:
            return False
        error = self._ringing.exception()
        is_certain = isinstance(error, NotReached) and error.is_certain
        return not is_certain and _seconds() - self._rang_until < SEEN_WITHIN.total_seconds()

    async def _leave_behind(self, why: LeaveReason) -> None:
        """End, now that we are out of the room: it is gone, or another worker is there for us."""
        if why in (LeaveReason.ROOM_DELETED, LeaveReason.ROOM_CLOSED):
            await _move(self.transfer, Status.CANCELLED, "The call ended.")
            await self._hang_up_on_human()
        elif why != LeaveReason.DUPLICATE_IDENTITY:
            raise LiveKitAway


def _seconds() -> float:
    return asyncio.get_running_loop().time()
