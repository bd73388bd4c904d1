"""Far more posts than this brand usually has."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from detectors.baseline import PAGE_SCORE, score_between
from detectors.budget import Budget, Prior, Verdict
from detectors.detector import NOTICE, Signal, SignalKind, Standing
from detectors.surge import OPEN_MS, Reading, Surge
from stream.codec import HOUR_MS, MINUTE_MS
from stream.window import ClosedMinute, Window, floor

FEWEST_POSTS = 8
"""Below this many posts nothing is a crowd."""
FEWEST_VOICES = 3
SPIKE_PRIOR = Prior(median=5_000.0, scale=1_200.0)
SLOW_PRIOR = Prior(median=3_000.0, scale=700.0)
"""A median of 5 standard deviations is what the wildest of the back-test's brands have on an ordinary day."""


class VolumeSurge:
    """Signal when the last 1, 5, 15, 60 minutes or 6 hours hold far more posts than is usual for this brand.

    See `detectors.surge` for what is far and `detectors.budget` for what that costs. A sum of open minutes only grows
    until it slides on, so it may fire before its minute is over.

    Does not look at sentiment. One account posting a thousand times, or one text posted by many, does not page: the
    deviation must hold with each voice and each text counted once. Unknown authors do not block.

    Source: reference points and calibration in docs/backtests; NAB's realTweets (Lavin & Ahmad 2015).
    """

    kind: ClassVar[SignalKind] = "volume"

    def __init__(self, bucket_ms: int = MINUTE_MS) -> None:
        self.bucket_ms = bucket_ms
        self._surge = Surge(SPIKE_PRIOR, SLOW_PRIOR, FEWEST_POSTS, bucket_ms)
        self._active = False

    @property
    def budget(self) -> Budget:
        """What this detector may cost. Set by whoever knows the brand's; no part of the state."""
        return self._surge.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._surge.budget = budget

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The finding of the window that stands out most, or `None`."""
        reading = self.reading(window)
        self._active = reading is not None and reading.z >= reading.notice
        return self._finding(window, reading) if reading is not None and self._active else None

    def reading(self, window: Window) -> Reading | None:
        """The window that stands out most, finding or not; `None` while warming up."""
        if not self._surge.warm:
            return None
        reading = self._surge.look(window)
        self._surge.note(reading, window)
        return reading

    def standing(self, window: Window) -> Standing:
        """How far it is from a notice. Changes nothing."""
        if not self._surge.warm:
            return Standing("volume", warm=False)
        reading = self._surge.look(window)
        if reading.ratio >= 1000:
            score = self._finding(window, reading).score
        else:
            score = score_between(reading.z, reading.notice, reading.page)
        return Standing("volume", score, reading.z, reading.notice, reading.page, reading.span_ms)

    @property
    def surge(self) -> Surge:
        """What is usual, and how far: to be read."""
        return self._surge

    @property
    def warm(self) -> bool:
        """Whether six hours were learnt."""
        return self._surge.warm

    def expected_per_hour(self, at_ms: int) -> int:
        """Posts to be expected in the hour that ends at a time; 0 while nothing is known."""
        spans = self._surge.spans_ms
        span_ms = HOUR_MS if HOUR_MS in spans else spans[0]
        return round(self._surge.expected(span_ms, at_ms) * HOUR_MS / span_ms)

    def due_ms(self, window: Window) -> int | None:
        """While a finding lasts: when the next minute slides out of view."""
        return floor(window.at_ms - 1, window.bucket_ms) + window.bucket_ms + 1 if self._active else None

    def _finding(self, window: Window, reading: Reading) -> Signal:
        span_ms = min(reading.span_ms, OPEN_MS)
        open_posts = window.tally(span_ms).mentions
        voices, texts = window.distinct(span_ms, "authors"), window.distinct(span_ms, "texts")
        score = score_between(reading.z, reading.notice, reading.page)
        # Of the slow burn's window only the open minutes say who posted: their share stands for the whole.
        for known in (voices, texts):
            if 0 < known < open_posts:
                once = known * reading.count // open_posts
                if not self._surge.stands_out(reading, once, window):
                    score = min(score, PAGE_SCORE - 1)
        if 0 < voices < FEWEST_VOICES:
            score = min(score, NOTICE - 1)
        return Signal(
            kind="volume",
            score=score,
            page=score >= PAGE_SCORE,
            observed=reading.count,
            expected=reading.expected,
            since_ms=_since(window, reading),
            window_ms=reading.span_ms,
            evidence={
                "window_minutes": reading.span_ms // MINUTE_MS,
                "ratio_milli": reading.count * 1000 // max(1, reading.expected),
                "voices": voices,
                "texts": texts,
                "loudest_posts": window.loudest_voice(span_ms),
                "z_milli": reading.z,
                "threshold_milli": reading.notice,
                "page_threshold_milli": reading.page,
                "chance_milli": self._surge.chance_milli(reading),
            },
        )

    # -- learning --------------------------------------------------------------------------------------------------

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute; one that is incomplete or not allowed leaves a gap that no span reaches across."""
        self._surge.learn(closed, allowed=allowed)

    def judged(self, verdict: Verdict) -> None:
        """The incident under way ended; see `detectors.budget.Extremes`."""
        self._surge.judged(verdict)

    # -- state -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {"bucket_ms": self.bucket_ms, "surge": self._surge.snapshot(), "active": self._active}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        self = cls(state["bucket_ms"])
        self._surge.resume(state["surge"])
        self._active = state["active"]
        return self


def _since(window: Window, reading: Reading) -> int:
    """Start of the first minute of the span that stands out by itself: twice the usual, and what chance adds."""
    usual = reading.expected * window.bucket_ms // reading.span_ms
    standing_out = 2 * usual + 3 * math.isqrt(usual) + 1
    span_ms = min(reading.span_ms, max(OPEN_MS, window.bucket_ms))
    found = window.first_start(span_ms, f"posts {standing_out}", lambda counts: counts.mentions >= standing_out)
    return window.starts(reading.span_ms)[0] if found is None else found
