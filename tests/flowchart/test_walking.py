"""Walk files: a situation is read or refused at its line, run on virtual time, and compared with what was expected."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.facts import SCENARIOS, SEVERITIES, Facts
from alerting.flowchart.effects import EndWalk
from alerting.flowchart.load import load_chart
from alerting.flowchart.walk import begin, resume
from alerting.flowchart.walk_file import Expected, WalkError, read_walk, wall_clock
from alerting.flowchart.walking import Outcome, differences, walked
from stream.codec import MINUTE_MS, rfc3339
from stream.zones import local

ROOT = Path(__file__).parents[2]
SMALL = load_chart(
    """
version: 1
owner: Somebody
last_resort: [dora]
responders:
  anna: {name: Anna, slack: U0000ANNA, phone: "+31 20 555 0101"}
  bram: {name: Bram, slack: U0000BRAM}
  dora: {name: Dora, slack: U0000DORA, phone: "+31 20 555 0104"}
entry: {viral_complaint: loud, backlash: loud, campaign_blunder: loud, data_security: true_or_not, service_outage: loud,
        blind: loud}
nodes:
  loud: {question: Is it loud?, when: volume_ratio > 3, yes: first, no: calm}
  first: {page: [anna, bram], by: [slack, phone], acknowledge_within: 10m, if_not_acknowledged: last, then: told}
  last: {page: dora, then: told}
  told: {notify: bram, then: calm_down}
  calm_down: {wait: 2h, until: mentions < 10, then: calm}
  calm: {end: It is quiet.}
  true_or_not: {ask: Is it true?, of: anna, answers: {yes: first, no: calm}, within: 5m, if_no_answer: last}
""",
    "small.yaml",
)
START = "start: 2027-03-28T01:30:00+01:00\n"
LOUD = "facts: {scenario: backlash, severity: high, volume_ratio: 4.5, mentions: 100}\n"


def run(text: str) -> Outcome:
    """What comes of a walk file on the small chart."""
    return walked(SMALL, read_walk(START + text, "x.yaml"))


def pages(outcome: Outcome) -> list[tuple[int, tuple[tuple[str, str], ...]]]:
    """Minutes, and who was reached by which way."""
    return [(page.after_ms // MINUTE_MS, page.reached) for page in outcome.pages]


def test_without_an_answer_each_rung_is_woken_in_its_time() -> None:
    """And the last rung stands as long as it takes."""
    outcome = run(LOUD)
    assert outcome.path == ("loud", "first", "last")
    assert pages(outcome) == [(0, (("anna", "slack"), ("bram", "slack"))), (10, (("dora", "slack"),))]
    assert (outcome.node, outcome.ended) == ("last", False)
    assert outcome.steps[0].words == "Is it loud? yes: volume_ratio 4.5 > 3 (+1.5)"


def test_an_acknowledgement_ends_the_ladder() -> None:
    """At its time, by whom the file says."""
    outcome = run(LOUD + "behaviour: {acknowledge: {who: anna, after: 7m}}\n")
    assert outcome.path == ("loud", "first", "told", "calm_down", "calm")
    assert (outcome.answered_by, outcome.ended) == ("anna", True)
    assert [told.after_ms // MINUTE_MS for told in outcome.told] == [0, 7]


def test_when_slack_is_down_the_next_way_is_tried() -> None:
    """Who has none is not reached."""
    outcome = run(LOUD + "behaviour: {slack: down}\n")
    assert pages(outcome) == [(0, (("anna", "phone"),)), (10, ())]


def test_somebody_unreachable_is_reached_by_no_way() -> None:
    """Whatever ways there are."""
    assert pages(run(LOUD + "behaviour: {unreachable: [anna]}\n"))[0] == (0, (("bram", "slack"),))


def test_facts_that_change_on_the_way_are_seen_when_a_wait_looks() -> None:
    """A wait that ends because it grew quiet."""
    text = LOUD + "later: [{after: 40m, facts: {mentions: 3}}]\nbehaviour: {acknowledge: {who: bram, after: 1m}}\n"
    outcome = run(text)
    assert outcome.steps[-1].after_ms == 40 * MINUTE_MS
    assert "waited until mentions 3 < 10 (-7)" in [step.words for step in outcome.steps]


@pytest.mark.parametrize(("choice", "path"), [("yes", "first"), ("no", "calm")])
def test_an_answer_leads_where_the_chart_says(choice: str, path: str) -> None:
    """The choice of whoever was asked."""
    answer = f"behaviour: {{answer: {{who: anna, after: 2m, node: true_or_not, choice: {choice}}}}}\n"
    outcome = run("facts: {scenario: data_security}\n" + answer)
    assert outcome.path[:2] == ("true_or_not", path)
    assert outcome.told[0].kind == "ask"


def test_hours_are_those_of_the_zone_or_of_the_offset_that_the_start_was_written_with() -> None:
    """In the night in which clocks go forward, half an hour after half past one it is three."""
    later_ms = 30 * MINUTE_MS
    named, offset = read_walk(f"{START}timezone: Europe/Amsterdam\n", "x.yaml"), read_walk(START, "x.yaml")
    hours = [wall_clock(one.file.start + later_ms, one.zone).hour for one in (named, offset)]
    assert hours == [3, 2]


BAD = (
    ("facts: {mentoins: 3}\n", "x.yaml:2:9: `mentoins` is not known as a fact; did you mean `mentions`?"),
    ("facts: {mentions: many}\n", "x.yaml:2:19: `mentions` is posts about the brand in the last 60 minutes; 'many'"),
    ("facts: {severity: dire}\n", "x.yaml:2:19: `severity` is low, medium, high or critical; 'dire' is not that"),
    ("behaviour: {slack: broken}\n", 'x.yaml:2:20: `slack` is "broken"; allowed: up or down'),
    ("later: [{after: soon, facts: {}}]\n", 'x.yaml:2:17: "soon" is not a length of time'),
    ("timezone: Mars/Base\n", "x.yaml:2:11: no such time zone"),
    ("expects: {}\n", "x.yaml:2:1: `expects` is not known here; did you mean `expect`?"),
)


@pytest.mark.parametrize(("text", "said"), BAD)
def test_a_walk_file_that_cannot_be_meant_is_refused_at_its_line(text: str, said: str) -> None:
    """With what is allowed."""
    with pytest.raises(WalkError) as refused:
        read_walk(START + text, "x.yaml")
    assert said in str(refused.value)


def test_a_walk_needs_an_instant() -> None:
    """Rosters and hours depend on it."""
    with pytest.raises(WalkError, match="`start` is missing here"):
        read_walk("facts: {}\n", "x.yaml")


def test_what_differs_is_told_from_the_first_difference_on() -> None:
    """Path, pages and end, one line each."""
    outcome = run(LOUD)
    good = {"path": ["loud", "first", "last"], "pages": [{"at": "0s", "who": ["bram", "anna"], "by": "slack"},
            {"at": "10m", "who": "dora"}]}  # fmt: skip
    assert differences(outcome, Expected.model_validate(good)) == []
    bad = {"path": ["loud", "first"], "pages": [{"at": "1m", "who": "anna"}], "ends": "calm"}
    assert differences(outcome, Expected.model_validate(bad)) == [
        "path: differs from number 3 on: expected nothing more; it was last",
        "pages: differs from number 1 on: expected 1m: anna; it was 0s: anna, bram",
        "ends: expected calm; it still stands at last",
    ]


SHIPPED = load_chart((ROOT / "crisis_flowchart.yaml").read_text(encoding="utf-8"), "crisis_flowchart.yaml")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SCENARIOS), st.sampled_from(SEVERITIES), st.integers(0, 90 * 24 * 60))
def test_a_walk_pages_whom_and_when_the_walk_in_earnest_pages(scenario: str, severity: str, minute: int) -> None:
    """The same effects at the same instants as the bare walk gives when it is resumed whenever it is due."""
    start_ms = 1_800_000_000_000 + minute * MINUTE_MS
    text = f"start: {rfc3339(start_ms)}\nfacts: {{scenario: {scenario}, severity: {severity}}}\n"
    outcome = walked(SHIPPED, read_walk(text, "x.yaml"))

    def facts(at_ms: int) -> Facts:
        clock = local(at_ms, "UTC")
        office = clock.isoweekday() <= 5 and 9 <= clock.hour < 18
        return Facts(
            scenario=scenario, severity=severity, hour=clock.hour, weekday=clock.isoweekday(), business_hours=office,
            minutes_open=(at_ms - start_ms) // MINUTE_MS,
        )  # fmt: skip

    walk, effects = begin(SHIPPED, scenario, facts(start_ms), start_ms)
    told = [(0, effect) for effect in effects]
    for _ in range(500):
        if walk.done or not walk.due_ms:
            break
        at_ms = walk.due_ms
        walk, effects = resume(SHIPPED, walk, facts(at_ms), at_ms)
        told += [(at_ms - start_ms, effect) for effect in effects]
    expected = [(after_ms, effect.node) for after_ms, effect in told if not isinstance(effect, EndWalk)]
    assert [(one.after_ms, one.node) for one in outcome.told] == expected
