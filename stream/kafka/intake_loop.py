"""EDGE. Many input partitions, one worker: reads them, seals their steps, writes, and commits when all is acknowledged.

    getmany -> take -> seal -> [contents -> marks -> acknowledged] -> commit

What a record means is not known here: `Begin` makes the `Incarnation` that knows. Whoever loses a partition writes
nothing more of it that it has not begun to write; what it wrote takes effect once or not at all, by the marks.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import OffsetAndMetadata

from stream import crash
from stream.kafka.beats import beat_on
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Cut, Place
from stream.kafka.incarnations import Begin, Running
from stream.kafka.places import committed_places, resumed
from stream.kafka.records import InputRecord, kind_and_source
from stream.kafka.starting import started
from stream.kafka.tail import Tail
from stream.kafka.writer import Writer

log = structlog.get_logger("tocsin")

WAIT_MS = 200
BREATH = 100
"""Records that are taken before others in this process have their turn."""
LEAVE_S = 5.0
"""How long a partition that is to be given away may take to finish what it is writing."""
AGAIN_S = 1.0
SOON_S = 0.05


class IntakeLoop:
    """Reads the topics `mentions` and `control` together with the other workers of its group.

    `counts` counts: records, seals, marks, contents, commits, commits_failed, rebalances, incarnations, kept (a
    partition that came back with its place untouched goes on), wiped, trimmed, lost_records, beats, beats_failed.
    """

    def __init__(
        self,
        brokers: Brokers,
        begin: Begin,
        *,
        step_ms: int,
        named_by: str = "",
        max_records: int = 500,
        beats: bool = True,
        group: str = "intake",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._brokers = brokers
        self._layout = brokers.layout
        self._begin = begin
        self._step_ms = step_ms
        self._named_by = named_by
        self._max_records = max_records
        self._beats = beats
        self._group = group
        self._clock = clock
        self.counts: Counter[str] = Counter()
        self.writer = Writer(brokers)
        self._consumer: AIOKafkaConsumer | None = None
        self._running: dict[TopicPartition, Running] = {}
        self._away: dict[TopicPartition, Running] = {}
        """What was ours before a rebalance, which may give it back."""
        self._known: dict[TopicPartition, Place] = {}
        """The last place that this worker knows of: brokers that forgot it were wiped."""
        self._new: set[TopicPartition] = set()
        self._assignment = 0
        self._setting_up: dict[TopicPartition, asyncio.Task[None]] = {}
        self._writing = asyncio.Lock()
        self._stopping = False
        self.failed: Exception | None = None
        """What went wrong where nobody could be told."""

    # ---- what others see

    @property
    def partitions(self) -> list[int]:
        """The input partitions that are read here now, by number."""
        return sorted(self._number(home) for home in self._running)

    @property
    def setting_up(self) -> list[int]:
        """The input partitions that were given to this worker and are not read yet."""
        return sorted(self._number(home) for home in {*self._new, *self._setting_up})

    @property
    def joined(self) -> bool:
        """Whether partitions were given out since it started, be it none to this worker."""
        return self.counts["rebalances"] > 0

    def positions(self) -> dict[int, int]:
        """The offset that each partition read here goes on at."""
        return {self._number(home): running.position for home, running in sorted(self._running.items())}

    def sealed(self) -> dict[int, int]:
        """The last sealed step of each partition read here; -1 where none was."""
        return {
            self._number(home): -1 if running.place is None else running.place.sealed_step
            for home, running in sorted(self._running.items())
        }

    # ---- life

    async def run(self) -> None:
        """Work until `stop`. Raises what is wrong with us, never what is wrong with the broker."""
        beating: list[asyncio.Task[None]] = []
        try:
            await self.writer.start()
            self._consumer = await started(lambda: self._brokers.consumer(group=self._group))
            topics = [self._layout.name("mentions"), self._layout.name("control")]
            self._consumer.subscribe(topics, listener=_Listener(self))
            if self._beats:
                beating.append(asyncio.create_task(self._beat_on()))
            while not self._stopping:
                await self._round()
                for task in beating:
                    if task.done():
                        task.result()
        finally:
            aside = [*beating, *self._setting_up.values()]
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            if self._consumer is not None:
                await self._consumer.stop()
            await self.writer.stop()

    async def _beat_on(self) -> None:
        """Keep the time of the partitions moving that are ours, those too that are not read yet."""

        def homes() -> list[TopicPartition]:
            return sorted({*self._running, *self._setting_up})

        await beat_on(self.writer, homes, self.counts, step_ms=self._step_ms, clock=self._clock)

    def stop(self) -> None:
        """End `run` after the round that is under way."""
        self._stopping = True

    def _number(self, home: TopicPartition) -> int:
        return self._layout.input_of(home.topic, home.partition)

    # ---- partitions come and go

    async def give_away(self, homes: Sequence[TopicPartition]) -> None:
        """These are not ours any more: what is being written may be finished, nothing else is begun."""
        for home in homes:
            running = self._running.pop(home, None)
            if running is not None:
                running.ours = False
                self._away[home] = running
        for task in self._setting_up.values():
            task.cancel()
        self._setting_up.clear()
        self._new.clear()
        try:
            async with asyncio.timeout(LEAVE_S):
                async with self._writing:
                    pass
        except TimeoutError:
            log.warning("partitions are given away while they are still being written")

    def take_over(self, homes: Sequence[TopicPartition]) -> None:
        """These are ours from now on. None is read before it is known where it goes on."""
        assert self._consumer is not None
        self.counts["rebalances"] += 1
        self._assignment += 1
        for home in homes:
            self._consumer.seek(home, 0)
        self._consumer.pause(*homes)
        self._new = set(homes)
        self._away = {home: running for home, running in self._away.items() if home in self._new}
        log.info("partitions assigned", partitions=sorted(self._number(home) for home in homes))

    def _begin_new(self) -> None:
        for home in sorted(self._new):
            self._setting_up[home] = asyncio.create_task(self._set_up(home))
        self._new.clear()
        for home in [home for home, task in self._setting_up.items() if task.done()]:
            self._setting_up.pop(home).result()

    async def _set_up(self, home: TopicPartition) -> None:
        while True:
            try:
                running = await self._made_ready(home)
                break
            except (KafkaError, OSError) as error:
                number = self._number(home)
                log.error("a partition cannot be read yet", partition=number, problem=type(error).__name__)
                await asyncio.sleep(AGAIN_S)
        assert self._consumer is not None
        if self._setting_up.get(home) is not asyncio.current_task():
            return  # given away meanwhile: a client may be deaf to being cancelled
        try:
            self._consumer.seek(home, running.position)
            self._consumer.resume(home)
        except IllegalStateError:
            return
        self._begun(home, running)

    async def _made_ready(self, home: TopicPartition) -> Running:
        kept = self._away.get(home)
        place = (await committed_places(self._brokers, self._group, [home])).get(home)
        if kept is not None and kept.whole and place is not None and kept.place == place:
            return kept
        async with Tail(self._brokers, home.topic, home.partition) as tail:
            known = place or self._known.get(home)
            vanished = place is None and known is not None
            at = await resumed(tail, known, vanished=vanished, step_ms=self._step_ms, named_by=self._named_by)
            name = uuid4().hex
            incarnation = self._begin(self._number(home), name, at)
            await incarnation.recall(tail, at)
        return Running(incarnation, name, at)

    def _begun(self, home: TopicPartition, running: Running) -> None:
        number, at = self._number(home), running.at
        if running is self._away.pop(home, None):
            self.counts["kept"] += 1
        else:
            self.counts["incarnations"] += 1
            log.info("partition taken up", partition=number, offset=at.offset, incarnation=running.name)
            if at.alarm:
                self.counts[at.alarm] += 1
                self.counts["lost_records"] += at.lost_records
                log.error(
                    "an input partition does not hold the place at which it goes on",
                    partition=number,
                    what=at.alarm,
                    lost_records=at.lost_records,
                    goes_on_at=at.offset,
                )
        self._known.pop(home, None)
        if running.place is not None:
            self._known[home] = running.place
        running.ours, running.assignment = True, self._assignment
        self._running[home] = running

    def _start_again(self, homes: Sequence[TopicPartition]) -> None:
        for home in homes:
            running = self._running.pop(home, None)
            if running is not None:
                running.ours = False
            task = self._setting_up.get(home)
            at_it = home in self._new or (task is not None and not task.done())
            if not at_it and self._consumer is not None and home in self._consumer.assignment():
                self._consumer.seek(home, 0)
                self._consumer.pause(home)
                self._new.add(home)

    # ---- rounds

    async def _round(self) -> None:
        assert self._consumer is not None
        if self.failed is not None:
            raise self.failed
        self._begin_new()
        try:
            found = await self._consumer.getmany(timeout_ms=WAIT_MS, max_records=self._max_records)
        except OffsetOutOfRangeError as error:
            self._start_again(sorted(error.args[0]))
            return
        except NoOffsetForPartitionError:
            await asyncio.sleep(SOON_S)  # asked for before its place was known
            return
        except KafkaError as error:
            log.error("nothing can be read", problem=type(error).__name__)
            await asyncio.sleep(AGAIN_S)
            return
        cuts: list[tuple[TopicPartition, Running, Cut]] = []
        for home in sorted(found):
            running = self._running.get(home)
            if running is None:
                continue
            await self._take(home, running, found[home])
            cut = running.incarnation.seal() if running.ours else None
            if cut is not None:
                running.whole = False
                cuts.append((home, running, cut))
        if cuts:
            async with self._writing:
                await self._write(cuts)

    async def _take(self, home: TopicPartition, running: Running, records: Sequence[Any]) -> None:
        number, take = self._number(home), running.incarnation.take
        for first in range(0, len(records), BREATH):
            if first:
                await asyncio.sleep(0)
            for record in records[first : first + BREATH]:
                if record.offset < running.position:
                    continue  # fetched before the place was set
                kind, source = kind_and_source(record.headers)
                take(InputRecord(number, record.offset, record.timestamp, kind, source, record.value or b""))
            running.position = max(running.position, records[min(first + BREATH, len(records)) - 1].offset + 1)
        self.counts["records"] += len(records)

    async def _write(self, cuts: Sequence[tuple[TopicPartition, Running, Cut]]) -> None:
        """Write what these cuts hold, and commit what is acknowledged of what is still ours."""

        def wanted() -> bool:
            return not self._stopping and any(running.ours for _, running, _ in cuts)

        ours = [one for one in cuts if one[1].ours]
        crash.here("kafka.parts.before")
        if not await self.writer.write([out for _, _, cut in ours for out in cut.contents], wanted=wanted):
            return
        crash.here("kafka.parts.after")
        if not await self.writer.write([out for _, _, cut in ours for out in cut.marks], wanted=wanted):
            return
        crash.here("kafka.mark.after")
        for _, running, cut in ours:
            running.whole = True
            self.counts["seals"] += 1
            self.counts["contents"] += len(cut.contents)
            self.counts["marks"] += len(cut.marks)
        await self._commit(ours)
        crash.here("kafka.commit.after")

    async def _commit(self, cuts: Sequence[tuple[TopicPartition, Running, Cut]]) -> None:
        assert self._consumer is not None
        mine = [(home, running, cut.place) for home, running, cut in cuts if running.assignment == self._assignment]
        crash.here("kafka.commit.before")
        if not mine:
            return
        try:
            await self._consumer.commit(
                {home: OffsetAndMetadata(place.offset, place.metadata()) for home, _, place in mine}
            )
        except (KafkaError, IllegalStateError) as error:
            # What is sealed is sealed: whoever goes on from an older place writes it again, and it is dropped.
            self.counts["commits_failed"] += 1
            log.warning("a place was not committed", problem=type(error).__name__)
            for _, running, cut in cuts:
                running.place = cut.place
            return
        self.counts["commits"] += 1
        for home, running, place in mine:
            running.place = self._known[home] = place
            await running.incarnation.committed(place)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells a loop of its partitions."""

    def __init__(self, loop: IntakeLoop) -> None:
        self._loop = loop

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        await self._loop.give_away(sorted(revoked))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        try:
            self._loop.take_over(sorted(assigned))
        except Exception as error:  # noqa: BLE001 - the client would log it and go on; a worker ends of it
            self._loop.failed = error
