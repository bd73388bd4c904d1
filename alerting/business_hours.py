"""Hours of the week in a time zone: when a promise's clock runs, and when a phone is left in peace. Pure.

A stretch opens at the first instant of its day at which the wall clock has reached the hour, and closes likewise. So an
hour that a clock change leaves out opens at the change, and one that comes twice means its first coming.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from alerting.flowchart.fields import Day, Section, listed
from stream.strict_yaml import described
from stream.zones import local, zone

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
DAY_MINUTES = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MAX_HOLIDAYS = 500
WEEK_MS = 7 * 24 * 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _span(value: Any) -> Any:
    """`"09:00-18:00"` as minutes of the day, the end after midnight counted on: `"22:00-07:00"` is (1320, 1860)."""
    if isinstance(value, tuple):
        return value
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{described(value)} are no hours of a day; write them in quotes, as "09:00-18:00"')
    begin, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
    if end > DAY_MINUTES:
        raise ValueError(f'"{value}" ends after midnight; write midnight as 24:00, and later as "22:00-07:00"')
    end += DAY_MINUTES if end < begin else 0
    if end - begin < 60:
        raise ValueError(f'"{value}" is less than an hour; at least one hour is needed, as "09:00-18:00"')
    return begin, end


def _zone(value: str) -> str:
    try:
        zone(value)
    except ValueError:
        raise ValueError(f'"{value[:60]}" is no time zone; allowed: an IANA name, as Europe/Amsterdam or UTC') from None
    return value


Span = Annotated[
    tuple[int, int],
    BeforeValidator(_span),
    WithJsonSchema({"type": "string", "pattern": f"^{_HOURS.pattern}$", "examples": ["09:00-18:00", "22:00-07:00"]}),
]
"""Minutes of the day, from and until; written as `"09:00-18:00"`."""
ZoneName = Annotated[
    str,
    StringConstraints(max_length=60),
    BeforeValidator(lambda value: _zone(value) if isinstance(value, str) else value),
    WithJsonSchema({"type": "string", "examples": ["Europe/Amsterdam"]}),
]
Days = Annotated[
    tuple[DayName, ...],
    BeforeValidator(listed),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"enum": list(WEEKDAYS)}, {"type": "array", "items": {"enum": list(WEEKDAYS)}}]}),
]


class Hours(Section):
    """Hours of the week: on these `days` between these `hours`, holidays left out.

    Hours that pass midnight belong to the day on which they begin.

    >>> Hours(timezone="Europe/Amsterdam").hours
    (540, 1080)
    """

    timezone: ZoneName = "UTC"
    days: Days = ("mon", "tue", "wed", "thu", "fri")
    hours: Span = (9 * 60, 18 * 60)
    holidays: tuple[Day, ...] = Field(default=(), max_length=MAX_HOLIDAYS)

    def contains(self, at_ms: int) -> bool:
        """Whether an instant is inside the hours.

        >>> weekdays = Hours(timezone="Europe/Amsterdam", holidays=("2026-12-25",))
        >>> weekdays.contains(1_798_106_400_000), weekdays.contains(1_798_192_800_000)
        (True, False)
        """
        return self.ends_ms(at_ms) is not None

    def ends_ms(self, at_ms: int) -> int | None:
        """When the stretch ends in which an instant lies, those that follow at once taken along for a week at most;
        `None` outside the hours.
        """
        found: int | None = None
        for begin_ms, end_ms in self.stretches(at_ms):
            if begin_ms > (at_ms if found is None else found) or end_ms - at_ms > WEEK_MS:
                break
            found = end_ms
        return found

    def stretches(self, from_ms: int) -> Iterator[tuple[int, int]]:
        """The days' stretches `[begin, end)` in order and without end, from the first that ends after an instant."""
        day = local(from_ms, self.timezone).date() - timedelta(days=2)
        while True:
            if WEEKDAYS[day.weekday()] in self.days and day.isoformat() not in self.holidays:
                begin_ms, end_ms = self._of_day(day)
                if begin_ms < end_ms and end_ms > from_ms:
                    yield begin_ms, end_ms
            day += timedelta(days=1)

    def _of_day(self, day: date) -> tuple[int, int]:
        begin, end = self.hours
        return _first_ms(day, begin, self.timezone), _first_ms(day, end, self.timezone)


def after_ms(hours: Hours | None, from_ms: int, length_ms: int) -> int:
    """The instant at which a length of time has passed, counted within the hours; without hours, round the clock.

    >>> after_ms(None, 0, 60_000)
    60000
    >>> after_ms(Hours(timezone="UTC"), 0, 3_600_000) == 10 * 3_600_000
    True
    """
    if hours is None:
        return from_ms + length_ms
    left_ms = length_ms
    for begin_ms, end_ms in hours.stretches(from_ms):
        runs_ms = max(begin_ms, from_ms)
        if end_ms - runs_ms >= left_ms:
            return runs_ms + left_ms
        left_ms -= end_ms - runs_ms
    raise AssertionError("there is always another week")  # pragma: no cover


def within_ms(hours: Hours | None, from_ms: int, until_ms: int) -> int:
    """How much time lies between two instants, counted as `after_ms` counts it.

    >>> within_ms(Hours(timezone="UTC"), 0, 86_400_000) == 9 * 3_600_000
    True
    """
    if hours is None or until_ms <= from_ms:
        return max(0, until_ms - from_ms)
    total_ms = 0
    for begin_ms, end_ms in hours.stretches(from_ms):
        if begin_ms >= until_ms:
            return total_ms
        total_ms += min(end_ms, until_ms) - max(begin_ms, from_ms)
    raise AssertionError("there is always another week")  # pragma: no cover


@lru_cache(maxsize=4096)
def _first_ms(day: date, minute: int, timezone: str) -> int:
    """The first instant at which the wall clock has reached a minute of a day (beyond 24:00: of the next)."""
    wanted = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    early = _instant_ms(wanted, timezone, fold=0)
    if local(early, timezone).replace(tzinfo=None) == wanted:
        return early
    # Clocks jump over it: the change lies between what the offsets before and after it make of the hour.
    low, high = sorted((early, _instant_ms(wanted, timezone, fold=1)))
    while high - low > 1000:
        middle = (low + high) // 2000 * 1000
        if local(middle, timezone).replace(tzinfo=None) >= wanted:
            high = middle
        else:
            low = middle
    return high


def _instant_ms(wall: datetime, timezone: str, *, fold: int) -> int:
    return (wall.replace(tzinfo=zone(timezone), fold=fold) - _EPOCH) // timedelta(milliseconds=1)
