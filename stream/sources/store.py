"""One way to open a SQLite file, for every store that must survive a crash.

WAL with `synchronous=FULL`: what a commit returned for is on the disk. Transactions are explicit
(`BEGIN IMMEDIATE`), so that nothing is written between two statements by accident.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol

from stream import crash

BUSY_MS = 5_000
GUARD = 1_000
"""Rows of at least 16 bytes, four pages: joining pages of 4,096 bytes looks at three."""


class StoreError(Exception):
    """A file of ours cannot be used: its path, and why."""


class Disk(Protocol):
    """Where the files of stores lie."""

    def connect(self, path: Path) -> sqlite3.Connection:
        """A connection in autocommit mode to the file at `path`, made for its owner alone if it is new."""

    def settle(self, path: Path) -> None:
        """Make sure that the file is found again after a power cut."""

    def lock(self, directory: Path) -> "Lock":
        """Hold a directory for this process alone, as `lock` does."""


class Files:
    """Files of the operating system."""

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open the file, or create it with mode 0600."""
        _private(path)
        return sqlite3.connect(str(path), timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)

    def settle(self, path: Path) -> None:
        """Put the names of new files on the disk too: SQLite syncs their contents, not that they exist."""
        _sync_directory(path.parent)

    def lock(self, directory: Path) -> "Lock":
        """Hold it by a lock of the system, which ends with the process."""
        return _locked(directory)


_disk: Disk = Files()


def install(disk: Disk) -> None:
    """Keep every store that is opened from here on there: a simulation's disk can fail, and lose its power."""
    global _disk  # noqa: PLW0603 - the one seam
    _disk = disk


def open_store(
    path: Path | None, schema: str, *, version: int, durable: bool = True, erasable: bool = False
) -> sqlite3.Connection:
    """Open (or create, mode 0600) the store at `path` and bring it to `schema`.

    `schema` is a script of `CREATE ... IF NOT EXISTS`; `version` is its number, kept in the file. `path=None`
    is a store in memory, for replays. `durable=False` leaves out the sync per commit (`synchronous=NORMAL`): a killed
    process loses nothing, a power cut may lose the last commits, the file stays whole either way.
    `erasable=True` overwrites what is deleted (`secure_delete`). That alone does not erase: see `truncate_wal` for
    the log, and `wipe` for the copies that SQLite leaves behind where it rearranges pages.

    The connection is in autocommit mode; write within `transaction`. It may be handed to another thread, but
    two threads must not use it at once.

    Raises `StoreError`, naming the path, if the file is corrupt, of another version, locked, or not writable.

    >>> db = open_store(None, "CREATE TABLE IF NOT EXISTS t (n INTEGER)", version=1)
    >>> with transaction(db, "example"):
    ...     _ = db.execute("INSERT INTO t VALUES (1)")
    >>> db.execute("SELECT n FROM t").fetchall()
    [(1,)]
    """
    name = ":memory:" if path is None else str(path)
    try:
        if path is not None:
            db = _disk.connect(path)
        else:
            db = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{name}: cannot be opened: {error}") from error
    try:
        _configure(db, durable=durable, erasable=erasable, in_memory=path is None)
        _bring_to(db, schema, version)
        if path is not None:
            _disk.settle(path)
    except sqlite3.OperationalError as error:
        db.close()
        raise StoreError(f"{name}: cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        db.close()
        raise StoreError(f"{name}: is corrupt, or no store of ours: {error}") from error
    except StoreError as error:
        db.close()
        raise StoreError(f"{name}: {error}") from None
    return db


@contextmanager
def transaction(db: sqlite3.Connection, name: str) -> Iterator[None]:
    """One transaction: committed at the end, rolled back on any exception.

    `name` names its crash points, `<name>.before` (all is written, nothing committed) and `<name>.after`.
    Raises `StoreError` if the disk is full, the file locked or corrupt.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        crash.here(f"{name}.before")
        db.execute("COMMIT")
    except BaseException as error:
        # SQLite has rolled back by itself after some errors (disk full): then there is nothing left to undo.
        if db.in_transaction:
            db.execute("ROLLBACK")
        # The classes above the rest: full, locked, unreadable, malformed. A broken constraint stays what it is.
        if type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError):
            raise StoreError(f"{_path(db)}: {error}") from error
        raise
    crash.here(f"{name}.after")


def wipe(db: sqlite3.Connection, table: str, rowid: str, rowids: Iterable[int]) -> None:
    """Overwrite the `body` of these rows with zeros of the same length, in place, within the caller's transaction.

    When SQLite splits or joins pages it copies rows and leaves the old bytes in the unused part of the page, out of
    the reach of a later `DELETE`, `secure_delete` or not (with random keys, one erasure in six or so left something).
    So texts live in tables that only grow at the end, where no row ever moves: rows are wiped in place, and
    removed only from the front, `GUARD` rows behind the first that still has a text (see `drop_wiped`).
    """
    db.executemany(
        f"UPDATE {table} SET body = zeroblob(length(body)) WHERE {rowid} = ?", ((number,) for number in rowids)
    )


def drop_wiped(db: sqlite3.Connection, table: str, rowid: str, before: int) -> None:
    """Remove the rows in front of the `GUARD` wiped ones that lie before row `before`, the first with a text.

    Joining emptied pages touches their direct neighbours alone: those hold wiped rows only, so no text moves.
    """
    db.execute(f"DELETE FROM {table} WHERE {rowid} < ?", (before - GUARD,))


def truncate_wal(db: sqlite3.Connection) -> None:
    """Move the write-ahead log into the file and cut it to nothing, so that erased bytes are in neither.

    Raises `StoreError` if a reader held on to the log for `BUSY_MS`: what was erased stays erased, but its
    bytes are on the disk until a later call succeeds.
    """
    busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreError(f"{_path(db)}: erased, but a reader keeps the old bytes in the write-ahead log; erase again")


def _path(db: sqlite3.Connection) -> str:
    return str(db.execute("PRAGMA database_list").fetchone()[2] or ":memory:")


class Lock:
    """A data directory, held. Give it back with `close`, or use it as a context manager."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Let another process have the directory."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Lock":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()


def lock(directory: Path) -> Lock:
    """Hold a data directory for this process alone; the system frees it if the process dies.

    Raises `StoreError` if another process holds it. The file `lock` inside is never removed: between removing and
    creating it, two processes could each hold a different one.
    """
    return _disk.lock(directory)


def _locked(directory: Path) -> Lock:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"{directory}: is no usable data directory: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(
            f"{directory}: is in use by another tocsin (process {holder}); stop it, or choose another data directory"
        ) from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"{directory}: is no usable data directory: {error}") from error
    return Lock(descriptor)


def _private(path: Path) -> None:
    """Create the file for its owner alone, before SQLite does so for everybody; WAL and shm inherit the mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # It is not opened here: to close it would end the locks of every connection that this process has to it
        # (POSIX), and whoever looked at it from elsewhere would remove the log that these still write to.
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _configure(db: sqlite3.Connection, *, durable: bool, erasable: bool, in_memory: bool) -> None:
    db.execute(f"PRAGMA secure_delete={'ON' if erasable else 'OFF'}").fetchone()
    mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal" and not in_memory:
        raise StoreError(f"no write-ahead log on this file system (journal mode {mode})")
    db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA trusted_schema=OFF")


def _bring_to(db: sqlite3.Connection, schema: str, version: int) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS store_version (version INTEGER NOT NULL)")
    found = db.execute("SELECT max(version) FROM store_version").fetchone()[0]
    if found is not None and found != version:
        age = "a newer" if found > version else "an older"
        raise StoreError(f"was written by {age} tocsin (store version {found}; this one reads {version})")
    with transaction(db, "store.create"):
        for statement in _statements(schema):
            db.execute(statement)
        if db.execute("SELECT count(*) FROM store_version").fetchone()[0] == 0:
            db.execute("INSERT INTO store_version VALUES (?)", (version,))


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit the transaction it stands in."""
    statement = ""
    for piece in script.split(";"):
        statement += piece
        if sqlite3.complete_statement(statement + ";"):
            if statement.strip():
                yield statement
            statement = ""
        else:
            statement += ";"
    if statement.strip(" \n;"):
        yield statement
