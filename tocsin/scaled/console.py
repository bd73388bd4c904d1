"""EDGE. The role `console`: how the deployment stands, as JSON at `/status`. It only reads, and needs Redis alone.

What it shows is what core workers last wrote there; where Redis is empty, old or away it says so instead of guessing.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Gauge
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from alerting.incident import Incident
from stream.codec import rfc3339
from tocsin.scaled.core_glance import Glance
from tocsin.scaled.core_partition import CoreMeta
from tocsin.scaled.ground import Ground
from tocsin.scaled.role import Health

log = structlog.get_logger("tocsin")

LOOK_EVERY_S = 5.0
"""How often it asks Redis when nobody asks it; asked by somebody, at most once a second."""
FRESH_MS = 1_000
AWAY = "Redis does not answer"


class ConsoleMetrics:
    """What a console shows of the core to Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._open = Gauge(
            "tocsin_open_incidents",
            "Incidents that are open, by brand, as Redis has it",
            ["brand"],
            registry=self.registry,
        )
        self._blind = Gauge(
            "tocsin_brand_blind", "1 while a brand's sources do not deliver, else 0", ["brand"], registry=self.registry
        )
        self._behind = Gauge(
            "tocsin_decided_behind_seconds",
            "How far what was decided is behind the clock, by entries partition, as Redis has it",
            ["partition"],
            registry=self.registry,
        )

    def looked(self, status: "Status") -> None:
        """Show what was read."""
        for brand in status.brands:
            self._open.labels(brand.brand).set(len(brand.open))
            self._blind.labels(brand.brand).set(brand.blind is not None)
        for one in status.partitions:
            if one.behind_s is not None:
                self._behind.labels(str(one.partition)).set(one.behind_s)


class PartitionNow(msgspec.Struct, kw_only=True):
    """How far one entries partition is. Without an `offset` Redis holds nothing of it."""

    partition: int
    offset: int | None = None
    decided_until: str | None = None
    behind_s: int | None = None
    dropped_parts: int = 0
    straddling_marks: int = 0
    forced_ticks: int = 0


class IncidentNow(msgspec.Struct, kw_only=True):
    """One incident that is open."""

    id: str
    scenario: str
    severity: str
    status: str
    opened: str
    acknowledged_by: str = ""
    owner: str = ""


class BrandStatus(msgspec.Struct, kw_only=True):
    """One brand of the configuration."""

    brand: str
    partition: int
    listening: bool = False
    """Whether the core has decided anything about it, be it that all is calm."""
    open: list[IncidentNow] = []
    blind: IncidentNow | None = None


class Status(msgspec.Struct, kw_only=True):
    """The whole of `/status`."""

    at: str
    redis: bool
    """Whether Redis answered; if not, what follows is empty."""
    partitions: list[PartitionNow] = []
    brands: list[BrandStatus] = []


class Console:
    """`GET /status`. Give its `pages` to the process, beside the health."""

    name = "console"

    def __init__(self, ground: Ground, clock: Callable[[], int]) -> None:
        self._redis = ground.redis()
        self._layout = ground.brokers.layout
        self._brands = [brand.name for brand in ground.settings.brands]
        self._glance = Glance(self._redis, self._layout, self._brands)
        self._clock = clock
        self._metrics = ConsoleMetrics()
        self.registry = self._metrics.registry
        self._away = "Redis was not asked yet"
        self._last: Status | None = None
        self._last_ms = 0
        self._looking = asyncio.Lock()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Look now and then, so that readiness and metrics are true when nobody asks for the status."""
        while not self._stop.is_set():
            await self.look()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._stop.wait()
            except TimeoutError:
                continue
        await self._redis.aclose()

    async def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def health(self) -> Health:
        """Ready while Redis answers."""
        return Health(waits=(self._away,) if self._away else ())

    def routes(self) -> Sequence[BaseRoute]:
        """Nothing for the world outside."""
        return ()

    def pages(self) -> Sequence[BaseRoute]:
        """`/status`."""

        async def status(_: Request) -> Response:
            found = await self.look()
            return Response(msgspec.json.encode(found), 200 if found.redis else 503, media_type="application/json")

        return [Route("/status", status)]

    async def look(self) -> Status:
        """How everything stands, at most a second old."""
        async with self._looking:
            now_ms = self._clock()
            if self._last is not None and 0 <= now_ms - self._last_ms < FRESH_MS:
                return self._last
            try:
                await self._glance.look(range(self._layout.entries))
            except (RedisError, OSError, TimeoutError) as error:
                if self._away != AWAY:
                    log.warning("redis does not answer", problem=type(error).__name__)
                self._away = AWAY
                found = Status(at=rfc3339(now_ms), redis=False)
            else:
                self._away = ""
                found = self._status(now_ms)
                self._metrics.looked(found)
            self._last, self._last_ms = found, now_ms
            return found

    def _status(self, now_ms: int) -> Status:
        partitions = range(self._layout.entries)
        metas = {number: self._glance.metas[number] for number in partitions if self._glance.holds(number)}
        return Status(
            at=rfc3339(now_ms),
            redis=True,
            partitions=[partition_now(number, metas.get(number), now_ms) for number in partitions],
            brands=[self._brand(name) for name in self._brands],
        )

    def _brand(self, name: str) -> BrandStatus:
        partition = self._layout.brand_partition(name)
        is_there = self._glance.holds(partition) and name in self._glance.metas[partition].brands
        state = self._glance.brands.get(name) if is_there else None
        book = state.book if state is not None else None
        if book is None:
            return BrandStatus(brand=name, partition=partition)
        incident, blind = book.incident, book.blind
        return BrandStatus(
            brand=name,
            partition=partition,
            listening=True,
            open=[incident_now(incident)] if incident is not None and incident.is_open else [],
            blind=incident_now(blind) if blind is not None and blind.is_open else None,
        )


def partition_now(number: int, meta: CoreMeta | None, now_ms: int) -> PartitionNow:
    """How far a partition is by what was kept of it."""
    if meta is None:
        return PartitionNow(partition=number)
    sealing, step_ms = meta.sealing, meta.step_ms
    found = PartitionNow(
        partition=number,
        offset=meta.place.offset,
        dropped_parts=sealing.dropped,
        straddling_marks=sealing.straddled,
        forced_ticks=sealing.forced,
    )
    if sealing.done >= 0:
        until_ms = (sealing.done + 1) * step_ms
        found.decided_until, found.behind_s = rfc3339(until_ms), max(0, now_ms - until_ms) // 1000
    return found


def incident_now(incident: Incident) -> IncidentNow:
    """An incident as the status shows it."""
    return IncidentNow(
        id=incident.id,
        scenario=incident.scenario,
        severity=incident.severity,
        status=incident.status,
        opened=rfc3339(incident.opened_ms),
        acknowledged_by=incident.acknowledged_by,
        owner=incident.owner,
    )
