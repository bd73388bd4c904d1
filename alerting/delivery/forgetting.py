"""What was sent long ago goes: whole incidents that are over, a few rows at a time, beside the sending. EDGE.

Nothing that went can be planned again, although a page's id follows from what asked for it. Pages come from four
places. A decision is planned under its key, and `taken` keeps that key for ever: handed over again it plans nothing.
Another way and a summary are planned from rows that wait or failed untold, and an incident with one of those stays.
And a new decision about an old incident has a key of its own; an incident that is over opens again within a day or
never, so that after a month there is none.
"""

from typing import NamedTuple

import msgspec

from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.outbox_reading import OPEN, UNTOLD
from stream.codec import decode
from stream.sources.store import transaction

LOOKED_AT = 200
"""Rows that are looked at in one go: their incidents go whole."""


class Forgotten(NamedTuple):
    """What one look came to."""

    pages: int
    """How many rows went."""
    place: int | None
    """From which row on to look next; `None`: there is nothing older beyond it."""


def forget(outbox: Outbox, before_ms: int, place: int = 0, most: int = LOOKED_AT) -> Forgotten:
    """Remove the pages, the view and the edits of incidents that are over and of which nothing was sent since
    `before_ms`, among the next `most` rows after `place`. Raises `StoreError`.

    >>> box = Outbox(None)
    >>> forget(box, 1_000)
    Forgotten(pages=0, place=None)
    """
    found = outbox.db.execute("SELECT seq, body FROM pages WHERE seq > ? ORDER BY seq LIMIT ?", (place, most))
    rows = [msgspec.structs.replace(decode(body, OutboxRow), seq=seq) for seq, body in found.fetchall()]
    old = [name for name in dict.fromkeys(row.incident for row in rows) if _is_over(outbox, name, before_ms)]
    gone = 0
    if old:
        with transaction(outbox.db, "outbox.forget"):
            gone = sum(_remove(outbox, incident) for incident in old)
    # Rows lie in the order in which they were planned: behind one that is young there is none that is old.
    more = len(rows) == most and _touched_ms(rows[-1]) < before_ms
    return Forgotten(gone, rows[-1].seq if more else None)


def _is_over(outbox: Outbox, incident: str, before_ms: int) -> bool:
    view = outbox.view(incident)
    if view is not None and not view.over:
        return False
    waits = f"SELECT 1 FROM pages WHERE incident = ? AND ({OPEN} OR {UNTOLD})"
    if outbox.db.execute(waits, (incident,)).fetchone() is not None:
        return False
    return all(0 < _touched_ms(row) < before_ms for row in outbox.pages(incident))


def _touched_ms(row: OutboxRow) -> int:
    """When it was due first, or sent last."""
    return max(row.wanted_ms, row.started_ms)


def _remove(outbox: Outbox, incident: str) -> int:
    its = "SELECT page_id FROM pages WHERE incident = ?"
    outbox.db.execute(f"DELETE FROM edits WHERE page_id IN ({its})", (incident,))
    outbox.db.execute("DELETE FROM views WHERE incident = ?", (incident,))
    return outbox.db.execute("DELETE FROM pages WHERE incident = ?", (incident,)).rowcount
