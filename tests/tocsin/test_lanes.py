"""Probes of a deployment: each partition lies on a lane, none changes a brand, and a lane that is stuck is seen."""

import asyncio
import contextlib
import json

import pytest

from stream.codec import canonical, decode
from stream.kafka.clients import Brokers
from stream.kafka.records import InputRecord
from stream.kafka.topics import Layout
from stream.kafka.writer import Writer
from tests.tocsin.stories import STEP_MS
from tests.tocsin.test_intake_partition import BASE_MS, LAYOUT, events, partition, post, record
from tests.tocsin.test_metrics import value
from tocsin.entry import PROBE, Part, is_of_a_probe
from tocsin.heartbeat import EVERY_MS, SILENT_MS, Facts, well
from tocsin.scaled.anchors import newest, packed
from tocsin.scaled.core_partition import CoreMeta, CorePartition, Decided, Kept
from tocsin.scaled.delivery_metrics import DeliveryMetrics
from tocsin.scaled.lanes import Lane, lane_of, lanes_of, row_of
from tocsin.scaled.probing import LaneProbes, Probing
from tocsin.state import Contents

LAYOUTS = [Layout("t.", mentions=m, entries=e) for m, e in ((1, 1), (12, 12), (3, 7), (7, 3))]


def sized(layout: Layout) -> str:
    """A layout, in the name of a test."""
    return f"{layout.mentions}-{layout.entries}"


def probe(lane: Lane, at_ms: int, offset: int = 0, layout: Layout = LAYOUT) -> InputRecord:
    """A probe as intake reads it."""
    return InputRecord(lane.mentions, offset, at_ms, "mention", PROBE, row_of(layout, lane, at_ms))


# ---- lanes


@pytest.mark.parametrize("layout", LAYOUTS, ids=sized)
def test_every_partition_lies_on_a_lane_and_every_name_lives_where_its_lane_leads(layout: Layout) -> None:
    lanes = lanes_of(layout)
    assert {lane.mentions for lane in lanes} == set(range(layout.mentions))
    assert {lane.entries for lane in lanes} == set(range(layout.entries))
    assert len({lane.brand for lane in lanes}) == len(lanes)
    assert all(layout.brand_partition(lane.brand) == lane.entries for lane in lanes)
    assert all(is_of_a_probe(lane.brand) for lane in lanes)


@pytest.mark.parametrize("layout", LAYOUTS, ids=sized)
def test_a_probe_goes_into_the_partition_of_its_lane_as_any_mention_does(layout: Layout) -> None:
    for at_ms in (BASE_MS, BASE_MS + 60_000):
        for lane in lanes_of(layout):
            name = f"{PROBE}:{json.loads(row_of(layout, lane, at_ms))['id']}"
            assert layout.mention_partition(name) == lane.mentions
            assert lane_of(layout, name, lane.mentions) == lane


# ---- intake and core


def test_intake_brings_a_probe_to_the_entries_of_its_lane_and_keeps_nothing_of_it() -> None:
    it = partition(keep_posts=True)
    for offset, lane in enumerate(lanes_of(LAYOUT)):
        it.take(probe(lane, BASE_MS, offset))
    it.take(record(9, BASE_MS + STEP_MS))
    cut = it.seal()
    assert cut is not None
    found = {one.partition: event for one, event in zip(cut.contents, events(cut.contents), strict=True)}
    brands = {home: event.brand for home, event in found.items() if isinstance(event, Part)}
    assert brands == {lane.entries: lane.brand for lane in lanes_of(LAYOUT)}
    assert it.intake.counts == {"probes": len(lanes_of(LAYOUT))}


def test_the_same_probe_twice_is_one() -> None:
    it = partition()
    for offset in (0, 1):
        it.take(probe(lanes_of(LAYOUT)[0], BASE_MS, offset))
    assert it.intake.counts == {"probes": 1}


def test_a_probe_without_a_lane_here_is_a_dead_letter() -> None:
    """Written past the door, or for another layout: it would show that a way is open by which it did not come."""
    it = partition()
    for offset, name in enumerate(("77-1", "")):
        stray = json.dumps({"id": f"{name}", "created_at": "2026-01-01T00:00:00Z", "text": "x"}).encode()
        it.take(InputRecord(0, offset, BASE_MS, "mention", PROBE, stray))
    it.take(record(2, BASE_MS + STEP_MS))
    cut = it.seal()
    assert cut is not None
    assert [one.topic for one in cut.contents] == ["t.dead-letters"] * 2
    assert it.intake.counts["probes"] == 0


def test_no_sender_can_pass_for_a_probe() -> None:
    """The log knows by whom it came in; what a row says of itself counts for nothing."""
    it = partition()
    row = json.loads(row_of(LAYOUT, lanes_of(LAYOUT)[0], BASE_MS)) | {"source": PROBE, "text": "tulpatel is down"}
    it.take(InputRecord(0, 0, BASE_MS, "mention", "forum", json.dumps(row).encode()))
    assert it.intake.counts["probes"] == 0
    assert it.intake.counts["matched"] == 1


ONE = Layout("t.", mentions=1, entries=1)


def written(*, probes: bool) -> list[bytes]:
    """What intake writes of twenty steps with a post about a brand in each, and perhaps a probe."""
    it = partition()
    it._layout = ONE
    found: list[bytes] = []
    for step in range(20):
        at_ms = BASE_MS + step * STEP_MS
        it.take(record(2 * step, at_ms, post(step, at_ms)))
        if probes:
            it.take(probe(lanes_of(ONE)[0], at_ms + 1, 2 * step + 1, ONE))
        cut = it.seal()
        assert cut is not None
        found += [canonical(one) for one in events([*cut.contents, *cut.marks])]
    return found


def fresh() -> CorePartition:
    """A partition of which nothing is known."""
    return CorePartition.fresh(inputs=1, step_ms=STEP_MS, contents=Contents({}))


def folded(core: CorePartition, bodies: list[bytes]) -> list[Decided]:
    """Apply these from where it stands."""
    return [one for offset in range(core.next_offset, len(bodies)) for one in core.apply(offset, 0, bodies[offset])]


def test_probes_change_nothing_of_a_brand() -> None:
    """What it holds is the same to the byte; `tests/tocsin/test_probe.py` shows it of a whole story."""
    core, without = fresh(), fresh()
    decided = folded(core, written(probes=True))
    assert folded(without, written(probes=False)) == []
    assert {(one.brand, one.decision.kind, one.decision.reason) for one in decided} == {
        (lanes_of(ONE)[0].brand, "NoPage", "probe")
    }
    assert len(decided) == 19, "the last step is open"
    assert canonical(core.engine.frozen("Tulpatel")) == canonical(without.engine.frozen("Tulpatel"))
    assert list(core.engine.brands) == ["Tulpatel"], "a probe is nobody's brand"


@pytest.mark.parametrize("kept_as", ["changes", "anchor"])
def test_whoever_takes_a_partition_up_goes_on_with_the_numbers_of_its_probes(kept_as: str) -> None:
    """One number is one chain, whoever wrote it: anything else would be corruption of our own."""
    bodies = written(probes=True)
    whole = folded(fresh(), bodies)
    first = fresh()
    begun = folded(first, bodies[: len(bodies) // 2])
    kept: Kept | None = Kept(decode(canonical(first.meta()), CoreMeta), first.changed())
    if kept_as == "anchor":
        kept = newest(packed(first.kept(), 0))
    assert kept is not None
    assert begun + folded(CorePartition.restored(kept, Contents({})), bodies) == whole
    assert [one.n for one in whole] == list(range(1, len(whole) + 1))


# ---- what becomes of them


HERE, THERE = Lane(0, 0, 0, "~probe/0"), Lane(1, 1, 1, "~probe/1")


class Watched:
    """Two lanes on a clock of the test's own."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.probes = LaneProbes([HERE, THERE], EVERY_MS, lambda: self.now_ms)

    def period(self, *lanes: Lane) -> None:
        """A round sets out, these lanes let it through, delivery goes round and the log says that we lead."""
        self.probes.sent(self.now_ms)
        for lane in lanes:
            self.probes.decided(lane.brand, self.now_ms + 5_000, rounds=0)
        if self.probes.is_handed_over(2):
            self.probes.came_through()
        self.now_ms += EVERY_MS


def test_one_lane_that_is_stuck_holds_back_the_whole_round_and_is_named() -> None:
    watched = Watched()
    watched.period(HERE, THERE)
    assert watched.probes.through == 1
    assert list(watched.probes.lacking) == []
    watched.period(HERE)
    watched.period(HERE)
    assert watched.probes.through == 1
    assert list(watched.probes.lacking) == [THERE]
    assert watched.probes.ages_ms() == {HERE: EVERY_MS, THERE: 3 * EVERY_MS}
    assert watched.probes.counts == {"sent": 6, "through": 4, "late": 1}
    watched.period(HERE, THERE)
    assert watched.probes.through == 2
    assert list(watched.probes.lacking) == []


def test_what_was_decided_on_the_round_before_says_nothing_of_this_one() -> None:
    """However late it comes, and whatever a restart of the core says again."""
    watched = Watched()
    watched.period()
    watched.probes.sent(watched.now_ms)
    for lane in (HERE, THERE):
        watched.probes.decided(lane.brand, 5_000, rounds=0)
        watched.probes.decided("~probe/9", watched.now_ms + 5_000, rounds=0)
    assert not watched.probes.is_handed_over(99)
    assert watched.probes.counts["through"] == 0


@pytest.mark.parametrize("apart_ms", [-20_000, 20_000])
def test_brokers_whose_clock_is_apart_from_ours_lose_no_probe(apart_ms: int) -> None:
    watched = Watched()
    watched.probes.sent(watched.now_ms)
    for lane in (HERE, THERE):
        watched.probes.decided(lane.brand, watched.now_ms + apart_ms, rounds=0)
    assert watched.probes.is_handed_over(2)


async def test_who_leads_no_more_by_the_log_lets_no_round_through() -> None:
    """All was decided and delivery went round: what counts last is what the log of deliveries says."""
    brokers = Brokers("nowhere:1", LAYOUT)
    says = ["not_leading"]

    async def confirm(_limit_s: float) -> str:
        return says[0]

    rounds = iter(range(10_000))
    probing = Probing(
        brokers,
        Writer(brokers),
        every_ms=1_000,
        clock=lambda: BASE_MS,
        rounds=lambda: next(rounds),
        confirm=confirm,
    )
    working = asyncio.create_task(probing.run())
    await asyncio.sleep(1.1)
    for lane in lanes_of(LAYOUT):
        probing.probes.decided(lane.brand, BASE_MS + 5_000, rounds=0)
    await asyncio.sleep(0.6)
    assert probing.probes.through == 0
    says[0] = ""
    await asyncio.sleep(0.4)
    assert probing.told_to(Facts()).probes == 1
    assert not working.done(), "a probe that could not be sent ends nothing"
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


def test_the_lanes_that_let_none_through_are_named_in_words() -> None:
    lacking = tuple(str(Lane(n, n, n % 2, "")) for n in range(5))
    facts = Facts(probes=1, probe_age_ms=EVERY_MS + SILENT_MS + 1, probes_lack=lacking)
    assert well(facts) == [
        "no probe came through for 90 s by mentions/0 to entries/0, mentions/1 to entries/1, mentions/2 to entries/0 "
        "and 2 more"
    ]


def test_who_leads_no_more_says_nothing_of_probes() -> None:
    """Else the age of the last one before a worker lost the lead would stand there as an alarm for ever."""
    metrics = DeliveryMetrics()
    metrics.looked([], {}, Facts(probes=1, probe_age_ms=200_000))
    metrics.probed({"sent": 2, "through": 1, "late": 1}, {HERE: 9_000, THERE: 200_000})
    labels = {"mentions": "1", "entries": "1"}
    assert value(metrics.registry, "tocsin_probe_lane_age_seconds", **labels) == 200
    assert value(metrics.registry, "tocsin_probes_total", became="late") == 1
    metrics.looks_no_more()
    assert value(metrics.registry, "tocsin_probe_lane_age_seconds", **labels) is None
    assert value(metrics.registry, "tocsin_probe_age_seconds") is None
