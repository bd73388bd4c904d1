"""What somebody would find who knows a crisis' size, mood and profile: the likelihood-ratio test.

It looks at negative and other posts by the minute, scans every start, and may raise one false alarm in a month: of a
Poisson stream with the brand's own mean by hour of the day, or of the recording itself. No detector is told what is
coming: where this test finds little on a Poisson stream, nobody can find more.
"""

from typing import Any, NamedTuple

import numpy as np

from tocsin.planting import Plant

MINUTES = 60
DAY = 24 * MINUTES
MONTH_DAYS = 30
POISSON_DAYS = 24 * MONTH_DAYS
TRIALS = 1_000
SHIFTS = (-2, -1, 0, 1, 2)
"""Starts in minutes, beside the true one, at which the scan is looked at."""

Array = np.ndarray[Any, np.dtype[Any]]


class Minutes(NamedTuple):
    """Posts by the minute over whole days, midnight to midnight."""

    negative: Array
    other: Array

    @property
    def days(self) -> int:
        """How many."""
        return len(self.negative) // DAY


class Quiet(NamedTuple):
    """A brand's ordinary life, as the test knows it: posts per hour of the day (UTC) and the share of negatives."""

    by_hour: tuple[float, ...]
    negative_share: float
    usual_milli: tuple[int, ...]
    """What sizes are multiples of."""

    @property
    def rate(self) -> Array:
        """Posts a minute, by minute of the day."""
        # A brand without a post in some hour would make a single one infinitely surprising.
        return np.maximum(np.repeat(np.array(self.by_hour), MINUTES) / MINUTES, 0.02 / MINUTES)

    @property
    def share(self) -> float:
        """Of negatives, never nothing."""
        return min(max(self.negative_share, 0.01), 0.99)

    def poisson(self, seed: int) -> Minutes:
        """A stream of the same mean, each minute by chance alone."""
        rng = np.random.default_rng(seed)
        shares = (self.share, 1 - self.share)
        return Minutes(*(rng.poisson(np.tile(self.rate * share, POISSON_DAYS)).astype(np.float32) for share in shares))


class Found(NamedTuple):
    """Shares of crises that are found."""

    within_10: float
    within_60: float


def oracle(quiet: Quiet, plant: Plant, minutes: Minutes, seed: int = 1) -> Found:
    """What share of such crises the test finds within 10 and within 60 minutes, at one false alarm a month each.

    >>> quiet = Quiet((60.0,) * 24, 0.2, (60_000,) * 24)
    >>> minutes = quiet.poisson(1)
    >>> oracle(quiet, Plant("burst", size_milli=10_000), minutes).within_10 > 0.99
    True
    >>> oracle(quiet, Plant("steady", size_milli=100), minutes).within_10 < 0.2
    True
    """
    return Found(*(_found(quiet, plant, minutes, horizon, seed) for horizon in (10, MINUTES)))


def _found(quiet: Quiet, plant: Plant, minutes: Minutes, horizon: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    test = _Test(quiet, plant, horizon)
    threshold = test.threshold(minutes)
    starts = rng.integers(-SHIFTS[0], len(minutes.negative) - horizon, TRIALS)
    return sum(test.finds(rng, minutes, int(start), threshold) for start in starts) / TRIALS


class _Test:
    """The scan for one crisis: log-likelihood ratios by minute of the day and age."""

    def __init__(self, quiet: Quiet, plant: Plant, horizon: int) -> None:
        self.shares = np.array((plant.rate_shares() + [0.0] * MINUTES)[:horizon])
        self.size = plant.size_milli / 1000 * np.repeat(np.array(quiet.usual_milli) / 1000, MINUTES)
        self.angry_share = plant.negative_milli / 1000
        self.added = self.size[:, None] * self.shares[None, :]
        around = quiet.rate[(np.arange(DAY)[:, None] + np.arange(horizon)[None, :]) % DAY]
        self.of_negative = np.log1p(self.added * self.angry_share / (around * quiet.share))
        self.of_other = np.log1p(self.added * (1 - self.angry_share) / (around * (1 - quiet.share)))

    def threshold(self, minutes: Minutes) -> float:
        """The ratio that these minutes exceed in one episode a month."""
        days = minutes.days
        running = np.zeros(days * DAY, dtype=np.float32)
        greatest = np.full(days * DAY, -np.inf, dtype=np.float32)
        for age in range(len(self.shares)):
            for counts, ratios in ((minutes.negative, self.of_negative), (minutes.other, self.of_other)):
                running += np.roll(counts, -age) * np.tile(ratios[:, age].astype(np.float32), days)
            running -= np.tile(self.added[:, age].astype(np.float32), days)
            np.maximum(greatest, running, out=greatest)
        return exceeded_in(greatest, max(1, round(days / MONTH_DAYS)))

    def finds(self, rng: np.random.Generator, minutes: Minutes, start: int, threshold: float) -> bool:
        """Whether a crisis that is planted in these minutes is beyond the threshold by the horizon's end."""
        span = slice(start + SHIFTS[0], start + len(self.shares))
        negative, other = minutes.negative[span].copy(), minutes.other[span].copy()
        posts = max(1, round(float(self.size[start % DAY])))
        by_age = rng.multinomial(posts, [*self.shares, max(0.0, 1.0 - float(self.shares.sum()))])[:-1]
        angry = rng.binomial(by_age, self.angry_share)
        negative[-SHIFTS[0] :] += angry
        other[-SHIFTS[0] :] += by_age - angry
        return any(self._greatest(negative, other, start, shift) > threshold for shift in SHIFTS)

    def _greatest(self, negative: Array, other: Array, start: int, shift: int) -> float:
        """The greatest ratio of a scan that begins `shift` minutes after the true start."""
        first = shift - SHIFTS[0]
        ages = min(len(self.shares), len(negative) - first)
        minute = (start + shift) % DAY
        steps = negative[first : first + ages] * self.of_negative[minute, :ages]
        steps = steps + other[first : first + ages] * self.of_other[minute, :ages] - self.added[minute, :ages]
        return float(np.cumsum(steps).max())


def exceeded_in(greatest: Array, wanted: int) -> float:
    """The value that is reached in so many episodes; what comes within an hour is one."""
    most = min(len(greatest) - 1, 500 * wanted)
    order = np.argpartition(greatest, -most)[-most:]
    order = order[np.argsort(-greatest[order])]
    episodes: list[int] = []
    for place in order:
        if all(abs(int(place) - other) >= MINUTES for other in episodes):
            episodes.append(int(place))
            if len(episodes) == wanted:
                break
    return float(greatest[episodes[-1]])
