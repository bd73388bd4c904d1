"""What was taken in once and must not be again, kept over a restart for as long as it could come back. EDGE."""

import asyncio
import hashlib
import threading
from pathlib import Path
from typing import Literal

from stream.sources.store import open_store, transaction

VERSION = 1
SEEN_FOR_MS = 600_000
"""Twice as long as a signature of Slack's is believed."""
Kind = Literal["signature", "act"]
"""Each kind has a clock of its own: signatures carry the time of whoever signed, acts have ours."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    kind TEXT NOT NULL, name BLOB NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_until ON seen (kind, until_ms);
"""


class Seen:
    """Signatures and ids that were seen, in one SQLite file, or in memory for `None`; only their digests are kept.

    Raises `StoreError` if the file cannot be used or written.

    >>> seen = Seen(None)
    >>> [seen.first("act", "a", now_ms, now_ms + 10) for now_ms in (0, 9, 10)]
    [True, False, True]
    """

    def __init__(self, path: Path | None) -> None:
        self._db = open_store(path, _SCHEMA, version=VERSION)
        self._one = threading.Lock()

    def first(self, kind: Kind, name: str, now_ms: int, until_ms: int) -> bool:
        """Whether this is seen for the first time; if so, it is remembered until then, durably when this returns."""
        key = hashlib.sha256(name.encode("utf-8", "replace")).digest()
        with self._one, transaction(self._db, "seen.first"):
            self._db.execute("DELETE FROM seen WHERE kind = ? AND until_ms <= ?", (kind, now_ms))
            added = self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (kind, key, until_ms))
            return added.rowcount == 1

    async def is_new(self, kind: Kind, name: str, now_ms: int, until_ms: int) -> bool:
        """`first`, in a thread of its own: the disk may be slow, and others are served meanwhile."""
        return await asyncio.to_thread(self.first, kind, name, now_ms, until_ms)

    def close(self) -> None:
        """Close the file."""
        with self._one:
            self._db.close()
