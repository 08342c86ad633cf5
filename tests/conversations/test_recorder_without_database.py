"""PostgreSQL is away for a while, in the midst of a call: what is said waits, and is written."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from tests.callers import until
from tests.conftest import Process
from tests.conversations.test_recorders_taking_over import (
    count,
    gaps,
    recorded_call,
    said,
    wait_for,
)

pytestmark = pytest.mark.usefixtures("web")

# Long enough for the worker to give up; twenty seconds are the same, only longer.
AWAY_S = 6


@pytest.fixture
def its_worker(worker, road):
    """The only worker, not started yet, whose database is at the road's end."""
    worker.kill()
    its_worker = Process("worker-2", "manage.py", "worker", DATABASE_URL=road.database_url)
    yield its_worker
    its_worker.kill()


def test_what_is_said_while_the_database_is_away_is_written_when_it_is_back(its_worker, road):
    async def play():
        await road.mend()
        its_worker.start()
        async with recorded_call() as (_, agent):
            await agent.say("A1", "Before.")
            await wait_for("Before.")
            await road.cut()
            await agent.say("A2", "Meanwhile.")
            await asyncio.sleep(AWAY_S)
            assert await sync_to_async(said)() == ["Before."]
            await agent.say("A3", "Still.")
            await road.mend()
            await wait_for("Before.", "Meanwhile.", "Still.", within_s=20)
            # The worker, too, has come back: it has taken the call's job up again.
            await until(sync_to_async(lambda: count() == 2), within_s=60)
            await until(sync_to_async(lambda: count(ended_at=None) == 1), within_s=30)
            await agent.say("A4", "After.")
            await wait_for("Before.", "Meanwhile.", "Still.", "After.")
        await road.cut()

    asyncio.run(play())
    assert gaps() == []
