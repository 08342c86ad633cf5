"""Handing a caller over to a human: what a transfer asks of LiveKit, and the two ways to do it.

Gated: all are in the caller's room, and kept apart there. Any LiveKit can do that (`desk`).
Moved: the human is told of the call in a room of their own, and moved from it into the caller's.
LiveKit Cloud can do that (`moving_desk`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from django.conf import settings

from anyreach.gateways.livekit import desk, moving_desk
from anyreach.gateways.livekit.server import LiveKitAway, is_live
from anyreach.gateways.livekit.words import LeaveReason
from anyreach.gateways.sound import Sound

# By address, what LiveKit has said there of whether it moves participants.
_moves: dict[str, bool] = {}


class Handover(Protocol):
    """We ourselves, between a caller, their agent and a human. `changed` says when to look anew.

    Every method raises LiveKitAway.
    """

    @property
    def changed(self) -> asyncio.Event: ...

    @property
    def closed(self) -> LeaveReason | None:
        """Why we are out, for good."""

    @property
    def is_lost(self) -> bool:
        """Whether we have lost LiveKit: another is to be opened in our place."""

    @property
    def has_caller(self) -> bool: ...

    @property
    def has_human(self) -> bool: ...

    @property
    def caller_is_gone(self) -> bool:
        """Whether no caller is there, nor on their way back into the room."""

    @property
    def human_is_gone(self) -> bool: ...

    @property
    def awaits_agent(self) -> bool:
        """Whether the agent is away, and not for so long that they will not come back."""

    @property
    def has_agent(self) -> bool: ...

    @property
    def has_seen_agent(self) -> bool:
        """Whether an agent is there, or was."""

    @property
    def human_rings(self) -> bool: ...

    @property
    def human_answered(self) -> bool: ...

    @property
    def pressed(self) -> Sequence[str]:
        """The human's digits."""

    async def hold(self, music: Sound | None) -> None:
        """Let caller and agent hear each other no more, and only the callers `music`, on and on."""

    async def release(self) -> None:
        """Let caller and agent hear each other again, and nothing of ours."""

    async def obstacle(self) -> str | None:
        """Return what of LiveKit would keep us from bridging, in a sentence; None: nothing."""

    async def dial(
        self, destination: str, *, sip_trunk_id: str, shown_number: str, ringing_timeout_s: int
    ) -> None:
        """Call the human, until they answer. Raises NotReached."""

    async def brief_may_be_heard(self) -> None:
        """Let the human, who has answered, hear our voice for them, and nothing else."""

    async def play_to_human(self, brief: Sound, *, pause_s: float) -> None:
        """Say `brief` again and again, to be heard by the human only."""

    async def bridge(self) -> None:
        """Let human and caller hear each other, and put the agents out. May be done again.

        Raises NotMoved.
        """

    async def put_human_out(self) -> None: ...

    async def tell_agents(self, message: dict[str, str]) -> None: ...

    async def close_room(self) -> None:
        """End the call."""


@asynccontextmanager
async def opened(
    room: str, *, identity: str, human: str, supervisor_room: str, is_first: bool = True
) -> AsyncIterator[Handover]:
    """Join `room` as `identity`, for the telephone `human`; one that is there already makes way.

    Unless it `is_first`, those of an earlier one may still be on their way back into the room:
    LiveKit's clients come one by one after it was restarted, and we are not to be the first.

    Only where LiveKit moves participants, the human is called into `supervisor_room`:
    TRANSFER_STRATEGY decides, or what LiveKit answers. A token of ours wakes a room that is gone:
    ask the server before. Raises LiveKitAway.
    """
    if not is_first and not await is_live(room):
        raise LiveKitAway
    url, strategy = settings.LIVEKIT_URL, settings.TRANSFER_STRATEGY
    moves = _moves.get(url) if strategy == "auto" else strategy == "move"
    if not moves:
        async with desk.opened(room, identity=identity, human=human, is_first=is_first) as gated:
            if moves is None:
                moves = _moves[url] = await gated.can_move()
            if not moves:
                yield gated
                return
    async with moving_desk.opened(
        room,
        identity=identity,
        human=human,
        supervisor_room=supervisor_room,
        is_first=is_first,
    ) as moving:
        yield moving
