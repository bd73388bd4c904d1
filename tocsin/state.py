"""What the core knows about one brand, and how it is written down and read back. Pure."""

from typing import Any, NamedTuple

import msgspec

from alerting.escalation import Casebook, due_ms
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Always, Chart, OnCall, Rosters
from alerting.roster import Roster, unpack
from detectors.panel import Panel
from stream.codec import CHAIN_START, canonical, copy_of, decode, digest
from stream.frozen import FrozenWindow
from stream.plans import Plan, PlannedTimes
from stream.pulse import PulsePart
from stream.window import Window
from tocsin.entry import ControlEvent
from tocsin.sealing import Sealing

DRILL = "drill-"
"""What the mode of a drill begins with, and the ids of all that happens in it."""


class Content(msgspec.Struct, frozen=True):
    """How a brand is judged: what a `ConfigChange`'s digest stands for."""

    brand: str
    timezone: str
    chart: str
    """Digest of the flowchart's text."""
    pages_milli: int = 1000
    """The budget: pages a month that turn out to be for nothing, in thousandths."""
    notices_milli: int = 3000
    """The same for notices."""
    plans: tuple[Plan, ...] = ()
    """Planned events, in order."""
    mode: str = "live"
    """`live`, or `shadow`: everything is decided and nobody is told; or `drill-` and the drill's own name: everything
    is as if it were live, and no id of it can be one of a live brand."""
    duties: tuple[tuple[str, str], ...] = ()
    """Roles of the flowchart that are somebody else's for this brand, and whose; in order."""
    unmeasured: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """Sources whose terms forbid to measure spam among their posts. Left out where there is none, so that what was
    configured without them keeps its digest.
    """
    rosters: str = ""
    """Digest of who is on call when (`alerting.roster.pack`); empty where nobody said."""

    @property
    def prefix(self) -> str:
        """What the ids of this brand's incidents begin with: nothing, or the drill's name."""
        return f"{self.mode}-" if self.mode.startswith(DRILL) else ""


class Judged(NamedTuple):
    """How a brand is judged besides its flowchart; the fields are those of `Content`, in its order."""

    pages_milli: int = 1000
    notices_milli: int = 3000
    plans: tuple[Plan, ...] = ()
    mode: str = "live"
    duties: tuple[tuple[str, str], ...] = ()
    unmeasured: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class Guard(msgspec.Struct, frozen=True, array_like=True):
    """A stretch that no baseline learns: an incident's `[from_ms, until_ms)`."""

    from_ms: int
    until_ms: int


class PendingPart(msgspec.Struct, array_like=True):
    """Parts of one minute that wait for the next grid point, merged."""

    minute_ms: int
    part: PulsePart


class BrandFacts(msgspec.Struct):
    """The fold of one brand's entries, but for its window."""

    brand: str
    content: str = ""
    """Digest of the configuration in force."""
    pending: dict[int, list[PendingPart]] = {}
    """By grid step: what came in and was not looked at yet."""
    controls: dict[int, list[ControlEvent]] = {}
    panel: dict[str, Any] = {}
    """The panel's snapshot; empty while the live one is in memory."""
    book: Casebook | None = None
    guards: list[Guard] = []
    reported: dict[str, str] = {}
    decisions: int = 0
    chain: str = CHAIN_START
    past: dict[int, dict[int, PulsePart]] = {}
    """By grid step and minute: parts that are not live and wait to be learnt."""
    past_ms: int = -1
    """End of the last past minute that was learnt (-1: none)."""
    learnt: int = 0
    """Posts of the past that taught the baselines."""
    backfilled: int = 0
    """Posts that were marked as not live and could not be learnt: counted, never judged."""
    rosters: dict[str, str] = {}
    """By flowchart: digest of the last rosters that were said with it, for as long as an incident walks it."""


class BrandState(BrandFacts):
    """The fold of one brand's entries, in memory."""

    window: Window = msgspec.field(default_factory=Window)


class FrozenBrand(BrandFacts):
    """The fold of one brand's entries, in a snapshot."""

    window: FrozenWindow = msgspec.field(default_factory=FrozenWindow)

    @classmethod
    def of(cls, state: BrandState) -> "FrozenBrand":
        """An independent copy, with its window packed."""
        return copy_of(cls(**_facts(state), window=FrozenWindow.of(state.window)))

    def thawed(self) -> BrandState:
        """What it is a copy of. Raises `msgspec.ValidationError` where that cannot be read."""
        return BrandState(**_facts(self), window=self.window.thawed())


def _facts(state: BrandFacts) -> dict[str, Any]:
    return {name: getattr(state, name) for name in BrandFacts.__struct_fields__}


class CoreState(msgspec.Struct):
    """Everything `engine.apply` knows: a snapshot is this, in canonical JSON."""

    step_ms: int
    sealing: Sealing
    brands: dict[str, FrozenBrand] = {}
    seq: int = 0
    """The last entry that was applied."""


class _Merged(PulsePart):
    """A sum of parts that belongs to us alone: what comes next is added to it."""


def pend_part(state: BrandState, step: int, minute_ms: int, part: PulsePart) -> None:
    """Put a live part aside until the next grid point; parts of one minute and step are merged at once."""
    waiting = state.pending.setdefault(step, [])
    for held in waiting:
        if held.minute_ms == minute_ms:
            if not isinstance(held.part, _Merged):
                # Copied only now: a part belongs to its entry, and mostly it stays alone in its minute and step.
                merged = _Merged()
                merged.add(held.part)
                held.part = merged
            held.part.add(part)
            return
    waiting.append(PendingPart(minute_ms, part))


def snapshot_bytes(state: CoreState) -> bytes:
    """A snapshot in canonical JSON."""
    return canonical(state)


def state_from(body: bytes) -> CoreState:
    """The inverse of `snapshot_bytes`. Raises `msgspec.ValidationError` on anything else."""
    return decode(body, CoreState)


class Contents:
    """Immutable content by digest: configurations and flowcharts, parsed once."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self._bodies = dict(bodies)
        self._charts: dict[str, Chart] = {}
        self._contents: dict[str, Content] = {}
        self._planned: dict[str, PlannedTimes] = {}
        self._rosters: dict[str, dict[str, Roster]] = {"": {}}
        self._on_call: dict[tuple[str, str, str], Rosters] = {}

    def put(self, body: bytes) -> str:
        """Make a content known; returns its digest."""
        name = digest(body)
        self._bodies[name] = body
        return name

    def content(self, name: str) -> Content:
        """A brand's configuration. Raises `KeyError` when the journal does not hold it."""
        found = self._contents.get(name)
        if found is None:
            found = self._contents[name] = decode(self._bodies[name], Content)
        return found

    def lacks(self, name: str) -> list[str]:
        """What is not known of a configuration: its own digest, or those of its flowchart and rosters."""
        if name not in self._bodies:
            return [name]
        content = self.content(name)
        return [one for one in (content.chart, content.rosters) if one and one not in self._bodies]

    def planned(self, name: str) -> PlannedTimes:
        """The planned events of a brand's configuration. Raises `KeyError` as `content` does."""
        found = self._planned.get(name)
        if found is None:
            found = self._planned[name] = PlannedTimes(self.content(name).plans)
        return found

    def chart(self, name: str) -> Chart:
        """A flowchart. Raises `KeyError` when the journal does not hold it."""
        found = self._charts.get(name)
        if found is None:
            found = self._charts[name] = load_chart(self._bodies[name].decode(), "crisis_flowchart.yaml")
        return found

    def rosters(self, name: str) -> dict[str, Roster]:
        """Who is on call when, by roster; none for "". Raises `KeyError` when the journal does not hold it."""
        found = self._rosters.get(name)
        if found is None:
            found = self._rosters[name] = unpack(self._bodies[name])
        return found

    def on_call(self, name: str, chart: Chart, began: str) -> Rosters:
        """Who is on call for a walk on `chart` while a brand is judged by the configuration `name`.

        An incident keeps the flowchart that it began on, and not a shift that was swapped since: the newest rosters
        count, as far as that flowchart knows everybody in them. Else those that were last said with it (`began`).
        """
        key = (name, chart.digest, began)
        found = self._on_call.get(key)
        if found is None:
            content = self.content(name)
            newest: dict[str, OnCall] = {f"@{role}": Always((who,)) for role, who in content.duties}
            newest |= self.rosters(content.rosters)
            known = {one: rota for one, rota in newest.items() if _everybody(rota) <= chart.responders.keys()}
            found = self._on_call[key] = {**self.rosters(began), **known}
        return found

    def bodies(self) -> dict[str, bytes]:
        """All that is known, for a journal's keeping."""
        return dict(self._bodies)


def _everybody(rota: OnCall) -> set[str]:
    if isinstance(rota, Roster):
        return {name for interval in rota.intervals for name in interval.people}
    return set(rota.on_call(0))


class Brand:
    """One brand in memory: its state and its live detectors."""

    def __init__(self, state: BrandState) -> None:
        self.state = state
        self.panel = Panel.restore(state.panel) if state.panel else Panel.shipped()
        state.panel = {}
        if state.book is None:
            state.book = Casebook(brand=state.brand)
        self.set_timer()

    def set_timer(self) -> None:
        """Note when time alone would change something: asked once a grid point, since only a grid point changes it."""
        window = self.state.window
        due = [t for t in (due_ms(self.book, window.at_ms), self.panel.due_ms(window)) if t is not None]
        self.due_ms = min(due, default=None)

    @property
    def book(self) -> Casebook:
        """The brand's incidents."""
        assert self.state.book is not None
        return self.state.book

    def frozen(self) -> FrozenBrand:
        """An independent copy of the whole state, detectors included."""
        self.state.panel = self.panel.snapshot()
        try:
            return FrozenBrand.of(self.state)
        finally:
            self.state.panel = {}
