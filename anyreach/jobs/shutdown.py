"""A worker's end, for jobs that last as long as a call: given back, but not let go of yet."""

import asyncio
from collections.abc import Coroutine

FINISHED_WITHIN_S = 40


class GivenBack(Exception):
    """The worker stops: another is to take this job up. What was begun here goes on meanwhile."""


class Shutdown:
    """Tells long jobs that their worker stops, and the worker when they have come to an end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._unfinished: set[asyncio.Task[None]] = set()

    async def outlasting(self, work: Coroutine[None, None, None]) -> None:
        """Do `work` as a job's own, and go on with it when the job is over, however it ends.

        Raises GivenBack once the worker stops, so that the job is retried elsewhere at once.
        """
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        stopping = asyncio.create_task(self.begun.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if not task.done():
            raise GivenBack
        task.result()

    async def finished(self) -> None:
        """Wait until nothing goes on any more, within a limit."""
        if self._unfinished:
            await asyncio.wait(self._unfinished, timeout=FINISHED_WITHIN_S)
