"""EDGE. The door's way into Kafka: what `stream.sources.intake_log.Appender` is to the log of one process.

A sender is told "accepted" once every replica in step has the record. What is told "not stored" may be there all the
same: sent again, it is a repeat by its id.
"""

import asyncio
from collections.abc import Sequence

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.records import headers_of
from stream.kafka.topics import Layout, partition_of
from stream.kafka.writer import Writer
from stream.mention import Mention
from stream.reading import DEFAULT_SOURCE, BadMention, Reader
from stream.sources.intake_log import Item, Overloaded
from stream.sources.kinds import RecordKind
from stream.sources.signing import Seen
from stream.sources.store import StoreError

PATIENCE_S = 10.0
"""How long a caller waits for the brokers; shorter than what senders give us."""
_ANY_TIME_MS = 1_700_000_000_000
"""A reader wants to know when a line was seen; for its id that does not matter."""


class TopicAppender:
    """Writes mentions into the partition of their id, an author's purge into every one, and everything else into
    `control`.

    To be started before it takes anything; until then it raises `StoreError`. `appended` and `overloaded` count.
    Signatures are not kept: a request that is sent again to another door is a repeat by its mentions' ids.
    """

    def __init__(
        self,
        brokers: Brokers,
        writer: Writer,
        *,
        waiting_items: int = 20_000,
        waiting_bytes: int = 64 << 20,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._layout = brokers.layout
        self._writer = writer
        self._limits = (waiting_items, waiting_bytes)
        self._patience_s = patience_s
        self._readers: dict[str, Reader] = {}
        self._items = 0
        self._bytes = 0
        self.appended = 0
        self.overloaded = 0

    async def append(self, items: Sequence[Item], *, seen: Sequence[tuple[str, Seen]] = ()) -> None:
        """Append `items`: acknowledged by the brokers when this returns.

        Raises `Overloaded` at once if too much is waiting already, and `StoreError` where no broker answers in time.
        """
        size = sum(len(body) for _, _, body in items)
        if self._items and (self._items + len(items) > self._limits[0] or self._bytes + size > self._limits[1]):
            self.overloaded += 1
            raise Overloaded(f"{self._items} items wait to be written")
        self._items += len(items)
        self._bytes += size
        try:
            await self._write([out for item in items for out in self._outgoing(*item)])
        finally:
            self._items -= len(items)
            self._bytes -= size
        self.appended += len(items)

    def known(self, source: str) -> Sequence[Seen]:
        """None: see above."""
        return ()

    async def _write(self, records: Sequence[Outgoing]) -> None:
        if not self._writer.is_open:
            raise StoreError("no broker has answered yet")
        try:
            async with asyncio.timeout(self._patience_s):
                written = await self._writer.try_to_write(records)
        except TimeoutError:
            written = False
        if not written:
            raise StoreError("the brokers did not acknowledge in time")

    def _outgoing(self, kind: RecordKind, source: str, body: bytes) -> list[Outgoing]:
        layout = self._layout
        if kind != "mention":
            return [Outgoing(layout.name("control"), 0, None, body, headers_of(kind, source))]
        mention = self._mention(source, body)
        key = None if mention is None else mention.id.encode("utf-8", "surrogatepass")
        homes = [unnamed_partition(layout, body) if mention is None else layout.mention_partition(mention.id)]
        if mention is not None and mention.kind == "purge":
            homes = list(range(layout.mentions))  # an author's posts are everywhere
        return [Outgoing(layout.name("mentions"), home, key, body, headers_of("mention", source)) for home in homes]

    def _mention(self, source: str, body: bytes) -> Mention | None:
        """The mention, as intake will read it; `None` for what intake will bury."""
        source = source or DEFAULT_SOURCE
        try:
            reader = self._readers.get(source)
            if reader is None:
                reader = self._readers[source] = Reader(source)
            return reader.read(body, _ANY_TIME_MS)
        except BadMention:
            return None


def unnamed_partition(layout: Layout, body: bytes) -> int:
    """Where a body goes that says no id: always to the same partition.

    >>> unnamed_partition(Layout(mentions=4), b"oops") == unnamed_partition(Layout(mentions=4), b"oops")
    True
    """
    return partition_of(body[:1_000].decode("latin-1"), layout.mentions)
