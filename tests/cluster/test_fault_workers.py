"""Workers that come, go, and stand still until others have what was theirs, in the middle of an incident."""

import asyncio
import json
import time

import pytest

from stream.kafka import clients
from tests.cluster.conftest import Deploy
from tests.cluster.living import ROLES, TROUBLED, Deployment, until
from tests.cluster.one_worker import Worker
from tests.cluster.story import Night, a_night, noted
from tests.faults.rows import fired, row

SEED = 20_281
ASLEEP = {"intake": "kafka.parts.before", "core": "core.save.before"}
"""Where a worker of a role stands still: right before it writes what another will have written when it wakes."""
SAVES = "tocsin_core_saves_total"


async def leader_of(living: Deployment) -> Worker:
    """The delivery worker that leads."""

    def found() -> Worker | None:
        return next((one for one in living.of("delivery") if '"leads":true' in one.ask("/readyz")[1]), None)

    worker: Worker = await until(found, living.patience_s, living.tell)
    return worker


async def come_and_go(living: Deployment, night: Night, *, for_s: float, every_s: float) -> None:
    """One more of each kind joins, then leaves in order, again and again; each kind once at least."""
    until_s, turn = time.monotonic() + for_s, 0
    while turn < len(ROLES) or time.monotonic() < until_s:
        role = ROLES[turn % 3]
        worker = living.start(f"{role}-guest-{turn}", role)
        await until(lambda worker=worker: worker.is_ready, living.patience_s, living.tell)
        night.happened[f"joined {role}"] += 1
        await asyncio.sleep(every_s)
        assert await asyncio.to_thread(worker.terminate) == 0, worker.said
        night.happened[f"left {role}"] += 1
        del living.workers[worker.name]
        turn += 1
    for role in ("intake", "core"):
        words = sum(worker.said.count("partitions assigned") for worker in living.of(role))
        night.happened[f"rebalances of {role}"] = words


async def pauses(living: Deployment, night: Night) -> None:
    """Who leads the delivery, then an intake worker, then a core worker stands still for longer than its session."""
    led = (await leader_of(living)).name
    living.pause(led)
    night.happened["paused delivery"] += 1
    other = next(one for one in living.of("delivery") if one.name != led)
    await until(lambda: '"leads":true' in other.ask("/readyz")[1], living.patience_s, living.tell)
    night.happened["led by another meanwhile"] += 1
    living.wake(led)
    for role, point in ASLEEP.items():
        first, second = living.of(role)
        await living.pause_at(first.name, point)
        night.happened[f"paused {role}"] += 1
        everything = living.brokers.layout.inputs if role == "intake" else living.brokers.layout.entries
        await until(lambda second=second, all_of=everything: _held(second) == all_of, living.patience_s, living.tell)
        night.happened[f"taken over {role}"] += 1
        await asyncio.sleep(2)
        living.wake(first.name)
    sleeper = living.of("core")[0]
    await until(lambda: sleeper.metric(SAVES, '"lower"') > 0, living.patience_s, living.tell)
    night.happened["older states refused"] += 1


def _held(worker: Worker) -> int:
    """How many partitions a worker has."""
    try:
        roles = json.loads(worker.ask("/readyz")[1])["roles"]
    except (ValueError, KeyError):
        return 0
    return len(roles[worker.roles[0]].get("partitions", {}))


async def move(
    living: Deployment, request: pytest.FixtureRequest, *, for_s: float, every_s: float, apart_s: float = 0, full: bool
) -> None:
    """The whole case: workers come and go, then one of each kind sleeps through what others do in its place."""

    async def fault(night: Night) -> None:
        await asyncio.sleep(1)
        await pauses(living, night)
        await come_and_go(living, night, for_s=for_s, every_s=every_s)

    night = await a_night(living, fault, seed=SEED, apart_s=apart_s)
    noted(
        request, night, "moves", "workers sleep until others have what was theirs, and wake; join, and leave", full=full
    )
    assert living.others() == {}, "nobody ended by itself"
    for role in ("intake", "core"):
        assert night.happened[f"taken over {role}"]
        assert night.happened[f"left {role}"]
    assert night.told.takeovers > 1, "who led slept, and another led"
    assert night.books.dropped + night.books.straddled > 0, "intake that woke wrote what others had written"
    fired(night.happened["rebalances of intake"] + night.happened["rebalances of core"])


@row("F21", "F22")
@pytest.mark.slow
async def test_workers_that_join_leave_sleep_and_wake_in_an_incident_change_nothing(
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    """Partitions move while the incident opens and pages; whoever wakes believes that they are still its own."""
    living = await deploy()
    await move(living, request, for_s=5, every_s=1, full=False)


@row("F21", "F22")
@pytest.mark.proof
async def test_ten_minutes_of_coming_and_going(
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    """The same for ten minutes with the session that a deployment has, and a crisis of another brand now and then."""
    told = {"session_ms": clients.SESSION_MS, "troubled": TROUBLED, "patience_s": 300}
    living = await deploy(**told)
    await move(living, request, for_s=600, every_s=5, apart_s=70, full=True)
