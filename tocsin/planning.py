"""EDGE. Planned events from iCalendar files: recurring ones become plans over a stated horizon.

A clock time without a zone is read in the brand's own. A day without a time is the whole day there.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import recurring_ical_events
from icalendar import Calendar

from stream.plans import Plan
from stream.zones import zone

HORIZON_YEARS = (-1, 3)
"""Recurring events are written out from last year, which may be learnt, to the year after next: so long a service may
run without a start.
"""
MOST_BYTES = 1 << 20
MOST_PLANS = 2_000
OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")


class PlanError(ValueError):
    """What is wrong with a calendar: one line each, as `file:line: what; what is allowed`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def horizon(at_ms: int) -> tuple[datetime, datetime]:
    """Whole calendar years: it moves once a year, so a restart alone changes no configuration.

    >>> [str(d.date()) for d in horizon(1_800_000_000_000)]
    ['2026-01-01', '2030-01-01']
    """
    year = datetime.fromtimestamp(at_ms / 1000, UTC).year
    since, until = (datetime(year + years, 1, 1, tzinfo=UTC) for years in HORIZON_YEARS)
    return since, until


def plans_of(
    calendars: Mapping[str, Sequence[Path]], zones: Mapping[str, str], at_ms: int
) -> dict[str, tuple[Plan, ...]]:
    """Each brand's plans from its files. Raises `PlanError` with everything that is wrong with any of them."""
    problems: list[str] = []
    found: dict[str, tuple[Plan, ...]] = {}
    for brand, paths in calendars.items():
        plans: set[Plan] = set()
        for path in paths:
            try:
                plans.update(read_plans(path, zones.get(brand, "UTC"), at_ms))
            except PlanError as error:
                problems += [problem for problem in error.problems if problem not in problems]
        found[brand] = tuple(sorted(plans))
    if problems:
        raise PlanError(problems)
    return found


def read_plans(path: Path, zone_name: str, at_ms: int) -> tuple[Plan, ...]:
    """The plans of one iCalendar file within the `horizon` of an instant, in order.

    Raises `PlanError` where it cannot be read, is no calendar, or holds an event that cannot be placed in time.
    """
    source = _Source(path)
    calendar = source.calendar()
    problems = list(source.problems(calendar))
    if problems:
        raise PlanError(problems)
    since, until = horizon(at_ms)
    plans = []
    try:
        for event in recurring_ical_events.of(calendar).after(since):
            plan = _plan(event, zone_name)
            if plan.start_ms >= until.timestamp() * 1000:
                break
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                plans.append(plan)
            if len(plans) > MOST_PLANS:
                said = f"more than {MOST_PLANS} events from {since.year} to {until.year - 1}; leave out the small ones"
                raise PlanError([f"{path}: {said}"])
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        if isinstance(error, PlanError):
            raise
        raise PlanError([f"{path}: its recurring events cannot be written out ({_short(error)})"]) from None
    return tuple(sorted(plans))


class _Source:
    """One file, with the lines at which its events stand."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            body = path.read_bytes()[: MOST_BYTES + 1]
        except OSError as error:
            said = (error.strerror or "error").lower()
            raise PlanError([f"{path}: cannot be read ({said}); name an iCalendar file"]) from None
        if len(body) > MOST_BYTES:
            raise PlanError([f"{path}: more than {MOST_BYTES} bytes; a calendar of planned events is small"])
        try:
            self._text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._wrong(body.count(b"\n", 0, error.start) + 1, "is not UTF-8; save it as UTF-8") from None
        self._lines = self._text.splitlines()
        self._begins = [n for n, line in enumerate(self._lines, 1) if line.strip().upper() == "BEGIN:VEVENT"]

    def calendar(self) -> Calendar:
        """The calendar. Raises `PlanError`."""
        if self._text.lstrip()[:15].upper() != "BEGIN:VCALENDAR":
            raise self._wrong(1, "this is no calendar; an iCalendar file begins with BEGIN:VCALENDAR")
        try:
            found = Calendar.from_ical(self._text)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise self._wrong(self._line_in(str(error)), f"cannot be read as a calendar ({_short(error)})") from None
        if not isinstance(found, Calendar):
            raise self._wrong(1, "this is no calendar; an iCalendar file begins with BEGIN:VCALENDAR")
        return found

    def problems(self, calendar: Calendar) -> Iterator[str]:
        """What keeps its events from being placed in time."""
        declared = {str(part.get("TZID")) for part in calendar.walk("VTIMEZONE")}
        for number, event in enumerate(calendar.walk("VEVENT")):
            broken = {str(name).upper() if name else "": str(said) for name, said in event.errors}
            for name, said in broken.items():
                line = self._line_of(number, name) if name else self._line_in(said)
                yield f"{self._path}:{line}: {name or 'this line'} cannot be read ({_clipped(said)})"
            for name, said in _unplaced(event, set(broken), declared):
                yield f"{self._path}:{self._line_of(number, name)}: {said}"

    def _line_of(self, number: int, name: str) -> int:
        """Where a property of the numbered event stands; its first line where it has none of that name."""
        begin = self._begins[number] if number < len(self._begins) else 1
        for line in range(begin, len(self._lines)):
            words = self._lines[line].strip().upper()
            if words.startswith((f"{name}:", f"{name};")):
                return line + 1
            if words == "END:VEVENT":
                break
        return begin

    def _line_in(self, said: str) -> int:
        """The line that a parser's message quotes."""
        for number, line in enumerate(self._lines, 1):
            if line.strip() and f"'{line.strip()}'" in said:
                return number
        return 1

    def _wrong(self, line: int, said: str) -> PlanError:
        return PlanError([f"{self._path}:{line}: {said}"])


def _unplaced(event: Any, broken: set[str], declared: set[str]) -> Iterator[tuple[str, str]]:
    if "DTSTART" not in event and "DTSTART" not in broken:
        yield "BEGIN", "this event has no DTSTART: nobody knows when it begins"
    twice = {name for name in ("DTSTART", "DTEND", "DURATION") if isinstance(event.get(name), list)}
    for name in sorted(twice):
        yield name, f"{name} stands twice in this event; keep one of the two"
    broken = broken | twice
    for name in ("DTSTART", "DTEND"):
        tzid = event[name].params.get("TZID") if name in event and name not in broken else None
        if tzid is not None and str(tzid) not in declared and not _is_zone(str(tzid)):
            yield name, f'"{_clipped(tzid)}" is no time zone; allowed: an IANA name, or one that the file declares'
    if _ends_too_soon(event, broken):
        yield "DTEND", "this event ends before it begins"
    rules = event.get("RRULE", []) if "RRULE" not in broken else []
    for rule in rules if isinstance(rules, list) else [rules]:
        if any(str(often).upper() in OFTEN for often in rule.get("FREQ", [])):
            yield "RRULE", "this event recurs more often than daily; a planned event recurs by the day at most"
        if any(not isinstance(every, int) or every < 1 for every in rule.get("INTERVAL", [])):
            yield "RRULE", "this event recurs with an INTERVAL that never gets on; allowed: a whole number from 1 on"


def _ends_too_soon(event: Any, broken: set[str]) -> bool:
    if "DTEND" not in event or "DTSTART" not in event or broken & {"DTSTART", "DTEND"}:
        return False
    begin, end = event["DTSTART"].dt, event["DTEND"].dt
    if isinstance(begin, datetime) and isinstance(end, datetime):
        begin, end = begin.date(), end.date()  # two zones may be meant: a day's difference is a mistake in any
    return type(begin) is type(end) and bool(begin > end)


def _is_zone(name: str) -> bool:
    try:
        zone(name)
    except ValueError:
        return False
    return True


def _plan(event: Any, zone_name: str) -> Plan:
    begin, end = event["DTSTART"].dt, event["DTEND"].dt
    if not isinstance(begin, datetime) and end <= begin:
        end = begin + timedelta(days=1)
    start_ms = _instant_ms(begin, zone_name)
    categories = event.get("CATEGORIES", [])
    first = categories[0] if isinstance(categories, list) and categories else categories
    kinds = [str(kind).strip().lower() for kind in getattr(first, "cats", [])]
    return Plan(
        start_ms=start_ms,
        end_ms=max(start_ms, _instant_ms(end, zone_name)),
        name=_clipped(event.get("SUMMARY", "")) or "planned event",
        kind=_clipped(kinds[0] if kinds else "") or "event",
    )


def _instant_ms(when: date, zone_name: str) -> int:
    """The instant of a calendar's time. A zone of a name is read from the pinned tables, not from the machine's."""
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=zone(zone_name))
    elif when.tzinfo is None:
        when = when.replace(tzinfo=zone(zone_name))
    elif _is_zone(name := str(getattr(when.tzinfo, "key", ""))):
        when = when.replace(tzinfo=zone(name))
    return round(when.timestamp() * 1000)


def _clipped(words: object) -> str:
    return " ".join(str(words).split())[:80]


def _short(error: Exception) -> str:
    return _clipped(error) or type(error).__name__
