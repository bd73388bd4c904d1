"""From what a walk asks of people to decisions: questions with buttons, statements to approve, a channel of its own,
the reserve called in, leadership briefed. Pure; a part of `alerting.escalation.Desk`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import msgspec

from alerting.decision import Action, Asked, Decision, DecisionKind, Reason
from alerting.drafts import about, redrafted, refusal
from alerting.facts import Facts
from alerting.flowchart.model import Chart, Rosters
from alerting.flowchart.walk import (
    Approved,
    AskPeople,
    BriefPeople,
    CallIn,
    Effect,
    NotifyPeople,
    OfferStatement,
    OpenRoom,
    PagePeople,
    Vacant,
    Walk,
    acknowledged,
    answered,
    approved,
    drafted,
)
from alerting.incident import Incident

Wish = AskPeople | OpenRoom | CallIn | BriefPeople | OfferStatement | Approved | Vacant
"""What a walk wants besides pages and notices."""


class Reply(Protocol):
    """What is needed of an answer to the flowchart (see `tocsin.entry.Answer`)."""

    @property
    def who(self) -> str: ...
    @property
    def answer(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def choice(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def note_digest(self) -> str: ...


class Asking(ABC):
    """Takes in what people answer the flowchart, and decides what its steps ask for."""

    at_ms: int
    out: list[Decision]

    @abstractmethod
    def chart_of(self, incident: Incident) -> Chart: ...
    @abstractmethod
    def rosters_of(self, chart: Chart) -> Rosters: ...
    @abstractmethod
    def _facts(self, incident: Incident) -> Facts: ...
    @abstractmethod
    def _walk(self, incident: Incident, walk: Walk, effects: Sequence[Effect], reason: Reason) -> None: ...
    @abstractmethod
    def _no_page(self, incident: Incident, reason: Reason, node: str) -> None: ...
    @abstractmethod
    def _decide(
        self,
        incident: Incident,
        kind: DecisionKind,
        reason: Reason,
        *,
        targets: Sequence[str] = (),
        by: Sequence[str] = (),
        node: str = "",
        note: str = "",
    ) -> None: ...

    # ---- what people answer

    def reply(self, incident: Incident, act: Reply) -> None:
        """Take in an answer to a question, the approval of a statement, or other words for it. One that comes too late,
        from whoever was not asked, from a statement's own author, or about words that were changed since changes
        nothing.
        """
        walk = incident.walk
        late = incident.asked is not None and act.at_ms > incident.asked.by_ms
        if walk is None or late:
            return
        chart, facts = self.chart_of(incident), self._facts(incident)
        rosters = self.rosters_of(chart)
        if act.answer == "draft":
            self._redraft(incident, walk, act)
            return
        if act.answer == "approve":
            offered = incident.asked
            if act.choice != (about(offered) if offered is not None and offered.node == act.node else ""):
                return
            moved, effects = approved(chart, walk, facts, self.at_ms, node=act.node, who=act.who, rosters=rosters)
            if moved.node == walk.node and not moved.done:
                return
            incident.asked = None
            self._walk(incident, moved, [_in_words_of(offered, effect) for effect in effects], "flowchart")
            return
        moved, effects = answered(
            chart, walk, facts, self.at_ms, node=act.node, choice=act.choice, who=act.who, rosters=rosters
        )
        if moved.answers == walk.answers and moved.path == walk.path:
            return
        asked = incident.asked
        incident.asked = None
        incident.replies = {**incident.replies, chart.local_name(act.node): act.choice}
        self._decide(incident, "Update", "answered", node=act.node, note=f"{act.who}: {act.choice.replace('_', ' ')}")
        self._with(Asked(node=act.node, words=asked.words if asked else "", choices=(act.choice,)), "ask")
        self._walk(incident, moved, effects, "flowchart")

    def _redraft(self, incident: Incident, walk: Walk, act: Reply) -> None:
        """A statement that waits for approval gets other words. Whoever wrote them cannot approve them."""
        asked = incident.asked
        if asked is None or asked.node != act.node or not act.note_digest or refusal(asked, act.who, act.choice):
            return
        asked = redrafted(asked, act.who, act.note_digest)
        moved = drafted(
            self.chart_of(incident), walk, self._facts(incident), self.at_ms, node=act.node, who=act.who, may=asked.may
        )
        if moved is None:
            return
        incident.walk, incident.asked = moved, asked
        self._decide(incident, "Update", "drafted", node=act.node, note=act.who)
        self._with(asked, "statement")

    def acknowledged_in_part(self, incident: Incident, who: str) -> bool:
        """Whether others must acknowledge too before anybody has it. Then this one is noted, and the page goes on."""
        walk = incident.walk
        if walk is None or not walk.awaits or walk.acknowledged or walk.done:
            return False
        chart, facts = self.chart_of(incident), self._facts(incident)
        moved, _ = acknowledged(chart, walk, facts, self.at_ms, who=who, rosters=self.rosters_of(chart))
        if moved.acknowledged:
            return False
        incident.walk = moved
        if moved.awaits != walk.awaits:
            self._decide(incident, "Update", "acknowledged_in_part", note=who)
            self.out[-1] = msgspec.structs.replace(self.out[-1], awaits=tuple(moved.awaits))
        return True

    # ---- what the flowchart asks

    def settle_question(self, incident: Incident, walk: Walk) -> None:
        """Forget a question at which the walk stands no longer."""
        if incident.asked is not None and (walk.done or walk.node != incident.asked.node):
            incident.asked = None

    def wish(self, incident: Incident, effect: Wish, reason: Reason) -> bool:
        """Decide what a step asks for. Whether somebody was told by it."""
        match effect:
            case AskPeople():
                asked = Asked(
                    node=effect.node,
                    words=effect.question,
                    choices=effect.choices,
                    may=effect.may,
                    by_ms=effect.by_ms,
                )
                return self._put(incident, effect.targets, reason, asked, "ask")
            case OfferStatement():
                texts = tuple((language, text.replace("{brand}", incident.brand)) for language, text in effect.texts)
                asked = Asked(
                    node=effect.node,
                    words=effect.name,
                    texts=texts,
                    may=effect.may,
                    authors=effect.authors,
                    by_ms=effect.by_ms,
                    writers=effect.writers,
                    approvers=effect.approvers,
                )
                return self._put(incident, effect.targets, reason, asked, "statement")
            case Approved():
                texts = tuple((language, text.replace("{brand}", incident.brand)) for language, text in effect.texts)
                self._decide(incident, "Update", "approved", node=effect.node, note=effect.who)
                self._with(Asked(node=effect.node, words=effect.name, texts=texts, said=effect.said), "approved")
                return False
            case OpenRoom():
                name = channel_name(effect.channel, incident)
                targets = effect.invite or incident.told_targets
                self._tell_by(incident, "Notify", effect, reason, targets=targets)
                self._with(Asked(node=effect.node, words=name, may=effect.invite), "open_channel")
                return True
            case BriefPeople():
                self._tell_by(incident, "Notify", effect, reason, targets=effect.targets)
                self._with(None, "brief")
                return True
            case CallIn():
                self._tell_by(incident, "Page", effect, reason, targets=effect.targets)
                self._with(None, "mobilise")
                return True
            case Vacant():
                self._no_page(incident, "nobody_on_call", effect.node)
                return False

    def _put(self, incident: Incident, targets: tuple[str, ...], reason: Reason, asked: Asked, action: Action) -> bool:
        incident.asked = asked
        self._decide(incident, "Notify", reason, targets=targets, by=("slack",), node=asked.node, note=asked.words)
        self._with(asked, action)
        self._also_told(incident, targets)
        return True

    def _tell_by(
        self,
        incident: Incident,
        kind: DecisionKind,
        effect: OpenRoom | BriefPeople | CallIn,
        reason: Reason,
        *,
        targets: tuple[str, ...],
    ) -> None:
        by = ("slack",) if isinstance(effect, OpenRoom) else effect.by
        self._decide(incident, kind, reason, targets=targets, by=by, node=effect.node, note=effect.words)
        self._also_told(incident, targets)

    def _also_told(self, incident: Incident, targets: Sequence[str]) -> None:
        """Those who lead it are told what becomes of it as before, and these too."""
        incident.told_ms = incident.updated_ms = self.at_ms
        incident.told_targets = tuple(dict.fromkeys((*incident.told_targets, *targets)))

    def _with(self, asked: Asked | None, action: Action) -> None:
        """What the last decision asks for besides."""
        self.out[-1] = msgspec.structs.replace(self.out[-1], asked=asked, action=action)


def channel_name(pattern: str, incident: Incident) -> str:
    """The name of a crisis channel: small letters, digits and dashes, at most 80, with `#`.

    >>> found = Incident(id="acme-17", brand="Acme Air", scenario="data_security", severity="high", opened_ms=0)
    >>> channel_name("#crisis-{brand}-{scenario}", found)
    '#crisis-acme-air-data_security'
    """
    filled = pattern.removeprefix("#")
    for place, value in (("incident", incident.id), ("brand", incident.brand), ("scenario", incident.scenario)):
        filled = filled.replace(f"{{{place}}}", value)
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in filled.lower())
    while "--" in kept:
        kept = kept.replace("--", "-")
    return f"#{kept.strip('-')[:79]}"


def _in_words_of(offered: Asked | None, effect: Effect) -> Effect:
    """What was approved is what was shown."""
    if offered is None or not offered.said or not isinstance(effect, Approved):
        return effect
    return msgspec.structs.replace(effect, texts=offered.texts, said=offered.said)


def as_notice(effect: Effect) -> Effect:
    """An effect for an incident that is in somebody's hands already: nobody is woken, nobody is asked."""
    if isinstance(effect, PagePeople):
        return NotifyPeople(node=effect.node, targets=effect.targets, by=effect.by, words=effect.words)
    if isinstance(effect, AskPeople):
        return NotifyPeople(node=effect.node, targets=effect.targets, by=("slack",), words=effect.question)
    if isinstance(effect, OfferStatement):
        return NotifyPeople(node=effect.node, targets=effect.targets, by=("slack",), words=effect.name)
    return effect
