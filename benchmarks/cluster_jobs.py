"""The jobs that the benchmarks of a cluster measure, each in a process of its own: `python -m benchmarks.cluster_jobs`.

Called with a `Job` as JSON. It makes itself ready, says `ready`, and begins when it reads `go`; when it is through it
says what it took as one line of JSON, and goes on holding its partitions until its input ends. What is taken is the
processor time of the whole process, from `go` until the last write is acknowledged or synced.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from benchmarks.cluster_corpus import NAMES, STEP_MS, as_mention, listened
from stream.brands import Matcher
from stream.codec import MINUTE_MS
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Cut, Outgoing, Place
from stream.kafka.intake_loop import IntakeLoop
from stream.kafka.places import Resumed
from stream.kafka.records import InputRecord
from stream.kafka.tail import Tail
from stream.kafka.topics import Layout
from stream.reading import Reader
from stream.repeats import Repeats
from stream.sources.intake_log import IntakeLog
from stream.sources.text_store import TextStore
from tocsin.collecting import collect_rarely
from tocsin.entry import Mark
from tocsin.intake import Intake, Judges, judges_of
from tocsin.journal import Journal
from tocsin.scaled.intake_partition import MakeIntake
from tocsin.scaled.intake_worker import IntakeWorker
from tocsin.sealing import Sealing
from tocsin.sequencer import Sequencer
from tocsin.works import TAKE_AT_ONCE

WARM = 2_000
"""Posts that are judged before the clock runs: lexicons are read once in a worker's life."""
LOOK_S = 0.02
HOLDING: list[tuple[IntakeLoop, asyncio.Task[None]]] = []
"""Loops that keep their partitions while others are still at work."""


class Job(msgspec.Struct):
    """What one process is to do."""

    name: str
    """embedded, intake, small, faust or bare_faust."""
    lines: str
    """A file of the stream's lines, each with its stamp before it."""
    until_step: int
    mentions: int
    bootstrap: str = ""
    layout: Layout = Layout()
    group: str = "intake"
    redis: str = ""


class Took(msgspec.Struct):
    """What it took."""

    cpu_s: float
    mentions: int
    """That this process read."""
    counted: dict[str, int]
    """What came of them: equal jobs count equally."""


def read_lines(path: str) -> list[tuple[int, bytes]]:
    """Stamps and lines of a stream."""
    with Path(path).open("rb") as file:
        return [(int(stamp), line) for stamp, _, line in (one.rstrip(b"\n").partition(b" ") for one in file)]


def warm_judges(lines: Sequence[tuple[int, bytes]]) -> Judges:
    """The stream's judges, with their lexicons read."""
    judges, reader = judges_of(listened(), NAMES), Reader()
    for stamp_ms, line in lines[:WARM]:
        judges.scoring.score(reader.read(line, stamp_ms))
    return judges


def maker(judges: Judges) -> MakeIntake:
    """Intakes that share them."""

    def make(repeats: Repeats) -> Intake:
        return Intake(listened(), NAMES, step_ms=STEP_MS, judges=judges, repeats=repeats)

    return make


async def told(word: str) -> None:
    """Wait until the parent says so."""
    line = await asyncio.to_thread(sys.stdin.readline)
    assert line.strip() == word, f"{line!r} instead of {word}"


def say(what: object) -> None:
    """Tell the parent."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.flush()


# ---- embedded


class NoCore:
    """In place of the engine: entries end at the journal, as intake's do at the topic."""

    def __init__(self) -> None:
        self.sealing = Sealing(marks={0: -1})
        self.seq = 0
        self.parts = 0

    def apply(self, entry: Any) -> list[Any]:
        """Decide nothing."""
        self.seq = entry.seq
        self.parts += not isinstance(entry.event, Mark)
        return []


async def embedded(job: Job) -> Took:
    """The intake log is there; from there to texts and journal as `tocsin.works` goes, each sync included."""
    lines = read_lines(job.lines)
    with tempfile.TemporaryDirectory() as home:
        log = IntakeLog(Path(home) / "intake.db")
        for stamp_ms, group in grouped(lines):
            log.append([("mention", "", line) for line in group], now_ms=stamp_ms)
        log.append([("beat", "", b"")], now_ms=lines[-1][0] + STEP_MS)
        core = NoCore()
        intake = maker(warm_judges(lines))(Repeats())
        journal = Journal(Path(home) / "journal.db", step_ms=STEP_MS)
        texts = TextStore(Path(home) / "texts.db")
        sequencer = Sequencer(
            journal=journal,
            engine=core,  # type: ignore[arg-type]
            intake=intake,
            texts=texts,
            step_ms=STEP_MS,
            incarnation="b",
            sink=lambda _: None,
            batch=TAKE_AT_ONCE,
            snapshot_every=sys.maxsize,
        )
        del lines
        say("ready")
        await told("go")
        gc.collect()
        began = time.process_time()
        await taken_in(log, sequencer)
        cpu_s = time.process_time() - began
        counted = dict(intake.counts)
        for store in (texts, journal, log):
            store.close()
    return Took(cpu_s, counted["read"], counted)


def grouped(lines: Sequence[tuple[int, bytes]]) -> list[tuple[int, list[bytes]]]:
    """Lines by their stamps, in their order."""
    found: list[tuple[int, list[bytes]]] = []
    for stamp_ms, line in lines:
        if not found or found[-1][0] != stamp_ms:
            found.append((stamp_ms, []))
        found[-1][1].append(line)
    return found


async def taken_in(log: IntakeLog, sequencer: Sequencer) -> None:
    """As `Works.catch_up` does it."""
    reader, cursor = Reader(), 0
    while found := log.read(cursor, TAKE_AT_ONCE):
        for record in found:
            if record.kind == "beat":
                sequencer.reach(record.observed_ms, offset=record.offset)
            else:
                sequencer.mention(reader.read(record.body, record.observed_ms), offset=record.offset)
            cursor = record.offset + 1
            await asyncio.sleep(0)
        sequencer.flush()
        await asyncio.sleep(0)


# ---- over Kafka


class Held:
    """A partition that is given out and known again, and is not read before the gate opens."""

    def __init__(self, inner: Any, gate: asyncio.Event) -> None:
        self._recall, self._gate = inner.recall, gate
        self.take, self.seal, self.committed = inner.take, inner.seal, inner.committed

    async def recall(self, tail: Tail, resumed: Resumed) -> None:
        """Know again, and wait."""
        await self._recall(tail, resumed)
        await self._gate.wait()


class HeldWorker(IntakeWorker):
    """An intake worker whose partitions wait at a gate."""

    gate: asyncio.Event

    def _begin(self, number: int, incarnation: str, at: Resumed) -> Any:
        return Held(super()._begin(number, incarnation, at), self.gate)


async def intake(job: Job) -> Took:
    """An intake worker as it is, over topics that are filled."""
    redis = Redis.from_url(job.redis, socket_timeout=2) if job.redis else None
    worker = HeldWorker(
        Brokers(job.bootstrap, job.layout),
        listened(),
        NAMES,
        step_ms=STEP_MS,
        redis=redis,
        beats=False,
        group=job.group,
        make=maker(warm_judges(read_lines(job.lines))),
    )
    worker.gate = asyncio.Event()
    cpu_s = await through(worker.loop, worker.gate, job.until_step)
    counted = dict(worker.mentions)
    return Took(cpu_s, counted.get("read", 0), counted)


async def through(loop: IntakeLoop, gate: asyncio.Event, until_step: int) -> float:
    """Run a loop from `go` until all that it has is sealed and committed; processor seconds."""
    running = asyncio.create_task(loop.run())
    try:
        ready = asyncio.create_task(told("go"))
        shown: list[int] = []
        while not ready.done():
            if loop.setting_up != shown:
                shown = loop.setting_up
                say(shown)
            await looked(running)
        collect_rarely()  # as `tocsin.scaled.worker` does
        began = time.process_time()
        gate.set()
        while loop.setting_up or min(loop.sealed().values(), default=-1) < until_step:
            await looked(running)
        return time.process_time() - began
    finally:
        HOLDING.append((loop, running))


async def looked(running: asyncio.Task[None]) -> None:
    """Let some time pass. Raises what the loop failed with."""
    if running.done():
        running.result()
    await asyncio.sleep(LOOK_S)


# ---- the small job


class SlimPost(msgspec.Struct, gc=False):
    """What the small job reads of a post, with us and with Faust; the rest is skipped."""

    id: str
    source: str
    text: str
    author: str = ""


read_post = msgspec.json.Decoder(SlimPost).decode


class Counting:
    """The small job: read, match, and count each brand's posts of each minute; a minute is written once it is over.

    Its grid step is a minute.
    """

    def __init__(self, brokers: Brokers, matcher: Matcher, counted: Counter[str]) -> None:
        self._brokers, self._matcher, self._counted = brokers, matcher, counted
        self._minutes: dict[int, Counter[str]] = {}
        self._open: Place | None = None
        self._sealed = -1
        self.read = 0

    async def recall(self, tail: Tail, resumed: Resumed) -> None:
        """Nothing is known again."""

    def take(self, record: InputRecord) -> None:
        """Count one post."""
        minute = record.observed_ms // MINUTE_MS
        if self._open is None or minute > self._open.sealed_step + 1:
            self._open = Place(record.offset, minute - 1, record.observed_ms, MINUTE_MS)
        if record.kind != "mention":
            return
        self.read += 1
        counts = self._minutes.get(minute)
        if counts is None:
            counts = self._minutes[minute] = Counter()
        for brand in self._matcher.match(as_mention(read_post(record.body))):
            counts[brand.name] += 1

    def seal(self) -> Cut | None:
        """The minutes that are over."""
        place = self._open
        if place is None or place.sealed_step <= self._sealed:
            return None
        self._sealed = place.sealed_step
        over = [minute for minute in sorted(self._minutes) if minute <= place.sealed_step]
        return Cut([one for minute in over for one in self._counts(minute)], [], place)

    def _counts(self, minute: int) -> Iterator[Outgoing]:
        layout = self._brokers.layout
        for brand, count in sorted(self._minutes.pop(minute).items()):
            self._counted[f"{brand} {minute * MINUTE_MS}"] += count
            body = msgspec.json.encode([minute, brand, count])
            yield Outgoing(layout.name("entries"), layout.brand_partition(brand), brand.encode(), body)

    async def committed(self, place: Place) -> None:
        """Nothing more."""


async def small(job: Job) -> Took:
    """The loop of intake around the small job."""
    brokers, gate, counted = Brokers(job.bootstrap, job.layout), asyncio.Event(), Counter[str]()
    matcher, all_of = Matcher(listened()), list[Counting]()

    def begin(number: int, name: str, at: Resumed) -> Held:
        all_of.append(Counting(brokers, matcher, counted))
        return Held(all_of[-1], gate)

    loop = IntakeLoop(brokers, begin, step_ms=MINUTE_MS, beats=False, group=job.group)
    cpu_s = await through(loop, gate, job.until_step * STEP_MS // MINUTE_MS)
    return Took(cpu_s, sum(one.read for one in all_of), dict(counted))


async def faust(job: Job) -> Took:
    """The same in Faust, written as its documentation teaches: a record, an agent, a windowed table."""
    from benchmarks.faust_table import counting

    return Took(*await counting(job, lambda: say("ready"), lambda: told("go"), parted=job.name == "faust"))


JOBS: dict[str, Callable[[Job], Any]] = {
    "embedded": embedded,
    "intake": intake,
    "small": small,
    "faust": faust,
    "bare_faust": faust,
}


async def main(spelled: str) -> None:
    """Do one job."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    job = msgspec.json.decode(spelled, type=Job)
    say(await JOBS[job.name](job))
    await told("")
    for loop, running in HOLDING:
        loop.stop()
        await running


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
