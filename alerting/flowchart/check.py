"""Checks a flowchart as a graph: every name is known, every node is reached, every walk gets to a person or an end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from alerting.facts import SEVERITIES
from alerting.flowchart.model import REQUIRED_ENTRIES, Chart, End, Notify, Page, Wait, told, ways_out
from detectors.detector import SignalKind
from stream.strict_yaml import Path, YamlProblem, did_you_mean, unknown


@dataclass(frozen=True)
class Problem:
    """Something wrong, or with `warning` only odd, at its place in the file."""

    problem: YamlProblem
    warning: bool = False


def check(chart: Chart) -> list[Problem]:
    """Everything wrong with a chart beyond its single words, in no particular order.

    Where names are unknown the paths are not followed: what they would say could be wrong.
    """
    names = [*_names(chart), *_people(chart), *_entries(chart), *_words(chart), *_lone_keys(chart)]
    if names:
        return names
    return [*_unreached(chart), *_spinning(chart), *_endless(chart), *_fallbacks(chart), *_odd(chart)]


def warnings_of(chart: Chart) -> list[YamlProblem]:
    """What is odd in a chart that can be used, in the file's order."""
    found = [found.problem for found in check(chart) if found.warning]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def _problem(chart: Chart, path: Path, message: str, *, at_key: bool = False, warning: bool = False) -> Problem:
    return Problem(chart.document.problem(path, message, at_key=at_key), warning)


# --- names ------------------------------------------------------------------------------------------------------------


def _names(chart: Chart) -> Iterator[Problem]:
    known = tuple(chart.nodes)
    for name, node in chart.nodes.items():
        for key, target in ways_out(node):
            if target not in chart.nodes:
                yield _problem(chart, ("nodes", name, key), unknown(target, known, "as a node"))
    for scenario, target in chart.entry.items():
        if target not in chart.nodes:
            yield _problem(chart, ("entry", scenario), unknown(target, known, "as a node"))
    people = tuple(chart.responders)
    for role, entry in chart.roles.items():
        for i, name in enumerate(entry.people):
            if name not in chart.responders:
                yield _problem(chart, ("roles", role, "people", i), unknown(name, people, "as a responder"))


def _asked(chart: Chart) -> Iterator[tuple[Path, tuple[str, ...], tuple[str, ...]]]:
    """Every list of people that is told something: its place, the targets, the ways."""
    yield ("last_resort",), chart.last_resort, ("slack",)
    for name, node in chart.nodes.items():
        if isinstance(node, Page | Notify):
            yield ("nodes", name, "page" if isinstance(node, Page) else "notify"), told(node), node.by


def _people(chart: Chart) -> Iterator[Problem]:
    for role, entry in chart.roles.items():
        if role in chart.responders:
            message = f"`{role}` is a responder and a role; give one of the two another name"
            yield _problem(chart, ("roles", role), message, at_key=True)
        if not entry.people:
            yield _problem(chart, ("roles", role, "people"), f"nobody does `{role}`; list at least one responder")
    for name, responder in chart.responders.items():
        if not (responder.slack or responder.email or responder.phone):
            message = f"there is no way to reach `{name}`; add at least one of: slack, email, phone"
            yield _problem(chart, ("responders", name), message, at_key=True)
    known = (*chart.roles, *chart.responders)
    for path, targets, by in _asked(chart):
        if not targets:
            yield _problem(chart, path, f"nobody is named; list at least one of: {', '.join(known)}")
        for i, target in enumerate(targets):
            if target not in known:
                yield _problem(chart, (*path, i), unknown(target, known, "as a role or responder"))
                continue
            for name in chart.people([target]):
                person = chart.responders[name]
                missing = [way for way in by if not getattr(person, way)]
                if missing and (person.email or person.phone):
                    message = f"`{name}` cannot be reached by {missing[0]}; add `{missing[0]}:` to that responder"
                    yield _problem(chart, (*path, i), message)


def _entries(chart: Chart) -> Iterator[Problem]:
    extra = [scenario for scenario in chart.entry if scenario not in REQUIRED_ENTRIES]
    for scenario in REQUIRED_ENTRIES:
        if scenario not in chart.entry:
            near = did_you_mean(scenario, extra)
            meant = f"; did you mean it by `{near.split('`')[1]}`?" if near else "; add it with its first node"
            yield _problem(chart, ("entry",), f"there is no entry for the scenario `{scenario}`{meant}", at_key=True)


def _words(chart: Chart) -> Iterator[Problem]:
    """Words that a fact can never be: such a comparison would silently never hold."""
    known: Mapping[str, tuple[str, ...]] = {
        "severity": SEVERITIES,
        "scenario": tuple(chart.entry),
        "signals": get_args(SignalKind),
    }
    for (name, key), condition in chart.conditions.items():
        for fact, word, offset in condition.words_asked():
            if fact in known and word not in known[fact]:
                line, column = chart.document.text_position(("nodes", name, key), offset)
                said = unknown(word, known[fact], f"as a {'signal' if fact == 'signals' else fact}")
                message = f"in `{key}` of `{name}`: {said}"
                yield Problem(YamlProblem(chart.document.filename, line, column, message))


def _lone_keys(chart: Chart) -> Iterator[Problem]:
    """Keys that mean something only together."""
    for name, node in chart.nodes.items():
        if not isinstance(node, Page):
            if isinstance(node, Wait) and node.wait is None and node.until is None:
                yield _problem(
                    chart, ("nodes", name), f"`{name}` waits for nothing; give it `wait` or `until`", at_key=True
                )
            continue
        if node.acknowledge_within is not None and node.if_not_acknowledged is None:
            message = f"`{name}` does not say who is next; add `if_not_acknowledged: NODE`"
            yield _problem(chart, ("nodes", name, "acknowledge_within"), message, at_key=True)
        if node.if_not_acknowledged is not None and node.acknowledge_within is None:
            message = f"`{name}` does not say when the next is due; add `acknowledge_within: 10m`"
            yield _problem(chart, ("nodes", name, "if_not_acknowledged"), message, at_key=True)


# --- paths ------------------------------------------------------------------------------------------------------------


def _edges(chart: Chart, *, at_once: bool = False) -> dict[str, list[str]]:
    """Where each node leads; with `at_once` only where no time passes on the way, once somebody has acknowledged."""
    edges: dict[str, list[str]] = {}
    for name, node in chart.nodes.items():
        slow = ("then",) if isinstance(node, Wait) else ("if_not_acknowledged",)
        edges[name] = [target for key, target in ways_out(node) if not (at_once and key in slow)]
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
    for name in chart.nodes:
        if name not in seen:
            message = f"no walk ever comes to `{name}`; lead a node or an entry to it, or remove it"
            yield _problem(chart, ("nodes", name), message, at_key=True)


def _spinning(chart: Chart) -> Iterator[Problem]:
    """Circles that a walk could run round without time passing. Each is told once, at its first node in the file."""
    edges = _edges(chart, at_once=True)
    told_of: dict[str, None] = {}
    for name in chart.nodes:
        circle = _circle(edges, name)
        if circle and not any(member in told_of for member in circle):
            told_of.update(dict.fromkeys(circle))
            way = " -> ".join([*circle, name])
            message = f"the walk would go in circles: {way}; put a `wait` into the circle or lead it out"
            yield _problem(chart, ("nodes", name), message, at_key=True)


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
        message = f"a walk that comes to `{lost[0]}` never comes to an `end`; lead it to one"
        yield _problem(chart, ("nodes", lost[0]), message, at_key=True)


def _is_last_rung(node: object) -> bool:
    return isinstance(node, Page) and node.if_not_acknowledged is None


def _fallbacks(chart: Chart) -> Iterator[Problem]:
    for name, node in chart.nodes.items():
        if isinstance(node, Page) and node.if_not_acknowledged == name:
            message = f"if nobody acknowledges, `{name}` asks only itself again; name a node that pages somebody else"
            yield _problem(chart, ("nodes", name, "if_not_acknowledged"), message)


def _odd(chart: Chart) -> Iterator[Problem]:
    for name, node in chart.nodes.items():
        if isinstance(node, Wait) and node.wait is None:
            message = f"`{name}` waits without a limit; add `wait: 1h` to go on in any case"
            yield _problem(chart, ("nodes", name, "until"), message, at_key=True, warning=True)
    used = {target for _, targets, _ in _asked(chart) for target in targets}
    for role in chart.roles:
        if role not in used:
            message = f"nothing in this chart ever tells `{role}` anything"
            yield _problem(chart, ("roles", role), message, at_key=True, warning=True)
