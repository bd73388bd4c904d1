"""EDGE. How the log of a service is written: one event a line, bounded, without secrets and without anybody's words.

    log.warning("a source is in trouble", source="hn", problem=...)   -> one line of JSON, or of text on a terminal

Events have fixed names, so that they can be counted and looked for; what varies stands in fields. An event that comes
too often is left out, and how often is said with the next of its name. What libraries log through `logging` goes the
same way. Nothing here is asked to know what is secret: whatever has the shape of a secret goes, whoever wrote it.
"""

import logging
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict

from alerting.inert import clip, terminal_safe

Form = Literal["auto", "json", "text"]
Level = Literal["info", "warning", "error"]

LONGEST = 2_000
"""Of one text in an event."""
LONGEST_TRACE = 6_000
"""Of where a program failed, from its end: what failed stands there."""
MOST_IN_A_LIST = 50
A_MINUTE = 30
"""Events of one name that are written within a minute."""
NAMES_KNOWN = 500
LIBRARY = "a library says"
"""The event under which whatever comes through `logging` is written: its own words are not ours."""
HIDDEN = "(hidden)"

_SECRETS = (
    (re.compile(r"\bxox[a-z](?:\.xox[a-z])?-[\w-]{3,}|\bxapp-[\w-]{3,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\b(bearer|basic)( +)(?=\S*[0-9=])[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(r"\b(token|secret|password|api[_-]?key)(\s*[:=]\s*)[\w.~+/=-]{4,}", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    # Services take these addresses for the permission itself: whoever knows one may post there.
    (re.compile(r"\b(https?://(?:hooks\.slack\.com|hc-ping\.com|discord(?:app)?\.com)/)[^\s\"'<>]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@\"'<>]+@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(wss?://[^\s/?\"'<>]+)[/?][^\s\"'<>]+", re.IGNORECASE), rf"\1/{HIDDEN}"),
    (
        re.compile(
            r"([?&;][\w.-]*(?:token|secret|key|passw|pwd|signature|sig|ticket|code|state|auth|session)[\w.-]*=)[^&\s\"'<>#]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE), HIDDEN),
)
_SECRET_NAME = re.compile(r"token|secret|passw|authorization|cookie|api_?key|private_?key|signature", re.IGNORECASE)
_WORDS_OF_PEOPLE = frozenset({"text", "body", "author", "handle", "mention", "post", "quote", "note", "statement"})
"""Fields that would hold what somebody wrote, or who: an event may say how many, and never which words."""
_NUMBERS = re.compile(r"\d+")


# ---- what each event passes


def inert_values(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event without what could end its line, steer a terminal, or look like another event.

    >>> inert_values(None, "info", {"event": "calendar", "problem": "x\\n\\x1b[2J[info] all is well"})
    {'event': 'calendar', 'problem': 'x [info] all is well'}
    """
    return {
        str(_inert(name)): _inert(value, LONGEST_TRACE if name == "trace" else LONGEST) for name, value in event.items()
    }


def _inert(value: Any, longest: int = LONGEST) -> Any:
    if isinstance(value, str):
        return clip(" ".join(terminal_safe(value[: 4 * longest]).split()), longest)
    if isinstance(value, dict):
        return {_inert(name): _inert(one) for name, one in value.items()}
    return [_inert(one) for one in value] if isinstance(value, list | tuple) else value


def without_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event without what has the shape of a secret, or of somebody's words.

    >>> said = {"event": "x", "problem": "redis://:hunter22@db:1 with xoxb-12-ab", "text": "you ruined my day"}
    >>> without_secrets(None, "info", said)
    {'event': 'x', 'problem': 'redis://(hidden)@db:1 with (hidden)', 'text': '(17 characters)'}
    """
    return {name: _shown(str(name), value) for name, value in event.items()}


def _shown(name: str, value: Any) -> Any:
    if name.lower() in _WORDS_OF_PEOPLE and isinstance(value, str | bytes):
        return f"({len(value)} characters)"
    if _SECRET_NAME.search(name) and value:
        return HIDDEN
    return _without(value)


def _without(value: Any) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, dict):
        return {name: _shown(str(name), one) for name, one in list(value.items())[:MOST_IN_A_LIST]}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without(one) for one in list(value)[:MOST_IN_A_LIST]]
    return value if value is None or isinstance(value, bool | int | float) else hide(str(value))


def hide(text: str) -> str:
    """A text without what has the shape of a secret.

    >>> hide("GET https://a.example/x?api_key=k3y&page=2 with Authorization: Bearer abcdef123456")
    'GET https://a.example/x?api_key=(hidden)&page=2 with Authorization: Bearer (hidden)'
    """
    text = text[: 8 * LONGEST]
    for shape, instead in _SECRETS:
        text = shape.sub(instead, text)
    return text


def traced(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event with where a program failed, as text: without the values of its variables, which may be anything."""
    failed = dict(structlog.processors.format_exc_info(_logger, _method, event))
    trace = failed.pop("exception", None)
    return failed if trace is None else failed | {"trace": str(trace)[-LONGEST_TRACE:]}


class Seldom:
    """Leaves out what comes too often: `a_minute` events of one name pass, and the next that does says how many did
    not. Numbers in a name do not make it another. `clock` gives seconds, and cannot be set.

    >>> now = [0.0]
    >>> seldom = Seldom(2, lambda: now[0])
    >>> def passes(event):
    ...     try:
    ...         return seldom(None, "info", {"event": event})
    ...     except structlog.DropEvent:
    ...         return None
    >>> [passes(f"try {n}") for n in range(4)]
    [{'event': 'try 0'}, {'event': 'try 1'}, None, None]
    >>> now[0] = 61
    >>> passes("try 9"), seldom.left_out
    ({'event': 'try 9', 'left_out': 2}, 2)
    """

    def __init__(self, a_minute: int = A_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_minute = a_minute
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, int, int]] = OrderedDict()
        self.left_out = 0
        """Events ever that were not written."""

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """The event, or `DropEvent`."""
        name = _NUMBERS.sub("#", str(event.get("event", ""))[:200]) + str(event.get("logger", ""))
        now_s = self._clock()
        began_s, written, left_out = self._known.pop(name, (now_s, 0, 0))
        if now_s - began_s >= 60:
            began_s, written = now_s, 0
        passes = written < self._a_minute
        self._known[name] = (began_s, written + passes, 0 if passes else left_out + 1)
        if len(self._known) > NAMES_KNOWN:
            self._known.popitem(last=False)
        if not passes:
            self.left_out += 1
            raise structlog.DropEvent
        return {**event, "left_out": left_out} if left_out else event


# ---- setting it up


class Libraries(logging.Handler):
    """Hands what libraries log on to our own log, as one event, whatever they say."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record. Never raises: a log that cannot be written stops nothing."""
        try:
            level = max(record.levelno, logging.INFO)
            said = record.getMessage()
            structlog.get_logger("tocsin").log(
                level, LIBRARY, logger=record.name, problem=said, exc_info=record.exc_info or None
            )
        except Exception:  # noqa: BLE001 - see above; and what failed may hold what is not to be written
            return


def set_up_logs(form: Form = "auto", level: Level = "info", stream: TextIO | None = None) -> None:
    """Write every event as one line to `stream` (standard output): JSON, or text where people read it.

    `auto` is text on a terminal, and JSON elsewhere. Doing it twice is as doing it once.
    """
    on_terminal = (stream or sys.stdout).isatty()
    is_text = _is_text(form, stream or sys.stdout)
    number = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}[level]
    structlog.configure(
        processors=[*PASSED, Seldom(), *(_for_people(on_terminal) if is_text else _FOR_PROGRAMS)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # Without a stream, whatever standard output is when an event is written.
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if not isinstance(one, Libraries)] + [Libraries()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def place_of_cards(form: Form = "auto") -> TextIO:
    """Where cards are drawn that go to no other way: standard output, beside events as text; where those are JSON for
    a program that reads each line, standard error.
    """
    return sys.stdout if _is_text(form, sys.stdout) else sys.stderr


def _is_text(form: Form, stream: TextIO) -> bool:
    return form == "text" or (form == "auto" and stream.isatty())


PASSED = (structlog.processors.add_log_level,)
_FOR_PROGRAMS = (
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    traced,
    without_secrets,
    inert_values,
    structlog.processors.JSONRenderer(ensure_ascii=False),
)


def _for_people(in_colours: bool) -> tuple[Any, ...]:
    plain = structlog.dev.ConsoleRenderer(colors=in_colours, timestamp_key="at")
    stamped = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False, key="at")
    return (stamped, traced, without_secrets, inert_values, plain)
