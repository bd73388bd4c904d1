"""Far more angry people than this brand usually has, or a far greater share of angry posts.

A post is angry when it is negative in words of its author's own; a grim headline that is passed on is not.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from detectors.baseline import PAGE_SCORE, WARM_UP_MS, WINSOR, hexed, milli, score_between, weight_of
from detectors.budget import Budget, HeavyExtremes, Prior, Verdict
from detectors.crowd import CROWDS
from detectors.detector import Signal, SignalKind, Standing
from detectors.surge import OPEN_MS, STILL_BURNING, Moment, Surge
from detectors.volume import FEWEST_POSTS, SLOW_PRIOR, SPIKE_PRIOR
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.pulse import Counts
from stream.window import ClosedMinute, Window, floor

STEP_MS = 15 * MINUTE_MS
SLOW_MS = 6 * HOUR_MS
SPANS_MS = (HOUR_MS, STEP_MS, 5 * MINUTE_MS)
"""Beside the slow one; each holds the next."""
FAR_STEPS = (SLOW_MS - OPEN_MS) // STEP_MS
"""Steps of the longest span that are no longer open."""
FEWEST_ANGRY = 5
"""With fewer nobody is told, whatever the brand ..."""
FEWEST_PAGE_PEOPLE = 8
"""... and with fewer nobody is woken."""
LEAST_USUAL = 1e-3
"""Angry posts: so many are always usual."""
FEWEST_LEARNT = 30
"""Scored posts of the past below which there is no usual share to speak of."""

PRIOR_SHARE = 0.2
PRIOR_POSTS = 10.0
PRIOR_CLUMPING = 0.02
"""Posts of one hour resemble each other: the correlation within an hour, before it is learnt."""
PRIOR_CLUMPING_HOURS = 3.0
LEAST_CLUMPING, MOST_CLUMPING = 0.002, 0.3
CLUMPING_HALF_LIFE_MS = 10 * DAY_MS

ANGER_PRIOR = Prior(median=3_500.0, scale=1_400.0, days=16)
"""Were the model exact, a look of a day reached a score of s once in `exp(s)` (Ville's inequality), and there are many
looks. What no model knows adds to it: recorded brands have a median of 0 to 3.4 a day. It counts for sixteen days:
until then a brand that nobody knows is held for one of the wildest.
"""
ANGRY_CROWDS = ((0, 0.9), *((size, 0.4) for size in range(len(CROWDS))))
"""A crisis is a crowd of which at least two in five are angry, or one of the least size of which nearly all are: by its
place in `CROWDS`, and its share of angry ones ..."""
CROWD_ODDS = 2.0
"""... which is at least twice this brand's usual odds."""
LEAST_MOOD = 0.5
"""The share of angry ones must make a crowd half as likely again by itself (natural logarithm): a flood is no anger."""
HOUR_CROWD_MILLI = 2_500
"""A crowd is two and a half times as many angry posts as are usual, over an hour at least: five at once, and then
nobody, are a quarrel."""
SLOW_CROWD_MILLI = 1_500
"""Over six hours half as many angry posts again are a slow one."""
DROWNED_MILLI = 1_500
"""Below one and a half times the usual share somebody may be talking idly beside many angry people."""
WORTH_COUNTING_MILLI = 700
"""From this part of a notice on, voices and texts are counted and not only posts."""


class Anger(msgspec.Struct, frozen=True, gc=False):
    """What one span shows. `score` is the natural logarithm, in thousandths, of how many times likelier it is with an
    angry crowd than without."""

    span_ms: int
    posts: int = 0
    angry: int = 0
    scored: int = 0
    score: int = 0


Tallied = tuple[int, int, int]
"""Of a span: angry posts, those that could be judged, and all."""


class Bars(NamedTuple):
    """How many angry posts are a crowd, as long as nothing is learnt."""

    moment: Moment
    hour: int
    """Over an hour ..."""
    slow: int
    """... and over six."""


class NegativeShare:
    """Signal when more people are angry than chance brings to this brand.

    Over 5, 15, 60 minutes and 6 hours one thing is asked: how much likelier is what the span holds if an angry crowd
    has joined those who post anyway, than if nobody has? How many posts there are says one part (`detectors.crowd`): a
    wild brand's daily bursts say little, a calm brand's only burst of the year much. How many of them are angry says
    the other: of a crowd two in five at least, of those who post anyway the usual share. Good news that goes round is
    therefore no crowd, however large, and a turn of mood among few is none either. Crowds of several sizes are asked at
    once, and the mean of their ratios is the answer: a test that is never surer than chance allows (a mixture of
    likelihood ratios; Shin, Ramdas, Rinaldo 2022, *E-detectors*, arXiv:2203.03532).

    What a notice and a page are is a question of the budget, and of how far this brand's own days went
    (`detectors.budget`). Each voice and each text counts once.

    Posts of an hour resemble each other, so n of them are worth `n / (1 + (n - 1) * clumping)` (Williams 1982, *Extra-
    binomial variation in logistic linear models*, Appl. Statist. 31(2), p. 144-148), and the past is as uncertain as
    its size says.
    """

    kind: ClassVar[SignalKind] = "negativity"

    def __init__(self, volume: Surge | None = None) -> None:
        self._owned = volume is None
        self._volume = volume if volume is not None else Surge(SPIKE_PRIOR, SLOW_PRIOR, FEWEST_POSTS)
        """How many posts are usual: the volume detector's, or one of its own where it works alone."""
        self._negative = 0.0
        self._scored = 0.0
        self._clumped = 0.0
        self._hours = 0.0
        self._learnt()
        self._weight = weight_of(STEP_MS)
        self._hour_weight = weight_of(HOUR_MS, CLUMPING_HALF_LIFE_MS)
        self._learnt_ms = 0
        self._extremes = HeavyExtremes(ANGER_PRIOR)
        self.budget = Budget()
        self._steps: list[tuple[int, int]] = []
        """(angry, scored) of the last whole steps learnt without a gap, oldest first."""
        self._recent: list[tuple[int, int]] = []
        """The same of the last whole steps, learnt or not."""
        self._recent_open = (0, 0)
        self._recent_ms = -1
        self._bars: Bars | None = None
        """Found at need, never snapshotted, as what follows."""
        self._far: tuple[int, int] | None = None
        """(angry, scored) of the steps at the far end of the longest span."""
        self._open_negative = 0
        self._open_scored = 0
        self._next_ms = -1
        self._active = False

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The finding, or `None`."""
        self._active = False
        if not self.warm:
            return None
        anger = self.look(window)
        self._extremes.note(window.last_ms, anger.score)
        if anger.score < self._extremes.threshold(self.budget.notices_milli):
            return None
        return self._finding(window, anger)

    def standing(self, window: Window) -> Standing:
        """How far it is from a notice. Changes nothing."""
        if not self.warm:
            return Standing("negativity", warm=False)
        anger = self.look(window)
        notice, page = self._thresholds()
        return Standing(
            "negativity", score_between(anger.score, notice, page), anger.score, notice, page, anger.span_ms
        )

    def _thresholds(self) -> tuple[int, int]:
        """Scores of a notice and of a page."""
        notice = self._extremes.threshold(self.budget.notices_milli)
        return notice, max(notice + 1, self._extremes.threshold(self.budget.pages_milli))

    def look(self, window: Window) -> Anger:
        """The span that stands out most, finding or not."""
        moment = self._volume.moment(window)
        bars = self._least_crowds(moment)
        best = Anger(SPANS_MS[-1])
        # A crowd fills an hour at least.
        if window.tally(HOUR_MS).angry >= bars.hour:
            for span_ms in SPANS_MS:
                tally = window.tally(span_ms)
                if tally.angry < FEWEST_ANGRY:
                    break
                anger = self._judged(window, moment, span_ms, (tally.angry, tally.scored, tally.mentions))
                if anger.score and anger.score >= best.score:
                    best = anger
        held = self._six_hours(window)
        if held[0] >= FEWEST_ANGRY and held[0] >= bars.slow:
            anger = self._judged(window, moment, SLOW_MS, held)
            if anger.score > best.score:
                best = anger
        if best.score * 1000 >= self._extremes.threshold(self.budget.notices_milli) * WORTH_COUNTING_MILLI:
            span_ms = best.span_ms
            held = self._once(window, best)
            fewest = bars.hour if span_ms == HOUR_MS else bars.slow if span_ms == SLOW_MS else 0
            best = self._judged(window, moment, span_ms, held) if held[0] >= fewest else Anger(span_ms)
        return best

    def _least_crowds(self, moment: Moment) -> Bars:
        """The least numbers of angry posts that are a crowd now."""
        bars = self._bars
        if bars is None or bars.moment is not moment:
            hour = self._fewest(HOUR_MS, HOUR_CROWD_MILLI, moment)
            bars = self._bars = Bars(moment, hour, self._fewest(SLOW_MS, SLOW_CROWD_MILLI, moment))
        return bars

    def _fewest(self, span_ms: int, times_milli: int, moment: Moment) -> int:
        """The least number of angry posts that is so many times (thousandths) what is usual."""
        usual = max(self._share * self._volume.usual(span_ms, moment), LEAST_USUAL)
        fewest = math.floor(times_milli / 1000 * usual)
        while milli(fewest / usual) < times_milli:
            fewest += 1
        return fewest

    def _six_hours(self, window: Window) -> Tallied:
        """What six hours hold; nothing where they were not all heard, or burnt out."""
        posts = self._volume.six_hours(window)
        if self._recent_ms < 0 or len(self._recent) < FAR_STEPS or not posts:
            return 0, 0, 0
        if self._far is None:
            far = self._recent[-FAR_STEPS:]
            self._far = sum(step[0] for step in far), sum(step[1] for step in far)
        tally = window.tally(OPEN_MS)
        angry = tally.angry + self._recent_open[0] + self._far[0]
        if tally.angry * STILL_BURNING < angry:
            return 0, 0, 0
        return angry, tally.scored + self._recent_open[1] + self._far[1], posts

    def _judged(self, window: Window, moment: Moment, span_ms: int, held: Tallied) -> Anger:
        """What it says that a span holds so many; nothing where the share of angry ones is usual."""
        angry, scored, posts = held
        if angry * 1000 < scored * self._share * DROWNED_MILLI:
            # One account's idle talk must not drown many people's anger: then each voice is held for one post.
            angry, scored, posts = self._by_voice(window, span_ms, held)
            if angry <= scored * self._share:
                return Anger(span_ms)
        crowds = self._volume.likelier(span_ms, posts, moment)
        return Anger(span_ms, posts, angry, scored, milli(self._likelier(angry, scored, crowds)))

    def _by_voice(self, window: Window, span_ms: int, held: Tallied) -> Tallied:
        """The same, had each voice written one of each; as it is where voices are unknown."""
        if span_ms > OPEN_MS:
            return held
        angry, scored, posts = held
        voices = window.distinct(span_ms, "authors") or posts
        angry = min(angry, window.distinct(span_ms, "negative_authors") or angry)
        return angry, max(angry, min(scored, voices)), max(angry, min(posts, voices))

    def _likelier(self, angry: int, scored: int, crowds: Sequence[float]) -> float:
        """By how much so many angry ones make a crowd likelier, whose size alone says `crowds`; at least 0. A size that
        the mood hardly speaks for is left out: the end of a flood of ordinary mood has few posts, and anger among them
        by chance.
        """
        # Loops, for comprehensions cost twice as much: this is a third of a look in a crisis.
        each, calm = self._worth(scored) / scored, scored - angry
        said = []
        most = 0.0
        for size, more, fewer in self._moods:
            mood = each * (angry * more + calm * fewer)
            if mood >= LEAST_MOOD:
                one = crowds[size] + mood
                said.append(one)
                most = max(most, one)
        if not most:
            return 0.0
        together = 0.0
        for one in said:
            together += math.exp(one - most)
        return max(0.0, most + math.log(together / len(self._moods)))

    def _once(self, window: Window, anger: Anger) -> Tallied:
        """What the same span holds, each voice and each text counted once; unknown ones do not block."""
        span_ms = min(anger.span_ms, OPEN_MS)
        counts = window.tally(span_ms)
        angry = _apart(anger.angry, counts.angry, *self._angry_apart(window, span_ms))
        voices, texts = window.distinct(span_ms, "authors"), window.distinct(span_ms, "texts")
        posts = max(angry, _apart(anger.posts, counts.mentions, voices, texts))
        return angry, anger.scored - anger.angry + angry, posts

    def _angry_apart(self, window: Window, span_ms: int) -> tuple[int, int]:
        """Different people who were angry, and different texts of theirs."""
        return window.distinct(span_ms, "negative_authors"), window.distinct(span_ms, "negative_texts")

    def _finding(self, window: Window, anger: Anger) -> Signal | None:
        span_ms, open_ms = anger.span_ms, min(anger.span_ms, OPEN_MS)
        counts = window.tally(open_ms)
        voices, texts = self._angry_apart(window, open_ms)
        people = _people(counts.angry, voices, texts)
        if people < FEWEST_ANGRY:
            return None
        self._active = True
        notice, page = self._thresholds()
        score = score_between(anger.score, notice, page)
        if people < FEWEST_PAGE_PEOPLE and self._people_of_hour(window) < FEWEST_PAGE_PEOPLE:
            score = min(score, PAGE_SCORE - 1)
        usual = self._volume.usual(span_ms, self._volume.moment(window))
        usual_share_milli = self.usual_share_milli
        return Signal(
            kind="negativity",
            score=score,
            page=score >= PAGE_SCORE,
            observed=anger.angry * 1000 // max(1, anger.scored),
            expected=usual_share_milli,
            since_ms=self._since(window, open_ms),
            window_ms=span_ms,
            evidence={
                "negative": counts.negative,
                "angry": anger.angry,
                "scored": anger.scored,
                "usual_angry": round(self._share * usual),
                "people": people,
                "usual_share_milli": usual_share_milli,
                "negative_voices": voices,
                "negative_texts": texts,
                "z_milli": milli(self._z(anger.angry, anger.scored)),
                "posts": anger.posts,
                "rate_milli": self._volume.rate_milli(span_ms, anger.posts, window),
                "threshold_milli": notice,
                "page_threshold_milli": page,
                "score_milli": anger.score,
                "chance_milli": self._extremes.chance_milli(anger.score),
                "crowd_milli": anger.score * 1000 // notice,
            },
        )

    def _people_of_hour(self, window: Window) -> int:
        """How many were angry within the hour."""
        return _people(window.tally(HOUR_MS).angry, *self._angry_apart(window, HOUR_MS))

    @property
    def warm(self) -> bool:
        """Whether enough was learnt to speak of a usual share."""
        return self._learnt_ms >= WARM_UP_MS and self._scored >= FEWEST_LEARNT and self._volume.warm

    @property
    def usual_share_milli(self) -> int:
        """The usual share of negatives; before anything is learnt, a fifth."""
        return milli(self._usual())

    def due_ms(self, window: Window) -> int | None:
        """While a finding lasts: when the next minute slides out of view."""
        return floor(window.at_ms - 1, window.bucket_ms) + window.bucket_ms + 1 if self._active else None

    def _usual(self) -> float:
        return self._share

    def _clumping(self) -> float:
        """Correlation of posts within an hour, shrunk to a small prior."""
        return self._clump

    def _learnt(self) -> None:
        """Work out what follows from the sums: asked for many times a look, and new once in a quarter of an hour."""
        self._share = (self._negative + PRIOR_SHARE * PRIOR_POSTS) / (self._scored + PRIOR_POSTS)
        clumping = (self._clumped + PRIOR_CLUMPING * PRIOR_CLUMPING_HOURS) / (self._hours + PRIOR_CLUMPING_HOURS)
        self._clump = min(max(clumping, LEAST_CLUMPING), MOST_CLUMPING)
        self._doubt = 1.0 / (self._scored + PRIOR_POSTS)
        """Of the usual share: the smaller the past, the greater."""
        self._moods = [(size, *_mood(self._share, CROWDS[size], share)) for size, share in ANGRY_CROWDS]
        """What an angry post says of a crowd of each size, and what another says."""

    def _worth(self, scored: int) -> float:
        """How many independent posts these are worth against a past of uncertain size."""
        return 1.0 / ((1.0 + (scored - 1) * self._clump) / scored + self._doubt)

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
        """Start of the first minute of the span in which a greater share was angry than usual."""
        usual = self.usual_share_milli

        def stands_out(counts: Counts) -> bool:
            return counts.angry * 1000 > usual * max(1, counts.scored)

        found = window.first_start(span_ms, f"angry {usual}", stands_out)
        return window.starts(span_ms)[0] if found is None else found

    # -- learning --------------------------------------------------------------------------------------------------

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute; one that is incomplete or not allowed leaves a gap that no span reaches across."""
        pulse = closed.pulse
        if self._owned:
            self._volume.learn(closed, allowed=allowed)
        self._keep_recent(closed)
        if pulse.complete and self.warm:
            self._extremes.close(pulse.start_ms, ordinary=allowed)
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

    def judged(self, verdict: Verdict) -> None:
        """The incident under way ended; see `detectors.budget.Extremes`."""
        self._extremes.judged(verdict)
        if self._owned:
            self._volume.judged(verdict)

    def _keep_recent(self, closed: ClosedMinute) -> None:
        self._far = None
        pulse = closed.pulse
        if pulse.start_ms != self._recent_ms or not pulse.complete:
            self._recent, self._recent_open, self._recent_ms = [], (0, 0), -1
            if pulse.start_ms % STEP_MS or not pulse.complete:
                return
        self._recent_ms = pulse.end_ms
        angry, scored = self._recent_open
        self._recent_open = (angry + pulse.counts.angry, scored + pulse.counts.scored)
        if pulse.end_ms % STEP_MS == 0:
            self._recent = [*self._recent, self._recent_open][-FAR_STEPS:]
            self._recent_open = (0, 0)

    def _learn_step(self, end_ms: int) -> None:
        negative, scored = self._open_negative, self._open_scored
        self._open_negative = self._open_scored = 0
        self._learnt_ms += STEP_MS
        steps = self._steps
        steps.append((negative, scored))
        if len(steps) > 4:
            del steps[0]
        if len(steps) == 4 and end_ms % HOUR_MS == 0:
            hour_negative, hour_scored = sum(n for n, _ in steps), sum(s for _, s in steps)
            if hour_scored > 1:
                self._learn_clumping(hour_negative, hour_scored)
        keep = 1.0 - self._weight
        self._negative = self._negative * keep + self._held(negative, scored)
        self._scored = self._scored * keep + scored
        self._learnt()

    def _learn_clumping(self, negative: int, scored: int) -> None:
        usual = self._usual()
        chance = usual * (1.0 - usual)
        away = self._held(negative, scored) - scored * usual
        pairs = scored - 1
        # Var = n p (1 - p) (1 + (n - 1) rho). Each hour is one throw of the mood, however many posts it has: it is
        # worth the more, the less of its share is chance, and one flood does not outweigh a hundred hours.
        rho = (away * away / (scored * chance) - 1.0) / pairs
        worth = (pairs * PRIOR_CLUMPING / (1.0 + pairs * PRIOR_CLUMPING)) ** 2
        keep = 1.0 - self._hour_weight
        self._clumped = self._clumped * keep + worth * rho
        self._hours = self._hours * keep + worth
        self._learnt()

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
            "sums": hexed((self._negative, self._scored)),
            "moods": hexed((self._clumped, self._hours)),
            "learnt_ms": self._learnt_ms,
            "volume": self._volume.snapshot() if self._owned else {},
            "extremes": self._extremes.snapshot(),
            "recent": [list(step) for step in self._recent],
            "recent_open": list(self._recent_open),
            "recent_ms": self._recent_ms,
            "steps": [list(step) for step in self._steps],
            "open": [self._open_negative, self._open_scored],
            "next_ms": self._next_ms,
            "active": self._active,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], volume: Surge | None = None) -> Self:
        """The inverse of `snapshot`; `volume` as when it was made."""
        self = cls(volume)
        self._negative, self._scored = (float.fromhex(x) for x in state["sums"][:2])
        self._clumped, self._hours = (float.fromhex(x) for x in state.get("moods", ("0x0p0", "0x0p0")))
        self._learnt()
        self._learnt_ms = state["learnt_ms"]
        if self._owned:
            self._volume.resume(state["volume"])
        self._extremes = HeavyExtremes.restore(state["extremes"], ANGER_PRIOR)
        self._recent = [(angry, scored) for angry, scored in state["recent"]]
        self._recent_open = (state["recent_open"][0], state["recent_open"][1])
        self._recent_ms = state["recent_ms"]
        self._steps = [(n, s) for n, s in state["steps"]]
        self._open_negative, self._open_scored = state["open"]
        self._next_ms = state["next_ms"]
        self._active = state["active"]
        return self


def _mood(usual: float, times: float, of_crowd: float) -> tuple[float, float]:
    """The natural logarithm of how many times likelier a post is angry, and is not, where a crowd of so many times the
    usual posts has joined, of which such a share is angry.
    """
    of_crowd = max(of_crowd, CROWD_ODDS * usual / (1.0 - usual + CROWD_ODDS * usual))
    joined = times / (1.0 + times)
    share = joined * of_crowd + (1.0 - joined) * usual
    return math.log(share / usual), math.log((1.0 - share) / (1.0 - usual))


def _people(angry: int, voices: int, texts: int) -> int:
    """How many are angry, each voice and each text counted once; unknown ones do not block."""
    if 0 < voices < angry:
        angry = voices
    return texts if 0 < texts < angry else angry


def _apart(count: int, held: int, voices: int, texts: int) -> int:
    """A count, had each voice and each text that is known counted once. Where more is counted than is `held`, the share
    of what is held stands for the whole.
    """
    least = _people(min(count, held), voices, texts)
    return least if count <= held else least * count // max(1, held)
