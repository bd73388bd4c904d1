"""Probes: a mention of our own goes the whole way, is told from all others everywhere, and changes nothing."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stream.codec import HOUR_MS
from stream.mention import Mention
from stream.reading import Reader
from tests.acceptance.living import SOURCE, STEP_MS, configure, settings_of
from tests.tocsin import stories
from tests.tocsin.stories import Bench, Lived, Ran, Said, chains_of, lived, run
from tocsin.engine import Engine
from tocsin.entry import PROBE, Entry, Event, Mark, Part
from tocsin.journal import open_existing, verify
from tocsin.probe import Probes, probe_row
from tocsin.settings import SettingsError
from tocsin.state import Contents, snapshot_bytes, state_from
from tocsin.synthetic import START_MS
from tocsin.works import Works

BEGAN_MS = START_MS


class Probed:
    """Works over an empty directory, on a clock of the test's own."""

    def __init__(self, works: Works, clock: list[int]) -> None:
        self.works = works
        self._clock = clock

    async def send(self, source: str = PROBE, row: bytes | None = None) -> int:
        """A probe sets out as the source of probes sends it, or something else by another; when."""
        at_ms = self._clock[0]
        if source == PROBE:
            self.works.probes.sent(at_ms)
        await self.works.appender.append([("mention", source, row or probe_row(at_ms))])
        return at_ms

    async def step(self, steps: int = 1) -> None:
        """Let so many steps pass."""
        for _ in range(steps):
            self._clock[0] += STEP_MS
            await self.works.beat()

    def through(self) -> int:
        """How many came through, as the heartbeat asks."""
        return self.works.probes.look(self.works.delivery.rounds)


@pytest.fixture
async def probed(tmp_path: Path) -> AsyncIterator[Probed]:
    """The works of a service to which nobody has said anything."""
    clock = [BEGAN_MS]
    works = Works(settings_of(configure(tmp_path, None)), lambda: clock[0], terminal=io.StringIO())
    await works.begin()
    yield Probed(works, clock)
    await works.end()


async def test_a_probe_goes_the_whole_way(probed: Probed, tmp_path: Path) -> None:
    """Into the log, through intake, journal and core; it is through when delivery has gone round twice since."""
    await probed.send()
    await probed.step(2)
    assert probed.works.intake.counts["probes"] == 1
    assert probed.through() == 0, "delivery has not looked yet"
    await probed.works.delivery.step()
    await probed.works.delivery.step()
    assert probed.through() == 1
    journal = open_existing(tmp_path / "data" / "journal.db")
    verdict = verify(journal)
    assert (verdict.ok, verdict.decisions, verdict.probes, verdict.pages) == (True, 1, 1, 0)
    found = [one.decision for one in journal.decisions(probes=True)]
    assert [(one.kind, one.reason, one.targets) for one in found] == [("NoPage", "probe", ())]
    assert list(journal.decisions()) == []
    journal.close()


async def test_nobody_sees_it_but_those_who_ask_for_probes(probed: Probed) -> None:
    """No brand, no count of mentions, no text, no metric of a brand, no incident and no page is of a probe."""
    works = probed.works
    await probed.send()
    await probed.step(2)
    await works.delivery.step()
    assert PROBE not in works.engine.brands
    assert works.intake.counts == {"probes": 1}
    assert works.home.texts.get([works.home.names.mention(f"{PROBE}:{BEGAN_MS}")]) == {}
    assert works.people.brand_of(PROBE) is None
    assert list(works.home.outbox.views()) == []
    assert works.home.outbox.view(PROBE) is None


async def test_a_way_that_is_stuck_lets_none_through(probed: Probed) -> None:
    """Without steps none is sealed; without rounds of delivery none is confirmed."""
    await probed.send()
    await probed.works.delivery.step()
    assert probed.through() == 0
    await probed.step(2)
    assert probed.through() == 0
    await probed.send()
    assert probed.works.probes.counts == {"sent": 2, "through": 0, "late": 1}


async def test_the_same_probe_twice_is_one(probed: Probed) -> None:
    row = probe_row(BEGAN_MS)
    await probed.send(row=row)
    await probed.send(row=row)
    await probed.step(2)
    assert probed.works.intake.counts == {"probes": 1}


async def test_no_sender_can_pass_for_a_probe(probed: Probed) -> None:
    """Whatever a row calls itself: the log knows by whom it came in, and what it says of itself counts for nothing."""
    row = json.loads(probe_row(BEGAN_MS)) | {"source": PROBE, "text": "tulpatel is down"}
    await probed.send(SOURCE, json.dumps(row).encode())
    await probed.step(2)
    assert probed.works.intake.counts["probes"] == 0
    assert probed.works.intake.counts["matched"] == 1
    assert PROBE not in chains_of(probed.works.engine)
    assert probed.works.engine.brand(PROBE) is None


async def test_a_start_takes_up_what_was_on_its_way(tmp_path: Path) -> None:
    """A process that ends between the log and the core has lost no probe, and none is taken twice."""
    clock = [BEGAN_MS]
    for life in range(3):
        works = Works(settings_of(configure(tmp_path, None)), lambda: clock[0], terminal=io.StringIO())
        await works.begin()
        alive = Probed(works, clock)
        if life == 0:
            await alive.send()
        await alive.step(2)
        assert works.intake.counts["probes"] == (life == 0)
        await works.end()
    journal = open_existing(tmp_path / "data" / "journal.db")
    assert verify(journal).ok
    assert len(list(journal.decisions(probes=True))) == 1
    journal.close()


def test_no_brand_can_be_called_so(tmp_path: Path) -> None:
    config = configure(tmp_path, None)
    config.write_text(config.read_text().replace("name: Tulpatel", f"name: {PROBE}"))
    with pytest.raises(SettingsError, match="can be no brand of yours; allowed: any other name"):
        settings_of(config)


# --- laws -------------------------------------------------------------------------------------------------------------


def a_probe(at_ms: int) -> Mention:
    """A probe as the log gives it."""
    return Reader(PROBE).read(probe_row(at_ms), at_ms)


def begun(story: Lived) -> list[Said]:
    """The first hours of a story."""
    return [said for said in story.log if said.observed_ms < story.log[0].observed_ms + 3 * HOUR_MS]


def with_probes(story: Lived, *, batch: int = 1) -> Ran:
    """These hours again, with a probe a minute between their records."""
    bench = Bench(story.brands, Contents(story.bodies), batch=batch)
    next_ms = story.log[0].observed_ms + 60_000
    for said in begun(story):
        while next_ms <= said.observed_ms:
            bench.feed(Said(next_ms, None))
            bench.sequencer.probe(a_probe(next_ms), offset=0)
            next_ms += 60_000
        bench.feed(said)
    return bench.end()


def test_with_probes_or_without_every_brand_is_decided_and_remembered_the_same() -> None:
    """They are in no window, baseline, budget or count: the whole state of every brand is the same to the byte."""
    story = lived(1)
    ran, plain = with_probes(story), run(begun(story), story.brands, story.bodies)
    assert len([one for one in ran.decisions if one.brand == PROBE]) > 150
    assert [one for one in ran.decisions if one.brand != PROBE] == plain.decisions
    assert ran.chains == plain.chains
    with_them, without = state_from(ran.final), state_from(plain.final)
    assert set(with_them.brands) - set(without.brands) == {PROBE}
    assert {name: with_them.brands[name] for name in without.brands} == without.brands


def test_any_batch_and_any_restart_gives_the_probes_one_chain() -> None:
    """What the core decides on probes depends on their entries alone, as what it decides on a brand does."""
    story = lived(1)
    once, in_groups = with_probes(story), with_probes(story, batch=500)
    assert once.decisions == in_groups.decisions
    engine = Engine(step_ms=stories.STEP_MS, contents=Contents(story.bodies))
    decided = []
    for number, entry in enumerate(once.entries):
        decided += engine.apply(entry)
        if number % 1_000 == 500:
            kept = state_from(snapshot_bytes(engine.snapshot()))
            engine = Engine.restore(kept, Contents(story.bodies))
    assert decided == once.decisions


def test_what_is_sealed_late_in_one_of_two_partitions_is_decided_when_both_have_come_so_far() -> None:
    """A layout changes when a probe is decided, and neither whether nor how often."""
    part = Part(partition=1, incarnation="a", step=3, brand=PROBE, minute_ms=0, part=_counted())
    events: list[Event] = [
        Mark(partition=0, incarnation="a", from_step=-1, upto_step=2, counts={}),
        part,
        Mark(partition=1, incarnation="a", from_step=-1, upto_step=5, counts={3: 1}),
        Mark(partition=0, incarnation="a", from_step=2, upto_step=5, counts={}),
        part,
        Mark(partition=1, incarnation="a", from_step=-1, upto_step=5, counts={3: 1}),
    ]
    engine = Engine(step_ms=1_000, partitions=(0, 1), contents=Contents({}))
    decided = [[d.at_ms for d in engine.apply(Entry(seq, 0, event))] for seq, event in enumerate(events, 1)]
    assert decided == [[], [], [], [4_000], [], []]


def _counted():  # type: ignore[no-untyped-def]
    bench = Bench([], Contents({}))
    bench.feed(Said(BEGAN_MS, None))
    bench.sequencer.probe(a_probe(BEGAN_MS), offset=1)
    bench.end()
    return next(e.event.part for e in bench.tape.entries if isinstance(e.event, Part))


# --- what becomes of them ---------------------------------------------------------------------------------------------


def test_one_that_was_decided_before_it_was_sent_is_another() -> None:
    """What a restart takes in again says nothing of a way that is open now."""
    probes = Probes(lambda: 0)
    probes.decided(5_000, rounds=0)
    assert probes.look(9) == 0
    probes.sent(6_000)
    probes.decided(5_000, rounds=9)
    assert probes.look(20) == 0
    probes.decided(7_000, rounds=20)
    assert (probes.look(21), probes.look(22), probes.look(23)) == (0, 1, 1)
