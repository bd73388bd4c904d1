"""The kinds of values that `tocsin.yaml` holds: durations with units, zones, names of variables, addresses.

A message names the setting and what is allowed; where a secret may stand by mistake, the value is not repeated.
"""

import re
from importlib import resources
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, Strict, ValidationInfo

from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.risk import ISSUE_CLASSES
from stream.strict_yaml import did_you_mean
from stream.text import normalise
from stream.zones import zone

_UNITS_MS = {"ms": 1, "s": 1000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_ISSUE_CLASS = re.compile(r"[a-z][a-z0-9_]{0,31}")
_WAY_NAME = re.compile(r"[A-Za-z0-9_-]{3,64}")
_TOPIC_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,60}")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{1,20}")
_CHANNEL_NAME = re.compile(r"#?[\w.-]{1,80}")
NO_CHANNEL = (
    "which is no channel of Slack, so nothing could be posted; allowed: its id, as C0123456789, or its name in small "
    "letters, as crisis-room"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def as_duration(value: Any, info: ValidationInfo) -> Any:
    """Milliseconds from a number with its unit; every setting that is a `Duration` goes through it."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"`{info.field_name}` must be a number with its unit, as 5s, 250ms, 2m, 1h or 1d")
    return int(match[1]) * _UNITS_MS[match[2]]


def _zone(value: str, info: ValidationInfo) -> str:
    try:
        zone(value)
    except ValueError:
        known = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
        near = did_you_mean(value, known) or "; allowed: an IANA name, as Europe/Amsterdam or UTC"
        raise ValueError(f'`{info.field_name}` is "{value[:60]}", which is no time zone{near}') from None
    return value


def _variable(value: str, info: ValidationInfo) -> str:
    # The value is not repeated: what stands here by mistake is mostly the secret itself.
    if not _VARIABLE.fullmatch(value):
        raise ValueError(
            f"`{info.field_name}` must be the name of an environment variable (capitals, digits, _); "
            "the secret itself never stands in this file"
        )
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2}", value):
        raise ValueError(f'"{value[:20]}" is no language code; allowed: two small letters (ISO 639-1), as en or nl')
    return value


def _address(value: str, info: ValidationInfo) -> str:
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 <= int(port) <= 65535:
        raise ValueError(f'`{info.field_name}` is "{value[:60]}"; it must be host:port, as 127.0.0.1:8750')
    return value


def host_and_port(address: str) -> tuple[str, int]:
    """The two halves of host:port.

    >>> host_and_port("127.0.0.1:8760"), host_and_port("[::1]:0")
    (('127.0.0.1', 8760), ('::1', 0))
    """
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def is_web_address(value: str) -> bool:
    """Whether requests may go there: over TLS, or to this machine.

    >>> is_web_address("https://hc.example/ping/1"), is_web_address("http://127.0.0.1:9/"), is_web_address("http://a/")
    (True, True, False)
    """
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _web_address(value: str, info: ValidationInfo) -> str:
    if is_web_address(value):
        return value
    raise ValueError(f"`{info.field_name}` must begin with https:// (http:// is allowed for this machine alone)")


def is_slack_channel(value: str) -> bool:
    """Whether Slack takes this as a channel: by its id, or by its name in small letters, with # or without.

    >>> [is_slack_channel(one) for one in ("C0123456789", "#crisis-room", "krise_2", "!!", "U0123456789", "#")]
    [True, True, True, False, False, False]
    """
    return bool(_CHANNEL_ID.fullmatch(value)) or (bool(_CHANNEL_NAME.fullmatch(value)) and value == value.lower())


def _slack_channel(value: str, info: ValidationInfo) -> str:
    if not is_slack_channel(value):
        raise ValueError(f'`{info.field_name}` is "{value[:60]}", {NO_CHANNEL}')
    return value


def _source_name(value: str, info: ValidationInfo) -> str:
    if not _SOURCE_NAME.fullmatch(value):
        raise ValueError(
            f'`{info.field_name}` is "{value[:40]}"; it stands in an address (/ingest/NAME), so allowed are '
            "up to 32 small letters, digits, - and _"
        )
    return value


def _way_name(value: str) -> str:
    if not _WAY_NAME.fullmatch(value):
        raise ValueError(f'"{value[:70]}" is no name of a way; allowed are 3 to 64 letters, digits, - and _')
    return value


def _topic_prefix(value: str, info: ValidationInfo) -> str:
    if not _TOPIC_PREFIX.fullmatch(value):
        raise ValueError(
            f'`{info.field_name}` is "{value[:70]}"; topics are named after it, so allowed are up to 60 letters, '
            "digits, ., - and _"
        )
    return value


def _issue_class(value: str) -> str:
    if not _ISSUE_CLASS.fullmatch(value):
        raise ValueError(
            f'"{value[:40]}" is no class of complaint; allowed: {", ".join(ISSUE_CLASSES)}, or a name of your own of '
            "up to 32 small letters, digits and _"
        )
    return value


def _issue_term(value: str) -> str:
    halves = value.removeprefix("-").split(" ... ")
    if len(halves) > 2 or not all(normalise(half).rstrip("*") for half in halves):
        raise ValueError(f'"{value[:40]}" is no term; allowed: words, word*, first ... last, or -term to take one out')
    return value


Duration = Annotated[int, BeforeValidator(as_duration)]
"""Milliseconds, written with a unit."""
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
SlackChannel = Annotated[str, AfterValidator(_slack_channel)]
WayName = Annotated[str, AfterValidator(_way_name)]
TopicPrefix = Annotated[str, AfterValidator(_topic_prefix)]
SourceName = Annotated[str, AfterValidator(_source_name)]
Variable = Annotated[str, AfterValidator(_variable)]
Language = Annotated[str, AfterValidator(_language)]
IssueClass = Annotated[str, AfterValidator(_issue_class)]
IssueTerm = Annotated[str, AfterValidator(_issue_term)]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Text = Annotated[str, Field(min_length=1)]


def in_units(duration_ms: int) -> str:
    """A duration as one would write it.

    >>> in_units(60_000), in_units(5_000), in_units(1_500)
    ('1m', '5s', '1500ms')
    """
    unit = next(u for u in ("d", "h", "m", "s", "ms") if duration_ms % _UNITS_MS[u] == 0)
    return f"{duration_ms // _UNITS_MS[unit]}{unit}"
