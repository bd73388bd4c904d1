"""A fall as a story: facts, an instant and people's behaviour in a walk file, and what comes of it when it is walked.

Whatever a proof says is walked again by the very code that pages in earnest: a counterexample that does not fall there
is not shown as one.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from alerting.flowchart.fields import duration_text
from alerting.flowchart.model import Ask, Chart, Page, Statement
from alerting.flowchart.prove_facts import SEEN, facts_for
from alerting.flowchart.prove_known import Known
from alerting.flowchart.prove_people import RINGS
from alerting.flowchart.prove_state import CIRCLES, Demands, Fall, Situation, State, Trail
from alerting.flowchart.walk_file import read_walk
from alerting.flowchart.walking import Outcome, Told, walked
from stream.codec import HOUR_MS
from stream.zones import local

MOST_SHOWN = 60
"""Steps or pages that a walk file expects one by one; of more it expects only where they end."""
FOLLOWED_MS = 6 * HOUR_MS
"""A walk is followed for so long after its fall, to see who is reached after all."""


class Story(NamedTuple):
    """A fall that can be walked."""

    walk: str
    """The walk file, in YAML."""
    path: tuple[str, ...]
    first_human_ms: int
    """When a human is reached after all; -1: never."""
    first_human: str
    shown: bool
    """Whether walking it falls in just this way."""


def story_of(known: Known, situation: Situation, fall: Fall, chart_name: str) -> Story:
    """The walk file of a fall, and what comes of it."""
    file = _file(known, situation, fall, chart_name)
    outcome = None
    if file is not None:
        read = read_walk(yaml.safe_dump(file, allow_unicode=True), "walk.yaml")
        outcome = walked(known.chart, read, known.duty.rosters, longest_ms=fall.state.offset_ms + FOLLOWED_MS)
    if file is None or outcome is None:
        path = tuple(step.node for step in fall.trail.steps() if not step.resumed)
        return Story("", path, -1, "", shown=False)
    first_ms, first = _first_human(known, situation, outcome)
    if expected := _expected(known.chart, outcome):
        file["expect"] = expected
    text = yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return Story(text, outcome.path, first_ms, first, shown=_falls(known, situation, fall, outcome))


def reached_at(known: Known, situation: Situation, state: State) -> tuple[str, ...]:
    """Whom the page at which a walk stands reaches."""
    node = known.chart.nodes[state.node]
    targets, by = (node.page, node.by) if isinstance(node, Page) else (known.chart.last_resort, ("slack",))
    return known.duty.reached(known.duty.people(targets, state.now_ms), by, situation.behaviour)


# --- the file ---------------------------------------------------------------------------------------------------------


def _file(known: Known, situation: Situation, fall: Fall, chart_name: str) -> dict[str, Any] | None:
    facts = list(_facts(known, situation, fall))
    if not facts or any(found is None for _, found in facts):
        return None
    zone = known.clock.zone
    first = dict(facts[0][1] or {})
    start = {"scenario": situation.scenario, "severity": situation.severity, "risks": list(situation.risks), **first}
    later = [{"after": after(at_ms), "facts": found} for at_ms, found in facts[1:] if found]
    return {
        "chart": chart_name,
        "about": f"{situation.words}: {fall.words}",
        "start": local(fall.state.low_ms, zone).isoformat(),
        "timezone": zone,
        "facts": start,
        **({"later": later} if later else {}),
        "behaviour": _behaviour(known, situation, fall),
    }


def _facts(known: Known, situation: Situation, fall: Fall) -> Iterator[tuple[int, dict[str, object] | None]]:
    """From when on which facts hold: those of each instant's questions, changed no more than they must be."""
    usual = dict(SEEN)
    instants: dict[int, list[Trail]] = {0: []}
    for step in fall.trail.steps():
        instants.setdefault(step.offset_ms, []).append(step)
    answers: dict[str, str] = {}
    acknowledged = False
    for offset_ms, steps in instants.items():
        demands: Demands = tuple(sorted({demand for step in steps for demand in step.demands}))
        state = fall.state._replace(
            offset_ms=offset_ms, acknowledged=acknowledged, answers=tuple(sorted(answers.items())), demands=demands
        )
        asked = known.memory.asked(demands)
        found = facts_for(asked, known.facts(situation, state, [one.condition for one in asked]), usual)
        if found.facts is None:
            yield offset_ms, None
            return
        yield offset_ms, {name: value for name, value in found.facts.items() if value != usual.get(name)}
        usual |= found.facts
        for step in steps:
            acknowledged = acknowledged or step.acknowledged
            if step.choice and isinstance(known.chart.nodes[step.node], Ask):
                answers[step.node] = step.choice


def _behaviour(known: Known, situation: Situation, fall: Fall) -> dict[str, Any]:
    behaviour: dict[str, Any] = {}
    if situation.behaviour.kind == "slack_down":
        behaviour["slack"] = "down"
    if situation.behaviour.kind == "unreachable":
        behaviour["unreachable"] = [situation.behaviour.who]
    acts: dict[str, list[dict[str, str]]] = {"acknowledge": [], "answer": [], "approve": []}
    for step in fall.trail.steps():
        for kind, act in _acts(known, situation, step, fall.state.low_ms + step.offset_ms):
            acts[kind].append({**act, "after": after(step.offset_ms)})
    behaviour |= {kind: done for kind, done in acts.items() if done}
    behaviour.setdefault("acknowledge", "never")
    return behaviour


def _acts(known: Known, situation: Situation, step: Trail, at_ms: int) -> Iterator[tuple[str, dict[str, str]]]:
    """What people did at a step of the path."""
    duty, node = known.duty, known.chart.nodes[step.node]
    if step.acknowledged and isinstance(node, Page):
        people = duty.people(node.page, at_ms - step.waited_ms)
        if situation.behaviour.kind == "wrong_person":
            others = [name for name in known.chart.responders if name not in people and duty.is_person(name)]
            yield "acknowledge", {"who": others[0] if others else "somebody_else"}
            return
        reached = duty.reached(people, node.by, situation.behaviour)
        for name in reached if node.acknowledge == "everyone" else reached[:1]:
            yield "acknowledge", {"who": name}
    elif step.choice and isinstance(node, Ask):
        who = _presser(known, situation, duty.people(node.of, at_ms), ())
        yield "answer", {"who": who, "node": step.node, "choice": step.choice}
    elif step.choice and isinstance(node, Statement):
        authors = duty.people((node.written_by,), at_ms)
        yield "approve", {"who": _presser(known, situation, duty.people(node.approve_by, at_ms), authors)}


def _presser(known: Known, situation: Situation, people: tuple[str, ...], authors: tuple[str, ...]) -> str:
    can = known.duty.reached(people, ("slack",), situation.behaviour)
    return next(name for name in can if name not in authors)


def after(ms: int) -> str:
    """A length of time as a walk file has it, with `0s` for at once."""
    return duration_text(ms) if ms else "0s"


# --- what comes of it -------------------------------------------------------------------------------------------------


def _expected(chart: Chart, outcome: Outcome) -> dict[str, Any]:
    """Path, pages and end; nothing of a walk that was not followed to where nothing more happens."""
    node = chart.nodes.get(outcome.node)
    if not outcome.ended and not (isinstance(node, Page) and node.if_not_acknowledged is None):
        return {}
    expected: dict[str, Any] = {}
    if len(outcome.path) <= MOST_SHOWN and len(outcome.pages) <= MOST_SHOWN:
        expected["path"] = list(outcome.path)
        expected["pages"] = [
            {
                "at": after(page.after_ms),
                "who": list(page.people or page.targets),
                **({"by": page.reached[0][1]} if page.reached else {}),
            }
            for page in outcome.pages
        ]
    if outcome.ended:
        expected["ends"] = outcome.node
    return expected


def _humans(known: Known, situation: Situation, page: Told) -> list[str]:
    """The humans whom a page reaches; with Slack down only by a way that rings."""
    down = situation.behaviour.kind == "slack_down"
    rung = [
        name for name, way in page.reached if not down or way in RINGS or _rings_later(known, situation, page, name)
    ]
    return [name for name in rung if known.duty.is_person(name)]


def _rings_later(known: Known, situation: Situation, page: Told, name: str) -> bool:
    """Whether somebody who is told by a way that does not ring is woken by one that does, in their own order."""
    return (
        bool(known.chart.responders[name].reach) and known.duty.delay_ms(name, page.by, situation.behaviour) is not None
    )


def _first_human(known: Known, situation: Situation, outcome: Outcome) -> tuple[int, str]:
    first = (-1, "")
    for page in outcome.told:
        for name in _humans(known, situation, page) if page.kind == "page" else ():
            # asked of the proof's people, for with Slack down only a way that rings counts
            after_ms = page.after_ms + (known.duty.delay_ms(name, page.by, situation.behaviour) or 0)
            if first[0] < 0 or after_ms < first[0]:
                first = after_ms, name
    return first


def _falls(known: Known, situation: Situation, fall: Fall, outcome: Outcome) -> bool:
    """Whether the walk falls through as it was said to."""
    first_ms, _ = _first_human(known, situation, outcome)
    if fall.kind == "late":
        return first_ms < 0 or first_ms > situation.bound_ms
    last = [page for page in outcome.told if page.kind == "page"][-1:]
    unheard = not last or last[0].node != outcome.node or not _humans(known, situation, last[0])
    if outcome.node != fall.state.node:
        # where a walk that goes in circles gives up is a matter of counting
        return CIRCLES in fall.words and outcome.ended and unheard
    if fall.kind == "stuck":
        return not outcome.ended
    return outcome.ended if fall.kind == "dry" else unheard
