"""EDGE. A look at what the core keeps in Redis, for those who show it: only what moved since the last look is fetched.

A state belongs to its place in the log, so a partition that stands where it stood is not asked for more than that. Of
one that moved come how far it is and what people are shown of its brands, never the whole states, which are many times
as large.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import msgspec
import structlog
from redis.asyncio import Redis

from stream.codec import decode
from stream.kafka.topics import Layout
from tocsin.scaled.core_partition import CoreMeta
from tocsin.scaled.core_state import BRAND, META, PLACE, SEEN, SeenBrand, key_of

log = structlog.get_logger("tocsin")


class Glance:
    """What was seen last. Begins empty; what Redis lost since is still there, but no longer `held`."""

    def __init__(self, redis: Redis, layout: Layout, brands: Iterable[str]) -> None:
        self._redis = redis
        self._prefix = layout.prefix
        self._names: dict[int, list[str]] = {}
        for name in sorted(brands):
            self._names.setdefault(layout.brand_partition(name), []).append(name)
        self._places: dict[int, list[bytes]] = {}
        self._bodies: dict[str, bytes] = {}
        self.metas: dict[int, CoreMeta] = {}
        """By partition, those that were ever seen."""
        self.brands: dict[str, SeenBrand] = {}
        """By name, those that were ever seen."""

    @property
    def homes(self) -> frozenset[int]:
        """The partitions in which the brands are."""
        return frozenset(self._names)

    def holds(self, partition: int) -> bool:
        """Whether Redis had something of it that could be read, at the last look."""
        return partition in self._places

    async def look(self, partitions: Iterable[int]) -> None:
        """Look at these partitions now. Raises `RedisError` or `OSError` where Redis does not answer."""
        wanted = sorted(partitions)
        async with self._redis.pipeline(transaction=False) as asked:
            for number in wanted:
                asked.hmget(key_of(self._prefix, number), PLACE)
            places = cast("list[list[bytes | None]]", await asked.execute())
        for number, place in zip(wanted, places, strict=True):
            if None in place:
                self._places.pop(number, None)
            elif place != self._places.get(number):
                await self._fetch(number)

    async def _fetch(self, number: int) -> None:
        names = self._names.get(number, [])
        generation, offset, meta, *seen = await self._fields(number, [*PLACE, META, *(f"{SEEN}{one}" for one in names)])
        self._places.pop(number, None)
        if generation is None or offset is None or meta is None:
            return
        try:
            known = decode(meta, CoreMeta)
            bodies = {name: body for name, body in zip(names, seen, strict=True) if body is not None}
            bodies |= await self._whole(number, sorted({*names} & {*known.brands} - {*bodies}))
            changed = {name: body for name, body in bodies.items() if body != self._bodies.get(name)}
            brands = {name: decode(body, SeenBrand) for name, body in changed.items()}
        except (msgspec.MsgspecError, ValueError) as error:
            # Of another version, during an upgrade: what was seen before stays.
            log.error("the core's state in Redis cannot be read", partition=number, problem=type(error).__name__)
            return
        self.metas[number] = known
        self.brands |= brands
        self._bodies |= changed
        self._places[number] = [generation, offset]

    async def _whole(self, number: int, names: Sequence[str]) -> dict[str, bytes]:
        """The states of brands of which an earlier version kept nothing else."""
        if not names:
            return {}
        found = await self._fields(number, [f"{BRAND}{name}" for name in names])
        return {name: body for name, body in zip(names, found, strict=True) if body is not None}

    async def _fields(self, number: int, fields: Sequence[str]) -> "list[bytes | None]":
        return cast("list[bytes | None]", await self._redis.hmget(key_of(self._prefix, number), list(fields)))
