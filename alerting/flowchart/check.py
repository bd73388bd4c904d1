"""Checks a flowchart as a graph: every node is reached, every walk gets to a person or an end, nobody is asked in vain.

Single names and words are looked at before, in `check_names`; here every call is unfolded already.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from alerting.flowchart.check_names import Problem, told_lists
from alerting.flowchart.delays import delayed
from alerting.flowchart.model import Ask, Chart, End, Escalate, Mobilise, Node, Page, Statement, Wait, ways_out
from alerting.flowchart.severity import unreached_rows
from stream.strict_yaml import Path, YamlProblem

__all__ = ["Problem", "check", "overdue", "uncovered", "warnings_of"]


def check(chart: Chart) -> list[Problem]:
    """Everything wrong with a chart beyond its single words, in no particular order."""
    found = [
        *_unreached(chart),
        *_spinning(chart),
        *_endless(chart),
        *_fallbacks(chart),
        *_severity(chart),
        *_odd(chart),
        *(_problem(chart, path, message, warning=True) for path, message in delayed(chart)),
    ]
    once = {(one.problem.line, one.problem.column, one.problem.message): one for one in found}
    return list(once.values())


def warnings_of(chart: Chart) -> list[YamlProblem]:
    """What is odd in a chart that can be used, in the file's order."""
    found = [found.problem for found in check(chart) if found.warning]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def overdue(chart: Chart, today: str) -> list[YamlProblem]:
    """Whatever was to be looked over before `today` (as 2027-03-31), in the file's order.

    The chart goes on working: no crisis waits for paperwork. It is for whoever checks it to put right.
    """
    written = chart.written
    dated: list[tuple[Path, str | None, str]] = [(("review_by",), written.review_by, "this flowchart")]
    dated += [
        (("responders", name, "review_by"), responder.review_by, f"what stands here of `{name}`")
        for name, responder in written.responders.items()
    ]
    dated += [
        (("statements", name, "review_by"), template.review_by, f"the statement `{name}`")
        for name, template in written.statements.items()
    ]
    found = [
        chart.document.problem(path, f"{what} was to be reviewed by {day}; look it over and set a new day")
        for path, day, what in dated
        if day is not None and day < today
    ]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


class Covering(Protocol):
    """What is asked of a roster here (see `alerting.roster.Roster`)."""

    def problems(self) -> list[str]:
        """When nobody is on call, or too many, in words."""


def uncovered(chart: Chart, rosters: Mapping[str, Covering]) -> list[YamlProblem]:
    """When the rosters of a chart have nobody on call who must be, as far as they are known, in the file's order."""
    found = [
        chart.document.problem(("rosters", name), said, at_key=True)
        for name in chart.written.rosters
        if name in rosters
        for said in rosters[name].problems()
    ]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def _problem(chart: Chart, path: Path, message: str, *, at_key: bool = False, warning: bool = False) -> Problem:
    return Problem(chart.document.problem(path, message, at_key=at_key), warning)


# --- paths ------------------------------------------------------------------------------------------------------------


def slow_keys(node: Node) -> tuple[str, ...]:
    """The ways out of a node that take time or a person, once somebody has acknowledged."""
    match node:
        case Wait():
            return ("then",)
        case Page():
            return ("if_not_acknowledged",)
        case Ask() | Statement():
            return tuple(key for key, _ in ways_out(node))
    return ()


def _edges(chart: Chart, *, at_once: bool = False) -> dict[str, list[str]]:
    """Where each node leads; with `at_once` only where no time passes on the way, once somebody has acknowledged."""
    edges: dict[str, list[str]] = {}
    for name, node in chart.nodes.items():
        slow = slow_keys(node) if at_once else ()
        edges[name] = [target for key, target in ways_out(node) if key not in slow]
    return edges


def _reached(edges: Mapping[str, list[str]], start: list[str]) -> dict[str, None]:
    seen: dict[str, None] = {}
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = None
            waiting += edges[name]
    return seen


def _unreached(chart: Chart) -> Iterator[Problem]:
    seen = _reached(_edges(chart), list(chart.entry.values()))
    reached = {chart.origin[name]: None for name in seen}
    for name in chart.nodes:
        if chart.origin[name] not in reached:
            near = "a node or the sub-chart's entry" if chart.origin[name][0] == "subcharts" else "a node or an entry"
            message = f"no walk ever comes to `{chart.local_name(name)}`; lead {near} to it, or remove it"
            yield _problem(chart, chart.origin[name], message, at_key=True)


def _spinning(chart: Chart) -> Iterator[Problem]:
    """Circles that a walk could run round without time passing. Each is told once, at its first node in the file."""
    edges = _edges(chart, at_once=True)
    told_of: dict[str, None] = {}
    for name in chart.nodes:
        circle = _circle(edges, name)
        if circle and not any(member in told_of for member in circle):
            told_of.update(dict.fromkeys(circle))
            way = " -> ".join(chart.local_name(member) for member in [*circle, name])
            message = f"the walk would go in circles: {way}; put a `wait` into the circle or lead it out"
            yield _problem(chart, chart.origin[name], message, at_key=True)


def _circle(edges: Mapping[str, list[str]], start: str) -> list[str]:
    """The shortest way from a node back to itself, or nothing."""
    came_from: dict[str, str] = {}
    waiting = [start]
    for name in waiting:
        for target in edges[name]:
            if target == start:
                way = [name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if target not in came_from:
                came_from[target] = name
                waiting.append(target)
    return []


def _endless(chart: Chart) -> Iterator[Problem]:
    """Nodes from which no walk comes to an end, nor to a page that waits for a person as long as it takes."""
    back: dict[str, list[str]] = {name: [] for name in chart.nodes}
    for name, targets in _edges(chart).items():
        for target in targets:
            back[target].append(name)
    ends = [name for name, node in chart.nodes.items() if isinstance(node, End) or _is_last_rung(node)]
    good = _reached(back, ends)
    lost = [name for name in chart.nodes if name not in good]
    if lost:
        message = f"a walk that comes to `{chart.local_name(lost[0])}` never comes to an `end`; lead it to one"
        yield _problem(chart, chart.origin[lost[0]], message, at_key=True)


def _is_last_rung(node: object) -> bool:
    return isinstance(node, Page) and node.if_not_acknowledged is None


# --- people and figures -----------------------------------------------------------------------------------------------


def _fallbacks(chart: Chart) -> Iterator[Problem]:
    """Pages after which, if nobody answers, only people are paged who did not answer already."""
    edges = _edges(chart)
    for name, node in chart.nodes.items():
        if isinstance(node, Page):  # nobody acknowledges: that is the question here
            edges[name] = [node.if_not_acknowledged] if node.if_not_acknowledged is not None else []
    for name, node in chart.nodes.items():
        if not isinstance(node, Page) or node.if_not_acknowledged is None:
            continue
        path = (*chart.origin[name], "if_not_acknowledged")
        if node.if_not_acknowledged == name:
            message = f"if nobody acknowledges, `{chart.local_name(name)}` asks only itself again"
            yield _problem(chart, path, f"{message}; name a node that pages somebody else")
            continue
        later = [chart.nodes[other] for other in _reached(edges, [node.if_not_acknowledged])]
        behind = [target for other in later if isinstance(other, Page) for target in other.page]
        if behind and not any(isinstance(other, Mobilise | Escalate) for other in later) and _only(chart, node, behind):
            who = ", ".join(chart.people(behind))
            message = f"if nobody acknowledges `{chart.local_name(name)}`, only people are paged who have not answered"
            yield _problem(chart, path, f"{message} already ({who}); lead it to a node that pages somebody else")


def _only(chart: Chart, page: Page, behind: list[str]) -> bool:
    """Whether everybody behind a page is among those it paged itself. Who is on call can change; names cannot."""
    if all(target in page.page for target in behind):
        return True
    if any((role := chart.roles.get(target)) is not None and role.roster is not None for target in page.page):
        return False
    paged = chart.people(page.page)
    return all(person in paged for person in chart.people(behind))


def _severity(chart: Chart) -> Iterator[Problem]:
    rows = chart.severity_table
    if not rows:
        return
    if rows[-1][1].text != "true":
        message = "facts for which no row holds would have no severity; end the table with a row `when: true`"
        yield _problem(chart, ("severity", len(rows) - 1, "when"), message)
    for number, words in unreached_rows(rows):
        yield _problem(chart, ("severity", number, "when"), f"this row is never reached: {words}")


def _odd(chart: Chart) -> Iterator[Problem]:
    for name, node in chart.nodes.items():
        here = chart.origin[name]
        if isinstance(node, Wait) and node.wait is None:
            message = f"`{chart.local_name(name)}` waits without a limit; add `wait: 1h` to go on in any case"
            yield _problem(chart, (*here, "until"), message, at_key=True, warning=True)
        if isinstance(node, Page):
            people = chart.people(node.page)
            if people and not any(chart.responders[person].is_person for person in people):
                message = f"`{people[0]}` is no person: whether anybody there is awake, nobody knows; page a person too"
                yield _problem(chart, (*here, "page"), message, warning=True)
    lists = list(told_lists(chart.written))
    used = {target for one in lists for target in one.targets}
    for role in chart.roles:
        if role not in used:
            message = f"nothing in this chart ever tells `{role}` anything"
            yield _problem(chart, ("roles", role), message, at_key=True, warning=True)
    offered = {node.statement for node in chart.nodes.values() if isinstance(node, Statement)}
    for name in chart.written.statements:
        if name not in offered:
            message = f"no node of this chart ever offers the statement `{name}`"
            yield _problem(chart, ("statements", name), message, at_key=True, warning=True)
    for one in lists:
        yield from _missing_ways(chart, one.path, one.targets, one.by)


def _missing_ways(chart: Chart, path: Path, targets: tuple[str, ...], by: tuple[str, ...]) -> Iterator[Problem]:
    for person in chart.people(targets):
        missing = [way for way in by if way not in chart.responders[person].ways]
        if missing:
            message = f"`{person}` has no {missing[0]}, and is reached by the other ways alone"
            yield _problem(chart, path, message, warning=True)
