"""A brand's history as `static/console.js` draws it, and the same figures in rows that fit a table. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tocsin.console.seen_brand import HistorySeen

MOST_ROWS = 48


class BrandNames(NamedTuple):
    """What the lines are called, in the language of the page."""

    posts: str
    expected: str
    negative: str


class BrandRow(NamedTuple):
    """Some steps together; `None` where nothing is known of any of them."""

    at_ms: int
    posts: int | None
    negative: int | None
    expected: float | None
    lower: int | None
    upper: int | None
    blind: bool
    """Whether in one of them we did not hear all that was said."""


def brand_chart(
    history: HistorySeen, zone: str, names: Sequence[str], marks: Sequence[tuple[int, str]] = ()
) -> dict[str, Any]:
    """What a page draws: lines in the middle of their steps, broken where nothing is known.

    >>> history = HistorySeen(span="90min", step_ms=60_000, times_ms=(0, 60_000), posts=(3, None), negative=(1, None),
    ...     expected=(2.04, None), lower=(0, None), upper=(5, None))
    >>> chart = brand_chart(history, "UTC", ("posts", "usual", "negative"), [(60_000, "High")])
    >>> chart["at"], chart["band"], [one["values"] for one in chart["series"]]
    ([30, 90], [(0, None), (5, None)], [(3, None), [2.0, None], (1, None)])
    """
    called = BrandNames(*names)
    half_ms = history.step_ms // 2
    expected = [None if one is None else round(one, 1) for one in history.expected]
    chart: dict[str, Any] = {
        "at": [(at_ms + half_ms) // 1000 for at_ms in history.times_ms],
        "zone": zone,
        "series": [
            {"name": called.posts, "style": "observed", "values": history.posts},
            {"name": called.expected, "style": "expected", "values": expected},
            {"name": called.negative, "style": "negative", "values": history.negative},
        ],
        "marks": [{"at": at_ms // 1000, "name": name} for at_ms, name in marks],
    }
    if any(one is not None for one in history.upper):
        chart["band"] = [history.lower, history.upper]
    return chart


def is_known(history: HistorySeen) -> bool:
    """Whether anything is known of this time."""
    return any(one is not None for one in history.posts)


def brand_rows(history: HistorySeen) -> list[BrandRow]:
    """The figures, as many steps to a row as it takes to be read; the latest first."""
    return list(_rows(history))[::-1]


def deaf(history: HistorySeen) -> list[tuple[int, int]]:
    """The stretches `[from_ms, until_ms)` in which we did not hear all that was said, the latest first.

    >>> history = HistorySeen(span="90min", step_ms=5, times_ms=(0, 5, 10, 15), posts=(), negative=(), expected=(),
    ...     lower=(), upper=(), blind=(True, False, True, True))
    >>> deaf(history)
    [(10, 20), (0, 5)]
    """
    found: list[tuple[int, int]] = []
    for at_ms, blind in zip(history.times_ms, history.blind, strict=False):
        if not blind:
            continue
        if found and found[-1][1] >= at_ms:
            found[-1] = (found[-1][0], at_ms + history.step_ms)
        else:
            found.append((at_ms, at_ms + history.step_ms))
    return found[::-1]


def _rows(history: HistorySeen) -> Iterator[BrandRow]:
    several = max(1, -(-len(history.times_ms) // MOST_ROWS))
    for start in range(0, len(history.times_ms), several):
        part = slice(start, start + several)
        expected = [one for one in history.expected[part] if one is not None]
        yield BrandRow(
            at_ms=history.times_ms[start],
            posts=_sum(history.posts[part]),
            negative=_sum(history.negative[part]),
            expected=sum(expected) if expected else None,
            lower=_sum(history.lower[part]),
            upper=_sum(history.upper[part]),
            blind=any(history.blind[part]),
        )


def _sum(values: Sequence[int | None]) -> int | None:
    known = [one for one in values if one is not None]
    return sum(known) if known else None
