"""A plain series of counts gets the service's own volume detector, row by row."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.counts import CountsDetector
from detectors.laws import Dice

FIVE_MINUTES = 300_000
T0 = 1_424_986_973_000
"""No multiple of anything: recorded series begin when they began."""


def ordinary(rows, mean_milli=20_000, seed=1):
    """Counts around a mean."""
    dice = Dice(seed)
    return [dice.count(mean_milli) for _ in range(rows)]


def run(values, start=T0):
    detector = CountsDetector(FIVE_MINUTES)
    return [detector.row(start + i * FIVE_MINUTES, v) for i, v in enumerate(values)]


@pytest.mark.parametrize("mean_milli", [0, 60, 2_000, 20_000, 900_000])
def test_an_ordinary_month_is_quiet(mean_milli):
    """Nothing is told of a month of chance, at any size."""
    assert [i for i, (score, _) in enumerate(run(ordinary(30 * 288, mean_milli))) if score >= 500] == []


@pytest.mark.parametrize(("mean_milli", "burst"), [(0, 15), (2_000, 30), (20_000, 120), (900_000, 3_000)])
def test_a_burst_is_told_at_its_onset_and_pages(mean_milli, burst):
    """At its onset, and again at most while it still grows markedly; the hours after it are the same episode."""
    values = ordinary(2_000, mean_milli) + [burst] * 36 + ordinary(200, mean_milli, 2)
    rows = run(values)
    told = [i for i, (score, _) in enumerate(rows) if score >= 500]
    assert told[0] in range(2_000, 2_003)
    assert len(told) <= 4, "told again only while it grows to half as much again"
    assert told[-1] < 2_012, "... which an even burst does not after its first hour"
    assert any(page for _, page in rows)
    assert all(score >= 500 for score, page in rows if page)


def test_a_markedly_stronger_event_is_told_again():
    """A small blip does not silence the real event two hours later."""
    values = ordinary(2_000) + [70] * 2 + ordinary(24, seed=3) + [600] * 6
    told = [i for i, (score, _) in enumerate(run(values)) if score >= 500]
    assert told[0] < 2_010
    assert any(i >= 2_026 for i in told)


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 900), st.lists(st.integers(0, 500), min_size=1, max_size=50))
def test_what_comes_later_changes_no_answer(cut, other):
    """Prefix invariance."""
    values = ordinary(1_000)
    assert run(values)[:cut] == run(values[:cut] + other)[:cut]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1, -0.5, 1e300])
def test_a_value_that_is_no_count_scores_nothing_and_teaches_nothing(bad):
    """It is missing data: the same as if the row were not there."""
    values = [*ordinary(1_500), 150, 20, 19]
    with_bad, without = CountsDetector(FIVE_MINUTES), CountsDetector(FIVE_MINUTES)
    for i, value in enumerate(values):
        at_ms = T0 + i * FIVE_MINUTES
        if i % 40 == 7:
            assert with_bad.row(at_ms, bad) == (0, False)
        else:
            assert with_bad.row(at_ms, value) == without.row(at_ms, value)


def test_repeated_and_earlier_rows_are_ignored():
    """A row that is not later than the one before scores 0 and changes nothing."""
    detector, plain = CountsDetector(FIVE_MINUTES), CountsDetector(FIVE_MINUTES)
    for i, value in enumerate([*ordinary(1_200), 300, 20]):
        at_ms = T0 + i * FIVE_MINUTES
        assert detector.row(at_ms, value) == plain.row(at_ms, value)
        assert detector.row(at_ms, 10_000) == (0, False)
        assert detector.row(at_ms - 10 * FIVE_MINUTES, 10_000) == (0, False)


def test_rows_late_by_seconds_are_the_same_rows():
    """A clock that wanders by a minute changes nothing."""
    values = [*ordinary(1_200), 300, 20]
    steady, wandering, dice = CountsDetector(FIVE_MINUTES), CountsDetector(FIVE_MINUTES), Dice(9)
    for i, value in enumerate(values):
        at_ms = T0 + i * FIVE_MINUTES
        late = 0 if i == 0 else dice.below(120_000) - 60_000
        assert steady.row(at_ms, value) == wandering.row(at_ms + late, value)


def test_a_gap_of_days_is_missing_not_quiet():
    """After a week without rows the same level is still ordinary, and a burst is still a burst."""
    detector = CountsDetector(FIVE_MINUTES)
    for i, value in enumerate(ordinary(1_500)):
        detector.row(T0 + i * FIVE_MINUTES, value)
    back = T0 + (1_500 + 7 * 288) * FIVE_MINUTES
    after = [detector.row(back + i * FIVE_MINUTES, v) for i, v in enumerate(ordinary(300, seed=5))]
    assert max(score for score, _ in after) < 500
    assert detector.row(back + 300 * FIVE_MINUTES, 300)[1]


@pytest.mark.parametrize("minutes", [1, 7, 10, 60, 1440])
def test_other_intervals_work(minutes):
    """From a minute to a day, whether or not an hour can be cut into them."""
    detector = CountsDetector(minutes * 60_000)
    rows = max(60, 5_000 // minutes)
    for i, value in enumerate(ordinary(rows)):
        assert detector.row(T0 + i * minutes * 60_000, value)[0] < 500
    found = [detector.row(T0 + (rows + i) * minutes * 60_000, 1_000) for i in range(10)]
    assert any(page for _, page in found)


def test_no_interval_is_an_error():
    """Nothing can be counted over no time."""
    with pytest.raises(ValueError, match="interval"):
        CountsDetector(0)


SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.mark.skipif(not (SHARED / "data/nab").is_dir(), reason="the recorded brands are not on this machine")
@pytest.mark.slow
def test_recorded_brands_are_told_early_and_seldom(tmp_path):
    """On five recorded brands: standard score of at least 70, at most 0.7 false pages a brand and week."""
    import csv
    import json

    from stream.codec import parse_rfc3339

    data = SHARED / "data/nab"
    for file in sorted(data.glob("*.csv")):
        detector = CountsDetector(FIVE_MINUTES)
        with file.open(newline="") as rows, (tmp_path / file.name).open("w") as out:
            out.write("timestamp,anomaly_score\n")
            for row in csv.DictReader(rows):
                score, _ = detector.row(parse_rfc3339(row["timestamp"]), float(row["value"]))
                out.write(f"{row['timestamp']},{score / 1000}\n")
    command = [sys.executable, str(SHARED / "tools/nab_score.py"), "--data", str(data)]
    command += ["--windows", str(data / "combined_windows.json"), "--labels", str(data / "combined_labels.json")]
    command += ["--detections", str(tmp_path), "--threshold", "0.5", "--profile", "standard"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout
    figures = json.loads(answer)["standard"]
    assert figures["score"] >= 70
    assert figures["fp_per_brand_week"] <= 0.7
    assert figures["onset_hit"] >= 12
