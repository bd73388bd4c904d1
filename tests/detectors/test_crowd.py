"""How wild a brand's counts are: what is ordinary teaches, and no single flood does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.crowd import CROWDS, MOST, PRIOR_DISPERSION, Crowd, Wildness
from stream.codec import canonical, decode

WEIGHT = 1 / 4_000
counts = st.lists(st.integers(0, 400), max_size=60)


def taught(of: list[int], mean: float = 10.0) -> Wildness:
    """After these counts, where so many were usual."""
    wild = Wildness()
    for count in of:
        wild.learn(count, mean, WEIGHT)
    return wild


CHANCE = [7, 13]
"""As far from ten as chance brings."""


def test_what_is_wild_on_many_days_is_learnt() -> None:
    """Every twentieth step holds five times the usual, for two weeks: no surprise any more."""
    calm, wild = taught(CHANCE * 2_000), taught((CHANCE * 9 + [10, 50]) * 200)
    assert calm.dispersion(10.0) < PRIOR_DISPERSION / 2
    assert wild.dispersion(10.0) > PRIOR_DISPERSION * 2


def test_an_hour_of_the_wildest_flood_teaches_next_to_nothing() -> None:
    """A hundred times the usual for an hour, after two weeks."""
    before, after = taught([5, 15] * 2_000), taught([5, 15] * 2_000 + [1_000] * 12)
    assert before.dispersion(10.0) < after.dispersion(10.0) < 1.2 * before.dispersion(10.0)


@given(counts, st.integers(100, 10_000))
@settings(max_examples=60, deadline=None)
def test_beyond_a_point_a_flood_teaches_no_more(past: list[int], flood: int) -> None:
    """However many more posts it brings."""
    once, tenfold = taught([*past, 10_000]), taught([*past, 10_000 + 10 * flood])
    assert once.dispersion(10.0) == tenfold.dispersion(10.0)


@given(counts)
@settings(max_examples=60, deadline=None)
def test_a_snapshot_goes_on_the_same(past: list[int]) -> None:
    """Written and read as JSON."""
    wild = taught(past)
    other = Wildness.restore(decode(canonical(wild.snapshot()), list))
    for one in (wild, other):
        one.learn(17, 10.0, WEIGHT)
    assert wild.snapshot() == other.snapshot()


@given(st.floats(0.01, 500.0), st.floats(0.01, 20.0), st.integers(0, 2_000))
@settings(max_examples=100, deadline=None)
def test_more_posts_never_say_less_and_never_more_than_the_limit(mean: float, dispersion: float, count: int) -> None:
    """Of a crowd of each size."""
    crowd = Crowd(mean, dispersion)
    fewer, more = crowd.likelier(count), crowd.likelier(count + 1)
    assert len(fewer) == len(CROWDS)
    assert all(a <= b + 1e-9 for a, b in zip(fewer, more, strict=True))
    assert max(more) <= MOST


@pytest.mark.parametrize("mean", [2.0, 5.0, 200.0])
def test_where_a_brand_is_wild_a_flood_says_less(mean: float) -> None:
    """Five times the usual."""
    count = round(5 * mean)
    assert max(Crowd(mean, 2.0).likelier(count)) < max(Crowd(mean, 0.05).likelier(count))
