"""EDGE. The changes of an outbox, as records of the topic `deliveries`: captured as they happen, and applied elsewhere.

Triggers note which rows a transaction changed, in that very transaction; `drain` gives them as they stand then. Each
row has a key of its own, so that the topic may be compacted, and whoever reads it to its end has the outbox.

A log has no transactions over several keys, so the order within a drain is such that a beginning of it does no harm: a
decision counts as taken, and what was read as read, only after everything that came of it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from alerting.delivery.outbox import Outbox
from stream.codec import canonical

KINDS = ("view", "page", "edit", "taken", "note")
"""What a key begins with, in the order in which changes are handed out."""
_TABLES = {
    "view": ("views", ("incident", "revision", "view")),
    "page": ("pages", ("page_id", "seq", "incident", "way", "kind", "state", "reported", "body")),
    "edit": ("edits", ("page_id", "shown", "due_ms")),
    "taken": ("taken", ("key",)),
    "note": ("notes", ("name", "value")),
}
"""By kind: the table, and its columns, the one that is the key first."""
_BLOBS = ("view", "body")
_SETUP = """
CREATE TEMP TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TEMP TABLE IF NOT EXISTS changes (n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL);
"""
AT_ONCE = 500


class Change(NamedTuple):
    """One row as it is now: `value` is `None` where it is gone."""

    key: str
    value: bytes | None


class OutboxJournal:
    """What changes in an outbox from `capture` on, and the notes that are kept beside it: how far was read, what was
    said. Until then it takes in what another wrote.

    >>> box, copy = Outbox(None), Outbox(None)
    >>> journal, other = OutboxJournal(box), OutboxJournal(copy)
    >>> journal.capture()
    >>> _ = box.plan([], key="acme-0/1/OpenIncident")
    >>> journal.note("decisions/0", "1")
    >>> changes = journal.drain()
    >>> [key for key, _ in changes]
    ['taken/acme-0/1/OpenIncident', 'note/decisions/0']
    >>> other.apply(changes)
    >>> copy.taken("acme-0/1/OpenIncident"), other.notes()
    (True, {'decisions/0': '1'})
    """

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._db = outbox.db
        self._db.executescript(_SETUP)

    # ---- writing down

    def capture(self) -> None:
        """Note every change from here on: the outbox is ours now, and shows what was applied to it."""
        self.outbox.look_again()
        for kind, (table, columns) in _TABLES.items():
            for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
                schema = "temp" if table == "notes" else "main"
                self._db.execute(
                    f"CREATE TEMP TRIGGER IF NOT EXISTS {kind}_{event.lower()} AFTER {event} ON {schema}.{table} BEGIN "
                    f"INSERT INTO changes (kind, name) VALUES ('{kind}', {row}.{columns[0]}); END"
                )

    def release(self) -> None:
        """Note nothing any more, and forget what was noted: the outbox is another's from here on."""
        for kind in _TABLES:
            for event in ("insert", "update", "delete"):
                self._db.execute(f"DROP TRIGGER IF EXISTS temp.{kind}_{event}")
        self._db.execute("DELETE FROM changes")

    def forget(self, notes: Iterable[str]) -> None:
        """Keep these notes no longer, whatever comes after their names."""
        for name in notes:
            self._db.execute("DELETE FROM notes WHERE name = ? OR name LIKE ? || '/%'", (name, name))

    def note(self, name: str, value: str) -> None:
        """Keep a word beside the outbox. The same again changes nothing."""
        self._db.execute(
            "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value "
            "WHERE value != excluded.value",
            (name, value),
        )

    def notes(self) -> dict[str, str]:
        """What is kept beside the outbox."""
        return dict(self._db.execute("SELECT name, value FROM notes ORDER BY name").fetchall())

    @staticmethod
    def words_of(value: bytes) -> str | None:
        """What a note says, by its row; `None` where that is none."""
        try:
            return msgspec.json.decode(value, type=tuple[str])[0]
        except msgspec.MsgspecError:
            return None

    @property
    def has_news(self) -> bool:
        """Whether anything changed since it was drained."""
        return self._db.execute("SELECT 1 FROM changes LIMIT 1").fetchone() is not None

    def drain(self) -> list[Change]:
        """What changed since the last time, each row once, as it is now. To be asked between transactions."""
        found: dict[tuple[str, str], None] = {}
        rows = self._db.execute("SELECT n, kind, name FROM changes ORDER BY n").fetchall()
        for _, kind, name in rows:
            found.setdefault((kind, name))
        if rows:
            self._db.execute("DELETE FROM changes WHERE n <= ?", (rows[-1][0],))
        ordered = sorted((self._row(kind, name) for kind, name in found), key=lambda one: one[0])
        return [change for _, change in ordered]

    def again(self, keys: Iterable[str]) -> None:
        """Hand these out anew, as they stand: somebody else wrote under their keys."""
        for key in keys:
            kind, _, name = key.partition("/")
            if kind in _TABLES:
                self._db.execute("INSERT INTO changes (kind, name) VALUES (?, ?)", (kind, name))

    def all_again(self) -> None:
        """Hand everything out anew: the log was lost."""
        for kind, (table, columns) in _TABLES.items():
            order = "seq" if kind == "page" else columns[0]
            self._db.execute(
                f"INSERT INTO changes (kind, name) SELECT '{kind}', {columns[0]} FROM {table} ORDER BY {order}"
            )

    def _row(self, kind: str, name: str) -> tuple[tuple[int, bool], Change]:
        table, columns = _TABLES[kind]
        found = self._db.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {columns[0]} = ?", (name,)).fetchone()
        key, place = f"{kind}/{name}", KINDS.index(kind)
        if found is None:
            return (place, False), Change(key, None)
        row = dict(zip(columns, found, strict=True))
        # What is told in another message goes after that message.
        last = row.get("state") == "cancelled"
        values = [str(value, "utf-8") if isinstance(value, bytes) else value for value in found[1:]]
        return (place, last), Change(key, canonical(values))

    # ---- taking in

    def apply(self, changes: Iterable[Change]) -> None:
        """Take in rows that another wrote, in their order. Raises `ValueError` for what is none of ours."""
        for key, value in changes:
            kind, _, name = key.partition("/")
            if kind not in _TABLES:
                raise ValueError(f"{kind!r} is no table of an outbox")
            table, columns = _TABLES[kind]
            if value is None:
                self._db.execute(f"DELETE FROM {table} WHERE {columns[0]} = ?", (name,))
                continue
            row = [name, *_read(value, columns[1:])]
            marks = ", ".join("?" * len(columns))
            self._db.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})", row)


def _read(value: bytes, columns: tuple[str, ...]) -> list[object]:
    try:
        found = msgspec.json.decode(value, type=list[str | int])
    except msgspec.MsgspecError as error:
        raise ValueError(f"unreadable row: {error}") from None
    if len(found) != len(columns):
        raise ValueError(f"a row of {len(found)} columns, and not {len(columns)}")
    named = zip(columns, found, strict=True)
    return [one.encode() if name in _BLOBS and isinstance(one, str) else one for name, one in named]
