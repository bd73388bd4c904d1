"""EDGE. The journal: ordered entries and what was decided on them, both hash-chained, in one SQLite file.

Append-only. Entries are durable before they are applied (DESIGN rule 2); decisions are recorded after the outbox has
them (rule 5), so a crash may repeat a decision and never loses one.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from alerting.decision import Decision
from stream.codec import CHAIN_START, canonical, decode, digest, link
from stream.sources.store import open_store, transaction
from tocsin import __version__
from tocsin.engine import Engine
from tocsin.entry import PROBE, Entry, Event, Mark
from tocsin.state import Contents, snapshot_bytes, state_from

FORMAT = 1
SNAPSHOTS_KEPT = 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contents (digest TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, chain TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (
    n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, brand TEXT NOT NULL, entry_seq INTEGER NOT NULL,
    body BLOB NOT NULL, chain TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS snapshots (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""


_FIRST = "SELECT body FROM entries ORDER BY seq LIMIT 1"


class JournalError(Exception):
    """The journal is not what it says it is: corruption of our own, or the wrong file."""


class Recorded(NamedTuple):
    """A decision as the journal holds it."""

    entry_seq: int
    brand: str
    body: bytes
    chain: str
    key: str

    @property
    def decision(self) -> Decision:
        """The decision itself."""
        return decode(self.body, Decision)


class Journal:
    """Entries, decisions, configurations and snapshots of one core.

    `durable=False` is for replays: one commit per `append`, no sync per commit.
    """

    def __init__(self, path: Path | None, *, step_ms: int, durable: bool = True) -> None:
        self.path = path
        self._db = open_store(path, _SCHEMA, version=FORMAT, durable=durable)
        self._start_header(step_ms)
        self._seq, self._chain = self._last_entry()
        self._heads = self._decision_heads()

    @property
    def seq(self) -> int:
        """The last entry's number (0: empty)."""
        return self._seq

    @property
    def chain(self) -> str:
        """The head of the entries' chain."""
        return self._chain

    @property
    def decision_chains(self) -> dict[str, str]:
        """The head of each brand's decision chain."""
        return dict(self._heads)

    @property
    def step_ms(self) -> int:
        """The grid step, fixed for the journal's life."""
        return int(self.header()["step_ms"])

    def header(self) -> dict[str, str]:
        """Code version, format, grid step, tzdata version."""
        return dict(self._db.execute("SELECT name, value FROM header ORDER BY name").fetchall())

    def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]:
        """Write `(at_ms, event)`s as the next entries; durable when it returns."""
        entries, rows = [], []
        seq, chain = self._seq, self._chain
        for at_ms, event in events:
            seq += 1
            entry = Entry(seq, at_ms, event)
            body = canonical(entry)
            chain = link(chain, body)
            entries.append(entry)
            rows.append((seq, body, chain))
        with transaction(self._db, "journal.append"):
            self._db.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
        self._seq, self._chain = seq, chain
        return entries

    def record(self, decided: Sequence[tuple[int, Decision]], *, applied_seq: int) -> int:
        """Keep decisions with the entry that led to them; returns how many were new.

        One that is there already must be the same to the byte: anything else is corruption.
        """
        new = 0
        with transaction(self._db, "journal.decisions"):
            for entry_seq, decision in decided:
                new += self._record_one(entry_seq, decision)
            self._put_header("applied_seq", str(applied_seq))
        return new

    def add_content(self, body: bytes) -> str:
        """Keep a configuration's content; returns its digest."""
        name = digest(body)
        with transaction(self._db, "journal.content"):
            self._db.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (name, body))
        return name

    def contents(self) -> Contents:
        """All configurations that entries may name. Raises `JournalError` if one does not have its digest."""
        bodies = dict(self._db.execute("SELECT digest, body FROM contents").fetchall())
        for name, body in bodies.items():
            if digest(body) != name:
                raise JournalError(f"{self.path}: content {name[:12]} was changed")
        return Contents(bodies)

    def save_snapshot(self, engine: Engine) -> None:
        """Keep the engine's state as of its last entry; older snapshots go."""
        body = snapshot_bytes(engine.snapshot())
        with transaction(self._db, "journal.snapshot"):
            self._db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", (engine.seq, body))
            self._db.execute(
                "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)",
                (SNAPSHOTS_KEPT,),
            )

    def snapshots(self) -> list[tuple[int, bytes]]:
        """The kept snapshots, newest first."""
        return self._db.execute("SELECT seq, body FROM snapshots ORDER BY seq DESC").fetchall()

    def newest_snapshot(self) -> tuple[int, int]:
        """The last entry that the newest snapshot holds, and its time (ms); zeros where there is no snapshot."""
        row = self._db.execute(
            "SELECT entries.seq, entries.body FROM snapshots JOIN entries ON entries.seq = snapshots.seq"
            " ORDER BY snapshots.seq DESC LIMIT 1"
        ).fetchone()
        return (row[0], decode(row[1], Entry).at_ms) if row else (0, 0)

    def restored_engine(self, contents: Contents) -> Engine:
        """The engine as of the newest snapshot that this code can read; a fresh one if there is none."""
        for _, body in self.snapshots():
            try:
                return Engine.restore(state_from(body), contents)
            except msgspec.ValidationError:
                continue  # written by another version: the entries rebuild what it knew
        return Engine(step_ms=self.step_ms, contents=contents)

    def entries(self, after_seq: int = 0) -> Iterator[Entry]:
        """The entries after `after_seq`. Raises `JournalError` at the first broken link."""
        row = self._db.execute("SELECT chain FROM entries WHERE seq = ?", (after_seq,)).fetchone()
        chain = row[0] if row else CHAIN_START
        expected = after_seq
        for seq, body, stored in self._db.execute(
            "SELECT seq, body, chain FROM entries WHERE seq > ? ORDER BY seq", (after_seq,)
        ):
            expected += 1
            chain = link(chain, body)
            if seq != expected or chain != stored:
                raise JournalError(f"{self.path}: the chain breaks at entry {expected}")
            try:
                yield decode(body, Entry)
            except msgspec.DecodeError as error:
                raise JournalError(f"{self.path}: entry {seq} cannot be read: {error}") from error

    def next_offset(self) -> int:
        """The first offset of the input partition that no mark has sealed."""
        row = self._db.execute("SELECT body FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        if row is None:
            return 0
        event = decode(row[0], Entry).event
        if not isinstance(event, Mark):
            raise JournalError(f"{self.path}: the last entry is no mark: it was not written by this sequencer")
        return event.offset

    def decisions(self, *, probes: bool = False) -> Iterator[Recorded]:
        """What was decided, in the order in which it was recorded; what was decided on our own probes only if asked."""
        left_out = "" if probes else PROBE
        rows = self._db.execute(
            "SELECT entry_seq, brand, body, chain, key FROM decisions WHERE brand != ? ORDER BY n", (left_out,)
        )
        for row in rows:
            yield Recorded(*row)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _record_one(self, entry_seq: int, decision: Decision) -> int:
        body = canonical(decision)
        known = self._db.execute("SELECT body FROM decisions WHERE key = ?", (decision.key,)).fetchone()
        if known is not None:
            if known[0] != body:
                raise JournalError(f"{self.path}: decision {decision.key} was taken twice, differently")
            return 0
        head = link(self._heads.get(decision.brand, CHAIN_START), body)
        self._db.execute(
            "INSERT INTO decisions (key, brand, entry_seq, body, chain) VALUES (?, ?, ?, ?, ?)",
            (decision.key, decision.brand, entry_seq, body, head),
        )
        self._heads[decision.brand] = head
        return 1

    def _start_header(self, step_ms: int) -> None:
        header = self.header()
        if not header:
            with transaction(self._db, "journal.header"):
                for name, value in (
                    ("format", str(FORMAT)),
                    ("code", __version__),
                    ("step_ms", str(step_ms)),
                    ("tzdata", version("tzdata")),
                    ("applied_seq", "0"),
                ):
                    self._put_header(name, value)
        elif int(header.get("step_ms", "0")) != step_ms:
            raise JournalError(
                f"{self.path}: its grid step is {header.get('step_ms')} ms and cannot become {step_ms} ms: "
                "a step is fixed for a journal's life"
            )

    def _put_header(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO header VALUES (?, ?)", (name, value))

    def _last_entry(self) -> tuple[int, str]:
        row = self._db.execute("SELECT seq, chain FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (0, CHAIN_START)

    def _decision_heads(self) -> dict[str, str]:
        query = "SELECT brand, chain FROM decisions WHERE n IN (SELECT MAX(n) FROM decisions GROUP BY brand)"
        return dict(self._db.execute(query).fetchall())


class Keeper(Protocol):
    """What a sequencer needs of a journal."""

    def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]: ...
    def record(self, decided: Sequence[tuple[int, Decision]], *, applied_seq: int) -> int: ...
    def save_snapshot(self, engine: Engine) -> None: ...


class Unkept:
    """A journal that keeps nothing but the count: for replays whose decisions alone are wanted."""

    def __init__(self) -> None:
        self._seq = 0

    def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]:
        """Number the events."""
        entries = [Entry(self._seq + n, at_ms, event) for n, (at_ms, event) in enumerate(events, start=1)]
        self._seq += len(entries)
        return entries

    def record(self, decided: Sequence[tuple[int, Decision]], *, applied_seq: int) -> int:
        """Nothing is kept."""
        return len(decided)

    def save_snapshot(self, engine: Engine) -> None:
        """Nothing is kept."""


class Verdict(NamedTuple):
    """What `verify` found."""

    entries: int
    decisions: int
    pages: int
    chains: dict[str, str]
    difference: str
    """Empty when the journal replays to what it holds; else the first difference, in words."""
    unrecorded: int
    """Decisions on the last entries that the process did not live to record: taken at the next start."""
    probes: int = 0
    """How many of the decisions were about nothing but a probe of our own."""

    @property
    def ok(self) -> bool:
        """Whether the journal replays to the decisions it holds."""
        return not self.difference


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that reads the journal at `path` beside whoever writes it, from one thread at a time.

    Raises `sqlite3.OperationalError` where there is none.
    """
    address = f"{path.resolve().as_uri()}?mode=ro"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


class Beside:
    """A journal that is read beside whoever writes it, by one thread at a time, from the first time it is asked for.

        with journal as db: ...

    Raises `sqlite3.OperationalError` where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def __enter__(self) -> sqlite3.Connection:
        self._one.acquire()
        try:
            if self._db is None:
                self._db = read_only(self._path)
        except BaseException:
            self._one.release()
            raise
        return self._db

    def __exit__(self, *_: object) -> None:
        self._one.release()

    def close(self) -> None:
        """Close the file; whoever asks again opens it again."""
        with self._one:
            if self._db is not None:
                self._db.close()
                self._db = None


def began_ms(path: Path | None) -> int:
    """When the journal at `path` began, and so whoever writes it to listen; 0 where that is not known (yet).

    It is read by a connection of its own, whoever else writes it.

    >>> began_ms(None)
    0
    """
    if path is None:
        return 0
    with contextlib.suppress(sqlite3.Error, msgspec.MsgspecError), contextlib.closing(read_only(path)) as db:
        row = db.execute(_FIRST).fetchone()
        return decode(row[0], Entry).at_ms if row else 0
    return 0


def open_existing(path: Path) -> Journal:
    """Open a journal that must be there. Raises `JournalError` with a plain reason."""
    if not path.is_file():
        raise JournalError(f"{path}: there is no such journal")
    db = read_only(path)
    try:
        row = db.execute("SELECT value FROM header WHERE name = 'step_ms'").fetchone()
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: is not a journal ({error})") from error
    finally:
        db.close()
    if row is None:
        raise JournalError(f"{path}: is not a journal (no header)")
    if not row[0].isdecimal():
        raise JournalError(f"{path}: is not a journal (its grid step is damaged)")
    return Journal(path, step_ms=int(row[0]))


def verify(journal: Journal) -> Verdict:
    """Replay the journal from nothing and compare every decision, chain and snapshot with what it holds.

    Raises nothing for a journal that differs: the first difference is in the verdict.
    """
    check = _Check(journal)
    try:
        check.run()
    except _Differs as differs:
        check.difference = str(differs)
    except (JournalError, ValueError, sqlite3.DatabaseError) as error:
        check.difference = str(error)
    except KeyError as missing:
        check.difference = f"entry {check.entries} names a configuration that the journal does not hold: {missing}"
    return check.verdict()


class _Differs(Exception):  # noqa: N818 - a finding, not an error
    """The first difference, in words."""


class _Check:
    """One verification under way."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._engine: Engine | None = None
        self._heads: dict[str, str] = {}
        self.entries = self.decisions = self.pages = self.unrecorded = self.probes = 0
        self.difference = ""

    def run(self) -> None:
        """Raises `_Differs` at the first difference."""
        journal = self._journal
        engine = self._engine = Engine(step_ms=journal.step_ms, contents=journal.contents())
        snapshots = dict(journal.snapshots())
        applied_seq = int(journal.header().get("applied_seq", "0"))
        held = journal.decisions(probes=True)
        for entry in journal.entries():
            self.entries += 1
            for decision in engine.apply(entry):
                self._compare(entry, decision, next(held, None), applied_seq)
            snapshot = snapshots.pop(entry.seq, None)
            if snapshot is not None and snapshot != snapshot_bytes(engine.snapshot()):
                raise _Differs(f"the snapshot at entry {entry.seq} is not the state that the entries lead to")
        left = next(held, None)
        if left is not None:
            raise _Differs(f"the journal holds a decision that no entry leads to: {left.key}")
        gone = max([applied_seq, *snapshots])
        if gone > self.entries:
            raise _Differs(f"the journal ends at entry {self.entries}, but was applied up to entry {gone}")

    def verdict(self) -> Verdict:
        """What was found."""
        brands = self._engine.brands if self._engine is not None else {}
        chains = {name: state.chain for name, state in brands.items()}
        counts = self.entries, self.decisions, self.pages
        return Verdict(*counts, chains, self.difference, self.unrecorded, self.probes)

    def _compare(self, entry: Entry, decision: Decision, recorded: Recorded | None, applied_seq: int) -> None:
        self.decisions += 1
        self.pages += decision.kind in ("Page", "Escalate")
        self.probes += decision.brand == PROBE
        if recorded is None and entry.seq > applied_seq:
            self.unrecorded += 1
            return
        body = canonical(decision)
        if recorded is None or recorded.body != body:
            raise _Differs(_difference(entry, decision, recorded))
        head = self._heads[decision.brand] = link(self._heads.get(decision.brand, CHAIN_START), body)
        if recorded.chain != head:
            raise _Differs(f"the decision chain of {decision.brand} breaks at {decision.key}")
        if (recorded.entry_seq, recorded.brand, recorded.key) != (entry.seq, decision.brand, decision.key):
            raise _Differs(
                f"decision {decision.key} of entry {entry.seq} is filed as {recorded.key} of entry "
                f"{recorded.entry_seq} and brand {recorded.brand}"
            )


def _difference(entry: Entry, decision: Decision, recorded: Recorded | None) -> str:
    said = f"entry {entry.seq} leads to {decision.kind} {decision.key} ({decision.reason})"
    if recorded is None:
        return f"{said}, which the journal does not hold"
    try:
        other = recorded.decision
    except msgspec.MsgspecError as error:
        return f"{said}; what the journal holds there cannot be read: {error}"
    fields = [
        name
        for name in Decision.__struct_fields__
        if canonical(getattr(decision, name)) != canonical(getattr(other, name))
    ]
    differ = f"they differ in {', '.join(fields)}" if fields else "its bytes are not the canonical ones"
    return f"{said}; the journal holds {other.kind} {other.key} ({other.reason}); {differ}"
