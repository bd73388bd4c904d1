"""What every source owes, whatever its platform: the contract suite.

A `Case` stages a made-up platform with a ledger of all that it said. The laws run its source through the real `Feeding`
into a real intake log, in virtual time, and compare.

    stage = case.stage(world)        # a platform, and a source over it each time one is asked for
    await stage.play(3600)           # an hour of posts, and of whatever goes wrong there
    stage.said()                     # what it said, and what of it nobody can have any more
"""

import asyncio
import random
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stream.mention import Mention
from stream.reading import Reader
from stream.repeats import Repeats
from stream.sources.contract import Completeness, Gap, Source, Surroundings
from stream.sources.dead_letters import DeadLetters
from stream.sources.feeding import Feeding
from stream.sources.intake_log import Appender, IntakeLog, Item, Overloaded
from stream.sources.places import Places, SourcePurse
from tests.sources.virtual import now_ms


class Said(NamedTuple):
    """One thing that the platform said."""

    kind: str
    id: str
    """As stored: with the source's name in front."""
    at_ms: int
    gone: bool = False
    """Whether nobody who asked by the rules could have it: then a gap must cover it."""


class World(NamedTuple):
    """What a case may use."""

    around: Surroundings
    rng: random.Random
    threads: "Tracked"


class Stage(Protocol):
    """A platform under way."""

    def source(self) -> Source:
        """A source over the platform; a new one each time, as a new process makes it."""

    async def play(self, seconds: float) -> None:
        """Say things for so long, and go wrong in every way the platform can; then stand well-behaved and quiet."""

    def said(self) -> Sequence[Said]:
        """All that was said so far since the first connection."""

    def say(self) -> Said:
        """Say one more thing, now: a post that the source must bring."""

    def stall(self) -> None:
        """From now on connections stand, requests wait, and nothing comes; until `heal`."""

    def heal(self) -> None:
        """Work again."""

    def spoil(self) -> int:
        """Say something that nobody can read, now, beside what is well: how many dead letters it makes at least."""

    @property
    def asked(self) -> int:
        """Requests answered and frames or pieces handed over so far."""


class Case(NamedTuple):
    """One source, for the laws."""

    name: str
    completeness: Completeness
    stage: Callable[[World], Stage]
    secrets: tuple[str, ...] = ()
    """What must be seen nowhere."""
    settle_s: float = 1_300.0
    """So long after the last misbehaviour everything is there."""
    loose: frozenset[str] = frozenset({"engagement"})
    """Kinds of which not each one must be stored: counts that were overtaken by later ones."""
    ahead: int = 3
    """Requests or pieces that may be taken while the log takes nothing."""


class Tracked:
    """The conversations that matter, as the test has them."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.incidents: list[str] = []

    def tracked(self, mention_id: str) -> bool:
        """Whether somebody's window holds it."""
        return mention_id in self.names

    def open(self, source: str) -> Sequence[str]:
        """The threads of open incidents of one source."""
        return [name for name in self.incidents if name.startswith(f"{source}:")]


class Slow:
    """A log that can be held up, before the real one; or whose writer never hears that something was written."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self.held = False
        self.largest = 0
        self.sticks_after: int | None = None
        """So many appends from now on it writes and says nothing: the process dies between rows and place."""
        self.stuck = 0

    async def append(self, items: Sequence[Item], *, seen: Sequence[Any] = ()) -> object:
        """Append, or refuse."""
        self.largest = max(self.largest, len(items))
        if self.held:
            raise Overloaded("held")
        found = await self._appender.append(items, seen=seen)
        if self.sticks_after is not None:
            self.sticks_after -= 1
            if self.sticks_after <= 0:
                self.stuck += 1
                await asyncio.sleep(10**6)
        return found

    def known(self, source: str) -> Sequence[Any]:
        """Nothing is signed here."""
        return []


class House:
    """The stores of a deployment, as far as sources need them, and what was reported."""

    def __init__(self, directory: Path) -> None:
        self.log = IntakeLog(directory / "intake.db")
        self.dead = DeadLetters(directory / "dead_letters.db")
        self.places = Places(directory / "sources.db")
        self.appender = Appender(self.log, now_ms)
        self.slow = Slow(self.appender)
        self.reports: list[tuple[int, str, int]] = []
        """When, which status, since when."""
        self.threads = Tracked()

    def around(self, source: str) -> Surroundings:
        """What a source may use."""
        return Surroundings(now_ms, SourcePurse(self.places, source, now_ms), self.threads)

    def feeding(self, source: Source) -> Feeding:
        """A feeding of the source, as a new process would build it."""

        async def report(_: str, status: str, since_ms: int) -> None:
            self.reports.append((now_ms(), status, since_ms))

        return Feeding(
            source, log=self.slow, letters=self.dead, places=self.places, clock=now_ms, report=report, hold_s=15
        )

    def stored(self, source: str) -> list[Mention]:
        """What counts of what is in the log: repeats of a post's first appearance left out."""
        reader, repeats = Reader(source), Repeats()
        found = []
        for record in self.records():
            if record.source != source:
                continue
            mention = reader.read(record.body, record.observed_ms)
            if mention.kind == "create" and repeats.is_repeat(mention.id, record.offset, record.observed_ms):
                continue
            found.append(mention)
        return found

    def records(self) -> Iterator[Any]:
        """Every mention in the log."""
        offset = 0
        while records := self.log.read(offset, 2_000):
            yield from (record for record in records if record.kind == "mention")
            offset = records[-1].offset + 1

    def gaps(self, source: str) -> list[Gap]:
        """What was missed."""
        return self.places.gaps(source)

    async def close(self) -> None:
        """Close every file."""
        await self.appender.close()
        for store in (self.log, self.dead, self.places):
            store.close()


@asynccontextmanager
async def living(directory: Path) -> Any:
    """A house for a test."""
    house = House(directory)
    try:
        yield house
    finally:
        await house.close()


@asynccontextmanager
async def fed(house: House, source: Source) -> Any:
    """A source that feeds the house while the block runs; then it is closed, which is prompt."""
    feeding = house.feeding(source)
    task = asyncio.create_task(feeding.run())
    try:
        yield feeding
    finally:
        began_ms = now_ms()
        assert not task.done(), task.exception()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert now_ms() - began_ms <= 2_000, "a source must end promptly"


def staged(case: Case, house: House, seed: int) -> Stage:
    """The case's platform, with conversations of its own."""
    threads = Tracked()
    around = house.around(case.name)._replace(threads=threads)
    return case.stage(World(around, random.Random(seed), threads))


def ledger_problems(case: Case, house: House, said: Sequence[Said], *, died: bool = False) -> list[str]:
    """Where what was said and what was stored differ; empty: they agree.

    A process that `died` may have taken what it did not keep and what the platform gives nobody twice after so long:
    then a gap that is not filled must say so.
    """
    stored = house.stored(case.name)
    there = {(one.kind, one.id) for one in stored}
    known = {(one.kind, one.id): one for one in said}
    gaps = house.gaps(case.name)
    problems = [f"made up: {kind} {name}" for kind, name in sorted(there - set(known)) if kind not in case.loose]
    first_ms = {one.id: one.observed_ms for one in stored if one.kind == "create"}
    posts = {one.id for one in said}
    problems += [f"made up: {kind} {name}" for kind, name in sorted(there) if kind in case.loose and name not in posts]
    creates = [one.id for one in stored if one.kind == "create"]
    problems += [f"doubled: {name}" for name in sorted({n for n in creates if creates.count(n) > 1})]
    for (kind, name), one in sorted(known.items()):
        if (kind, name) in there or kind in case.loose:
            continue
        if kind == "update" and first_ms.get(name, -1) >= one.at_ms:
            continue  # a list shows a post as it stands: it was first seen with the change in it
        if not (one.gone or (died and covered(one.at_ms, [gap for gap in gaps if not gap.filled]))):
            problems.append(f"lost: {kind} {name} said at {one.at_ms}")
        elif not covered(one.at_ms, gaps):
            problems.append(f"in no gap: {kind} {name} said at {one.at_ms}")
    problems += [f"gap without an end: {gap}" for gap in gaps if not 0 < gap.since_ms < gap.until_ms <= now_ms() + 1000]
    return problems


def covered(at_ms: int, gaps: Collection[Gap]) -> bool:
    """Whether a time lies in a gap."""
    return any(gap.since_ms <= at_ms <= gap.until_ms for gap in gaps)


def shelf() -> tempfile.TemporaryDirectory[str]:
    """A directory in memory where there is one: an hour of syncs takes its time on a disk."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
