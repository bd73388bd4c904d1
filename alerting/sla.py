"""What a brand promises its public: a first response in time, and a solution in time. Pure.

A clock counts from the post that the trouble is about, within business hours or round the clock. It is green, turns
orange when four fifths of its time have gone, and red when all have: both instants are known when it starts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, Self

import msgspec
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from alerting.business_hours import Hours, after_ms
from alerting.facts import rank
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


Promised = Literal["first_response", "solution"]
Colour = Literal["green", "orange", "red"]


class Clock(msgspec.Struct, omit_defaults=True):
    """One promise about one incident, counting."""

    promised: Promised
    from_ms: int
    """When the post was written that it is about."""
    orange_ms: int
    red_ms: int
    colour: Colour = "green"
    """As it was last told."""
    kept_ms: int = 0
    """When we did what was promised (0: not yet)."""
    held: str = ""
    """The colour that was not told because of a quiet."""
    looks_ms: int = 0
    """When that quiet ends (0: there is none, or that cannot be said)."""

    @property
    def due_ms(self) -> int:
        """When its colour changes next or can be told (0: never)."""
        if self.kept_ms or self.colour == "red":
            return 0
        if self.held:
            return self.looks_ms
        return self.red_ms if self.colour == "orange" else self.orange_ms

    def colour_at(self, at_ms: int) -> Colour:
        """Its colour at an instant; once kept, that of the instant at which it was.

        >>> clock = Clock("first_response", 0, orange_ms=48, red_ms=60)
        >>> [clock.colour_at(ms) for ms in (47, 48, 60)]
        ['green', 'orange', 'red']
        """
        seen_ms = self.kept_ms or at_ms
        return "red" if seen_ms >= self.red_ms else "orange" if seen_ms >= self.orange_ms else "green"


def promise_for(promises: Promises, brand: str, source: str, severity: str) -> Promise | None:
    """What is promised about an incident; `None` where it is too small for a promise.

    >>> chart = Promises(rules=(PromiseRule(severity="high", first_response="30m"),))
    >>> promise_for(chart, "Acme", "x", "high").first_response, promise_for(chart, "Acme", "x", "low")
    (1800000, None)
    """
    if rank(severity) < rank(promises.from_severity):
        return None
    for rule in promises.rules:
        if _fits(rule, brand, source, severity):
            base = promises.default
            return Promise.model_construct(
                first_response=rule.first_response or base.first_response,
                solution=rule.solution or base.solution,
                clock=rule.clock or base.clock,
            )
    return promises.default


def _fits(rule: PromiseRule, brand: str, source: str, severity: str) -> bool:
    asked = ((rule.brand, brand), (rule.source, source), (rule.severity, severity))
    return all(wanted is None or wanted.casefold() == given.casefold() for wanted, given in asked)


_KINDS: tuple[Promised, ...] = ("first_response", "solution")


def clocks_for(promises: Promises, promise: Promise, from_ms: int) -> list[Clock]:
    """Both clocks of a promise, started at the post that it is about.

    >>> [(c.promised, c.orange_ms // 60_000, c.red_ms // 60_000) for c in clocks_for(Promises(), Promise(), 0)]
    [('first_response', 48, 60), ('solution', 1152, 1440)]
    """
    hours = promises.business_hours if promise.clock == "business_hours" else None
    return [
        Clock(
            promised=promised,
            from_ms=from_ms,
            orange_ms=after_ms(hours, from_ms, length_ms * promises.orange_at // 100),
            red_ms=after_ms(hours, from_ms, length_ms),
        )
        for promised, length_ms in zip(_KINDS, (promise.first_response, promise.solution), strict=True)
    ]


def tightened(clocks: Sequence[Clock], fresh: Sequence[Clock]) -> list[Clock]:
    """The clocks after an incident got worse: what is promised now may come sooner, and never later."""
    soon = {clock.promised: clock for clock in fresh}
    return [
        msgspec.structs.replace(
            clock,
            orange_ms=min(clock.orange_ms, soon[clock.promised].orange_ms),
            red_ms=min(clock.red_ms, soon[clock.promised].red_ms),
        )
        if clock.promised in soon
        else clock
        for clock in clocks
    ]


class Kept(NamedTuple):
    """How often a promise was kept."""

    promised: str
    severity: str
    kept: int
    broken: int

    @property
    def share_milli(self) -> int:
        """The share of those that were kept."""
        return self.kept * 1000 // (self.kept + self.broken)


def kept_share(history: Iterable[tuple[str, Sequence[Clock]]]) -> list[Kept]:
    """How often each promise was kept, from the severities and the last clocks of past incidents. A clock that
    neither was kept nor turned red says nothing.

    >>> late = Clock("solution", 0, 8, 10, kept_ms=12)
    >>> kept_share([("high", [late]), ("high", [Clock("solution", 0, 8, 10)])])
    [Kept(promised='solution', severity='high', kept=0, broken=1)]
    """
    found: dict[tuple[str, str], list[int]] = {}
    for severity, clocks in history:
        for clock in clocks:
            red = clock.colour == "red" or clock.kept_ms >= clock.red_ms
            if red or clock.kept_ms:
                found.setdefault((clock.promised, severity), [0, 0])[red] += 1
    return [Kept(*key, *found[key]) for key in sorted(found)]


HARD_TO_KEEP_MILLI = 500
ENOUGH_INCIDENTS = 5


def hard_to_keep(kept: Iterable[Kept]) -> list[Kept]:
    """Promises that history shows cannot be kept: broken in half of five or more incidents.

    >>> hard_to_keep([Kept("solution", "high", 1, 6), Kept("first_response", "high", 0, 2)])
    [Kept(promised='solution', severity='high', kept=1, broken=6)]
    """
    return [k for k in kept if k.kept + k.broken >= ENOUGH_INCIDENTS and k.share_milli < HARD_TO_KEEP_MILLI]


ADVICE: dict[str, str] = {
    "privacy": "Move to a private channel; never ask for data in public",
    "data_breach": "Move to a private channel; never ask for data in public, and deny nothing before it is looked into",
    "price": "Move to a private channel before you speak of a contract, an account or a payment",
    "fraud": "Move to a private channel; never ask for account details in public",
}
"""What to do about complaints that touch data or contracts, unless the chart's section `advice:` says otherwise."""


def advice_for(classes: Iterable[str], own: Mapping[str, str]) -> tuple[str, ...]:
    """The advice about these issue and risk classes, each piece once.

    >>> advice_for(["privacy", "delivery"], {"delivery": "Ask for the order number in private"})
    ('Move to a private channel; never ask for data in public', 'Ask for the order number in private')
    """
    said = {**ADVICE, **own}
    return tuple(dict.fromkeys(said[one] for one in classes if one in said))
