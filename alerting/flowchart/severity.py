"""The severity table of a chart: the first row that holds decides. And which of its rows can never decide.

That is found by counting through: each row is a sum of products of simple comparisons (`z > 3`, `severity == "high"`,
`coordinated`), whose thresholds cut every fact into finitely many stretches; within one stretch all rows keep their
answer. One value from each stretch of each fact therefore says all there is to say. Rows that hold anything else
(sums, lists, texts) are left alone: nothing is claimed of what is not understood.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import msgspec

from alerting.facts import SEVERITIES, Facts
from alerting.flowchart.conditions import Condition, ConditionFailed
from alerting.flowchart.model import Chart

Rows = Sequence[tuple[str, Condition, str]]
MAX_CASES = 20_000
"""Beyond so many combinations nothing is claimed."""


def severity_of(chart: Chart, facts: Facts) -> tuple[str, str] | None:
    """The severity and the words of the first row that holds; `None` where the chart has no table of its own.

    Raises `alerting.flowchart.conditions.ConditionFailed` where a row has no answer.
    """
    for severity, condition, words in chart.severity_table:
        if condition.holds(facts):
            return severity, words
    return None


def unreached_rows(rows: Rows) -> list[tuple[int, str]]:
    """Rows (from 0) that can never decide, each with why. A row that is not understood is never among them."""
    simple = [condition.comparisons() for _, condition, _ in rows]
    understood = [number for number, found in enumerate(simple) if found is not None]
    found: list[tuple[int, str]] = []
    for number in understood:
        is_rest = number == len(rows) - 1 and rows[number][1].text == "true"  # it may be there only to be safe
        if not is_rest and (reason := _why_unreached(rows, simple, number)):
            found.append((number, reason))
    return found


def _why_unreached(rows: Rows, simple: Sequence[list[tuple[str, str]] | None], number: int) -> str:
    """Why a row can never decide, as far as the rows before it are understood; nothing where it can."""
    condition = rows[number][1]
    before = [k for k in range(number) if simple[k] is not None]
    compared = [pair for k in (*before, number) for pair in simple[k] or []]
    stretches = _stretches(compared)
    cases = 1
    for values in stretches.values():
        cases *= len(values)
    if cases > MAX_CASES:
        return ""
    holds_at_all = False
    covered_by: dict[int, None] = {}
    for facts in _cases(stretches):
        try:
            if not condition.holds(facts):
                continue
            holds_at_all = True
            first = next((k for k in before if rows[k][1].holds(facts)), None)
        except ConditionFailed:
            return ""
        if first is None:
            return ""
        covered_by[first] = None
    if not holds_at_all:
        return "no facts can make it hold; change a limit, or remove it"
    named = " or ".join(f"row {k + 1}" for k in sorted(covered_by))
    return f"wherever it holds, {named} holds before it; put it first"


def _stretches(compared: Sequence[tuple[str, str]]) -> dict[str, list[object]]:
    """Per fact one value from each stretch between its thresholds, and the thresholds themselves."""
    limits: dict[str, list[object]] = {}
    for name, value in compared:
        limits.setdefault(name, []).append(value)
    found: dict[str, list[object]] = {}
    for name, values in limits.items():
        field = f"{name}_milli" if f"{name}_milli" in Facts.__struct_fields__ else name
        if isinstance(getattr(Facts(), field), bool):
            found[field] = [False, True]
        elif name == "severity":
            found[field] = list(SEVERITIES)
        elif isinstance(getattr(Facts(), field), str):
            found[field] = ["", *dict.fromkeys(str(value) for value in values)]
        else:
            scale = 1000 if field.endswith("_milli") else 1
            found[field] = list(_points(field, [float(str(value)) * scale for value in values]))
    return found


def _points(field: str, limits: Sequence[float]) -> Iterator[int]:
    """Whole numbers on, just below and just above each limit: facts are whole, and only `z` goes below 0."""
    highest = 1000 if field.endswith("share_milli") else None
    near = {0}
    for limit in limits:
        near |= {int(limit) + step for step in (-1, 0, 1)}
    for point in sorted(near):
        if (point >= 0 or field == "z_milli") and (highest is None or point <= highest):
            yield point


def _cases(stretches: Mapping[str, Sequence[object]]) -> Iterator[Facts]:
    names = list(stretches)
    for values in product(*stretches.values()):
        yield msgspec.structs.replace(Facts(), **dict(zip(names, values, strict=True)))
