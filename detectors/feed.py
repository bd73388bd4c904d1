"""A source that is silent, late or capped: then the brand is blind, not calm."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec

from detectors.baseline import DailyMaxima, score_of
from detectors.detector import NOTICE, Signal, SignalKind
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.window import ClosedMinute, Window

LEAST_GAP_MS = 15 * MINUTE_MS
LEAST_EXPECTED = 16
"""Posts that must be missing: were they independent, chance would bring such a gap once in e^16 tries."""
COLD_EXPECTED = 200
"""The same before three days are learnt: a night that was never seen may well be that quiet."""
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
_STATES = ("silent", "lagging", "capped")


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

    def learn_hour(self, hour: int) -> None:
        """One whole hour is over; `count` posts came in it."""
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
        return max(LEAST_EXPECTED if self.hours >= 3 * 24 else COLD_EXPECTED, PAST_GAPS * past)

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

    Never pages for the brand: it is about ourselves. A source that was never heard is not known here.
    """

    kind: ClassVar[SignalKind] = "feed"

    def __init__(self) -> None:
        self._rhythms: dict[str, SourceRhythm] = {}
        self._hour_ms = -1
        """Start of the hour under way, learnt from its first minute on (-1: wait for an hour to begin)."""
        self._next_ms = -1
        self._due: dict[str, tuple[int, int | None]] = {}
        """Source -> (last heard, when silent): spares the walk over the hours. Rebuilt at need, never snapshotted."""

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score_one(self, window: Window) -> Signal | None:
        """The worst outage, or `None` when every source is heard."""
        outages = []
        for source, state in window.sources.items():
            if state.status in _STATES:
                since_ms = state.status_since_ms or state.last_ms
                missing = self._missing(source, state.last_ms, window.at_ms)
                outages.append(Outage(source, state.status, since_ms, missing, OUT_SCORE))
            elif window.at_ms - state.last_ms >= LEAST_GAP_MS:
                silent_ms = self._silent_from(source, state.last_ms)
                if silent_ms is not None and window.at_ms >= silent_ms:
                    missing = self._missing(source, state.last_ms, window.at_ms)
                    score = max(NOTICE, score_of(missing, self._rhythms[source].needed(), 3000))
                    outages.append(Outage(source, "silent", state.last_ms, missing, score))
        if not outages:
            return None
        worst = min(outages, key=lambda o: o.rank)
        gap_ms = max(0, window.at_ms - window.sources[worst.source].last_ms)
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

    def due_ms(self, window: Window) -> int | None:
        """When the first of the gaps under way becomes a silence; gaps that already are one are not waited for."""
        due: int | None = None
        for source, state in window.sources.items():
            if state.status not in _STATES:
                silent_ms = self._silent_from(source, state.last_ms)
                if silent_ms is not None and silent_ms > window.at_ms and (due is None or silent_ms < due):
                    due = silent_ms
        return due

    def _missing(self, source: str, from_ms: int, until_ms: int) -> int:
        rhythm = self._rhythms.get(source)
        return rhythm.missing_units(from_ms, until_ms) // _UNIT if rhythm is not None else 0

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
            hour = self._hour_ms // HOUR_MS % 24
            for rhythm in self._rhythms.values():
                rhythm.learn_hour(hour)
            self._due.clear()
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
        return self
