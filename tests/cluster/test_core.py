"""The core on real brokers: the chains of one process, whatever happens to workers, Redis and the stream between."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import msgspec
import pytest

import tocsin.scaled.core_keeping as keeping
import tocsin.scaled.core_runner as running
from stream.codec import canonical, decode
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing, Place
from stream.kafka.faust_app import Carried
from stream.kafka.making import make_topics
from stream.kafka.tail import Tail
from tests.cluster.broker import Broker
from tests.cluster.conftest import MakeBrokers
from tests.cluster.core_helpers import (
    Journal,
    at_work,
    chains,
    count,
    decided,
    journal,
    night_journal,
    night_of,
    nights,
    read_all,
    records_in,
    redis_at,
    tell,
    until,
    worker,
    write,
)
from tests.cluster.intake_helpers import commit
from tests.cluster.processes import free_port
from tests.cluster.valkey import Valkey
from tests.tocsin.stories import STEP_MS, Lived, apply_all, chains_of, lived
from tocsin.engine import Engine
from tocsin.entry import Entry, Event, Mark, Tick
from tocsin.scaled.core_keeping import Keeping
from tocsin.scaled.core_partition import CorePartition, Decided
from tocsin.scaled.core_runner import PartitionRunner
from tocsin.scaled.core_state import StateStore
from tocsin.scaled.core_worker import UNFED, CoreWorker, clock_ms
from tocsin.scaled.role import STALLED, Ended
from tocsin.state import Contents

pytestmark = pytest.mark.slow

Told = tuple[Brokers, Lived, Journal]


@pytest.fixture
async def told(make_brokers: MakeBrokers) -> Told:
    """A story of two brands over two entries partitions, whose contents are known; the journal is to be written."""
    brokers = await make_brokers(mentions=2, entries=2)
    story, entries = night_of(), night_journal(brokers.layout)
    assert len({brokers.layout.brand_partition(brand.name) for brand in story.brands}) == 2, "each has work to do"
    await tell(brokers, story)
    return brokers, story, entries


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """State is kept, and the log looked at, more often than in earnest."""
    monkeypatch.setattr(keeping, "SAVE_EVERY_S", 0.05)
    monkeypatch.setattr(keeping, "AGAIN_S", 0.2)
    monkeypatch.setattr(running, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(running, "AT_ONCE", 50)


# --- the same decisions -----------------------------------------------------------------------------------------------


async def test_workers_that_come_and_go_decide_what_one_process_decides(
    told: Told, valkey_url: str, brisk: None
) -> None:
    """One worker, then two, then the other alone: what was begun is gone on with, and nothing is decided twice over."""
    brokers, story, entries = told
    one, two = worker(brokers, valkey_url), worker(brokers, valkey_url)
    await journal(brokers, entries, share=(0.0, 0.4))
    async with at_work(two):
        async with at_work(one):
            await until(read_all(entries, one, two, share=0.4), "two fifths are applied")
            await until(lambda: len(one.runners) == len(two.runners) == 1, "each has a partition")
            await journal(brokers, entries, share=(0.4, 0.7))
            await until(read_all(entries, one, two, share=0.7), "seven tenths are applied")
        await journal(brokers, entries, share=(0.7, 1.0))
        await until(read_all(entries, two), "everything is applied")
        await until(lambda: two.health().ready, "it says that all is well")
    assert chains(await decided(brokers)) == story.chains
    assert count(two, "tocsin_core_rebalances_total") >= 2
    assert count(two, "tocsin_core_restores_total", home="redis") >= 1, "it went on where the other had kept its state"
    assert count(two, "tocsin_core_dropped_parts_total") == 0, "nothing is said of partitions after the end"


async def test_two_workers_on_one_partition_decide_the_same_under_the_same_keys(
    told: Told, valkey_url: str, brisk: None
) -> None:
    """One of them was never told that it lost the partition: it reads, decides and writes on."""
    brokers, story, entries = told
    one, zombie = worker(brokers, valkey_url), worker(brokers, valkey_url)
    await journal(brokers, entries, share=(0.0, 0.3))
    await zombie._tools.writer.start()
    await zombie._tools.contents.read_on()
    lost = PartitionRunner(0, zombie._tools, Keeping(0, zombie._tools), lambda _: None)
    living = asyncio.create_task(lost.run())
    await until(lambda: lost.core is not None and not lost.trouble, "the zombie lives")
    async with at_work(one):
        for begin, end in ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0)):
            await journal(brokers, entries, share=(begin, end))
            await until(read_all(entries, one, share=end), "the worker gets on")
            await until(lambda: lost.core is not None and lost.behind == 0, "the zombie too")
        whole = len(entries[0])
        await until(lambda: lost.core is not None and lost.core.next_offset == whole, "the zombie read it all")
    await lost.stop()
    await living
    await zombie._tools.writer.stop()
    found = await decided(brokers)
    assert chains(found) == story.chains
    assert await records_in(brokers, "decisions") > sum(map(len, found.values())), "the zombie never wrote: no proof"


# --- Redis ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["flush", "restore", "stop"])
async def test_redis_emptied_set_back_or_away_changes_nothing(
    told: Told, own_valkey: Valkey, brisk: None, what: str
) -> None:
    brokers, story, entries = told
    url = own_valkey.url()
    one = worker(brokers, url)
    await journal(brokers, entries, share=(0.0, 0.3))
    async with at_work(one):
        await until(read_all(entries, one, share=0.3), "a third is applied")
        await until(lambda: all_kept(one), "both states are kept")
        await asyncio.to_thread(own_valkey.save)
        await journal(brokers, entries, share=(0.3, 0.6))
        await until(read_all(entries, one, share=0.6), "two thirds are applied")
        await until(lambda: all_kept(one), "both states are kept again")
        await asyncio.to_thread(getattr(own_valkey, what))
        await journal(brokers, entries, share=(0.6, 0.8))
        await until(read_all(entries, one, share=0.8), "it goes on all the same")
        if what == "stop":
            await until(lambda: not one.health().ready, "it says that Redis is away")
            assert "Redis" in " ".join(one.health().waits)
        else:
            await until(lambda: all_kept(one), "Redis has both states once more")
    two = worker(brokers, url)
    await journal(brokers, entries, share=(0.8, 1.0))
    async with at_work(two):
        await until(read_all(entries, two), "another worker applied the rest")
    assert chains(await decided(brokers)) == story.chains
    wholes = count(one, "tocsin_core_saves_total", outcome="whole")
    homes = {home: count(two, "tocsin_core_restores_total", home=home) for home in ("redis", "anchor", "topic")}
    if what == "stop":
        assert count(one, "tocsin_core_saves_total", outcome="failed") > 0
        assert homes == {"redis": 0, "anchor": 2, "topic": 0}
    else:
        assert wholes >= 2, "changes alone would not have fitted what Redis held"
        assert homes == {"redis": 2, "anchor": 0, "topic": 0}
        await _state_is_that_of_the_log(brokers, url, entries, story)


def all_kept(one: CoreWorker) -> bool:
    """Whether Redis has all that the worker applied."""
    held = [(runner.core, keeping) for runner, keeping, _ in one._runners.values()]
    return all(core is not None and keeping._saved == core.place for core, keeping in held)


async def _state_is_that_of_the_log(brokers: Brokers, url: str, entries: Journal, story: Lived) -> None:
    states = StateStore(redis_at(url), brokers.layout.prefix)
    for number, bodies in entries.items():
        kept = await states.load(number)
        assert kept is not None
        there = CorePartition.restored(kept, Contents(story.bodies))
        fresh = CorePartition.fresh(inputs=brokers.layout.inputs, step_ms=STEP_MS, contents=Contents(story.bodies))
        for offset, body in enumerate(bodies):
            fresh.apply(offset, 0, body)
        assert there.next_offset == len(bodies)
        assert canonical(there.kept().brands) == canonical(fresh.kept().brands)
        assert there.chain == fresh.chain


async def test_an_old_state_in_redis_is_brought_up_to_date_from_the_log(
    make_brokers: MakeBrokers, own_valkey: Valkey, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no worker runs, Redis is set back far; what is known to be decided is not written again."""
    brokers = await make_brokers(mentions=1, entries=1)
    story = lived(1, 1, 60)
    bodies = nights(story, brokers.layout)
    entries, first = {0: bodies}, until_paged(story, bodies) / len(bodies)
    await tell(brokers, story)
    await journal(brokers, entries, share=(0.0, first))
    one, two, three = (worker(brokers, own_valkey.url()) for _ in range(3))
    async with at_work(one):
        await until(read_all(entries, one, share=first), "the first page is due")
    await asyncio.to_thread(own_valkey.save)
    await journal(brokers, entries, share=(first, 1.0))
    async with at_work(two):
        await until(read_all(entries, two), "everything is applied")
    before = await _all_decided(brokers)
    await asyncio.to_thread(own_valkey.restore)
    monkeypatch.setattr(keeping, "FAR", 1_000_000)  # the newer anchor is not looked at
    async with at_work(three):
        await until(read_all(entries, three), "everything is applied again")
    assert chains(await decided(brokers)) == story.chains
    assert count(three, "tocsin_core_restores_total", home="redis") == 1
    last = before[-1].offset
    twice = [one for one in before if len(bodies) * first <= one.offset < last]
    assert len(twice) > 5, "hardly anything was decided since: no proof"
    again = (await _all_decided(brokers))[len(before) :]
    assert {one.offset for one in again} <= {last}, "what the last entry led to may be half written, no other"


# --- deaths and faults ------------------------------------------------------------------------------------------------

DEATHS = (
    "core.apply.before:150",
    "core.save.after:4",
    "core.emit.before:1",
    "core.emit.after:1",
    "core.anchor.after:1",
)


async def test_a_worker_killed_anywhere_loses_and_doubles_nothing(told: Told, valkey_url: str, brisk: None) -> None:
    brokers, story, entries = told
    await journal(brokers, entries)
    for death in DEATHS:
        call = [sys.executable, "-m", "tests.cluster.core_process", brokers.bootstrap]
        call += [msgspec.json.encode(brokers.layout).decode(), valkey_url]
        process = subprocess.Popen(call, env={**os.environ, "TOCSIN_CRASH_AT": death}, stderr=subprocess.DEVNULL)
        try:
            await until(lambda process=process: process.poll() is not None, f"it dies at {death}")
        finally:
            process.kill()
            process.wait()
        assert process.returncode == -signal.SIGKILL, f"{death}: it ended by itself"
    last = worker(brokers, valkey_url)
    async with at_work(last):
        await until(read_all(entries, last), "the rest is applied")
    assert chains(await decided(brokers)) == story.chains


async def test_a_record_whose_handler_raised_is_read_again(
    told: Told, valkey_url: str, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust takes such a record for done. Others never reach us at all: both are missed, and read beside the stream."""
    brokers, story, entries = told
    one = worker(brokers, valkey_url)
    taken, seen = one._take, 0

    async def take(carried: Carried) -> None:
        nonlocal seen
        seen += 1
        if seen % 40 == 7:
            raise RuntimeError("a handler that fails now and then")
        if seen % 40 != 9:
            await taken(carried)

    monkeypatch.setattr(one, "_take", take)
    async with at_work(one):
        await until(lambda: len(one.runners) == 2 and not one.health().waits, "it works")
        before = count(one, "tocsin_core_fetched_entries_total")
        await journal(brokers, entries)
        await until(read_all(entries, one), "everything is applied")
        assert seen > 800
        assert one._carrier is not None
        assert one._carrier.failures > 10
        assert count(one, "tocsin_core_fetched_entries_total") > before + 10
    assert chains(await decided(brokers)) == story.chains


async def test_a_stream_that_brings_nothing_is_done_without_and_started_anew(
    told: Told, valkey_url: str, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    brokers, story, entries = told
    one = worker(brokers, valkey_url)
    deaf = True

    async def take(carried: Carried) -> None:
        if not deaf:
            await CoreWorker._take(one, carried)

    monkeypatch.setattr(one, "_take", take)
    async with at_work(one):
        await until(lambda: len(one.runners) == 2 and not one.health().waits, "it works")
        for n in range(2 * UNFED + 4):  # a start looks once, and what it finds then is nobody's fault
            await journal(brokers, entries, share=(n / 20, (n + 1) / 20))
            await until(read_all(entries, one, share=(n + 1) / 20), "it reads beside the stream")
        await until(lambda: count(one, "tocsin_core_stream_restarts_total") >= 1, "the stream is started anew")
        deaf = False
        await journal(brokers, entries, share=((2 * UNFED + 4) / 20, 1.0))
        await until(read_all(entries, one), "everything is applied")
    assert chains(await decided(brokers)) == story.chains


async def test_a_fold_that_failed_begins_again_from_the_kept_state(
    told: Told, valkey_url: str, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in memory then may be half an entry ahead, and is not trusted."""
    brokers, story, entries = told
    apply, failed = Engine.apply, []

    def fails(self: Engine, entry: Entry) -> object:
        found = apply(self, entry)
        if entry.seq in (200, 500) and (entry.seq, self._brands.keys()) not in failed:
            failed.append((entry.seq, self._brands.keys()))
            raise RuntimeError("after the state changed, before anybody heard of it")
        return found

    monkeypatch.setattr(Engine, "apply", fails)
    one = worker(brokers, valkey_url)
    await journal(brokers, entries)
    async with at_work(one):
        await until(read_all(entries, one), "everything is applied")
    assert count(one, "tocsin_core_failures_total") == len(failed) == 4
    assert chains(await decided(brokers)) == story.chains


async def test_a_record_that_is_no_entry_becomes_a_dead_letter(told: Told, valkey_url: str, brisk: None) -> None:
    brokers, story, entries = told
    bad = {
        number: [*bodies[:300], b"{", b"\xff\xfe", b'{"type":"tick"}', *bodies[300:]]
        for number, bodies in entries.items()
    }
    stranger = canonical(Mark(partition=99, incarnation="x", from_step=-1, upto_step=3, counts={}))
    bad[0].insert(7, stranger)
    one = worker(brokers, valkey_url)
    await journal(brokers, bad)
    async with at_work(one):
        await until(read_all(bad, one), "everything is applied")
    assert chains(await decided(brokers)) == story.chains
    assert count(one, "tocsin_core_dead_entries_total") == 7
    async with Tail(brokers, brokers.layout.name("dead-letters"), 0) as tail:
        letters = [record async for records in tail.read(0) for record in records]
    assert stranger in [letter.value for letter in letters]
    assert len({letter.key for letter in letters}) == 7


async def test_a_partition_that_stands_still_ends_the_worker(
    make_brokers: MakeBrokers, valkey_url: str, brisk: None
) -> None:
    """Nobody has the contents that an entry names. Once they are there, the next worker goes on."""
    brokers = await make_brokers(mentions=2, entries=2)
    story, entries = night_of(), night_journal(brokers.layout)
    await journal(brokers, entries)
    stuck = worker(brokers, valkey_url, stalled_ms=1_500)
    with pytest.raises(Ended, match="names contents that nobody has") as ended:
        await asyncio.wait_for(stuck.run(), 40)
    assert ended.value.status == STALLED
    assert not stuck.health().alive
    await tell(brokers, story)
    one = worker(brokers, valkey_url, stalled_ms=3_000)
    async with at_work(one):
        await until(read_all(entries, one), "everything is applied")
    assert chains(await decided(brokers)) == story.chains


async def test_another_grid_step_ends_the_worker_before_it_writes_anything(told: Told, valkey_url: str) -> None:
    """By what intake sealed, which an operator can put right; and by the kept state, where intake's places are gone."""
    brokers, _, entries = told
    await journal(brokers, entries, share=(0.0, 0.1))
    async with at_work(first := worker(brokers, valkey_url)):
        await until(read_all(entries, first, share=0.1), "what is there is read")
    before = {topic: await records_in(brokers, topic) for topic in ("entries", "decisions", "anchors")}
    finer = worker(brokers, valkey_url, step_ms=2_000, stalled_ms=5_000, clock=clock_ms)
    with pytest.raises(Ended, match=r"folded in steps of 5000 ms, and `step` says 2000 ms") as stood_still:
        await finer.run()
    assert stood_still.value.status == STALLED
    await commit(brokers, {0: Place(0, 12, 1_700_000_000_000, STEP_MS)})
    with pytest.raises(Ended, match=r"steps of 2000 ms after steps of 5000 ms") as refused:
        await worker(brokers, valkey_url, step_ms=2_000).run()
    assert refused.value.status == 2
    assert {topic: await records_in(brokers, topic) for topic in before} == before


async def test_without_redis_a_worker_goes_on_from_its_anchors(told: Told, brisk: None) -> None:
    brokers, story, entries = told
    url = f"redis://127.0.0.1:{free_port()}/0"
    await journal(brokers, entries, share=(0.0, 0.8))
    one, two = worker(brokers, url), worker(brokers, url)
    async with at_work(one):
        await until(read_all(entries, one, share=0.8), "most is applied")
    await journal(brokers, entries, share=(0.8, 1.0))
    async with at_work(two):
        await until(read_all(entries, two), "everything is applied")
    assert count(two, "tocsin_core_restores_total", home="anchor") == 2
    assert count(two, "tocsin_core_entries_total") < sum(map(len, entries.values())) / 3
    assert chains(await decided(brokers)) == story.chains


# --- time, and a log that is gone -------------------------------------------------------------------------------------


def until_paged(story: Lived, bodies: Sequence[bytes]) -> int:
    """How many entries there are until somebody was paged who did not answer yet."""
    engine = Engine(step_ms=STEP_MS, partitions=range(2), contents=Contents(story.bodies))
    for n, body in enumerate(bodies, 1):
        found = engine.apply(Entry(n, 0, decode(body, Event)))  # type: ignore[arg-type] # a union
        if any(one.kind in ("Page", "Escalate") and one.ack_by_ms for one in found):
            return n
    raise AssertionError("nobody was paged in this story")


async def test_time_passes_without_marks_and_an_incident_goes_on(
    make_brokers: MakeBrokers, valkey_url: str, brisk: None
) -> None:
    """Marks stop for good while a page waits for an answer. Two workers tick; replayed, the log gives the same."""
    brokers = await make_brokers(mentions=1, entries=1)
    story = lived(1, 1, 60)
    bodies = nights(story, brokers.layout)
    bodies = bodies[: until_paged(story, bodies)]
    await tell(brokers, story)
    await journal(brokers, {0: bodies})
    last = decode(bodies[-1], Event).upto_step  # type: ignore[arg-type,union-attr]
    began, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()

    def clock() -> int:
        return (last + 1) * STEP_MS + int((loop.time() - began) * 200_000)

    one, two = (worker(brokers, valkey_url, clock=clock) for _ in range(2))
    await two._tools.writer.start()
    await two._tools.contents.read_on()
    other = PartitionRunner(0, two._tools, Keeping(0, two._tools), lambda _: None)
    living = asyncio.create_task(other.run())
    try:
        async with at_work(one):

            async def escalated() -> bool:
                found = (await decided(brokers)).get(story.brands[0].name, [])
                return any(each.decision.kind == "Escalate" and each.decision.at_ms > last * STEP_MS for each in found)

            await until(escalated, "who was paged next is paged by time alone")
    finally:
        await other.stop()
        await living
        await two._tools.writer.stop()
    assert count(one, "tocsin_core_forced_ticks_total") >= 1
    assert count(two, "tocsin_core_forced_ticks_total") >= 1
    written = []
    async with Tail(brokers, brokers.layout.name("entries"), 0) as tail:
        async for records in tail.read(0):
            written += [decode(record.value, Event) for record in records]  # type: ignore[arg-type]
    assert any(isinstance(event, Tick) for event in written)
    again = apply_all([Entry(n, 0, event) for n, event in enumerate(written, 1)], story.bodies, range(2))
    found = chains(await decided(brokers))
    assert found == again.chains or found[story.brands[0].name] in _links(again.decisions), "the ticks tell it all"


def _links(decisions: Sequence[object]) -> list[str]:
    from stream.codec import CHAIN_START, link

    links, chain = [], CHAIN_START
    for one in decisions:
        chain = link(chain, canonical(one))
        links.append(chain)
    return links


async def test_who_could_not_look_does_not_say_at_once_that_marks_lag(
    kafka: Broker, make_brokers: MakeBrokers, valkey_url: str, brisk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brokers were away for a while: before time passes without what waits, intake has as long as ever to seal it."""
    monkeypatch.setattr(running, "AGAIN_S", 0.1)
    monkeypatch.setattr(running, "LATE_LOOK_S", 0.8)
    brokers = await make_brokers(mentions=1, entries=1)
    story = lived(1, 1, 60)
    bodies = nights(story, brokers.layout)[:50]
    await tell(brokers, story)
    await journal(brokers, {0: bodies})
    marks = [decode(body, Event) for body in bodies if b'"type":"mark"' in body]  # type: ignore[arg-type]
    now_ms = (max(mark.upto_step for mark in marks if isinstance(mark, Mark)) + 1) * STEP_MS
    one = worker(brokers, valkey_url, clock=lambda: now_ms)
    loop = asyncio.get_running_loop()

    async def looks(times: int) -> None:
        for _ in range(times):
            since_s = loop.time()
            await until(lambda since_s=since_s: one.runners[0]._looked_s > since_s, "it looks")  # type: ignore[misc]

    async with at_work(one):
        await until(read_all({0: bodies}, one), "what is there is read")
        await looks(3)
        kafka.pause()
        await asyncio.sleep(1.0)
        now_ms += 60_000
        kafka.resume()
        await looks(4)
        assert count(one, "tocsin_core_forced_ticks_total") == 0

        def ticked() -> bool:
            nonlocal now_ms
            now_ms += 1_000
            return count(one, "tocsin_core_forced_ticks_total") > 0

        await until(ticked, "marks that lag on are done without")


async def test_brokers_that_lost_everything_leave_an_open_incident_as_it_is(
    kafka: Broker, make_brokers: MakeBrokers, valkey_url: str, brisk: None
) -> None:
    """The log is another one: an alarm, and the state goes on in it. Nobody is paged again, and timers fire."""
    brokers = await make_brokers(mentions=1, entries=1)
    story = lived(1, 1, 60)
    bodies = nights(story, brokers.layout)
    cut = until_paged(story, bodies)
    await tell(brokers, story)
    await journal(brokers, {0: bodies[:cut]})
    last = decode(bodies[cut - 1], Event).upto_step  # type: ignore[arg-type,union-attr]
    later = [
        Mark(partition=number, incarnation="new", from_step=-1, upto_step=last + steps, counts={})
        for steps in (60, 400)
        for number in range(2)
    ]
    expected = Engine(step_ms=STEP_MS, partitions=range(2), contents=Contents(story.bodies))
    events = [*(decode(body, Event) for body in bodies[:cut]), *later]  # type: ignore[arg-type]
    wanted = [one for n, event in enumerate(events, 1) for one in expected.apply(Entry(n, 0, event))]
    one = worker(brokers, valkey_url)
    async with at_work(one):
        await until(read_all({0: bodies[:cut]}, one), "the incident is open")
        before = [each.decision.key for each in (await decided(brokers))[story.brands[0].name]]
        await asyncio.to_thread(kafka.wipe)
        await make_topics(brokers)
        await until(lambda: count(one, "tocsin_core_lost_logs_total") >= 1, "it notices")
        topic = brokers.layout.name("entries")
        await write(brokers, [Outgoing(topic, 0, b"", canonical(mark)) for mark in later[:2]])
        await until(lambda: bool(count(one, "tocsin_core_sealed_timestamp_seconds") >= (last + 61) * 5), "time goes on")
    two = worker(brokers, valkey_url)
    async with at_work(two):
        await write(brokers, [Outgoing(topic, 0, b"", canonical(mark)) for mark in later[2:]])
        await until(lambda: bool(count(two, "tocsin_core_sealed_timestamp_seconds") >= (last + 401) * 5), "and on")
        core = two.runners[0].core
        assert core is not None
        assert chains_of(core.engine) == chains_of(expected)
        assert core.place.generation == 1
    after = [each.decision for each in await _all_decided(brokers)]
    assert [each.key for each in after] == [each.key for each in wanted[len(before) :]], "none again, none lost"
    assert any(each.kind == "Escalate" for each in after), "timers fire"
    assert count(one, "tocsin_core_lost_logs_total") == 1
    assert count(two, "tocsin_core_lost_logs_total") == 0


async def _all_decided(brokers: Brokers, number: int = 0) -> list[Decided]:
    async with Tail(brokers, brokers.layout.name("decisions"), number) as tail:
        return [decode(record.value, Decided) async for records in tail.read(0) for record in records]
