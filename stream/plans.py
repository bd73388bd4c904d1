"""Planned events: campaigns, launches, matches. While one holds, more posts than usual are no surprise. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from stream.codec import HOUR_MS

TAIL_MS = HOUR_MS
"""What people say about a match does not end with it: so long after its end a plan still holds."""


class Plan(msgspec.Struct, frozen=True, order=True):
    """One planned event, `[start_ms, end_ms)`."""

    start_ms: int
    end_ms: int
    name: str
    kind: str = "event"
    """What sort of event, as its calendar says: match, launch, campaign; `event` where it says nothing."""


class PlannedTimes:
    """The plans of one brand, to be asked about an instant. Each of them holds until `TAIL_MS` after its end.

    >>> times = PlannedTimes([Plan(1_000, 2_000, "cup final", "match")])
    >>> times.at(1_500).name, times.at(2_000 + TAIL_MS) is None, times.touch(0, 1_000), times.touch(0, 1_001)
    ('cup final', True, False, True)
    """

    __slots__ = ("_plans", "_starts", "_until")

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = sorted(plans)
        self._starts = [plan.start_ms for plan in self._plans]
        self._until = list(accumulate((plan.end_ms + TAIL_MS for plan in self._plans), max))
        """Until when the plan, or one that began before it, holds: never falls."""

    def at(self, at_ms: int) -> Plan | None:
        """The plan that holds now; of several the one that began last."""
        for plan in reversed(self._between(at_ms, at_ms + 1)):
            if at_ms < plan.end_ms + TAIL_MS:
                return plan
        return None

    def touch(self, from_ms: int, until_ms: int) -> bool:
        """Whether a plan holds somewhere in `[from_ms, until_ms)`."""
        return any(from_ms < plan.end_ms + TAIL_MS for plan in self._between(from_ms, until_ms))

    def _between(self, from_ms: int, until_ms: int) -> list[Plan]:
        """The plans that may hold there: those behind the last stretch without any, that began in time."""
        return self._plans[bisect_right(self._until, from_ms) : bisect_left(self._starts, until_ms)]
