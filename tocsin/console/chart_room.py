"""EDGE. What the page of the flowchart is made from: the chart in force, its file on the disk, walks and the past.

Whatever takes longer than a look is kept for as long as what it was made of stays the same.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

from alerting.flowchart import picture
from alerting.flowchart.check import overdue, uncovered, warnings_of
from alerting.flowchart.load import ChartError, load_chart
from alerting.flowchart.model import Chart
from alerting.roster import Roster
from alerting.view import WAKES
from stream.codec import DAY_MS, MINUTE_MS, digest
from stream.strict_yaml import YamlProblem
from stream.zones import local
from tocsin.checking import COVERED_DAYS
from tocsin.console.seen_flowchart import (
    FileSeen,
    FlowchartSeen,
    SilenceSeen,
    WalksSeen,
    in_sheet,
    panels_seen,
    problems_seen,
    roles_seen,
    silence_seen,
)
from tocsin.console.seen_roster import rotas_seen
from tocsin.coverage import Ledger
from tocsin.duties import duty_problems
from tocsin.journal import open_existing
from tocsin.live_chart import LiveChart
from tocsin.mistakes import MISTAKES, told
from tocsin.overview import Shows
from tocsin.walks import run_all
from tocsin.way_checks import way_problems, way_warnings

WALKS = "walks"
"""Directory of the example walks, beside the chart (docs/flowchart.md)."""
VERSION_CHARS = 12
_LINE = re.compile(r"(\d+):(\d+): (.*)", re.DOTALL)
PAST_EVERY_MS = 10 * MINUTE_MS
"""How often the past is asked anew which nodes told somebody."""


class ChartRoom:
    """Gives what the flowchart's page shows, over whatever shows how things stand. May be asked from any thread."""

    def __init__(self, shows: Shows) -> None:
        self._shows = shows
        self._one = threading.Lock()
        self._file: tuple[object, FileSeen] | None = None
        self._walks: tuple[object, WalksSeen | None] | None = None
        self._past: tuple[int, Mapping[str, int]] | None = None
        self._drawn: tuple[str, str] | None = None

    def seen(self, visible: Callable[[str], bool], week: date | None = None) -> FlowchartSeen:
        """How the flowchart stands, for somebody to whom these brands are `visible`; with the rosters of the week that
        begins on a Monday (this one).
        """
        shows = self._shows
        at_ms, live = shows.clock(), shows.live
        chart, rosters = live.chart, dict(live.rosters)
        with self._one:
            file, walks, past = self._file_seen(live, at_ms), self._walks_seen(chart), self._told_in(chart, at_ms)
        settings = shows.settings
        own = {brand.name: brand.responders for brand in settings.brands if brand.responders and visible(brand.name)}
        return FlowchartSeen(
            at_ms=at_ms,
            timezone=settings.timezone,
            owner=chart.owner,
            version=chart.digest[:VERSION_CHARS],
            since_ms=live.since_ms,
            began_ms=live.began_ms,
            file=file,
            panels=panels_seen(chart, walked=walks.nodes_walked if walks else frozenset(), last_ms=past),
            roles=roles_seen(chart, rosters, at_ms, own),
            rotas=tuple(rotas_seen(chart, rosters, at_ms, week)),
            walks=walks,
            silences=tuple(silences_seen(shows, visible)),
        )

    def drawing(self) -> str:
        """The chart in force as an SVG document."""
        chart = self._shows.live.chart
        drawn = self._drawn
        if drawn is None or drawn[0] != chart.digest:
            drawn = self._drawn = (chart.digest, picture.svg(chart))
        return drawn[1]

    # ---- the file

    def _file_seen(self, live: LiveChart, at_ms: int) -> FileSeen:
        path = self._shows.settings.flowchart_path
        try:
            body = path.read_bytes()
        except OSError as error:
            problems = problems_seen([(0, 0, error.strerror or "it cannot be opened")], [])
            return FileSeen(name=path.name, state="missing", problems=problems)
        # Whether somebody is on call for the days to come is another question tomorrow, and with another calendar.
        key = (digest(body), live.chart.digest, at_ms // DAY_MS, tuple(map(id, live.rosters.values())))
        if self._file is None or self._file[0] != key:
            self._file = (key, self._checked(path, body, live, at_ms))
        return self._file[1]

    def _checked(self, path: Path, body: bytes, live: LiveChart, at_ms: int) -> FileSeen:
        """What `tocsin flowchart check` and a running service say of the file, without asking any calendar anew."""
        settings, version = self._shows.settings, digest(body)[:VERSION_CHARS]
        lines = body.decode("utf-8-sig", "replace").splitlines()
        try:
            chart = load_chart(body.decode("utf-8-sig"), path.name)
        except UnicodeDecodeError as error:
            problem = (1 + body[: error.start].count(b"\n"), 0, "this byte is not UTF-8; save the file as UTF-8")
            return FileSeen(name=path.name, state="bad", version=version, problems=problems_seen([problem], lines))
        except ChartError as error:
            return FileSeen(
                name=path.name, state="bad", version=version, problems=problems_seen(_placed(error.problems), lines)
            )
        duties = duty_problems(settings, chart)
        refused = [_parsed(said, path.name) for said in (*duties, *way_problems(settings, chart))]
        today = local(at_ms, "UTC").date().isoformat()
        soon = {name: _soon(roster, at_ms) for name, roster in live.rosters.items()}
        odd = [*overdue(chart, today), *(uncovered(chart, soon) if chart.digest == live.chart.digest else ())]
        same = chart.digest == live.chart.digest
        return FileSeen(
            name=path.name,
            state="in_force" if same else "bad" if duties else "waiting",
            version=version,
            problems=problems_seen([*refused, *_placed(odd)], lines),
            warnings=problems_seen(
                [*_placed(warnings_of(chart)), *(_parsed(said, path.name) for said in way_warnings(settings, chart))],
                lines,
            ),
        )

    # ---- what was walked

    def _walks_seen(self, chart: Chart) -> WalksSeen | None:
        path = self._shows.settings.flowchart_path
        directory = path.parent / WALKS
        key = (chart.digest, _written(directory), _written_at(path))
        if self._walks is None or self._walks[0] != key:
            self._walks = (key, _walked(directory, path, chart))
        return self._walks[1]

    def _told_in(self, chart: Chart, at_ms: int) -> dict[str, int]:
        """When each node last told somebody in earnest, by the sheet's names."""
        path = self._shows.settings.data_path / "journal.db"
        if self._past is None or at_ms - self._past[0] >= PAST_EVERY_MS:
            self._past = (at_ms, _told_by_node(path) if path.is_file() else {})
        found: dict[str, int] = {}
        for node, node_ms in self._past[1].items():
            for name in in_sheet(chart, (node,)):
                found[name] = max(node_ms, found.get(name, 0))
        return found


def silences_seen(shows: Shows, visible: Callable[[str], bool]) -> Iterable[SilenceSeen]:
    """The silences that hold, the one that ends first before the others."""
    zones, at_ms = shows.settings.zones(), shows.clock()
    found = [
        silence_seen(one, zones[name])
        for name in zones
        if visible(name) and (state := shows.core.brands.get(name)) is not None and state.book is not None
        for one in state.book.quieted.asked
        if one.until_ms > at_ms
    ]
    return sorted(found, key=lambda one: (one.until_ms, one.id))


def _soon(roster: Roster, at_ms: int) -> Roster:
    """The days of a roster for which somebody must be on call, as `tocsin check` looks at them."""
    until_ms = at_ms + COVERED_DAYS * DAY_MS
    inside = tuple(
        msgspec.structs.replace(one, from_ms=max(one.from_ms, at_ms), until_ms=min(one.until_ms, until_ms))
        for one in roster.intervals
        if one.from_ms < until_ms and one.until_ms > at_ms
    )
    return msgspec.structs.replace(roster, from_ms=at_ms, until_ms=until_ms, intervals=inside)


def _placed(problems: Sequence[YamlProblem]) -> list[tuple[int, int, str]]:
    return [(one.line, one.column, one.message) for one in problems]


def _parsed(said: str, name: str) -> tuple[int, int, str]:
    """A line of `check` about this file, taken apart; one about another file as it is.

    >>> _parsed("chart.yaml:12:3: no such role", "chart.yaml"), _parsed("tocsin.yaml:3:1: no", "chart.yaml")
    ((12, 3, 'no such role'), (0, 0, 'tocsin.yaml:3:1: no'))
    """
    found = _LINE.fullmatch(said.removeprefix(f"{name}:")) if said.startswith(f"{name}:") else None
    return (int(found[1]), int(found[2]), found[3]) if found is not None else (0, 0, said)


def _written(directory: Path) -> tuple[tuple[str, int], ...]:
    """Which walks there are, and when each was last written."""
    if not directory.is_dir():
        return ()
    return tuple((path.name, _written_at(path)) for path in sorted(directory.glob("*.yaml")))


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _walked(directory: Path, path: Path, chart: Chart) -> WalksSeen | None:
    """The walks beside a chart, walked on its file: what of the chart in force they come through."""
    if not _written(directory):
        return None
    try:
        _, tested = run_all(directory, path)
    except MISTAKES as error:
        return WalksSeen(walks=0, problem=told(error))
    ledger = Ledger(chart)
    # Of another version than the one in force, what that one has too.
    known = [one for one in tested if set(one.outcome.path) <= set(chart.nodes)]
    ledger.walks(known)
    found = ledger.coverage()
    return WalksSeen(
        walks=len(tested),
        failed=tuple(one.path.name for one in tested if one.differences),
        nodes=sum(1 for one in found.nodes if one.by),
        of_nodes=len(found.nodes),
        ways=sum(1 for one in found.ways if one.by),
        of_ways=len(found.ways),
        missing=tuple(one.name for one in (*found.nodes, *found.ways) if not one.by),
        nodes_walked=in_sheet(chart, (one.name for one in found.nodes if one.by)),
    )


def _told_by_node(journal: Path) -> Mapping[str, int]:
    """By node, as decisions name it: when it last told somebody."""
    found: dict[str, int] = {}
    try:
        opened = open_existing(journal)
    except MISTAKES:
        return found
    try:
        for recorded in opened.decisions():
            decision = recorded.decision
            if decision.node and decision.kind in (*WAKES, "Notify"):
                found[decision.node] = max(decision.at_ms, found.get(decision.node, 0))
    finally:
        opened.close()
    return found
