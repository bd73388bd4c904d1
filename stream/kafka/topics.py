"""The topics of one deployment: their names, how they are cut, and how long each keeps what. Pure.

    mentions, control -> intake workers -> entries -> core workers -> decisions -> delivery workers
                                        -> texts                     deliveries <-'

Partition counts are fixed for a topic's life (DESIGN T6): repeats are known by partition, and brands live in one.
"""

from typing import NamedTuple

from stream.kafka.murmur import murmur2

KEEP_FOR_EVER = -1
CONTROL_PARTITIONS = 1
"""Answers, reports and configuration have one input partition of their own, so that they have one order."""
TEXTS = "compact,delete"
"""What was erased goes, and what is old."""
ERASED_WITHIN_MS = 86_400_000
"""A text that was erased is compacted away that soon; without a limit, a segment that is written to keeps it a week."""
LARGEST_BYTES = 8 << 20
"""A record at most: a part with two thousand threads is half a megabyte."""


class Topic(NamedTuple):
    """One topic as it must be."""

    name: str
    partitions: int
    replication: int
    cleanup: str
    """`delete`, `compact`, or both."""
    keep_ms: int = KEEP_FOR_EVER
    stamped: bool = False
    """Whether the broker stamps a record when it is appended: when we knew (DESIGN T2)."""
    compact_within_ms: int | None = None
    """How long a record that was replaced or erased may lie at most, where the topic is compacted."""

    def config(self) -> dict[str, str]:
        """Its settings, as a broker spells them."""
        found = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(LARGEST_BYTES),
            "message.timestamp.type": "LogAppendTime" if self.stamped else "CreateTime",
            "min.insync.replicas": str(self.replication // 2 + 1),  # said even of one copy: brokers may ask for two
        }
        if "delete" in self.cleanup:
            found |= {"retention.ms": str(self.keep_ms), "retention.bytes": "-1"}
        if "compact" in self.cleanup:
            found |= {"min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "86400000"}
            # A late record of a worker that lost the lead must not be all that is left of its key: whoever leads sees
            # it, and writes what holds again. It has an hour for that.
            found["min.compaction.lag.ms"] = "3600000"
            if self.compact_within_ms is not None:
                found["max.compaction.lag.ms"] = str(self.compact_within_ms)
        return found


class Layout(NamedTuple):
    """How a deployment's topics are named and cut.

    >>> layout = Layout("tocsin.", mentions=4, entries=2)
    >>> layout.inputs, layout.control_input
    (5, 4)
    >>> [topic.name for topic in layout.topics()][:3]
    ['tocsin.mentions', 'tocsin.control', 'tocsin.entries']
    """

    prefix: str = "tocsin."
    mentions: int = 12
    entries: int = 12
    replication: int = 3
    keep_ms: int = 7 * 86_400_000
    keep_texts_ms: int = 30 * 86_400_000
    """How long what people wrote may lie in `texts`."""
    stamped: bool = True
    """False in a replay: records bring the stamps that they were recorded with."""

    @property
    def inputs(self) -> int:
        """Input partitions: those of `mentions`, and after them the one of `control`."""
        return self.mentions + CONTROL_PARTITIONS

    @property
    def control_input(self) -> int:
        """The number that the partition of `control` has among the input partitions."""
        return self.mentions

    def name(self, topic: str) -> str:
        """A topic's full name."""
        return f"{self.prefix}{topic}"

    def input_of(self, topic: str, partition: int) -> int:
        """The number of an input partition. Raises `ValueError` for a topic that is no input."""
        if topic == self.name("mentions"):
            return partition
        if topic == self.name("control"):
            return self.mentions + partition
        raise ValueError(f"{topic} is no input")

    def home_of(self, number: int) -> tuple[str, int]:
        """Topic and partition of an input partition."""
        if number < self.mentions:
            return self.name("mentions"), number
        return self.name("control"), number - self.mentions

    def mention_partition(self, mention_id: str) -> int:
        """Where a mention goes: a repeat meets the same worker."""
        return partition_of(mention_id, self.mentions)

    def brand_partition(self, brand: str) -> int:
        """Where a brand lives, in `entries` and in `decisions`."""
        return partition_of(brand, self.entries)

    def topics(self) -> list[Topic]:
        """Every topic, as it must be."""
        keep_ms, keep_texts_ms = (one if self.stamped else KEEP_FOR_EVER for one in (self.keep_ms, self.keep_texts_ms))
        return [
            self._topic("mentions", self.mentions, "delete", keep_ms, stamped=self.stamped),
            self._topic("control", CONTROL_PARTITIONS, "delete", KEEP_FOR_EVER, stamped=self.stamped),
            self._topic("entries", self.entries, "delete", KEEP_FOR_EVER, stamped=True),
            self._topic("decisions", self.entries, "delete", KEEP_FOR_EVER, stamped=True),
            self._topic("texts", self.mentions, TEXTS, keep_texts_ms)._replace(compact_within_ms=ERASED_WITHIN_MS),
            self._topic("dead-letters", 1, "delete", 30 * 86_400_000, stamped=True),
            self._topic("contents", 1, "compact"),
            self._topic("anchors", self.entries, "compact"),
            self._topic("deliveries", 1, "compact"),
        ]

    def _topic(
        self, name: str, partitions: int, cleanup: str, keep_ms: int = KEEP_FOR_EVER, *, stamped: bool = False
    ) -> Topic:
        return Topic(self.name(name), partitions, self.replication, cleanup, keep_ms, stamped)


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as Kafka's own clients choose it.

    >>> partition_of("Tulpatel", 12) == partition_of("Tulpatel", 12)
    True
    """
    return (murmur2(key.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF) % partitions
