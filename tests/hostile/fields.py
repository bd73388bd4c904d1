"""Fills every field that holds text with one string, found by reflection: a new field is driven on its first day.

`OURS` names the few that no outsider can write, each with why and with what it holds instead.
"""

import functools
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec

from alerting.decision import Decision
from alerting.home import Overview
from alerting.timeline import Act, Sending
from alerting.view import IncidentView

NOW_MS = 1_772_449_200_000
INCIDENT = "acme-1772449200000"
SHOWN: tuple[type[msgspec.Struct], ...] = (IncidentView, Decision, Act, Sending, Overview)
"""What everything that people see is made from."""

_ID = "made from the brand's slug and a time: letters, digits and dashes"
_RANK = "one of four words, checked where it is read"
_ZONE = "a zone of the pinned tzdata, checked with the settings"
_SLACK = "an id that Slack gave, from our own outbox"
_JOURNAL = "ids and digests of our own; shown nowhere"
_SETTINGS = "where the operator says the console is, and an incident's id"
OURS: dict[str, tuple[object, str]] = {
    "IncidentView.incident": (INCIDENT, _ID),
    "IncidentView.severity": ("high", _RANK),
    "IncidentView.timezone": ("UTC", _ZONE),
    "IncidentView.exemplars": (("n1",), _JOURNAL),
    "IncidentView.pictured": ("", _RANK),
    "Explanation.console_url": ("", _SETTINGS),
    "Decision.key": (f"{INCIDENT}/1/Page", _ID),
    "Decision.incident": (INCIDENT, _ID),
    "Decision.severity": ("high", _RANK),
    "Decision.exemplars": (("n1",), _JOURNAL),
    "Decision.said": ("d1", _JOURNAL),
    "Asked.said": ("", _JOURNAL),
    "Act.severity": ("high", _RANK),
    "Sending.key": (f"{INCIDENT}/1/Page", _ID),
    "Overview.timezone": ("UTC", _ZONE),
    "BrandNow.timezone": ("UTC", _ZONE),
    "Duty.timezone": ("UTC", _ZONE),
    "Shown.channel": ("C1", _SLACK),
    "Shown.ts": ("1767614700.000100", _SLACK),
    "Silence.severity_at_most": ("high", _RANK),
    "Silence.incident": ("", _ID),
}
_CHOSEN: dict[str, object] = {
    "IncidentView.status": "open",
    "IncidentView.reason": "signals",
    "Decision.kind": "Page",
    "Decision.reason": "flowchart",
    "Decision.action": "",
    "Signal.kind": "volume",
    "Clock.promised": "first_response",
    "Clock.colour": "orange",
    "IncidentView.scenario": None,
}
_NUMBERS: dict[str, object] = {
    "Signal.since_ms": NOW_MS - 600_000,
    "Signal.window_ms": 3_600_000,
    "Facts.volume_ratio_milli": 11_770,
    "Facts.sector_milli": 2_400,
    "Facts.new_accounts": 3,
    "IncidentView.data_late_s": 0,
    "IncidentView.history": (3, 4, 3, 30, 60, 90),
    "Decision.history": (3, 4, 3, 30, 60, 90),
    "Facts.hour": 10,
    "Facts.weekday": 1,
}


def text_fields(kinds: tuple[type[msgspec.Struct], ...] = SHOWN) -> list[str]:
    """Every field of these, and of whatever they hold, in which text stands: `Struct.field`."""
    found: list[str] = []
    seen: set[type] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop(0)
        if kind in seen:
            continue
        seen.add(kind)
        for name, hint in _hints(kind).items():
            parts = list(_parts(hint))
            waiting += [one for one in parts if isinstance(one, type) and issubclass(one, msgspec.Struct)]
            if str in parts:
                found.append(f"{kind.__name__}.{name}")
    return found


@functools.cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    if get_origin(hint) is not Literal:
        for one in get_args(hint):
            yield from _parts(one)


def filled(kind: type[Any], text: str, only: str = "", /, **changes: Any) -> Any:
    """One of these, with `text` in every field that holds text; in the field `only` alone, where that is given, and
    an ordinary word in the others.
    """
    given: dict[str, Any] = {}
    for name, hint in _hints(kind).items():
        place = f"{kind.__name__}.{name}"
        word = text if only in ("", place) else "calm"
        if place in OURS:
            given[name] = OURS[place][0]
        else:
            chosen = _CHOSEN.get(place, _NUMBERS.get(place))
            given[name] = chosen if chosen is not None else _value(hint, name, word, text, only)
    return kind(**(given | changes))


def _value(hint: Any, name: str, word: str, text: str, only: str) -> Any:
    """A value of a type: text where text stands, numbers of a living incident."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint is str:
        return word
    if hint is bool:
        return name in ("coordinated", "sector_wide")
    if hint is int:
        return NOW_MS if name.endswith("_ms") else 400
    if origin is tuple:
        kinds = inside[:1] if inside[-1] is Ellipsis else inside
        return tuple(_value(one, name, word, text, only) for one in kinds)
    if origin is dict:
        return {word: word} if inside[1] is not bool else {word: True}
    if origin in (types.UnionType, typing.Union):
        return _value(next(one for one in inside if one is not type(None)), name, word, text, only)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return filled(hint, text, only)
    raise TypeError(f"{name}: what to put into {hint}?")
