"""What time alone brings to an open incident: a quiet that ends, an acknowledgement nobody acts on, a promise that
runs out. Pure; the other half of `alerting.escalation.Desk`, which takes in what happens.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from alerting.decision import DecisionKind, Reason
from alerting.facts import BLIND
from alerting.flowchart.model import Chart
from alerting.flowchart.walk import MAX_PATH, Effect, EndWalk, NotifyPeople, Step, Walk
from alerting.incident import Incident
from alerting.quiet import About, Hush, Silence, Unsilence, hush_of
from alerting.sla import Clock, Promises, Telling, clocks_for, promise_for, tightened
from stream.codec import MINUTE_MS

SILENCES_KEPT = 50
OWNER_TIMES = 4
"""Who owns an incident may be silent so many times as long as who only acknowledged it."""


class Subject(NamedTuple):
    """What an incident is about."""

    first_ms: int = 0
    """When the earliest post of it was written (0: not known)."""
    source: str = ""
    """Where most of its posts are."""
    thread: str = ""
    """The conversation that carries it; empty where many speak at once."""


class Replies:
    """What the brand says in public. Here nothing is known; whoever knows more overrides it."""

    @property
    def subject(self) -> Subject:
        """What the findings are about."""
        return Subject()

    @property
    def responded_ms(self) -> int:
        """When one of the brand's own accounts last posted (0: not as far as we know)."""
        return 0

    def replied_ms(self, thread: str, since_ms: int) -> int:
        """When one of the brand's own accounts first replied in a conversation since an instant (0: not yet)."""
        return 0


class Quieted(msgspec.Struct, omit_defaults=True):
    """The silences of a brand that hold, and those that were lifted."""

    asked: tuple[Silence, ...] = ()
    lifted: tuple[str, ...] = ()
    """Ids, so that a silence heard of twice does not come back."""


class Vigil(ABC):
    """Watches the open incidents of one brand at one grid point."""

    chart: Chart
    at_ms: int

    # ---- what the desk gives

    @property
    @abstractmethod
    def replies(self) -> Replies: ...
    @property
    @abstractmethod
    def quieted(self) -> Quieted: ...
    @abstractmethod
    def open_incidents(self) -> Iterator[Incident]: ...
    @abstractmethod
    def chart_of(self, incident: Incident) -> Chart: ...
    @abstractmethod
    def _begin(self, incident: Incident, reason: Reason) -> None: ...
    @abstractmethod
    def _walk(self, incident: Incident, walk: Walk, effects: Sequence[Effect], reason: Reason) -> None: ...
    @abstractmethod
    def _climb(self, incident: Incident, words: str, reason: Reason) -> None: ...
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
        until_ms: int = 0,
    ) -> None: ...
    @abstractmethod
    def _told(self, incident: Incident, targets: Sequence[str]) -> None: ...
    @abstractmethod
    def present(self, incident: Incident, targets: Sequence[str]) -> tuple[str, ...]: ...

    # ---- quiet

    def silence(self, asked: Silence | Unsilence) -> None:
        """Take in that a person wants quiet, or wants it no longer. The same wish twice is one."""
        known = self.quieted
        if isinstance(asked, Unsilence):
            known.asked = tuple(one for one in known.asked if one.id != asked.silence)
            known.lifted = (*known.lifted, asked.silence)[-SILENCES_KEPT:]
            return
        held = [one for one in known.asked if one.until_ms > self.at_ms]
        if asked.until_ms <= self.at_ms or asked.id in (*known.lifted, *(one.id for one in held)):
            return
        known.asked = (*held, asked)[-SILENCES_KEPT:]
        for incident in self.open_incidents():
            if incident.told_ms and asked.covers(_about(incident), self.at_ms):
                note = f"{asked.who}: {asked.reason}"
                self._decide(incident, "Update", "silenced", note=note, until_ms=asked.until_ms)

    def holds_back(self, incident: Incident, effects: Sequence[Effect], reason: Reason) -> bool:
        """Whether nobody is told now. Then the walk rests; it is begun anew when the quiet is over.

        Who asks for more people is heard in any case.
        """
        wanted = [effect for effect in effects if not isinstance(effect, EndWalk)]
        if not wanted:
            return False
        hush = self._hush(incident) if reason != "asked_by_human" else None
        incident.hush = hush
        if hush is not None:
            if incident.walk is not None:
                said = Step(wanted[0].node, self.at_ms, f"nobody is told for now: {hush.words}")
                incident.walk.path = [*incident.walk.path, said][-MAX_PATH:]
            self._tell_nobody(incident, hush, wanted[0].node)
        return hush is not None

    def look_again(self, incident: Incident) -> None:
        """Whether the quiet that holds an incident's walk back is over: then it is begun at this grid point."""
        assert incident.hush is not None
        hush = self._hush(incident)
        if hush is None:
            incident.hush = None
            self._begin(incident, "quiet_ended")
        elif hush != incident.hush:
            incident.hush = hush
            self._tell_nobody(incident, hush, "")

    def _hush(self, incident: Incident) -> Hush | None:
        others = [other.scenario for other in self.open_incidents() if other is not incident]
        beside = (*others, *incident.walked) if incident.told_ms else tuple(others)
        return hush_of(_about(incident, beside), self.quieted.asked, self.chart_of(incident).quiet, self.at_ms)

    def _tell_nobody(self, incident: Incident, hush: Hush, node: str, what: str = "") -> None:
        incident.no_page = hush.reason
        note = f"{what} ({hush.words})" if what else hush.words
        self._decide(incident, "NoPage", hush.reason, node=node, note=note, until_ms=hush.until_ms)

    # ---- acknowledgements that expire

    def acted(self, incident: Incident, at_ms: int) -> None:
        """Somebody does something about an incident: its acknowledgement holds anew from here."""
        incident.acted_ms = max(incident.acted_ms, at_ms)

    def expire(self, incident: Incident) -> None:
        """Ask the next ones if somebody acknowledged and nobody acted in time."""
        incident.expires_ms = 0
        if not incident.is_answered:
            return
        if incident.scenario != BLIND:
            self.acted(incident, min(self.replies.responded_ms, self.at_ms))
        patience_ms: int = getattr(self.chart_of(incident).written.acknowledgement_expires, incident.severity)
        if not patience_ms:
            return
        expires_ms = incident.acted_ms + patience_ms * (OWNER_TIMES if incident.owner else 1)
        if self.at_ms < expires_ms:
            incident.expires_ms = expires_ms
            return
        incident.called = True
        incident.expired_ms = self.at_ms
        words = "nobody acted on the acknowledgement"
        if incident.paged or incident.walk is None:
            self._climb(incident, words, "ack_expired")
        elif incident.told_targets:
            notice = NotifyPeople(incident.walk.node, incident.told_targets, ("slack",), words)
            self._walk(incident, incident.walk, [notice], "ack_expired")

    # ---- promises

    def promise(self, incident: Incident) -> None:
        """Start the clocks of an incident that opened or flared up."""
        subject = self.replies.subject
        incident.thread = subject.thread
        incident.source = subject.source
        incident.clocks = self._clocks(incident, min(subject.first_ms or self.at_ms, self.at_ms))

    def tighten(self, incident: Incident) -> None:
        """An incident got worse: what is promised about a worse one holds, from the same post on."""
        if not incident.clocks:
            self.promise(incident)
            return
        from_ms = min(clock.from_ms for clock in incident.clocks)
        incident.clocks = tightened(incident.clocks, self._clocks(incident, from_ms))

    def _clocks(self, incident: Incident, from_ms: int) -> list[Clock]:
        promises = self.chart_of(incident).promises
        if promises is None or incident.scenario == BLIND:
            return []
        promise = promise_for(promises, incident.brand, incident.source, incident.severity)
        return clocks_for(promises, promise, from_ms) if promise is not None else []

    def solved(self, incident: Incident, reason: Reason) -> None:
        """An incident is over: resolved is a promise kept, and a false alarm never was one."""
        if reason == "false_alarm":
            incident.clocks = []
        for clock in incident.clocks:
            if reason == "resolved" and not clock.kept_ms:
                clock.kept_ms = self.at_ms

    def watch_clocks(self, incident: Incident) -> None:
        """Stop the clocks of what was answered, and tell of those that turned orange or red."""
        promises = self.chart_of(incident).promises
        for clock in incident.clocks:
            if clock.promised == "first_response" and not clock.kept_ms:
                clock.kept_ms = self._answered_ms(incident, clock)
            colour = clock.colour_at(self.at_ms)
            if promises is None or clock.kept_ms or colour == clock.colour:
                continue
            hush = self._hush(incident)
            if hush is None:
                clock.colour, clock.held, clock.looks_ms = colour, "", 0
                self._tell_of(incident, clock, promises)
                continue
            if clock.held != colour:
                self._tell_nobody(incident, hush, "", promise_text(clock, self.at_ms))
            clock.held, clock.looks_ms = colour, hush.until_ms

    def _answered_ms(self, incident: Incident, clock: Clock) -> int:
        if incident.thread:
            return self.replies.replied_ms(incident.thread, clock.from_ms)
        responded_ms = self.replies.responded_ms
        return responded_ms if responded_ms >= incident.opened_ms else 0

    def _tell_of(self, incident: Incident, clock: Clock, promises: Promises) -> None:
        """Page whom the chart names; once somebody has it, they and the owner are told instead."""
        telling = (promises.broken or promises.at_risk) if clock.colour == "red" else promises.at_risk
        telling = telling or Telling.model_construct(notify=_by_default(incident))
        targets = tuple(dict.fromkeys((*([incident.owner] if incident.owner else ()), *telling.page, *telling.notify)))
        if not targets:
            return
        targets = self.present(incident, targets)
        woken = bool(telling.page) and not incident.is_answered
        reason: Reason = "promise_broken" if clock.colour == "red" else "promise_at_risk"
        note = promise_text(clock, self.at_ms)
        self._decide(incident, "Page" if woken else "Notify", reason, targets=targets, by=("slack",), note=note)
        if woken:
            incident.paged = tuple(dict.fromkeys((*incident.paged, *targets)))
        self._told(incident, tuple(dict.fromkeys((*incident.told_targets, *targets))))


def promise_text(clock: Clock, at_ms: int) -> str:
    """How a promise stands, in words.

    >>> promise_text(Clock("first_response", 0, 48 * 60_000, 60 * 60_000), 50 * 60_000)
    'first response is due in 10 min'
    """
    what = "first response" if clock.promised == "first_response" else "a solution"
    minutes = abs(clock.red_ms - at_ms) // MINUTE_MS
    span = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    if clock.kept_ms:
        return f"{what} was given" + (", and too late" if clock.kept_ms >= clock.red_ms else "")
    return f"{what} is due in {span}" if at_ms < clock.red_ms else f"{what} is {span} too late"


def _about(incident: Incident, beside: tuple[str, ...] = ()) -> About:
    return About(incident.id, incident.scenario, incident.severity, beside)


def _by_default(incident: Incident) -> tuple[str, ...]:
    return () if incident.owner else incident.told_targets or incident.paged
