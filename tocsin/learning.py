"""EDGE. `tocsin learn`: past mentions into the baselines of a data directory, before or soon after it goes live.

The parts are journaled, marked as not live, in one grid step, and applied by the next start as after a crash: so
whatever a timer decides in that step is delivered then, by the service and not by this. Nothing here reaches anybody.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from alerting.decision import Decision
from stream.codec import rfc3339
from stream.combine import Combined
from stream.reading import BadMention
from stream.sources.files import read_files
from tocsin.deployment import Deployment
from tocsin.engine import Engine
from tocsin.entry import ConfigChange, Entry, Event
from tocsin.intake import Intake
from tocsin.journal import Journal
from tocsin.live_chart import LiveChart, held_rosters
from tocsin.past import learnable
from tocsin.replay import past_parts
from tocsin.scorers import load_scorers
from tocsin.sequencer import Sequencer
from tocsin.settings import Settings, SettingsError, query_problems
from tocsin.state import BrandState


class LearntBrand(msgspec.Struct):
    """What one brand took from the past."""

    brand: str
    learnt: int
    """Posts that taught its baselines."""
    left: int
    """Posts that could not: `why` says the reason."""
    first: str = ""
    last: str = ""
    why: str = ""


class Learnt(msgspec.Struct):
    """What became of the mentions."""

    brands: list[LearntBrand]
    mentions: dict[str, int]
    dead_letters: int


class _WrittenOnly:
    """A journal that takes entries and nothing else: what they lead to is recorded by the next start."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]:
        return self._journal.append(events)

    def record(self, decided: Sequence[tuple[int, Decision]], *, applied_seq: int) -> int:
        return 0

    def save_snapshot(self, engine: Engine) -> None:
        return None


def learn(
    settings: Settings,
    paths: Sequence[Path],
    *,
    clock: Callable[[], int],
    progress: Callable[[int, int], None] | None = None,
) -> Learnt:
    """Teach the brands of a configuration what their past was like. A second time changes nothing.

    Raises what opening the data directory raises (`StoreError` while the service runs), `SourceError` for a file that
    cannot be read, `SettingsError` for brands or scorers that are not right.
    """
    hold_brands(settings)
    read_files(paths, dead=lambda *_: None)  # a missing file is told before anything is opened
    scorers = load_scorers(settings.scorers)
    home = Deployment(settings.data_path, step_ms=settings.step)
    try:
        brands = settings.brand_list()
        contents = home.journal.contents()
        held = held_rosters(home.journal.restored_engine(contents), contents)
        configured = LiveChart(settings, brands, home.journal.add_content, clock, held=held).configured()
        teacher = Intake(brands, home.names, step_ms=settings.step, keep_posts=False, scorers=scorers)
        return _Lesson(home, settings, configured, teacher, clock).learn(paths, progress)
    finally:
        home.close()


def hold_brands(settings: Settings) -> None:
    """Raises `SettingsError` where there is no brand, or one whose query cannot be read."""
    problems = query_problems(settings)
    if not settings.brands:
        problems.append(str(settings.problem((), "no brand is declared; add at least one under `brands:`")))
    if problems:
        raise SettingsError(problems)


class _Lesson:
    """One learning under way, over an open data directory."""

    def __init__(
        self,
        home: Deployment,
        settings: Settings,
        configured: Sequence[tuple[str, str]],
        teacher: Intake,
        clock: Callable[[], int],
    ) -> None:
        self._home = home
        self._step_ms = settings.step
        self._configured = configured
        self._teacher = teacher
        self._clock = clock
        self._dead = 0
        self._engine = home.journal.restored_engine(home.journal.contents())
        for entry in home.journal.entries(self._engine.seq):
            self._engine.apply(entry)  # what it decides is decided again, and recorded, by the next start

    def learn(self, paths: Sequence[Path], progress: Callable[[int, int], None] | None) -> Learnt:
        """Read, keep what can be learnt, write it down."""
        log = self._home.intake_log
        unsealed = log.read(self._home.journal.next_offset(), 1)
        first = (unsealed or log.append([("beat", "", b"")], now_ms=self._clock()))[0]
        step = max(first.observed_ms // self._step_ms, self._engine.sealing.complete_step + 1)
        mentions = read_files(paths, dead=self._bury, progress=progress, until_ms=first.observed_ms)
        parts = past_parts(mentions, self._teacher, first.observed_ms)
        known = {name: self._engine.brands.get(name, BrandState(name)) for name, _ in self._configured}
        became = [
            told(state, [p for p in parts if p.brand == name], step, self._step_ms) for name, state in known.items()
        ]
        kept = [p for p in parts if can_learn(known[p.brand], p.minute_ms, step, self._step_ms)]
        if kept:
            self._write(kept, first.observed_ms, first.offset, known)
        return Learnt(became, dict(self._teacher.counts), self._dead)

    def _write(self, parts: list[Combined], observed_ms: int, offset: int, known: dict[str, BrandState]) -> None:
        sequencer = Sequencer(
            journal=_WrittenOnly(self._home.journal),
            engine=self._engine,
            intake=self._teacher,
            texts=self._home.texts,
            step_ms=self._step_ms,
            incarnation=f"learn-{self._home.journal.seq}",
            sink=lambda _: None,
            batch=len(parts) + len(self._configured) + 2,
        )
        for brand, name in self._configured:
            if known[brand].content != name:
                change = ConfigChange(brand, name, observed_ms)
                sequencer.control(change, observed_ms=observed_ms, offset=offset)
        sequencer.learn(parts, observed_ms=observed_ms, offset=offset)
        sequencer.close(offset=offset)

    def _bury(self, path: Path, line: int, why: BadMention, body: bytes) -> None:
        self._dead += 1
        self._home.dead.add(path.name, why.reason, f"line {line}: {why.detail}", body, self._clock())


def can_learn(state: BrandState, minute_ms: int, step: int, step_ms: int) -> bool:
    """Whether a brand still learns from this minute at the grid point after `step`."""
    from_ms, until_ms = learnable(state, (step + 1) * step_ms)
    return from_ms <= minute_ms < until_ms


def told(state: BrandState, parts: Sequence[Combined], step: int, step_ms: int) -> LearntBrand:
    """What of a brand's parts is learnt and what is left, and why."""
    learnt = [p for p in parts if can_learn(state, p.minute_ms, step, step_ms)]
    minutes = [p.minute_ms for p in learnt]
    posts, all_posts = (sum(p.part.counts.mentions for p in some) for some in (learnt, parts))
    why = ""
    if posts < all_posts:
        why = (
            f"they do not lie between {rfc3339(state.past_ms)}, up to where it had learnt, and when it began to listen"
        )
        if state.window.learnt_ms >= 0:
            why = "it learns from what it hears already, and baselines learn forwards alone; use a new data directory"
        elif state.past_ms < 0:
            why = "they are not older than what it hears itself"
    return LearntBrand(
        brand=state.brand,
        learnt=posts,
        left=all_posts - posts,
        first=rfc3339(min(minutes)) if minutes else "",
        last=rfc3339(max(minutes)) if minutes else "",
        why=why,
    )
