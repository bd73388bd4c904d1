"""How much likelier a count is where a crowd has joined than where a brand is as usual.

A brand's counts are wilder than chance: their variance is `mean + mean ** 2 * dispersion` (negative binomial). A crowd
comes on top of them and is no wilder than its own size. How large it is nobody knows beforehand, so several sizes are
asked at once.
"""

from bisect import bisect_right
from math import lgamma, log
from typing import Any

from detectors.baseline import hexed
from stream.codec import DAY_MS

CROWDS = (0.5, 1.5, 4.0, 10.0, 25.0)
"""Sizes of a crowd, in times what is usual: a step of two and a half loses little of what lies between."""
MOST = 6.0
"""How many posts there are makes a crowd at most so much likelier (natural logarithm: 400 times), however many: a brand
whose floods nobody can foresee must not spend its pages on them alone.
Source: Huber 1965, *A robust version of the probability ratio test*, Ann. Math. Statist. 36(6), p. 1753-1758."""
LEAST_MEAN = 0.02
LEAST_DISPERSION, MOST_DISPERSION = 0.01, 20.0
PRIOR_DISPERSION = 0.1
PRIOR_STEPS = 60.0
"""Before a brand's own wildness is known it counts as this; worth so many steps of its own (five hours)."""
WILDNESS_HALF_LIFE_MS = 10 * DAY_MS
"""Of what `Wildness` learns: floods are rarer than hours."""
FURTHEST = 4.0
"""A count teaches no more than one this many standard deviations away: one flood must not make a brand wild, and what
is wild in earnest shows on many days."""
LEAST_FURTHEST = 100.0
"""Ten posts away teach in full, however few are usual."""
CHANCE = 1e-4
"""What is added to the dispersion of a crowd, so that none is without any."""


class Wildness:
    """How far the counts of one span stray from what was usual, beyond chance: their dispersion, by moments, with a
    half-life of ten days. What comes in an incident teaches nothing.

    >>> wild = Wildness()
    >>> for count in (5, 15) * 500: wild.learn(count, 10.0, 0.001)
    >>> round(wild.dispersion(10.0), 2)
    0.15
    >>> for _ in range(12): wild.learn(1_000, 10.0, 0.001)
    >>> wild.dispersion(10.0) < 0.3
    True
    """

    __slots__ = ("_beyond", "_square")

    def __init__(self) -> None:
        self._beyond = self._square = 0.0

    def learn(self, count: int, mean: float, weight: float) -> None:
        """Take in one count of which so many were usual."""
        variance = mean + mean * mean * self.dispersion(mean)
        away = count - mean
        beyond = min(away * away, max(FURTHEST * FURTHEST * variance, LEAST_FURTHEST)) - mean
        keep = 1.0 - weight
        self._beyond = self._beyond * keep + beyond
        self._square = self._square * keep + mean * mean

    def dispersion(self, mean: float) -> float:
        """Of counts of which so many are usual."""
        prior = PRIOR_STEPS * max(mean, 5 * LEAST_MEAN) ** 2
        found = (self._beyond + PRIOR_DISPERSION * prior) / (self._square + prior)
        return min(max(found, LEAST_DISPERSION), MOST_DISPERSION)

    def snapshot(self) -> list[Any]:
        """As JSON."""
        return hexed((self._beyond, self._square))

    @classmethod
    def restore(cls, state: list[Any]) -> "Wildness":
        """The inverse of `snapshot`."""
        wild = cls()
        wild._beyond, wild._square = (float.fromhex(number) for number in state[:2])
        return wild


class Crowd:
    """What a count says of a crowd of each size in `CROWDS`, for one span at one time.

    Twenty posts where four are usual hardly come without a crowd of four times the usual; of one of half the usual they
    say little, and one of 25 times the usual would have brought more:

    >>> [round(found, 1) for found in Crowd(4.0, 0.1).likelier(20)]
    [0.4, 2.3, 6.0, 1.9, -40.3]
    >>> max(Crowd(4.0, 0.1).likelier(4)) < 0.1, Crowd(4.0, 0.1).likelier(1000)[-1]
    (True, 6.0)
    """

    __slots__ = ("_beyond", "_joined", "_size", "_sizes")

    def __init__(self, mean: float, dispersion: float) -> None:
        mean = max(mean, LEAST_MEAN)
        self._size, usual_base, usual_rate = _law(mean, dispersion)
        self._sizes = []
        self._joined = []
        """How many posts would come with a crowd of each size, ascending as `CROWDS` do ..."""
        self._beyond = []
        """... and what so many say, or more."""
        for times in CROWDS:
            joined = mean * (1.0 + times)
            size, base, rate = _law(joined, dispersion / (1.0 + times) ** 2 + CHANCE)
            base, rate = base - usual_base, rate - usual_rate
            most = lgamma(joined + size) - lgamma(joined + self._size) + base + joined * rate
            self._sizes.append((size, base, rate))
            self._joined.append(joined)
            self._beyond.append(min(most, MOST))

    def likelier(self, count: int) -> list[float]:
        """The natural logarithm of how many times likelier the count is with a crowd of each size than without, at most
        `MOST`. More than a crowd of some size would bring says no less for it.
        """
        reached = bisect_right(self._joined, count)
        said = self._beyond[:reached]
        if reached < len(CROWDS):
            usual = lgamma(count + self._size)
            for size, base, rate in self._sizes[reached:]:
                found = lgamma(count + size) - usual + base + count * rate
                said.append(min(MOST, found))
        return said


def _law(mean: float, dispersion: float) -> tuple[float, float, float]:
    """A negative binomial: its size, and what of the logarithm of a count's probability stands still and what grows
    with the count.
    """
    size = 1.0 / dispersion
    return size, size * log(size / (size + mean)) - lgamma(size), log(mean / (size + mean))
