"""Walk files as `tocsin flowchart walk` and `test` run them: read with their chart and its rosters, and told in lines.

What a directory of walks covers of a chart is counted in nodes and in edges.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from alerting.flowchart.model import Chart, Rosters, ways_out
from alerting.flowchart.walk_file import Situation, read_walk, wall_clock
from alerting.flowchart.walking import Outcome, Told, differences, length_text, walked
from alerting.roster import RosterError
from tocsin.checking import chart_text, read_chart
from tocsin.mistakes import UsageError
from tocsin.rosters import CalendarError, expand_rosters, read_calendars

LOOKS_AHEAD_DAYS = 40
"""A walk may take a month."""
_VERBS = {
    "page": "wakes",
    "notify": "tells",
    "ask": "asks",
    "open_channel": "opens a channel and invites",
    "mobilise": "calls in",
    "brief": "briefs",
    "statement": "asks for approval:",
    "approved": "approved by",
    "vacant": "nobody is on call, skipped:",
}


class Tested(NamedTuple):
    """A walk file, what came of it, and where that is not what it expects."""

    path: Path
    situation: Situation
    outcome: Outcome
    differences: list[str]


def rosters_of(chart: Chart, base: Path, at_ms: int, days: int = LOOKS_AHEAD_DAYS) -> Rosters:
    """The chart's rosters around an instant. Raises `UsageError` where a calendar cannot be used."""
    if not chart.written.rosters:
        return {}
    responders = {name: one.name for name, one in chart.responders.items()}
    try:
        calendars = read_calendars(chart.written.rosters, base)
        return expand_rosters(chart.written.rosters, calendars, at_ms, responders, days=days)
    except (CalendarError, RosterError) as error:
        raise UsageError(str(error)) from None


def chart_beside(walk: Path, situation: Situation, given: Path | None) -> Path:
    """The chart that a walk file means: the one named by the caller, else by the file, seen from there and upwards.

    Raises `UsageError` where there is none.
    """
    if given is not None:
        return given
    name = situation.file.chart or "crisis_flowchart.yaml"
    for directory in (walk.parent, *walk.resolve().parents):
        if (directory / name).is_file():
            return directory / name
    raise UsageError(f"{walk}: the chart {name} is neither beside it nor above; name one with --chart")


def read_situation(path: Path) -> Situation:
    """A walk file. Raises `WalkError`, or `OSError` where it cannot be read."""
    return read_walk(chart_text(path), str(path))


def run_walk(path: Path, given: Path | None = None) -> tuple[Chart, Tested]:
    """Run one walk file.

    Raises `WalkError`, `ChartError`, `UsageError` or `OSError` where that is not possible.
    """
    situation = read_situation(path)
    chart_path = chart_beside(path, situation, given)
    chart = read_chart(chart_path)
    return chart, _tested(chart, chart_path.parent, path, situation)


def _tested(chart: Chart, base: Path, path: Path, situation: Situation) -> Tested:
    outcome = walked(chart, situation, rosters_of(chart, base, situation.file.start))
    expected = situation.file.expect
    return Tested(path, situation, outcome, differences(outcome, expected) if expected is not None else [])


def run_all(directory: Path, given: Path | None = None) -> tuple[Chart, list[Tested]]:
    """Run every walk file of a directory against one chart, in the order of their names.

    Raises `UsageError` where there are none or they mean different charts, and as `run_walk`.
    """
    paths = sorted(directory.glob("*.yaml")) if directory.is_dir() else []
    if not paths:
        raise UsageError(f"{directory}: there are no walks (*.yaml) in this directory")
    read = [(path, read_situation(path)) for path in paths]
    charts = {chart_beside(path, situation, given).resolve(): path for path, situation in read}
    if len(charts) > 1:
        one, other = sorted(charts.values())[:2]
        raise UsageError(f"{directory}: {one.name} and {other.name} mean different charts; name one with --chart")
    chart_path = next(iter(charts))
    chart = read_chart(given or chart_path)
    return chart, [_tested(chart, chart_path.parent, path, situation) for path, situation in read]


# --- coverage ---------------------------------------------------------------------------------------------------------

Edge = tuple[str, str]


def edges_of(chart: Chart) -> list[Edge]:
    """Every way from a node to the next, once, in the order of the file."""
    return list(dict.fromkeys((name, to) for name, node in chart.nodes.items() for _, to in ways_out(node)))


def edges_walked(path: Iterable[str]) -> list[Edge]:
    """The edges of a walked path."""
    return list(pairwise(path))


class Covered(NamedTuple):
    """How much of a chart some walks came through."""

    nodes: int
    of_nodes: int
    edges: int
    of_edges: int
    missing: list[str]
    """What no walk came through, in words, in the order of the file."""


def covered(chart: Chart, paths: Iterable[Iterable[str]]) -> Covered:
    """What these paths come through of a chart, with every call of a sub-chart unfolded."""
    nodes: dict[str, None] = {}
    edges: dict[Edge, None] = {}
    for path in paths:
        for edge in edges_walked(path):
            edges[edge] = None
        nodes.update(dict.fromkeys(path))
    all_edges = edges_of(chart)
    missing = [f"node {name}" for name in chart.nodes if name not in nodes]
    missing += [f"{_key(chart, edge)} of {edge[0]} (to {edge[1]})" for edge in all_edges if edge not in edges]
    done = sum(1 for edge in all_edges if edge in edges)
    return Covered(sum(1 for n in chart.nodes if n in nodes), len(chart.nodes), done, len(all_edges), missing)


def _key(chart: Chart, edge: Edge) -> str:
    return next(key for key, to in ways_out(chart.nodes[edge[0]]) if to == edge[1])


# --- in lines ---------------------------------------------------------------------------------------------------------


def walk_lines(chart: Chart, tested: Tested) -> Iterator[str]:
    """A walk for a terminal: each step with its figures and margin, and who is told by which way."""
    situation, outcome = tested.situation, tested.outcome
    if situation.file.about:
        yield situation.file.about
    waiting = list(outcome.told)
    for step in outcome.steps:
        while waiting and waiting[0].after_ms < step.after_ms:
            yield from _told_lines(chart, waiting.pop(0))
        clock = wall_clock(situation.file.start + step.after_ms, situation.zone)
        yield f"{clock:%a %H:%M:%S} +{length_text(step.after_ms):<5} {step.node}: {step.words}"
        while waiting and waiting[0].node == step.node and waiting[0].after_ms == step.after_ms:
            yield from _told_lines(chart, waiting.pop(0))
    for one in waiting:
        yield from _told_lines(chart, one)
    if outcome.ended:
        yield f"It ends at {outcome.node}."
    else:
        yield f"It stands at {outcome.node} and waits as long as it takes."


def _told_lines(chart: Chart, told: Told) -> Iterator[str]:
    ways, delays = dict(told.reached), dict(told.delays)
    names = []
    for name in told.people or told.targets:
        responder = chart.responders.get(name)
        shown = f"{responder.name} ({name})" if responder is not None else name
        later = f" after {length_text(delays[name])}" if name in delays else ""
        way = f" by {ways[name]}{later}" if name in ways else ": NOT REACHED" if name in told.people else ""
        names.append(shown + way)
    within = f", {length_text(told.within_ms)} to answer" if told.within_ms else ""
    yield f"{'':>20} -> {_VERBS[told.kind]} {', '.join(names) or 'nobody'}{within}"
