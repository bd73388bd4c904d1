"""What is usual for one brand: causal statistics, learnt one step at a time.

Doubles live here, in a fixed order of operations, and are kept as `float.hex`; whatever is compared or shown leaves
as whole milli-units (DESIGN rule 6).
"""

import math
from collections.abc import Mapping
from typing import Any

from detectors.detector import NOTICE
from stream.codec import DAY_MS, HOUR_MS

HALF_LIFE_MS = 4 * DAY_MS
"""A half-life of days: hours would learn the crisis itself, weeks would miss a season."""
_LN2 = 0.6931471805599453
WARM_UP_MS = 6 * HOUR_MS
SETTLED_MS = 3 * DAY_MS
"""Until so much was learnt, a brand's day is unknown and every detector is stricter."""

POISSON_VARIANCE = 0.25
"""Of the square root of a Poisson count, whatever its mean: no brand is steadier than chance.
Source: Bartlett 1936, *The square root transformation in analysis of variance*, JRSS Suppl. 3(1), p. 68-78."""
WINSOR = 3.0
"""A value further out than this many standard deviations teaches no more than that: a spike is not a level."""
PAGE_SCORE = 750
_FEW_STEPS = 72


def weight_of(step_ms: int, half_life_ms: int = HALF_LIFE_MS) -> float:
    """The weight of one new value in an exponential mean with such a half-life.

    To first order in the step, by multiplication alone: a power's last bit may differ between machines.
    """
    return min(1.0, _LN2 * step_ms / half_life_ms)


def milli(value: float) -> int:
    """A double as whole milli-units: the border between statistics and decisions.

    >>> milli(1.2345)
    1234
    """
    return math.floor(value * 1000)


def score_of(value: int, threshold: int, page_ratio_milli: int) -> int:
    """0..1000: 500 at the threshold, 750 where a page begins, towards 1000 beyond; never falls as `value` rises.

    >>> [score_of(v, 100, 2000) for v in (0, 50, 100, 150, 200, 400)]
    [0, 250, 500, 625, 750, 875]
    """
    ratio = max(0, value) * 1000 // max(1, threshold)
    if ratio < 1000:
        return ratio // 2
    if ratio < page_ratio_milli:
        return 500 + 250 * (ratio - 1000) // (page_ratio_milli - 1000)
    return 1000 - 250 * page_ratio_milli // ratio


def score_between(value: int, notice: int, page: int) -> int:
    """0..1000: 500 where a notice begins, 750 where a page does, towards 1000 beyond; never falls as `value` rises.

    >>> [score_between(v, 100, 200) for v in (0, 50, 100, 150, 200, 400)]
    [0, 250, 500, 625, 750, 875]
    """
    value = max(0, value)
    if value < notice:
        return value * NOTICE // notice
    if value < page:
        return NOTICE + (PAGE_SCORE - NOTICE) * (value - notice) // (page - notice)
    return 1000 - (1000 - PAGE_SCORE) * page // value


def tail_z(count: int, mean: float, variance: float) -> float:
    """How improbable so high a count is, as the z that has the same tail: negative binomial, or Poisson.

    From Chernoff's bound `P(X >= count) <= exp(-D)`: `z = sqrt(2 D)`. Exact enough where a mean of 0.1 makes a
    normal z meaningless, and never too sure of itself.
    Source: Hoeffding 1963, JASA 58(301), p. 13-30, theorem 1, for the family's large-deviation exponent.

    >>> tail_z(0, 0.1, 0.1), round(tail_z(6, 0.1, 0.1), 2), round(tail_z(6, 0.1, 1.0), 2)
    (0.0, 6.11, 1.07)
    """
    if count <= mean:
        return 0.0
    if variance > mean:
        size = mean * mean / (variance - mean)
        deviance = count * math.log(count / mean) - (count + size) * math.log((count + size) / (mean + size))
    else:
        deviance = count * math.log(count / mean) - count + mean
    return math.sqrt(2.0 * max(0.0, deviance))


class Level:
    """Exponential mean and variance of the square root of a count, spikes held to three standard deviations.

    >>> level = Level()
    >>> for _ in range(100): level.learn(16, 0.001, None, clip=False)
    >>> round(level.root, 3), level.mean
    (4.0, 16.0)
    """

    __slots__ = ("fourth", "learnt", "rhythm_learnt", "rhythm_variance", "root", "variance")

    def __init__(self) -> None:
        self.learnt = 0
        self.rhythm_learnt = 0
        self.root = 0.0
        self.variance = 0.0
        self.rhythm_variance = 0.0
        """The variance about the day's rhythm, kept beside the plain one so that either can be used."""
        self.fourth = 0.0
        """Mean of the fourth power of the root: of the squared count."""

    @property
    def mean(self) -> float:
        """The usual count."""
        return self.root * self.root + self.variance

    def learn(self, count: int, weight: float, usual: float | None, *, clip: bool) -> None:
        """Take in one count; `usual` is the root that the rhythm led to expect, where there is a rhythm."""
        self.learnt += 1
        if weight * self.learnt < 1.0:
            weight = 1.0 / self.learnt
        root = math.sqrt(count)
        away = root - self.root
        spread = max(POISSON_VARIANCE, self.variance)
        if clip and away > 0.0 and away * away > WINSOR * WINSOR * spread:
            away = WINSOR * math.sqrt(spread)
            root = self.root + away
        rhythm_away, rhythm_weight = away, weight
        if usual is not None:
            # The days before the rhythm was known weigh little: their spread was the rhythm itself.
            rhythm_away = root - usual
            self.rhythm_learnt += 1
            rhythm_weight = max(weight, 1.0 / (self.rhythm_learnt + _FEW_STEPS))
        self.root += weight * away
        self.variance = _spread(self.variance, away, weight)
        self.rhythm_variance = _spread(self.rhythm_variance, rhythm_away, rhythm_weight)
        self.fourth += weight * (root * root * root * root - self.fourth)

    def snapshot(self) -> list[Any]:
        """As JSON."""
        return [self.learnt, self.rhythm_learnt, *hexed((self.root, self.variance, self.rhythm_variance, self.fourth))]

    @classmethod
    def restore(cls, state: list[Any]) -> "Level":
        """The inverse of `snapshot`."""
        level = cls()
        level.learnt, level.rhythm_learnt = state[:2]
        level.root, level.variance, level.rhythm_variance, level.fourth = (float.fromhex(x) for x in state[2:])
        return level


def _spread(variance: float, away: float, weight: float) -> float:
    """The next exponential variance. Source: Finch 2009, *Incremental calculation of weighted mean and variance*."""
    return (1.0 - weight) * (variance + weight * away * away)


class DailyMaxima:
    """The greatest score of each of the last days: how far ordinary days go at this brand.

    >>> days = DailyMaxima(keep=30)
    >>> for day in range(11): days.see(day * DAY_MS, day * 100)
    >>> days.quantile_milli(900), days.greatest
    (810, 1000)
    """

    __slots__ = ("_day", "_keep", "_past", "_quantiles", "_today")

    def __init__(self, keep: int = 60) -> None:
        self._keep = keep
        self._day = -1
        self._today = 0
        self._past: list[int] = []
        self._quantiles: dict[int, int] = {}

    def see(self, at_ms: int, score: int) -> None:
        """A score at a time; times do not run back."""
        day = at_ms // DAY_MS
        if day != self._day:
            if self._day >= 0:
                self._past = [*self._past, self._today][-self._keep :]
                self._quantiles = {}
            self._day = day
            self._today = 0
        self._today = max(self._today, score)

    def quantile_milli(self, share_milli: int) -> int:
        """The score that this share of past days stayed below, interpolated; 0 without a past day."""
        held = self._quantiles.get(share_milli)
        if held is None:
            ordered = sorted(self._past)
            place = share_milli * (len(ordered) - 1)
            if not ordered:
                held = 0
            else:
                low, rest = divmod(place, 1000)
                high = ordered[min(low + 1, len(ordered) - 1)]
                held = ordered[low] + (high - ordered[low]) * rest // 1000
            self._quantiles[share_milli] = held
        return held

    @property
    def greatest(self) -> int:
        """The greatest score of all, today's included."""
        return max(self._today, *self._past) if self._past else self._today

    def snapshot(self) -> list[Any]:
        """As JSON."""
        return [self._day, self._today, list(self._past)]

    @classmethod
    def restore(cls, state: list[Any], keep: int = 60) -> "DailyMaxima":
        """The inverse of `snapshot`."""
        days = cls(keep)
        days._day, days._today, past = state
        days._past = list(past)
        return days


HOURS = 24
_RHYTHM_MEMORY = 7
"""A brand's hour is the mean of about a week of that hour."""
_RHYTHM_HELPS = 0.95
"""The rhythm is used from when it takes at least a twentieth off the squared error ..."""
_RHYTHM_HELPS_STILL = 1.0
"""... until it takes nothing: a flood of two days must not change what a brand's hours are held against."""
_LOST_SHARE = 0.4
_LOST = 1.5
"""An hour whose root both predictions miss by this share of the level, and by three standard deviations of chance, was
foretold by neither: a flood or the end of one. It says nothing of which is better."""


class Rhythm:
    """Hour of the day (UTC) as a factor on the root of the count; used only once it has proved that it helps.

    Its proof is made in advance: each hour is first predicted with and without, then learnt.

    >>> rhythm = Rhythm()
    >>> for hour in range(24 * 6): rhythm.learn(hour * HOUR_MS, 9.0 if hour % 24 > 7 else 3.0, 7.0)
    >>> rhythm.used, rhythm.factor(2 * HOUR_MS + HOUR_MS // 2) < 0.7
    (True, True)
    """

    __slots__ = ("_factors", "_helps", "_hours", "_mean", "_plain_error", "_rhythm_error", "_seen")

    def __init__(self) -> None:
        self._hours = 0
        self._seen = [0] * HOURS
        self._factors = [1.0] * HOURS
        self._mean = 1.0
        self._plain_error = 0.0
        self._rhythm_error = 0.0
        self._helps = False

    @property
    def known(self) -> bool:
        """Whether three days of hours were learnt."""
        return self._hours >= 3 * HOURS

    @property
    def used(self) -> bool:
        """Whether the rhythm takes part in what is expected now."""
        return self.known and self._helps

    def learn(self, start_ms: int, root: float, level: float) -> None:
        """One whole hour from `start_ms`: the root of its count, and the level as it was held to be."""
        if level < 0.5:
            return
        hour = start_ms // HOUR_MS % HOURS
        if self._hours >= HOURS:
            fade = 1.0 - 1.0 / (_RHYTHM_MEMORY * HOURS)
            # What the brand grew or shrank by since the level was learnt is neither's to foretell.
            plain, rhythm = root - level * self._mean, root - level * self._own(hour)
            # Held to what a spike may teach, as the level is: one crisis neither makes nor breaks a rhythm.
            limit = level * level
            if min(abs(plain), abs(rhythm)) < max(_LOST, _LOST_SHARE * level):
                self._plain_error = fade * self._plain_error + min(plain * plain, limit)
                self._rhythm_error = fade * self._rhythm_error + min(rhythm * rhythm, limit)
            least = _RHYTHM_HELPS_STILL if self._helps else _RHYTHM_HELPS
            self._helps = self._rhythm_error < least * self._plain_error
        self._hours += 1
        self._seen[hour] = min(self._seen[hour] + 1, _RHYTHM_MEMORY)
        ratio = min(root / level, WINSOR)
        self._factors[hour] += (ratio - self._factors[hour]) / self._seen[hour]
        self._balance()

    def _balance(self) -> None:
        # A brand that grows is above its level at every hour: that is the level's to follow, and no rhythm.
        self._mean = sum(self._own(hour) for hour in range(HOURS)) / HOURS

    def factor(self, at_ms: int) -> float:
        """What the usual root is multiplied with at a time: between the middles of two hours, a line."""
        place = at_ms - HOUR_MS // 2
        hour = place // HOUR_MS % HOURS
        along = (place % HOUR_MS) / HOUR_MS
        return self._shrunk(hour) * (1.0 - along) + self._shrunk((hour + 1) % HOURS) * along

    def _shrunk(self, hour: int) -> float:
        return self._own(hour) / self._mean

    def _own(self, hour: int) -> float:
        seen = self._seen[hour]
        return 1.0 + (self._factors[hour] - 1.0) * seen / (seen + 1)

    def snapshot(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "hours": self._hours,
            "seen": list(self._seen),
            "factors": hexed(self._factors),
            "errors": hexed((self._plain_error, self._rhythm_error)),
            "helps": self._helps,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> "Rhythm":
        """The inverse of `snapshot`."""
        rhythm = cls()
        rhythm._hours = state["hours"]
        rhythm._seen = list(state["seen"])
        rhythm._factors = [float.fromhex(x) for x in state["factors"]]
        rhythm._balance()
        rhythm._plain_error, rhythm._rhythm_error = (float.fromhex(x) for x in state["errors"])
        rhythm._helps = state.get("helps", rhythm._rhythm_error < _RHYTHM_HELPS * rhythm._plain_error)
        return rhythm


def hexed(values: list[float] | tuple[float, ...]) -> list[str]:
    """Doubles to the last bit, as JSON can hold them."""
    return [value.hex() for value in values]
