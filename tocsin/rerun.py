"""Folds a journal's entries again, as they were or changed: what was decided, and what would have been.

Every rerun goes through the very engine that decided, from a snapshot just before the first thing that is changed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from alerting.decision import Decision
from alerting.flowchart.model import Chart
from alerting.incident import Incident
from alerting.view import WAKES
from stream.codec import canonical
from tocsin.engine import Engine
from tocsin.entry import ConfigChange, Control, ControlEvent, Entry, Event, Mark, Part
from tocsin.journal import Journal, JournalError, open_existing
from tocsin.mistakes import UsageError
from tocsin.state import Content, Contents, CoreState, snapshot_bytes, state_from

Edit = Callable[[Entry], Iterable[Event]]
"""What stands in an entry's place: the same event, another, several or none."""
LAST_NUMBER = 999_999_999
"""Order of an event that a rerun adds: after all others of its step."""


@dataclass(frozen=True)
class Moment:
    """A journal from one instant on: the core as it stood, and the entries that followed."""

    state: bytes = field(repr=False)
    """A snapshot, before the first of the entries."""
    contents: Contents = field(repr=False)
    entries: Sequence[Entry] = field(repr=False)
    until_seq: int
    """The entry on which the decision in question was taken."""

    def rerun(
        self,
        edit: Edit | None = None,
        *,
        contents: Contents | None = None,
        state: Callable[[CoreState], None] | None = None,
        beyond: bool = False,
    ) -> Iterator[Decision]:
        """What is decided from here to the decision in question (with `beyond`: to the last entry)."""
        known = state_from(self.state)
        if state is not None:
            state(known)
        engine = Engine.restore(known, contents or self.contents)
        seq = engine.seq
        for entry in self.entries:
            if entry.seq > self.until_seq and not beyond:
                return
            for event in edit(entry) if edit is not None else (entry.event,):
                seq += 1
                yield from engine.apply(Entry(seq, entry.at_ms, event))


def folded(journal: Journal, contents: Contents | None = None) -> Iterator[tuple[Entry, list[Decision], Engine]]:
    """Every entry with what is decided on it, and the engine that has just applied it.

    Raises `JournalError` where an entry names a configuration that is not there, as `Journal.entries` does.
    """
    engine = Engine(step_ms=journal.step_ms, contents=contents or journal.contents())
    for entry in journal.entries():
        try:
            yield entry, engine.apply(entry), engine
        except KeyError as missing:
            said = f"{journal.path}: entry {entry.seq} names a configuration that the journal does not hold: {missing}"
            raise JournalError(said) from None


def moment(journal: Journal, *, before: Callable[[Entry], bool], seq: int, until_ms: int) -> Moment:
    """The core before the first entry that `before` names (at the latest entry `seq`), and what follows to `until_ms`.

    Raises `JournalError` as `folded` does.
    """
    contents = journal.contents()
    engine = Engine(step_ms=journal.step_ms, contents=contents)
    state = b""
    kept: list[Entry] = []
    for entry in journal.entries():
        if not state and (entry.seq >= seq or before(entry)):
            state = snapshot_bytes(engine.snapshot())
        if state:
            kept.append(entry)
            if entry.seq > seq and entry.at_ms > until_ms:
                break
        else:
            engine.apply(entry)
    return Moment(state, contents, kept, seq)


def wakes(decisions: Iterable[Decision], brand: str) -> list[Decision]:
    """The pages and escalations about one brand."""
    return [one for one in decisions if one.brand == brand and one.kind in WAKES]


def with_charts(contents: Contents, charts: Mapping[str, str]) -> tuple[Contents, dict[str, str]]:
    """The same configurations with other flowcharts (text by the digest of the one it replaces; `""` replaces any).

    Returns them with the new digest of every configuration that changed.
    """
    renewed = Contents(contents.bodies())
    moved: dict[str, str] = {}
    for name in sorted(contents.bodies()):
        try:
            content = contents.content(name)
        except msgspec.DecodeError:
            continue  # a flowchart itself, or something that is no brand's configuration
        text = charts.get(content.chart, charts.get(""))
        if text is not None:
            other: Content = msgspec.structs.replace(content, chart=renewed.put(text.encode()))
            moved[name] = renewed.put(canonical(other))
    return renewed, moved


def moved_config(moved: Mapping[str, str]) -> Edit:
    """The edit under which every `ConfigChange` names the configuration that took its place."""

    def edit(entry: Entry) -> tuple[Event]:
        event = entry.event
        if isinstance(event, Control) and isinstance(event.event, ConfigChange) and event.event.digest in moved:
            change = msgspec.structs.replace(event.event, digest=moved[event.event.digest])
            return (msgspec.structs.replace(event, event=change),)
        return (event,)

    return edit


def moved_state(moved: Mapping[str, str]) -> Callable[[CoreState], None]:
    """The change of a snapshot under which every brand is judged by the configuration that took its place."""

    def change(state: CoreState) -> None:
        for name in sorted(state.brands):
            brand = state.brands[name]
            brand.content = moved.get(brand.content, brand.content)

    return change


def adding(entries: Sequence[Entry], step_ms: int, at_ms: int, brand: str, event: ControlEvent | Part) -> Edit | None:
    """The edit that makes something known at `at_ms` that was not; `None` where no mark follows to seal it."""
    step = at_ms // step_ms
    seal = next((entry for entry in entries if isinstance(entry.event, Mark) and entry.event.upto_step >= step), None)
    if seal is None or not isinstance(seal.event, Mark):
        return None
    mark = seal.event
    step = max(step, mark.from_step + 1)
    added: Event
    if isinstance(event, Part):
        added = msgspec.structs.replace(event, partition=mark.partition, incarnation=mark.incarnation, step=step)
    else:
        added = Control(mark.partition, mark.incarnation, step, brand, LAST_NUMBER, event)
    counts = mark.counts | {step: mark.counts.get(step, 0) + 1}

    def edit(entry: Entry) -> tuple[Event, ...]:
        if entry.seq == seal.seq:
            return (added, msgspec.structs.replace(mark, counts=counts))
        return (entry.event,)

    return edit


def walked_by(path: Path, incident: str) -> tuple[Chart, list[str]]:
    """The chart that an incident walked, and the nodes in the order in which it came to them.

    Raises `UsageError` where the journal has no such incident, `JournalError` where it cannot be read.
    """
    journal = open_existing(path)
    walked = Walked()
    try:
        contents = journal.contents()
        for _, decisions, engine in folded(journal, contents):
            if decisions:
                walked.look(engine)
    finally:
        journal.close()
    if incident not in walked.steps:
        known = ", ".join(list(walked.steps)[-10:]) or "none"
        raise UsageError(f"{path}: there is no incident `{incident}`; there are: {known}")
    return contents.chart(walked.charts[incident]), [node for node, _ in walked.steps[incident]]


@dataclass
class Walked:
    """The nodes that incidents walked, as the engine saw them."""

    steps: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """Incident -> (node, when), in order."""
    charts: dict[str, str] = field(default_factory=dict)
    """Incident -> digest of the chart it walked last."""

    def look(self, engine: Engine) -> None:
        """Take note of where every incident stands after an entry was applied."""
        for brand in engine.brands.values():
            book = brand.book
            for incident in (book.incident, book.blind) if book is not None else ():
                if incident is not None and incident.walk is not None:
                    self._note(incident)

    def _note(self, incident: Incident) -> None:
        assert incident.walk is not None
        seen = self.steps.setdefault(incident.id, [])
        last_ms = seen[-1][1] if seen else -1
        # Steps of one instant come together: whatever has passed is known already.
        seen += [(step.node, step.at_ms) for step in incident.walk.path if step.at_ms > last_ms]
        self.charts[incident.id] = incident.walk.chart
