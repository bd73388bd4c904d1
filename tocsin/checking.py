"""Everything that `tocsin check` and `tocsin flowchart check` look at."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from alerting.flowchart.check import overdue, uncovered, warnings_of
from alerting.flowchart.load import ChartError, load_chart
from alerting.flowchart.model import Chart
from alerting.roster import RosterError, expand
from stream.codec import DAY_MS
from stream.strict_yaml import YamlProblem
from stream.zones import local
from tocsin.console_sections import responder_problems
from tocsin.duties import duty_problems
from tocsin.mistakes import told
from tocsin.planning import PlanError, plans_of
from tocsin.rosters import read_calendars
from tocsin.scorers import load_scorers
from tocsin.settings import SettingsError, check_settings, load_settings
from tocsin.way_checks import way_problems, way_warnings

COVERED_DAYS = 90
"""For how long ahead a roster must have somebody on call."""


def check_all(config: Path, environment: Mapping[str, str]) -> list[str]:
    """All problems of a configuration, one line each; empty when it is in order."""
    try:
        settings = load_settings(config, environment)
    except SettingsError as error:
        return list(error.problems)
    problems = check_settings(settings)
    try:
        plans_of(settings.calendars(), settings.zones(), time.time_ns() // 1_000_000)
    except PlanError as error:
        problems += error.problems
    try:
        load_scorers(settings.scorers)
    except SettingsError as error:
        problems += error.problems
    if not settings.flowchart_path.is_file():
        return problems  # told by the settings, with the line that names it
    try:
        chart = read_chart(settings.flowchart_path)
    except (ChartError, OSError) as error:
        return [*problems, *told(error).splitlines()]
    problems += responder_problems(settings.console, chart.responders, settings.problem)
    return [*problems, *duty_problems(settings, chart), *way_problems(settings, chart)]


def check_warnings(config: Path, environment: Mapping[str, str]) -> list[str]:
    """What of a configuration that is in order leaves people without a way that the flowchart counts on."""
    settings = load_settings(config, environment)
    return way_warnings(settings, read_chart(settings.flowchart_path))


def roster_problems(config: Path, environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the rosters of a configuration that is in order otherwise: calendars that cannot be had or
    used, and roles for which nobody is on call at some time of the next 90 days.

    A start does not ask this: a gap in three months is no reason to hear nothing today.
    """
    path = load_settings(config, environment).flowchart_path
    return _cover_problems(read_chart(path), path, time.time_ns() // 1_000_000)


def chart_problems(path: Path, now_ms: int | None = None) -> tuple[list[str], list[str]]:
    """`(problems, warnings)` of a flowchart file, one line each: the chart itself, what was to be reviewed by now, and
    whether its rosters have somebody on call for the next 90 days.
    """
    at_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    try:
        chart = read_chart(path)
    except (ChartError, OSError) as error:
        return told(error).splitlines(), []
    problems = [str(problem) for problem in overdue(chart, local(at_ms, "UTC").date().isoformat())]
    return [*problems, *_cover_problems(chart, path, at_ms)], [str(warning) for warning in warnings_of(chart)]


def _cover_problems(chart: Chart, path: Path, at_ms: int) -> list[str]:
    specs = chart.written.rosters
    until_ms = at_ms + COVERED_DAYS * DAY_MS
    responders = {name: responder.name for name, responder in chart.responders.items()}
    try:
        texts = read_calendars(specs, path.parent, environment=os.environ)
        rosters = {
            name: expand(spec, at_ms, until_ms, texts.get(name), name=name, responders=responders)
            for name, spec in specs.items()
        }
    except RosterError as error:
        return [f"{path}: {problem}" for problem in error.problems]
    return [str(problem) for problem in uncovered(chart, rosters)]


def read_chart(path: Path) -> Chart:
    """Load a flowchart from a file. Raises `ChartError` or `OSError`."""
    return load_chart(chart_text(path), str(path))


def chart_text(path: Path) -> str:
    """The text of a flowchart file. Raises `ChartError` where it is no UTF-8, `OSError` where it cannot be read."""
    body = path.read_bytes()
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        said = "this byte is not UTF-8; save the file as UTF-8"
        raise ChartError([YamlProblem(str(path), line, column, said)]) from None
