"""The page budget: which score a brand's own history makes rare enough to speak of.

A user states how many false pages (or notices) a month a brand may cost. The threshold follows: it is the score that
this brand's ordinary days reach so often. Days are counted by their greatest score, as peaks over threshold are
(Siffer et al. 2017, *Anomaly detection in streams with extreme value theory*, KDD, p. 1067-1075); a prior stands in for
the days that were not seen yet, and the tail beyond what was seen is exponential.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

import msgspec

from stream.codec import DAY_MS

MONTH_DAYS = 30
DAYS_KEPT = 60
PAGE_RATE_MILLI = 1_000
"""One a month: the threshold against which a day's greatest score is capped."""
CAP_MILLI = 1_300
"""A day teaches at most 1.3 times the threshold it meets."""
ROW_DAYS = 3
"""Incidents that nobody took within so many days are one ..."""
ROW_CAP_MILLI = 1_150
"""... which teaches at most 1.15 times the threshold that the first of them met: so a flood that lasts two days cannot
teach that floods are ordinary."""
Verdict = Literal["taken", "false_alarm", "unclaimed", "siege"]
"""What an incident was, at its end. *false_alarm*: somebody called it that. *siege*: it lasted longer than chance does.
*taken*: it did not, and somebody acknowledged, owned or resolved it. *unclaimed*: nobody did either."""
LEAST_SCALE = 300.0
WILDEST = 0.2
"""The share of days whose greatest scores make the tail of `HeavyExtremes`."""
SHAPE = 1 / 4
"""Of that tail: heavier than an exponential one, with a finite variance. Its inverse is a whole number."""
PRIOR_EXCESSES = 2.0
"""Of so many wild days the prior's scale is worth."""
ITERATIONS = 40
FURTHEST = 300_000.0


class Budget(msgspec.Struct, frozen=True):
    """What a brand may cost in false alarms, in thousandths a month (of thirty days)."""

    pages_milli: int = 1_000
    notices_milli: int = 3_000

    def share(self, share_milli: int) -> "Budget":
        """A part of it, for a detector that shares it with others.

        >>> Budget().share(250)
        Budget(pages_milli=250, notices_milli=750)
        """
        return Budget(max(1, self.pages_milli * share_milli // 1000), max(1, self.notices_milli * share_milli // 1000))


class Prior(NamedTuple):
    """What is believed of a brand's days before any was seen: median and scale of their greatest score, in milli-units,
    and for how many days this belief counts."""

    median: float
    scale: float
    days: int = 14


class Row(NamedTuple):
    """Incidents in a row that nobody took: the day of the first, the score they teach, the most they may, and whether
    somebody said of one that it was a false alarm."""

    day: int = -DAYS_KEPT
    score: int = 0
    cap: int = 0
    said: bool = False

    def holds(self, day: int) -> bool:
        """Whether what comes on a day belongs to it."""
        return day < self.day + ROW_DAYS

    @property
    def besieged(self) -> bool:
        """Whether it is a siege's: then they teach nothing."""
        return not self.cap


class Extremes:
    """The greatest score of each ordinary day of one brand, and the threshold that a budget asks for.

    Scores are noted when they are given, at the cadence at which they decide, and counted when their minute is over
    and was ordinary. What an incident brought waits for its end: a human who took it makes it a crisis, as its lasting
    longer than chance does, and nothing is learnt; any other counts as one false alarm.

    >>> extremes = Extremes(Prior(4000, 1000))
    >>> cold = extremes.threshold(1000)
    >>> for day in range(30):
    ...     extremes.note(day * DAY_MS, 2500 + day % 10 * 100)
    ...     extremes.close(day * DAY_MS, ordinary=True)
    >>> cold, extremes.threshold(1000) < cold, extremes.threshold(4000) < extremes.threshold(500)
    (6708, True, True)
    """

    __slots__ = ("_day", "_held", "_noted", "_ordered", "_past", "_row", "_tail_held", "_thresholds", "_today", "prior")

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self._day = -1
        self._today = 0
        self._past: list[int] = []
        self._ordered: list[int] = []
        """The same by size."""
        self._noted: dict[int, int] = {}
        """Greatest score by minute that is still open."""
        self._held = 0
        """Greatest score of the incident under way."""
        self._row = Row()
        self._thresholds: dict[int, int] = {}
        self._tail_held: tuple[float, float] | None = None

    def note(self, minute_ms: int, score: int) -> None:
        """A score that was given in a minute (by its start)."""
        if score > self._noted.get(minute_ms, 0):
            self._noted[minute_ms] = score

    def close(self, minute_ms: int, *, ordinary: bool) -> None:
        """A minute left the open ones: what was noted up to it is learnt, or held if it belongs to an incident."""
        score = 0
        if self._noted:
            over = [minute for minute in self._noted if minute <= minute_ms]
            for minute in over:
                score = max(score, self._noted.pop(minute))
        if ordinary:
            self._see(minute_ms, score)
        else:
            self._held = max(self._held, score)

    def judged(self, verdict: Verdict) -> None:
        """The incident under way ended. What was noted in minutes that are still open is its own: most incidents end
        before their minutes do.

        Of several that nobody took within three days the greatest counts: else a row of floods would teach, each a
        little more, that nothing is worth a page. A siege begins three days of its own: what came before it in its row,
        what comes within them and the wild days among them teach nothing, for what goes on for so long is no chance.
        Who calls one before or after it a false alarm is believed.
        """
        held = max(self._held, *self._noted.values(), 0)
        self._held = 0
        self._noted.clear()
        if verdict == "taken" or not held:
            return
        row = self._row
        if not row.holds(self._day) or (row.besieged and verdict == "false_alarm"):
            row = Row(self._day, 0, self.threshold(PAGE_RATE_MILLI) * ROW_CAP_MILLI // 1000)
        elif row.score in self._past and not row.besieged and not (verdict == "siege" and row.said):
            self._past.remove(row.score)
            self._reckon()
        if verdict == "siege":
            self._row = Row(self._day)
        elif not row.besieged:
            said = row.said or verdict == "false_alarm"
            self._row = row._replace(score=max(row.score, min(held, row.cap)), said=said)
            self._push(self._row.score)

    def _see(self, at_ms: int, score: int) -> None:
        day = at_ms // DAY_MS
        if day != self._day:
            besieged = self._row.holds(self._day) and self._row.besieged
            if self._day >= 0 and not (besieged and self._today > self._tail()[0]):
                self._push(self._today)
            self._day, self._today = day, 0
        if score > self._today:
            self._today = min(score, self.threshold(PAGE_RATE_MILLI) * CAP_MILLI // 1000)

    def _push(self, score: int) -> None:
        self._past = [*self._past, score][-DAYS_KEPT:]
        self._reckon()

    def _reckon(self) -> None:
        self._ordered = sorted(self._past)
        self._thresholds = {}
        self._tail_held = None

    @property
    def days(self) -> int:
        """How many days were learnt."""
        return len(self._past)

    def threshold(self, rate_milli: int) -> int:
        """The score (milli-units) that is exceeded on so many days a month, in thousandths of a day."""
        held = self._thresholds.get(rate_milli)
        if held is None:
            wanted = rate_milli / 1000 / MONTH_DAYS * (len(self._past) + self.prior.days)
            low, high = 0.0, FURTHEST
            for _ in range(ITERATIONS):
                middle = (low + high) / 2
                if self._days_beyond(middle) > wanted:
                    low = middle
                else:
                    high = middle
            held = self._thresholds[rate_milli] = max(1, math.floor(high))
        return held

    def chance_milli(self, score: int) -> int:
        """On how many days a month (thousandths) this brand reaches such a score without a crisis."""
        days = len(self._past) + self.prior.days
        return math.floor(self._days_beyond(score) / days * MONTH_DAYS * 1000)

    def _days_beyond(self, score: float) -> float:
        """How many days go beyond a score, of those that were seen and those that the prior stands for."""
        median, scale = self._tail()
        seen = self._seen_beyond(score)
        tail = 0.5 * math.exp(-(score - median) / scale) if score > median else 1.0
        return seen + self.prior.days * tail

    def _seen_beyond(self, score: float) -> int:
        return len(self._ordered) - bisect_right(self._ordered, score)

    def _tail(self) -> tuple[float, float]:
        """Where the tail of a day's greatest score begins, and its scale: the brand's own, shrunk to the prior."""
        if self._tail_held is None:
            self._tail_held = self._fitted()
        return self._tail_held

    def _fitted(self) -> tuple[float, float]:
        """The median, and the mean of what lies beyond it."""
        prior, ordered = self.prior, self._ordered
        if not ordered:
            return prior.median, prior.scale
        median = float(ordered[len(ordered) // 2])
        beyond = [day - median for day in ordered if day > median]
        scale = sum(beyond) / len(beyond) if beyond else prior.scale
        weight = len(ordered) / (len(ordered) + prior.days)
        shrunk = weight * scale + (1.0 - weight) * prior.scale
        return weight * median + (1.0 - weight) * prior.median, max(LEAST_SCALE, shrunk)

    def snapshot(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "day": self._day,
            "today": self._today,
            "past": list(self._past),
            "noted": sorted(self._noted.items()),
            "held": self._held,
            "row": list(self._row),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], prior: Prior) -> Self:
        """The inverse of `snapshot`."""
        extremes = cls(prior)
        extremes._day, extremes._today, extremes._held = state["day"], state["today"], state["held"]
        extremes._row = Row(*state.get("row", ()))
        extremes._past = list(state["past"])
        extremes._ordered = sorted(extremes._past)
        extremes._noted = dict(state["noted"])
        return extremes


class HeavyExtremes(Extremes):
    """The same for scores of which the wildest days go far beyond all others: the greatest of one month foretells
    little of the next month's.

    What lies in the wildest fifth of days is generalized Pareto with a shape of a quarter, and days that were seen
    beyond a score are not counted one by one: so a rate is met that no day of the past has shown yet, and a single wild
    day moves a threshold little.
    Source: Pickands 1975, *Statistical inference using extreme order statistics*, Ann. Statist. 3(1), p. 119-131.

    >>> calm, burst = HeavyExtremes(Prior(3500, 1400, 7)), HeavyExtremes(Prior(3500, 1400, 7))
    >>> for day in range(40):
    ...     for one, often in ((calm, 40), (burst, 6)):
    ...         one.note(day * DAY_MS, 8000 if day % often == often - 1 else 2000)
    ...         one.close(day * DAY_MS, ordinary=True)
    >>> calm.threshold(1000) < 6500 < burst.threshold(1000) < burst.threshold(500)
    True
    """

    __slots__ = ()

    def _days_beyond(self, score: float) -> float:
        start, scale = self._tail()
        days = len(self._past) + self.prior.days
        if score <= start:
            return float(days)
        beyond = self._seen_beyond(start) + WILDEST * self.prior.days
        left = 1.0 + SHAPE * (score - start) / scale
        return beyond / (left * left * left * left)  # to the power of 1 / SHAPE

    def _fitted(self) -> tuple[float, float]:
        prior, ordered = self.prior, self._ordered
        believed = prior.median + prior.scale * math.log(0.5 / WILDEST)
        if not ordered:
            return believed, prior.scale
        weight = len(ordered) / (len(ordered) + prior.days)
        start = weight * ordered[int(len(ordered) * (1.0 - WILDEST))] + (1.0 - weight) * believed
        beyond = [day - start for day in ordered if day > start]
        scale = (PRIOR_EXCESSES * prior.scale + (1.0 - SHAPE) * sum(beyond)) / (PRIOR_EXCESSES + len(beyond))
        return start, max(LEAST_SCALE, scale)
