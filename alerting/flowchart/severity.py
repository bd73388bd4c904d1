"""The severity table of a chart: the first row that holds decides. And which of its rows can never decide."""

from collections.abc import Sequence

from alerting.facts import Facts
from alerting.flowchart.conditions import Condition
from alerting.flowchart.model import Chart

Rows = Sequence[tuple[str, Condition, str]]


def severity_of(chart: Chart, facts: Facts) -> tuple[str, str] | None:
    """The severity and the words of the first row that holds; `None` where the chart has no table of its own.

    Raises `alerting.flowchart.conditions.ConditionFailed` where a row has no answer.
    """
    for severity, condition, words in chart.severity_table:
        if condition.holds(facts):
            return severity, words
    return None


def unreached_rows(rows: Rows) -> list[tuple[int, str]]:
    """Rows (from 0) that can never decide, each with why."""
    found = []
    for number, (_, condition, _words) in enumerate(rows):
        for earlier in range(number):
            if rows[earlier][1].text == "true" or rows[earlier][1].text == condition.text:
                found.append((number, f"row {earlier + 1} holds whenever this one does; put it before that row"))
                break
    return found
