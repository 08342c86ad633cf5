"""Many listeners in a process of their own, so that they do not slow down whom they listen to.

Reads listener tokens from its standard input, one a line; says "in" once all have joined, and for
each that is put out a line: "out" and when its last audible frame came in (time.time()). Every
tenth decodes the sound; the others, whose decoding would take more than these machines have, say
0 for it.
"""

import asyncio
import os
import sys
import time

import numpy as np
from livekit import rtc

LOUD = 500
HEARING_EVERY = 10


class Listener:
    """One ear that notes when it last heard anything."""

    def __init__(self, *, decodes: bool) -> None:
        self.room = rtc.Room()
        self.last_sound = 0.0
        self.hears = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []
        if decodes:
            self.room.on("track_subscribed", self._follow)
        else:
            self.hears.set()
        self.room.on("disconnected", self._tell)

    def _follow(self, track: rtc.Track, *_: object) -> None:
        self._readers.append(asyncio.create_task(self._read(track)))

    def _tell(self, _reason: object) -> None:
        print("out", self.last_sound, flush=True)

    async def _read(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=8000, num_channels=1):
            if np.abs(np.frombuffer(event.frame.data, np.int16).astype(int)).max() > LOUD:
                self.last_sound = time.time()
                self.hears.set()


async def listen(token: str, *, decodes: bool) -> Listener:
    listener = Listener(decodes=decodes)
    await listener.room.connect(os.environ["LIVEKIT_URL"], token)
    await listener.hears.wait()
    return listener


async def main() -> None:
    tokens = sys.stdin.read().split()
    listeners = [
        await listen(token, decodes=number % HEARING_EVERY == 0)
        for number, token in enumerate(tokens)
    ]
    print("in", flush=True)
    await asyncio.Event().wait()
    del listeners


if __name__ == "__main__":
    asyncio.run(main())
