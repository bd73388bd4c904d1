"""How many posts the next hour will bring to one conversation, with an interval: a damped exponential trend.

Pure arithmetic on posts by minute. Doubles go through additions, multiplications, divisions and square roots alone,
which every machine rounds alike, and leave as whole numbers.
"""

import math
from collections.abc import Mapping

import msgspec

from stream.codec import MINUTE_MS

HOUR_MINUTES = 60
FEWEST_POSTS = 6
"""Below this there is nothing to say about a trend."""
LONGEST_HALF = 20
"""Minutes of each of the two spans whose ratio is the growth: short enough to see a turn, long enough to count."""
SHORTEST_HALF = 10
PRIOR_POSTS = 6.0
"""Posts that both spans are given beforehand: few posts say little about growth, so it is shrunk towards none."""
LATEST_MINUTES = 8
"""The rate from which the trend goes on is that of the last minutes, ..."""
LATEST_SHARE = 0.5
"""... half and half with what the whole span says: the last minutes know the turn, the span knows the level."""
DAMP_UP = 0.85
"""What is left of a growth after each minute: no public grows for ever.
Source: Gardner, McKenzie 1985, *Forecasting trends in time series*, Management Science 31(10), p. 1237-1246."""
DAMP_DOWN = 0.995
"""What is left of a decline after each minute: what ebbs goes on ebbing, more slowly."""
SPREAD_BASE = 0.5
"""Spread of the forecast's logarithm when everything is counted: turns that nobody can see coming."""
SPREAD_TREND = 0.35
"""More of it the steeper the trend, per doubling (or halving) within a span."""
Z80 = 1.2816
"""A normal value is within so many standard deviations in 80 cases of 100."""
_LN2 = 0.6931471805599453


class Forecast(msgspec.Struct, frozen=True, gc=False):
    """What the next hour brings, in posts; `low` and `high` hold it between them in four cases of five."""

    next_hour: int
    low: int
    high: int
    last_hour: int
    doubling_minutes: int
    """How long it takes to double at the pace of now; 0: it does not grow."""

    def as_evidence(self) -> dict[str, int]:
        """Under the names by which a card shows them."""
        return {
            "next_hour": self.next_hour,
            "next_hour_low": self.low,
            "next_hour_high": self.high,
            "doubling_minutes": self.doubling_minutes,
        }


def forecast(by_minute: Mapping[int, int], first_ms: int, at_ms: int) -> Forecast | None:
    """The hour after `at_ms` of a conversation that began at `first_ms`, from its posts by minute (start, ms).

    `None` when there is too little to go by. The growth is the ratio of the last span to the one before; it fades
    as the hour goes by.

    >>> doubling = {minute * 60_000: 2 ** (minute // 10) for minute in range(40)}
    >>> forecast(doubling, 0, 40 * 60_000)
    Forecast(next_hour=775, low=180, high=3325, last_hour=150, doubling_minutes=11)
    >>> forecast({0: 3}, 0, 60_000) is None
    True
    """
    posts = [by_minute.get(start, 0) for start in _minutes_before(at_ms)]
    last_hour = sum(posts)
    if last_hour < FEWEST_POSTS:
        return None
    age = max(1, min(HOUR_MINUTES, (at_ms - first_ms) // MINUTE_MS))
    half = max(SHORTEST_HALF, min(LONGEST_HALF, age // 2))
    now, before = sum(posts[-half:]), sum(posts[-2 * half : -half])
    ratio = (now + PRIOR_POSTS) / (before + PRIOR_POSTS)
    slope = logarithm(ratio) / half
    # The span's mean lies at its middle; the trend carries it to now.
    level = now / half * (1.0 + slope * half / 2.0 if slope > 0.0 else 1.0 / (1.0 - slope * half / 2.0))
    latest = sum(posts[-LATEST_MINUTES:]) / LATEST_MINUTES
    mean = _ahead(LATEST_SHARE * latest + (1.0 - LATEST_SHARE) * level, slope)
    steep = abs(slope) * half / _LN2
    known = 1.0 / (now + PRIOR_POSTS)
    spread = SPREAD_BASE + SPREAD_TREND * steep
    factor = _power(spread * spread + known + 1.0 / (mean + 1.0))
    return Forecast(
        next_hour=math.floor(mean + 0.5),
        low=math.floor(mean / factor),
        high=math.floor(mean * factor + 1.0),
        last_hour=last_hour,
        doubling_minutes=max(1, math.floor(_LN2 / slope)) if ratio > 1.05 else 0,
    )


def _minutes_before(at_ms: int) -> range:
    last = at_ms - 1 - (at_ms - 1) % MINUTE_MS
    return range(last - (HOUR_MINUTES - 1) * MINUTE_MS, last + 1, MINUTE_MS)


def _ahead(rate: float, slope: float) -> float:
    """Posts of sixty minutes, from a rate a minute whose relative growth fades."""
    damp = DAMP_UP if slope > 0.0 else DAMP_DOWN
    total = 0.0
    for _ in range(HOUR_MINUTES):
        rate = rate * (1.0 + slope) if slope > 0.0 else rate / (1.0 - slope)
        slope *= damp
        total += rate
    return total


def logarithm(value: float) -> float:
    """The natural logarithm of a positive number by its area-tangent series: the same bits on every machine.

    >>> abs(logarithm(10.0) - math.log(10.0)) < 1e-12
    True
    """
    halvings = 0
    while value > 1.5:
        value /= 2.0
        halvings += 1
    while value < 0.75:
        value *= 2.0
        halvings -= 1
    z = (value - 1.0) / (value + 1.0)
    square, power, total = z * z, z, 0.0
    for odd in range(1, 41, 2):
        total += power / odd
        power *= square
    return 2.0 * total + halvings * _LN2


def _power(variance: float) -> float:
    """`e` to the power of so many standard deviations as hold four cases of five, by squaring."""
    x = Z80 * math.sqrt(variance) / 256.0
    grown = 1.0 + x + x * x / 2.0 + x * x * x / 6.0
    for _ in range(8):
        grown *= grown
    return grown
