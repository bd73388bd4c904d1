"""EDGE. What the embedded service says about itself to Prometheus, and whether it is alive."""

import platform
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from alerting.decision import Decision
from alerting.delivery.rows import UNSETTLED, OutboxRow
from alerting.facts import SEVERITIES
from alerting.view import IncidentView
from tocsin import __version__
from tocsin.brand_metrics import BrandMetrics
from tocsin.decision_metrics import WAKES, DecisionMetrics
from tocsin.edition import edition
from tocsin.entry import DeliveryReport
from tocsin.heartbeat import Facts
from tocsin.http_metrics import HttpMetrics
from tocsin.shown_metrics import Labels, Looks, Shown
from tocsin.source_metrics import SourceMetrics
from tocsin.store_metrics import StoreMetrics

# When a counter began is of no use to anybody here, and would be as many series again.
disable_created_metrics()  # type: ignore[no-untyped-call]

REACHED_S = (1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1800)
"""A page is to reach somebody within five minutes."""
ACKNOWLEDGED_S = (15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600)
STEP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
REMEMBERED = 1_000
"""Decisions of which it is known when they were taken, so that it is known how long their pages took."""
OUTCOMES = ("sent", "failed", "missed", "unknown")
BECAME = ("refused", "second_way", "lost", "silent", "back")
TAKES = ("acknowledge", "own", "false_alarm", "resolve")
"""Answers by which an incident is in somebody's hands, or over."""
EMBEDDED = "0"
"""The one partition of a service: workers have several."""


def build_info(registry: CollectorRegistry) -> Gauge:
    """Which version runs here, as a metric that is always 1."""
    said = "Always 1; the version that runs here, and whether its detectors are compiled"
    info = Gauge("tocsin_build_info", said, ["version", "python", "detectors"], registry=registry)
    info.labels(__version__, platform.python_version(), edition()).set(1)
    return info


class PeopleMetrics:
    """What reaches people and what they are judged by, in a registry of its own. Labels are bounded: ways, outcomes,
    severities and kinds.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.looks = Looks(self.registry)
        """What is looked up at the moment when somebody asks."""
        self._decided_ms: OrderedDict[str, int] = OrderedDict()
        self._count_people()
        self._watch_ourselves()

    def _count_people(self) -> None:
        registry = self.registry
        self._delivered = Counter(
            "tocsin_delivery_reports", "What became of pages", ["way", "outcome"], registry=registry
        )
        self._reached = Histogram(
            "tocsin_delivery_seconds",
            "Time from the decision until its page was sent, by way; whoever is tried later by their own order takes "
            "that long besides",
            ["way"],
            buckets=REACHED_S,
            registry=registry,
        )
        self._acknowledged = Histogram(
            "tocsin_acknowledgement_seconds",
            "Time from the first page of an incident until somebody had it, or ended it, by severity",
            ["severity"],
            buckets=ACKNOWLEDGED_S,
            registry=registry,
        )
        self._troubles = Counter(
            "tocsin_way_troubles",
            "Pages that a way refused or left in doubt: refused, second_way (told by that way instead), or lost; and "
            "how often a way fell silent (silent) and answered again (back)",
            ["way", "became"],
            registry=registry,
        )
        self._beside = Shown(
            "counter",
            "tocsin_slack_beside",
            "Pictures and channels in Slack, and those that were refused or given up",
            ["what"],
            registry=registry,
        )
        self._unsettled = Shown(
            "gauge",
            "tocsin_outbox_pages",
            "Pages that are neither sent, failed nor cancelled, by where they stand",
            ["state"],
            registry=registry,
        )
        self._oldest = Shown(
            "gauge",
            "tocsin_outbox_oldest_seconds",
            "How long the oldest page waits that is due and not settled; 0: none",
            registry=registry,
        )
        self._charts = Counter(
            "tocsin_flowchart_reads",
            "Times a changed flowchart, or changed rosters, were read again, by what became of them: taken or refused",
            ["became"],
            registry=registry,
        )
        self._chart_bad = Gauge(
            "tocsin_flowchart_bad",
            "1 while the flowchart's file is no good and the one before it runs on, else 0",
            registry=registry,
        )

    def _watch_ourselves(self) -> None:
        registry = self.registry
        self._well = Gauge("tocsin_well", "1 while all is well and the heartbeat goes on, else 0", registry=registry)
        self._leads = Gauge(
            "tocsin_delivery_leads",
            "1 on what sends pages: a service, or the one delivery worker that leads; else 0",
            registry=registry,
        )
        self._touches = Shown(
            "counter",
            "tocsin_heartbeat_touches",
            "Touches of the heartbeat's address that were due, by what became of them",
            ["became"],
            registry=registry,
        )
        self._behind = Gauge("tocsin_core_behind_seconds", "How far the core is behind the clock", registry=registry)
        self._silent = Shown(
            "gauge",
            "tocsin_part_silent_seconds",
            "For how long a part gave no sign of life: log, journal and delivery, which do something at every step, "
            "and sources and doors of ours by their names",
            ["part"],
            registry=registry,
        )
        self._probe_age = Shown(
            "gauge",
            "tocsin_probe_age_seconds",
            "How long ago a probe of our own last came through the whole path; before the first, since the start",
            registry=registry,
        )
        self._probe_period = Shown(
            "gauge", "tocsin_probe_period_seconds", "How often a probe of our own sets out", registry=registry
        )
        self.probes = Shown(
            "counter",
            "tocsin_probes",
            "Probes of our own: sent, through the whole path, or late (not through when the next was sent)",
            ["became"],
            registry=registry,
        )
        self._unreached = Gauge(
            "tocsin_unreached_pages", "Open incidents with a page that is due and reached nobody", registry=registry
        )
        self._unreached_for = Gauge(
            "tocsin_unreached_seconds", "For how long the first of these waits; 0: none", registry=registry
        )
        self._clock_off = Gauge(
            "tocsin_clock_off_seconds", "How far the machine's clock is from the one that is gone by", registry=registry
        )

    # ---- what is told

    def know_ways(self, ways: Iterable[str]) -> None:
        """Show these ways from the start: what is counted first is a step up from 0 then."""
        for way in ways:
            self._reached.labels(way)
            for outcome in OUTCOMES:
                self._delivered.labels(way, outcome)
            for became in BECAME:
                self._troubles.labels(way, became)
        for severity in SEVERITIES:
            self._acknowledged.labels(severity)

    def heard(self, decision: Decision) -> None:
        """Remember when a decision was taken, so that it is known how long its pages took."""
        if decision.kind in (*WAKES, "Notify"):
            self._decided_ms[decision.key] = decision.at_ms
            while len(self._decided_ms) > REMEMBERED:
                self._decided_ms.popitem(last=False)

    def delivered(self, report: DeliveryReport) -> None:
        """Count what became of a page."""
        self._delivered.labels(report.way, report.outcome).inc()
        decided_ms = self._decided_ms.get(report.key)
        if report.outcome == "sent" and decided_ms is not None:
            self._reached.labels(report.way).observe(max(0, report.at_ms - decided_ms) / 1000)

    def answered(self, view: IncidentView | None, answer: str, at_ms: int) -> None:
        """Note how long an incident waited for people: the first answer that takes it counts, given the view before
        that answer.
        """
        if view is None or answer not in TAKES or view.over or view.acked_by or view.owner or not view.paged:
            return
        if not any(one.acked for one in view.paged):
            waited_ms = at_ms - min(one.at_ms for one in view.paged)
            self._acknowledged.labels(view.severity).observe(max(0, waited_ms) / 1000)

    def troubled(self, way: str, became: str) -> None:
        """Count a way that failed somebody."""
        self._troubles.labels(way, became).inc()

    def beside(self, counts: Mapping[str, int]) -> None:
        """Show what was done in Slack beside the pages."""
        self._beside.show(counts)

    def waits(self, rows: Iterable[OutboxRow], now_ms: int) -> None:
        """Show what of the outbox is not settled."""
        states: dict[Labels, float] = dict.fromkeys(UNSETTLED, 0)
        oldest_ms = now_ms
        for row in rows:
            states[row.state] = states.get(row.state, 0) + 1
            if not row.is_later(now_ms):
                oldest_ms = min(oldest_ms, row.wanted_ms or now_ms)
        self._unsettled.show(states)
        self._oldest.set((now_ms - oldest_ms) / 1000)

    def leads(self, leads: bool) -> None:
        """Show whether pages are sent from here."""
        self._leads.set(leads)

    def looked(self, wrong: Sequence[str], touched: Mapping[str, int], facts: Facts) -> None:
        """Show whether all is well, what became of the heartbeat, and what was found."""
        self._well.set(not wrong)
        self._touches.show(touched)
        self._behind.set(max(0, facts.core_behind_ms) / 1000)
        self._silent.show(
            {
                "log": facts.log_silent_ms / 1000,
                "journal": facts.journal_silent_ms / 1000,
                "delivery": facts.delivery_silent_ms / 1000,
            }
            | {name: age_ms / 1000 for name, age_ms in facts.signs}
        )
        if facts.probes >= 0:
            self._probe_age.set(facts.probe_age_ms / 1000)
            self._probe_period.set(facts.every_ms / 1000)
        self._unreached.set(facts.unreached)
        self._unreached_for.set(facts.unreached_ms / 1000 if facts.unreached else 0)
        self._clock_off.set(facts.clock_off_ms / 1000)

    def looks_no_more(self) -> None:
        """Say nothing of probes any more: somebody else sends them now."""
        self._probe_age.show({})
        self._probe_period.show({})

    def read_chart(self, became: str, *, bad: bool) -> None:
        """Count a flowchart that was read again, and whether the file is no good."""
        self._charts.labels(became).inc()
        self._chart_bad.set(bad)


class Metrics(PeopleMetrics):
    """All of one embedded service. Labels are bounded: kinds, reasons and configured brands and sources."""

    def __init__(self) -> None:
        super().__init__()
        registry = self.registry
        self._mentions = Shown(
            "counter", "tocsin_intake_mentions", "Mentions, by what became of them", ["became"], registry=registry
        )
        self._dead = Shown(
            "counter",
            "tocsin_dead_letters",
            "Dead letters ever, by source and reason",
            ["source", "reason"],
            registry=registry,
        )
        self._refused = Shown(
            "counter",
            "tocsin_ingest_refused",
            "Requests to the door that were refused, by reason",
            ["reason"],
            registry=registry,
        )
        self._refuses = Gauge(
            "tocsin_intake_refuses", "1 while the intake log takes nothing, and senders are told 503", registry=registry
        )
        self._lag = Shown(
            "gauge",
            "tocsin_intake_lag_records",
            "Records of an input partition that are there and not read yet",
            ["partition"],
            registry=registry,
        )
        self._applied = Shown(
            "counter", "tocsin_core_entries", "Entries that were applied", ["partition"], registry=registry
        )
        self._sealed = Shown(
            "gauge",
            "tocsin_core_sealed_timestamp_seconds",
            "Up to when time has passed for the core, in seconds since 1970",
            ["partition"],
            registry=registry,
        )
        self.step_seconds = Histogram(
            "tocsin_step_seconds",
            "How long it took to take in what came in a step: reading, scoring, journaling, deciding",
            buckets=STEP_S,
            registry=registry,
        )
        self.decisions = DecisionMetrics(registry)
        self.brands = BrandMetrics(registry)
        self.stores = StoreMetrics(registry)
        self.sources = SourceMetrics(registry)
        """What each source that is listened to brings."""
        self.http = HttpMetrics(registry)
        self.streams = Shown(
            "gauge", "tocsin_console_streams", "Pages of the console that are kept live now", registry=registry
        )
        self.build = build_info(registry)
        self.leads(True)

    def took(self, counts: Mapping[str, int], dead: Mapping[tuple[str, str], int], refused: Mapping[str, int]) -> None:
        """Show the counts of intake and of the door as they are now."""
        self._mentions.show(counts)
        self._dead.show(dead)
        self._refused.show(refused)

    def stands(self, *, refuses: bool, behind_records: int, entries: int, core_time_ms: int) -> None:
        """Show how intake and core stand."""
        self._refuses.set(refuses)
        self._lag.show({EMBEDDED: behind_records})
        self._applied.show({EMBEDDED: entries})
        self._sealed.show({EMBEDDED: max(0, core_time_ms) / 1000})

    def decided(self, decision: Decision) -> None:
        """Count a decision."""
        self.decisions.decided(decision)


def service_routes(metrics: PeopleMetrics, health: Callable[[], dict[str, object]]) -> list[BaseRoute]:
    """`/metrics` and `/healthz`."""

    async def show_metrics(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def show_health(_: Request) -> Response:
        return Response(msgspec.json.encode(health()), media_type="application/json")

    return [Route("/metrics", show_metrics), Route("/healthz", show_health)]
