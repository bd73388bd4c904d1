"""Runs streams: one brand's engine, fed with parts, that can be split at any moment; and what counts as told."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.incident import rank
from benchmarks.streams import STEP_MS
from detectors.detector import Signal
from detectors.panel import Panel
from stream.brands import Brand
from stream.codec import MINUTE_MS, canonical
from stream.window import Window
from tocsin.checking import chart_text
from tocsin.engine import Engine
from tocsin.entry import ConfigChange, Control, Entry, Event, Mark, Part
from tocsin.planting import StepPart
from tocsin.replay import configure
from tocsin.settings import shipped_chart_path
from tocsin.state import Content, Contents, snapshot_bytes, state_from

Score = Callable[[Panel, Window], list[Signal]]


def contents_for(brand: str, pages_milli: int | None = None) -> tuple[Contents, str]:
    """The shipped configuration of a brand, with a budget of false pages where one is given, and its digest."""
    contents = Contents({})
    ((_, name),) = configure([Brand(brand, None)], chart_text(shipped_chart_path()), contents.put)
    if pages_milli is not None and "pages_milli" in Content.__struct_fields__:
        given = {"pages_milli": pages_milli}
        name = contents.put(canonical(msgspec.structs.replace(contents.content(name), **given)))
    return contents, name


class Run:
    """One brand's engine, fed with parts; it can be split into any number that go on by themselves."""

    def __init__(self, engine: Engine, brand: str, contents: Contents, sealed: int) -> None:
        self.engine = engine
        self.brand = brand
        self.contents = contents
        self.sealed = sealed

    @classmethod
    def begin(cls, brand: str, contents: Contents, digest: str, at_ms: int) -> "Run":
        """A run that has seen nothing but its configuration."""
        step = at_ms // STEP_MS - 1
        run = cls(Engine(step_ms=STEP_MS, contents=contents), brand, contents, -1)
        change = ConfigChange(brand, digest, at_ms)
        run._apply(Control(partition=0, incarnation="b", step=step, brand=brand, number=0, event=change))
        run._apply(Mark(partition=0, incarnation="b", from_step=-1, upto_step=step, counts={step: 1}))
        run.sealed = step
        return run

    def _apply(self, event: Event) -> list[Decision]:
        return self.engine.apply(Entry(self.engine.seq + 1, 0, event))

    def feed(self, parts: Iterable[StepPart], until_ms: int) -> Iterator[Decision]:
        """Feed parts, in any order, and let time pass to `until_ms`; yields decisions as they fall.

        Sealed minute by minute: how steps are gathered under a mark changes no decision.
        """
        counts: dict[int, int] = {}
        ordered = sorted(parts, key=lambda one: one.step)
        minute = -1
        for one in ordered:
            if one.step * STEP_MS // MINUTE_MS != minute:
                if counts:
                    yield from self._seal(max(counts), counts)
                    counts = {}
                minute = one.step * STEP_MS // MINUTE_MS
            self._apply(
                Part(
                    partition=0,
                    incarnation="b",
                    step=one.step,
                    brand=self.brand,
                    minute_ms=one.minute_ms,
                    part=one.part,
                    chunk=one.chunk,
                )
            )
            counts[one.step] = counts.get(one.step, 0) + 1
        yield from self._seal(until_ms // STEP_MS - 1, counts)

    def live(self, parts: Iterable[StepPart], until_ms: int) -> None:
        """The same, where nobody asks what is decided."""
        for _ in self.feed(parts, until_ms):
            pass

    def _seal(self, step: int, counts: dict[int, int]) -> list[Decision]:
        if step <= self.sealed:
            return []
        mark = Mark(partition=0, incarnation="b", from_step=self.sealed, upto_step=step, counts=counts)
        self.sealed = step
        return self._apply(mark)

    def snapshot(self) -> bytes:
        """The whole state."""
        return snapshot_bytes(self.engine.snapshot())

    def split(self, snapshot: bytes, sealed: int) -> "Run":
        """Another run that goes on from a snapshot of this one, taken when it was sealed up to that step."""
        return Run(Engine.restore(state_from(snapshot), self.contents), self.brand, self.contents, sealed)


@contextmanager
def each_look(take: Callable[[Score, Panel, Window], list[Signal]]) -> Iterator[None]:
    """Within, every look of every panel is handed to `take`, which is to call the score that it is given."""
    score = Panel.score
    Panel.score = lambda panel, window: take(score, panel, window)  # type: ignore[method-assign]
    try:
        yield
    finally:
        Panel.score = score  # type: ignore[method-assign]


def wakes(decision: Decision) -> bool:
    """Whether somebody is paged about the brand: high or critical."""
    return decision.kind == "Page" and decision.scenario != BLIND and rank(decision.severity) >= rank("high")


def tells(decision: Decision) -> bool:
    """Whether anybody is told anything about the brand."""
    return decision.kind in {"Page", "Escalate", "Notify"} and decision.scenario != BLIND


def is_paged(run: Run) -> bool:
    """Whether an incident is open for which somebody was paged: what comes now is told as its going on."""
    book = run.engine.brands[run.brand].book
    return book is not None and book.incident is not None and book.incident.is_open and bool(book.incident.paged)


class Episodes:
    """Counts episodes: of one opening of an incident the first page counts, and the first notice."""

    def __init__(self) -> None:
        self.pages: list[int] = []
        self.notices: list[int] = []
        self._paged = self._told = ""

    def see(self, decision: Decision) -> None:
        """Take in a decision."""
        if decision.kind == "OpenIncident":
            self._paged = self._told = ""
        if wakes(decision) and self._paged != decision.incident:
            self._paged = decision.incident
            self.pages.append(decision.at_ms)
        if tells(decision) and self._told != decision.incident:
            self._told = decision.incident
            self.notices.append(decision.at_ms)


def utc(at_ms: int) -> str:
    """A time as people read it, to the minute."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
