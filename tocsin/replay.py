"""Mention files through intake and core on virtual time, as fast as it goes.

The very sequencer, intake and engine of a live run: only the stamps come from the files.
"""

import gc
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.flowchart.model import Chart
from alerting.incident import rank
from alerting.roster import Roster, pack
from stream.brands import Brand
from stream.codec import DAY_MS, canonical, rfc3339
from stream.combine import Combined
from stream.mention import Mention
from stream.names import REPLAY_KEY, Names
from stream.reading import BadMention
from stream.sentiment import Scorers
from stream.sources.dead_letters import DeadLetters
from stream.sources.files import Dead, Progress, read_files
from stream.sources.text_store import TextStore
from tocsin.engine import Engine
from tocsin.entry import Answer, ConfigChange
from tocsin.intake import Intake
from tocsin.journal import Journal, Keeper, Unkept
from tocsin.rosters import expand_rosters
from tocsin.sequencer import Sequencer
from tocsin.state import Content, Contents, Judged

DEFAULT_STEP_MS = 5_000
BATCH = 1_000
REPLAYED_DAYS = 1_500
"""For how long a replay knows who is on call."""


class IncidentRow(msgspec.Struct):
    """One incident of a replay, as its table shows it."""

    incident: str
    brand: str
    scenario: str
    severity: str
    """The highest it reached."""
    opened: str
    closed: str = ""
    because: str = ""
    pages: int = 0
    escalations: int = 0
    notices: int = 0
    first_paged: str = ""
    people: list[str] = []


class ReplayResult(msgspec.Struct):
    """What a replay saw and decided."""

    mentions: dict[str, int]
    """Read, repeated, matched, scored, unscored, dead-lettered, ..."""
    incidents: list[IncidentRow]
    decisions: dict[str, int]
    blind: int
    """Times a source went silent, lagged or was capped."""
    seconds: float
    mentions_per_second: int
    peak_memory_mb: int
    dead_letters: dict[str, int]
    chains: dict[str, str]
    """Brand -> head of its decision chain."""


class Summary:
    """Gathers a result from decisions as they are taken."""

    def __init__(self) -> None:
        self.rows: dict[str, IncidentRow] = {}
        self.kinds: Counter[str] = Counter()
        self.blind = 0

    def take(self, decision: Decision) -> None:
        """Count one decision."""
        self.kinds[decision.kind] += 1
        if decision.reason == "planned_event":
            return  # nothing came of it
        if decision.scenario == BLIND:
            self.blind += decision.kind == "OpenIncident"
            return
        row = self.rows.get(decision.incident)
        if row is None:
            row = self.rows[decision.incident] = IncidentRow(
                incident=decision.incident,
                brand=decision.brand,
                scenario=decision.scenario,
                severity=decision.severity,
                opened=rfc3339(decision.at_ms),
            )
        if rank(decision.severity) > rank(row.severity):
            row.severity, row.scenario = decision.severity, decision.scenario
        row.pages += decision.kind == "Page"
        row.escalations += decision.kind == "Escalate"
        row.notices += decision.kind == "Notify"
        if decision.kind in ("Page", "Escalate"):
            row.first_paged = row.first_paged or rfc3339(decision.at_ms)
            row.people += [t for t in decision.targets if t not in row.people]
        if decision.kind == "StandDown":
            row.closed, row.because = rfc3339(decision.at_ms), decision.reason


class Humans(Protocol):
    """People who answer within a replay."""

    def due(self, until_ms: int) -> Answer | None:
        """The next act that is due before this time, once; `None` when there is none (yet)."""


def configure(
    brands: Sequence[Brand],
    chart_text: str,
    add: Callable[[bytes], str],
    judged: Mapping[str, Judged] = MappingProxyType({}),
    rosters: str = "",
) -> list[tuple[str, str]]:
    """Keep each brand's configuration with `add`; returns `(brand, digest)`s for their `ConfigChange`s.

    A brand that `judged` does not name is judged by the defaults. `rosters` is the digest of who is on call.
    """
    chart = add(chart_text.encode())
    default = Judged()
    return [
        (b.name, add(canonical(Content(b.name, b.timezone, chart, *judged.get(b.name, default), rosters=rosters))))
        for b in brands
    ]


def rosters_then(chart: Chart, calendars: Mapping[str, str], at_ms: int) -> dict[str, Roster]:
    """Who was on call in the time of a replay. A roster in which nobody is for a week from then on, because it began
    later or its calendar is not at hand, says nothing of that time: everybody in it stands for it then.

    Raises `RosterError` for a calendar that cannot be used.
    """
    specs = {name: one for name, one in chart.written.rosters.items() if one.calendar is None or name in calendars}
    responders = {name: responder.name for name, responder in chart.responders.items()}
    found = expand_rosters(specs, calendars, at_ms, responders, days=REPLAYED_DAYS)
    week_ms = at_ms + 7 * DAY_MS
    return {
        name: roster
        for name, roster in found.items()
        if any(i.people and i.from_ms < week_ms and i.until_ms > at_ms for i in roster.intervals)
    }


def replay(
    paths: Sequence[Path],
    *,
    brands: Sequence[Brand],
    chart_text: str,
    step_ms: int = DEFAULT_STEP_MS,
    since_ms: int | None = None,
    until_ms: int | None = None,
    journal_path: Path | None = None,
    texts: TextStore | None = None,
    on_decision: Callable[[Decision], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    humans: Humans | None = None,
    scorers: Scorers | None = None,
    judged: Mapping[str, Judged] = MappingProxyType({}),
    learn: Sequence[Path] = (),
    calendars: Mapping[str, str] = MappingProxyType({}),
) -> ReplayResult:
    """Run files through intake and core. `on_decision` sees each decision once, in order.

    With `humans` every step is applied before the next is read, so that they can answer what was decided. Without
    `scorers` the shipped ones score. What `learn` holds from before the first mention teaches the baselines and is
    judged by nobody; `progress` is told of it like of the rest. `calendars` are the iCalendar texts of rosters.

    Raises `stream.sources.files.SourceError` when a file cannot be read, `ChartError` for a bad flowchart.
    """
    started = time.perf_counter()
    contents = Contents({})
    journal: Journal | None = None
    keeper: Keeper = Unkept()
    if journal_path is not None:
        keeper = journal = Journal(journal_path, step_ms=step_ms, durable=False)
    summary = Summary()

    def keep(body: bytes) -> str:
        name = contents.put(body)
        if journal is not None:
            journal.add_content(body)
        return name

    def sink(decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            summary.take(decision)
            if on_decision is not None:
                on_decision(decision)

    chart = contents.chart(contents.put(chart_text.encode()))

    def configured(at_ms: int) -> list[tuple[str, str]]:
        rosters = rosters_then(chart, calendars, at_ms)
        return configure(brands, chart_text, keep, judged, keep(pack(rosters)) if rosters else "")

    intake = Intake(brands, Names(REPLAY_KEY), step_ms=step_ms, keep_posts=texts is not None, scorers=scorers)
    engine = Engine(step_ms=step_ms, contents=contents)
    sequencer = Sequencer(
        journal=keeper,
        engine=engine,
        intake=intake,
        texts=texts if texts is not None else TextStore(None),
        step_ms=step_ms,
        incarnation="replay",
        sink=sink,
        batch=BATCH if humans is None else 1,
        snapshot_every=20_000,
    )
    teacher = Intake(brands, Names(REPLAY_KEY), step_ms=step_ms, keep_posts=False, scorers=scorers)
    dead = DeadLetters(None)

    def bury(path: Path, line: int, why: BadMention, body: bytes) -> None:
        dead.add(path.name, why.reason, f"line {line}: {why.detail}", body, 0)

    mentions = read_files(paths, dead=bury, progress=progress, since_ms=since_ms, until_ms=until_ms)
    with _rare_collections():
        mentions = _begin(sequencer, configured, mentions, lambda at_ms: _past(learn, teacher, bury, progress, at_ms))
        offset = _feed(sequencer, mentions, humans)
        if offset:
            sequencer.close(offset=offset)
    if journal is not None:
        sequencer.snapshot()
        journal.close()
    return _result(summary, intake, engine, dead, time.perf_counter() - started)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cyclic garbage seldom: next to none is made here, and the looking takes a twentieth of a replay."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _begin(
    sequencer: Sequencer,
    configured: Callable[[int], Sequence[tuple[str, str]]],
    mentions: Iterator[Mention],
    past: Callable[[int], list[Combined]],
) -> Iterator[Mention]:
    """Configure the brands and learn the past at the first mention's time; returns all mentions."""
    first = next(mentions, None)
    if first is None:
        return iter(())
    at_ms = first.observed_ms
    for brand, name in configured(at_ms):
        sequencer.control(ConfigChange(brand, name, at_ms), observed_ms=at_ms, offset=0)
    sequencer.learn(past(at_ms), observed_ms=at_ms, offset=0)
    return chain([first], mentions)


def _past(paths: Sequence[Path], teacher: Intake, dead: Dead, progress: Progress | None, at_ms: int) -> list[Combined]:
    if not paths:
        return []
    return past_parts(read_files(paths, dead=dead, progress=progress, until_ms=at_ms), teacher, at_ms)


def past_parts(mentions: Iterable[Mention], intake: Intake, observed_ms: int) -> list[Combined]:
    """Mentions of the past as parts that are not live and became known now. `intake` is for this alone: what was
    learnt may still come in as live, and is no repeat then.
    """
    for offset, mention in enumerate(mentions):
        intake.take(msgspec.structs.replace(mention, observed_ms=observed_ms, live=False), offset)
    return intake.seal(observed_ms // intake.step_ms)


def _feed(sequencer: Sequencer, mentions: Iterable[Mention], humans: Humans | None) -> int:
    """Feed everything, in order; returns how many mentions there were."""
    offset = 0
    for mention in mentions:
        while humans is not None and (act := humans.due(mention.observed_ms)) is not None:
            sequencer.control(act, observed_ms=act.at_ms, offset=offset)
        offset += 1
        sequencer.mention(mention, offset=offset)
    return offset


def _result(summary: Summary, intake: Intake, engine: Engine, dead: DeadLetters, seconds: float) -> ReplayResult:
    letters: Counter[str] = Counter()
    for (_, reason), count in dead.counts().items():
        letters[reason] += count
    mentions = dict.fromkeys(("read", "repeated", "unmatched", "matched", "scored", "unscored", "responses"), 0)
    mentions.update(intake.counts)
    mentions["dead_lettered"] = sum(letters.values())
    return ReplayResult(
        mentions=mentions,
        incidents=list(summary.rows.values()),
        decisions=dict(sorted(summary.kinds.items())),
        blind=summary.blind,
        seconds=round(seconds, 2),
        mentions_per_second=round(mentions["read"] / seconds) if seconds else 0,
        peak_memory_mb=_peak_memory_mb(),
        dead_letters=dict(sorted(letters.items())),
        chains={name: state.chain for name, state in sorted(engine.brands.items())},
    )


def _peak_memory_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform != "darwin" else peak // 1024 // 1024
