"""EDGE. What intake of a scaled deployment says about itself to Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from tocsin.scaled.intake_worker import IntakeWorker


class IntakeMetrics:
    """Gauges of one intake worker, since its start. Labels are bounded: input partitions, words and known sources."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._mentions = self._gauge(
            "tocsin_intake_mentions", "Mentions since the start, by what became of them", "became"
        )
        self._dead = self._gauge("tocsin_dead_letters", "Dead letters ever, by source and reason", "source", "reason")
        self._refused = self._gauge(
            "tocsin_ingest_refused", "Requests to the door that were refused since the start, by reason", "reason"
        )
        self._written = self._gauge(
            "tocsin_intake_written",
            "What intake wrote since the start: parts, controls, marks, texts, tombstones; and posts it knew again "
            "from the topic (recalled)",
            "what",
        )
        self._work = self._gauge(
            "tocsin_intake_work",
            "What an intake worker did since the start: records read, seals, commits, commits_failed, rebalances, "
            "incarnations, kept partitions, beats, beats_failed; places that were found wiped or trimmed, with "
            "lost_records; and writes that had to be repeated (again)",
            "what",
        )
        self._cover = self._gauge(
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
            "tocsin_intake_sealed_seconds",
            "Up to when an input partition is sealed, as seconds since 1970",
            "partition",
        )
        self._partitions = self._gauge("tocsin_intake_partitions", "Input partitions that are read here now")

    def looked(self, worker: IntakeWorker, lag: Mapping[int, int], refused: Mapping[str, int], step_ms: int) -> None:
        """Show how a worker stands."""
        loop = worker.loop
        for gauge, counts in (
            (self._mentions, worker.mentions),
            (self._refused, refused),
            (self._written, worker.written),
            (self._work, {**loop.counts, "again": loop.writer.again}),
            (self._cover, {} if worker.cover is None else worker.cover.counts),
        ):
            for word in sorted(counts):
                gauge.labels(word).set(counts[word])
        for source, reason in sorted(worker.letters):
            self._dead.labels(source, reason).set(worker.letters[source, reason])
        self._partitions.set(len(loop.partitions))
        # Of what another worker reads now, nothing is said here.
        self._lag.clear()
        self._sealed.clear()
        for number, step in loop.sealed().items():
            self._lag.labels(number).set(lag.get(number, 0))
            if step >= 0:
                self._sealed.labels(number).set((step + 1) * step_ms / 1000)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, list(labels), registry=self.registry)
