"""Whoever puts off being woken is told where that is too late, and a proof counts the wait."""

from pathlib import Path

import pytest

from alerting.delivery.second_way import SECOND_WAY_MS
from alerting.flowchart.check import warnings_of
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Responder
from alerting.flowchart.prove import Hole, Plan, Proof, prove
from alerting.flowchart.reached import NEXT_WAY_MS, arrivals
from alerting.flowchart.walk_file import read_walk
from alerting.flowchart.walking import walked
from stream.codec import HOUR_MS, MINUTE_MS, parse_rfc3339

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")


def warned(after: str, *, promise: str = "", within: str = "10m") -> list[str]:
    """What is odd in a chart whose first rung wants to be rung after a while."""
    ann = f'ann: {{name: Ann, slack: U0000ANN, phone: "+31 20 555 0101", reach: [{{by: phone, after: {after}}}]}}'
    text = GOOD.replace("ann: {name: Ann, slack: U0000ANN}", ann).replace("within: 10m", f"within: {within}")
    return [one.message for one in warnings_of(load_chart(text + promise, "chart.yaml"))]


@pytest.mark.parametrize(("after", "warns"), [("9m", False), ("10m", True), ("20m", True)])
def test_a_page_that_goes_on_before_its_person_is_woken_is_warned_of(after: str, warns: bool) -> None:
    said = warned(after)
    assert (
        said
        == [
            f"`ann` is woken after {after}, and this page goes on after 10m; "
            "give one of their ways under `reach` no `after`, or the page more time"
        ]
        * warns
    )


def test_a_page_that_wakes_nobody_within_what_is_promised_is_warned_of() -> None:
    promise = "promise_pages: {high: 5m, critical: 3m}\n"
    (said,) = warned("4m", promise=promise)
    assert said.startswith("nobody is woken by this page before 4m, and the shortest of `promise_pages` is 3m")
    assert warned("3m", promise=promise) == []


def test_a_way_at_once_beside_it_is_enough() -> None:
    text = GOOD.replace(
        "ann: {name: Ann, slack: U0000ANN}",
        'ann: {name: Ann, slack: U0000ANN, phone: "+31 20 555 0101", reach: [{by: slack}, {by: phone, after: 20m}]}',
    )
    assert warnings_of(load_chart(text, "chart.yaml")) == []


# --- what a page comes to ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reach", "by", "broken", "comes"),
    [
        ("", "slack phone", "", [("slack", 0), ("phone", 0)]),
        ("", "slack phone", "slack", [("phone", 0)]),
        ("slack phone:2", "slack", "", [("slack", 0), ("phone", 120)]),
        ("slack phone:2", "slack", "slack", [("phone", 30)]),
        ("slack:1 phone:1", "slack", "slack", [("phone", 60)]),
        ("slack email:1 phone:9", "slack", "slack", [("email", 30), ("phone", 540)]),
        ("phone slack:1 email:9", "slack", "slack", [("phone", 0), ("email", 540)]),
        ("slack:1", "slack phone", "slack", [("phone", 90)]),
        ("slack:1", "slack", "slack", []),
    ],
)
def test_ways_come_at_their_times_and_the_next_sooner_where_one_gets_nothing_through(
    reach: str, by: str, broken: str, comes: list[tuple[str, int]]
) -> None:
    order = [
        {"by": way, **({"after": f"{minutes}m"} if minutes else {})}
        for way, _, minutes in (one.partition(":") for one in reach.split())
    ]
    ann = Responder.model_validate(
        {"name": "Ann", "slack": "U0000ANN", "email": "ann@example.com", "phone": "+31 20 555 0101", "reach": order}
    )
    found = arrivals(ann, tuple(by.split()), broken.split())
    assert [(one.way, one.after_ms // 1000) for one in found] == comes


def test_the_proof_waits_for_the_next_way_as_long_as_delivery_does() -> None:
    assert NEXT_WAY_MS == SECOND_WAY_MS


# --- what a proof makes of it -----------------------------------------------------------------------------------------

LADDER = """
version: 1
owner: Nobody
last_resort: boss
promise_pages: {<severity>: 5m}
promise_pages_despite_a_fault: 15m
responders:
  ann: {name: Ann, slack: U0000ANN, email: ann@example.com, phone: "+31 20 555 0101", reach: <ann>}
  boss: {name: Boss, slack: U000BOSS, email: boss@example.com, phone: "+31 20 555 0102", reach: <boss>}
entry: {blind: wake, viral_complaint: wake, backlash: wake, campaign_blunder: wake, data_security: wake,
  service_outage: wake}
nodes:
  wake: {page: ann, by: [slack, phone], acknowledge_within: 3m, if_not_acknowledged: wake_boss, then: done}
  wake_boss: {page: boss, by: [slack, phone], then: done}
  done: {end: Somebody has it.}
"""
BEGINS_MS = parse_rfc3339("2027-03-01T12:00:00Z")


def _proved(ann: str, boss: str = "[]", severity: str = "high") -> Proof:
    text = LADDER.replace("<ann>", ann).replace("<boss>", boss).replace("<severity>", severity)
    chart = load_chart(text, "chart.yaml")
    proof = prove(chart, Plan(BEGINS_MS, BEGINS_MS + HOUR_MS, "UTC"))
    for hole in proof.holes:
        assert hole.shown, hole.says
        assert walked(chart, read_walk(hole.walk, "hole.yaml")).path == hole.path
    return proof


def _only(proof: Proof) -> Hole:
    (hole,) = proof.holes
    return hole


def test_a_wait_of_ones_own_counts_towards_the_first_human() -> None:
    proof = _proved("[{by: phone, after: 2m}]")
    assert proof.holds
    assert proof.worst_ms == 2 * MINUTE_MS


def test_whoever_wants_to_be_woken_after_the_page_has_gone_on_is_not_waited_for() -> None:
    """Ann would be woken after ten minutes; the boss is after three, by the next page."""
    proof = _proved("[{by: phone, after: 10m}]")
    assert proof.holds
    assert proof.worst_ms == 3 * MINUTE_MS


def test_a_ladder_of_waits_that_comes_to_more_than_is_promised_is_a_hole_with_its_figure_and_cure() -> None:
    hole = next(one for one in _proved("[{by: phone, after: 10m}]", "[{by: slack, after: 4m}]").holes)
    assert (hole.kind, hole.node, hole.path) == ("late", "wake_boss", ("wake", "wake_boss"))
    assert hole.consequence == "boss is the first human to be reached, after 7m instead of within 5m"
    assert hole.cure.startswith("give one of the people of `wake_boss` a way under `reach` without `after`")


def test_a_fault_that_takes_the_first_way_leaves_the_time_of_the_next() -> None:
    """With Slack down the telephone rings half a minute after the page, and not only after ten minutes."""
    proof = _proved("[{by: slack}, {by: phone, after: 10m}]", severity="critical")
    assert proof.holds
    assert proof.worst_ms == 0
    assert _proved("[{by: slack}]", "[{by: slack}]", "critical").holds, "what is left out is taken when all of it fails"


def test_a_letter_that_goes_out_in_place_of_slack_wakes_nobody() -> None:
    letters = "[{by: slack}, {by: email}]"
    hole = _only(_proved(letters, letters, "critical"))
    assert (hole.situation.behaviour.kind, hole.situation.severity) == ("slack_down", "critical")
    assert hole.consequence.startswith("no human is reached at all")
