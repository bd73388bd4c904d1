"""The forecast of a conversation's next hour: honest about what it does not know, and better than none."""

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.forecast import KINDS, holds, score
from detectors.growth import FEWEST_POSTS, forecast
from stream.codec import HOUR_MS, MINUTE_MS

counts = st.dictionaries(st.integers(0, 89).map(lambda m: m * MINUTE_MS), st.integers(0, 10_000), max_size=90)


def test_the_interval_holds_four_hours_of_five_and_the_median_beats_as_many_as_in_the_last_hour():
    """On cascades of every kind that were not used to choose its constants."""
    scores = score(range(5_000, 5_004))
    total = scores["all"]
    assert len(total.errors) > 300
    assert holds(total), total.as_dict()
    for kind in ("quick", "usual", "every ten minutes", "large", "slow", "small"):
        assert statistics.median(scores[kind].errors) < statistics.median(scores[kind].naive), kind


@pytest.mark.proof
def test_the_interval_is_honest_on_two_hundred_cascades_of_each_kind():
    """As above, with enough of them that each kind's own figure means something."""
    scores = score(range(9_000, 9_200))
    assert holds(scores["all"]), scores["all"].as_dict()
    assert all(0.6 <= scores[kind].coverage <= 0.97 for kind in KINDS)


@given(counts, st.integers(0, 90), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_any_conversation_gets_an_interval_around_its_forecast(by_minute, at_minute, first_minute):
    """Low, forecast, high in this order, whole numbers and never negative; or nothing where too little is known."""
    said = forecast(by_minute, first_minute * MINUTE_MS, at_minute * MINUTE_MS)
    seen = sum(n for m, n in by_minute.items() if (at_minute - 60) * MINUTE_MS <= m < at_minute * MINUTE_MS)
    assert (said is None) == (seen < FEWEST_POSTS)
    if said is not None:
        assert 0 <= said.low <= said.next_hour <= said.high
        assert said.last_hour == seen
        assert said.doubling_minutes >= 0


@given(counts, st.integers(0, 1_000))
@settings(max_examples=60, deadline=None)
def test_what_comes_later_changes_no_forecast(by_minute, later):
    """Posts of minutes that have not begun are not looked at."""
    at_ms = 60 * MINUTE_MS
    known = {minute: posts for minute, posts in by_minute.items() if minute < at_ms}
    assert forecast(known, 0, at_ms) == forecast(known | {at_ms: later}, 0, at_ms)


def test_faster_growth_has_a_shorter_doubling_and_a_higher_forecast():
    """Three conversations with as many posts in the last twenty minutes, growing, level and ebbing away."""
    shapes = {"growing": (1, 5), "level": (3, 3), "ebbing": (5, 1)}
    said = {
        name: forecast({m * MINUTE_MS: before if m < 20 else after for m in range(40)}, 0, 40 * MINUTE_MS)
        for name, (before, after) in shapes.items()
    }
    growing, level, ebbing = (said[name] for name in ("growing", "level", "ebbing"))
    assert growing.next_hour > level.next_hour > ebbing.next_hour
    assert 5 <= growing.doubling_minutes <= 20
    assert level.doubling_minutes == ebbing.doubling_minutes == 0
    assert 130 <= level.next_hour <= 230


def test_a_larger_conversation_is_known_better():
    """A hundred times the posts: the same trend, a narrower interval in proportion."""
    few = forecast({m * MINUTE_MS: m % 3 == 0 for m in range(60)}, 0, HOUR_MS)
    many = forecast({m * MINUTE_MS: 100 * (m % 3 == 0) for m in range(60)}, 0, HOUR_MS)
    assert many.high * few.next_hour < few.high * many.next_hour
