"""Where the walks of a proof stand, how they came there, and what became of them."""

from dataclasses import dataclass, field
from typing import NamedTuple

from alerting.flowchart.prove_people import Behaviour

CIRCLES = "the walk goes in circles"
Demands = tuple[tuple[str, str, bool], ...]
"""Node, key of its condition, and the answer that a path wants of it."""


class Trail(NamedTuple):
    """One step of a path, and all before it."""

    before: "Trail | None"
    node: str
    offset_ms: int
    """When, counted from the beginning of the walk."""
    demands: Demands = ()
    """What conditions at this instant have to answer."""
    choice: str = ""
    """What people answered here, where they were asked."""
    acknowledged: bool = False
    """Somebody acknowledges here."""
    resumed: bool = False
    """The walk stood here already and goes on now."""
    taken: bool = False
    """Somebody had acknowledged before."""
    counts: tuple[tuple[str, int], ...] = ()
    waited_ms: int = 0
    """How long after the page of this step somebody acknowledged."""

    @property
    def is_moved_on(self) -> bool:
        """A person or the time made the walk go on here: what went before is another move."""
        return self.resumed or self.acknowledged or bool(self.choice)

    def steps(self) -> "list[Trail]":
        """From the first step to this one."""
        found: list[Trail] = []
        step: Trail | None = self
        while step is not None:
            found.append(step)
            step = step.before
        return found[::-1]


class State(NamedTuple):
    """Where the walks that began within a span stand."""

    node: str
    low_ms: int
    high_ms: int
    """The instants at which they began, `[low_ms, high_ms)`."""
    offset_ms: int = 0
    """How long ago that is."""
    trail: Trail | None = None
    demands: Demands = ()
    """What conditions have answered at this very instant, as far as that is not known anyway."""
    acknowledged: bool = False
    paged: bool = False
    reached_ms: int = -1
    """After how long the first named human is reached, by pages that are out; -1: nobody is, or too late."""
    answers: tuple[tuple[str, str], ...] = ()
    """What people answered, by the node that asked them."""
    counts: tuple[tuple[str, int], ...] = ()
    """How often each `repeat` has gone back."""

    @property
    def now_ms(self) -> int:
        """The instant at which the first of these walks stands here."""
        return self.low_ms + self.offset_ms

    def later(self, by_ms: int) -> "State":
        """The same walks after a while."""
        return self._replace(offset_ms=self.offset_ms + by_ms)

    def stepped(
        self,
        *,
        demands: Demands = (),
        choice: str = "",
        acknowledged: bool = False,
        resumed: bool = False,
        waited_ms: int = 0,
    ) -> "State":
        """The same walks, with this node behind them."""
        trail = Trail(
            self.trail,
            self.node,
            self.offset_ms,
            demands,
            choice,
            acknowledged,
            resumed,
            self.acknowledged,
            self.counts,
            waited_ms,
        )
        asked = tuple(sorted({*self.demands, *demands})) if demands else self.demands
        return self._replace(trail=trail, demands=asked)

    def circles(self, most: int) -> bool:
        """Whether the walk would go round for ever without time: it was here just so, or has taken `most` steps."""
        trail, steps = self.trail, 0
        while trail is not None and trail.offset_ms == self.offset_ms and not trail.is_moved_on:
            steps += 1
            just_so = (trail.node, trail.counts, trail.taken) == (self.node, self.counts, self.acknowledged)
            if steps > most or just_so:
                return True
            trail = trail.before
        return False


class Situation(NamedTuple):
    """What is given, besides the instant."""

    scenario: str
    severity: str
    risks: tuple[str, ...]
    behaviour: Behaviour
    bound_ms: int
    """Within this time a named human must be reached; 0: the chart need not page at all here."""

    def known(self) -> dict[str, object]:
        """The facts that the situation fixes, as conditions see them."""
        return {"scenario": self.scenario, "severity": self.severity, "risks": list(self.risks)}

    @property
    def words(self) -> str:
        """In short, as `backlash, critical, data_breach, Slack is down`."""
        return ", ".join((self.scenario, self.severity, " + ".join(self.risks) or "no risk", self.behaviour.words))


class Fall(NamedTuple):
    """A walk that falls through, and how."""

    kind: str
    """`late`: nobody is reached in time. `dry`: it ends. `stuck`: it waits for ever. `vacant`: its last rung is nobody.
    """
    state: State
    trail: Trail
    words: str


@dataclass
class Result:
    """What became of all walks of one situation."""

    falls: dict[tuple[str, str], Fall] = field(default_factory=dict)
    """The first of each kind at each node."""
    fallen: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many spans fell there."""
    spans: int = 0
    """Spans of walks told apart, fallen or not."""
    worst: State | None = None
    """Where the first human was reached last."""
    met: dict[str, None] = field(default_factory=dict)
    """Every human whom a page names on the way."""

    def fall(self, fall: Fall) -> None:
        """Keep a fall; those like it are counted."""
        self.spans += 1
        key = (fall.kind, fall.state.node)
        kept = self.falls.get(key)
        if kept is None or fall.state.low_ms < kept.state.low_ms:
            self.falls[key] = fall
        self.fallen[key] = self.fallen.get(key, 0) + 1

    def note(self, state: State) -> None:
        """Somebody is reached for the first time."""
        if self.worst is None or state.reached_ms > self.worst.reached_ms:
            self.worst = state
