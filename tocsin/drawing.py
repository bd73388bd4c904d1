"""A picture of observed against expected, for a card's thread and a review: PNG, SVG, and the same in words.

The same series gives the same bytes: no dates, no random ids, a font that comes with matplotlib. Nothing from outside
is read as markup: mathematics is off, control characters and addresses are inert, what the font lacks is a "?".
matplotlib is imported when the first picture is drawn, and its global figures are never touched.
"""

import functools
import hashlib
import io
import math
import re
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import msgspec

from alerting.inert import one_line
from alerting.words import clock_text, count_text
from stream.codec import MINUTE_MS
from stream.zones import local

STEP_MS = 5 * MINUTE_MS
WIDTH_PX, HEIGHT_PX, DOTS_PER_INCH = 1200, 600, 150
MARKS_SHOWN = 4
_TITLE_CHARS, _MARK_CHARS = 64, 24
_INK, _OBSERVED, _EXPECTED, _THRESHOLD = "#1d1c1d", "#1264a3", "#6b6b6b", "#c01343"
"""Each at least 4.5 to 1 against white (WCAG 2.2, 1.4.3); the lines differ in their dashes too."""


class Mark(NamedTuple):
    """Something that happened at a moment: paged, acknowledged."""

    at_ms: int
    label: str


class Labels(NamedTuple):
    """The few words in a picture."""

    observed: str = "observed"
    expected: str = "expected"
    threshold: str = "threshold"
    decided: str = "decided"
    unheard: str = "not heard"
    unit: str = "posts per 5 min"


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Counts per step, oldest first, and what was to be expected. Tuples of one length; `threshold` may be empty."""

    title: str
    zone: str = "UTC"
    """Whose clock the axis shows."""
    times_ms: tuple[int, ...]
    """When each step began."""
    observed: tuple[int | None, ...]
    """`None` where nobody listened; of the last step it is known."""
    expected: tuple[float, ...] = ()
    threshold: tuple[float, ...] = ()
    """From how many on a step would be worth a notice; not a number where that is not known, but not everywhere."""
    step_ms: int = STEP_MS
    decided_ms: int = 0
    """When it was decided that people should know (0: it was not)."""
    marks: tuple[Mark, ...] = ()
    labels: Labels = Labels()

    def __post_init__(self) -> None:
        """Raises `ValueError` where the columns do not fit together."""
        lengths = {len(one) for one in (self.times_ms, self.observed)}
        lengths |= {len(one) for one in (self.expected, self.threshold) if one}
        if lengths == {0} or len(lengths) != 1:
            raise ValueError("a series has one count for each of its times, and at least one")
        if self.observed[-1] is None:
            raise ValueError("a series ends with a step that was heard")

    @property
    def last(self) -> int:
        """The last count."""
        return self.observed[-1] or 0

    @property
    def unheard(self) -> int:
        """So many steps at its beginning nobody listened to."""
        return next(number for number, count in enumerate(self.observed) if count is not None)


_STYLE = re.compile(r"<style[^>]*>[^<]*</style>\s*")
"""What matplotlib says about all lines would hold for the whole page that the picture stands in."""


def png(series: Series) -> bytes:
    """The picture for a phone: 1200 by 600, dark on light.

    >>> png(Series(title="Acme", times_ms=(0, 300_000), observed=(1, 9)))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    out = io.BytesIO()
    with _drawn(series) as figure:
        figure.savefig(out, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return out.getvalue()


def svg(series: Series) -> str:
    """The picture for a page: one `<svg>` element with its words as text, to stand in HTML or in a file of its own."""
    out = io.StringIO()
    with _drawn(series) as figure:
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    body = _STYLE.sub("", out.getvalue(), count=1)
    head, mark, rest = body[body.index("<svg") :].partition(">")
    lines = 'role="img" stroke-linejoin="round" stroke-linecap="butt"'
    return f"{head} {lines}{mark}\n <title>{escape(alt_text(series))}</title>{rest}"


def alt_text(series: Series) -> str:
    """What the picture shows, in words from the same numbers. Inert.

    >>> alt_text(Series(title="Acme", times_ms=(0, 300_000), observed=(1, 9), expected=(2.0, 2.0), decided_ms=600_000))
    'Acme: posts per 5 min from 00:00 UTC to 00:10 UTC. At most 9 (00:05 UTC), last 9; 2 expected. Decided 00:10 UTC.'
    """
    first_ms, last_ms = series.times_ms[0], series.times_ms[-1]
    top = max(range(len(series.observed)), key=lambda index: series.observed[index] or 0)
    clock = functools.partial(clock_text, timezone=series.zone, today_ms=last_ms)
    words = series.labels
    said = f"{one_line(series.title, _TITLE_CHARS)}: {words.unit} from {clock(first_ms)} to "
    said += f"{clock(last_ms + series.step_ms)}. "
    if series.unheard:
        said += f"{words.unheard.capitalize()} before {clock(series.times_ms[series.unheard])}. "
    said += f"At most {count_text(series.observed[top] or 0)} "
    said += f"({clock(series.times_ms[top])}), last {count_text(series.last)}"
    said += f"; {_figure(_last(series.expected))} {words.expected}" if series.expected else ""
    said += f", {words.threshold} {_figure(_last(series.threshold))}" if series.threshold else ""
    moments = [Mark(series.decided_ms, words.decided)] if series.decided_ms else []
    for mark in (*moments, *series.marks[:MARKS_SHOWN]):
        label = one_line(mark.label, _MARK_CHARS)
        said += f". {label[:1].upper()}{label[1:]} {clock(mark.at_ms)}"
    return said + "."


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and not math.isnan(value)]


def _last(values: Sequence[float]) -> float:
    return _known(values)[-1]


def _figure(value: float) -> str:
    return count_text(round(value)) if value >= 10 else f"{value:.1f}".removesuffix(".0")


# ---- the figure


_ONE_AT_A_TIME = threading.Lock()
"""matplotlib's settings are the process's own: two threads that draw take turns."""


class _drawn:  # noqa: N801 - reads as a word in `with _drawn(series) as figure`
    """A figure of a series, under settings that hold while it is saved."""

    def __init__(self, series: Series) -> None:
        self._series = series

    def __enter__(self) -> Any:
        _ONE_AT_A_TIME.acquire()
        try:
            import matplotlib as mpl
            from matplotlib.figure import Figure

            salt = hashlib.sha256(msgspec.json.encode(self._series)).hexdigest()[:12]
            self._settings = mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none", "svg.id": None})
            self._settings.__enter__()
            try:
                figure = Figure(figsize=(WIDTH_PX / DOTS_PER_INCH, HEIGHT_PX / DOTS_PER_INCH), facecolor="white")
                _draw(figure, self._series)
            except BaseException:
                self._settings.__exit__(None, None, None)
                raise
        except BaseException:
            _ONE_AT_A_TIME.release()
            raise
        return figure

    def __exit__(self, *_: object) -> None:
        self._settings.__exit__(None, None, None)
        _ONE_AT_A_TIME.release()


def _draw(figure: Any, series: Series) -> None:
    axes = figure.add_axes((0.085, 0.1, 0.725, 0.7))
    middles = list(_with_gaps(series, [_minutes(series, at_ms + series.step_ms // 2) for at_ms in series.times_ms]))
    flags = min(len(series.marks), MARKS_SHOWN) + bool(series.decided_ms)
    top = (1.08 + 0.1 * flags) * max(4.0, *_known(series.observed), *_known(series.expected), *_known(series.threshold))
    axes.set_ylim(0, top)
    axes.set_xlim(0, _minutes(series, series.times_ms[-1] + series.step_ms))
    observed = list(_with_gaps(series, series.observed))
    axes.fill_between(middles, observed, color=_OBSERVED, alpha=0.14, linewidth=0)
    axes.plot(middles, observed, color=_OBSERVED, linewidth=2.6, solid_joinstyle="round")
    axes.plot(middles[-1:], observed[-1:], "o", color=_OBSERVED, markersize=6, clip_on=False)
    if series.expected:
        axes.plot(middles, list(_with_gaps(series, series.expected)), color=_EXPECTED, linewidth=2, dashes=(4, 2))
    if series.threshold:
        axes.plot(middles, list(_with_gaps(series, series.threshold)), color=_THRESHOLD, linewidth=2, dashes=(1, 1))
    _name_silence(axes, series)
    _frame(axes, series)
    _name_lines(axes, series, top)
    _name_moments(axes, series)
    figure.text(0.085, 0.925, _shown(series.title, _TITLE_CHARS), color=_INK, fontsize=14, **_font("bold"))


def _with_gaps(series: Series, values: Sequence[float | None]) -> Iterator[float]:
    """The values, with nothing where one is not known, and between two that are more than two steps apart: no line is
    drawn across.
    """
    before_ms = series.times_ms[0]
    for at_ms, value in zip(series.times_ms, values, strict=True):
        if at_ms - before_ms > 2 * series.step_ms:
            yield math.nan
        yield math.nan if value is None else value
        before_ms = at_ms


def _name_silence(axes: Any, series: Series) -> None:
    """The stretch before anybody listened: shaded, and by its name where there is room for it."""
    if not series.unheard:
        return
    until = _minutes(series, series.times_ms[series.unheard])
    axes.axvspan(0, until, color="#f1f1f1", linewidth=0, zorder=0)
    if until >= 0.15 * _minutes(series, series.times_ms[-1] + series.step_ms):
        axes.text(
            until / 2, 0.5, _shown(series.labels.unheard, 20), transform=axes.get_xaxis_transform(), color=_EXPECTED,
            fontsize=11, ha="center", va="center", **_font(),
        )  # fmt: skip


def _minutes(series: Series, at_ms: int) -> float:
    return (at_ms - series.times_ms[0]) / MINUTE_MS


def _frame(axes: Any, series: Series) -> None:
    """Two axes with few numbers: the local clock below, counts at the left."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    ticks = list(_ticks(series))
    axes.set_xticks([_minutes(series, at_ms) for at_ms in ticks])
    axes.set_xticklabels([f"{local(at_ms, series.zone):%H:%M}" for at_ms in ticks], parse_math=False)
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.set_major_formatter(lambda value, _: count_text(round(value)))
    for tick in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        tick.set(fontsize=11, color=_INK, **_font())
    unit = f"{series.labels.unit} · {_zone_name(series)}"
    unit = _shown(f"{series.labels.unit} · {_zone_name(series)}", 60)
    axes.figure.text(0.085, 0.855, unit, color=_EXPECTED, fontsize=11, **_font())


def _zone_name(series: Series) -> str:
    """The day, and which clock the axis shows."""
    moment = local(series.times_ms[-1], series.zone)
    return f"{moment.day} {_month(moment)} {moment.year}, {moment:%Z}"


def _month(moment: datetime) -> str:
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return names[moment.month - 1]


_TICKS_MINUTES = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)


def _ticks(series: Series) -> Iterator[int]:
    """Round times of the local clock, at most seven of them."""
    first_ms, end_ms = series.times_ms[0], series.times_ms[-1] + series.step_ms
    whole = (end_ms - first_ms) // MINUTE_MS
    every = next((minutes for minutes in _TICKS_MINUTES if whole <= 7 * minutes), 1440 * (whole // (7 * 1440) + 1))
    offset = local(first_ms, series.zone).utcoffset()
    shift_ms = round(offset.total_seconds() * 1000) if offset is not None else 0
    step_ms = every * MINUTE_MS
    at_ms = -(-(first_ms + shift_ms) // step_ms) * step_ms - shift_ms
    while at_ms <= end_ms:
        yield at_ms
        at_ms += step_ms


def _name_lines(axes: Any, series: Series, top: float) -> None:
    """Each line's name and last number at its end, pushed apart where they would touch."""
    ends = [(float(series.last), f"{series.labels.observed} {count_text(series.last)}", _OBSERVED)]
    if series.expected:
        ends.append((_last(series.expected), f"{series.labels.expected} {_figure(_last(series.expected))}", _EXPECTED))
    if series.threshold:
        ends.append(
            (_last(series.threshold), f"{series.labels.threshold} {_figure(_last(series.threshold))}", _THRESHOLD)
        )
    ends.sort(key=lambda end: end[0])
    apart, lowest = 0.085, 0.0
    for number, (value, label, colour) in enumerate(ends):
        highest = 1.0 - apart * (len(ends) - 1 - number)
        height = min(max(value / top, lowest), highest)
        lowest = height + apart
        axes.text(
            1.015, height, _shown(label, 30), transform=axes.transAxes, color=colour, fontsize=11.5, va="center",
            **_font("bold"),
        )  # fmt: skip


def _name_moments(axes: Any, series: Series) -> None:
    """The decision and the marks as flags on their poles, each at a height at which it crosses no other pole."""
    decided = [Mark(series.decided_ms, series.labels.decided)] if series.decided_ms else []
    shown = sorted((*decided, *series.marks[:MARKS_SHOWN]), key=lambda mark: mark.at_ms)
    width = _minutes(series, series.times_ms[-1] + series.step_ms)
    shown = [mark for mark in shown if 0 <= _minutes(series, mark.at_ms) <= width]
    places = [_minutes(series, mark.at_ms) / width for mark in shown]
    flags = sum(at > 0.5 for at in places)
    for number, (mark, at) in enumerate(zip(shown, places, strict=True)):
        main, leftward = mark in decided, at > 0.5
        height = 0.965 - 0.095 * (len(shown) - 1 - number if leftward else flags + number)
        axes.plot([at, at], [0, height + 0.035], transform=axes.transAxes, color=_INK, linewidth=2 if main else 1)
        axes.text(
            at - 0.012 if leftward else at + 0.012,
            height,
            f"{_shown(mark.label, _MARK_CHARS)} {local(mark.at_ms, series.zone):%H:%M}",
            transform=axes.transAxes,
            color=_INK,
            fontsize=11,
            ha="right" if leftward else "left",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85},
            **_font("bold" if main else "normal"),
        )


# ---- words in a picture


def _shown(text: str, limit: int) -> str:
    """The text on one line, inert, in characters that the font has."""
    known = _characters()
    return "".join(char if ord(char) in known else "?" for char in one_line(text, limit))


def _font(style: str = "normal") -> dict[str, Any]:
    return {"fontfamily": "DejaVu Sans", "fontweight": style, "parse_math": False}


@functools.cache
def _characters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
