"""EDGE. How the files of a deployment do: how large they are, how long the disk takes, how old the snapshot is."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Histogram

from alerting.decision import Decision
from tocsin.engine import Engine
from tocsin.entry import Entry, Event
from tocsin.journal import Journal
from tocsin.shown_metrics import Labels, Shown

STORES = (
    *("audit", "audit_witness", "console", "console-tokens", "sessions"),
    *("dead_letters", "intake", "journal", "outbox", "slack_seen", "sources", "texts"),
)
"""Files of a data directory that end in `.db`."""
LOG = "-wal"
SYNC_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SNAPSHOT_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class StoreMetrics:
    """Files, disk, journal and snapshot. Labels are bounded: the stores there are, and two steps of writing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.bytes = Shown("gauge", "tocsin_store_bytes", "Size of a store's file", ["store"], registry=registry)
        self.log_bytes = Shown(
            "gauge", "tocsin_store_log_bytes", "Size of a store's write-ahead log", ["store"], registry=registry
        )
        self.disk_free = Shown(
            "gauge", "tocsin_disk_free_bytes", "What is free on the disk of the data directory", registry=registry
        )
        self.disk = Shown(
            "gauge", "tocsin_disk_size_bytes", "How large the disk of the data directory is", registry=registry
        )
        self.beyond = Shown(
            "gauge",
            "tocsin_journal_entries_since_snapshot",
            "Entries that a start would have to apply again, since the newest snapshot does not hold them",
            registry=registry,
        )
        self.snapshot = Shown(
            "gauge",
            "tocsin_snapshot_timestamp_seconds",
            "Core time of the newest snapshot, in seconds since 1970; 0: there is none",
            registry=registry,
        )
        self.append_seconds = Histogram(
            "tocsin_journal_append_seconds",
            "Time until entries, or what was decided on them, were on the disk",
            ["what"],
            buckets=SYNC_S,
            registry=registry,
        )
        self.snapshot_seconds = Histogram(
            "tocsin_snapshot_seconds", "Time that writing a snapshot took", buckets=SNAPSHOT_S, registry=registry
        )

    def looked(self, directory: Path, journal: Journal) -> None:
        """Show the files as they are now. Raises `OSError` or `sqlite3.Error` where they cannot be looked at."""
        files: dict[Labels, float] = {}
        logs: dict[Labels, float] = {}
        for name in STORES:
            path = directory / f"{name}.db"
            if path.exists():
                files[name] = path.stat().st_size
                beside = Path(f"{path}{LOG}")
                logs[name] = beside.stat().st_size if beside.exists() else 0
        self.bytes.show(files)
        self.log_bytes.show(logs)
        disk = shutil.disk_usage(directory)
        self.disk_free.set(disk.free)
        self.disk.set(disk.total)
        seq, at_ms = journal.newest_snapshot()
        self.beyond.set(journal.seq - seq)
        self.snapshot.set(at_ms / 1000)


class TimedJournal:
    """A journal as a sequencer sees it, with the time that the disk takes noted."""

    def __init__(self, journal: Journal, metrics: StoreMetrics) -> None:
        self._journal = journal
        self._metrics = metrics

    def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]:
        """As `Journal.append`."""
        with _timed(self._metrics.append_seconds.labels("entries")):
            return self._journal.append(events)

    def record(self, decided: Sequence[tuple[int, Decision]], *, applied_seq: int) -> int:
        """As `Journal.record`."""
        with _timed(self._metrics.append_seconds.labels("decisions")):
            return self._journal.record(decided, applied_seq=applied_seq)

    def save_snapshot(self, engine: Engine) -> None:
        """As `Journal.save_snapshot`."""
        with _timed(self._metrics.snapshot_seconds):
            self._journal.save_snapshot(engine)


@contextmanager
def _timed(histogram: Histogram) -> Iterator[None]:
    """Note how long it took; what failed is no measure of the disk."""
    began_s = time.perf_counter()
    yield
    histogram.observe(time.perf_counter() - began_s)
