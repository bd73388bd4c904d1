"""Decisions: what the core wants done, each with a reason from a closed list."""

from typing import Any, Literal

import msgspec

from alerting.facts import Facts
from alerting.sla import Clock
from detectors.detector import Signal
from stream.codec import rfc3339

DecisionKind = Literal["OpenIncident", "Page", "Notify", "Escalate", "Update", "StandDown", "NoPage"]

Reason = Literal[
    # why somebody is told
    "flowchart",  # the walk reached a node that pages or notifies
    "not_acknowledged",  # nobody acknowledged in time: the next rung
    "asked_by_human",  # somebody pressed Escalate
    "severity_rose",
    "flared_up",  # it came back within 24 hours
    "still_going",  # it goes on, and nobody was told anything for half an hour
    "source_silent",
    "source_lagging",
    "source_capped",
    "delivery_failed",  # no way to this responder works: the next rung at once
    "quiet_ended",  # what was held back is still going on when the quiet is over
    "ack_expired",  # somebody acknowledged, and nobody acted in time: the next rung
    "promise_at_risk",  # four fifths of the time in which we promised to respond or to solve have gone
    "promise_broken",
    "set_by_human",  # a person set the severity
    "escalated",  # the flowchart goes on to the next rung, whoever acknowledged before
    "nobody_on_call",  # the step before had nobody: skipped at once
    # why an incident opens or changes
    "signals",
    "severity_fell",
    "acknowledged",
    "owned",
    "acknowledged_in_part",  # one of those who must all acknowledge has
    "answered",  # a person answered what the flowchart asked
    "approved",  # a person approved a statement: it may be copied
    "drafted",  # a person changed the words of a statement that waits for approval
    "noted",  # a person wrote a note
    # why it ends
    "calm",
    "source_back",
    "false_alarm",
    "resolved",
    "new_normal",  # a day at the new level: the baseline may learn it
    "mode_changed",  # the brand went live or into the shadow: what goes on is opened anew there
    # why nobody is paged
    "below_severity",  # the flowchart asks for nobody at this severity
    "already_acknowledged",
    "planned_event",  # more posts than usual were to be expected, and nothing else was found
    "already_paged",  # this responder was paged for this incident before
    "silenced",  # a person asked for quiet
    "inhibited",  # a greater trouble covers it
    "muted",  # quiet hours at this severity
    "probe",  # our own mention came through: the way is open, and there is nobody to tell
]


Action = Literal["", "ask", "open_channel", "mobilise", "brief", "statement", "approved"]


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a step of the flowchart puts on the card: a question with its buttons, or a statement."""

    node: str
    words: str = ""
    """The question; a statement's name; a channel's name."""
    choices: tuple[str, ...] = ()
    """A button for each."""
    texts: tuple[tuple[str, str], ...] = ()
    """Language and text of a statement."""
    may: tuple[str, ...] = ()
    """Responders who may answer or approve."""
    authors: tuple[str, ...] = ()
    """Responders who may not approve, for it is theirs."""
    by_ms: int = 0
    """When nobody is waited for any longer."""
    writers: tuple[str, ...] = ()
    """Responders who may change a statement's words."""
    approvers: tuple[str, ...] = ()
    """Responders who may approve a statement unless the words are theirs."""
    said: str = ""
    """Digest of a statement's words where a person changed them; then `texts` has the languages alone."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing decided at a grid point. Its `key` is derived, so a repeat after a crash is recognised."""

    key: str
    """`incident/number/kind`: numbers count within an incident."""
    at_ms: int
    brand: str
    kind: DecisionKind
    incident: str
    scenario: str
    severity: str
    reason: Reason
    targets: tuple[str, ...] = ()
    """Responders or roles of the flowchart."""
    by: tuple[str, ...] = ()
    """Ways to reach them, in order."""
    node: str = ""
    """The flowchart's node that asked for it."""
    rung: int = 0
    """0 for the first page of an incident, 1 for the next, ..."""
    ack_by_ms: int = 0
    """When the next rung is due if nobody acknowledges (0: never)."""
    next_targets: tuple[str, ...] = ()
    """Who is next if nobody acknowledges."""
    signals: tuple[Signal, ...] = ()
    facts: Facts | None = None
    exemplars: tuple[str, ...] = ()
    """Names of the posts to show."""
    history: tuple[int, ...] = ()
    """Posts per 5 minutes over the last 90 minutes, oldest first: the card's small chart."""
    path: tuple[str, ...] = ()
    """The walked path of the flowchart, each step in words with its margin."""
    note: str = ""
    action: Action = ""
    """What a `Page`, `Notify` or `Update` asks for beyond telling people."""
    asked: Asked | None = None
    awaits: tuple[str, ...] = ()
    """Responders who must all acknowledge this page (empty: anyone will do)."""
    until_ms: int = 0
    """When what was held back is looked at again at the latest (0: it was not, or that cannot be said)."""
    promises: tuple[Clock, ...] = ()
    """The clocks of what we promised the public."""
    advice: tuple[str, ...] = ()
    """What the flowchart advises about such complaints."""
    said: str = ""
    """Digest of what a person wrote; the words are in the erasable text store."""
    shadow: bool = False
    """Decided in the shadow: shown and kept, and told to nobody."""


def decision_line(decision: Decision) -> dict[str, Any]:
    """A decision as a line of a decision file: the contract of `tocsin replay --decisions`."""
    return {
        "at": rfc3339(decision.at_ms),
        "brand": decision.brand,
        "kind": decision.kind,
        "incident": decision.incident,
        "scenario": decision.scenario,
        "severity": decision.severity,
        "reason": decision.reason,
        "targets": list(decision.targets),
        "signals": [
            {
                "kind": s.kind,
                "score": s.score,
                "page": s.page,
                "observed": s.observed,
                "expected": s.expected,
                "since": rfc3339(s.since_ms),
                "window_minutes": s.window_ms // 60_000,
                "evidence": s.evidence,
            }
            for s in decision.signals
        ],
        "key": decision.key,
        "node": decision.node,
        "rung": decision.rung,
    }
