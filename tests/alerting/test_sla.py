"""What was promised to the public turns orange and red at its instants, and people hear of it then and not before."""

import functools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.business_hours import WEEKDAYS, Hours, after_ms, within_ms
from alerting.decision import Decision
from alerting.escalation import Scene
from alerting.flowchart.load import ChartError, load_chart
from alerting.message import card
from alerting.quiet import Silence
from alerting.sla import ENOUGH_INCIDENTS, Clock, Promises, advice_for, hard_to_keep, kept_share, promise_for
from alerting.view import IncidentView, grown
from alerting.vigil import Subject
from detectors.detector import Signal
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from tests.alerting.test_escalation import FOR_GOOD, PAGES, T0, Act, Shift, trouble
from tests.tocsin.stories import CHART, STEP_MS
from tocsin.promised import promise_warnings

ASKED_MS = T0 - 20 * MINUTE_MS
"""The post that the trouble is about is twenty minutes older than the incident."""


def chart(section: str) -> str:
    return f"{CHART}{FOR_GOOD}promises:\n{section}"


ALWAYS = load_chart(chart("  at_risk: {page: webcare_lead}\n  broken: {page: [webcare_lead, executive]}\n"), "c.yaml")
DEFAULT = load_chart(f"{CHART}{FOR_GOOD}promises: {{}}\n", "c.yaml")


class Public(Scene):
    """A scene whose story, and what the brand said to it, is known."""

    def __init__(self, signals: tuple[Signal, ...], of: "Counter") -> None:
        super().__init__(signals)
        self._of = of

    @property
    def subject(self) -> Subject:
        """What the findings are about."""
        return self._of.told

    @property
    def responded_ms(self) -> int:
        """When one of the brand's own accounts last posted."""
        return self._of.responded_at

    def replied_ms(self, thread: str, since_ms: int) -> int:
        """When one of the brand's own accounts first replied in a conversation since an instant."""
        at_ms = self._of.replied_at.get(thread, 0)
        return at_ms if at_ms >= since_ms else 0


class Counter(Shift):
    """A shift in which clocks run."""

    told = Subject(ASKED_MS, "x", "t-1")
    responded_at = 0

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.replied_at: dict[str, int] = {}

    def scene(self, signals: tuple[Signal, ...]) -> Scene:
        """What is known at this grid point."""
        return Public(signals, self)


def running(of: object = ALWAYS, severity: str = "high", story: Subject | None = None) -> Counter:
    """A shift with an incident that has just opened, and its clocks."""
    shift = Counter(of)
    shift.told = story or shift.told
    shift.finding = trouble(severity)
    shift.look()
    return shift


def promised(decisions: list[Decision]) -> list[tuple[int, str, str, tuple[str, ...]]]:
    """When, how and to whom promises were spoken of."""
    return [
        ((d.at_ms - T0) // MINUTE_MS, d.kind, d.reason, d.targets)
        for d in decisions
        if d.reason in ("promise_at_risk", "promise_broken")
    ]


# --- at the declared moments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 3, 11])
def test_a_promise_at_four_fifths_turns_orange_and_pages_at_that_instant_and_red_when_broken(step: int) -> None:
    """Counted from the post: 48 and 60 minutes after it are 28 and 40 after the incident opened."""
    shift = running()
    shift.until(T0 + 28 * MINUTE_MS - STEP_MS, every_ms=step * STEP_MS)
    assert not promised(shift.out)
    shift.until(T0 + HOUR_MS, every_ms=step * STEP_MS)
    assert promised(shift.out) == [
        (28, "Page", "promise_at_risk", ("webcare_lead",)),
        (40, "Page", "promise_broken", ("webcare_lead", "executive")),
    ]


def test_each_decision_carries_the_clocks_and_the_card_shows_them() -> None:
    shift = running()
    shift.until(T0 + 29 * MINUTE_MS)
    view: IncidentView | None = None
    for decision in shift.out:
        view = grown(view, decision)
    assert view is not None
    assert [clock.colour for clock in view.promises] == ["orange", "green"]
    shown = str(card(view).blocks)
    assert "🟠 First response promised by 00:40 UTC; most of the time has gone" in shown
    assert "🟢 Solution promised by" in shown


def test_the_solution_has_a_clock_of_its_own_which_a_reply_does_not_stop() -> None:
    shift = running()
    shift.replied_at = {"t-1": T0 + MINUTE_MS}
    shift.until(T0 + 19 * HOUR_MS, every_ms=10 * MINUTE_MS)
    assert [(m, why) for m, _, why, _ in promised(shift.out)] == [(19 * 60 - 8, "promise_at_risk")]


def test_a_reply_by_the_brand_to_the_conversation_stops_the_clock_and_one_elsewhere_does_not() -> None:
    stopped, running_on = running(), running()
    stopped.replied_at = {"t-1": T0 + 10 * MINUTE_MS}
    running_on.replied_at = {"t-2": T0 + 10 * MINUTE_MS}
    running_on.responded_at = T0 + 10 * MINUTE_MS
    for shift in (stopped, running_on):
        shift.until(T0 + HOUR_MS, every_ms=5 * MINUTE_MS)
    assert not promised(stopped.out)
    assert len(promised(running_on.out)) == 2


def test_where_many_speak_at_once_any_word_of_ours_since_then_is_the_first_response() -> None:
    before, after = (running(story=Subject(ASKED_MS, "x")) for _ in range(2))
    before.responded_at = T0 - MINUTE_MS
    after.responded_at = T0 + 25 * MINUTE_MS
    for shift in (before, after):
        shift.until(T0 + HOUR_MS, every_ms=5 * MINUTE_MS)
    assert len(promised(before.out)) == 2
    assert not promised(after.out)


def test_once_somebody_has_it_nobody_is_woken_and_the_owner_is_told() -> None:
    shift = running()
    shift.after(5)
    shift.act("own")
    shift.until(T0 + HOUR_MS, every_ms=5 * MINUTE_MS)
    assert promised(shift.out) == [
        (28, "Notify", "promise_at_risk", ("chloe", "webcare_lead")),
        (40, "Notify", "promise_broken", ("chloe", "webcare_lead", "executive")),
    ]


def test_who_was_told_last_hears_of_it_where_the_chart_names_nobody() -> None:
    shift = running(DEFAULT, "medium")
    shift.until(T0 + HOUR_MS, every_ms=5 * MINUTE_MS)
    told = next(d.targets for d in shift.out if d.kind == "Notify")
    assert [(m, kind) for m, kind, _, _ in promised(shift.out)] == [(28, "Notify"), (40, "Notify")]
    assert promised(shift.out)[0][3] == told


def test_a_low_incident_and_a_chart_without_promises_have_no_clock() -> None:
    for shift in (running(severity="low"), running(load_chart(CHART + FOR_GOOD, "c.yaml"))):
        shift.until(T0 + 2 * HOUR_MS, every_ms=5 * MINUTE_MS)
        assert not promised(shift.out)
        assert all(d.promises == () for d in shift.out)


def test_a_promise_that_runs_out_in_a_silence_is_told_when_the_silence_ends() -> None:
    shift = running()
    shift.look(Act("a-1", shift.id, "acknowledge"), Silence("s", "Acme", T0, T0 + 90 * MINUTE_MS, "chloe", "known"))
    shift.until(T0 + 2 * HOUR_MS, every_ms=5 * MINUTE_MS)
    held = [((d.at_ms - T0) // MINUTE_MS, d.reason) for d in shift.out if d.kind == "NoPage" and "response" in d.note]
    assert held == [(28, "silenced"), (40, "silenced")]
    assert [(m, why) for m, _, why, _ in promised(shift.out)] == [(90, "promise_broken")]


def test_what_is_resolved_is_solved_and_what_only_grew_calm_is_not() -> None:
    solved, calm = running(), running()
    solved.after(5)
    solved.act("resolve")
    calm.finding = None
    calm.until(T0 + 3 * HOUR_MS)
    ends = [next(d for d in shift.out if d.kind == "StandDown") for shift in (solved, calm)]
    assert [[bool(clock.kept_ms) for clock in end.promises] for end in ends] == [[True, True], [False, False]]


def test_after_a_relapse_nobody_owns_it_and_the_clocks_begin_anew_with_its_first_post() -> None:
    shift = running()
    shift.after(2)
    shift.act("own")
    shift.finding = None
    shift.until(T0 + 3 * HOUR_MS, every_ms=10 * MINUTE_MS)
    shift.finding = trouble("high")
    shift.told = Subject(shift.at_ms, "x", "t-9")
    out = shift.look()
    assert shift.book.incident is not None
    assert shift.book.incident.owner == ""
    assert [clock.from_ms for clock in shift.book.incident.clocks] == [shift.at_ms, shift.at_ms]
    assert out[0].reason == "flared_up"


def test_what_gets_worse_is_promised_sooner_and_never_later() -> None:
    rules = "  rules:\n    - {severity: critical, first_response: 30m}\n    - {severity: high, first_response: 2h}\n"
    shift = running(load_chart(chart(rules), "c.yaml"))
    shift.after(4)
    shift.finding = trouble("critical")
    shift.look()
    assert shift.book.incident is not None
    assert shift.book.incident.clocks[0].red_ms == ASKED_MS + 30 * MINUTE_MS
    shift.finding = trouble("high")
    shift.until(T0 + 2 * HOUR_MS, every_ms=5 * MINUTE_MS)
    assert shift.book.incident.clocks[0].red_ms == ASKED_MS + 30 * MINUTE_MS


# --- what the chart says ----------------------------------------------------------------------------------------------


def test_the_first_rule_that_fits_counts_and_says_only_what_differs() -> None:
    said = Promises.model_validate(
        {
            "default": {"first_response": "60m", "clock": "business_hours"},
            "rules": [
                {"brand": "Acme", "source": "x", "severity": "high", "first_response": "30m", "clock": "always"},
                {"source": "x", "solution": "2h"},
            ],
        }
    )
    high, medium, other = (
        promise_for(said, *of) for of in (("acme", "x", "high"), ("acme", "x", "medium"), ("acme", "mail", "high"))
    )
    assert high is not None
    assert (high.first_response, high.solution, high.clock) == (30 * MINUTE_MS, DAY_MS, "always")
    assert medium is not None
    assert (medium.first_response, medium.solution, medium.clock) == (60 * MINUTE_MS, 2 * HOUR_MS, "business_hours")
    assert other is said.default


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("  at_risk: {}\n", "one of the two"),
        ("  at_risk: {page: webcare_lead, notify: anna}\n", "one of the two"),
        ("  orange_at: 120\n", "orange_at"),
        ("  business_hours: {timezone: Amsterdam}\n", "no time zone"),
        ("  business_hours: {holidays: [2027-02-29]}\n", "2027-02-29"),
        ("  business_hours: {days: [monday]}\n", "mon"),
        ("  default: {first_response: 1 hour}\n", "length of time"),
    ],
)
def test_a_promise_that_cannot_be_is_refused_with_what_is_allowed(section: str, said: str) -> None:
    with pytest.raises(ChartError, match=said):
        load_chart(chart(section), "c.yaml")


def test_a_promise_that_history_shows_cannot_be_kept_is_pointed_out() -> None:
    late = Clock("first_response", 0, 48, 60, colour="red", kept_ms=90)
    early = Clock("solution", 0, 48, 60, kept_ms=30)
    history = [("high", [late, early])] * ENOUGH_INCIDENTS + [("medium", [late])]
    found = kept_share(history)
    assert [(k.promised, k.severity, k.kept, k.broken) for k in found] == [
        ("first_response", "high", 0, 5),
        ("first_response", "medium", 0, 1),
        ("solution", "high", 5, 0),
    ]
    assert [(k.promised, k.severity) for k in hard_to_keep(found)] == [("first_response", "high")]


def test_a_chart_is_measured_by_what_became_of_past_incidents() -> None:
    """Five incidents that were answered after 50 minutes: an hour could be promised, half an hour could not."""
    past: list[Decision] = []
    for _ in range(ENOUGH_INCIDENTS):
        shift = running()
        shift.until(T0 + 30 * MINUTE_MS, every_ms=5 * MINUTE_MS)
        shift.replied_at = {"t-1": T0 + 30 * MINUTE_MS}
        shift.look()
        shift.finding = None
        past += shift.until(T0 + 3 * HOUR_MS, every_ms=10 * MINUTE_MS)
    hasty = load_chart(chart("  default: {first_response: 30m}\n"), "c.yaml")
    line = hasty.document.key_position(("promises",))[0]
    assert promise_warnings(ALWAYS, past) == []
    assert promise_warnings(hasty, past) == [
        f"c.yaml:{line}:1: the first response promised at severity high would have been in time in 0 of 5 past "
        "incidents; promise a longer time, or have more people answer"
    ]


def test_the_chart_can_say_something_else_about_a_class_than_the_shipped_advice() -> None:
    assert advice_for(["privacy"], {})[0].startswith("Move to a private channel")
    assert advice_for(["privacy", "loyalty"], {"privacy": "Call them", "loyalty": "Offer miles"}) == (
        "Call them",
        "Offer miles",
    )
    assert advice_for(["delivery"], {}) == ()


# --- business hours, reckoned a second time ---------------------------------------------------------------------------


@functools.lru_cache(maxsize=16)
def walls_of(zone: str, first: datetime, minutes: int) -> list[tuple[date, int]]:
    """What the clock on a wall shows in each minute: the day, and the minute of the day."""
    clock = ZoneInfo(zone)
    shown = ((first + timedelta(minutes=n)).astimezone(clock) for n in range(minutes))
    return [(wall.date(), wall.hour * 60 + wall.minute) for wall in shown]


def minutes_open(hours: Hours, first: datetime, days: int) -> list[bool]:
    """For each minute of UTC whether it is inside: the wall clock is followed minute by minute.

    Shares nothing with the code: on each day it watches for the first minute at which the clock has reached the hour.
    """
    lead = 3 * 1440
    walls = walls_of(hours.timezone, first - timedelta(days=3), (days + 6) * 1440)
    inside = [False] * len(walls)
    for day in sorted({day for day, _ in walls}):
        if WEEKDAYS[day.weekday()] not in hours.days or day.isoformat() in hours.holidays:
            continue
        next_day = day + timedelta(days=1)
        seen = [(n, m if at == day else m + 1440) for n, (at, m) in enumerate(walls) if at in (day, next_day)]
        begins, ends = (next((n for n, minute in seen if minute >= wanted), None) for wanted in hours.hours)
        if begins is not None and ends is not None:
            inside[begins:ends] = [True] * (ends - begins)
    return inside[lead : lead + days * 1440]


CHANGES = {
    "Europe/Amsterdam": (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC)),
    "Asia/Kolkata": (datetime(2026, 12, 24, tzinfo=UTC), datetime(2026, 2, 27, tzinfo=UTC)),
}
"""The days around each clock change of a zone (in Kolkata there is none)."""

CALENDARS = st.builds(
    lambda begin, length, days, holidays: {"begin": begin, "length": length, "days": days, "holidays": holidays},
    begin=st.one_of(st.sampled_from([0, 90, 120, 150, 540, 1320]), st.integers(0, 1439)),
    length=st.one_of(st.sampled_from([60, 540, 1439]), st.integers(60, 1439)),
    days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
    holidays=st.sets(st.integers(0, 5), max_size=2),
)


def as_text(begin: int, length: int) -> str:
    end = begin + length
    shown = end if end <= 1440 else end - 1440
    return f"{begin // 60:02}:{begin % 60:02}-{shown // 60:02}:{shown % 60:02}"


@settings(max_examples=30, deadline=None)
@given(CALENDARS, st.sampled_from(sorted(CHANGES)), st.sampled_from([0, 1]), st.data())
def test_business_hours_are_those_of_the_wall_clock_over_clock_changes_and_holidays(
    calendar: dict[str, object], zone: str, which: int, data: st.DataObject
) -> None:
    """Every minute of the five days around a clock change, compared with a clock that is watched minute by minute."""
    first, days = CHANGES[zone][which], 5
    hours = Hours.model_validate(
        {
            "timezone": zone,
            "hours": as_text(calendar["begin"], calendar["length"]),  # type: ignore[arg-type]
            "days": calendar["days"],
            "holidays": [(first + timedelta(days=n)).date().isoformat() for n in sorted(calendar["holidays"])],  # type: ignore[call-overload]
        }
    )
    inside = minutes_open(hours, first, days)
    start_ms = int(first.timestamp() * 1000)
    spans = []
    for begin_ms, end_ms in hours.stretches(start_ms):
        if begin_ms >= start_ms + days * DAY_MS:
            break
        spans.append(((begin_ms - start_ms) // MINUTE_MS, (end_ms - start_ms) // MINUTE_MS))
    found = [any(begin <= n < end for begin, end in spans) for n in range(days * 1440)]
    assert found == inside
    at = data.draw(st.integers(0, days * 1440 - 1))
    assert hours.contains(start_ms + at * MINUTE_MS) == inside[at]
    until = data.draw(st.integers(at, days * 1440 - 1))
    counted = sum(inside[at:until])
    assert within_ms(hours, start_ms + at * MINUTE_MS, start_ms + until * MINUTE_MS) == counted * MINUTE_MS
    if counted:
        last = max(n for n in range(at, until) if inside[n])
        assert after_ms(hours, start_ms + at * MINUTE_MS, counted * MINUTE_MS) == start_ms + (last + 1) * MINUTE_MS


def test_a_promise_made_on_friday_afternoon_runs_out_on_the_first_working_day() -> None:
    """Asked at 17:30 before a weekend in which the clocks change, with the Monday a holiday: an hour later is Tuesday,
    9:30."""
    hours = Hours(timezone="Europe/Amsterdam", holidays=("2026-03-30",))
    asked = int(datetime(2026, 3, 27, 16, 30, tzinfo=UTC).timestamp() * 1000)
    due = int(datetime(2026, 3, 31, 7, 30, tzinfo=UTC).timestamp() * 1000)
    assert after_ms(hours, asked, HOUR_MS) == due
    assert after_ms(None, asked, HOUR_MS) == asked + HOUR_MS


def test_in_business_hours_a_promise_made_at_night_is_at_risk_in_the_morning() -> None:
    hours = '  business_hours: {timezone: UTC, hours: "09:00-18:00"}\n  default: {clock: business_hours}\n'
    shift = running(load_chart(chart(hours), "c.yaml"))
    shift.until(T0 + 12 * HOUR_MS, every_ms=10 * MINUTE_MS)
    assert [m for m, _, _, _ in promised(shift.out)] == [9 * 60 + 48, 10 * 60]
    assert not [d for d in shift.out if d.kind in PAGES and d.reason == "promise_at_risk"]
