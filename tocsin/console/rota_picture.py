"""Where a roster's week stands in its picture: a row for each day, a bar for each stretch. Numbers alone. Pure.

A page may hold no styles of its own, so that what depends on figures is drawn: the template puts these into an SVG.
"""

import msgspec

from alerting.rotation import wall
from tocsin.console.seen_roster import DaySeen, RotaSeen, Stretch, StretchSeen

WIDTH, LABELS = 380, 62
ROW, BAR, HEAD = 36, 26, 20
TONES = 6
"""Colours for people; more people take turns with them."""
_CHAR = 7.4
"""How wide a character is, a little more than most are."""
_PAD = 6


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of one day."""

    x: float
    width: float
    kind: Stretch
    tone: int
    words: str
    """What fits into it: names, clipped."""
    overridden: bool
    stretch: StretchSeen


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One day."""

    y: int
    weekday: int
    """0 is Monday."""
    date: int
    """Day of the month."""
    hours: int
    today: bool
    now_x: float | None
    """Where the present moment is, on its day."""
    bars: tuple[Bar, ...]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A week."""

    width: int = WIDTH
    height: int = HEAD + 7 * ROW
    bar: int = BAR
    left: int = LABELS
    hours: tuple[tuple[float, str], ...]
    """Hours of an ordinary day, and where they are."""
    rows: tuple[Row, ...]


def picture_of(rota: RotaSeen, at_ms: int) -> Picture:
    """The week of a roster, with the moment `at_ms` marked where it is in it."""
    keys = dict.fromkeys(person.key for shift in rota.shifts for person in shift.people)
    tones = {key: number % TONES for number, key in enumerate(keys)}
    span = WIDTH - LABELS
    return Picture(
        hours=tuple((LABELS + span * hour / 24, f"{hour:02d}:00") for hour in (0, 6, 12, 18)),
        rows=tuple(_row(day, number, tones, rota.timezone, at_ms) for number, day in enumerate(rota.days)),
    )


def _row(day: DaySeen, number: int, tones: dict[str, int], timezone: str, at_ms: int) -> Row:
    today = day.from_ms <= at_ms < day.until_ms
    return Row(
        y=HEAD + number * ROW,
        weekday=number,
        date=wall(day.from_ms, timezone).day,
        hours=day.hours,
        today=today,
        now_x=round(_x(day, at_ms), 1) if today else None,
        bars=tuple(_bar(day, one, tones, timezone) for one in day.stretches if one.kind != "off"),
    )


def _x(day: DaySeen, at_ms: int) -> float:
    return LABELS + (WIDTH - LABELS) * (at_ms - day.from_ms) / (day.until_ms - day.from_ms)


def _bar(day: DaySeen, one: StretchSeen, tones: dict[str, int], timezone: str) -> Bar:
    left, right = _x(day, one.from_ms), _x(day, one.until_ms)
    names = ", ".join(person.name for person in one.people)
    begins = f"{wall(one.from_ms, timezone):%H:%M} " if one.from_ms > day.from_ms else ""
    room = int((right - left - 2 * _PAD) / _CHAR)
    return Bar(
        x=round(left, 1),
        width=round(max(2.0, right - left - 1), 1),
        kind=one.kind,
        tone=tones.get(one.people[0].key, 0) if one.people else 0,
        words=_fitting(f"{begins}{names}", _first_names(one), room),
        overridden=one.overridden,
        stretch=one,
    )


def _first_names(one: StretchSeen) -> str:
    return ", ".join(person.name.split()[0] for person in one.people if person.name.split())


def _fitting(words: str, shorter: str, room: int) -> str:
    """The words if they fit, else the shorter ones, else the beginning of those, else nothing."""
    if len(words) <= room:
        return words
    if len(shorter) <= room:
        return shorter
    return f"{shorter[: room - 1]}…" if room >= 4 else ""
