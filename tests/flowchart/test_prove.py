"""Somebody is reached in every situation: what `prove` says holds, and what it says does not can be walked."""

import dataclasses
import json
import time
from functools import cache
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from alerting.facts import SCENARIOS
from alerting.flowchart.load import ChartError, load_chart
from alerting.flowchart.model import Chart
from alerting.flowchart.prove import NEEDS_MS, Hole, Plan, Proof, prove
from alerting.flowchart.walk_file import read_walk
from alerting.flowchart.walking import differences, walked
from alerting.roster import Roster, expand
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339
from tests.flowchart.brute_force import Case, World, falls_through
from tests.flowchart.mutants import Data, Mutant, gap_free, load, mutants, ready
from tests.flowchart.random_charts import facts_asked, random_chart
from tocsin.cli import app

ROOT = Path(__file__).parents[2]
ZONE = "Europe/Amsterdam"
CLOCK_GOES_BACK_MS = parse_rfc3339("2027-10-31T03:00:00+02:00")
"""In Amsterdam."""
FROM_MS = parse_rfc3339("2027-10-25T00:00:00+02:00")

LADDER = """
version: 1
owner: Head of communications
last_resort: [boss]
promise_pages: {high: 5m, critical: 5m}
responders:
  ann: {name: Ann, slack: U0000ANN, phone: "+31 20 555 0101"}
  bob: {name: Bob, slack: U0000BOB, phone: "+31 20 555 0102"}
  boss: {name: Bo, slack: U000BOSS, phone: "+31 20 555 0100"}
entry: {viral_complaint: FIRST, backlash: FIRST, campaign_blunder: FIRST, data_security: FIRST,
        service_outage: FIRST, blind: wake}
nodes:
NODES
  wake: {page: ann, by: [slack, phone], acknowledge_within: 10m, if_not_acknowledged: wake_boss, then: done}
  wake_boss: {page: [boss, bob], by: [slack, phone], then: done}
  done: {end: Somebody has it.}
"""


def _chart(nodes: str = "", first: str = "wake") -> Chart:
    """A ladder of two rungs, with other nodes before it."""
    indented = "\n".join(f"  {line}" for line in nodes.strip().splitlines())
    return load_chart(LADDER.replace("FIRST", first).replace("NODES", indented), "chart.yaml")


def _rosters(chart: Chart, from_ms: int, until_ms: int, calendar: str = "") -> dict[str, Roster]:
    return {
        name: expand(spec, from_ms - DAY_MS, until_ms + NEEDS_MS, calendar if spec.calendar else None, name=name)
        for name, spec in chart.written.rosters.items()
    }


def _proved(chart: Chart, *, from_ms: int = FROM_MS, days: int = 10, calendar: str = "") -> Proof:
    until_ms = from_ms + days * DAY_MS
    return prove(chart, Plan(from_ms, until_ms, ZONE), _rosters(chart, from_ms, until_ms, calendar))


def _falls(proof: Proof) -> set[tuple[str, str]]:
    return {(hole.kind, hole.node) for hole in proof.holes}


@cache
def _shipped() -> Data:
    return ready((ROOT / "crisis_flowchart.yaml").read_text(encoding="utf-8"))


# --- the shipped chart ------------------------------------------------------------------------------------------------


def test_the_shipped_chart_holds_for_ninety_days_in_well_under_half_a_minute() -> None:
    began = time.process_time()
    proof = _proved(load(_shipped()), from_ms=parse_rfc3339("2027-02-01T00:00:00+01:00"), days=90)
    assert proof.holes == ()
    assert time.process_time() - began < 30
    assert proof.worst_ms <= 5 * MINUTE_MS
    assert proof.worst_broken_ms <= 15 * MINUTE_MS
    assert proof.situations > 100


# --- faults -----------------------------------------------------------------------------------------------------------


def _shows(mutant: Mutant, chart: Chart, hole: Hole) -> bool:
    """Whether a hole is the mutant's own, and its walk file does what it says when it is walked."""
    if hole.kind not in mutant.kinds or mutant.scenario not in [s.scenario for s in (hole.situation, *hole.alike)]:
        return False
    read = read_walk(hole.walk, "hole.yaml")
    outcome = walked(chart, read, _rosters(chart, FROM_MS, FROM_MS + 20 * DAY_MS, mutant.calendar))
    return hole.shown and (read.file.expect is None or differences(outcome, read.file.expect) == [])


def _found(scenarios: tuple[str, ...]) -> tuple[int, list[str]]:
    """How many mutants of these scenarios pass the check, and which of them are not found out."""
    passed, missed = 0, []
    for mutant in mutants(_shipped(), scenarios):
        try:
            chart = load(mutant.data)
        except ChartError:
            continue
        passed += 1
        proof = _proved(chart, days=7, calendar=mutant.calendar)
        if not all(hole.shown for hole in proof.holes) or not any(_shows(mutant, chart, hole) for hole in proof.holes):
            missed.append(mutant.name)
    return passed, missed


def test_thirty_slips_in_the_shipped_chart_are_found_each_with_a_walk_that_shows_it() -> None:
    passed, missed = _found(("viral_complaint",))
    assert missed == []
    assert passed >= 30


@pytest.mark.proof
def test_every_slip_in_every_scenario_is_found() -> None:
    passed, missed = _found(SCENARIOS)
    assert missed == []
    assert passed >= 150


def test_an_hour_that_is_nobodys_from_the_night_on_which_the_clock_changes_is_found_and_none_before() -> None:
    mutant = next(one for one in mutants(_shipped(), SCENARIOS[:1]) if one.name.startswith("one_rota"))
    chart = load(mutant.data)
    gap = next(hole for hole in _proved(chart, calendar=mutant.calendar).holes if _is_never(hole))
    assert gap.kind == "vacant"
    # the night ends at 6:00 UTC, which is 8 o'clock in summer and 7 from that night on
    assert (gap.start_ms, gap.until_ms) == (CLOCK_GOES_BACK_MS + 5 * HOUR_MS, CLOCK_GOES_BACK_MS + 6 * HOUR_MS)
    mended = _proved(chart, calendar=gap_free(mutant).calendar)
    assert not [hole for hole in mended.holes if _is_never(hole)]


def _is_never(hole: Hole) -> bool:
    return hole.situation.behaviour.kind == "never"


# --- what is known and what is not --------------------------------------------------------------------------------


def test_a_good_ladder_holds_and_the_worst_case_is_named() -> None:
    proof = _proved(_chart())
    assert proof.holes == ()
    assert proof.worst_ms == 0
    assert proof.worst_broken_ms == 10 * MINUTE_MS
    assert "ann cannot be reached" in proof.worst_broken
    assert "boss" in proof.worst_broken


def test_both_branches_of_a_question_about_unknown_facts_are_taken() -> None:
    nodes = "big: {question: Is it big?, when: mentions > 100, yes: wake, no: done}"
    assert ("dry", "done") in _falls(_proved(_chart(nodes, "big")))


def test_questions_of_one_instant_are_asked_of_the_same_facts() -> None:
    nodes = """
huge: {question: Is it huge?, when: mentions > 100, yes: big, no: wake}
big: {question: Is it big?, when: mentions > 50, yes: wake, no: done}
"""
    assert _proved(_chart(nodes, "huge")).holes == ()
    other = nodes.replace("mentions > 50", "mentions > 500")
    assert ("dry", "done") in _falls(_proved(_chart(other, "huge")))


def test_facts_may_change_while_a_walk_waits() -> None:
    nodes = """
huge: {question: Is it huge?, when: mentions > 100, yes: pause, no: wake}
pause: {wait: 2m, then: big}
big: {question: Is it big?, when: mentions > 50, yes: wake, no: done}
"""
    proof = _proved(_chart(nodes, "huge"))
    assert _falls(proof) == {("dry", "done")}
    assert all(hole.shown and "later" in yaml.safe_load(hole.walk) for hole in proof.holes)


def test_the_hour_is_known_at_every_instant_of_a_walk() -> None:
    """A walk begun at 7:58 asks at 8:00: only those begun within two minutes before 8 get through to the second."""
    nodes = """
early: {question: Is it before eight?, when: hour < 8, yes: pause, no: wake}
pause: {wait: 2m, then: still}
still: {question: Is it still?, when: hour < 8, yes: wake, no: done}
"""
    proof = _proved(_chart(nodes, "early"))
    hole = next(hole for hole in proof.holes if hole.situation.behaviour.kind == "never")
    eight_ms = parse_rfc3339("2027-10-25T08:00:00+02:00")
    assert (hole.start_ms, hole.until_ms) == (eight_ms - 2 * MINUTE_MS, eight_ms)


def test_a_wait_until_an_hour_ends_at_the_first_look_after_it() -> None:
    nodes = 'sleep: {wait: 12h, until: "hour >= 8", then: wake}'
    proof = _proved(_chart(nodes, "sleep"))
    hole = next(hole for hole in proof.holes if hole.situation.behaviour.kind == "never")
    assert hole.kind == "late"
    assert hole.shown
    assert "ann is the first human to be reached, after" in hole.consequence


def test_risk_classes_are_gone_through_where_a_condition_asks_for_them() -> None:
    nodes = """risky: {question: Is it?, when: '!("death" in risks && severity == "high")', yes: wake, no: done}"""
    (hole, *_) = _proved(_chart(nodes, "risky")).holes
    assert hole.situation.severity == "high"
    assert "death" in hole.situation.risks


def test_slack_down_must_not_silence_a_critical_page_and_is_said_of_lesser_ones() -> None:
    text = LADDER.replace("FIRST", "wake").replace("NODES", "").replace("by: [slack, phone], ", "")
    proof = _proved(load_chart(text, "chart.yaml"))
    assert {(hole.kind, hole.situation.behaviour.kind, hole.situation.severity) for hole in proof.holes} == {
        ("vacant", "slack_down", "critical")
    }
    assert any("with Slack down nobody is reached at high" in line for line in proof.said)


def test_a_chart_may_promise_more_or_less_than_five_minutes() -> None:
    nodes = "pause: {wait: 8m, then: wake}"
    assert ("late", "pause") in _falls(_proved(_chart(nodes, "pause")))
    until_ms = FROM_MS + DAY_MS
    patient = prove(_chart(nodes, "pause"), Plan(FROM_MS, until_ms, ZONE, bound_ms=20 * MINUTE_MS))
    assert patient.holes == ()
    assert patient.worst_ms == 8 * MINUTE_MS


def test_a_kind_of_node_that_the_proof_does_not_know_is_never_passed_over() -> None:
    chart = _chart()
    strange = dataclasses.replace(chart, nodes={**chart.nodes, "wake": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="no proof knows this kind of node"):
        _proved(strange)


# --- against brute force ----------------------------------------------------------------------------------------------

BEGINS_MS = parse_rfc3339("2027-03-01T08:50:00+01:00")
"""Ten minutes before nine, when the roster hands over, an hour begins and so do business hours."""
ENDS_MS = BEGINS_MS + 20 * MINUTE_MS
BEYOND_MS = 10 * MINUTE_MS
BROKEN = ("unreachable", "slack_down")
BEHAVIOURS = (
    *(("at_once", ""), ("late", ""), ("wrong_person", ""), ("never", ""), ("slack_down", "")),
    *(("unreachable", "ann"), ("unreachable", "bob"), ("unreachable", "cat")),
)
BOUNDS = {"medium": 0, "high": 3 * MINUTE_MS, "critical": 2 * MINUTE_MS}


def _disagreements(seed: int, scenarios: tuple[str, ...], severities: tuple[str, ...]) -> tuple[list[str], int]:
    """Where proof and brute force differ on a random chart, and how many of the cases let somebody fall."""
    chart = random_chart(seed)
    rosters = _rosters(chart, BEGINS_MS, ENDS_MS)
    proof = prove(chart, Plan(BEGINS_MS, ENDS_MS, ZONE, beyond_ms=BEYOND_MS), rosters)
    fell = {situation for hole in proof.holes for situation in (hole.situation, *hole.alike)}
    proved = {(one.scenario, one.severity, *one.behaviour) for one in fell}
    starts = tuple(range(BEGINS_MS, ENDS_MS, MINUTE_MS))
    world = World(chart, rosters, ZONE, starts, ENDS_MS + BEYOND_MS, facts_asked(chart))
    differ = [f"{seed}: {hole.kind} at {hole.node} is not shown by its walk" for hole in proof.holes if not hole.shown]
    falls = 0
    for case in _cases(scenarios, severities):
        tried = falls_through(world, case)
        falls += tried
        key = (case.scenario, case.severity, case.behaviour, case.who)
        # nobody is tried as out of reach before whom a walk runs dry even with everybody in reach
        known = case.behaviour == "unreachable" and (case.scenario, case.severity, "never", "") in proved
        if tried != (key in proved) and not (tried and known):
            differ.append(f"{seed}: {case}: brute force {tried}, proof {not tried}")
    return differ, falls


def _cases(scenarios: tuple[str, ...], severities: tuple[str, ...]) -> list[Case]:
    return [
        Case(scenario, severity, kind, who, 5 * MINUTE_MS if kind in BROKEN and BOUNDS[severity] else BOUNDS[severity])
        for scenario in scenarios
        for severity in severities
        for kind, who in BEHAVIOURS
        if kind != "slack_down" or severity == "critical"
    ]


def test_sixty_random_charts_fall_in_just_the_cases_in_which_brute_force_says_so() -> None:
    differ: list[str] = []
    falls = 0
    for seed in range(60):
        found, fell = _disagreements(seed, ("backlash",), (("medium", "high", "critical")[seed % 3],))
        differ += found
        falls += fell
    assert differ == []
    assert 100 < falls < 350  # of some 440: they are right often enough, and wrong often enough


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_a_thousand_random_charts_fall_in_just_the_cases_in_which_brute_force_says_so() -> None:
    differ = [
        line
        for seed in range(1000)
        for line in _disagreements(seed, ("viral_complaint", "backlash"), ("medium", "high", "critical"))[0]
    ]
    assert differ == []


# --- the command ------------------------------------------------------------------------------------------------------


def _written(directory: Path, nodes: str, first: str) -> Path:
    indented = "\n".join(f"  {line}" for line in nodes.strip().splitlines())
    path = directory / "chart.yaml"
    path.write_text(LADDER.replace("FIRST", first).replace("NODES", indented), encoding="utf-8")
    return path


def test_the_command_says_that_a_chart_holds_and_what_it_assumes(tmp_path: Path) -> None:
    path = _written(tmp_path, "", "wake")
    told = CliRunner().invoke(app, ["flowchart", "prove", str(path), "--days", "7", "--from", "2027-03-25"])
    assert told.exit_code == 0
    assert f"{path}: holds: " in told.stdout
    assert "worst with something broken: a human within 10m" in told.stdout
    assert "assumed: one thing is broken at a time" in told.stdout


def test_the_command_writes_walks_that_walk_reproduces(tmp_path: Path) -> None:
    path = _written(tmp_path, "big: {question: Is it big?, when: mentions > 100, yes: wake, no: done}", "big")
    command = ["flowchart", "prove", str(path), "--days", "7", "--from", "2027-03-25", "--walks", str(tmp_path / "w")]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 1
    files = sorted((tmp_path / "w").iterdir())
    assert files
    line = path.read_text(encoding="utf-8").splitlines().index("  done: {end: Somebody has it.}") + 1
    assert f"{path}:{line}:3: hole 1 at `done`: the walk ends here and has paged nobody" in told.stdout
    assert "cure: lead viral_complaint at high to a page instead of `done`" in told.stdout
    for file in files:
        assert CliRunner().invoke(app, ["flowchart", "walk", str(file), "--chart", str(path)]).exit_code == 0


def test_the_command_gives_a_script_every_hole_with_its_walk(tmp_path: Path) -> None:
    path = _written(tmp_path, "pause: {wait: 8m, then: wake}", "pause")
    told = CliRunner().invoke(app, ["flowchart", "prove", str(path), "--days", "1", "--json"])
    result = json.loads(told.stdout)
    assert (told.exit_code, result["holds"]) == (1, False)
    hole = result["holes"][0]
    assert (hole["kind"], hole["node"], hole["shown"]) == ("late", "pause", True)
    assert read_walk(hole["walk"], "hole.yaml").file.expect is not None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--days", "0"], "--days 0: allowed are 1 to 400"),
        (["--from", "soon"], "--from soon: is no instant"),
        (["--bound", "5"], "--bound: "),
        (["--timezone", "Mars"], "--timezone: no such time zone"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_one_plain_line(tmp_path: Path, flags: list[str], said: str) -> None:
    told = CliRunner().invoke(app, ["flowchart", "prove", str(_written(tmp_path, "", "wake")), *flags])
    assert told.exit_code != 0
    assert said in str(told.exception)
