"""A roster's week is true to the clock of its own zone, says who was swapped for whom, and shows nobody as nobody."""

from datetime import date
from itertools import pairwise

from alerting.flowchart.load import load_chart
from alerting.roster import Roster, expand
from stream.codec import DAY_MS, parse_rfc3339
from tests.console.deployed import AT_MS, CHART
from tocsin.console.rota_picture import LABELS, WIDTH, Picture, picture_of
from tocsin.console.seen_roster import RotaSeen, monday_of, rotas_seen

SPRING = parse_rfc3339("2026-03-27T12:00:00Z")
AUTUMN = parse_rfc3339("2026-10-23T12:00:00Z")


def week(at_ms: int, monday: date | None = None, roster: str = "press_rota", chart: str = CHART) -> RotaSeen:
    read = load_chart(chart, "chart.yaml")
    names = {name: responder.name for name, responder in read.responders.items()}
    specs = read.written.rosters.items()
    known: dict[str, Roster] = {
        name: expand(spec, at_ms - 3 * DAY_MS, at_ms + 60 * DAY_MS, name=name, responders=names) for name, spec in specs
    }
    return next(one for one in rotas_seen(read, known, at_ms, monday) if one.roster == roster)


def drawn(rota: RotaSeen, at_ms: int) -> Picture:
    return picture_of(rota, at_ms)


def test_a_week_begins_on_monday_and_has_every_day_of_it() -> None:
    days = week(AT_MS).days
    assert [day.day for day in days] == [f"2026-11-{number}" for number in range(23, 30)]
    assert monday_of(AT_MS, "Europe/Amsterdam") == date(2026, 11, 23)


def test_days_adjoin_and_their_stretches_fill_them() -> None:
    """A pixel that belongs to no day would be an hour in which nobody knows who is on call."""
    days = week(AT_MS).days
    assert all(one.until_ms == after.from_ms for one, after in pairwise(days))
    for day in days:
        edges = [day.from_ms, *(stretch.until_ms for stretch in day.stretches)]
        assert [stretch.from_ms for stretch in day.stretches] == edges[:-1]
        assert edges[-1] == day.until_ms


def test_the_day_on_which_the_clock_changes_has_its_own_length() -> None:
    assert [day.hours for day in week(SPRING).days] == [24, 24, 24, 24, 24, 24, 23]
    assert [day.hours for day in week(AUTUMN).days] == [24, 24, 24, 24, 24, 24, 25]


def test_a_hand_over_stays_at_nine_on_the_clock_when_that_changes() -> None:
    for at_ms in (SPRING, AUTUMN):
        picture = drawn(week(at_ms), at_ms)
        for row in picture.rows[-2:]:
            assert [bar.words[:5] for bar in row.bars if bar.x > LABELS] == ["09:00"]


def test_a_swap_is_marked_with_its_reason_exactly_while_it_holds() -> None:
    swapped = [one for one in week(AT_MS).shifts if one.overridden]
    assert {person.key for one in swapped for person in one.people} == {"chloe"}
    assert swapped[0].from_ms == parse_rfc3339("2026-11-26T12:00:00Z")
    assert swapped[-1].until_ms == parse_rfc3339("2026-11-27T17:00:00Z")
    assert {one.because for one in swapped} == {"Bram is at a wedding"}


def test_who_is_on_call_now_and_then_is_said_by_name() -> None:
    rota = week(AT_MS)
    assert [person.name for person in rota.now] == ["Ana Jansen"]
    assert [person.name for person in rota.after] == ["Bram de Wit"]
    assert rota.until_ms == parse_rfc3339("2026-11-26T08:00:00Z")
    assert rota.roles == ("pr_on_call",)


def test_a_stretch_in_which_nobody_is_on_call_is_a_gap() -> None:
    rota = week(AT_MS, roster="desk_rota")
    assert {one.kind for one in rota.gaps} == {"gap"}
    assert rota.now == ()
    assert all(bar.kind == "gap" for row in drawn(rota, AT_MS).rows for bar in row.bars)


def test_hours_in_which_nobody_must_be_are_no_gap() -> None:
    office = CHART.replace(
        'hand_over: "09:00", from: 2026-01-05}', 'hand_over: "09:00", from: 2026-01-05, hours: "09:00-17:00"}'
    )
    rota = week(AT_MS, chart=office)
    assert "off" in {one.kind for one in rota.shifts}
    assert not rota.gaps


def test_turns_are_reckoned_back_so_that_no_duty_seems_to_begin_when_the_service_did() -> None:
    days = week(AT_MS).days
    assert [stretch.people[0].key for stretch in days[0].stretches] == ["ana", "bram"]
    assert {stretch.kind for day in days for stretch in day.stretches} == {"duty"}
    before = week(AT_MS, date(2026, 10, 5))
    assert before.known
    assert [len(day.stretches) for day in before.days] == [2] * 7


def test_a_week_beyond_what_is_known_is_said_to_be_unknown() -> None:
    assert not week(AT_MS, date(2027, 6, 7)).known


def test_the_present_stands_on_its_day_alone_and_where_it_is() -> None:
    rows = drawn(week(AT_MS), AT_MS).rows
    assert [row.weekday for row in rows if row.now_x is not None] == [2]
    now_x = rows[2].now_x
    assert now_x is not None
    assert abs((now_x - LABELS) / (WIDTH - LABELS) - (12 + 20 / 60) / 24) < 0.001  # 12:20 in Amsterdam


def test_no_bar_leaves_the_picture_and_none_has_more_words_than_room() -> None:
    for row in drawn(week(AT_MS), AT_MS).rows:
        for bar in row.bars:
            assert bar.x >= LABELS
            assert bar.x + bar.width <= WIDTH
            assert len(bar.words) * 7 <= bar.width


def test_a_name_of_the_flowchart_hides_nothing() -> None:
    odd = CHART.replace("Ana Jansen", "Ana \u202eJansen<b>")
    assert [person.name for person in week(AT_MS, chart=odd).now] == ["Ana Jansen<b>"]
