"""Intake workers on Apache Kafka: what is in the topics takes effect once, however it is read, cut, lost and taken over."""

import pytest

from tests.cluster.conftest import MakeBrokers
from tests.cluster.intake_helpers import at_work, core_of, fill, night, until_sealed, worker

pytestmark = [pytest.mark.slow]


@pytest.mark.parametrize(("partitions", "workers", "batch"), [(1, 1, 7), (4, 2, 500), (4, 3, 1)])
async def test_any_layout_and_batch_gives_the_chains_of_one_process(
    make_brokers: MakeBrokers, partitions: int, workers: int, batch: int
) -> None:
    played = night()
    brokers = await make_brokers(mentions=partitions, entries=2, stamped=False)
    await fill(brokers, played.log)
    running = [worker(brokers, played.story, max_records=batch) for _ in range(workers)]
    async with at_work(*running):
        await until_sealed(brokers, played.end_step)
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains
    assert not core.waiting
