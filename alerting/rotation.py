"""Turns and hours in local time: when a rotation hands over, and which hours of which days it covers.

One rule leads from a wall clock to an instant: *the first instant at which the clock shows that time or a later one*.
Where clocks go forward, a time that does not exist is therefore the moment of the change; where they go back, a time
that occurs twice is its first occurrence. By this rule a later local time is never an earlier instant, so that what
adjoins on the clock adjoins in truth: a clock change leaves no gap and no overlap. (RFC 5545, 3.3.5, agrees where a
time occurs twice. One that does not exist it moves on by the length of the gap, 02:30 to 03:30, by which a shift from
02:30 to 03:00 would end before it began.)
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from stream.zones import local, zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEK = timedelta(days=7)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_EVERY = re.compile(r"([1-9][0-9]{0,2})(h|d|w)")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_HAND_OVER = re.compile(r"(?:([A-Za-z]+) +)?([0-9]{1,2}:[0-9]{2})")
_DAY_MINUTES = 24 * 60


class HandOver(NamedTuple):
    """When one turn ends and the next begins."""

    weekday: int | None
    """0 is Monday; None where only a time is given."""
    at: time


class Hours(NamedTuple):
    """Hours of a day, in minutes since its midnight; the end lies beyond 1440 where they go on after midnight."""

    start: int
    end: int


class Turn(NamedTuple):
    """One turn of a rotation: `[from_ms, until_ms)`, and the number of it, from 0."""

    from_ms: int
    until_ms: int
    number: int


def wall(at_ms: int, zone_name: str) -> datetime:
    """What the wall clock in a zone shows at an instant, without the zone.

    >>> wall(1_774_746_000_000, "Europe/Amsterdam").isoformat()
    '2026-03-29T03:00:00'
    """
    return local(at_ms, zone_name).replace(tzinfo=None, fold=0)


def instant_ms(clock: datetime, zone_name: str) -> int:
    """The first instant at which the wall clock in a zone shows `clock` or a later time.

    >>> missing = instant_ms(datetime(2026, 3, 29, 2, 30), "Europe/Amsterdam")  # no such time that night
    >>> wall(missing, "Europe/Amsterdam").isoformat()
    '2026-03-29T03:00:00'
    >>> local(instant_ms(datetime(2026, 10, 25, 2, 30), "Europe/Amsterdam"), "Europe/Amsterdam").isoformat()
    '2026-10-25T02:30:00+02:00'
    """
    place = zone(zone_name)
    # With fold=0 datetime takes the offset before a change: the first of two, and too late for a time that is missing.
    late_ms = (clock.replace(tzinfo=place, fold=0) - _EPOCH) // _MS
    if wall(late_ms, zone_name) == clock:
        return late_ms
    early_ms = (clock.replace(tzinfo=place, fold=1) - _EPOCH) // _MS
    while late_ms - early_ms > 1:  # the change lies in (early_ms, late_ms]
        middle_ms = (early_ms + late_ms) // 2
        if wall(middle_ms, zone_name) >= clock:
            late_ms = middle_ms
        else:
            early_ms = middle_ms
    return late_ms


def every_of(text: str) -> timedelta:
    """How long a turn lasts on the clock.

    >>> every_of("1w").days, every_of("12h").seconds
    (7, 43200)

    Raises `ValueError` on anything but a whole number with h, d or w behind it, up to 52 weeks.
    """
    found = _EVERY.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text[:40]}" is no length of a turn; write it as 12h, 1d, 1w or 2w')
    amount = int(found[1])
    every = amount * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": WEEK}[found[2]]
    if every > 52 * WEEK:
        raise ValueError(f'"{text}" is too long for a turn; at most 52w is allowed')
    return every


def hand_over_of(text: str) -> HandOver:
    """A time of hand-over, with or without its weekday.

    >>> hand_over_of("Monday 09:00"), hand_over_of("21:30")
    (HandOver(weekday=0, at=datetime.time(9, 0)), HandOver(weekday=None, at=datetime.time(21, 30)))

    Raises `ValueError` on anything else.
    """
    found = _HAND_OVER.fullmatch(text.strip())
    clock = _CLOCK.fullmatch(found[2]) if found else None
    if found is None or clock is None:
        raise ValueError(f'"{text[:40]}" is no time of hand-over; write it as "Monday 09:00" or "09:00"')
    word = (found[1] or "").capitalize()
    number = next((n for n, day in enumerate(WEEKDAYS) if word in (day, day[:3])), None)
    if word and number is None:
        raise ValueError(f'"{found[1][:20]}" is no weekday; allowed: {", ".join(WEEKDAYS)}')
    return HandOver(number, time(int(clock[1]), int(clock[2])))


def hours_of(text: str) -> Hours:
    """Hours of a day. Those that end before they begin go on after midnight.

    >>> hours_of("09:00-18:00"), hours_of("22:00-06:00"), hours_of("00:00-24:00")
    (Hours(start=540, end=1080), Hours(start=1320, end=1800), Hours(start=0, end=1440))

    Raises `ValueError` on anything else.
    """
    first, dash, last = text.replace(" ", "").partition("-")
    clocks = [_CLOCK.fullmatch(first), _CLOCK.fullmatch("00:00" if last == "24:00" else last)]
    if not dash or clocks[0] is None or clocks[1] is None:
        raise ValueError(f'"{text[:40]}" are no hours; write them as "09:00-18:00", over midnight as "22:00-06:00"')
    start, end = (int(clock[1]) * 60 + int(clock[2]) for clock in clocks if clock is not None)
    if last == "24:00":
        end = _DAY_MINUTES
    if start == end:
        raise ValueError(f'"{text[:40]}" has no length; write "00:00-24:00" for the whole day')
    return Hours(start, end if end > start else end + _DAY_MINUTES)


def first_hand_over(begins: date, hand_over: HandOver) -> datetime:
    """When the first turn begins, on the clock."""
    return datetime.combine(begins, hand_over.at)


def turns(first: datetime, every: timedelta, zone_name: str, from_ms: int, until_ms: int) -> Iterator[Turn]:
    """The turns that touch `[from_ms, until_ms)`, in order, each from hand-over to hand-over on the clock.

    Before `first` there are none.
    """
    number = max(0, (wall(from_ms, zone_name) - first) // every)
    begin_ms = instant_ms(first + number * every, zone_name)
    while begin_ms < until_ms:
        end_ms = instant_ms(first + (number + 1) * every, zone_name)
        if max(begin_ms, from_ms) < min(end_ms, until_ms):
            yield Turn(begin_ms, end_ms, number)
        begin_ms, number = end_ms, number + 1


def windows(
    hours: Hours, days: tuple[str, ...], zone_name: str, from_ms: int, until_ms: int
) -> Iterator[tuple[int, int]]:
    """The covered hours that touch `[from_ms, until_ms)`; hours over midnight belong to the day on which they begin."""
    day = datetime.combine(wall(from_ms, zone_name).date(), time()) - timedelta(days=1)
    last = wall(until_ms, zone_name)
    while day <= last:
        if DAYS[day.weekday()] in days:
            begin_ms = instant_ms(day + timedelta(minutes=hours.start), zone_name)
            end_ms = instant_ms(day + timedelta(minutes=hours.end), zone_name)
            if max(begin_ms, from_ms) < min(end_ms, until_ms):
                yield begin_ms, end_ms
        day += timedelta(days=1)
