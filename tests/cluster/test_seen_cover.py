"""What intake has seen, in Redis too: a start is quick with it and the same without it, whatever became of it there."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from stream.kafka import tail
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Place
from stream.kafka.places import resumed
from stream.kafka.tail import Tail
from stream.repeats import Sighting
from tests.cluster.conftest import MakeBrokers
from tests.cluster.intake_helpers import (
    PATIENCE_S,
    Played,
    at_work,
    commit,
    core_of,
    fill,
    mentions_in,
    night,
    places,
    until_sealed,
    worker,
)
from tests.cluster.valkey import Valkey
from tests.tocsin.stories import STEP_MS
from tocsin.scaled import intake_partition, seen_cover
from tocsin.scaled.intake_partition import PartitionIntake
from tocsin.scaled.intake_worker import IntakeWorker
from tocsin.scaled.seen_cover import Chunk, SeenCover, without_gap

slow = pytest.mark.slow


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_url)
    yield client
    await client.aclose()


async def caught_up(brokers: Brokers, one: IntakeWorker) -> None:
    """Wait until a worker has read all that is there, in all partitions."""
    deadline = time.monotonic() + PATIENCE_S
    while len(one.loop.partitions) < brokers.layout.inputs or one.loop.counts["records"] < 1:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    goal = await ends(brokers)
    while one.loop.positions() != goal or min(one.loop.sealed().values()) < 0:
        assert time.monotonic() < deadline, f"{one.loop.positions()} of {goal}"
        await asyncio.sleep(0.02)


async def ends(brokers: Brokers) -> dict[int, int]:
    """Where each input partition ends now."""
    found = {}
    for number in range(brokers.layout.inputs):
        async with Tail(brokers, *brokers.layout.home_of(number)) as one:
            found[number] = (await one.held()).end
    return found


def held(partition: PartitionIntake) -> list[Any]:
    """What a partition knows of ids, in the order in which it came to know it."""
    return [*partition.repeats.known().items(), *partition.repeats._noted.items()]


def memory(one: IntakeWorker) -> dict[int, Any]:
    """What a worker has seen, in order, by partition."""
    return {number: held(part) for number, part in sorted(one._partitions.items())}


async def begun(make_brokers: MakeBrokers, redis: Redis) -> tuple[Brokers, Played, int]:
    """The first half of a night, taken in by a worker that told Redis what it saw."""
    played = night()
    brokers = await make_brokers(mentions=2, entries=2, stamped=False)
    middle = len(played.log) // 2
    await fill(brokers, played.log[:middle], ended=False)
    one = worker(brokers, played.story, redis=redis, max_records=15)
    async with at_work(one):
        await caught_up(brokers, one)
    assert one.cover is not None
    assert not one.cover.counts["failed"]
    return brokers, played, middle


async def recalled(one: IntakeWorker, brokers: Brokers, number: int, place: Place) -> tuple[list[Any], int]:
    """What a worker that goes on at a place knows again, in order; and how many mentions the topic had to tell it."""
    async with Tail(brokers, *brokers.layout.home_of(number)) as open_tail:
        at = await resumed(open_tail, place, vanished=False, step_ms=STEP_MS)
        partition = one._begin(number, "again", at)
        await partition.recall(open_tail, at)
    return held(partition), one.written["recalled"]


async def untouched(redis: Redis, key: str) -> None:
    pass


async def flushed(redis: Redis, key: str) -> None:
    await redis.flushdb()


async def without_its_middle(redis: Redis, key: str) -> None:
    held = await redis.lrange(key, 0, -1)
    await redis.lrem(key, 1, held[len(held) // 2])


async def without_its_beginning(redis: Redis, key: str) -> None:
    await redis.lpop(key)


async def begun_late(redis: Redis, key: str) -> None:
    held = [Chunk.read(one) for one in await redis.lrange(key, 0, -1)]
    await redis.delete(key)
    for chunk in held[len(held) // 2 :]:
        await redis.rpush(key, chunk._replace(before=chunk.before - held[len(held) // 2].before).body())


async def for_want_of_room(redis: Redis, key: str) -> None:
    held = [Chunk.read(one) for one in await redis.lrange(key, 0, -1)]
    await redis.delete(key)
    size = sum(len(one.body()) for one in held) // 2
    cover = SeenCover(redis, key.partition("seen:")[0], key.split(":")[1], room_bytes=size)
    for chunk in held:
        await cover.append(int(key.rsplit(":", 1)[1]), chunk, 0)
    assert 1 < len(await redis.lrange(key, 0, -1)) < len(held)


async def of_old(redis: Redis, key: str) -> None:
    await redis.rpop(key)
    await redis.rpop(key)


async def of_another_log(redis: Redis, key: str) -> None:
    held = [Chunk.read(one) for one in await redis.lrange(key, 0, -1)]
    await redis.delete(key)
    for chunk in held:
        await redis.rpush(key, chunk._replace(stamp_ms=chunk.stamp_ms + 1).body())


async def of_rubbish(redis: Redis, key: str) -> None:
    await redis.lset(key, 0, b"rubbish")


async def with_rubbish_inside(redis: Redis, key: str) -> None:
    held = await redis.lrange(key, 0, -1)
    await redis.lset(key, 2, held[2].partition(b"\n")[0] + b"\nrubbish")


@slow
async def test_with_its_cover_a_worker_reads_nothing_again_and_knows_the_same(
    make_brokers: MakeBrokers, redis: Redis
) -> None:
    brokers, played, middle = await begun(make_brokers, redis)
    await commit(brokers, await places(brokers), "plain")
    quick = worker(brokers, played.story, redis=redis)
    plain = worker(brokers, played.story, group="plain")
    async with at_work(quick, plain):
        await caught_up(brokers, quick)
        await caught_up(brokers, plain)
        assert quick.cover is not None
        assert quick.cover.counts["used"] >= 2
        assert not quick.written["recalled"]
        assert plain.written["recalled"] > 50
        assert memory(quick) == memory(plain)
        await fill(brokers, played.log[middle:])
        await until_sealed(brokers, played.end_step)
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains


SPOILS = (
    *(untouched, flushed, without_its_middle, without_its_beginning, begun_late, for_want_of_room, of_old),
    *(of_another_log, of_rubbish, with_rubbish_inside),
)
CALLED = {
    without_its_beginning: {"partial"},
    for_want_of_room: {"partial"},
    begun_late: {"short"},
    of_another_log: {"refused"},
    of_rubbish: {"refused"},
    with_rubbish_inside: {"refused"},
}
USELESS = (flushed, begun_late, of_another_log, of_rubbish)


@slow
async def test_a_cover_that_is_gone_old_or_lying_changes_nothing(
    make_brokers: MakeBrokers, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_cover, "CHUNKS", 2)  # few posts, and still several readings
    monkeypatch.setattr(seen_cover, "HEADS", 3)
    brokers, played, _ = await begun(make_brokers, redis)
    kept_by_key = {key.decode(): await redis.lrange(key, 0, -1) for key in await redis.keys("*seen:*")}
    key = max(kept_by_key, key=lambda one: len(kept_by_key[one]))
    number = int(key.rsplit(":", 1)[1])
    assert len(kept_by_key[key]) >= 4, "several chunks, or there is no middle"
    place = (await places(brokers))[number]
    truth, _ = await recalled(worker(brokers, played.story), brokers, number, place)
    assert len(truth) > 20
    for spoil in SPOILS:
        await redis.flushdb()
        await redis.rpush(key, *kept_by_key[key])
        await spoil(redis, key)
        one = worker(brokers, played.story, redis=redis)
        seen, from_topic = await recalled(one, brokers, number, place)
        assert seen == truth, spoil.__name__
        assert (from_topic == 0) == (spoil is untouched), spoil.__name__
        assert one.cover is not None
        called = {word for word in ("partial", "short", "refused") if one.cover.counts[word]}
        assert called == CALLED.get(spoil, set()), spoil.__name__
        assert ("used" in one.cover.counts) == (spoil not in USELESS), spoil.__name__
    await redis.flushdb()
    monkeypatch.setattr(intake_partition, "CHUNK", 5)
    monkeypatch.setattr(tail, "AT_ONCE", 10)
    seen, every = await recalled(worker(brokers, played.story, redis=redis), brokers, number, place)
    assert seen == truth
    seen, rest = await recalled(worker(brokers, played.story, redis=redis), brokers, number, place)
    assert seen == truth
    assert rest < every / 2, "what the topic told is told to Redis on the way, not held until the end"


@slow
async def test_without_redis_intake_goes_on_and_tells_it_later_what_it_missed(
    make_brokers: MakeBrokers, own_valkey: Valkey
) -> None:
    played = night()
    brokers = await make_brokers(mentions=1, entries=1, stamped=False)
    middle = len(played.log) // 2
    redis = Redis.from_url(own_valkey.url(0), socket_timeout=0.3, socket_connect_timeout=0.3)
    one = worker(brokers, played.story, redis=redis, max_records=20)
    assert one.cover is not None
    async with at_work(one):
        await fill(brokers, played.log[: middle // 2], ended=False)
        await caught_up(brokers, one)
        await asyncio.to_thread(own_valkey.stop)
        await fill(brokers, played.log[middle // 2 : middle], ended=False)
        await caught_up(brokers, one)
        assert one.cover.counts["failed"]
        await asyncio.to_thread(own_valkey.start)
        await fill(brokers, played.log[middle:])
        await until_sealed(brokers, played.end_step)
        await caught_up(brokers, one)
    held = [Chunk.read(body) for body in await redis.lrange(one.cover._key(0), 0, -1)]
    assert [left.end for left in held[:-1]] == [right.first for right in held[1:]], "no gap"
    ids = {sighting.offset for chunk in held for sighting in chunk.sightings}
    assert len(ids) >= mentions_in(played.log[middle:]) // 2
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains
    await redis.aclose()


def sightings(count: int, first: int = 0) -> list[Sighting]:
    return [Sighting(b"%016d" % n, n, 1_000 + n) for n in range(first, first + count)]


async def kept(cover: SeenCover, number: int = 0) -> list[tuple[int, int]]:
    return [(one.first, one.end) for one in map(Chunk.read, await cover._held(number))]


async def test_chunks_follow_each_other_and_what_does_not_begins_anew(redis: Redis) -> None:
    cover = SeenCover(redis, "t.", "judged")
    for chunk in (
        Chunk(0, 5, 1_000, sightings(5)),
        Chunk(5, 9, 1_005, sightings(4, 5)),
        Chunk(2, 9, 1_002, []),
        Chunk(8, 12, 1_008, []),
    ):
        await cover.append(0, chunk, 0)
    assert await kept(cover) == [(0, 5), (5, 9), (8, 12)]
    await cover.append(0, Chunk(20, 22, 1_020, []), 0)
    assert await kept(cover) == [(20, 22)], "after a hole, what was before it is worth nothing"


async def test_what_is_older_than_the_window_goes(redis: Redis) -> None:
    cover = SeenCover(redis, "t.", "judged")
    for n in range(5):
        await cover.append(3, Chunk(n * 10, n * 10 + 10, 1_000 + n * 10, sightings(10, n * 10)), 0)
    await cover.append(3, Chunk(50, 60, 1_050, sightings(10, 50)), 1_035)
    assert await kept(cover, 3) == [(30, 40), (40, 50), (50, 60)]


async def test_a_cover_keeps_to_its_room_and_lets_the_oldest_go(redis: Redis) -> None:
    cover = SeenCover(redis, "t.", "judged", room_bytes=4_000)
    for n in range(40):
        await cover.append(1, Chunk(n * 10, n * 10 + 10, 1_000 + n * 10, sightings(10, n * 10)), 0)
        held = await cover._held(1)
        assert sum(map(len, held)) <= 4_000
    ranges = await kept(cover, 1)
    assert 3 < len(ranges) < 40
    assert ranges[-1] == (390, 400)
    assert [end for _, end in ranges[:-1]] == [first for first, _ in ranges[1:]]
    await cover.append(1, Chunk(400, 800, 1_400, sightings(400, 400)), 0)
    assert await kept(cover, 1) == [(400, 800)], "the newest stays, whatever it takes"


async def test_a_redis_without_room_is_counted_and_stops_nobody(own_valkey: Valkey) -> None:
    redis = Redis.from_url(own_valkey.url(0))
    cover = SeenCover(redis, "t.", "judged")
    await cover.append(0, Chunk(0, 5, 1_000, sightings(5)), 0)
    await redis.config_set("maxmemory", 1)
    await cover.append(0, Chunk(5, 9, 1_005, sightings(4, 5)), 0)
    assert (cover.counts["full"], cover.counts["failed"]) == (1, 1)
    assert await kept(cover) == [(0, 5)]
    await redis.config_set("maxmemory", 0)
    await cover.append(0, Chunk(9, 12, 1_009, []), 0)
    assert await kept(cover) == [(0, 5), (5, 9), (9, 12)], "what waited is told"
    await redis.aclose()


async def test_a_chunk_of_before_there_was_a_bound_is_read_and_followed(redis: Redis) -> None:
    cover = SeenCover(redis, "t.", "judged")
    old = Chunk(0, 5, 1_000, sightings(5))
    await redis.rpush(cover._key(0), old.line() + b"\n" + old.packed())
    await cover.append(0, Chunk(5, 9, 1_005, sightings(4, 5)), 0)
    assert await kept(cover) == [(0, 5), (5, 9)]


def test_a_large_chunk_is_cut_between_offsets_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_cover, "CHUNK", 3)
    twice = [one for n in range(10) for one in (Sighting(b"k" * 16, n, n), Sighting(b"k" * 16, n, n, ("Acme",)))]
    whole = Chunk(0, 12, 77, twice)
    pieces = list(whole.pieces())
    assert len(pieces) > 3
    assert [one for piece in pieces for one in piece.sightings] == twice
    assert [piece.end for piece in pieces[:-1]] == [piece.first for piece in pieces[1:]]
    assert (pieces[0].first, pieces[-1].end) == (0, 12)
    for piece in pieces:
        assert all(piece.first <= one.offset < piece.end for one in piece.sightings)
    heads = [piece.head for piece in pieces]
    assert without_gap(heads, 0, 12) == heads
