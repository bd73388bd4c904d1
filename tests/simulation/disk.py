"""A disk that outlives its process: SQLite in memory behind the port of `stream.sources.store`, and what disks do.

What is modelled, and why it is true of the files:

- A commit of a connection with `synchronous=FULL` is on the disk when it returns. A kill undoes what was not committed,
  as SQLite's recovery does.
- With `synchronous=NORMAL` a commit is in the system's cache: a kill keeps it, a power cut takes everything since the
  last sync. The model syncs such a file only when it is closed in order.
- A transaction that a power cut tears is whole or not there: a write-ahead log that was cut anywhere reads back as the
  commits before the cut (`test_torn.py` cuts real ones at every length).
- A full disk, and an I/O error, refuse a statement or the commit, and the transaction is rolled back.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from stream.sources.store import Files, Lock, StoreError
from tests.simulation.loop import Killed

FULL = "database or disk is full"
BROKEN = "disk I/O error"
_WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT", "REPLAC")


class Handle:
    """A connection as the process holds it: it refuses when the disk does, and is dead when the process is."""

    def __init__(self, disk: "MemoryDisk", name: str, db: sqlite3.Connection) -> None:
        self._disk = disk
        self._name = name
        self._db = db
        self._life = disk.life
        self.synced = True

    @property
    def in_transaction(self) -> bool:
        """Whether there is something to undo."""
        return self._life == self._disk.life and self._db.in_transaction

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        """One statement."""
        self._check(sql)
        if sql.startswith("PRAGMA"):
            return self._pragma(sql)
        return self._db.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        """One statement for many rows."""
        self._check(sql)
        return self._db.executemany(sql, rows)

    def close(self) -> None:
        """The file stays on the disk."""
        if self._life == self._disk.life:
            self._disk.closed(self._name)

    def _check(self, sql: str) -> None:
        if self._life != self._disk.life:
            raise Killed
        if self._disk.refuses is not None and sql[:6] in _WRITES:
            self._refuse(sql)

    def _refuse(self, sql: str) -> None:
        word = self._disk.refuses(self._name, sql) if self._disk.refuses is not None else None
        if word is None:
            return
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        raise sqlite3.OperationalError(word)

    def _pragma(self, sql: str) -> sqlite3.Cursor:
        if sql.startswith("PRAGMA synchronous="):
            self.synced = sql.endswith("FULL")
            self._disk.note_sync(self._name, synced=self.synced)
        answers = {
            "PRAGMA journal_mode=WAL": "SELECT 'wal'",
            "PRAGMA database_list": f"SELECT 0, 'main', '{self._name}'",
        }
        if sql.startswith("PRAGMA wal_checkpoint"):
            return self._db.execute("SELECT 0, 0, 0")
        return self._db.execute(answers.get(sql, "SELECT 0"))


class MemoryDisk:
    """Files by their names, without their directory. `life` is the number of the process that may use them."""

    def __init__(self) -> None:
        self.life = 0
        self.refuses: Callable[[str, str], str | None] | None = None
        """What the disk says to a write to a file (`None`: it takes it)."""
        self._files: dict[str, sqlite3.Connection] = {}
        self._holder = -1
        self._unsynced: dict[str, bytes] = {}
        """Files whose commits may be lost, as they were when they were last synced."""

    # ---- the port

    def connect(self, path: Path) -> Any:
        """Open a file, or create it."""
        db = self._files.get(path.name)
        if db is None:
            db = self._files[path.name] = _empty()
        return Handle(self, path.name, db)

    def settle(self, path: Path) -> None:
        """Names are kept with the files."""

    def files(self) -> dict[str, sqlite3.Connection]:
        """What is on the disk, to be looked at from outside."""
        return dict(self._files)

    def lock(self, directory: Path) -> Lock:
        """One process at a time, until it lets go or dies."""
        if self._holder == self.life:
            raise StoreError(f"{directory}: is in use")
        self._holder = self.life
        return _Held(self)

    def let_go(self, life: int) -> None:
        """The process of this life needs it no longer."""
        if self._holder == life:
            self._holder = -1

    # ---- what happens to it

    def load(self, images: dict[str, bytes]) -> None:
        """Lay files down."""
        for name, image in images.items():
            db = self._files[name] = _empty()
            db.deserialize(image)

    def kill(self) -> None:
        """The process is gone: nothing of it can write any more, and what it had not committed is undone."""
        self.life += 1
        for db in self._files.values():
            if db.in_transaction:
                db.execute("ROLLBACK")

    def lose_power(self) -> int:
        """As `kill`, and what was not synced is gone. Returns how many files went back."""
        self.kill()
        lost = 0
        for name, image in self._unsynced.items():
            db = self._files[name]
            lost += db.serialize() != image
            db.deserialize(image)
        return lost

    def drop(self) -> None:
        """Nobody needs this disk any more."""
        self.life += 1
        for db in self._files.values():
            db.close()
        self._files.clear()

    def note_sync(self, name: str, *, synced: bool) -> None:
        """A connection says whether its commits are synced."""
        if not synced and name not in self._unsynced:
            self._unsynced[name] = self._files[name].serialize()

    def closed(self, name: str) -> None:
        """A file that is closed in order is synced."""
        if name in self._unsynced:
            self._unsynced[name] = self._files[name].serialize()


class _Held(Lock):
    """The data directory, held by one life."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(-1)
        self._disk = disk
        self._life = disk.life

    def close(self) -> None:
        """Let others have it."""
        self._disk.let_go(self._life)


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA user_version=1")  # a file without a page has no image
    return db


class _RealHandle(Handle):
    """A connection to a real file."""

    def _pragma(self, sql: str) -> sqlite3.Cursor:
        return self._db.execute(sql)

    def close(self) -> None:
        """Close the file."""
        if self._life == self._disk.life:
            self._db.close()


class FileDisk(MemoryDisk):
    """Real SQLite files. A kill leaves the files as they stand, with their write-ahead logs, and copies them to where
    the next process finds them: a process that closes in order would tidy up, one that is killed does not.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._copy = 0
        self._files_of_life: list[sqlite3.Connection] = []
        self._port = Files()

    @property
    def _here(self) -> Path:
        here = self._directory / str(self._copy)
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
        return here

    def connect(self, path: Path) -> Any:
        """Open the file of this life."""
        db = self._port.connect(self._here / path.name)
        self._files_of_life.append(db)
        return _RealHandle(self, path.name, db)

    def load(self, images: dict[str, bytes]) -> None:
        """Lay files down."""
        for name, image in images.items():
            (self._here / name).write_bytes(image)

    def kill(self) -> None:
        """Copy what is on the disk now; only then let go of the old files."""
        before = self._here
        self.life += 1
        self._copy += 1
        for file in sorted(before.iterdir()):
            if not file.name.endswith("-shm"):
                shutil.copy(file, self._here / file.name)
        for db in self._files_of_life:
            db.close()
        self._files_of_life.clear()
        shutil.rmtree(before)

    def lose_power(self) -> int:
        """Real files keep what the system's cache holds: there is no power to cut here."""
        self.kill()
        return 0

    def drop(self) -> None:
        """Nobody needs these files any more."""
        self.life += 1
        for db in self._files_of_life:
            db.close()
        shutil.rmtree(self._directory, ignore_errors=True)
