"""How far the number of posts stands out: over minutes and hours at once, against a brand's past and wildest days."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from detectors.baseline import (
    POISSON_VARIANCE,
    SETTLED_MS,
    WARM_UP_MS,
    Level,
    Rhythm,
    milli,
    tail_z,
    weight_of,
)
from detectors.budget import MONTH_DAYS, Budget, Extremes, Prior, Verdict
from detectors.crowd import WILDNESS_HALF_LIFE_MS, Crowd, Wildness
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.window import OPEN_MINUTES, ClosedMinute, Window

SMALL_MEAN = 5.0
"""Expecting fewer than this, the tail of the count must agree with the z of its root."""
LEAST_MEAN = 0.05
UNKNOWN_DAY = 0.35
"""How far the root may swing over a day that was not seen yet: a peak of four times the night is ordinary."""
SPANS_MINUTES = (5, 15, 60, 360)
"""Beside the bucket itself. The last is the slow burn's: half the usual again for six hours is as rare as ten times for
five minutes."""
SPIKE_SHARE_MILLI = 770
"""Of the budget; the slow burn has the rest."""
STILL_BURNING = 6
"""Of a slow burn a sixth at least must have come in the quarter of its window that is still open."""
OPEN_MS = OPEN_MINUTES * MINUTE_MS


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What one span shows: `z`, and the z of a notice and of a page, in milli-units."""

    span_ms: int
    count: int
    expected: int
    z: int
    notice: int
    page: int
    slow: bool = False

    @property
    def ratio(self) -> int:
        """z against the notice's, in milli-units."""
        return self.z * 1000 // self.notice


class Band(msgspec.Struct, frozen=True, gc=False):
    """What a span usually holds, to be shown."""

    mean: float
    lower: int
    """Two standard deviations of the root below what is usual ..."""
    upper: int
    """... and above it."""
    notice: int
    """From so many posts on it is worth a notice; where few are usual it may take more."""


class Moment:
    """What the looks of one bucket are held against: worked out at need, once, and never snapshotted."""

    __slots__ = ("asked_ms", "burns", "crowds", "last_ms", "spikes", "usuals")

    def __init__(self, last_ms: int, spikes: tuple[int, int], burns: tuple[int, int]) -> None:
        self.last_ms = last_ms
        self.asked_ms = -1
        """The grid point at which somebody last asked for it."""
        self.spikes = spikes
        """z of a notice and of a page, ..."""
        self.burns = burns
        """... and those of the slow burn."""
        self.usuals: dict[int, tuple[float, float, float]] = {}
        """By span (its place): usual root, its standard deviation, usual count."""
        self.crowds: dict[int, Crowd] = {}
        """By span: what a count says of a crowd."""


class Surge:
    """Posts over 1, 5, 15, 60 minutes and 6 hours.

    The root of the count is compared with its exponential mean (half-life four days), in standard deviations that
    are never below chance. How many of those are a notice or a page is a question of the budget: see
    `detectors.budget`. Silent for the first six learnt hours; until three days are learnt, a day's swing that was not
    seen yet counts as uncertainty.
    """

    def __init__(self, spike: Prior, slow: Prior, fewest: int, bucket_ms: int = MINUTE_MS) -> None:
        self.fewest = fewest
        """Below so many nothing stands out."""
        self.bucket_ms = bucket_ms
        self.step_ms = bucket_ms * max(1, -(-5 * MINUTE_MS // bucket_ms))
        """Learning goes by steps of five minutes (or the bucket, where that is longer)."""
        steps = {self.step_ms * max(1, m * MINUTE_MS // self.step_ms) for m in SPANS_MINUTES}
        self.spans_ms: tuple[int, ...] = tuple(sorted({bucket_ms, *steps}))
        self.slow = len(self.spans_ms) - 1
        self._slow_steps = self.spans_ms[-1] // self.step_ms
        self._step_weight = weight_of(self.step_ms, WILDNESS_HALF_LIFE_MS)
        self._hour_weight = weight_of(HOUR_MS)
        self._far_steps = self._slow_steps - max(1, OPEN_MS // self.step_ms)
        """Steps of the slow burn's window that are no longer open."""
        self.budget = Budget()
        self._learnt_ms = 0
        self._levels = [Level() for _ in self.spans_ms]
        self.spikes, self.burns = Extremes(spike), Extremes(slow)
        self._rhythm = Rhythm()
        self._wild = [Wildness() for _ in self.spans_ms]
        self._talking = 1.0
        """The share of hours in which anybody posts. Where few are, as many as come in one of those are no crowd."""
        self._steps: list[int] = []
        """Counts of the last whole steps that were learnt without a gap, oldest first."""
        self._open = 0
        self._next_ms = -1
        """Start of the minute that would continue the step under way (-1: wait for a step to begin)."""
        self._recent: list[int] = []
        """Counts of the last whole steps, learnt or not, oldest first: the far end of the slow burn's window."""
        self._recent_open = 0
        self._recent_ms = -1
        self._far = -1
        """Posts of the whole steps at the far end of that window (-1: not known). Found at need, never snapshotted."""
        self._places = {span_ms: index for index, span_ms in enumerate(self.spans_ms)}
        self._moment: Moment | None = None
        """Of the bucket that was last looked at. As `_far`."""

    @property
    def budget(self) -> Budget:
        """What this count may cost. Set by whoever knows the brand's; no part of the state."""
        return self._budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._budget = budget
        self._shares = budget.share(SPIKE_SHARE_MILLI), budget.share(1000 - SPIKE_SHARE_MILLI)
        self._moment = None

    @property
    def rhythm(self) -> Rhythm:
        """The day's rhythm, as far as it is known."""
        return self._rhythm

    @property
    def warm(self) -> bool:
        """Whether six hours were learnt."""
        return self._learnt_ms >= WARM_UP_MS

    @property
    def learnt_ms(self) -> int:
        """How much was learnt."""
        return self._learnt_ms

    # -- reading ---------------------------------------------------------------------------------------------------

    def look(self, window: Window) -> Reading:
        """The span that stands out most now, finding or not; of equals the shortest."""
        moment = self.moment(window)
        best, best_z, best_count = self.slow - 1, 0, 0
        for index in range(self.slow - 1, -1, -1):
            count = window.tally(self.spans_ms[index]).mentions
            if count < self.fewest:
                break  # each holds the next one: that has too few as well
            z = self._z(index, count, moment)
            if z >= best_z and z > 0:
                best, best_z, best_count = index, z, count
        burning = self.six_hours(window)
        slow_z = self._z(self.slow, burning, moment) if burning >= self.fewest else 0
        if slow_z * moment.spikes[0] > best_z * moment.burns[0]:
            return self._reading(self.slow, burning, slow_z, moment)
        return self._reading(best, best_count, best_z, moment)

    def moment(self, window: Window) -> Moment:
        """What is usual in the bucket under way, for as long as nothing is learnt."""
        moment = self._moment
        if moment is not None and moment.asked_ms == window.at_ms:
            return moment
        last_ms = window.last_ms
        if moment is None or moment.last_ms != last_ms:
            moment = self._moment = Moment(last_ms, self._thresholds(slow=False), self._thresholds(slow=True))
        moment.asked_ms = window.at_ms
        return moment

    def stands_out(self, reading: Reading, count: int, window: Window) -> bool:
        """Whether the same span were worth a notice, had it held another count."""
        index = self._places[reading.span_ms]
        return count >= self.fewest and self._z(index, count, self.moment(window)) >= reading.notice

    def note(self, reading: Reading, window: Window) -> None:
        """Keep a look that was given: the threshold follows what ordinary days bring at the cadence of the looks."""
        (self.burns if reading.slow else self.spikes).note(window.last_ms, reading.z)

    def chance_milli(self, reading: Reading) -> int:
        """On how many days a month (thousandths) such a z comes by chance at this brand."""
        return (self.burns if reading.slow else self.spikes).chance_milli(reading.z)

    def rate_milli(self, span_ms: int, count: int, window: Window) -> int:
        """How often a month (thousandths) a span holds as many by chance.

        Of what is ordinary there are as many chances as there are spans in a month; of what is not, as many as this
        brand has days that went so far.
        """
        index = self._places[span_ms]
        z = self._z(index, count, self.moment(window))
        often = MONTH_DAYS * DAY_MS / span_ms * 0.5 * math.erfc(z / 1000 / math.sqrt(2.0))
        days = (self.burns if index == self.slow else self.spikes).chance_milli(z)
        return max(days, milli(often))

    def likelier(self, span_ms: int, count: int, moment: Moment) -> list[float]:
        """How much likelier a span holds so many where a crowd of each size has joined: see `detectors.crowd`."""
        crowd = moment.crowds.get(span_ms)
        if crowd is None:
            index = self._places[span_ms]
            mean = self._usual_now(index, moment)[2] / self._talking
            crowd = moment.crowds[span_ms] = Crowd(mean, self._wild[index].dispersion(mean))
        return crowd.likelier(count)

    def usual(self, span_ms: int, moment: Moment) -> float:
        """The usual count of a span that ends now."""
        return self._usual_now(self._places[span_ms], moment)[2]

    def six_hours(self, window: Window) -> int:
        """The count of the last six hours; 0 where they were not heard without a gap, or burnt out, or no three days
        were learnt: a day's tide fills six hours too.
        """
        if self._recent_ms < 0 or len(self._recent) < self._far_steps or self._learnt_ms < SETTLED_MS:
            return 0
        if self._far < 0:
            self._far = sum(self._recent[-self._far_steps :]) if self._far_steps > 0 else 0
        near = window.tally(OPEN_MS).mentions
        whole = self._far + self._recent_open + near
        return whole if near * STILL_BURNING >= whole else 0

    def band(self, span_ms: int, end_ms: int) -> Band:
        """What a span that ends at a time usually holds, and from where on it stands out."""
        root, spread, mean = self._usual(self.spans_ms.index(span_ms), end_ms)
        notice, _ = self._thresholds(slow=span_ms == self.spans_ms[self.slow])
        lower, upper, far = (max(0.0, root + z * spread) ** 2 for z in (-2.0, 2.0, notice / 1000))
        return Band(mean, math.floor(lower), math.ceil(upper), max(self.fewest, math.ceil(far)))

    def expected(self, span_ms: int, end_ms: int) -> float:
        """The usual count of a span that ends at a time; 0 while nothing is known."""
        return self._usual(self.spans_ms.index(span_ms), end_ms)[2]

    def _reading(self, index: int, count: int, z: int, moment: Moment) -> Reading:
        slow = index == self.slow
        notice, page = moment.burns if slow else moment.spikes
        mean = self._usual_now(index, moment)[2]
        return Reading(self.spans_ms[index], count, round(mean), z, notice, page, slow)

    def _thresholds(self, *, slow: bool) -> tuple[int, int]:
        """z of a notice and of a page."""
        share, extremes = (self._shares[1], self.burns) if slow else (self._shares[0], self.spikes)
        return extremes.threshold(share.notices_milli), extremes.threshold(share.pages_milli)

    def _z(self, index: int, count: int, moment: Moment) -> int:
        """How far a count of a span that ends now stands out."""
        root, spread, mean = moment.usuals.get(index) or self._usual_now(index, moment)
        z = (math.sqrt(count) - root) / spread
        if mean < SMALL_MEAN and z > 2.0:
            level = self._levels[index]
            counted = max(0.0, level.fourth - level.mean * level.mean)
            z = min(z, tail_z(count, max(mean, LEAST_MEAN), counted))
        return milli(z)

    def _usual_now(self, index: int, moment: Moment) -> tuple[float, float, float]:
        """As `_usual`, at the end of the bucket under way: the same for every look in it."""
        found = moment.usuals.get(index)
        if found is None:
            found = moment.usuals[index] = self._usual(index, moment.last_ms + self.bucket_ms)
        return found

    def _usual(self, index: int, end_ms: int) -> tuple[float, float, float]:
        """Usual root, its standard deviation and the usual count of a span that ends at a time."""
        level = self._levels[index]
        root, variance = level.root, level.variance
        if self._rhythm.used:
            root *= self._rhythm.factor(end_ms - self.spans_ms[index] // 2)
            variance = level.rhythm_variance
        mean = root * root + variance
        variance = max(variance, POISSON_VARIANCE)
        if self._learnt_ms < SETTLED_MS:
            swing = UNKNOWN_DAY * (1.0 - self._learnt_ms / SETTLED_MS) * root
            variance += swing * swing
        return root, math.sqrt(variance), mean

    # -- learning --------------------------------------------------------------------------------------------------

    def learn(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute; one that is incomplete or not allowed leaves a gap that no span reaches across."""
        pulse = closed.pulse
        start_ms, end_ms = pulse.start_ms, pulse.end_ms
        count = pulse.counts.mentions
        self._moment = None
        self._keep_recent(start_ms, end_ms, count, complete=pulse.complete, ordinary=allowed)
        if pulse.complete:
            self.spikes.close(start_ms, ordinary=allowed)
            self.burns.close(start_ms, ordinary=allowed)
        if start_ms != self._next_ms:
            self._open = 0
            self._steps.clear()
            if start_ms % self.step_ms:
                self._next_ms = -1
                return
        if not (allowed and pulse.complete):
            self._next_ms = -1
            return
        self._next_ms = end_ms
        self._open += count
        if self.spans_ms[0] < self.step_ms:
            self._learn_span(0, count, end_ms)
        if end_ms % self.step_ms == 0:
            self._learn_step(end_ms)

    def judged(self, verdict: Verdict) -> None:
        """The incident under way ended; see `detectors.budget.Extremes`."""
        self._moment = None
        self.spikes.judged(verdict)
        self.burns.judged(verdict)

    def _keep_recent(self, start_ms: int, end_ms: int, count: int, *, complete: bool, ordinary: bool) -> None:
        self._far = -1
        if start_ms != self._recent_ms or not complete:
            self._recent, self._recent_open = [], 0
            self._recent_ms = -1
            if start_ms % self.step_ms or not complete:
                return
        self._recent_ms = end_ms
        self._recent_open += count
        if end_ms % self.step_ms == 0:
            self._recent.append(self._recent_open)
            if len(self._recent) > self._slow_steps:
                del self._recent[0]
            self._recent_open = 0
            if self.warm and ordinary:
                self._learn_wildness(end_ms)

    def _learn_wildness(self, end_ms: int) -> None:
        if end_ms % HOUR_MS == 0 and len(self._recent) >= HOUR_MS // self.step_ms:
            talks = any(self._recent[-(HOUR_MS // self.step_ms) :])
            weight = max(self._hour_weight, 1.0 / (1 + self._learnt_ms / HOUR_MS))
            self._talking += weight * (talks - self._talking)
        for index, span_ms in enumerate(self.spans_ms):
            width = span_ms // self.step_ms
            if 0 < width <= len(self._recent):
                count, usual = sum(self._recent[-width:]), self._usual(index, end_ms)[2]
                self._wild[index].learn(count, usual, self._step_weight)

    def _learn_step(self, end_ms: int) -> None:
        steps = self._steps
        steps.append(self._open)
        self._open = 0
        self._learnt_ms += self.step_ms
        if len(steps) > self._slow_steps:
            del steps[0]
        for index, span_ms in enumerate(self.spans_ms):
            if span_ms < self.step_ms:
                continue
            width = span_ms // self.step_ms
            if len(steps) < width:
                return
            count = steps[-1] if width == 1 else sum(steps[-width:])
            if span_ms == HOUR_MS and end_ms % HOUR_MS == 0:
                self._rhythm.learn(end_ms - HOUR_MS, math.sqrt(count), self._levels[index].root)
            self._learn_span(index, count, end_ms)

    def _learn_span(self, index: int, count: int, end_ms: int) -> None:
        level, span_ms = self._levels[index], self.spans_ms[index]
        usual = level.root * self._rhythm.factor(end_ms - span_ms // 2) if self._rhythm.known else None
        level.learn(count, weight_of(min(span_ms, self.step_ms)), usual, clip=self.warm)

    # -- state -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {
            "learnt_ms": self._learnt_ms,
            "levels": [level.snapshot() for level in self._levels],
            "wild": [wild.snapshot() for wild in self._wild],
            "talking": self._talking.hex(),
            "spikes": self.spikes.snapshot(),
            "burns": self.burns.snapshot(),
            "rhythm": self._rhythm.snapshot(),
            "steps": list(self._steps),
            "open": self._open,
            "next_ms": self._next_ms,
            "recent": list(self._recent),
            "recent_open": self._recent_open,
            "recent_ms": self._recent_ms,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot of the same kind of surge."""
        self._learnt_ms = state["learnt_ms"]
        self._levels = [Level.restore(level) for level in state["levels"]]
        if "wild" in state:  # what was kept before wildness was learnt has none
            self._wild = [Wildness.restore(wild) for wild in state["wild"]]
            self._talking = float.fromhex(state["talking"])
        self.spikes = Extremes.restore(state["spikes"], self.spikes.prior)
        self.burns = Extremes.restore(state["burns"], self.burns.prior)
        self._rhythm = Rhythm.restore(state["rhythm"])
        self._steps, self._recent = list(state["steps"]), list(state["recent"])
        self._open, self._next_ms = state["open"], state["next_ms"]
        self._recent_open, self._recent_ms = state["recent_open"], state["recent_ms"]
        self._far, self._moment = -1, None
