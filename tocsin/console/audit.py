"""EDGE. The audit trail: every act of a person in the console, in the order in which they were done, in one chain.

A row holds names and words of closed lists, never what somebody typed and never a secret. Each row's link is made of
the one before it, and a second file knows how far the chain went: whoever changes, removes or adds a row breaks one of
the two. What people do about incidents stands in the journal too, whoever does it and wherever.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from stream.codec import CHAIN_START, canonical, decode, link
from stream.sources.store import StoreError, open_store, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS acts (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, chain TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS acts_stay BEFORE UPDATE ON acts BEGIN SELECT RAISE(ABORT, 'rows stay as they are'); END;
CREATE TRIGGER IF NOT EXISTS acts_last BEFORE DELETE ON acts BEGIN SELECT RAISE(ABORT, 'rows stay'); END;
"""
_WITNESS = """
CREATE TABLE IF NOT EXISTS witness (
    only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, chain TEXT NOT NULL
);
"""
Outcome = Literal["done", "refused", "failed"]


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that somebody did, or tried to do."""

    at_ms: int
    who: str
    """By what they signed in; "unknown" for a name that `people` does not hold: it may have been a password."""
    how: str
    """local, password, oidc, proxy, token or command."""
    what: str
    outcome: Outcome
    why: str = ""
    """For what was not done: a word of a closed list."""
    incident: str = ""
    brand: str = ""
    as_responder: str = ""


class Kept(msgspec.Struct, frozen=True):
    """An act where it stands in the trail."""

    seq: int
    act: Act
    chain: str


class Verdict(msgspec.Struct, frozen=True):
    """What a look at the whole trail found."""

    acts: int
    chain: str
    difference: str = ""
    """The first row that is not what it was, in words; empty where all are."""

    @property
    def ok(self) -> bool:
        """Whether nothing was changed, removed or added by other hands."""
        return not self.difference


class Audit:
    """The trail of one data directory. Several processes may add to it. Raises `StoreError`.

    >>> trail = Audit(None)
    >>> trail.add(Act(at_ms=1, who="ana", how="password", what="sign in", outcome="done"))
    >>> trail.recent(1)[0].act.who, trail.verify().ok
    ('ana', True)
    """

    def __init__(self, directory: Path | None) -> None:
        self.path = directory / "audit.db" if directory is not None else None
        self._db = open_store(self.path, _SCHEMA, version=1)
        witness = directory / "audit_witness.db" if directory is not None else None
        self._witness = open_store(witness, _WITNESS, version=1)
        self._one = threading.Lock()

    def close(self) -> None:
        """Close both files."""
        self._db.close()
        self._witness.close()

    def add(self, act: Act) -> None:
        """Write down an act; it is on the disk when this returns."""
        body = canonical(act)
        with self._one:
            self._add(body)

    def _add(self, body: bytes) -> None:
        with transaction(self._db, "audit.add"):
            row = self._db.execute("SELECT seq, chain FROM acts ORDER BY seq DESC LIMIT 1").fetchone()
            seq, chain = (row[0] + 1, link(row[1], body)) if row is not None else (1, link(CHAIN_START, body))
            self._db.execute("INSERT INTO acts VALUES (?, ?, ?)", (seq, body, chain))
        # After the row: a crash in between leaves a witness of less, which the chain still passes by.
        with transaction(self._witness, "audit.witness"):
            self._witness.execute(
                "INSERT INTO witness VALUES (1, ?, ?) ON CONFLICT (only) DO UPDATE SET "
                "seq = excluded.seq, chain = excluded.chain WHERE excluded.seq > witness.seq",
                (seq, chain),
            )

    def recent(self, limit: int = 50, *, before: int | None = None) -> list[Kept]:
        """The latest acts, newest first; before a number, those that came before it."""
        with self._one:
            rows = self._db.execute(
                "SELECT seq, body, chain FROM acts WHERE seq < ? ORDER BY seq DESC LIMIT ?",
                (before if before is not None else 1 << 62, limit),
            ).fetchall()
        return [Kept(seq, _act(body), chain) for seq, body, chain in rows]

    def all(self) -> Iterator[Kept]:
        """Every act, oldest first."""
        for seq, body, chain in self._db.execute("SELECT seq, body, chain FROM acts ORDER BY seq"):
            yield Kept(seq, _act(body), chain)

    def since(self, seq: int) -> Iterator[Kept]:
        """The acts behind a row, oldest first. Raises `msgspec.DecodeError` for a row that is none."""
        for row in self._db.execute("SELECT seq, body, chain FROM acts WHERE seq > ? ORDER BY seq", (seq,)):
            yield Kept(row[0], decode(row[1], Act), row[2])

    def verify(self) -> Verdict:
        """Go through the whole chain, and past what the witness saw."""
        seen = self._witness.execute("SELECT seq, chain FROM witness").fetchone() or (0, CHAIN_START)
        count, chain = 0, CHAIN_START
        for seq, body, stored in self._db.execute("SELECT seq, body, chain FROM acts ORDER BY seq"):
            if seq != count + 1:
                return Verdict(count, chain, f"row {count + 1} is missing: row {seq} follows row {count}")
            chain = link(chain, _bytes(body))
            count = seq
            if chain != stored:
                return Verdict(count, chain, f"row {seq} is not what was written, or row {seq - 1} before it is not")
            if count == seen[0] and chain != seen[1]:
                return Verdict(count, chain, f"row {seq} or one before it was written anew, with a chain to match")
        if count < seen[0]:
            return Verdict(count, chain, f"rows {count + 1} to {seen[0]} were removed from the end")
        return Verdict(count, chain)


def _act(body: object) -> Act:
    try:
        return decode(_bytes(body), Act)
    except msgspec.DecodeError:
        # Somebody was at the file. It is shown all the same, and `verify` says which row it is.
        return Act(at_ms=0, who="unknown", how="unknown", what="unreadable row", outcome="failed")


def _bytes(body: object) -> bytes:
    """What a row holds, whatever type somebody else may have put there."""
    return body if isinstance(body, bytes) else str(body).encode()


def existing(directory: Path) -> Audit:
    """The trail of a data directory that has one. Raises `StoreError`."""
    if not (directory / "audit.db").is_file():
        raise StoreError(f"{directory / 'audit.db'}: there is no audit trail here; the console begins one (tocsin run)")
    return Audit(directory)
