"""Checks the single words of a flowchart: names are known, lists have somebody in them, what belongs together is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from alerting.facts import SEVERITIES
from alerting.flowchart.conditions import Condition
from alerting.flowchart.fields import duration_text
from alerting.flowchart.model import (
    REQUIRED_ENTRIES,
    Ask,
    Brief,
    Call,
    Mobilise,
    Notify,
    OpenChannel,
    Page,
    Responder,
    Statement,
    Wait,
    Written,
    WrittenNode,
    named,
    ways_out,
)
from detectors.detector import SignalKind
from stream.strict_yaml import Document, Path, YamlProblem, did_you_mean, unknown

PLACES = ("brand",)
"""What may stand in braces in a statement."""


@dataclass(frozen=True)
class Problem:
    """Something wrong, or with `warning` only odd, at its place in the file."""

    problem: YamlProblem
    warning: bool = False


@dataclass(frozen=True)
class Told:
    """A list of people in a chart: its place, whom it names, by which ways, and what they must be able to do."""

    path: Path
    targets: tuple[str, ...]
    by: tuple[str, ...]
    needs: str = ""
    """`one` of them must be a person, `all` of them, or it does not matter."""
    may_be_empty: bool = False


class Names:
    """The checks of one chart as it is written, before its calls are unfolded."""

    def __init__(self, written: Written, document: Document, conditions: Mapping[Path, Condition]) -> None:
        self.written = written
        self._document = document
        self._conditions = conditions

    def problems(self) -> list[Problem]:
        """Everything wrong with its words, in no particular order."""
        return [
            *self._nodes(),
            *self._entries(),
            *self._roles(),
            *self._rosters(),
            *self._people(),
            *self._lone_keys(),
            *self._statements(),
            *self._words(),
            *self._quiet(),
        ]

    def _problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        return Problem(self._document.problem(path, message, at_key=at_key))

    def _nodes(self) -> Iterator[Problem]:
        for base, nodes in scopes(self.written):
            for name, node in nodes.items():
                for key, target in ways_out(node):
                    if target not in nodes:
                        yield self._problem((*base, name, *key.split(".")), unknown(target, tuple(nodes), "as a node"))
                if isinstance(node, Call) and node.call not in self.written.subcharts:
                    known = tuple(self.written.subcharts)
                    yield self._problem((*base, name, "call"), unknown(node.call, known, "as a sub-chart"))

    def _entries(self) -> Iterator[Problem]:
        known = tuple(self.written.nodes)
        for scenario, target in self.written.entry.items():
            if target not in self.written.nodes:
                yield self._problem(("entry", scenario), unknown(target, known, "as a node"))
        extra = [scenario for scenario in self.written.entry if scenario not in REQUIRED_ENTRIES]
        for scenario in REQUIRED_ENTRIES:
            if scenario not in self.written.entry:
                near = did_you_mean(scenario, extra)
                meant = f"; did you mean it by `{near.split('`')[1]}`?" if near else "; add it with its first node"
                yield self._problem(("entry",), f"there is no entry for the scenario `{scenario}`{meant}", at_key=True)
        called = [node.call for _, nodes in scopes(self.written) for node in nodes.values() if isinstance(node, Call)]
        for name, sub in self.written.subcharts.items():
            if sub.entry not in sub.nodes:
                said = unknown(sub.entry, tuple(sub.nodes), "as a node of this sub-chart")
                yield self._problem(("subcharts", name, "entry"), said)
            if name not in called and all(one in self.written.subcharts for one in called):
                message = f"nothing calls the sub-chart `{name}`; add a node with `call: {name}`, or remove it"
                yield self._problem(("subcharts", name), message, at_key=True)

    def _roles(self) -> Iterator[Problem]:
        people = tuple(self.written.responders)
        for role, entry in self.written.roles.items():
            if role in self.written.responders:
                message = f"`{role}` is a responder and a role; give one of the two another name"
                yield self._problem(("roles", role), message, at_key=True)
            for i, name in enumerate(entry.people):
                if name not in self.written.responders:
                    yield self._problem(("roles", role, "people", i), unknown(name, people, "as a responder"))
            if entry.roster is None and not entry.people:
                message = f"nobody does `{role}`; list at least one responder"
                yield self._problem(("roles", role, "people"), message)
            if entry.roster is not None and entry.people:
                message = f"`{role}` has `people` and `roster`, and only one of them can decide; remove the other"
                yield self._problem(("roles", role, "roster"), message, at_key=True)
            if entry.roster is not None and entry.roster not in self.written.rosters:
                said = unknown(entry.roster, tuple(self.written.rosters), "as a roster")
                yield self._problem(("roles", role, "roster"), said)
        for name, responder in self.written.responders.items():
            if not responder.ways:
                message = f"there is no way to reach `{name}`; add at least one of: slack, email, phone"
                yield self._problem(("responders", name), message, at_key=True)
            yield from self._reach(name, responder)

    def _reach(self, name: str, responder: Responder) -> Iterator[Problem]:
        """The order in which somebody wants to be woken: by ways they have, each once, each no sooner than the last."""
        before: dict[str, None] = {}
        latest_ms = 0
        for i, one in enumerate(responder.reach):
            here = ("responders", name, "reach", i)
            if one.by in before:
                yield self._problem(
                    (*here, "by"), f"`{one.by}` is in the order of `{name}` already; take one of them out"
                )
            elif one.by not in responder.ways:
                yield self._problem(
                    (*here, "by"), f"`{name}` has no {one.by}; add `{one.by}:` there, or take it out here"
                )
            if one.after_ms < latest_ms:
                said = f"after {duration_text(one.after_ms)}" if one.after_ms else "at once"
                message = f"`{one.by}` is taken {said}, and the way before it after {duration_text(latest_ms)}"
                message = f"{message}; sort them by `after`"
                yield self._problem((*here, "after" if one.after else "by"), message)
            before[one.by] = None
            latest_ms = max(latest_ms, one.after_ms)

    def _rosters(self) -> Iterator[Problem]:
        used = [role.roster for role in self.written.roles.values()]
        for name, spec in self.written.rosters.items():
            for place, person in spec.people_named():
                if person not in self.written.responders:
                    said = unknown(person, tuple(self.written.responders), "as a responder")
                    yield self._problem(("rosters", name, *place), said)
            if name not in used and all(one is None or one in self.written.rosters for one in used):
                message = f"no role has the roster `{name}`; write `roster: {name}` under its role, or remove it"
                yield self._problem(("rosters", name), message, at_key=True)

    def _people(self) -> Iterator[Problem]:
        known = (*self.written.roles, *self.written.responders)
        for one in told_lists(self.written):
            if not one.targets and not one.may_be_empty:
                yield self._problem(one.path, f"nobody is named; list at least one of: {', '.join(known)}")
            for i, target in enumerate(one.targets):
                if target not in known:
                    yield self._problem((*one.path, i), unknown(target, known, "as a role or responder"))
                else:
                    yield from self._reachable(one, i, target)
            yield from self._able(one)

    def _reachable(self, one: Told, i: int, target: str) -> Iterator[Problem]:
        for name in named(self.written, target):
            person = self.written.responders.get(name)
            if person is not None and person.ways and not any(way in person.ways for way in one.by):
                message = f"`{name}` cannot be reached by {' or '.join(one.by)}; add `{one.by[0]}:` to that responder"
                yield self._problem((*one.path, i), message)

    def _able(self, one: Told) -> Iterator[Problem]:
        """A channel can be told something; it cannot answer, approve or acknowledge."""
        behind = {name: None for target in one.targets for name in named(self.written, target)}
        rooms = [n for n in behind if n in self.written.responders and not self.written.responders[n].is_person]
        if one.needs == "all" and rooms:
            message = f"`{rooms[0]}` is no person, so not everyone can acknowledge; write `acknowledge: anyone`"
            yield self._problem(one.path, f"{message}, or name the people in it")
        if one.needs == "one" and rooms and len(rooms) == len(behind):
            yield self._problem(
                one.path, f"`{rooms[0]}` is no person and can press no button; name at least one person"
            )

    def _lone_keys(self) -> Iterator[Problem]:
        """Keys that mean something only together."""
        for base, nodes in scopes(self.written):
            for name, node in nodes.items():
                here = (*base, name)
                if isinstance(node, Wait) and node.wait is None and node.until is None:
                    message = f"`{name}` waits for nothing; give it `wait` or `until`"
                    yield self._problem(here, message, at_key=True)
                if not isinstance(node, Page):
                    continue
                if node.acknowledge_within is not None and node.if_not_acknowledged is None:
                    message = f"`{name}` does not say who is next; add `if_not_acknowledged: NODE`"
                    yield self._problem((*here, "acknowledge_within"), message, at_key=True)
                if node.if_not_acknowledged is not None and node.acknowledge_within is None:
                    message = f"`{name}` does not say when the next is due; add `acknowledge_within: 10m`"
                    yield self._problem((*here, "if_not_acknowledged"), message, at_key=True)

    def _statements(self) -> Iterator[Problem]:
        templates = self.written.statements
        for name, template in templates.items():
            for language, text in template.texts.items():
                yield from self._places(("statements", name, language), text)
        for base, nodes in scopes(self.written):
            for name, node in nodes.items():
                if not isinstance(node, Statement):
                    continue
                here = (*base, name)
                if node.statement not in templates:
                    said = unknown(node.statement, tuple(templates), "as a statement")
                    yield self._problem((*here, "statement"), said)
                    continue
                spoken = tuple(templates[node.statement].texts)
                for i, language in enumerate(node.languages):
                    if language not in spoken:
                        said = unknown(language, spoken, f"as a language of `{node.statement}`")
                        yield self._problem((*here, "languages", i), said)
                authors = named(self.written, node.written_by)
                approvers = [person for target in node.approve_by for person in named(self.written, target)]
                if approvers and all(person in authors for person in approvers):
                    message = f"only whoever writes it ({', '.join(authors)}) could approve it, and nobody approves"
                    message += " their own words; name somebody else"
                    yield self._problem((*here, "approve_by"), message)

    def _places(self, path: Path, text: str) -> Iterator[Problem]:
        rest = text
        for place in re.findall(r"\{([^{}]*)\}", text):
            rest = rest.replace(f"{{{place}}}", "", 1)
            if place not in PLACES:
                yield self._problem(path, unknown(place, PLACES, "between braces in a statement"))
        if "{" in rest or "}" in rest:
            yield self._problem(path, "a brace stands alone in this statement; write {brand}, or no brace at all")

    def _words(self) -> Iterator[Problem]:
        """Words that a fact can never be: such a comparison would silently never hold."""
        asks = {
            name: node for _, nodes in scopes(self.written) for name, node in nodes.items() if isinstance(node, Ask)
        }
        known: Mapping[str, tuple[str, ...]] = {
            "severity": SEVERITIES,
            "scenario": tuple(self.written.entry),
            "signals": get_args(SignalKind),
        }
        kinds = {"signals": "signal"}
        for path, condition in self._conditions.items():
            for fact, word, offset in condition.words_asked():
                if fact in known and word not in known[fact]:
                    yield self._word(path, offset, unknown(word, known[fact], f"as a {kinds.get(fact, fact)}"))
            for fact, key, word, offset in condition.keys_asked():
                if fact == "on_call" and not word and key not in self.written.roles:
                    yield self._word(path, offset, unknown(key, tuple(self.written.roles), "as a role"))
                if fact == "answers" and not word and key not in asks:
                    yield self._word(path, offset, unknown(key, tuple(asks), "as a node that asks people"))
                if fact == "answers" and word and key in asks and word not in asks[key].answers:
                    yield self._word(path, offset, unknown(word, tuple(asks[key].answers), f"as an answer to `{key}`"))

    def _quiet(self) -> Iterator[Problem]:
        """Kinds of trouble that the quiet speaks of."""
        known = tuple(self.written.entry)
        asked: list[tuple[Path, str]] = []
        for n, rule in enumerate(self.written.quiet.inhibit):
            asked.append((("quiet", "inhibit", n, "while"), rule.while_))
            asked += [(("quiet", "inhibit", n, "mute", i), name) for i, name in enumerate(rule.mute)]
            if rule.while_ in rule.mute:
                message = f"`{rule.while_}` would mute itself, and nobody would ever be told; take it out of `mute`"
                yield self._problem(("quiet", "inhibit", n, "mute"), message)
        for n, hours in enumerate(self.written.quiet.mute):
            asked += [(("quiet", "mute", n, "scenarios", i), name) for i, name in enumerate(hours.scenarios)]
        for path, name in asked:
            if name not in known:
                yield self._problem(path, unknown(name, known, "as a scenario"))

    def _word(self, path: Path, offset: int, said: str) -> Problem:
        line, column = self._document.text_position(path, offset)
        where = f"row {int(path[1]) + 1} of `severity`" if path[0] == "severity" else f"`{path[-1]}` of `{path[-2]}`"
        return Problem(YamlProblem(self._document.filename, line, column, f"in {where}: {said}"))


def scopes(written: Written) -> list[tuple[Path, dict[str, WrittenNode]]]:
    """The chart's own nodes and each sub-chart's, with the place in the file where they stand."""
    inner: list[tuple[Path, dict[str, WrittenNode]]] = [
        (("subcharts", name, "nodes"), dict(sub.nodes)) for name, sub in written.subcharts.items()
    ]
    return [(("nodes",), dict(written.nodes)), *inner]


def told_lists(written: Written) -> Iterator[Told]:
    """Every list of people in a chart."""
    yield Told(("last_resort",), written.last_resort, ("slack",))
    for base, nodes in scopes(written):
        for name, node in nodes.items():
            here = (*base, name)
            match node:
                case Page():
                    yield Told((*here, "page"), node.page, node.by, "all" if node.acknowledge == "everyone" else "")
                case Notify():
                    yield Told((*here, "notify"), node.notify, node.by)
                case Ask():
                    yield Told((*here, "of"), node.of, ("slack",), "one")
                case OpenChannel():
                    yield Told((*here, "invite"), node.invite, ("slack",), may_be_empty=True)
                case Mobilise():
                    yield Told((*here, "mobilise"), node.mobilise, node.by)
                case Brief():
                    yield Told((*here, "brief"), node.brief, node.by)
                case Statement():
                    yield Told((*here, "written_by"), (node.written_by,), ("slack",))
                    yield Told((*here, "approve_by"), node.approve_by, ("slack",), "one")
    promises = written.promises
    for name, telling in (("at_risk", promises.at_risk), ("broken", promises.broken)) if promises is not None else ():
        if telling is not None:
            yield Told(("promises", name, "page"), telling.page, ("slack",), may_be_empty=True)
            yield Told(("promises", name, "notify"), telling.notify, ("slack",), may_be_empty=True)
