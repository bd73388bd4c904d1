"""A living cluster for benchmarks: brands with a past, workers in processes of their own, and posts at a steady rate.

Posts go straight into the topic `mentions`, as the door writes them: what is measured begins there.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.cluster_ground import Ground
from stream.codec import rfc3339
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.records import headers_of
from stream.kafka.tail import Tail
from stream.kafka.writer import Writer
from tests.acceptance.living import BRAND, PEOPLE, SIGNING_SECRET, SOURCE
from tests.cluster.living import LOAD, Deployment, Worker, is_about
from tests.fakes.slack import FakeSlackThread
from tocsin.synthetic import START_MS, Public, Row, crisis, giveaway, quiet

STEP_MS = 5_000
SESSION_MS = 10_000
TICK_S = 0.1
"""How often posts are sent."""
MOST = 5_000
"""Posts that are sent together at the most, where the sender is late."""


class Living(Deployment):
    """A deployment as the benchmarks run it: at the grid of five seconds, its workers as patient as shipped."""

    def __init__(self, ground: Ground, brokers: Brokers, slack: FakeSlackThread, **more: Any) -> None:
        home = ground.home / brokers.layout.prefix
        home.mkdir()
        super().__init__(home, brokers, ground.valkey, slack, **{"session_ms": SESSION_MS, **more})
        assert "step: 1s" in self._config
        self._config = self._config.replace("step: 1s", f"step: {STEP_MS // 1000}s")


@asynccontextmanager
async def deployed(ground: Ground, *, partitions: int, entries: int, seed: int, **more: Any) -> AsyncIterator[Living]:
    """Topics, a Slack, and a deployment whose brands have a past of thirty hours; its workers are to be started yet."""
    brokers = await ground.topics(mentions=partitions, entries=entries)
    with FakeSlackThread(signing_secret=SIGNING_SECRET) as slack:
        for name, user in PEOPLE.items():
            slack.workspace.add_user(user, name)
        with Living(ground, brokers, slack, **more) as living:
            await living.with_a_past(seed)
            yield living


# ---- what is said


class Pool:
    """Rows that are said again and again, each time under another id, so that a long stream costs no memory."""

    def __init__(self, label: str, rows: Sequence[Row]) -> None:
        assert rows, label
        self._label, self._rows, self._next = label, rows, 0

    def next(self) -> Row:
        """The next row; its time is given when it is sent."""
        again, place = divmod(self._next, len(self._rows))
        self._next += 1
        row = self._rows[place]
        fresh = {
            key: f"{row[key]}-{self._label}{again}"
            for key in ("id", "root_id", "parent_id")
            if row.get(key) is not None
        }
        return row | fresh


def angry(seed: int, brand: str = BRAND, posts: int = 20_000) -> Pool:
    """A crisis of a brand, by posts that name it."""
    return Pool("a", _about(brand, crisis(seed, brand=brand, start_ms=START_MS, posts=posts)))


def joyful(seed: int, brand: str = BRAND, posts: int = 8_000) -> Pool:
    """A giveaway that everybody likes."""
    public = Public(seed, brand, f"j{seed}")
    public.tell(giveaway(START_MS, posts))
    return Pool("j", _about(brand, public.rows))


def others(seed: int) -> Pool:
    """Ordinary talk about the brands beside it."""
    streams = [quiet(seed + n, brand=brand, hours=50, per_hour=20, rhythm=False) for n, brand in enumerate(LOAD)]
    return Pool("o", [row | {"id": f"{n}-{row['id']}"} for n, rows in enumerate(streams) for row in rows])


def noise(seed: int) -> Pool:
    """Posts about nobody that anybody asked for."""
    rows = quiet(seed, brand="Zeewind", hours=200, per_hour=50, rhythm=False)
    return Pool("n", [row | {"id": f"n-{row['id']}"} for row in rows])


def _about(brand: str, rows: Any) -> list[Row]:
    return [row for row in rows if is_about(row, brand) and row["author"] != brand.lower()]


# ---- sending


class Sent(NamedTuple):
    """What was sent, and how steadily."""

    count: int
    seconds: float
    late_s: float
    """How far the sender fell behind its own rate at the most."""


async def send(brokers: Brokers, rows: Iterator[Row], rate: float) -> Sent:
    """Write rows into `mentions`, `rate` a second, until there are no more; each is created when it is sent."""
    writer = Writer(brokers)
    await writer.start()
    began, count, late_s = time.monotonic(), 0, 0.0
    try:
        while True:
            due = int((time.monotonic() - began) * rate) - count
            late_s = max(late_s, due / rate - TICK_S)
            batch = [row for _, row in zip(range(min(due, MOST)), rows, strict=False)]
            if batch:
                assert await writer.write(_records(brokers, batch))
                count += len(batch)
            elif due > 0:
                return Sent(count, time.monotonic() - began, late_s)
            if due < MOST:
                await asyncio.sleep(TICK_S)
    finally:
        await writer.stop()


def _records(brokers: Brokers, rows: Sequence[Row]) -> list[Outgoing]:
    layout, topic = brokers.layout, brokers.layout.name("mentions")
    stamp, headers = rfc3339(time.time_ns() // 1_000_000), headers_of("mention", SOURCE)
    found = []
    for row in rows:
        name = f"{SOURCE}:{row['id']}"
        body = json.dumps(row | {"id": name, "source": SOURCE, "created_at": stamp}, ensure_ascii=False).encode()
        found.append(Outgoing(topic, layout.mention_partition(name), name.encode(), body, headers))
    return found


# ---- measuring


def cpu_s(worker: Worker) -> float:
    """Processor seconds that a worker's process has taken until now."""
    process = worker._process  # noqa: SLF001 - whoever starts it again is its supervisor, not we
    assert process is not None
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def metric(worker: Worker, name: str, **labels: str) -> float:
    """The sum of a metric where its labels are these."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    lines = worker.ask("/metrics")[1].splitlines()
    told = [one for one in lines if one.startswith((f"{name} ", f"{name}{{")) and all(word in one for word in wanted)]
    return sum(float(one.rpartition(" ")[2]) for one in told)


async def records_since(brokers: Brokers, topic: str, partition: int, since_ms: int) -> list[Any]:
    """The records of a partition that were appended since then."""
    found: list[Any] = []
    async with Tail(brokers, brokers.layout.name(topic), partition) as tail:
        first = await tail.first_since(since_ms)
        if first is not None:
            async for records in tail.read(first, (await tail.held()).end):
                found += records
    return found


@contextmanager
def taken(workers: Sequence[Worker], found: dict[str, float]) -> Iterator[None]:
    """Put into `found` what processor time workers take, by name, while the block runs."""
    before = {worker.name: cpu_s(worker) for worker in workers}
    yield
    found |= {worker.name: cpu_s(worker) - before[worker.name] for worker in workers}
