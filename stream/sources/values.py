"""From what people's tools write to what a mention needs: times, counts, yes and no, texts. Knows no platform.

A spreadsheet in Dutch says `3 mrt. 2026 14:05`, `4,5`, `1.204` and `ja`; an export from a vendor says `1772543100000`,
`2026-03-03T14:05:00.000+0100` and `null`. What can be meant in two ways is not guessed: it is a `BadValue`.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from stream.codec import parse_rfc3339
from stream.reading import EARLIEST_MS, LATEST_MS, MAX_NUMBER

BadReason = Literal["bad_time", "bad_number", "bad_word", "wrong_type"]

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan januari january",
            "feb februari february",
            "mrt mar maart march maa",
            "apr april",
            "mei may",
            "jun juni june",
            "jul juli july",
            "aug augustus august",
            "sep sept september",
            "okt oct oktober october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
"""Months in Dutch and English, short and long."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRUE = frozenset({"ja", "j", "yes", "y", "true", "waar", "1", "x"})
_FALSE = frozenset({"nee", "n", "no", "false", "onwaar", "0", "-"})
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r"[\s\u00a0\u202f]+")
_GROUPED = re.compile(r"-?\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*\Z", re.ASCII)
_PLAIN = re.compile(r"-?\d{1,18}(?:[.,]\d{1,18})?(?:[eE]\+?\d{1,2})?\Z", re.ASCII)
_CLOCK = r"(?:[T ,]+(?:om )?(\d{1,2})[:.u](\d\d)(?:[:.](\d\d)(?:[.,]\d{1,9})?)?(?: ?([ap])\.?m\.?)?(?: uur)?)?\Z"
_ZONES = {"Z": 0, "UTC": 0, "GMT": 0, "CET": 1, "CEST": 2}
_ZONED = re.compile(
    r"(.*\d[:.]\d\d(?:[:.]\d\d(?:[.,]\d{1,9})?)?) ?(Z|UTC|GMT|CES?T|[+-]\d\d:?\d\d)\Z", re.IGNORECASE | re.ASCII
)
"""Only behind a clock: the year of `03-03-2026` is no zone."""
_WEEKDAY = r"(?:[a-z]{2,10}[.,]? )?"
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})" + _CLOCK, re.IGNORECASE | re.ASCII)
_NUMERIC = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d\d)" + _CLOCK, re.IGNORECASE | re.ASCII)
_NAMED = re.compile(_WEEKDAY + r"(\d{1,2})[ -]([a-z]{3,9})\.?,?[ -](\d{4}|\d\d)" + _CLOCK, re.IGNORECASE | re.ASCII)
_MONTH_FIRST = re.compile(_WEEKDAY + r"([a-z]{3,9})\.? (\d{1,2}),? (\d{4})" + _CLOCK, re.IGNORECASE | re.ASCII)
_SERIAL = (20_000.0, 80_000.0)
"""Days since 1899-12-30, as Excel counts them: 1954 to 2119."""


class BadValue(ValueError):  # noqa: N818 - the name of what it is about
    """A value that cannot be read: `reason` from a closed list, `detail` a harmless line that quotes little of it."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: BadReason = reason
        self.detail = detail


class Dates(NamedTuple):
    """How the times of one sender are written, where they do not say it themselves."""

    zone: str = "UTC"
    """The zone of times that name none, as `Europe/Amsterdam`."""
    month_first: bool = False
    """Whether `03/04/2026` is the fourth of March."""
    formats: Sequence[str] = ()
    """Forms to try first, in the letters of `strptime`, as `%d|%m|%Y %H:%M`."""


def moment(value: object, dates: Dates = Dates()) -> int:  # noqa: B008 - a tuple that nobody changes
    """A time in milliseconds since 1970: a text, seconds or milliseconds since 1970, or a day of Excel's.

    >>> here = Dates("Europe/Amsterdam")
    >>> dutch = ("3 mrt. 2026 14:05", "03-03-2026 14:05", "dinsdag 3 maart 2026 om 14.05 uur", "46084,5868055556")
    >>> {moment(said, here) for said in (*dutch, "2026-03-03T13:05:00Z", 1772543100, 1772543100000, 46084.5868055556)}
    {1772543100000}

    Raises `BadValue`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadValue("bad_time", f"a time is no {type(value).__name__}")
    if isinstance(value, str):
        at_ms = _written(_SPACES.sub(" ", value).strip(), dates)
    elif abs(value) > MAX_NUMBER:
        raise BadValue("bad_time", "a time is no number of that size")
    else:
        at_ms = _counted(float(value), dates)
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise BadValue("bad_time", f"{_shown(value)} is outside 1990..2100")
    return at_ms


def _counted(number: float, dates: Dates) -> int:
    if _SERIAL[0] <= number < _SERIAL[1]:
        # Excel counts days of the clock on the wall, whole seconds at best.
        return _local(datetime(1899, 12, 30) + timedelta(seconds=round(number * 86_400)), dates)  # noqa: DTZ001
    if EARLIEST_MS <= number < LATEST_MS:
        return int(number)
    if EARLIEST_MS <= number * 1000 < LATEST_MS:
        return int(number * 1000)
    raise BadValue("bad_time", f"{_shown(number)} is neither seconds nor milliseconds since 1970, nor a day of Excel's")


def _written(text: str, dates: Dates) -> int:
    for form in dates.formats:
        try:
            parsed = datetime.strptime(text, form)  # noqa: DTZ007 - its zone is given right after
        except ValueError:
            continue
        return _ms(parsed) if parsed.tzinfo is not None else _local(parsed, dates)
    if _PLAIN.match(text):
        return _counted(float(text.replace(",", ".")), dates)
    zoned = _ZONED.match(text)
    try:
        # With a zone of its own it needs no help; without one it is a time of the sender's clock.
        return _local(_parts(text, dates), dates) if zoned is None else _with_zone(text, zoned[1], zoned[2], dates)
    except (ValueError, OverflowError):
        raise BadValue("bad_time", f"{_shown(text)} is no time that can be read") from None


def _with_zone(text: str, wall: str, zone: str, dates: Dates) -> int:
    hours = _ZONES.get(zone.upper())
    if hours is None:
        sign = -1 if zone[0] == "-" else 1
        offset = timedelta(hours=sign * int(zone[1:3]), minutes=sign * int(zone[-2:]))
    else:
        offset = timedelta(hours=hours)
        text = f"{wall}Z" if not hours else text
    try:
        return parse_rfc3339(text)  # it alone keeps the milliseconds
    except ValueError:
        return _ms(_parts(wall, dates).replace(tzinfo=timezone(offset)))


def _parts(text: str, dates: Dates) -> datetime:
    if (found := _ISO.match(text)) is not None:
        year, month, day = found[1], int(found[2]), found[3]
    elif (found := _NUMERIC.match(text)) is not None:
        day, month, year = (
            (found[2], int(found[1]), found[3]) if dates.month_first else (found[1], int(found[2]), found[3])
        )
    elif (found := _NAMED.match(text)) is not None:
        day, month, year = found[1], MONTHS.get(found[2].lower(), 0), found[3]
    elif (found := _MONTH_FIRST.match(text)) is not None:
        day, month, year = found[2], MONTHS.get(found[1].lower(), 0), found[3]
    else:
        raise ValueError
    hour = int(found[4] or 0)
    if found[7]:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if found[7] in "pP" else 0)
    whole_year = int(year) + 2000 if len(year) == 2 else int(year)
    return datetime(whole_year, month, int(day), hour, int(found[5] or 0), int(found[6] or 0))  # noqa: DTZ001


def _local(wall: datetime, dates: Dates) -> int:
    return _ms(wall.replace(tzinfo=ZoneInfo(dates.zone)))


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def count(value: object) -> int | None:
    """A whole number, at least 0; `None` where nothing is said. Raises `BadValue`.

    >>> [count(said) for said in (7, "1.204", "1,204,000", "12,0", "1,2E+3", "", None)]
    [7, 1204, 1204000, 12, 1200, None, None]
    """
    number = _number(value)
    if number is None:
        return None
    if not 0 <= number <= MAX_NUMBER:
        raise BadValue("bad_number", f"{_shown(value)} is no count")
    return int(number)


def stars(value: object) -> int | None:
    """A rating as whole stars, halves up; `None` where nothing is said. Raises `BadValue`.

    >>> stars("4,5"), stars("3"), stars(None)
    (5, 3, None)
    """
    number = _number(value, grouped=False)
    return None if number is None else math.floor(number + 0.5)


def _number(value: object, *, grouped: bool = True) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadValue("wrong_type", f"a number is no {type(value).__name__}")
    if isinstance(value, str):
        text = _SPACES.sub(" ", value).strip()
        if not text or text in {"-", "–"}:
            return None
        if grouped and _GROUPED.match(text):
            return float(re.sub(r"[.,' ]", "", text))
        if not _PLAIN.match(text):
            raise BadValue("bad_number", f"{_shown(text)} is no number")
        return float(text.replace(",", "."))
    if not abs(value) <= MAX_NUMBER:  # NaN too; and Python does not even write an integer of 5,000 digits
        raise BadValue("bad_number", "no number is of that size")
    return float(value)


def truth(value: object) -> bool | None:
    """Yes or no, in Dutch or English; `None` where nothing is said. Raises `BadValue`.

    >>> truth("ja"), truth("Nee"), truth(1), truth("")
    (True, False, True, None)
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold() if isinstance(value, int | str) else ""
    if not word and isinstance(value, str):
        return None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadValue("bad_word", f"{_shown(value)} is neither yes nor no (ja, nee, yes, no, true, false, 1, 0)")


def words(value: object) -> str | None:
    """A text; a number as its digits, a list of texts as lines; `None` where nothing is said. Raises `BadValue`.

    >>> words(" a "), words(7), words(["a", "b"]), words([]), words(None)
    ('a', '7', 'a\\nb', None, None)
    """
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value.strip()) or None
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(one, str | int | None) for one in value):
        return words("\n".join(str(one).strip() for one in value if one not in (None, "")))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue("wrong_type", f"a text is no {type(value).__name__}")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _shown(value: object) -> str:
    """At most 30 characters of a hostile value, escaped."""
    text = str(value) if isinstance(value, str) else repr(value)
    return ascii(text[:30]) + ("…" if len(text) > 30 else "")
