"""EDGE. What was taken back, wiped from the intake log: posts that their platform deleted, authors who are gone.

The texts go as soon as a delete is taken in; the raw record that the text came from is found later, by reading the
whole log once for all that was taken back since the last time. Where a sweep has got to is kept in the log itself, and
moves on only together with the last wipe: one that is killed half-way is done again.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stream.reading import Named, Reader
from stream.repeats import Sighting, key_of
from stream.sources.intake_log import IntakeLog, LogRecord

AT_ONCE = 2_000
MOST = 200_000
"""Ids and authors that one sweep looks for; what was taken back beyond that is for the next."""
_HINTS = (b"delete", b"purge", b"\\u")
"""One of these stands in every record that takes something back."""

Matches = Callable[[Named | None, LogRecord], bool]
"""Whether a record is to be wiped; one that is no mention has no name."""


class RawFound(NamedTuple):
    """Records that match, and what they told of: ids that were seen here."""

    offsets: list[int]
    seen: list[Sighting]


def find_raw(log: IntakeLog, matches: Matches, *, upto: int | None = None) -> RawFound:
    """The records of the log, up to one of them, that hold a body and match. Reads all of it, a little at a time."""
    offsets: list[int] = []
    seen: list[Sighting] = []
    for named, record in named_records(log, log.first_offset, log.last_offset if upto is None else upto):
        if matches(named, record):
            offsets.append(record.offset)
            if named is not None and named.kind in ("create", "update"):
                seen.append(Sighting(key_of(named.id), record.offset, record.observed_ms))
    return RawFound(offsets, seen)


def named_records(log: IntakeLog, start: int, upto: int) -> Iterator[tuple[Named | None, LogRecord]]:
    """The mentions of a stretch of the log, with whose they are; what was wiped is left out."""
    readers: dict[str, Reader] = {}
    while start <= upto and (records := log.read(start, AT_ONCE)):
        start = records[-1].offset + 1
        for record in records:
            if record.kind == "mention" and record.body and record.offset <= upto:
                reader = readers.get(record.source)
                if reader is None:
                    reader = readers[record.source] = Reader(record.source)
                yield reader.name(record.body), record


def sweep(log: IntakeLog, upto: int) -> int:
    """Wipe what was taken back by the records up to this one: the posts first, and then the records that say so, for
    they tell whose they were. Returns how many records were wiped.

    Raises `StoreError`.
    """
    gone, upto = _taken_back(log, upto)
    if upto <= log.swept():
        return 0
    if not (gone.ids or gone.voices):
        log.mark_swept(upto)
        return 0
    found = find_raw(log, gone.meant, upto=upto)
    says = set(gone.says)
    posts = [offset for offset in found.offsets if offset not in says]
    if posts:
        log.erase(posts, gone=found.seen)
    log.erase(gone.says, swept=upto)
    return len(posts) + len(gone.says)


class _Gone(NamedTuple):
    ids: dict[str, int]
    voices: dict[tuple[str, str | None], int]
    """By source and author: the last record that purges them."""
    says: list[int]

    def meant(self, named: Named | None, record: LogRecord) -> bool:
        """Whether a record is about a post that was deleted, or by an author who was purged after it."""
        if named is None:
            return False
        purged = self.voices.get((named.source, named.author))
        return named.id in self.ids or (purged is not None and record.offset <= purged)


def _taken_back(log: IntakeLog, upto: int) -> tuple[_Gone, int]:
    """What was taken back since the last sweep, and up to which record that is all."""
    gone = _Gone({}, {}, [])
    start = max(log.swept() + 1, log.first_offset)
    while start <= upto and len(gone.says) < MOST and (records := log.read(start, AT_ONCE)):
        last = min(upto, records[-1].offset)
        if any(hint in record.body for record in records for hint in _HINTS):
            for named, record in named_records(log, start, last):
                if named is not None and named.kind == "delete":
                    gone.ids[named.id] = record.offset
                    gone.says.append(record.offset)
                elif named is not None and named.kind == "purge":
                    gone.voices[named.source, named.author] = record.offset
                    gone.says.append(record.offset)
        start = last + 1
    return gone, start - 1
