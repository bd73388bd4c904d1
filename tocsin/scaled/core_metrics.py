"""EDGE. What the core of a scaled deployment says about itself to Prometheus."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

from alerting.decision import Decision
from tocsin.brand_metrics import BrandMetrics
from tocsin.decision_metrics import DecisionMetrics
from tocsin.probe import is_probe
from tocsin.scaled.core_partition import CorePartition
from tocsin.shown_metrics import Labels, Looks, Shown

Home = Literal["redis", "anchor", "topic", "memory"]


class CoreMetrics:
    """Counters of one core worker. Labels are bounded: entries partitions, kinds, reasons and configured brands."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.looks = Looks(self.registry)
        self.decisions = DecisionMetrics(self.registry)
        self.brands = BrandMetrics(self.registry)
        self._applied = self._counter("tocsin_core_entries", "Entries that were applied")
        self._fetched = self._counter(
            "tocsin_core_fetched_entries",
            "Entries that had to be read again beside the stream, since it did not bring them",
        )
        self._ticks = self._counter(
            "tocsin_core_forced_ticks", "Ticks that this worker wrote, so that time passes although marks lag"
        )
        self._lost = self._counter(
            "tocsin_core_lost_logs", "Times the log of a partition was found wiped, or without its beginning"
        )
        self._failures = self._counter("tocsin_core_failures", "Times the work on a partition had to begin anew")
        self._dead = self._counter("tocsin_core_dead_entries", "Records of `entries` that could not be read")
        self._restores = self._counter(
            "tocsin_core_restores",
            "States that were taken up, by where they were: redis, anchor, topic (from its first entry), memory",
            "home",
        )
        self._saves = self._counter(
            "tocsin_core_saves",
            "Writes of state to Redis: saved, whole (not the changes alone), lower (refused, a later one is there), "
            "failed",
            "outcome",
        )
        self._anchors = self._counter("tocsin_core_anchors", "Whole states written to the topic `anchors`")
        self._lag = self._gauge("tocsin_core_lag_entries", "Entries that are there and not applied yet")
        self._step = self._gauge(
            "tocsin_core_sealed_timestamp_seconds", "Up to when time has passed for the core, in seconds since 1970"
        )
        self._dropped = self._shown(
            "tocsin_core_dropped_parts", "Parts that came for a step already sealed, a zombie's or a repeat's"
        )
        self._straddled = self._shown(
            "tocsin_core_straddled_marks", "Marks that reached back over steps sealed by another"
        )
        self._passed: dict[Labels, float] = {}
        self._reached: dict[Labels, float] = {}
        self._waiting = self._gauge("tocsin_core_waiting_marks", "Marks that wait for parts, or for marks before them")
        self._bytes = self._gauge("tocsin_core_state_bytes", "Size of the last state written to Redis")
        self._redis = Gauge(
            "tocsin_core_redis_up", "1 while Redis takes the core's state, else 0", registry=self.registry
        )
        self._partitions = Gauge("tocsin_core_partitions", "Partitions of `entries` held now", registry=self.registry)
        self._rebalances = Counter(
            "tocsin_core_rebalances", "Times partitions were given out anew", registry=self.registry
        )
        self._restarts = Counter(
            "tocsin_core_stream_restarts",
            "Times the stream was started anew since it brought nothing though there was something",
            registry=self.registry,
        )
        self._redis.set(1)

    def applied(self, partition: int, decisions: list[Decision]) -> None:
        """Count an entry and what was decided on it. What was decided on probes is counted by whoever sends them."""
        self._applied.labels(partition).inc()
        for one in decisions:
            if not is_probe(one):
                self.decisions.decided(one)

    def fetched(self, partition: int, entries: int) -> None:
        """Count entries that the stream did not bring."""
        self._fetched.labels(partition).inc(entries)

    def ticked(self, partition: int) -> None:
        """Count a tick that was written."""
        self._ticks.labels(partition).inc()

    def lost_log(self, partition: int) -> None:
        """Count a log that is another one, or lost its beginning."""
        self._lost.labels(partition).inc()

    def failed(self, partition: int) -> None:
        """Count work that had to begin anew."""
        self._failures.labels(partition).inc()

    def dead(self, partition: int) -> None:
        """Count a record that is no entry."""
        self._dead.labels(partition).inc()

    def restored(self, partition: int, home: Home) -> None:
        """Count a state that was taken up."""
        self._restores.labels(partition, home).inc()

    def saved(self, partition: int, outcome: str, size_bytes: int = 0) -> None:
        """Count a write to Redis; with `size_bytes` it was written."""
        self._saves.labels(partition, outcome).inc()
        self._redis.set(outcome != "failed")
        if size_bytes:
            self._bytes.labels(partition).set(size_bytes)

    def anchored(self, partition: int) -> None:
        """Count an anchor."""
        self._anchors.labels(partition).inc()

    def assigned(self, partitions: int) -> None:
        """Note how many partitions are held after a rebalance."""
        self._rebalances.inc()
        self._partitions.set(partitions)

    def restarted(self) -> None:
        """Count a stream that was started anew."""
        self._restarts.inc()

    def looked(self, partition: int, core: CorePartition, lag: int) -> None:
        """Show how a partition stands."""
        sealing = core.engine.sealing
        self._lag.labels(partition).set(max(0, lag))
        self._step.labels(partition).set(max(0, sealing.complete_step + 1) * core.step_ms / 1000)
        self._passed[str(partition)] = sealing.dropped
        self._reached[str(partition)] = sealing.straddled
        self._dropped.show(self._passed)
        self._straddled.show(self._reached)
        self._waiting.labels(partition).set(len(sealing.waiting))

    def gone(self, partition: int) -> None:
        """A partition is held by another worker now: nothing is said of it here."""
        for shown, counts in ((self._dropped, self._passed), (self._straddled, self._reached)):
            counts.pop(str(partition), None)
            shown.show(counts)
        for gauge in (self._lag, self._step, self._waiting, self._bytes):
            if (str(partition),) in gauge._metrics:  # noqa: SLF001 - there is no public way to ask
                gauge.remove(partition)

    def _counter(self, name: str, words: str, *more: str) -> Counter:
        return Counter(name, words, ["partition", *more], registry=self.registry)

    def _shown(self, name: str, words: str) -> Shown:
        return Shown("counter", name, words, ["partition"], registry=self.registry)

    def _gauge(self, name: str, words: str) -> Gauge:
        return Gauge(name, words, ["partition"], registry=self.registry)
