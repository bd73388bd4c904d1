"""EDGE. Who is signed in: kept here, not in the browser, which holds one random number and nothing else.

The number is kept as its SHA-256, so whoever reads the file signs in as nobody. A session ends when it was idle for too
long, when it is old, and when its person signs out; each sign-in begins one with a new number.
"""

import hashlib
import secrets
from pathlib import Path

import msgspec

from stream.sources.store import open_store, transaction

NUMBER_BYTES = 32
SESSIONS_EACH = 20
"""Of one person at a time; the one that was idle for longest makes place for one more."""
NOTED_EVERY_MS = 60_000
"""How finely the last use of a session is kept: a page that asks each second writes nothing."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    number TEXT PRIMARY KEY, name TEXT NOT NULL, how TEXT NOT NULL, role TEXT NOT NULL, csrf TEXT NOT NULL,
    responder TEXT NOT NULL, began_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_of ON sessions (name, used_ms);
"""
_COLUMNS = "number, name, how, role, csrf, responder, began_ms, used_ms"


class Session(msgspec.Struct, frozen=True):
    """A person who is signed in, on one browser."""

    key: str
    """The digest of its number: tells sessions apart, and signs nobody in."""
    name: str
    how: str
    role: str
    """What the provider's groups make of them; empty where `people` says it."""
    csrf: str
    """What their forms must carry. It is worth nothing without the cookie."""
    responder: str
    """Whom they said they are, where nobody else says it: on a console for one machine."""
    began_ms: int
    used_ms: int


class Sessions:
    """The sessions of one console, in a file (in memory without one). Raises `StoreError`.

    >>> sessions = Sessions(None, idle_ms=1000, longest_ms=5000)
    >>> number = sessions.begin("ana", "password", at_ms=0)
    >>> sessions.of(number, at_ms=900).name, sessions.of(number, at_ms=2000), sessions.of("guessed", at_ms=0)
    ('ana', None, None)
    """

    def __init__(self, path: Path | None, *, idle_ms: int, longest_ms: int) -> None:
        # Without a sync per commit: the loop that pages people would wait for it, and what a power cut can undo is who
        # signed in, or out, in the last seconds.
        self._db = open_store(path, _SCHEMA, version=1, durable=False, erasable=True)
        self._idle_ms = idle_ms
        self._longest_ms = longest_ms

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def key(self) -> bytes:
        """The key of what forms carry where a proxy signs people in: made once, so that a restart ends no form."""
        with transaction(self._db, "sessions.key"):
            self._db.execute("INSERT OR IGNORE INTO keys VALUES ('forms', ?)", (secrets.token_bytes(NUMBER_BYTES),))
        return bytes(self._db.execute("SELECT key FROM keys WHERE name = 'forms'").fetchone()[0])

    def begin(self, name: str, how: str, *, at_ms: int, role: str = "") -> str:
        """A new session; its number is for the browser, and is kept nowhere else."""
        number = secrets.token_urlsafe(NUMBER_BYTES)
        row = (_key(number), name, how, role, secrets.token_urlsafe(NUMBER_BYTES), "", at_ms, at_ms)
        with transaction(self._db, "sessions.begin"):
            self._db.execute(
                "DELETE FROM sessions WHERE used_ms < ? OR began_ms < ?",
                (at_ms - self._idle_ms, at_ms - self._longest_ms),
            )
            self._db.execute(
                "DELETE FROM sessions WHERE number IN ("
                "SELECT number FROM sessions WHERE name = ? ORDER BY used_ms DESC LIMIT -1 OFFSET ?)",
                (name, SESSIONS_EACH - 1),
            )
            self._db.execute(f"INSERT INTO sessions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return number

    def of(self, number: str, *, at_ms: int) -> Session | None:
        """The session of this number, if it holds; it was used now."""
        found = self.by_key(_key(number), at_ms=at_ms)
        if found is not None and at_ms - found.used_ms >= min(NOTED_EVERY_MS, self._idle_ms // 4):
            with transaction(self._db, "sessions.use"):
                self._db.execute("UPDATE sessions SET used_ms = ? WHERE number = ?", (at_ms, found.key))
        return found

    def by_key(self, key: str, *, at_ms: int) -> Session | None:
        """The session of this key, if it holds; that somebody looks does not make it last."""
        row = self._db.execute(f"SELECT {_COLUMNS} FROM sessions WHERE number = ?", (key,)).fetchone()
        found = Session(*row) if row is not None else None
        # A clock set back far makes what it began later than now old as well: nobody stays signed in by accident.
        if found is None or not -self._idle_ms <= at_ms - found.used_ms < self._idle_ms:
            return None
        return found if at_ms - found.began_ms < self._longest_ms else None

    def become(self, key: str, responder: str) -> None:
        """Note which responder somebody says they are."""
        with transaction(self._db, "sessions.become"):
            self._db.execute("UPDATE sessions SET responder = ? WHERE number = ?", (responder, key))

    def end(self, key: str) -> None:
        """End a session."""
        with transaction(self._db, "sessions.end"):
            self._db.execute("DELETE FROM sessions WHERE number = ?", (key,))


def _key(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()
