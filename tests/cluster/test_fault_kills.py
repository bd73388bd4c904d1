"""`kill -9` of every kind of worker, again and again, in a growing crisis and under load.

A supervisor starts anew what ended. Afterwards each accepted mention counts once, each page stands in Slack once, and
nobody was woken after the acknowledgement; a case in which nobody died fails.
"""

import asyncio
import random
import signal
import time

import pytest

from stream.kafka import clients
from tests.cluster.conftest import Deploy
from tests.cluster.living import ROLES, TROUBLED, Deployment
from tests.cluster.story import Night, a_night, noted
from tests.faults.rows import fired, row

SEED = 20_280


def kill(living: Deployment, night: Night, name: str) -> None:
    """SIGKILL one, and count it."""
    worker = living.workers[name]
    if worker.runs:
        worker.signal(signal.SIGKILL)
        night.happened[f"killed {worker.roles[0]}"] += 1


async def kills(living: Deployment, night: Night, *, rng: random.Random, for_s: float, every_s: float) -> None:
    """Kill one of each kind in turn, and every third of them once more while it gets up."""
    until_s, turn = time.monotonic() + for_s, 0
    while time.monotonic() < until_s:
        role = ROLES[turn % len(ROLES)]
        leader = [one for one in living.of(role) if '"leads":true' in (await asyncio.to_thread(one.ask, "/readyz"))[1]]
        name = (leader or rng.sample(living.of(role), 1))[0].name
        kill(living, night, name)
        if turn % 3 == 2:
            await asyncio.sleep(rng.uniform(0.5, every_s))
            kill(living, night, name)
            night.happened["killed twice in a row"] += 1
        turn += 1
        await asyncio.sleep(rng.uniform(0.5, 1.5) * every_s)


async def survive(
    living: Deployment,
    request: pytest.FixtureRequest,
    *,
    for_s: float,
    every_s: float,
    apart_s: float = 0,
    full: bool = False,
) -> None:
    """The whole case."""
    rng = random.Random(SEED)

    async def fault(night: Night) -> None:
        await asyncio.sleep(1)
        await kills(living, night, rng=rng, for_s=for_s, every_s=every_s)

    night = await a_night(living, fault, seed=SEED, apart_s=apart_s)
    noted(request, night, "kills", "`kill -9` of intake, core and the leader of delivery in turn", full=full)
    assert living.killed() == sum(night.happened[f"killed {role}"] for role in ROLES)
    assert all(night.happened[f"killed {role}"] for role in ROLES)
    assert night.happened["killed twice in a row"]
    assert night.told.takeovers > 1, "who led was killed"
    assert night.happened["repeated mentions"] > 0, "what was accepted was sent again, to any door"
    assert living.others() == {}, "nobody ended by itself"
    fired(living.killed())


@row("F1", "F2", "F16")
@pytest.mark.slow
async def test_workers_killed_again_and_again_lose_nothing_and_double_nothing(
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    living = await deploy()
    await survive(living, request, for_s=14, every_s=3)


@row("F1", "F2", "F16")
@pytest.mark.proof
async def test_ten_minutes_of_kills(
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    """The same for ten minutes with the session that a deployment has, and a crisis of another brand each minute."""
    told = {"session_ms": clients.SESSION_MS, "troubled": TROUBLED, "patience_s": 300}
    living = await deploy(**told)
    await survive(living, request, for_s=600, every_s=6, apart_s=70, full=True)
