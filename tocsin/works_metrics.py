"""EDGE. What a service shows of its works when it is asked for its metrics: none of it costs anything until then."""

from prometheus_client import ProcessCollector

from tocsin.metrics import Metrics
from tocsin.works import Works


def watch(works: Works) -> Metrics:
    """Have the metrics of these works look at them. Returns those metrics."""
    metrics = works.metrics
    metrics.decisions.know(brand.name for brand in works.brands)
    metrics.know_ways(works.ways)
    ProcessCollector(registry=metrics.registry)

    def core() -> None:
        metrics.stands(
            refuses=works.refuses,
            behind_records=works.behind_records,
            entries=works.engine.seq,
            core_time_ms=works.core_time_ms,
        )

    def brands() -> None:
        known = [works.engine.brand(brand.name) for brand in works.brands]
        metrics.brands.show([one for one in known if one is not None], works.clock())

    metrics.looks.add("core", core)
    metrics.looks.add("brands", brands)
    metrics.looks.add("probes", lambda: metrics.probes.show(works.probes.counts))
    metrics.looks.add("outbox", lambda: metrics.waits(works.outbox.unsettled(), works.clock()))
    metrics.looks.add("stores", lambda: metrics.stores.looked(works.settings.data_path, works.home.journal))
    return metrics
