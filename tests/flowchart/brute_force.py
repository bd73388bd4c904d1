"""Another way to find out whether a chart lets somebody fall through: try everything, one instant after the other.

It shares nothing with the proof. It moves the very walk that pages in earnest, begins it at each minute by itself,
gives every fact that a condition asks each of a few concrete values at every instant anew, and lets people do what
the behaviour says. Only states it has been in are not walked twice.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import msgspec

from alerting.facts import Facts
from alerting.flowchart.effects import Effect, EndWalk, PagePeople
from alerting.flowchart.model import Ask, Chart, End, Page, Statement, Wait
from alerting.flowchart.walk import Walk, acknowledged, answered, approved, begin, resume
from stream.zones import local

HALF_MS = 30_000
RINGS = ("phone", "pagerduty", "webhook")


class World(NamedTuple):
    """All that a chart is tried in."""

    chart: Chart
    rosters: Mapping[str, Any]
    zone: str
    starts: tuple[int, ...]
    """The instants at which a walk is begun."""
    until_ms: int
    """Where somebody was reached, nobody looks beyond this."""
    values: dict[str, tuple[Any, ...]]
    """Per fact that conditions ask the values that are tried."""


class Case(NamedTuple):
    """What is given of a walk besides its instant."""

    scenario: str
    severity: str
    behaviour: str
    who: str
    bound_ms: int


class Moment(NamedTuple):
    """A walk under way."""

    walk: Walk
    start_ms: int
    at_ms: int
    reached: bool
    """Somebody is, or will be by a page that is out, and in time where it matters when."""
    paged: bool


def falls_through(world: World, case: Case) -> bool:
    """Whether some walk of this case never reaches anybody in time, or runs dry."""
    return _Tries(world, case).any_falls()


class _Tries:
    def __init__(self, world: World, case: Case) -> None:
        self.world, self.case, self.chart = world, case, world.chart
        self.seen: set[tuple[Any, ...]] = set()
        self.waiting: list[Moment] = []
        self.facts = [dict(zip(world.values, picked, strict=True)) for picked in product(*world.values.values())]

    def any_falls(self) -> bool:
        for start_ms in self.world.starts:
            for facts in self._facts(start_ms):
                walk, effects = begin(self.chart, self.case.scenario, facts, start_ms, rosters=self.world.rosters)
                if self._happened(Moment(walk, start_ms, start_ms, reached=False, paged=False), effects, facts):
                    return True
        while self.waiting:
            moment = self.waiting.pop()
            for facts in self._facts(moment.walk.due_ms):
                due_ms = moment.walk.due_ms
                walk, effects = resume(self.chart, moment.walk, facts, due_ms, rosters=self.world.rosters)
                if self._happened(moment._replace(walk=walk, at_ms=due_ms), effects, facts):
                    return True
        return False

    def _facts(self, at_ms: int) -> Iterator[Facts]:
        clock = local(at_ms, self.world.zone)
        weekday = clock.isoweekday()
        usual = Facts(
            scenario=self.case.scenario,
            severity=self.case.severity,
            hour=clock.hour,
            weekday=weekday,
            business_hours=weekday < 6 and 9 <= clock.hour <= 17,
        )
        for picked in self.facts:
            yield msgspec.structs.replace(usual, **picked)

    def _happened(self, moment: Moment, effects: list[Effect], facts: Facts) -> bool:
        """What a move of the walk comes to: a fall, or what is to be tried next."""
        if self._is_urgent(moment) and moment.at_ms - moment.start_ms > self.case.bound_ms:
            return True
        if not self._is_urgent(moment) and moment.at_ms >= self.world.until_ms:
            return False
        paged_before = moment.paged
        pages = [effect for effect in effects if isinstance(effect, PagePeople)]
        hit: dict[str, int] = {}
        for page in pages:
            hit = self._hit(page, moment.at_ms)
            soon = any(self._is_in_time(moment.at_ms + delay_ms - moment.start_ms) for delay_ms in hit.values())
            moment = moment._replace(paged=True, reached=moment.reached or soon)
        if moment.walk.done:
            return self._ended(moment, pages, hit, effects)
        match node := self.chart.nodes[moment.walk.node]:
            case Page() if pages:
                return self._at_page(moment, node, hit, facts, again=paged_before)
            case Wait() if node.wait is None and (self._is_urgent(moment) or self._is_open(moment)):
                return True
            case Ask() | Statement():
                if self._pressed(moment, node, facts):
                    return True
        return self._goes_on(moment)

    def _is_in_time(self, after_ms: int) -> bool:
        return self.case.bound_ms == 0 or after_ms <= self.case.bound_ms

    def _is_urgent(self, moment: Moment) -> bool:
        return self.case.bound_ms > 0 and not moment.reached and not moment.walk.acknowledged

    def _is_open(self, moment: Moment) -> bool:
        return moment.paged and not moment.walk.acknowledged

    def _ended(self, moment: Moment, pages: list[PagePeople], hit: dict[str, int], effects: list[Effect]) -> bool:
        if moment.walk.acknowledged:
            return False
        ends = [effect for effect in effects if isinstance(effect, EndWalk)]
        by_chart = isinstance(self.chart.nodes.get(ends[-1].node), End)
        if by_chart:
            return self._is_urgent(moment) or moment.paged
        return not (pages and hit) or self._is_urgent(moment)  # the last resort

    def _at_page(self, moment: Moment, node: Page, hit: dict[str, int], facts: Facts, *, again: bool) -> bool:
        last = moment.walk.due_ms == 0
        here = {who: ms for who, ms in hit.items() if last or moment.at_ms + ms < moment.walk.due_ms}
        if here and self._is_urgent(moment):
            return True  # nothing else happens before somebody is woken, and that is too late
        clicks: dict[str, int] = {}
        match self.case.behaviour:
            case "at_once":
                clicks = here
            case "late":
                clicks = here if again or last else {}
            case "wrong_person":
                clicks = {"nobody_who_was_paged": 0}
            case "unreachable" | "slack_down":
                if hit and not self._is_urgent(moment):
                    return False  # whoever is reached answers
        if self._is_clicked(moment, clicks):
            return self._clicked(moment, clicks, facts)
        return not hit if last else self._goes_on(moment)

    def _is_clicked(self, moment: Moment, clicks: dict[str, int]) -> bool:
        """Whether these clicks make the walk go on."""
        walk, facts = moment.walk, next(self._facts(moment.at_ms))
        for who in clicks:
            walk, _ = acknowledged(self.chart, walk, facts, moment.at_ms, who=who, rosters=self.world.rosters)
        return walk.acknowledged or walk.done or walk.node != moment.walk.node

    def _clicked(self, moment: Moment, clicks: dict[str, int], facts: Facts) -> bool:
        """Each clicks when a page has reached them; by the time of the last that counts, facts may be others."""
        walk = moment.walk
        for who, delay_ms in sorted(clicks.items(), key=lambda one: one[1]):
            at_ms = moment.at_ms + delay_ms
            for seen in self._facts(at_ms) if delay_ms else (facts,):
                after, effects = acknowledged(self.chart, walk, seen, at_ms, who=who, rosters=self.world.rosters)
                if not (after.acknowledged or after.done or effects or after.node != moment.walk.node):
                    break
                if self._happened(moment._replace(walk=after, at_ms=at_ms), effects, seen):
                    return True
            else:
                return False
            walk = after
        return False

    def _pressed(self, moment: Moment, node: Ask | Statement, facts: Facts) -> bool:
        """Every button that somebody can press, at once."""
        walk, here, at_ms, rosters = moment.walk, moment.walk.node, moment.at_ms, self.world.rosters
        for who in walk.may:
            if self._way(who, ("slack",)) is None:
                continue
            if isinstance(node, Statement):
                moved = [approved(self.chart, walk, facts, at_ms, node=here, who=who, rosters=rosters)]
            else:
                moved = [
                    answered(self.chart, walk, facts, at_ms, node=here, choice=choice, who=who, rosters=rosters)
                    for choice in node.answers
                ]
            for after, effects in moved:
                key = self._key(moment._replace(walk=after), facts)
                if key not in self.seen:
                    self.seen.add(key)
                    if self._happened(moment._replace(walk=after), effects, facts):
                        return True
        return False

    def _goes_on(self, moment: Moment) -> bool:
        key = self._key(moment, None)
        if moment.walk.due_ms and key not in self.seen:
            self.seen.add(key)
            self.waiting.append(moment)
        return False

    def _key(self, moment: Moment, facts: Facts | None) -> tuple[Any, ...]:
        walk = moment.walk
        since = moment.start_ms if self._is_urgent(moment) else 0
        place = (walk.node, walk.entered_ms, walk.due_ms, moment.at_ms, since)
        past = (walk.acknowledged, moment.reached, moment.paged, tuple(walk.awaits))
        said = (tuple(sorted(walk.answers.items())), tuple(sorted(walk.rounds.items())))
        return (*place, *past, *said, repr(facts))

    def _hit(self, page: PagePeople, at_ms: int) -> dict[str, int]:
        """Who is woken by a page, and how long after it."""
        people = self.chart.people(page.targets, at_ms, self.world.rosters)
        found = {name: self._delay(name, page.by) for name in people}
        return {name: ms for name, ms in found.items() if ms is not None}

    def _delay(self, name: str, by: tuple[str, ...]) -> int | None:
        """How long after a page somebody is woken, half a minute at a time: what is due goes out; where all that went
        out has failed half a minute later, the next that was to come goes at once, and after that what else there is.
        """
        own = {one.by: one.after_ms for one in self.chart.responders[name].reach}
        if not own or self._way(name, tuple({*by, *own})) is None:
            return 0 if self._way(name, by) is not None else None
        failed: list[str] = []
        for at_ms in range(0, 3_600_001, HALF_MS):
            due = sorted((way for way in own if own[way] <= at_ms), key=lambda way: own[way])
            for way in due:
                if self._way(name, (way,)) is not None:
                    return at_ms
                failed.append(way)
                own.pop(way)
            if failed and own:
                soonest = min(own, key=lambda way: own[way])
                own[soonest] = min(own[soonest], at_ms + HALF_MS)
            elif not own:
                return at_ms + HALF_MS if self._way(name, tuple(set(by) - set(failed))) is not None else None
        return None

    def _way(self, name: str, by: tuple[str, ...]) -> str | None:
        responder = self.chart.responders[name]
        if (responder.slack or "")[:1] in ("C", "G", "S", "#"):
            return None
        if self.case.behaviour == "unreachable" and self.case.who == name:
            return None
        for way in by:
            if getattr(responder, way) and (self.case.behaviour != "slack_down" or way in RINGS):
                return way
        return None
