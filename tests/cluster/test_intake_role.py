"""The role `intake`: it is well when it says so, shows what it does, and ends itself where only a new start helps."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest
from starlette.applications import Starlette

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Place
from stream.sources.signing import sign
from tests.cluster.conftest import MakeBrokers
from tests.cluster.intake_helpers import all_of, commit
from tocsin.scaled.ground import lay
from tocsin.scaled.intake_role import IntakeRole
from tocsin.scaled.role import STALLED, Ended
from tocsin.settings import load_settings

pytestmark = [pytest.mark.slow]

PATIENCE_S = 60
CONFIG = """\
data: {data}
step: 1s
brands:
  - {{name: Tulpatel, query: tulpatel, sources: [social]}}
sources:
  - {{name: social, secret_env: SOCIAL}}
cluster:
  names_key_env: NAMES_KEY
  kafka: {{bootstrap: "{bootstrap}", prefix: {prefix}, mentions: 2, entries: 2, replication: 1}}
  redis: {{url: "{redis}"}}
  stalled: 5s
"""
ENVIRONMENT = {"SOCIAL": "a secret of the test", "NAMES_KEY": "5e" * 32}


@pytest.fixture
def role_of(tmp_path: Path, valkey_url: str) -> Callable[[Brokers], IntakeRole]:
    """Makes the role over some brokers."""

    def make(brokers: Brokers) -> IntakeRole:
        file = tmp_path / "tocsin.yaml"
        file.write_text(
            CONFIG.format(
                data=tmp_path / "data", bootstrap=brokers.bootstrap, prefix=brokers.layout.prefix, redis=valkey_url
            )
        )
        return IntakeRole(lay(load_settings(file, ENVIRONMENT)))

    return make


@contextlib.asynccontextmanager
async def running(role: IntakeRole) -> AsyncIterator["asyncio.Task[None]"]:
    """The role at work; stopped at the end."""
    task = asyncio.create_task(role.run())
    try:
        yield task
    finally:
        await asyncio.wait_for(role.stop(), PATIENCE_S)
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool], task: "asyncio.Task[None]") -> None:
    """Wait for something, with a deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        if task.done():
            task.result()
        await asyncio.sleep(0.05)


async def sent(role: IntakeRole, count: int) -> int:
    """Send posts to the door; the status."""
    second = int(time.time())
    rows = [{"id": str(n), "created_at": "2026-11-22T12:00:00Z", "text": "Tulpatel is down"} for n in range(count)]
    body = json.dumps(rows).encode()
    headers = {"X-Timestamp": str(second), "X-Signature": sign(ENVIRONMENT["SOCIAL"], second, body)}
    app = Starlette(routes=list(role.routes()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        return (await client.post("/ingest/social", content=body, headers=headers)).status_code


async def test_from_the_door_to_the_entries_and_what_it_shows_of_it(
    make_brokers: MakeBrokers, role_of: Callable[[Brokers], IntakeRole]
) -> None:
    brokers = await make_brokers()
    role = role_of(brokers)
    assert not role.health().ready
    assert await sent(role, 1) == 503, "before it has a broker"
    async with running(role) as task:
        await until(lambda: role.health().ready and role.door is not None and role.door.writer.is_open, task)
        assert await sent(role, 20) == 202
        texts = b'tocsin_intake_written_total{what="texts"} 20.0'
        await until(lambda: texts in generate_latest(role.registry), task)
        shown = generate_latest(role.registry).decode()
        assert role.health().shown["lag"].keys() == {"0", "1", "2"}  # type: ignore[attr-defined]
    assert 'tocsin_intake_mentions_total{became="matched"} 20.0' in shown
    assert "tocsin_intake_partitions 3.0" in shown
    assert sum([len(await all_of(brokers, "texts", number)) for number in range(2)]) == 20
    assert task.done()


async def test_a_partition_that_stands_still_ends_the_role(
    make_brokers: MakeBrokers, role_of: Callable[[Brokers], IntakeRole]
) -> None:
    brokers = await make_brokers()
    role = role_of(brokers)
    async with running(role) as task:
        await until(lambda: role.health().ready and role.door is not None and role.door.writer.is_open, task)

        async def stands_still() -> None:
            await asyncio.sleep(3_600)

        role.worker.loop._round = stands_still  # type: ignore[method-assign]
        assert await sent(role, 5) == 202
        with pytest.raises(Ended, match="stands still with") as ended:
            await asyncio.wait_for(asyncio.shield(task), PATIENCE_S)
        assert ended.value.status == STALLED
        assert not role.health().alive


async def test_a_place_of_another_names_key_ends_the_role_before_it_names_anything(
    make_brokers: MakeBrokers, role_of: Callable[[Brokers], IntakeRole]
) -> None:
    brokers = await make_brokers()
    await commit(brokers, {0: Place(0, 12, 1_700_000_000_000, 1_000, "c0ffee00")})
    role = role_of(brokers)
    with pytest.raises(Ended, match=r"the key of the names is not the one .* after c0ffee00") as ended:
        await asyncio.wait_for(role.run(), PATIENCE_S)
    assert ended.value.status == 2


async def test_a_place_of_another_step_ends_the_role_with_the_operators_status(
    make_brokers: MakeBrokers, role_of: Callable[[Brokers], IntakeRole]
) -> None:
    brokers = await make_brokers()
    await commit(brokers, {0: Place(0, 12, 1_700_000_000_000, 5_000)})
    with pytest.raises(Ended, match="steps of 1000 ms after steps of 5000 ms") as ended:
        await asyncio.wait_for(role_of(brokers).run(), PATIENCE_S)
    assert ended.value.status == 2
