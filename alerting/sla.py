"""What a brand promises its public: a first response in time, and a solution in time. Pure.

A clock counts from the post that the trouble is about, within business hours or round the clock. It is green, turns
orange when four fifths of its time have gone, and red when all have: both instants are known when it starts.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from alerting.business_hours import Hours
from alerting.flowchart.fields import Duration, Section, Targets, Words, duration_ms
from stream.codec import HOUR_MS, MINUTE_MS

ClockKind = Literal["business_hours", "always"]
SeverityName = Literal["low", "medium", "high", "critical"]


class Telling(Section):
    """Whom a promise at risk concerns, besides the owner of the incident: woken (`page`) or told (`notify`)."""

    page: Targets = ()
    notify: Targets = ()

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.page) == bool(self.notify):
            raise ValueError("name people under `page` to wake them or under `notify` to tell them: one of the two")
        return self


class Promise(Section):
    """How soon the public hears from us, and how soon it is solved."""

    first_response: Duration = 60 * MINUTE_MS
    solution: Duration = 24 * HOUR_MS
    clock: ClockKind = "always"


class PromiseRule(Section):
    """Another promise for a brand, a source or a severity; what a rule does not say is as in `default`."""

    brand: Words | None = None
    source: Words | None = None
    severity: SeverityName | None = None
    first_response: Duration | None = None
    solution: Duration | None = None
    clock: ClockKind | None = None


class Promises(Section):
    """The chart's section `promises:`. Of the rules that fit, the first counts."""

    business_hours: Hours = Hours()
    default: Promise = Promise()
    rules: tuple[PromiseRule, ...] = Field(default=(), max_length=200)
    from_severity: SeverityName = "medium"
    """Incidents below this have no clock."""
    orange_at: Annotated[int, Field(ge=10, le=99)] = 80
    """Percent of the time after which a clock is orange."""
    at_risk: Telling | None = None
    """Who hears of an orange clock; without it the owner, or whoever was told last."""
    broken: Telling | None = None
    """Who hears of a red one; without it as `at_risk`."""


ExpiresAfter = Annotated[
    int,
    BeforeValidator(lambda value: 0 if value == "never" else duration_ms(value)),
    WithJsonSchema({"type": "string", "pattern": "^(never|[1-9][0-9]{0,5}[smhd])$", "examples": ["30m", "never"]}),
]
"""Milliseconds; 0 is never."""


class AckExpiry(Section):
    """The chart's section `acknowledgement_expires:`: how long an acknowledgement holds if nobody acts on it."""

    critical: ExpiresAfter = 30 * MINUTE_MS
    high: ExpiresAfter = HOUR_MS
    medium: ExpiresAfter = 4 * HOUR_MS
    low: ExpiresAfter = 0
