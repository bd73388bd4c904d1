"""What *Incidents* shows: all of them, open and over, the latest first, some at a time. Pure.

What comes from outside in it is as it came: whoever shows it makes it inert.
"""

import base64
import binascii
import re
from collections.abc import Iterable

import msgspec

from alerting.facts import rank
from stream.zones import local
from tocsin.console.seen_incident import IncidentLine

PAGE, LARGEST_PAGE = 50, 200
STANDS: tuple[str, ...] = ("open", "over", "all")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

Place = tuple[int, str]
"""Where an incident stands in the list: the latest first, and those of one millisecond by name."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents somebody asks for."""

    status: str = "all"
    """open, over or all."""
    brand: str = ""
    """Of this brand alone; empty: of all that they see."""
    severity: str = ""
    """Those that reached this one at least; empty: all."""
    month: str = ""
    """Those that were noticed in it by their brand's clock, as `2026-11`; empty: all."""
    after: Place | None = None
    """Those behind this place; `None`: from the latest on."""
    limit: int = PAGE


class IncidentsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents, the latest first."""

    incidents: tuple[IncidentLine, ...]
    next: str
    """What `cursor` is to be for those that come after; empty where these were the last."""
    found: int = 0
    """How many there are in all, on this page, before and after it."""
    months: tuple[str, ...] = ()
    """The months in which any was noticed, whatever was asked for; the latest first."""


def incidents_seen(lines: Iterable[IncidentLine], wanted: Wanted) -> IncidentsSeen:
    """Of these incidents those that are wanted, one page of them.

    >>> lines = [IncidentLine(incident=f"a-{n}", brand="a", scenario="backlash", severity="high", status="closed",
    ...     because="calm", opened_ms=n * 1000, ended_ms=n * 1000 + 1, hands="owned") for n in range(3)]
    >>> first = incidents_seen(lines, Wanted(limit=2))
    >>> [one.incident for one in first.incidents], first.found, first.months
    (['a-2', 'a-1'], 3, ('1970-01',))
    >>> [one.incident for one in incidents_seen(lines, Wanted(after=after_of(first.next))).incidents]
    ['a-0']
    """
    known = sorted(lines, key=place_of)
    found = [one for one in known if _is_wanted(one, wanted)]
    left = [one for one in found if wanted.after is None or place_of(one) > wanted.after]
    page = left[: wanted.limit]
    return IncidentsSeen(
        incidents=tuple(page),
        next=cursor_of(page[-1]) if len(left) > len(page) else "",
        found=len(found),
        months=tuple(dict.fromkeys(sorted(map(month_of, known), reverse=True))),
    )


def _is_wanted(one: IncidentLine, wanted: Wanted) -> bool:
    return (
        (wanted.status == "all" or (wanted.status == "open") == (not one.ended_ms))
        and (not wanted.severity or rank(one.severity) >= rank(wanted.severity))
        and (not wanted.brand or one.brand == wanted.brand)
        and (not wanted.month or month_of(one) == wanted.month)
    )


def month_of(one: IncidentLine) -> str:
    """In which month it was noticed, by its brand's clock."""
    return f"{local(one.opened_ms, one.timezone):%Y-%m}"


def is_month(text: str) -> bool:
    """Whether this is a month as it is asked for.

    >>> is_month("2026-11"), is_month("2026-13"), is_month("november")
    (True, False, False)
    """
    return _MONTH.fullmatch(text) is not None and not text.startswith("0000")


def place_of(one: IncidentLine) -> Place:
    """Where it stands in the list."""
    return -one.opened_ms, one.incident


def cursor_of(one: IncidentLine) -> str:
    """What asks for those that come after this one; opaque to whoever gets it."""
    return base64.urlsafe_b64encode(f"{one.opened_ms} {one.incident}".encode()).decode().rstrip("=")


def after_of(cursor: str) -> Place:
    """The place that a cursor means. Raises `ValueError` for what was never given as one."""
    try:
        opened, _, incident = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        return -int(opened), incident
    except (ValueError, UnicodeError, binascii.Error):
        raise ValueError("no cursor") from None
