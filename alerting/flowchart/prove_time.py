"""Time in a proof: the instants at which anything changes, so that one instant stands for all between two of them."""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple, TypeVar

from alerting.assessment import WEEKDAYS
from stream.codec import MINUTE_MS
from stream.zones import local

QUARTER_MS = 15 * MINUTE_MS
"""Every zone of today is a whole number of quarters away from UTC, so an hour begins on one of these."""

TIME_FACTS = ("hour", "weekday", "business_hours")
_T = TypeVar("_T", bound=Hashable)


class Piece(NamedTuple):
    """A span `[low_ms, high_ms)` of instants."""

    low_ms: int
    high_ms: int


class Clock:
    """What conditions see of the time of day in one zone, as spans in which it stays the same.

    >>> clock = Clock("Europe/Amsterdam", 1_792_882_800_000, 1_792_893_600_000)  # the night the clock goes back
    >>> [(clock.facts_at(at_ms)["hour"], (until_ms - at_ms) // 3_600_000) for at_ms, until_ms in clock.hours]
    [(1, 1), (2, 2)]
    """

    def __init__(self, zone: str, from_ms: int, until_ms: int) -> None:
        self.zone = zone
        self.hours: list[Piece] = []
        self._facts: list[dict[str, object]] = []
        low_ms = from_ms - from_ms % QUARTER_MS
        for at_ms in range(low_ms, until_ms, QUARTER_MS):
            facts = time_facts(at_ms, zone)
            if self._facts and self._facts[-1] == facts:
                self.hours[-1] = Piece(self.hours[-1].low_ms, at_ms + QUARTER_MS)
            else:
                self.hours.append(Piece(at_ms, at_ms + QUARTER_MS))
                self._facts.append(facts)
        self._starts = [piece.low_ms for piece in self.hours]

    def facts_at(self, at_ms: int) -> dict[str, object]:
        """Hour, weekday and business hours at an instant."""
        index = bisect_right(self._starts, at_ms) - 1
        if index < 0 or at_ms >= self.hours[index].high_ms:
            return time_facts(at_ms, self.zone)
        return self._facts[index]

    def next_change_ms(self, at_ms: int) -> int:
        """When the hour next changes after an instant."""
        index = bisect_right(self._starts, at_ms)
        return self._starts[index] if index < len(self._starts) else at_ms - at_ms % QUARTER_MS + QUARTER_MS

    def runs(self, low_ms: int, high_ms: int, ask: Callable[[dict[str, object]], _T]) -> Iterator[tuple[Piece, _T]]:
        """The longest spans within which `ask` says the same of the time of day."""
        at_ms, said = low_ms, ask(self.facts_at(low_ms))
        next_ms = self.next_change_ms(low_ms)
        while next_ms < high_ms:
            now = ask(self.facts_at(next_ms))
            if now != said:
                yield Piece(at_ms, next_ms), said
                at_ms, said = next_ms, now
            next_ms = self.next_change_ms(next_ms)
        yield Piece(at_ms, high_ms), said


def time_facts(at_ms: int, zone: str) -> dict[str, object]:
    """What a condition sees of the time of day in a zone.

    >>> time_facts(1_792_886_400_000, "Europe/Amsterdam")
    {'hour': 2, 'weekday': 7, 'business_hours': False}
    """
    when = local(at_ms, zone)
    weekday = when.isoweekday()
    return {"hour": when.hour, "weekday": weekday, "business_hours": weekday <= WEEKDAYS and 9 <= when.hour < 18}


class Seen:
    """Which instants a search has been to, by what else it knows there: a set of spans that only grows."""

    def __init__(self) -> None:
        self._spans: dict[Hashable, list[Piece]] = {}

    def new(self, key: Hashable, low_ms: int, high_ms: int) -> list[Piece]:
        """What of a span was not seen under this key before; from now on it was.

        >>> seen = Seen()
        >>> seen.new("a", 0, 10), seen.new("a", 5, 15), seen.new("a", 2, 9)
        ([Piece(low_ms=0, high_ms=10)], [Piece(low_ms=10, high_ms=15)], [])
        """
        spans = self._spans.setdefault(key, [])
        fresh: list[Piece] = []
        at_ms = low_ms
        first = max(bisect_right(spans, (low_ms, low_ms)) - 1, 0)
        last = first
        while last < len(spans) and spans[last].low_ms < high_ms:
            if spans[last].high_ms > at_ms:
                if spans[last].low_ms > at_ms:
                    fresh.append(Piece(at_ms, spans[last].low_ms))
                at_ms = max(at_ms, spans[last].high_ms)
            last += 1
        if at_ms < high_ms:
            fresh.append(Piece(at_ms, high_ms))
        if fresh:
            spans[first:last] = _joined([*spans[first:last], *fresh])
        return fresh


def _joined(spans: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for span in sorted(spans):
        if joined and span.low_ms <= joined[-1].high_ms:
            joined[-1] = Piece(joined[-1].low_ms, max(joined[-1].high_ms, span.high_ms))
        else:
            joined.append(span)
    return joined
