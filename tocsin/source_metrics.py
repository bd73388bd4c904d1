"""EDGE. What the service says to Prometheus about each source that it listens to."""

from collections.abc import Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge

from stream.sources.feeding import Figures, Status
from tocsin.shown_metrics import Labels, Shown

TAKEN = ("rows", "bad", "batches", "gaps", "connects", "troubles")


class SourceMetrics:
    """By source. Labels are bounded: configured sources, and the closed lists of statuses, kinds and units."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._taken = Shown(
            "counter",
            "tocsin_source_taken",
            "What a source brought: rows, bad (nobody could read it), batches, gaps; and connects and troubles",
            ["source", "what"],
            registry=registry,
        )
        self._status = Gauge(
            "tocsin_source_status",
            "1 for how a source does now, else 0: ok, silent, lagging or capped",
            ["source", "status"],
            registry=registry,
        )
        self._lag = Gauge(
            "tocsin_source_lag_seconds",
            "How old that was, when it came, before which nothing of a source is missing",
            ["source"],
            registry=registry,
        )
        self._blind = Gauge(
            "tocsin_source_blind_seconds",
            "For how long a source is silent, lagging or capped; 0 while it is ok",
            ["source"],
            registry=registry,
        )
        self._heard = Gauge(
            "tocsin_source_heard_timestamp_seconds",
            "When a source last gave a sign of life, in seconds since 1970; 0: never",
            ["source"],
            registry=registry,
        )
        self._spent = Shown(
            "counter",
            "tocsin_source_spent",
            "What a source cost, by unit: requests, posts, or what its platform charges for",
            ["source", "unit"],
            registry=registry,
        )
        self._cost = Gauge(
            "tocsin_source_cost",
            "What a source cost in the last 30 days, by unit",
            ["source", "unit"],
            registry=registry,
        )
        self._counts: dict[Labels, float] = {}
        self._spends: dict[Labels, float] = {}

    def show(self, source: str, figures: Figures, costs: Mapping[str, int], now_ms: int) -> None:
        """Show how a source does now, and what it cost lately."""
        self._counts |= {(source, what): getattr(figures, what) for what in TAKEN}
        self._taken.show(self._counts)
        self._spends |= {(source, unit): amount for unit, amount in figures.costs.items()}
        self._spent.show(self._spends)
        for status in get_args(Status):
            self._status.labels(source, status).set(status == figures.status)
        self._lag.labels(source).set(figures.lag_ms / 1000)
        blind_ms = max(0, now_ms - figures.since_ms) if figures.status != "ok" else 0
        self._blind.labels(source).set(blind_ms / 1000)
        self._heard.labels(source).set(figures.heard_ms / 1000)
        for unit, amount in sorted(costs.items()):
            self._cost.labels(source, unit).set(amount)
