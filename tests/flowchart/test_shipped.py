"""The shipped chart is good enough to adopt: in order, proved, and every way through it walked by an example."""

import time
from functools import cache
from pathlib import Path

import pytest

from alerting.facts import BLIND, SCENARIOS, SEVERITIES
from alerting.flowchart.check import overdue, uncovered, warnings_of
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Ask, Chart, Page, Statement
from alerting.flowchart.prove import NEEDS_MS, Plan, prove
from alerting.flowchart.prove_people import RINGS
from alerting.flowchart.walk_file import read_walk
from alerting.flowchart.walking import Outcome, walked
from alerting.roster import Roster, expand
from stream.codec import DAY_MS, MINUTE_MS, parse_rfc3339
from tocsin import walks

ROOT = Path(__file__).parents[2]
WALKS = Path(__file__).parent / "walks"
CHART = load_chart((ROOT / "crisis_flowchart.yaml").read_text(encoding="utf-8"), "crisis_flowchart.yaml")
ZONE = "Europe/Amsterdam"
FROM_MS = parse_rfc3339("2027-02-15T00:00:00+01:00")
ROLES = (
    *("community_manager", "webcare_lead", "pr_on_call", "head_of_communications", "legal", "it_security"),
    *("customer_service", "customer_experience", "marketing", "agencies_and_partners", "executive", "reserve_team"),
    "operations",
)


@cache
def _rosters() -> dict[str, Roster]:
    until_ms = FROM_MS + 90 * DAY_MS + NEEDS_MS
    return {name: expand(spec, FROM_MS, until_ms, None, name=name) for name, spec in CHART.written.rosters.items()}


@cache
def _examples() -> tuple[Chart, list[walks.Tested]]:
    return walks.run_all(WALKS)


def _if_nobody_answers(scenario: str, severity: str, more: str = "") -> Outcome:
    text = f"start: 2027-03-02T03:00:00+01:00\nfacts: {{scenario: {scenario}, severity: {severity}}}\n{more}"
    return walked(CHART, read_walk(text, "w.yaml"), _rosters())


def test_it_is_in_order_without_a_warning_and_somebody_is_always_on_call() -> None:
    """Nothing odd, no gap in a roster over 90 days with a clock change in them, no review missed when it was made."""
    assert warnings_of(CHART) == []
    assert uncovered(CHART, _rosters()) == []
    assert overdue(CHART, "2026-11-22") == []
    assert all(template.owner and template.review_by for template in CHART.written.statements.values())


def test_forty_example_walks_come_through_every_node_and_every_way() -> None:
    """Each does what it says, and together they leave nothing out."""
    chart, tested = _examples()
    assert len(tested) >= 40
    assert [(one.path.name, one.differences) for one in tested if one.differences] == []
    assert all(one.situation.file.expect is not None and one.situation.file.about for one in tested)
    cover = walks.covered(chart, (one.outcome.path for one in tested))
    assert cover.missing == []
    assert (cover.nodes, cover.edges) == (cover.of_nodes, cover.of_edges)


def test_the_example_walks_are_of_every_scenario_at_every_severity() -> None:
    """And some of them with nobody who answers, with Slack down, with one out of reach, and on a clock's night."""
    files = [one.situation.file for one in _examples()[1]]
    seen = {(file.facts["scenario"], file.facts["severity"]) for file in files}
    assert [pair for pair in ((a, b) for a in SCENARIOS for b in SEVERITIES) if pair not in seen] == []
    for scenario in SCENARIOS:
        assert any(file.facts["scenario"] == scenario and not file.behaviour.acknowledge for file in files)
    assert any(file.behaviour.slack == "down" for file in files)
    assert any(file.behaviour.unreachable for file in files)


def test_it_is_proved_for_ninety_days_in_well_under_half_a_minute() -> None:
    """With its rosters, over a clock change; also with Slack down, or with somebody out of reach."""
    began = time.monotonic()
    proof = prove(CHART, Plan(FROM_MS, FROM_MS + 90 * DAY_MS, ZONE), _rosters())
    assert time.monotonic() - began < 30
    assert proof.holes == ()
    assert proof.worst_ms <= 5 * MINUTE_MS
    assert proof.worst_broken_ms <= 15 * MINUTE_MS


def test_every_trade_that_a_crisis_needs_has_a_role_with_somebody_in_it() -> None:
    """And whoever is first to be woken takes turns with others."""
    assert [role for role in ROLES if not CHART.people((role,))] == []
    for role in ("pr_on_call", "operations"):
        assert CHART.roles[role].roster
        assert len(CHART.people((role,))) >= 3


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_low_and_medium_wake_nobody_and_high_and_critical_do(scenario: str) -> None:
    """High: the next rung after ten minutes, five for data. Critical: two people at once, then five, and it rings."""
    for severity in ("low", "medium"):
        assert _if_nobody_answers(scenario, severity).pages == ()
    high = _if_nobody_answers(scenario, "high").pages
    assert high[0].after_ms == 0
    assert high[1].after_ms == (5 if scenario == "data_security" else 10) * MINUTE_MS
    critical = _if_nobody_answers(scenario, "critical").pages
    assert len(critical[0].people) >= 2
    assert critical[1].after_ms == 5 * MINUTE_MS
    rung = _if_nobody_answers(scenario, "critical", "behaviour: {slack: down}\n").pages
    assert all(way == "phone" for page in rung for _, way in page.reached)
    assert all(len(page.reached) == len(page.people) for page in rung)


def test_our_own_blindness_wakes_operations_and_never_pr() -> None:
    """That is no crisis of the brand's."""
    pages = _if_nobody_answers(BLIND, "medium").pages
    operations = CHART.people(("operations", "operations_lead"))
    assert pages
    assert all(person in operations for page in pages for person in page.people)


def test_the_first_questions_come_in_the_order_of_a_handbook() -> None:
    """What happened, is it true, who is at risk, whose is it, who speaks; each has its time."""
    asked = [node for node in CHART.written.subcharts["first_questions"].nodes.values() if isinstance(node, Ask)]
    assert [node.ask for node in asked] == [
        *("Do we know what happened?", "Is it true?", "Is anybody hurt, or at risk?", "Whose is it?", "Who speaks?"),
    ]
    assert all(node.within <= 30 * MINUTE_MS for node in asked)


def test_there_are_words_for_every_scenario_in_both_languages_and_two_who_can_approve_them() -> None:
    """So that no statement waits for one person; the words name the brand."""
    offered = [node for node in CHART.nodes.values() if isinstance(node, Statement)]
    assert len(offered) == len(SCENARIOS) + 1
    for node in offered:
        texts = CHART.written.statements[node.statement].texts
        assert list(texts) == ["en", "nl"]
        assert all("{brand}" in text for text in texts.values())
        assert len(CHART.people(node.approve_by)) >= 2
        assert not set(CHART.people(node.approve_by)) & set(CHART.people((node.written_by,)))


def test_every_page_has_a_second_way() -> None:
    """One that rings: an e-mail that was sent counts as told, so the telephones would wait for the next rung."""
    for node in CHART.nodes.values():
        if isinstance(node, Page):
            assert node.by[0] == "slack"
            assert set(node.by) & set(RINGS)
            people = [CHART.responders[name] for name in CHART.people(node.page)]
            assert all(way in person.ways for person in people for way in node.by)
