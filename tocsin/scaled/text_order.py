"""Which of two records of the topic `texts` is the older, whatever the order in which they came. Pure.

A worker that stood still may write a text when its successor has written that it is gone. So each record says how far
its input partition had been read: what was written with less of it read is the older.
"""

from collections.abc import Iterable
from typing import NamedTuple

READ = "read"
KNOWN = 200_000
"""Names that are remembered, of tombstones and of texts each: a worker that stands still is replaced in a minute."""
_LONGEST = 40
PURGE = ("kind", b"purge")
"""The header of what says that an author is gone; its value is what stands for them (`Names.voice`)."""


class Read(NamedTuple):
    """How far an input partition had been read: the offset of the last record."""

    partition: int
    """Number of the input partition (`Layout.input_of`)."""
    offset: int

    def header(self) -> tuple[str, bytes]:
        """As it travels.

        >>> read_of([Read(3, 105).header()])
        Read(partition=3, offset=105)
        """
        return READ, b"%d:%d" % self


def read_of(headers: Iterable[tuple[str, bytes]]) -> Read | None:
    """What the headers say; `None` where they say nothing, or nothing that is ours.

    >>> read_of([("read", b"oops")])
    """
    for name, value in headers:
        partition, _, offset = value.partition(b":")
        if name == READ and len(value) <= _LONGEST and partition.isdigit() and offset.isdigit():
            return Read(int(partition), int(offset))
    return None


class TextOrder:
    """Remembers the newest that was said of each name, up to `most` tombstones and as many texts.

    >>> order = TextOrder()
    >>> order.buried("n1", Read(0, 7))
    >>> order.is_late("n1", Read(0, 5)), order.is_late("n1", Read(0, 9)), order.is_late("n1", None)
    (True, False, False)
    """

    def __init__(self, most: int = KNOWN) -> None:
        self._most = most
        self._gone: dict[str, Read] = {}
        self._written: dict[str, Read] = {}

    def buried(self, name: str, read: Read | None) -> None:
        """A tombstone was read. It holds whatever was known: what is gone from one log is gone."""
        if read is not None:
            self._keep(self._gone, name, read)

    def written(self, name: str, read: Read | None) -> None:
        """A text was read and taken."""
        if read is not None:
            self._keep(self._written, name, read)

    def is_late(self, name: str, read: Read | None) -> bool:
        """Whether a text is older than a tombstone or a text that is known."""
        return self.grave(name, read) is not None or _older(read, self._written.get(name))

    def grave(self, name: str, read: Read | None) -> Read | None:
        """The tombstone that a text is older than."""
        known = self._gone.get(name)
        return known if _older(read, known) else None

    def last_written(self, name: str) -> Read | None:
        """With how much read its text was written that was taken last."""
        return self._written.get(name)

    def forget(self) -> None:
        """The topic was wiped: offsets may begin anew."""
        self._gone.clear()
        self._written.clear()

    def _keep(self, known: dict[str, Read], name: str, read: Read) -> None:
        before = known.pop(name, None)
        known[name] = before if before is not None and _older(read, before) else read
        if len(known) > self._most:
            del known[next(iter(known))]


class Purged:
    """Authors of whom everything is gone that was written before: by input partition, how far that had been read.

    >>> purged = Purged()
    >>> purged.add(b"v", Read(0, 7))
    >>> [purged.since(b"v", Read(*read)) for read in ((0, 5), (0, 7), (1, 5))]
    [Read(partition=0, offset=7), None, None]
    """

    def __init__(self, most: int = KNOWN) -> None:
        self._most = most
        self._known: dict[tuple[bytes, int], int] = {}

    def add(self, voice: bytes, read: Read) -> None:
        """A purge was read: it takes what the same input partition gave before."""
        key = (voice, read.partition)
        self._known[key] = max(read.offset, self._known.pop(key, -1))
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def since(self, voice: bytes, read: Read | None) -> Read | None:
        """The purge that a text is older than."""
        if read is None:
            return None
        offset = self._known.get((voice, read.partition), -1)
        return Read(read.partition, offset) if read.offset < offset else None

    def forget(self) -> None:
        """The topic was wiped: offsets may begin anew."""
        self._known.clear()


def _older(read: Read | None, known: Read | None) -> bool:
    return read is not None and known is not None and read.partition == known.partition and read.offset < known.offset
