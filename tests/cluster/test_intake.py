"""Intake workers on Apache Kafka: what is in the topics takes effect once, however it is read, cut and taken over."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from stream import crash
from stream.kafka.cuts import Outgoing, PlaceError
from stream.kafka.making import make_topics
from stream.kafka.records import headers_of
from stream.names import Names
from tests.cluster.broker import Broker
from tests.cluster.conftest import MakeBrokers
from tests.cluster.intake_helpers import (
    PATIENCE_S,
    Played,
    all_of,
    at_work,
    commit,
    core_of,
    fill,
    mentions_in,
    night,
    places,
    records_in,
    trim,
    until_sealed,
    worker,
    write,
)
from tests.mentions import mention
from tests.tocsin.stories import STEP_MS, Said
from tocsin.scaled.intake_worker import IntakeWorker

pytestmark = [pytest.mark.slow]

POINTS = ("kafka.parts.before", "kafka.parts.after", "kafka.mark.after", "kafka.commit.before", "kafka.commit.after")


class Died(Exception):  # noqa: N818 - what it did
    """A worker ended here."""


@contextlib.contextmanager
def dying_at(point: str, times: int) -> Iterator[None]:
    """Whoever comes by a point for the so-manieth time ends there."""
    passed = 0

    def hook(name: str) -> None:
        nonlocal passed
        passed += name == point
        if name == point and passed == times:
            raise Died(point)

    crash.install(hook)
    try:
        yield
    finally:
        crash.install(None)


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something, with a deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"not in {PATIENCE_S} s: {what}"
        await asyncio.sleep(0.02)


def halves(played: Played) -> tuple[list, list]:  # type: ignore[type-arg]
    """A log, cut in the middle."""
    middle = len(played.log) // 2
    return played.log[:middle], played.log[middle:]


@pytest.mark.parametrize(("partitions", "workers", "batch"), [(1, 1, 7), (4, 2, 500), (4, 3, 1)])
async def test_any_layout_and_batch_gives_the_chains_of_one_process(
    make_brokers: MakeBrokers, partitions: int, workers: int, batch: int
) -> None:
    played = night()
    brokers = await make_brokers(mentions=partitions, entries=2, stamped=False)
    await fill(brokers, played.log)
    running = [worker(brokers, played.story, max_records=batch) for _ in range(workers)]
    async with at_work(*running):
        await until_sealed(brokers, played.end_step)
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains
    assert not core.waiting
    assert sum(one.loop.counts["records"] for one in running) >= records_in(played.log)
    assert core.decided["OpenIncident"], "a night without an incident shows nothing"


@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_that_dies_anywhere_between_reading_and_committing_loses_and_doubles_nothing(
    make_brokers: MakeBrokers, point: str
) -> None:
    played = night()
    brokers = await make_brokers(mentions=2, entries=2, stamped=False)
    await fill(brokers, played.log)
    deaths = 0
    for times in (1, 3):
        with dying_at(point, times):
            with pytest.raises(Died):
                await worker(brokers, played.story, max_records=40).run()
            deaths += 1
    async with at_work(worker(brokers, played.story, max_records=40)):
        await until_sealed(brokers, played.end_step)
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains
    assert deaths == 2
    if point in ("kafka.mark.after", "kafka.commit.before"):
        assert core.dropped, "what was sealed and not committed is written again, and dropped"


async def test_two_workers_that_both_believe_a_partition_is_theirs_change_nothing(make_brokers: MakeBrokers) -> None:
    """The second stands for a worker that was paused and does not know that it lost its partitions: what it seals first
    reaches from before what the other has sealed to beyond.
    """
    played = night()
    brokers = await make_brokers(mentions=2, entries=2, stamped=False)
    first_half, second_half = halves(played)
    await fill(brokers, first_half, ended=False)
    async with at_work(worker(brokers, played.story, max_records=60)):
        await until_sealed(brokers, first_half[len(first_half) // 2].observed_ms // STEP_MS)
    await fill(brokers, second_half)
    one, other = (
        worker(brokers, played.story, max_records=11),
        worker(brokers, played.story, max_records=5_000, group="zombies"),
    )
    async with at_work(one, other):
        await until_sealed(brokers, played.end_step)
        await until_sealed(brokers, played.end_step, "zombies")
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains
    assert core.dropped
    assert core.straddled, "their marks do not end at the same steps"


async def test_partitions_that_move_while_they_are_read_lose_and_double_nothing(make_brokers: MakeBrokers) -> None:
    played = night()
    brokers = await make_brokers(mentions=4, entries=2, stamped=False)
    first_half, second_half = halves(played)
    await fill(brokers, first_half, ended=False)
    first, second = (worker(brokers, played.story, max_records=5) for _ in range(2))
    async with at_work(first):
        await until(lambda: len(first.loop.partitions) == 5, "one worker has all partitions")
        async with at_work(second):
            await until(lambda: len(second.loop.partitions) >= 2, "the second has its share")
            await fill(brokers, second_half)
            await until(lambda: second.loop.counts["records"] > 50, "the second reads")
        await until_sealed(brokers, played.end_step)
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains
    assert first.loop.counts["rebalances"] >= 3, "one joined, one left"
    assert first.loop.counts["kept"], "what came back untouched went on"


async def test_with_its_beats_an_idle_worker_keeps_the_time_of_all_its_partitions_moving(
    make_brokers: MakeBrokers,
) -> None:
    brokers = await make_brokers(mentions=3, entries=2)
    played = night()
    one = worker(brokers, played.story, beats=True, step_ms=1_000)
    began = int(time.time())
    async with at_work(one):
        found = await until_sealed(brokers, began + 2)
    assert len(found) == 4, "the partition of control too"


async def test_a_broker_that_is_killed_and_comes_back_costs_nothing_but_time(
    make_brokers: MakeBrokers, kafka: Broker
) -> None:
    played = night()
    brokers = await make_brokers(mentions=2, entries=2, stamped=False)
    await fill(brokers, played.log)
    one = worker(brokers, played.story, max_records=3)
    async with at_work(one):
        await until(lambda: one.loop.counts["seals"] > 10, "it writes")
        await asyncio.to_thread(kafka.kill)
        sealed = one.loop.counts["seals"]
        await asyncio.to_thread(kafka.start)
        await until_sealed(brokers, played.end_step)
    assert one.loop.counts["seals"] > sealed
    assert not one.loop.counts["wiped"]
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains


async def test_one_brand_that_takes_the_whole_stream_is_work_for_all(make_brokers: MakeBrokers) -> None:
    """A crisis is a hot key: posts go by their ids, and a brand's entries are counts."""
    played = night(count=1)
    brokers = await make_brokers(mentions=4, entries=2, stamped=False)
    both = [worker(brokers, played.story) for _ in range(2)]
    async with at_work(*both):
        await until(lambda: all(len(one.loop.partitions) >= 2 for one in both), "each has its share")
        base_ms = played.log[-1].observed_ms
        posts = [Said(base_ms + n // 4, mention(n, at_ms=base_ms, text="Tulpatel is down")) for n in range(2_000)]
        await fill(brokers, [*posts, Said(base_ms + 60_000, None)])
        await until_sealed(brokers, (base_ms + 60_000) // STEP_MS)
    read = sorted(one.mentions["read"] for one in both)
    assert sum(read) == 2_000
    assert read[0] > 2_000 * 0.35, "evenly enough: two or three partitions of five each, one of them without posts"
    assert sum(one.written["parts"] for one in both) <= 8, "one a partition and step, whatever comes in"


async def test_wiped_brokers_are_an_alarm_and_everything_that_is_there_then_is_read(
    make_brokers: MakeBrokers, kafka: Broker
) -> None:
    played = night()
    brokers = await make_brokers(mentions=2, entries=2, stamped=False)
    first_half, second_half = halves(played)
    await fill(brokers, first_half, ended=False)
    one = worker(brokers, played.story)
    async with at_work(one):
        await until(lambda: one.loop.counts["records"] >= records_in(first_half), "the first half is read")
        await until(lambda: min(one.loop.sealed().values()) > 0, "and committed")
        read = one.mentions["read"]
        await asyncio.to_thread(kafka.wipe)
        await make_topics(brokers)
        await fill(brokers, second_half)
        found = await until_sealed(brokers, played.end_step)
    assert one.loop.counts["wiped"] == 3, "all three input partitions"
    assert all(place.offset > 0 for place in found.values())
    assert one.mentions["read"] - read >= mentions_in(second_half)
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert not core.waiting, "the first mark of a new log follows nothing"


async def test_a_log_that_was_made_anew_is_known_by_the_stamp_at_the_place(make_brokers: MakeBrokers) -> None:
    """As long as before, or longer: the offset alone would say that nothing happened."""
    played = night()
    brokers = await make_brokers(mentions=1, entries=1, stamped=False)
    await fill(brokers, played.log[:300])
    async with at_work(worker(brokers, played.story)):
        before = await until_sealed(brokers, played.log[299].observed_ms // STEP_MS)
    other = await make_brokers(mentions=1, entries=1, stamped=False)
    await fill(other, played.log[20:])
    await commit(other, before)
    one = worker(other, played.story)
    async with at_work(one):
        await until_sealed(other, played.end_step)
    assert one.loop.counts["wiped"] == 2
    assert one.mentions["read"] == mentions_in(played.log[20:]), "from the first record on"


async def test_a_trimmed_log_is_an_alarm_and_goes_on_at_the_earliest(make_brokers: MakeBrokers) -> None:
    played = night()
    brokers = await make_brokers(mentions=1, entries=1, stamped=False)
    first_half, second_half = halves(played)
    await fill(brokers, first_half, ended=False)
    async with at_work(worker(brokers, played.story)):
        await until_sealed(brokers, first_half[2].observed_ms // STEP_MS)
    await fill(brokers, second_half)
    place = (await places(brokers))[0]
    await trim(brokers, place.offset + 30)
    one = worker(brokers, played.story)
    async with at_work(one):
        await until_sealed(brokers, played.end_step)
    assert one.loop.counts["trimmed"] == 1
    assert one.loop.counts["lost_records"] == 30
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert not core.waiting


async def test_steps_of_another_size_are_refused_in_plain_words(make_brokers: MakeBrokers) -> None:
    played = night()
    brokers = await make_brokers(mentions=1, entries=1, stamped=False)
    await fill(brokers, played.log[:50])
    async with at_work(worker(brokers, played.story)):
        await until_sealed(brokers, played.log[49].observed_ms // STEP_MS)
    with pytest.raises(PlaceError, match="fixed for the life of the topics"):
        await asyncio.wait_for(worker(brokers, played.story, step_ms=10_000).run(), PATIENCE_S)


async def test_a_worker_with_another_names_key_is_refused_by_the_place_of_the_first(make_brokers: MakeBrokers) -> None:
    played = night()
    brokers = await make_brokers(mentions=1, entries=1, stamped=False)
    await fill(brokers, played.log[:50])
    async with at_work(worker(brokers, played.story)):
        await until_sealed(brokers, played.log[49].observed_ms // STEP_MS)
    before = await all_of(brokers, "entries", 0)
    other = IntakeWorker(brokers, played.story.brands, Names(b"another"), step_ms=STEP_MS, beats=False)
    with pytest.raises(PlaceError, match="the key of the names is not the one"):
        await asyncio.wait_for(other.run(), PATIENCE_S)
    assert len(await all_of(brokers, "entries", 0)) == len(before)


async def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_rest_goes_on(make_brokers: MakeBrokers) -> None:
    played = night()
    brokers = await make_brokers(mentions=2, entries=2, stamped=False)
    layout = brokers.layout
    at_ms = played.log[40].observed_ms
    bad = [
        Outgoing(layout.name("mentions"), 1, None, b"{oops", headers_of("mention", "forum"), at_ms),
        Outgoing(layout.name("mentions"), 0, None, b"\xff" * 90_000, headers_of("mention", "forum"), at_ms),
        Outgoing(layout.name("mentions"), 0, None, None, (), at_ms),
        Outgoing(layout.name("control"), 0, None, b'{"type":"answer"}', headers_of("control", ""), at_ms),
    ]
    await fill(brokers, played.log[:40], ended=False)
    await write(brokers, [one._replace(key=b"k") if one.value is None else one for one in bad])
    await fill(brokers, played.log[40:])
    one = worker(brokers, played.story)
    async with at_work(one):
        await until_sealed(brokers, played.end_step)
    assert sum(one.letters.values()) == 4
    letters = await all_of(brokers, "dead-letters", 0)
    assert sorted(len(letter.value) for letter in letters) == [0, 5, 17, 65536], "cut where they are long"
    core = await core_of(brokers, played.story.bodies, until=played.end_step)
    assert core.chains == played.chains
