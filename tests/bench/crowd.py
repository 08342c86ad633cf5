"""Many listeners in a process of their own, so that they do not slow down whom they listen to.

Reads listener tokens from its standard input, one a line; says "in" once all have joined, and a
line with the time (time.time()) and the reason whenever one is out.
"""

import asyncio
import os
import sys
import time

from livekit import rtc


async def listen(url: str, token: str) -> rtc.Room:
    room = rtc.Room()
    room.on("disconnected", lambda reason: print("out", time.time(), reason, flush=True))
    await room.connect(url, token)
    return room


async def main() -> None:
    tokens = sys.stdin.read().split()
    rooms = [await listen(os.environ["LIVEKIT_URL"], token) for token in tokens]
    print("in", flush=True)
    await asyncio.Event().wait()
    del rooms


if __name__ == "__main__":
    asyncio.run(main())
