"""What is said to Prometheus keeps to its conventions, means the same wherever it stands, and counts what happened."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerting.decision import Decision
from alerting.delivery.rows import OutboxRow
from alerting.view import IncidentView, Paged
from stream.codec import canonical
from tests.tocsin.stories import STEP_MS, lived
from tocsin.brand_metrics import BrandMetrics
from tocsin.engine import Engine
from tocsin.entry import DeliveryReport
from tocsin.heartbeat import Facts
from tocsin.http_metrics import HttpMetrics
from tocsin.journal import Journal
from tocsin.metrics import Metrics
from tocsin.reference import told_by
from tocsin.scaled.console import ConsoleMetrics
from tocsin.scaled.core_metrics import CoreMetrics
from tocsin.scaled.core_partition import CorePartition
from tocsin.scaled.delivery_metrics import DeliveryMetrics
from tocsin.scaled.health import WorkerMetrics
from tocsin.scaled.intake_metrics import IntakeMetrics
from tocsin.shown_metrics import Looks, Shown
from tocsin.state import Brand, BrandState, Contents
from tocsin.store_metrics import StoreMetrics, TimedJournal

EVERYWHERE = (Metrics, WorkerMetrics, IntakeMetrics, CoreMetrics, DeliveryMetrics, ConsoleMetrics)
DETECTORS = ("negativity", "virality", "volume")
PAGE = Decision(
    key="acme-0/1/Page",
    at_ms=10_000,
    brand="Acme",
    kind="Page",
    incident="acme-0",
    scenario="backlash",
    severity="high",
    reason="flowchart",
)
VIEW = IncidentView(
    brand="Acme",
    incident="acme-0",
    scenario="backlash",
    severity="high",
    opened_ms=9_000,
    paged=(Paged("ana", 10_000), Paged("bram", 70_000)),
)


def told() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Every metric there is: whose, its name, type and labels."""
    for made in EVERYWHERE:
        for name, kind, labels, _ in told_by(made()):
            yield made.__name__, name, kind, labels
    for name, kind, labels, _ in told_by(HttpMetrics(CollectorRegistry())):
        yield "HttpMetrics", name, kind, labels


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """One sample."""
    return registry.get_sample_value(name, labels)


# ---- names


def test_names_and_units_are_by_prometheus_conventions() -> None:
    """A counter ends in `_total` and nothing else does; base units alone, and no unit as an abbreviation."""
    found = list(told())
    assert len(found) > 80
    for _, name, kind, _ in found:
        assert re.fullmatch(r"tocsin_[a-z]+(_[a-z]+)*", name), name
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"_(ms|millis|milliseconds|minutes|hours|kb|mb|percent|milli)(_|$)", name), name
        if kind == "histogram":
            assert name.endswith("_seconds"), name
        if "timestamp" in name:
            assert name.endswith("_timestamp_seconds"), name


def test_when_a_counter_began_is_no_series_of_its_own() -> None:
    """Else each counter and histogram would be shown twice."""
    metrics = Metrics()
    shown = (
        generate_latest(metrics.registry).decode() + generate_latest(HttpMetrics(CollectorRegistry()).registry).decode()
    )
    assert "_total" in shown
    assert "_bucket" in shown
    assert "_created" not in shown


def test_a_name_means_the_same_wherever_it_stands() -> None:
    """Service and workers share names: then type and labels are the same too, and their pages can be put together."""
    known: dict[str, tuple[str, tuple[str, ...]]] = {}
    shared = 0
    for _, name, kind, labels in told():
        shared += name in known
        assert known.setdefault(name, (kind, labels)) == (kind, labels), name
    assert shared > 20


def test_no_class_keeps_two_metrics_under_one_name() -> None:
    """What a subclass adds takes nothing away from what it stands on."""
    people = {name for who, name, _, _ in told() if who == "Metrics"}
    delivery = {name for who, name, _, _ in told() if who == "DeliveryMetrics"}
    for name in ("tocsin_outbox_pages", "tocsin_well", "tocsin_delivery_leads", "tocsin_probe_age_seconds"):
        assert name in people & delivery


# ---- looking up


def test_what_cannot_be_looked_at_keeps_what_it_showed_and_is_counted() -> None:
    """The other parts are shown all the same."""
    registry = CollectorRegistry()
    looks = Looks(registry)
    shown = Shown("gauge", "shown", "Words", registry=registry)
    other = Shown("gauge", "other", "Words", registry=registry)
    wrong = [False]

    def look() -> None:
        if wrong[0]:
            raise sqlite3.OperationalError("disk I/O error")
        shown.set(1)

    looks.add("files", look)
    looks.add("more", lambda: other.set(2))
    generate_latest(registry)
    wrong[0] = True
    other.set(0)
    generate_latest(registry)
    assert (value(registry, "shown"), value(registry, "other")) == (1, 2)
    assert value(registry, "tocsin_metrics_troubles_total", part="files") >= 1  # type: ignore[operator]
    assert value(registry, "tocsin_metrics_troubles_total", part="more") == 0


def test_what_is_gone_is_no_longer_shown() -> None:
    """A brand, a source or a partition that is not there any more has no last value for ever."""
    registry = CollectorRegistry()
    shown = Shown("gauge", "shown", "Words", ["brand"], registry=registry)
    shown.show({"a": 1, "b": 2})
    shown.show({"b": 3})
    assert value(registry, "shown", brand="a") is None
    assert value(registry, "shown", brand="b") == 3


def test_a_brand_is_shown_before_anything_is_known_of_it() -> None:
    """It is learning, nothing is open, and no detector speaks."""
    registry = CollectorRegistry()
    BrandMetrics(registry).show([Brand(BrandState(brand="Acme"))], 60_000)
    assert value(registry, "tocsin_open_incidents", brand="Acme") == 0
    assert value(registry, "tocsin_brand_posts", brand="Acme") == 0
    assert value(registry, "tocsin_detector_warm", brand="Acme", detector="volume") == 0
    assert value(registry, "tocsin_false_page_budget", brand="Acme") == 1


def test_a_brand_in_trouble_shows_how_far_its_detectors_are() -> None:
    """What the core holds against its thresholds is what is shown; looking changes none of it."""
    story = lived(1)
    core = CorePartition.fresh(inputs=1, step_ms=STEP_MS, contents=Contents(story.bodies))
    registry = CollectorRegistry()
    shown = BrandMetrics(registry)
    name = story.brands[0].name
    highest = 0.0
    for offset, entry in enumerate(story.entries):
        core.apply(offset, 0, canonical(entry.event))
        brand = core.engine.brand(name)
        if brand is not None and offset % 150 == 0:
            before = canonical(brand.frozen())
            shown.show([brand], brand.state.window.at_ms)
            assert canonical(brand.frozen()) == before
            scores = [value(registry, "tocsin_detector_score_ratio", brand=name, detector=d) for d in DETECTORS]
            highest = max([highest, *(one for one in scores if one is not None)])
    assert highest >= 0.5, "it was worth a notice"
    notice = value(registry, "tocsin_detector_threshold", brand=name, detector="volume", level="notice")
    assert notice is not None
    assert notice > 0
    assert value(registry, "tocsin_brand_newest_timestamp_seconds", brand=name) > 0  # type: ignore[operator]


def test_of_a_partition_that_another_worker_holds_nothing_is_said() -> None:
    """Neither gauges nor counters stay behind."""
    story = lived(1)
    metrics = CoreMetrics()
    core = CorePartition.fresh(inputs=1, step_ms=STEP_MS, contents=Contents(story.bodies))
    core.apply(0, 0, canonical(story.entries[0].event))
    metrics.looked(0, core, 3)
    assert value(metrics.registry, "tocsin_core_lag_entries", partition="0") == 3
    assert value(metrics.registry, "tocsin_core_dropped_parts_total", partition="0") == 0
    metrics.gone(0)
    for name in ("tocsin_core_lag_entries", "tocsin_core_dropped_parts_total", "tocsin_core_straddled_marks_total"):
        assert value(metrics.registry, name, partition="0") is None


# ---- pages and people


def test_pages_are_counted_by_what_became_of_them_also_those_that_were_not_sent() -> None:
    """Due, in the shadow, withheld; and a false alarm once somebody said that it was one."""
    metrics = Metrics()
    metrics.decisions.know(["Acme"])
    change = msgspec.structs.replace
    for decision in (
        PAGE,
        change(PAGE, kind="Escalate", reason="not_acknowledged"),
        change(PAGE, shadow=True),
        change(PAGE, kind="NoPage", reason="silenced"),
        change(PAGE, kind="StandDown", reason="false_alarm"),
        change(PAGE, kind="StandDown", reason="calm"),
    ):
        metrics.decided(decision)

    def pages(reason: str, became: str) -> float | None:
        return value(metrics.registry, "tocsin_pages_total", brand="Acme", reason=reason, became=became)

    assert [pages("flowchart", "due"), pages("flowchart", "shadow"), pages("silenced", "withheld")] == [1, 1, 1]
    assert pages("not_acknowledged", "due") == 1
    assert value(metrics.registry, "tocsin_false_alarms_total", brand="Acme") == 1


def test_the_time_until_somebody_had_it_is_taken_once_and_from_the_first_page() -> None:
    """An answer that takes it counts; who comes later, or only escalates, does not."""
    metrics = Metrics()

    def count() -> float | None:
        return value(metrics.registry, "tocsin_acknowledgement_seconds_count", severity="high")

    metrics.answered(VIEW, "escalate", 40_000)
    metrics.answered(None, "acknowledge", 40_000)
    metrics.answered(msgspec.structs.replace(VIEW, paged=()), "acknowledge", 40_000)
    assert count() is None
    metrics.answered(VIEW, "acknowledge", 130_000)
    assert count() == 1
    assert value(metrics.registry, "tocsin_acknowledgement_seconds_sum", severity="high") == 120
    for later in (
        msgspec.structs.replace(VIEW, acked_by="ana"),
        msgspec.structs.replace(VIEW, status="closed"),
        msgspec.structs.replace(VIEW, paged=(Paged("ana", 10_000, acked=True),)),
    ):
        metrics.answered(later, "own", 500_000)
    assert count() == 1


def test_the_time_from_the_decision_to_the_page_is_known_by_way() -> None:
    """What was not sent, and what was decided before anybody listened, is no duration."""
    metrics = Metrics()
    sent = DeliveryReport(
        brand="Acme", incident="acme-0", key=PAGE.key, way="slack", outcome="sent", at_ms=12_500, detail=""
    )
    metrics.delivered(sent)
    metrics.heard(PAGE)
    metrics.delivered(msgspec.structs.replace(sent, outcome="failed"))
    metrics.delivered(sent)
    assert value(metrics.registry, "tocsin_delivery_seconds_sum", way="slack") == 2.5
    assert value(metrics.registry, "tocsin_delivery_seconds_count", way="slack") == 1
    assert value(metrics.registry, "tocsin_delivery_reports_total", way="slack", outcome="sent") == 2


def test_the_outbox_is_as_old_as_its_oldest_page_that_is_due() -> None:
    """One whose way comes later by a person's own order holds up nothing."""
    metrics = Metrics()
    row = OutboxRow(
        page_id="1", brand="Acme", incident="acme-0", key="k", way="slack", to="C1", kind="page", wanted_ms=100_000
    )
    later = msgspec.structs.replace(row, page_id="2", wanted_ms=190_000, after_ms=120_000)
    unknown = msgspec.structs.replace(row, page_id="3", state="unknown", wanted_ms=130_000)
    metrics.waits([row, later, unknown], 160_000)
    assert value(metrics.registry, "tocsin_outbox_oldest_seconds") == 60
    assert value(metrics.registry, "tocsin_outbox_pages", state="planned") == 2
    assert value(metrics.registry, "tocsin_outbox_pages", state="unknown") == 1
    metrics.waits([], 170_000)
    assert value(metrics.registry, "tocsin_outbox_oldest_seconds") == 0
    assert value(metrics.registry, "tocsin_outbox_pages", state="planned") == 0


def test_what_the_heartbeat_found_is_shown_in_seconds() -> None:
    """With the parts that give signs of life, and the probe only where one is sent."""
    metrics = Metrics()
    metrics.looked([], {"answered": 3}, Facts(journal_silent_ms=1_500))
    assert value(metrics.registry, "tocsin_probe_age_seconds") is None
    metrics.looked(
        ["the console"], {"answered": 3}, Facts(probes=1, probe_age_ms=9_000, signs=(("the console", 70_000),))
    )
    assert value(metrics.registry, "tocsin_well") == 0
    assert value(metrics.registry, "tocsin_probe_age_seconds") == 9
    assert value(metrics.registry, "tocsin_part_silent_seconds", part="the console") == 70
    assert value(metrics.registry, "tocsin_heartbeat_touches_total", became="answered") == 3


# ---- requests


async def test_requests_are_counted_by_route_and_never_by_address() -> None:
    """Whatever strangers ask for makes no series of its own; a fault of ours counts as 500."""

    async def one(request: Request) -> Response:
        if request.path_params["name"] == "broken":
            raise RuntimeError("broken")
        return Response("ok")

    http = HttpMetrics(CollectorRegistry())
    app = http.measured(Starlette(routes=[Route("/posts/{name}", one)]), "ingest")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in ("/posts/a", "/posts/b", "/posts/broken", "/x" * 50, "/../../etc/passwd"):
            await client.get(path)
        await client.request("BREW", "/posts/a")
    samples: dict[tuple[Any, ...], float] = {
        (one.labels["route"], one.labels["method"], one.labels["status"]): one.value
        for family in http.registry.collect()
        for one in family.samples
        if one.name == "tocsin_http_requests_total"
    }
    assert samples == {
        ("/posts/{name}", "GET", "200"): 2,
        ("/posts/{name}", "GET", "500"): 1,
        ("(none)", "GET", "404"): 2,
        ("/posts/{name}", "other", "405"): 1,
    }


# ---- files


def test_the_journal_is_timed_and_does_what_it_did(tmp_path: Path) -> None:
    """Entries, decisions and snapshots are written as before, and each time is noted; a failed one is none."""
    registry = CollectorRegistry()
    metrics = StoreMetrics(registry)
    journal = Journal(tmp_path / "journal.db", step_ms=1_000)
    timed = TimedJournal(journal, metrics)
    engine = Engine(step_ms=1_000, contents=Contents({}))
    metrics.looked(tmp_path, journal)
    assert value(registry, "tocsin_snapshot_timestamp_seconds") == 0
    assert timed.append([]) == []
    assert timed.record([(1, PAGE)], applied_seq=0) == 1
    timed.save_snapshot(engine)
    metrics.looked(tmp_path, journal)
    assert value(registry, "tocsin_journal_append_seconds_count", what="entries") == 1
    assert value(registry, "tocsin_journal_append_seconds_count", what="decisions") == 1
    assert value(registry, "tocsin_snapshot_seconds_count") == 1
    assert value(registry, "tocsin_journal_entries_since_snapshot") == 0
    assert value(registry, "tocsin_store_bytes", store="journal") > 0  # type: ignore[operator]
    assert value(registry, "tocsin_disk_free_bytes") > 0  # type: ignore[operator]
    journal.close()
    with pytest.raises(sqlite3.Error):
        timed.save_snapshot(engine)
    assert value(registry, "tocsin_snapshot_seconds_count") == 1
