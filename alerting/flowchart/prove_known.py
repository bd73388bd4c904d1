"""What is known to a proof, of the walks that began within a span: people, the hour, and the answers of conditions."""

from collections.abc import Iterator
from functools import cached_property

from alerting.flowchart.conditions import Condition
from alerting.flowchart.model import Chart, Escalate, ways_out
from alerting.flowchart.prove_facts import Memory
from alerting.flowchart.prove_people import Duty
from alerting.flowchart.prove_state import Demands, Situation, State
from alerting.flowchart.prove_time import TIME_FACTS, Clock


class Known:
    """Answers, each with the part of a span for which it is the answer."""

    def __init__(self, chart: Chart, clock: Clock, duty: Duty) -> None:
        self.chart, self.clock, self.duty = chart, clock, duty
        self.memory = Memory(chart)
        self.asked: dict[str, None] = {}
        """The facts that conditions asked for since this was last emptied."""
        self._rostered = tuple(role for role, entry in chart.roles.items() if entry.roster is not None)
        self._asked_later = dict.fromkeys(
            key for one in chart.conditions.values() for fact, key, _, _ in one.keys_asked() if fact == "answers"
        )

    def can_wake_again(self, node: str) -> bool:
        """Whether a walk that somebody has taken can still wake people from here on: nothing but `escalate` does."""
        return node in self._escalating

    @cached_property
    def _escalating(self) -> dict[str, None]:
        return _before_an_escalation(self.chart)

    def is_asked_later(self, ask: str) -> bool:
        """Whether any condition asks what was answered there; walks that differ in another answer alone are alike."""
        return self.chart.local_name(ask) in self._asked_later

    def by_duty(self, state: State, targets: tuple[str, ...]) -> Iterator[State]:
        """The span, split where other people come on duty."""
        by = state.offset_ms
        low_ms, high_ms = state.low_ms + by, state.high_ms + by
        while low_ms < high_ms:
            change_ms = self.duty.next_change_ms(targets, low_ms)
            until_ms = min(high_ms, change_ms) if change_ms is not None else high_ms
            yield state._replace(low_ms=low_ms - by, high_ms=until_ms - by)
            low_ms = until_ms

    def answers(self, given: Situation, state: State, key: str) -> Iterator[tuple[State, bool, Demands]]:
        """The answers that the node's condition can have, and what has to be so for each.

        Raises `ConditionFailed` as the condition does.
        """
        for piece, answer in self._runs(given, state, key):
            if answer is not None:
                yield piece, answer, ()
                continue
            for wanted in (True, False):
                demands = ((state.node, key, wanted),)
                both = tuple(sorted({*piece.demands, *demands}))
                if self.memory.can_be(self.facts(given, piece, self._conditions(both)), both):
                    yield piece, wanted, demands

    def answer_at(self, given: Situation, state: State, key: str, at_ms: int) -> bool | None:
        """The answer at an instant, or `None` where it hangs on what is not known."""
        condition = self.chart.conditions[state.node, key]
        return self.memory.answer(condition, {**self._fixed(given, state), **self.clock.facts_at(at_ms)})

    def changes(self, state: State, most_ms: int) -> Iterator[int]:
        """When, after the span, the hour changes for a condition that hangs on it."""
        if not _hangs_on_time(self.chart.conditions[state.node, "until"]):
            return
        change_ms = self.clock.next_change_ms(state.high_ms + state.offset_ms - 1)
        while change_ms < most_ms:
            yield change_ms
            change_ms = self.clock.next_change_ms(change_ms)

    def facts(self, given: Situation, state: State, conditions: list[Condition]) -> dict[str, object]:
        """What is known for certain at the beginning of a span, of what these conditions ask."""
        known = self._fixed(given, state)
        if any(_hangs_on_time(condition) for condition in conditions):
            known |= self.clock.facts_at(state.now_ms)
        if any("on_call" in condition.names for condition in conditions):
            known["on_call"] = self._on_call(state.now_ms)
        return known

    def _runs(self, given: Situation, state: State, key: str) -> Iterator[tuple[State, bool | None]]:
        condition = self.chart.conditions[state.node, key]
        self.asked.update(dict.fromkeys(condition.names))
        manned = self._rostered if "on_call" in condition.names else ()
        for piece in self.by_duty(state, manned):
            known = self.facts(given, piece, [condition])
            if not _hangs_on_time(condition):
                yield piece, self.memory.answer(condition, known)
                continue

            def ask(time: dict[str, object], known: dict[str, object] = known) -> tuple[bool | None, str]:
                answer = self.memory.answer(condition, {**known, **time})
                return answer, repr(time) if answer is None else ""

            by = piece.offset_ms
            for span, (answer, _) in self.clock.runs(piece.low_ms + by, piece.high_ms + by, ask):
                yield piece._replace(low_ms=span.low_ms - by, high_ms=span.high_ms - by), answer

    def _fixed(self, given: Situation, state: State) -> dict[str, object]:
        answered = {self.chart.local_name(node): choice for node, choice in state.answers}
        return {**given.known(), "acknowledged": state.acknowledged, "answers": answered}

    def _on_call(self, at_ms: int) -> dict[str, bool]:
        return {role: bool(self.duty.people((role,), at_ms)) for role in self.chart.roles}

    def _conditions(self, demands: Demands) -> list[Condition]:
        return [self.chart.conditions[node, key] for node, key, _ in demands]


def _before_an_escalation(chart: Chart) -> dict[str, None]:
    """The nodes from which a walk can come to an `escalate`."""
    back: dict[str, list[str]] = {name: [] for name in chart.nodes}
    for name, node in chart.nodes.items():
        for _, target in ways_out(node):
            back[target].append(name)
    found: dict[str, None] = {}
    waiting = [name for name, node in chart.nodes.items() if isinstance(node, Escalate)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += back[name]
    return found


def _hangs_on_time(condition: Condition) -> bool:
    return any(name in TIME_FACTS for name in condition.names)
