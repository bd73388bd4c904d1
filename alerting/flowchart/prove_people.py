"""People in a proof: who is on call when, and who of them is reached, by the way the world behaves."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

from alerting.flowchart.model import Chart
from alerting.flowchart.reached import arrivals

BehaviourKind = Literal["at_once", "late", "wrong_person", "never", "slack_down", "unreachable"]
RINGS = ("phone", "pagerduty", "webhook")
"""Ways that can wake somebody while Slack is down; a webhook is where one's own pager hangs."""


class Behaviour(NamedTuple):
    """How people and the ways to them behave on a walk."""

    kind: BehaviourKind
    who: str = ""
    """Whom nobody can reach (`unreachable`)."""

    @property
    def is_fault(self) -> bool:
        """Something is broken; whoever is reached all the same, answers."""
        return self.kind in ("slack_down", "unreachable")

    @property
    def words(self) -> str:
        """In words, after a comma."""
        return {
            "at_once": "the first who is paged acknowledges at once",
            "late": "nobody acknowledges until the page has gone on to the next",
            "wrong_person": "somebody acknowledges who was not paged",
            "never": "nobody ever acknowledges",
            "slack_down": "Slack is down",
            "unreachable": f"{self.who} cannot be reached",
        }[self.kind]


class Duties(Protocol):
    """Who is on call, and until when (see `alerting.roster.Roster`)."""

    def on_call(self, at_ms: int) -> tuple[str, ...]:
        """The responders on call at an instant."""

    def next_change_ms(self, at_ms: int) -> int | None:
        """When that next changes, if it does."""


class Duty:
    """Who is behind the roles of a chart at an instant, and which of them a page reaches."""

    def __init__(self, chart: Chart, rosters: Mapping[str, Duties]) -> None:
        self._chart = chart
        self.rosters = rosters
        self._on_call = lru_cache(maxsize=50_000)(self._look_up)
        self.delay_ms = lru_cache(maxsize=50_000)(self._delay_ms)
        """How long after a page by these ways it reaches somebody, by the order that is their own; `None`: never."""

    def people(self, targets: tuple[str, ...], at_ms: int) -> tuple[str, ...]:
        """Responders, each once, in order."""
        return self._on_call(targets, at_ms) if self._names(targets) else self._on_call(targets, 0)

    def next_change_ms(self, targets: tuple[str, ...], at_ms: int) -> int | None:
        """When other people will be behind these targets, as far as rosters know; `None`: always these."""
        changes = [self.rosters[name].next_change_ms(at_ms) for name in self._names(targets)]
        return min((change for change in changes if change is not None), default=None)

    def is_person(self, name: str) -> bool:
        """Whether this is a human with a name: no channel and no group."""
        return self._chart.responders[name].is_person

    def ways_to(self, name: str, by: tuple[str, ...], behaviour: Behaviour) -> tuple[str, ...]:
        """Those of the ways that reach somebody now."""
        if behaviour.kind == "unreachable" and behaviour.who == name:
            return ()
        has = [way for way in by if way in self._chart.responders[name].ways]
        return tuple(way for way in has if behaviour.kind != "slack_down" or way in RINGS)

    def _delay_ms(self, name: str, by: tuple[str, ...], behaviour: Behaviour) -> int | None:
        if behaviour.kind == "unreachable" and behaviour.who == name:
            return None
        deaf = behaviour.kind == "slack_down"
        found = arrivals(self._chart.responders[name], by, ("slack",) if deaf else ())
        return min((one.after_ms for one in found if not deaf or one.way in RINGS), default=None)

    def delays(self, people: tuple[str, ...], by: tuple[str, ...], behaviour: Behaviour) -> dict[str, int]:
        """The humans among these whom a page reaches, and how long after it; the first of them first."""
        found = ((name, self.delay_ms(name, by, behaviour)) for name in people if self.is_person(name))
        reached = [(name, delay_ms) for name, delay_ms in found if delay_ms is not None]
        return dict(sorted(reached, key=lambda one: one[1]))

    def reached(self, people: tuple[str, ...], by: tuple[str, ...], behaviour: Behaviour) -> tuple[str, ...]:
        """The humans among these whom a page reaches, the first of them first."""
        return tuple(self.delays(people, by, behaviour))

    def _names(self, targets: tuple[str, ...]) -> list[str]:
        roles = (self._chart.roles.get(target) for target in targets)
        return [role.roster for role in roles if role is not None and role.roster in self.rosters and role.roster]

    def _look_up(self, targets: tuple[str, ...], at_ms: int) -> tuple[str, ...]:
        return self._chart.people(targets, at_ms, self.rosters)
