"""EDGE. What the embedded service says about itself to Prometheus, and whether it is alive."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from alerting.decision import Decision
from tocsin.entry import DeliveryReport
from tocsin.source_metrics import SourceMetrics


class PeopleMetrics:
    """Counters of what reaches people and what they are judged by, in a registry of its own. Labels are bounded: ways,
    outcomes and kinds.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._delivered = Counter(
            "tocsin_delivery_reports", "What became of pages", ["way", "outcome"], registry=self.registry
        )
        self._troubles = Counter(
            "tocsin_way_troubles",
            "Pages that a way refused or left in doubt: refused, second_way (told by that way instead), or lost; and "
            "how often a way fell silent (silent) and answered again (back)",
            ["way", "became"],
            registry=self.registry,
        )
        self._beside = Gauge(
            "tocsin_slack_beside",
            "Pictures and channels in Slack since the start, and those that were refused or given up",
            ["what"],
            registry=self.registry,
        )
        self._charts = Counter(
            "tocsin_flowchart_reads",
            "Times a changed flowchart, or changed rosters, were read again, by what became of them: taken or refused",
            ["became"],
            registry=self.registry,
        )
        self._well = Gauge(
            "tocsin_well", "1 while all is well and the heartbeat goes on, else 0", registry=self.registry
        )
        self._touches = Gauge(
            "tocsin_heartbeat_touches",
            "Touches of the heartbeat's address since the start, by what became of them",
            ["became"],
            registry=self.registry,
        )
        self._behind = Gauge(
            "tocsin_core_behind_seconds", "How far the core is behind the clock", registry=self.registry
        )
        self._chart_bad = Gauge(
            "tocsin_flowchart_bad",
            "1 while the flowchart's file is no good and the one before it runs on, else 0",
            registry=self.registry,
        )

    def delivered(self, report: DeliveryReport) -> None:
        """Count what became of a page."""
        self._delivered.labels(report.way, report.outcome).inc()

    def troubled(self, way: str, became: str) -> None:
        """Count a way that failed somebody."""
        self._troubles.labels(way, became).inc()

    def beside(self, counts: Mapping[str, int]) -> None:
        """Show what was done in Slack beside the pages."""
        for what in sorted(counts):
            self._beside.labels(what).set(counts[what])

    def looked(self, wrong: Sequence[str], touched: Mapping[str, int], behind_ms: int) -> None:
        """Show whether all is well, what became of the heartbeat, and how far the core is behind."""
        self._well.set(not wrong)
        self._behind.set(max(0, behind_ms) / 1000)
        for became in sorted(touched):
            self._touches.labels(became).set(touched[became])

    def read_chart(self, became: str, *, bad: bool) -> None:
        """Count a flowchart that was read again, and whether the file is no good."""
        self._charts.labels(became).inc()
        self._chart_bad.set(bad)


class Metrics(PeopleMetrics):
    """Counters of one embedded service. Labels are bounded: kinds, reasons and configured brands and sources."""

    def __init__(self) -> None:
        super().__init__()
        self._mentions = Gauge(
            "tocsin_intake_mentions",
            "Mentions since the start, by what became of them",
            ["became"],
            registry=self.registry,
        )
        self._dead = Gauge(
            "tocsin_dead_letters",
            "Dead letters ever, by source and reason",
            ["source", "reason"],
            registry=self.registry,
        )
        self._refused = Gauge(
            "tocsin_ingest_refused",
            "Requests to the door that were refused since the start, by reason",
            ["reason"],
            registry=self.registry,
        )
        self._decisions = Counter(
            "tocsin_decisions",
            "Decisions by brand, kind and reason",
            ["brand", "kind", "reason"],
            registry=self.registry,
        )
        self.sources = SourceMetrics(self.registry)
        """What each source that is listened to brings."""

    def took(self, counts: Mapping[str, int], dead: Mapping[tuple[str, str], int], refused: Mapping[str, int]) -> None:
        """Show the counts of intake and of the door as they are now."""
        for became in sorted(counts):
            self._mentions.labels(became).set(counts[became])
        for source, reason in sorted(dead):
            self._dead.labels(source, reason).set(dead[source, reason])
        for reason in sorted(refused):
            self._refused.labels(reason).set(refused[reason])

    def decided(self, decision: Decision) -> None:
        """Count a decision."""
        self._decisions.labels(decision.brand, decision.kind, decision.reason).inc()


def service_routes(metrics: PeopleMetrics, health: Callable[[], dict[str, object]]) -> list[BaseRoute]:
    """`/metrics` and `/healthz`."""

    async def show_metrics(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def show_health(_: Request) -> Response:
        return Response(msgspec.json.encode(health()), media_type="application/json")

    return [Route("/metrics", show_metrics), Route("/healthz", show_health)]
