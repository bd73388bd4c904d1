"""The playbook: all that a flowchart says, on paper, for the day on which everything is down.

One HTML page that asks for nothing from outside, and through a headless Chromium, where there is one, a PDF of it.
"""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from alerting.facts import SEVERITIES
from alerting.flowchart import picture
from alerting.flowchart.model import Chart, Rosters
from alerting.flowchart.sheet import sheet_of
from alerting.flowchart.walk_file import Situation, WalkFile
from alerting.flowchart.walking import Outcome, Told, length_text, walked
from alerting.roster import Roster
from stream.codec import DAY_MS, rfc3339
from stream.strict_yaml import Document
from stream.zones import local
from tocsin.mistakes import UsageError
from tocsin.paper import template

ROSTER_DAYS = 28
"""So many days of rosters are printed."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_DONE = {
    "page": "wake",
    "notify": "tell",
    "ask": "ask",
    "open_channel": "open a channel and invite",
    "mobilise": "call in",
    "brief": "brief",
    "statement": "get a statement approved by",
    "vacant": "nobody is on call for",
}


class Rung(msgspec.Struct, frozen=True):
    """One thing to do, so long after it began."""

    after: str
    what: str
    who: str
    """Jobs, as the chart names them."""
    people: tuple[str, ...]
    """Who does them at the hour at which this was printed, each with a telephone number."""
    within: str
    say: str


class Ladder(msgspec.Struct, frozen=True):
    """What happens in a scenario at a severity if nobody ever answers."""

    severity: str
    rungs: tuple[Rung, ...]
    ends: str


class Shift(msgspec.Struct, frozen=True):
    """Who is on call from when to when."""

    since: str
    until: str
    people: tuple[str, ...]


def playbook(chart: Chart, rosters: Rosters, at_ms: int, *, zone: str = "Europe/Amsterdam") -> str:
    """The playbook as HTML, printed at an instant."""
    scenarios = [
        {
            "name": scenario,
            "title": _plain(scenario).capitalize(),
            "drawing": picture.svg(part_of(chart, scenario)),
            "ladders": list(ladders(chart, rosters, scenario, at_ms, zone)),
        }
        for scenario in chart.entry
    ]
    written = chart.written
    return template("playbook.html.j2").render(
        chart=chart,
        printed=f"{local(at_ms, zone):%A %-d %B %Y, %H:%M} ({zone})",
        today=f"{local(at_ms, zone):%Y-%m-%d}",
        scenarios=scenarios,
        last_resort=[_contact(chart, name) for name in chart.people(chart.last_resort, at_ms, rosters)],
        departments=_departments(chart),
        roles=[
            (
                _plain(name),
                role.description,
                [chart.responders[one].name for one in chart.people((name,), at_ms, rosters)],
            )
            for name, role in chart.roles.items()
        ],
        rosters=[(_plain(name), roster.timezone, list(shifts(roster, at_ms))) for name, roster in _known(rosters)],
        statements=[(_plain(name), one.texts, one.owner, one.review_by) for name, one in written.statements.items()],
        advice=[(_plain(name), words) for name, words in written.advice.items()],
        severity=[(row.severity, row.words, row.when) for row in written.severity],
    )


def part_of(chart: Chart, scenario: str) -> Chart:
    """The chart of one scenario alone: what its walks can come to."""
    sheet = sheet_of(chart)
    start = chart.entry[scenario]
    seen: dict[str, None] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = None
            waiting += [to for _, to in sheet.ways(name)]
            waiting += [sheet.calls[name]] if name in sheet.calls else []
    subs = [name for name in chart.written.subcharts if any(one.startswith(f"{name}/") for one in seen)]
    written = chart.written.model_copy(
        update={
            "entry": {scenario: start},
            "nodes": {name: node for name, node in chart.written.nodes.items() if name in seen},
            "subcharts": {name: chart.written.subcharts[name] for name in subs},
        }
    )
    return dataclasses.replace(chart, written=written)


def ladders(chart: Chart, rosters: Rosters, scenario: str, at_ms: int, zone: str) -> Iterator[Ladder]:
    """What happens if nobody answers, from the worst severity down; those at which nobody is told are left out."""
    for severity in reversed(SEVERITIES):
        facts: dict[str, Any] = {"scenario": scenario, "severity": severity}
        file = WalkFile.model_validate({"start": rfc3339(at_ms), "timezone": zone})
        outcome = walked(chart, Situation(file, Document("", ""), ((0, facts),), zone), rosters)
        rungs = tuple(_rung(chart, told) for told in outcome.told)
        if rungs:
            yield Ladder(severity, rungs, _ends(chart, outcome))


def _rung(chart: Chart, told: Told) -> Rung:
    within = f"{length_text(told.within_ms)} to answer" if told.within_ms else ""
    people = tuple(_contact(chart, name) for name in told.people)
    who = ", ".join(_plain(target) for target in told.targets)
    after = length_text(told.after_ms) if told.after_ms else "at once"
    return Rung(after, _DONE.get(told.kind, told.kind), who, people, within, told.words)


def _ends(chart: Chart, outcome: Outcome) -> str:
    if outcome.ended:
        return outcome.steps[-1].words
    return f"The last rung ({_plain(outcome.node)}) waits as long as it takes: keep calling."


def shifts(roster: Roster, at_ms: int) -> Iterator[Shift]:
    """Who is on call in the next four weeks."""
    until_ms = at_ms + ROSTER_DAYS * DAY_MS
    for one in roster.intervals:
        if one.until_ms > at_ms and one.from_ms < until_ms and (one.people or one.needed):
            yield Shift(
                _hour(max(one.from_ms, at_ms), roster.timezone), _hour(one.until_ms, roster.timezone), one.people
            )


def _known(rosters: Rosters) -> list[tuple[str, Roster]]:
    return [(name, roster) for name, roster in rosters.items() if isinstance(roster, Roster)]


def _hour(at_ms: int, zone: str) -> str:
    return f"{local(at_ms, zone):%a %-d %b %H:%M}"


def _contact(chart: Chart, name: str) -> str:
    person = chart.responders[name]
    reach = person.phone or person.email or person.slack or "no number"
    return f"{person.name}, {reach}"


def _departments(chart: Chart) -> list[tuple[str, list[Any]]]:
    found: dict[str, list[Any]] = {}
    for person in chart.responders.values():
        found.setdefault(person.department or "Elsewhere", []).append(person)
    return list(found.items())


def _plain(name: str) -> str:
    return name.replace("_", " ")


def write_pdf(html: str, path: Path) -> None:
    """The playbook as a PDF. Raises `UsageError` where there is nothing to print with."""
    cure = "open the HTML file in any browser and print it from there"
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise UsageError(f"{path}: a PDF needs the package playwright, which is not installed; {cure}") from None
    browser_path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            page = browser.new_page(java_script_enabled=False)
            page.set_content(html)
            page.pdf(path=path, format="A4", print_background=True, prefer_css_page_size=True)
            browser.close()
    except Error as error:
        said = str(error).splitlines()[0]
        raise UsageError(f"{path}: no PDF, because Chromium could not be run ({said}); {cure}") from None
