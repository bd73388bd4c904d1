"""One conversation, or one text that many copy, that outgrows what this brand's conversations do."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from detectors.baseline import PAGE_SCORE, SETTLED_MS, WARM_UP_MS, DailyMaxima, score_of
from detectors.budget import Verdict
from detectors.detector import Signal, SignalKind, Standing
from detectors.growth import forecast
from stream.codec import HOUR_MS, MINUTE_MS
from stream.sketches import distinct_bits
from stream.window import OPEN_END, OPEN_MINUTES, ClosedMinute, Thread, Window, floor

AGES_MS = tuple(minutes * MINUTE_MS for minutes in (10, 20, 30, 45, 60, 90))
"""Conversations are compared with others of their age."""
FEWEST_POSTS = 10
FEWEST_VOICES = 8
COLD_FEWEST_VOICES = 12
COPIES_FEWEST_VOICES = 12
"""A text that many copy needs more: jokes and headlines travel without anybody being angry."""
FEWEST_PAGE_VOICES = 20
FEWEST_PAGE_LIKES = 150
FEWEST_LIKES = 50
"""Likes and reposts as the platform counts them: so many in an hour and a half, and no fewer, are worth a look."""
COLD_FEWEST_LIKES = 200
DAYS_BELOW_MILLI = 850
"""Two wild days in a fortnight move no bar: they lie above it."""
COPIES_SHARE_MILLI = 50
"""A text that spreads is worth a word from this share of the hour's posts on: at a large brand a dozen copies are a
quiz, an advertisement, a song."""
PAGE_RATIO_MILLI = 2_000
MOSTLY_MILLI = 500
COPIES_TRACKED = 200
RECENT_MS = 30 * MINUTE_MS


TABLES = ("threads", "copies", "likes")


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One thread or cluster beyond the brand's own; the furthest beyond comes first, then the elder, then by key."""

    ratio: int
    thread: Thread
    cluster: bool
    people: int
    """Distinct voices, or likes and reposts: whichever is further beyond."""
    usual: int
    liked: bool = False
    """Whether `people` are likes and reposts."""

    @property
    def negative(self) -> bool:
        """Whether what spreads is a complaint: most of what could be judged, or the first post with few to praise it.

        Reposts and quotes of a complaint say little themselves, in whatever language: they spread it all the same.
        """
        thread = self.thread
        judged = thread.posts if self.cluster else thread.scored
        if judged and thread.negative * 1000 >= MOSTLY_MILLI * judged:
            return True
        return bool(thread.root_negative) and thread.positive * 3 <= thread.posts

    @property
    def pages(self) -> bool:
        """Far beyond, many people, and a complaint.

        A headline that many pass on is one text with one mood: it tells how far it goes, not how many are angry.
        """
        fewest = FEWEST_PAGE_LIKES if self.liked else FEWEST_PAGE_VOICES
        return self.ratio >= PAGE_RATIO_MILLI and self.people >= fewest and self.negative and not self.cluster

    @property
    def rank(self) -> tuple[int, int, str]:
        """Least first."""
        return (-self.ratio, self.thread.first_ms, self.thread.key)


class ViralThread:
    """Signal when one thread or copy-paste cluster has more distinct voices than those of this brand at its age.

    Counts voices, not posts: two people quarrelling are no crowd. The bar for an age is what the biggest
    conversation of a day stayed below on six days of seven, and at least 8 voices in 10 posts (12 for copies, and until
    three days are learnt). A conversation older than the open minutes is judged by what it gained in them. It must
    still be growing: a quarter of its posts in the last half hour.

    Likes and reposts, where a source tells of them, are a second measure beside the voices: of one first post, against
    those of this brand's posts at that age, and at least 50.

    Pages only where it is a complaint and has twice the voices of the bar, and at least 20 (likes: 150).
    """

    kind: ClassVar[SignalKind] = "virality"

    def __init__(self) -> None:
        self._learnt_ms = 0
        self._threads = [DailyMaxima() for _ in AGES_MS]
        self._copies = [DailyMaxima() for _ in AGES_MS]
        self._likes = [DailyMaxima() for _ in AGES_MS]
        self._held = [[0] * len(AGES_MS) for _ in range(len(TABLES))]
        """How far the conversations of the incident under way got: learnt if it turns out to be a false alarm."""
        self._seen_ms = -1
        """Start of the last minute that was learnt from."""
        self._growing: dict[str, tuple[int, list[int]]] = {}
        """Clusters under way: when they began, and the most voices they had by each age. No closed minute tells."""
        self._tracked: dict[str, tuple[int, str, int]] = {}
        """Of those: beginning and voices when last looked at, and until when their age is the same. Rebuilt at need,
        never snapshotted."""
        self._active = False

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The finding that is furthest beyond, or `None`."""
        self._active = False
        copied = window.busy_clusters
        self._track_all(copied, window.at_ms)
        found = self._furthest(window)
        if found is None:
            return None
        self._active = True
        return _signal(found, window)

    def standing(self, window: Window) -> Standing:
        """How far what is furthest beyond the brand's own is; nothing below a notice is measured. Changes nothing."""
        found = self._furthest(window)
        warm, page = self._learnt_ms >= WARM_UP_MS, PAGE_RATIO_MILLI
        if found is None:
            return Standing("virality", notice=1000, page=page, warm=warm)
        told = _signal(found, window)
        return Standing("virality", told.score, found.ratio, 1000, page, told.window_ms, warm)

    def _furthest(self, window: Window) -> Finding | None:
        if self._learnt_ms < WARM_UP_MS:
            return None
        beyond = [self._judge(thread, False, window) for thread in _large(window.busy_threads)]
        if window.busy_clusters:
            copied = _large(window.busy_clusters, _fewest_copies(window))
            beyond += [self._judge(cluster, True, window) for cluster in copied]
        beyond += [self._judge_likes(thread, window) for thread in window.busy_threads.values() if thread.endorsed]
        found = [finding for finding in beyond if finding is not None] if beyond else []
        return min(found, key=lambda finding: finding.rank) if found else None

    def due_ms(self, window: Window) -> int | None:
        """While a finding lasts: when the next minute slides out of view."""
        return floor(window.at_ms - 1, window.bucket_ms) + window.bucket_ms + 1 if self._active else None

    def _judge(self, thread: Thread, copies: bool, window: Window) -> Finding | None:
        voices = distinct_bits(int(thread.voices, 16))
        if voices < FEWEST_VOICES:
            return None
        age_ms = max(0, window.at_ms - thread.first_ms)
        usual = (self._copies if copies else self._threads)[_age_index(age_ms)].quantile_milli(DAYS_BELOW_MILLI)
        least = COPIES_FEWEST_VOICES if copies else FEWEST_VOICES
        bar = max(least if self._learnt_ms >= SETTLED_MS else COLD_FEWEST_VOICES, usual + 1)
        if voices < bar:
            return None  # most end here, before anything is added up
        if age_ms > AGES_MS[-1]:
            gained = _posts_since(thread, window.horizon_ms)
            if gained < FEWEST_POSTS:
                return None
            voices = voices * gained // max(gained, thread.posts)
        if _posts_since(thread, window.at_ms - RECENT_MS) * 4 < thread.posts:
            return None
        ratio = voices * 1000 // bar
        return Finding(ratio, thread, copies, voices, usual) if ratio >= 1000 else None

    def _judge_likes(self, thread: Thread, window: Window) -> Finding | None:
        likes = thread.endorsements
        if likes < FEWEST_LIKES:
            return None
        age_ms = max(0, window.at_ms - thread.first_ms)
        usual = self._likes[_age_index(age_ms)].quantile_milli(DAYS_BELOW_MILLI)
        bar = max(FEWEST_LIKES if self._learnt_ms >= SETTLED_MS else COLD_FEWEST_LIKES, usual + 1)
        if age_ms > AGES_MS[-1]:
            likes -= _likes_at(thread, window.horizon_ms)
        # As with posts, it must still be growing: a quarter of its likes in the last half hour.
        grown = thread.endorsements - _likes_at(thread, window.at_ms - RECENT_MS)
        if likes < bar or grown * 4 < likes:
            return None
        return Finding(likes * 1000 // bar, thread, False, likes, usual, liked=True)

    def _track_all(self, copied: Mapping[str, Thread], at_ms: int) -> None:
        # Who gets the last places must not hang on a table's order: a restored one has another.
        scarce = len(self._growing) + len(copied) > COPIES_TRACKED
        for key, cluster in sorted(copied.items()) if scarce else copied.items():
            tracked = self._tracked.get(key)
            # Only a new voice, or another age, tells something new; most clusters have neither most of the time.
            if tracked is None or tracked[:2] != (cluster.first_ms, cluster.voices) or at_ms > tracked[2]:
                self._track(key, cluster, at_ms)

    def _track(self, key: str, cluster: Thread, at_ms: int) -> None:
        held = self._growing.get(key)
        if held is None:
            if len(self._growing) >= COPIES_TRACKED:
                return
            held = self._growing[key] = (cluster.first_ms, [0] * len(AGES_MS))
        index = _age_index(at_ms - cluster.first_ms)
        most = held[1]
        most[index] = max(most[index], distinct_bits(int(cluster.voices, 16)))
        until_ms = cluster.first_ms + AGES_MS[index] if index < len(AGES_MS) - 1 else OPEN_END
        self._tracked[key] = (cluster.first_ms, cluster.voices, until_ms)

    # -- learning --------------------------------------------------------------------------------------------------

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn how far the conversations that began in this minute got by each age; an incident's wait for its end."""
        pulse = closed.pulse
        ended = [k for k, (first_ms, _) in self._growing.items() if first_ms < pulse.end_ms] if self._growing else []
        copies = [self._growing.pop(key)[1] for key in ended]
        for key in ended:
            self._tracked.pop(key, None)
        if not pulse.complete:
            return
        if allowed:
            self._learnt_ms += pulse.end_ms - pulse.start_ms
            self._seen_ms = pulse.start_ms
        for most in copies:
            self._reached(1, [max(most[: at + 1]) for at in range(len(AGES_MS))], allowed=allowed)
        for thread in closed.threads:
            if thread.posts > 1:
                self._reached(0, _voices_by_age(thread), allowed=allowed)
            if thread.endorsed:
                likes = [_likes_at(thread, thread.first_ms + age_ms) for age_ms in AGES_MS]
                self._reached(2, likes, allowed=allowed)

    def _reached(self, table: int, by_age: list[int], *, allowed: bool) -> None:
        if not allowed:
            self._held[table] = [max(pair) for pair in zip(self._held[table], by_age, strict=True)]
            return
        for days, reached in zip((self._threads, self._copies, self._likes)[table], by_age, strict=True):
            days.see(self._seen_ms, reached)

    def judged(self, verdict: Verdict) -> None:
        """The incident under way ended. What was a false alarm is what happens at this brand."""
        held, self._held = self._held, [[0] * len(AGES_MS) for _ in TABLES]
        if verdict in {"false_alarm", "unclaimed"} and self._seen_ms >= 0:
            for table, by_age in enumerate(held):
                if any(by_age):
                    self._reached(table, by_age, allowed=True)

    # -- state -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {
            "learnt_ms": self._learnt_ms,
            "threads": [days.snapshot() for days in self._threads],
            "copies": [days.snapshot() for days in self._copies],
            "likes": [days.snapshot() for days in self._likes],
            "held": [list(by_age) for by_age in self._held],
            "seen_ms": self._seen_ms,
            "growing": {key: [first_ms, list(most)] for key, (first_ms, most) in sorted(self._growing.items())},
            "active": self._active,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        self = cls()
        self._learnt_ms = state["learnt_ms"]
        self._threads = [DailyMaxima.restore(s) for s in state["threads"]]
        self._copies = [DailyMaxima.restore(s) for s in state["copies"]]
        self._likes = [DailyMaxima.restore(s) for s in state["likes"]]
        self._held = [list(by_age) for by_age in state["held"]]
        self._seen_ms = state["seen_ms"]
        self._growing = {key: (first_ms, list(most)) for key, (first_ms, most) in state["growing"].items()}
        self._active = state["active"]
        return self


def _age_index(age_ms: int) -> int:
    return min(bisect_left(AGES_MS, age_ms), len(AGES_MS) - 1)


def _large(table: Mapping[str, Thread], fewest: int = FEWEST_POSTS) -> list[Thread]:
    return [thread for thread in table.values() if thread.posts >= fewest]


def _fewest_copies(window: Window) -> int:
    return max(FEWEST_POSTS, window.tally(HOUR_MS).mentions * COPIES_SHARE_MILLI // 1000)


def _voices_by_age(thread: Thread) -> list[int]:
    """Voices are known as they ended; by an age they were about as many as the share of posts says."""
    voices = distinct_bits(int(thread.voices, 16))
    by_age = []
    for age_ms in AGES_MS:
        posts = sum(n for minute, n in thread.by_minute.items() if minute < thread.first_ms + age_ms)
        by_age.append(voices * min(posts, thread.posts) // thread.posts)
    return by_age


def _posts_since(thread: Thread, from_ms: int) -> int:
    return sum(n for minute, n in thread.by_minute.items() if minute >= from_ms)


def _likes_at(thread: Thread, at_ms: int) -> int:
    """Likes and reposts as last observed before a time; the first observation of all, when it came later.

    What a post already had when somebody first looked is no growth.
    """
    before = [count for minute, count in thread.endorsed.items() if minute < at_ms]
    if before:
        return max(before)
    return thread.endorsed[min(thread.endorsed)] if at_ms > thread.first_ms + RECENT_MS else 0


def _signal(found: Finding, window: Window) -> Signal:
    thread = found.thread
    judged = thread.posts if found.cluster else thread.scored
    age_ms = max(0, window.at_ms - thread.first_ms)
    score = score_of(found.ratio, 1000, PAGE_RATIO_MILLI)
    evidence: dict[str, int | str] = {
        ("cluster" if found.cluster else "thread"): thread.key,
        "posts": thread.posts,
        "voices": distinct_bits(int(thread.voices, 16)),
        "negative_share_milli": thread.negative * 1000 // judged if judged else 0,
        "complaint": int(found.negative),
        "age_minutes": age_ms // MINUTE_MS,
        "growth": _posts_since(thread, window.at_ms - 10 * MINUTE_MS),
        "ratio_milli": found.ratio,
    }
    known = {"replies": thread.replies, "reposts": thread.reposts, "quotes": thread.quotes, "reach": thread.reach}
    evidence |= {name: amount for name, amount in known.items() if amount}
    if thread.endorsed:
        evidence["likes"] = thread.endorsements
    ahead = forecast(thread.by_minute, thread.first_ms, window.at_ms)
    if ahead is not None:
        evidence |= ahead.as_evidence()
    return Signal(
        kind="virality",
        score=score if found.pages else min(score, PAGE_SCORE - 1),
        page=found.pages,
        observed=found.people,
        expected=found.usual,
        since_ms=thread.first_ms,
        window_ms=min(max(age_ms, window.bucket_ms), OPEN_MINUTES * MINUTE_MS),
        evidence=evidence,
    )
