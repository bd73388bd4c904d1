"""What of a chart was exercised: by example walks, by what happened in earnest; and what to drill next."""

from pathlib import Path

import pytest

from tests.command import tocsin
from tests.tocsin.crises import journal, shipped_chart
from tocsin.checking import read_chart
from tocsin.coverage import Coverage, Exercised, Ledger, coverage_lines
from tocsin.walks import covered, edges_of, run_all

ROOT = Path(__file__).parents[2]
CHART = read_chart(ROOT / "crisis_flowchart.yaml")
WALKS = ROOT / "tests" / "flowchart" / "walks"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a day that ended in an outage."""
    return journal(tmp_path_factory.mktemp("outage"), "service_outage", 1, chart=shipped_chart())


@pytest.fixture(scope="module")
def lived(book: Path) -> Coverage:
    """What that day exercised."""
    ledger = Ledger(CHART)
    ledger.journal(book, "incident")
    return ledger.coverage()


def by_name(items: tuple[Exercised, ...]) -> dict[str, Exercised]:
    """By the name of the node, way or person."""
    return {one.name: one for one in items}


def test_a_real_incident_exercises_what_it_walked_and_whom_it_woke(lived: Coverage) -> None:
    """With the time of it; and nothing of another scenario."""
    walked = [one.name for one in lived.nodes if one.last_ms]
    begun = {scenario for scenario, node in CHART.entry.items() if node in walked}
    assert begun
    assert begun <= {"service_outage", "backlash"}  # people may be angry before most of them say that it is down
    assert all(one.by == ("incident",) for one in lived.nodes if one.by)
    edges = {f"{start} -> {end}" for start, end in edges_of(CHART)}
    assert {one.name for one in lived.ways} == edges
    assert any(one.last_ms for one in lived.ways)
    assert [one.name for one in lived.people if one.last_ms]


def test_walks_count_but_have_no_time() -> None:
    """An example walk exercises a node, and says nothing of when somebody last did."""
    chart, tested = run_all(WALKS)
    ledger = Ledger(chart)
    ledger.walks(tested)
    found = ledger.coverage()
    cover = covered(chart, (one.outcome.path for one in tested))
    assert sum(1 for one in found.nodes if one.by == ("walk",)) == cover.nodes
    assert sum(1 for one in found.ways if one.by == ("walk",)) == cover.edges
    assert not any(one.last_ms for one in (*found.nodes, *found.ways, *found.people))


def test_the_next_drill_walks_what_nobody_walked(lived: Coverage) -> None:
    """From an entry to where it ends, through a page, mostly where nobody has been."""
    ways = by_name(lived.ways)
    drill = list(zip(lived.drill, lived.drill[1:], strict=False))
    assert lived.drill[0] == CHART.entry[lived.scenario]
    assert all(f"{start} -> {end}" in ways for start, end in drill)
    assert any(not ways[f"{start} -> {end}"].last_ms for start, end in drill)


def test_what_was_never_exercised_is_named(lived: Coverage) -> None:
    """Line by line, and the drill last."""
    lines = list(coverage_lines(lived))
    assert any(line.startswith("nodes: ") for line in lines)
    assert f"  never: {CHART.entry['data_security']}" in lines
    assert lines[-1].startswith("next drill: ")


def test_the_command_adds_up_walks_and_journals(book: Path) -> None:
    """Any number of either; a drill's journal counts as a drill."""
    ran = tocsin("flowchart", "coverage", ROOT / "crisis_flowchart.yaml", WALKS, "--drill", book, "--json")
    assert (ran.status, ran.err) == (0, "")
    assert '"by": ["walk", "drill"]' in ran.out
    assert tocsin("flowchart", "coverage", ROOT / "crisis_flowchart.yaml").status == 2
