"""What somebody would find who knows a brand's own wildness too: the likelihood ratio of bursts of posts and of moods.

The test of `benchmarks.oracle` believes that posts come by chance. This one is told what no detector can know: besides
the size, mood and profile of the crisis, how wild the brand's spans are (a negative binomial for the posts of a span at
that hour of the day) and how moods clump (a beta-binomial), both taken from the whole recording. Its threshold is the
ratio that the recording reaches in one episode a month. Where it finds little, a stream is too wild for that crisis.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from benchmarks.oracle import DAY, MONTH_DAYS, Array, Found, Minutes, Quiet, exceeded_in
from tocsin.planting import Plant

WIDTHS = (2, 5, 10, 20, 40, 60)
"""Minutes since the crisis began, at which it is looked for."""
TRIALS = 1_000
HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
LEAST_MEAN = 0.02
Counts = np.ndarray[Any, np.dtype[np.float64]]


class Wildness(NamedTuple):
    """How far a brand strays from its mean."""

    dispersion: dict[int, float]
    """By the width of a span: the variance of its count is `mean + mean ** 2 * dispersion`."""
    share: float
    clumping: float
    """The correlation of moods within an hour."""


def wildness_of(quiet: Quiet, minutes: Minutes) -> Wildness:
    """As the recording shows it, by moments.

    >>> quiet = Quiet((60.0,) * 24, 0.2, (60_000,) * 24)
    >>> found = wildness_of(quiet, quiet.poisson(1))
    >>> abs(found.share - 0.2) < 0.01, found.clumping < 0.002, found.dispersion[10] < 0.01
    (True, True, True)
    """
    posts = minutes.negative + minutes.other
    dispersion = {}
    for width in WIDTHS:
        counts, means = _sums(posts, width), _sums(np.tile(quiet.rate, minutes.days), width)
        beyond = float(((counts - means) ** 2 - means).mean()) / float((means**2).mean())
        dispersion[width] = max(beyond, 1e-4)
    hours = [array.reshape(-1, 60).sum(axis=1).astype(float) for array in (minutes.negative, posts)]
    negative, scored = hours
    share = float(negative.sum() / max(1.0, scored.sum()))
    held = scored > 1
    away = (negative[held] - share * scored[held]) ** 2 / (scored[held] * share * (1 - share)) - 1
    # Each hour is one throw of the mood, however many posts it has: see `NegativeShare`.
    pairs = scored[held] - 1
    worth = (pairs * 0.02 / (1 + pairs * 0.02)) ** 2
    clumping = float((worth * away / pairs).sum() / max(1e-9, float(worth.sum())))
    return Wildness(dispersion, share, min(max(clumping, 1e-4), 0.5))


def knowing(quiet: Quiet, plant: Plant, minutes: Minutes, seed: int = 1) -> Found:
    """What share of such crises is found within 10 and within 60 minutes, at one false alarm a month each.

    >>> quiet = Quiet((60.0,) * 24, 0.2, (60_000,) * 24)
    >>> minutes = quiet.poisson(1)
    >>> knowing(quiet, Plant("burst", size_milli=10_000), minutes).within_10 > 0.99
    True
    >>> knowing(quiet, Plant("steady", size_milli=100), minutes).within_10 < 0.2
    True
    """
    wild = wildness_of(quiet, minutes)
    return Found(*(_found(quiet, plant, minutes, wild, horizon, seed) for horizon in (10, 60)))


def _found(quiet: Quiet, plant: Plant, minutes: Minutes, wild: Wildness, horizon: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    test = _Test(quiet, plant, wild, horizon)
    threshold = test.threshold(minutes)
    starts = rng.integers(0, len(minutes.negative) - horizon, TRIALS)
    return test.found(rng, minutes, starts, threshold)


class _Test:
    """The test for one crisis."""

    def __init__(self, quiet: Quiet, plant: Plant, wild: Wildness, horizon: int) -> None:
        self.wild = wild
        self.widths = [width for width in WIDTHS if width <= horizon]
        shares = plant.rate_shares()
        self.shares = np.array((shares + [0.0] * 60)[:horizon])
        self.size = plant.size_milli / 1000 * np.repeat(np.array(quiet.usual_milli) / 1000, 60)
        self.angry = plant.negative_milli / 1000
        self.rate = quiet.rate

    def threshold(self, minutes: Minutes) -> float:
        """The ratio that the recording reaches in one episode a month."""
        negative, posts = minutes.negative, minutes.negative + minutes.other
        greatest = np.full(len(posts), -np.inf)
        at = np.arange(len(posts))
        for width in self.widths:
            ratio = self._ratio(_sums(negative, width), _sums(posts, width), at[: len(posts) - width + 1], width)
            greatest[: len(ratio)] = np.maximum(greatest[: len(ratio)], ratio)
        return exceeded_in(greatest, max(1, round(minutes.days / MONTH_DAYS)))

    def found(self, rng: np.random.Generator, minutes: Minutes, starts: Array, threshold: float) -> float:
        """The share of crises at these starts that are beyond the threshold by the horizon's end."""
        size = np.maximum(1, np.round(self.size[starts % DAY])).astype(int)
        shares = [*self.shares, max(0.0, 1.0 - float(self.shares.sum()))]
        by_age = np.cumsum([rng.multinomial(posts, shares)[:-1] for posts in size], axis=1)
        angry = np.cumsum(rng.binomial(np.diff(by_age, axis=1, prepend=0), self.angry), axis=1)
        posts = minutes.negative + minutes.other
        greatest = np.full(len(starts), -np.inf)
        for width in self.widths:
            own, own_negative = _sums(posts, width)[starts], _sums(minutes.negative, width)[starts]
            ratio = self._ratio(own_negative + angry[:, width - 1], own + by_age[:, width - 1], starts, width)
            greatest = np.maximum(greatest, ratio)
        return float((greatest > threshold).mean())

    def _ratio(self, negative: Counts, posts: Counts, starts: Array, width: int) -> Counts:
        """The log-likelihood ratio of a crisis that began at each start and is `width` minutes old."""
        wild = self.wild
        minute = starts % DAY
        mean = np.maximum(_sums(np.tile(self.rate, 2), width)[:DAY], LEAST_MEAN)[minute]
        added = (self.size * self.shares[:width].sum())[minute]
        usual = _negative_binomial(posts, mean, wild.dispersion[width])
        crisis = _negative_binomial(posts, mean + added, wild.dispersion[width] * (mean / (mean + added)) ** 2)
        part = added / (mean + added)
        share = part * self.angry + (1 - part) * wild.share
        moods = _beta_binomial(negative, posts, share, wild.clumping * (1 - part) ** 2 + 1e-4)
        ratio: Counts = crisis - usual + moods - _beta_binomial(negative, posts, wild.share, wild.clumping)
        return ratio


def _sums(counts: Array, width: int) -> Counts:
    """Of every span of so many minutes, by its start."""
    whole = np.concatenate(([0.0], np.cumsum(counts, dtype=np.float64)))
    sums: Counts = whole[width:] - whole[:-width]
    return sums


def _log_gamma(x: Counts) -> Counts:
    """Stirling's series, from eight on; below, by the recurrence."""
    less = np.zeros_like(x)
    for _ in range(8):
        small = x < 8
        less += np.where(small, np.log(np.where(small, x, 1.0)), 0.0)
        x = np.where(small, x + 1, x)
    found: Counts = (x - 0.5) * np.log(x) - x + HALF_LOG_TAU + 1 / (12 * x) - 1 / (360 * x**3) - less
    return found


def _negative_binomial(count: Counts, mean: Counts, dispersion: Any) -> Counts:
    """The log-likelihood of a count, but for what depends on the count alone."""
    size = 1 / np.maximum(dispersion, 1e-4) + np.zeros_like(mean)
    found: Counts = (
        _log_gamma(count + size)
        - _log_gamma(size)
        + size * np.log(size / (size + mean))
        + count * np.log(mean / (size + mean))
    )
    return found


def _beta_binomial(some: Counts, whole: Counts, share: Any, clumping: Any) -> Counts:
    """The log-likelihood of so many of a whole, but for what depends on them alone."""
    size = 1 / clumping - 1
    a, b = share * size + np.zeros_like(some), (1 - share) * size + np.zeros_like(some)
    found: Counts = (
        _log_gamma(some + a)
        + _log_gamma(whole - some + b)
        - _log_gamma(whole + a + b)
        - _log_gamma(a)
        - _log_gamma(b)
        + _log_gamma(a + b)
    )
    return found
