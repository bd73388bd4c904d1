"""Shifts from a calendar, as calendar programs write them: in several zones, swapped, cancelled, broken and hostile."""

import zoneinfo
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.roster import Roster, RosterError, RosterSpec, expand, stretch_text
from stream.codec import DAY_MS, parse_rfc3339

FROM_MS = parse_rfc3339("2026-01-05T08:00:00Z")  # Monday 09:00 in Amsterdam
RESPONDERS = {"anna": "Anna Jansen", "bram": "Bram de Wit", "chloe": "Chloe Martin"}


def event(*lines: str, uid: str = "1") -> str:
    """One event."""
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT", ""])


def calendar(*events: str, head: str = "") -> str:
    """A whole calendar."""
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//made up//EN\n{head}{''.join(events)}END:VCALENDAR\n"


def read(text: str, zone_name: str = "Europe/Amsterdam", horizon_days: int = 30, **more: object) -> Roster:
    """The roster that a calendar gives."""
    spec = RosterSpec.model_validate({"timezone": zone_name, "calendar": "oncall.ics", **more})
    return expand(spec, FROM_MS, FROM_MS + horizon_days * DAY_MS, text, name="pr", responders=RESPONDERS)


def seen(roster: Roster) -> list[str]:
    """Each stretch in words, with the people."""
    return [
        f"{stretch_text(i.from_ms, i.until_ms, roster.timezone)} {'+'.join(i.people) or '-'}" for i in roster.intervals
    ]


@pytest.mark.parametrize("zone_name", ["Europe/Amsterdam", "America/New_York"])
@pytest.mark.parametrize("clock", ["09:00", "02:30"])
def test_turns_written_as_a_calendar_are_the_turns_of_a_rotation(zone_name: str, clock: str) -> None:
    """Over five years and every clock change, also with hand-over at the hour that is missing or comes twice."""
    times = f"T{clock.replace(':', '')}00"
    events = [
        event(
            f"DTSTART;TZID={zone_name}:{begin}{times}",
            f"DTEND;TZID={zone_name}:{end}{times}",
            f"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY={day}",
            f"SUMMARY:{who}",
            uid=who,
        )
        for begin, end, day, who in (("20260104", "20260111", "SU", "anna"), ("20260111", "20260118", "SU", "bram"))
    ]
    words = {"people": ["anna", "bram"], "every": "1w", "hand_over": f"Sunday {clock}", "from": "2026-01-04"}
    spec = RosterSpec.model_validate({"timezone": zone_name, "rotation": words})
    rotation = expand(spec, FROM_MS, FROM_MS + 5 * 366 * DAY_MS, name="pr")
    found = read(calendar(*events), zone_name, horizon_days=5 * 366)
    assert found == rotation
    assert found.problems() == []
    assert len(found.intervals) > 5 * 52


def test_a_week_that_was_swapped_is_swapped() -> None:
    """By a changed occurrence (RECURRENCE-ID), one left out (EXDATE) and one that was cancelled."""
    weekly = event(
        "DTSTART;TZID=Europe/Amsterdam:20260105T090000",
        "DTEND;TZID=Europe/Amsterdam:20260112T090000",
        "RRULE:FREQ=WEEKLY;UNTIL=20260202T090000Z",
        "EXDATE;TZID=Europe/Amsterdam:20260119T090000",
        "SUMMARY:Anna Jansen",
    )
    swap = event(
        "RECURRENCE-ID;TZID=Europe/Amsterdam:20260112T090000",
        "DTSTART;TZID=Europe/Amsterdam:20260112T090000",
        "DTEND;TZID=Europe/Amsterdam:20260119T090000",
        "SUMMARY:bram",
    )
    gone = event(
        "RECURRENCE-ID;TZID=Europe/Amsterdam:20260126T090000",
        "DTSTART;TZID=Europe/Amsterdam:20260126T090000",
        "DTEND;TZID=Europe/Amsterdam:20260202T090000",
        "STATUS:CANCELLED",
        "SUMMARY:chloe",
    )
    assert seen(read(calendar(weekly, swap, gone), horizon_days=28)) == [
        "from Mon 5 Jan 2026 09:00 to Mon 12 Jan 2026 09:00 anna",
        "from Mon 12 Jan 2026 09:00 to Mon 19 Jan 2026 09:00 bram",
        "from Mon 19 Jan 2026 09:00 to Mon 2 Feb 2026 09:00 -",
    ]


WRITTEN = {
    "in UTC": ("DTSTART:20260106T080000Z", "DTEND:20260106T160000Z"),
    "in another zone": ("DTSTART;TZID=America/New_York:20260106T030000", "DTEND;TZID=America/New_York:20260106T110000"),
    "without a zone": ("DTSTART:20260106T090000", "DTEND:20260106T170000"),
    "by its length": ("DTSTART;TZID=Europe/Amsterdam:20260106T090000", "DURATION:PT8H"),
    "as Outlook names zones": (
        "DTSTART;TZID=W. Europe Standard Time:20260106T090000",
        "DTEND;TZID=W. Europe Standard Time:20260106T170000",
    ),
    "in a zone of its own": ("DTSTART;TZID=Office:20260106T100000", "DTEND;TZID=Office:20260106T180000"),
}
OFFICE = (
    "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0200\n"
    "END:STANDARD\nEND:VTIMEZONE\n"
)


@pytest.mark.parametrize("lines", WRITTEN.values(), ids=WRITTEN.keys())
def test_the_same_shift_is_the_same_however_it_is_written(lines: tuple[str, str]) -> None:
    """From 09:00 to 17:00 in Amsterdam."""
    roster = read(calendar(event(*lines, "SUMMARY:anna"), head=OFFICE), horizon_days=2)
    assert seen(roster)[1] == "from Tue 6 Jan 2026 09:00 to 17:00 anna"


def test_a_day_lasts_from_midnight_to_midnight_of_the_rosters_zone() -> None:
    """Also the days on which clocks change: whole-day shifts leave no gap."""
    days = event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY", "SUMMARY:bram")
    roster = read(calendar(days), horizon_days=350)
    assert seen(roster) == ["from Mon 5 Jan 2026 09:00 to Mon 21 Dec 2026 09:00 bram"]


def test_a_zone_for_the_whole_calendar_is_heeded() -> None:
    """As Google writes it: times in UTC repeat by the clock of X-WR-TIMEZONE, in summer as in winter."""
    daily = event("DTSTART:20260105T080000Z", "DTEND:20260105T160000Z", "RRULE:FREQ=DAILY", "SUMMARY:anna")
    roster = read(calendar(daily, head="X-WR-TIMEZONE:Europe/Amsterdam\n"), horizon_days=120)
    assert "from Wed 1 Apr 2026 09:00 to 17:00 anna" in seen(roster)
    assert "from Wed 1 Apr 2026 10:00 to 18:00 anna" in seen(read(calendar(daily), horizon_days=120))


def test_the_machines_own_zones_are_not_asked(tmp_path: Path) -> None:
    """A machine whose Chatham lies on Greenwich reads the same calendar the same way."""
    header = b"TZif2" + bytes(15) + bytes(19) + b"\x01" + bytes(3) + b"\x04"  # RFC 8536: one type, one name of 4 bytes
    part = header + bytes(6) + b"UTC\0"
    (tmp_path / "Pacific").mkdir()
    (tmp_path / "Pacific" / "Chatham").write_bytes(part + part + b"\nUTC0\n")
    shift = event(
        "DTSTART;TZID=Pacific/Chatham:20260106T090000",
        "DTEND;TZID=Pacific/Chatham:20260106T170000",
        "RRULE:FREQ=DAILY;UNTIL=20260106T191500Z",
        "SUMMARY:anna",
    )
    zoneinfo.ZoneInfo.clear_cache(only_keys=["Pacific/Chatham"])
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    try:
        assert zoneinfo.ZoneInfo("Pacific/Chatham").utcoffset(None) is not None
        roster = read(calendar(shift), "Pacific/Chatham", horizon_days=2)
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache(only_keys=["Pacific/Chatham"])
    assert stretch_text(roster.intervals[0].from_ms, roster.intervals[0].until_ms, "UTC").startswith("from Mon 5 Jan")
    assert roster.on_call(parse_rfc3339("2026-01-05T19:15:00Z")) == ("anna",)
    assert roster.on_call(parse_rfc3339("2026-01-06T19:15:00Z")) == ("anna",)  # by Greenwich it would be after UNTIL


def test_several_people_share_a_shift_and_overlapping_shifts_add_up() -> None:
    """By key or by name, whatever the case; one who is in both counts once."""
    both = event("DTSTART:20260106T090000", "DTEND:20260106T170000", "SUMMARY:ANNA\\, Bram de Wit")
    late = event("DTSTART:20260106T120000", "DTEND:20260106T180000", "SUMMARY:chloe & bram", uid="2")
    assert seen(read(calendar(both, late), horizon_days=2, people_needed=2))[1:4] == [
        "from Tue 6 Jan 2026 09:00 to 12:00 anna+bram",
        "from Tue 6 Jan 2026 12:00 to 17:00 anna+bram+chloe",
        "from Tue 6 Jan 2026 17:00 to 18:00 chloe+bram",
    ]


def test_a_calendar_of_office_hours_has_no_gaps_at_night_where_it_says_so() -> None:
    """`hours` and `days` say when somebody must be on call; what the calendar holds beyond them still counts."""
    office = event(
        "DTSTART:20260105T080000", "DTEND:20260105T190000", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "SUMMARY:anna"
    )
    days = ["mon", "tue", "wed", "thu", "fri"]
    roster = read(calendar(office), hours="09:00-18:00", days=days)
    assert roster.problems() == []
    assert roster.on_call(FROM_MS - 1 + 9 * 3_600_000 + 1800_000) == ("anna",)
    assert len(read(calendar(office)).gaps()) > 20
    missing = read(calendar(office), hours="09:00-20:00", days=days)
    assert missing.problems()[0].startswith(
        "roster pr: nobody is on call from Mon 5 Jan 2026 19:00 to 20:00, from Tue 6 Jan 2026 19:00 to 20:00"
    )


def test_a_hole_in_a_calendar_is_told_to_the_hour() -> None:
    """Also where it is the hour of a clock change."""
    night = [
        event(f"DTSTART;TZID=Europe/Amsterdam:{begin}", f"DTEND;TZID=Europe/Amsterdam:{end}", "SUMMARY:anna", uid=begin)
        for begin, end in (("20260101T000000", "20260329T010000"), ("20260329T030000", "20261231T000000"))
    ]
    assert (
        read(calendar(*night), horizon_days=120)
        .problems()[0]
        .startswith("roster pr: nobody is on call from Sun 29 Mar 2026 01:00 to 03:00 (Europe/Amsterdam); ")
    )


def test_a_shift_without_a_zone_counts_at_the_edge_of_the_horizon() -> None:
    """From 02:00 to 04:00 in New York is from 07:00 to 09:00 in UTC, an hour into the horizon."""
    night = event("DTSTART:20260105T020000", "DTEND:20260105T040000", "SUMMARY:anna")
    assert (
        seen(read(calendar(night), "America/New_York", horizon_days=1))[0] == "from Mon 5 Jan 2026 03:00 to 04:00 anna"
    )


def test_a_name_that_two_people_bear_calls_neither() -> None:
    """Better refused than the wrong one of them woken; their keys still call them."""
    spec = RosterSpec.model_validate({"timezone": "UTC", "calendar": "oncall.ics"})
    twins = {"anna": "Anna Jansen", "anna2": "Anna Jansen"}
    for name, people in (("Anna Jansen", None), ("anna2", ("anna2",))):
        text = calendar(event("DTSTART:20260105T080000", "DTEND:20260105T100000", f"SUMMARY:{name}"))
        if people is None:
            with pytest.raises(RosterError, match="who is no responder"):
                expand(spec, FROM_MS, FROM_MS + DAY_MS, text, responders=twins)
        else:
            assert expand(spec, FROM_MS, FROM_MS + DAY_MS, text, responders=twins).on_call(FROM_MS) == people


def test_an_override_holds_over_a_calendar() -> None:
    """In local time, as everywhere."""
    shift = event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY", "SUMMARY:bram")
    more = {"overrides": [{"who": "chloe", "from": "2026-01-06T09:00", "until": "2026-01-06T10:00"}]}
    assert seen(read(calendar(shift), horizon_days=2, **more))[1] == "from Tue 6 Jan 2026 09:00 to 10:00 chloe"


FINE = ("DTSTART:20260106T090000", "DTEND:20260106T170000")
BAD = {
    "nobody": ((*FINE,), "this event names nobody; write who is on call into its SUMMARY (title)"),
    "a stranger": (
        (*FINE, "SUMMARY:Team lunch"),
        'the event "Team lunch" is for "Team lunch", who is no responder; an event of this calendar holds the key or '
        "the name of a responder, several with commas between",
    ),
    "a slip": (
        (*FINE, "SUMMARY:anna\\, cloe"),
        'the event "anna, cloe" is for "cloe", who is no responder; did you mean `chloe`? An event of this calendar '
        "holds the key or the name of a responder, several with commas between",
    ),
    "no begin": (("SUMMARY:anna",), "DTSTART of this event cannot be read; write it as RFC 5545 has it"),
    "a broken begin": (
        ("DTSTART:tomorrow", "SUMMARY:anna"),
        "DTSTART of this event cannot be read; write it as RFC 5545 has it",
    ),
    "a broken rule": (
        (*FINE, "SUMMARY:anna", "RRULE:FREQ=SOMETIMES"),
        "RRULE of this event cannot be read; write it as RFC 5545 has it",
    ),
    "an end before the begin": (
        ("DTSTART:20260106T090000", "DTEND:20260105T170000", "SUMMARY:anna"),
        "this event ends (DTEND) no later than it begins (DTSTART); nobody would be on call in it",
    ),
    "an unknown zone": (
        ("DTSTART;TZID=Middle/Earth:20260106T090000", "DURATION:PT8H", "SUMMARY:anna"),
        'the time zone "Middle/Earth" is neither in this calendar (VTIMEZONE) nor a known name',
    ),
    "every second": (
        (*FINE, "SUMMARY:anna", "RRULE:FREQ=SECONDLY"),
        'this event repeats with FREQ="SECONDLY"; allowed: DAILY, WEEKLY, MONTHLY, YEARLY; for shifts of hours write '
        "an event for each",
    ),
    "every second otherwise": (
        (*FINE, "SUMMARY:anna", f"RRULE:FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE={','.join(map(str, range(60)))}"),
        "this event repeats more than 24 times a day; write fewer hours and minutes (BYHOUR, BYMINUTE)",
    ),
    "never": (
        (*FINE, "SUMMARY:anna", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
        "this event repeats DAILY with BYMONTHDAY; use BYDAY, or MONTHLY",
    ),
    "long ago": (
        ("DTSTART:00010106T090000", "DURATION:PT8H", "SUMMARY:anna"),
        "this event begins in the year 1; allowed: 1970 and later",
    ),
}


@pytest.mark.parametrize(("lines", "said"), BAD.values(), ids=BAD.keys())
def test_an_event_that_is_no_shift_is_told_at_its_line(lines: tuple[str, ...], said: str) -> None:
    """Rather than left out, which would be a gap that nobody meant."""
    good = event(*FINE, "SUMMARY:anna", uid="0")
    with pytest.raises(RosterError) as caught:
        read(calendar(good, event(*lines)))
    assert caught.value.problems == [f"oncall.ics:10:1: {said} (roster pr)"]


def test_a_calendar_by_address_is_named_by_its_host() -> None:
    """What else stands in the address is mostly a secret."""
    spec = RosterSpec.model_validate({"timezone": "UTC", "calendar": "https://calendar.example.org/secret/basic.ics"})
    with pytest.raises(RosterError, match=r"^calendar at calendar.example.org:4:1: this event names nobody") as caught:
        expand(spec, FROM_MS, FROM_MS + DAY_MS, calendar(event(*FINE)), name="pr")
    assert "secret" not in str(caught.value)
    with pytest.raises(
        RosterError, match="roster pr: its calendar was not read, so that nobody is known to be on call"
    ):
        expand(spec, FROM_MS, FROM_MS + DAY_MS, None, name="pr")


def test_too_much_is_refused_before_it_is_unfolded() -> None:
    """Too many events that repeat, too many shifts, too many events."""
    daily = (*FINE, "SUMMARY:anna", "RRULE:FREQ=DAILY")
    for events, said in (
        (
            [event(*daily, uid=str(n)) for n in range(201)],
            "201 events of this calendar repeat; at most 200 are allowed",
        ),
        (
            [
                event(*daily[:-1], f"RRULE:FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))}", uid=str(n))
                for n in range(90)
            ],
            "events repeat more than 50000 times in 31 days; let them repeat less often",
        ),
        ([event(*FINE, "SUMMARY:anna")] * 5001, "this calendar has 5001 events; at most 5000 are allowed"),
    ):
        with pytest.raises(RosterError, match=said):
            read(calendar(*events))


def test_a_rule_that_never_gets_on_is_refused() -> None:
    """Cancelled or not: unfolding it would never end."""
    for more in ((), ("STATUS:CANCELLED",)):
        with pytest.raises(RosterError, match="repeats with an INTERVAL that never gets on; allowed: a whole number"):
            read(calendar(event(*FINE, "SUMMARY:anna", "RRULE:FREQ=DAILY;INTERVAL=0", *more)))


NOISE = """
BEGIN:VEVENT END:VEVENT BEGIN:VTIMEZONE END:VTIMEZONE BEGIN:VCALENDAR END:VCALENDAR SUMMARY:anna UID:1 SEQUENCE:x
DTSTART:20260106T090000 DTSTART;TZID=Europe/Amsterdam:20260106T090000Z DTSTART;VALUE=DATE:20260106 DTEND:x ;:
DTSTART:99991231T235959 DTEND:20260107T090000Z DURATION:-P1D DURATION:P99999999D RRULE: RRULE:FREQ=DAILY;INTERVAL=0
RRULE:FREQ=WEEKLY;COUNT=-1 RRULE:FREQ=WEEKLY;UNTIL=20260101 RDATE;VALUE=PERIOD:20260106T090000Z/PT1H EXDATE:20260106
RECURRENCE-ID:20260106T090000 RECURRENCE-ID;RANGE=THISANDFUTURE:20260113 TZID:Office X-WR-TIMEZONE:../../etc/passwd
TZOFFSETTO:+9900 STATUS:CANCELLED SUMMARY:\x01\u202eanna CALSCALE:JULIAN DTSTART:20260106 TZOFFSETFROM:+0100
"""


@settings(max_examples=250, deadline=None)
@given(st.lists(st.sampled_from(NOISE.split()), max_size=14))
def test_no_calendar_whatever_it_holds_breaks_more_than_itself(lines: list[str]) -> None:
    """It is a roster, or refused in words of one line each."""
    text = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:0", *lines, "END:VEVENT", "END:VCALENDAR", ""])
    said: list[str] = []
    try:
        said = [f"{i.from_ms}" for i in read(text, horizon_days=10).intervals]
    except RosterError as error:
        said = error.problems
    assert said
    assert all(words.isprintable() for words in said)
