"""What a delivery worker says about itself to Prometheus, besides what is said of people and ways everywhere."""

from collections.abc import Mapping

from prometheus_client import Gauge

from tocsin.metrics import PeopleMetrics
from tocsin.scaled.lanes import Lane
from tocsin.shown_metrics import Shown


class DeliveryMetrics(PeopleMetrics):
    """Counters and gauges of one delivery worker, in a registry of its own. Labels are bounded."""

    def __init__(self) -> None:
        super().__init__()
        self._takeovers = Shown(
            "counter",
            "tocsin_delivery_takeovers",
            "Takeovers of the delivery in its log, by whichever worker",
            registry=self.registry,
        )
        self._late = Shown(
            "counter",
            "tocsin_delivery_late_records",
            "Records in the log of deliveries that do not count: written by one that led no more, or twice",
            registry=self.registry,
        )
        self._held_back = Shown(
            "counter",
            "tocsin_delivery_held_back",
            "Messages and edits that the fence held back since this worker leads, by reason",
            ["reason"],
            registry=self.registry,
        )
        self._waiting = Gauge(
            "tocsin_delivery_waiting",
            "Decisions and answers that were heard, and that no leader is known to have acted on",
            registry=self.registry,
        )
        self._unseen = Gauge(
            "tocsin_delivery_core_unseen_seconds",
            "How old what is seen of the core is: grows while Redis does not answer",
            registry=self.registry,
        )
        self._lanes = Shown(
            "gauge",
            "tocsin_probe_lane_age_seconds",
            "How long ago the core last decided on a probe of this lane: each goes through one partition of mentions "
            "and one of entries. Said by the worker that leads",
            ["mentions", "entries"],
            registry=self.registry,
        )
        self._unreadable = Shown(
            "counter",
            "tocsin_delivery_unreadable",
            "Records of decisions, control and texts that could not be read",
            registry=self.registry,
        )

    def led(self, leads: bool, takeovers: int, late: int, held_back: Mapping[str, int]) -> None:
        """Show who leads, and what the fence did."""
        self.leads(leads)
        self._takeovers.set(takeovers)
        self._late.set(late)
        self._held_back.show(held_back)

    def probed(self, counts: Mapping[str, int], ages_ms: Mapping[Lane, int]) -> None:
        """Show what became of the probes, lane by lane."""
        self.probes.show(counts)
        self._lanes.show({(str(lane.mentions), str(lane.entries)): age / 1000 for lane, age in ages_ms.items()})

    def looks_no_more(self) -> None:
        """Say nothing of probes any more: somebody else sends them now."""
        super().looks_no_more()
        self._lanes.show({})

    def heard_of(self, waiting: int, unseen_s: float, unreadable: int) -> None:
        """Show what was heard and seen."""
        self._waiting.set(waiting)
        self._unseen.set(unseen_s)
        self._unreadable.set(unreadable)
