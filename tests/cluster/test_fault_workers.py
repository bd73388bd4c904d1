"""Workers that come, go, and stand still until others have what was theirs, in the middle of an incident."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.cluster.conftest import MakeBrokers
from tests.cluster.living import PATIENCE_S, ROLES, Deployment, Worker, until
from tests.cluster.story import RUNG_S, Night, a_night, noted
from tests.cluster.valkey import Valkey
from tests.fakes.slack import FakeSlackThread
from tests.faults.rows import fired, row

SEED = 20_281


async def leader_of(living: Deployment) -> Worker:
    """The delivery worker that leads."""

    def found() -> Worker | None:
        return next((one for one in living.of("delivery") if '"leads":true' in one.ask("/readyz")[1]), None)

    worker: Worker = await until(found, PATIENCE_S, living.tell)
    return worker


async def come_and_go(living: Deployment, night: Night, *, for_s: float, every_s: float) -> None:
    """One more of each kind joins, then leaves in order, again and again."""
    until_s, turn = time.monotonic() + for_s, 0
    while time.monotonic() < until_s:
        role = ROLES[turn % 3]
        worker = living.start(f"{role}-guest-{turn}", role)
        await until(lambda worker=worker: worker.is_ready, PATIENCE_S, living.tell)
        night.happened[f"joined {role}"] += 1
        await asyncio.sleep(every_s)
        assert await asyncio.to_thread(worker.terminate) == 0, worker.said
        night.happened[f"left {role}"] += 1
        del living.workers[worker.name]
        turn += 1
    for role in ("intake", "core"):
        words = sum(worker.said.count("partitions assigned") for worker in living.of(role))
        night.happened[f"rebalances of {role}"] = words


@row("F21")
@pytest.mark.slow
async def test_workers_that_join_and_leave_in_an_incident_change_nothing(
    make_brokers: MakeBrokers,
    own_valkey: Valkey,
    slack: FakeSlackThread,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Each partition moves between workers while the incident opens, pages, and is acknowledged."""
    brokers = await make_brokers(mentions=3, entries=2, stamped=False)
    with Deployment(tmp_path, brokers, own_valkey, slack, within=f"{RUNG_S}s") as living:

        async def fault(night: Night) -> None:
            await come_and_go(living, night, for_s=15, every_s=2)

        night = await a_night(living, fault, seed=SEED)
        noted(request, night, "rebalances", "workers join and leave", full=False)
        assert living.others() == {}
        moves = night.happened["rebalances of intake"] + night.happened["rebalances of core"]
        # two of each kind make two at the most when they begin
        assert moves > 8, "partitions moved"
        fired(moves)


async def pauses(living: Deployment, night: Night) -> None:
    """Who leads the delivery, then an intake worker, then a core worker stands still for longer than its session."""
    led = (await leader_of(living)).name
    living.pause(led)
    night.happened["paused delivery"] += 1
    other = next(one for one in living.of("delivery") if one.name != led)
    await until(lambda: '"leads":true' in other.ask("/readyz")[1], PATIENCE_S, living.tell)
    night.happened["led by another meanwhile"] += 1
    living.wake(led)
    for role in ("intake", "core"):
        first, second = living.of(role)
        living.pause(first.name)
        night.happened[f"paused {role}"] += 1
        everything = living.brokers.layout.inputs if role == "intake" else living.brokers.layout.entries
        await until(lambda second=second, all_of=everything: _held(second) == all_of, PATIENCE_S, living.tell)
        night.happened[f"taken over {role}"] += 1
        await asyncio.sleep(2)
        living.wake(first.name)


def _held(worker: Worker) -> int:
    """How many partitions a worker has."""
    try:
        roles = json.loads(worker.ask("/readyz")[1])["roles"]
    except (ValueError, KeyError):
        return 0
    return len(roles[worker.roles[0]].get("partitions", {}))


@row("F22")
@pytest.mark.slow
async def test_a_worker_that_wakes_after_others_took_over_writes_and_sends_nothing_that_counts(
    make_brokers: MakeBrokers,
    own_valkey: Valkey,
    slack: FakeSlackThread,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    brokers = await make_brokers(mentions=3, entries=2, stamped=False)
    with Deployment(tmp_path, brokers, own_valkey, slack, within=f"{RUNG_S}s") as living:

        async def fault(night: Night) -> None:
            await asyncio.sleep(1)
            await pauses(living, night)

        night = await a_night(living, fault, seed=SEED + 1)
        noted(request, night, "pauses", "SIGSTOP until others have taken over, then SIGCONT", full=False)
        assert living.others() == {}
        for role in ("intake", "core"):
            assert night.happened[f"taken over {role}"]
        assert night.told.takeovers > 1
        assert night.books.dropped + night.books.straddled > 0, "intake that woke wrote what others had written"
        fired(sum(night.happened[f"paused {role}"] for role in ROLES))
