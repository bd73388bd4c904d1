"""The core: `apply(entry) -> decisions`. The only place that knows the order of things. Pure.

    part, mark -> seal -> [per brand, per grid point:]
        listen (is a source silent?) -> window -> score -> learn -> fuse -> walk -> escalate

It reads no clock, randomness, environment, file or network, and logs nothing (DESIGN rule 1): all time is in the
entries.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec

from alerting.assessment import Declared, Surroundings, assess, facts_of
from alerting.decision import Decision
from alerting.escalation import Desk, Scene
from alerting.facts import Facts
from alerting.flowchart.conditions import ConditionFailed
from alerting.flowchart.model import Chart, Rosters
from alerting.flowchart.severity import severity_of
from alerting.incident import Incident, rank
from alerting.planned import without_planned
from alerting.quiet import Silence, Unsilence
from alerting.vigil import Subject
from detectors.budget import Verdict
from detectors.detector import NOTICE, Signal
from stream.codec import HOUR_MS, MINUTE_MS, canonical, link
from stream.plans import PlannedTimes
from stream.window import OPEN_END, SourceState, Window, floor
from stream.zones import local
from tocsin.entry import Answer, ConfigChange, ControlEvent, DeliveryReport, Entry, Part, SourceReport, is_of_a_probe
from tocsin.past import learn_past, pend_past
from tocsin.sealing import Sealing
from tocsin.state import Brand, BrandState, Content, Contents, CoreState, FrozenBrand, Guard, pend_part

HISTORY_MS = 90 * MINUTE_MS
HISTORY_STEP_MS = 5 * MINUTE_MS
SHOWN_MS = 60 * MINUTE_MS
GUARD_LEAD_MS = 30 * MINUTE_MS
"""A crisis began a little before it was noticed: these minutes are not learnt either."""
CHANCE_LASTS_MS = 5 * HOUR_MS
"""An incident whose signals go on for longer is no chance, whether or not somebody took it: it says nothing of ordinary
days. Of the incidents of 48 simulated months one in fifty does."""


class Engine:
    """The pure core over all brands of one entries partition.

    Raises `KeyError` when an entry names a configuration that was not given, and `ValueError` when entries do not
    follow each other: both are corruption of our own, and loud.
    """

    def __init__(self, *, step_ms: int, partitions: Sequence[int] = (0,), contents: Contents) -> None:
        self._contents = contents
        self._sealing = Sealing(marks=dict.fromkeys(partitions, -1))
        self._step_ms = step_ms
        self._brands: dict[str, Brand] = {}
        self._seq = 0
        self._touched: set[str] = set()

    @classmethod
    def restore(cls, state: CoreState, contents: Contents) -> "Engine":
        """An engine that goes on where the snapshot was taken."""
        engine = cls(step_ms=state.step_ms, contents=contents)
        engine._sealing = state.sealing
        engine._seq = state.seq
        engine._brands = {name: Brand(brand.thawed()) for name, brand in state.brands.items()}
        return engine

    def snapshot(self) -> CoreState:
        """The whole state; shares nothing that changes with the engine once it is written as bytes."""
        brands = {name: self._brands[name].frozen() for name in sorted(self._brands)}
        return CoreState(step_ms=self._step_ms, sealing=self._sealing, brands=brands, seq=self._seq)

    def touched(self) -> list[str]:
        """The brands that changed since this was last asked, or since the engine was made."""
        names, self._touched = sorted(self._touched), set()
        return names

    def frozen(self, name: str) -> FrozenBrand:
        """An independent copy of one brand's state. Raises `KeyError` for a brand of which no entry spoke."""
        return self._brands[name].frozen()

    def brand(self, name: str) -> Brand | None:
        """One brand in memory, with its detectors: read only, for projections; `None` where no entry spoke of it."""
        return self._brands.get(name)

    @property
    def seq(self) -> int:
        """The last entry that was applied."""
        return self._seq

    @property
    def sealing(self) -> Sealing:
        """The protocol's state: read only, for metrics and tests."""
        return self._sealing

    @property
    def brands(self) -> dict[str, BrandState]:
        """The brands' states: read only, for projections and tests. Probes are nobody's brand."""
        return {name: state for name, state in self.states.items() if not is_of_a_probe(name)}

    @property
    def states(self) -> dict[str, BrandState]:
        """The same, with those that probes have: for whoever keeps them, or numbers what was decided."""
        return {name: brand.state for name, brand in self._brands.items()}

    def apply(self, entry: Entry) -> list[Decision]:
        """Take in one entry; returns what was decided, by time and brand."""
        if entry.seq != self._seq + 1:
            raise ValueError(f"entry {entry.seq} after {self._seq}: the journal has a hole or a repeat")
        self._seq = entry.seq
        for step, item in self._sealing.take(entry.event):
            state = self._brand(item.brand).state
            self._touched.add(item.brand)
            if isinstance(item, Part) and not item.live:
                pend_past(state, step, item.minute_ms, item.part)
            elif isinstance(item, Part):
                pend_part(state, step, item.minute_ms, item.part)
            else:
                state.controls.setdefault(step, []).append(item.event)
        limit = self._sealing.complete_step
        if limit <= self._sealing.done:
            return []
        decided = [d for name in sorted(self._brands) for d in self._advance(self._brands[name], limit)]
        self._sealing.pass_time()
        return sorted(decided, key=lambda d: d.at_ms)

    def _brand(self, name: str) -> Brand:
        brand = self._brands.get(name)
        if brand is None:
            brand = self._brands[name] = Brand(BrandState(brand=name))
        return brand

    def _advance(self, brand: Brand, limit: int) -> list[Decision]:
        """Step one brand through every grid point with news or a due timer, up to the end of step `limit`."""
        out: list[Decision] = []
        while (grid := self._next_grid(brand)) is not None and grid <= limit + 1:
            self._touched.add(brand.state.brand)
            out += self._probed(brand, grid) if is_of_a_probe(brand.state.brand) else self._step(brand, grid)
        return out

    def _next_grid(self, brand: Brand) -> int | None:
        state = brand.state
        if is_of_a_probe(state.brand):
            return min((step + 1 for step in state.pending), default=None)
        if not state.content:
            # What came before a brand was configured waits for that, and is judged by it.
            return min((s + 1 for s, events in state.controls.items() if _configures(events)), default=None)
        news = [step + 1 for step in (*state.pending, *state.past, *state.controls)]
        if brand.due_ms is not None:
            # A timer is due at the first grid point at or after it, and never at one that has passed.
            first = state.window.at_ms // self._step_ms + 1
            news.append(max(-(-brand.due_ms // self._step_ms), first))
        return min(news, default=None)

    def _step(self, brand: Brand, grid: int) -> list[Decision]:
        state = brand.state
        at_ms = grid * self._step_ms
        window = state.window
        window.at_ms = at_ms
        events = _due_controls(state, grid)
        mode = self._contents.content(state.content).mode if state.content else ""
        for event in events:
            self._configure(brand, event)
        content = self._contents.content(state.content)
        brand.panel.allow(content.pages_milli, content.notices_milli)
        chart = self._contents.chart(content.chart)
        planned = self._contents.planned(state.content)
        if state.past:
            learn_past(state, brand.panel, grid, at_ms, planned)
        _take_parts(state, grid, self._step_ms)
        signals = [s for s in brand.panel.score(window) if s.score >= NOTICE]
        feed = next((s for s in signals if s.kind == "feed"), None)
        _note_blindness(window, feed)
        _learn(brand, planned)
        scene = Sight(brand, signals, content)
        desk = Desk(
            brand.book, chart, self._contents.chart, at_ms, scene, rosters=self._on_call(state), prefix=content.prefix
        )
        if mode and mode != content.mode:
            desk.change_mode()
        closed = _in_shadow(desk.out, mode)
        desk.out = []
        desk.listen(feed)
        for event in events:
            if isinstance(event, Answer):
                desk.answer(event)
            elif isinstance(event, Silence | Unsilence):
                desk.silence(event)
        about_brand = any(s.kind != "feed" for s in signals)
        assessment = assess(signals, scene.facts, _declared(chart)) if about_brand else None
        desk.assess(without_planned(desk, assessment, planned), blind=feed is not None)
        for event in events:
            if isinstance(event, DeliveryReport) and event.outcome == "failed":
                desk.delivery_failed(event.incident, event.key)
        desk.timers()
        _guard(brand)
        brand.set_timer()
        decided = [*closed, *_in_shadow(desk.out, content.mode)]
        for decision in decided:
            state.decisions += 1
            state.chain = link(state.chain, canonical(decision))
        return decided

    def _probed(self, brand: Brand, grid: int) -> list[Decision]:
        """What is decided on the probes of a grid point: that there is nobody to tell. Nothing of them is kept."""
        state = brand.state
        for step in [step for step in state.pending if step < grid]:
            del state.pending[step]
        state.decisions += 1
        decision = Decision(
            key=f"{state.brand}/{state.decisions}/NoPage",
            at_ms=grid * self._step_ms,
            brand=state.brand,
            kind="NoPage",
            incident=state.brand,
            scenario="probe",
            severity="low",
            reason="probe",
        )
        state.chain = link(state.chain, canonical(decision))
        return [decision]

    def _configure(self, brand: Brand, event: ControlEvent) -> None:
        if isinstance(event, ConfigChange):
            content = self._contents.content(event.digest)
            brand.state.content = event.digest
            walked = {one.walk.chart for one in (brand.book.incident, brand.book.blind) if one and one.walk}
            held = {name: said for name, said in brand.state.rosters.items() if name in walked}
            brand.state.rosters = {**held, content.chart: content.rosters}
        elif isinstance(event, SourceReport):
            source = brand.state.window.sources.setdefault(event.source, SourceState())
            source.status = event.status
            source.status_since_ms = event.since_ms or event.at_ms

    def _on_call(self, state: BrandState) -> Callable[[Chart], Rosters]:
        return lambda chart: self._contents.on_call(state.content, chart, state.rosters.get(chart.digest, ""))


class Sight(Scene):
    """A brand at this grid point, worked out when it is first asked for: only an assessment or a decision asks.

    To be asked within the grid point alone, before anything that it looks at changes.
    """

    def __init__(self, brand: Brand, signals: Sequence[Signal], content: Content) -> None:
        super().__init__(tuple(signals))
        self._brand = brand
        self._content = content

    @cached_property
    def facts(self) -> Facts:
        window, panel = self._brand.state.window, self._brand.panel
        clock = local(window.at_ms, self._content.timezone)
        around = Surroundings(
            brand=self._brand.state.brand,
            hour=clock.hour,
            weekday=clock.isoweekday(),
            expected_per_hour=panel.expected_per_hour(window),
            usual_negative_share_milli=panel.usual_negative_share_milli,
            blind=any(s.kind == "feed" for s in self.signals),
            unmeasured=frozenset(self._content.unmeasured or ()),
        )
        lift = panel.sector.lift(window)
        return msgspec.structs.replace(
            facts_of(window, self.signals, around),
            sector_milli=lift.ratio_milli,
            sector_wide=bool(lift.up),
            sector_up=lift.up,
        )

    @property
    def subject(self) -> Subject:
        """What the findings are about: a conversation that carries half of the posts, or many at once."""
        window, facts = self._brand.state.window, self.facts
        key = next((str(s.evidence["thread"]) for s in self.signals if "thread" in s.evidence), "")
        thread = window.threads.get(key)
        sources = window.counts(SHOWN_MS).sources
        source = min(sources, key=lambda name: (-sources[name], name), default="")
        if thread is not None and thread.posts * 2 >= facts.mentions:
            return Subject(thread.first_ms, source, key)
        return Subject(min((s.since_ms for s in self.signals if s.kind != "feed"), default=0), source)

    @property
    def responded_ms(self) -> int:
        """When one of the brand's own accounts last posted."""
        return self._brand.state.window.responded_ms

    def replied_ms(self, thread: str, since_ms: int) -> int:
        """When one of the brand's own accounts first replied in a conversation since an instant."""
        return self._brand.state.window.replied_ms(thread, since_ms)

    @cached_property
    def exemplars(self) -> tuple[str, ...]:
        return tuple(e.name for e in self._brand.state.window.exemplars(SHOWN_MS))

    @cached_property
    def history(self) -> tuple[int, ...]:
        return _history(self._brand.state.window)


def _in_shadow(decisions: list[Decision], mode: str) -> list[Decision]:
    """The decisions, marked where the brand's mode is that nobody is told."""
    return [msgspec.structs.replace(d, shadow=True) for d in decisions] if mode == "shadow" else decisions


def _declared(chart: Chart) -> Declared:
    """The chart's own severity table; a row that has no answer for these facts leaves the shipped table's word."""

    def severity(facts: Facts) -> tuple[str, str] | None:
        try:
            return severity_of(chart, facts)
        except ConditionFailed:
            return None

    return severity


def _configures(events: Sequence[ControlEvent]) -> bool:
    return any(isinstance(event, ConfigChange) for event in events)


def _due_controls(state: BrandState, grid: int) -> list[ControlEvent]:
    due = sorted(step for step in state.controls if step < grid)
    return [event for step in due for event in state.controls.pop(step)]


def _take_parts(state: BrandState, grid: int, step_ms: int) -> None:
    """Everything known before the grid point joins the window, in an order that no batch can change."""
    window = state.window
    for step in sorted(s for s in state.pending if s < grid):
        for held in sorted(state.pending.pop(step), key=lambda p: p.minute_ms):
            window.take(held.minute_ms, held.part)
            for source in sorted(held.part.counts.sources):
                heard = window.sources.setdefault(source, SourceState())
                heard.last_ms = max(heard.last_ms, (step + 1) * step_ms)
    window.cut()


def _note_blindness(window: Window, feed: Signal | None) -> None:
    """Keep the stretches in which a source was not heard: their minutes are never zeros (DESIGN rule 7)."""
    is_open = bool(window.blind) and window.blind[-1][1] == OPEN_END
    if feed is not None and not is_open:
        window.blind.append((feed.since_ms, OPEN_END))
    elif feed is None and is_open:
        window.blind[-1] = (window.blind[-1][0], window.at_ms)


def _learn(brand: Brand, planned: PlannedTimes) -> None:
    """Minutes that left the open ones teach the baselines, unless an incident or a plan guards them (DESIGN rule 8)."""
    for closed in brand.state.window.close():
        start, end = closed.pulse.start_ms, closed.pulse.end_ms
        guarded = any(g.from_ms < end and g.until_ms > start for g in brand.state.guards)
        brand.panel.learn(closed, allowed=not guarded and not planned.touch(start, end))


def _guard(brand: Brand) -> None:
    """Open a guard with an incident of medium or more and end it with the incident; forget what has passed.

    A low one is no crisis: what happens often must be learnt, or it would be told for ever.
    """
    state = brand.state
    incident = brand.book.incident
    guards = state.guards
    is_open = bool(guards) and guards[-1].until_ms == OPEN_END
    serious = incident is not None and incident.is_open and rank(incident.severity) > 0
    if incident is not None and serious and not is_open:
        guards.append(Guard(incident.opened_ms - GUARD_LEAD_MS, OPEN_END))
    elif is_open and (incident is None or not incident.is_open):
        guards[-1] = Guard(guards[-1].from_ms, state.window.at_ms)
        brand.panel.judged(_verdict(incident))
    state.guards = [g for g in guards if g.until_ms > state.window.horizon_ms]


def _verdict(incident: Incident | None) -> Verdict:
    """What it was, at its end. Whoever resolved it took it; what a change of mode cut off is gone, and was nobody's to
    take. How long it lasted its signals say: neither the calm hour that ends it does, nor our own blindness.
    """
    if incident is None:
        return "taken"
    if incident.closed_because == "false_alarm":
        return "false_alarm"
    if incident.level_ms - incident.opened_ms > CHANCE_LASTS_MS:
        return "siege"
    if incident.acknowledged_by or incident.owner or incident.closed_because == "resolved":
        return "taken"
    return "unclaimed"


def _history(window: Window) -> tuple[int, ...]:
    """Posts per five minutes over the last 90, oldest first: the small chart on the card."""
    totals = []
    end = floor(window.at_ms - 1, MINUTE_MS) + MINUTE_MS
    for start in range(end - HISTORY_MS, end, HISTORY_STEP_MS):
        minutes = range(start, start + HISTORY_STEP_MS, MINUTE_MS)
        totals.append(sum(window.minutes[m].counts.mentions for m in minutes if m in window.minutes))
    return tuple(totals)
