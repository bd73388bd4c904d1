"""Whoever asks for quiet gets it, and whatever still goes on when the quiet ends is told at that very grid point."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alerting.decision import Decision
from alerting.facts import BLIND, SEVERITIES, rank
from alerting.flowchart.load import ChartError, load_chart
from alerting.incident import Incident
from alerting.quiet import About, Inhibit, Mute, Quiet, Silence, Unsilence, hush_of
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from tests.alerting.test_escalation import FOR_GOOD, PAGES, SHIPPED, T0, Shift, deaf, opened, pages, trouble
from tests.tocsin.stories import CHART, STEP_MS

MUTES = """
quiet:
  mute:
    - {severity_at_most: high, hours: "22:00-07:00", timezone: Europe/Amsterdam, because: people sleep}
  inhibit:
    - {while: data_security, mute: [backlash, viral_complaint], because: the leak is what they are angry about}
"""
MUTED = load_chart(CHART + FOR_GOOD + MUTES, "crisis_flowchart.yaml")
NIGHT = int(datetime(2026, 3, 2, 22, 30, tzinfo=UTC).timestamp() * 1000)
"""23:30 in Amsterdam."""
MORNING = int(datetime(2026, 3, 3, 6, 0, tzinfo=UTC).timestamp() * 1000)


def silence(until_ms: int, **given_: str) -> Silence:
    return Silence(id="s-1", brand="Acme", from_ms=T0, until_ms=until_ms, who="chloe", reason="known", **given_)


def none_paged(decisions: list[Decision]) -> list[tuple[str, int]]:
    """Why nobody was paged, and until when."""
    return [(d.reason, d.until_ms) for d in decisions if d.kind == "NoPage"]


# --- silences ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 3, 7])
@pytest.mark.parametrize("minutes", [1, 12, 120])
def test_a_silence_that_ends_while_the_crisis_lasts_pages_at_that_grid_point(minutes: int, step: int) -> None:
    """However often anybody looks in between, and not a step sooner or later."""
    shift = Shift()
    until_ms = T0 + minutes * MINUTE_MS
    shift.look(silence(until_ms))
    shift.at_ms += STEP_MS
    shift.finding = trouble("high")
    shift.look()
    assert none_paged(shift.out) == [("silenced", until_ms)]
    shift.until(until_ms + 30_000, every_ms=step * STEP_MS)
    told = [(d.at_ms, d.reason, d.targets) for d in shift.out if d.kind in PAGES]
    assert told == [(until_ms, "quiet_ended", ("pr_on_call",))]


def test_a_silence_that_ends_between_two_grid_points_pages_at_the_next() -> None:
    shift = Shift()
    shift.look(silence(T0 + HOUR_MS + 1))
    shift.finding = trouble("high")
    shift.look()
    shift.after(90)
    assert pages(shift.out)[0] == (60, ("pr_on_call",))
    assert next(d.at_ms for d in shift.out if d.kind == "Page") == T0 + HOUR_MS + STEP_MS


def test_a_silence_that_ends_after_the_crisis_pages_nobody() -> None:
    shift = Shift()
    shift.look(silence(T0 + 5 * HOUR_MS))
    shift.finding = trouble("high")
    shift.look()
    shift.finding = None
    shift.until(T0 + 8 * HOUR_MS, every_ms=MINUTE_MS)
    assert not pages(shift.out)
    assert shift.out[-1].kind == "StandDown"


def test_the_ladder_goes_on_when_a_silence_comes_in_the_middle_and_ends() -> None:
    """Whoever was paged before the silence is paged again: the first rung begins anew, and then the next."""
    shift = opened()
    shift.after(5)
    shift.look(silence(shift.at_ms + HOUR_MS))
    shift.after(90)
    assert none_paged(shift.out) == [("silenced", T0 + 65 * MINUTE_MS)]
    assert pages(shift.out) == [
        (0, ("pr_on_call",)),
        (65, ("pr_on_call",)),
        (75, ("head_of_communications",)),
        (85, ("executive", "head_of_communications")),
    ]


def test_a_lifted_silence_pages_at_once_and_does_not_come_back_when_heard_of_twice() -> None:
    shift = Shift()
    asked = silence(T0 + 5 * HOUR_MS)
    shift.look(asked)
    shift.finding = trouble("high")
    shift.after(20)
    shift.look(Unsilence("u-1", "Acme", "s-1", "chloe", shift.at_ms))
    assert pages(shift.out) == [(20, ("pr_on_call",))]
    shift.look(asked)
    shift.after(11)
    assert pages(shift.out)[1:] == [(30, ("head_of_communications",))]


def test_what_gets_worse_than_the_silence_allows_pages_at_once() -> None:
    shift = Shift()
    shift.look(silence(T0 + 5 * HOUR_MS))
    shift.finding = trouble("high")
    shift.after(20)
    shift.finding = trouble("critical")
    shift.look()
    assert pages(shift.out) == [(20, ("pr_on_call", "head_of_communications"))]


def test_a_named_person_can_silence_even_a_critical_incident_and_that_one_alone() -> None:
    shift = opened("critical")
    shift.look(silence(T0 + 2 * HOUR_MS, severity_at_most="critical", incident=shift.id))
    shift.until(T0 + 110 * MINUTE_MS, every_ms=MINUTE_MS)
    assert len(pages(shift.out)) == 1
    shift.after(20)
    assert [minute for minute, _ in pages(shift.out)] == [0, 120, 125]


def test_who_presses_escalate_is_heard_through_a_silence() -> None:
    shift = opened()
    shift.look(silence(T0 + 5 * HOUR_MS))
    shift.after(3)
    shift.act("escalate")
    assert pages(shift.out) == [(0, ("pr_on_call",)), (3, ("head_of_communications",))]


def test_a_silenced_incident_that_somebody_acknowledges_wakes_nobody_when_the_silence_ends() -> None:
    shift = Shift()
    shift.look(silence(T0 + HOUR_MS))
    shift.finding = trouble("high")
    shift.look()
    shift.after(5)
    shift.act("acknowledge")
    shift.after(120)
    assert not pages(shift.out)


def test_a_silence_about_the_brand_does_not_hush_our_own_blindness() -> None:
    shift = Shift()
    shift.look(silence(T0 + 5 * HOUR_MS))
    shift.feed = deaf()
    shift.look()
    assert pages(shift.out) == [(0, ("operations",))]


# --- the chart's own quiet --------------------------------------------------------------------------------------------


def test_what_is_muted_in_the_night_is_paged_in_the_morning_if_it_still_goes_on() -> None:
    shift = Shift(MUTED, NIGHT)
    shift.finding = trouble("high")
    shift.look()
    assert none_paged(shift.out) == [("muted", MORNING)]
    shift.until(MORNING + HOUR_MS, every_ms=MINUTE_MS)
    assert [(d.at_ms, d.reason) for d in shift.out if d.kind == "Page"] == [(MORNING, "quiet_ended")]


def test_critical_breaks_through_the_night() -> None:
    shift = Shift(MUTED, NIGHT)
    shift.finding = trouble("critical")
    shift.look()
    assert [d.targets for d in shift.out if d.kind == "Page"] == [("pr_on_call", "head_of_communications")]


def test_a_lesser_trouble_that_a_greater_one_covers_is_told_when_the_greater_one_is_over() -> None:
    noon = T0 + 12 * HOUR_MS
    shift = Shift(MUTED, noon)
    shift.finding = trouble("high", "backlash")
    shift.book.blind = Incident(
        id="acme-leak", brand="Acme", scenario="data_security", severity="high", opened_ms=T0, signal_ms=T0
    )
    shift.feed = deaf()
    shift.look()
    assert none_paged(shift.out) == [("inhibited", 0)]
    shift.after(30)
    assert not pages(shift.out)
    shift.feed = None
    shift.look()
    assert pages(shift.out) == [(12 * 60 + 30, ("pr_on_call",))]


def test_one_quiet_that_follows_another_is_written_down_with_its_own_reason_and_end() -> None:
    shift = Shift(MUTED, NIGHT)
    shift.look(msgspec.structs.replace(silence(NIGHT + HOUR_MS), from_ms=NIGHT))
    shift.finding = trouble("high")
    shift.look()
    shift.after(90)
    assert none_paged(shift.out) == [("silenced", NIGHT + HOUR_MS), ("muted", MORNING)]
    assert shift.book.incident is not None
    assert shift.book.incident.walk is not None
    assert shift.book.incident.walk.path[-1].words == "nobody is told for now: chloe: known"


def test_the_chart_cannot_mute_what_is_critical() -> None:
    with pytest.raises(ChartError, match="breaks through every quiet hour"):
        load_chart(CHART + MUTES.replace("high", "critical"), "chart.yaml")


@pytest.mark.parametrize("hours", ["9-17", "25:00-07:00", "09:00-09:30", "22:00-24:30"])
def test_hours_that_are_none_are_refused_with_what_is_allowed(hours: str) -> None:
    with pytest.raises(ValidationError, match=r"hour|ends after midnight"):
        Mute(severity_at_most="low", hours=hours, timezone="UTC", because="x")


# --- properties -------------------------------------------------------------------------------------------------------

SCENARIOS = st.sampled_from(["backlash", "data_security", BLIND])
ASKED = st.builds(
    Silence,
    id=st.sampled_from("abc"),
    brand=st.just("acme"),
    from_ms=st.integers(0, 50),
    until_ms=st.integers(0, 100),
    who=st.just("ana"),
    reason=st.just("known"),
    scenario=st.sampled_from(["", "backlash", BLIND]),
    severity_at_most=st.sampled_from(SEVERITIES),
    incident=st.sampled_from(["", "acme-1", "acme-2"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ASKED, max_size=4), SCENARIOS, st.sampled_from(SEVERITIES), st.integers(0, 120))
def test_whoever_is_hushed_was_asked_to_be_and_not_for_longer(
    asked: list[Silence], scenario: str, severity: str, at_ms: int
) -> None:
    about = About("acme-1", scenario, severity)
    hush = hush_of(about, asked, Quiet(), at_ms)
    why = [
        s
        for s in asked
        if s.from_ms <= at_ms < s.until_ms
        and rank(severity) <= rank(s.severity_at_most)
        and (s.incident == "acme-1" if s.incident else s.scenario == scenario or (not s.scenario and scenario != BLIND))
    ]
    assert (hush is None) == (not why)
    if hush is not None:
        assert hush.until_ms == max(s.until_ms for s in why)


@settings(max_examples=100, deadline=None)
@given(SCENARIOS, st.integers(0, 14 * 24 * 60))
def test_no_rule_of_a_chart_hushes_what_is_critical_or_our_blindness(scenario: str, minute: int) -> None:
    always = Mute(severity_at_most="high", hours="00:00-24:00", timezone="UTC", because="x")
    quiet = Quiet(mute=(always,), inhibit=(Inhibit(**{"while": "recall", "mute": ["backlash"], "because": "x"}),))
    at_ms = T0 + minute * MINUTE_MS
    assert hush_of(About("a", scenario, "critical", ("recall",)), (), quiet, at_ms) is None
    assert hush_of(About("a", BLIND, "high"), (), quiet, at_ms) is None
    hush = hush_of(About("a", "backlash", "high"), (), quiet, at_ms)
    assert hush is not None
    assert at_ms < hush.until_ms <= at_ms + 8 * DAY_MS, "never for good"


def test_a_chart_without_a_word_about_quiet_mutes_nothing() -> None:
    assert hush_of(About("a", "backlash", "low"), (), SHIPPED.quiet, NIGHT) is None
