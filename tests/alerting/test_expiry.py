"""An acknowledgement is a promise to act: when nobody does, it expires and the next ones are asked."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.decision import Decision
from alerting.escalation import Scene
from alerting.facts import SEVERITIES, rank
from alerting.flowchart.load import ChartError, load_chart
from alerting.quiet import Silence
from alerting.view import IncidentView, grown
from detectors.detector import Signal
from stream.codec import HOUR_MS, MINUTE_MS
from tests.alerting.test_escalation import PAGES, T0, Act, Shift, pages, trouble
from tests.tocsin.stories import CHART, STEP_MS
from tocsin.answers import Answers
from tocsin.entry import Answer

DEFAULT = load_chart(CHART, "crisis_flowchart.yaml")
QUICK = load_chart(CHART + "\nacknowledgement_expires: {high: 20m, critical: 10m, medium: never}\n", "chart.yaml")
EXPIRES_MIN = {"critical": 30, "high": 60}


class Spoken(Scene):
    """A scene in which the brand has spoken."""

    def __init__(self, signals: tuple[Signal, ...], responded_ms: int) -> None:
        super().__init__(signals)
        self._responded_ms = responded_ms

    @property
    def responded_ms(self) -> int:
        """When one of the brand's own accounts last posted."""
        return self._responded_ms


class Talk(Shift):
    """A shift in which the brand may speak up."""

    responded_ms = 0

    def scene(self, signals: tuple[Signal, ...]) -> Scene:
        """What is known at this grid point."""
        return Spoken(signals, self.responded_ms)


def acknowledged(severity: str = "high", answer: str = "acknowledge", chart: object = DEFAULT) -> Talk:
    """A shift whose incident somebody acknowledged after five minutes."""
    shift = Talk(chart)  # type: ignore[arg-type]
    shift.finding = trouble(severity)
    shift.look()
    shift.after(5)
    shift.act(answer)
    return shift


def expired(decisions: list[Decision]) -> list[tuple[int, str, tuple[str, ...]]]:
    """Minutes from the start, kind and targets of what an expired acknowledgement brought."""
    return [((d.at_ms - T0) // MINUTE_MS, d.kind, d.targets) for d in decisions if d.reason == "ack_expired"]


@pytest.mark.parametrize("step", [1, 5, 12])
@pytest.mark.parametrize("severity", ["high", "critical"])
def test_an_acknowledgement_that_nobody_acts_on_pages_the_next_rung_at_its_instant(severity: str, step: int) -> None:
    shift = acknowledged(severity)
    minute = 5 + EXPIRES_MIN[severity]
    shift.until(T0 + minute * MINUTE_MS - STEP_MS, every_ms=step * STEP_MS)
    assert not expired(shift.out)
    shift.until(T0 + (minute + 1) * MINUTE_MS, every_ms=step * STEP_MS)
    assert [(m, kind) for m, kind, _ in expired(shift.out)] == [(minute, "Escalate")]
    before = {t for d in shift.out if d.kind == "Page" for t in d.targets}
    assert not set(expired(shift.out)[0][2]) <= before, "somebody new is asked"


def test_after_that_the_incident_is_in_nobodys_hands_and_the_ladder_goes_on() -> None:
    shift = acknowledged()
    shift.until(T0 + 90 * MINUTE_MS, every_ms=MINUTE_MS)
    assert [minute for minute, _ in pages(shift.out)] == [0, 65, 75]
    assert shift.book.incident is not None
    assert not shift.book.incident.is_answered


def test_whoever_acknowledges_anew_stops_it_again_and_for_as_long() -> None:
    shift = acknowledged()
    shift.after(62)
    shift.act("acknowledge", number=2)
    shift.until(T0 + 126 * MINUTE_MS, every_ms=MINUTE_MS)
    assert [m for m, _, _ in expired(shift.out)] == [65]
    shift.until(T0 + 128 * MINUTE_MS, every_ms=MINUTE_MS)
    assert [m for m, _, _ in expired(shift.out)] == [65, 127]


@pytest.mark.parametrize(("answer", "until"), [("own", 5 + 4 * 60), ("acknowledge", 5 + 60)])
def test_who_owns_it_may_be_silent_four_times_as_long(answer: str, until: int) -> None:
    shift = acknowledged(answer=answer)
    shift.until(T0 + 6 * HOUR_MS, every_ms=5 * MINUTE_MS)
    assert expired(shift.out)[0][0] == until


def test_a_reply_by_the_brands_own_account_is_an_act() -> None:
    shift = acknowledged()
    shift.after(40)
    shift.responded_ms = shift.at_ms
    shift.until(T0 + 104 * MINUTE_MS, every_ms=MINUTE_MS)
    assert not expired(shift.out)
    shift.after(2)
    assert [m for m, _, _ in expired(shift.out)] == [105]


def test_it_gets_worse_and_so_the_time_to_act_gets_shorter() -> None:
    shift = acknowledged()
    shift.after(10)
    shift.finding = trouble("critical")
    shift.until(T0 + 40 * MINUTE_MS, every_ms=MINUTE_MS)
    assert [m for m, _, _ in expired(shift.out)] == [35]


def test_where_people_were_only_told_they_are_told_again() -> None:
    shift = acknowledged("medium")
    shift.until(T0 + 5 * HOUR_MS, every_ms=5 * MINUTE_MS)
    told = [d.targets for d in shift.out if d.kind == "Notify"]
    assert expired(shift.out) == [(245, "Notify", told[0])]
    assert not pages(shift.out)


def test_the_chart_says_how_long_and_may_say_never() -> None:
    shift = acknowledged(chart=QUICK)
    shift.until(T0 + HOUR_MS, every_ms=MINUTE_MS)
    assert expired(shift.out)[0][0] == 25
    quiet = acknowledged("medium", chart=QUICK)
    quiet.until(T0 + 20 * HOUR_MS, every_ms=10 * MINUTE_MS)
    assert not expired(quiet.out)
    with pytest.raises(ChartError, match="length of time"):
        load_chart(CHART + "\nacknowledgement_expires: {high: soon}\n", "chart.yaml")


def test_an_acknowledgement_that_expires_in_a_silence_is_paged_when_the_silence_ends() -> None:
    shift = acknowledged()
    shift.look(Silence("s-1", "Acme", shift.at_ms, T0 + 2 * HOUR_MS, "chloe", "known"))
    shift.until(T0 + 121 * MINUTE_MS, every_ms=MINUTE_MS)
    assert [minute for minute, _ in pages(shift.out)] == [0, 120]
    assert ("silenced", T0 + 2 * HOUR_MS) in [(d.reason, d.until_ms) for d in shift.out if d.kind == "NoPage"]


def test_what_is_closed_expires_no_more() -> None:
    shift = acknowledged()
    shift.act("resolve")
    shift.until(T0 + 6 * HOUR_MS, every_ms=5 * MINUTE_MS)
    assert len(pages(shift.out)) == 1


@settings(max_examples=12, deadline=None)
@given(acts=st.lists(st.integers(1, 150), max_size=5), severity=st.sampled_from(["high", "critical"]))
def test_nobody_is_asked_while_somebody_acts_in_time(acts: list[int], severity: str) -> None:
    """Only where as much time as the chart allows lies between two acts, and then at once."""
    shift = acknowledged(severity)
    times = [5, *sorted({5 + minute for minute in acts})]
    for minute in times[1:]:
        shift.until(T0 + minute * MINUTE_MS)
        shift.act("acknowledge", number=minute)
    shift.until(T0 + 240 * MINUTE_MS)
    patience = EXPIRES_MIN[severity]
    wanted = [a + patience for a, b in pairwise([*times, 10_000]) if b - a >= patience and a + patience <= 240]
    assert [m for m, _, _ in expired(shift.out)] == wanted


# --- on the card, and at the moment of sending -----------------------------------------------------------------------


def test_the_card_says_that_nobody_has_it_any_more() -> None:
    shift = acknowledged()
    shift.after(62)
    view: IncidentView | None = None
    for decision in shift.out:
        view = grown(view, decision)
        if decision.reason == "acknowledged":
            assert (view.status, view.acked_by) == ("acknowledged", "chloe")
    assert view is not None
    assert (view.status, view.acked_by) == ("open", "")
    assert view.next is not None


def test_the_page_of_an_expired_acknowledgement_is_sent_unless_somebody_answered_since() -> None:
    async def kept(_: bytes) -> None: ...

    answers = Answers(kept, lambda _: None, lambda _: "Acme", str)
    answers.note(Answer("a-1", "Acme", "acme-1", "acknowledge", "chloe", T0))
    assert answers.is_quiet("acme-1")
    answers.expired("acme-1", T0 + HOUR_MS)
    assert not answers.is_quiet("acme-1")
    answers.note(Answer("a-2", "Acme", "acme-1", "acknowledge", "david", T0 + 2 * HOUR_MS))
    answers.expired("acme-1", T0 + 2 * HOUR_MS + 1)
    assert answers.is_quiet("acme-1"), "what is in the log and unheard counts"


# --- a severity that a person set -------------------------------------------------------------------------------------


def set_severity(shift: Shift, severity: str) -> list[Decision]:
    """A person says how bad it is."""
    return shift.look(Act(f"severity-{shift.at_ms}", shift.id, "severity", "chloe", severity))


def test_a_person_who_says_it_is_worse_is_believed_at_once() -> None:
    shift = Shift(DEFAULT)
    shift.finding = trouble("medium")
    shift.look()
    shift.after(3)
    out = set_severity(shift, "critical")
    assert [(d.kind, d.reason, d.severity) for d in out if d.kind == "Page"] == [("Page", "set_by_human", "critical")]


@settings(max_examples=40, deadline=None)
@given(
    floor=st.sampled_from(SEVERITIES),
    course=st.lists(st.sampled_from(SEVERITIES), min_size=1, max_size=8),
)
def test_severity_climbs_at_once_and_never_falls_below_what_a_person_set(floor: str, course: list[str]) -> None:
    shift = Shift(DEFAULT)
    shift.finding = trouble("low")
    shift.look()
    shift.after(1)
    set_severity(shift, floor)
    for severity in course:
        shift.finding = trouble(severity)
        shift.at_ms += STEP_MS
        shift.look()
        assert shift.book.incident is not None
        assert rank(shift.book.incident.severity) >= max(rank(severity), rank(floor))
        shift.until(shift.at_ms + 40 * MINUTE_MS, every_ms=5 * MINUTE_MS)
        assert shift.book.incident.severity == max(severity, floor, key=rank)


def test_a_severity_that_is_none_changes_nothing_and_the_floor_goes_with_the_incident() -> None:
    shift = Shift(DEFAULT)
    shift.finding = trouble("high")
    shift.look()
    assert not [d for d in set_severity(shift, "enormous") if d.reason == "set_by_human"]
    set_severity(shift, "critical")
    shift.act("resolve")
    shift.finding = None
    shift.until(T0 + 3 * HOUR_MS)
    shift.finding = trouble("medium")
    shift.look()
    assert shift.book.incident is not None
    assert (shift.book.incident.reopened, shift.book.incident.severity) == (1, "medium")


def test_pages_are_the_only_decisions_that_wake() -> None:
    """What an expired acknowledgement brings is of the closed list of decisions."""
    shift = acknowledged()
    shift.after(200)
    assert {d.kind for d in shift.out if d.reason == "ack_expired"} <= {*PAGES, "Notify"}
