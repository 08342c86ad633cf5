"""A web caller for the agent beside: begins a call through AnyReach's API and hums its part.

python caller.py, with an admin's key (see core.py). It prints the conversation's id.
"""

import asyncio

import numpy as np
from core import ask
from livekit import rtc

RATE = 48_000


def agent_id() -> str:
    """Return AnyReach's id of the agent that is dispatched as "refund-desk"; list it if need be."""
    for agent in ask("agents"):
        if agent["dispatch_name"] == "refund-desk":
            return str(agent["id"])
    agent = ask("agents", {"name": "Refund desk (example)", "dispatch_name": "refund-desk"})
    return str(agent["id"])


class Caller:
    def __init__(self) -> None:
        self.room = rtc.Room()
        self._sound = rtc.AudioSource(RATE, 1, queue_size_ms=10_000)
        self._states: asyncio.Queue[str] = asyncio.Queue()
        self._over = asyncio.Event()
        self.room.on("participant_attributes_changed", self._on_attributes)
        self.room.on("participant_disconnected", self._on_left)
        self.room.on("disconnected", lambda _: self._over.set())

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if state := changed.get("lk.agent.state"):
            self._states.put_nowait(state)

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if "lk.agent.state" in participant.attributes:
            self._states.put_nowait("gone")

    async def call(self, url: str, token: str) -> None:
        await self.room.connect(url, token)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._sound)
        microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, microphone)

    async def agent_is(self, *states: str) -> str:
        while (state := await self._states.get()) not in states:
            pass
        return state

    async def call_ends(self) -> None:
        await self._over.wait()

    async def hum(self, seconds: float) -> None:
        at = np.arange(int(RATE * seconds)) / RATE
        samples = (np.sin(2 * np.pi * 440 * at) * 8000).astype(np.int16)
        frame = rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples))
        await self._sound.capture_frame(frame)


async def main() -> None:
    body = {"channel": "webrtc", "user_id": "guest_example", "agent_id": agent_id()}
    made = ask("conversations", body)
    print(made["conversation"]["id"], flush=True)
    caller = Caller()
    await caller.call(made["join"]["url"], made["join"]["token"])
    await caller.agent_is("speaking")
    for seconds in (2.2, 1.2):
        await caller.agent_is("listening")
        await caller.hum(seconds)
        await caller.agent_is("speaking")
    # The agent has much to say now, and is interrupted.
    await asyncio.sleep(1.5)
    await caller.hum(1.0)
    await caller.agent_is("speaking")
    await caller.agent_is("listening")
    # A human is asked for: the agent begs for a moment, and is back if none takes the call.
    await caller.hum(1.4)
    await caller.agent_is("speaking")
    if await caller.agent_is("speaking", "gone") == "gone":
        await caller.call_ends()
        return
    await caller.agent_is("listening")
    await caller.hum(1.0)
    await caller.agent_is("speaking")
    await caller.agent_is("listening")
    await caller.room.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
