"""An incident: one story of trouble about one brand, from the first signal to the review.

    open -> acknowledged -> contained -> closed -> reviewed
      \\________________________________/   (a close may come at any time before)
    closed -> open                          (what flares up again within 24 h reopens under its id)

Anything else is an `IllegalMove`.
"""

from typing import Literal

import msgspec

from alerting.decision import Asked
from alerting.facts import Facts, rank
from alerting.flowchart.walk import Walk
from alerting.quiet import Hush
from alerting.sla import Clock

__all__ = ["MOVES", "REOPENS_WITHIN_MS", "IllegalMove", "Incident", "Status", "rank"]

Status = Literal["open", "acknowledged", "contained", "closed", "reviewed"]

MOVES: dict[Status, tuple[Status, ...]] = {
    "open": ("acknowledged", "contained", "closed"),
    "acknowledged": ("contained", "closed"),
    "contained": ("acknowledged", "closed"),
    "closed": ("reviewed", "open"),
    "reviewed": (),
}

REOPENS_WITHIN_MS = 24 * 3_600_000


class IllegalMove(ValueError):  # noqa: N818 - the name of what was tried
    """An incident was asked to make a move that its life cycle does not have."""


class Incident(msgspec.Struct, omit_defaults=True):
    """Where one incident stands. Belongs to the core: changed at grid points only."""

    id: str
    brand: str
    scenario: str
    severity: str
    opened_ms: int
    status: Status = "open"
    closed_ms: int = 0
    closed_because: str = ""
    walk: Walk | None = None
    number: int = 0
    """Decisions taken so far: the next one's number in its key."""
    told_ms: int = 0
    """When a person was last told anything (0: never)."""
    told_targets: tuple[str, ...] = ()
    updated_ms: int = 0
    paged: tuple[str, ...] = ()
    """Whom this incident has paged, in order."""
    signal_ms: int = 0
    """When a signal was last seen."""
    peak: str = ""
    """The highest severity at which people were told since it opened."""
    peak_ms: int = 0
    """When the signals last justified that."""
    level_ms: int = 0
    """When the signals last justified the present severity."""
    acknowledged_by: str = ""
    owner: str = ""
    answers: tuple[str, ...] = ()
    """Ids of the answers taken in, so that the same click counts once."""
    called: bool = False
    """Somebody pressed Escalate and nobody acknowledged since: an acknowledgement before that no longer counts."""
    page_key: str = ""
    """Key of the page that is waited for (empty: none, or it was climbed already)."""
    facts: Facts | None = None
    no_page: str = ""
    """The last reason for paging nobody: told once, not every five seconds."""
    reopened: int = 0
    floor: str = ""
    """The severity that a person set: it does not fall below that until it closes."""
    acted_ms: int = 0
    """When somebody last did something about it."""
    expires_ms: int = 0
    """When its acknowledgement expires (0: it has none, or never)."""
    expired_ms: int = 0
    """When an acknowledgement last expired: what was answered before that says nothing any more."""
    hush: Hush | None = None
    """Why its walk rests: nobody is told now."""
    walked: tuple[str, ...] = ()
    """The scenarios it was walked as since it opened."""
    thread: str = ""
    """The conversation that carries it; empty where many speak at once."""
    source: str = ""
    """Where most of its posts are."""
    asked: Asked | None = None
    """The question or statement that waits for a person."""
    replies: dict[str, str] = {}
    """Answers given to the flowchart's questions, by the name of the node that asked."""
    clocks: list[Clock] = []
    """What was promised about it."""

    def move(self, status: Status) -> None:
        """Go to another status.

        >>> i = Incident(id="acme-0", brand="acme", scenario="backlash", severity="low", opened_ms=0)
        >>> i.move("acknowledged"); i.move("open")
        Traceback (most recent call last):
        ...
        alerting.incident.IllegalMove: acme-0 is acknowledged: it can become contained or closed, not open
        """
        allowed = MOVES[self.status]
        if status not in allowed:
            choices = " or ".join(allowed) or "nothing else"
            raise IllegalMove(f"{self.id} is {self.status}: it can become {choices}, not {status}")
        self.status = status

    @property
    def is_open(self) -> bool:
        """Neither closed nor reviewed."""
        return self.status in ("open", "acknowledged", "contained")

    @property
    def is_answered(self) -> bool:
        """Somebody has it, and nobody asked for more people since: nobody is paged any more."""
        return self.status in ("acknowledged", "contained") and not self.called
