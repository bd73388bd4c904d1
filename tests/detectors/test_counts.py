"""A plain series of counts gets the service's own volume detector, row by row."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import nab
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


recordings = pytest.mark.skipif(not nab.present(), reason="the recorded brands are not on this machine")


@recordings
@pytest.mark.slow
def test_recorded_brands_are_told_early_and_seldom():
    """On five recorded brands: a standard score of 78, 66 for few false alarms, each row that is told at its cost."""
    found = [nab.detect(name) for name in nab.brands()]
    told, pages = nab.figures(found), nab.figures(found, pages=True)
    assert told.standard >= 78
    assert told.low_fp >= 66
    assert told.onset >= 12
    assert told.false_rows_per_week <= 0.7
    assert pages.f1 >= 0.65
    assert pages.false_rows_per_week <= 0.25


@recordings
@pytest.mark.slow
def test_what_comes_later_changes_no_answer_about_a_recorded_brand():
    """Prefix invariance: half of each file, and half of it with a flood behind it, begin like the whole."""
    for name in nab.brands():
        series = nab.rows(name)
        whole = nab.answers(series)
        half = len(series) // 2
        flood = [(at_ms, value * 50 + 1_000) for at_ms, value in series[half : half + 600]]
        assert nab.answers(series[:half]) == whole[:half]
        assert nab.answers(series[:half] + flood)[:half] == whole[:half]


@recordings
@pytest.mark.proof
def test_a_brand_that_was_left_out_is_found_as_well():
    """Its prior chosen on the four others: at least 70, and no more than 6 points below what is found in sample."""
    figures = nab.leave_one_out(workers=2)
    out, pages, inside = figures["left_out"], figures["left_out_pages"], figures["in_sample"]
    print(figures)
    assert out["standard"] >= 70
    assert inside["standard"] - out["standard"] <= 6
    assert out["onset"] >= 12
    assert out["false_rows_per_week"] <= 0.7
    assert pages["f1"] >= 0.65
    assert pages["false_rows_per_week"] <= 0.25
