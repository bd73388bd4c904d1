"""`tocsin replay` as a person sees it: progress, decisions to a file, and a table at the end."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from alerting.decision import Decision, decision_line
from alerting.flowchart.load import load_chart
from alerting.roster import RosterError
from stream.brands import Brand
from stream.codec import canonical, parse_rfc3339
from stream.mention import Mention
from stream.plans import Plan
from stream.query_parser import compile_query
from stream.sentiment import Scorers
from stream.sources.files import read_files
from tocsin.checking import chart_text
from tocsin.mistakes import UsageError
from tocsin.planning import plans_of
from tocsin.replay import IncidentRow, ReplayResult, replay
from tocsin.rosters import read_calendars
from tocsin.scorers import load_scorers
from tocsin.settings import Settings, SettingsError, load_settings, plain_name, query_problems, shipped_chart_path
from tocsin.state import Judged
from tocsin.terminal import safe


class ReplayCall(NamedTuple):
    """What was asked for on the command line."""

    files: Sequence[Path]
    brands: Sequence[str]
    config: Path | None
    flowchart: Path | None
    decisions: Path | None
    since: str | None
    until: str | None
    languages: tuple[str, ...]
    journal: Path | None
    planned: Sequence[Path] = ()
    budget: float | None = None
    learn: Sequence[Path] = ()


def run_replay(call: ReplayCall, *, out: Console, progress_on: Console) -> ReplayResult:
    """Replay as asked, show progress and the table; returns the result.

    Raises one of `tocsin.mistakes.MISTAKES` for what the caller got wrong.
    """
    setup = _configured(call)
    since_ms, until_ms = _span(call)
    _outputs_apart(call)
    mentions = read_files(call.files, dead=lambda *_: None, since_ms=since_ms, until_ms=until_ms)  # missing: told now
    read_files(call.learn, dead=lambda *_: None)
    judged = _judged(call, setup, mentions)
    sink = _DecisionFile(call.decisions)
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=progress_on
    )
    try:
        with progress:
            task = progress.add_task("replaying", total=None)
            result = replay(
                call.files,
                brands=setup.brands,
                chart_text=setup.chart,
                calendars=_calendars(call, setup, progress_on),
                judged=judged,
                learn=call.learn,
                since_ms=since_ms,
                until_ms=until_ms,
                journal_path=call.journal,
                on_decision=sink.write,
                scorers=setup.scorers,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    finally:
        sink.close()
    show_result(result, out)
    if call.decisions is not None:
        _line(out, f"decisions: {call.decisions}")
    if call.journal is not None:
        _line(out, f"journal: {call.journal}")
    return result


def show_result(result: ReplayResult, out: Console) -> None:
    """The table of incidents and the counts."""
    if result.incidents:
        table = Table(title="Incidents", show_lines=True)
        for heading in ("opened", "what", "paged", "ended"):
            table.add_column(heading, no_wrap=heading != "paged")
        for row in result.incidents:
            table.add_row(*[Text(safe(cell)) for cell in _cells(row)])
        out.print(table)
    else:
        out.print("No incident.")
    m = result.mentions
    _line(
        out,
        f"mentions: {m['read']} read, {m['repeated']} repeated, {m['matched']} matched, {m['scored']} scored, "
        f"{m['unscored']} unscored, {m['dead_lettered']} dead-lettered",
    )
    for reason, count in result.dead_letters.items():
        _line(out, f"  dead letters: {count} {reason}")
    if result.blind:
        _line(out, f"blind: {result.blind} times a source fell silent, lagged or was capped")
    _line(
        out,
        f"speed: {result.mentions_per_second} mentions/s ({result.seconds} s), peak memory {result.peak_memory_mb} MB",
    )


def _cells(row: IncidentRow) -> tuple[str, ...]:
    """Two lines a cell, so that the table fits a terminal of 80 columns with every word whole."""
    paged = f"{row.pages} + {row.escalations} escalated" if row.escalations else str(row.pages)
    told = f"{paged}: {', '.join(row.people)}" if row.people else "nobody"
    return (
        f"{row.opened[:16].replace('T', ' ')}\n{row.brand}",
        f"{row.scenario}\n{row.severity}",
        f"{told}\n{row.notices} notices" if row.notices else told,
        f"{row.because or 'still open'}\n{row.closed[:16].replace('T', ' ')}".rstrip(),
    )


class _Setup(NamedTuple):
    brands: list[Brand]
    chart: str
    scorers: Scorers
    settings: Settings


def _judged(call: ReplayCall, setup: _Setup, mentions: Iterable[Mention]) -> dict[str, Judged]:
    """Budgets and planned events: what the flags say holds for every brand, beside what the configuration says."""
    calendars = {b.name: (*call.planned, *setup.settings.calendars().get(b.name, ())) for b in setup.brands}
    plans: dict[str, tuple[Plan, ...]] = {}
    if any(calendars.values()):
        first = next(iter(mentions), None)
        plans = plans_of(calendars, {b.name: b.timezone for b in setup.brands}, first.observed_ms if first else 0)
    said = setup.settings.judged(plans)
    judged = {b.name: said.get(b.name, Judged(plans=plans.get(b.name, ()))) for b in setup.brands}
    if call.budget is None:
        return judged
    if not 0.1 <= call.budget <= 30:
        raise UsageError(f"--budget {call.budget:g}: allowed are 0.1 to 30 pages for nothing, a brand and month")
    return {name: one._replace(pages_milli=round(call.budget * 1000)) for name, one in judged.items()}


def _calendars(call: ReplayCall, setup: _Setup, err: Console) -> dict[str, str]:
    """The calendars of rosters that can be had; of the others one line is said, and everybody in them is told."""
    path = _chart_path(call, setup.settings)
    texts: dict[str, str] = {}
    for name, spec in load_chart(setup.chart, str(path)).written.rosters.items():
        try:
            texts |= read_calendars({name: spec}, path.parent, environment=os.environ)
        except RosterError as error:
            _line(err, f"{path}: {error}; everybody who has the role stands for it")
    return texts


def _chart_path(call: ReplayCall, settings: Settings) -> Path:
    return call.flowchart or (settings.flowchart_path if call.config is not None else shipped_chart_path())


def _configured(call: ReplayCall) -> _Setup:
    brands: list[Brand] = []
    scorers = load_scorers(())
    settings = Settings()
    if call.config is not None:
        settings = load_settings(call.config, os.environ)
        if problems := query_problems(settings):
            raise SettingsError(problems)
        brands = list(settings.brand_list())
        scorers = load_scorers(settings.scorers)
    brands += [brand_of(text, call.languages) for text in call.brands]
    if not brands:
        raise UsageError("no brand: say --brand NAME, --brand NAME=QUERY or --config FILE")
    names = [plain_name(b.name) for b in brands]
    if len(set(names)) < len(names):
        raise UsageError(f"the same brand twice: {', '.join(b.name for b in brands)}")
    return _Setup(brands, chart_text(_chart_path(call, settings)), scorers, settings)


def brand_of(text: str, languages: tuple[str, ...]) -> Brand:
    """The brand that `NAME` or `NAME=QUERY` on a command line means. Raises `UsageError` or `QueryError`."""
    name, equals, query = text.partition("=")
    if not plain_name(name) or (equals and not query.strip()):
        raise UsageError(f"--brand {text!r}: expected NAME or NAME=QUERY, with a letter or digit in the name")
    if any("\ud800" <= c <= "\udfff" for c in text):  # how Python hands over an argument that is not UTF-8
        raise UsageError(f"--brand {text!r}: is not UTF-8")
    for language in languages:
        if not re.fullmatch("[a-z]{2}", language):
            raise UsageError(f"--language {language!r}: expected two small letters (ISO 639-1), as en or nl")
    if equals:
        compile_query(query)
    return Brand(name=name.strip(), query=query if equals else None, languages=languages)


def _span(call: ReplayCall) -> tuple[int | None, int | None]:
    since_ms, until_ms = instant("--since", call.since), instant("--until", call.until)
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise UsageError(f"--since {call.since} is not before --until {call.until}: nothing lies between")
    return since_ms, until_ms


def instant(flag: str, text: str | None) -> int | None:
    """The time that a flag names, `None` without one. Raises `UsageError`.

    >>> instant("--since", "2017-04-27")
    1493251200000
    """
    if text is None:
        return None
    day = re.fullmatch(r"\s*(\d{4}-\d\d-\d\d)\s*", text)
    try:
        return parse_rfc3339(f"{day[1]}T00:00:00Z" if day else text)
    except ValueError as error:
        said = f"{flag} {text[:40]!r}: {error}; expected 2017-04-27T19:00:00Z or 2017-04-27"
        raise UsageError(said) from error


def _outputs_apart(call: ReplayCall) -> None:
    """What is written must not be what is read. Raises `UsageError`."""
    if call.journal is not None and call.journal.exists():
        raise UsageError(f"{call.journal}: is there already; a replay's journal starts empty")
    read = [
        *call.files,
        *call.learn,
        *call.planned,
        *(path for path in (call.config, call.flowchart) if path is not None),
    ]
    written = [path for path in (call.decisions, call.journal) if path is not None]
    for path in written:
        if any(path.resolve() == other.resolve() for other in read):
            raise UsageError(f"{path}: is read and would be written; name another file")
    if len(written) > 1 and written[0].resolve() == written[1].resolve():
        raise UsageError(f"{written[0]}: cannot hold both the decisions and the journal")


class _DecisionFile:
    """Writes decisions as JSON lines; without a path it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: IO[bytes] | None = path.open("wb") if path is not None else None

    def write(self, decision: Decision) -> None:
        if self._file is not None:
            self._file.write(canonical(decision_line(decision)) + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _line(out: Console, text: str) -> None:
    out.print(safe(text), markup=False, highlight=False, soft_wrap=True)
