"""What all partitions of one core worker share."""

from collections.abc import Callable
from dataclasses import dataclass

from stream.kafka.clients import Brokers
from stream.kafka.writer import Writer
from tocsin.scaled.contents import ContentStore
from tocsin.scaled.core_metrics import CoreMetrics
from tocsin.scaled.core_state import StateStore


@dataclass(frozen=True)
class CoreTools:
    """Made once a worker."""

    brokers: Brokers
    writer: Writer
    contents: ContentStore
    states: StateStore
    metrics: CoreMetrics
    step_ms: int
    clock: Callable[[], int] | None
    """Milliseconds since 1970, for ticks alone; `None` in a replay: time comes from marks and nowhere else."""
