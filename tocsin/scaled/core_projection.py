"""EDGE. What a delivery worker sees of the core: its incidents and how far it is, read from the state in Redis.

It is read, never written, and a little old; decisions come by their own topic. Where Redis is away, or empty, what was
seen last stays, and `age_s` says how old that is.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import cast

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from alerting.escalation import Casebook
from stream.codec import decode
from stream.kafka.topics import Layout
from tocsin.scaled.core_partition import CoreMeta
from tocsin.scaled.core_state import BRAND, META, key_of

log = structlog.get_logger("tocsin")

LOOK_S = 2.0
"""How often it is looked how far the core is."""


class SeenBrand(msgspec.Struct):
    """One brand, as the core last left it: of its whole state what people are shown."""

    content: str = ""
    book: Casebook | None = None


class CoreProjection:
    """The brands, as far as Redis knows them. Begins empty."""

    def __init__(
        self,
        redis: Redis,
        layout: Layout,
        brands: Iterable[str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._layout = layout
        self._names = sorted(brands)
        self._monotonic = monotonic
        self._seen: dict[str, SeenBrand] = {}
        self._bodies: dict[str, bytes] = {}
        self._metas: dict[int, CoreMeta] = {}
        self._read_s: float | None = None
        self.looks = 0
        """Grows with every look at all brands that Redis answered."""
        self._is_away = False

    @property
    def brands(self) -> Mapping[str, SeenBrand]:
        """By name, those that are known."""
        return self._seen

    @property
    def core_time_ms(self) -> int | None:
        """Up to when the core has decided, in the partition that is least far; `None` where one was never seen, or has
        not begun to count.
        """
        homes = {self._layout.brand_partition(name) for name in self._names}
        if not homes <= self._metas.keys():
            return None
        ends = [(meta.sealing.complete_step + 1) * meta.step_ms for home, meta in self._metas.items() if home in homes]
        return min(ends) if ends and min(ends) > 0 else None

    @property
    def moves(self) -> int:
        """Grows with every record that the core takes in."""
        return sum(meta.place.generation + meta.place.offset for meta in self._metas.values())

    @property
    def age_s(self) -> float:
        """How old what is seen is; without end where nothing was ever seen."""
        return float("inf") if self._read_s is None else self._monotonic() - self._read_s

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(LOOK_S)

    async def refresh(self, names: Iterable[str] | None = None) -> bool:
        """Look at these brands, or at all, now. Whether Redis answered."""
        wanted = self._names if names is None else sorted({*names} & {*self._names})
        homes: dict[int, list[str]] = {}
        for name in wanted:
            homes.setdefault(self._layout.brand_partition(name), []).append(name)
        began_s = self._monotonic()
        try:
            for home, here in homes.items():
                await self._look(home, here)
        except (RedisError, OSError) as error:
            if not self._is_away:
                log.warning("Redis does not answer: the core is seen as it was", problem=type(error).__name__)
            self._is_away = True
            return False
        if self._is_away:
            log.info("Redis answers again")
        self._is_away = False
        if names is None:
            self._read_s = began_s
            self.looks += 1
        return True

    async def _look(self, home: int, names: list[str]) -> None:
        fields = [META, *(f"{BRAND}{name}" for name in names)]
        found = await self._redis.hmget(key_of(self._layout.prefix, home), fields)
        meta, *bodies = cast("list[bytes | None]", found)
        try:
            if meta is not None:
                self._metas[home] = decode(meta, CoreMeta)
            for name, body in zip(names, bodies, strict=True):
                if body is not None and body != self._bodies.get(name):
                    self._seen[name] = decode(body, SeenBrand)
                    self._bodies[name] = body
        except (msgspec.MsgspecError, ValueError) as error:
            # Of another version, during an upgrade: what was seen before stays.
            log.error("the core's state in Redis cannot be read", partition=home, problem=type(error).__name__)
