"""One brand's incidents: opened, walked through the flowchart, answered and closed. Pure.

The casebook changes at grid points only. Every change that a person or a log should see is a `Decision` with a reason.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec

from alerting.asking import Asking, Reply, as_notice
from alerting.assessment import Assessment
from alerting.decision import Decision, DecisionKind, Reason
from alerting.facts import BLIND, SEVERITIES, Facts
from alerting.flowchart.model import Chart, Rosters
from alerting.flowchart.walk import (
    Approved,
    Effect,
    EndWalk,
    NotifyPeople,
    PagePeople,
    Walk,
    acknowledged,
    begin,
    escalated,
    resume,
)
from alerting.incident import REOPENS_WITHIN_MS, Incident, rank
from alerting.modals import REASONS
from alerting.sla import advice_for
from alerting.vigil import Quieted, Replies, Vigil
from detectors.detector import Signal
from stream.codec import HOUR_MS, MINUTE_MS

CALM_AFTER_MS = HOUR_MS
"""An incident without a signal for so long, with complete sources, is over."""
PEAK_STANDS_MS = 6 * HOUR_MS
"""Who was told of a severity is not told again for each time it comes back within these hours."""
FALLS_AFTER_MS = 30 * MINUTE_MS
"""Severity climbs at once and falls after so long at the lower level."""
PAGES_AGAIN: tuple[Reason, ...] = ("quiet_ended", "ack_expired")
"""Who was paged before is paged again: what they did about it has lost its force, or they were left in peace."""
TELLS_WHY: tuple[DecisionKind, ...] = ("OpenIncident", "Page", "Notify", "Escalate")
QUIET_MS = 30 * MINUTE_MS
"""After so long without a word, a person is told by a notice, not by a silent edit of the card."""
UPDATE_EVERY_MS = 5 * MINUTE_MS
NEW_NORMAL_AFTER_MS = 24 * HOUR_MS
LOOK_EVERY_MS = MINUTE_MS
_CAUSES: dict[str, Reason] = {"": "not_acknowledged", "escalate": "escalated", "vacant": "nobody_on_call"}
STRONGER_MILLI = 2000
"""What a human closed, or a day made normal, is told again only at twice its size or at a higher severity."""


class Settled(msgspec.Struct):
    """Signals that a human closed, or that a day made normal: quiet until they vanish or get markedly stronger."""

    reason: Reason
    severity: str
    ratio_milli: int
    signal_ms: int


class Deaf(msgspec.Struct):
    """Blindness that a human closed: quiet until it ends, more sources go, or a day passes (then it is said again)."""

    sources_out: int
    until_ms: int


class Casebook(msgspec.Struct, omit_defaults=True):
    """The incidents of one brand: the brand's own trouble, and our blindness about it."""

    brand: str
    incident: Incident | None = None
    """The latest one, open or closed."""
    blind: Incident | None = None
    settled: Settled | None = None
    deaf: Deaf | None = None
    muted: tuple[tuple[int, str], ...] = ()
    """Start of a planned event and the severity that was not told because of it: each is written down once."""
    quieted: Quieted = msgspec.field(default_factory=Quieted)


class HumanAct(Reply, Protocol):
    """What the casebook needs of an answer (see `tocsin.entry.Answer`)."""

    @property
    def id(self) -> str: ...
    @property
    def incident(self) -> str: ...
    @property
    def severity(self) -> str: ...


class Scene(Replies):
    """What goes on the card besides the decision itself. Here only the signals are known; whoever knows more overrides
    the rest, and may work it out when it is asked for: most grid points decide nothing.
    """

    def __init__(self, signals: tuple[Signal, ...] = ()) -> None:
        self.signals = signals

    @property
    def facts(self) -> Facts:
        """The facts of the last hour."""
        return Facts()

    @property
    def exemplars(self) -> tuple[str, ...]:
        """Names of the posts most worth showing."""
        return ()

    @property
    def history(self) -> tuple[int, ...]:
        """Posts per step of the small chart, oldest first."""
        return ()


def slug(brand: str) -> str:
    """A brand's name as it stands in ids.

    >>> slug("Acme Air & Sons")
    'acme-air-sons'
    """
    words = "".join(c if c.isalnum() else " " for c in brand.casefold()).split()
    return "-".join(words) or "brand"


class Desk(Vigil, Asking):
    """Works one brand's casebook at one grid point.

    New walks begin on `chart`; one under way stays on the version it began with, which `charts` gives by its digest.
    `rosters` says who is on call for the walks on a chart; `prefix` stands before the ids of what opens here.
    """

    def __init__(
        self,
        book: Casebook,
        chart: Chart,
        charts: Callable[[str], Chart],
        at_ms: int,
        scene: Scene,
        *,
        rosters: Callable[[Chart], Rosters] | None = None,
        prefix: str = "",
    ) -> None:
        self.book = book
        self.name = f"{prefix}{slug(book.brand)}"
        """What the ids of this brand's incidents begin with."""
        self.chart = chart
        self._charts = charts
        self.at_ms = at_ms
        self.scene = scene
        self._rosters = rosters
        self.out: list[Decision] = []
        self.fresh = False
        """Whether there is a finding about the brand at this grid point."""
        self._why = ""

    # ---- what the vigil asks for

    @property
    def replies(self) -> Replies:
        """What the brand says in public."""
        return self.scene

    @property
    def quieted(self) -> Quieted:
        """The silences of the brand."""
        return self.book.quieted

    def open_incidents(self) -> Iterator[Incident]:
        """The brand's own trouble, then our blindness."""
        for incident in (self.book.incident, self.book.blind):
            if incident is not None and incident.is_open:
                yield incident

    def chart_of(self, incident: Incident) -> Chart:
        """The chart that the incident walks."""
        return self._chart_of(incident.walk) if incident.walk is not None else self.chart

    def rosters_of(self, chart: Chart) -> Rosters:
        """Who is on call for the walks on a chart."""
        return self._rosters(chart) if self._rosters is not None else {}

    def present(self, incident: Incident, targets: Sequence[str]) -> tuple[str, ...]:
        """The targets with whoever is on call now in place of each role that has a roster; as they are, where nobody
        is: better all who have the role than no one.
        """
        chart = self.chart_of(incident)
        return chart.on_call(tuple(targets), self.at_ms, self.rosters_of(chart)) or tuple(targets)

    # ---- the brand's own trouble

    def assess(self, assessment: Assessment | None, *, blind: bool) -> None:
        """Take in what the signals amount to now."""
        self.fresh = assessment is not None
        self._why = "; ".join(assessment.reasons) if assessment is not None else ""
        incident = self.book.incident
        if incident is not None and incident.is_open:
            if assessment is None:
                self._quiet(incident, blind=blind)
            else:
                self._goes_on(incident, assessment)
        elif assessment is not None and not self._is_settled(assessment):
            self._open(assessment)

    def timers(self) -> None:
        """Let the walks go on whose time is up, and keep the card of an open incident fresh."""
        for incident in self.open_incidents():
            self.expire(incident)
            if incident.hush is not None:
                self.look_again(incident)
            elif incident.walk is not None and not incident.walk.done and 0 < incident.walk.due_ms <= self.at_ms:
                self._resume(incident, incident.walk)
            self.watch_clocks(incident)
            if incident is self.book.incident and self.fresh and self.at_ms - _spoken_ms(incident) >= UPDATE_EVERY_MS:
                self._tell(incident, "still_going")

    def _resume(self, incident: Incident, walk: Walk) -> None:
        chart = self._chart_of(walk)
        self._walk(incident, *resume(chart, walk, self._facts(incident), self.at_ms, rosters=self.rosters_of(chart)))

    def answer(self, act: HumanAct) -> None:
        """Take in what a human did. The same act twice changes nothing; on what is over, nothing but a note does."""
        incident = self._named(act.incident)
        if incident is None or act.id in incident.answers or not (incident.is_open or act.answer == "note"):
            return
        incident.answers = (*incident.answers[-49:], act.id)
        self.acted(incident, self.at_ms)
        if act.answer in ("acknowledge", "own"):
            self._acknowledge(incident, act)
        elif act.answer == "escalate":
            self._escalate(incident, act)
        elif act.answer in ("reply", "approve", "draft"):
            self.reply(incident, act)
        elif act.answer == "severity":
            self._set_severity(incident, act)
        elif act.answer == "note":
            self._decide(incident, "Update", "noted", note=act.who)
            self.out[-1] = msgspec.structs.replace(self.out[-1], said=act.note_digest)
        elif act.answer in ("false_alarm", "resolve"):
            self._end(incident, act)

    def delivery_failed(self, incident_id: str, key: str) -> None:
        """No way to these people works: the next rung at once, if it was the page that is waited for."""
        incident = self._named(incident_id)
        waits = incident is not None and incident.walk is not None and not incident.walk.done
        if incident is None or not waits or incident.is_answered or incident.page_key != key:
            return
        incident.page_key = ""
        assert incident.walk is not None
        self._climb(incident, "no way to them works", "delivery_failed")

    def change_mode(self) -> None:
        """The brand goes live or into the shadow, with an empty casebook: whom a shadow tells was never told."""
        for incident in (self.book.incident, self.book.blind):
            if incident is not None and incident.is_open:
                self._close(incident, "mode_changed")
        self.book.incident = self.book.blind = self.book.settled = self.book.deaf = None

    # ---- our own blindness

    def listen(self, feed: Signal | None) -> None:
        """Open or close the incident about ourselves: a source that is silent, lagging or capped."""
        blind = self.book.blind
        if feed is None:
            self._hear_again(blind)
        elif blind is not None and blind.is_open:
            blind.signal_ms = self.at_ms
        elif not self._is_known_deaf(feed):
            self._go_blind(feed)

    def _hear_again(self, blind: Incident | None) -> None:
        self.book.deaf = None
        if blind is None or not blind.is_open:
            return
        settled = self.book.settled
        if settled is not None and blind.opened_ms - settled.signal_ms < CALM_AFTER_MS:
            settled.signal_ms = self.at_ms  # nobody knows what was said meanwhile: its calm hour begins now
        self._close(blind, "source_back")

    def _is_known_deaf(self, feed: Signal) -> bool:
        deaf = self.book.deaf
        return deaf is not None and self.at_ms < deaf.until_ms and _sources_out(feed) <= deaf.sources_out

    def _go_blind(self, feed: Signal) -> None:
        state = str(feed.evidence.get("state", "silent"))
        reason: Reason = (
            "source_capped" if state == "capped" else "source_lagging" if state == "lagging" else "source_silent"
        )
        incident = Incident(
            id=f"{self.name}-{BLIND}-{self.at_ms}",
            brand=self.book.brand,
            scenario=BLIND,
            severity="medium",
            opened_ms=self.at_ms,
            signal_ms=self.at_ms,
            level_ms=self.at_ms,
            facts=msgspec.structs.replace(
                self.scene.facts, scenario=BLIND, severity="medium", blind=True, signals=("feed",)
            ),
        )
        self.book.blind = incident
        self.book.deaf = None
        self._decide(incident, "OpenIncident", reason, signals=(feed,))
        begun = begin(self.chart, BLIND, self._facts(incident), self.at_ms, rosters=self.rosters_of(self.chart))
        self._walk(incident, *begun, reason=reason)

    # ---- the life of an incident

    def _open(self, assessment: Assessment) -> None:
        before = self.book.incident
        back = before is not None and self.at_ms - before.closed_ms < REOPENS_WITHIN_MS and before.status == "closed"
        if back and before is not None:
            incident = before
            incident.move("open")
            incident.reopened += 1
            incident.acknowledged_by = incident.owner = incident.closed_because = ""
            incident.paged = incident.told_targets = ()
            incident.told_ms = incident.updated_ms = 0
            incident.opened_ms = self.at_ms
            incident.floor, incident.hush, incident.walked = "", None, ()
            incident.asked, incident.replies = None, {}
            incident.acted_ms = incident.expires_ms = 0
        else:
            incident = Incident(
                id=f"{self.name}-{self.at_ms}",
                brand=self.book.brand,
                scenario=assessment.scenario,
                severity=assessment.severity,
                opened_ms=self.at_ms,
            )
            self.book.incident = incident
        self.book.settled = None
        incident.scenario, incident.severity = assessment.scenario, assessment.severity
        incident.signal_ms = incident.level_ms = incident.peak_ms = self.at_ms
        incident.peak = assessment.severity
        incident.no_page = ""
        incident.facts = assessment.facts
        self.promise(incident)
        self._decide(incident, "OpenIncident", "flared_up" if back else "signals")
        self._begin(incident, "flared_up" if back else "flowchart")

    def _goes_on(self, incident: Incident, assessment: Assessment) -> None:
        incident.signal_ms = self.at_ms
        incident.facts = assessment.facts
        known = rank(assessment.severity) <= rank(incident.peak) and self.at_ms - incident.peak_ms < PEAK_STANDS_MS
        if rank(assessment.severity) >= rank(incident.peak):
            incident.peak, incident.peak_ms = assessment.severity, self.at_ms
        if rank(assessment.severity) > rank(incident.severity):
            incident.severity = assessment.severity
            incident.level_ms = self.at_ms
            self.tighten(incident)
            if known:
                self._tell(incident, "severity_rose")
            else:
                incident.scenario = assessment.scenario
                self._begin(incident, "severity_rose")
        elif rank(assessment.severity) == rank(incident.severity):
            incident.level_ms = self.at_ms
        elif self.at_ms - incident.level_ms >= FALLS_AFTER_MS:
            self._fall(incident, max(assessment.severity, incident.floor or "low", key=rank))
        if self.at_ms - incident.opened_ms >= NEW_NORMAL_AFTER_MS:
            self._close(incident, "new_normal")
            self._settle(incident, "new_normal")

    def _fall(self, incident: Incident, severity: str) -> None:
        fell = severity != incident.severity
        incident.severity = severity
        incident.level_ms = self.at_ms
        if fell and self.at_ms - _spoken_ms(incident) < QUIET_MS:  # that it calms is no reason to speak up
            self._tell(incident, "severity_fell")

    def _quiet(self, incident: Incident, *, blind: bool) -> None:
        if blind:
            incident.signal_ms = self.at_ms  # what cannot be heard is not calm: the hour begins when we hear again
        elif self.at_ms - incident.signal_ms >= CALM_AFTER_MS:
            self._close(incident, "calm")

    def _begin(self, incident: Incident, reason: Reason) -> None:
        incident.walked = tuple(dict.fromkeys((*incident.walked, incident.scenario)))
        chart, facts = self.chart, self._facts(incident)
        walk, effects = begin(chart, incident.scenario, facts, self.at_ms, rosters=self.rosters_of(chart))
        if incident.is_answered:
            if any(isinstance(effect, PagePeople) for effect in effects):
                self._no_page(incident, "already_acknowledged", walk.page_node)
            effects = [as_notice(effect) for effect in effects]
            # What its page leads to is for whoever has it: the room, the questions, the words of the worse case.
            walk, more = acknowledged(chart, walk, facts, self.at_ms, rosters=self.rosters_of(chart))
            effects += more
        before = len(self.out)
        self._walk(incident, walk, effects, reason=reason)
        if reason == "severity_rose" and all(decision.kind == "NoPage" for decision in self.out[before:]):
            self._tell(incident, "severity_rose")

    def _acknowledge(self, incident: Incident, act: HumanAct) -> None:
        if act.answer == "acknowledge" and not incident.is_answered and self.acknowledged_in_part(incident, act.who):
            return
        first = not incident.is_answered
        if act.answer == "own" and incident.owner != act.who:
            incident.owner = act.who
            first = True
        if not incident.acknowledged_by:
            incident.acknowledged_by = act.who
        if incident.status == "open":
            incident.move("acknowledged")
        incident.called = False
        if not first:
            return
        self._decide(incident, "Update", "owned" if act.answer == "own" else "acknowledged", note=act.who)
        if incident.walk is not None and not incident.walk.done:
            chart, facts = self._chart_of(incident.walk), self._facts(incident)
            rosters = self.rosters_of(chart)
            self._walk(incident, *acknowledged(chart, incident.walk, facts, self.at_ms, rosters=rosters))

    def _escalate(self, incident: Incident, act: HumanAct) -> None:
        incident.called = True
        self._climb(incident, f"{act.who} asked for the next one", "asked_by_human")

    def _climb(self, incident: Incident, words: str, reason: Reason) -> None:
        """The next rung, at once."""
        assert incident.walk is not None  # an open incident has begun its walk
        chart, facts = self._chart_of(incident.walk), self._facts(incident)
        rosters = self.rosters_of(chart)
        walk, effects = escalated(chart, incident.walk, facts, self.at_ms, words, rosters=rosters)
        self._walk(incident, walk, effects, reason=reason)

    def _end(self, incident: Incident, act: HumanAct) -> None:
        """A person says that it is over, and perhaps why."""
        reason: Reason = "false_alarm" if act.answer == "false_alarm" else "resolved"
        why = f": {REASONS[act.choice].lower()}" if act.choice in REASONS else ""
        self._close(incident, reason, note=f"{act.who}{why}")
        self.out[-1] = msgspec.structs.replace(self.out[-1], said=act.note_digest)
        self._settle(incident, reason)

    def _set_severity(self, incident: Incident, act: HumanAct) -> None:
        """A person knows better: it is at least so bad, until it closes."""
        if act.severity not in SEVERITIES:
            return
        incident.floor = act.severity
        if rank(act.severity) <= rank(incident.severity):
            self._decide(incident, "Update", "set_by_human", note=act.who)
            return
        incident.severity = act.severity
        incident.peak = max(incident.peak or "low", act.severity, key=rank)
        incident.level_ms = incident.peak_ms = self.at_ms
        self.tighten(incident)
        self._begin(incident, "set_by_human")

    def _close(self, incident: Incident, reason: Reason, note: str = "") -> None:
        incident.move("closed")
        incident.closed_ms = self.at_ms
        incident.closed_because = reason
        incident.walk = None
        incident.called, incident.page_key = False, ""
        incident.hush, incident.asked, incident.expires_ms = None, None, 0
        self.solved(incident, reason)
        self._decide(incident, "StandDown", reason, targets=_everybody(incident), note=note)
        incident.told_ms = self.at_ms

    def _settle(self, incident: Incident, reason: Reason) -> None:
        if incident.scenario == BLIND:
            feed = next((s for s in self.scene.signals if s.kind == "feed"), None)
            if feed is not None:
                self.book.deaf = Deaf(_sources_out(feed), self.at_ms + NEW_NORMAL_AFTER_MS)
        else:
            ratio = incident.facts.volume_ratio_milli if incident.facts else 0
            self.book.settled = Settled(reason, incident.severity, ratio, self.at_ms)

    def _is_settled(self, assessment: Assessment) -> bool:
        settled = self.book.settled
        if settled is None:
            return False
        if self.at_ms - settled.signal_ms >= CALM_AFTER_MS:
            self.book.settled = None
            return False
        settled.signal_ms = self.at_ms
        stronger = assessment.facts.volume_ratio_milli * 1000 >= max(settled.ratio_milli, 1000) * STRONGER_MILLI
        return rank(assessment.severity) <= rank(settled.severity) and not stronger

    # ---- from effects to decisions

    def _walk(self, incident: Incident, walk: Walk, effects: Sequence[Effect], reason: Reason = "flowchart") -> None:
        incident.walk = walk
        self.settle_question(incident, walk)
        if incident.is_answered and any(isinstance(e, PagePeople) and e.cause == "escalate" for e in effects):
            incident.called = True
        for effect in effects:
            if isinstance(effect, Approved):  # whatever follows may wait for quiet hours to end; this was done
                self.wish(incident, effect, reason)
        effects = [effect for effect in effects if not isinstance(effect, Approved)]
        if self.holds_back(incident, effects, reason):
            return
        told = False
        for effect in effects:
            if isinstance(effect, PagePeople):
                told |= self._page(incident, effect, reason)
            elif isinstance(effect, NotifyPeople):
                self._notify(incident, effect, reason)
                told = True
            elif isinstance(effect, EndWalk) and not told and not incident.told_ms:
                self._no_page(incident, "below_severity", effect.node)
            elif not isinstance(effect, EndWalk):
                told |= self.wish(incident, effect, reason)

    def _page(self, incident: Incident, effect: PagePeople, reason: Reason) -> bool:
        climbs = effect.rung > 0
        new = tuple(t for t in effect.targets if t not in incident.paged or reason in PAGES_AGAIN)
        if not new and not climbs:
            self._no_page(incident, "already_paged", effect.node)
            return False
        targets = effect.targets if climbs else new
        incident.paged = tuple(dict.fromkeys((*incident.paged, *new)))
        incident.page_key = self._key(incident, "Escalate" if climbs else "Page")
        why: Reason = reason
        if reason == "flowchart" and climbs:
            why = _CAUSES[effect.cause]
        self._decide(
            incident,
            "Escalate" if climbs else "Page",
            why,
            targets=targets,
            by=effect.by,
            node=effect.node,
            rung=effect.rung,
            ack_by_ms=self.at_ms + effect.ack_within_ms if effect.ack_within_ms else 0,
            next_targets=effect.next_targets,
        )
        if effect.awaits:
            self.out[-1] = msgspec.structs.replace(self.out[-1], awaits=effect.awaits)
        self._told(incident, targets)
        return True

    def _notify(self, incident: Incident, effect: NotifyPeople, reason: Reason) -> None:
        self._decide(incident, "Notify", reason, targets=effect.targets, by=effect.by, node=effect.node)
        self._told(incident, effect.targets)

    def _tell(self, incident: Incident, reason: Reason) -> None:
        """Let people know of a change: a silent edit of the card, or a notice after half an hour without a word."""
        if not incident.told_targets:
            return
        long_silent = self.at_ms - _spoken_ms(incident) >= QUIET_MS
        loud = (long_silent and incident.hush is None) or reason == "asked_by_human"
        self._decide(incident, "Notify" if loud else "Update", reason, targets=incident.told_targets)
        if loud:
            self._told(incident, incident.told_targets)
        else:
            incident.updated_ms = self.at_ms

    def _no_page(self, incident: Incident, reason: Reason, node: str) -> None:
        if incident.no_page != reason:
            incident.no_page = reason
            self._decide(incident, "NoPage", reason, node=node)

    def _told(self, incident: Incident, targets: Sequence[str]) -> None:
        incident.told_ms = incident.updated_ms = self.at_ms
        incident.told_targets = tuple(targets)

    def _decide(
        self,
        incident: Incident,
        kind: DecisionKind,
        reason: Reason,
        *,
        targets: Sequence[str] = (),
        by: Sequence[str] = (),
        node: str = "",
        rung: int = 0,
        ack_by_ms: int = 0,
        next_targets: Sequence[str] = (),
        signals: tuple[Signal, ...] | None = None,
        note: str = "",
        until_ms: int = 0,
    ) -> None:
        key = self._key(incident, kind)
        incident.number += 1
        signals = self.scene.signals if signals is None else signals
        about_us = incident.scenario == BLIND
        self.out.append(
            Decision(
                key=key,
                at_ms=self.at_ms,
                brand=incident.brand,
                kind=kind,
                incident=incident.id,
                scenario=incident.scenario,
                severity=incident.severity,
                reason=reason,
                targets=tuple(targets),
                by=tuple(by),
                node=node,
                rung=rung,
                ack_by_ms=ack_by_ms,
                next_targets=tuple(next_targets),
                signals=tuple(s for s in signals if (s.kind == "feed") == about_us),
                facts=self._facts(incident),
                exemplars=() if about_us else self.scene.exemplars,
                history=self.scene.history,
                path=tuple(step.words for step in incident.walk.path[-12:]) if incident.walk is not None else (),
                note=note or (self._why if kind in TELLS_WHY and not about_us else ""),
                until_ms=until_ms,
                promises=tuple(msgspec.structs.replace(clock) for clock in incident.clocks),
                advice=self._advice(incident) if kind in TELLS_WHY and not about_us else (),
            )
        )

    def _advice(self, incident: Incident) -> tuple[str, ...]:
        facts = self._facts(incident)
        return advice_for((*facts.risks, *facts.issues), self.chart_of(incident).written.advice)

    def _key(self, incident: Incident, kind: DecisionKind) -> str:
        """The key of the incident's next decision."""
        return f"{incident.id}/{incident.number + 1}/{kind}"

    def _facts(self, incident: Incident) -> Facts:
        return msgspec.structs.replace(
            incident.facts or self.scene.facts,
            scenario=incident.scenario,
            severity=incident.severity,
            minutes_open=(self.at_ms - incident.opened_ms) // MINUTE_MS,
            acknowledged=incident.is_answered,
            answers=incident.replies,
        )

    def _chart_of(self, walk: Walk) -> Chart:
        return self.chart if walk.chart == self.chart.digest else self._charts(walk.chart)

    def _named(self, incident_id: str) -> Incident | None:
        for incident in (self.book.incident, self.book.blind):
            if incident is not None and incident.id == incident_id:
                return incident
        return None


def due_ms(book: Casebook, at_ms: int) -> int | None:
    """When the casebook wants to be looked at again although nothing came in."""
    times = []
    for incident in (book.incident, book.blind):
        if incident is None or not incident.is_open:
            continue
        times += [clock.due_ms for clock in incident.clocks if clock.due_ms]
        times += [incident.expires_ms] if incident.expires_ms else []
        times += [incident.hush.until_ms] if incident.hush is not None and incident.hush.until_ms else []
        if incident.scenario != BLIND:
            times.append(at_ms - at_ms % LOOK_EVERY_MS + LOOK_EVERY_MS)
        if incident.hush is None and incident.walk is not None and not incident.walk.done and incident.walk.due_ms:
            times.append(incident.walk.due_ms)
    if book.deaf is not None and book.deaf.until_ms > at_ms:
        times.append(book.deaf.until_ms)
    return min(times) if times else None


def _sources_out(feed: Signal) -> int:
    return int(feed.evidence.get("sources_out", 1))


def _spoken_ms(incident: Incident) -> int:
    """When the last word was said about it, aloud or on the card."""
    return max(incident.told_ms, incident.updated_ms)


def _everybody(incident: Incident) -> tuple[str, ...]:
    """Whoever was told of an incident hears that it is over."""
    return tuple(dict.fromkeys((*incident.paged, *incident.told_targets)))
