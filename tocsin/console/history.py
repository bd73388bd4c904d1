"""EDGE. What was heard of each brand, minute by minute, against what was usual: the console's own memory.

A minute is kept for 35 days and an hour for 400. It is a projection: nothing is decided by it, it may be thrown away,
and a start without it begins anew. What was not heard is a gap, never a zero.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from alerting.facts import SEVERITIES
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.sources.store import open_store, transaction
from tocsin.brand_now import RECENT_MS
from tocsin.console.seen_brand import SPANS_MS, HistorySeen, Span

FILE = "console.db"
KEPT_MINUTES_MS = 35 * DAY_MS
KEPT_HOURS_MS = 400 * DAY_MS
SETTLED_MS = 2 * HOUR_MS
"""So long after its end an hour changes no more: posts come up to 90 minutes late."""

_COLUMNS = """
    brand TEXT NOT NULL, start_ms INTEGER NOT NULL, minutes INTEGER NOT NULL, posts INTEGER NOT NULL,
    judged INTEGER NOT NULL, negative INTEGER NOT NULL, usual INTEGER NOT NULL, expected_milli INTEGER NOT NULL,
    lower_milli INTEGER NOT NULL, upper_milli INTEGER NOT NULL, severity INTEGER NOT NULL, blind INTEGER NOT NULL,
    PRIMARY KEY (brand, start_ms)
"""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS minutes ({_COLUMNS}) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hours ({_COLUMNS}) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS minutes_start ON minutes (start_ms);
CREATE INDEX IF NOT EXISTS hours_start ON hours (start_ms);
CREATE TABLE IF NOT EXISTS places (name TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
"""
_SUMS = """sum(minutes), sum(posts), sum(judged), sum(negative), sum(usual), sum(expected_milli), sum(lower_milli),
sum(upper_milli), max(severity), max(blind)"""


class Minute(NamedTuple):
    """One minute of a brand, as it is kept; the columns are those of the file, in their order."""

    brand: str
    start_ms: int
    minutes: int = 1
    """Minutes that it stands for."""
    posts: int = 0
    judged: int = 0
    negative: int = 0
    usual: int = 0
    """Of its minutes, those for which it was known what is usual."""
    expected_milli: int = 0
    lower_milli: int = 0
    upper_milli: int = 0
    severity: int = 0
    """The gravest incident that was open: 1 is low; 0 where none was."""
    blind: int = 0
    """1 where we did not hear all that was said."""


class History:
    """The store of one deployment, or in memory (`None`). Safe to use from several threads.

    Raises `StoreError` where the file cannot be had or written.

    >>> history = History(None)
    >>> history.keep([Minute("Acme", n * MINUTE_MS, posts=n) for n in range(10)])
    >>> seen = history.seen("Acme", "90min", 10 * MINUTE_MS)
    >>> seen.posts[-3:], seen.times_ms[-1] // MINUTE_MS
    ((None, 10, 35), 5)
    """

    def __init__(self, path: Path | None) -> None:
        self._db = open_store(path, _SCHEMA, version=1, durable=False)
        self._one = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def keep(self, minutes: Iterable[Minute]) -> None:
        """Keep these minutes; one that is there already is replaced."""
        with self._one, transaction(self._db, "console.minutes"):
            self._db.executemany(f"INSERT OR REPLACE INTO minutes VALUES ({','.join('?' * 12)})", minutes)

    def add_past(self, minutes: Iterable[Minute], places: Mapping[str, int]) -> None:
        """Add what was heard in minutes of the past to what is known of them, and note how far that goes, at once. The
        hours are added up anew.
        """
        add = (
            "posts = posts + excluded.posts, judged = judged + excluded.judged, negative = negative + excluded.negative"
        )
        with self._one, transaction(self._db, "console.past"):
            self._db.executemany(
                f"INSERT INTO minutes VALUES ({','.join('?' * 12)}) ON CONFLICT DO UPDATE SET {add}", minutes
            )
            for name, at in places.items():
                self._put(name, at)
            self._put("hours", 0)

    def tidy(self, now_ms: int) -> None:
        """Add up the hours that are settled, and forget what is too old."""
        until_ms = (now_ms - SETTLED_MS) // HOUR_MS * HOUR_MS
        with self._one, transaction(self._db, "console.hours"):
            from_ms = self._place("hours")
            if until_ms > from_ms:
                self._db.execute(
                    f"INSERT OR REPLACE INTO hours SELECT brand, start_ms / {HOUR_MS} * {HOUR_MS}, {_SUMS}"
                    " FROM minutes WHERE start_ms >= ? AND start_ms < ? GROUP BY 1, 2",
                    (from_ms, until_ms),
                )
                self._put("hours", until_ms)
            self._db.execute("DELETE FROM minutes WHERE start_ms < ?", (now_ms - KEPT_MINUTES_MS,))
            self._db.execute("DELETE FROM hours WHERE start_ms < ?", (now_ms - KEPT_HOURS_MS,))

    def place(self, name: str) -> int:
        """Up to when something was done (ms); 0 where it never was."""
        with self._one:
            return self._place(name)

    def put_place(self, name: str, at_ms: int) -> None:
        """Note up to when something was done."""
        with self._one, transaction(self._db, "console.place"):
            self._put(name, at_ms)

    def seen(self, brand: str, span: Span, now_ms: int) -> HistorySeen:
        """A brand's past over a span that ends now, in steps that are over: one under way would look like a fall. Steps
        of five minutes end with the last minute that is known, longer ones on their grid. A step of which less than
        half is known is a gap.
        """
        lasts_ms, step_ms = SPANS_MS[span]
        table = "hours" if lasts_ms > KEPT_MINUTES_MS else "minutes"
        with self._one:
            end_ms = self._end_ms(brand, now_ms) if step_ms == RECENT_MS else now_ms // step_ms * step_ms
            times = range(end_ms - lasts_ms // step_ms * step_ms, end_ms, step_ms)
            rows = self._db.execute(
                f"SELECT ? + (start_ms - ?) / {step_ms} * {step_ms}, {_SUMS} FROM {table}"
                " WHERE brand = ? AND start_ms >= ? AND start_ms < ? GROUP BY 1",
                (times.start, times.start, brand, times.start, end_ms),
            ).fetchall()
        found = {start: Minute(brand, start, *rest) for start, *rest in rows}
        return columns(span, times, [_step(found.get(start), step_ms) for start in times])

    def heard(self, brand: str, from_ms: int, until_ms: int) -> set[int]:
        """The minutes (start, ms) of `[from_ms, until_ms)` in which somebody listened, whether anything was said or
        not.
        """
        with self._one:
            rows = self._db.execute(
                "SELECT start_ms FROM minutes WHERE brand = ? AND start_ms >= ? AND start_ms < ?",
                (brand, from_ms, until_ms),
            ).fetchall()
        return {start_ms for (start_ms,) in rows}

    def unbroken_ms(self, until_ms: int) -> int:
        """Since when somebody listened without a gap up to `until_ms`: within the last two hours, for any brand."""
        with self._one:
            rows = self._db.execute(
                "SELECT DISTINCT start_ms FROM minutes WHERE start_ms >= ? AND start_ms < ?",
                (until_ms - SETTLED_MS, until_ms),
            ).fetchall()
        known = {start_ms for (start_ms,) in rows}
        while until_ms - MINUTE_MS in known:
            until_ms -= MINUTE_MS
        return until_ms

    def _end_ms(self, brand: str, now_ms: int) -> int:
        """Where the last minute ends that is over, and written down if that was done of late."""
        until_ms = now_ms // MINUTE_MS * MINUTE_MS
        row = self._db.execute(
            "SELECT max(start_ms) FROM minutes WHERE brand = ? AND start_ms >= ? AND start_ms < ?",
            (brand, until_ms - RECENT_MS, until_ms),
        ).fetchone()
        return int(row[0]) + MINUTE_MS if row[0] is not None else until_ms

    def _place(self, name: str) -> int:
        row = self._db.execute("SELECT at_ms FROM places WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def _put(self, name: str, at_ms: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO places VALUES (?, ?)", (name, at_ms))


def _step(found: Minute | None, step_ms: int) -> Minute | None:
    """A step as it is shown; `None` where too little is known of it, or where it is quiet because we were blind."""
    if found is None or (found.blind and not found.posts):
        return None
    return found if found.minutes * MINUTE_MS * 2 >= step_ms else None


def columns(span: Span, times: Sequence[int], steps: Sequence[Minute | None]) -> HistorySeen:
    """Steps as columns for a chart."""
    usual = [one if one is not None and one.usual * 2 >= one.minutes else None for one in steps]
    return HistorySeen(
        span=span,
        step_ms=SPANS_MS[span][1],
        times_ms=tuple(times),
        posts=tuple(None if one is None else one.posts for one in steps),
        negative=tuple(None if one is None else one.negative for one in steps),
        expected=tuple(None if one is None else round(one.expected_milli / 1000, 1) for one in usual),
        lower=tuple(None if one is None else one.lower_milli // 1000 for one in usual),
        upper=tuple(None if one is None else -(-one.upper_milli // 1000) for one in usual),
        severity=tuple(SEVERITIES[one.severity - 1] if one is not None and one.severity else "" for one in steps),
        blind=tuple(one is not None and bool(one.blind) for one in steps),
    )
