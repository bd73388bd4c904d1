"""What Now, Incident and Brand are made of: blind is never calm, nobody sees another's brand, and what comes next."""

import math
from dataclasses import replace

import msgspec
import pytest

from alerting.delivery.rows import OutboxRow
from alerting.facts import Facts
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Wait
from alerting.flowchart.walk import Step, Walk
from alerting.home import BrandNow, Duty, Overview, Shown
from alerting.view import IncidentView, Paged
from alerting.why_words import voices_text
from alerting.words import sentence
from detectors.detector import Signal
from stream.window import Thread, Window
from tests.console.samples import AT_MS
from tocsin.brand_now import BrandFigures
from tocsin.console import dutch
from tocsin.console.seen import Health, NowSeen, Stands, now_seen
from tocsin.console.seen_brand import BrandSeen, outcomes_of, threads_seen
from tocsin.console.seen_incident import (
    IncidentSeen,
    line_of,
    people_seen,
    series_seen,
    walk_seen,
    with_gaps,
    with_threshold,
)
from tocsin.drawing import Series

CHART = """
version: 1
owner: Head of communications
last_resort: [ana]
responders:
  ana: {name: Ana, slack: U0ANA}
  bram: {name: Bram, slack: U0BRAM}
entry:
  backlash: wake
  viral_complaint: wake
  campaign_blunder: wake
  data_security: wake
  service_outage: wake
  blind: wake
nodes:
  wake: {page: ana, acknowledge_within: 10m, if_not_acknowledged: wake_bram, then: truth}
  wake_bram: {page: [bram], then: truth}
  truth: {ask: Is it true?, of: [ana], answers: {yes: pause, no: over}, within: 1h, if_no_answer: pause}
  pause: {wait: 30m, then: over}
  over: {end: It is over.}
"""


def view(incident: str, severity: str = "high", scenario: str = "backlash", brand: str = "Acme") -> IncidentView:
    return IncidentView(brand=brand, incident=incident, scenario=scenario, severity=severity, opened_ms=AT_MS)


def blind_view(brand: str = "Acme") -> IncidentView:
    told: dict[str, int | str] = {"source": "forum", "state": "lagging"}
    signal = Signal("feed", 900, False, 0, 40, AT_MS - 9, 9, told)
    return msgspec.structs.replace(view(f"{brand}-blind", "medium", "blind", brand), signals=(signal,))


def overview(*brands: BrandNow) -> Overview:
    return Overview(AT_MS, "Europe/Amsterdam", brands, (Duty("pr", ("ana",)),), late_s=7, undelivered=2)


def figures(brand: str, **more: object) -> BrandFigures:
    known = {"is_learning": False, "newest_ms": AT_MS - 1000}
    return msgspec.convert({"brand": brand, "at_ms": AT_MS, **known, **more}, BrandFigures)


def stands(now: BrandNow, found: BrandFigures | None) -> Stands:
    return now_seen(overview(now), lambda _: found, Health()).brands[0].stands


# ---- now


@pytest.mark.parametrize(
    ("now", "found", "expected"),
    [
        (BrandNow("Acme"), figures("Acme"), "calm"),
        (BrandNow("Acme"), None, "calm"),
        (BrandNow("Acme"), figures("Acme", is_learning=True), "learning"),
        (BrandNow("Acme"), figures("Acme", newest_ms=0), "not_listening"),
        (BrandNow("Acme", listening=False), None, "not_listening"),
        (BrandNow("Acme"), figures("Acme", blind_since_ms=5), "blind"),
        (BrandNow("Acme", open=(Shown(blind_view()),)), figures("Acme"), "blind"),
        (BrandNow("Acme", open=(Shown(blind_view()),)), figures("Acme", newest_ms=0), "blind"),
        (BrandNow("Acme", open=(Shown(blind_view()), Shown(view("a-1")))), figures("Acme"), "trouble"),
    ],
    ids=["calm", "elsewhere", "learning", "mute", "new", "unheard", "blind", "blind-first", "trouble"],
)
def test_only_a_brand_that_is_heard_and_was_learnt_is_calm(
    now: BrandNow, found: BrandFigures | None, expected: Stands
) -> None:
    assert stands(now, found) == expected


def test_what_is_in_trouble_stays_blind_where_it_is() -> None:
    now = BrandNow("Acme", open=(Shown(blind_view()), Shown(view("a-1"))))
    line = now_seen(overview(now), lambda _: figures("Acme"), Health()).brands[0]
    assert (line.stands, line.is_blind, line.severity) == ("trouble", True, "high")


def test_the_gravest_comes_first_and_our_own_blindness_after_it() -> None:
    now = now_seen(
        overview(
            BrandNow("Calm"),
            BrandNow("Blind", open=(Shown(blind_view("Blind")),)),
            BrandNow("Low", open=(Shown(view("l-1", "low", brand="Low")),)),
            BrandNow("Acme", open=(Shown(blind_view()), Shown(view("a-1", "critical")))),
        ),
        figures,
        Health(),
    )
    assert [line.brand for line in now.brands] == ["Acme", "Low", "Blind", "Calm"]
    assert [one.view.incident for one in now.open] == ["a-1", "l-1", "Acme-blind", "Blind-blind"]
    assert [(one.brand, one.source, one.status, one.since_ms) for one in now.blind] == [
        ("Acme", "forum", "lagging", AT_MS - 9),
        ("Blind", "forum", "lagging", AT_MS - 9),
    ]


def test_nobody_is_shown_anything_of_another_brand() -> None:
    brands = [BrandNow(name, open=(Shown(view(f"{name}-1", brand=name)), Shown(blind_view(name)))) for name in "AB"]
    body = msgspec.json.encode(now_seen(overview(*brands), figures, Health(), brands=("A",))).decode()
    assert "A-1" in body
    assert "A-blind" in body
    assert '"B' not in body


def test_what_is_seen_is_json_and_comes_back() -> None:
    now = now_seen(overview(BrandNow("Acme", open=(Shown(view("a-1")),))), figures, Health(wrong=("late",)))
    assert msgspec.json.decode(msgspec.json.encode(now), type=NowSeen) == now
    for kind in (NowSeen, IncidentSeen, BrandSeen):
        assert msgspec.json.schema(kind)["$ref"].endswith(kind.__name__)


# ---- an incident


@pytest.mark.parametrize(
    ("node", "ahead", "next_node", "who"),
    [
        ("wake", "page", "wake_bram", ("bram",)),
        ("truth", "answer", "pause", ()),
        ("pause", "wait", "over", ()),
    ],
)
def test_what_comes_next_is_said_with_its_time_and_its_people(
    node: str, ahead: str, next_node: str, who: tuple[str, ...]
) -> None:
    chart = load_chart(CHART, "chart.yaml")
    path = [Step("", AT_MS, "began"), Step("wake", AT_MS, "paged ana\nand <b>others</b>")]
    walk = Walk(chart=chart.digest, node=node, entered_ms=AT_MS, due_ms=AT_MS + 600_000, path=path)
    seen = walk_seen(walk, chart)
    assert (seen.ahead, seen.next_node, seen.next_who, seen.due_ms) == (ahead, next_node, who, AT_MS + 600_000)
    assert seen.nodes == tuple(dict.fromkeys(("wake", node)))
    assert "\n" not in seen.steps[1].words


def test_a_walk_that_is_over_waits_for_nothing_and_one_of_a_strange_chart_for_time() -> None:
    chart = load_chart(CHART, "chart.yaml")
    over = Walk(chart=chart.digest, node="over", entered_ms=AT_MS, due_ms=5, done=True)
    assert (walk_seen(over, chart).ahead, walk_seen(over, chart).due_ms) == ("", 0)
    strange = walk_seen(Walk(chart="x", node="gone", entered_ms=AT_MS, due_ms=5), None)
    assert (strange.ahead, strange.due_ms, strange.next_who, strange.says) == ("wait", 5, (), "")


def test_a_wait_for_something_ends_when_its_time_is_over_however_often_it_is_looked_at() -> None:
    chart = load_chart(CHART, "chart.yaml")
    (name, node), *_ = [(name, node) for name, node in chart.nodes.items() if isinstance(node, Wait)]
    looks_ms = AT_MS + 60_000

    def seen(until: str | None, wait: int | None, *, done: bool = False) -> tuple[int, str]:
        told = node.model_copy(update={"until": until, "wait": wait})
        changed = replace(chart, nodes={**chart.nodes, name: told})
        found = walk_seen(
            Walk(chart=chart.digest, node=name, entered_ms=AT_MS - 60_000, due_ms=looks_ms, done=done), changed
        )
        return found.due_ms, found.until

    assert seen("acknowledged", 1_800_000) == (AT_MS + 1_740_000, "acknowledged")
    assert seen("acknowledged", None) == (0, "acknowledged")
    assert seen(None, 120_000) == (looks_ms, "")
    assert seen("acknowledged", 1_800_000, done=True) == (0, "")


def test_everybody_is_shown_with_each_way_by_which_they_were_told() -> None:
    def row(name: str, way: str, kind: str, who: str, **more: object) -> OutboxRow:
        told = {"page_id": name, "brand": "Acme", "incident": "a-1", "key": "k", "way": way, "to": "C1"}
        return msgspec.convert({**told, "kind": kind, "responders": [who], **more}, OutboxRow)

    rows = [
        row("1", "slack", "card", "ana", state="sent", started_ms=AT_MS - 5),
        row("2", "slack", "story", "ana", state="sent"),
        row("3", "email", "page", "ana", state="failed", started_ms=AT_MS - 3, detail="550"),
        row("4", "slack", "mention", "bram", state="planned", due_ms=AT_MS + 9),
    ]
    people = people_seen((Paged("ana", AT_MS - 9, acked=True), Paged("bram", AT_MS - 8)), rows, {"ana": "Ana Diaz"})
    ana, bram = people
    assert (ana.name, ana.acked, [(w.way, w.state, w.at_ms, w.detail) for w in ana.ways]) == (
        "Ana Diaz",
        True,
        [("slack", "sent", AT_MS - 5, ""), ("email", "failed", AT_MS - 3, "550")],
    )
    assert (bram.name, [(w.state, w.at_ms) for w in bram.ways]) == ("bram", [("planned", AT_MS + 9)])


def test_a_gap_of_a_picture_is_null_and_no_number() -> None:
    series = Series(title="Acme", times_ms=(0, 1), observed=(3, 9), expected=(2.5, 2.5), threshold=(math.nan, 7.0))
    seen = series_seen(series)
    assert seen.threshold == (None, 7.0)
    assert b"null" in msgspec.json.encode(seen)
    assert seen.alt


def test_a_picture_has_its_threshold_though_no_finding_was_about_volume() -> None:
    bare = series_seen(Series(title="Acme", times_ms=(0, 1), observed=(3, 9), expected=(), threshold=()))
    assert with_threshold(bare, 12).threshold == (12.0, 12.0)
    assert with_threshold(bare, 0) == bare
    found = msgspec.structs.replace(bare, threshold=(None, 7.0))
    assert with_threshold(found, 12) == found


def test_a_step_in_which_nobody_listened_is_a_gap_and_a_silent_one_is_zero() -> None:
    times = (0, 300_000, 600_000)
    bare = series_seen(Series(title="Acme", times_ms=times, observed=(0, 0, 9), expected=(), threshold=()))
    assert with_gaps(bare, {540_000}).observed == (None, 0, 9)
    assert with_gaps(bare, set()).observed == (None, None, 9)


# ---- a brand


def test_incidents_are_counted_by_how_they_ended() -> None:
    ended = [
        msgspec.structs.replace(view(f"a-{n}"), status="closed", reason=reason)
        for n, reason in enumerate(("false_alarm", "resolved", "calm", "new_normal"))
    ]
    seen = outcomes_of(line_of(one) for one in [*ended, view("a-9")])
    assert (seen.incidents, seen.open, seen.false_alarms, seen.resolved, seen.calm) == (5, 1, 1, 1, 2)


def test_the_largest_conversations_are_shown_and_single_posts_are_none() -> None:
    window = Window(at_ms=AT_MS)
    for n in range(30):
        window.threads[f"t{n}"] = Thread(f"t{n}", AT_MS, posts=n, by_minute={AT_MS - 60_000: n, AT_MS - 3_600_000: 9})
    window.clusters["copy"] = Thread("copy", AT_MS, posts=100)
    seen = threads_seen(window)
    assert [one.key for one in seen[:3]] == ["copy", "t29", "t28"]
    assert (seen[0].copies, seen[1].growth, len(seen)) == (True, 29, 10)
    window.threads = {"one": Thread("one", AT_MS, posts=1)}
    window.clusters = {}
    assert threads_seen(window) == ()


def test_nobody_sees_more_people_than_posts() -> None:
    """How many different people there were is an estimate, which may be too high by one or two."""
    window = Window(at_ms=AT_MS)
    window.threads["t"] = Thread("t", AT_MS, posts=31, voices=f"{(1 << 200) - 1:x}")
    assert threads_seen(window)[0].voices == 31
    crowd = msgspec.structs.replace(view("a-1"), facts=Facts(mentions=160, voices=161))
    assert "160 posts" in sentence(crowd)
    assert "160 different people" in sentence(crowd)
    assert "van 160 verschillende mensen" in dutch.sentence(crowd)
    assert voices_text(crowd).startswith("160 different people")
