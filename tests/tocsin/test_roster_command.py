"""`tocsin roster` says who is on call, who comes next, and when nobody is."""

import json
from pathlib import Path

import pytest

from tests.command import tocsin
from tests.tocsin.rota_chart import WRITTEN

CHART = WRITTEN.replace("PEOPLE", "chloe, david")
CONFIG = """\
flowchart: chart.yaml
data: data
brands:
  - {name: Near, query: near}
  - {name: Far, query: far, responders: {pr_on_call: grace}}
"""
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:1
DTSTART:20260302T080000Z
DTEND:20260303T080000Z
SUMMARY:Chloe Martin
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A configuration with a rota by the day."""
    (tmp_path / "chart.yaml").write_text(CHART, encoding="utf-8")
    (tmp_path / "tocsin.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_it_names_who_is_on_call_until_when_and_who_comes_next(home: Path) -> None:
    done = tocsin("roster", "--config", home / "tocsin.yaml", "--at", "2026-03-02T12:00:00Z")
    assert done.status == 0, done.err
    first, second = done.out.splitlines()
    assert first == "nights (pr_on_call): Chloe Martin until 3 Mar 09:00 CET, then David Jansen"
    assert second == "Far: pr_on_call is Grace Hall, whatever a roster says"


def test_the_weeks_to_come_are_shifts_without_a_gap(home: Path) -> None:
    done = tocsin("roster", "--config", home / "tocsin.yaml", "--at", "2026-03-25T12:00:00Z", "--weeks", "1", "--json")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    shifts = said["rosters"]["nights"]["shifts"]
    assert [one["people"] for one in shifts] == [["chloe"], ["david"]] * 4 or shifts[0]["people"] == ["david"]
    assert [one["from"] for one in shifts[1:]] == [one["until"] for one in shifts[:-1]]
    assert "2026-03-29T07:00:00Z" in [one["from"] for one in shifts], "09:00 is an hour earlier once clocks changed"
    assert said["brands"] == {"Far": {"pr_on_call": "grace"}}


def test_a_gap_is_told_with_its_hours_and_the_exit_status(home: Path) -> None:
    (home / "oncall.ics").write_text(CALENDAR, encoding="utf-8")
    rotation = CHART[CHART.index("    rotation:") : CHART.index("entry:")]
    (home / "chart.yaml").write_text(CHART.replace(rotation, "    calendar: oncall.ics\n"), encoding="utf-8")
    done = tocsin("roster", "--config", home / "tocsin.yaml", "--at", "2026-03-02T12:00:00Z", "--weeks", "1")
    assert done.status == 1
    assert "nobody is on call from Tue 3 Mar 2026 09:00 to Mon 9 Mar 2026 13:00 (Europe/Amsterdam)" in done.err
    now = tocsin("roster", "--config", home / "tocsin.yaml", "--at", "2026-03-02T12:00:00Z")
    assert now.status == 0, "at this instant somebody is"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--weeks", "53"], "--weeks 53: allowed are 1 to 52"),
        (["--at", "tomorrow"], "--at 'tomorrow'"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: there is no such configuration"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(home: Path, words: list[str], said: str) -> None:
    call = words if "--config" in words else ["--config", str(home / "tocsin.yaml"), *words]
    done = tocsin("roster", *call)
    assert done.status == 2
    assert said in done.err


def test_a_calendar_that_is_missing_is_one_line_with_what_is_allowed(home: Path) -> None:
    rotation = CHART[CHART.index("    rotation:") : CHART.index("entry:")]
    (home / "chart.yaml").write_text(CHART.replace(rotation, "    calendar: oncall.ics\n"), encoding="utf-8")
    done = tocsin("roster", "--config", home / "tocsin.yaml")
    assert done.status == 2
    assert "chart.yaml: roster nights: " in done.err
    assert "oncall.ics: the calendar cannot be read" in done.err
    assert "Traceback" not in done.err


def test_check_tells_of_a_gap_that_a_start_would_not_wait_for(home: Path) -> None:
    """The same line as `tocsin flowchart check`, with what follows from it."""
    assert tocsin("check", "--config", home / "tocsin.yaml").status == 0
    (home / "oncall.ics").write_text(CALENDAR, encoding="utf-8")
    rotation = CHART[CHART.index("    rotation:") : CHART.index("entry:")]
    (home / "chart.yaml").write_text(CHART.replace(rotation, "    calendar: oncall.ics\n"), encoding="utf-8")
    done = tocsin("check", "--config", home / "tocsin.yaml")
    assert done.status == 1
    assert "nobody is on call" in done.err
    (home / "oncall.ics").unlink()
    assert "oncall.ics: the calendar cannot be read" in tocsin("check", "--config", home / "tocsin.yaml").err
