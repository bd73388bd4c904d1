"""EDGE. The core of a scaled deployment: Faust shares the partitions of `entries` among workers, each is folded here.

What one worker holds is a runner per partition. In a rebalance Kafka takes all partitions away and gives most of them
back: those go on from memory. A worker that does not know yet that it lost one does no harm: it decides the same.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from time import monotonic, time_ns

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from starlette.routing import BaseRoute

from stream.kafka.clients import Brokers
from stream.kafka.cuts import PlaceError
from stream.kafka.faust_app import Carried, Carrier, CarrierBroke
from stream.kafka.places import committed_places, hold_step
from stream.kafka.starting import started
from stream.kafka.writer import Writer
from tocsin.scaled.contents import ContentStore
from tocsin.scaled.core_keeping import Keeping
from tocsin.scaled.core_metrics import CoreMetrics
from tocsin.scaled.core_runner import LAG_FEW, PartitionRunner
from tocsin.scaled.core_state import StateStore
from tocsin.scaled.core_tools import CoreTools
from tocsin.scaled.role import STALLED, Ended, Health
from tocsin.scaled.watchdog import Watchdog

log = structlog.get_logger("tocsin")

WATCH_EVERY_S = 2.0
AGAIN_S = 1.0
UNFED = 5
"""When a partition had to be read so often in a row beside the stream, the stream is set back to it; when twice as
often, it is started anew."""
STOP_S = 10.0
"""How long partitions may take to keep their state at the end; what is left then is folded again by another."""
LEAVE_S = 4.0
"""How long leaving the group may take, and writing out what waits: what is left then is read or written again."""


def clock_ms() -> int:
    """The clock on the wall, for ticks alone."""
    return time_ns() // 1_000_000


class CoreWorker:
    """One core worker: `run` until `stop`. `clock=None` in a replay, where nothing but marks lets time pass."""

    name = "core"

    def __init__(
        self,
        brokers: Brokers,
        redis: Redis,
        *,
        step_ms: int,
        stalled_ms: int = 60_000,
        clock: Callable[[], int] | None = clock_ms,
    ) -> None:
        self.metrics = CoreMetrics()
        self.registry: CollectorRegistry = self.metrics.registry
        self._brands_clock = clock or clock_ms
        self.metrics.looks.add("brands", self._show_brands)
        writer = Writer(brokers)
        self._tools = CoreTools(
            brokers=brokers,
            writer=writer,
            contents=ContentStore(brokers, redis, writer),
            states=StateStore(redis, brokers.layout.prefix),
            metrics=self.metrics,
            step_ms=step_ms,
            clock=clock,
        )
        self._stalled_s = stalled_ms / 1000
        self._watch = Watchdog(self._stalled_s)
        self._runners: dict[int, tuple[PartitionRunner, Keeping, asyncio.Task[None]]] = {}
        self._carrier: Carrier | None = None
        self._rewinds: set[asyncio.Task[None]] = set()
        self._set_back: set[int] = set()
        """Partitions that the stream brought nothing of, and was set back for."""
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._waits = "it has not joined the others yet"
        self._stuck: str = ""

    @property
    def runners(self) -> dict[int, PartitionRunner]:
        """The partitions held now."""
        return {number: runner for number, (runner, _, _) in sorted(self._runners.items())}

    async def run(self) -> None:
        """Work until `stop`. Raises `Ended`: `STALLED` when a partition stands still, 2 for another `step`."""
        self._stopped.clear()
        work = asyncio.create_task(self._work())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
        finally:
            stopping.cancel()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await self._end()
            self._stopped.set()

    async def stop(self) -> None:
        """Keep the state of all partitions, leave the group, and return."""
        running = not self._stopping.is_set() and self._carrier is not None
        self._stopping.set()
        if running:
            await self._stopped.wait()

    def health(self) -> Health:
        """How it is now."""
        waits = [self._waits] if self._waits else []
        partitions = {}
        for number, (runner, keeping, _) in sorted(self._runners.items()):
            if runner.trouble:
                waits.append(f"partition {number}: {runner.trouble}")
            elif runner.behind > LAG_FEW:
                waits.append(f"partition {number} is {runner.behind} entries behind")
            if keeping.redis_away:
                waits.append(f"partition {number}: Redis does not take its state; a new start would take longer")
            offset = runner.core.place.offset if runner.core is not None else None
            partitions[str(number)] = {"offset": offset, "behind": runner.behind}
        stuck = (self._stuck,) if self._stuck else ()
        return Health(stuck=stuck, waits=tuple(waits), shown={"partitions": partitions})

    def routes(self) -> Sequence[BaseRoute]:
        """None: nobody outside asks the core anything."""
        return ()

    def _show_brands(self) -> None:
        engines = [runner.core.engine for runner in self.runners.values() if runner.core is not None]
        known = [engine.brand(name) for engine in engines for name in engine.brands]
        found = [one for one in known if one is not None]
        self.metrics.decisions.know(one.state.brand for one in found)
        self.metrics.brands.show(found, self._brands_clock())

    async def _work(self) -> None:
        await self._tools.writer.start()
        await self._hold_step()
        await self._tools.contents.read_on()
        both = [asyncio.create_task(self._carry()), asyncio.create_task(self._look_after())]
        try:
            await asyncio.gather(*both)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _hold_step(self) -> None:
        """See that intake sealed the steps in which we count: in another grid every mark lies in another time."""
        brokers, step_ms = self._tools.brokers, self._tools.step_ms
        homes = [TopicPartition(*brokers.layout.home_of(number)) for number in range(brokers.layout.inputs)]
        while True:
            try:
                for place in (await committed_places(brokers, "intake", homes)).values():
                    hold_step(place, step_ms)
            except PlaceError as wrong:
                raise Ended(str(wrong), 2) from None
            except (KafkaError, OSError) as error:
                log.warning("the brokers do not say what was sealed", problem=type(error).__name__)
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _carry(self) -> None:
        """Be in the group; whatever ends the app, another is started, and the partitions go on from memory."""
        while not self._stopping.is_set():
            carrier = self._carrier = Carrier(
                self._tools.brokers,
                topic="entries",
                group="core",
                handle=self._take,
                assigned=self._assigned,
                revoked=self._revoked,
            )
            try:
                await carrier.start()
                self._waits = ""
                await carrier.ended()
            except (CarrierBroke, KafkaError, OSError) as error:
                log.error("the stream broke and is started anew", problem=str(error)[:200])
            self._waits = "the stream broke and is being started anew"
            with contextlib.suppress(Exception):
                await carrier.stop()
            await asyncio.sleep(AGAIN_S)

    async def _take(self, carried: Carried) -> None:
        held = self._runners.get(carried.partition)
        if held is not None:
            held[0].give(carried)

    async def _assigned(self, partitions: frozenset[int]) -> None:
        await asyncio.gather(*(self._leave(number) for number in sorted(self._runners.keys() - partitions)))
        for number in sorted(partitions):
            if number in self._runners:
                self.metrics.restored(number, "memory")
            else:
                self._begin(number)
        self.metrics.assigned(len(partitions))
        log.info("partitions assigned", partitions=sorted(partitions))

    async def _revoked(self, partitions: frozenset[int]) -> None:
        """Most come back at once, and go on from memory; who gets one of ours reads what we did not keep yet."""

    def _begin(self, number: int) -> None:
        keeping = Keeping(number, self._tools)
        runner = PartitionRunner(number, self._tools, keeping, self._rewind)
        self._runners[number] = runner, keeping, asyncio.create_task(runner.run(), name=f"core {number}")

    async def _leave(self, number: int) -> None:
        runner, _, task = self._runners.pop(number)
        await runner.stop()
        _, left = await asyncio.wait({task}, timeout=STOP_S)
        if left:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._watch.forget(number)
        self.metrics.gone(number)

    def _rewind(self, number: int) -> None:
        if self._carrier is not None and number in self._runners:
            task = asyncio.create_task(self._rewound(self._carrier, number))
            self._rewinds.add(task)
            task.add_done_callback(self._rewinds.discard)

    async def _rewound(self, carrier: Carrier, number: int) -> None:
        core = self._runners[number][0].core
        try:
            await carrier.rewind(number, core.next_offset if core is not None else 0)
        except Exception as error:  # noqa: BLE001 - the runner reads by itself what the stream does not bring
            log.warning("the stream could not be rewound", partition=number, problem=type(error).__name__)

    async def _look_after(self) -> None:
        """See by a consumer of our own that no partition stands still. While brokers are away nothing can be said."""
        reader = await started(self._tools.brokers.consumer)
        try:
            while True:
                await asyncio.sleep(WATCH_EVERY_S)
                await self._look(reader)
                await self._feed()
        finally:
            await reader.stop()

    async def _look(self, reader: AIOKafkaConsumer) -> None:
        topic = self._tools.brokers.layout.name("entries")
        homes = {number: TopicPartition(topic, number) for number in self._runners}
        try:
            ends = await reader.end_offsets(list(homes.values())) if homes else {}
        except (KafkaError, OSError):
            self._watch.forget()
            return
        for number, runner in self.runners.items():
            if number not in homes:
                continue
            done = runner.core.next_offset if runner.core is not None else 0
            lag = ends[homes[number]] - done
            if self._watch.looked(number, lag=lag, progress=runner.progress, now_s=monotonic()):
                self._stuck = f"partition {number} of entries stands still with {lag} entries to go: {runner.trouble}"
                log.error("a partition stands still; the worker ends", partition=number, lag=lag, why=runner.trouble)
                raise Ended(self._stuck, STALLED)

    async def _feed(self) -> None:
        """A stream that brings a partition nothing, though there is something, is set to where that stands: a place of
        an earlier log may have been committed to this one. Where that does not help it is started anew.
        """
        for number, runner in self.runners.items():
            if runner.unfed == 0:
                self._set_back.discard(number)
            elif runner.unfed >= UNFED and number not in self._set_back:
                self._set_back.add(number)
                log.warning("the stream brings nothing and is set to what comes next", partition=number)
                self._rewind(number)
        unfed = [number for number, runner in self.runners.items() if runner.unfed >= 2 * UNFED]
        if unfed and self._carrier is not None:
            log.error("the stream brings nothing and is started anew", partitions=unfed)
            self.metrics.restarted()
            for runner in self.runners.values():
                runner.unfed = 0
            self._set_back.clear()
            await self._carrier.stop()

    async def _end(self) -> None:
        await asyncio.gather(*(self._leave(number) for number in sorted(self._runners)))
        for task in self._rewinds:
            task.cancel()
        if self._carrier is not None:
            # While brokers are away it would wait for them.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._carrier.stop(), LEAVE_S)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._tools.writer.stop(), LEAVE_S)
