"""EDGE. The role `intake`: an intake worker and, where sources may send to us, a door, both looked after.

What may go wrong outside is waited for. What only a new start can cure ends the process: a partition that has
something to read and is not read.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import NoReturn

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute

from stream.kafka.cuts import PlaceError
from stream.kafka.starting import started
from stream.sources.signing import Verifier
from stream.sources.taking import Limits
from tocsin.scaled.door import Door
from tocsin.scaled.ground import Ground
from tocsin.scaled.intake_metrics import IntakeMetrics
from tocsin.scaled.intake_worker import IntakeWorker
from tocsin.scaled.role import STALLED, Ended, Health
from tocsin.scaled.watchdog import Watchdog
from tocsin.scorers import load_scorers
from tocsin.source_sections import doors, shapes_of

log = structlog.get_logger("tocsin")

LOOK_EVERY_S = 2.0
STOP_S = 10.0
"""How long what is being written may take at the end; what is left then is read again by another worker."""
ANSWERED_S = 5.0
"""How long brokers may take to say how far the partitions go; then the worker is not ready."""
BEHIND = 10_000
"""Records that may wait in a partition while the worker still counts as keeping up."""


class IntakeRole:
    """One intake worker of a deployment, as the process runs it. Raises `SettingsError` and `QueryError`."""

    name = "intake"

    def __init__(self, ground: Ground) -> None:
        settings = ground.settings
        self._brokers = ground.brokers
        self._step_ms = settings.step
        self.worker = IntakeWorker(
            ground.brokers,
            settings.brand_list(),
            ground.names,
            step_ms=settings.step,
            scorers=load_scorers(settings.scorers),
            redis=ground.redis(),
        )
        self.door = _door(ground)
        self.metrics = IntakeMetrics()
        self.registry: CollectorRegistry = self.metrics.registry
        self._watch = Watchdog(ground.cluster.stalled / 1000)
        self._lag: dict[int, int] = {}
        self._unanswered = False
        self._stuck = ""
        self._waits = "it has not joined the others yet"
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._began = False

    # ---- life

    async def run(self) -> None:
        """Work until `stop`. Raises `Ended`."""
        self._began = True
        work = asyncio.create_task(self._work())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self.worker.stop()
            if not work.done():
                await asyncio.wait({work}, timeout=STOP_S)
            if work.done():
                work.result()
        except PlaceError as wrong:
            raise Ended(str(wrong), 2) from None
        finally:
            stopping.cancel()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            self._stopped.set()

    async def stop(self) -> None:
        """Finish what is being written, leave the group, and return."""
        self._stopping.set()
        if self._began:
            await self._stopped.wait()

    def health(self) -> Health:
        """How it is now."""
        loop = self.worker.loop
        waits = [self._waits] if self._waits else []
        waits += [f"partition {number} is being taken up" for number in loop.setting_up]
        waits += [f"partition {number} is {lag} records behind" for number, lag in self._lag.items() if lag > BEHIND]
        if loop.writer.is_away:
            waits.append("the brokers do not acknowledge what is written")
        elif self._unanswered:
            waits.append("the brokers do not answer")
        sealed = {str(number): {"sealed_step": step} for number, step in loop.sealed().items()}
        return Health(
            stuck=(self._stuck,) if self._stuck else (),
            waits=tuple(waits),
            shown={"partitions": sealed, "lag": {str(number): lag for number, lag in sorted(self._lag.items())}},
        )

    def routes(self) -> Sequence[BaseRoute]:
        """`POST /ingest/{source}`, where the configuration names sources with a secret."""
        return () if self.door is None else self.door.routes()

    # ---- work

    async def _work(self) -> None:
        """The worker, its door and who looks after them: the first that fails ends the others."""
        looking = asyncio.create_task(self._look_after())
        reading = asyncio.create_task(self.worker.run())
        try:
            await asyncio.wait({looking, reading}, return_when=asyncio.FIRST_COMPLETED)
            for task in (looking, reading):
                if task.done():
                    task.result()
        finally:
            for task in (looking, reading):
                task.cancel()
            await asyncio.gather(looking, reading, return_exceptions=True)

    async def _look_after(self) -> None:
        """See by a consumer of our own that no partition stands still. While brokers are away nothing can be said."""
        reader = await started(self._brokers.consumer)
        try:
            if self.door is not None:
                await self.door.start()
            while True:
                await self._look(reader)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            if self.door is not None:
                await self.door.stop()
            await reader.stop()

    async def _look(self, reader: AIOKafkaConsumer) -> None:
        loop = self.worker.loop
        if self.door is not None:
            await self.door.sweep()
        if loop.joined:
            self._waits = ""
        positions = loop.positions()
        homes = {number: TopicPartition(*self._brokers.layout.home_of(number)) for number in positions}
        try:
            async with asyncio.timeout(ANSWERED_S):
                ends = await reader.end_offsets(list(homes.values())) if homes else {}
        except (KafkaError, OSError, TimeoutError):
            self._unanswered = True
            self._watch.forget()
            return
        self._unanswered = False
        self._lag = {number: max(0, ends[homes[number]] - position) for number, position in positions.items()}
        refused = {} if self.door is None else self.door.ingest.refused
        self.metrics.looked(self.worker, self._lag, refused, self._step_ms)
        for number, lag in self._lag.items():
            if self._watch.looked(number, lag=lag, progress=positions[number], now_s=monotonic()):
                self._end(f"input partition {number} stands still with {lag} records to go")
        for number in range(self._brokers.layout.inputs):
            waits = number in loop.setting_up
            if self._watch.looked(-1 - number, lag=waits, progress=self.worker.known_again, now_s=monotonic()):
                self._end(f"input partition {number} is not taken up")

    def _end(self, words: str) -> NoReturn:
        self._stuck = words
        log.error("a partition stands still; the worker ends", why=words)
        raise Ended(words, STALLED)


def _door(ground: Ground) -> Door | None:
    settings = ground.settings
    verifiers = {
        name: Verifier([secret.reveal() for secret in found]) for name, found in ground.secrets.sources.items() if found
    }
    if not verifiers:
        return None
    return Door(
        ground.brokers,
        verifiers,
        limits=Limits(all_items_per_s=settings.ingest.items_per_second),
        rates={source.name: source.rate for source in doors(settings)},
        shapes=shapes_of(settings),
    )
