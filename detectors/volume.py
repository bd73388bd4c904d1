"""Far more posts than this brand usually has."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from detectors.baseline import (
    PAGE_SCORE,
    POISSON_VARIANCE,
    SETTLED_MS,
    WARM_UP_MS,
    DailyMaxima,
    Level,
    Rhythm,
    milli,
    score_of,
    tail_z,
    weight_of,
)
from detectors.detector import NOTICE, Signal, SignalKind
from stream.codec import HOUR_MS, MINUTE_MS
from stream.sketches import distinct
from stream.window import ClosedMinute, Window, floor

FEWEST_POSTS = 8
"""Below this many posts nothing is a crowd."""
FEWEST_VOICES = 3
SMALL_MEAN = 5.0
"""Expecting fewer posts than this, the tail of the count must agree with the z of its root."""
LEAST_MEAN = 0.05
UNKNOWN_DAY = 0.35
"""How far the root may swing over a day that was not seen yet: a peak of four times the night is ordinary."""
THRESHOLD_MILLI = 6_000
"""z from which on a brand with tame days is told; a brand with wild days has a threshold of its own."""
DAYS_BELOW_MILLI = 900
PAGE_RATIO_MILLI = 1_200


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What one window shows: `z` and threshold in milli-units."""

    span_ms: int
    posts: int
    expected: int
    z: int
    threshold: int

    @property
    def ratio(self) -> int:
        """z against the threshold, in milli-units; too few posts never reach it."""
        ratio = self.z * 1000 // self.threshold
        return ratio if self.posts >= FEWEST_POSTS else min(ratio, 999)


class VolumeSurge:
    """Signal when the last 5, 15 or 60 minutes hold far more posts than is usual, by this brand's own past extremes.

    The root of the count is compared with its exponential mean (half-life four days), in standard deviations that
    are never below chance; the threshold is what the highest score of a day stayed below on nine days of ten, and
    at least 6. A sum of open minutes only grows until it slides on, so it may fire before its minute is over.

    Silent for the first six learnt hours; until three days are learnt, a day's swing that was not seen yet counts
    as uncertainty. Does not look at sentiment. One account posting a thousand times, or one text posted by many, does
    not page: the deviation must hold with each voice and each text counted once. Unknown authors do not block.

    Source: reference points and calibration in docs/backtests; NAB's realTweets (Lavin & Ahmad 2015).
    """

    kind: ClassVar[SignalKind] = "volume"

    def __init__(self, bucket_ms: int = MINUTE_MS) -> None:
        self.bucket_ms = bucket_ms
        self.step_ms = bucket_ms * max(1, -(-5 * MINUTE_MS // bucket_ms))
        """Learning goes by steps of five minutes (or the bucket, where that is longer)."""
        spans = {self.step_ms, *(self.step_ms * max(1, m * MINUTE_MS // self.step_ms) for m in (15, 60))}
        self.spans_ms: tuple[int, ...] = tuple(sorted(spans))
        self._weight = weight_of(self.step_ms)
        self._warm = -(-WARM_UP_MS // self.step_ms)
        self._settled = SETTLED_MS // self.step_ms
        self._levels = [Level() for _ in self.spans_ms]
        self._maxima = [DailyMaxima() for _ in self.spans_ms]
        self._rhythm = Rhythm()
        self._steps: list[int] = []
        """Posts of the last whole steps that were learnt without a gap, oldest first."""
        self._open = 0
        self._next_ms = -1
        """Start of the minute that would continue the step under way (-1: wait for a step to begin)."""
        self._active = False

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The finding of the window that stands out most, or `None`."""
        reading = self.reading(window)
        self._active = reading is not None and reading.ratio >= 1000
        if reading is None or reading.ratio < 1000:
            return None
        return self._finding(window, reading)

    def reading(self, window: Window) -> Reading | None:
        """The window that stands out most, finding or not; `None` while warming up."""
        if not self.warm:
            return None
        best: Reading | None = None
        best_ratio = -1
        for index, span_ms in enumerate(self.spans_ms):
            reading = self._read(index, window.tally(span_ms).mentions, window.at_ms)
            ratio = reading.ratio
            if ratio > best_ratio:
                best, best_ratio = reading, ratio
        return best

    @property
    def warm(self) -> bool:
        """Whether six hours were learnt."""
        return self._levels[0].learnt >= self._warm

    def expected_per_hour(self, at_ms: int) -> int:
        """Posts to be expected in the hour that ends at a time; 0 while nothing is known."""
        span_ms = self.spans_ms[-1]
        return round(self._usual(len(self.spans_ms) - 1, at_ms)[2] * HOUR_MS / span_ms)

    def due_ms(self, window: Window) -> int | None:
        """While a finding lasts: when the next minute slides out of view."""
        return floor(window.at_ms - 1, window.bucket_ms) + window.bucket_ms + 1 if self._active else None

    def _usual(self, index: int, end_ms: int) -> tuple[float, float, float]:
        """Usual root, its standard deviation and the usual count of a span that ends at a time."""
        level = self._levels[index]
        root, variance = level.root, level.variance
        if self._rhythm.used:
            root *= self._rhythm.factor(end_ms - self.spans_ms[index] // 2)
            variance = level.rhythm_variance
        mean = root * root + variance
        variance = max(variance, POISSON_VARIANCE)
        if level.learnt < self._settled:
            swing = UNKNOWN_DAY * (1.0 - level.learnt / self._settled) * root
            variance += swing * swing
        return root, math.sqrt(variance), mean

    def _z(self, index: int, posts: int, end_ms: int) -> tuple[int, float]:
        root, spread, mean = self._usual(index, end_ms)
        z = (math.sqrt(posts) - root) / spread
        if mean < SMALL_MEAN and z > 2.0:
            level = self._levels[index]
            counted = max(0.0, level.fourth - level.mean * level.mean)
            z = min(z, tail_z(posts, max(mean, LEAST_MEAN), counted))
        return milli(z), mean

    def _read(self, index: int, posts: int, end_ms: int) -> Reading:
        z, mean = self._z(index, posts, end_ms)
        threshold = max(THRESHOLD_MILLI, self._maxima[index].quantile_milli(DAYS_BELOW_MILLI))
        return Reading(self.spans_ms[index], posts, round(mean), z, threshold)

    def _finding(self, window: Window, reading: Reading) -> Signal:
        counts = window.counts(reading.span_ms)
        voices, texts = distinct(counts.authors), distinct(counts.texts)
        score = score_of(reading.ratio, 1000, PAGE_RATIO_MILLI)
        if not self._holds_without_repeats(window, reading, voices, texts):
            score = min(score, PAGE_SCORE - 1)
        if 0 < voices < FEWEST_VOICES:
            score = min(score, NOTICE - 1)
        return Signal(
            kind="volume",
            score=score,
            page=score >= PAGE_SCORE,
            observed=reading.posts,
            expected=reading.expected,
            since_ms=_since(window, reading),
            window_ms=reading.span_ms,
            evidence={
                "window_minutes": reading.span_ms // MINUTE_MS,
                "ratio_milli": reading.posts * 1000 // max(1, reading.expected),
                "voices": voices,
                "texts": texts,
                "loudest_posts": window.loudest_voice(reading.span_ms),
                "z_milli": reading.z,
                "threshold_milli": reading.threshold,
            },
        )

    def _holds_without_repeats(self, window: Window, reading: Reading, voices: int, texts: int) -> bool:
        """Whether it would still be a finding if each voice, and each text, had posted once."""
        index = self.spans_ms.index(reading.span_ms)
        known = [count for count in (voices, texts) if count > 0]
        return all(self._read(index, min(count, reading.posts), window.at_ms).ratio >= 1000 for count in known)

    # -- learning --------------------------------------------------------------------------------------------------

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute; one that is incomplete or not allowed leaves a gap that no span reaches across."""
        pulse = closed.pulse
        start_ms, end_ms = pulse.start_ms, pulse.end_ms
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
        self._open += pulse.counts.mentions
        if end_ms % self.step_ms == 0:
            self._learn_step(end_ms)

    def _learn_step(self, end_ms: int) -> None:
        steps = self._steps
        steps.append(self._open)
        self._open = 0
        if len(steps) > self.spans_ms[-1] // self.step_ms:
            del steps[0]
        warm, known = self.warm, self._rhythm.known
        for index, span_ms in enumerate(self.spans_ms):
            width = span_ms // self.step_ms
            if len(steps) < width:
                return
            count = steps[-1] if width == 1 else sum(steps[-width:])
            if warm:
                self._maxima[index].see(end_ms - 1, self._z(index, count, end_ms)[0] if count else 0)
            level = self._levels[index]
            usual = level.root * self._rhythm.factor(end_ms - span_ms // 2) if known else None
            if span_ms == HOUR_MS and end_ms % HOUR_MS == 0:
                self._rhythm.learn(end_ms - HOUR_MS, math.sqrt(count), level.root)
            level.learn(count, self._weight, usual, clip=warm)

    # -- state -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {
            "bucket_ms": self.bucket_ms,
            "levels": [level.snapshot() for level in self._levels],
            "maxima": [days.snapshot() for days in self._maxima],
            "rhythm": self._rhythm.snapshot(),
            "steps": list(self._steps),
            "open": self._open,
            "next_ms": self._next_ms,
            "active": self._active,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        self = cls(state["bucket_ms"])
        self._levels = [Level.restore(s) for s in state["levels"]]
        self._maxima = [DailyMaxima.restore(s) for s in state["maxima"]]
        self._rhythm = Rhythm.restore(state["rhythm"])
        self._steps = list(state["steps"])
        self._open = state["open"]
        self._next_ms = state["next_ms"]
        self._active = state["active"]
        return self


def _since(window: Window, reading: Reading) -> int:
    """Start of the first minute of the span that stands out by itself: twice the usual, and what chance adds."""
    usual = reading.expected * window.bucket_ms // reading.span_ms
    standing_out = 2 * usual + 3 * math.isqrt(usual) + 1
    for start in window.starts(reading.span_ms):
        minute = window.minutes.get(start)
        if minute is not None and minute.counts.mentions >= standing_out:
            return start
    return window.starts(reading.span_ms)[0]
