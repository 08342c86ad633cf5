"""Many calls at once on LiveKit: each is followed by another, until stopped."""

import asyncio
import contextlib
import json
import random
import signal
import uuid
from collections.abc import Iterator

from anyreach.demo.player import BrokenOff, Call, Line

BETWEEN_S = (0.5, 2)
AWAY_WAITS_S = (1, 2, 5, 10, 30)


class Switchboard:
    """Keeps `at_once` calls going, the next of `calls` after each that is over.

    They join one after another: a hundred at once would choke LiveKit, and whoever follows
    them, on a small machine.
    """

    def __init__(self, calls: Iterator[Call], *, at_once: int) -> None:
        self.at_once = at_once
        self.over = self.broken_off = 0
        self._calls = calls
        self._playing: set[Call] = set()
        self._door = asyncio.Lock()

    def live_rooms(self) -> list[str]:
        return [call.line.room for call in self._playing if call.is_live]

    async def run(self, *, for_s: float | None = None) -> None:
        """Play for `for_s` seconds, or until Ctrl-C or SIGTERM. No room of ours is left then."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        async with asyncio.TaskGroup() as group:
            slots = [group.create_task(self._keep_calling()) for _ in range(self.at_once)]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), for_s)
            for slot in slots:
                slot.cancel()

    async def _keep_calling(self) -> None:
        failures = 0
        while True:
            call = next(self._calls)
            self._playing.add(call)
            try:
                await call.play(self._door)
                self.over += 1
                failures = 0
            except BrokenOff:
                self.broken_off += 1
                wait_s = AWAY_WAITS_S[min(failures, len(AWAY_WAITS_S) - 1)]
                failures += 1
                await asyncio.sleep(wait_s)
            finally:
                self._playing.remove(call)
            await asyncio.sleep(random.uniform(*BETWEEN_S))  # noqa: S311 - nothing secret


def web_line(organization: str, agent_id: str | None) -> Line:
    """A visitor's call, in a room whose metadata says whose it is: `organization` is a slug."""
    claim = {"anyreach": {"organization": organization, "agent": agent_id}}
    return Line(
        room=f"web-{uuid.uuid4().hex[:12]}",
        caller=f"guest_{uuid.uuid4().hex[:8]}",
        metadata=json.dumps(claim),
    )
