"""The state in Redis: whoever writes it, whoever empties it or sets it back, what is there is a state of the log.

Whoever looks at it sees that, and has only what moved sent to it.
"""

import functools
from collections.abc import Sequence
from random import Random
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from stream.codec import canonical
from stream.kafka.topics import Layout
from tests.cluster.core_helpers import redis_at
from tests.tocsin.stories import STEP_MS, lived
from tocsin.entry import Mark
from tocsin.scaled import core_keeping
from tocsin.scaled.core_glance import Glance
from tocsin.scaled.core_keeping import IN_A_STEP, SAVE_EVERY_S, Keeping
from tocsin.scaled.core_metrics import CoreMetrics
from tocsin.scaled.core_partition import CorePartition, Place
from tocsin.scaled.core_projection import CoreProjection
from tocsin.scaled.core_state import StateStore, key_of
from tocsin.scaled.core_tools import CoreTools
from tocsin.state import Contents

pytestmark = pytest.mark.slow

PREFIX = "t."


@functools.cache
def bodies(count: int = 300) -> tuple[bytes, ...]:
    """The first entries of two brands, most of which change only one of them."""
    return tuple(canonical(entry.event) for entry in lived(1, 2, 60).entries[:count])


class Writer:
    """A worker's side: what it applied, and from where its changes count."""

    def __init__(self, states: StateStore, log: Sequence[bytes] | None = None) -> None:
        self.states = states
        self.log = bodies() if log is None else log
        self.core = _fresh()
        self.base: Place | None = None

    async def go_on(self, entries: int) -> None:
        """Apply some entries."""
        for offset in range(self.core.next_offset, min(self.core.next_offset + entries, len(self.log))):
            self.core.apply(offset, 0, self.log[offset])

    async def save(self) -> str:
        """Save as a worker does."""
        core, brands = self.core, self.core.changed()
        if self.base is None:
            brands = dict(core.kept().brands)
        outcome, _ = await self.states.save(0, core.meta(), brands, base=self.base)
        if outcome == "whole":
            outcome, _ = await self.states.save(0, core.meta(), core.kept().brands, base=None)
            outcome = outcome if outcome != "saved" else "whole"
        if outcome != "lower":
            core.saved()
            self.base = core.place
        return outcome


def _fresh() -> CorePartition:
    contents = Contents(lived(1, 2, 60).bodies)
    return CorePartition.fresh(inputs=1, step_ms=STEP_MS, contents=contents)


@functools.cache
def states_of_the_log() -> list[bytes]:
    """All brands after each entry."""
    core, found = _fresh(), []
    for offset, body in enumerate(bodies()):
        core.apply(offset, 0, body)
        found.append(canonical(core.kept().brands))
    assert len(set(found)) > 100, "hardly anything changes: no proof"
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_redis_holds_a_state_of_the_log(valkey_url: str, seed: int) -> None:
    rng, redis = Random(seed), redis_at(valkey_url)
    states = StateStore(redis, PREFIX)
    writers = [Writer(states), Writer(states)]
    old: dict[bytes, bytes] = {}
    seen, highest = [], Place()
    for _ in range(120):
        what = rng.random()
        one = rng.choice(writers)
        if what < 0.05:
            await redis.flushdb()
            highest = Place()
        elif what < 0.1 and old:
            await _set_back(redis, old)
            highest = Place()
        elif what < 0.15:
            old = await redis.hgetall(key_of(PREFIX, 0))
        else:
            await one.go_on(rng.choice((1, 1, 2, 7)))
            seen.append(await one.save())
        kept = await states.load(0)
        if kept is not None:
            assert canonical(kept.brands) == states_of_the_log()[kept.place.offset]
            assert kept.place >= highest, "it went back"
            highest = kept.place
    assert {"saved", "lower", "whole"} <= set(seen), f"not every case came up: {set(seen)}"
    await redis.aclose()


async def _set_back(redis: Redis, old: dict[bytes, bytes]) -> None:
    await redis.delete(key_of(PREFIX, 0))
    await redis.hset(key_of(PREFIX, 0), mapping=old)


async def test_a_state_is_kept_when_a_step_is_over_or_it_took_too_long(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two input partitions: as long as one has sealed a step and the other has not, what is kept is soon of no use."""
    now_s, nobody = 1_000.0, cast("Any", None)
    monkeypatch.setattr(core_keeping, "monotonic", lambda: now_s)
    redis = redis_at(valkey_url)
    states = StateStore(redis, PREFIX)
    tools = CoreTools(nobody, nobody, nobody, states, CoreMetrics(), STEP_MS, None)
    core = CorePartition.fresh(inputs=2, step_ms=STEP_MS, contents=Contents({}))
    keeping = Keeping(0, tools)

    def sealed(partition: int, step: int) -> None:
        mark = Mark(partition=partition, incarnation="a", from_step=step - 1, upto_step=step, counts={})
        core.apply(core.next_offset, 0, canonical(mark))

    assert await keeping.keep(core), "nothing is kept yet"
    sealed(0, 0)
    now_s += SAVE_EVERY_S
    assert not await keeping.keep(core), "a step is under way"
    sealed(1, 0)
    assert await keeping.keep(core)
    sealed(1, 1)
    now_s += SAVE_EVERY_S * IN_A_STEP
    assert not await keeping.keep(core)
    now_s += SAVE_EVERY_S
    assert await keeping.keep(core), "one input partition may lag for long"
    kept = await states.load(0)
    assert kept is not None
    assert kept.place == core.place
    await redis.aclose()


async def test_a_state_that_cannot_be_read_counts_as_none(valkey_url: str) -> None:
    """Of another format, of another program, or without one of its brands: the log has it all."""
    redis = redis_at(valkey_url)
    states = StateStore(redis, PREFIX)
    writer = Writer(states)
    await writer.go_on(200)
    for harm in (
        lambda: redis.hset(key_of(PREFIX, 0), "meta", b"{"),
        lambda: redis.hset(
            key_of(PREFIX, 0), "meta", canonical(writer.core.meta()).replace(b'"format":1', b'"format":9')
        ),
        lambda: redis.hdel(key_of(PREFIX, 0), f"brand:{min(writer.core.engine.brands)}"),
        lambda: redis.hdel(key_of(PREFIX, 0), "meta"),
    ):
        await redis.flushdb()
        writer.base = None
        assert await writer.save() == "saved"
        assert await states.load(0) is not None
        await harm()
        assert await states.load(0) is None
    await redis.aclose()


async def test_a_core_that_has_not_begun_to_count_is_not_said_to_be_behind(valkey_url: str) -> None:
    """At a first start its time is unknown, and not 1970: nobody is told of a core that is decades behind."""
    redis = redis_at(valkey_url)
    states = StateStore(redis, PREFIX)
    writer = Writer(states)
    seen = CoreProjection(redis, Layout(PREFIX, mentions=1, entries=1), ["Acme"])
    await writer.save()
    assert await seen.refresh()
    assert seen.core_time_ms is None
    await writer.go_on(200)
    await writer.save()
    assert await seen.refresh()
    assert seen.core_time_ms == (writer.core.engine.sealing.complete_step + 1) * STEP_MS > 0
    await redis.aclose()


LAYOUT = Layout(PREFIX, mentions=1, entries=1)


def _shown(writer: Writer) -> dict[str, tuple[str, bytes]]:
    """What people are shown of each brand."""
    return {name: (one.content, canonical(one.book)) for name, one in writer.core.kept().brands.items()}


def _seen(glance: Glance) -> dict[str, tuple[str, bytes]]:
    return {name: (one.content, canonical(one.book)) for name, one in glance.brands.items()}


async def _sent_bytes(redis: Redis) -> int:
    """What Redis has sent to anybody before this answer."""
    return int((await redis.info("stats"))["total_net_output_bytes"])


async def test_whoever_looks_sees_what_was_saved_last(valkey_url: str) -> None:
    """As it goes on; after Redis was set back to where it stood before; and after it was emptied and written anew."""
    redis = redis_at(valkey_url)
    writer = Writer(StateStore(redis, PREFIX), bodies(1_300))
    await writer.go_on(100)
    await writer.save()
    glance = Glance(redis, LAYOUT, writer.core.engine.brands)
    old, then = await redis.hgetall(key_of(PREFIX, 0)), _shown(writer)
    states = set()
    for _ in range(40):
        await writer.go_on(30)
        await writer.save()
        await glance.look([0])
        assert _seen(glance) == _shown(writer)
        assert glance.metas[0].place == writer.core.place
        states.add(str(_seen(glance)))
    assert len(states) > 5, "hardly anything changes: no proof"
    await _set_back(redis, old)
    await glance.look([0])
    assert _seen(glance) == then
    await redis.flushdb()
    await glance.look([0])
    assert not glance.holds(0), "nothing is there"
    assert _seen(glance) == then, "what was seen last stays"
    writer.base = None
    await writer.save()
    await glance.look([0])
    assert glance.holds(0)
    assert _seen(glance) == _shown(writer)
    await redis.aclose()


async def test_a_look_fetches_only_what_moved_and_no_whole_state(valkey_url: str) -> None:
    """Where a partition stands its place is all that is asked for; where it moved, a part of its state."""
    redis = redis_at(valkey_url)
    writer = Writer(StateStore(redis, PREFIX))
    await writer.go_on(280)
    await writer.save()
    whole_bytes = sum(len(canonical(one)) for one in writer.core.kept().brands.values())
    glance = Glance(redis, LAYOUT, writer.core.engine.brands)

    async def fetched_bytes() -> int:
        first, second = await _sent_bytes(redis), await _sent_bytes(redis)
        await glance.look([0])
        return await _sent_bytes(redis) - second - (second - first)

    await fetched_bytes()
    assert await fetched_bytes() < 100
    await writer.go_on(1)
    await writer.save()
    assert 100 < await fetched_bytes() < whole_bytes / 2
    assert await fetched_bytes() < 100
    await redis.aclose()


async def test_a_state_that_cannot_be_read_leaves_what_was_seen(valkey_url: str) -> None:
    """Of another program: it counts as not there until it can be read again."""
    redis = redis_at(valkey_url)
    writer = Writer(StateStore(redis, PREFIX))
    await writer.go_on(200)
    await writer.save()
    glance = Glance(redis, LAYOUT, writer.core.engine.brands)
    await glance.look([0])
    before = _seen(glance)
    await redis.hset(key_of(PREFIX, 0), mapping={"meta": b"{", "offset": "100000"})
    await glance.look([0])
    assert not glance.holds(0)
    assert _seen(glance) == before
    await redis.flushdb()
    writer.base = None
    await writer.save()
    await glance.look([0])
    assert glance.holds(0)
    await redis.aclose()


async def test_what_an_earlier_version_kept_of_a_brand_is_seen(valkey_url: str) -> None:
    """It kept whole states alone; brands that have not changed since are left so."""
    redis = redis_at(valkey_url)
    writer = Writer(StateStore(redis, PREFIX))
    await writer.go_on(200)
    await writer.save()
    names = sorted(writer.core.engine.brands)
    await redis.hdel(key_of(PREFIX, 0), *(f"seen:{name}" for name in names))
    glance = Glance(redis, LAYOUT, names)
    await glance.look([0])
    assert _seen(glance) == _shown(writer)
    assert any(one.book is not None for one in glance.brands.values()), "nobody has a book: no proof"
    await redis.aclose()
