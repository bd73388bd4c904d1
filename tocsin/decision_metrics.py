"""EDGE. What the core decided, as counters: of a service, and of each core worker."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from alerting.decision import Decision

WAKES = ("Page", "Escalate")
COMMON = (
    ("OpenIncident", "signals"),
    ("Page", "flowchart"),
    ("Escalate", "not_acknowledged"),
    ("StandDown", "calm"),
    ("StandDown", "resolved"),
    ("StandDown", "false_alarm"),
)
COMMON_PAGES = (
    ("flowchart", "due"),
    ("not_acknowledged", "due"),
    ("flowchart", "shadow"),
    ("below_severity", "withheld"),
    ("silenced", "withheld"),
)
"""What is decided often, so that the first of it is a step up from 0."""


class DecisionMetrics:
    """Counters of decisions. Labels are bounded: configured brands, and the closed lists of kinds and reasons."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.decisions = Counter(
            "tocsin_decisions", "Decisions by brand, kind and reason", ["brand", "kind", "reason"], registry=registry
        )
        self.pages = Counter(
            "tocsin_pages",
            "Pages by brand and reason, and what the core made of them: due, shadow (decided, and told to nobody) or "
            "withheld (it decided that nobody is paged)",
            ["brand", "reason", "became"],
            registry=registry,
        )
        self.false_alarms = Counter(
            "tocsin_false_alarms",
            "Incidents that somebody closed as a false alarm, by brand",
            ["brand"],
            registry=registry,
        )

    def know(self, brands: Iterable[str]) -> None:
        """Show these brands from the start: what is counted first is a step up from 0 then."""
        for brand in brands:
            self.false_alarms.labels(brand)
            for kind, reason in COMMON:
                self.decisions.labels(brand, kind, reason)
            for reason, became in COMMON_PAGES:
                self.pages.labels(brand, reason, became)

    def decided(self, decision: Decision) -> None:
        """Count a decision."""
        brand, reason = decision.brand, decision.reason
        self.decisions.labels(brand, decision.kind, reason).inc()
        if decision.kind in WAKES:
            self.pages.labels(brand, reason, "shadow" if decision.shadow else "due").inc()
        elif decision.kind == "NoPage":
            self.pages.labels(brand, reason, "withheld").inc()
        elif decision.kind == "StandDown" and reason == "false_alarm":
            self.false_alarms.labels(brand).inc()
