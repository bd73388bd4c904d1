"""The outbox: every page before, while and after it is sent, in SQLite. EDGE.

    planned -> sending -> sent
                       -> not_sent -> sending ...          (certain: safe to send again)
                       -> unknown  -> sent | not_sent      (settled by reading the channel's history)
                       -> failed                           (no use in trying again)
    planned | not_sent -> cancelled                        (somebody acknowledged before it was sent, or it was told
                                                            in another message)

A page's id follows from the decision, the way and the address, so the same decision taken twice is the same page.
`sending` is on the disk before the first byte leaves; what a crash left there becomes `unknown`, never "failed" and
never "not sent": pagers that guess here lose or double pages.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from alerting.delivery.outbox_reading import OPEN, UNTOLD, OutboxReading
from alerting.delivery.rows import LONGEST_WAIT_MS, UNSETTLED, OutboxRow, State, page_id, rank_of
from alerting.delivery.slack import is_shared
from alerting.delivery.ways import Outcome
from alerting.view import IncidentView
from stream import crash
from stream.codec import canonical
from stream.sources.store import open_store, transaction

__all__ = ["LONGEST_WAIT_MS", "UNSETTLED", "Outbox", "OutboxRow", "State", "page_id", "rank_of"]

VERSION = 1
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS pages (
    seq INTEGER PRIMARY KEY,
    page_id TEXT NOT NULL UNIQUE,
    incident TEXT NOT NULL,
    way TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    reported TEXT NOT NULL DEFAULT '',
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS pages_unsettled ON pages (state, seq);
CREATE INDEX IF NOT EXISTS pages_open ON pages (seq) WHERE {OPEN};
CREATE INDEX IF NOT EXISTS pages_untold ON pages (seq) WHERE {UNTOLD};
CREATE INDEX IF NOT EXISTS pages_incident ON pages (incident, seq);
CREATE TABLE IF NOT EXISTS taken (key TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS views (incident TEXT PRIMARY KEY, revision INTEGER NOT NULL, view BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS edits (page_id TEXT PRIMARY KEY, shown INTEGER NOT NULL, due_ms INTEGER NOT NULL);
"""


class Outbox(OutboxReading):
    """The one store of pages. One process owns it.

    >>> box = Outbox(None)
    >>> row = OutboxRow(page_id="p1", brand="a", incident="a-0", key="a-0/1/Page", way="slack", to="C1", kind="card")
    >>> box.plan([row]), box.plan([row]), box.repeats
    (1, 0, 1)
    """

    def __init__(self, path: Path | None) -> None:
        """Open the outbox at `path`, in memory for `None`. Raises `StoreError`."""
        super().__init__(open_store(path, SCHEMA, version=VERSION))
        self.repeats = 0
        """Pages and decisions dropped because they were known."""

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # ---- planning

    def plan(self, rows: Sequence[OutboxRow], *, key: str = "", view: IncidentView | None = None) -> int:
        """Write what is to be sent, all or nothing, with the decision's `key` and the incident's new `view`. What is
        known is dropped and counted. Returns how many pages are new.
        """
        crash.here("outbox.plan.before")
        with transaction(self._db, "outbox.plan.commit"):
            if key and not self._insert("INSERT OR IGNORE INTO taken VALUES (?)", (key,)):
                self.repeats += 1
                return 0
            new = sum(self._plan_one(row) for row in rows)
            if view is not None:
                self._put_view(view)
        self.repeats += len(rows) - new
        crash.here("outbox.plan.after")
        return new

    def _plan_one(self, row: OutboxRow) -> bool:
        sql = "INSERT OR IGNORE INTO pages (page_id, incident, way, kind, state, body) VALUES (?, ?, ?, ?, ?, ?)"
        return self._insert(sql, (row.page_id, row.incident, row.way, row.kind, row.state, canonical(row)))

    def _insert(self, sql: str, values: tuple[Any, ...]) -> bool:
        return self._db.execute(sql, values).rowcount == 1

    # ---- sending

    def begin(self, page_id: str, attempt: int, now_ms: int) -> OutboxRow:
        """Note, durably, that an attempt begins: called right before the first byte leaves."""
        crash.here("outbox.sending.before")
        row = self._change(page_id, state="sending", attempt=attempt, started_ms=now_ms)
        crash.here("outbox.sending.after")
        return row

    def settle(self, page_id: str, outcome: Outcome, now_ms: int) -> OutboxRow:
        """Note what became of an attempt. A page that is known to be sent stays sent."""
        row = self.row(page_id)
        if row.state == "sent":
            return row
        crash.here("outbox.sent.before")
        state: State = "failed" if outcome.kind == "permanent" else outcome.kind
        row = self._change(
            page_id,
            state=state,
            channel=outcome.channel or row.channel,
            ts=outcome.ts or row.ts,
            detail=outcome.detail,
            due_ms=now_ms + outcome.retry_ms,
        )
        crash.here("outbox.sent.after")
        self._changed[row.incident] = None
        return row

    def postpone(self, page_id: str, due_ms: int) -> None:
        """Look at a page again later; its state stays."""
        self._change(page_id, due_ms=due_ms)

    def begun(self, page_id: str, now_ms: int) -> None:
        """Count the last attempt from now on: the clock that told when it began has gone back."""
        self._change(page_id, started_ms=now_ms, due_ms=now_ms)

    def cancel(self, page_id: str, detail: str) -> OutboxRow:
        """Nobody needs this page any more."""
        return self._change(page_id, state="cancelled", detail=detail)

    def cancel_incident(self, incident: str, *, over: bool = False) -> int:
        """Cancel what would still wake somebody for this incident, or, where it is `over`, call anybody in. What is
        under way or unknown is settled first. Where everybody reads along, what was heard by another way still stands,
        and so does the card of an incident that is not over; but they name nobody.
        """
        rows = self._rows("incident = ? AND state IN ('planned', 'not_sent')", (incident,))
        gone = self._rows("incident = ? AND state IN ('sent', 'sending', 'unknown')", (incident,))
        wakes = [row for row in rows if row.wakes or (over and row.called)]
        with transaction(self._db, "outbox.cancel"):
            for row in wakes:
                told = row.kind in ("card", "mention") and any(one.tells_otherwise(row) for one in gone)
                stands = told or (row.kind == "card" and not over)
                if row.folded or (stands and is_shared(row.lane or row.to)):  # it tells a story too, and that goes on
                    quiet = {"wakes": False, "called": False, "aloud": False, "mentions": (), "responders": ()}
                    self._write(msgspec.structs.replace(row, **quiet))
                else:
                    self._write(msgspec.structs.replace(row, state="cancelled", detail="answered before it was sent"))
        return len(wakes)

    def recover(self) -> int:
        """After a start: what was being sent may have arrived, so it is unknown. Returns how many."""
        rows = self._rows("state = 'sending'")
        with transaction(self._db, "outbox.recover"):
            for row in rows:
                self._write(msgspec.structs.replace(row, state="unknown", detail="the process ended while it was sent"))
        return len(rows)

    # ---- other ways, and what was held up

    def plan_instead(self, rows: Sequence[OutboxRow], forward: Sequence[str], now_ms: int) -> int:
        """Plan pages by another way, and want now what was planned for later: all or nothing. Returns how many are new;
        what is known stays as it is.
        """
        with transaction(self._db, "outbox.instead"):
            new = sum(self._plan_one(row) for row in rows)
            for name in forward:
                row = self.row(name)
                if row.state == "planned":
                    self._write(msgspec.structs.replace(row, due_ms=now_ms, wanted_ms=now_ms, after_ms=0))
        return new

    def fold(self, rows: Sequence[OutboxRow], summary: OutboxRow) -> None:
        """One message in place of several that were not sent: all or nothing."""
        with transaction(self._db, "outbox.fold"):
            self._plan_one(summary)
            for row in rows:
                self._write(msgspec.structs.replace(row, state="cancelled", told_in=summary.page_id))

    def give_up(self, page_id: str) -> None:
        """The core was told that nobody is reached by this page; it is tried on."""
        self._change(page_id, given_up=True)

    # ---- reports

    def reported(self, row: OutboxRow) -> None:
        """The core was told of this state of the page."""
        self._db.execute("UPDATE pages SET reported = ? WHERE page_id = ?", (row.state, row.page_id))

    # ---- what the card shows

    def save_view(self, view: IncidentView) -> None:
        """Show the incident like this from now on; its cards are edited. A view that says the same changes nothing."""
        with transaction(self._db, "outbox.view"):
            self._put_view(view)

    def _put_view(self, view: IncidentView) -> None:
        # People's words stay in the erasable text store: the outbox keeps names of posts.
        body = canonical(msgspec.structs.replace(view, posts=()))
        self._db.execute(
            "INSERT INTO views VALUES (?, 1, ?) ON CONFLICT (incident) DO UPDATE SET revision = revision + 1, "
            "view = excluded.view WHERE view != excluded.view",
            (view.incident, body),
        )
        self._changed[view.incident] = None

    def edited(self, page_id: str, *, shown: int | None = None, due_ms: int = 0) -> None:
        """The card shows this revision; or, without one, is to be tried again at `due_ms`."""
        self._db.execute(
            "INSERT INTO edits VALUES (?1, coalesce(?2, 0), ?3) ON CONFLICT (page_id) DO UPDATE SET "
            "shown = CASE WHEN ?2 IS NULL THEN shown ELSE max(shown, ?2) END, due_ms = ?3",
            (page_id, shown, due_ms),
        )

    def show_again(self, incidents: Sequence[str], said: Sequence[str] = ()) -> list[OutboxRow]:
        """What was shown of these incidents, and every line that quotes one of the notes `said`, is made anew: words in
        it were erased. Returns the messages that arrived and may hold those words.
        """
        old: list[OutboxRow] = []
        with transaction(self._db, "outbox.again"):
            shown = [digest.encode() for digest in said]
            saying = "SELECT incident FROM views WHERE instr(view, ?) > 0"
            drafted = [incident for digest in shown for (incident,) in self._db.execute(saying, (digest,))]
            for incident in dict.fromkeys([*incidents, *drafted]):
                self._db.execute("UPDATE views SET revision = revision + 1 WHERE incident = ?", (incident,))
                old += self._rows("incident = ? AND kind IN ('card', 'page')", (incident,))
            for digest in said:
                rows = [row for row in self._rows("instr(body, ?) > 0", (digest.encode(),)) if row.said == digest]
                for row in rows:
                    again = "ON CONFLICT (page_id) DO UPDATE SET shown = -1, due_ms = 0"
                    self._db.execute(f"INSERT INTO edits VALUES (?, -1, 0) {again}", (row.page_id,))
                old += rows
        self._changed.update(dict.fromkeys([*incidents, *(row.incident for row in old)]))
        return [row for row in old if row.state in ("sent", "sending", "unknown")]

    # ---- rows and their bytes

    def _change(self, page_id: str, **changes: Any) -> OutboxRow:
        row = msgspec.structs.replace(self.row(page_id), **changes)
        self._write(row)
        return row

    def _write(self, row: OutboxRow) -> None:
        body = canonical(msgspec.structs.replace(row, seq=0))
        self._db.execute("UPDATE pages SET state = ?, body = ? WHERE seq = ?", (row.state, body, row.seq))
