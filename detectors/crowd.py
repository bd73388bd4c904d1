"""How many angry people are usual at one brand, and how far beyond that a moment is."""

import math
from typing import Any

from detectors.baseline import (
    POISSON_VARIANCE,
    SETTLED_MS,
    DailyMaxima,
    Level,
    milli,
    tail_z,
    weight_of,
)

SMALL_MEAN = 5.0
LEAST_MEAN = 0.05
UNKNOWN_DAY = 0.35
"""As for volume: how far the root may swing over a day that was not seen yet."""
THRESHOLD_MILLI = 4_500
"""Lower than volume's 6: negatives come in smaller numbers, and their share must have risen as well."""
DAYS_BELOW_MILLI = 900


class AngryCrowd:
    """Counts of negative posts over one span, against this brand's own past and its wildest days.

    A share says little at forty posts and a count says nothing of the mood; together they do. So this is only asked
    where the share of negatives has risen.

    >>> crowd = AngryCrowd(900_000)
    >>> for step in range(600): crowd.learn(900_000 * (step + 1), step % 3, 900_000, warm=step > 24)
    >>> crowd.ratio(2), crowd.ratio(30) > 1000
    (228, True)
    """

    __slots__ = ("_learnt_ms", "_level", "_maxima", "_weight")

    def __init__(self, step_ms: int) -> None:
        self._weight = weight_of(step_ms)
        self._level = Level()
        self._maxima = DailyMaxima()
        self._learnt_ms = 0

    def ratio(self, people: int) -> int:
        """How far so many negatives are beyond the usual, in thousandths of this brand's threshold."""
        threshold = max(THRESHOLD_MILLI, self._maxima.quantile_milli(DAYS_BELOW_MILLI))
        return milli(self._z(people)) * 1000 // threshold

    def learn(self, end_ms: int, negative: int, step_ms: int, *, warm: bool) -> None:
        """The count of a span that ends at a time."""
        if warm:
            self._maxima.see(end_ms - 1, milli(self._z(negative)) if negative else 0)
        self._level.learn(negative, self._weight, None, clip=warm)
        self._learnt_ms += step_ms

    def _z(self, people: int) -> float:
        level = self._level
        variance = max(level.variance, POISSON_VARIANCE)
        if self._learnt_ms < SETTLED_MS:
            swing = UNKNOWN_DAY * (1.0 - self._learnt_ms / SETTLED_MS) * level.root
            variance += swing * swing
        z = (math.sqrt(people) - level.root) / math.sqrt(variance)
        if level.mean < SMALL_MEAN and z > 2.0:
            counted = max(0.0, level.fourth - level.mean * level.mean)
            z = min(z, tail_z(people, max(level.mean, LEAST_MEAN), counted))
        return max(0.0, z)

    def snapshot(self) -> list[Any]:
        """As JSON."""
        return [self._learnt_ms, self._level.snapshot(), self._maxima.snapshot()]

    @classmethod
    def restore(cls, state: list[Any], step_ms: int) -> "AngryCrowd":
        """The inverse of `snapshot`."""
        crowd = cls(step_ms)
        crowd._learnt_ms = state[0]
        crowd._level = Level.restore(state[1])
        crowd._maxima = DailyMaxima.restore(state[2])
        return crowd
