"""The state in Redis: whoever writes it, whoever empties it or sets it back, what is there is a state of the log."""

import functools
from random import Random

import pytest
from redis.asyncio import Redis

from stream.codec import canonical
from stream.kafka.topics import Layout
from tests.cluster.core_helpers import redis_at
from tests.tocsin.stories import STEP_MS, lived
from tocsin.scaled.core_partition import CorePartition, Place
from tocsin.scaled.core_projection import CoreProjection
from tocsin.scaled.core_state import StateStore, key_of
from tocsin.state import Contents

pytestmark = pytest.mark.slow

PREFIX = "t."


@functools.cache
def bodies(count: int = 300) -> tuple[bytes, ...]:
    """The first entries of two brands, most of which change only one of them."""
    return tuple(canonical(entry.event) for entry in lived(1, 2, 60).entries[:count])


class Writer:
    """A worker's side: what it applied, and from where its changes count."""

    def __init__(self, states: StateStore) -> None:
        self.states = states
        self.core = _fresh()
        self.base: Place | None = None

    async def go_on(self, entries: int) -> None:
        """Apply some entries."""
        for offset in range(self.core.next_offset, min(self.core.next_offset + entries, len(bodies()))):
            self.core.apply(offset, 0, bodies()[offset])

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
