"""Far more angry people than this brand usually has, or a far greater share of angry posts.

A post is angry when it is negative in words of its author's own; a grim headline that is passed on is not.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import msgspec

from detectors.baseline import PAGE_SCORE, WARM_UP_MS, WINSOR, hexed, milli, score_between, weight_of
from detectors.budget import Budget, Extremes, Prior
from detectors.detector import NOTICE, Signal, SignalKind
from detectors.surge import OPEN_MS, Reading, Surge
from stream.codec import MINUTE_MS
from stream.sketches import distinct
from stream.window import ClosedMinute, Window, floor

STEP_MS = 15 * MINUTE_MS
SPANS_MS = (STEP_MS, 4 * STEP_MS)
FEWEST_SCORED = 12
FEWEST_NEGATIVE_VOICES = 5
FEWEST_PAGE_PEOPLE = 8
"""With fewer nobody is woken, whatever the brand."""
FEWEST_LEARNT = 30
"""Scored posts of the past below which there is no usual share to speak of."""

PRIOR_SHARE = 0.2
PRIOR_POSTS = 10.0
PRIOR_CLUMPING = 0.02
"""Posts of one hour resemble each other: the correlation within an hour, before it is learnt."""
PRIOR_CLUMPING_WEIGHT = 50.0

CROWD_PRIOR = Prior(median=3_500.0, scale=700.0)
SLOW_CROWD_PRIOR = Prior(median=3_000.0, scale=700.0)
SHARE_PRIOR = Prior(median=2_500.0, scale=500.0)
SHARE_RISEN_MILLI = 1_250
"""A crowd counts as angry where the share of negatives is at least a quarter above the usual."""
RISEN_Z_MILLI = 1_000
"""... and by more than a standard deviation, posts of an hour resembling each other: good news has critics too."""
CROWD_OF_NOTICES_MILLI = 700
"""Of the budget for notices; the share alone has the rest."""
WORTH_COUNTING_MILLI = 700
"""From this part of a notice on, voices and texts are counted and not only posts."""


class Share(msgspec.Struct, frozen=True, gc=False):
    """The share of negatives over one span: z in milli-units."""

    span_ms: int
    negative: int
    scored: int
    z: int


class NegativeShare:
    """Signal when more people are angry than this brand ever has at once, or when the tone of its posts turns.

    *The crowd*: angry posts over 5, 15, 60 minutes and 6 hours as counts (`detectors.surge`), each voice and each
    text counted once, where their share has risen too: so ten times the usual praise is no crowd, nor is a
    text which many pass on. The crowd pages when it is beyond what the page budget allows for.

    *The share*: angry posts among the posts that could be judged, over 15 and 60 minutes, against the usual share, both
    with their uncertainty: posts of an hour resemble each other, so n of them are worth
    `n / (1 + (n - 1) * clumping)` (beta-binomial), and the past is as uncertain as its size says. The z is that of
    Chernoff's bound. It never pages. Silent below 12 judged posts or 5 different people who were angry.
    """

    kind: ClassVar[SignalKind] = "negativity"

    def __init__(self) -> None:
        self._negative = 0.0
        self._scored = 0.0
        self._clumped = 0.0
        self._pairs = 0.0
        self._weight = weight_of(STEP_MS)
        self._learnt_ms = 0
        self._crowd = Surge("angry", CROWD_PRIOR, SLOW_CROWD_PRIOR, FEWEST_NEGATIVE_VOICES, by_bucket=False)
        self._shares = Extremes(SHARE_PRIOR)
        self.budget = Budget()
        self._steps: list[tuple[int, int]] = []
        """(negative, scored) of the last whole steps learnt without a gap, oldest first."""
        self._open_negative = 0
        self._open_scored = 0
        self._next_ms = -1
        self._active = False

    @property
    def budget(self) -> Budget:
        """What this detector may cost. Set by whoever knows the brand's; no part of the state."""
        return self._budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._budget = budget
        crowd = budget.share(CROWD_OF_NOTICES_MILLI)
        self._crowd.budget = Budget(budget.pages_milli, crowd.notices_milli)
        self._share_rate = max(1, budget.notices_milli - crowd.notices_milli)

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The finding, or `None`."""
        self._active = False
        if not self.warm:
            return None
        crowd = self._look_at_crowd(window)
        share = self._look_at_share(window)
        needed = self._shares.threshold(self._share_rate)
        beyond = max(crowd.ratio, share.z * 1000 // needed)
        if beyond < 1000:
            return None
        return self._finding(window, crowd, share, needed)

    def _look_at_crowd(self, window: Window) -> Reading:
        """The angry crowd that stands out most, each person counted once where it matters."""
        reading = self._crowd.look(window, self._admits(window))
        if reading.ratio >= WORTH_COUNTING_MILLI:
            reading = self._crowd.again(reading, self._people(window, reading), window)
        self._crowd.note(reading, window)
        return reading

    def _admits(self, window: Window) -> Callable[[int, int], bool]:
        def admits(span_ms: int, negative: int) -> bool:
            scored = window.tally(span_ms).scored
            risen = negative * 1_000_000 >= scored * self.usual_share_milli * SHARE_RISEN_MILLI
            return risen and milli(self._z(negative, scored)) >= RISEN_Z_MILLI

        return admits

    def _people(self, window: Window, reading: Reading) -> int:
        """Different people with texts of their own among the negative posts; unknown ones do not block."""
        counts = window.counts(min(reading.span_ms, OPEN_MS))
        known = [n for n in (distinct(counts.negative_authors), distinct(counts.negative_texts)) if n > 0]
        people = min([counts.angry, *known])
        return people * reading.count // max(1, counts.angry) if reading.slow else min(people, reading.count)

    def _look_at_share(self, window: Window) -> Share:
        best = Share(SPANS_MS[0], 0, 0, 0)
        for span_ms in SPANS_MS:
            tally = window.tally(span_ms)
            if tally.scored >= FEWEST_SCORED and tally.angry >= FEWEST_NEGATIVE_VOICES:
                z = milli(self._z(tally.angry, tally.scored))
                if z > best.z:
                    best = Share(span_ms, tally.angry, tally.scored, z)
        self._shares.note(window.last_ms, best.z)
        return best

    def _finding(self, window: Window, crowd: Reading, share: Share, needed: int) -> Signal | None:
        by_crowd = crowd.ratio >= 1000
        span_ms = min(crowd.span_ms, OPEN_MS) if by_crowd else share.span_ms
        counts = window.counts(span_ms)
        voices, texts = distinct(counts.negative_authors), distinct(counts.negative_texts)
        if 0 < voices < FEWEST_NEGATIVE_VOICES:
            return None
        self._active = True
        score = score_between(crowd.z, crowd.notice, crowd.page) if by_crowd else NOTICE
        people = min([counts.angry, *[n for n in (voices, texts) if n > 0]])
        if people < FEWEST_PAGE_PEOPLE:
            score = min(score, PAGE_SCORE - 1)
        scored = max(1, counts.scored)
        return Signal(
            kind="negativity",
            score=score,
            page=score >= PAGE_SCORE,
            observed=counts.angry * 1000 // scored,
            expected=self.usual_share_milli,
            since_ms=self._since(window, span_ms),
            window_ms=crowd.span_ms if by_crowd else share.span_ms,
            evidence={
                "negative": counts.negative,
                "angry": counts.angry,
                "scored": counts.scored,
                "usual_angry": crowd.expected,
                "people": people,
                "usual_share_milli": self.usual_share_milli,
                "negative_voices": voices,
                "negative_texts": texts,
                "z_milli": crowd.z if by_crowd else share.z,
                "threshold_milli": crowd.notice if by_crowd else needed,
                "page_threshold_milli": crowd.page,
                "chance_milli": self._crowd.chance_milli(crowd) if by_crowd else self._shares.chance_milli(share.z),
                "crowd_milli": crowd.ratio,
            },
        )

    @property
    def warm(self) -> bool:
        """Whether enough was learnt to speak of a usual share."""
        return self._learnt_ms >= WARM_UP_MS and self._scored >= FEWEST_LEARNT and self._crowd.warm

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
        usual = self._usual()
        if negative <= usual * scored:
            return 0.0
        share = negative / scored
        divergence = share * math.log(share / usual)
        if share < 1.0:
            divergence += (1.0 - share) * math.log((1.0 - share) / (1.0 - usual))
        return math.sqrt(max(0.0, 2.0 * self._worth(scored) * divergence))

    def _since(self, window: Window, span_ms: int) -> int:
        """Start of the first minute of the span that was mostly negative, by the usual share twice over."""
        usual = self.usual_share_milli
        for start in window.starts(span_ms):
            minute = window.minutes.get(start)
            if minute is not None and minute.counts.angry * 1000 > usual * max(1, minute.counts.scored):
                return start
        return window.starts(span_ms)[0]

    # -- learning --------------------------------------------------------------------------------------------------

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute; one that is incomplete or not allowed leaves a gap that no span reaches across."""
        pulse = closed.pulse
        self._crowd.learn(closed, allowed=allowed)
        if pulse.complete:
            self._shares.close(pulse.start_ms, ordinary=allowed)
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
            self._open_negative += pulse.counts.angry
            self._open_scored += pulse.counts.scored
        if pulse.end_ms % STEP_MS == 0:
            self._learn_step(pulse.end_ms)

    def judged(self, *, real: bool) -> None:
        """The incident under way ended; `real` when a human took it."""
        self._crowd.judged(real=real)
        self._shares.judged(real=real)

    def _learn_step(self, end_ms: int) -> None:
        negative, scored = self._open_negative, self._open_scored
        self._open_negative = self._open_scored = 0
        self._learnt_ms += STEP_MS
        steps = self._steps
        steps.append((negative, scored))
        if len(steps) > 4:
            del steps[0]
        if len(steps) == 4 and end_ms % SPANS_MS[-1] == 0:
            hour_negative, hour_scored = sum(n for n, _ in steps), sum(s for _, s in steps)
            if hour_scored > 1:
                self._learn_clumping(hour_negative, hour_scored)
        keep = 1.0 - self._weight
        self._negative = self._negative * keep + self._held(negative, scored)
        self._scored = self._scored * keep + scored

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
            "sums": hexed((self._negative, self._scored, self._clumped, self._pairs)),
            "learnt_ms": self._learnt_ms,
            "crowd": self._crowd.snapshot(),
            "shares": self._shares.snapshot(),
            "steps": [list(step) for step in self._steps],
            "open": [self._open_negative, self._open_scored],
            "next_ms": self._next_ms,
            "active": self._active,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        self = cls()
        self._negative, self._scored, self._clumped, self._pairs = (float.fromhex(x) for x in state["sums"])
        self._learnt_ms = state["learnt_ms"]
        self._crowd.resume(state["crowd"])
        self._shares = Extremes.restore(state["shares"], SHARE_PRIOR)
        self._steps = [(n, s) for n, s in state["steps"]]
        self._open_negative, self._open_scored = state["open"]
        self._next_ms = state["next_ms"]
        self._active = state["active"]
        return self
