"""Who is told, when, and when no longer: the casebook of one brand, worked at grid points on virtual time."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerting.assessment import Assessment
from alerting.decision import Decision
from alerting.escalation import CALM_AFTER_MS, NEW_NORMAL_AFTER_MS, Casebook, Desk, Scene, due_ms, slug
from alerting.facts import BLIND, SEVERITIES, Facts
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart
from alerting.incident import REOPENS_WITHIN_MS, rank
from alerting.quiet import Silence, Unsilence
from detectors.detector import Signal
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, canonical, decode
from tests.tocsin.stories import CHART, OTHER_CHART, STEP_MS

FOR_GOOD = "\nacknowledgement_expires: {critical: never, high: never, medium: never}\n"
"""What becomes of an acknowledgement that nobody acts on is told in `test_expiry.py`."""
SHIPPED = load_chart(CHART + FOR_GOOD, "crisis_flowchart.yaml")
QUICKER = load_chart(OTHER_CHART + FOR_GOOD, "crisis_flowchart.yaml")
T0 = 1_772_409_600_000
PAGES = ("Page", "Escalate")


class Act(NamedTuple):
    """What a human did."""

    id: str
    incident: str
    answer: str
    who: str = "chloe"
    severity: str = ""
    at_ms: int = 0
    node: str = ""
    choice: str = ""
    note_digest: str = ""


def trouble(severity: str = "high", scenario: str = "backlash", ratio_milli: int = 6_000) -> Assessment:
    """An assessment as the detectors' findings would give it."""
    signal = Signal("volume", 900, True, 60, 10, T0, HOUR_MS)
    facts = Facts(scenario=scenario, severity=severity, volume_ratio_milli=ratio_milli, mentions=60, expected=10)
    return Assessment(scenario, severity, ("volume far beyond this brand's past",), facts, (signal,))


def deaf(sources_out: int = 1) -> Signal:
    """A finding about ourselves."""
    return Signal("feed", 900, False, 0, 20, T0, HOUR_MS, {"state": "silent", "sources_out": sources_out})


class Shift:
    """A casebook at work, looked at whenever it asks for it, in the engine's order of things."""

    def __init__(self, chart: Chart = SHIPPED, at_ms: int = T0) -> None:
        self.chart = chart
        self.charts = [chart]
        """Those that an incident under way may walk."""
        self.book = Casebook(brand="Acme")
        self.at_ms = at_ms
        self.out: list[Decision] = []
        self.finding: Assessment | None = None
        self.feed: Signal | None = None

    def scene(self, signals: tuple[Signal, ...]) -> Scene:
        """What is known at this grid point."""
        return Scene(signals)

    def look(self, *acts: Act | Silence | Unsilence, failed: tuple[tuple[str, str], ...] = ()) -> list[Decision]:
        """One grid point, now. The book is written down and read back first: it is plain data."""
        self.book = decode(canonical(self.book), Casebook)
        signals = self.finding.signals if self.finding else ()
        scene = self.scene((*signals, *([self.feed] if self.feed else [])))
        charts = {c.digest: c for c in (SHIPPED, QUICKER, *self.charts)}
        desk = Desk(self.book, self.chart, charts.__getitem__, self.at_ms, scene)
        desk.listen(self.feed)
        for act in acts:
            if isinstance(act, Silence | Unsilence):
                desk.silence(act)
            else:
                desk.answer(act)
        desk.assess(self.finding, blind=self.feed is not None)
        for incident, key in failed:
            desk.delivery_failed(incident, key)
        desk.timers()
        self.out += desk.out
        return desk.out

    def until(self, at_ms: int, every_ms: int = 0) -> list[Decision]:
        """Let time pass, looking when something is due (and each `every_ms`)."""
        seen = len(self.out)
        while True:
            due = due_ms(self.book, self.at_ms)
            grid = -(-due // STEP_MS) * STEP_MS if due is not None else at_ms
            upcoming = max(min(grid, self.at_ms + every_ms if every_ms else grid), self.at_ms + STEP_MS)
            if upcoming >= at_ms:
                break
            self.at_ms = upcoming
            self.look()
        self.at_ms = at_ms
        self.look()
        return self.out[seen:]

    def after(self, minutes: float) -> list[Decision]:
        """Let so many minutes pass."""
        return self.until(self.at_ms + int(minutes * MINUTE_MS))

    @property
    def id(self) -> str:
        """The brand's latest incident."""
        assert self.book.incident is not None
        return self.book.incident.id

    def act(self, answer: str, incident: str = "", number: int = 0) -> list[Decision]:
        """Somebody presses a button now."""
        return self.look(Act(f"{answer}-{self.at_ms}-{number}", incident or self.id, answer))


def opened(severity: str = "high", scenario: str = "backlash", **given_: int) -> Shift:
    """A shift with an incident that has just opened."""
    shift = Shift()
    shift.finding = trouble(severity, scenario, **given_)
    shift.look()
    return shift


def pages(decisions: list[Decision]) -> list[tuple[int, tuple[str, ...]]]:
    """Minutes from the start, and who was woken."""
    return [((d.at_ms - T0) // MINUTE_MS, d.targets) for d in decisions if d.kind in PAGES]


# --- the ladder -------------------------------------------------------------------------------------------------------


def test_a_page_nobody_acknowledges_reaches_the_next_rung_at_its_minute_and_not_before() -> None:
    shift = opened()
    for _ in range(45 * 12):
        shift.at_ms += STEP_MS
        shift.look()
    woken = [(d.at_ms - T0, d.kind, d.targets) for d in shift.out if d.kind in PAGES]
    assert woken == [
        (0, "Page", ("pr_on_call",)),
        (10 * MINUTE_MS, "Escalate", ("head_of_communications",)),
        (20 * MINUTE_MS, "Escalate", ("executive", "head_of_communications")),
    ]


@pytest.mark.parametrize("step", range(1, 8))
def test_a_rung_is_due_at_the_same_minute_however_often_anybody_looks(step: int) -> None:
    often, seldom = opened(), opened()
    often.until(T0 + 40 * MINUTE_MS, every_ms=step * STEP_MS)
    seldom.until(T0 + 40 * MINUTE_MS)
    assert pages(often.out) == pages(seldom.out)
    assert len(pages(often.out)) == 3


def test_each_page_says_who_is_next_and_when() -> None:
    shift = opened()
    shift.after(25)
    first, second, third = (d for d in shift.out if d.kind in PAGES)
    assert (first.ack_by_ms, first.next_targets) == (second.at_ms, second.targets)
    assert (second.ack_by_ms, second.next_targets) == (third.at_ms, third.targets)
    assert (third.ack_by_ms, third.next_targets) == (0, ())


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.integers(0, 60),
    second=st.integers(0, 11),
    answer=st.sampled_from(["acknowledge", "own", "false_alarm", "resolve"]),
    severity=st.sampled_from(["high", "critical"]),
    scenario=st.sampled_from(["backlash", "data_security", "service_outage", "viral_complaint", "campaign_blunder"]),
    rises=st.integers(0, 90),
)
@example(minutes=1, second=0, answer="false_alarm", severity="high", scenario="backlash", rises=0)
@example(minutes=1, second=0, answer="resolve", severity="high", scenario="backlash", rises=0)
def test_nobody_is_paged_after_an_answer_and_everybody_due_before_it_was(
    minutes: int, second: int, answer: str, severity: str, scenario: str, rises: int
) -> None:
    silent = opened(severity, scenario)
    silent.until(T0 + 3 * HOUR_MS)
    answered_ms = T0 + minutes * MINUTE_MS + second * STEP_MS
    shift = opened(severity, scenario)
    if answered_ms > T0:
        shift.until(answered_ms)
    shift.act(answer)
    for woken in (d for d in shift.out if d.kind in PAGES):
        assert woken.at_ms <= answered_ms
    before = [p for p in silent.out if p.kind in PAGES and p.at_ms < answered_ms]
    assert [(d.at_ms, d.targets) for d in shift.out if d.kind in PAGES and d.at_ms < answered_ms] == [
        (d.at_ms, d.targets) for d in before
    ]
    if answer in ("acknowledge", "own"):
        shift.after(rises)
        shift.finding = trouble("critical", scenario)
        shift.look()
    assert not pages(shift.until(T0 + 4 * HOUR_MS, every_ms=5 * MINUTE_MS)), "quiet from then on"


def test_the_same_click_twice_is_one_answer() -> None:
    once, twice = opened(), opened()
    act = Act("click-1", once.id, "escalate")
    for shift, times in ((once, 1), (twice, 3)):
        for _ in range(times):
            shift.at_ms += STEP_MS
            shift.look(act)
    assert pages(once.out) == pages(twice.out)
    assert len(pages(once.out)) == 2


def test_two_people_who_acknowledge_are_told_of_once() -> None:
    shift = opened()
    first = shift.act("acknowledge", number=1)
    assert [d.reason for d in first if d.kind == "Update"] == ["acknowledged"]
    assert not shift.act("acknowledge", number=2)


def test_own_after_acknowledge_names_the_owner_and_tells_nobody_anew() -> None:
    shift = opened()
    shift.act("acknowledge")
    owned = shift.act("own")
    assert [(d.kind, d.reason, d.note) for d in owned] == [("Update", "owned", "chloe")]
    assert shift.book.incident is not None
    assert (shift.book.incident.owner, shift.book.incident.status) == ("chloe", "acknowledged")


def test_an_answer_about_another_incident_changes_nothing() -> None:
    shift = opened()
    shift.at_ms += STEP_MS
    assert not shift.look(Act("click", "acme-1", "resolve"))
    assert len(pages(shift.after(11))) == 1


# --- escalate by hand -------------------------------------------------------------------------------------------------


def test_escalate_wakes_the_next_rung_at_once_for_the_reason_that_somebody_asked() -> None:
    shift = opened()
    shift.after(3)
    asked = shift.act("escalate")
    assert [(d.kind, d.reason, d.targets) for d in asked] == [
        ("Escalate", "asked_by_human", ("head_of_communications",))
    ]
    assert [m for m, _ in pages(shift.after(30))] == [13], "ten minutes from then"


def test_after_an_acknowledgement_an_escalation_climbs_until_somebody_acknowledges_again() -> None:
    shift = opened()
    shift.act("acknowledge")
    shift.after(5)
    shift.act("escalate")
    assert pages(shift.after(10))[-1] == (15, ("executive", "head_of_communications"))
    again = shift.act("acknowledge")
    assert [d.reason for d in again if d.kind == "Update"] == ["acknowledged"]
    assert not pages(shift.after(120))


@settings(max_examples=40, deadline=None)
@given(answers=st.lists(st.tuples(st.sampled_from(["acknowledge", "own", "escalate"]), st.integers(0, 25)), max_size=8))
def test_nobody_is_woken_between_an_acknowledgement_and_the_next_escalation(answers: list[tuple[str, int]]) -> None:
    shift = opened()
    held = False
    for number, (answer, minutes) in enumerate(answers):
        passed = shift.after(minutes) if minutes else []
        assert not (held and pages(passed))
        said = shift.act(answer, number=number)
        assert not (answer != "escalate" and pages(said))
        held = answer != "escalate"
    assert not (held and pages(shift.after(90)))


def test_an_escalation_beyond_the_last_rung_wakes_the_last_resort_and_can_be_acknowledged() -> None:
    shift = opened()
    for number in range(3):
        last = shift.act("escalate", number=number)
        shift.at_ms += STEP_MS
    assert last[-1].targets == SHIPPED.last_resort
    assert [d.reason for d in shift.act("acknowledge") if d.kind == "Update"] == ["acknowledged"]


# --- pages that do not arrive -----------------------------------------------------------------------------------------


def test_a_page_that_cannot_be_delivered_climbs_at_once_and_once() -> None:
    shift = opened()
    key = next(d.key for d in shift.out if d.kind == "Page")
    shift.at_ms += STEP_MS
    climbed = shift.look(failed=((shift.id, key), (shift.id, key)))
    assert [(d.kind, d.reason, d.targets) for d in climbed] == [
        ("Escalate", "delivery_failed", ("head_of_communications",))
    ]
    shift.at_ms += STEP_MS
    assert not shift.look(failed=((shift.id, key),)), "the same report again, by another way"


def test_a_report_about_a_page_that_was_climbed_already_changes_nothing() -> None:
    shift = opened()
    key = next(d.key for d in shift.out if d.kind == "Page")
    shift.after(10)
    shift.at_ms += STEP_MS
    assert not shift.look(failed=((shift.id, key),)), "the second rung has its own ten minutes"


def test_a_notice_that_cannot_be_delivered_wakes_nobody() -> None:
    shift = opened("high", "service_outage")
    notice = next(d.key for d in shift.out if d.kind == "Notify")
    shift.at_ms += STEP_MS
    assert not shift.look(failed=((shift.id, notice),))


@pytest.mark.parametrize("answer", ["acknowledge", "false_alarm"])
def test_a_page_that_failed_wakes_nobody_once_somebody_answered(answer: str) -> None:
    shift = opened()
    key = next(d.key for d in shift.out if d.kind == "Page")
    shift.act(answer)
    shift.at_ms += STEP_MS
    assert not shift.look(failed=((shift.id, key),))


# --- severity ---------------------------------------------------------------------------------------------------------


def test_a_rise_after_an_acknowledgement_notifies_and_does_not_page() -> None:
    shift = opened("high")
    shift.act("acknowledge")
    shift.after(4)
    shift.finding = trouble("critical")
    rise = shift.look()
    assert {(d.kind, d.reason) for d in rise} == {("NoPage", "already_acknowledged"), ("Notify", "severity_rose")}
    assert not pages(shift.after(60))


def test_a_severity_that_comes_and_goes_is_told_once_and_pages_nobody_anew() -> None:
    """Up and down around a threshold: within six hours nobody hears of each time, and a fall is never told aloud."""
    shift = opened("medium")
    for _ in range(4):
        shift.finding = trouble("low")
        shift.after(40)
        shift.finding = trouble("medium")
        shift.after(5)
    heard = [(d.kind, d.reason) for d in shift.out if d.kind in ("Page", "Escalate", "Notify")]
    assert ("Notify", "severity_fell") not in heard
    assert [reason for _, reason in heard if reason == "severity_rose"] == []


def test_a_severity_that_was_not_told_yet_is_told_at_once_after_a_fall() -> None:
    shift = opened("medium")
    shift.finding = trouble("low")
    shift.after(40)
    shift.finding = trouble("high")
    shift.look()
    assert pages(shift.out)


def test_after_a_rise_whoever_has_it_gets_what_the_worse_case_leads_to() -> None:
    """Nobody is woken anew, and the room of the crisis is told all the same."""
    shift = opened()
    shift.act("acknowledge")
    shift.finding = trouble("critical")
    shift.at_ms += STEP_MS
    told = [(d.node, d.targets) for d in shift.look() if d.kind == "Notify"]
    assert told[0] == ("wake_communications", ("pr_on_call", "head_of_communications"))
    assert told[1] == ("open_crisis_room", ("crisis_room", "webcare_lead", "customer_service"))
    assert not [d for d in shift.after(60) if d.kind in PAGES]


def test_a_rise_before_an_acknowledgement_pages_whom_it_did_not_page_yet() -> None:
    shift = opened("high")
    shift.after(4)
    shift.finding = trouble("critical")
    assert pages(shift.look()) == [(4, ("head_of_communications",))]
    assert pages(shift.after(6)) == [(9, ("executive", "head_of_communications"))]


def test_a_rise_that_pages_nobody_new_is_told_all_the_same() -> None:
    shift = opened("high")
    shift.after(12)
    shift.finding = trouble("critical")
    rise = shift.look()
    assert [(d.kind, d.reason) for d in rise] == [("NoPage", "already_paged"), ("Update", "severity_rose")]


def test_severity_falls_after_half_an_hour_at_the_lower_level_and_not_before() -> None:
    shift = opened("high")
    shift.act("acknowledge")
    shift.finding = trouble("medium")
    fell = [d for d in shift.until(T0 + HOUR_MS, every_ms=MINUTE_MS) if d.reason == "severity_fell"]
    assert [(d.at_ms - T0, d.severity) for d in fell] == [(30 * MINUTE_MS, "medium")]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_low_incident_stays_on_record_and_says_once_that_nobody_is_paged(severity: str) -> None:
    shift = opened(severity)
    shift.until(T0 + 50 * MINUTE_MS, every_ms=STEP_MS * 3)
    quiet = [d for d in shift.out if d.kind == "NoPage"]
    assert len(quiet) == (1 if severity == "low" else 0)
    assert bool(pages(shift.out)) == (rank(severity) >= 2)


# --- the end, and what comes after ------------------------------------------------------------------------------------


def test_an_hour_of_calm_closes_it_and_not_a_minute_less() -> None:
    shift = opened()
    shift.after(7)
    shift.finding = None
    down = [d for d in shift.after(70) if d.kind == "StandDown"]
    assert [(d.at_ms - T0, d.reason) for d in down] == [(7 * MINUTE_MS + CALM_AFTER_MS, "calm")]


@settings(max_examples=30, deadline=None)
@given(lost=st.integers(1, 59), back=st.integers(1, 300))
def test_the_calm_hour_begins_only_when_the_sources_are_back(lost: int, back: int) -> None:
    shift = opened()
    shift.act("acknowledge")
    shift.finding = None
    shift.after(lost)
    shift.feed = deaf()
    shift.look()
    shift.after(back)
    assert shift.book.incident is not None
    assert shift.book.incident.is_open
    shift.feed = None
    back_ms = shift.at_ms
    down = [d for d in shift.after(90) if d.kind == "StandDown" and d.scenario != BLIND]
    assert [d.reason for d in down] == ["calm"]
    assert back_ms + CALM_AFTER_MS - MINUTE_MS <= down[0].at_ms <= back_ms + CALM_AFTER_MS + MINUTE_MS


@pytest.mark.parametrize("answer", ["false_alarm", "resolve"])
def test_what_a_human_closed_stays_quiet_while_it_is_no_stronger(answer: str) -> None:
    shift = opened()
    shift.act(answer)
    assert not shift.until(shift.at_ms + 12 * HOUR_MS, every_ms=10 * MINUTE_MS)


def test_a_false_alarm_is_told_again_when_it_is_twice_as_strong() -> None:
    shift = opened(ratio_milli=6_000)
    shift.act("false_alarm")
    shift.after(20)
    shift.finding = trouble(ratio_milli=11_999)
    assert not shift.look()
    shift.finding = trouble(ratio_milli=12_000)
    assert [d.kind for d in shift.look()][:1] == ["OpenIncident"]


def test_a_false_alarm_is_told_again_at_a_higher_severity() -> None:
    shift = opened("high")
    shift.act("false_alarm")
    shift.after(20)
    shift.finding = trouble("critical")
    assert pages(shift.look())


def test_a_false_alarm_is_told_again_after_an_hour_of_calm() -> None:
    for minutes, told in ((59, False), (60, True)):
        shift = opened()
        shift.act("false_alarm")
        shift.finding = None
        shift.after(minutes)
        shift.finding = trouble()
        assert bool(shift.look()) == told


def test_an_hour_in_which_we_were_deaf_is_no_hour_of_calm() -> None:
    shift = opened()
    shift.act("false_alarm")
    shift.finding = None
    shift.after(10)
    shift.feed = deaf()
    shift.look()
    shift.after(300)
    shift.feed = None
    shift.look()
    shift.after(5)
    shift.finding = trouble()
    assert not shift.look(), "what was closed may have gone on all the while"


@settings(max_examples=40, deadline=None)
@given(hours=st.integers(1, 40))
def test_what_flares_up_within_a_day_reopens_under_its_id(hours: int) -> None:
    shift = opened()
    first = shift.id
    assert shift.book.incident is not None
    shift.book.incident.owner = "chloe"
    shift.finding = None
    shift.after(61)
    closed_ms = shift.book.incident.closed_ms
    shift.until(closed_ms + hours * HOUR_MS)
    shift.finding = trouble()
    again = shift.look()
    back = hours * HOUR_MS < REOPENS_WITHIN_MS
    assert (again[0].kind, again[0].reason) == ("OpenIncident", "flared_up" if back else "signals")
    assert (shift.id == first) == back
    assert pages(again), "and it pages, whoever was paged before"
    assert not shift.book.incident.owner, "who led it then need not know that it is back"
    assert len({d.key for d in shift.out}) == len(shift.out), "no key is ever used twice"


def test_what_goes_on_for_a_day_is_the_new_normal_and_not_told_again() -> None:
    shift = opened()
    shift.act("acknowledge")
    down = [d for d in shift.until(T0 + DAY_MS + HOUR_MS, every_ms=5 * MINUTE_MS) if d.kind == "StandDown"]
    assert [(d.at_ms - T0, d.reason) for d in down] == [(NEW_NORMAL_AFTER_MS, "new_normal")]
    assert not shift.until(T0 + 2 * DAY_MS, every_ms=5 * MINUTE_MS)


# --- charts -----------------------------------------------------------------------------------------------------------


def test_an_incident_under_way_stays_on_the_chart_it_began_with() -> None:
    shift = opened()
    shift.after(2)
    shift.chart = QUICKER
    assert [m for m, _ in pages(shift.after(30))] == [10, 20], "ten minutes, as its own chart says"
    shift.act("resolve")
    shift.finding = None
    shift.after(70)
    shift.finding = trouble()
    shift.look()
    begun = (shift.at_ms - T0) // MINUTE_MS
    assert [m for m, _ in pages(shift.after(10))] == [begun + 7], "the next one walks the new chart"


# --- what a person is told --------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    quiet=st.lists(st.tuples(st.integers(1, 58), st.integers(1, 40)), min_size=1, max_size=6),
    answered=st.booleans(),
)
def test_after_half_an_hour_without_a_word_a_person_is_told_aloud(quiet: list[tuple[int, int]], answered: bool) -> None:
    shift = opened("high")
    if answered:
        shift.act("acknowledge")
    for silent, loud in quiet:
        shift.finding = None
        shift.after(silent)
        shift.finding = trouble("high")
        shift.until(shift.at_ms + loud * MINUTE_MS, every_ms=30_000)
    told = [d for d in shift.out if d.targets]
    for before, after in pairwise(told):
        if after.at_ms - before.at_ms >= 30 * MINUTE_MS:
            assert after.kind != "Update", f"{after.reason} at {after.at_ms - T0}"


# --- our own blindness ------------------------------------------------------------------------------------------------


def test_blindness_goes_to_operations_and_has_an_incident_of_its_own() -> None:
    shift = opened()
    own = shift.id
    shift.after(1)
    shift.feed = deaf()
    shift.look()
    shift.after(45)
    about_us = [d for d in shift.out if d.scenario == BLIND]
    assert {d.incident for d in about_us}.isdisjoint({own})
    told = {target for d in about_us for target in d.targets}
    assert told == {"operations", "operations_lead"}
    assert all(s.kind == "feed" for d in about_us for s in d.signals)
    assert all(s.kind != "feed" for d in shift.out if d.scenario != BLIND for s in d.signals)


def test_blindness_ends_when_the_source_is_back_and_a_new_one_is_a_new_incident() -> None:
    shift = Shift()
    ids = []
    for _ in range(2):
        shift.feed = deaf()
        shift.look()
        assert shift.book.blind is not None
        ids.append(shift.book.blind.id)
        shift.after(5)
        shift.feed = None
        assert [d.reason for d in shift.look()] == ["source_back"]
        shift.after(1)
    assert ids[0] != ids[1]


@pytest.mark.parametrize("answer", ["false_alarm", "resolve"])
def test_blindness_that_a_human_closed_is_not_told_again_until_it_changes(answer: str) -> None:
    shift = Shift()
    shift.feed = deaf()
    shift.look()
    assert shift.book.blind is not None
    shift.act(answer, shift.book.blind.id)
    assert not shift.until(shift.at_ms + 5 * HOUR_MS, every_ms=MINUTE_MS)
    shift.feed = deaf(sources_out=2)
    assert pages(shift.look()), "another source went silent too"


def test_blindness_that_a_human_closed_is_told_again_after_a_day() -> None:
    shift = Shift()
    shift.feed = deaf()
    shift.look()
    assert shift.book.blind is not None
    shift.act("false_alarm", shift.book.blind.id)
    again = shift.until(T0 + 2 * DAY_MS)
    assert [d.at_ms - T0 for d in again if d.kind == "OpenIncident"] == [DAY_MS]


# --- the shape of it all ----------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_happens_each_story_opens_before_it_speaks_and_says_nothing_after_its_end(data: st.DataObject) -> None:
    shift = Shift()
    answers = st.sampled_from(["acknowledge", "own", "escalate", "false_alarm", "resolve", ""])
    for number in range(data.draw(st.integers(1, 12))):
        severity = data.draw(st.sampled_from(["", *SEVERITIES]))
        shift.finding = trouble(severity, ratio_milli=data.draw(st.integers(500, 20_000))) if severity else None
        shift.feed = deaf() if data.draw(st.integers(0, 4)) == 0 else None
        shift.after(data.draw(st.integers(1, 100)))
        answer = data.draw(answers)
        for incident in (shift.book.incident, shift.book.blind):
            if answer and incident is not None:
                shift.act(answer, incident.id, number)
    standing: dict[str, bool] = {}
    for decision in shift.out:
        if decision.kind == "OpenIncident":
            assert not standing.get(decision.incident)
            standing[decision.incident] = True
        assert standing.get(decision.incident), f"{decision.kind} of an incident that is not open"
        if decision.kind == "StandDown":
            standing[decision.incident] = False
    assert len({d.key for d in shift.out}) == len(shift.out)
    assert [d.at_ms for d in shift.out] == sorted(d.at_ms for d in shift.out)


def test_a_brands_name_makes_a_safe_id() -> None:
    assert [slug(name) for name in ("Acme Air & Sons", "Café Zürich", "!!!", "a/b\nc")] == [
        "acme-air-sons",
        "café-zürich",
        "brand",
        "a-b-c",
    ]
