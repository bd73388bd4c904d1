"""Proves of a flowchart that in every situation a named human is reached in time, and that no escalation runs dry.

The product is finite: scenarios, severities and risk classes are lists, people behave in one of a few ways, and between
two hand-overs, changes of the clock or hours that a condition names nothing changes with the instant. All of it is
followed; what falls through is shown as a walk that can be run. Pure: who is on call, and from when to when to prove,
is given.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from alerting.facts import BLIND, SEVERITIES, rank
from alerting.flowchart.delays import first_ms
from alerting.flowchart.fields import duration_text
from alerting.flowchart.model import Ask, Chart, End, Page, Statement, Wait
from alerting.flowchart.prove_facts import is_plain
from alerting.flowchart.prove_known import Known
from alerting.flowchart.prove_people import Behaviour, Duties, Duty
from alerting.flowchart.prove_search import BEYOND_MS, LONGEST_WAIT_MS, Search
from alerting.flowchart.prove_state import Fall, Result, Situation
from alerting.flowchart.prove_story import Story, after, reached_at, story_of
from alerting.flowchart.prove_time import Clock
from stream.codec import MINUTE_MS
from stream.risk import RISK_CLASSES

USUAL_BOUND_MS = {"high": 5 * MINUTE_MS, "critical": 5 * MINUTE_MS}
"""Where a chart says nothing under `promise_pages`."""
SLACK_MAY_BE_DOWN_FROM = "critical"
"""From this severity on somebody must be reached although Slack is down; below it is only said."""
BLIND_SEVERITY = "medium"
"""Our own blindness is always of this severity."""
NEEDS_MS = BEYOND_MS + LONGEST_WAIT_MS
"""For so long beyond the last instant rosters should be known."""


class Hole(NamedTuple):
    """A situation in which somebody falls through, and the walk that shows it."""

    kind: str
    """`late`: nobody is reached in time. `dry`: it ends. `stuck`: it waits for ever. `vacant`: its last rung is nobody.
    """
    situation: Situation
    node: str
    place: str
    """`file:line:column` of the node."""
    start_ms: int
    until_ms: int
    """Walks that begin from `start_ms` up to here fall alike."""
    path: tuple[str, ...]
    says: str
    consequence: str
    cure: str
    walk: str
    """A file for `tocsin flowchart walk`; empty where no facts were found that show it."""
    shown: bool
    """Whether walking it falls through in just this way."""
    alike: tuple[Situation, ...]
    """Other situations that fall at the same place in the same way."""


class Proof(NamedTuple):
    """What was proved, or the holes."""

    holes: tuple[Hole, ...]
    situations: int
    """Scenario × severity × risk classes × behaviour."""
    spans: int
    """Of all their walks, spans of instants told apart."""
    worst_ms: int
    """The longest until the first human is reached, where the chart has to page and nothing is broken; -1: nowhere."""
    worst: str
    worst_broken_ms: int
    """The same with somebody out of reach, or Slack down."""
    worst_broken: str
    said: tuple[str, ...]
    """What is not promised, and worth knowing all the same."""
    assumes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """No situation was found in which somebody falls through."""
        return not self.holes


class Plan(NamedTuple):
    """From when to when to prove what."""

    from_ms: int
    until_ms: int
    zone: str
    """The brand's time zone: that of `hour`, `weekday` and `business_hours`."""
    bound_ms: int = 0
    """Instead of the chart's own `promise_pages`, for the severities named there."""
    chart_name: str = "crisis_flowchart.yaml"
    beyond_ms: int = BEYOND_MS
    """A walk that has reached somebody is followed for so long beyond the last instant."""


Progress = Callable[[int, int], None]
"""Called with how many of how many scenarios × severities are done."""


def prove(
    chart: Chart, plan: Plan, rosters: Mapping[str, Duties] | None = None, progress: Progress | None = None
) -> Proof:
    """Follow every walk of a chart that begins in `[plan.from_ms, plan.until_ms)`."""
    clock = Clock(plan.zone, plan.from_ms, plan.until_ms + NEEDS_MS)
    prover = _Prover(Known(chart, clock, Duty(chart, rosters or {})), plan)
    cells = [
        (scenario, severity)
        for scenario in chart.entry
        for severity in ((BLIND_SEVERITY,) if scenario == BLIND else SEVERITIES)
    ]
    for number, (scenario, severity) in enumerate(cells):
        prover.all_risks(scenario, severity)
        if progress is not None:
            progress(number + 1, len(cells))
    return prover.proof()


def bounds_of(chart: Chart, bound_ms: int = 0) -> dict[str, int]:
    """Per severity within what time a human must be reached."""
    bounds: dict[str, int] = dict(chart.written.promise_pages.items()) or dict(USUAL_BOUND_MS)
    return {severity: bound_ms or bounds[severity] for severity in SEVERITIES if severity in bounds}


class _Prover:
    """Gathers what the searches of all situations find."""

    def __init__(self, known: Known, plan: Plan) -> None:
        self.known, self.plan = known, plan
        self.bounds = bounds_of(known.chart, plan.bound_ms)
        self.situations = self.spans = 0
        self._risk_sets = tuple(self._sets_of_risks())
        self._worst: dict[bool, tuple[int, str]] = {False: (-1, ""), True: (-1, "")}
        self._found: dict[tuple[str, str, bool], list[tuple[Situation, Fall]]] = {}
        self._deaf: dict[str, dict[str, None]] = {}

    def all_risks(self, scenario: str, severity: str) -> None:
        """No risk class, each alone, and all at once; where no question on the way asks for them, none stands for all.

        Those that no condition of the chart names are alike too: one stands for them.
        """
        before = self.situations
        self.known.asked.clear()
        self.cell(scenario, severity, ())
        same = self.situations - before
        for risks in self._risk_sets:
            if "risks" in self.known.asked:
                self.cell(scenario, severity, risks)
            else:
                self.situations += same

    def _sets_of_risks(self) -> Iterator[tuple[str, ...]]:
        asking = [one for one in self.known.chart.conditions.values() if "risks" in one.names]
        named = {word for one in asking for _, word, _ in one.words_asked()}
        others = [name for name in RISK_CLASSES if name not in named]
        alike = others[1:] if all(is_plain(one) for one in asking) else []
        yield from ((name,) for name in RISK_CLASSES if name not in alike)
        yield tuple(RISK_CLASSES)

    def cell(self, scenario: str, severity: str, risks: tuple[str, ...]) -> None:
        """Every behaviour in one scenario, severity and set of risk classes."""
        bound_ms = 0 if scenario == BLIND else self.bounds.get(severity, 0)
        never = self._search(Situation(scenario, severity, risks, Behaviour("never"), bound_ms))
        for kind in ("at_once", "late", "wrong_person"):
            self._search(Situation(scenario, severity, risks, Behaviour(kind), bound_ms))
        broken_ms = max(bound_ms, self.known.chart.written.promise_pages_despite_a_fault) if bound_ms else 0
        for who in never.met:
            self._search(Situation(scenario, severity, risks, Behaviour("unreachable", who), broken_ms))
        self._search(Situation(scenario, severity, risks, Behaviour("slack_down"), broken_ms))

    def _search(self, situation: Situation) -> Result:
        result = Search(self.known, situation, self.plan.beyond_ms).run(self.plan.from_ms, self.plan.until_ms)
        self.situations += 1
        self.spans += result.spans
        behaviour = situation.behaviour
        if behaviour.kind == "slack_down" and rank(situation.severity) < rank(SLACK_MAY_BE_DOWN_FROM):
            if result.falls:
                self._deaf.setdefault(situation.severity, {})[situation.scenario] = None
            return result
        state = result.worst
        if situation.bound_ms and state is not None and state.reached_ms > self._worst[behaviour.is_fault][0]:
            who = ", ".join(reached_at(self.known, situation, state))
            said = f"{situation.words}: {who} at {state.node}"
            self._worst[behaviour.is_fault] = (state.reached_ms, said)
        for (kind, node), fall in result.falls.items():
            slack = behaviour.kind == "slack_down"
            self._found.setdefault((kind, node, slack), []).append((situation, fall))
        return result

    def proof(self) -> Proof:
        """All that was found."""
        for kind, node, slack in list(self._found):
            if slack and (kind, node, False) in self._found:  # no matter of Slack then
                self._found[kind, node, False] += self._found.pop((kind, node, slack))
        holes = tuple(self._hole(found) for found in self._found.values())
        return Proof(
            holes=holes,
            situations=self.situations,
            spans=self.spans,
            worst_ms=self._worst[False][0],
            worst=self._worst[False][1],
            worst_broken_ms=self._worst[True][0],
            worst_broken=self._worst[True][1],
            said=tuple(self._said()),
            assumes=tuple(self._assumes()),
        )

    def _hole(self, found: list[tuple[Situation, Fall]]) -> Hole:
        """The first of those that fall alike which can be shown by a walk, else the first."""
        situation, fall = found[0]
        story = story_of(self.known, situation, fall, self.plan.chart_name)
        for other, another in found[1:]:
            if story.shown:
                break
            tried = story_of(self.known, other, another, self.plan.chart_name)
            if tried.shown:
                situation, fall, story = other, another, tried
        chart, node = self.known.chart, fall.state.node
        place = chart.document.problem(chart.origin[node], "", at_key=True)
        return Hole(
            kind=fall.kind,
            situation=situation,
            node=node,
            place=f"{place.filename}:{place.line}:{place.column}",
            start_ms=fall.state.low_ms,
            until_ms=fall.state.high_ms,
            path=story.path,
            says=fall.words,
            consequence=_consequence(situation, fall, story),
            cure=_cure(self.known, situation, fall),
            walk=story.walk,
            shown=story.shown,
            alike=tuple(other for other, _ in found if other != situation),
        )

    def _said(self) -> Iterator[str]:
        for severity, scenarios in self._deaf.items():
            yield f"with Slack down nobody is reached at {severity} in: {', '.join(scenarios)}"
        for mute in self.known.chart.written.quiet.mute:
            held = [severity for severity in self.bounds if rank(severity) <= rank(mute.severity_at_most)]
            if held:
                whom = f"{', '.join(mute.scenarios)} " if mute.scenarios else ""
                yield f"{whom}pages at {' and '.join(held)} are held back during {mute.hours} ({mute.because})"

    def _assumes(self) -> Iterator[str]:
        promised = ", ".join(f"{severity} within {after(ms)}" for severity, ms in self.bounds.items())
        broken = duration_text(self.known.chart.written.promise_pages_despite_a_fault)
        yield f"a person must be reached: {promised}; with one of them out of reach, or Slack down, within {broken}"
        yield "scenario, severity and risk classes stay as they are during a walk; every other fact may be anything"
        yield "a fact may be anything by itself: that some go together (voices and posts) is not known"
        yield "a way that works reaches at once; who can be reached on the way used is awake and reads it"
        if any(responder.reach for responder in self.known.chart.responders.values()):
            yield "whoever is to be woken after a while (`reach`) is reached then, and answers no page that has gone on"
        yield "one thing is broken at a time; once somebody acknowledges, the walk is theirs"
        looks = "a condition that is waited for holds at the first look, when the hour makes it hold, or never"
        yield f"a question to people is answered at once or not at all; {looks}"
        yield "risk classes come alone or all at once; those that no condition names are alike"


def _consequence(situation: Situation, fall: Fall, story: Story) -> str:
    if fall.kind == "late" or story.first_human_ms < 0:
        limit = f" instead of within {after(situation.bound_ms)}" if situation.bound_ms else ""
        if story.first_human_ms < 0:
            return f"no human is reached at all{limit}"
        return f"{story.first_human} is the first human to be reached, after {after(story.first_human_ms)}{limit}"
    return "whoever was paged before does not answer, and nobody else ever hears of it"


def _cure(known: Known, situation: Situation, fall: Fall) -> str:
    chart = known.chart
    name, node = fall.state.node, chart.nodes[fall.state.node]
    if fall.kind == "vacant":
        if situation.behaviour.kind == "slack_down":
            return f"give the people of `{name}` a telephone, and write `by: [slack, phone]`"
        return f"page somebody else at `{name}` too, or mend the roster or the ways of its people"
    if fall.kind == "stuck":
        return f"give `{name}` a limit, as in `wait: 10m`"
    if fall.kind == "dry":
        if fall.state.paged:
            return f"lead to a page without a time limit instead of `{name}`, or `repeat`"
        return f"lead {situation.scenario} at {situation.severity} to a page instead of `{name}`"
    match node:
        case Wait() | Ask() | Statement():
            return f"page somebody before `{name}`, or make it shorter"
        case Page() if any(first_ms(chart, who) for who in known.duty.people(node.page, fall.state.now_ms)):
            return f"give one of the people of `{name}` a way under `reach` without `after`, or page somebody else too"
        case Page() if situation.behaviour.kind == "slack_down":
            return f"add a way that rings to `{name}`, as in `by: [slack, phone]`"
        case Page():
            return f"page a second person at `{name}`, or make its `acknowledge_within` shorter"
        case End():
            return f"lead to a page instead of `{name}`"
    return f"page somebody sooner than at `{name}`"
