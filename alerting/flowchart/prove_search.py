"""Follows every walk that a chart allows in one situation, for all instants at once.

A walk is followed for a whole span of instants at which it could begin, and the span is split only where something
changes within it: a hand-over, a change of the clock, an hour that a condition names. So nothing is sampled, and one
instant stands for all of its span. Where a question hangs on facts that are not known, both branches are followed, as
long as one set of facts could give all the answers of one instant.

This is written against the meaning of the language, not on top of `walk`: each hole it finds is then walked for real.
"""

from collections.abc import Collection, Iterator, Mapping

from alerting.flowchart.conditions import ConditionFailed
from alerting.flowchart.model import (
    Ask,
    Brief,
    End,
    Enter,
    Escalate,
    Leave,
    Mobilise,
    Node,
    Notify,
    OpenChannel,
    Page,
    Question,
    Repeat,
    Statement,
    Wait,
)
from alerting.flowchart.prove_known import Known
from alerting.flowchart.prove_state import CIRCLES, Demands, Fall, Result, Situation, State
from alerting.flowchart.prove_time import Piece, Seen
from alerting.flowchart.walker import LOOK_AGAIN_MS
from stream.codec import DAY_MS

BEYOND_MS = DAY_MS
"""A walk that has reached somebody is followed for so long beyond the last instant that is proved."""
LONGEST_WAIT_MS = 8 * DAY_MS
"""What hangs on the hour and the weekday alone has come round once in this time."""


class Search:
    """All walks of one situation that begin in a span."""

    def __init__(self, known: Known, situation: Situation, beyond_ms: int = BEYOND_MS) -> None:
        self.chart, self.duty = known.chart, known.duty
        self.known, self.situation = known, situation
        self.result = Result()
        self._seen = Seen()
        self._waiting: list[State] = []
        self._beyond_ms = beyond_ms
        self._last_ms = 0

    def run(self, from_ms: int, until_ms: int) -> Result:
        """Follow all that begin in `[from_ms, until_ms)`."""
        self._last_ms = until_ms + self._beyond_ms
        self._waiting = [State(self.chart.entry[self.situation.scenario], from_ms, until_ms)]
        while self._waiting:
            state = self._waiting.pop()
            for low_ms, high_ms in self._fresh(state):
                self._enter(state._replace(low_ms=low_ms, high_ms=high_ms))
        return self.result

    def _is_urgent(self, state: State) -> bool:
        """Whether time still counts: no page that is out reaches anybody in time, nobody has it, it has to page."""
        return self.situation.bound_ms > 0 and state.reached_ms < 0 and not state.acknowledged

    def _fresh(self, state: State) -> list[Piece]:
        """The part of a span that was not here before. While time counts, being here later is another thing."""
        about = (state.node, state.demands, state.acknowledged, state.paged, state.reached_ms >= 0)
        key = (*about, state.answers, state.counts)
        if self._is_urgent(state):
            return self._seen.new((*key, state.offset_ms), state.low_ms, state.high_ms)
        by = state.offset_ms
        high_ms = min(state.high_ms + by, self._last_ms)
        if state.low_ms + by >= high_ms:
            return []
        return [Piece(a - by, b - by) for a, b in self._seen.new(key, state.low_ms + by, high_ms)]

    # --- one node -----------------------------------------------------------------------------------------------------

    def _enter(self, state: State) -> None:
        if state.acknowledged and not self.known.can_wake_again(state.node):
            self.result.spans += 1  # somebody has it, and whatever comes is said to people who are awake
            return
        if state.circles(2 * len(self.chart.nodes) + 2):
            self._last_resort(state, CIRCLES)
            return
        try:
            self._node(state)
        except ConditionFailed as failed:
            self._last_resort(state, str(failed))

    def _node(self, state: State) -> None:
        match node := self.chart.nodes[state.node]:
            case Question():
                for piece, answer, demands in self.known.answers(self.situation, state, "when"):
                    self._go(piece, node.yes if answer else node.no, demands=demands)
            case Page():
                for piece in self.known.by_duty(state, node.page):
                    self._page(piece, node)
            case Wait():
                self._wait(state, node)
            case Ask():
                for piece in self.known.by_duty(state, node.of):
                    self._ask(piece, node)
            case Statement():
                for piece in self.known.by_duty(state, (node.written_by, *node.approve_by)):
                    self._statement(piece, node)
            case Repeat():
                self._repeat(state, node)
            case End():
                self._ends(state)
            case _:
                self._pass(state, node)

    def _pass(self, state: State, node: Node) -> None:
        """Through what takes no time and needs no answer."""
        match node:
            case Notify() | OpenChannel() | Mobilise() | Brief() | Leave():
                self._go(state, node.then)
            case Enter():
                self._go(state, node.into)
            case Escalate():
                self._move(state.stepped()._replace(acknowledged=False), state, node.escalate)
            case _:
                raise TypeError(f"{type(node).__name__}: no proof knows this kind of node")

    def _repeat(self, state: State, node: Repeat) -> None:
        counts = dict(state.counts)
        done = counts.pop(state.node, 0)
        if done < node.at_most:
            counts[state.node] = done + 1
        counted = state.stepped()._replace(counts=tuple(sorted(counts.items())))
        self._move(counted, state, node.repeat if done < node.at_most else node.then)

    def _ask(self, state: State, node: Ask) -> None:
        """Whoever can press a button may press any, at once; or nobody does."""
        may = self._persons(self.duty.people(node.of, state.now_ms))
        if self._can_press(may):
            for choice, target in node.answers.items():
                kept = {state.node: choice} if self.known.is_asked_later(state.node) else {}
                answers = tuple(sorted({**dict(state.answers), **kept}.items()))
                self._go(state._replace(answers=answers), target, choice=choice)
        self._go(state, node.if_no_answer, after_ms=node.within if may else 0)

    def _statement(self, state: State, node: Statement) -> None:
        authors = self.duty.people((node.written_by,), state.now_ms)
        others = self._persons(self.duty.people(node.approve_by, state.now_ms))
        may = tuple(name for name in others if name not in authors)
        if self._can_press(may):
            self._go(state, node.then, choice="approved")
        self._go(state, node.if_not_approved, after_ms=node.within if may else 0)

    def _persons(self, people: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in people if self.duty.is_person(name))

    def _can_press(self, people: tuple[str, ...]) -> bool:
        """Whether one of them can press a button on the card."""
        return any(self.duty.ways_to(name, ("slack",), self.situation.behaviour) for name in people)

    def _ends(self, state: State) -> None:
        if self._is_urgent(state):
            said = "has reached nobody" if state.paged else "has paged nobody"
            self._fall("dry", state, f"the walk ends here and {said}")
        elif state.paged and not state.acknowledged:
            self._fall("dry", state, "the walk ends here although nobody has acknowledged")
        else:
            self.result.spans += 1

    def _last_resort(self, state: State, words: str) -> None:
        """The chart has no answer: its last resort is paged, and that page stands."""
        for piece in self.known.by_duty(state, self.chart.last_resort):
            people = self.duty.people(self.chart.last_resort, piece.now_ms)
            self.result.met.update(dict.fromkeys(self._persons(people)))
            delays = self.duty.delays(people, ("slack",), self.situation.behaviour)
            if delays and self._is_urgent(self._reach(piece, min(delays.values()))):
                self._late(piece)
            elif piece.acknowledged or delays:
                self.result.spans += 1
            else:
                self._fall("vacant", piece, f"{words}, and the last resort is nobody who is reached")

    # --- pages --------------------------------------------------------------------------------------------------------

    def _page(self, state: State, node: Page) -> None:
        if state.acknowledged:
            self._go(state, node.then)
            return
        people = self.duty.people(node.page, state.now_ms)
        if not people:
            self._vacant(state, node)
            return
        self.result.met.update(dict.fromkeys(self._persons(people)))
        delays = self.duty.delays(people, node.by, self.situation.behaviour)
        again = state.paged
        state = state._replace(paged=True)
        if delays:
            state = self._reach(state, min(delays.values()))
        # who is woken only after the page has gone on is told then, and does not answer it
        limit_ms = node.acknowledge_within if node.if_not_acknowledged is not None else None
        reached = {name: ms for name, ms in delays.items() if limit_ms is None or ms < limit_ms}
        if reached and self._is_urgent(state):
            self._late(state)
        elif self.situation.behaviour.is_fault and delays and not self._is_urgent(state):
            self.result.spans += 1  # whoever is reached answers
        elif self._is_acknowledged(node, people, reached, again=again):
            self._acknowledge(state, node, reached)
        elif node.if_not_acknowledged is not None:
            self._go(state, node.if_not_acknowledged, after_ms=node.acknowledge_within or 0)
        elif reached:
            self.result.spans += 1  # the last rung waits as long as it takes
        else:
            whom = " and ".join(node.page)
            self._fall("vacant", state, f"the last rung waits for {whom}, and no human is reached by it")

    def _vacant(self, state: State, node: Page) -> None:
        """Nobody is on call: the step is skipped at once, not waited out; from the last rung to the last resort."""
        if node.if_not_acknowledged is not None:
            self._go(state, node.if_not_acknowledged)
        else:
            self._last_resort(state, f"the last rung waits for {' and '.join(node.page)}, and nobody is on call")

    def _late(self, state: State) -> None:
        """The walk stays at this page until somebody is woken by it, and that is too late."""
        self._fall("late", state._replace(trail=state.stepped().trail), "nobody is reached in time")

    def _acknowledge(self, state: State, node: Page, reached: Mapping[str, int]) -> None:
        """The first who is reached acknowledges at once, or the last, where everyone must; the wrong one now."""
        waits_ms = 0
        if reached and self.situation.behaviour.kind != "wrong_person":
            waits_ms = (max if node.acknowledge == "everyone" else min)(reached.values())
        if waits_ms:
            state = state.later(waits_ms)._replace(demands=())
        self._go(state._replace(acknowledged=True), node.then, acknowledged=True, waited_ms=waits_ms)

    def _is_acknowledged(self, node: Page, people: tuple[str, ...], reached: Collection[str], *, again: bool) -> bool:
        """Whether this page is acknowledged before its time is up."""
        everyone = node.acknowledge == "everyone" and bool(self._persons(people))
        answered = bool(reached) and (not everyone or len(reached) == len(self._persons(people)))
        match self.situation.behaviour.kind:
            case "at_once":
                return answered
            case "late":
                return answered and (again or node.if_not_acknowledged is None)
            case "wrong_person":
                return not everyone
        return False

    def _reach(self, state: State, after_ms: int) -> State:
        """Somebody is reached so long from now. Too late is as good as not at all, for another page may be sooner."""
        at_ms = state.offset_ms + after_ms
        if state.acknowledged or 0 <= state.reached_ms <= at_ms or 0 < self.situation.bound_ms < at_ms:
            return state
        state = state._replace(reached_ms=at_ms)
        self.result.note(state)
        return state

    # --- waits --------------------------------------------------------------------------------------------------------

    def _wait(self, state: State, node: Wait) -> None:
        if node.until is None:
            self._go(state, node.then, after_ms=node.wait or 0)
            return
        for piece, answer, demands in self.known.answers(self.situation, state, "until"):
            if answer:
                self._go(piece, node.then, demands=demands)
                continue
            waits = piece.stepped(demands=demands)._replace(demands=())
            if demands and (node.wait is None or node.wait > LOOK_AGAIN_MS):
                # what it hangs on besides the hour may change at any look: the first stands for those to come
                self._look(waits.later(LOOK_AGAIN_MS), node)
            self._later_looks(waits, node)

    def _look(self, state: State, node: Wait) -> None:
        for piece, answer, demands in self.known.answers(self.situation, state, "until"):
            if answer:
                self._go(piece, node.then, demands=demands, resumed=True)

    def _later_looks(self, state: State, node: Wait) -> None:
        """Looks at which the hour makes the condition hold, or lets it; then the end of the wait, for the rest."""
        left: State | None = state
        most_ms = state.high_ms + state.offset_ms + (node.wait or LONGEST_WAIT_MS)
        for change_ms in self.known.changes(state, most_ms):
            answer = self.known.answer_at(self.situation, state, "until", change_ms)
            if answer is False:
                continue
            sure = answer is True
            latest_ms = change_ms - node.wait if node.wait else 0
            for piece, after_ms in self._first_looks(state, change_ms, latest_ms):
                if node.wait and after_ms >= node.wait:
                    self._go(piece.later(node.wait), node.then, resumed=True)
                else:
                    self._look(piece.later(after_ms), node)
            if sure:
                high_ms = latest_ms - state.offset_ms + 1
                left = state._replace(high_ms=high_ms) if state.low_ms < high_ms else None
                break
        if left is not None:
            self._waited_out(left, node)

    def _waited_out(self, state: State, node: Wait) -> None:
        if node.wait:
            self._go(state.later(node.wait), node.then, resumed=True)
        elif self._is_urgent(state) or (state.paged and not state.acknowledged):
            self._fall("stuck", state, f"the walk waits without a limit until {node.until}")
        else:
            self.result.spans += 1

    def _first_looks(self, state: State, change_ms: int, latest_ms: int) -> Iterator[tuple[State, int]]:
        """The walks of a span that began to wait after `latest_ms`, by how long after that their first look is that is
        no sooner than `change_ms`. Where time does not count any more, one whole minute of looks stands for all.
        """
        urgent = self._is_urgent(state)
        low_ms = max(state.low_ms + state.offset_ms, latest_ms + 1 if latest_ms else 0)
        high_ms = state.high_ms + state.offset_ms
        number = -(-(change_ms - high_ms + 1) // LOOK_AGAIN_MS)
        while low_ms < high_ms:
            after_ms = number * LOOK_AGAIN_MS
            late = urgent and state.offset_ms + after_ms > self.situation.bound_ms
            from_ms = low_ms if late else min(max(low_ms, change_ms - after_ms), high_ms)
            if from_ms < high_ms:
                yield state._replace(low_ms=from_ms - state.offset_ms, high_ms=high_ms - state.offset_ms), after_ms
            passed = 0
            if not urgent and high_ms - from_ms == LOOK_AGAIN_MS:  # all whole minutes but the last arrive alike
                passed = max(0, (from_ms - low_ms) // LOOK_AGAIN_MS - 1)
            high_ms = from_ms - passed * LOOK_AGAIN_MS
            number += 1 + passed

    # --- going on -----------------------------------------------------------------------------------------------------

    def _go(
        self,
        state: State,
        target: str,
        *,
        after_ms: int = 0,
        demands: Demands = (),
        choice: str = "",
        acknowledged: bool = False,
        resumed: bool = False,
        waited_ms: int = 0,
    ) -> None:
        moved = state.stepped(
            demands=demands, choice=choice, acknowledged=acknowledged, resumed=resumed, waited_ms=waited_ms
        )
        self._move(moved.later(after_ms)._replace(demands=()) if after_ms else moved, state, target)

    def _move(self, moved: State, before: State, target: str) -> None:
        if self._is_urgent(moved) and moved.offset_ms > self.situation.bound_ms:
            self._fall("late", before._replace(trail=moved.trail), "nobody is reached in time")
        else:
            self._waiting.append(moved._replace(node=target))

    def _fall(self, kind: str, state: State, words: str) -> None:
        trail = state.trail if kind == "late" else state.stepped().trail
        assert trail is not None
        self.result.fall(Fall(kind, state, trail, words))
