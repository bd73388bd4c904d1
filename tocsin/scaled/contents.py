"""EDGE. Charts, rosters and configurations by their digest: in the topic `contents`, and beside it in Redis.

The topic is the truth and Redis a second home: where the brokers lost everything, incidents that are open still have
the flowchart they walk. What one of the two lacks is written there again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from stream.codec import digest
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.tail import Tail
from stream.kafka.writer import Writer
from tocsin.state import Contents

log = structlog.get_logger("tocsin")

TOPIC = "contents"


def content_record(brokers: Brokers, body: bytes) -> Outgoing:
    """The record by which a content becomes known to every worker."""
    return Outgoing(brokers.layout.name(TOPIC), 0, digest(body).encode(), body)


class ContentStore:
    """What every core worker of a deployment must know before it folds an entry that names it."""

    def __init__(self, brokers: Brokers, redis: Redis, writer: Writer) -> None:
        self._brokers = brokers
        self._redis = redis
        self._writer = writer
        self._key = f"{brokers.layout.prefix}contents"
        self._next = 0
        self._in_topic: set[str] = set()
        self._reading = asyncio.Lock()
        self.contents = Contents({})
        """All that is known; `read_on` adds to it."""

    async def put(self, body: bytes) -> str:
        """Make a content known to all; it is durable when this returns its digest."""
        name = self.contents.put(body)
        if name not in self._in_topic:
            await self._writer.write([content_record(self._brokers, body)])
            self._in_topic.add(name)
        await self._mirror([(name, body)])
        return name

    async def read_on(self) -> None:
        """Read what came since, in the topic and in Redis, and write to each what it lacks."""
        async with self._reading:
            fresh = await self._read_topic()
            await self._mirror(fresh)
            elsewhere = await self._mirrored()
            for name, body in elsewhere:
                self.contents.put(body)
                if name not in self._in_topic:
                    log.warning("a content was in Redis alone and is written to its topic again", digest=name[:12])
                    await self.put(body)

    async def begin_again(self) -> None:
        """The topic was wiped: write everything that is known to it."""
        async with self._reading:
            self._next = 0
            self._in_topic = set()
        await self.read_on()
        for body in list(self.contents.bodies().values()):
            await self.put(body)

    async def _read_topic(self) -> list[tuple[str, bytes]]:
        fresh: list[tuple[str, bytes]] = []
        async with Tail(self._brokers, self._brokers.layout.name(TOPIC), 0) as tail:
            held = await tail.held()
            if held.end < self._next:
                self._next = 0
                self._in_topic = set()
            async for records in tail.read(max(self._next, held.first), held.end):
                fresh += [one for record in records if (one := _sound(record)) is not None]
            self._next = held.end
        for name, body in fresh:
            self._in_topic.add(name)
            self.contents.put(body)
        return fresh

    async def _mirror(self, found: Sequence[tuple[str, bytes]]) -> None:
        if not found:
            return
        try:
            await self._redis.hset(self._key, mapping=dict(found))
        except RedisError as error:
            log.warning("contents are not kept in Redis", problem=type(error).__name__)

    async def _mirrored(self) -> list[tuple[str, bytes]]:
        try:
            found = cast("dict[bytes, bytes]", await self._redis.hgetall(self._key))
        except RedisError:
            return []
        return [(name.decode(), body) for name, body in sorted(found.items()) if digest(body) == name.decode()]


def _sound(record: Any) -> tuple[str, bytes] | None:
    if record.key is None or record.value is None:
        return None
    if digest(record.value) != record.key.decode("ascii", "replace"):
        log.error("a content does not have its digest and is not used", offset=record.offset)
        return None
    return record.key.decode(), record.value
