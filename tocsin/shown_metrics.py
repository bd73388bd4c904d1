"""EDGE. Metrics whose values are kept elsewhere: looked up when somebody asks for them, and free of cost until then."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from stream.sources.store import StoreError

log = structlog.get_logger("tocsin")

Labels = str | tuple[str, ...]
"""The values of a metric's labels, in their order; a word alone where it has one."""
L = TypeVar("L", bound=Labels)


class Shown(Collector):
    """A counter or a gauge of which others keep the count. What was shown last stands until the next time.

    A counter that begins anew, with its process or with what it counts, is told from one that went back by whoever
    reads it, as with any counter.

    >>> registry = CollectorRegistry()
    >>> posts = Shown("counter", "posts", "Posts, by what became of them", ["became"], registry=registry)
    >>> posts.show({"read": 3, "matched": 2})
    >>> [(one.name, one.labels["became"], one.value) for family in registry.collect() for one in family.samples]
    [('posts_total', 'matched', 2), ('posts_total', 'read', 3)]
    """

    def __init__(
        self,
        kind: Literal["counter", "gauge"],
        name: str,
        words: str,
        labels: Sequence[str] = (),
        *,
        registry: CollectorRegistry,
    ) -> None:
        self.kind = kind
        self.name = f"{name}_total" if kind == "counter" else name
        """As it is asked for."""
        self.words = words
        self.labels = tuple(labels)
        self._values: dict[tuple[str, ...], float] = {}
        registry.register(self)

    def show(self, values: Mapping[L, float]) -> None:
        """Show these values, and no others: of what is gone, nothing is said."""
        self._values = {(labels,) if isinstance(labels, str) else labels: value for labels, value in values.items()}

    def set(self, value: float) -> None:
        """Show the one value of a metric without labels."""
        self._values = {(): value}

    def collect(self) -> Iterator[Metric]:
        """The family, its samples by their labels."""
        made = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = made(self.name, self.words, labels=self.labels)
        for labels, value in sorted(self._values.items()):
            family.add_metric(labels, value)
        yield family


class Looks(Collector):
    """What is to be looked up before the metrics of a registry are read: make it before all of them.

    A part that cannot be read just now is counted and keeps what it showed; the others are shown all the same.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._looks: dict[str, Callable[[], None]] = {}
        self._failing: set[str] = set()
        registry.register(self)
        self._troubles = Counter(
            "tocsin_metrics_troubles",
            "Times a part could not be looked at for its metrics: they show what was seen before",
            ["part"],
            registry=registry,
        )

    def add(self, part: str, look: Callable[[], None]) -> None:
        """Look here too; another look of the same part takes its place."""
        self._looks[part] = look
        self._troubles.labels(part)

    def collect(self) -> Iterable[Metric]:
        """Look everywhere. Nothing of its own is shown here."""
        for part, look in list(self._looks.items()):
            try:
                look()
            except (StoreError, sqlite3.Error, OSError) as error:
                self._troubles.labels(part).inc()
                if part not in self._failing:
                    log.warning("metrics show what was seen before", part=part, problem=type(error).__name__)
                self._failing.add(part)
            else:
                self._failing.discard(part)
        return ()
