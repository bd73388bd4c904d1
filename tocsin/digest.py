"""What the shadow would have done: the decisions of `mode: shadow`, by day and brand, as Markdown or JSON."""

from collections.abc import Iterable, Mapping

import msgspec

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.incident import rank
from alerting.inert import one_line
from alerting.review import marked
from alerting.words import reason_words
from stream.zones import local


class WouldHave(msgspec.Struct):
    """One thing that somebody would have been told."""

    at_ms: int
    at: str
    """On the brand's own clock."""
    act: str
    """Page, Escalate or Notify."""
    to: tuple[str, ...]
    by: tuple[str, ...]
    why: str


class Shadowed(msgspec.Struct):
    """One incident that was decided in the shadow, or one planned event that was left out."""

    brand: str
    incident: str
    day: str
    opened_ms: int
    opened: str
    scenario: str
    severity: str
    """The highest it reached."""
    why: str
    told: list[WouldHave] = []
    ended: str = ""
    """When it ended; empty while it goes on."""
    because: str = ""
    planned: bool = False


class Digest(msgspec.Struct):
    """Everything of a span, in the order in which it began."""

    incidents: list[Shadowed]
    pages: int
    notices: int

    @property
    def days(self) -> list[str]:
        """The days on which something began."""
        return sorted({one.day for one in self.incidents})


def digest(
    decisions: Iterable[Decision],
    zones: Mapping[str, str],
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> Digest:
    """What the shadow decided on incidents that began in `[since_ms, until_ms)`. A brand without a zone is in UTC.

    >>> digest([], {})
    Digest(incidents=[], pages=0, notices=0)
    """
    found: dict[tuple[str, int], Shadowed] = {}
    latest: dict[str, Shadowed] = {}
    for decision in decisions:
        if not decision.shadow:
            continue
        zone = zones.get(decision.brand, "UTC")
        one = latest.get(decision.incident)
        if one is None or decision.kind == "OpenIncident":  # what flares up again is another story of the day
            one = latest[decision.incident] = _begun(decision, zone)
            found[decision.incident, decision.at_ms] = one
        _add(one, decision, zone)
    kept = [
        one
        for one in found.values()
        if (since_ms is None or one.opened_ms >= since_ms) and (until_ms is None or one.opened_ms < until_ms)
    ]
    kept.sort(key=lambda one: (one.opened_ms, one.brand, one.incident))
    acts = [told.act for one in kept for told in one.told]
    return Digest(kept, sum(act != "Notify" for act in acts), acts.count("Notify"))


def markdown(shown: Digest) -> str:
    """The digest as people read it."""
    lines = ["# What the shadow would have done", ""]
    if not shown.incidents:
        return "\n".join([*lines, "Nothing: nobody would have been told of anything.", ""])
    would = f"{_many(shown.pages, 'page')} and {_many(shown.notices, 'notice')}"
    lines += [
        f"Nobody was told of any of this. It would have been {would}.",
        "Nobody could answer: each page climbs.",
        "",
    ]
    for day in shown.days:
        for brand in sorted({one.brand for one in shown.incidents if one.day == day}):
            lines += [f"## {day}: {_inert(brand)}", ""]
            for one in shown.incidents:
                if (one.day, one.brand) == (day, brand):
                    lines += _story(one)
    return "\n".join(lines)


def _begun(decision: Decision, zone: str) -> Shadowed:
    return Shadowed(
        brand=decision.brand,
        incident=decision.incident,
        day=local(decision.at_ms, zone).date().isoformat(),
        opened_ms=decision.at_ms,
        opened=_clock(decision.at_ms, zone),
        scenario=decision.scenario,
        severity=decision.severity,
        why=decision.note or reason_words[decision.reason],
        planned=decision.reason == "planned_event",
    )


def _add(one: Shadowed, decision: Decision, zone: str) -> None:
    if rank(decision.severity) > rank(one.severity):
        one.severity, one.scenario = decision.severity, decision.scenario
    if decision.kind in ("Page", "Escalate", "Notify"):
        at = _clock(decision.at_ms, zone)
        why = reason_words[decision.reason]
        one.told.append(WouldHave(decision.at_ms, at, decision.kind, decision.targets, decision.by, why))
    elif decision.kind == "StandDown":
        one.ended, one.because = _clock(decision.at_ms, zone), reason_words[decision.reason]


def _story(one: Shadowed) -> list[str]:
    what = "we are blind" if one.scenario == BLIND else one.scenario.replace("_", " ")
    if one.planned:
        return [f"- {one.opened} left out, {_inert(what)}, {one.severity}: a planned event ({_inert(one.why)})", ""]
    lines = [
        f"### {one.opened} {_inert(what)}, {one.severity} ({_inert(one.incident)})",
        "",
        f"Why: {_inert(one.why)}.",
    ]
    lines.append("")
    for told in one.told:
        act = {"Page": "page", "Escalate": "escalate to", "Notify": "notify"}[told.act]
        by = f" by {', '.join(map(_inert, told.by))}" if told.by else ""
        to = ", ".join(map(_inert, told.to)) or "nobody in particular"
        lines.append(f"- {told.at} would {act} {to}{by}: {told.why}")
    if not one.told:
        lines.append("- would tell nobody")
    lines.append(f"- {one.ended} ended: {one.because}" if one.ended else "- it still goes on")
    return [*lines, ""]


def _clock(at_ms: int, zone: str) -> str:
    return local(at_ms, zone).strftime("%H:%M")


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _inert(words: str) -> str:
    """Words that are not ours on one line, without any meaning to Markdown.

    >>> _inert("*cup*\\nfinal")
    '\\\\*cup\\\\* final'
    """
    return marked(one_line(words, 200))
