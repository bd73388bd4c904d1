"""The back-test: what it holds against what, and that looking on changes nothing."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import backtest, backtest_page, nab, recorded
from benchmarks.backtest_page import NOTICE, PAGE, due, heard, rows, unheard, wanted
from benchmarks.curves import Curves, Sample, probe
from benchmarks.plots import COLUMNS, Strip, picture
from benchmarks.recorded import Event, Known, Recorded
from detectors.budget import Budget, Extremes
from detectors.counts import CountsDetector
from detectors.laws import Dice
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from tocsin.synthetic import BRAND, START_MS, crisis, merged, quiet

FIRE = Known("2026-03-02T10:00", "2026-03-02T16:00", "a fire", PAGE)


def event(at, kind, severity="medium", incident="acme-1", scenario="backlash"):
    return Event(f"2026-03-{at}:00Z", kind, scenario, severity, incident)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A made-up recording with a crisis on its third day."""
    path = tmp_path_factory.mktemp("recorded") / "acme.jsonl"
    told = merged(quiet(1, hours=60, per_hour=12), crisis(1, start_ms=START_MS + 54 * HOUR_MS, posts=500))
    lines = [json.dumps(row, ensure_ascii=False) for row in told]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Beside(Recorded):
    """A recording that lies elsewhere."""

    @property
    def path(self):
        return Path(self.file)


@pytest.fixture(scope="module")
def seen(made_up):
    return recorded.run(Beside("acme", str(made_up), f"{BRAND}={BRAND.lower()}", "Made up."))


def test_looking_on_changes_no_decision(seen, made_up, monkeypatch):
    """The same decisions, by their chain, with the probe and without."""
    from contextlib import nullcontext

    monkeypatch.setattr(recorded, "probe", lambda: nullcontext(Curves({}, {})))
    alone = recorded.run(Beside("acme", str(made_up), f"{BRAND}={BRAND.lower()}", ""))
    assert alone.result.chains == seen.result.chains
    assert alone.events == seen.events
    assert not alone.curves.volume


def test_the_curves_show_what_was_decided(seen):
    """Both detectors were read; the made-up crisis stands out beyond its thresholds, and quiet days do not."""
    for curve in (seen.curves.volume, seen.curves.anger):
        assert len(curve) > 300
        assert all(sample.notice <= sample.page for sample in curve.values())
    woken = [e for e in seen.events if e.kind == "Page"]
    assert woken
    beyond = [at_ms for at_ms, one in seen.curves.anger.items() if one.score >= one.page]
    assert beyond
    assert min(beyond) >= START_MS + 54 * HOUR_MS, "in the crisis alone"


def test_the_probe_leaves_no_trace():
    """Whatever happens within, the budget notes as before afterwards."""

    def interrupted():
        with probe():
            assert Extremes.note is not before
            raise RuntimeError

    before = Extremes.note
    with pytest.raises(RuntimeError):
        interrupted()
    assert Extremes.note is before


def test_counts_are_probed_under_their_own_budget():
    """A row is told exactly where the drawn score reaches the drawn notice for the first time."""
    dice, told = Dice(3), []
    with probe(Budget()) as curves:
        detector = CountsDetector(5 * MINUTE_MS)
        for row in range(2_000):
            count = 160 if row == 1_900 else dice.count(20_000)
            if detector.row(row * 5 * MINUTE_MS, count)[0] >= 500:
                told.append(row)
    beyond = [at_ms for at_ms, one in sorted(curves.volume.items()) if one.score >= one.notice]
    assert told == [1_900]
    assert beyond[0] == 1_900 * 5 * MINUTE_MS


def test_a_reopened_incident_is_a_row_of_its_own():
    """With its worst, the first notice and page, and its end; our own blindness is none."""
    found = rows([
        event("02T10:05", "OpenIncident", "low"),
        event("02T10:06", "Notify"),
        event("02T10:30", "Page", "high"),
        event("02T10:40", "Page", "high"),
        event("02T12:00", "StandDown", "low"),
        event("02T13:00", "OpenIncident", incident="acme-blind-1", scenario="blind"),
        event("02T15:00", "OpenIncident", "low"),
        event("02T16:00", "StandDown", "low"),
    ])  # fmt: skip
    assert [(r.opened[11:16], r.severity, r.noticed[11:16], r.paged[11:16], r.closed[11:16]) for r in found] == [
        ("10:05", "high", "10:06", "10:30", "12:00"),
        ("15:00", "low", "", "", "16:00"),
    ]
    assert [row.level for row in found] == [PAGE, ""]


def test_what_is_heard_in_time_was_due_and_all_else_was_not():
    """An incident counts for what is known when it opened or told while that happened."""
    late = rows([event("02T16:00", "OpenIncident"), event("02T16:00", "Page")])
    early = rows([event("02T08:00", "OpenIncident"), event("02T10:20", "Page"), event("02T17:00", "StandDown")])
    mute = rows([event("02T10:20", "OpenIncident", "low"), event("02T17:00", "StandDown")])
    assert heard(late[0], FIRE) is None
    assert heard(early[0], FIRE).kind == "Page"
    assert [wanted(one[0], [FIRE]) for one in (late, early, mute)] == ["", PAGE, PAGE]
    assert unheard(late, [FIRE]) == [FIRE]
    assert unheard(mute, [FIRE]) == [FIRE], "an incident of which nobody is told is not heard"
    assert unheard(early, [FIRE]) == []
    assert due(PAGE, "") == "no"
    assert due(NOTICE, PAGE) == "no: a page was"


@pytest.mark.parametrize(
    ("key", "events", "met"),
    [
        ("spotify", [("05T10:00", "Page")], [True]),
        ("spotify", [("05T10:00", "Page"), ("06T10:00", "Page")], [False]),
        ("united-may", [("05T10:00", "Page"), ("05T10:00", "Notify")], [True]),
        ("united-may", [("05T10:00", "Escalate", "critical")], [False]),
        ("tesla", [], [False, True]),
    ],
)
def test_bars_are_held_against_decisions(key, events, met):
    """What is allowed is met, what goes beyond is missed, and silence is no proof of having seen."""
    assert [one.met for one in recorded.BARS[key]([event(*one) for one in events])] == met


def test_an_announcement_must_be_told_and_may_not_wake():
    """The bars of 27 April: the moment counts to the minute."""

    def united(at, kind, severity="medium"):
        bars = recorded.BARS["united"]([Event(f"2017-04-27T{at}Z", kind, "backlash", severity, "united-1")])
        return [one.met for one in bars]

    assert united("19:30:00", "Notify") == [True, True, True]
    assert united("19:30:05", "Notify") == [False, True, True]
    assert united("19:09:55", "Notify") == [False, True, True]
    assert united("19:20:00", "Page", "high") == [True, False, True]


def test_blind_through_the_gap_means_until_it_ends():
    """Told late is told; but calm before it resumed is a lie."""
    opened = Event("2018-02-06T00:30:00Z", "OpenIncident", "blind", "medium", "b")
    ended = Event("2018-02-06T12:00:00Z", "StandDown", "blind", "medium", "b")
    assert recorded.BARS["tesla"]([opened])[0].met
    assert not recorded.BARS["tesla"]([opened, ended])[0].met


def test_the_page_holds_every_bar_and_picture(seen, tmp_path, monkeypatch):
    """A page of one recording: its incidents, its bars, its pictures; what was absent is said."""
    one = Beside("spotify", "acme.jsonl", "Acme", "Made up.", (FIRE,))
    monkeypatch.setattr(recorded, "RECORDINGS", (one, recorded.recorded("tesla")))
    outcome = backtest.Outcome(None, {"spotify": seen}, 1.0)
    found = backtest_page.verdicts(outcome)
    backtest.write(outcome, found, tmp_path, "2026-03-02")
    text = (tmp_path / "2026-03-02.md").read_text("utf-8")
    assert all(verdict.words in text for verdict in found)
    assert "skipped: tesla, nab." in text
    assert f"{sum(v.met for v in found)} of {len(found)} bars are met." in text
    assert "**Nobody heard** of what began at 2026-03-02 10:00: a fire." in text
    assert all(row.opened[:16].replace("T", " ") in text for row in rows(seen.events))
    drawn = ET.fromstring((tmp_path / "2026-03-02" / "spotify.svg").read_text("utf-8"))
    assert drawn.tag.endswith("svg")
    again = backtest_page.page(outcome, found, "2026-03-02")
    assert again == text, "the same run, the same page"


def test_nothing_at_hand_is_said_plainly(monkeypatch, tmp_path, capsys):
    """Without recordings nothing is written, and that is no success."""
    monkeypatch.setattr(recorded, "DATA", tmp_path)
    monkeypatch.setattr(nab, "SHARED", tmp_path)
    assert backtest.main(["--out", str(tmp_path / "out"), "--date", "2026-03-02"]) == 2
    assert "nothing written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_picture_keeps_every_peak_and_breaks_its_line_at_a_gap():
    """Far more minutes than columns: each column keeps its greatest; three silent days stay bare."""
    days = [*range(4), *range(7, 10)]
    minutes = [day * DAY_MS + minute * MINUTE_MS for day in days for minute in range(1440)]
    samples = {at_ms: Sample(1_000, 7_000, 9_000) for at_ms in minutes}
    samples[2 * DAY_MS + 777 * MINUTE_MS] = Sample(40_000, 7_000, 9_000)
    drawn = ET.fromstring(picture("<Acme> & sons", [Strip("posts", samples, told=[(minutes[50], "page")])]))
    paths = {one.get("class"): one.get("d") for one in drawn.iter() if one.tag.endswith("path") and one.get("d")}
    score = paths["score"]
    heights = [float(point.split()[1]) for point in score.replace("M", "L").split("L") if point]
    assert min(heights) < 5, "the peak of a minute reaches the top"
    assert score.count("M") == 2
    assert paths["notice"].count("M") == 2
    assert max(float(point.split()[0]) for point in score.replace("M", "L").split("L") if point) <= COLUMNS
    assert "told-page" in paths
    assert picture("<Acme> & sons", []).count("&lt;Acme&gt; &amp; sons") == 2


def test_a_prior_is_chosen_without_the_brand_it_is_for(monkeypatch):
    """What suits only the brand itself is not chosen for it, though it is the best for all."""
    worth = {("a", "own"): 90, ("b", "own"): 10, ("c", "own"): 10, ("a", "other"): 0, ("b", "other"): 20}
    worth[("c", "other")] = 20

    class Scored:
        def __init__(self, standard):
            self.standard = standard

    monkeypatch.setattr(nab, "figures", lambda found: Scored(worth[found[0]]))
    monkeypatch.setattr(nab, "windows", lambda name: [1])
    left = nab.chosen([((name, held), (name, held)) for held in ("own", "other") for name in "abc"])
    assert left.chosen == {"a": "other", "b": "own", "c": "own"}
    assert left.best == "own"
    assert left.found == [("a", "other"), ("b", "own"), ("c", "own")]


def test_every_key_has_a_bar():
    """Each recording is held to something."""
    assert set(recorded.BARS) == {one.key for one in recorded.RECORDINGS}
