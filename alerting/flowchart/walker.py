"""One move of a walk: from node to node until one of them takes time, needs a person, or ends."""

from collections.abc import Sequence

import msgspec

from alerting.facts import Facts
from alerting.flowchart.ahead import pages_ahead
from alerting.flowchart.conditions import Condition, ConditionFailed
from alerting.flowchart.effects import (
    Approved,
    AskPeople,
    BriefPeople,
    CallIn,
    Cause,
    Effect,
    EndWalk,
    NotifyPeople,
    OfferStatement,
    OpenRoom,
    PagePeople,
    Vacant,
)
from alerting.flowchart.model import (
    Ask,
    Brief,
    Chart,
    End,
    Enter,
    Escalate,
    Leave,
    Mobilise,
    Notify,
    OpenChannel,
    Page,
    Question,
    Repeat,
    Rosters,
    Statement,
    Wait,
    duration_text,
)
from stream.codec import MINUTE_MS

MAX_PATH = 100
"""Steps that a walk remembers; the oldest go first."""

LOOK_AGAIN_MS = MINUTE_MS
"""How often a `wait ... until` is looked at again, when nobody asks sooner."""


class Step(msgspec.Struct, frozen=True):
    """One step of a walk, in words."""

    node: str
    at_ms: int
    words: str


class Walk(msgspec.Struct, omit_defaults=True):
    """Where an incident stands in the flowchart. Plain data: JSON and back is the same walk."""

    chart: str
    """Digest of the chart it walks; it ends on the chart it began with."""
    node: str
    """Where it stands; empty where it never got into the chart."""
    entered_ms: int
    due_ms: int = 0
    """When to resume it (0: time alone changes nothing)."""
    rung: int = 0
    """How many pages went unacknowledged: 0 for the first page."""
    path: list[Step] = []
    paged: list[str] = []
    """Targets paged so far, in order, each once."""
    page_node: str = ""
    """The node of the last page: an escalation goes on from there."""
    acknowledged: bool = False
    done: bool = False
    awaits: list[str] = []
    """Who must still acknowledge the page at which it stands (empty: anyone will do)."""
    may: list[str] = []
    """Whose answer or approval counts at the node at which it stands."""
    answers: dict[str, str] = {}
    """The answers given on this walk, by the name of the node that asked."""
    rounds: dict[str, int] = {}
    """How often each `repeat` has gone back so far."""


class Stuck(Exception):  # noqa: N818 - what happened; it never leaves this package
    """The chart has no answer here."""


class Walker:
    """Moves one walk (a copy of its own) at one instant, and gathers what it wants done."""

    def __init__(self, chart: Chart, walk: Walk, facts: Facts, at_ms: int, rosters: Rosters | None) -> None:
        self.chart = chart
        self.walk = walk
        self.at_ms = at_ms
        self.effects: list[Effect] = []
        self._rosters = rosters or {}
        self._cause: Cause = ""
        self._repeated: list[str] = []
        """Repeats that went back at this instant: a second time would find nobody again."""
        self._earlier = facts.answers
        self._facts = facts

    def go(self, name: str) -> list[Effect]:
        """On from `name`. Where the chart has no answer, the last resort is told."""
        walk = self.walk
        # `check` refuses circles without time in them; where a roster is empty one can come about all the same
        rounds = 2 if any(isinstance(node, Repeat) for node in self.chart.nodes.values()) else 1
        for _ in range(rounds * (len(self.chart.nodes) + 1)):
            walk.node, walk.entered_ms, walk.due_ms = name, self.at_ms, 0
            walk.awaits, walk.may = [], []
            try:
                target = self._enter()
            except (ConditionFailed, Stuck) as failed:
                return self.last_resort(str(failed))
            if target is None:
                return self.effects
            name = target
        return self.last_resort("the flowchart goes in circles")

    def next_rung(self, name: str) -> list[Effect]:
        """On from `name`, a page having gone unanswered."""
        self.walk.rung += 1
        return self.go(name)

    def step(self, words: str) -> None:
        """Remember a step of the path."""
        self.walk.path = [*self.walk.path, Step(self.walk.node, self.at_ms, words)][-MAX_PATH:]

    def last_resort(self, words: str) -> list[Effect]:
        """The chart has no answer: page whoever answers for that, and end."""
        walk = self.walk
        self.step(f"{words}: the last resort is told")
        walk.done, walk.due_ms, walk.awaits, walk.may = True, 0, [], []
        targets = self.chart.on_call(self.chart.last_resort, self.at_ms, self._rosters) or self.chart.last_resort
        if walk.acknowledged:
            self.effects.append(NotifyPeople(walk.node, targets, ("slack",), words))
        else:
            walk.paged += [target for target in targets if target not in walk.paged]
            page = PagePeople(walk.node, targets, ("slack",), 0, walk.rung, (), words, cause=self._cause)
            self.effects.append(page)
        self.effects.append(EndWalk(walk.node, words))
        return self.effects

    def holds(self, condition: Condition) -> bool:
        """Whether a condition is true of what is known now."""
        return condition.holds(self._known(condition))

    def figures(self, condition: Condition) -> str:
        """A condition with the figures it was asked of."""
        return condition.figures(self._known(condition))

    def look_again_ms(self, node: Wait) -> int:
        """When to look at a `wait` again."""
        over_ms = self.walk.entered_ms + node.wait if node.wait else 0
        if node.until is None:
            return over_ms
        return min(over_ms, self.at_ms + LOOK_AGAIN_MS) if over_ms else self.at_ms + LOOK_AGAIN_MS

    # ---- what each kind of node does

    def _enter(self) -> str | None:
        """Do what the node says at which the walk stands. Gives the node that follows at once, if one does."""
        match node := self.chart.nodes[self.walk.node]:
            case Question():
                return self._question(node)
            case Ask():
                return self._ask(node)
            case Page():
                return self._page(node)
            case Wait():
                return self._wait(node)
            case Repeat():
                return self._repeat(node)
            case Statement():
                return self._statement(node)
            case End():
                self.walk.done = True
                self.step(node.end)
                self.effects.append(EndWalk(self.walk.node, node.end))
                return None
            case Escalate():
                self.walk.acknowledged = False
                self._cause = "escalate"
                self._facts = msgspec.structs.replace(self._facts, acknowledged=False)
                self.walk.rung += 1
                self.step(f"goes on to the next rung: {node.because}")
                return node.escalate
            case Enter():
                self.step(f"goes through {node.call}")
                return node.into
            case Leave():
                self.step(node.end)
                return node.then
            case _:
                return self._tell(node)

    def _question(self, node: Question) -> str:
        condition = self.chart.conditions[self.walk.node, "when"]
        holds = self.holds(condition)
        self.step(f"{node.question} {'yes' if holds else 'no'}: {self.figures(condition)}")
        return node.yes if holds else node.no

    def _page(self, node: Page) -> str | None:
        walk = self.walk
        targets = self._present(node.page)
        if not targets:
            if walk.acknowledged:
                return node.then
            self._cause = "vacant"
            if node.if_not_acknowledged is None:
                raise Stuck(f"nobody is on call for {', '.join(node.page)}, and nobody comes after them")
            walk.rung += 1
            return node.if_not_acknowledged
        if walk.acknowledged:
            self.step(f"told {self._who(node.page)}: already acknowledged, so nobody is woken")
            self.effects.append(NotifyPeople(walk.node, targets, node.by, node.say or ""))
            return node.then
        within = node.acknowledge_within or 0
        walk.due_ms = self.at_ms + within if within else 0
        walk.page_node = walk.node
        walk.paged += [target for target in targets if target not in walk.paged]
        if node.acknowledge == "everyone":
            walk.awaits = self._people(targets)
        self.step(f"paged {self._who(node.page)}")
        ahead = pages_ahead(self.chart, node.if_not_acknowledged, walk.due_ms)
        following = self.chart.on_call(ahead[0], ahead[1], self._rosters) if ahead else ()
        words, awaits = node.say or "", tuple(walk.awaits)
        self.effects.append(
            PagePeople(walk.node, targets, node.by, within, walk.rung, following, words, awaits, self._cause)
        )
        return None

    def _tell(self, node: Notify | OpenChannel | Mobilise | Brief) -> str:
        here, words = self.walk.node, node.say or ""
        if isinstance(node, OpenChannel):
            targets = self._present(node.invite) if node.invite else ()
            self.step(
                f"asked for the channel {node.open_channel}" + (f" with {self._who(node.invite)}" * bool(targets))
            )
            self.effects.append(OpenRoom(here, node.open_channel, targets, words))
            return node.then
        asked = node.notify if isinstance(node, Notify) else node.brief if isinstance(node, Brief) else node.mobilise
        targets = self._present(asked)
        if not targets:
            return node.then
        if isinstance(node, Notify):
            self.step(f"told {self._who(asked)}")
            self.effects.append(NotifyPeople(here, targets, node.by, words))
        elif isinstance(node, Brief):
            self.step(f"briefed {self._who(asked)}")
            self.effects.append(BriefPeople(here, targets, node.by, words))
        else:
            self.step(f"called in {self._who(asked)}")
            self.effects.append(CallIn(here, targets, node.by, words))
        return node.then

    def _ask(self, node: Ask) -> str | None:
        walk = self.walk
        key = self.chart.local_name(walk.node)
        given = self._earlier.get(key, "")
        if given in node.answers and key not in walk.answers:  # asked and answered before this walk began
            walk.answers[key] = given
            self.step(f"{node.ask} {given}: answered before")
            return node.answers[given]
        targets = self._present(node.of)
        walk.may = self._people(targets)
        if not walk.may:
            return node.if_no_answer
        walk.due_ms = self.at_ms + node.within
        self.step(f"asked {self._who(node.of)}: {node.ask}")
        self.effects.append(AskPeople(walk.node, node.ask, tuple(node.answers), targets, tuple(walk.may), walk.due_ms))
        return None

    def _statement(self, node: Statement) -> str | None:
        walk = self.walk
        authors = tuple(self.chart.people((node.written_by,), self.at_ms, self._rosters))
        approvers = self._people(self._present(node.approve_by))
        walk.may = [person for person in approvers if person not in authors]
        if not walk.may:
            self.step(f"nobody but its author could approve {node.statement} now")
            return node.if_not_approved
        walk.due_ms = self.at_ms + node.within
        self.step(f"offered the statement {node.statement}, to be approved by {', '.join(walk.may)}")
        told = tuple(dict.fromkeys((*authors, *walk.may)))
        texts = statement_texts(self.chart, node)
        offer = OfferStatement(walk.node, node.statement, texts, authors, tuple(walk.may), told, walk.due_ms)
        writers = tuple(dict.fromkeys((*self._people((node.written_by,)), *approvers)))
        self.effects.append(msgspec.structs.replace(offer, writers=writers, approvers=tuple(approvers)))
        return None

    def _wait(self, node: Wait) -> str | None:
        until = self.chart.conditions.get((self.walk.node, "until"))
        limit = f"up to {duration_text(node.wait)}" if node.wait else "without a limit"
        if until is None:
            self.step(f"waits {duration_text(node.wait or 0)}")
        elif self.holds(until):
            self.step(f"no need to wait: {self.figures(until)}")
            return node.then
        else:
            self.step(f"waits {limit} until {until.text}")
        self.walk.due_ms = self.look_again_ms(node)
        return None

    def _repeat(self, node: Repeat) -> str:
        rounds = self.walk.rounds
        done = rounds.get(self.walk.node, 0)
        if done >= node.at_most or self.walk.node in self._repeated:
            rounds.pop(self.walk.node, None)
            vain = " at once, and nobody was there" if done < node.at_most else ""
            self.step(f"repeated {done} times{vain}: goes on")
            return node.then
        self._repeated.append(self.walk.node)
        rounds[self.walk.node] = done + 1
        self.step(f"repeats, {done + 1} of at most {node.at_most} times")
        return node.repeat

    # ---- who and what is known

    def _present(self, targets: Sequence[str]) -> tuple[str, ...]:
        """The targets with whoever is on call; what nobody is on call for is said, and skipped at once."""
        found = self.chart.on_call(tuple(targets), self.at_ms, self._rosters)
        vacant = tuple(target for target in targets if not self.chart.on_call((target,), self.at_ms, self._rosters))
        if vacant:
            self.step(f"nobody is on call for {', '.join(vacant)}: skipped at once")
            self.effects.append(Vacant(self.walk.node, vacant))
        return found

    def _people(self, targets: Sequence[str]) -> list[str]:
        """The persons behind targets: who can press a button."""
        people = self.chart.people(tuple(targets), self.at_ms, self._rosters)
        return [name for name in people if self.chart.responders[name].is_person]

    def _who(self, targets: Sequence[str]) -> str:
        """The targets as the path names them: `pr_on_call (chloe)` where a roster says who."""
        said = []
        for target in targets:
            present = self.chart.on_call((target,), self.at_ms, self._rosters)
            if present:
                said.append(target if present == (target,) else f"{target} ({', '.join(present)})")
        return ", ".join(said)

    def _known(self, condition: Condition) -> Facts:
        facts = self._facts
        if self.walk.acknowledged and not facts.acknowledged:
            facts = msgspec.structs.replace(facts, acknowledged=True)
        if self.walk.answers:
            facts = msgspec.structs.replace(facts, answers={**self._earlier, **self.walk.answers})
        if "on_call" in condition.names:
            manned = {role: bool(self.chart.people((role,), self.at_ms, self._rosters)) for role in self.chart.roles}
            facts = msgspec.structs.replace(facts, on_call=manned)
        return facts


def statement_texts(chart: Chart, node: Statement) -> tuple[tuple[str, str], ...]:
    """Language and text of a statement, in the languages that the node wants, else in all it has."""
    texts = chart.written.statements[node.statement].texts
    return tuple((language, texts[language]) for language in node.languages or tuple(texts))


def approved_effect(chart: Chart, walk: Walk, node: Statement, who: str) -> Approved:
    """That a statement may be copied."""
    return Approved(walk.node, node.statement, statement_texts(chart, node), who)
