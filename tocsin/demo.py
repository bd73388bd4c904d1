"""`tocsin demo`: a made-up brand's fortnight through the real path, and its story in words.

Nothing here decides anything: posts are written to a file, the replay reads it, and a made-up person answers the pages.
"""

import gzip
import heapq
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from alerting.decision import Decision, decision_line
from alerting.flowchart.model import Chart
from stream.brands import Brand
from stream.codec import MINUTE_MS, canonical, parse_rfc3339
from stream.sources.text_store import TextStore
from tocsin.checking import chart_text, read_chart
from tocsin.demo_story import Beginning, Story, tell_end, tell_opening, tell_story
from tocsin.entry import Answer, AnswerKind
from tocsin.journal import Verdict, open_existing, verify
from tocsin.mistakes import UsageError
from tocsin.replay import ReplayResult, replay
from tocsin.settings import shipped_chart_path
from tocsin.synthetic import BRAND, Row, fortnight

DEMO_BRAND = Brand(
    name=BRAND,
    query=BRAND.casefold(),
    languages=("en", "nl"),
    own_accounts=(BRAND.casefold(),),
    timezone="Europe/Amsterdam",
)

ACKNOWLEDGES_AFTER_MS = 4 * MINUTE_MS
OWNS_AFTER_MS = 7 * MINUTE_MS
RESOLVES_AFTER_MS = 30 * MINUTE_MS
"""After the alarm was lowered to medium or low."""
ON_CALL = "pr_on_call"

MARKER = "made-by-tocsin-demo.txt"
_MARKER_TEXT = "Everything in this directory was made by `tocsin demo`, and is replaced when the demo runs again.\n"
_STORES = ("journal.db", "texts.db")
OWN_FILES = (
    MARKER,
    "mentions.jsonl.gz",
    "decisions.jsonl",
    *(f"{store}{tail}" for store in _STORES for tail in ("", "-wal", "-shm", "-journal")),
)


class Places(NamedTuple):
    """Where the files of a demo lie."""

    mentions: Path
    journal: Path
    decisions: Path
    texts: Path


def run_demo(seed: int, directory: Path, out: Console, err: Console, *, days: int = 14) -> int:
    """Make, replay, tell and verify a fortnight; 0, or 1 if the journal does not verify.

    Progress goes to `err`, the story to `out`. The same seed gives the same decisions. Fewer `days` end it earlier.
    Raises `tocsin.mistakes.UsageError` for a directory that holds anything else, before anything is touched.
    """
    places = prepared(directory)
    chart_path = shipped_chart_path()
    chart = read_chart(chart_path)
    tell_opening(out, seed, days)
    beginnings = write_posts(places.mentions, seed, days)
    story = Story(chart=chart, timezone=DEMO_BRAND.timezone, beginnings=beginnings)
    with _progress(err, "Replaying the fortnight") as advance:
        result = _replayed(places, chart_text(chart_path), chart, story, advance)
    texts = TextStore(places.texts, durable=False)
    tell_story(out, story, texts)
    texts.close()
    with _progress(err, "Verifying the journal") as advance:
        verdict = _verified(places.journal)
        advance(1, 1)
    tell_end(out, story, result, verdict, dict(zip(Places._fields, places, strict=True)), command=_command())
    return 0 if verdict.ok else 1


def prepared(directory: Path) -> Places:
    """An empty directory for the files; those of an earlier demo go.

    Raises `UsageError` if there is anything in it that no demo made.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory}: is a file; the demo needs a directory: --dir NAME")
    directory.mkdir(parents=True, exist_ok=True)
    found = sorted(path.name for path in directory.iterdir())
    foreign = [name for name in found if name not in OWN_FILES]
    if foreign or (found and MARKER not in found):
        raise UsageError(
            f"{directory}: holds {(foreign or found)[0]}, which no demo made; nothing was touched. "
            "Name another directory: --dir NAME"
        )
    (directory / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")
    for name in found:
        if name != MARKER:
            (directory / name).unlink()
    return Places(
        mentions=directory / "mentions.jsonl.gz",
        journal=directory / "journal.db",
        decisions=directory / "decisions.jsonl",
        texts=directory / "texts.db",
    )


def write_posts(path: Path, seed: int, days: int) -> list[Beginning]:
    """Write the posts, one a line, the same bytes for the same seed. Returns the first post of everything that
    makes people talk, which nobody tells the detectors.
    """
    beginnings = []
    with path.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as file:
        for row in fortnight(seed, days=days):
            file.write(json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n")
            if _begins(row):
                beginnings.append(Beginning(parse_rfc3339(row["created_at"]), row["text"]))
    return beginnings


def _begins(row: Row) -> bool:
    return str(row["url"]).endswith("/first")


def _replayed(
    places: Places, chart_source: str, chart: Chart, story: Story, advance: Callable[[int, int], None]
) -> ReplayResult:
    """The real path: reading, matching, scoring, journal, core. Each decision is heard by the story and the person."""
    person = OnCall(chart)
    texts = TextStore(places.texts, durable=False)
    with places.decisions.open("wb") as file:

        def hear(decision: Decision) -> None:
            file.write(canonical(decision_line(decision)) + b"\n")
            story.hear(decision)
            person.hear(decision)

        try:
            return replay(
                [places.mentions],
                brands=[DEMO_BRAND],
                chart_text=chart_source,
                journal_path=places.journal,
                texts=texts,
                on_decision=hear,
                progress=advance,
                humans=person,
            )
        finally:
            texts.close()


class OnCall:
    """A made-up person who answers the first page of an incident: acknowledges, owns, and resolves when it is over.

    What they do follows from the decisions alone, so that two runs are the same run.
    """

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._acts: list[tuple[int, str, Answer]] = []
        self._answering: dict[str, str] = {}
        """Incident -> who answers it."""

    def hear(self, decision: Decision) -> None:
        """Take notice of a decision, and plan what to do about it."""
        incident = decision.incident
        if decision.kind == "StandDown":
            self._answering.pop(incident, None)
            self._acts = sorted(act for act in self._acts if act[2].incident != incident)
        elif decision.kind == "Page" and incident not in self._answering:
            people = self._chart.people(decision.targets)
            on_call = [name for name in people if name in self._chart.people((ON_CALL,))]
            if people:
                self._answering[incident] = (on_call or list(people))[0]
                self._plan(decision, "acknowledge", ACKNOWLEDGES_AFTER_MS)
                self._plan(decision, "own", OWNS_AFTER_MS)
        elif decision.reason == "severity_fell" and decision.severity in ("low", "medium") and self._leads(incident):
            self._plan(decision, "resolve", RESOLVES_AFTER_MS)

    def due(self, until_ms: int) -> Answer | None:
        """The next act that is due before this time, once."""
        if not self._acts or self._acts[0][0] >= until_ms:
            return None
        return heapq.heappop(self._acts)[2]

    def _leads(self, incident: str) -> bool:
        """Whether it is answered, and nothing is planned for it that is still to be done."""
        return incident in self._answering and all(act.incident != incident for _, _, act in self._acts)

    def _plan(self, decision: Decision, what: AnswerKind, after_ms: int) -> None:
        at_ms = decision.at_ms + after_ms
        name = f"{decision.key}/{what}"
        act = Answer(
            id=name,
            brand=decision.brand,
            incident=decision.incident,
            answer=what,
            who=self._answering[decision.incident],
            at_ms=at_ms,
        )
        heapq.heappush(self._acts, (at_ms, name, act))


def _verified(path: Path) -> Verdict:
    journal = open_existing(path)
    try:
        return verify(journal)
    finally:
        journal.close()


@contextmanager
def _progress(err: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal that goes away when it is full; one plain line anywhere else."""
    if not err.is_terminal:
        err.print(f"{what} ...", markup=False, highlight=False, soft_wrap=True)
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _command() -> str:
    """How this program is called from here."""
    if shutil.which("tocsin") is not None:
        return "tocsin"
    called = Path(sys.argv[0])
    if called.name != "tocsin":
        return "tocsin"
    here = Path.cwd()
    return str(called.relative_to(here)) if called.is_relative_to(here) else str(called)
