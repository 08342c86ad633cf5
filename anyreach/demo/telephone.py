"""A telephone call that the demo's agent answers and has transferred to a human.

Both telephones are softphones, and nothing between them is played: LiveKit's SIP service, the
transfer and who hears what are as with any telephone.
"""

import asyncio
import contextlib
import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
import uuid
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from asgiref.sync import async_to_sync, sync_to_async
from livekit import api, rtc

from anyreach.demo import player
from anyreach.demo.player import BrokenOff, Call, Line, Party
from anyreach.demo.scripts import HANDOVER, TRANSFER, Human, Say, Tool
from anyreach.gateways.livekit.server import list_participants, server
from anyreach.gateways.livekit.words import Kind
from anyreach.organizations.models import Organization
from anyreach.stack import ports
from anyreach.stack.softphone import RATE, Samples, Softphone
from conversations.models import TERMINAL, PhoneNumber
from conversations.phones import trunks

CALLER_NUMBER = "+15550160042"
FIRST_PORT = 5070
LOOK_EVERY_S = 0.2
RINGS_S = 2.0
TIMEOUT_S = 10
PLAYED_WITHIN_S = 180
# After a voice the file goes on in silence: baresip ends with it.
SILENCE_S = 90
# Between the brief and its repetition it is silent for longer.
PAUSE_S = 1.2
LOUD = 500
STEPS = {
    "holding": "The caller is on hold, and hears music.",
    "dialling": "The human is called.",
    "ringing": "The human's telephone rings.",
    "briefing": "The human has answered, and hears the brief.",
    "bridged": "The human has pressed 1: the two are on the line, the agent is out.",
}


class Program:
    """AnyReach's API, as an agent's own program calls it. `access` is what demo.json holds."""

    def __init__(self, access: Mapping[str, Any]) -> None:
        self._address = access["url"].replace("localhost", "127.0.0.1")
        self._key = access["api_key"]

    async def get(self, path: str) -> Any:
        return await asyncio.to_thread(self._ask, path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await asyncio.to_thread(self._ask, path, json.dumps(body).encode())

    def _ask(self, path: str, body: bytes | None) -> Any:
        """Raises BrokenOff."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        url = f"{self._address}/core/conversations{path}"
        request = urllib.request.Request(url, body, headers)  # noqa: S310 - http, our own
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except OSError as error:
            raise BrokenOff from error


class OnThePhone(Party):
    """The caller, for whom LiveKit's SIP service is in the room. Their voice is a softphone's."""

    def __init__(self, phone: Softphone) -> None:
        super().__init__(phone.number, sounds=False)
        self._phone = phone

    async def say(self, sound: Path, *, for_s: float) -> None:
        say(self._phone, sound)

    async def leave(self) -> None:
        self._phone.hang_up()


class PhoneCall(Call):
    """HANDOVER, from one telephone to the agent, and from there to another telephone."""

    def __init__(
        self,
        line: Line,
        *,
        phone: Softphone,
        human: Softphone,
        sip_port: int,
        program: Program,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(HANDOVER, line)
        self.caller = OnThePhone(phone)
        self.conversation_id = ""
        self._phone, self._human, self._sip_port = phone, human, sip_port
        self._program, self._step = program, tell
        self._is_taken = False

    async def _begin(self) -> None:
        self._step("A telephone calls the agent's number.")
        self._phone.dial(self.line.dialled, sip_port=self._sip_port)
        while not (caller := await self._who_calls()):
            await asyncio.sleep(LOOK_EVERY_S)
        await self.agent.join(self.line.room, kind="agent")
        self.caller.identity = caller
        while not (tracks := self._tracks_of(caller)):
            await asyncio.sleep(LOOK_EVERY_S)
        (self.caller.track_sid,) = tracks
        self._step("The agent has answered.")

    async def _who_calls(self) -> str | None:
        present = await sync_to_async(list_participants)(self.line.room)
        return next((each.identity for each in present if each.kind == Kind.SIP), None)

    def _tracks_of(self, identity: str) -> list[str]:
        there: rtc.RemoteParticipant | None = self.agent.room.remote_participants.get(identity)
        return list(there.track_publications) if there else []

    async def _perform(self, part: Say | Tool) -> None:
        if isinstance(part, Tool) and part.name == TRANSFER:
            await self._be_transferred(part)
        elif isinstance(part, Say) and self._is_taken:
            # The agent is gone, and with it whoever wrote down what is said.
            await asyncio.sleep(part.pause_s)
            sound = self._sounds[id(part)]
            say(self._human if isinstance(part, Human) else self._phone, sound)
            await asyncio.sleep(player.duration_s(sound))
        else:
            await super()._perform(part)

    async def _talk(self) -> None:
        await super()._talk()
        self._human.hang_up()
        self._step("The human hangs up.")
        while (conversation := await self._conversation())["status"] not in TERMINAL:
            await asyncio.sleep(LOOK_EVERY_S)
        self._step(f"The conversation is {conversation['status']}: {conversation['end_reason']}")

    async def _be_transferred(self, tool: Tool) -> None:
        path = "/{id}/warm-transfer".format(**await self._conversation())
        self._step("The agent asks for a transfer.")
        transfer = await self._program.post(path, tool.arguments)
        using, answering = asyncio.create_task(self._use(tool)), asyncio.create_task(self._answer())
        reached = 0
        try:
            while not transfer["finished_at"]:
                await asyncio.sleep(LOOK_EVERY_S)
                transfer = await self._program.get(f"{path}/{transfer['id']}")
                # Some last for less than it takes to look again.
                steps = [
                    sentence
                    for step, sentence in STEPS.items()
                    if transfer["status"] == step or transfer.get(f"{step}_at")
                ]
                for sentence in steps[reached:]:
                    self._step(sentence)
                reached = len(steps)
        finally:
            for task in (using, answering):
                task.cancel()
        self._is_taken = transfer["status"] == "bridged"
        if not self._is_taken:
            raise BrokenOff(transfer["reason"])

    async def _answer(self) -> None:
        """Be the human: let it ring, answer, hear the brief to its end, and press 1."""
        while not self._human.calls:
            await asyncio.sleep(LOOK_EVERY_S)
        await asyncio.sleep(RINGS_S)
        self._human.answer()
        while not ends(self._human.heard):
            await asyncio.sleep(LOOK_EVERY_S)
        self._human.press("1")

    async def _conversation(self) -> Any:
        if self.conversation_id:
            return await self._program.get(f"/{self.conversation_id}")
        number = urllib.parse.quote(CALLER_NUMBER)
        while True:
            found = await self._program.get(f"?status=in_progress&user_id={number}&limit=1")
            if found:
                self.conversation_id = found[0]["id"]
                return found[0]
            await asyncio.sleep(LOOK_EVERY_S)


def play(
    access: Mapping[str, Any], *, folder: Path, sip_port: int, tell: Callable[[str], None]
) -> tuple[str, list[Path]]:
    """Play the call, telling each step. Raises BrokenOff, PhonesFailed, LiveKitAway.

    Returns the conversation's id, and files with the caller's and the human's side of it: left
    is what they heard, right what they said. `folder` is made anew.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    silence = folder / "silence.wav"
    write_voice(silence, np.zeros(0, dtype=np.int16))
    organization = Organization.objects.get(slug=access["organization"])
    number = PhoneNumber.objects.get(organization=organization, agent__name=HANDOVER.agent).number
    human_number = next(
        str(part.arguments["transfer_number"])
        for part in HANDOVER.lines
        if isinstance(part, Tool) and part.name == TRANSFER
    )
    phone = softphone(folder / "caller", CALLER_NUMBER, silence, port=FIRST_PORT)
    human = softphone(folder / "human", human_number, silence, port=FIRST_PORT + 100)
    room = f"call-{uuid.uuid4().hex[:12]}"
    trunk_id = async_to_sync(connect)(number, room=room, human=human)
    trunks.keep(
        organization,
        data={
            "sip_trunk_id": trunk_id,
            "number": number,
            "transfer_destinations": [human_number],
        },
    )
    line = Line(room=room, caller=CALLER_NUMBER, phone=CALLER_NUMBER, dialled=number)

    async def call() -> str:
        # LiveKit's library takes the event loop in which a party is made.
        made = PhoneCall(
            line,
            phone=phone,
            human=human,
            sip_port=sip_port,
            program=Program(access),
            tell=tell,
        )
        try:
            async with asyncio.timeout(PLAYED_WITHIN_S):
                await made.play()
        except TimeoutError as error:
            raise BrokenOff("It came to no end.") from error
        return made.conversation_id

    with contextlib.ExitStack() as stack:
        for each in (phone, human):
            stack.callback(each.stop)
            each.start()
        conversation_id = asyncio.run(call())
        files = [write_side(folder / f"{each.folder.name}.wav", each) for each in (phone, human)]
    return conversation_id, files


def softphone(folder: Path, number: str, voice: Path, *, port: int) -> Softphone:
    # By itself baresip takes the port after the first, for TLS.
    sip, control, rtp = (ports.choose(port + each, "a softphone") for each in (0, 2, 4))
    return Softphone(folder, number, voice, sip_port=sip, control_port=control, rtp_port=rtp)


async def connect(number: str, *, room: str, human: Softphone) -> str:
    """Have LiveKit take calls to `number` into `room`; return a trunk that leads to `human`."""
    inbound = api.SIPInboundTrunkInfo(name="demo", numbers=[number])
    into_room = api.SIPDispatchRule(dispatch_rule_direct=api.SIPDispatchRuleDirect(room_name=room))
    outbound = api.SIPOutboundTrunkInfo(
        name="demo", address=f"127.0.0.1:{human.sip_port}", numbers=[number]
    )
    async with server() as client:
        made = await client.sip.create_inbound_trunk(
            api.CreateSIPInboundTrunkRequest(trunk=inbound)
        )
        rule = api.SIPDispatchRuleInfo(name="demo", rule=into_room, trunk_ids=[made.sip_trunk_id])
        await client.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=rule))
        trunk = await client.sip.create_outbound_trunk(
            api.CreateSIPOutboundTrunkRequest(trunk=outbound)
        )
    return str(trunk.sip_trunk_id)


# --- Sound -----------------------------------------------------------------------------------


def say(phone: Softphone, sound: Path) -> None:
    voice = phone.folder / f"{sound.stem}.wav"
    write_voice(voice, for_telephones(player.load(sound)))
    phone.say(voice)


def for_telephones(samples: Samples) -> Samples:
    """Return the demo's sound with as many samples as a telephone has, without what is too high."""
    step = player.RATE // RATE
    taps = np.sinc(np.arange(-16, 17) / step * 0.9) * np.hamming(33)
    low = np.convolve(samples, taps / taps.sum(), mode="same")[::step]
    return low.clip(-32_768, 32_767).astype(np.int16)


def write_voice(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes() + bytes(2 * RATE * SILENCE_S))


def write_side(path: Path, phone: Softphone) -> Path:
    heard, said = phone.heard, phone.said
    sides = np.zeros((max(len(heard), len(said)), 2), dtype=np.int16)
    sides[: len(heard), 0], sides[: len(said), 1] = heard, said
    soundfile.write(path, sides, RATE)
    return path


def ends(samples: Samples) -> bool:
    """Whether something was said, and nothing since PAUSE_S."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > LOUD)
    return bool(len(loud)) and len(samples) - int(loud[-1]) > PAUSE_S * RATE
