"""An incident's counts as `static/console.js` draws them, and the same figures as rows of a table. Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tocsin.console.seen_incident import SeriesSeen
from tocsin.drawing import STEP_MS

Row = tuple[int, float | None, float | None, float | None]


class Names(NamedTuple):
    """What the lines and moments are called, in the language of the page."""

    observed: str
    expected: str
    threshold: str
    decided: str


def incident_chart(series: SeriesSeen, zone: str, names: Names) -> dict[str, Any]:
    """What a page draws: lines in the middle of their steps, broken where nothing is known.

    >>> series = SeriesSeen(title="", alt="", unit="", times_ms=(0, 300_000, 1_200_000), observed=(1, 9, 4),
    ...     expected=(2, 2, 2), threshold=(None, None, None), decided_ms=600_000)
    >>> chart = incident_chart(series, "UTC", Names("seen", "expected", "notice", "decided"))
    >>> chart["at"], [one["name"] for one in chart["series"]], chart["series"][0]["values"], chart["marks"]
    ([150, 450, 750, 1350], ['seen', 'expected'], [1, 9, None, 4], [{'at': 600, 'name': 'decided'}])
    """
    rows = list(_with_gaps(series))
    lines = (("observed", names.observed, 1), ("expected", names.expected, 2), ("threshold", names.threshold, 3))
    marks = [(series.decided_ms, names.decided)] if series.decided_ms else []
    return {
        "at": [(row[0] + STEP_MS // 2) // 1000 for row in rows],
        "zone": zone,
        "series": [
            {"name": name, "style": style, "values": [_rounded(row[column]) for row in rows]}
            for style, name, column in lines
            if any(row[column] is not None for row in rows)
        ],
        "marks": [{"at": at_ms // 1000, "name": name} for at_ms, name in (*marks, *series.marks)],
    }


def rows_of(series: SeriesSeen) -> list[Row]:
    """Each step with what was observed, expected, and worth a notice; the latest first."""
    nothing = (None,) * len(series.times_ms)
    expected, threshold = series.expected or nothing, series.threshold or nothing
    rows: list[Row] = list(zip(series.times_ms, series.observed, expected, threshold, strict=True))
    return rows[::-1]


def _with_gaps(series: SeriesSeen) -> Iterator[Row]:
    before_ms = series.times_ms[0] if series.times_ms else 0
    for row in reversed(rows_of(series)):
        if row[0] - before_ms > 2 * STEP_MS:
            yield before_ms + STEP_MS, None, None, None
        yield row
        before_ms = row[0]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
