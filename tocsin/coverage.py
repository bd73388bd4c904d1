"""Which nodes, ways and people of a chart were exercised by example walks, drills and real incidents, and when last.

What was walked in earnest is read off journals by folding them: a walk's nodes are in the core's state, not in the
decisions. The next drill that is proposed walks what was longest not walked.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from alerting.flowchart.model import Chart, Page, ways_out
from alerting.view import WAKES
from stream.codec import rfc3339
from tocsin.journal import open_existing
from tocsin.rerun import Walked, folded
from tocsin.walks import Tested, edges_of, edges_walked

Source = Literal["walk", "drill", "incident"]
PARTS: tuple[str, ...] = ("nodes", "ways", "people")
_RANK: dict[Source, int] = {"walk": 0, "drill": 1, "incident": 2}


class Exercised(msgspec.Struct, frozen=True):
    """One node, way or person, and what exercised it."""

    name: str
    by: tuple[Source, ...] = ()
    last_ms: int = 0
    """When a drill or an incident last did (0: never; example walks have no time)."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a chart was exercised."""

    nodes: tuple[Exercised, ...]
    ways: tuple[Exercised, ...]
    people: tuple[Exercised, ...]
    drill: tuple[str, ...]
    """The nodes of the drill that is proposed, from an entry to an end; empty where there is nothing to walk."""
    scenario: str
    """In which scenario it begins."""


class Ledger:
    """Gathers what was exercised, from wherever."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._seen: dict[tuple[str, str], dict[Source, int]] = {}

    def walks(self, tested: Sequence[Tested]) -> None:
        """Take in example walks."""
        for one in tested:
            self._path([(node, 0) for node in one.outcome.path], "walk")
            for told in one.outcome.told:
                for name, _ in told.reached:
                    self._note("people", name, "walk", 0)

    def journal(self, path: Path, source: Source) -> None:
        """Take in what a journal's incidents walked, on whichever version of the chart: nodes go by their names.

        Raises `JournalError` when it cannot be read.
        """
        journal = open_existing(path)
        walked = Walked()
        try:
            for _, decisions, engine in folded(journal):
                if not decisions:
                    continue
                walked.look(engine)
                for one in decisions:
                    for name in self._chart.people(one.targets) if one.kind in WAKES else ():
                        self._note("people", name, source, one.at_ms)
        finally:
            journal.close()
        for steps in walked.steps.values():
            self._path(steps, source)

    def coverage(self) -> Coverage:
        """What was gathered, in the chart's order."""
        chart = self._chart
        drill, scenario = self._drill()
        return Coverage(
            nodes=tuple(self._exercised("nodes", name) for name in chart.nodes),
            ways=tuple(self._exercised("ways", _way(*edge)) for edge in edges_of(chart)),
            people=tuple(self._exercised("people", name) for name in chart.responders),
            drill=drill,
            scenario=scenario,
        )

    def _path(self, steps: Sequence[tuple[str, int]], source: Source) -> None:
        for node, at_ms in steps:
            self._note("nodes", node, source, at_ms)
        times = [at_ms for _, at_ms in steps[1:]]
        for edge, at_ms in zip(edges_walked([node for node, _ in steps]), times, strict=True):
            self._note("ways", _way(*edge), source, at_ms)

    def _note(self, part: str, name: str, source: Source, at_ms: int) -> None:
        seen = self._seen.setdefault((part, name), {})
        seen[source] = max(at_ms, seen.get(source, 0))

    def _exercised(self, part: str, name: str) -> Exercised:
        seen = self._seen.get((part, name), {})
        return Exercised(name, tuple(sorted(seen, key=_RANK.__getitem__)), max(seen.values(), default=0))

    def _drill(self) -> tuple[tuple[str, ...], str]:
        """Among the shortest paths through each way that people were woken or told by, the one longest not walked."""
        best: tuple[tuple[int, int], tuple[str, ...], str] | None = None
        for scenario, start in self._chart.entry.items():
            for path in _paths(self._chart, start):
                if not any(isinstance(self._chart.nodes[node], Page) for node in path):
                    continue
                times = [self._exercised("ways", _way(*edge)).last_ms for edge in edges_walked(path)]
                never = sum(1 for at_ms in times if not at_ms)
                # Most ways that nobody ever walked in earnest, then the longest ago.
                rank = (-never, min(times, default=0))
                if best is None or rank < best[0]:
                    best = (rank, tuple(path), scenario)
        return (best[1], best[2]) if best is not None else ((), "")


def _way(start: str, end: str) -> str:
    return f"{start} -> {end}"


def _paths(chart: Chart, start: str) -> Iterator[list[str]]:
    """For every way that can be reached: the shortest path through it, on to where a shortest way ends."""
    came_from: dict[str, str] = {}
    order = [start]
    for name in order:
        for _, to in ways_out(chart.nodes[name]):
            if to != start and to not in came_from:
                came_from[to] = name
                order.append(to)
    for name in order:
        for _, to in ways_out(chart.nodes[name]):
            before = [name]
            while before[-1] != start:
                before.append(came_from[before[-1]])
            yield [*reversed(before), *_onwards(chart, to)]


def _onwards(chart: Chart, name: str) -> list[str]:
    """From a node by its first way out, each node once."""
    path = [name]
    while True:
        ways = [to for _, to in ways_out(chart.nodes[path[-1]]) if to not in path]
        if not ways:
            return path
        path.append(ways[0])


def coverage_lines(found: Coverage) -> Iterator[str]:
    """What was exercised, for a terminal."""
    for part, items in zip(PARTS, (found.nodes, found.ways, found.people), strict=True):
        done = sum(1 for one in items if one.by)
        real = sum(1 for one in items if one.last_ms)
        share = done * 100 // len(items) if items else 100
        yield f"{part}: {done} of {len(items)} exercised ({share} %), {real} of them by drills or incidents"
        for one in items:
            if not one.by:
                yield f"  never: {one.name}"
            elif not one.last_ms:
                yield f"  by walks alone: {one.name}"
    for one in sorted((one for one in found.nodes if one.last_ms), key=lambda one: (one.last_ms, one.name))[:5]:
        yield f"longest ago: {one.name}, {rfc3339(one.last_ms)}"
    if found.drill:
        yield f"next drill: {found.scenario.replace('_', ' ')}, along {' -> '.join(found.drill)}"
