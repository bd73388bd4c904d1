"""Sector or us: how much a brand's competitors are talked about, against their own usual hour.

Finds nothing by itself and wakes nobody: it says on a page whether the lift is the brand's alone.
"""

from collections.abc import Mapping
from math import isqrt
from typing import Any, NamedTuple, Self

import msgspec

from stream.codec import HOUR_MS
from stream.pulse import RivalCounts
from stream.sketches import distinct
from stream.window import ClosedMinute, Window

KNOWN_HOURS = 24
"""Hours after which a competitor's usual hour is known well enough to be compared with."""
SLOTS = 24
SLOT_MEMORY, MEMORY = 14, 14 * 24
"""Hours of the same time of day, and of any, that make up what is usual."""
HEARD_MINUTES = 30
"""With fewer complete minutes an hour teaches nothing."""
UP_MILLI = 1_500
VOICES = 5
"""A competitor is up with half as many posts again, beyond what chance brings, and from so many people."""


class RivalPast(msgspec.Struct):
    """What is usual for one competitor, in thousandths of a post an hour."""

    hours: int = 0
    usual_milli: int = 0
    slots_milli: list[int] = msgspec.field(default_factory=lambda: [0] * SLOTS)
    slot_hours: list[int] = msgspec.field(default_factory=lambda: [0] * SLOTS)

    def learn(self, slot: int, rate_milli: int) -> None:
        """Learn an hour; once the usual is known, an outburst counts as four usual hours at the most."""
        if self.hours >= KNOWN_HOURS:
            rate_milli = min(rate_milli, 4 * self.usual_milli + 4_000)
        self.hours += 1
        self.usual_milli += (rate_milli - self.usual_milli) // min(self.hours, MEMORY)
        self.slot_hours[slot] += 1
        self.slots_milli[slot] += (rate_milli - self.slots_milli[slot]) // min(self.slot_hours[slot], SLOT_MEMORY)

    def expected_milli(self, slot: int) -> int:
        """Posts in an hour that lies in this slot: its own past, drawn to the whole day while that is short."""
        hours = min(self.slot_hours[slot], SLOT_MEMORY)
        return (hours * self.slots_milli[slot] + 2 * self.usual_milli) // (hours + 2)


class Lift(NamedTuple):
    """How the sector does in the last hour."""

    ratio_milli: int = 0
    """Posts about all known competitors against what is usual for them (0: nothing is known)."""
    up: tuple[str, ...] = ()
    """The competitors who are talked about beyond chance."""


class SectorLift:
    """Learns each competitor's usual hour from closed minutes, and compares the last hour with it.

    >>> SectorLift().lift(Window())
    Lift(ratio_milli=0, up=())
    """

    def __init__(self) -> None:
        self._past: dict[str, RivalPast] = {}
        self._hour = -1
        self._minutes = 0
        self._posts: dict[str, int] = {}

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn a minute, unless it is incomplete or the brand itself was in trouble: that may be the sector's."""
        if not closed.rivals and not self._past and not self._posts:
            return  # no competitor was ever heard of
        hour = closed.pulse.start_ms // HOUR_MS
        if hour != self._hour:
            self._learn_hour()
            self._hour, self._minutes, self._posts = hour, 0, {}
        if allowed and closed.pulse.complete:
            self._minutes += 1
            for name, counts in closed.rivals.items():
                self._posts[name] = self._posts.get(name, 0) + counts.mentions

    def lift(self, window: Window) -> Lift:
        """How the competitors do in the last hour; nothing about those who are not known yet."""
        known = [name for name in sorted(self._past) if self._past[name].hours >= KNOWN_HOURS]
        if not known:
            return Lift()
        heard = window.rivals(HOUR_MS)
        posts = usual_milli = 0
        up = []
        for name in known:
            counts = heard.get(name) or RivalCounts()
            expected_milli = self._expected_milli(name, window.at_ms)
            posts += counts.mentions
            usual_milli += expected_milli
            if _is_up(counts, expected_milli):
                up.append(name)
        return Lift(max(1, posts * 1_000_000 // max(usual_milli, 1_000)), tuple(up))

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON; empty while there is none."""
        if not self._past and not self._posts:
            return {}
        past = {name: msgspec.to_builtins(one) for name, one in sorted(self._past.items())}
        return {"past": past, "hour": self._hour, "minutes": self._minutes, "posts": dict(sorted(self._posts.items()))}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        lift = cls()
        if state:
            lift._past = {name: msgspec.convert(one, RivalPast) for name, one in state["past"].items()}
            lift._hour, lift._minutes, lift._posts = state["hour"], state["minutes"], dict(state["posts"])
        return lift

    def _expected_milli(self, name: str, at_ms: int) -> int:
        """The last hour lies in two hours of the clock, mostly: each counts by its share."""
        past, slot, into_ms = self._past[name], at_ms // HOUR_MS % SLOTS, at_ms % HOUR_MS
        now_milli, before_milli = past.expected_milli(slot), past.expected_milli((slot - 1) % SLOTS)
        return (now_milli * into_ms + before_milli * (HOUR_MS - into_ms)) // HOUR_MS

    def _learn_hour(self) -> None:
        if self._minutes < HEARD_MINUTES:
            return
        for name in sorted({*self._past, *self._posts}):
            rate_milli = self._posts.get(name, 0) * 60_000 // self._minutes
            self._past.setdefault(name, RivalPast()).learn(self._hour % SLOTS, rate_milli)


def _is_up(counts: RivalCounts, expected_milli: int) -> bool:
    beyond_milli = counts.mentions * 1_000 - expected_milli
    chance_milli = 3 * isqrt(expected_milli * 1_000) + 2_000
    many = distinct(counts.authors) >= VOICES
    return many and counts.mentions * 1_000_000 >= expected_milli * UP_MILLI and beyond_milli >= chance_milli
