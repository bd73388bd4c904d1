"""EDGE. The past of before the console had a memory: what the journal says of each minute, read in the background.

The journal holds counts, minute by minute, of what was heard live and of what was learnt from a file; what was usual
then it does not say. It is read a piece at a time by a connection of its own, and each piece is kept together with how
far it goes, so that a start goes on where the one before ended and nothing is counted twice.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import structlog

from stream.codec import MINUTE_MS
from stream.sources.store import StoreError
from tocsin.console.history import KEPT_MINUTES_MS, History, Minute
from tocsin.journal import read_only

log = structlog.get_logger("tocsin")

FILLED, UNTIL = "filled_seq", "filled_until"
AT_ONCE = 500
"""Entries of a piece: some milliseconds of work, in a thread, and then a rest."""
REST_S = 0.2
FORWARD_S = 600.0
"""How often it is noted that nothing but live minutes came since: nobody else writes while the service runs."""
QUIET_GAP_MS = 60 * MINUTE_MS
"""A silence of what was learnt from a file is a quiet hour at the most; a longer one may be a hole in the file."""
_PIECE = "SELECT seq, body FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"


class _Counts(msgspec.Struct):
    mentions: int = 0
    negative: int = 0
    neutral: int = 0
    positive: int = 0


class _PulsePart(msgspec.Struct):
    counts: _Counts = msgspec.field(default_factory=_Counts)


class _Part(msgspec.Struct, tag="part"):
    brand: str
    minute_ms: int
    part: _PulsePart = msgspec.field(default_factory=_PulsePart)
    live: bool = True


class _Mark(msgspec.Struct, tag="mark"):
    from_step: int
    upto_step: int


class _Control(msgspec.Struct, tag="control"):
    pass


class _Tick(msgspec.Struct, tag="tick"):
    pass


class _Entry(msgspec.Struct):
    """As much of an entry as is counted here: the rest of it is not even taken apart."""

    event: _Part | _Mark | _Control | _Tick


_read = msgspec.json.Decoder(_Entry).decode


class Filler:
    """Fills a memory with what was before it. `names` are the brands; `step_ms` is the journal's grid."""

    def __init__(
        self, history: History, journal: Path, names: Iterable[str], step_ms: int, clock: Callable[[], int]
    ) -> None:
        self._history = history
        self._journal = journal
        self._names = frozenset(names)
        self._step_ms = step_ms
        self._clock = clock
        self._learnt: dict[str, int] = {}
        """By brand: the last minute of a file that was learnt."""

    async def run(self, until_ms: int) -> None:
        """Read the journal up to `until_ms`, from when on the memory keeps minutes by itself, or to where it began
        before; then note how far it is, until cancelled. What cannot be read is left out.
        """
        try:
            until_ms = await asyncio.to_thread(self.begun, until_ms)
            while True:
                while await asyncio.to_thread(self.piece, until_ms):
                    await asyncio.sleep(REST_S)
                await asyncio.sleep(FORWARD_S)
                await asyncio.to_thread(self.forward)
        except (StoreError, sqlite3.Error, msgspec.MsgspecError) as error:
            log.warning("console history not filled", problem=type(error).__name__)

    def begun(self, until_ms: int) -> int:
        """Where the memory began; said once, for a later start goes up to the same place."""
        known_ms = self._history.place(UNTIL)
        if not known_ms:
            self._history.put_place(UNTIL, until_ms)
        return known_ms or until_ms

    def piece(self, until_ms: int) -> bool:
        """Read the next piece; whether there may be another."""
        rows = self._rows(_PIECE, self._history.place(FILLED), AT_ONCE)
        if not rows:
            return False
        found = _Found(self._names, self._clock() - KEPT_MINUTES_MS, until_ms, self._learnt)
        for _, body in rows:
            found.take(_read(body).event, self._step_ms)
        self._history.add_past(found.minutes.values(), {FILLED: rows[-1][0]})
        return len(rows) == AT_ONCE

    def forward(self) -> None:
        """Leave out what was written since: it is kept already."""
        ((newest, _),) = self._rows("SELECT max(seq), 0 FROM entries")
        self._history.put_place(FILLED, newest or 0)

    def _rows(self, query: str, *values: int) -> list[tuple[int, bytes]]:
        db = read_only(self._journal)
        try:
            return db.execute(query, values).fetchall()
        finally:
            db.close()


class _Found:
    """What one piece says."""

    def __init__(self, names: frozenset[str], from_ms: int, until_ms: int, learnt: dict[str, int]) -> None:
        self._names = names
        self._from_ms, self._until_ms = from_ms, until_ms
        self._learnt = learnt
        self.minutes: dict[tuple[str, int], Minute] = {}

    def take(self, event: _Part | _Mark | _Control | _Tick, step_ms: int) -> None:
        """Count an event."""
        if isinstance(event, _Part) and event.brand in self._names:
            self._count(event)
        elif isinstance(event, _Mark):
            self._silent(self._names, (event.from_step + 1) * step_ms, (event.upto_step + 1) * step_ms)

    def _count(self, part: _Part) -> None:
        counts, key = part.part.counts, (part.brand, part.minute_ms)
        if not self._from_ms <= part.minute_ms < self._until_ms:
            return
        before = self.minutes.get(key) or Minute(*key)
        judged = counts.negative + counts.neutral + counts.positive
        self.minutes[key] = before._replace(
            posts=before.posts + counts.mentions,
            judged=before.judged + judged,
            negative=before.negative + counts.negative,
        )
        if not part.live:
            last_ms = self._learnt.get(part.brand, part.minute_ms)
            self._silent({part.brand}, last_ms, part.minute_ms)
            self._learnt[part.brand] = max(last_ms, part.minute_ms)

    def _silent(self, names: Iterable[str], from_ms: int, until_ms: int) -> None:
        """Somebody listened in these minutes, whether anything was said or not."""
        if until_ms - from_ms > QUIET_GAP_MS:
            return
        first_ms = max(from_ms, self._from_ms) // MINUTE_MS * MINUTE_MS
        for minute_ms in range(first_ms, min(until_ms, self._until_ms), MINUTE_MS):
            for name in names:
                self.minutes.setdefault((name, minute_ms), Minute(name, minute_ms))
