"""A desk between caller and human in one room: who of them hears what, while one is handed over.

LiveKit's open server cannot move participants, so both are in the caller's room, and are kept
apart there by subscriptions and by muting. All of that is kept by the server: a desk that dies
opens nothing.
"""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from livekit import api, rtc
from livekit.rtc.participant import PublishDataError, PublishTrackError

from anyreach.gateways.livekit.own_events import only_its_own
from anyreach.gateways.livekit.phones import dial, ears_of, mouth_of
from anyreach.gateways.livekit.room import join, leave
from anyreach.gateways.livekit.server import Gone, LiveKitAway, is_decided, our_errors, server
from anyreach.gateways.livekit.tokens import DESK_ATTRIBUTE, desk_token
from anyreach.gateways.livekit.words import KINDS, Kind, LeaveReason
from anyreach.gateways.sound import Sound

# Each frame costs a worker the same, however long it is.
FRAME_S = 0.1
# What is not yet sent when a voice is to fall silent.
QUEUE_MS = 200
# A client may ask for a new track just after we have refused it: only then it stays refused.
AGAIN_AFTER_S = 0.05
# Longer than a telephone takes to ask for a track that is new in the room.
ASKED_FOR_WITHIN_S = 0.5
# To give somebody a track takes LiveKit's server 150 ms longer when it has just taken one from them
# (`negotiationFrequency` of its pkg/rtc/transport.go). So what they are to hear now comes first.
HEARD_WITHIN_S = 0.3
LOOK_EVERY_S = 1.0
TOPIC = "anyreach.transfer"
# An agent without the method says so at once.
TOLD_WITHIN_S = 2.0
UNANSWERED = {
    rtc.RpcError.ErrorCode.CONNECTION_TIMEOUT,
    rtc.RpcError.ErrorCode.RESPONSE_TIMEOUT,
    rtc.RpcError.ErrorCode.RECIPIENT_DISCONNECTED,
    rtc.RpcError.ErrorCode.RECIPIENT_NOT_FOUND,
    rtc.RpcError.ErrorCode.SEND_FAILED,
}
# LiveKit's clients come back within it, one by one, after LiveKit was restarted.
RETURN_WITHIN_S = 15.0
# How the open server's answer to MoveParticipant ends, under the code of every unnamed error.
NOT_IMPLEMENTED = "not implemented"


@asynccontextmanager
async def opened(
    room: str, *, identity: str, human: str, is_first: bool = True
) -> AsyncIterator["Desk"]:
    """Join `room` as `identity`, for the telephone `human`; one that is there already makes way.

    Unless it `is_first`, those of an earlier desk may still be on their way back into the room.

    A token of ours wakes a room that is gone: ask the server before. Raises LiveKitAway.
    """
    async with server() as client:
        desk = Desk(client, room, human=human, is_first=is_first)
        try:
            await desk.join(identity)
            yield desk
        finally:
            await desk.leave()


class Desk:
    """One joined room. What its participants do can be read here; `changed` says when to.

    One that has lost LiveKit is of no more use: LiveKit may know nothing of it when it is back.
    """

    # Whether the human is in the room already and must be kept apart.
    _guards_human = True

    def __init__(
        self, client: api.LiveKitAPI, room_name: str, *, human: str, is_first: bool
    ) -> None:
        self.room = rtc.Room()
        self.changed = asyncio.Event()
        self.pressed: list[str] = []
        self.closed: LeaveReason | None = None
        self.is_lost = False
        self._client, self._room_name, self._human = client, room_name, human
        self._holds_agents, self._holds_callers = False, False
        self._human_may_hear = False
        self._human_deaf_until = 0.0
        self._is_first = is_first
        self._had_caller = self._had_human = self._had_agent = False
        self._others_return_by, self._agent_returns_by = math.inf, 0.0
        self._separating: asyncio.Task[None] | None = None
        self._refusing: set[asyncio.Task[None]] = set()
        self._unsettled = asyncio.Event()
        # Lest what was refused before an order is sent after it. Whoever is just leaving is
        # answered for late: that must not keep the others waiting.
        self._ordering_call, self._ordering_human = asyncio.Lock(), asyncio.Lock()
        self._callers_may_hear_all = False
        self._voices: dict[str, rtc.LocalTrackPublication] = {}
        self._playing: dict[str, asyncio.Task[None]] = {}
        self.room.on("participant_connected", self._on_change)
        self.room.on("track_published", self._on_track)
        self.room.on("participant_attributes_changed", self._on_attributes)
        self.room.on("participant_disconnected", self._on_gone)
        self.room.on("sip_dtmf_received", self._on_digit)
        self.room.on("reconnecting", self._on_lost)
        self.room.on("disconnected", self._on_closed)

    async def join(self, identity: str) -> None:
        """Join as `identity`, and keep apart from now on whom this desk was told to."""
        await join(self.room, desk_token(room=self._room_name, identity=identity))
        only_its_own(self.room)
        if self._is_first:
            self._others_return_by = 0.0
        else:
            self._others_may_return()
        self._see_who_is_there()
        self._allow()
        self._separating = asyncio.create_task(self._keep_separate())

    # --- Who is there --------------------------------------------------------------------------

    @property
    def has_caller(self) -> bool:
        return bool(self._callers)

    @property
    def has_human(self) -> bool:
        return self._human_there is not None

    @property
    def caller_is_gone(self) -> bool:
        """Whether no caller is there, nor on their way back into the room."""
        return self._is_gone(there=self.has_caller, seen=self._had_caller)

    @property
    def human_is_gone(self) -> bool:
        return self._is_gone(there=self.has_human, seen=self._had_human)

    def _is_gone(self, *, there: bool, seen: bool) -> bool:
        return (
            not there and not self.is_lost and (seen or time.monotonic() > self._others_return_by)
        )

    @property
    def awaits_agent(self) -> bool:
        """Whether the agent is away, and not for so long that they will not come back."""
        return not self._agents and time.monotonic() < self._agent_returns_by

    @property
    def has_agent(self) -> bool:
        return bool(self._agents)

    @property
    def has_seen_agent(self) -> bool:
        """Whether an agent is there, or was."""
        return self._had_agent

    @property
    def human_rings(self) -> bool:
        return self._call_status == "ringing"

    @property
    def human_answered(self) -> bool:
        return self._call_status == "active"

    @property
    def _call_status(self) -> str:
        human = self._human_there
        return human.attributes.get("sip.callStatus", "") if human else ""

    @property
    def _human_there(self) -> rtc.RemoteParticipant | None:
        return self.room.remote_participants.get(self._human)

    @property
    def _callers(self) -> list[rtc.RemoteParticipant]:
        kinds = (Kind.STANDARD, Kind.SIP)
        return [each for each in self._of_kinds(*kinds) if each.identity != self._human]

    @property
    def _agents(self) -> list[rtc.RemoteParticipant]:
        agents = self._of_kinds(Kind.AGENT)
        return [each for each in agents if DESK_ATTRIBUTE not in each.attributes]

    def _of_kinds(self, *kinds: Kind) -> list[rtc.RemoteParticipant]:
        others = self.room.remote_participants.values()
        return [each for each in others if KINDS.get(each.kind) in kinds]

    # --- Who hears whom ------------------------------------------------------------------------

    async def hold(self, music: Sound | None) -> None:
        """Let caller and agent hear each other no more, and only the callers `music`, on and on.

        The callers hear their agent until they have it.
        """
        self._holds_agents, self._holds_callers = True, music is None
        parting = self._keep_apart()
        if music is None:
            await parting
            return
        await asyncio.gather(parting, self._play_to_callers(music))
        self._holds_callers = True
        await self._keep_apart()

    async def release(self) -> None:
        """Let caller and agent hear each other again, and nothing of ours."""
        self._fall_silent()
        async with self._ordering_call:
            self._holds_agents = self._holds_callers = False
            agents = self._agents
            await self._all(
                [self._subscribe(each, agents) for each in self._callers]
                + [self._permit_agent(each, can_subscribe=True) for each in agents]
            )
        self._take_voices_back()

    async def obstacle(self) -> str | None:
        """Return what of LiveKit (`enable_remote_unmute`) would keep us from bridging, if any."""
        ours = self.room.local_participant.identity
        try:
            async with our_errors():
                await self._client.room.mute_published_track(
                    mouth_of(self._room_name, ours, "", muted=False)
                )
        except LiveKitAway as error:
            refusal = error.__cause__
            if getattr(refusal, "code", None) == api.ServerErrorCode.FAILED_PRECONDITION:
                return "LiveKit does not allow remote unmuting."
            raise
        return None

    async def can_move(self) -> bool:
        """Whether LiveKit can move participants into another room. Raises LiveKitAway."""
        ours = self.room.local_participant.identity
        # Asked for ourselves: of whom is not there the open server says only that nobody answers.
        # There is no room without a name, so nobody goes anywhere.
        nowhere = api.MoveParticipantRequest(
            room=self._room_name, identity=ours, destination_room=""
        )
        async with our_errors():
            try:
                await self._client.room.move_participant(nowhere)
            except api.ServerError as error:
                if error.code == api.ServerErrorCode.UNIMPLEMENTED or error.message.endswith(
                    NOT_IMPLEMENTED
                ):
                    return False
                if not is_decided(error):
                    raise
        return True

    async def dial(
        self, destination: str, *, sip_trunk_id: str, shown_number: str, ringing_timeout_s: int
    ) -> None:
        """Call the human, as phones.dial does."""
        await dial(
            room=self._room_name,
            identity=self._human,
            sip_trunk_id=sip_trunk_id,
            destination=destination,
            shown_number=shown_number,
            ringing_timeout_s=ringing_timeout_s,
            deaf_for_half_a_second=True,
        )

    async def brief_may_be_heard(self) -> None:
        """Let the human hear our voice for them, and nothing else.

        To be called when their telephone has answered and has asked for all tracks (phones.dial
        has returned): before, it would get those whatever we had refused.
        """
        async with self._ordering_human:
            self._human_may_hear = True
            await self._all([self._fit_ears()])

    async def bridge(self) -> None:
        """Let human and caller hear each other, and put the agents out."""
        self._fall_silent()
        async with self._ordering_call, self._ordering_human:
            self._holds_agents = self._holds_callers = self._guards_human = False
            if self._refusing:
                await asyncio.wait(self._refusing)
            human = self._human_there
            if human is None:
                return
            await self._all(
                [
                    *self._mutings(human, muted=False),
                    self._permit_human(can_subscribe=True),
                    self._subscribe(human, self._callers),
                    *(self._remove(each.identity) for each in self._agents),
                ]
            )
        self._take_voices_back()

    async def put_human_out(self) -> None:
        await self._all([self._remove(self._human)])

    async def close_room(self) -> None:
        request = api.DeleteRoomRequest(room=self._room_name)
        await self._all([self._client.room.delete_room(request)])

    async def tell_agents(self, message: dict[str, str]) -> None:
        """Tell the agents `message`: as data on TOPIC, and by their RPC method of that name.

        Raises LiveKitAway when it was lost before they answered: it may not have reached them.
        """
        agents = [each.identity for each in self._agents]
        if not agents:
            return
        payload = json.dumps(message)
        answers = [self._call_method(each, payload) for each in agents]
        reached = await asyncio.gather(self._send(agents, payload), *answers)
        if self.is_lost and not all(reached):
            raise LiveKitAway

    async def _send(self, agents: list[str], payload: str) -> bool:
        sending = self.room.local_participant.publish_data(
            payload, destination_identities=agents, topic=TOPIC
        )
        with contextlib.suppress(PublishDataError, TimeoutError):
            await asyncio.wait_for(sending, TOLD_WITHIN_S)
            return True
        return False

    async def _call_method(self, agent: str, payload: str) -> bool:
        """Return whether the agent answered. Not every one has the method, and says so."""
        call = self.room.local_participant.perform_rpc(
            destination_identity=agent, method=TOPIC, payload=payload
        )
        try:
            # What they do of it takes its time.
            await asyncio.wait_for(call, TOLD_WITHIN_S)
        except rtc.RpcError as error:
            return error.code not in UNANSWERED
        except TimeoutError:
            return False
        return True

    async def _keep_separate(self) -> None:
        """Refuse again and again what must not be heard: tracks and participants come anew."""
        while True:
            is_new = self._unsettled.is_set()
            self._unsettled.clear()
            with contextlib.suppress(LiveKitAway):  # it stays as it was
                await asyncio.gather(self._keep_apart(), self._guard_human())
            pause_s = AGAIN_AFTER_S if is_new or self._human_is_deaf else LOOK_EVERY_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._unsettled.wait(), pause_s)

    async def _keep_apart(self) -> None:
        async with self._ordering_call:
            agents = self._agents if self._holds_agents else []
            callers = self._callers if self._holds_callers else []
            await self._all(
                [self._subscribe(each, agents, subscribe=False) for each in callers]
                + [self._permit_agent(each, can_subscribe=False) for each in agents]
            )

    async def _guard_human(self) -> None:
        async with self._ordering_human:
            human = self._human_there
            if human and self._guards_human:
                await self._all([*self._mutings(human, muted=True), self._fit_ears()])

    async def _refuse_human(self) -> None:
        with contextlib.suppress(LiveKitAway):  # asked again, with all else
            await self._all([self._permit_human(can_subscribe=False), self._unsubscribe_human()])

    async def _mute_human(self) -> None:
        with contextlib.suppress(LiveKitAway):  # asked again, with all else
            if human := self._human_there:
                await self._all(self._mutings(human, muted=True))

    async def _fit_ears(self) -> None:
        """Let the human hear our voice; nothing at all while they may be asking for another's.

        What LiveKit is just giving them it goes on giving, whatever they may: it is taken, too.
        """
        if self._human_may_hear:
            await self._unsubscribe_human()
        # Asked anew: another's track may have come meanwhile.
        hears = self._human_may_hear and not self._human_is_deaf
        await self._permit_human(can_subscribe=hears)

    @property
    def _human_is_deaf(self) -> bool:
        return time.monotonic() < self._human_deaf_until

    async def _unsubscribe_human(self) -> None:
        human = self._human_there
        if human:
            await self._subscribe(human, [*self._callers, *self._agents], subscribe=False)

    def _mutings(self, human: rtc.RemoteParticipant, *, muted: bool) -> list[Awaitable[Any]]:
        return [
            self._client.room.mute_published_track(
                mouth_of(self._room_name, human.identity, sid, muted=muted)
            )
            for sid in human.track_publications
        ]

    async def _permit_human(self, *, can_subscribe: bool) -> None:
        await self._client.room.update_participant(
            ears_of(self._room_name, self._human, can_subscribe=can_subscribe)
        )

    async def _permit_agent(self, agent: rtc.RemoteParticipant, *, can_subscribe: bool) -> None:
        """By permission: tracks that come later are refused with it, and granted with it."""
        room, identity = self._room_name, agent.identity
        who = api.RoomParticipantIdentity(room=room, identity=identity)
        permission = (await self._client.room.get_participant(who)).permission
        permission.can_subscribe = can_subscribe
        await self._client.room.update_participant(
            api.UpdateParticipantRequest(room=room, identity=identity, permission=permission)
        )

    async def _subscribe(
        self,
        listener: rtc.RemoteParticipant,
        speakers: Iterable[rtc.RemoteParticipant],
        *,
        subscribe: bool = True,
    ) -> None:
        sids = [sid for each in speakers for sid in each.track_publications]
        if sids:
            await self._client.room.update_subscriptions(
                api.UpdateSubscriptionsRequest(
                    room=self._room_name,
                    identity=listener.identity,
                    track_sids=sids,
                    subscribe=subscribe,
                )
            )

    async def _remove(self, identity: str) -> None:
        await self._client.room.remove_participant(
            api.RoomParticipantIdentity(room=self._room_name, identity=identity)
        )

    async def _all(self, requests: Iterable[Awaitable[Any]]) -> None:
        """Do all at once; who is gone by then is let be. Raises LiveKitAway, all tried."""

        async def one(request: Awaitable[Any]) -> None:
            with contextlib.suppress(Gone):
                async with our_errors():
                    await request

        outcomes = await asyncio.gather(*map(one, requests), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    # --- What we play --------------------------------------------------------------------------

    async def _play_to_callers(self, music: Sound) -> None:
        """They have it on return, or much is amiss.

        Until then they may hear all of ours, which is that alone: a track that is named only once
        it is there reaches them 40 ms later.
        """
        self._callers_may_hear_all = True
        self._allow()
        try:
            await self._speak("hold", music, pause_s=0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._voices["hold"].wait_for_subscription(), HEARD_WITHIN_S)
        finally:
            # Long before there is a brief: the library orders what it is asked for as it likes.
            self._callers_may_hear_all = False
            self._allow()

    async def play_to_human(self, brief: Sound, *, pause_s: float) -> None:
        """Say `brief` again and again, to be heard by the human only, once they may hear."""
        await self._speak("brief", brief, pause_s=pause_s)
        self._allow()

    async def _speak(self, name: str, sound: Sound, *, pause_s: float) -> None:
        source = rtc.AudioSource(sound.rate, 1, queue_size_ms=QUEUE_MS)
        track = rtc.LocalAudioTrack.create_audio_track(name, source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
        try:
            self._voices[name] = await self.room.local_participant.publish_track(track, options)
        except PublishTrackError as error:  # LiveKit has not answered for ten seconds
            raise LiveKitAway from error
        self._playing[name] = asyncio.create_task(_play(source, sound, pause_s=pause_s))

    def _allow(self) -> None:
        """Name who may hear which of our tracks. Whoever is not named hears none."""
        permissions = [
            self._permission(each, "hold", hears_all=self._callers_may_hear_all)
            for each in self._callers
        ]
        if human := self._human_there:
            permissions.append(self._permission(human, "brief"))
        self.room.local_participant.set_track_subscription_permissions(
            allow_all_participants=False, participant_permissions=permissions
        )

    def _permission(
        self, listener: rtc.RemoteParticipant, voice: str, *, hears_all: bool = False
    ) -> rtc.ParticipantTrackPermission:
        sids = [self._voices[voice].sid] if voice in self._voices else []
        return rtc.ParticipantTrackPermission(
            participant_identity=listener.identity, allow_all=hears_all, allowed_track_sids=sids
        )

    def _fall_silent(self) -> None:
        for playing in self._playing.values():
            playing.cancel()
        self._playing.clear()

    def _take_voices_back(self) -> None:
        self._voices.clear()
        self._allow()

    async def leave(self) -> None:
        self._fall_silent()
        if self._separating:
            self._separating.cancel()
        await leave(self.room)
        # What a task was ended by holds its frames, and they this desk.
        self._separating = None

    # --- What happens --------------------------------------------------------------------------

    def _on_change(self, *_: object) -> None:
        self._see_who_is_there()
        self._allow()
        self._unsettled.set()
        self.changed.set()

    def _on_gone(self, participant: rtc.RemoteParticipant) -> None:
        if not participant.disconnect_reason:
            # It is we who are out of the room: they have not left it.
            self._others_may_return()
        elif KINDS.get(participant.kind) == Kind.AGENT:
            self._agent_returns_by = time.monotonic() + RETURN_WITHIN_S
        self.changed.set()

    def _others_may_return(self) -> None:
        self._had_caller = self._had_human = False
        self._others_return_by = self._agent_returns_by = time.monotonic() + RETURN_WITHIN_S

    def _see_who_is_there(self) -> None:
        self._had_caller |= self.has_caller
        self._had_human |= self.has_human
        self._had_agent |= bool(self._agents)

    def _on_track(self, _: object, publisher: rtc.RemoteParticipant) -> None:
        is_human = publisher.identity == self._human
        if not is_human:
            self._human_deaf_until = time.monotonic() + ASKED_FOR_WITHIN_S
        if self._guards_human and self.has_human:
            # Ahead of all else that is being ordered: whoever may hear it asks for it now.
            refusing = asyncio.create_task(self._mute_human() if is_human else self._refuse_human())
            self._refusing.add(refusing)
            refusing.add_done_callback(self._refusing.discard)
            refusing.add_done_callback(self._on_change)
        else:
            self._on_change()

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        self.changed.set()

    def _on_digit(self, dtmf: rtc.SipDTMF) -> None:
        if dtmf.participant and dtmf.participant.identity == self._human:
            self.pressed.append(dtmf.digit)
            self.changed.set()

    def _on_lost(self) -> None:
        self.is_lost = True
        self.changed.set()

    def _on_closed(self, reason: int) -> None:
        self.closed = LeaveReason(reason)
        self.changed.set()


async def _play(source: rtc.AudioSource, sound: Sound, *, pause_s: float) -> None:
    size = int(sound.rate * FRAME_S)
    pause = np.zeros(int(sound.rate * pause_s), dtype=np.int16)
    samples = np.concatenate([sound.samples, pause])
    position = 0
    try:
        while True:
            frame = samples.take(np.arange(position, position + size), mode="wrap")
            position = (position + size) % len(samples)
            await source.capture_frame(rtc.AudioFrame(frame.tobytes(), sound.rate, 1, size))
    finally:
        source.clear_queue()
