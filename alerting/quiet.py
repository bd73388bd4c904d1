"""When nobody is told although there is something to tell, why, and until when. Pure.

A person silences, the chart mutes hours, or a greater trouble covers a lesser one. None of it is for good: whoever
asks again later gets another answer, and a page that was held back goes out then if there is still reason for it.
Three things break through: what is critical, unless a person silenced just that; our own blindness, unless it is
named; and whatever nothing here speaks of.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from alerting.business_hours import DayName, Days, Span, ZoneName
from alerting.facts import SEVERITIES
from alerting.flowchart.fields import Name, Section, Words, listed

Scenarios = Annotated[tuple[Name, ...], BeforeValidator(listed)]
EVERY_DAY: tuple[DayName, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CRITICAL = SEVERITIES[-1]


class Inhibit(Section):
    """While one kind of trouble is open, another kind pages nobody: `while: data_security, mute: backlash`."""

    while_: Name = Field(alias="while")
    mute: Scenarios = Field(min_length=1)
    because: Words


class Mute(Section):
    """Hours in which what is no worse than this is left until they end."""

    severity_at_most: Literal["low", "medium", "high"]
    hours: Span
    days: Days = EVERY_DAY
    timezone: ZoneName
    scenarios: Scenarios = ()
    """Of which kinds; without them all but our own blindness."""
    because: Words

    @field_validator("severity_at_most", mode="before")
    @classmethod
    def _never_critical(cls, value: object) -> object:
        if value == CRITICAL:
            raise ValueError("`critical` breaks through every quiet hour; allowed: low, medium, high")
        return value


class Quiet(Section):
    """The chart's section `quiet:`."""

    inhibit: tuple[Inhibit, ...] = Field(default=(), max_length=100)
    mute: tuple[Mute, ...] = Field(default=(), max_length=100)
