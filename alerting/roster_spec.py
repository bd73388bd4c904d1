"""The words of a roster, as they are written under `rosters:` in `crisis_flowchart.yaml`."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from alerting.rotation import WEEK, WEEKDAYS, every_of, first_hand_over, hand_over_of, hours_of
from stream.strict_yaml import described
from stream.zones import zone

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_ENV = re.compile(r"env:[A-Z][A-Z0-9_]{2,63}")
MAX_OVERRIDES = 1000


def _listed(value: Any) -> Any:
    """`who: anna` means `who: [anna]`."""
    if value == []:
        raise ValueError("this list is empty; it must hold at least one")
    return [value] if isinstance(value, str) else value


def _checked(read: Any) -> BeforeValidator:
    """Text that `read` can read; it stays text, for a file is shown as it was written."""

    def check(value: Any) -> Any:
        if isinstance(value, str):
            read(value)
        return value

    return BeforeValidator(check)


def _zone(value: str) -> None:
    try:
        zone(value)
    except ValueError:
        said = "allowed: an IANA name, as Europe/Amsterdam or UTC"
        raise ValueError(f"{described(value)} is no time zone; {said}") from None


def date_of(text: str) -> date:
    """A day, as 2026-01-05. Raises `ValueError` on anything else."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{described(text)} is no day; write it as 2026-01-05")


def clock_of(text: str) -> datetime:
    """A local time, as 2026-12-24T18:00. Raises `ValueError` on anything else, an offset from UTC among it."""
    try:
        if _LOCAL.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    said = "write the local time of the roster's zone, as 2026-12-24T18:00"
    raise ValueError(f"{described(text)} is no local time; {said}")


def _place(value: str) -> None:
    if value.startswith("https://") or _ENV.fullmatch(value):
        return
    parts = re.split(r"[/\\]", value)
    if (
        len(value) > 1000
        or "://" in value
        or value.startswith(("env:", "/", "\\", "~"))
        or ".." in parts
        or not value.isprintable()
    ):
        # Not repeated: the address of a calendar is mostly a secret.
        said = "a file beside the chart, as oncall.ics; an address that begins with https://; env:NAME for a variable"
        raise ValueError(f"`calendar` is none of what is allowed: {said} that holds such an address")


Person = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
People = Annotated[tuple[Person, ...], BeforeValidator(_listed), Field(min_length=1, max_length=200)]
Zone = Annotated[str, _checked(_zone)]
Every = Annotated[
    str,
    _checked(every_of),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,2}(h|d|w)$", "examples": ["12h", "1d", "1w", "2w"]}),
]
HandOverWords = Annotated[
    str, _checked(hand_over_of), WithJsonSchema({"type": "string", "examples": ["Monday 09:00", "09:00"]})
]
HoursWords = Annotated[
    str, _checked(hours_of), WithJsonSchema({"type": "string", "examples": ["09:00-18:00", "22:00-06:00"]})
]
Day = Annotated[str, _checked(date_of), WithJsonSchema({"type": "string", "pattern": f"^{_DATE.pattern}$"})]
Clock = Annotated[str, _checked(clock_of), WithJsonSchema({"type": "string", "pattern": f"^{_LOCAL.pattern}$"})]
Days = Annotated[
    tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], BeforeValidator(_listed), Field(min_length=1)
]
Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), _checked(_place)]


class _Written(BaseModel):
    """Whatever is written: nothing unknown passes, nothing changes; an address that may be a secret is not repeated."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1000, hide_input_in_errors=True)


class Rotation(_Written):
    """People who take turns."""

    people: People
    every: Every
    hand_over: HandOverWords
    from_: Day = Field(alias="from")
    hours: HoursWords | None = None
    days: Days | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "Rotation":
        """The first turn begins on the weekday of hand-over, and so does every other."""
        weekday = hand_over_of(self.hand_over).weekday
        if weekday is None:
            return self
        if every_of(self.every) % WEEK:
            said = f"turns of {self.every} do not hand over on one weekday; write a time alone, as"
            raise ValueError(f'{said} "09:00", or `every` in weeks')
        begins = date_of(self.from_)
        if begins.weekday() != weekday:
            said = f"`from` is {self.from_}, a {WEEKDAYS[begins.weekday()]}, and turns begin on {WEEKDAYS[weekday]}"
            raise ValueError(f"{said}; give the day of the first hand-over")
        return self

    @property
    def first(self) -> datetime:
        """When the first turn begins, on the clock."""
        return first_hand_over(date_of(self.from_), hand_over_of(self.hand_over))


class Override(_Written):
    """Who is on call for a while, instead of whoever would be."""

    who: People
    from_: Clock = Field(alias="from")
    until: Clock
    reason: str = ""

    @model_validator(mode="after")
    def _lasts(self) -> "Override":
        if clock_of(self.until) <= clock_of(self.from_):
            raise ValueError(f"this override ends ({self.until}) before it begins ({self.from_}); swap the two")
        return self


class RosterSpec(_Written):
    """Who is on call for a role, as it is written: turns or a calendar, and what overrides them."""

    timezone: Zone
    rotation: Rotation | None = None
    calendar: Place | None = None
    """A file beside the chart, an https address, or `env:NAME` for a variable that holds such an address."""
    hours: HoursWords | None = None
    """With a calendar: the only hours in which somebody must be on call."""
    days: Days | None = None
    overrides: tuple[Override, ...] = Field(default=(), max_length=MAX_OVERRIDES)
    """A later one goes before an earlier one."""
    people_needed: int = Field(default=1, ge=1, le=50)

    @model_validator(mode="after")
    def _is_one_thing(self) -> "RosterSpec":
        if (self.rotation is None) == (self.calendar is None):
            has = "neither `rotation` nor `calendar`" if self.rotation is None else "`rotation` and `calendar`"
            raise ValueError(f"this roster has {has}; give exactly one of the two")
        if self.rotation is not None:
            if self.hours is not None or self.days is not None:
                raise ValueError("`hours` and `days` of a rotation stand under `rotation`, beside `people`")
            if len(dict.fromkeys(self.rotation.people)) < self.people_needed:
                said = f"{self.people_needed} people are needed at once and the rotation has"
                raise ValueError(f"{said} {len(dict.fromkeys(self.rotation.people))}; add people or lower the number")
        return self

    @property
    def covered(self) -> tuple[str | None, tuple[str, ...] | None]:
        """`(hours, days)` in which somebody must be on call; `(None, None)` where that is always."""
        part = self.rotation or self
        return part.hours, part.days

    @property
    def calendar_label(self) -> str:
        """The calendar as a message names it: of an address its host alone, for the rest of it is mostly a secret."""
        place = self.calendar or ""
        return f"calendar at {urlsplit(place).hostname}" if place.startswith("https://") else place

    def people_named(self) -> tuple[tuple[tuple[str | int, ...], str], ...]:
        """Everybody whom this roster names itself, each with the place in the file below the roster's own."""
        turns = enumerate(self.rotation.people) if self.rotation else ()
        found: list[tuple[tuple[str | int, ...], str]] = [(("rotation", "people", i), name) for i, name in turns]
        for number, override in enumerate(self.overrides):
            found += [(("overrides", number, "who", i), name) for i, name in enumerate(override.who)]
        return tuple(found)
