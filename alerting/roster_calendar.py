"""Shifts from an iCalendar text: each event is a shift, and its SUMMARY names who is on call.

Times follow `alerting.rotation.instant_ms`: from wall clock to wall clock, also over a clock change. Whole-day events
last from midnight to midnight of the roster's zone, and times without a zone are of that zone. Named zones are those
of the pinned `tzdata`, whatever the machine has.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Component
from icalendar.prop import vBroken

from alerting.rotation import instant_ms
from stream.codec import DAY_MS
from stream.strict_yaml import did_you_mean
from stream.zones import local, zone

MAX_BYTES = 2 * 1024 * 1024
MAX_EVENTS = 5_000
MAX_REPEATING = 200
MAX_SHIFTS = 50_000
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
# In a daily or weekly rule these say nothing that BYDAY does not, and a rule that never holds (30 February) would be
# searched day by day through the year 9999: 4 seconds an event.
_SLOW = ("BYSETPOS", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYEASTER")
_DATED = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_BETWEEN_NAMES = re.compile(r"[,;&+]")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# What the two libraries raise on calendars that are no calendars: found by feeding them noise.
_BAD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, AssertionError)

Found = tuple[int, int, tuple[str, ...]]


def read_shifts(
    text: str, zone_name: str, horizon: tuple[int, int], responders: Mapping[str, str] | None, label: str
) -> tuple[list[Found], list[str]]:
    """`(shifts, problems)`: the shifts that touch the horizon `[from_ms, until_ms)`, each (from_ms, until_ms, people).

    `responders` leads from key to full name; a SUMMARY holds one or several of either, with commas between. Cancelled
    events are left out. Problems begin with the calendar's `label` and the line; where there are any, no shift is
    given.
    """
    from_ms, until_ms = horizon
    days = (until_ms - from_ms) // DAY_MS + 1
    try:
        calendar, events = _parsed(text)
    except _BAD as error:
        return [], [f"{label}: {_plain(error)}"]
    problems = [*_each_problem(events, text, responders, label), *_size_problems(events, days, label)]
    if problems:
        return [], problems
    try:
        # Two days more on either side, since an event's zone may be any; what lies outside is cut off later.
        begin, end = (local(at_ms, "UTC") for at_ms in (from_ms - 2 * DAY_MS, until_ms + 2 * DAY_MS))
        events = recurring_ical_events.of(calendar).between(begin, end)
        found = [_shift(event, zone_name, responders) for event in events if not _is_cancelled(event)]
    except _BAD as error:
        return [], [f"{label}: it cannot be read ({_plain(error)})"]
    return sorted(shift for shift in found if shift[0] < shift[1]), []


def _parsed(text: str) -> tuple[Calendar, list[Component]]:
    if len(text) > MAX_BYTES:
        raise ValueError(f"this calendar has more than {MAX_BYTES} characters")
    if "BEGIN:VCALENDAR" not in text[:4096].upper():
        raise ValueError("this is no iCalendar file, which begins with BEGIN:VCALENDAR")
    calendar = Calendar.from_ical(text)
    events = [c for c in calendar.subcomponents if c.name == "VEVENT"]
    if len(events) > MAX_EVENTS:
        raise ValueError(f"this calendar has {len(events)} events; at most {MAX_EVENTS} are allowed")
    # A zone for all that names none, which Google and others write: not in RFC 5545, and meant so everywhere.
    named = str(calendar.pop("X-WR-TIMEZONE", ""))
    for event in events:
        _pin(event, zone(named) if named else None)
    return calendar, events


def _each_problem(
    events: list[Component], text: str, responders: Mapping[str, str] | None, label: str
) -> Iterator[str]:
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().upper() == "BEGIN:VEVENT"]
    for number, event in enumerate(events):
        where = f"{label}:{lines[number]}:1" if number < len(lines) else label
        # A cancelled one is unfolded with the rest: its rules must end too.
        for problem in _rule_problems(event) if _is_cancelled(event) else _event_problems(event, responders):
            yield f"{where}: {_plain(problem)}"


def _size_problems(events: list[Component], days: int, label: str) -> Iterator[str]:
    repeating = sum(1 for event in events if _rules(event))
    if repeating > MAX_REPEATING:
        yield f"{label}: {repeating} events of this calendar repeat; at most {MAX_REPEATING} are allowed"
    elif sum(_shifts_at_most(event, days) for event in events) > MAX_SHIFTS:
        yield f"{label}: events repeat more than {MAX_SHIFTS} times in {days} days; let them repeat less often"


def _is_cancelled(event: Component) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def _dated(event: Component) -> Iterator[Any]:
    """Every value of an event that holds a time."""
    for name in _DATED:
        values: Any = event.get(name, [])
        for value in values if isinstance(values, list) else [values]:
            yield from () if isinstance(value, vBroken) else getattr(value, "dts", [value])


def _pin(event: Component, default: ZoneInfo | None) -> None:
    """Put the pinned zones in the place of the machine's, and `default` in the place of none and of UTC."""
    for value in _dated(event):
        moment = getattr(value, "dt", None)
        if isinstance(moment, tuple):
            value.dt = tuple(_pinned(part, default) for part in moment)
        elif isinstance(moment, datetime):
            named = "TZID" in getattr(value, "params", {})
            value.dt = _pinned(moment, None if named and moment.tzinfo is None else default)


def _pinned(moment: Any, default: ZoneInfo | None) -> Any:
    if not isinstance(moment, datetime):
        return moment
    key = moment.tzinfo.key if isinstance(moment.tzinfo, ZoneInfo) else None
    if default is not None and moment.tzinfo is None:
        return moment.replace(tzinfo=default)
    if default is not None and key == "UTC":
        return moment.astimezone(default)
    return moment.replace(tzinfo=zone(key)) if key is not None else moment


def _event_problems(event: Component, responders: Mapping[str, str] | None) -> Iterator[str]:
    unread = next((name for name, _ in event.errors if str(name).upper() in _DATED), None)
    start = _moment(event, "DTSTART")
    if unread is not None or not isinstance(start, date):
        yield f"{str(unread or 'DTSTART')[:20]} of this event cannot be read; write it as RFC 5545 has it"
        return
    if not 1970 <= start.year <= 9000:
        yield f"this event begins in the year {start.year}; allowed: 1970 and later"
    end = _moment(event, "DTEND")
    if isinstance(end, date) and type(end) is type(start) and _at_most(end, start):
        yield "this event ends (DTEND) no later than it begins (DTSTART); nobody would be on call in it"
    for value in _dated(event):
        moment = getattr(value, "dt", None)
        named = getattr(value, "params", {}).get("TZID")
        if isinstance(moment, datetime) and moment.tzinfo is None and named is not None:
            yield f'the time zone "{str(named)[:60]}" is neither in this calendar (VTIMEZONE) nor a known name'
            break
    yield from _rule_problems(event)
    yield from _people(event, responders)[1]


def _moment(event: Component, name: str) -> Any:
    value = event.get(name)
    return None if isinstance(value, vBroken) else getattr(value, "dt", None)


def _at_most(end: Any, start: Any) -> bool:
    """Whether an event has no length; times that cannot be compared (one with a zone, one without) are let pass."""
    try:
        return bool(end <= start)
    except TypeError:
        return False


def _rules(event: Component) -> list[Any]:
    rules: Any = event.get("RRULE", [])
    return [rule for rule in (rules if isinstance(rules, list) else [rules]) if not isinstance(rule, vBroken)]


def _rule_problems(event: Component) -> Iterator[str]:
    for rule in _rules(event):
        frequency = _frequency(rule)
        if any(not isinstance(every, int) or every < 1 for every in rule.get("INTERVAL", [])):
            yield "this event repeats with an INTERVAL that never gets on; allowed: a whole number from 1 on"
        if frequency not in _FREQUENCIES:
            said = f"allowed: {', '.join(_FREQUENCIES)}; for shifts of hours write an event for each"
            yield f'this event repeats with FREQ="{frequency[:20]}"; {said}'
        elif frequency in _FREQUENCIES[:2] and any(name in rule for name in _SLOW):
            slow = ", ".join(name for name in _SLOW if name in rule)
            yield f"this event repeats {frequency} with {slow}; use BYDAY, or MONTHLY"
        elif _times_a_day(rule) > 24:
            yield "this event repeats more than 24 times a day; write fewer hours and minutes (BYHOUR, BYMINUTE)"


def _times_a_day(rule: Any) -> int:
    times = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        times *= max(1, len(rule.get(name, [])))
    return times


def _shifts_at_most(event: Component, days: int) -> int:
    """More than which an event's rules cannot give; one that names no days comes at most once a week, unless daily."""
    counted = 1
    for rule in _rules(event):
        weekly = _frequency(rule) == "WEEKLY" and not rule.get("BYDAY")
        counted += _times_a_day(rule) * (days // (7 if weekly else 1) + 1)
    return counted


def _frequency(rule: Any) -> str:
    return str(next(iter(rule.get("FREQ", [])), "")).upper()


def _people(event: Component, responders: Mapping[str, str] | None) -> tuple[tuple[str, ...], list[str]]:
    """`(people, problems)` of an event's SUMMARY."""
    written = event.get("SUMMARY", "")
    summary = "" if isinstance(written, list | vBroken) else str(written).strip()
    if not summary:
        return (), ["this event names nobody; write who is on call into its SUMMARY (title)"]
    known = _known(responders)
    whole = known.get(_folded(summary))
    if whole is not None:
        return (whole,), []
    people: dict[str, None] = {}
    problems: list[str] = []
    for part in _BETWEEN_NAMES.split(summary):
        word = part.strip()
        key = known.get(_folded(word)) if responders is not None else word if _KEY.fullmatch(word) else None
        if key is not None:
            people[key] = None
            continue
        near = did_you_mean(word, list(responders or {}))
        said = "n event of this calendar holds the key or the name of a responder, several with commas between"
        cure = f"{near} A{said}" if near else f"; a{said}"
        problems.append(f'the event "{summary[:60]}" is for "{word[:40]}", who is no responder{cure}')
    return tuple(people), problems


def _known(responders: Mapping[str, str] | None) -> dict[str, str]:
    """Keys by what a SUMMARY may call them; a name that two people bear calls neither."""
    names = [_folded(name) for name in (responders or {}).values()]
    known = {_folded(name): key for key, name in (responders or {}).items() if names.count(_folded(name)) == 1}
    return {**known, **{_folded(key): key for key in responders or {}}}


def _folded(word: str) -> str:
    return " ".join(word.casefold().split())


def _shift(event: Component, zone_name: str, responders: Mapping[str, str] | None) -> Found:
    people, _ = _people(event, responders)
    start, end = (_instant_ms(_moment(event, name), zone_name) for name in ("DTSTART", "DTEND"))
    return start, end, people


def _instant_ms(moment: date, zone_name: str) -> int:
    if not isinstance(moment, datetime):
        return instant_ms(datetime.combine(moment, time()), zone_name)
    if moment.tzinfo is None:
        return instant_ms(moment, zone_name)
    if isinstance(moment.tzinfo, ZoneInfo):
        return instant_ms(moment.replace(tzinfo=None), str(moment.tzinfo.key))
    return (moment - _EPOCH) // _MS


def _plain(said: str | BaseException) -> str:
    """Words of a calendar or a library, in one line and without control characters."""
    text = said if isinstance(said, str) else str(said.args[0] if said.args else said)
    return "".join(c if c.isprintable() else " " for c in text)[:300]
