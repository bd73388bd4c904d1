"""Entries: the only thing the core eats. Everything that may change a decision is one of these events."""

from typing import Literal

import msgspec

from alerting.quiet import Silence, Unsilence
from stream.pulse import PulsePart

AnswerKind = Literal[
    "acknowledge", "own", "escalate", "false_alarm", "resolve", "severity", "reply", "approve", "note", "draft"
]
SourceStatus = Literal["ok", "silent", "lagging", "capped"]
DeliveryOutcome = Literal["sent", "failed", "missed", "unknown"]
"""`failed`: nobody of that page is reached. `missed`: one message of it failed; somebody is or may yet be reached."""


PROBE = "~probe"
"""The brand, and the source, of what Tocsin sends through itself to see that the way is open. No brand and no source of
a configuration can be called so; what bears this name is in no window, baseline, budget or count of anybody's.
Where there are many ways through a deployment, each has a name of its own below this one.
"""


def is_of_a_probe(brand: str) -> bool:
    """Whether this is the name of what no brand can be, for it is probes that bear it.

    >>> is_of_a_probe("~probe"), is_of_a_probe("~probe/3"), is_of_a_probe("~probes")
    (True, True, False)
    """
    return brand == PROBE or brand.startswith(f"{PROBE}/")


class Part(msgspec.Struct, tag="part", frozen=True, omit_defaults=True):
    """What one incarnation of intake found for one brand's minute in one grid step of one input partition."""

    partition: int
    incarnation: str
    step: int
    """Grid step of `observed_at`: `observed_ms // step_ms`."""
    brand: str
    minute_ms: int
    part: PulsePart
    live: bool = True
    chunk: int = 0
    """A part with too many keys is split; chunks have numbers."""


class Answer(msgspec.Struct, tag="answer", frozen=True, omit_defaults=True):
    """A human's act on an incident: a click, a command, a note."""

    id: str
    """Of the click itself: the same click twice is one answer."""
    brand: str
    incident: str
    answer: AnswerKind
    who: str
    """Responder's name in the flowchart, or the Slack user id of a listed one."""
    at_ms: int
    note_digest: str = ""
    """Of what they wrote; the words are in the erasable text store."""
    node: str = ""
    """With `reply`, `approve` and `draft`: the node of the flowchart that asks."""
    choice: str = ""
    """With `reply`: the answer, one of the node's. With `false_alarm`: why, one of `alerting.modals.REASONS`. With
    `approve` and `draft`: which words were seen (`alerting.drafts.about`).
    """
    severity: str = ""
    """With `severity`: how bad a person says it is, at least."""


class DeliveryReport(msgspec.Struct, tag="delivery", frozen=True, omit_defaults=True):
    """What became of a page."""

    brand: str
    incident: str
    key: str
    """Of the decision that asked for it."""
    way: str
    outcome: DeliveryOutcome
    at_ms: int
    detail: str = ""


class SourceReport(msgspec.Struct, tag="source", frozen=True, omit_defaults=True):
    """What a source says about itself, for one brand it feeds."""

    brand: str
    source: str
    status: SourceStatus
    at_ms: int
    since_ms: int = 0


class ConfigChange(msgspec.Struct, tag="config", frozen=True, omit_defaults=True):
    """From here on a brand is judged by this configuration; the content is kept by its digest."""

    brand: str
    digest: str
    at_ms: int


ControlEvent = Answer | DeliveryReport | SourceReport | ConfigChange | Silence | Unsilence


class Control(msgspec.Struct, tag="control", frozen=True, omit_defaults=True):
    """A control event in the grid step in which it became known; sealed by a mark like a part."""

    partition: int
    incarnation: str
    step: int
    brand: str
    number: int
    """Order within the step."""
    event: ControlEvent


class Mark(msgspec.Struct, tag="mark", frozen=True, omit_defaults=True):
    """Seals the steps `(from_step, upto_step]` of an input partition (DESIGN T3)."""

    partition: int
    incarnation: str
    from_step: int
    upto_step: int
    counts: dict[int, int]
    """Parts and controls per step: the mark holds once all that it names are there."""
    offset: int = 0
    """First offset of the input partition that the next step needs."""


class Tick(msgspec.Struct, tag="tick", frozen=True):
    """Time passes to `step`, whatever is missing. Written only when marks lag."""

    step: int


Event = Part | Control | Mark | Tick


class Entry(msgspec.Struct, frozen=True):
    """One line of the journal."""

    seq: int
    at_ms: int
    event: Event
