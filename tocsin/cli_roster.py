"""`tocsin roster`: who is on call, now or in the weeks to come."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from alerting.flowchart.model import Chart
from alerting.roster import Roster, RosterError, stretch_text
from alerting.words import clock_text
from stream.codec import DAY_MS, rfc3339
from tocsin.mistakes import UsageError
from tocsin.terminal import Json, complain, print_json, say

MOST_WEEKS = 52

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration; default tocsin.yaml.")]


def roster(
    at: Annotated[str | None, typer.Option(help="At this instant (RFC 3339) instead of now.", metavar="ISO")] = None,
    weeks: Annotated[int, typer.Option(help="Show every shift of so many weeks from then on; 52 at most.")] = 0,
    flowchart: Annotated[Path | None, typer.Option(help="This flowchart; default the configuration's.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show who is on call by each roster of the flowchart, who comes next, and when nobody is on call.

    Exit status 1 where, at that instant or within those weeks, nobody or not as many as must be are on call.
    """
    from tocsin.replaying import instant

    if not 0 <= weeks <= MOST_WEEKS:
        raise UsageError(f"--weeks {weeks}: allowed are 1 to {MOST_WEEKS}")
    at_ms = instant("--at", at) or time.time_ns() // 1_000_000
    chart, rosters, own = _read(config, flowchart, at_ms)
    until_ms = at_ms + weeks * 7 * DAY_MS
    problems = [
        line
        for one in rosters.values()
        for line in _within(one, at_ms, until_ms if weeks else one.next_change_ms(at_ms) or one.until_ms).problems()
    ]
    if as_json:
        shown = {name: _row(one, at_ms, until_ms if weeks else 0) for name, one in rosters.items()}
        print_json({"at": rfc3339(at_ms), "rosters": shown, "brands": own, "problems": problems})
    else:
        for line in _lines(chart, rosters, own, at_ms, until_ms if weeks else 0):
            say(line)
        complain(problems)
    raise SystemExit(1 if problems else 0)


def _read(
    config: Path | None, flowchart: Path | None, at_ms: int
) -> tuple[Chart, dict[str, Roster], dict[str, dict[str, str]]]:
    """The flowchart, its rosters, and the people whom brands have of their own, by brand and role."""
    from tocsin.checking import read_chart
    from tocsin.live_chart import KEPT_CALENDARS, read_rosters
    from tocsin.settings import load_settings

    path = config or Path("tocsin.yaml")
    if flowchart is not None and config is None and not path.is_file():
        settings = load_settings(None, os.environ)
    elif path.is_file():
        settings = load_settings(path, os.environ)
    else:
        raise UsageError(f"{path}: there is no such configuration; name one with --config, or a --flowchart")
    place = flowchart or settings.flowchart_path
    chart = read_chart(place)
    kept_in = settings.data_path / KEPT_CALENDARS if settings.data_path.is_dir() else None
    try:
        rosters = read_rosters(chart, place.parent, at_ms, kept_in=kept_in, warn=lambda line: complain([line]))
    except RosterError as error:
        raise RosterError([f"{place}: {problem}" for problem in error.problems]) from None
    return chart, rosters, {b.name: dict(b.responders) for b in settings.brands if b.responders}


def _within(one: Roster, from_ms: int, until_ms: int) -> Roster:
    """The part of a roster that lies in a stretch."""
    inside = tuple(
        i.__class__(max(i.from_ms, from_ms), min(i.until_ms, until_ms), i.people, i.needed)
        for i in one.intervals
        if i.from_ms < until_ms and i.until_ms > from_ms
    )
    return Roster(one.name, one.timezone, from_ms, until_ms, inside)


def _row(one: Roster, at_ms: int, until_ms: int) -> dict[str, object]:
    change_ms = one.next_change_ms(at_ms)
    row: dict[str, object] = {
        "on_call": list(one.on_call(at_ms)),
        "until": rfc3339(change_ms) if change_ms else None,
        "next": list(one.on_call(change_ms)) if change_ms else [],
        "timezone": one.timezone,
    }
    if until_ms:
        row["shifts"] = [
            {"from": rfc3339(i.from_ms), "until": rfc3339(i.until_ms), "people": list(i.people), "needed": i.needed}
            for i in _within(one, at_ms, until_ms).intervals
        ]
    return row


def _lines(
    chart: Chart, rosters: Mapping[str, Roster], own: Mapping[str, Mapping[str, str]], at_ms: int, until_ms: int
) -> list[str]:
    if not rosters:
        return ["This flowchart has no rosters: whoever has a role has it day and night."]
    lines: list[str] = []
    for name, one in rosters.items():
        roles = ", ".join(role for role, said in chart.roles.items() if said.roster == name) or "no role"
        lines.append(f"{name} ({roles}): {_now(chart, one, at_ms)}")
        if until_ms:
            shifts = _within(one, at_ms, until_ms).intervals
            lines += [f"  {stretch_text(i.from_ms, i.until_ms, one.timezone)}: {_who(chart, i.people)}" for i in shifts]
    for brand, people in own.items():
        lines += [f"{brand}: {role} is {_who(chart, (who,))}, whatever a roster says" for role, who in people.items()]
    return lines


def _now(chart: Chart, one: Roster, at_ms: int) -> str:
    change_ms = one.next_change_ms(at_ms)
    then = f", then {_who(chart, one.on_call(change_ms))}" if change_ms else ""
    until = f" until {clock_text(change_ms, one.timezone, at_ms)}" if change_ms else ""
    return f"{_who(chart, one.on_call(at_ms))}{until}{then}"


def _who(chart: Chart, people: tuple[str, ...]) -> str:
    named = [chart.responders[name].name if name in chart.responders else name for name in people]
    return ", ".join(named) or "nobody"


def hook(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Examples: tocsin roster\n\ntocsin roster --weeks 4 --json")(roster)
