"""EDGE. Anchors: the whole state of a partition in the compacted topic `anchors`, now and then.

With one, a start without Redis need not fold the log from its first entry; and when the log itself is lost, open
incidents go on from there. Two slots take turns, so a whole one is there while the next is being written.
"""

import zlib
from collections.abc import Iterable

import msgspec
import structlog

from stream.codec import canonical, decode, digest
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.tail import Tail
from tocsin.scaled.core_partition import FORMAT, CoreMeta, Kept, Place
from tocsin.state import FrozenBrand

log = structlog.get_logger("tocsin")

SLOTS = 2
CHUNK_BYTES = 512 << 10
TOPIC = "anchors"


class Whole(msgspec.Struct):
    """A state in one piece."""

    meta: CoreMeta
    brands: dict[str, FrozenBrand]


class Closing(msgspec.Struct, frozen=True):
    """The last record of an anchor: what belongs to it."""

    slot: int
    place: Place
    chunks: int
    digest: str
    """Of the chunks, put together."""
    format: int = FORMAT


def packed(kept: Kept, slot: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of an anchor's records, in the order in which they are to be written."""
    body = zlib.compress(canonical(Whole(kept.meta, dict(kept.brands))), 1)
    cut = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
    closing = Closing(slot, kept.place, len(cut), digest(body))
    return [*((_chunk_key(slot, n), chunk) for n, chunk in enumerate(cut)), (f"{slot}".encode(), canonical(closing))]


def newest(records: Iterable[tuple[bytes, bytes]]) -> Kept | None:
    """The newest anchor that is whole and that this version can read, among the records of one partition."""
    last = dict(records)
    closings = []
    for slot in range(SLOTS):
        try:
            closings.append(decode(last.get(f"{slot}".encode(), b""), Closing))
        except msgspec.MsgspecError:
            continue
    for closing in sorted(closings, key=lambda one: one.place, reverse=True):
        body = b"".join(last.get(_chunk_key(closing.slot, n), b"") for n in range(closing.chunks))
        if closing.format == FORMAT and digest(body) == closing.digest:
            try:
                whole = decode(zlib.decompress(body), Whole)
            except (msgspec.MsgspecError, zlib.error) as error:
                log.error("an anchor cannot be read", problem=str(error)[:200])
                continue
            return Kept(whole.meta, whole.brands)
    return None


def records_of(brokers: Brokers, partition: int, kept: Kept, slot: int) -> list[Outgoing]:
    """An anchor, ready to be written."""
    topic = brokers.layout.name(TOPIC)
    return [Outgoing(topic, partition, key, value) for key, value in packed(kept, slot)]


async def read_newest(brokers: Brokers, partition: int) -> Kept | None:
    """The newest whole anchor of a partition, or `None`."""
    last: dict[bytes, bytes] = {}  # of each key, as a compaction will leave it: what is older may be a gigabyte
    async with Tail(brokers, brokers.layout.name(TOPIC), partition) as tail:
        held = await tail.held()
        async for records in tail.read(held.first, held.end):
            last.update((record.key, record.value) for record in records if record.key and record.value)
    return newest(last.items())


def _chunk_key(slot: int, n: int) -> bytes:
    return f"{slot}/{n:04}".encode()
