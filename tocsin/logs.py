"""How the service's log is written: one event is one line, whatever the values in it say."""

from typing import Any

import structlog

from alerting.inert import clip, terminal_safe

LONGEST = 2_000
"""Of one text in an event."""


def set_up_logs() -> None:
    """Make every value inert before it is written. Doing it twice changes nothing."""
    processors = [one for one in structlog.get_config()["processors"] if one is not inert_values]
    structlog.configure(processors=[*processors[:-1], inert_values, processors[-1]])


def inert_values(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The event without what could end its line, steer a terminal, or look like another event.

    >>> inert_values(None, "info", {"event": "calendar", "problem": "x\\n\\x1b[2J[info] all is well"})
    {'event': 'calendar', 'problem': 'x [info] all is well'}
    """
    return {str(_inert(name)): _inert(value) for name, value in event.items()}


def _inert(value: Any) -> Any:
    if isinstance(value, str):
        return clip(" ".join(terminal_safe(value[: 4 * LONGEST]).split()), LONGEST)
    if isinstance(value, dict):
        return {_inert(name): _inert(one) for name, one in value.items()}
    return [_inert(one) for one in value] if isinstance(value, list | tuple) else value
