"""A far greater share of negative posts than this brand usually has."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from detectors.baseline import (
    PAGE_SCORE,
    SETTLED_MS,
    WARM_UP_MS,
    WINSOR,
    DailyMaxima,
    hexed,
    milli,
    score_of,
    weight_of,
)
from detectors.crowd import AngryCrowd
from detectors.detector import Signal, SignalKind
from stream.codec import MINUTE_MS
from stream.sketches import distinct
from stream.window import ClosedMinute, Window, floor

STEP_MS = 15 * MINUTE_MS
SPANS_MS = (STEP_MS, 4 * STEP_MS)
FEWEST_SCORED = 12
FEWEST_NEGATIVE_VOICES = 5
FEWEST_LEARNT = 30
"""Scored posts of the past below which there is no usual share to speak of."""

PRIOR_SHARE = 0.2
PRIOR_POSTS = 10.0
PRIOR_CLUMPING = 0.02
"""Posts of one hour resemble each other: the correlation within an hour, before it is learnt."""
PRIOR_CLUMPING_WEIGHT = 50.0

THRESHOLD_MILLI = 4_000
COLD_THRESHOLD_MILLI = 6_000
DAYS_BELOW_MILLI = 900
PAGE_RATIO_MILLI = 1_500
PAGE_EXCESS = 0.15
"""The share must be above the usual by so much even at the lower end of its 99.9 % interval."""
Z_999 = 3.09
PAGE_COUNT_Z = 6.0
"""... and so must the count of negatives be, as a count: twice the usual and this many deviations above."""

CROWD_SHARE_MILLI = 1_300
"""An angry crowd counts where the share of negatives is at least 1.3 times the usual."""
CROWD_PAGE_MILLI = 1_250
CROWD_PAGE_PEOPLE = 10


class NegativeShare:
    """Signal when the share of negatives among the posts that could be judged leaves this brand's own past.

    The share of the last 15 and 60 minutes is held against the usual share, both with their uncertainty: posts of an
    hour resemble each other, so n of them are worth `n / (1 + (n - 1) * clumping)` (beta-binomial), and the past is as
    uncertain as its size says. The z is that of Chernoff's bound. Its threshold follows the brand's own past days.

    A risen share of negatives may also be told by their count alone (`AngryCrowd`): forty angry people where four are
    usual are a finding long before the share of the whole hour is beyond doubt.

    Silent below 12 judged posts or 5 different people who were negative. Pages only where the share and the count of
    negatives are both far beyond the usual, so that three angry people in a quiet night page nobody. Each voice and
    each text counts once: a headline which many pass on is one, however grim.
    """

    kind: ClassVar[SignalKind] = "negativity"

    def __init__(self) -> None:
        self._negative = 0.0
        self._scored = 0.0
        self._steps_weight = 0.0
        """Learnt steps, faded like the sums: turns a sum into a usual count."""
        self._clumped = 0.0
        self._pairs = 0.0
        self._weight = weight_of(STEP_MS)
        self._learnt_ms = 0
        self._maxima = [DailyMaxima() for _ in SPANS_MS]
        self._crowds = [AngryCrowd(STEP_MS) for _ in SPANS_MS]
        self._steps: list[tuple[int, int]] = []
        """(negative, scored) of the last whole steps learnt without a gap, oldest first."""
        self._open_negative = 0
        self._open_scored = 0
        self._next_ms = -1
        self._active = False

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The finding of the span that stands out most, or `None`."""
        self._active = False
        if not self.warm:
            return None
        best: tuple[int, int, int, int] | None = None
        best_ratio = 999
        for index, span_ms in enumerate(SPANS_MS):
            tally = window.tally(span_ms)
            negative, scored = tally.negative, tally.scored
            if scored < FEWEST_SCORED or negative < FEWEST_NEGATIVE_VOICES:
                continue
            z = milli(self._z(negative, scored))
            ratio = max(z * 1000 // self._threshold(index), self._crowd_ratio(index, negative, negative, scored))
            if ratio > best_ratio:
                best, best_ratio = (index, negative, scored, z), ratio
        if best is None:
            return None
        return self._finding(window, best, best_ratio)

    def _finding(self, window: Window, best: tuple[int, int, int, int], ratio: int) -> Signal | None:
        index, negative, scored, z = best
        span_ms = SPANS_MS[index]
        counts = window.counts(span_ms)
        voices, texts = distinct(counts.negative_authors), distinct(counts.negative_texts)
        if 0 < voices < FEWEST_NEGATIVE_VOICES:
            return None
        self._active = True
        people = min(negative, voices or negative, texts or negative)
        crowd = self._crowd_ratio(index, people, negative, scored)
        page = self._strong(negative, scored, people, span_ms)
        page = page or (crowd >= CROWD_PAGE_MILLI and people >= CROWD_PAGE_PEOPLE)
        score = score_of(ratio, 1000, PAGE_RATIO_MILLI)
        return Signal(
            kind="negativity",
            score=max(score, PAGE_SCORE) if page else min(score, PAGE_SCORE - 1),
            page=page,
            observed=negative * 1000 // scored,
            expected=self.usual_share_milli,
            since_ms=self._since(window, span_ms),
            window_ms=span_ms,
            evidence={
                "negative": negative,
                "scored": scored,
                "usual_share_milli": self.usual_share_milli,
                "negative_voices": voices,
                "negative_texts": texts,
                "z_milli": z,
                "crowd_milli": crowd,
            },
        )

    def _crowd_ratio(self, index: int, people: int, negative: int, scored: int) -> int:
        """How far the count of angry people is beyond its threshold; 0 where their share has not risen."""
        risen = negative * 1_000_000 >= scored * self.usual_share_milli * CROWD_SHARE_MILLI
        return self._crowds[index].ratio(people) if risen else 0

    @property
    def warm(self) -> bool:
        """Whether enough was learnt to speak of a usual share."""
        return self._learnt_ms >= WARM_UP_MS and self._scored >= FEWEST_LEARNT

    @property
    def usual_share_milli(self) -> int:
        """The usual share of negatives; before anything is learnt, a fifth."""
        return milli(self._usual())

    def due_ms(self, window: Window) -> int | None:
        """While a finding lasts: when the next minute slides out of view."""
        return floor(window.at_ms - 1, window.bucket_ms) + window.bucket_ms + 1 if self._active else None

    def _usual(self) -> float:
        return (self._negative + PRIOR_SHARE * PRIOR_POSTS) / (self._scored + PRIOR_POSTS)

    def _clumping(self) -> float:
        """Correlation of posts within an hour, shrunk to a small prior."""
        clumping = (self._clumped + PRIOR_CLUMPING * PRIOR_CLUMPING_WEIGHT) / (self._pairs + PRIOR_CLUMPING_WEIGHT)
        return min(max(clumping, 0.0), 0.5)

    def _worth(self, scored: int) -> float:
        """How many independent posts these are worth against a past of uncertain size."""
        return 1.0 / ((1.0 + (scored - 1) * self._clumping()) / scored + 1.0 / (self._scored + PRIOR_POSTS))

    def _z(self, negative: int, scored: int) -> float:
        usual, share = self._usual(), negative / scored
        if share <= usual:
            return 0.0
        divergence = share * math.log(share / usual)
        if share < 1.0:
            divergence += (1.0 - share) * math.log((1.0 - share) / (1.0 - usual))
        return math.sqrt(max(0.0, 2.0 * self._worth(scored) * divergence))

    def _threshold(self, index: int) -> int:
        least = THRESHOLD_MILLI if self._learnt_ms >= SETTLED_MS else COLD_THRESHOLD_MILLI
        return max(least, self._maxima[index].quantile_milli(DAYS_BELOW_MILLI))

    def _strong(self, negative: int, scored: int, people: int, span_ms: int) -> bool:
        share = negative / scored
        low = share - Z_999 * math.sqrt(share * (1.0 - share) / self._worth(scored)) - self._usual()
        usual_count = self._negative / max(self._steps_weight, 1.0) * (span_ms / STEP_MS)
        above = 2.0 * (math.sqrt(people) - math.sqrt(usual_count))
        return low >= PAGE_EXCESS and people >= 2 * usual_count and milli(above) >= milli(PAGE_COUNT_Z)

    def _since(self, window: Window, span_ms: int) -> int:
        """Start of the first minute of the span that was mostly negative, by the usual share twice over."""
        usual = self.usual_share_milli
        for start in window.starts(span_ms):
            minute = window.minutes.get(start)
            if minute is not None and minute.counts.negative * 1000 > usual * max(1, minute.counts.scored):
                return start
        return window.starts(span_ms)[0]

    # -- learning --------------------------------------------------------------------------------------------------

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute; one that is incomplete or not allowed leaves a gap that no span reaches across."""
        pulse = closed.pulse
        if pulse.start_ms != self._next_ms:
            self._open_negative = self._open_scored = 0
            self._steps.clear()
            if pulse.start_ms % STEP_MS:
                self._next_ms = -1
                return
        if not (allowed and pulse.complete):
            self._next_ms = -1
            return
        self._next_ms = pulse.end_ms
        if pulse.counts.mentions:
            self._open_negative += pulse.counts.negative
            self._open_scored += pulse.counts.scored
        if pulse.end_ms % STEP_MS == 0:
            self._learn_step(pulse.end_ms)

    def _learn_step(self, end_ms: int) -> None:
        negative, scored = self._open_negative, self._open_scored
        self._open_negative = self._open_scored = 0
        self._learnt_ms += STEP_MS
        steps = self._steps
        steps.append((negative, scored))
        if len(steps) > 4:
            del steps[0]
        hour_negative = sum(n for n, _ in steps)
        hour_scored = sum(s for _, s in steps)
        for crowd, count, width in zip(self._crowds, (negative, hour_negative), (1, 4), strict=True):
            if len(steps) >= width:
                crowd.learn(end_ms, count, STEP_MS, warm=self.warm)
        if self.warm:
            for days, (n, s) in zip(self._maxima, ((negative, scored), (hour_negative, hour_scored)), strict=True):
                days.see(end_ms - 1, milli(self._z(n, s)) if s >= FEWEST_SCORED else 0)
        if len(steps) == 4 and end_ms % SPANS_MS[-1] == 0 and hour_scored > 1:
            self._learn_clumping(hour_negative, hour_scored)
        keep = 1.0 - self._weight
        self._negative = self._negative * keep + self._held(negative, scored)
        self._scored = self._scored * keep + scored
        self._steps_weight = self._steps_weight * keep + 1.0

    def _learn_clumping(self, negative: int, scored: int) -> None:
        usual = self._usual()
        chance = usual * (1.0 - usual)
        away = self._held(negative, scored) - scored * usual
        keep = (1.0 - self._weight) ** 4
        # Var = n p (1 - p) (1 + (n - 1) rho): what exceeds chance, over the pairs that could cause it.
        self._clumped = self._clumped * keep + (away * away / (scored * chance) - 1.0)
        self._pairs = self._pairs * keep + (scored - 1)

    def _held(self, negative: int, scored: int) -> float:
        """The negatives that may be learnt: a spike is held to three standard deviations."""
        if not self.warm or not scored:
            return float(negative)
        usual = self._usual()
        chance = scored * usual * (1.0 - usual)
        spread = math.sqrt(chance * (1.0 + (scored - 1) * self._clumping()))
        return min(float(negative), scored * usual + WINSOR * spread)

    # -- state -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {
            "sums": hexed((self._negative, self._scored, self._steps_weight, self._clumped, self._pairs)),
            "learnt_ms": self._learnt_ms,
            "maxima": [days.snapshot() for days in self._maxima],
            "crowds": [crowd.snapshot() for crowd in self._crowds],
            "steps": [list(step) for step in self._steps],
            "open": [self._open_negative, self._open_scored],
            "next_ms": self._next_ms,
            "active": self._active,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        self = cls()
        sums = [float.fromhex(x) for x in state["sums"]]
        self._negative, self._scored, self._steps_weight, self._clumped, self._pairs = sums
        self._learnt_ms = state["learnt_ms"]
        self._maxima = [DailyMaxima.restore(s) for s in state["maxima"]]
        self._crowds = [AngryCrowd.restore(s, STEP_MS) for s in state["crowds"]]
        self._steps = [(n, s) for n, s in state["steps"]]
        self._open_negative, self._open_scored = state["open"]
        self._next_ms = state["next_ms"]
        self._active = state["active"]
        return self
