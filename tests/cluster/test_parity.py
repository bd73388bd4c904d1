"""One process or many workers, one partition or twelve: the same mentions give the same decisions, byte for byte.

Neither entries nor ticks are shared between the runs: what they have in common is the lines that senders sent, the
stamps that they were recorded with, and what people answered. Each run says what happened in it, and fails where what
it was made for did not happen.
"""

import asyncio
import functools
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from stream.codec import canonical
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Place
from stream.mention import Mention
from stream.reading import Reader
from tests.cluster import core_helpers as cores
from tests.cluster import intake_helpers as intakes
from tests.cluster.conftest import MakeBrokers
from tests.mentions import line_of
from tests.tocsin.stories import Ran, Said, run
from tocsin.scaled.core_partition import CorePartition
from tocsin.scaled.core_worker import CoreWorker
from tocsin.scaled.intake_worker import IntakeWorker

PATIENCE_S = 300


class Case(NamedTuple):
    """One way to run."""

    mentions: int
    """Partitions of `mentions`."""
    entries: int
    intakes: int
    """Intake workers; those after the first join while it works."""
    cores: int
    batch: int
    """Records that intake takes at once."""
    zombie: bool = False
    """Somebody writes everything a second time, cut in another way."""
    dies: bool = False
    """An intake worker and a core worker are broken off in the middle, and others take over."""

    def __str__(self) -> str:
        """As the name of a test."""
        more = "-zombie" * self.zombie + "-dies" * self.dies
        return f"{self.mentions}x{self.entries}-{self.intakes}+{self.cores}-batch{self.batch}{more}"


SHORT = [
    Case(1, 1, 1, 1, 500),
    Case(4, 2, 2, 2, 7, zombie=True),
    Case(12, 4, 3, 3, 500, dies=True),
]
FULL = [
    Case(mentions, entries, workers, 4 - workers if turned else workers, batch, zombie, dies)
    for (mentions, entries), workers, turned in (
        ((1, 1), 1, False),
        ((1, 4), 2, False),
        ((4, 4), 1, True),
        ((4, 1), 2, False),
        ((4, 12), 3, True),
        ((12, 12), 1, True),
        ((12, 4), 2, False),
        ((12, 12), 3, False),
    )
    for batch, zombie, dies in ((1, False, True), (7, True, False), (500, True, True))
]


@functools.lru_cache(maxsize=4)
def embedded(seed: int) -> tuple[intakes.Played, Ran]:
    """A night, and what one process makes of the very lines that the workers are given."""
    played = intakes.night(seed)
    sent = [
        Said(said.observed_ms, Reader().read(line_of(said.what), said.observed_ms))
        if isinstance(said.what, Mention)
        else said
        for said in played.log
    ]
    return played, run(sent, played.story.brands, played.story.bodies)


class Play:
    """A run of workers in this process; `happened` counts what was seen."""

    def __init__(self, case: Case, played: intakes.Played, brokers: Brokers, url: str) -> None:
        self.case, self._played, self._brokers, self._url = case, played, brokers, url
        self._intakes: dict[IntakeWorker, asyncio.Task[None]] = {}
        self._cores: dict[CoreWorker, asyncio.Task[None]] = {}
        self._all: list[IntakeWorker | CoreWorker] = []
        self._zombies: list[IntakeWorker] = []
        self.happened: Counter[str] = Counter()

    async def play(self) -> None:
        """The night in three parts: somebody joins after the first, somebody dies or wakes after the second."""
        log, third, step = self._played.log, len(self._played.log) // 3, self._played.end_step
        try:
            await self._fill(log[:third])
            self._start_intake()
            self._start_core()
            await cores.until(self._decided_anything, "a worker of each kind works", patience_s=PATIENCE_S)
            early = await intakes.places(self._brokers)
            await self._fill(log[third : 2 * third])
            for _ in range(self.case.intakes - 1):
                self._start_intake()
            for _ in range(self.case.cores - 1):
                self._start_core()
            if self.case.dies:
                await self._break_off()
            if self.case.zombie:
                await self._haunt(log[2 * third :], early, step)
            else:
                await self._fill(log[2 * third :], ended=True)
            await cores.until(lambda: self._through(step), "everything is decided", patience_s=PATIENCE_S)
            await cores.until(self._all_applied, "the cores read all that was written", patience_s=PATIENCE_S)
        finally:
            await self._end()

    async def _haunt(self, rest: Sequence[Said], early: dict[int, Place], step: int) -> None:
        """One worker writes all of it a second time, beside the others. Another was stopped long ago; it wakes when all
        the others are gone, seals what they had sealed and more, and then they come back.
        """
        beside = self._start_zombie("beside", max_records=501 - self.case.batch)
        await cores.until(self._caught_up, "the workers wrote what there was", patience_s=PATIENCE_S)
        await self._stop_intakes()
        await self._fill(rest, ended=True)
        await intakes.commit(self._brokers, early, group="asleep")
        awake = self._start_zombie("asleep", max_records=5_000)
        for zombie in (beside, awake):
            await cores.until(lambda one=zombie: _wrote_all(one, step), "a zombie wrote all", patience_s=PATIENCE_S)
        for _ in range(self.case.intakes):
            self._start_intake()
        workers = [one for one in self._intakes if one not in self._zombies]
        await cores.until(
            lambda: (
                sum(len(one.loop.sealed()) for one in workers) == self._brokers.layout.inputs
                and all(_wrote_all(one, step) for one in workers)
            ),
            "the workers wrote all",
            patience_s=PATIENCE_S,
        )

    def report(self) -> Counter[str]:
        """What happened, over all workers that ever ran."""
        for one in self._all:
            if isinstance(one, IntakeWorker):
                self.happened["intake rebalances"] += one.loop.counts["rebalances"]
                self.happened["incarnations"] += one.loop.counts["incarnations"]
            else:
                self.happened["core rebalances"] += int(cores.count(one, "tocsin_core_rebalances_total"))
        for zombie in self._zombies:
            self.happened["zombie writes"] += zombie.loop.counts["contents"] + zombie.loop.counts["marks"]
        return self.happened

    async def _fill(self, log: Sequence[Said], *, ended: bool = False) -> None:
        await intakes.fill(self._brokers, log, ended=ended)

    def _start_intake(self, **more: object) -> IntakeWorker:
        made = intakes.worker(self._brokers, self._played.story, **{"max_records": self.case.batch, **more})
        self._intakes[made] = asyncio.create_task(made.run())
        self._all.append(made)
        return made

    def _start_zombie(self, group: str, *, max_records: int) -> IntakeWorker:
        made = self._start_intake(group=group, max_records=max_records)
        self._zombies.append(made)
        return made

    async def _stop_intakes(self) -> None:
        for worker in [one for one in self._intakes if one not in self._zombies]:
            worker.stop()
            await self._intakes.pop(worker)

    def _start_core(self) -> None:
        made = cores.worker(self._brokers, self._url)
        self._cores[made] = asyncio.create_task(made.run())
        self._all.append(made)

    async def _break_off(self) -> None:
        """Two workers are cancelled wherever they are; others begin in their place."""
        await asyncio.sleep(0.2)
        for working in (self._intakes, self._cores):
            first = next(iter(working))
            task = working.pop(first)  # type: ignore[attr-defined]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.happened["restarts"] += 1
        self._start_intake()
        self._start_core()

    def _folds(self) -> dict[int, CorePartition]:
        """Each partition as whoever is furthest has it."""
        found: dict[int, CorePartition] = {}
        for worker in self._cores:
            for number, runner in worker.runners.items():
                if runner.core is not None and (number not in found or found[number].place < runner.core.place):
                    found[number] = runner.core
        return found

    def _decided_anything(self) -> bool:
        return any(core.place.offset > 10 for core in self._folds().values())

    def _through(self, step: int) -> bool:
        folds = self._folds()
        return len(folds) == self.case.entries and all(
            core.engine.sealing.complete_step >= step for core in folds.values()
        )

    async def _caught_up(self) -> bool:
        workers = [one for one in self._intakes if one not in self._zombies]
        there: dict[int, int] = {}
        for worker in workers:
            there |= worker.loop.positions()
        held = await cores.records_in(self._brokers, "mentions") + await cores.records_in(self._brokers, "control")
        return sum(there.values()) == held

    async def _all_applied(self) -> bool:
        held = await cores.records_in(self._brokers, "entries")
        return sum(core.next_offset for core in self._folds().values()) >= held

    async def _end(self) -> None:
        self._note_sealing()
        for intake in self._intakes:
            intake.stop()
        await asyncio.gather(*(core.stop() for core in self._cores))
        await asyncio.gather(*self._intakes.values(), *self._cores.values())

    def _note_sealing(self) -> None:
        for core in self._folds().values():
            self.happened["dropped parts"] += core.engine.sealing.dropped
            self.happened["straddling marks"] += core.engine.sealing.straddled
            self.happened["forced ticks"] += core.engine.sealing.forced


def _wrote_all(worker: IntakeWorker, step: int) -> bool:
    sealed = worker.loop.sealed()
    return bool(sealed) and min(sealed.values()) >= step


async def same(case: Case, make_brokers: MakeBrokers, url: str, seed: int = 1) -> None:
    """Run the case and hold its decisions against those of one process."""
    played, ran = embedded(seed)
    brokers = await make_brokers(mentions=case.mentions, entries=case.entries, stamped=False)
    await cores.tell(brokers, played.story)
    play = Play(case, played, brokers, url)
    await play.play()
    found = await cores.decided(brokers)
    happened = play.report()
    print(f"{case}: {brokers.layout.inputs} input partitions, {dict(sorted(happened.items()))}")
    expected: dict[str, list[bytes]] = {}
    for decision in ran.decisions:
        expected.setdefault(decision.brand, []).append(canonical(decision))
    assert {brand: [canonical(one.decision) for one in all_of] for brand, all_of in found.items()} == expected
    assert cores.chains(found) == {brand: chain for brand, chain in ran.chains.items() if brand in expected}
    assert any(decision.kind == "Page" for decision in ran.decisions)
    assert happened["forced ticks"] == 0
    assert happened["incarnations"] >= brokers.layout.inputs
    if case.intakes > 1:
        assert happened["intake rebalances"] > case.intakes
    if case.zombie:
        assert happened["zombie writes"] > 0
        assert happened["dropped parts"] > 0
        assert happened["straddling marks"] > 0
    if case.dies:
        assert happened["restarts"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("case", SHORT, ids=str)
async def test_workers_decide_what_one_process_decides(case: Case, make_brokers: MakeBrokers, valkey_url: str) -> None:
    await same(case, make_brokers, valkey_url)


@pytest.mark.proof
@pytest.mark.parametrize("case", FULL, ids=str)
async def test_every_layout_decides_what_one_process_decides(
    case: Case, make_brokers: MakeBrokers, valkey_url: str
) -> None:
    """1, 4 and 12 partitions, 1 to 3 workers of each kind, batches of 1, 7 and 500, zombies, and workers that die."""
    await same(case, make_brokers, valkey_url, seed=2)
