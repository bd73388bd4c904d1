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

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from alerting.delivery.ways import Outcome, RowKind
from alerting.facts import SEVERITIES
from alerting.view import IncidentView
from stream import crash
from stream.codec import canonical, decode
from stream.sources.store import open_store, transaction

VERSION = 1
State = Literal["planned", "sending", "sent", "not_sent", "unknown", "failed", "cancelled"]
LONGEST_WAIT_MS = 120_000
"""Nothing that failed is put off for longer: what seems to be was put off by a clock that has gone back since."""
UNSETTLED = ("planned", "sending", "not_sent", "unknown")

SCHEMA = """
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
CREATE INDEX IF NOT EXISTS pages_incident ON pages (incident, seq);
CREATE TABLE IF NOT EXISTS taken (key TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS views (incident TEXT PRIMARY KEY, revision INTEGER NOT NULL, view BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS edits (page_id TEXT PRIMARY KEY, shown INTEGER NOT NULL, due_ms INTEGER NOT NULL);
"""


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One page, and where it stands."""

    page_id: str
    brand: str
    incident: str
    key: str
    """Of the decision that asked for it."""
    way: str
    to: str
    lane: str = ""
    """Where the order is kept: the channel it goes to. The same as `to`, but for lines of a thread."""
    kind: RowKind
    severity: str = "low"
    wakes: bool = False
    """Cancelled by an acknowledgement."""
    aloud: bool = False
    responders: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    """Ids of people and groups to be named, from configuration."""
    line: str = ""
    said: str = ""
    """Digest of what a person wrote and the line quotes: the words are fetched when it is sent, and not kept here."""
    state: State = "planned"
    attempt: int = 0
    due_ms: int = 0
    started_ms: int = 0
    """When the last attempt began."""
    channel: str = ""
    ts: str = ""
    detail: str = ""
    wanted_ms: int = 0
    """When it was due first, whatever held it up since."""
    after_ms: int = 0
    """How long after the decision it was to go out (0: at once): a way that comes later."""
    instead_of: str = ""
    """The page whose people this one reaches by another way."""
    given_up: bool = False
    """The core was told that nobody is reached by it, although it is still tried."""
    told_in: str = ""
    """The page that tells what this one would have told."""
    folded: tuple[str, ...] = ()
    """The lines that this one message tells, of those that were held up."""
    seq: int = 0

    def is_later(self, now_ms: int) -> bool:
        """Whether its way comes after a delay that is not over."""
        return self.state == "planned" and self.after_ms > 0 and now_ms < self.wanted_ms <= now_ms + self.after_ms


def page_id(key: str, way: str, to: str) -> str:
    """The id of a page: the same decision, way and address give the same one.

    >>> page_id("acme-1/2/Page", "slack", "C1") == page_id("acme-1/2/Page", "slack", "C1")
    True
    >>> len(page_id("acme-1/2/Page", "slack", "C1"))
    16
    """
    return hashlib.sha256(canonical([key, way, to])).hexdigest()[:16]


def rank_of(severity: str) -> int:
    """Where a severity stands among all; one that is not known is the lowest."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


class Outbox:
    """The one store of pages. One process owns it.

    >>> box = Outbox(None)
    >>> row = OutboxRow(page_id="p1", brand="a", incident="a-0", key="a-0/1/Page", way="slack", to="C1", kind="card")
    >>> box.plan([row]), box.plan([row]), box.repeats
    (1, 0, 1)
    """

    def __init__(self, path: Path | None) -> None:
        """Open the outbox at `path`, in memory for `None`. Raises `StoreError`."""
        self._db = open_store(path, SCHEMA, version=VERSION)
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

    def taken(self, key: str) -> bool:
        """Whether this decision was taken in before."""
        return self._db.execute("SELECT 1 FROM taken WHERE key = ?", (key,)).fetchone() is not None

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

    def cancel_incident(self, incident: str) -> int:
        """Cancel what would still wake somebody for this incident. What is under way or unknown is settled first."""
        rows = self._rows("incident = ? AND state IN ('planned', 'not_sent')", (incident,))
        wakes = [row for row in rows if row.wakes]
        with transaction(self._db, "outbox.cancel"):
            for row in wakes:
                if row.folded:  # it tells a story too, and that goes on
                    self._write(msgspec.structs.replace(row, wakes=False, aloud=False, mentions=(), responders=()))
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

    def of_decision(self, incident: str, key: str) -> list[OutboxRow]:
        """The pages of one decision that wake somebody, in order."""
        rows = self._rows("incident = ? AND kind != 'story'", (incident,))
        return [row for row in rows if row.key == key and row.wakes]

    def untold_failures(self) -> list[OutboxRow]:
        """Failed pages that the core was not told of yet, in order."""
        return self._rows("state = 'failed' AND kind != 'story' AND reported != 'failed'")

    # ---- reading

    def row(self, page_id: str) -> OutboxRow:
        """One page. Raises `KeyError`."""
        rows = self._rows("page_id = ?", (page_id,))
        if not rows:
            raise KeyError(page_id)
        return rows[0]

    def due(self, now_ms: int) -> list[OutboxRow]:
        """What may be sent now: the incident with the gravest page first, and within an incident, for each place, in
        the order in which it was decided. What waits for an earlier one, or for its card, is not due.
        """
        held: set[tuple[str, str, str]] = set()
        due: list[OutboxRow] = []
        for row in self.unsettled():
            place = (row.incident, row.way, row.lane or row.to)
            if place in held:
                continue
            if row.is_later(now_ms):  # it holds up nothing
                continue
            if row.state in ("planned", "not_sent") and not now_ms < row.due_ms <= now_ms + LONGEST_WAIT_MS:
                due.append(row)
            held.add(place)
        gravest: dict[str, tuple[int, int]] = {}
        for row in due:
            rank, seq = gravest.get(row.incident, (0, -row.seq))
            gravest[row.incident] = max(rank, rank_of(row.severity)), max(seq, -row.seq)
        return sorted(due, key=lambda row: (-gravest[row.incident][0], -gravest[row.incident][1], row.seq))

    def unsettled(self) -> list[OutboxRow]:
        """Everything that is neither sent, failed nor cancelled, in order."""
        return self._rows(f"state IN ({', '.join('?' * len(UNSETTLED))})", UNSETTLED)

    def unknown(self) -> list[OutboxRow]:
        """What may or may not have arrived."""
        return self._rows("state = 'unknown'")

    def card(self, incident: str, way: str) -> OutboxRow | None:
        """The incident's card on this way: sent, or still to be."""
        rows = self._rows("incident = ? AND way = ? AND kind = 'card'", (incident, way))
        return next((row for row in reversed(rows) if row.state not in ("failed", "cancelled")), None)

    def card_of(self, incident: str, way: str = "slack") -> tuple[str, str] | None:
        """Channel and `ts` of the incident's card, once it is there."""
        row = self.card(incident, way)
        return (row.channel, row.ts) if row is not None and row.state == "sent" else None

    def cards(self, way: str, limit: int = 200) -> list[OutboxRow]:
        """The cards that were sent last on this way, in order."""
        recent = "seq IN (SELECT seq FROM pages WHERE way = ? AND kind = 'card' AND state = 'sent' ORDER BY seq DESC"
        return self._rows(f"{recent} LIMIT ?)", (way, limit))

    def pages(self, incident: str) -> list[OutboxRow]:
        """Everything ever planned for an incident, in order."""
        return self._rows("incident = ?", (incident,))

    # ---- reports

    def unreported(self) -> list[OutboxRow]:
        """Pages whose outcome the core was not told yet."""
        return self._rows("state IN ('sent', 'failed', 'unknown') AND kind != 'story' AND reported != state")

    def reported(self, row: OutboxRow) -> None:
        """The core was told of this state of the page."""
        self._db.execute("UPDATE pages SET reported = ? WHERE page_id = ?", (row.state, row.page_id))

    # ---- what the card shows

    def view(self, incident: str) -> IncidentView | None:
        """The incident as it is shown."""
        found = self._db.execute("SELECT view FROM views WHERE incident = ?", (incident,)).fetchone()
        return decode(found[0], IncidentView) if found else None

    def save_view(self, view: IncidentView) -> None:
        """Show the incident like this from now on; its cards are edited. A view that says the same changes nothing."""
        with transaction(self._db, "outbox.view"):
            self._put_view(view)

    def revision(self, incident: str) -> int:
        """How often the view has changed."""
        found = self._db.execute("SELECT revision FROM views WHERE incident = ?", (incident,)).fetchone()
        return int(found[0]) if found else 0

    def _put_view(self, view: IncidentView) -> None:
        # People's words stay in the erasable text store: the outbox keeps names of posts.
        body = canonical(msgspec.structs.replace(view, posts=()))
        self._db.execute(
            "INSERT INTO views VALUES (?, 1, ?) ON CONFLICT (incident) DO UPDATE SET revision = revision + 1, "
            "view = excluded.view WHERE view != excluded.view",
            (view.incident, body),
        )

    def edits(self, now_ms: int) -> list[OutboxRow]:
        """Cards, and messages with buttons, that show an older view than there is."""
        return self._rows(
            "kind IN ('card', 'page') AND state = 'sent' AND EXISTS (SELECT 1 FROM views "
            "LEFT JOIN edits ON edits.page_id = pages.page_id "
            "WHERE views.incident = pages.incident AND views.revision > coalesce(edits.shown, 0) "
            "AND coalesce(edits.due_ms, 0) <= ?)",
            (now_ms,),
        )

    def edited(self, page_id: str, *, shown: int | None = None, due_ms: int = 0) -> None:
        """The card shows this revision; or, without one, is to be tried again at `due_ms`."""
        self._db.execute(
            "INSERT INTO edits VALUES (?, ?, ?) ON CONFLICT (page_id) DO UPDATE SET "
            "shown = max(shown, excluded.shown), due_ms = excluded.due_ms",
            (page_id, shown or 0, due_ms),
        )

    # ---- rows and their bytes

    def _rows(self, where: str, values: Iterable[Any] = ()) -> list[OutboxRow]:
        found = self._db.execute(f"SELECT seq, body FROM pages WHERE {where} ORDER BY seq", tuple(values))
        return [msgspec.structs.replace(decode(body, OutboxRow), seq=seq) for seq, body in found.fetchall()]

    def _change(self, page_id: str, **changes: Any) -> OutboxRow:
        row = msgspec.structs.replace(self.row(page_id), **changes)
        self._write(row)
        return row

    def _write(self, row: OutboxRow) -> None:
        body = canonical(msgspec.structs.replace(row, seq=0))
        self._db.execute("UPDATE pages SET state = ?, body = ? WHERE seq = ?", (row.state, body, row.seq))
