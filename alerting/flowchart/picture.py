"""Draws a flowchart: as Mermaid for a wiki, and as one self-contained SVG that follows the reader's light or dark.

The SVG has a panel per scenario and one for what scenarios share. Where a walk leaves its panel, or goes back, the
picture names the node instead of drawing a line across everything, and so it does where many ways lead to one node; an
end is drawn wherever it is reached.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from textwrap import wrap

from alerting.flowchart.layout import Box, Placed, layered
from alerting.flowchart.model import Chart, End, Question
from alerting.flowchart.sheet import PALETTE, Sheet, kicker, kind_of, label, sheet_of, walked_on, words_of

WIDTH = 216
LINE = 16
PAD = 10
MARGIN = 24
TITLE = 34
SHEET_WIDTH = 2000
MOST_SOURCES = 3
"""So many nodes may have a line to one node; of more, the last has one and the others name it."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_LEGEND = (
    ("question", "asks the facts"),
    ("ask", "asks people"),
    ("page", "wakes people"),
    ("notify", "tells people"),
    ("wait", "lets time pass"),
    ("statement", "offers a statement"),
    ("call", "walks a panel of its own"),
    ("end", "ends the walk"),
    ("stub", "goes on at that node"),
)

_STYLE = """
svg{--paper:#fff;--ink:#1c2430;--soft:#5b6675;--line:#8793a3;--panel:#f5f7fa;--rim:#d9dfe7;--lit:#e8590c;
--question:#fff7dc;--question-rim:#c99a06;--page:#ffe3e0;--page-rim:#c92a2a;--notify:#e2efff;--notify-rim:#2b6cb0;
--wait:#efe9ff;--wait-rim:#6f52c9;--end:#e4f5e8;--end-rim:#2f8f4e;--ask:#dff6f4;--ask-rim:#0c8599;--statement:#fdeaf4;--statement-rim:#c2255c;--call:#eceff4;--call-rim:#495057;
--stub:#fff;--stub-rim:#8793a3;background:var(--paper)}
@media(prefers-color-scheme:dark){svg{--paper:#12161c;--ink:#e8edf3;--soft:#9aa7b6;--line:#77859a;--panel:#191f28;
--rim:#2d3744;--lit:#ff922b;--question:#3a3110;--question-rim:#e0b83a;--page:#45201f;--page-rim:#ff7b72;
--ask:#0f3437;--ask-rim:#3bc9db;--statement:#431d31;--statement-rim:#f783ac;--call:#262d38;--call-rim:#adb5bd;
--notify:#172c45;--notify-rim:#6fb1ff;--wait:#2a2248;--wait-rim:#b39dff;--end:#16331f;--end-rim:#62c57f;
--stub:#12161c;--stub-rim:#77859a}}
text{font:13px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
.kind{font-size:10.5px;fill:var(--soft)}.code{font:11.5px ui-monospace,"DejaVu Sans Mono",monospace;fill:var(--soft)}
.title{font-size:18px;font-weight:600}.head{font-size:15px;font-weight:600}
.label{font-size:11.5px;fill:var(--soft);paint-order:stroke;stroke:var(--panel);stroke-width:4px}
.panel{fill:var(--panel);stroke:var(--rim)}.box{stroke-width:1.5}
.edge{fill:none;stroke:var(--line);stroke-width:1.5}.tip{fill:var(--line)}
.question{fill:var(--question);stroke:var(--question-rim)}.page{fill:var(--page);stroke:var(--page-rim);stroke-width:2.5}
.notify{fill:var(--notify);stroke:var(--notify-rim)}.wait{fill:var(--wait);stroke:var(--wait-rim);stroke-dasharray:5 3}
.ask{fill:var(--ask);stroke:var(--ask-rim)}.statement{fill:var(--statement);stroke:var(--statement-rim)}
.call{fill:var(--call);stroke:var(--call-rim);stroke-width:2.5}
.end{fill:var(--end);stroke:var(--end-rim)}.stub{fill:var(--stub);stroke:var(--stub-rim);stroke-dasharray:2 3}
.walked{stroke:var(--lit)!important;stroke-width:4}.walked-tip{fill:var(--lit)}
"""


def mermaid(chart: Chart) -> str:
    """The chart in Mermaid's language, entries first."""
    sheet = sheet_of(chart)
    numbers = {name: f"n{i}" for i, name in enumerate(sheet.nodes)}
    lines = ["flowchart TD"]
    for i, (scenario, name) in enumerate(chart.entry.items()):
        lines += [f'    e{i}(["{_quoted(_plain(scenario))}"]) --> {numbers[name]}']
    for name, node in sheet.nodes.items():
        kind = kind_of(node)
        left, right = _BRACKETS.get(kind, ("[", "]"))
        words = " ".join([kicker(kind), *words_of(node)]).strip()
        lines.append(f'    {numbers[name]}{left}"{_quoted(words)}"{right}:::{_mermaid_class(PALETTE.get(kind, kind))}')
    for name, node in sheet.nodes.items():
        for key, target in sheet.ways(name):
            said = label(node, key)
            arrow = f'-->|"{_quoted(said)}"|' if said else "-->"
            lines.append(f"    {numbers[name]} {arrow} {numbers[target]}")
        if name in sheet.calls:
            lines.append(f"    {numbers[name]} -.-> {numbers[sheet.calls[name]]}")
    lines += [f"    classDef {_mermaid_class(kind)} {style}" for kind, style in _MERMAID_STYLES.items()]
    return "\n".join(lines) + "\n"


_BRACKETS = {
    "question": ("{", "}"),
    "ask": ("{{", "}}"),
    "wait": ("(", ")"),
    "repeat": ("(", ")"),
    "call": ("[[", "]]"),
    "end": ("([", "])"),
}
_MERMAID_STYLES = {
    "page": "stroke:#c92a2a,stroke-width:3px",
    "notify": "stroke:#2b6cb0",
    "wait": "stroke-dasharray:5 3",
    "question": "stroke:#c99a06",
    "ask": "stroke:#0c8599",
    "statement": "stroke:#c2255c",
    "call": "stroke-width:3px",
    "end": "stroke:#2f8f4e",
}


def _mermaid_class(kind: str) -> str:
    """`end` is a word of Mermaid's own."""
    return "ends" if kind == "end" else f"{kind}s" if kind == "call" else kind


def svg(chart: Chart, walked: Sequence[str] = ()) -> str:
    """The chart as an SVG document; the nodes of `walked`, in the order in which they were walked, are lit."""
    sheet = sheet_of(chart)
    walked, steps = walked_on(chart, walked)
    panels = [_panel(sheet, title, entries) for title, entries in panels_of(sheet)]
    panels_width, top = _arrange(panels)
    legend, legend_width = _legend(sheet)
    sheet_width = max(panels_width, legend_width)
    body = [_text(MARGIN, 32, f"Crisis flowchart, owned by {chart.owner}", "title"), *legend]
    for panel in panels:
        body += _drawn(panel, frozenset(walked), steps)
    start = f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet_width}" height="{top}" '
    start += f'viewBox="0 0 {sheet_width} {top}" role="img" aria-label="Crisis flowchart">'
    return "\n".join([start, f"<style>{_STYLE}</style>", *body, "</svg>", ""])


# --- words ------------------------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _quoted(text: str) -> str:
    """A text inside a Mermaid label: nothing in it is markup."""
    clean = " ".join(_NOT_XML.sub("\ufffd", text).split())
    return "".join(f"#{ord(c)};" if c in '#"<>&`\\[]{}|' else c for c in clean)


def _escaped(text: str) -> str:
    return "".join(_ENTITIES.get(c, c) for c in _NOT_XML.sub("\ufffd", text))


def _text(x: int, y: int, text: str, kind: str = "", anchor: str = "") -> str:
    marks = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x}" y="{y}"{marks}>{_escaped(text)}</text>'


# --- panels -----------------------------------------------------------------------------------------------------------


@dataclass
class _Drawing:
    """One box: of which node, of what kind, and its lines as (class, text)."""

    node: str
    kind: str
    lines: list[tuple[str, str]]


@dataclass
class _Edge:
    """From box to box; `source` and `target` are the nodes behind them."""

    start: str
    end: str
    source: str
    target: str
    label: str


@dataclass
class _Panel:
    title: str
    drawings: dict[str, _Drawing] = field(default_factory=dict)
    edges: list[_Edge] = field(default_factory=list)
    placed: Placed = field(default_factory=lambda: Placed({}))
    x: int = 0
    y: int = 0

    @property
    def width(self) -> int:
        return max(self.placed.width, 9 * len(self.title)) + 2 * MARGIN

    @property
    def height(self) -> int:
        return self.placed.height + TITLE + 2 * PAD


def panels_of(sheet: Sheet) -> list[tuple[str, list[str]]]:
    """A panel's title and nodes: those that only one entry's walks come to, and one panel for all others."""
    seen_by: dict[str, list[str]] = {name: [] for name in sheet.main}
    for start in dict.fromkeys(sheet.entry.values()):
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if start not in seen_by[name]:
                seen_by[name].append(start)
                waiting += [target for _, target in sheet.ways(name)]
    panels: list[tuple[str, list[str]]] = []
    for start in dict.fromkeys(sheet.entry.values()):
        title = ", ".join(_plain(scenario) for scenario, name in sheet.entry.items() if name == start)
        own = [name for name in sheet.main if seen_by[name] == [start]]
        if own:
            panels.append((title, own))
    shared = [name for name in sheet.main if len(seen_by[name]) != 1]
    if any(not isinstance(sheet.nodes[name], End) for name in shared):
        panels.append(("what they share", shared))
    return [*panels, *((_plain(name), nodes) for name, nodes in sheet.subcharts.items())]


def _panel(sheet: Sheet, title: str, names: list[str]) -> _Panel:
    panel = _Panel(title)
    inside = [name for name in names if not isinstance(sheet.nodes[name], End)]
    rank = _first_seen(sheet, inside)
    for name in sorted(inside, key=lambda name: rank[name]):
        panel.drawings[name] = _drawing(sheet, name)
    named = _named_only(sheet, list(panel.drawings))
    for name in list(panel.drawings):
        for key, target in sheet.ways(name):
            end = target
            back = target in rank and rank[target] <= rank[name]
            if target not in panel.drawings or back or (name, target) in named:
                end = f"{name}\0{key}"
                panel.drawings[end] = _leaf(sheet, target, back=back)
            panel.edges.append(_Edge(name, end, name, target, label(sheet.nodes[name], key)))
    boxes = [Box(key, _width(panel, key), _height(panel.drawings[key])) for key in _as_read(panel)]
    panel.placed = layered(boxes, [(edge.start, edge.end) for edge in panel.edges])
    return panel


def _named_only(sheet: Sheet, names: list[str]) -> dict[tuple[str, str], None]:
    """The steps between these nodes, in drawing order, that would make too many lines to one node."""
    sources: dict[str, list[str]] = {}
    for name in names:
        for target in dict.fromkeys(target for _, target in sheet.ways(name)):
            sources.setdefault(target, []).append(name)
    many = {target: found for target, found in sources.items() if len(found) > MOST_SOURCES}
    return {(name, target): None for target, found in many.items() for name in found[:-1]}


def _first_seen(sheet: Sheet, names: list[str]) -> dict[str, int]:
    """A number per node such that every edge that leads to a lower one closes a circle: reversed depth-first finish."""
    done: dict[str, None] = {}
    opened: dict[str, None] = {}
    for start in names:
        stack = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                done[name] = None
            elif name not in opened:
                opened[name] = None
                stack.append((name, True))
                stack += [(target, False) for _, target in sheet.ways(name) if target in names]
    return {name: -i for i, name in enumerate(done)}


def _as_read(panel: _Panel) -> list[str]:
    """The boxes as one reads them, a branch at a time, so that `yes` mostly stands left of `no`."""
    inner = {edge.end for edge in panel.edges}
    order: dict[str, None] = {}
    waiting = [key for key in panel.drawings if key not in inner][::-1]
    while waiting:
        key = waiting.pop()
        if key not in order:
            order[key] = None
            waiting += [edge.end for edge in reversed(panel.edges) if edge.start == key]
    return list(order)


def _drawing(sheet: Sheet, name: str) -> _Drawing:
    node = sheet.nodes[name]
    kind = kind_of(node)
    lines = [("kind", f"{kind} · {_in_panel(name)}")]
    for words in words_of(node):
        lines += [("", line) for line in wrap(words, 26 if kind in ("question", "ask") else 30)]
    if isinstance(node, Question):
        lines += [("code", line) for line in wrap(node.when, 28)]
    return _Drawing(name, kind, lines)


def _leaf(sheet: Sheet, target: str, *, back: bool) -> _Drawing:
    node = sheet.nodes[target]
    if isinstance(node, End):
        return _Drawing(target, "end", [("", line) for line in wrap(node.end, 30)])
    return _Drawing(target, "stub", [("", line) for line in wrap(f"{'↩' if back else '→'} {_in_panel(target)}", 30)])


def _in_panel(name: str) -> str:
    """A node's name within its panel: a sub-chart's stands above it."""
    return name.rpartition("/")[2]


def _width(panel: _Panel, key: str) -> int:
    """Wide enough for the labels under it; what names a node is no wider than the name."""
    if panel.drawings[key].kind == "stub":
        return min(WIDTH, 8 * max(len(words) for _, words in panel.drawings[key].lines) + 2 * PAD)
    labels = [edge.label for edge in panel.edges if edge.start == key]
    if len(labels) <= 2:
        return WIDTH
    # labels stand on two lines in turn, so each has twice its share of the width
    return max(WIDTH + 64 * (len(labels) - 2), (len(labels) + 1) * (7 * max(map(len, labels)) // 2 + 8))


def _height(drawing: _Drawing) -> int:
    return LINE * len(drawing.lines) + 2 * PAD


def _arrange(panels: list[_Panel]) -> tuple[int, int]:
    """Set each panel as high as it fits, then as far left. Gives the size of the sheet."""
    for k, panel in enumerate(panels):
        before = panels[:k]
        spots = []
        for x in [MARGIN, *(other.x + other.width + MARGIN for other in before)]:
            if x > MARGIN and x + panel.width + MARGIN > SHEET_WIDTH:
                continue
            above = [o for o in before if o.x < x + panel.width + MARGIN and x < o.x + o.width + MARGIN]
            spots.append((max((other.y + other.height + MARGIN for other in above), default=90), x))
        panel.y, panel.x = min(spots)
    widest = max(panel.x + panel.width for panel in panels)
    return max(widest + MARGIN, 760), max(panel.y + panel.height for panel in panels) + MARGIN


# --- drawing ----------------------------------------------------------------------------------------------------------


def _legend(sheet: Sheet) -> tuple[list[str], int]:
    """What the shapes mean, of those that this chart has; and up to where it reaches."""
    used = {PALETTE.get(kind_of(node), kind_of(node)) for node in sheet.nodes.values()}
    out = []
    x = MARGIN
    for kind, words in _LEGEND:
        if kind not in used and kind != "stub":
            continue
        out.append(f'<g transform="translate({x} 50)">{_shape(kind, Box("", 22, 18), "")}{_text(29, 14, words)}</g>')
        x += 45 + 8 * len(words)
    return out, x


def _drawn(panel: _Panel, walked: frozenset[str], steps: frozenset[tuple[str, str]]) -> list[str]:
    out = [f'<g transform="translate({panel.x} {panel.y})">']
    out.append(f'<rect class="panel" width="{panel.width}" height="{panel.height}" rx="10"/>')
    out.append(_text(PAD + 4, 24, panel.title.capitalize(), "head"))
    out.append(f'<g transform="translate({MARGIN} {TITLE + PAD})">')
    labels = []
    for number, edge in enumerate(panel.edges):
        line, label = _edge(panel, number, edge, lit=(edge.source, edge.target) in steps)
        out.append(line)
        labels.append(label)
    for key, drawing in panel.drawings.items():
        box = panel.placed.boxes[key]
        lit = (
            drawing.node in walked and (drawing.kind != "end" or _reached(panel, key, steps)) and drawing.kind != "stub"
        )
        out.append(_shape(drawing.kind, box, " walked" if lit else ""))
        for i, (style, words) in enumerate(drawing.lines):
            out.append(_text(box.middle, box.y + PAD + 12 + LINE * i, words, style, "middle"))
    return [*out, *labels, "</g></g>"]


def _reached(panel: _Panel, key: str, steps: frozenset[tuple[str, str]]) -> bool:
    return any(edge.end == key and (edge.source, edge.target) in steps for edge in panel.edges)


def _shape(kind: str, box: Box, extra: str) -> str:
    x, y, width, height = box.x, box.y, box.width, box.height
    marks = f'class="box {PALETTE.get(kind, kind)}{extra}"'
    if kind in ("question", "ask"):
        cut, right, low, mid = min(12, width // 4), x + width, y + height, y + height // 2
        points = f"{x},{mid} {x + cut},{y} {right - cut},{y} {right},{mid} {right - cut},{low} {x + cut},{low}"
        return f'<polygon {marks} points="{points}"/>'
    round_by = height // 2 if kind in ("end", "stub") else 10 if kind in ("wait", "repeat") else 4
    return f'<rect {marks} x="{x}" y="{y}" width="{width}" height="{height}" rx="{min(round_by, 20)}"/>'


def _edge(panel: _Panel, number: int, edge: _Edge, *, lit: bool) -> tuple[str, str]:
    start, end = panel.placed.boxes[edge.start], panel.placed.boxes[edge.end]
    beside = [other for other in panel.edges if other.start == edge.start]
    beside.sort(key=lambda other: _heads_for(panel, other))
    share = start.width * (beside.index(edge) + 1) // (len(beside) + 1)
    points = [(start.x + share, start.y + start.height), *panel.placed.bends[number, edge.start, edge.end]]
    points.append((end.middle, end.y - 6))
    path = f"M{points[0][0]} {points[0][1]}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bow = (y1 - y0) // 2
        path += f" L{x1} {y1}" if x0 == x1 else f" C{x0} {y0 + bow} {x1} {y1 - bow} {x1} {y1}"
    x, y = points[-1]
    line = f'<path class="edge{" walked" if lit else ""}" d="{path}"/>'
    line += f'<path class="tip{" walked-tip" if lit else ""}" d="M{x - 5} {y - 3} L{x + 5} {y - 3} L{x} {y + 6} Z"/>'
    left = len(beside) > 1 and beside[0] is edge
    step = LINE * (beside.index(edge) % 2) if len(beside) > 2 else 0  # under many ways, one label higher, one lower
    return line, _beside((points[0][0], points[0][1] + step), edge.label, left=left)


def _beside(point: tuple[int, int], label: str, *, left: bool) -> str:
    """A label under the point where its edge begins, on the outer side."""
    if not label:
        return ""
    return _text(point[0] + (-8 if left else 8), point[1] + 13, label, "label", "end" if left else "")


def _heads_for(panel: _Panel, edge: _Edge) -> int:
    """Where an edge goes next, so that edges leave a box in that order and do not cross at once."""
    number = panel.edges.index(edge)
    bends = panel.placed.bends[number, edge.start, edge.end]
    return bends[0][0] if bends else panel.placed.boxes[edge.end].middle
