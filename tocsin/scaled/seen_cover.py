"""EDGE. What intake has seen, kept in Redis too, so that a start need not read 48 hours of a topic again.

The topic is the truth. A cover is chunks, each of which says which offsets `[first, end)` it covers; they count only
where they follow each other without a gap, and where the records at their beginnings bear the stamps that the chunks
name. What is missing at either end is read from the topic. The core's state lives in the same Redis and matters more:
a cover takes a bounded room, and its oldest chunks go where that is full.
"""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from stream.brands import Brand
from stream.codec import canonical
from stream.kafka.tail import Tail
from stream.repeats import Repeats, Sighting

log = structlog.get_logger("tocsin")

ROOM_BYTES = 64 << 20
"""What the covers of all input partitions together may hold. At 76 bytes a matched post (measured) that is 880,000 of
them, five a second for 48 hours; what was before those is read from the topic at a start."""
CHUNK = 5_000
"""Sightings in one chunk at the most: under half a megabyte, so that also a hundredth of the room holds one."""
CHUNKS = 64
"""Chunks that are read at once."""
HEADS = 1_000
WAITING = 200_000
"""Sightings that wait for a Redis that is away; beyond that they are forgotten, and the topic has them."""
KEEP_MS = 12 * 3_600_000
"""A cover that nobody adds to any more, for one because the queries are others now, is gone after so long."""

_APPEND = """
local last = redis.call('LINDEX', KEYS[1], -1)
local before = 0
if last then
  local held, gone = string.match(last, '^%d+ (%d+) %-?%d+ %-?%d+ ?(%d*)\\n')
  held = tonumber(held)
  if held == nil or tonumber(ARGV[1]) > held then
    redis.call('DEL', KEYS[1])
  elseif tonumber(ARGV[2]) <= held then
    return 0
  else
    before = (tonumber(gone) or 0) + #last
  end
end
local chunk = ARGV[3] .. ' ' .. string.format('%d', before) .. '\\n' .. ARGV[4]
redis.call('RPUSH', KEYS[1], chunk)
while redis.call('LLEN', KEYS[1]) > 1 do
  local first = redis.call('LINDEX', KEYS[1], 0)
  local newest, gone = string.match(first, '^%d+ %d+ %-?%d+ (%-?%d+) ?(%d*)\\n')
  if newest == nil then break end
  local room = before + #chunk - (tonumber(gone) or 0)
  if tonumber(newest) >= tonumber(ARGV[5]) and room <= tonumber(ARGV[6]) then break end
  redis.call('LPOP', KEYS[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return 1
"""
"""Appends one chunk: after a gap the old ones go, what is covered already is left out, and what is too old or finds no
room goes. Each chunk says how many bytes were appended before it: so the first and the last tell what all take."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Sighting]).decode


_HEADS = """
local found = {}
for i, chunk in ipairs(redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])) do
  found[i] = string.match(chunk, '^[^\\n]*')
end
return found
"""


class Head(NamedTuple):
    """What a chunk says of itself: that it covers the offsets `[first, end)` of one input partition."""

    first: int
    end: int
    stamp_ms: int
    """The stamp that the record at `first` bears; -1 where it is not known."""
    before: int = 0
    """Bytes that were appended before it since the cover began: 0 for the chunk with which it began."""

    @classmethod
    def read(cls, line: bytes) -> "Head":
        """The head of a chunk as it is kept. Raises `ValueError` on anything else."""
        first, end, stamp_ms, _, *before = map(int, line.split())
        if len(before) > 1:
            raise ValueError("not the head of a chunk")
        return cls(first, end, stamp_ms, *before)


class Chunk(NamedTuple):
    """What was seen at the offsets `[first, end)` of one input partition, in order."""

    first: int
    end: int
    stamp_ms: int
    sightings: Sequence[Sighting]
    before: int = 0
    """As its head says; Redis knows it when the chunk is appended."""

    @property
    def head(self) -> Head:
        """What it says of itself."""
        return Head(self.first, self.end, self.stamp_ms, self.before)

    def line(self) -> bytes:
        """Its head as it is kept, but for `before`."""
        newest_ms = self.sightings[-1].observed_ms if self.sightings else -1
        return f"{self.first} {self.end} {self.stamp_ms} {max(newest_ms, self.stamp_ms)}".encode()

    def packed(self) -> bytes:
        """Its sightings as they are kept."""
        return _encode(list(self.sightings))

    def body(self) -> bytes:
        """As it is kept.

        >>> chunk = Chunk(3, 5, 1000, [Sighting(b"0123456789abcdef", 4, 1001, ("Acme",))])
        >>> Chunk.read(chunk.body()) == chunk
        True
        """
        return b"%s %d\n%s" % (self.line(), self.before, self.packed())

    @classmethod
    def read(cls, body: bytes) -> "Chunk":
        """The inverse of `body`. Raises `ValueError` on anything else."""
        line, _, rest = body.partition(b"\n")
        try:
            first, end, stamp_ms, before = Head.read(line)
            return cls(first, end, stamp_ms, _decode(rest), before)
        except msgspec.MsgspecError:
            raise ValueError("not a chunk") from None

    def pieces(self) -> "Iterator[Chunk]":
        """The same in chunks of a size that Redis takes easily."""
        first, stamp_ms = self.first, self.stamp_ms
        start = 0
        while len(self.sightings) - start > CHUNK:
            cut = start + CHUNK
            while cut < len(self.sightings) and self.sightings[cut].offset == self.sightings[cut - 1].offset:
                cut += 1
            end = self.sightings[cut].offset if cut < len(self.sightings) else self.end
            yield Chunk(first, end, stamp_ms, self.sightings[start:cut])
            first, stamp_ms, start = end, -1, cut
        if first < self.end:
            yield Chunk(first, self.end, stamp_ms, self.sightings[start:])


def judged_by(brands: Sequence[Brand]) -> str:
    """What posts were matched by: a cover that was written under other queries is none of ours."""
    return hashlib.sha256(canonical(list(brands))).hexdigest()[:16]


ReadTopic = Callable[[int, int], Awaitable[None]]
"""Lets the topic tell what was seen at the offsets `[first, end)`."""


class SeenCover:
    """The covers of one deployment's input partitions, each of which may take `room_bytes`.

    `counts` counts used, covered, partial (the topic told the beginning), short (covered too little and was begun
    anew), refused (not of this log), failed, full (of them those for which Redis had no room), forgotten.
    """

    def __init__(self, redis: Redis, prefix: str, judged: str, *, room_bytes: int = ROOM_BYTES) -> None:
        self._redis = redis
        self._room_bytes = room_bytes
        self._prefix = prefix
        self._judged = judged
        self._append = redis.register_script(_APPEND)
        self._ask_heads = redis.register_script(_HEADS)
        self._waiting: dict[int, list[tuple[Chunk, int]]] = {}
        self._away = False
        self.counts: Counter[str] = Counter()

    async def recall(self, repeats: Repeats, number: int, tail: Tail, *, first: int, end: int, read: ReadTopic) -> int:
        """Let `repeats` know what the cover says about `[first, end)`. Returns where the topic goes on.

        Where the cover's beginning went for want of room, `read` comes first. A few chunks are read at a time: two
        days of a busy partition are more than a process should hold twice.
        """
        self._waiting.pop(number, None)
        found = await self._usable(number, tail, first, end)
        if found is None:
            return first
        start, used = found
        if used[0].first > first:
            self.counts["partial"] += 1
            await read(first, used[0].first)
        return await self._absorb(repeats, number, start, used, (max(first, used[0].first), end))

    async def _usable(self, number: int, tail: Tail, first: int, end: int) -> tuple[int, list[Head]] | None:
        """The chunks that can be used, and how many come before them. A cover of which none can is begun anew."""
        try:
            heads = await self._heads(number)
            if not heads:
                return None
            begins = max(first, heads[0].first) if heads[0].before else first
            used = without_gap(heads, begins, end)
            if used and await _tells_the_truth(used, tail):
                return heads.index(used[0]), used
            short = not used and first < end
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return None
        except ValueError:
            short = False  # not even its heads can be read
        await self._refuse(number, short=short)
        return None

    async def _heads(self, number: int) -> list[Head]:
        found: list[Head] = []
        while True:
            start = len(found)
            lines = await self._ask_heads(keys=[self._key(number)], args=(start, start + HEADS - 1))
            found += [Head.read(line) for line in lines]
            if len(lines) < HEADS:
                return found

    async def _absorb(
        self, repeats: Repeats, number: int, start: int, heads: Sequence[Head], span: tuple[int, int]
    ) -> int:
        """Read the chunks of these heads, of which the first is the `start`-th; where they end too early, the topic
        goes on."""
        place, end = span
        self.counts["used"] += 1
        wanted = dict.fromkeys(heads)
        try:
            while wanted and (bodies := await self._held(number, start, start + CHUNKS - 1)):
                for chunk in map(Chunk.read, bodies):
                    if chunk.head in wanted and chunk.first <= place:
                        seen = [one for one in chunk.sightings if place <= one.offset < end]
                        repeats.absorb(seen)
                        self.counts["covered"] += len(seen)
                        place = min(end, max(place, chunk.end))
                    wanted.pop(chunk.head, None)
                start += len(bodies)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
        except ValueError:
            await self._refuse(number)
        return place

    async def append(self, number: int, chunk: Chunk, horizon_ms: int) -> None:
        """Add what was seen; what is older than `horizon_ms` goes. Where Redis is away it waits, up to a bound."""
        waiting = self._waiting.setdefault(number, [])
        waiting += [(piece, horizon_ms) for piece in chunk.pieces()]
        try:
            while waiting:
                piece, before_ms = waiting[0]
                await self._append(
                    keys=[self._key(number)],
                    args=(
                        *(piece.first, piece.end, piece.line(), piece.packed()),
                        *(before_ms, self._room_bytes, KEEP_MS),
                    ),
                )
                waiting.pop(0)
                if self._away:
                    self._away = False
                    log.info("Redis takes what was seen again")
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            if sum(len(piece.sightings) for piece, _ in waiting) > WAITING:
                self.counts["forgotten"] += len(waiting)
                waiting.clear()

    def _key(self, number: int) -> str:
        return f"{self._prefix}seen:{self._judged}:{number}"

    async def _held(self, number: int, start: int = 0, stop: int = -1) -> list[bytes]:
        found = await self._redis.lrange(self._key(number), start, stop)
        return [one if isinstance(one, bytes) else one.encode("latin-1") for one in found]

    async def _refuse(self, number: int, *, short: bool = False) -> None:
        self.counts["short" if short else "refused"] += 1
        if short:
            log.info("what Redis says was seen covers too little; the topic tells all of it", partition=number)
        else:
            log.warning("what Redis says was seen is not of this log", partition=number)
        try:
            await self._redis.delete(self._key(number))
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.counts["failed"] += 1
        full = isinstance(error, OutOfMemoryError)
        self.counts["full"] += full
        if full and not self._away:
            log.error("Redis has no room; what was seen is known from the topic")
        elif not self._away:
            log.error("Redis is away; what was seen is known from the topic", problem=type(error).__name__)
        self._away = True


def without_gap(heads: Sequence[Head], first: int, end: int) -> list[Head]:
    """The chunks that cover `[first, ...)` without a gap, up to `end` at the most; none where they begin too late.

    >>> seen = [Head(0, 5, -1), Head(5, 9, -1), Head(12, 15, -1)]
    >>> [head.first for head in without_gap(seen, 2, 20)], without_gap(seen[1:], 2, 20)
    ([0, 5], [])
    """
    found: list[Head] = []
    for head in heads:
        reached = found[-1].end if found else first
        if head.first > reached or reached >= end:
            break
        if head.end > reached:
            found.append(head)
    return found


async def _tells_the_truth(heads: Sequence[Head], tail: Tail) -> bool:
    """Whether the records where chunks begin bear the stamps that they name: the oldest and the newest are asked."""
    known = [head for head in heads if head.stamp_ms >= 0]
    for head in {one.first: one for one in (*known[:1], *known[-1:])}.values():
        record = await tail.one(head.first)
        if record is None or record.timestamp != head.stamp_ms:
            return False
    return True
