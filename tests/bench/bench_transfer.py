"""How long a warm transfer keeps people waiting: until music, until the human, until the agent."""

import asyncio
import time

import pytest

from anyreach.stack.softphone import RATE
from tests.bench.figures import told
from tests.callers import Party, token_of, until
from tests.organizations.factories import make_organization
from tests.phones import tones
from tests.phones.conftest import (  # noqa: F401 - fixtures
    _on_this_livekit,
    new_phone,
    new_worker,
    phones,
    web,
    worker,
)
from tests.phones.scene import CALLER, Scene

RUNS = 30
# A worker that has just been started takes seconds to take up its first job.
WARM_UP = 2
LOUD = 1000


def first_heard(party: Party, identity: str, since: float) -> float | None:
    """Return when `party` first heard `identity` after `since`; None: not yet."""
    frames = party.heard.get(identity, [])
    return next((at for at, samples in frames if at > since and samples.max() > LOUD), None)


async def heard_after(party: Party, identity: str, since: float) -> float:
    """Return how many ms after `since` it is until `party` hears `identity`."""
    await until(lambda: first_heard(party, identity, since) is not None)
    return (first_heard(party, identity, since) - since) * 1000


def caller_heard_by(scene: Scene) -> bool:
    """Whether the human's telephone hears the caller at this moment."""
    last = scene.phone.heard[-int(RATE * tones.WINDOW_S) :]
    return bool(tones.heard_in(last, RATE)["caller"].any())


@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("web", "our_sounds", "worker")
def bench_warm_transfer(transactional_db, new_phone) -> None:  # noqa: F811 - the fixture
    took: dict[str, list[float]] = {
        name: []
        for name in (
            "baseline: somebody joins until they hear",
            "order until hold music",
            "of that, until our desk plays it",
            "pressed 1 until the caller hears the human",
            "pressed 1 until the human hears the caller",
            "pressed 2 until the agent hears the caller",
        )
    }
    plain, ordered, played, caller_hears, human_hears, agent_hears = took.values()

    async def transfer(scene: Scene, digit: str) -> None:
        async with scene.talking():
            came_at = time.monotonic()
            latecomer = await Party().join(token_of("guest_2", scene.room))
            plain.append(await heard_after(latecomer, CALLER, came_at))
            await latecomer.leave()
            await scene.order()
            ordered.append(await heard_after(scene.caller, scene.desk, scene.ordered_at))
            await scene.phone_rings()
            await scene.transfer.arefresh_from_db()
            waited = scene.transfer.holding_at - scene.transfer.requested_at
            played.append(waited.total_seconds() * 1000)
            scene.phone.answer()
            await scene.brief_is_heard()
            pressed_at = time.monotonic()
            scene.phone.press(digit)
            if digit == "2":
                agent_hears.append(await heard_after(scene.agent, CALLER, pressed_at))
                return
            caller_hears.append(await heard_after(scene.caller, scene.human, pressed_at))
            await until(lambda: caller_heard_by(scene))
            human_hears.append((time.monotonic() - pressed_at) * 1000)

    for run in range(RUNS + WARM_UP):
        if run == WARM_UP:
            for values in took.values():
                values.clear()
        scene = Scene(make_organization(), new_phone(frequency=tones.HUMAN))
        asyncio.run(transfer(scene, "112"[run % 3]))
        scene.phone.stop()
    print()
    for name, values in took.items():
        print(told(name, values))
