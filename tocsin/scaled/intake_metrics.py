"""EDGE. What intake of a scaled deployment says about itself to Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from tocsin.scaled.intake_worker import IntakeWorker
from tocsin.shown_metrics import Shown


class IntakeMetrics:
    """Of one intake worker, since its start. Labels are bounded: input partitions, words and known sources."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._mentions = self._counter("tocsin_intake_mentions", "Mentions, by what became of them", "became")
        self._dead = self._counter("tocsin_dead_letters", "Dead letters ever, by source and reason", "source", "reason")
        self._refused = self._counter(
            "tocsin_ingest_refused", "Requests to the door that were refused, by reason", "reason"
        )
        self._written = self._counter(
            "tocsin_intake_written",
            "What intake wrote: parts, controls, marks, texts, tombstones; and posts it knew again from the topic "
            "(recalled)",
            "what",
        )
        self._work = self._counter(
            "tocsin_intake_work",
            "What an intake worker did: records read, seals, commits, commits_failed, rebalances, incarnations, kept "
            "partitions, beats, beats_failed; places that were found wiped or trimmed, with lost_records; and writes "
            "that had to be repeated (again)",
            "what",
        )
        self._cover = self._counter(
            "tocsin_intake_cover",
            "What became of the copy in Redis of what was seen: used, covered posts, partial (its beginning had to go "
            "for want of room), short (covered too little), refused (not of this log), failed calls, of them full "
            "(Redis had no room), forgotten chunks",
            "what",
        )
        self._lag = self._gauge(
            "tocsin_intake_lag_records", "Records of an input partition that are there and not read yet", "partition"
        )
        self._sealed = self._gauge(
            "tocsin_intake_sealed_timestamp_seconds",
            "Up to when an input partition is sealed, in seconds since 1970",
            "partition",
        )
        self._partitions = self._gauge("tocsin_intake_partitions", "Input partitions that are read here now")

    def looked(self, worker: IntakeWorker, lag: Mapping[int, int], refused: Mapping[str, int], step_ms: int) -> None:
        """Show how a worker stands."""
        loop = worker.loop
        self._mentions.show(worker.mentions)
        self._refused.show(refused)
        self._written.show(worker.written)
        self._work.show({**loop.counts, "again": loop.writer.again})
        self._cover.show({} if worker.cover is None else worker.cover.counts)
        self._dead.show(worker.letters)
        self._partitions.set(len(loop.partitions))
        # Of what another worker reads now, nothing is said here.
        self._lag.clear()
        self._sealed.clear()
        for number, step in loop.sealed().items():
            self._lag.labels(number).set(lag.get(number, 0))
            if step >= 0:
                self._sealed.labels(number).set((step + 1) * step_ms / 1000)

    def _counter(self, name: str, words: str, *labels: str) -> Shown:
        return Shown("counter", name, words, labels, registry=self.registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, list(labels), registry=self.registry)
