"""What the outbox knows, read only: what is due, what is in doubt, what was not told yet, which cards are out of date.

Each of these is asked four times a second, so none may grow with all that was ever sent: what is settled and told is
reached by incident alone.
"""

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from alerting.delivery.rows import LONGEST_WAIT_MS, OutboxRow, rank_of
from alerting.view import IncidentView
from stream.codec import decode

UNTOLD = "state IN ('sent', 'failed', 'unknown') AND kind != 'story' AND reported != state"
OPEN = "state IN ('planned', 'sending', 'not_sent', 'unknown')"
"""As their indexes have it: else SQLite does not use them."""
_OUTDATED = """FROM pages JOIN views ON views.incident = pages.incident LEFT JOIN edits ON edits.page_id = pages.page_id
WHERE pages.state = 'sent' AND (pages.kind IN ('card', 'page') AND views.revision > coalesce(edits.shown, 0)
OR edits.shown < 0)"""
DECODED = 8_192
"""Rows kept decoded: what waits is looked at again and again, and seldom changes."""


class OutboxReading:
    """Reads the pages of a store that `Outbox` keeps."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._changed: dict[str, None] = {}
        """Incidents whose cards may show an older view than there is."""
        self.look_again()

    @property
    def db(self) -> sqlite3.Connection:
        """The store itself, for whoever follows what changes in it, or fills it; see `look_again`."""
        return self._db

    def look_again(self) -> None:
        """Look at every card: the tables may have been filled by another hand."""
        changed = self._db.execute(f"SELECT DISTINCT pages.incident {_OUTDATED} ORDER BY pages.seq")
        self._changed = dict.fromkeys(incident for (incident,) in changed.fetchall())

    # ---- pages

    def row(self, page_id: str) -> OutboxRow:
        """One page. Raises `KeyError`."""
        rows = self._rows("page_id = ?", (page_id,))
        if not rows:
            raise KeyError(page_id)
        return rows[0]

    def due(self, now_ms: int) -> list[OutboxRow]:
        """What may be sent now: incidents with somebody to be woken before those with a story to be told, the gravest
        first; and within an incident, for each place, in the order in which it was decided. What waits for an earlier
        one, or for its card, is not due, but what it waits for goes as early as it should itself.
        """
        held: set[tuple[str, str, str]] = set()
        due: list[OutboxRow] = []
        gravest: dict[str, tuple[bool, int, int]] = {}
        for row in self.unsettled():
            if row.is_later(now_ms):  # it holds up nothing
                continue
            can_go = row.state in ("planned", "not_sent") and not now_ms < row.due_ms <= now_ms + LONGEST_WAIT_MS
            if can_go:
                woken, rank, seq = gravest.get(row.incident, (False, 0, -row.seq))
                gravest[row.incident] = woken or row.reaches, max(rank, rank_of(row.severity)), seq
            place = (row.incident, row.way, row.lane or row.to)
            if place not in held and can_go:
                due.append(row)
            held.add(place)
        return sorted(due, key=lambda row: (*(-one for one in gravest[row.incident]), row.seq))

    def unsettled(self) -> list[OutboxRow]:
        """Everything that is neither sent, failed nor cancelled, in order."""
        return self._rows(OPEN, index="pages_open")

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

    def of_decision(self, incident: str, key: str) -> list[OutboxRow]:
        """The pages of one decision that must reach somebody, in order."""
        rows = self._rows("incident = ? AND kind != 'story'", (incident,))
        return [row for row in rows if row.key == key and row.reaches]

    # ---- the core

    def taken(self, key: str) -> bool:
        """Whether this decision was taken in before."""
        return self._db.execute("SELECT 1 FROM taken WHERE key = ?", (key,)).fetchone() is not None

    def unreported(self) -> list[OutboxRow]:
        """Pages whose outcome the core was not told yet."""
        return self._rows(UNTOLD, index="pages_untold")

    def untold_failures(self) -> list[OutboxRow]:
        """Failed pages that the core was not told of yet, in order."""
        return [row for row in self.unreported() if row.state == "failed"]

    # ---- what the card shows

    def view(self, incident: str) -> IncidentView | None:
        """The incident as it is shown."""
        found = self._db.execute("SELECT view FROM views WHERE incident = ?", (incident,)).fetchone()
        return _shown(found[0]) if found else None

    def views(self) -> list[IncidentView]:
        """Every incident that is shown, in the order of their names."""
        found = self._db.execute("SELECT view FROM views ORDER BY incident")
        return [_shown(body) for (body,) in found.fetchall()]

    def revision(self, incident: str) -> int:
        """How often the view has changed."""
        found = self._db.execute("SELECT revision FROM views WHERE incident = ?", (incident,)).fetchone()
        return int(found[0]) if found else 0

    def edits(self, now_ms: int) -> list[OutboxRow]:
        """Cards, and messages with buttons, that show an older view than there is, and whatever is to be shown again;
        as far as it may be edited now.
        """
        found: list[OutboxRow] = []
        for incident in list(self._changed):
            outdated = self._outdated(incident)
            if not outdated:
                del self._changed[incident]
            found += [row for row, due_ms in outdated if due_ms <= now_ms]
        return sorted(found, key=lambda row: row.seq)

    def _outdated(self, incident: str) -> list[tuple[OutboxRow, int]]:
        """Messages of an incident that show an older view than there is, and when they may be edited."""
        found = self._db.execute(
            f"SELECT seq, body, coalesce(edits.due_ms, 0) {_OUTDATED} AND pages.incident = ?", (incident,)
        )
        return [(_decoded(seq, body), due_ms) for seq, body, due_ms in found.fetchall()]

    # ---- bytes

    def _rows(self, where: str, values: Iterable[Any] = (), *, index: str = "") -> list[OutboxRow]:
        by = f"INDEXED BY {index}" if index else ""
        found = self._db.execute(f"SELECT seq, body FROM pages {by} WHERE {where} ORDER BY seq", tuple(values))
        return [_decoded(seq, body) for seq, body in found.fetchall()]


@lru_cache(DECODED)
def _decoded(seq: int, body: bytes) -> OutboxRow:
    return msgspec.structs.replace(decode(body, OutboxRow), seq=seq)


@lru_cache(256)
def _shown(body: bytes) -> IncidentView:
    return decode(body, IncidentView)
