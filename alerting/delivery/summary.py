"""What was held up is told in one message when the way is back: a summary of a thread's lines, not a flood. EDGE."""

from collections.abc import Sequence

import msgspec

from alerting.delivery.outbox import OutboxRow, page_id, rank_of
from alerting.delivery.second_way import NAMES
from alerting.view import IncidentView
from alerting.words import clock_text

STALE_MS = 120_000
"""A line that waited for so long is told with those that wait behind it: longer than a page in doubt lasts."""
LINES = 12
LINE_CHARS = 200


def is_stale(row: OutboxRow, now_ms: int) -> bool:
    """Whether this is a line of a thread that was held up: for long, or until whoever it names had answered."""
    was_answered = row.kind == "mention" and not row.responders
    return was_answered or (row.kind in ("mention", "story") and not 0 <= now_ms - row.wanted_ms < STALE_MS)


def waits_with(row: OutboxRow, rows: Sequence[OutboxRow], now_ms: int) -> list[OutboxRow]:
    """Of unsettled rows the lines for the same thread that have certainly not been sent, up to the first that may have
    been, or that wakes somebody who may not have had their second way yet.
    """
    place = (row.incident, row.way, row.lane)
    found: list[OutboxRow] = []
    for one in rows:
        if (one.incident, one.way, one.lane) != place:
            continue
        if one.kind not in ("mention", "story") or one.state not in ("planned", "not_sent"):
            break
        if one.called or (one.wakes and not is_stale(one, now_ms)):
            break
        found.append(one)
    return found


def summary_of(rows: Sequence[OutboxRow]) -> OutboxRow:
    """One row in place of these. It wakes whom they wake; its people have had their second way already."""
    last = next((row for row in reversed(rows) if row.wakes), rows[-1])
    gravest = max((row.severity for row in rows), key=rank_of)
    lines = tuple(line for row in rows for line in (row.folded or (row.line,)))
    return msgspec.structs.replace(
        last,
        page_id=page_id("+".join(row.page_id for row in rows), last.way, last.to),
        kind="mention" if any(row.kind == "mention" for row in rows) else "story",
        severity=gravest,
        wakes=any(row.wakes for row in rows),
        aloud=any(row.aloud for row in rows),
        responders=tuple(dict.fromkeys(name for row in rows for name in row.responders)),
        mentions=tuple(dict.fromkeys(to for row in rows for to in row.mentions)),
        folded=lines,
        state="planned",
        attempt=0,
        due_ms=0,
        started_ms=0,
        detail="",
        wanted_ms=min(row.wanted_ms for row in rows),
        given_up=True,
        seq=0,
    )


def line_of(row: OutboxRow, view: IncidentView, now_ms: int) -> str:
    """What a row says in one line; of a summary, what happened meanwhile."""
    if not row.folded:
        return row.line
    from_text, until_text = (clock_text(at_ms, view.timezone, now_ms) for at_ms in (row.wanted_ms, now_ms))
    way = NAMES.get(row.way, row.way)
    left = len(row.folded) - LINES
    more = f" … and {left} more." if left > 0 else ""
    told = " · ".join(line[:LINE_CHARS] for line in row.folded[-LINES:])
    return f"While {way} could not be reached from {from_text} to {until_text}: {told}{more}"
