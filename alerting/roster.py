"""Who is on call at an instant: intervals reckoned once from a roster, and looked up by bisection.

A roster is written as a `RosterSpec`; `expand` makes a `Roster` of it for a horizon. What the core uses is the `Roster`
in canonical JSON, kept by digest: calendars and their libraries stay outside of what is replayed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from alerting.roster_spec import Override, RosterSpec, Rotation, clock_of
from alerting.rotation import DAYS, Hours, every_of, hours_of, instant_ms, turns, wall, windows
from stream.codec import canonical, decode
from stream.zones import local

__all__ = ["Crowd", "Gap", "Interval", "Override", "Roster", "RosterError", "RosterSpec", "Rotation", "expand", "pack"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TOLD = 3
"""Stretches that one message names; the rest are counted."""


class RosterError(ValueError):
    """A roster that cannot be used: all that is wrong with it, one problem a line."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Interval(msgspec.Struct, frozen=True, array_like=True):
    """Who is on call during `[from_ms, until_ms)`."""

    from_ms: int
    until_ms: int
    people: tuple[str, ...]
    needed: int
    """How many must be on call: 0 outside the hours that the roster covers."""


class Gap(NamedTuple):
    """`[from_ms, until_ms)`, when somebody must be on call and nobody is."""

    from_ms: int
    until_ms: int


class Crowd(NamedTuple):
    """`[from_ms, until_ms)`, when others than as many as must be on call are: too many, or too few."""

    from_ms: int
    until_ms: int
    people: tuple[str, ...]
    needed: int


class Roster(msgspec.Struct, frozen=True):
    """Who is on call, for every instant of `[from_ms, until_ms)`; beyond that nobody is known.

    >>> spec = RosterSpec.model_validate({"timezone": "Europe/Amsterdam", "rotation": {
    ...     "people": ["anna", "bram"], "every": "1d", "hand_over": "09:00", "from": "2026-03-28"}})
    >>> begin_ms = 1_774_681_200_000  # 08:00 on 28 March, in the night after which clocks go forward
    >>> roster = expand(spec, begin_ms, begin_ms + 36 * 3_600_000, name="pr_on_call")
    >>> [(local(i.from_ms, "Europe/Amsterdam").strftime("%d %H:%M"), i.people) for i in roster.intervals]
    [('28 08:00', ()), ('28 09:00', ('anna',)), ('29 09:00', ('bram',))]
    >>> roster.on_call(begin_ms + 2 * 3_600_000)
    ('anna',)
    >>> print(*roster.problems())
    roster pr_on_call: nobody is on call from Sat 28 Mar 2026 08:00 to 09:00 (Europe/Amsterdam); a page to it would \
reach nobody then: add somebody to the rotation, the calendar or `overrides`
    """

    name: str
    timezone: str
    from_ms: int
    until_ms: int
    intervals: tuple[Interval, ...]
    """Adjoining, in order, and as long as can be: two neighbours always differ."""

    def on_call(self, at_ms: int) -> tuple[str, ...]:
        """Who is on call at an instant; nobody beyond the horizon."""
        interval = self.interval(at_ms)
        return interval.people if interval is not None else ()

    def interval(self, at_ms: int) -> Interval | None:
        """The interval that holds an instant; None beyond the horizon."""
        if not self.from_ms <= at_ms < self.until_ms:
            return None
        return self.intervals[bisect_right(self.intervals, at_ms, key=_begin) - 1]

    def next_change_ms(self, at_ms: int) -> int | None:
        """The first instant after `at_ms` at which others are on call; None where the horizon ends before that."""
        now = self.on_call(at_ms)
        index = bisect_right(self.intervals, at_ms, key=_begin)
        return next((i.from_ms for i in self.intervals[index:] if i.people != now), None)

    def gaps(self) -> list[Gap]:
        """When nobody is on call and somebody must be."""
        return [Gap(i.from_ms, i.until_ms) for i in self.intervals if i.needed and not i.people]

    def crowds(self) -> list[Crowd]:
        """When some are on call, and more or fewer than must be."""
        wrong = [i for i in self.intervals if i.needed and i.people and len(i.people) != i.needed]
        return [Crowd(i.from_ms, i.until_ms, i.people, i.needed) for i in wrong]

    def problems(self) -> list[str]:
        """Gaps and crowds in words, one line each kind: what is wrong, what follows from it, what helps."""
        found: list[str] = []
        gaps, crowds = self.gaps(), self.crowds()
        if gaps:
            when = self._stretches([(gap.from_ms, gap.until_ms) for gap in gaps])
            cure = "a page to it would reach nobody then: add somebody to the rotation, the calendar or `overrides`"
            found.append(f"roster {self.name}: nobody is on call {when} ({self.timezone}); {cure}")
        for people, needed in dict.fromkeys((crowd.people, crowd.needed) for crowd in crowds):
            when = self._stretches([(c.from_ms, c.until_ms) for c in crowds if c.people == people])
            who = f"{', '.join(people[:5])}{', ...' if len(people) > 5 else ''}"
            cure = f"`people_needed` is {needed}: change who is on call then, or that number"
            said = f"{len(people)} on call ({who}) {when} ({self.timezone}) where {needed} must be"
            found.append(f"roster {self.name}: {said}; {cure}")
        return found

    def _stretches(self, stretches: Sequence[tuple[int, int]]) -> str:
        words = [stretch_text(*stretch, self.timezone) for stretch in stretches[:_TOLD]]
        more = len(stretches) - _TOLD
        return ", ".join(words) + (f" and {more} times more" if more > 0 else "")

    def as_content(self) -> bytes:
        """Canonical JSON: what a digest stands for."""
        return canonical(self)

    @classmethod
    def from_content(cls, body: bytes) -> "Roster":
        """The inverse of `as_content`. Raises `msgspec.ValidationError` or `msgspec.DecodeError` on anything else."""
        return decode(body, cls)


def _begin(interval: Interval) -> int:
    return interval.from_ms


def pack(rosters: Mapping[str, Roster]) -> bytes:
    """All rosters of a chart as one content, in canonical JSON."""
    return canonical(dict(rosters))


def unpack(body: bytes) -> dict[str, Roster]:
    """The inverse of `pack`. Raises `msgspec.ValidationError` or `msgspec.DecodeError` on anything else."""
    return decode(body, dict[str, Roster])


class Shift(NamedTuple):
    """People who are on call during `[from_ms, until_ms)`, as far as nothing overrides it."""

    from_ms: int
    until_ms: int
    people: tuple[str, ...]


def expand(
    spec: RosterSpec,
    from_ms: int,
    until_ms: int,
    calendar_text: str | None = None,
    *,
    name: str = "",
    responders: Mapping[str, str] | None = None,
) -> Roster:
    """Who is on call at every instant of `[from_ms, until_ms)`.

    `calendar_text` is the iCalendar text where the roster names a calendar. With `responders` (key to full name) the
    calendar may call people by either, and whoever is neither is an error; else its words are taken as keys.

    Where an override holds, the people it names are on call and nobody else, inside and outside the covered hours; of
    two at once the later in the file. A rotation is on call in its hours only; with `people_needed` above 1 the one
    whose turn it is comes first, then those whose turns come next.

    Raises `RosterError` where the calendar is missing or cannot be used. Gaps are not raised: ask `Roster.problems()`.
    """
    if from_ms >= until_ms:
        raise ValueError(f"a horizon must end after it begins, not at {until_ms} after {from_ms}")
    horizon = (from_ms, until_ms)
    if spec.rotation is not None:
        shifts = _turns(spec.rotation, spec.people_needed, spec.timezone, horizon)
    else:
        shifts = _calendar(spec, horizon, calendar_text, name, responders)
    covered, overrides = _windows(spec, horizon), _overrides(spec)
    edges = [edge for shift in (*shifts, *covered, *overrides) for edge in (shift.from_ms, shift.until_ms)]
    inside = sorted({from_ms, until_ms, *(edge for edge in edges if from_ms < edge < until_ms)})
    found: list[Interval] = []
    layers = zip(_active(shifts, inside), _active(covered, inside), _active(overrides, inside), strict=True)
    for (begin_ms, end_ms), (on_shift, is_covered, overriding) in zip(pairwise(inside), layers, strict=True):
        # What a calendar says is said, in office hours or not; a rotation turns all the time, and is cut to its hours.
        people = _people(on_shift) if is_covered or spec.calendar is not None else ()
        if overriding:
            people = overriding[-1].people
        _append(found, Interval(begin_ms, end_ms, people, spec.people_needed if is_covered else 0))
    return Roster(name, spec.timezone, from_ms, until_ms, tuple(found))


def _append(found: list[Interval], interval: Interval) -> None:
    """Add an interval, or prolong the last one by it where nothing changes."""
    if found and (found[-1].people, found[-1].needed) == (interval.people, interval.needed):
        interval = msgspec.structs.replace(interval, from_ms=found.pop().from_ms)
    found.append(interval)


def _people(shifts: Sequence[Shift]) -> tuple[str, ...]:
    """Everybody of these shifts, each once."""
    return tuple(dict.fromkeys(person for shift in shifts for person in shift.people))


def _active(shifts: Sequence[Shift], edges: Sequence[int]) -> list[list[Shift]]:
    """For each stretch between two edges the shifts that hold in it, in the order in which they were given."""
    waiting = sorted(range(len(shifts)), key=lambda number: shifts[number].from_ms, reverse=True)
    holding: list[int] = []
    found: list[list[Shift]] = []
    for edge in edges[:-1]:
        while waiting and shifts[waiting[-1]].from_ms <= edge:
            holding.append(waiting.pop())
        holding = sorted(number for number in holding if shifts[number].until_ms > edge)
        found.append([shifts[number] for number in holding])
    return found


def _turns(rotation: Rotation, needed: int, zone_name: str, horizon: tuple[int, int]) -> list[Shift]:
    people = rotation.people
    return [
        Shift(turn.from_ms, turn.until_ms, tuple(people[(turn.number + i) % len(people)] for i in range(needed)))
        for turn in turns(rotation.first, every_of(rotation.every), zone_name, *horizon)
    ]


def _windows(spec: RosterSpec, horizon: tuple[int, int]) -> list[Shift]:
    """When somebody must be on call."""
    hours, days = spec.covered
    if hours is None and days is None:
        return [Shift(*horizon, ())]
    span = hours_of(hours) if hours is not None else Hours(0, 24 * 60)
    return [Shift(*window, ()) for window in windows(span, days or DAYS, spec.timezone, *horizon)]


def _overrides(spec: RosterSpec) -> list[Shift]:
    def at(words: str) -> int:
        return instant_ms(clock_of(words), spec.timezone)

    return [Shift(at(o.from_), at(o.until), tuple(dict.fromkeys(o.who))) for o in spec.overrides]


def _calendar(
    spec: RosterSpec, horizon: tuple[int, int], text: str | None, name: str, responders: Mapping[str, str] | None
) -> list[Shift]:
    from alerting.roster_calendar import read_shifts  # its libraries load only where a calendar is read

    if text is None:
        raise RosterError([f"roster {name}: its calendar was not read, so that nobody is known to be on call"])
    shifts, problems = read_shifts(text, spec.timezone, horizon, responders, spec.calendar_label)
    if problems:
        raise RosterError([f"{problem} (roster {name})" for problem in problems])
    return [Shift(*shift) for shift in shifts]


def stretch_text(from_ms: int, until_ms: int, zone_name: str) -> str:
    """A stretch of time as people read it; where the clock shows an hour twice, with its offset from UTC.

    >>> stretch_text(1_774_742_400_000, 1_774_746_000_000, "Europe/Amsterdam")
    'from Sun 29 Mar 2026 01:00 to 03:00'
    >>> stretch_text(1_792_886_400_000, 1_792_890_000_000, "Europe/Amsterdam")
    'from Sun 25 Oct 2026 02:00+02:00 to 02:00+01:00'
    """
    start, end = wall(from_ms, zone_name), wall(until_ms, zone_name)
    day = "" if start.date() == end.date() else f"{_day(until_ms, zone_name)} "
    return f"from {_day(from_ms, zone_name)} {_clock(from_ms, zone_name)} to {day}{_clock(until_ms, zone_name)}"


def _day(at_ms: int, zone_name: str) -> str:
    at = wall(at_ms, zone_name)
    return f"{DAYS[at.weekday()].capitalize()} {at.day} {_MONTHS[at.month - 1]} {at.year}"


def _clock(at_ms: int, zone_name: str) -> str:
    at = local(at_ms, zone_name)
    twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return at.strftime("%H:%M") + (f"{at.isoformat()[-6:]}" if twice else "")
