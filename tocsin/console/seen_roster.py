"""Who is on call, week by week, as a calendar shows it. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Literal

import msgspec

from alerting.flowchart.model import Chart
from alerting.roster import Interval, Roster, expand
from alerting.roster_spec import Override, RosterSpec, clock_of
from alerting.rotation import instant_ms, wall
from tocsin.console.own_words import own_line

Stretch = Literal["duty", "gap", "short", "off"]
"""Somebody is on call; nobody is who must be; others than as many as must be are; nobody must be, and nobody is."""


class PersonSeen(msgspec.Struct, frozen=True):
    """Somebody of the flowchart: the name that it has for them, and their own."""

    key: str
    name: str


class StretchSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call during `[from_ms, until_ms)`."""

    from_ms: int
    until_ms: int
    kind: Stretch
    people: tuple[PersonSeen, ...] = ()
    needed: int = 0
    """How many must be on call."""
    overridden: bool = False
    """Whether somebody put these people there for a while, in place of whoever would be."""
    because: str = ""
    """Why, in that person's words."""


class DaySeen(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the roster's own clock: of 23 or 25 hours, where the clock changes."""

    day: str
    """As 2026-03-29."""
    from_ms: int
    until_ms: int
    stretches: tuple[StretchSeen, ...]

    @property
    def hours(self) -> int:
        """How many it has."""
        return round((self.until_ms - self.from_ms) / 3_600_000)


class RotaSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One roster in one week, Monday to Sunday."""

    roster: str
    timezone: str
    roles: tuple[str, ...]
    """The roles that it fills."""
    now: tuple[PersonSeen, ...] = ()
    until_ms: int | None = None
    """Until when these are on call; `None`: as far as the roster is known."""
    after: tuple[PersonSeen, ...] = ()
    known: bool = True
    """Whether the roster reaches as far as this week."""
    days: tuple[DaySeen, ...]
    shifts: tuple[StretchSeen, ...]
    """The week's stretches, each whole: a night that belongs to two days is one of them."""

    @property
    def gaps(self) -> tuple[StretchSeen, ...]:
        """When nobody is on call, or fewer or more than must be."""
        return tuple(one for one in self.shifts if one.kind in ("gap", "short"))


def monday_of(at_ms: int, timezone: str) -> date:
    """The Monday of the week that holds an instant.

    >>> monday_of(1_774_742_400_000, "Europe/Amsterdam").isoformat()  # Sunday, 29 March
    '2026-03-23'
    """
    today = wall(at_ms, timezone).date()
    return today - timedelta(days=today.weekday())


def rotas_seen(chart: Chart, rosters: Mapping[str, Roster], at_ms: int, week: date | None = None) -> list[RotaSeen]:
    """Every roster of a chart in the week that begins on a Monday (that of `at_ms`), in the chart's order."""
    return [
        _rota_seen(chart, spec, rosters[name], at_ms, week or monday_of(at_ms, rosters[name].timezone))
        for name, spec in chart.written.rosters.items()
        if name in rosters
    ]


def people_seen(chart: Chart, keys: tuple[str, ...]) -> tuple[PersonSeen, ...]:
    """These responders with their names. Inert."""
    return tuple(PersonSeen(own_line(key, 60), own_line(chart.name_of(key), 60)) for key in keys)


def _rota_seen(chart: Chart, spec: RosterSpec, roster: Roster, at_ms: int, monday: date) -> RotaSeen:
    zone = roster.timezone
    edges = [instant_ms(_midnight(monday + timedelta(days=number)), zone) for number in range(8)]
    roster = _reaching_back(chart, spec, roster, edges[0])
    shifts = list(_stretches(chart, spec, roster, edges[0], edges[-1]))
    change_ms = roster.next_change_ms(at_ms)
    return RotaSeen(
        roster=roster.name,
        timezone=zone,
        roles=tuple(role for role, said in chart.roles.items() if said.roster == roster.name),
        now=people_seen(chart, roster.on_call(at_ms)),
        until_ms=change_ms,
        after=people_seen(chart, roster.on_call(change_ms)) if change_ms is not None else (),
        known=roster.from_ms < edges[-1] and roster.until_ms > edges[0],
        days=tuple(
            _day_seen(monday + timedelta(days=number), edges[number], edges[number + 1], shifts) for number in range(7)
        ),
        shifts=tuple(shifts),
    )


def _reaching_back(chart: Chart, spec: RosterSpec, roster: Roster, from_ms: int) -> Roster:
    """The roster with what was before it was reckoned, as the chart in force has it: turns are, a calendar is not."""
    if spec.rotation is None or from_ms >= roster.from_ms:
        return roster
    names = {name: responder.name for name, responder in chart.responders.items()}
    before = expand(spec, from_ms, roster.from_ms, name=roster.name, responders=names)
    return msgspec.structs.replace(roster, from_ms=from_ms, intervals=_joined(before.intervals, roster.intervals))


def _joined(before: tuple[Interval, ...], after: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Two rows that adjoin, as one: where nothing changes between them there is one interval."""
    last, first = before[-1], after[0]
    if (last.people, last.needed) != (first.people, first.needed):
        return (*before, *after)
    return (*before[:-1], msgspec.structs.replace(last, until_ms=first.until_ms), *after[1:])


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the roster's own clock


def _day_seen(day: date, from_ms: int, until_ms: int, shifts: list[StretchSeen]) -> DaySeen:
    cut = tuple(
        msgspec.structs.replace(one, from_ms=max(one.from_ms, from_ms), until_ms=min(one.until_ms, until_ms))
        for one in shifts
        if one.from_ms < until_ms and one.until_ms > from_ms
    )
    return DaySeen(day=day.isoformat(), from_ms=from_ms, until_ms=until_ms, stretches=cut)


def _stretches(chart: Chart, spec: RosterSpec, roster: Roster, from_ms: int, until_ms: int) -> Iterator[StretchSeen]:
    """The stretches of a week, cut where an override begins or ends."""
    overrides = [
        (instant_ms(clock_of(one.from_), roster.timezone), instant_ms(clock_of(one.until), roster.timezone), one)
        for one in spec.overrides
    ]
    cuts = sorted({edge for begin, end, _ in overrides for edge in (begin, end)})
    for interval in roster.intervals:
        begin_ms, end_ms = max(interval.from_ms, from_ms), min(interval.until_ms, until_ms)
        if begin_ms >= end_ms:
            continue
        edges = [begin_ms, *(cut for cut in cuts if begin_ms < cut < end_ms), end_ms]
        for start_ms, stop_ms in pairwise(edges):
            held = [one for begin, end, one in overrides if begin <= start_ms < end]
            yield _stretch(chart, interval, start_ms, stop_ms, held[-1] if held else None)


def _stretch(chart: Chart, interval: Interval, from_ms: int, until_ms: int, override: Override | None) -> StretchSeen:
    people, needed = interval.people, interval.needed
    kind: Stretch = "duty" if people else "gap" if needed else "off"
    return StretchSeen(
        from_ms=from_ms,
        until_ms=until_ms,
        kind="short" if people and needed and len(people) != needed else kind,
        people=people_seen(chart, people),
        needed=needed,
        overridden=override is not None,
        because=own_line(override.reason, 120) if override is not None else "",
    )
