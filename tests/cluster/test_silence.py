"""Whichever role of a deployment stands still, somebody outside hears of it, and of its probes nothing else does."""

import time
from pathlib import Path

import pytest

from tests.cluster.accounts import decisions_agree, fold
from tests.cluster.conftest import Deploy
from tests.cluster.living import ROLES, Deployment, until
from tests.faults.test_silence import BOUND, Watcher
from tocsin.entry import is_of_a_probe
from tocsin.scaled.lanes import lanes_of

EVERY_S = 6
"""The period; all else follows from it, as in a deployment, where it is ten times that."""
HEARD = "whole"


async def touched(watcher: Watcher, living: Deployment, since_s: float) -> None:
    """Wait until the watcher was touched since then."""
    await until(lambda: watcher.touches[HEARD][-1:] > [since_s], living.patience_s, living.tell)


async def heard_of(watcher: Watcher, living: Deployment, stopped_s: float) -> float:
    """How long after this the watcher raised the alarm, in seconds."""

    def alarm() -> list[float]:
        return [at_s for at_s in watcher.alarms(HEARD, EVERY_S) if at_s > stopped_s]

    raised: list[float] = await until(alarm, living.patience_s, living.tell)
    return raised[0] - stopped_s


def says_why(living: Deployment) -> bool:
    """Whether the leader says that no probe comes through, and by which lane."""
    return "no probe came through" in living.of("delivery")[0].ask("/readyz")[1]


@pytest.mark.slow
@pytest.mark.timeout(480)  # it waits for nine periods of a watcher at the least, and a busy machine starts Kafka slowly
async def test_whichever_role_stands_still_it_is_heard_of_outside(deploy: Deploy, tmp_path: Path) -> None:
    """Intake, core and delivery stand still one after the other, as a machine does that hangs; each goes on, and then
    so does the heartbeat. Afterwards the decisions are what a fold of the journal gives: each lane's probes have a
    chain, and no brand has one of theirs.
    """
    with Watcher().listening() as watcher:
        address = tmp_path / "watcher"
        address.write_text(f"{watcher.base_url}{HEARD}")
        address.chmod(0o600)
        living = await deploy(extra=f"heartbeat: {{url_file: {address}, every: {EVERY_S}s}}\n")
        await living.stamped()
        await living.up(intake=1, core=1, delivery=1)
        for role in ROLES:
            await touched(watcher, living, time.monotonic())
            name = living.of(role)[0].name
            living.pause(name)
            assert await heard_of(watcher, living, time.monotonic()) <= BOUND * EVERY_S, role
            if role != "delivery":
                await until(lambda: says_why(living), living.patience_s, living.tell)
            living.wake(name)
        await touched(watcher, living, time.monotonic())
        (leader,) = living.of("delivery")
        lanes = lanes_of(living.brokers.layout)
        assert leader.metric("tocsin_probe_lane_age_seconds") < len(lanes) * BOUND * EVERY_S
        await living.stop("delivery", "core", "intake")
        books = await fold(living.brokers)
        assert {brand for brand in books.decisions if is_of_a_probe(brand)} == {lane.brand for lane in lanes}
        assert not [brand for brand in books.mentions if is_of_a_probe(brand)]
        assert await decisions_agree(living.brokers, books)
        living.hold_their_tongues()
