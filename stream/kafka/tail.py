"""EDGE. Reading a topic again: a range of one partition, or a whole topic from its beginning.

Whoever reads here belongs to no group, commits nothing and takes no partition from anybody.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from stream.kafka.clients import Brokers
from stream.kafka.starting import started

log = structlog.get_logger("tocsin")

AT_ONCE = 2_000
"""Records handed over together at the most."""
WAIT_MS = 500

Record = Any
"""aiokafka's `ConsumerRecord`: topic, partition, offset, timestamp, key, value, headers."""


class Held(NamedTuple):
    """The offsets that a partition holds: `[first, end)`."""

    first: int
    end: int


class Tail:
    """One partition, read by a consumer of its own.

        async with Tail(brokers, "tocsin.mentions", 3) as tail:
            async for records in tail.read(120, 480):
                ...

    Waits for a broker where none answers.
    """

    def __init__(self, brokers: Brokers, topic: str, partition: int) -> None:
        self._brokers = brokers
        self._home = TopicPartition(topic, partition)
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> "Tail":
        consumer = await started(self._brokers.consumer)
        consumer.assign([self._home])
        consumer.seek(self._home, 0)
        consumer.pause(self._home)
        self._consumer = consumer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reader.stop()

    @property
    def _reader(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "a tail is read inside `async with`"
        return self._consumer

    async def held(self) -> Held:
        """What the partition holds now."""
        first = await self._reader.beginning_offsets([self._home])
        end = await self._reader.end_offsets([self._home])
        return Held(first[self._home], end[self._home])

    async def first_since(self, at_ms: int) -> int | None:
        """The offset of the first record with this stamp or a later one; `None` where there is none."""
        found = await self._reader.offsets_for_times({self._home: max(0, at_ms)})
        at = found.get(self._home)
        return None if at is None else int(at.offset)

    async def one(self, offset: int) -> Record | None:
        """The record at this offset, or `None` if the partition holds none there."""
        held = await self.held()
        if not held.first <= offset < held.end:
            return None
        # Closed here and now: left to itself, it would pause the partition while the next read is under way.
        async with contextlib.aclosing(self.read(offset, offset + 1, at_once=1)) as reading:
            async for records in reading:
                return records[0]
        return None

    async def read(
        self, from_offset: int, to_offset: int | None = None, *, at_once: int | None = None
    ) -> AsyncGenerator[Sequence[Record], None]:
        """The records at `[from_offset, to_offset)`, some at a time; without `to_offset` as far as they go now.

        Waits for what is not written yet. Raises `OffsetOutOfRangeError` where the partition no longer holds
        `from_offset`, or ends before it: nothing is jumped over. Offsets that a compaction took out are no gap.
        """
        end = (await self.held()).end if to_offset is None else to_offset
        reader, home = self._reader, self._home
        reader.seek(home, from_offset)
        reader.resume(home)
        try:
            while await reader.position(home) < end:
                found = await reader.getmany(home, timeout_ms=WAIT_MS, max_records=at_once or AT_ONCE)
                wanted = [record for record in found.get(home, []) if record.offset < end]
                if wanted:
                    yield wanted
        finally:
            reader.pause(home)


class Follower:
    """A topic followed from its beginning in all its partitions, for as long as `run` runs.

    `take` gets the records in the order of each partition. `caught_up` is set once everything was taken that was
    there when `run` began. Where the log is another one than before (it ends before where we are), the follower
    begins again and `begun` counts up, so that whoever keeps what it took can keep it anew.
    """

    def __init__(self, brokers: Brokers, topic: str, partitions: int, take: Callable[[Sequence[Record]], None]) -> None:
        self._brokers = brokers
        self._topic = topic
        self._partitions = partitions
        self._take = take
        self.caught_up = asyncio.Event()
        self.begun = 0
        """How often it started at the beginning."""

    async def run(self) -> None:
        """Follow until cancelled. Raises what `take` raises."""
        reader = await started(self._brokers.consumer)
        try:
            homes = [TopicPartition(self._topic, number) for number in range(self._partitions)]
            reader.assign(homes)
            goal = await reader.end_offsets(homes)
            await self._begin(reader, homes)
            while True:
                try:
                    found = await reader.getmany(timeout_ms=WAIT_MS, max_records=AT_ONCE)
                except OffsetOutOfRangeError:
                    log.error("a topic that is followed was wiped: it is read from its beginning", topic=self._topic)
                    goal = await reader.end_offsets(homes)
                    await self._begin(reader, homes)
                    continue
                for home in sorted(found):
                    self._take(found[home])
                if not self.caught_up.is_set() and await self._is_at(reader, goal):
                    self.caught_up.set()
        finally:
            await reader.stop()

    async def _begin(self, reader: AIOKafkaConsumer, homes: Sequence[TopicPartition]) -> None:
        first = await reader.beginning_offsets(homes)
        for home in homes:
            reader.seek(home, first[home])
        self.begun += 1

    async def _is_at(self, reader: AIOKafkaConsumer, goal: dict[TopicPartition, int]) -> bool:
        for home, end in goal.items():
            if await reader.position(home) < end:
                return False
        return True
