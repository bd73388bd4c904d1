"""EDGE. Where a partition's state is kept: in Redis often, as an anchor now and then; and where it is taken up from.

Writing the state costs as much as there is to say, so it happens at most every few seconds, when a grid step is over,
and never takes more than a small share of the time: what was not written yet is folded again from the log.
"""

import asyncio
from time import monotonic

import structlog
from redis.exceptions import RedisError

from stream import crash
from stream.kafka.tail import Held
from tocsin.scaled.anchors import SLOTS, read_newest, records_of
from tocsin.scaled.core_metrics import Home
from tocsin.scaled.core_partition import CorePartition, Kept, Place, Unknown
from tocsin.scaled.core_tools import CoreTools

log = structlog.get_logger("tocsin")

SAVE_EVERY_S = 2.0
IN_A_STEP = 2
"""So many times as long again, while a step is under way: what waits for its end is large, and of no use after it."""
SHARE = 20
"""Saving takes at most one part in so many of the time."""
AGAIN_S = 5.0
"""After Redis did not answer, it is asked again so much later."""
ANCHOR_EVERY_S = 600.0
ANCHOR_EVERY = 20_000
"""An anchor is due after so many entries, too."""
FAR = 2_000
"""With so many entries to fold, an anchor is worth a look."""


class Keeping:
    """The kept state of one partition."""

    def __init__(self, number: int, tools: CoreTools) -> None:
        self._number = number
        self._tools = tools
        self._metrics = tools.metrics
        self.redis_away = False
        self._base: Place | None = None
        self._saved = Place()
        self._next_save_s = float("-inf")
        self._anchored = Place()
        self._next_anchor_s = monotonic() + ANCHOR_EVERY_S
        self._slot = 0

    async def restored(self, held: Held) -> tuple[CorePartition, Home]:
        """The partition as it was kept last, and where that was.

        Raises `Unknown` where its contents are gone, or it was folded in another grid than ours.
        """
        home: Home = "redis"
        kept = await self._load()
        if kept is None or held.end - kept.place.offset > FAR or kept.place.offset >= held.end:
            anchor = await read_newest(self._tools.brokers, self._number)
            if anchor is not None and (kept is None or anchor.place > kept.place):
                kept, home = anchor, "anchor"
        self._base = kept.place if kept is not None and home == "redis" else None
        if kept is None:
            inputs, contents = self._tools.brokers.layout.inputs, self._tools.contents.contents
            return CorePartition.fresh(inputs=inputs, step_ms=self._tools.step_ms, contents=contents), "topic"
        if kept.meta.step_ms != self._tools.step_ms:
            said = f"what is kept of it was folded in steps of {kept.meta.step_ms} ms, and `step` says"
            raise Unknown(f"{said} {self._tools.step_ms} ms: a step is fixed for the life of the topics")
        if home == "anchor":
            self._anchored = kept.place
        await self._tools.contents.read_on()
        return CorePartition.restored(kept, self._tools.contents.contents), home

    async def keep(self, core: CorePartition, *, final: bool = False) -> bool:
        """Keep the state if it is time to, or `final`. True when what was applied need not be carried again.

        That is so without Redis too: memory goes on, and after it anchor and topic.
        """
        began_s = monotonic()
        late_s = began_s - self._next_save_s
        if not final and (late_s < 0 or (core.in_a_step and late_s < SAVE_EVERY_S * IN_A_STEP)):
            return False
        if core.place != self._saved:
            await self._save(core)
        took_s = monotonic() - began_s
        self._next_save_s = monotonic() + (AGAIN_S if self.redis_away else max(SAVE_EVERY_S, took_s * SHARE))
        if final or self._anchor_is_due(core):
            await self._anchor(core)
        return True

    async def log_lost(self, core: CorePartition) -> None:
        """The log is another one: keep what we have in both places at once, for it can be had nowhere else."""
        self._base = None
        await self._save(core)
        await self._anchor(core)

    async def _load(self) -> Kept | None:
        try:
            return await self._tools.states.load(self._number)
        except (RedisError, OSError) as error:
            self._away(error)
            return None

    async def _save(self, core: CorePartition) -> None:
        crash.here("core.save.before")
        try:
            outcome = await self._write(core, whole=self._base is None)
            if outcome == "whole":
                self._metrics.saved(self._number, outcome)
                outcome = await self._write(core, whole=True)
        except (RedisError, OSError) as error:
            self._away(error)
            return
        crash.here("core.save.after")
        if self.redis_away:
            log.info("Redis takes the core's state again", partition=self._number)
        self.redis_away = False
        if outcome == "lower":
            self._metrics.saved(self._number, outcome)
            self._saved = core.place
            return
        core.saved()
        self._base = self._saved = core.place

    async def _write(self, core: CorePartition, *, whole: bool) -> str:
        brands = core.kept().brands if whole else core.changed()
        base = None if whole else self._base
        outcome, size_bytes = await self._tools.states.save(self._number, core.meta(), brands, base=base)
        if outcome == "saved":
            self._metrics.saved(self._number, outcome, size_bytes)
        return outcome

    async def _anchor(self, core: CorePartition) -> None:
        self._next_anchor_s = monotonic() + ANCHOR_EVERY_S
        if core.place == self._anchored:
            return
        place = core.place
        records = await asyncio.to_thread(records_of, self._tools.brokers, self._number, core.kept(), self._slot)
        crash.here("core.anchor.before")
        if await self._tools.writer.try_to_write(records):
            crash.here("core.anchor.after")
            self._anchored = place
            self._slot = (self._slot + 1) % SLOTS
            self._metrics.anchored(self._number)

    def _anchor_is_due(self, core: CorePartition) -> bool:
        entries = core.place.offset - self._anchored.offset
        return monotonic() >= self._next_anchor_s or entries >= ANCHOR_EVERY

    def _away(self, error: Exception) -> None:
        if not self.redis_away:
            said = "Redis does not take the core's state; it goes on from memory, anchors and the topic"
            log.error(said, partition=self._number, problem=type(error).__name__)
        self.redis_away = True
        self._metrics.saved(self._number, "failed")
