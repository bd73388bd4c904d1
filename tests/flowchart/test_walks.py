"""Who is told, in which order and when: the shipped chart's walks as a table, and what holds for every walk."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.facts import SCENARIOS, SEVERITIES, Facts
from alerting.flowchart.check import warnings_of
from alerting.flowchart.load import ChartError, load_chart
from alerting.flowchart.model import Always, Chart, Page
from alerting.flowchart.walk import (
    LOOK_AGAIN_MS,
    MAX_PATH,
    AskPeople,
    BriefPeople,
    Effect,
    EndWalk,
    NotifyPeople,
    OpenRoom,
    PagePeople,
    Walk,
    acknowledged,
    answered,
    begin,
    escalated,
    next_page,
    resume,
)
from stream.codec import MINUTE_MS, canonical, decode

ROOT = Path(__file__).parents[2]
SHIPPED = load_chart((ROOT / "crisis_flowchart.yaml").read_text(encoding="utf-8"), "crisis_flowchart.yaml")
ON_CALL = {"press_rota": Always(("chloe",)), "operations_rota": Always(("joris",))}
SHORT = {
    "chloe": "pr",
    "head_of_communications": "head",
    "community_manager": "community",
    "webcare_lead": "webcare",
    "customer_service": "care",
    "it_security": "security",
    "crisis_room": "room",
    "executive": "exec",
    "joris": "ops",
    "agencies_and_partners": "partners",
    "operations_lead": "ops_lead",
}


def _told(effects: list[Effect]) -> list[str]:
    said = []
    plain = {EndWalk: "end", OpenRoom: "open room", AskPeople: "ask"}
    for effect in effects:
        if type(effect) in plain:
            said.append(plain[type(effect)])
        elif isinstance(effect, BriefPeople):
            said.append(f"brief {'+'.join(SHORT.get(target, target) for target in effect.targets)}")
        else:
            who = "+".join(SHORT.get(target, target) for target in effect.targets)
            said.append(f"{'PAGE' if isinstance(effect, PagePeople) else 'tell'} {who}")
    return said


def _run_out(chart: Chart, entry: str, facts: Facts, rounds: int = 50) -> tuple[list[str], Walk]:
    """The walk if nobody ever answers: each time something happens, the minute and what."""
    walk, effects = begin(chart, entry, facts, 0, rosters=ON_CALL)
    lines = [f"{0:g}m: {', '.join(_told(effects))}"]
    for _ in range(rounds):
        if walk.done or not walk.due_ms:
            break
        at_ms = walk.due_ms
        walk, effects = resume(chart, walk, facts, at_ms, rosters=ON_CALL)
        if effects:
            lines.append(f"{at_ms / MINUTE_MS:g}m: {', '.join(_told(effects))}")
    return lines, walk


# What happens if nobody ever acknowledges, for every scenario and severity.
TABLE = """
viral_complaint  low       0m: end
viral_complaint  medium    0m: tell webcare+community | 30m: tell pr, end
viral_complaint  high      0m: PAGE pr | 10m: PAGE head | 20m: PAGE exec+head
viral_complaint  critical  0m: PAGE pr+head | 5m: PAGE exec+head
backlash         low       0m: end
backlash         medium    0m: tell webcare+community+pr, end
backlash         high      0m: PAGE pr | 10m: PAGE head | 20m: PAGE exec+head
backlash         critical  0m: PAGE pr+head | 5m: PAGE exec+head
campaign_blunder low       0m: end
campaign_blunder medium    0m: tell marketing+webcare, end
campaign_blunder high      0m: tell marketing+partners, PAGE pr | 10m: PAGE head | 20m: PAGE exec+head
campaign_blunder critical  0m: tell marketing+partners+room, PAGE pr+head | 5m: PAGE exec+head
data_security    low       0m: end
data_security    medium    0m: tell security+legal+webcare, end
data_security    high      0m: PAGE security+legal+pr | 5m: PAGE head+ops | 10m: PAGE exec+head
data_security    critical  0m: PAGE security+legal+pr | 5m: PAGE head+ops | 10m: PAGE exec+head
service_outage   low       0m: end
service_outage   medium    0m: tell ops+care+webcare, end
service_outage   high      0m: tell care, PAGE ops+pr | 10m: PAGE head | 20m: PAGE exec+head
service_outage   critical  0m: PAGE ops+pr+head | 5m: PAGE exec+head
blind            low       0m: PAGE ops | 30m: PAGE ops_lead+ops
blind            medium    0m: PAGE ops | 30m: PAGE ops_lead+ops
blind            high      0m: PAGE ops | 30m: PAGE ops_lead+ops
blind            critical  0m: PAGE ops | 30m: PAGE ops_lead+ops
"""
ROWS = [line.split(maxsplit=2) for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize(("scenario", "severity", "expected"), ROWS, ids=[f"{a}-{b}" for a, b, _ in ROWS])
def test_whom_the_shipped_chart_reaches_if_nobody_answers(scenario: str, severity: str, expected: str) -> None:
    loud = Facts(scenario=scenario, severity=severity, volume_ratio_milli=4000)
    lines, _ = _run_out(SHIPPED, scenario, loud)
    assert " | ".join(lines) == expected


def test_the_table_holds_every_scenario_at_every_severity() -> None:
    assert [(a, b) for a, b, _ in ROWS] == [(a, b) for a in (*SCENARIOS, "blind") for b in SEVERITIES]


def test_the_shipped_chart_is_in_order_without_a_warning() -> None:
    assert warnings_of(SHIPPED) == []


def test_an_organised_wave_is_paged_like_any_other_and_said_to_be_one() -> None:
    organised = Facts(scenario="backlash", severity="high", coordinated=True)
    _, effects = begin(SHIPPED, "backlash", organised, 0, rosters=ON_CALL)
    assert _told(effects) == ["tell community+legal", "PAGE pr"]


def test_a_page_nobody_acknowledges_reaches_the_next_rung_at_its_minute_and_not_before() -> None:
    facts = Facts(severity="high")
    walk, (page,) = begin(SHIPPED, "viral_complaint", facts, 1_000, rosters=ON_CALL)
    assert isinstance(page, PagePeople)
    assert (page.ack_within_ms, page.rung, page.next_targets) == (600_000, 0, ("head_of_communications",))
    assert next_page(SHIPPED, walk, ON_CALL) == (("head_of_communications",), 601_000)
    early, effects = resume(SHIPPED, walk, facts, 600_999, rosters=ON_CALL)
    assert (early, effects) == (walk, [])
    late, (page,) = resume(SHIPPED, walk, facts, 601_000, rosters=ON_CALL)
    assert isinstance(page, PagePeople)
    assert (page.targets, page.rung) == (("head_of_communications",), 1)
    assert late.paged == ["chloe", "head_of_communications"]
    assert [step.words for step in late.path[-2:]] == ["nobody acknowledged in 10m", "paged head_of_communications"]


def test_after_an_acknowledgement_nobody_is_paged_and_the_others_are_told() -> None:
    facts = Facts(severity="critical")
    walk, _ = begin(SHIPPED, "service_outage", facts, 0, rosters=ON_CALL)
    walk, effects = acknowledged(SHIPPED, walk, facts, 60_000, rosters=ON_CALL)
    assert _told(effects) == ["open room", "tell room+webcare+community+care", "brief exec+legal", "ask"]
    assert (walk.acknowledged, walk.done, next_page(SHIPPED, walk, ON_CALL)) == (True, False, None)
    assert acknowledged(SHIPPED, walk, facts, 61_000, rosters=ON_CALL) == (walk, [])
    assert resume(SHIPPED, walk, facts, 60_001, rosters=ON_CALL) == (walk, [])


def _chart(nodes: str, start: str = "start") -> Chart:
    entries = "".join(f"  {scenario}: {start}\n" for scenario in (*SCENARIOS, "blind"))
    head = "version: 1\nowner: x\nlast_resort: [boss]\nresponders:\n  boss: {name: B, slack: U000BOSS}\n"
    return load_chart(f"{head}  ann: {{name: A, slack: U0000ANN}}\nentry:\n{entries}nodes:\n{nodes}", "chart.yaml")


WAITING = """
  start: {page: ann, acknowledge_within: 5m, if_not_acknowledged: second, then: calm}
  calm: {wait: 10m, until: mentions < 10, then: second}
  second: {page: boss, then: done}
  done: {end: Done.}
"""


def test_a_page_after_an_acknowledgement_becomes_a_notice() -> None:
    chart = _chart(WAITING)
    walk, _ = begin(chart, "backlash", Facts(mentions=50), 0)
    walk, effects = acknowledged(chart, walk, Facts(mentions=50), 60_000)
    assert effects == []
    walk, effects = resume(chart, walk, Facts(mentions=5), 120_000)
    assert effects == [NotifyPeople("second", ("boss",), ("slack",), ""), EndWalk("done", "Done.")]


def test_a_wait_ends_when_its_condition_holds_or_its_time_is_over() -> None:
    chart = _chart(WAITING)
    walk, _ = begin(chart, "backlash", Facts(mentions=50), 0)
    walk, _ = acknowledged(chart, walk, Facts(mentions=50), 0)
    assert walk.due_ms == LOOK_AGAIN_MS
    soon, effects = resume(chart, walk, Facts(mentions=5), 7_000)
    assert (soon.done, len(effects)) == (True, 2)
    while not walk.done:
        last_ms = walk.due_ms
        walk, effects = resume(chart, walk, Facts(mentions=50), last_ms)
    assert last_ms == 10 * MINUTE_MS
    assert walk.path[-3].words == "waited 10m"


def test_an_escalation_goes_to_the_next_rung_at_once_even_after_an_acknowledgement() -> None:
    facts = Facts(severity="high")
    walk, _ = begin(SHIPPED, "viral_complaint", facts, 0, rosters=ON_CALL)
    climbed, effects = escalated(SHIPPED, walk, facts, 5_000, "asked by Chloe", rosters=ON_CALL)
    assert _told(effects) == ["PAGE head"]
    assert (climbed.rung, climbed.due_ms) == (1, 605_000)
    taken, _ = acknowledged(SHIPPED, walk, facts, 5_000, rosters=ON_CALL)
    again, effects = escalated(SHIPPED, taken, facts, 6_000, "asked by Chloe", rosters=ON_CALL)
    assert _told(effects) == ["PAGE head"]
    assert (again.acknowledged, again.done) == (False, False)


def test_an_escalation_from_the_last_rung_reaches_the_last_resort() -> None:
    facts = Facts(severity="critical")
    walk, _ = begin(SHIPPED, "backlash", facts, 0, rosters=ON_CALL)
    walk, _ = resume(SHIPPED, walk, facts, walk.due_ms, rosters=ON_CALL)
    _, effects = escalated(SHIPPED, walk, facts, 10**6, "asked by Ines", rosters=ON_CALL)
    assert _told(effects) == ["PAGE head+ops", "end"]


def test_a_scenario_without_an_entry_reaches_the_last_resort() -> None:
    walk, effects = begin(SHIPPED, "volcano", Facts(), 0, rosters=ON_CALL)
    assert _told(effects) == ["PAGE head+ops", "end"]
    assert walk.path[-1].words == "the flowchart has no entry for the scenario volcano: the last resort is told"


def test_a_condition_that_fails_reaches_the_last_resort_instead_of_a_silent_no() -> None:
    when = "mentions > 1 ? double(brand) > 3 : blind"
    chart = _chart(f"  start: {{question: Q?, when: '{when}', yes: done, no: done}}\n  done: {{end: D.}}\n")
    _, effects = begin(chart, "backlash", Facts(mentions=5, brand="acme"), 0)
    assert [type(effect) for effect in effects] == [PagePeople, EndWalk]
    assert isinstance(effects[0], PagePeople)
    assert effects[0].targets == ("boss",)
    assert "has no answer" in effects[0].words


def test_a_walk_stays_on_the_chart_it_began_with() -> None:
    walk, _ = begin(SHIPPED, "blind", Facts(), 0, rosters=ON_CALL)
    with pytest.raises(ValueError, match="began on chart"):
        resume(_chart(WAITING), walk, Facts(), 10**9)


def test_the_path_says_each_answer_with_its_figures_and_stays_short() -> None:
    walk, _ = begin(SHIPPED, "backlash", Facts(severity="medium"), 0, rosters=ON_CALL)
    assert walk.path[0].words == 'Is the anger everywhere? no: severity == "critical" (severity is medium)'
    round_and_round = _chart(
        "  start: {wait: 1m, then: ask}\n  ask: {question: Q?, when: blind, yes: e, no: start}\n  e: {end: E.}\n"
    )
    _, walk = _run_out(round_and_round, "backlash", Facts(), rounds=200)
    assert len(walk.path) == MAX_PATH
    assert not walk.done


# --- every walk -------------------------------------------------------------------------------------------------------

NAMES = ("start", "b", "c", "d", "e", "f")
CONDITIONS = ("mentions > 50", "blind", "acknowledged", "hour < 12 && mentions < 80", "minutes_open > 30")


@st.composite
def _nodes(draw: st.DrawFn) -> str:
    lines = []
    for i, name in enumerate(NAMES):
        # mostly forward, so that most charts are valid; back only where time passes
        on = [draw(st.sampled_from([*NAMES[i + 1 :], "stop", "stop"])) for _ in range(2)]
        late = draw(st.sampled_from([*NAMES, "stop"]))
        minutes = draw(st.integers(1, 40))
        when = draw(st.sampled_from(CONDITIONS))
        kinds = [
            f"question: Q?, when: {when}, yes: {on[0]}, no: {on[1]}",
            f"page: ann, acknowledge_within: {minutes}m, if_not_acknowledged: {late}, then: {on[1]}",
            f"page: ann, acknowledge_within: {minutes}m, if_not_acknowledged: {on[0]}, then: {on[1]}",
            f"page: boss, then: {on[0]}",
            f"notify: ann, then: {on[0]}",
            f"wait: {minutes}m, then: {late}",
            f"wait: {minutes}m, until: {when}, then: {late}",
            f"until: {when}, then: {late}",
            f"ask: Q?, of: ann, answers: {{yes: {on[0]}, no: {late}}}, within: {minutes}m, if_no_answer: {on[1]}",
            f"repeat: {late}, at_most: {minutes % 3 + 1}, then: {on[0]}",
            f"escalate: {on[0]}, because: B.",
            f"mobilise: boss, then: {on[0]}",
        ]
        lines.append(f"  {name}: {{{draw(st.sampled_from(kinds))}}}")
    return "\n".join([*lines, "  stop: {end: S.}"]) + "\n"


def _pruned(nodes: str) -> Chart | None:
    """The chart without the nodes that no walk reaches; `None` where it is not a valid one."""
    for _ in range(len(NAMES) + 2):
        try:
            return _chart(nodes)
        except ChartError as error:
            lost = [str(problem).split("`")[1] for problem in error.problems if "no walk ever comes" in str(problem)]
            if len(lost) < len(error.problems):
                return None
            nodes = "".join(f"{line}\n" for line in nodes.splitlines() if line.split(":")[0].strip() not in lost)
    return None


_moments = st.lists(
    st.tuples(
        st.sampled_from(["due", "due", "due", "early", "late", "acknowledge", "escalate", "yes", "no"]),
        st.builds(
            Facts,
            mentions=st.integers(0, 100),
            blind=st.booleans(),
            hour=st.integers(0, 23),
            minutes_open=st.integers(0, 60),
        ),
    ),
    min_size=1,
    max_size=25,
)


def _act(chart: Chart, walk: Walk, what: str, facts: Facts, now_ms: int) -> tuple[Walk, list[Effect], int]:
    if what == "acknowledge":
        return *acknowledged(chart, walk, facts, now_ms), now_ms
    if what == "escalate":
        return *escalated(chart, walk, facts, now_ms, "asked"), now_ms
    if what in ("yes", "no"):
        moved = answered(chart, walk, facts, now_ms, node=walk.node, choice=what, who="ann")
        return *moved, now_ms
    at_ms = max(now_ms, walk.due_ms + {"early": -1, "due": 0, "late": 300_000}[what])
    return *resume(chart, walk, facts, at_ms), at_ms


@settings(max_examples=200, deadline=None)
@given(_nodes(), _moments)
def test_no_walk_is_early_spins_forgets_its_input_or_pages_after_an_acknowledgement(
    nodes: str, moments: list[tuple[str, Any]]
) -> None:
    chart = _pruned(nodes)
    if chart is None:
        return
    now_ms = 0
    walk, effects = begin(chart, "backlash", moments[0][1], 0)
    for what, facts in moments:
        before = canonical(walk)
        was = decode(before, Walk)
        again = _act(chart, was, what, facts, now_ms)
        after, effects, at_ms = _act(chart, walk, what, facts, now_ms)
        assert (after, effects, at_ms) == again, "a walk read back from JSON goes on alike"
        assert canonical(walk) == before, "the walk that was given is not changed"
        assert len(effects) <= 2 * len(chart.nodes) + 4
        pages = [effect for effect in effects if isinstance(effect, PagePeople)]
        if was.acknowledged and what != "escalate":
            assert all(page.cause == "escalate" for page in pages), "only the chart itself asks for more people"
        node = chart.nodes.get(was.node)
        waits = isinstance(node, Page) and not was.done
        if waits and what in ("early", "due", "late") and (not was.due_ms or at_ms < was.due_ms):
            assert effects == [], "nobody is paged before the time is over"
        if waits and what in ("due", "late") and was.due_ms:
            assert after.rung > was.rung
        if not after.done:
            assert after.due_ms > at_ms or not after.due_ms or after.due_ms == was.due_ms
        walk, now_ms = after, at_ms


@settings(max_examples=100, deadline=None)
@given(_nodes(), st.integers(0, 100), st.booleans())
def test_every_walk_ends_or_stands_where_time_or_a_person_can_move_it(nodes: str, mentions: int, blind: bool) -> None:
    chart = _pruned(nodes)
    if chart is None:
        return
    _, walk = _run_out(chart, "backlash", Facts(mentions=mentions, blind=blind), rounds=30)
    node = chart.nodes[walk.node]
    assert walk.done or walk.due_ms or isinstance(node, Page), "an ask or a statement always has its time"
    assert msgspec.json.decode(canonical(walk), type=Walk) == walk
