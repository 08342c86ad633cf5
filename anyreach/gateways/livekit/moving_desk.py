"""A desk in two rooms: the caller waits in theirs, the human is told of the call in another, and
moved from there to the caller. LiveKit Cloud moves participants, the open server does not.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from livekit import api

from anyreach.gateways.livekit.desk import Desk
from anyreach.gateways.livekit.server import Gone, LiveKitAway, our_errors, server
from anyreach.gateways.livekit.words import LeaveReason
from anyreach.gateways.sound import Sound

# Until somebody who has been moved is seen where they were moved to.
MOVED_WITHIN_S = 5.0
# LiveKit may refuse to move somebody for a while: so long the caller has the music.
TRIED_FOR_S, TRIED_EVERY_S = 15.0, 1.0


class NotMoved(Exception):
    """LiveKit answers, and does not put the human into the caller's room."""


@asynccontextmanager
async def opened(
    room: str, *, identity: str, human: str, supervisor_room: str, is_first: bool
) -> AsyncIterator["MovingDesk"]:
    """Join `room` as `identity`; `supervisor_room` with the order to hold. Raises LiveKitAway."""
    async with server() as client:
        with_caller = _WithCaller(client, room, human=human, is_first=is_first)
        with_human = _WithHuman(client, supervisor_room, human=human, is_first=is_first)
        try:
            await with_caller.join(identity)
            yield MovingDesk(with_caller, with_human, identity=identity)
        finally:
            await asyncio.gather(with_caller.leave(), with_human.leave())


class MovingDesk:
    """The two as one. Nothing of either room can be heard in the other."""

    def __init__(
        self, with_caller: "_WithCaller", with_human: "_WithHuman", *, identity: str
    ) -> None:
        self._with_caller, self._with_human, self._identity = with_caller, with_human, identity
        self.changed = with_human.changed = with_caller.changed

    # --- Who is there --------------------------------------------------------------------------

    @property
    def closed(self) -> LeaveReason | None:
        emptied = (LeaveReason.ROOM_DELETED, LeaveReason.ROOM_CLOSED)
        with_human = self._with_human.closed
        # The human's room ends when they go: that is no end of ours.
        return self._with_caller.closed or (None if with_human in emptied else with_human)

    @property
    def is_lost(self) -> bool:
        with_human = self._with_human
        return self._with_caller.is_lost or (with_human.is_lost and with_human.closed is None)

    @property
    def has_caller(self) -> bool:
        return self._with_caller.has_caller

    @property
    def has_human(self) -> bool:
        return self._with_human.has_human or self._with_caller.has_human

    @property
    def caller_is_gone(self) -> bool:
        return self._with_caller.caller_is_gone

    @property
    def human_is_gone(self) -> bool:
        gone = self._with_human.human_is_gone or self._with_caller.human_is_gone
        return gone and not self.has_human

    @property
    def awaits_agent(self) -> bool:
        return self._with_caller.awaits_agent

    @property
    def has_agent(self) -> bool:
        return self._with_caller.has_agent

    @property
    def has_seen_agent(self) -> bool:
        return self._with_caller.has_seen_agent

    @property
    def human_rings(self) -> bool:
        return self._with_human.human_rings

    @property
    def human_answered(self) -> bool:
        return self._with_human.human_answered

    @property
    def pressed(self) -> list[str]:
        return self._with_human.pressed

    # --- With the caller -----------------------------------------------------------------------

    async def hold(self, music: Sound | None) -> None:
        await asyncio.gather(self._with_caller.hold(music), self._with_human.join(self._identity))

    async def release(self) -> None:
        await self._with_caller.release()

    async def tell_agents(self, message: dict[str, str]) -> None:
        await self._with_caller.tell_agents(message)

    async def close_room(self) -> None:
        await self._with_caller.close_room()

    # --- With the human ------------------------------------------------------------------------

    async def obstacle(self) -> str | None:
        """It can be the open server, where we were told to move (TRANSFER_STRATEGY)."""
        can_move = await self._with_caller.can_move()
        return None if can_move else "LiveKit does not move participants."

    async def dial(
        self, destination: str, *, sip_trunk_id: str, shown_number: str, ringing_timeout_s: int
    ) -> None:
        await self._with_human.dial(
            destination,
            sip_trunk_id=sip_trunk_id,
            shown_number=shown_number,
            ringing_timeout_s=ringing_timeout_s,
        )

    async def brief_may_be_heard(self) -> None:
        """It may be all along: there is no other voice in their room."""

    async def play_to_human(self, brief: Sound, *, pause_s: float) -> None:
        await self._with_human.play_to_human(brief, pause_s=pause_s)

    async def put_human_out(self) -> None:
        await self._with_human.close_room()

    # --- From one to the other -----------------------------------------------------------------

    async def bridge(self) -> None:
        await self._with_caller.admit_from(self._with_human)
        await self._with_human.close_room()


class _WithCaller(Desk):
    """The caller's room, into which the human comes only to stay."""

    _guards_human = False

    async def admit_from(self, other: "_WithHuman") -> None:
        """Put the agents out and the human in. The music plays on until they are there."""
        async with self._ordering_call:
            self._holds_agents = self._holds_callers = False
            await self._all([self._remove(each.identity) for each in self._agents])
        # Whoever is not there has hung up, or was moved by a worker that is gone.
        with contextlib.suppress(Gone):
            await self._move_from(other)
        self._fall_silent()
        self._take_voices_back()

    async def _move_from(self, other: "_WithHuman") -> None:
        give_up_at = time.monotonic() + TRIED_FOR_S
        while not self.caller_is_gone:
            try:
                async with our_errors():
                    await other.move_human(self._room_name)
                    await asyncio.wait_for(self._human_comes(), MOVED_WITHIN_S)
                return
            except LiveKitAway as error:
                if self.is_lost or other.is_lost:
                    raise
                if time.monotonic() > give_up_at:
                    raise NotMoved from error
            await asyncio.sleep(TRIED_EVERY_S)

    async def _human_comes(self) -> None:
        while not self.has_human:
            await self.changed.wait()
            self.changed.clear()


class _WithHuman(Desk):
    """The human's own room. An agent that LiveKit sends to every new room is put out of it."""

    _guards_human = False

    async def move_human(self, destination_room: str) -> None:
        """Raises what the library does, NOT_FOUND when the human is not there."""
        # The open server, for one, does not say of whom it should move that they are not there.
        await self._client.room.get_participant(
            api.RoomParticipantIdentity(room=self._room_name, identity=self._human)
        )
        await self._client.room.move_participant(
            api.MoveParticipantRequest(
                room=self._room_name, identity=self._human, destination_room=destination_room
            )
        )

    async def _guard_human(self) -> None:
        others = self.room.remote_participants.keys() - {self._human}
        await self._all([self._remove(each) for each in others])
