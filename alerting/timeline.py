"""What happened in an incident, in its order: what was decided, what people did, what became of each page. Pure.

The decisions, acts and reports are those of the journal; whoever reads it hands them over. Every word that a `Moment`
holds is inert.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import msgspec

from alerting.decision import Decision, Reason
from alerting.facts import BLIND, rank
from alerting.inert import one_line
from alerting.naming import NameOf, named_decision
from alerting.sla import Clock
from alerting.view import WAKES, IncidentView, grown
from alerting.words import duration_text, names_text, reason_words, sentence, severity_words, thread_line

Kind = Literal["posts", "noticed", "paged", "told", "delivery", "answer", "change", "nobody", "blind", "end"]

ARRIVED = {
    "sent": "arrived",
    "unknown": "nobody knows yet whether it arrived",
    "missed": "did not arrive, but others may have",
    "failed": "failed",
}
DID = {
    "acknowledge": "pressed Acknowledge",
    "own": "pressed Own: everybody sees who leads",
    "escalate": "pressed Escalate and asked for more people",
    "false_alarm": "called it a false alarm",
    "resolve": "called it resolved",
    "severity": "set how bad it is",
    "reply": "answered the flowchart's question",
    "approve": "approved a statement",
    "note": "wrote a note",
    "draft": "changed the words of a statement",
}
TAKES = ("acknowledge", "own", "false_alarm", "resolve")
"""Answers by which somebody has it."""
_ECHOES = ("acknowledged", "owned", "answered", "noted", "drafted")
"""Updates that say again what a person did."""
_ABOUT_WORDS = ("approve", "draft")
"""Their choice says by a digest which words were seen."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What a person did about an incident."""

    at_ms: int
    who: str
    answer: str
    choice: str = ""
    severity: str = ""
    note: str = ""
    """In their own words, as far as those were not erased. Hostile."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message of a decision."""

    at_ms: int
    key: str
    """Of the decision."""
    way: str
    outcome: str
    who: tuple[str, ...] = ()
    detail: str = ""


class Moment(msgspec.Struct, frozen=True):
    """One line of a timeline."""

    at_ms: int
    kind: Kind
    words: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """One incident from its first post to its end. Times are milliseconds since 1970, 0 where it never came to it."""

    incident: str
    brand: str
    zone: str
    worst: IncidentView
    """As it stood when it was at its worst."""
    last: IncidentView
    moments: tuple[Moment, ...]
    first_post_ms: int
    noticed_ms: int
    first_page_ms: int
    """When the first page was decided."""
    page_sent_ms: int
    """When the first page of all had arrived by one way or another."""
    ack_by_ms: int
    """By when the first page was to be acknowledged."""
    acknowledged_ms: int
    acknowledged_by: str
    """Who had it first. A name of the flowchart's."""
    owned_ms: int
    statement_ms: int
    """When the first statement was approved, or the public first answered."""
    ended_ms: int
    until_ms: int
    """So far is known what happened."""
    promises: tuple[Clock, ...]
    """The clocks of what was promised to the public, as they stood last."""
    paged: tuple[str, ...]
    failed: int
    """Messages that did not arrive."""


def timeline(
    incident: str,
    decisions: Sequence[Decision],
    *,
    acts: Sequence[Act] = (),
    sendings: Sequence[Sending] = (),
    zone: str = "UTC",
    first_post_ms: int = 0,
    until_ms: int = 0,
    says: "Says | None" = None,
    name_of: NameOf = str,
) -> Timeline:
    """Put an incident's story in order. `decisions` are those of its brand, in the order in which they were taken; the
    blindness among them that fell into it is told too. `first_post_ms` is when its first post was written, if known.
    `says` gives the words, in another language than English, and `name_of` the names by which they speak of people; all
    else has their ids.

    Raises `KeyError` where no decision is about it.
    """
    own = [one for one in decisions if one.incident == incident]
    if not own:
        raise KeyError(incident)
    views = list(_views(own, zone))
    last, worst = views[-1], max(views, key=lambda view: (rank(view.severity), view.facts.mentions))
    began_ms = first_post_ms or next((view.since_ms for view in views if view.since_ms), 0)
    times = [*(one.at_ms for one in own), *(one.at_ms for one in acts), *(one.at_ms for one in sendings)]
    until_ms = max(until_ms, *times)
    ended_ms = own[-1].at_ms if own[-1].kind == "StandDown" else 0
    pages = [one for one in own if one.kind in WAKES and not one.shadow]
    taken = min((one for one in acts if one.answer in TAKES), key=lambda one: one.at_ms, default=None)
    says = says or ENGLISH
    moments = [Moment(began_ms, "posts", says.first(known=first_post_ms > 0))] if began_ms else []
    shown = [named_decision(one, name_of) for one in own]
    doers = [msgspec.structs.replace(act, who=name_of(act.who)) for act in acts]
    told = [msgspec.structs.replace(one, who=tuple(map(name_of, one.who))) for one in sendings]
    moments += [
        one for decision, view in zip(shown, views, strict=True) for one in _decided(decision, view, acts, says)
    ]
    moments += _acted(doers, [one.at_ms for one in own if one.kind == "OpenIncident"], says)
    moments += _sent(shown, told, says)
    moments += _blind(decisions, own[0], ended_ms or until_ms, says)
    return Timeline(
        incident=incident,
        brand=own[0].brand,
        zone=zone,
        worst=worst,
        last=last,
        moments=tuple(sorted(moments, key=lambda moment: moment.at_ms)),
        first_post_ms=began_ms,
        noticed_ms=own[0].at_ms,
        first_page_ms=pages[0].at_ms if pages else 0,
        page_sent_ms=_arrived_ms(pages, sendings),
        ack_by_ms=pages[0].ack_by_ms if pages else 0,
        acknowledged_ms=taken.at_ms if taken is not None else 0,
        acknowledged_by=taken.who if taken is not None else "",
        owned_ms=_first_ms(act.at_ms for act in acts if act.answer == "own"),
        statement_ms=_statement_ms(own),
        ended_ms=ended_ms,
        until_ms=until_ms,
        promises=next((one.promises for one in reversed(own) if one.promises), ()),
        paged=tuple(dict.fromkeys(who for one in pages for who in one.targets)),
        failed=sum(one.outcome in ("failed", "missed") for one in sendings),
    )


def _views(own: Sequence[Decision], zone: str) -> Iterator[IncidentView]:
    view: IncidentView | None = None
    for decision in own:
        view = msgspec.structs.replace(grown(view, decision), timezone=zone)
        yield view


def _first_ms(times: Iterator[int]) -> int:
    return min(times, default=0)


def _arrived_ms(pages: Sequence[Decision], sendings: Sequence[Sending]) -> int:
    keys = [one.key for one in pages]
    return _first_ms(one.at_ms for one in sendings if one.key in keys and one.outcome == "sent")


def _statement_ms(own: Sequence[Decision]) -> int:
    said = [one.at_ms for one in own if one.action == "approved"]
    said += [clock.kept_ms for one in own for clock in one.promises if clock.promised == "first_response"]
    return _first_ms(at_ms for at_ms in said if at_ms)


# ---- in words


class Says:
    """What a timeline says, in English. Another language says each of these in its own words, all of them inert."""

    deeds: ClassVar[Mapping[str, str]] = DID
    did_something: ClassVar[str] = "did something"
    had_it_already: ClassVar[str] = "{who} had it already"
    arrived: ClassVar[Mapping[str, str]] = ARRIVED
    sent_by: ClassVar[str] = "By {way} to {who}: {outcome}"
    after_it: ClassVar[str] = "{took} after it was decided"
    messages: ClassVar[str] = "{count} messages"
    everybody: ClassVar[str] = "everybody in the channel"
    in_shadow: ClassVar[str] = "Decided in the shadow: nobody was told."
    asked_for_by: ClassVar[str] = "Asked for by {node}."

    def severity(self, code: str) -> str:
        """How grave, as the rest of the sentence goes on."""
        return severity_words.get(code, one_line(code, 20))

    def names(self, some: tuple[str, ...]) -> str:
        """A few names."""
        return names_text(some)

    def took(self, seconds: int) -> str:
        """How long something took."""
        return duration_text(seconds)

    def noted(self, note: str) -> str:
        """What somebody wrote."""
        return one_line(note, 300)

    def first(self, *, known: bool) -> str:
        """That it began; `known`: with its first post."""
        return "The first post of this story was written." if known else "What was found began here."

    def noticed(self, decision: Decision, view: IncidentView) -> str:
        """That it was noticed, and why that is worth telling."""
        again = " again" if decision.reason == "flared_up" else ""
        return f"Noticed{again}, {self.severity(decision.severity)}. {sentence(view)}"

    def paged(self, decision: Decision) -> str:
        """Who was paged, and by which step."""
        node = f" {self.asked_for_by.format(node=one_line(decision.node, 60))}" if decision.node else ""
        return f"{self.decided(decision)}{node}{f' {self.in_shadow}' if decision.shadow else ''}"

    def decided(self, decision: Decision) -> str:
        """Any other decision."""
        return thread_line(decision)

    def did(self, act: Act, has_it: str) -> str:
        """What a person did; `has_it` is who had it already."""
        words = f"{one_line(act.who, 60)} {self.deeds.get(act.answer, self.did_something)}"
        if act.choice and act.answer not in _ABOUT_WORDS:
            words += f": {one_line(act.choice.replace('_', ' '), 60)}"
        if act.severity:
            words += f": {self.severity(act.severity)}"
        if has_it and act.answer == "acknowledge":
            words += f"; {self.had_it_already.format(who=has_it)}"
        return f"{words}. “{self.noted(act.note)}”" if act.note else f"{words}."

    def fared(self, one: Sending, decision: Decision, count: int) -> str:
        """What became of a message of a decision, or of so many that fared alike."""
        who = self.names(one.who or decision.targets) or self.everybody
        outcome = self.arrived.get(one.outcome, one_line(one.outcome, 30))
        words = self.sent_by.format(way=one_line(one.way, 30), who=who, outcome=outcome)
        took = self.took((one.at_ms - decision.at_ms) // 1000)
        words += f", {self.after_it.format(took=took)}" if one.outcome == "sent" else ""
        words += f" ({one_line(one.detail, 120)})" if one.detail and one.outcome != "sent" else ""
        return f"{words}; {self.messages.format(count=count)}." if count > 1 else f"{words}."

    def deaf(self, reason: Reason) -> str:
        """That we could not hear all from here on."""
        return f"We were blind from here: {reason_words[reason]}."

    def heard(self, reason: Reason) -> str:
        """That we could hear again."""
        return f"We could hear again: {reason_words[reason]}."


ENGLISH = Says()


def _decided(decision: Decision, view: IncidentView, acts: Sequence[Act], says: Says) -> Iterator[Moment]:
    kind, at_ms = decision.kind, decision.at_ms
    if kind == "OpenIncident":
        yield Moment(at_ms, "noticed", says.noticed(decision, view))
    elif kind in WAKES:
        yield Moment(at_ms, "paged", says.paged(decision))
    elif kind == "Notify":
        yield Moment(at_ms, "told", says.decided(decision))
    elif kind == "NoPage":
        yield Moment(at_ms, "nobody", says.decided(decision))
    elif kind == "StandDown":
        yield Moment(at_ms, "end", says.decided(decision))
    elif decision.reason != "still_going" and not (decision.reason in _ECHOES and acts):
        yield Moment(at_ms, "change", says.decided(decision))


def _acted(acts: Sequence[Act], opened_ms: Sequence[int], says: Says) -> Iterator[Moment]:
    """What opened again is nobody's yet, whoever had it before."""
    has_it, had_ms = "", 0
    for act in sorted(acts, key=lambda one: one.at_ms):
        has_it = "" if any(had_ms < at_ms <= act.at_ms for at_ms in opened_ms) else has_it
        had_ms = act.at_ms
        yield Moment(act.at_ms, "answer", says.did(act, has_it))
        if act.answer in TAKES:
            has_it = has_it or one_line(act.who, 60)
        if act.answer == "escalate":
            has_it = ""


def _sent(own: Sequence[Decision], sendings: Sequence[Sending], says: Says) -> Iterator[Moment]:
    """Each message once: those of one decision that fared alike within the same second are one line."""
    decided = {one.key: one for one in own}
    alike = Counter(map(_alike, sendings))
    for one in sendings:
        decision = decided.get(one.key)
        if decision is not None and (count := alike.pop(_alike(one), 0)):
            yield Moment(one.at_ms, "delivery", says.fared(one, decision, count))


def _alike(one: Sending) -> tuple[object, ...]:
    return one.key, one.way, one.outcome, one.who, one.detail, one.at_ms // 1000


def _blind(decisions: Sequence[Decision], first: Decision, until_ms: int, says: Says) -> Iterator[Moment]:
    """What we could not hear while it went on. An incident that is itself about that has it in its own lines."""
    if first.scenario == BLIND:
        return
    for one in decisions:
        if one.brand != first.brand or one.scenario != BLIND or not first.at_ms <= one.at_ms <= until_ms:
            continue
        if one.kind == "OpenIncident":
            yield Moment(one.at_ms, "blind", says.deaf(one.reason))
        elif one.kind == "StandDown":
            yield Moment(one.at_ms, "blind", says.heard(one.reason))
