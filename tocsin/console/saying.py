"""Times, counts and names of things in the language of who reads: English as the cards say them, or Dutch. Pure."""

from alerting import words
from alerting.decision import Reason
from alerting.flowchart.model import INITIALS
from alerting.inert import one_line
from alerting.view import IncidentView
from stream.codec import HOUR_MS
from tocsin.console import dutch
from tocsin.console.own_words import own_line

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def clock(language: str, at_ms: int, timezone: str = "UTC", today_ms: int = 0) -> str:
    """A time of day in a brand's zone, with the date where it is not that of `today_ms`."""
    return (dutch.clock if language == "nl" else words.clock_text)(at_ms, timezone, today_ms)


def duration(language: str, seconds: int) -> str:
    """How long, in its one or two greatest units."""
    return dutch.duration(seconds) if language == "nl" else words.duration_text(seconds)


def about(language: str, seconds: int) -> str:
    """How long, in its greatest unit alone: for what need not be exact.

    >>> about("en", 7300), about("nl", 7300), about("en", 200_000), about("en", 59)
    ('2 h', '2 u', '2 d', '59 s')
    """
    seconds = max(0, seconds)
    if seconds >= 172_800:
        return f"{seconds // 86_400} d"
    unit = 3600 if seconds >= 3600 else 60 if seconds >= 60 else 1
    return duration(language, seconds // unit * unit)


def month(language: str, code: str) -> str:
    """A month by its name and year.

    >>> month("en", "2026-03"), month("nl", "2026-03")
    ('March 2026', 'maart 2026')
    """
    year, _, number = code.partition("-")
    names_ = dutch.MONTHS if language == "nl" else MONTHS
    return f"{names_[int(number) - 1]} {year}"


def count(language: str, number: int) -> str:
    """A number that a tired person reads at a glance."""
    return dutch.count(number) if language == "nl" else words.count_text(number)


def times(language: str, ratio_milli: int) -> str:
    """How many times the usual."""
    return dutch.times(ratio_milli) if language == "nl" else words.times_text(ratio_milli)


def severity(language: str, code: str) -> str:
    """A severity as a word alone; its colour and shape are the page's.

    >>> severity("en", "critical"), severity("nl", "high"), severity("en", "odd")
    ('Critical', 'Hoog', 'odd')
    """
    if language == "nl":
        return dutch.SEVERITIES.get(code) or one_line(code, 20)
    return code.capitalize() if code in words.severity_words else one_line(code, 20)


def scenario(language: str, code: str) -> str:
    """A scenario in words; one that the user added as it is called."""
    return (dutch.scenario if language == "nl" else words.scenario_text)(code)


def reason(language: str, code: Reason) -> str:
    """A decision's reason in words."""
    return (dutch.REASONS if language == "nl" else words.reason_words).get(code) or one_line(code.replace("_", " "), 60)


def kind(language: str, view: IncidentView) -> str:
    """What an incident is, in a few words."""
    return dutch.kind(view) if language == "nl" else words.kind_text(view)


def past_kind(language: str, what: str, scenario_: str, friendly: bool) -> str:
    """What an incident was: `what` says it in English."""
    return dutch.kind_of(scenario_, friendly=friendly) if language == "nl" else own_line(what, 80)


def sentence(language: str, view: IncidentView, heard_ms: int = HOUR_MS) -> str:
    """Why somebody is told, in one plain sentence or two; `heard_ms` is how much of the hour we had listened."""
    return dutch.sentence(view, heard_ms) if language == "nl" else words.sentence(view, heard_ms=heard_ms)


def heard(language: str, heard_ms: int) -> str:
    """How long somebody has listened, where that is not long."""
    return dutch.heard(heard_ms) if language == "nl" else words.heard_text(heard_ms)


def ratio(language: str, view: IncidentView) -> str:
    """How many times the usual, and since when; "" below 1.5."""
    return dutch.ratio(view) if language == "nl" else words.ratio_text(view)


def trend(language: str, history: tuple[int, ...]) -> str:
    """Where it is going."""
    return dutch.trend(history) if language == "nl" else words.trend_text(history)


def names(language: str, some: tuple[str, ...], limit: int = 6) -> str:
    """A few names, each inert, in the order given."""
    return dutch.names(some, limit) if language == "nl" else words.names_text(some, limit)


def subject(language: str, code: str) -> str:
    """What posts speak of, by a risk or issue class.

    >>> subject("nl", "data_breach"), subject("en", "data_breach")
    ('een datalek', 'data breach')
    """
    known = dutch.SUBJECTS.get(code) if language == "nl" else None
    return known or one_line(code.replace("_", " "), 40)


def choice(code: str) -> str:
    """A name of the flowchart's as a label. Inert.

    >>> choice("not_sure")
    'Not sure'
    """
    shown = one_line(code.replace("_", " "), 60)
    return shown[:1].upper() + shown[1:]


def role(code: str) -> str:
    """A role of the flowchart as people read it. Inert.

    >>> role("pr_on_call"), role("it_security"), role("legal")
    ('PR on call', 'IT security', 'Legal')
    """
    shown = " ".join(part.upper() if part in INITIALS else part for part in one_line(code, 60).split("_"))
    return shown[:1].upper() + shown[1:]


def handle(author: str) -> str:
    """An account's name without the sign before it. Inert.

    >>> handle("@ana")
    'ana'
    """
    return one_line(author.removeprefix("@"), 60)
