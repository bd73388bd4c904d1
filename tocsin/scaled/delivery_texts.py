"""EDGE. The texts that cards quote: the topic `texts`, followed into an erasable store of this worker's own.

The store lies in memory and ends with the process: what is erased in the topic is erased here as it is read, and
nothing of it is left on a disk of ours.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from stream.codec import DAY_MS
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.starting import started
from stream.kafka.tail import AT_ONCE, WAIT_MS
from stream.kafka.topics import partition_of
from stream.kafka.writer import Writer
from stream.sources.text_store import StoredPost, TextStore, post_from, salted
from tocsin.fresh_words import PAST_MS

log = structlog.get_logger("tocsin")

KEPT_MS = PAST_MS + DAY_MS
"""Older texts are on no card: an incident's story is held against the fortnight before."""
TRIM_EVERY_S = 3600.0
NOTE = ("kind", b"note")
"""The header of what a person wrote; a post has none."""
NOTED_WITHIN_S = 10.0


class DeliveryTexts:
    """Follows the topic; keeps notes, in the topic first."""

    def __init__(self, brokers: Brokers, writer: Writer, clock: Callable[[], int]) -> None:
        self._brokers = brokers
        self._topic = brokers.layout.name("texts")
        self._writer = writer
        self._clock = clock
        self.store = TextStore(None)
        self.caught_up = asyncio.Event()
        self.unreadable = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Follow until cancelled."""
        self._loop = asyncio.get_running_loop()
        reader = await started(self._brokers.consumer)
        try:
            homes = [TopicPartition(self._topic, number) for number in range(self._brokers.layout.mentions)]
            reader.assign(homes)
            goal = await self._begin(reader, homes)
            trimmed_s = self._loop.time()
            while True:
                try:
                    found = await reader.getmany(timeout_ms=WAIT_MS, max_records=AT_ONCE)
                except OffsetOutOfRangeError:
                    log.error("the topic of texts was wiped: it is read from its beginning")
                    goal = await self._begin(reader, homes)
                    continue
                await self._take(found)
                if not self.caught_up.is_set() and await _is_at(reader, goal):
                    self.caught_up.set()
                if self._loop.time() - trimmed_s > TRIM_EVERY_S:
                    trimmed_s = self._loop.time()
                    await asyncio.to_thread(self.store.trim, self._clock() - KEPT_MS)
        finally:
            await reader.stop()

    async def _begin(self, reader: AIOKafkaConsumer, homes: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Go to what is young enough to be shown. Returns where the partitions end now."""
        ends: dict[TopicPartition, int] = await reader.end_offsets(homes)
        since = await reader.offsets_for_times(dict.fromkeys(homes, max(0, self._clock() - KEPT_MS)))
        for home in homes:
            young = since.get(home)
            reader.seek(home, ends[home] if young is None else young.offset)
        return ends

    async def _take(self, found: Mapping[TopicPartition, Sequence[Any]]) -> None:
        posts: dict[str, StoredPost] = {}
        gone: list[str] = []
        for record in (record for home in sorted(found) for record in found[home]):
            name = (record.key or b"").decode("utf-8", "replace")
            if record.value is None:
                posts.pop(name, None)
                gone.append(name)
            elif NOTE in record.headers:
                await asyncio.to_thread(self.store.keep_note, name, record.value)
            else:
                try:
                    posts[name] = post_from(record.value)
                except msgspec.MsgspecError:
                    self.unreadable += 1
        if posts:
            await asyncio.to_thread(self.store.put, list(posts.values()))
        if gone:
            await asyncio.to_thread(self._erase, gone)

    def _erase(self, names: Sequence[str]) -> None:
        self.store.erase_names(names)
        for name in names:
            self.store.erase_note(name)

    # ---- notes

    def put_note(self, text: str) -> str:
        """Keep what a person wrote where every worker finds it; its digest. Called in a thread of its own.

        Raises `TimeoutError` where no broker takes it in time: then nothing was said that could not be kept.
        """
        assert self._loop is not None, "it runs"
        digest, body = salted(text)
        record = Outgoing(
            self._topic, partition_of(digest, self._brokers.layout.mentions), digest.encode(), body, [NOTE]
        )
        asyncio.run_coroutine_threadsafe(self._write(record), self._loop).result(NOTED_WITHIN_S)
        self.store.keep_note(digest, body)
        return digest

    async def _write(self, record: Outgoing) -> None:
        async with asyncio.timeout(NOTED_WITHIN_S):
            await self._writer.write([record])

    def note(self, digest: str) -> str | None:
        """What a person wrote, as long as it exists."""
        return self.store.note(digest)


async def _is_at(reader: AIOKafkaConsumer, goal: Mapping[TopicPartition, int]) -> bool:
    for home, end in goal.items():
        if await reader.position(home) < end:
            return False
    return True
