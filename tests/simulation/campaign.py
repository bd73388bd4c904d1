"""Many runs: each by its own seed, over several processes, added up."""

import contextlib
import gc
import random
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from alerting.delivery.worker import Delivery
from stream.sources import store
from tests.simulation.disk import FileDisk, MemoryDisk
from tests.simulation.faults import MAIN, MIXES, POINTS
from tests.simulation.oracle import Oracle
from tests.simulation.past import BRANDS, START_MS, Past, prepare
from tests.simulation.story import tell
from tests.simulation.world import World
from tocsin.journal import Journal

LEAST_FIRED = 100
"""Each kind of fault must have fired so often in 100,000 runs: else they say nothing about it."""
FULL_RUNS = 100_000
COLLECTED_EVERY = 20


@dataclass
class Outcome:
    """What became of one run."""

    seed: str
    broken: list[str]
    doubles: int
    explained: int
    fired: Counter[str]
    passed: Counter[str]
    pages: int
    broke: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    simulated_ms: float = 0


@dataclass
class Total:
    """What became of many."""

    runs: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    """Crash points, and how often they were passed."""
    doubles: int = 0
    explained: int = 0
    pages: int = 0
    simulated_ms: float = 0

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.broken += [(outcome.seed, what) for what in outcome.broken]
        self.fired += outcome.fired
        self.passed += outcome.passed
        self.doubles += outcome.doubles
        self.explained += outcome.explained
        self.pages += outcome.pages
        self.simulated_ms += outcome.simulated_ms

    def merge(self, other: "Total") -> None:
        """Count those of another process."""
        self.runs += other.runs
        self.broken += other.broken
        self.fired += other.fired
        self.passed += other.passed
        self.doubles += other.doubles
        self.explained += other.explained
        self.pages += other.pages
        self.simulated_ms += other.simulated_ms

    def rare(self, mix: str) -> list[str]:
        """The kinds of fault that fired too rarely to mean anything."""
        share = LEAST_FIRED * self.runs // FULL_RUNS
        rare = [kind for kind in MIXES[mix].kinds if self.fired[kind] < max(1, share)]
        points = POINTS if mix == MAIN.name else ()
        return [*rare, *(f"at {point}" for point in points if self.fired[f"at {point}"] < share)]


class Pasts(NamedTuple):
    """What stories begin with: mostly one brand, sometimes two."""

    one: Past
    two: Past

    def of(self, rng: random.Random) -> Past:
        """The one for this run."""
        return self.two if rng.random() < 0.1 else self.one

    def moved(self, home: Path) -> "Pasts":
        """The same in a directory of one's own: two processes may not hold one."""
        for past in self:
            shutil.copytree(past.home, home / past.home.name)
        return Pasts(*(past._replace(home=home / past.home.name) for past in self))


@contextlib.contextmanager
def prepared() -> Iterator[Pasts]:
    """The past of every story, in a directory of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    home = Path(tempfile.mkdtemp(prefix="tocsin-simulation-"))
    try:
        yield Pasts(prepare(home / "one", BRANDS[:1]), prepare(home / "two", BRANDS))
    finally:
        shutil.rmtree(home, ignore_errors=True)
        structlog.reset_defaults()


def run_one(
    pasts: Pasts,
    seed: str,
    mix: str = "main",
    *,
    files: Path | None = None,
    delivery: type[Delivery] | None = None,
    without: Sequence[str] = (),
) -> Outcome:
    """One run by its seed; over real files where a directory for them is given, with another order of sending, or
    without some of what breaks.
    """
    rng = random.Random(seed)
    past = pasts.of(rng)
    disk = MemoryDisk() if files is None else FileDisk(files)
    disk.load(past.images)
    world = World(past, rng, disk, delivery)
    habit, broke = tell(world, rng, MIXES[mix], without)
    try:
        world.run()
        oracle = Oracle(world)
        residual = mix == "residual"
        broken = oracle.judge(residual=residual)
        broken += _audit(world, oracle, past)
    finally:
        disk.drop()
    if world.slack.lag is not None:
        world.fired["history_lag"] += world.slack.lag.fired
    lines = [f"{(at_ms - START_MS) / 1000:8.1f} s  {what}" for at_ms, what in world.facts.says]
    return Outcome(
        seed,
        broken,
        oracle.doubles,
        oracle.residual,
        world.fired,
        world.passed,
        len(world.slack.ledger.posts) + len(world.pager.alerts),
        broke,
        [f"people: {habit}; breaks: {', '.join(broke) or 'nothing'}", *lines],
        world.timeline.now_ms - START_MS,
    )


def _audit(world: World, oracle: Oracle, past: Past) -> list[str]:
    store.install(world.disk)
    try:
        settings = past.settings()
        journal = Journal(settings.data_path / "journal.db", step_ms=settings.step)
        broken = oracle.audit(journal, past, _first_snapshot(past))
        journal.close()
    finally:
        store.install(store.Files())
    return broken


_snapshots: dict[bytes, bytes] = {}
"""By the image they are in: a process is given each piece with images of its own."""


def _first_snapshot(past: Past) -> bytes:
    """The state in which every story begins."""
    image = past.images["journal.db"]
    if image not in _snapshots:
        with contextlib.closing(sqlite3.connect(":memory:")) as db:
            db.deserialize(image)
            _snapshots[image] = db.execute("SELECT body FROM snapshots ORDER BY seq DESC").fetchone()[0]
    return _snapshots[image]


def shrunk(pasts: Pasts, seed: str, mix: str) -> list[str]:
    """What must break for a run's promise to be broken: every kind that can be left out is."""
    without: list[str] = []
    for kind in run_one(pasts, seed, mix).broke:
        if run_one(pasts, seed, mix, without=[*without, kind]).broken:
            without.append(kind)
    return run_one(pasts, seed, mix, without=without).broke


def run_some(
    pasts: Pasts, seeds: list[str], mix: str, *, files: bool = False, delivery: type[Delivery] | None = None
) -> Total:
    """Some runs, one after the other."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory(prefix="tocsin-simulation-") as own, _collecting_seldom():
        pasts = pasts.moved(Path(own))
        total = Total()
        for number, seed in enumerate(seeds, 1):
            here = Path(own) / "files" if files else None
            total.add(run_one(pasts, seed, mix, files=here, delivery=delivery))
            if number % COLLECTED_EVERY == 0:
                gc.collect()
    return total


@contextlib.contextmanager
def _collecting_seldom() -> Iterator[None]:
    """A run leaves little behind, and looking for it all the time costs a tenth of everything."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def campaign(
    pasts: Pasts,
    runs: int,
    seed: int,
    mix: str = "main",
    *,
    processes: int = 1,
    files: bool = False,
    say: Any = None,
    save: Callable[[Total], None] = lambda _total: None,
    delivery: type[Delivery] | None = None,
    before: Total | None = None,
) -> Total:
    """Runs `seed/0` to `seed/<runs - 1>`, over so many processes. `save` is given what is known after each piece, so
    that a campaign that is broken off is not lost: `before` are its runs that need not be made again.
    """
    total, began_s = before or Total(), time.monotonic()
    seeds = [f"{seed}/{number}" for number in range(total.runs, runs)]
    size = max(1, min(250, runs // processes or 1))
    pieces = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    if processes == 1:
        for piece in pieces:
            total.merge(run_some(pasts, piece, mix, files=files, delivery=delivery))
            _progress(total, runs, len(seeds), began_s, say)
            save(total)
        return total
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(run_some, pasts, piece, mix, files=files, delivery=delivery) for piece in pieces]
        for one in waiting:
            total.merge(one.result())
            _progress(total, runs, len(seeds), began_s, say)
            save(total)
    return total


def _progress(total: Total, runs: int, here: int, began_s: float, say: Any) -> None:
    if say is not None:
        passed_s = time.monotonic() - began_s
        left_s = passed_s / max(1, total.runs - runs + here) * (runs - total.runs)
        say("\n".join(f"  {seed}: {what}" for seed, what in total.broken[-20:]))
        say(f"{total.runs} of {runs} runs, {len(total.broken)} promises broken, {left_s / 60:.1f} min left")
