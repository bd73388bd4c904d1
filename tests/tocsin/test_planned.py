"""Planned events: what a calendar says was to be expected pages nobody, and whatever else happens pages as ever."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.decision import Decision
from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339, rfc3339
from stream.plans import TAIL_MS, Plan, PlannedTimes
from tocsin.checking import chart_text, check_all
from tocsin.journal import open_existing, verify
from tocsin.planning import PlanError, horizon, plans_of, read_plans
from tocsin.replay import replay
from tocsin.settings import shipped_chart_path
from tocsin.state import Judged

START_MS = parse_rfc3339("2026-03-02T00:00:00Z")
LAUNCH_MS = START_MS + 6 * DAY_MS + 14 * HOUR_MS
LAUNCH = Plan(LAUNCH_MS, LAUNCH_MS + 2 * HOUR_MS, "Spring launch", "launch")
ACME = Brand("Acme", "acme")
GLAD = "the new acme phone looks great, lovely launch"
ANGRY = "acme ruined it, terrible launch, awful broken phone, I hate this"


def test_a_plan_holds_from_its_start_until_a_stated_tail_after_its_end() -> None:
    """Not a moment before: what leaks early is news."""
    times = PlannedTimes([LAUNCH])
    assert times.at(LAUNCH_MS - 1) is None
    assert times.at(LAUNCH_MS) == times.at(LAUNCH.end_ms + TAIL_MS - 1) == LAUNCH
    assert times.at(LAUNCH.end_ms + TAIL_MS) is None


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=12)


@settings(max_examples=200, deadline=None)
@given(spans=spans, at=st.integers(0, 80), length=st.integers(1, 20))
def test_asking_by_search_is_asking_every_plan(spans: list[tuple[int, int]], at: int, length: int) -> None:
    """Plans may overlap, nest and stand twice: the answer is that of looking at each of them."""
    plans = [Plan(start * HOUR_MS, (start + hours) * HOUR_MS, f"{n}") for n, (start, hours) in enumerate(spans)]
    times, at_ms, until_ms = PlannedTimes(plans), at * HOUR_MS, (at + length) * HOUR_MS
    holding = [p for p in plans if p.start_ms <= at_ms < p.end_ms + TAIL_MS]
    found = times.at(at_ms)
    assert (found is None) == (not holding)
    assert found is None or (found in holding and found.start_ms == max(p.start_ms for p in holding))
    assert times.touch(at_ms, until_ms) == any(p.start_ms < until_ms and p.end_ms + TAIL_MS > at_ms for p in plans)


# ---- through the core


def written(path: Path, surge: str, *, per_minute: int = 6) -> Path:
    """A quiet week of about ten posts an hour, and at the launch a surge of one mood for an hour."""
    rows = [(START_MS + n * 6 * MINUTE_MS, f"acme again today, nothing to see {n}") for n in range(6 * 240 + 140)]
    rows += [(LAUNCH_MS + n * MINUTE_MS // per_minute, f"{surge} {n} {'x' * (n % 7)}") for n in range(60 * per_minute)]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for n, (at_ms, text) in enumerate(sorted(rows)):
            file.write(json.dumps({"id": f"x:{n}", "created_at": rfc3339(at_ms), "author": f"a{n}", "text": text}))
            file.write("\n")
    return path


def decisions(path: Path, plans: tuple[Plan, ...], journal: Path | None = None) -> list[Decision]:
    """What is decided on a file under some plans."""
    found: list[Decision] = []
    judged = {"Acme": Judged(plans=plans)}
    chart = chart_text(shipped_chart_path())
    replay([path], brands=[ACME], chart_text=chart, judged=judged, on_decision=found.append, journal_path=journal)
    return found


def test_a_planned_launch_mutes_volume_and_says_so_once(tmp_path: Path) -> None:
    """Nobody is told of the posts that were to be expected; the suppression is a decision with the event's name."""
    path = written(tmp_path / "launch.jsonl.gz", GLAD)
    unplanned = decisions(path, ())
    assert any(d.kind in ("Page", "Notify") and d.at_ms >= LAUNCH_MS for d in unplanned)
    planned = [d for d in decisions(path, (LAUNCH,), tmp_path / "journal.db") if d.at_ms >= LAUNCH_MS]
    assert {d.kind for d in planned} == {"NoPage"}
    assert all((d.reason, d.note) == ("planned_event", "launch: Spring launch") for d in planned)
    assert len({d.severity for d in planned}) == len(planned)
    assert verify(open_existing(tmp_path / "journal.db")).ok


def test_a_planned_launch_that_turns_negative_pages(tmp_path: Path) -> None:
    """The same plan, the same number of posts, another mood."""
    path = written(tmp_path / "launch.jsonl.gz", ANGRY)
    paged = [d for d in decisions(path, (LAUNCH,)) if d.kind == "Page"]
    assert paged
    assert paged[0].at_ms - LAUNCH_MS <= 30 * MINUTE_MS
    assert paged[0].severity in ("high", "critical")


def test_a_plan_of_another_day_mutes_nothing(tmp_path: Path) -> None:
    """The plan must hold when the posts come."""
    path = written(tmp_path / "launch.jsonl.gz", GLAD)
    other = Plan(LAUNCH_MS - DAY_MS, LAUNCH_MS - DAY_MS + HOUR_MS, "rehearsal")
    told = [(d.at_ms, d.kind) for d in decisions(path, ()) if d.kind in ("Page", "Notify")]
    assert [(d.at_ms, d.kind) for d in decisions(path, (other,)) if d.kind in ("Page", "Notify")] == told
    assert told


# ---- calendars

CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Amsterdam:20260323T200000
DTEND;TZID=Europe/Amsterdam:20260323T220000
RRULE:FREQ=WEEKLY;COUNT=2
SUMMARY:Cup final
CATEGORIES:Match,Big
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20260329
SUMMARY:Open day
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART:20260329T120000
DURATION:PT2H
SUMMARY:Interview
END:VEVENT
BEGIN:VEVENT
UID:4
DTSTART:20260401T120000Z
STATUS:CANCELLED
SUMMARY:Called off
END:VEVENT
END:VCALENDAR
"""


def shown(plans: tuple[Plan, ...]) -> list[tuple[str, str, str, str]]:
    """Plans as one reads them."""
    return [(p.name, p.kind, rfc3339(p.start_ms), rfc3339(p.end_ms)) for p in plans]


def test_a_match_every_monday_keeps_its_local_hour_when_the_clock_changes(tmp_path: Path) -> None:
    """Zones, whole days (one of 23 hours), clock times without a zone, and what was called off."""
    path = tmp_path / "plans.ics"
    path.write_text(CALENDAR, encoding="utf-8")
    assert shown(read_plans(path, "Europe/Amsterdam", START_MS)) == [
        ("Cup final", "match", "2026-03-23T19:00:00Z", "2026-03-23T21:00:00Z"),
        ("Open day", "event", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("Interview", "event", "2026-03-29T10:00:00Z", "2026-03-29T12:00:00Z"),
        ("Cup final", "match", "2026-03-30T18:00:00Z", "2026-03-30T20:00:00Z"),
    ]
    tokyo = shown(read_plans(path, "Asia/Tokyo", START_MS))
    assert ("Interview", "event", "2026-03-29T03:00:00Z", "2026-03-29T05:00:00Z") in tokyo


def test_what_recurs_for_ever_is_written_out_over_the_horizon_alone(tmp_path: Path) -> None:
    """And the horizon moves once a year, so that a restart alone changes no configuration."""
    path = tmp_path / "plans.ics"
    path.write_text(CALENDAR.replace("WEEKLY;COUNT=2", "WEEKLY"), encoding="utf-8")
    plans = read_plans(path, "UTC", START_MS)
    since, until = horizon(START_MS)
    assert len(plans) > 100
    assert all(since.timestamp() * 1000 <= p.start_ms < until.timestamp() * 1000 for p in plans)
    assert read_plans(path, "UTC", START_MS + 200 * DAY_MS) == plans


EVENT = "BEGIN:VCALENDAR\nBEGIN:VEVENT\n{}\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "1: this is no calendar; an iCalendar file begins with BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "1: cannot be read as a calendar"),
        (EVENT.format("DTSTART:soon"), "3: DTSTART cannot be read"),
        (EVENT.format("COMMENT:y"), "2: this event has no DTSTART"),
        (EVENT.format("DTSTART:20260101T000000Z\nfoo"), "4: this line cannot be read"),
        (EVENT.format("DTSTART;TZID=Mars/Base:20260101T000000"), '3: "Mars/Base" is no time zone'),
        (EVENT.format("DTSTART:20260102T000000Z\nDTEND:20260101T000000Z"), "4: this event ends before it begins"),
        (EVENT.format("DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY"), "4: this event recurs more often than daily"),
        (EVENT.format("DTSTART:20260101T000000Z\nDTSTART:20260102T000000Z"), "3: DTSTART stands twice in this event"),
        (EVENT.format("DTSTART:20260101T000000Z\nRRULE:FREQ=NOW"), "4: RRULE cannot be read"),
        (EVENT.format("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;INTERVAL=0"), "4: this event recurs with an INT"),
        (EVENT.format("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;BYHOUR=1,2,3,4"), " more than 2000 events"),
        ("\udcff", "1: is not UTF-8"),
    ],
)
def test_a_bad_calendar_is_answered_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """One line with file, line, what is wrong and what is allowed; never a traceback of the parser's."""
    path = tmp_path / "plans.ics"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PlanError) as caught:
        read_plans(path, "UTC", START_MS)
    assert [p.startswith(f"{path}:{said}") for p in caught.value.problems] == [True]


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(st.sampled_from([*CALENDAR.splitlines(), "X", "RRULE:", "DTSTART:", "TZID=;:"]), max_size=16))
def test_any_calendar_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    """Whatever somebody's calendar exports: plans, or single lines with the file's name."""
    path = tmp_path_factory.mktemp("any") / "plans.ics"
    path.write_text("\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR"]), encoding="utf-8")
    problems = [f"{path}: none"]
    try:
        plans_of({"Acme": [path, path]}, {"Acme": "UTC"}, START_MS)
    except PlanError as error:
        problems = error.problems
    assert problems
    assert all(p.startswith(f"{path}:") and "\n" not in p for p in problems)


def test_the_check_of_a_configuration_reads_its_calendars(tmp_path: Path) -> None:
    """A calendar that is not there, or not right, is told before the service starts."""
    config = tmp_path / "tocsin.yaml"
    config.write_text("brands:\n  - {name: Acme, query: acme, planned: [gone.ics]}\n", encoding="utf-8")
    problems = check_all(config, {})
    assert problems == [f"{tmp_path / 'gone.ics'}: cannot be read (no such file or directory); name an iCalendar file"]
