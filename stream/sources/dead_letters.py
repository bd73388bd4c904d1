"""Dead letters: what came in and could not be read, with the reason, for somebody to look at later.

Bounded, so that a broken or hostile sender cannot fill the disk: the oldest letters go, the counters stay.
"""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from stream.sources.store import drop_wiped, open_store, transaction, truncate_wal, wipe

BODY_MAX = 64 << 10
"""Bytes kept of one body: enough to see what is wrong with it."""
DETAIL_MAX = 500
LETTERS_MAX = 10_000
TOTAL_MAX = 256 << 20
COUNTERS_MAX = 1_000
OTHER = "(other)"
_WRITTEN = b"\x01"
"""Before every content: a wiped one begins with a zero."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS letter (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    size INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS counter (
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (source, reason)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    first INTEGER NOT NULL,
    next INTEGER NOT NULL,
    kept INTEGER NOT NULL
);
INSERT OR IGNORE INTO head VALUES (1, 1, 1, 0);
"""


class Letter(NamedTuple):
    """One thing that could not be read."""

    source: str
    reason: str
    """One word from the closed list of whoever refused it."""
    detail: str
    """A line for a human; may quote hostile text."""
    body: bytes
    """The first 64 KiB; empty once erased."""
    at_ms: int
    size: int = 0
    """Bytes that the whole body had."""


class DeadLetters:
    """Letters in one SQLite file, or in memory (`path=None`) for a replay. Safe to use from several threads.

    Not synced one by one: a flood of bad input must not wear down the disk that good input needs. A killed process
    loses no letter; a power cut may lose the last ones.

    >>> dead = DeadLetters(None)
    >>> dead.add("x", "not_json", "Expecting value at character 0", b"oops", 1000)
    >>> dead.counts()
    {('x', 'not_json'): 1}
    """

    def __init__(self, path: Path | None, *, letters_max: int = LETTERS_MAX, total_max: int = TOTAL_MAX) -> None:
        self._db = open_store(path, _SCHEMA, version=1, durable=False, erasable=path is not None)
        self._limits = (letters_max, total_max)
        self._one = threading.Lock()
        head = self._db.execute("SELECT first, next, kept FROM head").fetchone()
        self._first: int = head[0]
        self._next: int = head[1]
        self._kept: int = head[2]
        rows = self._db.execute("SELECT source, reason, count FROM counter ORDER BY source, reason")
        self._counts: dict[tuple[str, str], int] = {(source, reason): count for source, reason, count in rows}

    def add(self, source: str, reason: str, detail: str, body: bytes, at_ms: int) -> None:
        """Keep one letter and count it. Raises `StoreError` if the disk is full or the file locked or corrupt."""
        self.add_all([Letter(source, reason, detail, body, at_ms)])

    def add_all(self, letters: Iterable[Letter]) -> None:
        """Keep and count many letters in one transaction."""
        with self._one:
            first, following, kept = self._first, self._next, self._kept
            counts: dict[tuple[str, str], int] = {}
            with transaction(self._db, "dead.add"):
                for letter in letters:
                    kept += self._insert(following, letter)
                    following += 1
                    key = self._counter(letter, counts)
                    counts[key] = counts.get(key, self._counts.get(key, 0)) + 1
                first, kept = self._make_room(first, following, kept)
                self._db.executemany(
                    "INSERT OR REPLACE INTO counter VALUES (?, ?, ?)", ((*key, n) for key, n in counts.items())
                )
                self._db.execute("UPDATE head SET first = ?, next = ?, kept = ?", (first, following, kept))
            self._first, self._next, self._kept = first, following, kept
            self._counts |= counts

    def counts(self) -> dict[tuple[str, str], int]:
        """Letters ever added, by source and reason, sorted; also those that are gone by now."""
        with self._one:
            return dict(sorted(self._counts.items()))

    def latest(self, n: int) -> list[Letter]:
        """The last `n` letters, newest first."""
        with self._one:
            rows = self._db.execute(
                "SELECT source, reason, body, at_ms, size FROM letter WHERE number >= ? ORDER BY number DESC LIMIT ?",
                (self._first, n),
            ).fetchall()
        return [_letter(*row) for row in rows]

    def trim(self, before_ms: int) -> int:
        """Erase the oldest letters up to the first that came at or after `before_ms`. How many there were."""
        with self._one:
            row = self._db.execute(
                "SELECT number FROM letter WHERE number >= ? AND at_ms >= ? ORDER BY number LIMIT 1",
                (self._first, before_ms),
            ).fetchone()
            first = self._next if row is None else int(row[0])
            trimmed = first - self._first
            with transaction(self._db, "dead.trim"):
                kept = self._kept - self._drop(self._first, first)
                self._db.execute("UPDATE head SET first = ?, kept = ?", (first, kept))
            self._first, self._kept = first, kept
            truncate_wal(self._db)
        return trimmed

    def erase(self, needles: Iterable[bytes]) -> int:
        """Wipe every letter that holds one of `needles` (an id, a handle), in the file and its log. How many."""
        wanted = list(needles)
        found = self.find(lambda _, body: any(needle in body for needle in wanted))
        self.wipe(found)
        return len(found)

    def find(self, matches: Callable[[str, bytes], bool]) -> list[int]:
        """The numbers of the letters of which the source, and detail and body as one, match."""
        with self._one:
            query = "SELECT number, source, body FROM letter WHERE number >= ?"
            rows = self._db.execute(query, (self._first,))
            return [number for number, source, body in rows if body.startswith(_WRITTEN) and matches(source, body)]

    def wipe(self, numbers: Iterable[int]) -> None:
        """Wipe these letters, in the file and its log; that they came stays known."""
        with self._one:
            with transaction(self._db, "dead.erase"):
                wipe(self._db, "letter", "number", numbers)
            truncate_wal(self._db)

    def finish(self) -> None:
        """Take what was wiped out of the write-ahead log, should a process have died before it had. Raises
        `StoreError` if a reader holds on to the log.
        """
        with self._one:
            truncate_wal(self._db)

    def close(self) -> None:
        """Close the file."""
        with self._one:
            self._db.close()

    def _insert(self, number: int, letter: Letter) -> int:
        detail = letter.detail[:DETAIL_MAX].replace("\0", "?").encode("utf-8", "replace")
        body = _WRITTEN + detail + b"\0" + letter.body[:BODY_MAX]
        source, reason = _column(letter.source), _column(letter.reason)
        size = max(letter.size, len(letter.body))
        self._db.execute(
            "INSERT INTO letter VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, letter.at_ms, source, reason, size, len(body), body),
        )
        return len(body)

    def _counter(self, letter: Letter, new: dict[tuple[str, str], int]) -> tuple[str, str]:
        key = (_column(letter.source), _column(letter.reason))
        full = len(self._counts) + len(new) >= COUNTERS_MAX
        return (OTHER, OTHER) if full and key not in self._counts and key not in new else key

    def _make_room(self, first: int, following: int, kept: int) -> tuple[int, int]:
        letters_max, total_max = self._limits
        upto = max(first, following - letters_max)
        kept -= self._drop(first, upto)
        while kept > total_max and upto < following - 1:
            kept -= self._drop(upto, upto + 1)
            upto += 1
        return upto, kept

    def _drop(self, first: int, upto: int) -> int:
        if first >= upto:
            return 0
        query = "SELECT total(kept) FROM letter WHERE number >= ? AND number < ?"
        size = int(self._db.execute(query, (first, upto)).fetchone()[0])
        wipe(self._db, "letter", "number", range(first, upto))
        drop_wiped(self._db, "letter", "number", upto)
        return size


def _column(word: str) -> str:
    return word[:64].encode("utf-8", "replace").decode("utf-8")


def _letter(source: str, reason: str, content: bytes, at_ms: int, size: int) -> Letter:
    # Detail and body are one blob, so that wiping takes what the detail quotes along.
    if not content.startswith(_WRITTEN):
        return Letter(source, reason, "", b"", at_ms, size)
    detail, _, body = content[len(_WRITTEN) :].partition(b"\0")
    return Letter(source, reason, detail.decode("utf-8", "replace"), body, at_ms, size)
