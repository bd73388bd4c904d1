"""A row of the outbox: one page, its id, and where it stands."""

import hashlib
from typing import Literal

import msgspec

from alerting.delivery.ways import RowKind
from alerting.facts import SEVERITIES
from stream.codec import canonical

State = Literal["planned", "sending", "sent", "not_sent", "unknown", "failed", "cancelled"]
LONGEST_WAIT_MS = 120_000
"""Nothing that failed is put off for longer: what seems to be was put off by a clock that has gone back since."""
UNSETTLED = ("planned", "sending", "not_sent", "unknown")


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One page, and where it stands."""

    page_id: str
    brand: str
    incident: str
    key: str
    """Of the decision that asked for it."""
    way: str
    to: str
    lane: str = ""
    """Where the order is kept: the channel it goes to. The same as `to`, but for lines of a thread."""
    kind: RowKind
    severity: str = "low"
    wakes: bool = False
    """Cancelled by an acknowledgement."""
    called: bool = False
    """Its people are called in besides, by whoever has the incident: cancelled by its end alone."""
    aloud: bool = False
    responders: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    """Ids of people and groups to be named, from configuration."""
    line: str = ""
    said: str = ""
    """Digest of what a person wrote and the line quotes: the words are fetched when it is sent, and not kept here."""
    state: State = "planned"
    attempt: int = 0
    due_ms: int = 0
    started_ms: int = 0
    """When the last attempt began."""
    channel: str = ""
    ts: str = ""
    detail: str = ""
    wanted_ms: int = 0
    """When it was due first, whatever held it up since."""
    after_ms: int = 0
    """How long after the decision it was to go out (0: at once): a way that comes later."""
    instead_of: str = ""
    """The page whose people this one reaches by another way."""
    given_up: bool = False
    """The core was told that nobody is reached by it, although it is still tried."""
    told_in: str = ""
    """The page that tells what this one would have told."""
    folded: tuple[str, ...] = ()
    """The lines that this one message tells, of those that were held up."""
    seq: int = 0

    @property
    def reaches(self) -> bool:
        """Whether somebody must be reached by it, by another way if need be."""
        return self.wakes or self.called

    def tells_otherwise(self, other: "OutboxRow") -> bool:
        """Whether it tells people by another way what the other page tells: in its stead, or at the same time."""
        beside = self.kind == "page" and self.key == other.key and self.way != other.way
        return beside or self.instead_of == other.page_id

    def is_later(self, now_ms: int) -> bool:
        """Whether its way comes after a delay that is not over."""
        return self.state == "planned" and self.after_ms > 0 and now_ms < self.wanted_ms <= now_ms + self.after_ms


def page_id(key: str, way: str, to: str) -> str:
    """The id of a page: the same decision, way and address give the same one.

    >>> page_id("acme-1/2/Page", "slack", "C1") == page_id("acme-1/2/Page", "slack", "C1")
    True
    >>> len(page_id("acme-1/2/Page", "slack", "C1"))
    16
    """
    return hashlib.sha256(canonical([key, way, to])).hexdigest()[:16]


def rank_of(severity: str) -> int:
    """Where a severity stands among all; one that is not known is the lowest."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0
