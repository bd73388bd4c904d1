"""Counts without posts: the volume detector over a plain series, as `tocsin detect` reads it."""

import math

from detectors.baseline import PAGE_SCORE
from detectors.budget import Budget
from detectors.detector import NOTICE
from detectors.volume import VolumeSurge
from stream.codec import DAY_MS, MINUTE_MS
from stream.pulse import Counts, Pulse
from stream.window import OPEN_MINUTES, ClosedMinute, OpenMinute, Window

EPISODE_MS = DAY_MS
"""What stays beyond the threshold for a day after it was told is the same episode."""
MARKEDLY_MILLI = 1_350
"""... unless it grows by a third: a small blip must not silence the real event."""
LARGEST_COUNT = 2**53


class CountsDetector:
    """Feeds one row after the other to the same `VolumeSurge` as the service has, and tells an episode once.

    Causal: a row's answer depends on the rows up to it. Authors are unknown here and block nothing. A spike teaches
    the baseline no more than three standard deviations, since nobody is here to say what was a crisis.

    >>> detector = CountsDetector(5 * MINUTE_MS)
    >>> quiet = [detector.row(i * 300_000, 10 + i % 3) for i in range(1200)]
    >>> max(score for score, page in quiet) < 500
    True
    >>> detector.row(1200 * 300_000, 300), detector.row(1201 * 300_000, 300)[0] < 500
    ((936, True), True)
    """

    def __init__(self, interval_ms: int, budget: Budget = Budget()) -> None:  # noqa: B008 - it never changes
        if interval_ms <= 0:
            raise ValueError(f"an interval is at least a millisecond, not {interval_ms}")
        self.interval_ms = interval_ms
        self._volume = VolumeSurge(interval_ms)
        self._volume.budget = budget
        self._window = Window(bucket_ms=interval_ms)
        self._open_ms = max(OPEN_MINUTES * MINUTE_MS, interval_ms)
        self._phase_ms: int | None = None
        self._told_ms: int | None = None
        self._told_ratio = 0
        self._told_posts = 0
        """The greatest row of the episode when it was last told."""
        self._paged = False
        """Whether the episode paged."""

    @property
    def at_ms(self) -> int:
        """The end of the last interval that was taken in; a row that leaves it where it was counted for nothing."""
        return self._window.at_ms

    def row(self, timestamp_ms: int, value: float) -> tuple[int, bool]:
        """Score (milli-units; 500 or more exactly where an episode is told) and whether it would page.

        A row that is no count (NaN, infinite, negative), or not later than the one before, scores 0 and is not
        learnt; its interval counts as missing.
        """
        if self._phase_ms is None:
            self._phase_ms = timestamp_ms % self.interval_ms
        # To the nearest interval: sources are late by seconds, and early by seconds the next time.
        start_ms = timestamp_ms - self._phase_ms + self.interval_ms // 2
        start_ms -= start_ms % self.interval_ms
        end_ms = start_ms + self.interval_ms
        if end_ms <= self._window.at_ms or not math.isfinite(value) or not 0 <= value <= LARGEST_COUNT:
            return 0, False
        window = self._window
        window.minutes[start_ms] = OpenMinute(counts=Counts(mentions=round(value)))
        window.at_ms = end_ms
        answer = self._told(end_ms, round(value))
        self._learn(end_ms - self._open_ms)
        return answer

    def _told(self, at_ms: int, posts: int) -> tuple[int, bool]:
        found = self._volume.score_one(self._window)
        reading = self._volume.reading(self._window)
        if reading is None:
            return 0, False
        ratio = max(0, reading.ratio)
        score = found.score if found is not None else min(ratio // 2, NOTICE - 1)
        if score < NOTICE:
            return score, False
        fresh = self._told_ms is None or at_ms - self._told_ms >= EPISODE_MS
        page = score >= PAGE_SCORE
        # Longer windows fill while a burst stands still: only a row above those that were told is a stronger event, or
        # the first that would page.
        stronger = ratio * 1000 >= self._told_ratio * MARKEDLY_MILLI and posts > self._told_posts
        if not fresh and not stronger and not (page and not self._paged):
            return NOTICE - 1, False
        self._told_posts = posts if fresh else max(posts, self._told_posts)
        self._paged = page or (self._paged and not fresh)
        self._told_ms, self._told_ratio = at_ms, ratio
        return score, page

    def _learn(self, horizon_ms: int) -> None:
        minutes = self._window.minutes
        for start_ms in [start for start in minutes if start < horizon_ms]:
            counts = minutes.pop(start_ms).counts
            pulse = Pulse(start_ms=start_ms, end_ms=start_ms + self.interval_ms, counts=counts)
            self._volume.learn_one(ClosedMinute(pulse), allowed=True)
        self._window.learnt_ms = horizon_ms  # what is gone is gone for the window too
