"""What a person sees of an incident: everything a card shows, and how each decision and answer changes it. Pure."""

from typing import Literal

import msgspec

from alerting.asks import Asks, asks_after
from alerting.decision import Decision, Reason
from alerting.explain import Explanation
from alerting.facts import Facts
from alerting.sla import Clock
from detectors.detector import Signal

Status = Literal["open", "acknowledged", "contained", "closed", "reviewed"]

WAKES = ("Page", "Escalate")
"""Decisions that wake somebody; a `Notify` tells, and may still go out when the incident is in somebody's hands."""
TELLS = ("Page", "Escalate", "Notify")


class ShownPost(msgspec.Struct, frozen=True, omit_defaults=True):
    """A post as quoted on a card. Every field but `followers` and `created_ms` is hostile."""

    text: str
    author: str = ""
    url: str = ""
    source: str = ""
    followers: int | None = None
    created_ms: int = 0


class Paged(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who was told, and whether they answered."""

    who: str
    at_ms: int
    acked: bool = False
    failed: bool = False
    """No way to them worked."""


class NextRung(msgspec.Struct, frozen=True):
    """Who is paged, and when, if nobody acknowledges before."""

    who: tuple[str, ...]
    at_ms: int


class IncidentView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One incident as it is shown. `exemplars` (names of posts) is what is kept; `posts` and `explanation` come from
    the erasable text store just before it is shown.
    """

    brand: str
    incident: str
    scenario: str
    severity: str
    status: Status = "open"
    reason: Reason = "signals"
    """Why somebody was last told, or why it ended."""
    why: str = ""
    """The rows of the assessment that decided, in words."""
    say: str = ""
    """What the flowchart says is to be done now: the words of the node that told somebody last."""
    opened_ms: int
    updated_ms: int = 0
    facts: Facts = Facts()
    signals: tuple[Signal, ...] = ()
    since_ms: int = 0
    """When the first of its findings began."""
    found_ms: int = 0
    """When the detectors last had something to say about it."""
    explanation: Explanation = Explanation()
    history: tuple[int, ...] = ()
    """Posts per 5 minutes, oldest first."""
    expected: int = 0
    """Posts to be expected in 60 minutes."""
    exemplars: tuple[str, ...] = ()
    posts: tuple[ShownPost, ...] = ()
    path: tuple[str, ...] = ()
    paged: tuple[Paged, ...] = ()
    next: NextRung | None = None
    acked_by: str = ""
    owner: str = ""
    data_late_s: int = 0
    timezone: str = "UTC"
    drill: bool = False
    promises: tuple[Clock, ...] = ()
    """The clocks of what was promised to the public."""
    advice: tuple[str, ...] = ()
    """What the flowchart advises about such complaints."""
    asks: Asks = Asks()
    """What the flowchart asks of people now."""
    pictured: str = ""
    """The severity at which a picture was last put into its thread."""

    @property
    def over(self) -> bool:
        """Closed or reviewed: there is nothing left to press."""
        return self.status in ("closed", "reviewed")


def grown(before: IncidentView | None, decision: Decision, say: str = "") -> IncidentView:
    """The view after a decision, of which the flowchart says `say`. The same decision twice gives the same view.

    >>> opened = Decision(key="a-0/1/OpenIncident", at_ms=5, brand="a", kind="OpenIncident", incident="a-0",
    ...                   scenario="backlash", severity="high", reason="signals")
    >>> grown(None, opened).status
    'open'
    """
    view = before or IncidentView(
        brand=decision.brand,
        incident=decision.incident,
        scenario=decision.scenario,
        severity=decision.severity,
        opened_ms=decision.at_ms,
    )
    if decision.kind == "OpenIncident" and view.over:  # it flared up: nobody has this one yet
        view = msgspec.structs.replace(
            view, status="open", acked_by="", owner="", paged=(), next=None, since_ms=0, say=""
        )
    view = msgspec.structs.replace(
        view,
        scenario=decision.scenario,
        severity=decision.severity,
        updated_ms=max(view.updated_ms, decision.at_ms),
        facts=decision.facts or view.facts,
        expected=decision.facts.expected if decision.facts else view.expected,
        signals=decision.signals or view.signals,
        since_ms=view.since_ms or min((s.since_ms for s in decision.signals if s.kind != "feed"), default=0),
        found_ms=max(view.found_ms, decision.at_ms) if decision.signals else view.found_ms,
        history=decision.history or view.history,
        exemplars=decision.exemplars or view.exemplars,
        path=decision.path or view.path,
        say=say or view.say,
        promises=decision.promises,
        advice=decision.advice or view.advice,
        asks=asks_after(view.asks, decision),
    )
    if decision.reason == "ack_expired" and not view.over:
        view = msgspec.structs.replace(view, status="open", acked_by="")
    return _told(view, decision)


def _told(view: IncidentView, decision: Decision) -> IncidentView:
    """What the kind of a decision changes: who was told, who is next, where it stands."""
    kind, replace = decision.kind, msgspec.structs.replace
    if kind == "OpenIncident":
        return replace(view, reason=decision.reason, why=decision.note or view.why)
    if kind in TELLS:
        view = replace(view, reason=decision.reason, why=view.why if decision.action else decision.note or view.why)
        if kind in WAKES and decision.action == "mobilise":  # called in besides: who is next stays
            told = tuple(Paged(who, decision.at_ms) for who in decision.targets)
            view = replace(view, paged=(*view.paged, *(one for one in told if one not in view.paged)))
        elif kind in WAKES:
            told = tuple(Paged(who, decision.at_ms) for who in decision.targets)
            view = replace(
                view, paged=(*view.paged, *(one for one in told if one not in view.paged)), next=_next(decision)
            )
        return view
    if kind == "StandDown":
        return replace(view, status="closed", reason=decision.reason, next=None)
    if decision.reason in ("acknowledged", "owned") and not view.over:
        return answered(view, "own" if decision.reason == "owned" else "acknowledge", decision.note)
    return view


def _next(decision: Decision) -> NextRung | None:
    if not decision.ack_by_ms or not decision.next_targets:
        return None
    return NextRung(decision.next_targets, decision.ack_by_ms)


def answered(view: IncidentView, answer: str, who: str) -> IncidentView:
    """The view after a human's act, at once, before the core learns of it. Who acknowledged first stays.

    >>> v = IncidentView(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> answered(answered(v, "acknowledge", "ana"), "acknowledge", "bram").acked_by
    'ana'
    """
    if view.over or answer not in ("acknowledge", "own", "false_alarm", "resolve"):
        return view
    replace = msgspec.structs.replace
    paged = tuple(replace(one, acked=True) if one.who == who else one for one in view.paged)
    view = replace(view, acked_by=view.acked_by or who, paged=paged, next=None)
    if answer == "own":
        view = replace(view, owner=who)
    if answer in ("false_alarm", "resolve"):
        return replace(view, status="closed", reason="false_alarm" if answer == "false_alarm" else "resolved")
    return replace(view, status="acknowledged") if view.status == "open" else view


def unreached(view: IncidentView, who: tuple[str, ...]) -> IncidentView:
    """The view after no way to these people worked."""
    paged = tuple(msgspec.structs.replace(one, failed=True) if one.who in who else one for one in view.paged)
    return msgspec.structs.replace(view, paged=paged)
