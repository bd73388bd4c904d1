"""When nobody is told although there is something to tell, why, and until when. Pure.

A person silences, the chart mutes hours, or a greater trouble covers a lesser one. None of it is for good: whoever
asks again later gets another answer, and a page that was held back goes out then if there is still reason for it.
Three things break through: what is critical, unless a person silenced just that; our own blindness, unless it is
named; and whatever nothing here speaks of.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
from pydantic import BeforeValidator, Field, field_validator

from alerting.business_hours import DayName, Days, Hours, Span, ZoneName
from alerting.decision import Reason
from alerting.facts import BLIND, SEVERITIES, rank
from alerting.flowchart.fields import Name, Section, Words, listed

Scenarios = Annotated[tuple[Name, ...], BeforeValidator(listed)]
EVERY_DAY: tuple[DayName, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CRITICAL = SEVERITIES[-1]
LONGEST_SILENCE_MS = 30 * 24 * 3_600_000
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


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


def length_ms(text: str) -> int:
    """How long somebody wants quiet, as they write it; 0 where that is no length, or longer than 30 days.

    >>> length_ms("90m"), length_ms("1d"), length_ms("31d"), length_ms("soon")
    (5400000, 86400000, 0, 0)
    """
    number, unit = text[:-1], text[-1:]
    right = number.isascii() and number.isdecimal() and len(number) < 7 and unit in _UNITS_MS
    lasts_ms = int(number) * _UNITS_MS[unit] if right else 0
    return lasts_ms if lasts_ms <= LONGEST_SILENCE_MS else 0


class Silence(msgspec.Struct, tag="silence", frozen=True, omit_defaults=True):
    """A named person wants quiet about something until an instant."""

    id: str
    brand: str
    from_ms: int
    until_ms: int
    who: str
    reason: str
    """In the person's words. It is journaled for good, and names nobody else."""
    scenario: str = ""
    """Of this kind alone; empty: of every kind but our own blindness."""
    severity_at_most: str = "high"
    incident: str = ""
    """About this incident alone, whatever it is."""

    def covers(self, about: "About", at_ms: int) -> bool:
        """Whether it asks for quiet about this at an instant.

        >>> asked = Silence(id="s", brand="acme", from_ms=0, until_ms=9, who="ana", reason="known")
        >>> asked.covers(About("acme-1", "backlash", "high"), 8), asked.covers(About("acme-1", "blind", "high"), 8)
        (True, False)
        """
        if not self.from_ms <= at_ms < self.until_ms or rank(about.severity) > rank(self.severity_at_most):
            return False
        if self.incident:
            return self.incident == about.incident
        return about.scenario == self.scenario if self.scenario else about.scenario != BLIND


class Unsilence(msgspec.Struct, tag="unsilence", frozen=True, omit_defaults=True):
    """A named person lifts a silence."""

    id: str
    brand: str
    silence: str
    """Id of the silence."""
    who: str
    at_ms: int


class About(NamedTuple):
    """What there would be to tell of."""

    incident: str
    scenario: str
    severity: str
    beside: tuple[str, ...] = ()
    """The other kinds of trouble that are open at the brand."""


class Hush(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why nobody is told now."""

    reason: Reason
    until_ms: int = 0
    """When it ends, as far as can be said (0: with the trouble that covers this one)."""
    words: str = ""


def hush_of(about: About, silences: Sequence[Silence], quiet: Quiet, at_ms: int) -> Hush | None:
    """Why nobody is told of something at an instant, or `None`: then they are.

    >>> night = Quiet(mute=(Mute(severity_at_most="medium", hours="22:00-07:00", timezone="UTC", because="sleep"),))
    >>> hush_of(About("acme-1", "backlash", "medium"), (), night, 23 * 3_600_000).until_ms == 31 * 3_600_000
    True
    >>> hush_of(About("acme-1", "backlash", "high"), (), night, 23 * 3_600_000) is None
    True
    """
    asked = [silence for silence in silences if silence.covers(about, at_ms)]
    if asked:
        longest = max(asked, key=lambda silence: (silence.until_ms, silence.id))
        return Hush("silenced", longest.until_ms, f"{longest.who}: {longest.reason}")
    if about.severity == CRITICAL:
        return None
    for rule in quiet.inhibit:
        if rule.while_ in about.beside and about.scenario in rule.mute:
            return Hush("inhibited", 0, rule.because)
    ends = [(ends_ms, rule.because) for rule in quiet.mute if (ends_ms := _muted_until_ms(rule, about, at_ms))]
    if ends:
        return Hush("muted", *max(ends))
    return None


def _muted_until_ms(rule: Mute, about: About, at_ms: int) -> int:
    """When a rule's hours end that cover this now (0: they do not)."""
    named = about.scenario in rule.scenarios if rule.scenarios else about.scenario != BLIND
    if not named or rank(about.severity) > rank(rule.severity_at_most):
        return 0
    return Hours(timezone=rule.timezone, days=rule.days, hours=rule.hours).ends_ms(at_ms) or 0
