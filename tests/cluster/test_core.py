"""The core on real brokers: the chains of one process, whatever happens to workers, Redis and the stream between."""

import pytest

from tests.cluster.conftest import MakeBrokers
from tests.cluster.core_helpers import (
    at_work,
    chains,
    decided,
    journal,
    journal_of,
    read_all,
    tell,
    until,
    worker,
)
from tests.tocsin.stories import lived

pytestmark = pytest.mark.slow


async def test_a_worker_decides_what_one_process_decides(make_brokers: MakeBrokers, valkey_url: str) -> None:
    brokers = await make_brokers(mentions=2, entries=2)
    story, entries = lived(1, 2, 60), journal_of(1, 2, brokers.layout._replace(prefix=""))
    await tell(brokers, story)
    await journal(brokers, entries)
    one = worker(brokers, valkey_url)
    async with at_work(one):
        await until(read_all(entries, one), "everything is applied")
    assert chains(await decided(brokers)) == story.chains
