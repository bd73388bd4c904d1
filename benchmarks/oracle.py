"""What the best possible detector would find: the likelihood-ratio test that knows a crisis' size, mood and profile.

It looks at negative and other posts by the minute, scans every start, and may raise one false alarm in a month of a
Poisson stream with the brand's own mean by hour of the day. Real streams are wilder than Poisson, and no detector is
told what is coming: where this test finds little, nobody could find more.
"""

from typing import Any, NamedTuple

import numpy as np

from tocsin.planting import Plant

MINUTES = 60
DAY = 24 * MINUTES
MONTHS = 24
TRIALS = 1_000
SHIFTS = (-2, -1, 0, 1, 2)
"""Starts in minutes, beside the true one, at which the scan is looked at."""

Array = np.ndarray[Any, np.dtype[Any]]


class Quiet(NamedTuple):
    """A brand's ordinary life, as the test knows it: posts per hour of the day (UTC) and the share of negatives."""

    by_hour: tuple[float, ...]
    negative_share: float
    usual_milli: tuple[int, ...]
    """What sizes are multiples of."""


class Found(NamedTuple):
    """Shares of crises that are found."""

    within_10: float
    within_60: float


def oracle(quiet: Quiet, plant: Plant, seed: int = 1) -> Found:
    """What share of such crises the test finds within 10 and within 60 minutes, at one false alarm a month each.

    >>> quiet = Quiet((60.0,) * 24, 0.2, (60_000,) * 24)
    >>> oracle(quiet, Plant("burst", size_milli=10_000)).within_10 > 0.99
    True
    >>> oracle(quiet, Plant("steady", size_milli=100)).within_10 < 0.2
    True
    """
    return Found(_found(quiet, plant, 10, seed), _found(quiet, plant, MINUTES, seed))


def _found(quiet: Quiet, plant: Plant, horizon: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    # A brand without a post in some hour would make a single one infinitely surprising.
    rate = np.maximum(np.repeat(np.array(quiet.by_hour), MINUTES) / MINUTES, 0.02 / MINUTES)
    size = plant.size_milli / 1000 * np.repeat(np.array(quiet.usual_milli) / 1000, MINUTES)
    shares = np.array((plant.rate_shares() + [0.0] * MINUTES)[: horizon + 1])
    test = _Test(rate, min(max(quiet.negative_share, 0.01), 0.99), size, shares[:horizon], plant.negative_milli / 1000)
    threshold = test.threshold(rng)
    starts = rng.integers(0, DAY, TRIALS)
    counts = [test.planted(rng, int(start)) for start in starts]
    found = [
        max(test.greatest(negative, other, int(start), shift) for shift in SHIFTS) > threshold
        for start, (negative, other) in zip(starts, counts, strict=True)
    ]
    return sum(found) / TRIALS


class _Test:
    """The scan for one crisis: log-likelihood ratios by minute of the day and age."""

    def __init__(self, rate: Array, p0: float, size: Array, shares: Array, p1: float) -> None:
        self.rate, self.p0, self.size, self.shares, self.p1 = rate, p0, size, shares, p1
        ages = len(shares)
        added = size[:, None] * shares[None, :]
        around = rate[(np.arange(DAY)[:, None] + np.arange(ages)[None, :]) % DAY]
        self.of_negative = np.log1p(added * p1 / (around * p0))
        self.of_other = np.log1p(added * (1 - p1) / (around * (1 - p0)))
        self.added = added

    def threshold(self, rng: np.random.Generator) -> float:
        """The ratio that a quiet stream exceeds once a month."""
        days = MONTHS * 30
        negative = rng.poisson(np.tile(self.rate * self.p0, days)).astype(np.float32)
        other = rng.poisson(np.tile(self.rate * (1 - self.p0), days)).astype(np.float32)
        running = np.zeros(days * DAY, dtype=np.float32)
        greatest = np.full(days * DAY, -np.inf, dtype=np.float32)
        for age in range(len(self.shares)):
            running += np.roll(negative, -age) * np.tile(self.of_negative[:, age].astype(np.float32), days)
            running += np.roll(other, -age) * np.tile(self.of_other[:, age].astype(np.float32), days)
            running -= np.tile(self.added[:, age].astype(np.float32), days)
            np.maximum(greatest, running, out=greatest)
        return _once_a_month(greatest)

    def planted(self, rng: np.random.Generator, start: int) -> tuple[Array, Array]:
        """Counts by minute around a crisis: from the first of `SHIFTS` before its start to the last age after it."""
        at = (start + np.arange(SHIFTS[0], len(self.shares))) % DAY
        negative = rng.poisson(self.rate[at] * self.p0)
        other = rng.poisson(self.rate[at] * (1 - self.p0))
        posts = max(1, round(float(self.size[start])))
        rest = max(0.0, 1.0 - float(self.shares.sum()))
        by_age = rng.multinomial(posts, [*self.shares, rest])[:-1]
        angry = rng.binomial(by_age, self.p1)
        negative[-SHIFTS[0] :] += angry
        other[-SHIFTS[0] :] += by_age - angry
        return negative, other

    def greatest(self, negative: Array, other: Array, start: int, shift: int) -> float:
        """The greatest ratio of a scan that begins `shift` minutes after the true start, by the horizon's end."""
        first = shift - SHIFTS[0]
        ages = min(len(self.shares), len(negative) - first)
        minute = (start + shift) % DAY
        steps = negative[first : first + ages] * self.of_negative[minute, :ages]
        steps = steps + other[first : first + ages] * self.of_other[minute, :ages] - self.added[minute, :ages]
        return float(np.cumsum(steps).max())


def _once_a_month(greatest: Array) -> float:
    """The value that is exceeded in `MONTHS` episodes; exceedances within an hour are one."""
    order = np.argpartition(greatest, -200 * MONTHS)[-200 * MONTHS :]
    order = order[np.argsort(-greatest[order])]
    episodes: list[int] = []
    for place in order:
        if all(abs(int(place) - other) >= MINUTES for other in episodes):
            episodes.append(int(place))
            if len(episodes) == MONTHS:
                return float(greatest[place])
    return float(greatest[order[-1]])
