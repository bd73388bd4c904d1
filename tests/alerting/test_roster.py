"""Who is on call: exactly as many as declared, at every instant, over clock changes and overrides too.

What `expand` finds is compared with a reckoning that shares nothing with it: it walks through time minute by minute
with `zoneinfo`, keeps the latest time that the wall clock has shown, and asks the words of the roster about that time.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alerting.roster import Interval, Roster, RosterSpec, expand, pack, unpack
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339
from stream.strict_yaml import parse, problems_from_pydantic
from tests.faults.rows import fired, row

AMSTERDAM, NEW_YORK = "Europe/Amsterdam", "America/New_York"
FROM_MS, UNTIL_MS = parse_rfc3339("2026-01-01T00:00:00Z"), parse_rfc3339("2031-01-01T00:00:00Z")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Words = dict[str, Any]


# --- the independent reckoning ---------------------------------------------------------------------------------------


class Reckoning:
    """Asks a roster's words about one minute after the other."""

    def __init__(self, words: Words) -> None:
        rotation = words["rotation"]
        self.place = ZoneInfo(words["timezone"])
        self.people = rotation["people"]
        self.every = int(rotation["every"][:-1]) * {"h": 60, "d": 1440, "w": 10080}[rotation["every"][-1]]
        self.first = datetime.fromisoformat(f"{rotation['from']}T{rotation['hand_over'].split()[-1]}")
        self.hours = tuple(
            int(clock[:2]) * 60 + int(clock[3:]) for clock in rotation.get("hours", "00:00-24:00").split("-")
        )
        self.days = rotation.get("days", DAYS)
        self.overrides = [
            (datetime.fromisoformat(o["from"]), datetime.fromisoformat(o["until"]), o["who"])
            for o in words.get("overrides", [])
        ]
        self.needed = words.get("people_needed", 1)

    def clocks(self, from_ms: int, until_ms: int) -> Iterator[tuple[int, datetime]]:
        """Every minute with the latest time that the clock has shown by then."""
        latest = datetime(1, 1, 1)  # noqa: DTZ001 - a wall clock's time
        for minute in range(from_ms // MINUTE_MS - 180, until_ms // MINUTE_MS):
            shown = datetime.fromtimestamp(minute * 60, self.place).replace(tzinfo=None)
            latest = max(latest, shown)
            if minute * MINUTE_MS >= from_ms:
                yield minute * MINUTE_MS, latest

    def clock(self, at_ms: int) -> datetime:
        """The same for one instant."""
        at_ms -= at_ms % MINUTE_MS
        return next(latest for _, latest in self.clocks(at_ms, at_ms + MINUTE_MS))

    def is_covered(self, clock: datetime) -> bool:
        """Whether the roster covers what the clock shows."""
        begin, end = self.hours
        minute = clock.hour * 60 + clock.minute
        today, yesterday = DAYS[clock.weekday()] in self.days, DAYS[clock.weekday() - 1] in self.days
        if begin < end:
            return today and begin <= minute < end
        return (today and minute >= begin) or (yesterday and minute < end)

    def on_call(self, clock: datetime) -> list[str]:
        """Who is on call by what the clock shows."""
        for begin, end, who in reversed(self.overrides):
            if begin <= clock < end:
                return list(who)
        if clock < self.first or not self.is_covered(clock):
            return []
        turn = int((clock - self.first).total_seconds()) // 60 // self.every
        return [self.people[(turn + i) % len(self.people)] for i in range(self.needed)]


def changes(zone_name: str) -> list[int]:
    """The hours of the five years at which clocks change, as `zoneinfo` has them."""
    place = ZoneInfo(zone_name)
    offsets = [
        (at_ms, datetime.fromtimestamp(at_ms // 1000, place).utcoffset()) for at_ms in range(FROM_MS, UNTIL_MS, HOUR_MS)
    ]
    return [after for (_, before), (after, now) in pairwise(offsets) if before != now]


def made(words: Words, from_ms: int = FROM_MS, until_ms: int = UNTIL_MS) -> Roster:
    """A roster from its words."""
    return expand(RosterSpec.model_validate(words), from_ms, until_ms, name="pr_on_call")


def at(text: str, zone_name: str = AMSTERDAM) -> int:
    """The instant of a local time that occurs once."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone_name)).timestamp()) * 1000


def weekly(zone_name: str = AMSTERDAM, **more: Any) -> Words:
    """Three people, a week each."""
    rotation = {
        "people": ["chloe", "david", "anna"],
        "every": "1w",
        "hand_over": "Monday 09:00",
        "from": "2025-12-22",
        **more.pop("rotation", {}),
    }
    return {"timezone": zone_name, "rotation": rotation, **more}


def busy(zone_name: str) -> Words:
    """A year like any other: holidays, a swap inside a holiday, and overrides at the very hours of clock changes."""
    overrides = [
        {"who": ["bram"], "from": f"{year}-12-24T18:00", "until": f"{year}-12-26T09:00", "reason": "Christmas"}
        for year in range(2026, 2031)
    ]
    overrides += [
        {"who": ["chloe"], "from": f"{year}-12-25T12:00", "until": f"{year}-12-25T18:00"} for year in range(2026, 2031)
    ]
    for change_ms in changes(zone_name):
        day = datetime.fromtimestamp(change_ms // 1000, ZoneInfo(zone_name)).date().isoformat()
        overrides.append({"who": ["erin"], "from": f"{day}T01:30", "until": f"{day}T02:30"})
    return weekly(zone_name, overrides=overrides)


# --- five years ------------------------------------------------------------------------------------------------------


@row("F15")
@pytest.mark.parametrize("zone_name", [AMSTERDAM, NEW_YORK])
def test_over_five_years_exactly_one_is_on_call(zone_name: str) -> None:
    """At every boundary and a minute to either side, at each minute of the weeks around every clock change, and at
    10,000 random instants, the roster names the one whom the reckoning names."""
    words = busy(zone_name)
    roster, reckoning = made(words), Reckoning(words)
    assert roster.gaps() == []
    assert roster.crowds() == []
    instants = [i.from_ms + side for i in roster.intervals[1:] for side in (-MINUTE_MS, -1, 0, MINUTE_MS)]
    for at_ms in instants:
        assert list(roster.on_call(at_ms)) == reckoning.on_call(reckoning.clock(at_ms)), at_ms
    weeks = changes(zone_name)
    assert len(weeks) == 10
    fired(len(weeks))
    shown: dict[int, datetime] = {}
    for change_ms in weeks:
        for at_ms, clock in reckoning.clocks(change_ms - 7 * DAY_MS // 2, change_ms + 7 * DAY_MS // 2):
            shown[at_ms] = clock
            assert list(roster.on_call(at_ms)) == reckoning.on_call(clock), at_ms
            assert len(roster.on_call(at_ms)) == 1
    rng = random.Random(2026)
    away = [rng.randrange(FROM_MS, UNTIL_MS) for _ in range(10_000)]
    for at_ms in away:
        minute_ms = at_ms - at_ms % MINUTE_MS
        near = any(abs(at_ms - change_ms) < DAY_MS for change_ms in weeks)
        plain = datetime.fromtimestamp(minute_ms // 1000, reckoning.place).replace(tzinfo=None)
        clock = shown.get(minute_ms) or (reckoning.clock(at_ms) if near else plain)
        assert list(roster.on_call(at_ms)) == reckoning.on_call(clock), at_ms


WHOLE = [
    busy(AMSTERDAM),
    busy(NEW_YORK),
    weekly(AMSTERDAM, rotation={"every": "1d", "hand_over": "02:30"}, people_needed=2),
    weekly(NEW_YORK, rotation={"every": "12h", "hand_over": "09:00", "hours": "22:00-06:00", "days": ["fri", "sat"]}),
]


@row("F15")
@pytest.mark.proof
@pytest.mark.parametrize("words", WHOLE, ids=["amsterdam", "new-york", "two-at-once", "nights"])
def test_every_minute_of_five_years_is_as_reckoned(words: Words) -> None:
    """All 2.6 million minutes, whole."""
    roster, reckoning = made(words), Reckoning(words)
    fired(len(changes(words["timezone"])))
    begins = [interval.from_ms for interval in roster.intervals]
    wrong = 0
    for at_ms, clock in reckoning.clocks(FROM_MS, UNTIL_MS):
        interval = roster.intervals[bisect_right(begins, at_ms) - 1]
        wrong += list(interval.people) != reckoning.on_call(clock)
    assert wrong == 0


@st.composite
def rotations(draw: st.DrawFn) -> Words:
    """Rosters that hand over, begin and end at the worst of times, in zones with odd clock changes."""
    zone_name = draw(
        st.sampled_from(
            [AMSTERDAM, NEW_YORK, "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "Africa/Cairo"]
        )
    )
    clock = st.one_of(
        st.sampled_from(["00:00", "01:30", "02:00", "02:15", "02:30", "03:00", "23:30"]),
        st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59)),
    )
    rotation: Words = {
        "people": draw(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=5, unique=True)),
        "every": draw(st.sampled_from(["1h", "5h", "12h", "1d", "2d", "1w"])),
        "hand_over": draw(clock),
        "from": "2026-01-05",
    }
    if draw(st.booleans()):
        begin, end = draw(clock), draw(clock)
        rotation["hours"] = f"{begin}-{end}" if begin != end else "00:00-24:00"
        rotation["days"] = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
    middle = draw(st.sampled_from([*changes_of(zone_name), FROM_MS + 80 * DAY_MS]))
    day = datetime.fromtimestamp(middle // 1000, ZoneInfo(zone_name)).date()
    overrides = []
    for who in draw(st.lists(st.sampled_from("xyz"), max_size=3)):
        days = sorted(day + timedelta(days=draw(st.integers(-1, 1))) for _ in range(2))
        begin, end = sorted(f"{on.isoformat()}T{draw(clock)}" for on in days)
        if begin < end:
            overrides.append({"who": [who], "from": begin, "until": end})
    words = {"timezone": zone_name, "rotation": rotation, "overrides": overrides}
    return {"words": {**words, "people_needed": draw(st.integers(1, 2))}, "middle": middle}


def changes_of(zone_name: str, known: dict[str, list[int]] = {}) -> list[int]:  # noqa: B006 - reckoned once
    """The clock changes of a zone, of which the first year's count here."""
    if zone_name not in known:
        known[zone_name] = [change for change in changes(zone_name) if change < FROM_MS + 365 * DAY_MS]
    return known[zone_name]


@row("F15")
@settings(max_examples=40, deadline=None)
@given(rotations())
def test_any_rotation_is_as_reckoned_around_a_clock_change(drawn: Words) -> None:
    """Whatever the length of a turn, the hour of hand-over, the hours covered and the overrides."""
    words, middle = drawn["words"], drawn["middle"]
    if middle in changes(words["timezone"]):
        fired()
    roster, reckoning = made(words, middle - 4 * DAY_MS, middle + 4 * DAY_MS), Reckoning(words)
    for at_ms, clock in reckoning.clocks(middle - 26 * HOUR_MS, middle + 26 * HOUR_MS):
        assert list(roster.on_call(at_ms)) == reckoning.on_call(clock), (at_ms, clock)


@settings(max_examples=40, deadline=None)
@given(rotations())
def test_intervals_adjoin_and_are_as_long_as_can_be(drawn: Words) -> None:
    """They cover the horizon without a hole, two neighbours differ, and the next change is the next one's begin."""
    middle = drawn["middle"]
    roster = made(drawn["words"], middle - 3 * DAY_MS, middle + 3 * DAY_MS)
    found = roster.intervals
    assert (found[0].from_ms, found[-1].until_ms) == (roster.from_ms, roster.until_ms)
    for before, after in pairwise(found):
        assert before.until_ms == after.from_ms
        assert (before.people, before.needed) != (after.people, after.needed)
        if before.people != after.people:
            assert roster.next_change_ms(before.from_ms) == roster.next_change_ms(after.from_ms - 1) == after.from_ms
    assert all(interval.from_ms < interval.until_ms for interval in found)
    assert Roster.from_content(roster.as_content()) == roster


# --- clocks ----------------------------------------------------------------------------------------------------------


def lengths(words: Words, day: str) -> dict[tuple[str, ...], float]:
    """How many hours each was on call, from noon of a day to noon of the next."""
    begin = at(f"{day}T12:00")
    end = at(f"{date.fromisoformat(day) + timedelta(days=1)}T12:00")
    roster = made(words, begin, end)
    return {i.people: (i.until_ms - i.from_ms) / HOUR_MS for i in roster.intervals}


def test_a_week_lasts_from_hand_over_to_hand_over() -> None:
    """An hour less where clocks go forward, an hour more where they go back; nobody for nobody's hour."""
    by_begin = {i.from_ms: (i.until_ms - i.from_ms) // HOUR_MS for i in made(weekly()).intervals}
    assert by_begin[at("2026-03-23T09:00")] == 167
    assert by_begin[at("2026-10-19T09:00")] == 169
    assert by_begin[at("2026-06-01T09:00")] == 168


@row("F15")
def test_a_time_that_does_not_exist_moves_forward_to_the_change() -> None:
    """Hand-over at 02:30 in the night without a 02:30 is when the clock jumps from 02:00 to 03:00."""
    words = weekly(rotation={"every": "1d", "hand_over": "02:30", "from": "2026-03-01"})
    roster = made(words, at("2026-03-28T12:00"), at("2026-03-29T12:00"))
    assert [i.from_ms for i in roster.intervals] == [at("2026-03-28T12:00"), at("2026-03-29T03:00")]
    fired()


@row("F15")
def test_a_time_that_occurs_twice_is_its_first_occurrence() -> None:
    """Hand-over at 02:30 in the night with two of them is at the first, while summer time lasts."""
    words = weekly(rotation={"every": "1d", "hand_over": "02:30", "from": "2026-03-01"})
    roster = made(words, at("2026-10-24T12:00"), at("2026-10-25T12:00"))
    assert [i.from_ms for i in roster.intervals][1:] == [parse_rfc3339("2026-10-25T02:30:00+02:00")]
    fired()


@row("F15")
def test_hours_that_do_not_exist_that_night_are_nobodys() -> None:
    """Covered from 02:15 to 02:45: nobody in the night without them, half an hour in the one with two of them."""
    words = weekly(rotation={"hours": "02:15-02:45"})
    assert lengths(words, "2026-03-28") == {(): 23}
    fired()
    assert lengths(words, "2026-10-24") == {("david",): 0.5, (): 10.25}  # the last stretch without anybody
    assert lengths(words, "2026-05-02") == {("chloe",): 0.5, (): 9.25}


# --- who -------------------------------------------------------------------------------------------------------------


def test_an_override_holds_instead_of_everybody_else() -> None:
    """Of two at once the later in the file; when it ends, whoever would be on call is again."""
    words = weekly(
        overrides=[
            {"who": ["bram", "erin"], "from": "2026-01-06T00:00", "until": "2026-01-08T00:00"},
            {"who": "chloe", "from": "2026-01-06T12:00", "until": "2026-01-06T18:00"},
        ]
    )
    roster = made(words)
    seen = [roster.on_call(at(f"2026-01-{t}")) for t in ("05T23:59", "06T11:59", "06T12:00", "06T18:00", "08T00:00")]
    assert seen == [("anna",), ("bram", "erin"), ("chloe",), ("bram", "erin"), ("anna",)]


def test_the_later_in_the_file_holds_also_where_it_begins_earlier() -> None:
    """What counts is the place in the file, not which of them began last."""
    overrides = [
        {"who": ["bram"], "from": "2026-01-06T12:00", "until": "2026-01-06T18:00"},
        {"who": ["erin"], "from": "2026-01-06T00:00", "until": "2026-01-08T00:00"},
    ]
    assert made(weekly(overrides=overrides)).on_call(at("2026-01-06T13:00")) == ("erin",)


def test_a_horizon_may_begin_in_the_middle_of_a_night_that_is_covered() -> None:
    """Hours over midnight belong to the day on which they begin."""
    words = weekly(rotation={"hours": "22:00-06:00", "days": ["mon"]})
    roster = made(words, at("2026-01-06T03:00"), at("2026-01-07T03:00"))
    assert [(i.people, (i.until_ms - i.from_ms) // HOUR_MS) for i in roster.intervals] == [(("anna",), 3), ((), 21)]


def test_with_several_at_once_the_next_turns_stand_behind_the_first() -> None:
    """Whose turn it is comes first."""
    roster = made(weekly(people_needed=2))
    assert roster.on_call(at("2025-12-30T12:00") + 7 * DAY_MS) == ("anna", "chloe")
    assert roster.problems() == []


def test_outside_the_hours_it_covers_a_roster_names_nobody_and_that_is_no_gap() -> None:
    """Unless an override says so: then somebody is on call at night."""
    override = {"who": ["bram"], "from": "2026-01-05T22:00", "until": "2026-01-05T23:00"}
    words = weekly(rotation={"hours": "09:00-18:00", "days": ["mon", "tue"]}, overrides=[override])
    roster = made(words)
    assert roster.on_call(at("2026-01-05T17:59")) == ("anna",)
    assert roster.on_call(at("2026-01-05T18:00")) == ()
    assert roster.on_call(at("2026-01-05T22:30")) == ("bram",)
    assert roster.on_call(at("2026-01-07T12:00")) == ()
    assert roster.problems() == []


def test_beyond_the_horizon_nobody_is_known() -> None:
    """Neither before it nor after it, and no change either."""
    roster = made(weekly())
    assert roster.on_call(FROM_MS - 1) == roster.on_call(UNTIL_MS) == ()
    assert roster.interval(UNTIL_MS) is None
    assert roster.next_change_ms(UNTIL_MS) is None
    assert roster.next_change_ms(FROM_MS - 1) == FROM_MS
    assert roster.on_call(FROM_MS) == ("david",)


def test_the_next_change_is_of_people_not_of_hours() -> None:
    """Where an override ends with the office hours, nobody changes when hours alone do."""
    roster = Roster(
        "r", "UTC", 0, 30, (Interval(0, 10, ("a",), 1), Interval(10, 20, ("a",), 0), Interval(20, 30, (), 0))
    )
    assert roster.next_change_ms(0) == 20


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_before_the_first_turn_nobody_is_on_call_and_that_is_said() -> None:
    """With the stretch in the roster's own time, what follows and what helps."""
    words = weekly(rotation={"from": "2026-01-12"})
    roster = made(words, at("2026-01-11T09:00"), at("2026-02-01T00:00"))
    assert roster.problems() == [
        "roster pr_on_call: nobody is on call from Sun 11 Jan 2026 09:00 to Mon 12 Jan 2026 09:00 (Europe/Amsterdam); "
        "a page to it would reach nobody then: add somebody to the rotation, the calendar or `overrides`"
    ]


def test_more_or_fewer_than_declared_are_told() -> None:
    """Once for the same people, with how often more."""
    overrides = [
        {"who": ["bram", "erin"], "from": f"2026-01-{day:02}T10:00", "until": f"2026-01-{day:02}T11:00"}
        for day in range(5, 10)
    ]
    roster = made(weekly(overrides=overrides), at("2026-01-05T00:00"), at("2026-02-01T00:00"))
    assert len(roster.crowds()) == 5
    assert roster.problems() == [
        "roster pr_on_call: 2 on call (bram, erin) from Mon 5 Jan 2026 10:00 to 11:00, from Tue 6 Jan 2026 10:00 to "
        "11:00, from Wed 7 Jan 2026 10:00 to 11:00 and 2 times more (Europe/Amsterdam) where 1 must be; "
        "`people_needed` is 1: change who is on call then, or that number"
    ]


BAD = {
    "rotation: {people: [a], every: 1w, hand_over: Monday 09:00, from: 2026-01-06}": (
        "1:40: `from` is 2026-01-06, a Tuesday, and turns begin on Monday; give the day of the first hand-over"
    ),
    "rotation: {people: [a], every: 3d, hand_over: Monday 09:00, from: 2026-01-05}": (
        '1:40: turns of 3d do not hand over on one weekday; write a time alone, as "09:00", or `every` in weeks'
    ),
    "rotation: {people: [a], every: 90m, hand_over: '09:00', from: 2026-01-05}": (
        '1:61: "90m" is no length of a turn; write it as 12h, 1d, 1w or 2w'
    ),
    "rotation: {people: [a], every: 53w, hand_over: '09:00', from: 2026-01-05}": (
        '1:61: "53w" is too long for a turn; at most 52w is allowed'
    ),
    "rotation: {people: [a], every: 1d, hand_over: Funday 09:00, from: 2026-01-05}": (
        '1:76: "Funday" is no weekday; allowed: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday'
    ),
    "rotation: {people: [a], every: 1d, hand_over: 9.00, from: 2026-01-05}": (
        "1:76: `hand_over` is the number 9.0; it must be text"
    ),
    "rotation: {people: [a], every: 1d, hand_over: '25:00', from: 2026-01-05}": (
        '1:76: "25:00" is no time of hand-over; write it as "Monday 09:00" or "09:00"'
    ),
    "rotation: {people: [a], every: 1d, hand_over: '09:00', from: 2026-02-30}": (
        '1:91: "2026-02-30" is no day; write it as 2026-01-05'
    ),
    "rotation: {people: [a], every: 1d, hand_over: '09:00', from: 2026-01-05, hours: 9-18}": (
        '1:110: "9-18" are no hours; write them as "09:00-18:00", over midnight as "22:00-06:00"'
    ),
    "rotation: {people: [a], every: 1d, hand_over: '09:00', from: 2026-01-05, hours: '09:00-09:00'}": (
        '1:110: "09:00-09:00" has no length; write "00:00-24:00" for the whole day'
    ),
    "people_needed: 2, rotation: {people: [a, a], every: 1d, hand_over: '09:00', from: 2026-01-05}": (
        "1:1: 2 people are needed at once and the rotation has 1; add people or lower the number"
    ),
    "hours: '09:00-18:00', rotation: {people: [a], every: 1d, hand_over: '09:00', from: 2026-01-05}": (
        "1:1: `hours` and `days` of a rotation stand under `rotation`, beside `people`"
    ),
    "people_needed: 1": "1:1: this roster has neither `rotation` nor `calendar`; give exactly one of the two",
    "calendar: a.ics, rotation: {people: [a], every: 1d, hand_over: '09:00', from: 2026-01-05}": (
        "1:1: this roster has `rotation` and `calendar`; give exactly one of the two"
    ),
    "calendar: http://example.org/secret-7": (
        "1:40: `calendar` is none of what is allowed: a file beside the chart, as oncall.ics; an address that begins "
        "with https://; env:NAME for a variable that holds such an address"
    ),
    "calendar: ../../passwords": (
        "1:40: `calendar` is none of what is allowed: a file beside the chart, as oncall.ics; an address that begins "
        "with https://; env:NAME for a variable that holds such an address"
    ),
    "calendar: a.ics, overrides: [{who: [], from: 2026-01-05T09:00, until: 2026-01-05T10:00}]": (
        "1:65: this list is empty; it must hold at least one"
    ),
    "calendar: a.ics, overrides: [{who: a, from: 2026-01-05T09:00, until: 2026-01-05T08:00}]": (
        "1:59: this override ends (2026-01-05T08:00) before it begins (2026-01-05T09:00); swap the two"
    ),
    "calendar: a.ics, overrides: [{who: a, from: 2026-01-05T09:00Z, until: 2026-01-05T10:00}]": (
        '1:74: "2026-01-05T09:00Z" is no local time; write the local time of the roster\'s zone, as 2026-12-24T18:00'
    ),
}


@pytest.mark.parametrize(("written", "said"), BAD.items(), ids=range(len(BAD)))
def test_a_roster_that_cannot_be_meant_is_refused_at_its_place(written: str, said: str) -> None:
    """In words that say what is allowed; an address that may hold a secret is not repeated."""
    document = parse(f"{{timezone: Europe/Amsterdam, {written}}}", "x.yaml")
    with pytest.raises(ValidationError) as caught:
        RosterSpec.model_validate(document.data)
    assert [str(p) for p in problems_from_pydantic(caught.value, document, RosterSpec)] == [f"x.yaml:{said}"]


def test_an_unknown_zone_is_refused() -> None:
    """With an example of a known one."""
    with pytest.raises(ValidationError, match='"Europe/Amsterdan" is no time zone; allowed: an IANA name'):
        RosterSpec.model_validate({"timezone": "Europe/Amsterdan", "calendar": "a.ics"})


# --- content ---------------------------------------------------------------------------------------------------------


def test_rosters_are_read_back_as_they_were_written() -> None:
    """All of a chart's as one content, whose bytes don't depend on the order in which they were made."""
    one, two = made(weekly(), FROM_MS, FROM_MS + 30 * DAY_MS), made(weekly(NEW_YORK), FROM_MS, FROM_MS + 30 * DAY_MS)
    assert unpack(pack({"b": two, "a": one})) == {"a": one, "b": two}
    assert pack({"b": two, "a": one}) == pack({"a": one, "b": two})


def test_the_words_name_everybody_with_the_place_where() -> None:
    """So that a check can say which name is unknown."""
    spec = RosterSpec.model_validate(
        weekly(overrides=[{"who": "bram", "from": "2026-01-05T09:00", "until": "2026-01-06T09:00"}])
    )
    assert spec.people_named()[0] == (("rotation", "people", 0), "chloe")
    assert spec.people_named()[-1] == (("overrides", 0, "who", 0), "bram")
