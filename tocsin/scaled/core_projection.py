"""EDGE. What a delivery worker sees of the core: its incidents and how far it is, read from the state in Redis.

It is read, never written, and a little old; decisions come by their own topic. Where Redis is away, or empty, what was
seen last stays, and `age_s` says how old that is.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from stream.kafka.topics import Layout
from tocsin.scaled.core_glance import Glance
from tocsin.scaled.core_state import SeenBrand

log = structlog.get_logger("tocsin")

LOOK_S = 2.0
"""How often it is looked how far the core is."""


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
        self._layout = layout
        self._names = frozenset(brands)
        self._monotonic = monotonic
        self._glance = Glance(redis, layout, self._names)
        self._read_s: float | None = None
        self.looks = 0
        """Grows with every look at all brands that Redis answered."""
        self._is_away = False

    @property
    def brands(self) -> Mapping[str, SeenBrand]:
        """By name, those that are known."""
        return self._glance.brands

    @property
    def core_time_ms(self) -> int | None:
        """Up to when the core has decided, in the partition that is least far; `None` where one was never seen, or has
        not begun to count.
        """
        metas = self._glance.metas
        if not self._glance.homes <= metas.keys():
            return None
        ends = [(meta.sealing.complete_step + 1) * meta.step_ms for meta in metas.values()]
        return min(ends) if ends and min(ends) > 0 else None

    @property
    def moves(self) -> int:
        """Grows with every record that the core takes in."""
        return sum(meta.place.generation + meta.place.offset for meta in self._glance.metas.values())

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
        wanted = self._names if names is None else self._names.intersection(names)
        began_s = self._monotonic()
        try:
            await self._glance.look({self._layout.brand_partition(name) for name in wanted})
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
