"""Which records of the topic `deliveries` count: those of whoever took over last, each once, in their order. Pure.

Nothing stops a worker that was paused, or a request that was on its way, from writing late. So each record says who
wrote it and as which of theirs, and a reader drops what is not the leader's or not newer than what it has. What such a
record stood for is kept in mind (`spoiled`): a compaction would keep it and drop the true one, so the leader writes
that one again.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from stream.codec import canonical

TOOK = "took/"
"""What the key of a takeover begins with. None is ever compacted away: each has a key of its own."""
BEAT = "beat"
"""The key of a record that says nothing, but that its writer leads still."""
_BY, _NUMBER = "by", "n"


class Took(msgspec.Struct, frozen=True):
    """From here on this incarnation leads, and nobody else."""

    incarnation: str
    at_ms: int


class Written(NamedTuple):
    """A record of the topic as it was read."""

    key: str
    value: bytes | None
    by: str
    number: int
    """Which of its writer's it is, from 0, which is the takeover."""


def signed(by: str, number: int) -> list[tuple[str, bytes]]:
    """The headers that say who wrote a record, and as which of theirs.

    >>> signature(signed("a1", 7))
    ('a1', 7)
    """
    return [(_BY, by.encode()), (_NUMBER, str(number).encode())]


def signature(headers: Iterable[tuple[str, bytes]]) -> tuple[str, int]:
    """The inverse; nobody and -1 where there is none."""
    by, number = "", -1
    for name, value in headers:
        if name == _BY:
            by = value.decode("ascii", "replace")
        elif name == _NUMBER and value.isdigit():
            number = int(value)
    return by, number


def takeover(incarnation: str, at_ms: int) -> tuple[str, bytes]:
    """Key and value of the record by which somebody takes over."""
    return f"{TOOK}{incarnation}", canonical(Took(incarnation, at_ms))


class Ledger:
    """Follows the topic, and says of each record whether it counts.

    >>> ledger = Ledger()
    >>> key, value = takeover("b", 0)
    >>> [ledger.counts(Written(*one)) for one in (
    ...     ("took/a", b"{}", "a", 0), ("page/1", b"[]", "a", 1), (key, value, "b", 0),
    ...     ("page/1", b"[]", "b", 1), ("page/1", b"[]", "a", 2), ("page/2", b"[]", "b", 1))]
    [False, True, False, True, False, False]
    >>> ledger.leader, ledger.to_heal(), ledger.spoiled
    ('b', ['page/1', 'page/2'], False)
    """

    def __init__(self) -> None:
        self.leader = ""
        """Who took over last."""
        self.number = -1
        """The last of the leader's records that was read."""
        self.takeovers = 0
        self.refused = 0
        """Records that did not count: late ones, of before a takeover or of before a request was made again."""
        self._leaders: set[str] = set()
        self._spoiled: dict[str, None] = {}

    @property
    def spoiled(self) -> bool:
        """Whether any key's last record in the topic does not count."""
        return bool(self._spoiled)

    def to_heal(self) -> list[str]:
        """The keys that are spoiled, once: whoever leads and asks writes what they stand for again."""
        found, self._spoiled = list(self._spoiled), {}
        return found

    def counts(self, one: Written) -> bool:
        """Whether this row is to be taken in."""
        if one.key.startswith(TOOK):
            self._take_over(one.key.removeprefix(TOOK))
            return False
        if one.by != self.leader or one.number <= self.number:
            self.refused += 1
            if one.key != BEAT:
                self._spoiled[one.key] = None
            return False
        self.number = one.number
        self._spoiled.pop(one.key, None)
        return one.key != BEAT

    def _take_over(self, incarnation: str) -> None:
        """A takeover that is read again is the same one: its request was made twice."""
        if incarnation in self._leaders:
            return
        self._leaders.add(incarnation)
        self.leader, self.number = incarnation, 0
        self.takeovers += 1
