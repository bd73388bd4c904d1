"""Runs a walk file on virtual time, through the very `walk` that pages in earnest, and compares what came of it. Pure.

Who is reached follows from the ways each person has and which of them work. A page of which nobody is reached is waited
out all the same: that is the slowest that can happen.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from alerting.facts import Facts
from alerting.flowchart.effects import (
    Approved,
    AskPeople,
    BriefPeople,
    CallIn,
    Effect,
    NotifyPeople,
    OfferStatement,
    OpenRoom,
    PagePeople,
    Vacant,
)
from alerting.flowchart.fields import duration_text
from alerting.flowchart.model import Chart, Rosters
from alerting.flowchart.reached import Arrival, arrivals
from alerting.flowchart.walk import Walk, acknowledged, answered, approved, begin, resume
from alerting.flowchart.walk_file import Act, Expected, Reply, Situation, wall_clock
from stream.codec import DAY_MS, MINUTE_MS

LONGEST_MS = 31 * DAY_MS
"""A walk that is still going on after so long is not followed further."""
MOST_STEPS = 100_000
WORKDAYS, OPENS, CLOSES = 5, 9, 18
ToldKind = Literal["page", "notify", "ask", "open_channel", "mobilise", "brief", "statement", "approved", "vacant"]
WAKING: tuple[ToldKind, ...] = ("page", "mobilise")
SLACK = ("slack",)


class Passed(msgspec.Struct, frozen=True):
    """One step of a walk: how long after its start, at which node, in words with each condition's value and margin."""

    after_ms: int
    node: str
    words: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Something the flowchart wants done in the world: somebody is woken, told, asked, ..."""

    after_ms: int
    kind: ToldKind
    node: str
    targets: tuple[str, ...]
    people: tuple[str, ...] = ()
    """Responders behind the targets at that instant."""
    reached: tuple[tuple[str, str], ...] = ()
    """Of them whoever is reached, and by which way first."""
    by: tuple[str, ...] = ()
    """The ways that the node names."""
    delays: tuple[tuple[str, int], ...] = ()
    """Of those reached whoever is so only a while after, in the order that is their own, and how many milliseconds."""
    within_ms: int = 0
    """How long somebody has to answer (0: nobody need, or as long as it takes)."""
    words: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All that came of a situation."""

    steps: tuple[Passed, ...]
    told: tuple[Told, ...]
    node: str
    """Where it ended, or stands."""
    ended: bool
    """False: it stands at its last rung, or waits without a limit."""
    answered_by: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """The nodes walked, in order."""
        nodes: list[str] = []
        for step in self.steps:
            if not nodes or nodes[-1] != step.node:
                nodes.append(step.node)
        return tuple(nodes)

    @property
    def pages(self) -> tuple[Told, ...]:
        """Whatever wakes people."""
        return tuple(one for one in self.told if one.kind in WAKING)


def walked(
    chart: Chart, situation: Situation, rosters: Rosters | None = None, *, longest_ms: int = LONGEST_MS
) -> Outcome:
    """Run a situation to its end, until nothing more can happen in it, or for `longest_ms`."""
    return _Run(chart, situation, rosters or {}, longest_ms).run()


class _Run:
    """One situation under way."""

    def __init__(self, chart: Chart, situation: Situation, rosters: Rosters, longest_ms: int) -> None:
        self._chart = chart
        self._longest_ms = longest_ms
        self._situation = situation
        self._rosters = rosters
        self._start_ms = situation.file.start
        self._steps: list[Passed] = []
        self._told: list[Told] = []
        self._seen: list[Any] = []
        self._answered_by = ""

    def run(self) -> Outcome:
        scenario = str(self._facts_at(0).scenario)
        walk, effects = begin(self._chart, scenario, self._facts_at(0), self._start_ms, rosters=self._rosters)
        self._note(walk, effects, 0)
        acts = sorted(self._acts(), key=lambda act: act[0])
        for _ in range(MOST_STEPS):
            due_ms = walk.due_ms - self._start_ms if walk.due_ms and not walk.done else self._longest_ms
            # A click at the very instant at which time is up comes after it, as in a grid step.
            if acts and acts[0][0] < due_ms:
                after_ms, act = acts.pop(0)
                walk = self._act(walk, act, after_ms)
            elif due_ms < self._longest_ms:
                facts = self._facts_at(due_ms, walk)
                walk, effects = resume(self._chart, walk, facts, self._start_ms + due_ms, rosters=self._rosters)
                self._note(walk, effects, due_ms)
            else:
                break
        return Outcome(
            steps=tuple(self._steps),
            told=tuple(self._told),
            node=walk.node,
            ended=walk.done,
            answered_by=self._answered_by,
        )

    def _acts(self) -> Iterator[tuple[int, Act | Reply]]:
        behaviour = self._situation.file.behaviour
        for acts in (behaviour.acknowledge, behaviour.answer, behaviour.approve):
            yield from ((act.after, act) for act in acts)

    def _act(self, walk: Walk, act: Act, after_ms: int) -> Walk:
        at_ms, facts = self._start_ms + after_ms, self._facts_at(after_ms, walk)
        if isinstance(act, Reply):
            walk, effects = answered(
                self._chart, walk, facts, at_ms, node=act.node, choice=act.choice, who=act.who, rosters=self._rosters
            )
        elif act in self._situation.file.behaviour.approve:
            walk, effects = approved(
                self._chart, walk, facts, at_ms, node=walk.node, who=act.who, rosters=self._rosters
            )
        else:
            walk, effects = acknowledged(self._chart, walk, facts, at_ms, who=act.who, rosters=self._rosters)
            self._answered_by = self._answered_by or (act.who if walk.acknowledged else "")
        self._note(walk, effects, after_ms)
        return walk

    def _facts_at(self, after_ms: int, walk: Walk | None = None) -> Facts:
        clock = wall_clock(self._start_ms + after_ms, self._situation.zone)
        weekday = clock.isoweekday()
        known: dict[str, Any] = {
            "hour": clock.hour,
            "weekday": weekday,
            "business_hours": weekday <= WORKDAYS and OPENS <= clock.hour < CLOSES,
            "minutes_open": after_ms // MINUTE_MS,
        }
        for from_ms, facts in self._situation.facts:
            if from_ms <= after_ms:
                known |= facts
        if walk is not None and walk.acknowledged:
            known["acknowledged"] = True
        return Facts(**known)

    def _note(self, walk: Walk, effects: list[Effect], after_ms: int) -> None:
        path = walk.path
        # A walk remembers its last steps alone: what was seen before is their beginning, less what it forgot.
        kept = next(n for n in range(len(self._seen) + 1) if self._seen[n:] == path[: len(self._seen) - n])
        fresh = path[len(self._seen) - kept :]
        self._seen = list(path)
        self._steps += [Passed(step.at_ms - self._start_ms, step.node, step.words) for step in fresh]
        self._told += [one for effect in effects if (one := self._happening(effect, after_ms)) is not None]

    def _happening(self, effect: Effect, after_ms: int) -> Told | None:
        wanted = _wanted(effect)
        if wanted is None:
            return None
        at_ms = self._start_ms + after_ms
        people = () if wanted.kind == "vacant" else self._chart.people(wanted.targets, at_ms, self._rosters)
        by_ms = wanted.by_ms - at_ms if wanted.by_ms else wanted.within_ms
        firsts = {name: first for name in people if (first := self._first(name, wanted)) is not None}
        return Told(
            after_ms=after_ms,
            kind=wanted.kind,
            node=effect.node,
            targets=wanted.targets,
            people=people,
            reached=tuple((name, first.way) for name, first in firsts.items()),
            by=wanted.by,
            delays=tuple((name, first.after_ms) for name, first in firsts.items() if first.after_ms),
            within_ms=by_ms,
            words=wanted.words,
        )

    def _first(self, name: str, wanted: "_Wanted") -> Arrival | None:
        """By which way somebody is reached first. An order of their own is one of being woken."""
        behaviour = self._situation.file.behaviour
        if name in behaviour.unreachable:
            return None
        broken = ("slack",) if behaviour.slack == "down" else ()
        responder = self._chart.responders[name]
        if wanted.kind in WAKING:
            return next(arrivals(responder, wanted.by, broken), None)
        has = (way for way in wanted.by if way in responder.ways and way not in broken)
        return next((Arrival(way, 0) for way in has), None)


class _Wanted(NamedTuple):
    kind: ToldKind
    targets: tuple[str, ...]
    words: str
    by: tuple[str, ...] = SLACK
    within_ms: int = 0
    by_ms: int = 0


def _wanted(effect: Effect) -> _Wanted | None:
    """What an effect wants done, of whatever kind it is; `None` for the end."""
    match effect:
        case PagePeople():
            return _Wanted("page", effect.targets, effect.words, effect.by, effect.ack_within_ms)
        case NotifyPeople():
            return _Wanted("notify", effect.targets, effect.words, effect.by)
        case BriefPeople():
            return _Wanted("brief", effect.targets, effect.words, effect.by)
        case CallIn():
            return _Wanted("mobilise", effect.targets, effect.words, effect.by)
        case AskPeople():
            return _Wanted("ask", effect.targets, effect.question, by_ms=effect.by_ms)
        case OfferStatement():
            return _Wanted("statement", effect.targets, effect.name, by_ms=effect.by_ms)
        case OpenRoom():
            return _Wanted("open_channel", effect.invite, effect.channel)
        case Approved():
            return _Wanted("approved", (effect.who,), effect.name)
        case Vacant():
            return _Wanted("vacant", effect.targets, "")
    return None


# --- what was expected ------------------------------------------------------------------------------------------------


def differences(outcome: Outcome, expected: Expected) -> list[str]:
    """Where an outcome is not what was expected, one line each; empty where it is."""
    said: list[str] = []
    if expected.path is not None and expected.path != outcome.path:
        said += _unlike("path", expected.path, outcome.path)
    if expected.pages is not None:
        wanted = tuple(_page_text(page.at, page.who, page.by) for page in expected.pages)
        came = tuple(
            _page_text(page.after_ms, _names(page), _way(page) if _asked(expected, n) else None)
            for n, page in enumerate(outcome.pages)
        )
        said += _unlike("pages", wanted, came) if wanted != came else []
    if expected.ends is not None and (expected.ends != outcome.node or not outcome.ended):
        stands = "ended at" if outcome.ended else "still stands at"
        said.append(f"ends: expected {expected.ends}; it {stands} {outcome.node}")
    return said


def length_text(ms: int) -> str:
    """A length of time, nothing included.

    >>> length_text(0), length_text(90_000)
    ('0s', '90s')
    """
    return duration_text(ms) if ms else "0s"


def _names(page: Told) -> tuple[str, ...]:
    return page.people or page.targets


def _way(page: Told) -> str:
    return page.reached[0][1] if page.reached else "nobody is reached"


def _asked(expected: Expected, number: int) -> bool:
    pages = expected.pages or ()
    return number < len(pages) and pages[number].by is not None


def _page_text(at_ms: int, who: tuple[str, ...], by: str | None) -> str:
    return f"{length_text(at_ms)}: {', '.join(sorted(who))}" + (f" by {by}" if by is not None else "")


def _unlike(what: str, wanted: tuple[str, ...], came: tuple[str, ...]) -> list[str]:
    first = next((n for n, pair in enumerate(zip(wanted, came, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(wanted), len(came)) if first is None else first
    expected = wanted[at] if at < len(wanted) else "nothing more"
    got = came[at] if at < len(came) else "nothing more"
    return [f"{what}: differs from number {at + 1} on: expected {expected}; it was {got}"]
