"""The drawing shows every node and way of a chart, nothing crosses in the shipped one, and no text in it is markup."""

import re
import shutil
import subprocess
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from alerting.facts import SCENARIOS
from alerting.flowchart.layout import Box, layered
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart, ways_out
from alerting.flowchart.picture import mermaid, svg

ROOT = Path(__file__).parents[2]
SHIPPED = load_chart((ROOT / "crisis_flowchart.yaml").read_text(encoding="utf-8"), "crisis_flowchart.yaml")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """<script>alert(1)</script>\\" onload=x ]]> &amp; `x` %% #quot; \\u202e \\x07"""


def _hostile() -> Chart:
    entries = "".join(f"  {scenario}: start\n" for scenario in (*SCENARIOS, "blind"))
    text = f'version: 1\nowner: "{HOSTILE}"\nlast_resort: ann\nresponders:\n  ann: {{name: A, slack: U0000ANN}}\n'
    text += f'entry:\n{entries}nodes:\n  start: {{question: "{HOSTILE}", when: mentions < 3, yes: stop, no: stop}}\n'
    return load_chart(f'{text}  stop: {{end: "{HOSTILE}"}}\n', "chart.yaml")


def test_every_node_and_way_is_in_the_mermaid_text() -> None:
    lines = mermaid(SHIPPED).splitlines()
    written = SHIPPED.written
    nodes = [*written.nodes.values(), *(node for sub in written.subcharts.values() for node in sub.nodes.values())]
    ways = sum(len(ways_out(node)) for node in nodes)
    assert sum(" -->" in line for line in lines) == ways + len(SHIPPED.entry)
    assert sum(":::" in line for line in lines) == len(nodes)


def test_every_node_is_in_the_svg_which_needs_nothing_from_elsewhere() -> None:
    drawn = svg(SHIPPED)
    root = ET.fromstring(drawn)
    words = " ".join(text for element in root.iter(f"{SVG}text") if (text := element.text))
    for name, node in SHIPPED.nodes.items():
        assert SHIPPED.local_name(name) in words or getattr(node, "end", "?").split()[0] in words
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(|<image|<script|href", drawn)


def test_every_kind_of_node_is_drawn_and_a_sub_chart_once_in_a_panel_of_its_own() -> None:
    text = (Path(__file__).parent / "full.yaml").read_text(encoding="utf-8")
    chart = load_chart(text, "full.yaml")
    walked = [*("is_it_bad", "lead", "lead/wake_pr", "lead/tell_legal", "lead/somebody_has_it"), "is_it_true"]
    root = ET.fromstring(svg(chart, walked))
    words = " ".join(element.text or "" for element in root.iter(f"{SVG}text"))
    assert words.count("page · wake_pr") == 1
    for kind in ("ask", "statement", "repeat", "escalate", "open_channel", "mobilise", "brief", "call"):
        assert f"{kind} · " in words
    lit = [element for element in root.iter() if "walked" in element.get("class", "").split()]
    # going into a sub-chart and coming out of it is no line; from the call to what comes after it is one
    assert sum(element.tag == f"{SVG}path" for element in lit) == 4
    lines = mermaid(chart).splitlines()
    assert sum(":::" in line for line in lines) == len(chart.written.nodes) + 4
    assert sum(" -.-> " in line for line in lines) == 1


def test_hostile_text_stays_text() -> None:
    root = ET.fromstring(svg(_hostile()))
    kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert kinds == {"svg", "style", "text", "g", "rect", "polygon", "path"}
    assert not any("onload" in name for element in root.iter() for name in element.attrib)
    assert any("<script>" in (element.text or "") for element in root.iter(f"{SVG}text"))
    said = mermaid(_hostile())
    assert "<script>" not in said
    assert '"#60;script#62;' in said
    assert said.count('"') % 2 == 0


def test_a_walked_path_is_lit_and_nothing_else_is() -> None:
    walked = ["backlash_is_critical", "backlash_is_high", "backlash_looks_coordinated", "wake_pr", "wake_head"]
    root = ET.fromstring(svg(SHIPPED, walked))
    lit = [element for element in root.iter() if "walked" in element.get("class", "").split()]
    assert sum(element.tag != f"{SVG}path" for element in lit) == len(walked)
    assert sum(element.tag == f"{SVG}path" for element in lit) == len(walked) - 1
    assert "walked" not in svg(SHIPPED).split("</style>")[1]


def test_no_two_lines_of_the_shipped_drawing_cross_and_no_two_boxes_touch() -> None:
    root = ET.fromstring(svg(SHIPPED))
    panels = [
        group for group in root if group.tag == f"{SVG}g" and group.find(f"{SVG}rect[@class='panel']") is not None
    ]
    assert len(panels) == len(SHIPPED.entry) + 1 + len(SHIPPED.written.subcharts)
    for panel in panels:
        inner = panel.find(f"{SVG}g")
        assert inner is not None
        boxes = [_rectangle(element) for element in inner if element.get("class", "").startswith("box")]
        for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(boxes, 2):
            assert ax + aw < bx or bx + bw < ax or ay + ah < by or by + bh < ay
        lines = [_points(element.get("d", "")) for element in inner if element.get("class") == "edge"]
        for one, other in combinations(lines, 2):
            assert not any(_cross(p, q, r, s) for p, q in pairwise(one) for r, s in pairwise(other))


def _rectangle(element: ET.Element) -> tuple[int, int, int, int]:
    if element.tag == f"{SVG}rect":
        return tuple(int(element.get(key, "")) for key in ("x", "y", "width", "height"))  # type: ignore[return-value]
    points = [tuple(map(int, point.split(","))) for point in element.get("points", "").split()]
    left, top = min(x for x, _ in points), min(y for _, y in points)
    return left, top, max(x for x, _ in points) - left, max(y for _, y in points) - top


def _points(path: str) -> list[tuple[float, float]]:
    """A path of M, L and C as a fine polyline."""
    points: list[tuple[float, float]] = []
    for command, numbers in re.findall(r"([MLC])([-\d. ]+)", path):
        xs = [float(number) for number in numbers.split()]
        pairs = list(zip(xs[::2], xs[1::2], strict=True))
        if command != "C":
            points += pairs
            continue
        start, (one, two, end) = points[-1], pairs
        for step in range(1, 9):
            t = step / 8
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            corners = (start, one, two, end)
            points.append(tuple(sum(w * c[k] for w, c in zip(weights, corners, strict=True)) for k in (0, 1)))  # type: ignore[arg-type]
    return points


def _cross(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float], s: tuple[float, float]) -> bool:
    def side(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return side(p, q, r) * side(p, q, s) < 0 and side(r, s, p) * side(r, s, q) < 0


def test_the_layout_keeps_rows_order_and_gaps() -> None:
    boxes = [Box(key, 100, 40) for key in "abcdef"]
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "d"), ("d", "e"), ("d", "f")]
    placed = layered(boxes, edges)
    for start, end in edges:
        assert placed.boxes[start].y + placed.boxes[start].height < placed.boxes[end].y
    assert placed.boxes["e"].x + 100 < placed.boxes["f"].x
    assert len(placed.bends[4, "a", "d"]) == 2
    assert layered([], []).height == 0


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_browser_draws_it(tmp_path: Path) -> None:
    (tmp_path / "chart.svg").write_text(svg(SHIPPED), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    command += [f"--screenshot={tmp_path}/chart.png", "--window-size=2000,2400", f"file://{tmp_path}/chart.svg"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "chart.png").stat().st_size > 50_000


def test_what_the_shapes_mean_is_within_the_sheet_whatever_else_stands_on_it() -> None:
    """A small chart with every kind of node is narrower than the list of its kinds."""
    nodes = """
      start: {question: "Is it bad?", when: mentions < 3, yes: ask_them, no: stop}
      ask_them: {ask: "Is it true?", of: ann, within: 5m, answers: {yes: say, no: stop}, if_no_answer: stop}
      say: {statement: words, written_by: ann, approve_by: bob, within: 5m, then: wake, if_not_approved: wake}
      wake: {page: ann, by: [slack], acknowledge_within: 5m, if_not_acknowledged: tell, then: tell}
      tell: {notify: bob, by: [slack], then: rest}
      rest: {wait: 5m, then: lead}
      lead: {call: lead, then: stop}
      stop: {end: "Over"}
    """
    entries = "".join(f"  {scenario}: start\n" for scenario in (*SCENARIOS, "blind"))
    text = "version: 1\nowner: PR\nlast_resort: ann\nresponders:\n"
    text += "  ann: {name: A, slack: U0000ANN}\n  bob: {name: B, slack: U0000BOB}\n"
    text += "statements: {words: {en: We know.}}\n"
    text += 'subcharts:\n  lead: {entry: on, nodes: {on: {end: "Led"}}}\n'
    chart = load_chart(f"{text}entry:\n{entries}nodes:{nodes}", "chart.yaml")
    for drawn in (svg(chart), svg(SHIPPED), svg(SHIPPED, ["start"])):
        root = ET.fromstring(drawn)
        legend = [one for one in root.findall(f"{SVG}g") if one.get("transform", "").endswith(" 50)")]
        names = [one.find(f"{SVG}text") for one in legend]
        ends = [
            int(re.findall(r"\d+", one.get("transform", ""))[0])
            + 29
            + 8 * len((name.text or "") if name is not None else "")
            for one, name in zip(legend, names, strict=True)
        ]
        assert len(ends) >= 6
        assert max(ends) <= int(root.get("width", "0"))
