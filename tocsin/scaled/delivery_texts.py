"""EDGE. The texts that cards quote: the topic `texts`, followed into an erasable store of this worker's own.

The store is a private file that is made anew at each start and goes with the process, for the topic is the truth: what
is erased there is erased here as it is read. It is bounded by age, by number and by size, so that no flood fills it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
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
from stream.names import Names
from stream.sources.store import StoreError
from stream.sources.text_store import StoredPost, TextStore, post_from, salted
from tocsin.fresh_words import PAST_MS
from tocsin.scaled.own_file import OwnFile
from tocsin.scaled.text_order import PURGE, Purged, Read, TextOrder, read_of

log = structlog.get_logger("tocsin")

KEPT_MS = PAST_MS + DAY_MS
"""Older texts are on no card: an incident's story is held against the fortnight before."""
TRIM_EVERY_S = 3600.0
DIRECTORY = "delivery-texts"
"""Below the data directory."""
MOST = 500_000
"""Posts at most; beyond them the oldest go."""
MOST_BYTES = 700 << 20
"""The file at most, however long posts are: the volume in `deploy` has room for it and for a log as large."""
BOUND_EVERY = 10_000
"""Posts between two looks at how many there are."""
NOTE = ("kind", b"note")
"""The header of what a person wrote; a post has none."""
NOTED_WITHIN_S = 10.0
ROLL = b"roll"
"""The key of a tombstone that is written for its own sake."""


class DeliveryTexts:
    """Follows the topic; keeps notes, in the topic first."""

    def __init__(
        self,
        brokers: Brokers,
        writer: Writer,
        clock: Callable[[], int],
        data: Path,
        *,
        names: Names,
        erasing: Callable[[Sequence[StoredPost], Sequence[str]], None] = lambda _, __: None,
        most: int = MOST,
    ) -> None:
        self._brokers = brokers
        self._topic = brokers.layout.name("texts")
        self._writer = writer
        self._clock = clock
        self._directory = data / DIRECTORY
        self._most = most
        self._names = names
        self._erasing = erasing
        self._purged = Purged()
        self._file: OwnFile | None = None
        self._store: TextStore | None = None
        self._order = TextOrder()
        self._since_bound = 0
        self._to_erase: set[str] = set()
        """What could not be erased yet, for the disk failed."""
        self._to_bury: dict[str, Read] = {}
        """Tombstones after which an older text came: compaction would keep that text, so they are written again."""
        self.caught_up = asyncio.Event()
        self.unreadable = 0
        self.late = 0
        """Texts that were refused since a newer text or a tombstone of theirs is known."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Make the file. Raises `StoreError` where that cannot be done."""
        self._file = OwnFile(self._directory)
        self._store = TextStore(self._file.path, durable=False, voice=self._names.voice)

    def close(self) -> None:
        """Remove the file. May be called twice, or before `open`."""
        if self._store is not None:
            self._store.close()
        if self._file is not None:
            self._file.close()

    @property
    def store(self) -> TextStore:
        """What was read."""
        assert self._store is not None, "it is open"
        return self._store

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
                    self._order.forget()
                    self._purged.forget()
                    goal = await self._begin(reader, homes)
                    continue
                await self._take(found)
                if not self.caught_up.is_set() and await _is_at(reader, goal):
                    self.caught_up.set()
                if self.caught_up.is_set():
                    await self._bury_again()
                if self._loop.time() - trimmed_s > TRIM_EVERY_S:
                    trimmed_s = self._loop.time()
                    await asyncio.to_thread(self._trim)
                    await self.roll()
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
        """Keep what the records leave of each name: the last of them that is not late."""
        left: dict[str, StoredPost | bytes | None] = {}
        voices: dict[bytes, None] = {}
        for record in (record for home in sorted(found) for record in found[home]):
            name = (record.key or b"").decode("utf-8", "replace")
            read = read_of(record.headers)
            if PURGE in record.headers:
                if read is not None and record.value:
                    self._purged.add(record.value, read)
                    voices[record.value] = None
            elif record.value is None:
                left[name] = None
                self._order.buried(name, read)
                self._to_bury.pop(name, None)
            elif NOTE in record.headers:
                left[name] = record.value
            elif self._order.is_late(name, read):
                self.late += 1
                if (grave := self._order.grave(name, read)) is not None:
                    self._to_bury[name] = grave
            else:
                try:
                    post = post_from(record.value)
                except msgspec.MsgspecError:
                    self.unreadable += 1
                else:
                    left[name] = self._unless_purged(post, read)
        for voice in voices:
            left |= self._of_purged(voice, left)
        if left or self._to_erase:
            erased = self._erased(left)
            # Before, for this worker may die in between; and after, for a card may be drawn meanwhile.
            self._erasing(*erased)
            await asyncio.to_thread(self._keep, left)
            self._erasing(*erased)

    def _unless_purged(self, post: StoredPost, read: Read | None) -> StoredPost | None:
        """The post, or nothing where its author is gone since; then its topic is told so too."""
        purge = None if post.author is None else self._purged.since(self._names.voice(post.source, post.author), read)
        if purge is None:
            self._order.written(post.name, read)
            return post
        self.late += 1
        self._to_bury[post.name] = purge
        return None

    def _of_purged(self, voice: bytes, left: Mapping[str, StoredPost | bytes | None]) -> dict[str, None]:
        """What is kept of an author and is older than the purge: it goes, from the topic too."""
        gone: dict[str, None] = {}
        said = [one for one in left.values() if isinstance(one, StoredPost)]
        theirs = [one for one in said if one.author and self._names.voice(one.source, one.author) == voice]
        for post in (*self.store.of_voice(voice), *theirs):
            written = self._order.last_written(post.name) or Read(self._brokers.layout.mention_partition(post.id), -1)
            purge = self._purged.since(voice, written)
            if purge is not None:
                self._to_bury[post.name] = purge
                gone[post.name] = None
        return gone

    def _erased(self, left: Mapping[str, StoredPost | bytes | None]) -> tuple[list[StoredPost], list[str]]:
        """Which posts and notes are about to go."""
        gone = [name for name, one in left.items() if one is None]
        return list(self.store.get(gone).values()), [name for name in gone if self.store.note(name) is not None]

    def _keep(self, left: Mapping[str, StoredPost | bytes | None]) -> None:
        """A disk that fails costs quotes, never a page: what is to be erased waits until it can be."""
        posts = [one for one in left.values() if isinstance(one, StoredPost)]
        self._to_erase -= left.keys()
        self._to_erase |= {name for name, one in left.items() if one is None}
        try:
            self._erase()
            for name, one in left.items():
                if isinstance(one, bytes):
                    self.store.keep_note(name, one)
            self.store.put(posts)
            self._since_bound += len(posts)
            if self._since_bound >= min(BOUND_EVERY, self._most) or self.store.used_bytes() > MOST_BYTES:
                self._bound()
        except StoreError as error:
            # A text that was not replaced may be one that its author changed: it is not quoted any more.
            self._to_erase |= {one.name for one in posts}
            log.error("texts cannot be kept; cards go without them", problem=str(error), to_erase=len(self._to_erase))

    def _erase(self) -> None:
        names = sorted(self._to_erase)
        if names:
            self.store.erase_names(names)
            for name in names:
                self.store.erase_note(name)
            self._to_erase.clear()

    def _trim(self) -> None:
        try:
            self.store.trim(self._clock() - KEPT_MS)
            self._bound()
        except StoreError as error:
            log.error("old texts cannot be removed; it is tried again within the hour", problem=str(error))

    def _bound(self) -> None:
        """Let the oldest go. Where posts are long, so many that a tenth of the file becomes free, or nearly."""
        self._since_bound = 0
        gone = self.store.keep_newest(self._most)
        if (used := self.store.used_bytes()) > MOST_BYTES:
            gone += self.store.keep_newest(self.store.count() * 9 * MOST_BYTES // (10 * used))
        if gone:
            log.warning("there are more texts than are kept: the oldest go", gone=gone)

    async def _bury_again(self) -> None:
        if not self._to_bury:
            return
        again = dict(self._to_bury)
        homes = self._brokers.layout.mentions
        records = [
            Outgoing(self._topic, partition_of(name, homes), name.encode(), None, [read.header()])
            for name, read in again.items()
        ]
        if await self._writer.try_to_write(records):
            self._to_bury = {name: read for name, read in self._to_bury.items() if name not in again}

    async def roll(self) -> None:
        """Write to every partition. A broker compacts nothing of the piece of log that it writes to, and begins
        another only when something is written: where nobody speaks, what was erased would lie there for ever.
        """
        homes = range(self._brokers.layout.mentions)
        await self._writer.try_to_write([Outgoing(self._topic, home, ROLL, None) for home in homes])

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
