"""A source that is silent, late or capped: then the brand is blind, not calm."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from detectors.baseline import PAGE_SCORE, DailyMaxima, score_of
from detectors.detector import NOTICE, Signal, SignalKind
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.window import OPEN_END, ClosedMinute, SourceState, Window, doubted_until_ms, floor

LEAST_GAP_MS = 15 * MINUTE_MS
LEAST_EXPECTED = 16
"""Posts that must be missing: were they independent, chance would bring such a gap once in e^16 tries."""
COLD_EXPECTED = 200
"""The same before three days are learnt: a night that was never seen may well be that quiet."""
SETTLED_HOURS = 72
PAST_GAPS = 3
"""A gap is no accident when it misses three times what the worst gap of the last weeks missed."""
GAPS_KEPT_DAYS = 28
WEEK = 7
SHRINK_HOURS = 2
FURTHEST_MS = 14 * DAY_MS
SOURCES_KEPT = 64
MICRO = 1_000_000
_UNIT = MICRO * HOUR_MS
"""Expected posts are exact integers: millionths of a post an hour, times milliseconds."""
OUT_SCORE = 900
LOUD_POSTS = 40
"""A source that brought so many in a quarter of an hour is not silent for the whole of the next: a crisis ebbs."""
SHORT_MS = 15 * MINUTE_MS
LONG_MS = HOUR_MS
TALKING_MS = 5 * MINUTE_MS
"""Heard within this time, and with old posts alone: it lags."""
"""A source that goes on with less than it brings is looked at over these; a large one is told by the shorter."""
PARTLY_MILLI = 250
"""Less than a quarter of the usual is an outage, while the other sources bring at least ..."""
OTHERS_MILLI = 600
"""... so much of theirs. Where nothing else is heard, a quiet hour and half a source look the same: nothing is said."""
BACK_MILLI = 500
"""A quarter of an hour with half of the usual, and it is back."""
PARTLY_EXPECTED = 40
"""Posts that must be missing: by chance alone once in e^20 such hours. Source: Chernoff's bound for a Poisson count,
at a mean of 54 and a quarter of it."""
PAST_SHORTFALLS_MILLI = 1_500
"""... and half as many again as were missing in this source's poorest ordinary hour of the last weeks."""
ANGRY_SHARE_MILLI = 300
_REPORTED = ("silent", "lagging", "capped")
_STATES = ("silent", "lagging", "capped", "partial")


class Outage(msgspec.Struct, frozen=True, gc=False):
    """One source that does not deliver."""

    source: str
    state: str
    since_ms: int
    missing: int
    score: int

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """Least first: silence before lag before a cap, what misses most before the rest."""
        return (_STATES.index(self.state), -self.missing, self.since_ms, self.source)


class SourceRhythm(msgspec.Struct):
    """How many posts an hour a source brings to this brand, by hour of the day (UTC), in millionths of a post."""

    hours: int = 0
    usual: int = 0
    by_hour: list[int] = msgspec.field(default_factory=lambda: [0] * 24)
    seen: list[int] = msgspec.field(default_factory=lambda: [0] * 24)
    heard_ms: int = -1
    """End of the last learnt minute with a post, while nothing was missed since (-1: a gap cannot be told)."""
    count: int = 0
    gaps: list[Any] = msgspec.field(default_factory=lambda: DailyMaxima(GAPS_KEPT_DAYS).snapshot())
    """Posts that the longest gap of each day seemed to miss."""
    shortfalls: list[Any] = msgspec.field(default_factory=lambda: DailyMaxima(GAPS_KEPT_DAYS).snapshot())
    """Posts that the poorest hour of each day seemed to miss."""

    def learn_hour(self, start_ms: int) -> None:
        """One whole hour from `start_ms` is over; `count` posts came in it."""
        hour = start_ms // HOUR_MS % 24
        if self.hours >= 24:
            days = DailyMaxima.restore(self.shortfalls, GAPS_KEPT_DAYS)
            days.see(start_ms, max(0, self.rate(hour) // MICRO - self.count))
            self.shortfalls = days.snapshot()
        value = self.count * MICRO
        self.count = 0
        self.hours += 1
        self.usual += (value - self.usual) // min(self.hours, 4 * 24)
        self.seen[hour] = min(self.seen[hour] + 1, WEEK)
        self.by_hour[hour] += (value - self.by_hour[hour]) // self.seen[hour]

    def rate(self, hour: int) -> int:
        """Millionths of a post an hour: what this hour of the day brought, shrunk towards the whole."""
        seen = self.seen[hour]
        return (self.by_hour[hour] * seen + self.usual * SHRINK_HOURS) // (seen + SHRINK_HOURS)

    def missing_units(self, from_ms: int, until_ms: int) -> int:
        """What was to be expected between two times, in `_UNIT`s of a post."""
        total = 0
        until_ms = min(until_ms, from_ms + FURTHEST_MS)
        while from_ms < until_ms:
            hour_end = min(from_ms - from_ms % HOUR_MS + HOUR_MS, until_ms)
            total += self.rate(from_ms // HOUR_MS % 24) * (hour_end - from_ms)
            from_ms = hour_end
        return total

    def needed(self) -> int:
        """How many posts must be missing before a gap is a silence."""
        past = DailyMaxima.restore(self.gaps, GAPS_KEPT_DAYS).greatest
        return max(LEAST_EXPECTED if self.hours >= SETTLED_HOURS else COLD_EXPECTED, PAST_GAPS * past)

    def short_by(self) -> int:
        """How many posts of an hour must be missing before a source that goes on is out in part."""
        past = DailyMaxima.restore(self.shortfalls, GAPS_KEPT_DAYS).greatest
        return max(PARTLY_EXPECTED, PAST_SHORTFALLS_MILLI * past // 1000)

    def silent_from(self, last_ms: int) -> int | None:
        """The first millisecond at which a gap since `last_ms` is a silence; `None`: not within a fortnight."""
        left = self.needed() * _UNIT
        at_ms, end_ms = last_ms, last_ms + FURTHEST_MS
        while at_ms < end_ms:
            hour_end = at_ms - at_ms % HOUR_MS + HOUR_MS
            rate = self.rate(at_ms // HOUR_MS % 24)
            if rate * (hour_end - at_ms) >= left:
                return max(at_ms - (-left // rate), last_ms + LEAST_GAP_MS)
            left -= rate * (hour_end - at_ms)
            at_ms = hour_end
        return None


class FeedSilence:
    """Signal while a source is silent by its own rhythm for this brand, or says itself that it lags or is capped.

    A gap is a silence when it lasts 15 minutes, when 16 posts should have come by the source's own rate at these
    hours of the day, and when that is three times what the worst gap of the last four weeks missed. So the night of a
    small brand is a night, and a source of 400 an hour is missed within the hour. All in integers, so that `due_ms`
    is exact: at that millisecond the finding is there, one before it is not.

    One that brought forty posts in a quarter of an hour and none in the next is silent too, whatever the hour is like:
    so it is told when it is lost at the peak of a crisis.

    A source that goes on with less than a quarter of its usual posts while the others do not fall is out in part. One
    that brings posts, and none of them younger than a quarter of an hour, lags, whether it says so or not.

    Never pages for the brand: it is about ourselves. A source that was never heard is not known here.
    """

    kind: ClassVar[SignalKind] = "feed"

    def __init__(self) -> None:
        self._rhythms: dict[str, SourceRhythm] = {}
        self._hour_ms = -1
        """Start of the hour under way, learnt from its first minute on (-1: wait for an hour to begin)."""
        self._next_ms = -1
        self._partly: dict[str, int] = {}
        """Sources that are out in part, and since when."""
        self._due: dict[str, tuple[int, int | None]] = {}
        """Source -> (last heard, when silent): spares the walk over the hours. Rebuilt at need, never snapshotted."""
        self._expecting: dict[str, tuple[int, tuple[int, int, int]]] = {}
        """Source -> (bucket, what is expected in it). As `_due`."""

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The worst outage, or `None` when every source is heard."""
        outages = []
        for source, state in window.sources.items():
            outage = self._heard_badly(source, state, window)
            if outage is not None:
                outages.append(outage)
        if not outages:
            return None
        worst = min(outages, key=lambda o: o.rank)
        # A source that says itself that it is out may never have brought a post of this brand.
        heard_ms = window.sources[worst.source].last_ms or worst.since_ms
        gap_ms = max(0, window.at_ms - heard_ms)
        return Signal(
            kind="feed",
            score=worst.score,
            page=False,
            observed=0,
            expected=worst.missing,
            since_ms=worst.since_ms,
            window_ms=max(0, window.at_ms - worst.since_ms),
            evidence={
                "source": worst.source,
                "state": worst.state,
                "gap_minutes": gap_ms // MINUTE_MS,
                "expected_posts": worst.missing,
                "sources_out": len(outages),
            },
        )

    def _heard_badly(self, source: str, state: SourceState, window: Window) -> Outage | None:
        if state.status in _REPORTED:
            since_ms = state.status_since_ms or state.last_ms
            missing = self._missing(source, state.last_ms, window.at_ms)
            return Outage(source, state.status, since_ms, missing, OUT_SCORE)
        if window.at_ms - state.last_ms >= LEAST_GAP_MS:
            silent_ms = self._silent_ms(source, state.last_ms, window)
            if silent_ms is None or window.at_ms < silent_ms:
                return None
            missing = self._missing(source, state.last_ms, window.at_ms)
            score = max(NOTICE, score_of(missing, self._rhythms[source].needed(), 3000))
            return Outage(source, "silent", state.last_ms, missing, score)
        return self._half_heard(source, window)

    def _half_heard(self, source: str, window: Window) -> Outage | None:
        """A source that goes on, but late or with a part of what it has."""
        rhythm = self._rhythms.get(source)
        if rhythm is None or rhythm.hours < SETTLED_HOURS:
            return None
        talks = window.at_ms - window.sources[source].last_ms < TALKING_MS
        if talks and window.tally(SHORT_MS).sources.get(source, 0) == 0:
            from_ms = window.starts(SHORT_MS)[0]
            missing = rhythm.missing_units(from_ms, window.at_ms) // _UNIT
            if missing >= max(LEAST_EXPECTED, self._expected(source, window)[2] // 4):
                return Outage(source, "lagging", from_ms, missing, OUT_SCORE)
        since_ms = self._partly_since(source, window)
        if since_ms is None:
            self._partly.pop(source, None)
            return None
        self._partly[source] = since_ms
        missing = max(0, rhythm.missing_units(since_ms, window.at_ms) // _UNIT - _posts(source, since_ms, window))
        return Outage(source, "partial", since_ms, missing, OUT_SCORE)

    def _partly_since(self, source: str, window: Window) -> int | None:
        """Since when a source has brought but a part of its posts; `None` when it has not."""
        held_ms = self._partly.get(source)
        short, long, least = self._expected(source, window)
        if held_ms is not None:
            # It is over when a quarter of an hour is ordinary again: the hour would remember it for long.
            came = window.tally(SHORT_MS).sources.get(source, 0)
            return held_ms if came * 1000 < BACK_MILLI * short else None
        for span_ms, usual in ((SHORT_MS, short), (LONG_MS, long)):
            if usual < least:
                continue  # so much cannot be missing
            came = window.tally(span_ms).sources.get(source, 0)
            if usual - came >= least and came * 1000 < PARTLY_MILLI * usual:
                # Else the hour holds a silence that was told, or what came before this was back.
                whole = all(end == OPEN_END or end <= window.at_ms - LONG_MS for _, end in window.blind)
                return window.starts(span_ms)[0] if whole and self._others_go_on(source, span_ms, window) else None
        return None

    def _share(self, source: str, span_ms: int, window: Window) -> tuple[int, int]:
        """Posts that came from a source over a span, and those that were to be expected but for the open minute."""
        at = 0 if span_ms == SHORT_MS else 1
        return window.tally(span_ms).sources.get(source, 0), self._expected(source, window)[at]

    def _expected(self, source: str, window: Window) -> tuple[int, int, int]:
        """Posts to be expected over the short span and the long one, and how many must be missing."""
        last_ms = window.last_ms
        held = self._expecting.get(source)
        if held is None or held[0] != last_ms:
            rhythm = self._rhythms[source]
            short, long = (
                rhythm.missing_units(window.starts(span_ms)[0], last_ms) // _UNIT for span_ms in (SHORT_MS, LONG_MS)
            )
            held = self._expecting[source] = (last_ms, (short, long, rhythm.short_by()))
        return held[1]

    def _others_go_on(self, source: str, span_ms: int, window: Window) -> bool:
        came = usual = 0
        for other in self._rhythms:
            state = window.sources.get(other)
            if other != source and state is not None and state.status not in _REPORTED:
                its = self._share(other, span_ms, window)
                came, usual = came + its[0], usual + its[1]
        return usual >= LEAST_EXPECTED and came * 1000 >= OTHERS_MILLI * usual

    def due_ms(self, window: Window) -> int | None:
        """When the first of the gaps under way becomes a silence; gaps that already are one are not waited for.

        While a source is out in part: when the next minute slides out of view.
        """
        due = floor(window.at_ms - 1, window.bucket_ms) + window.bucket_ms + 1 if self._partly else None
        for source, state in window.sources.items():
            if state.status not in _REPORTED:
                silent_ms = self._silent_ms(source, state.last_ms, window)
                if silent_ms is not None and silent_ms > window.at_ms and (due is None or silent_ms < due):
                    due = silent_ms
        return due

    def _missing(self, source: str, from_ms: int, until_ms: int) -> int:
        rhythm = self._rhythms.get(source)
        return rhythm.missing_units(from_ms, until_ms) // _UNIT if rhythm is not None else 0

    def _silent_ms(self, source: str, last_ms: int, window: Window) -> int | None:
        """When a gap since `last_ms` is a silence: by the source's rhythm, or at once where it breaks off loud."""
        silent_ms = self._silent_from(source, last_ms)
        # The hour's sum is at hand and rules out nearly all; where it does not, the minutes before the gap decide.
        if window.tally(LONG_MS).sources.get(source, 0) >= LOUD_POSTS and self._rhythms.get(source) is not None:
            loud_from_ms = floor(last_ms - SHORT_MS, window.bucket_ms)
            if self._rhythms[source].hours >= SETTLED_HOURS and _posts(source, loud_from_ms, window) >= LOUD_POSTS:
                loud_ms = last_ms + LEAST_GAP_MS
                silent_ms = loud_ms if silent_ms is None else min(silent_ms, loud_ms)
        return silent_ms

    def _silent_from(self, source: str, last_ms: int) -> int | None:
        held = self._due.get(source)
        if held is None or held[0] != last_ms:
            rhythm = self._rhythms.get(source)
            if rhythm is None or not rhythm.hours:
                return None
            held = self._due[source] = (last_ms, rhythm.silent_from(last_ms))
        return held[1]

    # -- learning --------------------------------------------------------------------------------------------------

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute. Incomplete or not allowed, it ends every gap under way: what it would say is not known."""
        pulse = closed.pulse
        if not (allowed and pulse.complete):
            self._forget_hour()
            return
        if pulse.start_ms != self._next_ms:
            self._forget_hour()
        self._next_ms = pulse.end_ms
        if self._hour_ms < 0 and pulse.start_ms % HOUR_MS == 0:
            self._hour_ms = pulse.start_ms
        if pulse.counts.sources:
            self._hear(pulse.counts.sources, pulse.start_ms, pulse.end_ms)
        if pulse.end_ms % HOUR_MS == 0:
            self._learn_hour()

    def _hear(self, sources: Mapping[str, int], start_ms: int, end_ms: int) -> None:
        for source in sorted(sources):
            rhythm = self._rhythms.get(source)
            if rhythm is None:
                if len(self._rhythms) >= SOURCES_KEPT:
                    continue
                rhythm = self._rhythms[source] = SourceRhythm()
            rhythm.count += sources[source]
            if 0 <= rhythm.heard_ms < start_ms:
                self._end_gap(rhythm, source, start_ms)
            rhythm.heard_ms = end_ms

    def _end_gap(self, rhythm: SourceRhythm, source: str, start_ms: int) -> None:
        if start_ms - rhythm.heard_ms < MINUTE_MS:
            return
        days = DailyMaxima.restore(rhythm.gaps, GAPS_KEPT_DAYS)
        before = days.greatest
        days.see(start_ms, rhythm.missing_units(rhythm.heard_ms, start_ms) // _UNIT)
        rhythm.gaps = days.snapshot()
        if days.greatest != before:
            self._due.pop(source, None)

    def _learn_hour(self) -> None:
        if self._hour_ms >= 0:
            for rhythm in self._rhythms.values():
                rhythm.learn_hour(self._hour_ms)
            self._due.clear()
            self._expecting.clear()
        else:
            for rhythm in self._rhythms.values():
                rhythm.count = 0
        self._hour_ms = -1

    def _forget_hour(self) -> None:
        self._hour_ms = -1
        self._next_ms = -1
        for rhythm in self._rhythms.values():
            rhythm.count = 0
            rhythm.heard_ms = -1

    # -- state -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {
            "rhythms": {source: msgspec.to_builtins(rhythm) for source, rhythm in sorted(self._rhythms.items())},
            "hour_ms": self._hour_ms,
            "next_ms": self._next_ms,
            "partly": dict(sorted(self._partly.items())),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        self = cls()
        self._rhythms = {
            source: msgspec.convert(rhythm, SourceRhythm) for source, rhythm in sorted(state["rhythms"].items())
        }
        self._hour_ms = state["hour_ms"]
        self._next_ms = state["next_ms"]
        self._partly = dict(state["partly"])
        return self


def doubt_ms(window: Window) -> int:
    """How long what is usual is still in doubt after a blindness that is over; 0 when the brand was heard long enough.

    After a long silence the level may have moved for good, and a source that comes back may bring its backlog with
    fresh times: for as long as it was not heard (a day at most), more posts than usual are no proof of anything. How
    angry they are is judged as ever: a crisis that broke out while nobody listened must not wait.

    >>> doubt_ms(Window(at_ms=5_000, blind=[(0, 3_000)]))
    1000
    """
    if not window.blind:
        return 0
    ended = [span for span in window.blind if span[1] != OPEN_END]
    return max(0, *(doubted_until_ms(span) - window.at_ms for span in ended)) if ended else 0


def hearing_again(window: Window) -> bool:
    """Whether a blindness is over, and the brand was not yet heard for as long as it was not.

    >>> hearing_again(Window(at_ms=5_000, blind=[(0, 3_000)])), hearing_again(Window(at_ms=6_000, blind=[(0, 3_000)]))
    (True, False)
    """
    return doubt_ms(window) > 0


def in_doubt(signals: list[Signal], window: Window) -> list[Signal]:
    """The findings, of which those that lean on what is usual wake nobody while that is in doubt.

    Volume does; so does the number of angry people, which grows with it. A share of negatives that is twice the usual,
    and three in ten, does not: it says the same at any level. What people do in one conversation was all heard.

    >>> more = Signal("volume", 900, True, 500, 50, 0, 60_000)
    >>> in_doubt([more], Window(at_ms=5_000, blind=[(0, 3_000)]))[0].page, in_doubt([more], Window())[0].page
    (False, True)
    """
    if not hearing_again(window):
        return signals
    return [_doubted(signal) if _leans_on_level(signal) else signal for signal in signals]


def _leans_on_level(signal: Signal) -> bool:
    if signal.kind == "negativity":
        return signal.observed < max(ANGRY_SHARE_MILLI, 2 * signal.expected)
    return signal.kind == "volume"


def _doubted(signal: Signal) -> Signal:
    return msgspec.structs.replace(signal, page=False, score=min(signal.score, PAGE_SCORE - 1))


def _posts(source: str, from_ms: int, window: Window) -> int:
    return sum(held.counts.sources.get(source, 0) for start, held in window.minutes.items() if start >= from_ms)
