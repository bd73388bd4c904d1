"""`tocsin flowchart walk`, `test` and `show`, as the owner of a chart meets them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from alerting.flowchart import picture
from alerting.flowchart.model import ways_out
from tests.command import tocsin
from tests.tocsin.crises import journal, shipped_chart
from tocsin.checking import read_chart
from tocsin.journal import open_existing
from tocsin.rerun import walked_by

ROOT = Path(__file__).parents[2]
CHART = ROOT / "crisis_flowchart.yaml"
WALKS = ROOT / "tests" / "flowchart" / "walks"
COMMANDS = ("check", "show", "walk", "test", "explain", "diff", "coverage", "print")
NIGHT = """
about: A wave of anger at night
start: 2027-03-13T23:10:00+01:00
timezone: Europe/Amsterdam
facts: {scenario: backlash, severity: high}
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    """`--help` shows a call that somebody could type."""
    ran = tocsin("flowchart", command, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"tocsin flowchart {command}" in ran.out.split("Example", 1)[1]


def test_a_walk_says_who_is_woken_when_and_by_which_way(tmp_path: Path) -> None:
    """By name, in the hours of the zone; JSON for scripts."""
    (tmp_path / "night.yaml").write_text(NIGHT, encoding="utf-8")
    ran = tocsin("flowchart", "walk", tmp_path / "night.yaml", "--chart", CHART)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("A wave of anger at night\nSat 23:10:00 +0s")
    assert "-> wakes " in ran.out
    assert " by slack" in ran.out
    outcome = json.loads(tocsin("flowchart", "walk", tmp_path / "night.yaml", "--chart", CHART, "--json").out)
    assert outcome["path"][0] == read_chart(CHART).entry["backlash"]


def test_a_walk_that_comes_out_otherwise_fails_with_what_differs(tmp_path: Path) -> None:
    """Status 1, and the first difference."""
    (tmp_path / "night.yaml").write_text(f"{NIGHT}expect: {{ends: nowhere}}\n", encoding="utf-8")
    ran = tocsin("flowchart", "walk", tmp_path / "night.yaml", "--chart", CHART)
    assert ran.status == 1
    assert "ends: expected nowhere; it " in ran.err
    tested = tocsin("flowchart", "test", tmp_path, "--chart", CHART)
    assert tested.status == 1
    assert tested.out.startswith("FAILED night.yaml\n")


def test_a_walk_without_a_chart_says_where_it_looked(tmp_path: Path) -> None:
    """Beside it and above."""
    (tmp_path / "night.yaml").write_text(f"chart: elsewhere.yaml\n{NIGHT}", encoding="utf-8")
    ran = tocsin("flowchart", "walk", tmp_path / "night.yaml")
    assert ran.status == 2
    assert "the chart elsewhere.yaml is neither beside it nor above; name one with --chart" in ran.err
    assert "no walks (*.yaml)" in tocsin("flowchart", "test", tmp_path / "none").err


def test_the_example_walks_of_the_shipped_chart_come_out_as_they_say() -> None:
    """One line each, and what they cover."""
    ran = tocsin("flowchart", "test", WALKS)
    assert (ran.status, ran.err) == (0, ""), ran
    count = len(list(WALKS.glob("*.yaml")))
    assert sum(line.startswith("ok ") for line in ran.out.splitlines()) == count
    assert f"{count} walks, 0 failed; walked: " in ran.out
    found = json.loads(tocsin("flowchart", "test", WALKS, "--json").out)
    missing = found["coverage"]["missing"]
    chart = read_chart(CHART)
    ways = {(name, to) for name, node in chart.nodes.items() for _, to in ways_out(node)}
    assert len(missing) == len(chart.nodes) - found["coverage"]["nodes"] + len(ways) - found["coverage"]["edges"]


def test_an_incident_is_drawn_on_the_chart_it_walked(tmp_path: Path) -> None:
    """Its nodes are lit, in the drawing of the very version that it began with."""
    book = journal(tmp_path, "campaign_blunder", 1, chart=f"{shipped_chart()}\n# of last year\n")
    records = open_existing(book)
    incident = next(one.decision.incident for one in records.decisions() if one.decision.kind == "Page")
    records.close()
    chart, walked = walked_by(book, incident)
    assert chart.document.text.endswith("# of last year\n")
    assert walked[0] == chart.entry["campaign_blunder"]
    drawn = tmp_path / "walked.svg"
    ran = tocsin("flowchart", "show", "--incident", incident, "--journal", book, "--svg", drawn)
    assert ran.out == f"{drawn}: drawn.\n"
    assert drawn.read_text(encoding="utf-8") == picture.svg(chart, walked)
    lit = [one for one in ET.parse(drawn).iter() if "walked" in one.get("class", "")]
    assert len(lit) > len(set(walked))
    wrong = tocsin("flowchart", "show", "--incident", "nothing-1", "--journal", book)
    assert (wrong.status, incident in wrong.err) == (2, True)


def test_a_drawing_needs_a_chart_or_an_incident(tmp_path: Path) -> None:
    """And goes where it is told."""
    assert "name a flowchart, or an incident" in tocsin("flowchart", "show").err
    out = tmp_path / "chart.mmd"
    assert tocsin("flowchart", "show", CHART, "--mermaid", out).out == f"{out}: drawn.\n"
    assert out.read_text(encoding="utf-8").startswith("flowchart ")
