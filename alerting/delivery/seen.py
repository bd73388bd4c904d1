"""What was taken in once and must not be again, kept over a restart for as long as it could come back. EDGE."""

import asyncio
import hashlib
import threading
from pathlib import Path

from stream.sources.store import open_store, transaction

VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (name BLOB PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_until ON seen (until_ms);
"""


class Seen:
    """Signatures and ids that were seen, in one SQLite file, or in memory for `None`; only their digests are kept.

    Raises `StoreError` if the file cannot be used or written.

    >>> seen = Seen(None)
    >>> seen.first("a", 0, 10), seen.first("a", 9, 20), seen.first("a", 10, 20)
    (True, False, True)
    """

    def __init__(self, path: Path | None) -> None:
        self._db = open_store(path, _SCHEMA, version=VERSION)
        self._one = threading.Lock()

    def first(self, name: str, now_ms: int, until_ms: int) -> bool:
        """Whether this is seen for the first time; if so, it is remembered until then, durably when this returns."""
        key = hashlib.sha256(name.encode("utf-8", "replace")).digest()
        with self._one, transaction(self._db, "seen.first"):
            self._db.execute("DELETE FROM seen WHERE until_ms <= ?", (now_ms,))
            return self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, until_ms)).rowcount == 1

    async def is_new(self, name: str, now_ms: int, until_ms: int) -> bool:
        """`first`, in a thread of its own: the disk may be slow, and others are served meanwhile."""
        return await asyncio.to_thread(self.first, name, now_ms, until_ms)

    def close(self) -> None:
        """Close the file."""
        with self._one:
            self._db.close()
