"""Scores and their thresholds over time as SVG: no library, no script, readable on light and on dark paper."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from benchmarks.curves import Sample
from stream.codec import DAY_MS, HOUR_MS

WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 1000, 130, 56, 16, 62, 48
COLUMNS = WIDTH - LEFT - RIGHT
APART_MS = 6 * HOUR_MS
"""A line does not reach across a longer silence."""
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
LABEL_WIDTH = 52
KINDS = ("notice", "page")

STYLE = """svg{--paper:#fff;--ink:#1c2430;--soft:#5b6675;--rim:#d9dfe7;--score:#2b6cb0;--notice:#b7791f;--page:#c92a2a;
--known:#e4f5e8;--known-rim:#2f8f4e;background:var(--paper)}
@media(prefers-color-scheme:dark){svg{--paper:#12161c;--ink:#e8edf3;--soft:#9aa7b6;--rim:#2d3744;--score:#6fb1ff;
--notice:#e0b83a;--page:#ff7b72;--known:#16331f;--known-rim:#62c57f}}
text{font:12px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--soft)}
.title{font-size:15px;font-weight:600;fill:var(--ink)}.head{fill:var(--ink);font-weight:600}
.frame,.grid{fill:none;stroke:var(--rim)}.score{fill:none;stroke:var(--score);stroke-width:1}
.notice{fill:none;stroke:var(--notice);stroke-width:1.5;stroke-dasharray:5 3}
.page{fill:none;stroke:var(--page);stroke-width:1.5}
.known{fill:var(--known);stroke:var(--known-rim);stroke-width:.5}
.told-notice{fill:var(--notice)}.told-page{fill:var(--page)}"""


class Strip(NamedTuple):
    """One line of a picture: a brand, or one of its detectors."""

    title: str
    samples: Mapping[int, Sample]
    unit: str = "standard deviations"
    known: Sequence[tuple[int, int]] = ()
    """Stretches `[from, until)` in which something is known to have happened."""
    told: Sequence[tuple[int, str]] = ()
    """When somebody was told: time, and `notice` or `page`."""


class _Column(NamedTuple):
    place: int
    at_ms: int
    sample: Sample


def picture(title: str, strips: Sequence[Strip]) -> str:
    """All strips below each other, each with its own axes.

    >>> "<svg" in picture("Acme", [Strip("volume", {0: Sample(2_000, 7_000, 9_000), 86_400_000: Sample(1, 2, 3)})])
    True
    """
    strips = [strip for strip in strips if strip.samples]
    height = TOP + len(strips) * (HEIGHT + GAP)
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>\n{STYLE}\n</style>",
        f'<text x="{LEFT}" y="22" class="title">{escape(title)}</text>',
        *_legend(),
    ]
    for number, strip in enumerate(strips):
        body += [f'<g transform="translate({LEFT} {TOP + number * (HEIGHT + GAP) + 18})">', *_strip(strip), "</g>"]
    return "\n".join([*body, "</svg>", ""])


def _legend() -> list[str]:
    lines = (("score", "greatest score"), ("notice", "a notice is from here"), ("page", "a page is from here"))
    found = []
    for number, (kind, words) in enumerate(lines):
        x = LEFT + number * 165
        found.append(f'<path class="{kind}" d="M{x} 42h22"/><text x="{x + 28}" y="46">{words}</text>')
    x = LEFT + 3 * 165
    found.append(f'<rect class="known" x="{x}" y="36" width="22" height="12"/><text x="{x + 28}" y="46">known</text>')
    for number, (kind, words) in enumerate(zip(KINDS, ("somebody was told", "somebody was woken"), strict=True)):
        x = LEFT + 600 + number * 155
        found.append(f"{_flag(x, 46, kind)}" + f'<text x="{x + 10}" y="46">{words}</text>')
    return found


def _flag(x: float, y: float, kind: str) -> str:
    return f'<path class="told-{kind}" d="M{x:.0f} {y:.0f}l-4-9h8z"/>'


def _strip(strip: Strip) -> list[str]:
    first, last = min(strip.samples), max(strip.samples)
    width_ms = max(1, last - first)
    columns = list(_columns(strip.samples, first, width_ms))
    top = max(max(c.sample.score, c.sample.notice, c.sample.page) for c in columns) * 1.05

    def x_of(at_ms: int) -> float:
        return min(max((at_ms - first) / width_ms, 0.0), 1.0) * COLUMNS

    def y_of(milli: float) -> float:
        return HEIGHT - (max(0.0, milli) / top) ** 0.5 * HEIGHT

    found = [f'<text x="0" y="-6"><tspan class="head">{escape(strip.title)}</tspan>, {escape(strip.unit)}</text>']
    for from_ms, until_ms in strip.known:
        if from_ms < last and until_ms > first:
            left, right = x_of(from_ms), x_of(until_ms)
            width = max(2.0, right - left)
            found.append(f'<rect class="known" x="{left:.0f}" y="0" width="{width:.0f}" height="{HEIGHT}"/>')
    found += _axes(first, last, x_of, y_of, top)
    for kind in ("score", "notice", "page"):
        points = [(c.place, y_of(getattr(c.sample, kind)), c.at_ms) for c in columns]
        found.append(f'<path class="{kind}" d="{_line(points, steps=kind != "score")}"/>')
    found += [_flag(x_of(at_ms), 10, kind) for kind in KINDS for at_ms, told in strip.told if told == kind]
    return found


def _columns(samples: Mapping[int, Sample], first: int, width_ms: int) -> Iterator[_Column]:
    """The samples by column of the picture: the greatest score of each, and the thresholds beside it."""
    held: _Column | None = None
    for at_ms in sorted(samples):
        sample = samples[at_ms]
        place = (at_ms - first) * COLUMNS // width_ms
        if held is not None and held.place != place:
            yield held
            held = None
        if held is None or sample.score > held.sample.score:
            held = _Column(place, at_ms, sample)
    if held is not None:
        yield held


def _line(points: Sequence[tuple[int, float, int]], *, steps: bool) -> str:
    """A path through the points, broken where nothing was heard for long; as steps, only where the level changes."""
    path, last_ms, last_y, last_x = [], None, None, 0
    for x, y, at_ms in points:
        drawn = f"{y:.1f}"
        if last_ms is None or at_ms - last_ms > APART_MS:
            path.append(f"H{last_x}" if steps and path else "")
            path.append(f"M{x} {drawn}")
        elif not steps:
            path.append(f"L{x} {drawn}")
        elif drawn != last_y:
            path.append(f"H{x}V{drawn}")
        last_ms, last_y, last_x = at_ms, drawn, x
    return "".join(path) + (f"H{last_x}" if steps else "")


def _axes(first: int, last: int, x_of: object, y_of: object, top: float) -> list[str]:
    assert callable(x_of)
    assert callable(y_of)
    found = [f'<rect class="frame" x="0" y="0" width="{COLUMNS}" height="{HEIGHT}"/>']
    drawn_y = HEIGHT + 0.0
    for tick in TICKS:
        y = y_of(tick * 1000)
        if tick * 1000 < top and drawn_y - y >= 18:
            drawn_y = y
            found.append(f'<path class="grid" d="M0 {y:.0f}H{COLUMNS}"/>')
            found.append(f'<text x="-6" y="{y + 4:.0f}" text-anchor="end">{tick}</text>')
    drawn_x = -float(LABEL_WIDTH)
    for day in range(-(-first // DAY_MS), last // DAY_MS + 1):
        x = x_of(day * DAY_MS)
        if x - drawn_x >= LABEL_WIDTH and x < COLUMNS - 30:
            drawn_x = x
            name = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%d %b").lstrip("0")
            found.append(f'<path class="grid" d="M{x:.0f} {HEIGHT}v4"/>')
            found.append(f'<text x="{x:.0f}" y="{HEIGHT + 17}" text-anchor="middle">{name}</text>')
    return found
