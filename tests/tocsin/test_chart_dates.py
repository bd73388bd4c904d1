"""`tocsin flowchart check` looks at the calendar too: what was to be reviewed, and who is on call for 90 days."""

from datetime import UTC, datetime
from pathlib import Path

from tocsin.checking import chart_problems

FULL = (Path(__file__).parents[1] / "flowchart" / "full.yaml").read_text(encoding="utf-8")


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def _problems(folder: Path, text: str, day: str) -> list[str]:
    path = folder / "chart.yaml"
    path.write_text(text, encoding="utf-8")
    return [line.removeprefix(f"{folder}/") for line in chart_problems(path, _ms(day))[0]]


def test_a_chart_with_people_on_call_and_dates_to_come_is_in_order(tmp_path: Path) -> None:
    assert _problems(tmp_path, FULL, "2026-03-01") == []


def test_what_is_past_its_review_is_a_problem(tmp_path: Path) -> None:
    said = _problems(tmp_path, FULL, "2027-07-01")
    assert len(said) == 3
    assert said[0] == "chart.yaml:3:12: this flowchart was to be reviewed by 2027-06-30; look it over and set a new day"


def test_hours_in_which_nobody_is_on_call_are_a_problem(tmp_path: Path) -> None:
    text = FULL.replace("from: 2026-01-05}", "from: 2026-03-09}")
    (said,) = _problems(tmp_path, text, "2026-03-01")
    assert said.startswith("chart.yaml:13:3: roster press: nobody is on call from Sun 1 Mar 2026 01:00")
    assert "a page to it would reach nobody then" in said


def test_a_calendar_that_is_not_there_is_a_problem_in_one_line(tmp_path: Path) -> None:
    rotation = FULL[FULL.index("    rotation:") : FULL.index("roles:")]
    (said,) = _problems(tmp_path, FULL.replace(rotation, "    calendar: oncall.ics\n"), "2026-03-01")
    assert said.startswith("chart.yaml: roster press: ")
