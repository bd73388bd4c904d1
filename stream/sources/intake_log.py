"""The intake log: what was accepted, raw and in order, on the disk before the sender is told so.

It stamps when we knew (`observed_ms`, DESIGN T2): never going back, across restarts too. Bodies are personal
data, so they can be wiped one by one and have a retention of their own.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from stream.repeats import Sighting
from stream.sources.kinds import RecordKind
from stream.sources.signing import KEPT_MS, Seen
from stream.sources.store import StoreError, drop_wiped, open_store, transaction, truncate_wal, wipe

Item = tuple[RecordKind, str, bytes]
"""Kind, source, body."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    offset INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    observed_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    first_offset INTEGER NOT NULL,
    last_offset INTEGER NOT NULL,
    last_observed_ms INTEGER NOT NULL
);
INSERT OR IGNORE INTO head VALUES (1, 1, 0, 0);
CREATE TABLE IF NOT EXISTS seen (
    source TEXT NOT NULL,
    signature BLOB NOT NULL,
    timestamp_s INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (source, signature)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (
    key BLOB PRIMARY KEY,
    offset INTEGER NOT NULL,
    observed_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS swept (one INTEGER PRIMARY KEY CHECK (one = 1), offset INTEGER NOT NULL);
INSERT OR IGNORE INTO swept VALUES (1, 0);
"""
_CHUNK = 2_000


class LogRecord(NamedTuple):
    """One record of the log. `body` is empty once it has been erased."""

    offset: int
    kind: RecordKind
    source: str
    observed_ms: int
    body: bytes


class IntakeLog:
    """The log in one SQLite file. Offsets start at 1 and have no gaps; 0 is "nothing yet".

    Safe to use from several threads of one process: appends wait for each other, reads wait for no append.
    Every method that writes raises `StoreError` if the disk is full or the file locked or corrupt.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_store(path, _SCHEMA, version=1, erasable=True)
        self._reader = open_store(path, _SCHEMA, version=1, erasable=True)
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        head = self._db.execute("SELECT first_offset, last_offset, last_observed_ms FROM head").fetchone()
        self.first_offset: int = head[0]
        self.last_offset: int = head[1]
        self.last_observed_ms: int = head[2]
        self._swept_ms = 0

    def append(self, items: Sequence[Item], *, now_ms: int, seen: Iterable[tuple[str, Seen]] = ()) -> list[LogRecord]:
        """Write `items` in one transaction; they are on the disk when this returns.

        All get the stamp `max(now_ms, greatest stamp so far)`. `seen` are signatures by source that become known
        together with what they signed, so that a replay is refused after a restart too.
        """
        with self._writing:
            observed_ms = max(now_ms, self.last_observed_ms)
            start = self.last_offset + 1
            records = [
                LogRecord(offset, kind, source, observed_ms, body)
                for offset, (kind, source, body) in enumerate(items, start)
            ]
            last = self.last_offset + len(records)
            with transaction(self._db, "intake.append"):
                self._db.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", records)
                self._db.execute("UPDATE head SET last_offset = ?, last_observed_ms = ?", (last, observed_ms))
                self._remember(seen, now_ms)
            self.last_offset, self.last_observed_ms = last, observed_ms
            return records

    def read(self, from_offset: int, limit: int) -> list[LogRecord]:
        """Up to `limit` records in order, the first at `from_offset` or, if that was trimmed, after it."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT offset, kind, source, observed_ms, body FROM log WHERE offset >= ? ORDER BY offset LIMIT ?",
                (max(from_offset, self.first_offset), limit),
            ).fetchall()
        return [
            LogRecord(offset, kind, source, observed_ms, b"" if body[:1] == b"\0" else body)
            for offset, kind, source, observed_ms, body in rows
        ]

    def seen(self, source: str) -> list[Seen]:
        """The signatures of a source accepted in the ten minutes before the last append, oldest first."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT signature, timestamp_s, at_ms FROM seen WHERE source = ? ORDER BY at_ms, signature", (source,)
            ).fetchall()
        return [Seen(*row) for row in rows]

    def trim(self, before_observed_ms: int, keep_from_offset: int) -> int:
        """Forget what was observed before `before_observed_ms`, but nothing from `keep_from_offset` on.

        Returns how many records went. Their bytes are in neither file when this returns.
        """
        trimmed = 0
        with self._writing:
            cut = min(keep_from_offset, self._first_since(before_observed_ms))
            while self.first_offset < cut:
                upto = min(cut, self.first_offset + _CHUNK)
                with transaction(self._db, "intake.trim"):
                    wipe(self._db, "log", "offset", range(self.first_offset, upto))
                    drop_wiped(self._db, "log", "offset", upto)
                    self._db.execute("UPDATE head SET first_offset = ?", (upto,))
                    self._db.execute("DELETE FROM gone WHERE observed_ms < ?", (before_observed_ms,))
                trimmed += upto - self.first_offset
                self.first_offset = upto
            if trimmed:
                truncate_wal(self._db)
        return trimmed

    def erase(self, offsets: Iterable[int], *, gone: Iterable[Sighting] = (), swept: int | None = None) -> None:
        """Wipe the bodies of these records, in the file and in its log; the records stay, with an empty body.

        `gone` are the digests of posts that can no longer be read here: they stay known as seen. `swept` says up to
        which record all that was taken back is wiped. Raises `StoreError` if old bytes had to stay in the write-ahead
        log; erasing again is harmless.
        """
        with self._writing:
            with transaction(self._db, "intake.erase"):
                wipe(self._db, "log", "offset", offsets)
                self._db.executemany(
                    "INSERT INTO gone VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET offset = min(offset,"
                    " excluded.offset), observed_ms = max(observed_ms, excluded.observed_ms)",
                    ((one.key, one.offset, one.observed_ms) for one in gone),
                )
                if swept is not None:
                    self._db.execute("UPDATE swept SET offset = ?", (swept,))
            truncate_wal(self._db)

    def gone(self) -> list[Sighting]:
        """The posts that were seen and whose records were wiped since, in the order of their records."""
        with self._reading:
            rows = self._reader.execute("SELECT key, offset, observed_ms FROM gone ORDER BY offset").fetchall()
        return [Sighting(*row) for row in rows]

    def swept(self) -> int:
        """Up to which record all that was taken back is wiped."""
        with self._reading:
            return int(self._reader.execute("SELECT offset FROM swept").fetchone()[0])

    def mark_swept(self, offset: int) -> None:
        """Up to this record nothing is left to be wiped."""
        with self._writing, transaction(self._db, "intake.swept"):
            self._db.execute("UPDATE swept SET offset = ?", (offset,))

    def finish(self) -> None:
        """Take what was wiped out of the write-ahead log, should a process have died before it had. Raises
        `StoreError` if a reader holds on to the log.
        """
        with self._writing:
            truncate_wal(self._db)

    def find(self, needles: Sequence[bytes]) -> list[int]:
        """Offsets of all records whose raw body holds one of `needles`: what an erasure has to wipe.

        Reads the whole log, in pieces.
        """
        found: list[int] = []
        start = self.first_offset
        while records := self.read(start, _CHUNK):
            found += [record.offset for record in records if any(needle in record.body for needle in needles)]
            start = records[-1].offset + 1
        return found

    def close(self) -> None:
        """Close the file. Whatever was appended is already on the disk."""
        with self._writing, self._reading:
            self._reader.close()
            self._db.close()

    def _first_since(self, observed_ms: int) -> int:
        # Stamps never go back, so this stops at the first record that stays.
        row = self._db.execute(
            "SELECT offset FROM log WHERE offset >= ? AND observed_ms >= ? ORDER BY offset LIMIT 1",
            (self.first_offset, observed_ms),
        ).fetchone()
        return self.last_offset + 1 if row is None else int(row[0])

    def _remember(self, seen: Iterable[tuple[str, Seen]], now_ms: int) -> None:
        self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", ((source, *one) for source, one in seen))
        if now_ms - self._swept_ms >= 60_000:
            self._db.execute("DELETE FROM seen WHERE at_ms < ?", (now_ms - KEPT_MS,))
            self._swept_ms = now_ms


class Overloaded(Exception):  # noqa: N818 - a state, not a mistake
    """More is waiting to be written than may wait; nothing of this call was or will be written."""


class _Waiting(NamedTuple):
    items: Sequence[Item]
    seen: Sequence[tuple[str, Seen]]
    done: asyncio.Future[list[LogRecord]]


class Appender:
    """The log for an event loop: callers who wait at the same time share one transaction, hence one sync.

    Order is kept: what was asked for first has the lower offsets. `clock` gives milliseconds since 1970; it is read
    when a group is written. `transactions` and `appended` count.
    """

    def __init__(
        self,
        log: IntakeLog,
        clock: Callable[[], int],
        *,
        waiting_items: int = 20_000,
        waiting_bytes: int = 64 << 20,
        group_items: int = 5_000,
    ) -> None:
        self.log = log
        self.transactions = 0
        self.appended = 0
        self.overloaded = 0
        self._clock = clock
        self._limits = (waiting_items, waiting_bytes)
        self._group_items = group_items
        self._waiting: deque[_Waiting] = deque()
        self._items = 0
        self._bytes = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake-log")
        self._writer: asyncio.Task[None] | None = None

    async def append(self, items: Sequence[Item], *, seen: Sequence[tuple[str, Seen]] = ()) -> list[LogRecord]:
        """Append `items`, durable when this returns.

        Raises `Overloaded` at once if too much is waiting already, and whatever the log raises for this group.
        A cancelled caller's items may be written all the same.
        """
        size = sum(len(body) for _, _, body in items)
        if self._waiting and (self._items + len(items) > self._limits[0] or self._bytes + size > self._limits[1]):
            self.overloaded += 1
            raise Overloaded(f"{self._items} items wait to be written")
        waiting = _Waiting(items, seen, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._items += len(items)
        self._bytes += size
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_all())
        return await waiting.done

    def known(self, source: str) -> list[Seen]:
        """The signatures of a source that the log knows, oldest first."""
        return self.log.seen(source)

    async def close(self) -> None:
        """Write what is waiting, then stop the thread. The log stays open."""
        while self._writer is not None:
            await asyncio.wait([self._writer])
        self._thread.shutdown()

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write(self._next_group())
        finally:
            self._writer = None

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        count = 0
        while self._waiting and (not group or count + len(self._waiting[0].items) <= self._group_items):
            waiting = self._waiting.popleft()
            self._items -= len(waiting.items)
            self._bytes -= sum(len(body) for _, _, body in waiting.items)
            if not waiting.done.cancelled():
                group.append(waiting)
                count += len(waiting.items)
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        if not group:
            return
        try:
            records = await asyncio.get_running_loop().run_in_executor(self._thread, self._append, group)
        except Exception as error:  # noqa: BLE001 - it is handed on to those whose error it is
            if len(group) > 1 and not isinstance(error, StoreError):
                # Something in one caller's items: find whose, by writing each alone.
                for waiting in group:
                    await self._write([waiting])
            else:
                for waiting in group:
                    if not waiting.done.done():
                        waiting.done.set_exception(error)
            return
        start = 0
        for waiting in group:
            end = start + len(waiting.items)
            if not waiting.done.done():
                waiting.done.set_result(records[start:end])
            start = end

    def _append(self, group: list[_Waiting]) -> list[LogRecord]:
        items = [item for waiting in group for item in waiting.items]
        seen = [one for waiting in group for one in waiting.seen]
        records = self.log.append(items, now_ms=self._clock(), seen=seen)
        self.transactions += 1
        self.appended += len(records)
        return records
