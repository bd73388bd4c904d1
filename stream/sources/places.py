"""Where each source is to go on, what it missed, and what it has cost: one SQLite file for all of them. EDGE.

A batch's place, gaps and costs are one transaction, written after its rows. A killed process loses none of it; a power
cut may take the last places, and then those rows come a second time, under the same ids.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stream.sources.contract import Batch, Gap
from stream.sources.store import open_store, transaction

DAY_MS = 86_400_000
GAPS_KEPT = 2_000
"""Of each source, the newest."""
COSTS_KEPT_DAYS = 400

_SCHEMA = """
CREATE TABLE IF NOT EXISTS source (
    name TEXT PRIMARY KEY,
    place TEXT,
    heard_ms INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER NOT NULL DEFAULT 0,
    known_until_ms INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0,
    bad INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT '',
    since_ms INTEGER NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (
    source TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    filled INTEGER NOT NULL,
    PRIMARY KEY (source, since_ms, until_ms, reason)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cost (
    source TEXT NOT NULL,
    unit TEXT NOT NULL,
    day INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (source, unit, day)
) WITHOUT ROWID;
"""


class Standing(NamedTuple):
    """How a source stood when something of it was last kept."""

    place: str | None = None
    heard_ms: int = 0
    """When its last batch was kept that was a sign of life; 0: never."""
    due_ms: int = 0
    """When the next was due at the latest."""
    known_until_ms: int = 0
    """Up to when, by the platform's time, all was brought; 0: no telling."""
    rows: int = 0
    """Mentions ever."""
    bad: int = 0
    """Payloads and rows ever that nobody could read."""
    status: str = ""
    """As last reported to the core; empty: never."""
    since_ms: int = 0
    """Since when it has that status; without one, since when it is tried."""
    trouble: str = ""
    """What is wrong now, in words without secrets; empty: nothing."""


class Places:
    """The store. Safe to use from several threads of one process. What writes raises `StoreError` if the disk is full
    or the file locked or corrupt.

    >>> places = Places(None)
    >>> places.keep("hn", Batch(place="17", costs={"requests": 2}), rows=1, bad=0, heard_ms=5, at_ms=5)
    >>> places.standing("hn").place, places.costs("hn", since_ms=0)
    ('17', {'requests': 2})
    """

    def __init__(self, path: Path | None) -> None:
        self._db = open_store(path, _SCHEMA, version=1, durable=False)
        self._one = threading.Lock()

    def standing(self, source: str) -> Standing:
        """How a source stands; as if new where nothing is known of it."""
        with self._one:
            row = self._db.execute(
                "SELECT place, heard_ms, due_ms, known_until_ms, rows, bad, status, since_ms, trouble FROM source"
                " WHERE name = ?",
                (source,),
            ).fetchone()
        return Standing() if row is None else Standing(*row)

    def keep(
        self, source: str, batch: Batch, *, rows: int, bad: int, heard_ms: int, at_ms: int, silent_after_ms: int = 0
    ) -> None:
        """Note that a batch is kept: its place, gaps and costs, `rows` mentions of it and `bad` things unread.

        A gap that is there already only changes in whether it is filled.
        """
        with self._one, transaction(self._db, "places.keep"):
            self._db.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (source,))
            self._db.execute(
                "UPDATE source SET place = coalesce(?, place), heard_ms = ?, due_ms = ?, rows = rows + ?,"
                " bad = bad + ?, known_until_ms = coalesce(?, known_until_ms) WHERE name = ?",
                (batch.place, heard_ms, heard_ms + silent_after_ms, rows, bad, batch.known_until_ms, source),
            )
            self._note_gaps(source, batch.gaps)
            self._spend(source, batch.costs, at_ms)

    def tried(self, source: str, at_ms: int) -> None:
        """Note that a source is listened to, if it never was."""
        with self._one, transaction(self._db, "places.tried"):
            self._db.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (source,))
            self._db.execute(
                "UPDATE source SET since_ms = ? WHERE name = ? AND status = '' AND since_ms = 0", (at_ms, source)
            )

    def report(self, source: str, status: str, since_ms: int) -> None:
        """Note what the core was told of a source."""
        with self._one, transaction(self._db, "places.report"):
            self._db.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (source,))
            self._db.execute("UPDATE source SET status = ?, since_ms = ? WHERE name = ?", (status, since_ms, source))

    def troubled(self, source: str, words: str) -> None:
        """Note what is wrong with a source; empty words: nothing any more."""
        with self._one, transaction(self._db, "places.trouble"):
            self._db.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (source,))
            self._db.execute("UPDATE source SET trouble = ? WHERE name = ?", (words[:200], source))

    def gaps(self, source: str, *, since_ms: int = 0) -> list[Gap]:
        """The gaps of a source that end after `since_ms`, oldest first."""
        with self._one:
            found = self._db.execute(
                "SELECT since_ms, until_ms, reason, filled FROM gap WHERE source = ? AND until_ms > ?"
                " ORDER BY since_ms, until_ms",
                (source, since_ms),
            ).fetchall()
        return [Gap(since, until, reason, bool(filled)) for since, until, reason, filled in found]

    def costs(self, source: str, *, since_ms: int) -> dict[str, int]:
        """What a source has cost by unit since then, by whole days of UTC."""
        with self._one:
            found = self._db.execute(
                "SELECT unit, sum(amount) FROM cost WHERE source = ? AND day >= ? GROUP BY unit ORDER BY unit",
                (source, since_ms // DAY_MS),
            ).fetchall()
        return {str(unit): int(amount) for unit, amount in found}

    def spend(self, source: str, costs: Mapping[str, int], at_ms: int) -> None:
        """Note costs that belong to no batch."""
        with self._one, transaction(self._db, "places.spend"):
            self._spend(source, costs, at_ms)

    def close(self) -> None:
        """Close the file."""
        with self._one:
            self._db.close()

    def _note_gaps(self, source: str, gaps: Sequence[Gap]) -> None:
        if not gaps:
            return
        self._db.executemany(
            "INSERT INTO gap VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET filled = max(filled, excluded.filled)",
            ((source, gap.since_ms, gap.until_ms, gap.reason, int(gap.filled)) for gap in gaps),
        )
        self._db.execute(
            "DELETE FROM gap WHERE source = ? AND until_ms < (SELECT until_ms FROM gap WHERE source = ?"
            " ORDER BY until_ms DESC LIMIT 1 OFFSET ?)",
            (source, source, GAPS_KEPT - 1),
        )

    def _spend(self, source: str, costs: Mapping[str, int], at_ms: int) -> None:
        day = at_ms // DAY_MS
        self._db.executemany(
            "INSERT INTO cost VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            ((source, unit, day, amount) for unit, amount in costs.items() if amount),
        )
        if costs:
            self._db.execute("DELETE FROM cost WHERE source = ? AND day < ?", (source, day - COSTS_KEPT_DAYS))


class SourcePurse:
    """What one source has spent: the `Purse` of its surroundings.

    >>> purse = SourcePurse(Places(None), "hn", lambda: 5)
    >>> purse.spend("requests", 3)
    >>> purse.spent("requests", since_ms=0), purse.spent("posts", since_ms=0)
    (3, 0)
    """

    def __init__(self, places: Places, source: str, clock: Callable[[], int]) -> None:
        self._places = places
        self._source = source
        self._clock = clock

    def spent(self, unit: str, *, since_ms: int) -> int:
        """How much of a unit since then, by whole days of UTC."""
        return self._places.costs(self._source, since_ms=since_ms).get(unit, 0)

    def spend(self, unit: str, amount: int) -> None:
        """Note what was spent and is in no batch."""
        self._places.spend(self._source, {unit: amount}, self._clock())
