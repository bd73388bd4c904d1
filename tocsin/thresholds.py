"""The limits that a chart's conditions compare figures with, and the chart with one of them moved just far enough."""

import re
from typing import NamedTuple

from alerting.decision import Decision
from alerting.facts import Facts, as_conditions_see
from alerting.flowchart.conditions import Condition
from alerting.flowchart.model import Chart, Question
from stream.strict_yaml import Path
from tocsin.entry import ConfigChange, Control
from tocsin.rerun import Moment
from tocsin.state import Contents, state_from

_COMPARED = re.compile(r"\b([a-z_]+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)(?![\w.%])")


class Limit(NamedTuple):
    """One number of a chart, and the number in its place that turns its comparison round for the facts of a page."""

    chart: str
    """Digest of the chart."""
    start: int
    """Where the number stands in the chart's text."""
    written: str
    other: str
    place: str
    """Which condition it is, in words."""
    fact: str
    sign: str

    @property
    def moved_milli(self) -> int:
        """How far it moves."""
        return abs(_milli(self.other) - _milli(self.written))

    @property
    def of_milli(self) -> int:
        """From where."""
        return max(_milli(self.written), 1)

    def __str__(self) -> str:
        return f"{self.place}: {self.fact} {self.sign} {self.other} instead of {self.written}"


def limits_of(moment: Moment, page: Decision) -> list[Limit]:
    """Every limit that the walk to this page was asked against, turned round; the least move first."""
    digest = chart_of(moment, page.brand)
    if not digest or page.facts is None:
        return []
    chart = moment.contents.chart(digest)
    found: list[Limit] = []
    for path, place, condition in _asked(chart, page):
        for match in _COMPARED.finditer(condition.text):
            limit = _turned(chart, (path, place), match, page.facts)
            if limit is not None:
                found.append(limit)
    return sorted(found, key=lambda limit: (limit.moved_milli * 1000 // limit.of_milli, limit.start))


def chart_of(moment: Moment, brand: str) -> str:
    """Digest of the chart by which a brand is judged at the moment's decision; empty where it has none."""
    state = state_from(moment.state).brands.get(brand)
    content = state.content if state is not None else ""
    for entry in moment.entries:
        event = entry.event
        if entry.seq <= moment.until_seq and isinstance(event, Control) and isinstance(event.event, ConfigChange):
            content = event.event.digest if event.event.brand == brand else content
    return moment.contents.content(content).chart if content else ""


def with_limit(contents: Contents, limit: Limit) -> str:
    """The chart's text with the other number."""
    text = contents.bodies()[limit.chart].decode()
    return f"{text[: limit.start]}{limit.other}{text[limit.start + len(limit.written) :]}"


def _asked(chart: Chart, page: Decision) -> list[tuple[Path, str, Condition]]:
    """The conditions that led here: the questions of the walked path, and the rows of the severity table."""
    found: list[tuple[Path, str, Condition]] = []
    seen: dict[Path, None] = {}
    for name, node in chart.nodes.items():
        path = chart.origin[name]
        walked = isinstance(node, Question) and any(words.startswith(f"{node.question} ") for words in page.path)
        if walked and path not in seen:
            seen[path] = None
            found.append(((*path, "when"), f"at {name}", chart.conditions[name, "when"]))
    for number, (severity, condition, _) in enumerate(chart.severity_table):
        found.append((("severity", number, "when"), f"row {number + 1} of the severities ({severity})", condition))
    return found


def _turned(chart: Chart, asked: tuple[Path, str], match: re.Match[str], facts: Facts) -> Limit | None:
    path, place = asked
    fact, sign, written = match.groups()
    value = as_conditions_see(facts).get(fact)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = f"{fact}_milli" not in Facts.__struct_fields__
    seen, unit = round(value * 1000), 1000 if whole else 1
    limit = _milli(written)
    holds = {"<": seen < limit, "<=": seen <= limit, ">": seen > limit, ">=": seen >= limit}[sign]
    # `>` and `<` turn at the figure itself where they hold, and one unit beyond it where they do not.
    beyond = {">": -unit, ">=": unit, "<": unit, "<=": -unit}[sign]
    other = seen + (beyond if holds == (sign in {">=", "<="}) else 0)
    line, column = chart.document.text_position(path, match.start(3))
    start = sum(len(one) for one in chart.document.text.splitlines(keepends=True)[: line - 1]) + column - 1
    if other < 0 or not chart.document.text.startswith(written, start):
        return None
    return Limit(chart.digest, start, written, _number(other), place, fact, sign)


def _milli(number: str) -> int:
    return round(float(number) * 1000)


def _number(milli: int) -> str:
    return f"{milli / 1000:.3f}".rstrip("0").rstrip(".")
