"""The small words that a crisis flowchart is written with: lengths of time, names, lists of people, ways to them."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from stream.strict_yaml import described

_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MAX_DURATION_MS = 30 * _UNIT_MS["d"]


def duration_ms(text: object) -> int:
    """A length of time in milliseconds.

    >>> duration_ms("90s"), duration_ms("2h")
    (90000, 7200000)

    Raises `ValueError` on anything but a whole number with s, m, h or d behind it, up to 30 days.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{described(text)} is not a length of time; write it as 90s, 10m, 2h or 1d")
    amount = int(found.group(1)) * _UNIT_MS[found.group(2)]
    if amount > MAX_DURATION_MS:
        raise ValueError(f"{described(text)} is too long; at most 30d is allowed")
    return amount


def duration_text(ms: int) -> str:
    """The inverse of `duration_ms`, in the largest unit that fits.

    >>> duration_text(7_200_000), duration_text(90_000)
    ('2h', '90s')
    """
    for unit in ("d", "h", "m"):
        if ms % _UNIT_MS[unit] == 0:
            return f"{ms // _UNIT_MS[unit]}{unit}"
    return f"{ms // 1000}s"


def listed(value: Any) -> Any:
    """`page: anna` means `page: [anna]`."""
    return [value] if isinstance(value, str) else value


_SLACK = re.compile(r"[UWCGDS][A-Z0-9]{2,20}|#[\w.-]{1,80}")


def _slack(value: str) -> str:
    if not _SLACK.fullmatch(value):
        if value.startswith("@"):  # Slack takes the name of a channel, and of nobody else
            raise ValueError(
                f'"{value[:60]}" reaches nobody in Slack: a person or a group is named by its id; '
                "allowed: a member id (U...) or a user group id (S...), which Slack shows in the profile under Copy ID"
            )
        said = "a member id (U...), a channel id (C...), a user group id (S...), or #channel in quotes"
        raise ValueError(f'"{value[:60]}" is no address in Slack; allowed: {said}')
    return value


_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _day(value: Any) -> Any:
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{described(value)} is not a day; write it as 2027-03-31")
    year, month, day = (int(part) for part in found.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _LONGEST[month - 1] or (month == 2 and day == 29 and not leap):
        raise ValueError(f'there is no day "{value}"; write it as 2027-03-31')
    return value


_CHANNEL = re.compile(r"#(?:[a-z0-9_-]|\{(?:incident|brand|scenario)\}){1,60}")


def _channel(value: Any) -> Any:
    if isinstance(value, str) and not _CHANNEL.fullmatch(value):
        said = "# and then small letters, digits, - and _, with {incident}, {brand} or {scenario} where you want them"
        raise ValueError(f'"{value[:60]}" is no name of a channel; allowed: {said}')
    return value


_SHAPES = {
    "email": (r"[^@\s]+@[^@\s]+", "an address, as ana@example.com"),
    "phone": (r"\+?[0-9 ()./-]{3,30}", "a number, as +31 20 555 0101"),
    "webhook": (r"https?://\S+", "an address that begins with https://"),
    "pagerduty": (r"[A-Za-z0-9_-]{3,64}", "the name of a service in tocsin.yaml: 3 to 64 letters, digits, - and _"),
}


def _shaped(value: str, info: ValidationInfo) -> str:
    shape, allowed = _SHAPES[info.field_name or ""]
    if not re.fullmatch(shape, value):
        raise ValueError(f'`{info.field_name}` is "{value[:60]}"; allowed: {allowed}')
    return value


Duration = Annotated[
    int,
    BeforeValidator(duration_ms),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["90s", "10m", "2h", "1d"]}),
]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Cel = Annotated[str, StringConstraints(strip_whitespace=True)]
Targets = Annotated[
    tuple[str, ...],
    BeforeValidator(listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""Roles and responders; one alone needs no brackets."""
WAYS = ("slack", "phone", "email", "webhook", "pagerduty")
WayName = Literal["slack", "phone", "email", "webhook", "pagerduty"]
Ways = Annotated[
    tuple[WayName, ...],
    BeforeValidator(listed),
    Field(min_length=1),
    WithJsonSchema(
        {"anyOf": [{"enum": list(WAYS)}, {"type": "array", "items": {"enum": list(WAYS)}, "minItems": 1}]},
    ),
]
"""Ways in which somebody is reached, the first first."""
SlackAddress = Annotated[
    str,
    BeforeValidator(lambda value: _slack(value) if isinstance(value, str) else value),
    WithJsonSchema({"type": "string", "pattern": f"^({_SLACK.pattern})$"}),
]
ChannelName = Annotated[
    str, BeforeValidator(_channel), WithJsonSchema({"type": "string", "pattern": f"^{_CHANNEL.pattern}$"})
]
MailAddress = Annotated[
    str, AfterValidator(_shaped), WithJsonSchema({"type": "string", "pattern": f"^{_SHAPES['email'][0]}$"})
]
PhoneNumber = Annotated[
    str, AfterValidator(_shaped), WithJsonSchema({"type": "string", "pattern": f"^{_SHAPES['phone'][0]}$"})
]
HookAddress = Annotated[
    str, AfterValidator(_shaped), WithJsonSchema({"type": "string", "pattern": f"^{_SHAPES['webhook'][0]}$"})
]
ServiceName = Annotated[
    str, AfterValidator(_shaped), WithJsonSchema({"type": "string", "pattern": f"^{_SHAPES['pagerduty'][0]}$"})
]
Day = Annotated[
    str, BeforeValidator(_day), WithJsonSchema({"type": "string", "pattern": f"^{_DAY.pattern}$", "format": "date"})
]
"""A day of the calendar, as 2027-03-31: text, which sorts as the days do."""


class Section(BaseModel):
    """Whatever is written: nothing unknown passes, nothing is guessed, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, str_max_length=1000)
