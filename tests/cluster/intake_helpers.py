"""Stories written into topics with the stamps that they were lived with, and what engines make of the entries."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import OffsetAndMetadata

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing, Place
from stream.kafka.places import committed_places
from stream.kafka.records import headers_of
from stream.kafka.starting import started
from stream.kafka.tail import Tail
from stream.kafka.writer import Writer
from stream.mention import Mention
from stream.repeats import Repeats
from tests.mentions import line_of
from tests.tocsin.stories import NAMES, STEP_MS, Lived, Said, _scoring, chains_of, lived, run
from tocsin.engine import Engine
from tocsin.entry import Entry, Event
from tocsin.intake import Intake, Judges, judges_of
from tocsin.scaled.intake_partition import MakeIntake
from tocsin.scaled.intake_worker import IntakeWorker
from tocsin.state import Contents

PATIENCE_S = 60


@dataclass
class Played:
    """A story's night, its log with an end, and the chains that one process gives."""

    story: Lived
    log: list[Said]
    chains: dict[str, str]

    @property
    def end_step(self) -> int:
        """The last step of the log."""
        return self.log[-1].observed_ms // STEP_MS


def night(seed: int = 1, count: int = 2, hours: int = 5) -> Played:
    """The crisis of a story, and the hours around it."""
    story = lived(seed, count)
    born_ms = story.log[0].observed_ms
    first_ms = born_ms + (72 * 60 + 30) * 60_000
    begun = [later(said, first_ms) for said in story.log[:count]]
    log = begun + [said for said in story.log if first_ms <= said.observed_ms < first_ms + hours * 3_600_000]
    log.append(Said(log[-1].observed_ms + 60_000, None))
    return Played(story, log, run(log, story.brands, story.bodies).chains)


def later(said: Said, at_ms: int) -> Said:
    """The same, said at another time."""
    assert not isinstance(said.what, Mention | None)
    return Said(at_ms, msgspec.structs.replace(said.what, at_ms=at_ms))


def outgoing(brokers: Brokers, said: Said) -> Outgoing | None:
    """A record of a log as it goes into its input partition; a beat goes nowhere."""
    layout = brokers.layout
    if isinstance(said.what, Mention):
        home, name = layout.mention_partition(said.what.id), said.what.id.encode()
        headers = headers_of("mention", said.what.source)
        return Outgoing(layout.name("mentions"), home, name, line_of(said.what), headers, said.observed_ms)
    if said.what is None:
        return None
    body = msgspec.json.encode(said.what)
    return Outgoing(layout.name("control"), 0, None, body, headers_of("control", ""), said.observed_ms)


async def fill(brokers: Brokers, log: Sequence[Said], *, ended: bool = True) -> None:
    """Write a log into its topics; `ended`: with a beat in every partition that seals its last step."""
    records = [out for said in log if (out := outgoing(brokers, said)) is not None]
    if ended:
        records += [beat(brokers, number, log[-1].observed_ms + STEP_MS) for number in range(brokers.layout.inputs)]
    await write(brokers, records)


async def write(brokers: Brokers, records: Sequence[Outgoing]) -> None:
    """Write records into topics."""
    writer = Writer(brokers)
    await writer.start()
    try:
        assert await writer.write(records)
    finally:
        await writer.stop()


async def all_of(brokers: Brokers, topic: str, partition: int) -> list[Any]:
    """Every record of a partition."""
    found: list[Any] = []
    async with Tail(brokers, brokers.layout.name(topic), partition) as tail:
        async for records in tail.read((await tail.held()).first):
            found += records
    return found


async def commit(brokers: Brokers, found: dict[int, Place], group: str = "intake") -> None:
    """Let a group's places be these."""
    consumer = await started(lambda: brokers.consumer(group=group))
    try:
        homes = {TopicPartition(*brokers.layout.home_of(number)): place for number, place in found.items()}
        consumer.assign(list(homes))
        await consumer.commit(
            {home: OffsetAndMetadata(place.offset, place.metadata()) for home, place in homes.items()}
        )
    finally:
        await consumer.stop()


async def trim(brokers: Brokers, before: int, number: int = 0) -> None:
    """Let an input partition forget its first records."""
    admin = await started(brokers.admin)
    try:
        home = TopicPartition(*brokers.layout.home_of(number))
        await admin.delete_records({home: RecordsToDelete(before)})
    finally:
        await admin.close()


def records_in(log: Sequence[Said]) -> int:
    """How many records of a log are written: beats are not."""
    return sum(said.what is not None for said in log)


def mentions_in(log: Sequence[Said]) -> int:
    """How many records of a log are mentions."""
    return sum(isinstance(said.what, Mention) for said in log)


def beat(brokers: Brokers, number: int, at_ms: int) -> Outgoing:
    """A beat for one input partition."""
    topic, partition = brokers.layout.home_of(number)
    return Outgoing(topic, partition, None, b"", headers_of("beat", ""), at_ms)


def maker(story: Lived, *, keep_posts: bool = False) -> MakeIntake:
    """Intakes of a story's brands that share their judges, which judge each text of it once."""
    judges = Judges(judges_of(story.brands, NAMES).matcher, _scoring(tuple(story.brands)))

    def make(repeats: Repeats) -> Intake:
        return Intake(story.brands, NAMES, step_ms=STEP_MS, keep_posts=keep_posts, judges=judges, repeats=repeats)

    return make


def worker(brokers: Brokers, story: Lived, **more: object) -> IntakeWorker:
    """An intake worker over a recorded log."""
    told = {"step_ms": STEP_MS, "beats": False, "make": maker(story), **more}
    return IntakeWorker(brokers, story.brands, NAMES, **told)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def at_work(*workers: IntakeWorker) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Workers that run, each as a task; they are stopped at the end, and what they failed with is raised."""
    tasks = [asyncio.create_task(one.run()) for one in workers]
    try:
        yield tasks
    finally:
        for one in workers:
            one.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)


async def places(brokers: Brokers, group: str = "intake") -> dict[int, Place]:
    """What a group committed, by number of the input partition."""
    homes = [TopicPartition(*brokers.layout.home_of(number)) for number in range(brokers.layout.inputs)]
    found = await committed_places(brokers, group, homes)
    return {brokers.layout.input_of(home.topic, home.partition): place for home, place in found.items()}


async def until_sealed(brokers: Brokers, step: int, group: str = "intake") -> dict[int, Place]:
    """Wait until every input partition is committed up to a step."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = await places(brokers, group)
        if len(found) == brokers.layout.inputs and min(place.sealed_step for place in found.values()) >= step:
            return found
        assert time.monotonic() < deadline, f"not sealed up to {step} in {PATIENCE_S} s: {found}"
        await asyncio.sleep(0.05)


@dataclass
class Core:
    """The engines of all entries partitions, after all that was written."""

    chains: dict[str, str] = field(default_factory=dict)
    entries: int = 0
    dropped: int = 0
    straddled: int = 0
    waiting: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    """Decisions by kind."""


async def core_of(brokers: Brokers, bodies: dict[str, bytes], until: int | None = None) -> Core:
    """Feed the entries to fresh engines, one for each partition."""
    found = Core()
    for number in range(brokers.layout.entries):
        engine = Engine(step_ms=STEP_MS, partitions=range(brokers.layout.inputs), contents=Contents(bodies))
        async with Tail(brokers, brokers.layout.name("entries"), number) as tail:
            async for records in tail.read(0):
                for record in records:
                    event = msgspec.json.decode(record.value, type=Event)
                    found.decided.update(one.kind for one in engine.apply(Entry(engine.seq + 1, 0, event)))
        found.chains |= chains_of(engine)
        found.entries += engine.seq
        found.dropped += engine.sealing.dropped
        found.straddled += engine.sealing.straddled
        found.waiting += len(engine.sealing.waiting)
        if until is not None:
            assert engine.sealing.complete_step >= until, f"entries {number}: {engine.sealing.marks}"
    return found
