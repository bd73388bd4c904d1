"""Journals of a story for every partition of `entries`, and what core workers made of them."""

import asyncio
import contextlib
import functools
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from random import Random

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from stream.codec import canonical, decode
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.tail import Tail
from stream.kafka.topics import Layout
from tests.cluster.intake_helpers import night as night_around
from tests.cluster.intake_helpers import write
from tests.cluster.processes import eventually
from tests.laws.test_layouts import interleaved, routed
from tests.tocsin.stories import STEP_MS, Lived
from tocsin.entry import Control, Event, Mark, Part
from tocsin.scaled.contents import content_record
from tocsin.scaled.core_partition import Decided
from tocsin.scaled.core_worker import CoreWorker

PATIENCE_S = 60
Journal = dict[int, list[bytes]]
"""What stands in each partition of `entries`."""


@functools.lru_cache(maxsize=2)
def night_of(hours: int = 6) -> Lived:
    """Two brands in the hours around their crises, as one process lives them."""
    night = night_around(1, 2, hours)
    return replace(night.story, log=night.log[:-1], chains=night.chains)


@functools.lru_cache(maxsize=4)
def _written(hours: int, layout: Layout) -> Journal:
    return journal_of(night_of(hours), layout)


def night_journal(layout: Layout, hours: int = 6) -> Journal:
    """The journal of `night_of`, cut as a layout cuts it, whatever the topics are called."""
    return _written(hours, layout._replace(prefix=""))


def journal_of(story: Lived, layout: Layout) -> Journal:
    """The entries of a story as incarnations of intake write them that die, come back, or live on as zombies."""
    rng = Random(f"{story.seed}/journal")
    streams = routed(rng, story, layout.mentions, dies=True)
    there = _items(streams)
    events = interleaved(rng, streams)
    found: Journal = {number: [] for number in range(layout.entries)}
    for event in events:
        if isinstance(event, Part | Control):
            found[layout.brand_partition(event.brand)].append(canonical(event))
        elif isinstance(event, Mark):
            for number in found:
                found[number].append(canonical(_share(event, there, layout, number)))
    return found


def _items(streams: Iterable[Sequence[Event]]) -> dict[tuple[int, int], set[tuple[object, ...]]]:
    """By input partition and step: what there is, whoever wrote it."""
    found: dict[tuple[int, int], set[tuple[object, ...]]] = defaultdict(set)
    for event in (event for stream in streams for event in stream):
        if isinstance(event, Part):
            found[event.partition, event.step].add((event.brand, event.minute_ms, event.live, event.chunk))
        elif isinstance(event, Control):
            found[event.partition, event.step].add((event.brand, event.number))
    return found


def _share(mark: Mark, there: dict[tuple[int, int], set[tuple[object, ...]]], layout: Layout, number: int) -> Mark:
    """The mark as one entries partition is told it: with the counts of what went there."""
    counts = {}
    for step in mark.counts:
        own = [item for item in there[mark.partition, step] if layout.brand_partition(str(item[0])) == number]
        if own:
            counts[step] = len(own)
    return msgspec.structs.replace(mark, counts=counts)


async def tell(brokers: Brokers, story: Lived) -> None:
    """Make the story's contents known."""
    await write(brokers, [content_record(brokers, body) for _, body in sorted(story.bodies.items())])


async def journal(brokers: Brokers, entries: Journal, *, share: tuple[float, float] = (0.0, 1.0)) -> None:
    """Write the journals, or a share of each."""
    topic = brokers.layout.name("entries")
    records = []
    for number, bodies in entries.items():
        cut = bodies[int(len(bodies) * share[0]) : int(len(bodies) * share[1])]
        records += [Outgoing(topic, number, b"", body) for body in cut]
    await write(brokers, records)


async def decided(brokers: Brokers) -> dict[str, list[Decided]]:
    """Each brand's decisions in their order. The same number twice must be the same decision, to the byte."""
    bodies: dict[tuple[str, int], bytes] = {}
    for number in range(brokers.layout.entries):
        async with Tail(brokers, brokers.layout.name("decisions"), number) as tail:
            async for records in tail.read(0):
                for record in records:
                    one = decode(record.value, Decided)
                    body = canonical(msgspec.structs.replace(one, log="", offset=-1))
                    assert bodies.setdefault((one.brand, one.n), body) == body, "two workers decided differently"
    found: dict[str, list[Decided]] = defaultdict(list)
    for (brand, _), body in sorted(bodies.items()):
        found[brand].append(decode(body, Decided))
    return dict(found)


async def records_in(brokers: Brokers, topic: str) -> int:
    """How many records all partitions of a topic hold, by their offsets."""
    held = 0
    for number in range({t.name: t.partitions for t in brokers.layout.topics()}[brokers.layout.name(topic)]):
        async with Tail(brokers, brokers.layout.name(topic), number) as tail:
            held += (await tail.held()).end
    return held


def redis_at(url: str) -> Redis:
    """A client as workers have it: it gives up soon and tries nothing twice."""
    return Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def worker(brokers: Brokers, url: str, **more: object) -> CoreWorker:
    """A core worker over a recorded journal."""
    return CoreWorker(brokers, redis_at(url), **{"step_ms": STEP_MS, "clock": None, **more})  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def at_work(*workers: CoreWorker) -> AsyncIterator[None]:
    """Let workers run; they stop in order at the end. One that fails lets the test fail."""
    tasks = [asyncio.create_task(one.run()) for one in workers]
    try:
        yield
    finally:
        await asyncio.gather(*(one.stop() for one in workers))
        await asyncio.gather(*tasks)


async def until(what: Callable[[], bool | Awaitable[bool]], words: str, *, patience_s: float = PATIENCE_S) -> None:
    """Wait until it is so. Raises `AssertionError` in words."""
    await eventually(what, words, patience_s)


def read_all(entries: Journal, *workers: CoreWorker, share: float = 1.0) -> Callable[[], bool]:
    """Whether the workers together applied the whole journal, or this share of it."""

    def so() -> bool:
        places = {}
        for one in workers:
            for number, runner in one.runners.items():
                if runner.core is not None:
                    places[number] = max(places.get(number, -1), runner.core.place.offset)
        return all(places.get(number, -1) + 1 >= int(len(bodies) * share) for number, bodies in entries.items())

    return so


def chains(found: dict[str, list[Decided]]) -> dict[str, str]:
    """The head of each brand's chain, where every number is there."""
    for brand, decisions in found.items():
        assert [one.n for one in decisions] == list(range(1, len(decisions) + 1)), f"{brand}: a decision is missing"
    return {brand: decisions[-1].chain for brand, decisions in sorted(found.items())}


def nights(story: Lived, layout: Layout) -> list[bytes]:
    """A story's entries in the order in which one process wrote them, for one partition of `entries`.

    Each mark of the one input partition is followed by one of the control partition, which holds nothing.
    """
    found = []
    for entry in story.entries:
        found.append(canonical(entry.event))
        if isinstance(entry.event, Mark):
            beside = msgspec.structs.replace(entry.event, partition=layout.control_input, counts={})
            found.append(canonical(beside))
    return found


def count(worker: CoreWorker, name: str, **labels: str) -> float:
    """What a counter of a worker says, over all partitions and whatever else is not named."""
    return sum(
        sample.value
        for family in worker.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
