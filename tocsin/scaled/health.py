"""EDGE. `/livez`, `/readyz` and `/metrics` of a worker: what its roles say of themselves, asked at every request.

They answer from the first moment, whatever the broker does: a worker that waits is alive and not ready.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from prometheus_client import CollectorRegistry, Gauge, Metric, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tocsin.metrics import build_info
from tocsin.scaled.role import Health

PROCESS = "worker"
"""Under this name the process itself stands beside its roles."""


class WorkerMetrics:
    """What each worker shows of itself, whatever its roles."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._alive = Gauge(
            "tocsin_worker_alive",
            "1 while a role of a worker can go on as it is, 0 when only a new start helps",
            ["role"],
            registry=self.registry,
        )
        self._ready = Gauge(
            "tocsin_worker_ready", "1 while a role of a worker does its work, else 0", ["role"], registry=self.registry
        )
        self._build = build_info(self.registry)
        ProcessCollector(registry=self.registry)

    def looked(self, found: Mapping[str, Health]) -> None:
        """Show how the roles are now."""
        for name, health in found.items():
            self._alive.labels(name).set(health.alive)
            self._ready.labels(name).set(health.ready)


class Merged(Collector):
    """Several registries as one: a metric that two of them have is shown once, with the samples of both.

    Equal samples of counters are added; of gauges the greatest stands.
    """

    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self._registries = tuple(registries)

    def collect(self) -> Iterable[Metric]:
        """Every metric family, by name."""
        families: dict[str, Metric] = {}
        for registry in self._registries:
            for family in registry.collect():
                known = families.get(family.name)
                if known is None:
                    families[family.name] = known = Metric(family.name, family.documentation, family.type)
                known.samples = _joined(known, family)
        return [families[name] for name in sorted(families)]


def _joined(known: Metric, more: Metric) -> list:  # type: ignore[type-arg] # prometheus_client's Sample has no public name
    found = {(one.name, tuple(sorted(one.labels.items()))): one for one in known.samples}
    for sample in more.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        here = found.get(key)
        both = [sample.value] if here is None else [here.value, sample.value]
        found[key] = sample._replace(value=max(both) if known.type == "gauge" else sum(both))
    return list(found.values())


def health_routes(look: Callable[[], Mapping[str, Health]], registries: Sequence[CollectorRegistry]) -> list[BaseRoute]:
    """The three of them. `look` says how the process and each of its roles are now."""
    metrics = WorkerMetrics()
    merged = CollectorRegistry()
    merged.register(Merged([metrics.registry, *registries]))

    async def live(_: Request) -> Response:
        found = look()
        stuck = {name: one.stuck for name, one in found.items() if not one.alive}
        return _json({"alive": not stuck, "stuck": stuck}, ok=not stuck)

    async def ready(_: Request) -> Response:
        found = look()
        waits = {name: (*one.stuck, *one.waits) for name, one in found.items() if not one.ready}
        shown = {name: one.shown for name, one in found.items() if one.shown}
        return _json({"ready": not waits, "waits": waits, "roles": shown}, ok=not waits)

    async def show(_: Request) -> Response:
        metrics.looked(look())
        return Response(generate_latest(merged), media_type=CONTENT_TYPE_LATEST)

    return [Route("/livez", live), Route("/readyz", ready), Route("/metrics", show)]


def _json(value: object, *, ok: bool) -> Response:
    return Response(msgspec.json.encode(value), 200 if ok else 503, media_type="application/json")
