"""Feeding: what a source brings is kept in the log, and then its place; for ever, whatever happens in between. EDGE.

    source -> batch -> rows to the log, what is bad to the dead letters -> place, gaps and costs -> the next batch

No batch is asked for while one is not kept, and none is ever dropped: a log that takes nothing is asked again. A
connection that fails is made anew after a while that grows; one that only seems to stand is dropped. Whoever runs it is
told of each change between `ok`, `silent`, `lagging` and `capped`, and since when.
"""

import asyncio
import sqlite3
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from pathlib import PurePath
from typing import Literal

import msgspec
import stamina
import structlog
from stamina.instrumentation import set_on_retry_hooks

from stream.reading import BadMention, Reader
from stream.sources.contract import Batch, Denied, Gap, Source, Trouble
from stream.sources.dead_letters import Letter
from stream.sources.intake_log import Item, Overloaded
from stream.sources.places import Places
from stream.sources.store import StoreError
from stream.sources.taking import Letters, Log

log = structlog.get_logger("tocsin")

Status = Literal["ok", "silent", "lagging", "capped"]
Report = Callable[[str, Status, int], Awaitable[None]]
"""Hears of each change: the source, how it does, and since when (ms). Raises `Overloaded` or `StoreError`: then it is
told again."""

FIRST_S = 1.0
LONGEST_S = 120.0
JITTER_S = 2.0
"""Waits before connecting anew: the first, the longest, and how much chance adds to each."""
HEALTHY_S = 60.0
"""A connection that brought something and stood so long begins the waits anew."""
DENIED_S = 600.0
"""Where a human must act first, it is tried so seldom."""
AGAIN_S = 0.25
AGAIN_LONGEST_S = 5.0
"""Waits before the log is asked again."""
SLICE = 1_000
"""Rows that go to the log at once."""
LAGGING_S = 300.0
"""What the platform had so long ago and we do not have yet: the source lags."""
BROKEN = 2
"""Errors of our own in a row after which nothing is waited for: it is blind."""
LOOK_S = 5.0
GAP_SHORT_MS = 60_000
GAP_OLD_MS = 90 * 60_000
"""Gaps that the core is told of: longer than a minute, and not over before the minutes that are still open."""
TOLD_AGAIN_MS = 600_000

# It would log every attempt by itself, with whatever the exception holds.
set_on_retry_hooks(())


class Figures(msgspec.Struct):
    """What one source did since the process began, and how it does."""

    rows: int = 0
    bad: int = 0
    batches: int = 0
    connects: int = 0
    troubles: int = 0
    gaps: int = 0
    status: Status = "ok"
    since_ms: int = 0
    """Since when it has that status; of `silent`, the last batch: blind since."""
    heard_ms: int = 0
    """When its last batch was kept; 0: never."""
    lag_ms: int = 0
    """How old the newest was, of which the platform said that nothing before it is missing, when it came."""
    trouble: str = ""
    """What is wrong now; empty: nothing."""
    costs: dict[str, int] = {}
    """By unit, since the process began."""


class Feeding:
    """Feeds one source to a log. Its state is in `places`; `figures` is for looking at.

    `hold_s` is how long a gap that was found after the fact is told of: long enough that the core sees it. It looks at
    itself every `look_s` at least.
    """

    def __init__(
        self,
        source: Source,
        *,
        log: Log,
        letters: Letters,
        places: Places,
        clock: Callable[[], int],
        report: Report,
        hold_s: float = 15.0,
        look_s: float = LOOK_S,
    ) -> None:
        self.source = source
        self.figures = Figures()
        self.looks = 0
        """How often it looked at itself: where this stands still, it is not running."""
        self._log = log
        self._letters = letters
        self._places = places
        self._clock = clock
        self._report = report
        self._hold_ms = int(hold_s * 1000)
        self._look_s = look_s
        self._reader = Reader(source.name)
        known = places.standing(source.name)
        self._reported: tuple[str, int] = ("", 0)
        self._began_ms = clock()
        self._heard_ms = known.heard_ms or self._began_ms
        self.figures.heard_ms = known.heard_ms
        self._holding_ms: int | None = None
        """Since when a batch is in our hands that is not kept: then it is we who are slow, and no silence."""
        self._capped_ms: int | None = None
        self._lagging_ms: int | None = None
        self._gap: tuple[Status, int, int] | None = None
        """What to say of a gap, since when, and until when to say so."""
        self._logged: dict[str, int] = {}
        """When what was last logged: a source that flaps fills no log."""
        self._logged_trouble = ""
        """Of the trouble that there is: the words that were logged last."""
        self._is_denied = False
        self._own_errors = 0
        """Errors of our own since the last batch."""

    def __repr__(self) -> str:
        return f"Feeding({self.source.name!r})"

    async def run(self) -> None:
        """Feed until cancelled."""
        self._began_ms = self._clock()
        try:
            self._places.tried(self.source.name, self._began_ms)
        except (StoreError, sqlite3.Error) as error:
            log.warning("that a source is tried cannot be noted", source=self.source.name, problem=type(error).__name__)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._watch())
            await self._feed()

    @property
    def waits_for_log(self) -> bool:
        """Whether a batch is in hand that the log has not taken yet."""
        return self._holding_ms is not None

    @property
    def unproven(self) -> bool:
        """Whether nothing came since the process began, and that is no silence yet: it is being tried."""
        return not self.figures.batches and self.figures.status == "ok"

    @property
    def is_denied(self) -> bool:
        """Whether it will not work before a human has done something: `figures.trouble` says what."""
        return self._is_denied and bool(self.figures.trouble)

    # ---- connecting

    async def _feed(self) -> None:
        while True:
            # Ends without an exception when a connection that was healthy broke: then the waits begin anew.
            async for attempt in stamina.retry_context(
                on=self._patience,
                attempts=None,
                timeout=None,
                wait_initial=FIRST_S,
                wait_max=LONGEST_S,
                wait_jitter=JITTER_S,
            ):
                with attempt:
                    await self._connected()

    def _patience(self, error: BaseException) -> bool | float:
        """Whether to connect again, and after how long where the waits do not decide."""
        if isinstance(error, Denied):
            return DENIED_S
        if isinstance(error, Trouble) and error.retry_s is not None:
            return max(0.0, error.retry_s)
        return isinstance(error, Exception)

    async def _connected(self) -> None:
        """One connection, until it breaks. Raises what it broke by, unless it was healthy."""
        self.figures.connects += 1
        batches, began_ms = self.figures.batches, self._clock()
        try:
            await self._take_all()
        except Exception as error:  # nothing that one source does may end the service
            self.figures.troubles += 1
            self._tell(error)
            stood = self._clock() - began_ms >= HEALTHY_S * 1000 and self.figures.batches > batches
            if stood and isinstance(error, Trouble) and error.retry_s is None:
                return
            raise

    async def _take_all(self) -> None:
        batches = self.source.batches(self._places.standing(self.source.name).place)
        try:
            while True:
                await self._keep(await self._next(batches))
        finally:
            # What is under way ends here and now, and not when the memory is cleared up.
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()

    async def _next(self, batches: AsyncIterator[Batch]) -> Batch:
        try:
            async with asyncio.timeout(self.source.silent_after_s):
                return await anext(batches)
        except TimeoutError:
            raise Trouble(f"nothing came for {self.source.silent_after_s:g} s") from None
        except StopAsyncIteration:
            raise Trouble("it ended by itself") from None

    # ---- keeping

    async def _keep(self, batch: Batch) -> None:
        """Keep a batch, however long that takes."""
        self._holding_ms = now_ms = self._clock()
        try:
            items, letters = self._judged(batch, now_ms)
            for start in range(0, len(items), SLICE):
                await self._append(items[start : start + SLICE])
            self._bury(letters)
            await self._settle(batch, rows=len(items), bad=len(letters))
            self._count(batch, rows=len(items), bad=len(letters), came_ms=now_ms)
        finally:
            self._holding_ms = None

    def _judged(self, batch: Batch, now_ms: int) -> tuple[list[Item], list[Letter]]:
        name = self.source.name
        letters = [Letter(name, bad.reason, bad.detail, bad.body, now_ms) for bad in batch.bad]
        items: list[Item] = []
        for row in batch.rows:
            try:
                self._reader.read(row, now_ms)
            except BadMention as bad:
                letters.append(Letter(name, bad.reason, bad.detail, row, now_ms))
            else:
                items.append(("mention", name, row))
        return items, letters

    async def _append(self, items: list[Item]) -> None:
        def tell(error: Exception) -> None:
            if self._seldom("log"):
                log.warning("a source waits for the log", source=self.source.name, problem=type(error).__name__)

        async def append() -> None:
            await self._log.append(items)

        await _insist(append, tell)

    def _bury(self, letters: list[Letter]) -> None:
        if not letters:
            return
        try:
            self._letters.add_all(letters)
        except (StoreError, sqlite3.Error):
            # What was good is kept: a full disk for dead letters stops no source. They are counted below.
            if self._seldom("letters"):
                log.warning("dead letters are lost", source=self.source.name, letters=len(letters))

    async def _settle(self, batch: Batch, *, rows: int, bad: int) -> None:
        def tell(error: Exception) -> None:
            if self._seldom("place"):
                log.error("the place of a source cannot be kept", source=self.source.name, problem=str(error))

        async def keep() -> None:
            now_ms = self._clock()
            self._places.keep(
                self.source.name,
                batch,
                rows=rows,
                bad=bad,
                heard_ms=now_ms if _lives(batch) else self.figures.heard_ms,
                at_ms=now_ms,
                silent_after_ms=int(self.source.silent_after_s * 1000),
            )

        await _insist(keep, tell)

    def _count(self, batch: Batch, *, rows: int, bad: int, came_ms: int) -> None:
        figures = self.figures
        figures.batches += 1
        self._own_errors = 0
        figures.rows += rows
        figures.bad += bad
        figures.gaps += len(batch.gaps)
        for unit, amount in batch.costs.items():
            figures.costs[unit] = figures.costs.get(unit, 0) + amount
        if _lives(batch):
            self._heard_ms = figures.heard_ms = self._clock()
        self._capped_ms = (self._capped_ms or came_ms) if batch.capped else None
        if batch.known_until_ms is not None:
            figures.lag_ms = max(0, came_ms - batch.known_until_ms)
            late = figures.lag_ms >= 1000 * max(LAGGING_S, self.source.silent_after_s)
            self._lagging_ms = (self._lagging_ms or batch.known_until_ms) if late else None
        for gap in batch.gaps:
            self._note_gap(gap)
        if figures.trouble:
            self._say_trouble("")

    def _note_gap(self, gap: Gap) -> None:
        """A gap found after the fact: the core hears of it for a while, so that those minutes are no zeros."""
        now_ms = self._clock()
        if self._seldom(f"gap {gap.reason}"):
            log.info(
                "a source has a gap",
                source=self.source.name,
                reason=gap.reason,
                since_ms=gap.since_ms,
                until_ms=gap.until_ms,
                filled=gap.filled,
            )
        if gap.until_ms - gap.since_ms < GAP_SHORT_MS or gap.until_ms < now_ms - GAP_OLD_MS:
            return
        status: Status = "silent" if gap.reason in ("away", "cursor_too_old") else "capped"
        since_ms = min(gap.since_ms, self._gap[1]) if self._gap else gap.since_ms
        self._gap = (status, since_ms, now_ms + self._hold_ms)

    # ---- telling

    def _tell(self, error: Exception) -> None:
        is_ours = not isinstance(error, Trouble | Denied)
        self._own_errors = self._own_errors + 1 if is_ours else 0
        words = _ours(error) if is_ours else str(error)
        self._say_trouble(" ".join(words.split())[:200] or type(error).__name__, denied=isinstance(error, Denied))

    def _say_trouble(self, words: str, *, denied: bool = False) -> None:
        if words != self.figures.trouble:
            self.figures.trouble = words
            try:
                self._places.troubled(self.source.name, words)
            except (StoreError, sqlite3.Error):
                log.warning("the trouble of a source cannot be noted", source=self.source.name)
        self._is_denied = denied
        if words:
            self._log_trouble()
            return
        if self._logged_trouble:
            log.info("a source is back", source=self.source.name)
        self._logged_trouble = ""

    def _log_trouble(self) -> None:
        """Log what is wrong now, once; so soon after another trouble, when its ten minutes are over."""
        words = self.figures.trouble
        if words in ("", self._logged_trouble) or not self._seldom("denied" if self._is_denied else "trouble"):
            return
        self._logged_trouble = words
        if self._is_denied:
            log.error("a source needs a human", source=self.source.name, problem=words)
        else:
            log.warning("a source is in trouble", source=self.source.name, problem=words)

    def _seldom(self, what: str) -> bool:
        """Whether this may be logged now: it was not in the last ten minutes."""
        now_ms = self._clock()
        if now_ms - self._logged.get(what, now_ms - TOLD_AGAIN_MS) < TOLD_AGAIN_MS:
            return False
        self._logged[what] = now_ms
        return True

    async def _watch(self) -> None:
        """Tell how the source does, whenever that changes."""
        every_s = min(self._look_s, max(1.0, min(LOOK_S, self.source.silent_after_s / 10)))
        while True:
            self.looks += 1
            await asyncio.sleep(every_s)
            await self._look()

    async def _look(self) -> None:
        self._log_trouble()
        status, since_ms = self._status(self._clock())
        figures = self.figures
        if status != figures.status:
            figures.status, figures.since_ms = status, since_ms
        if (status, since_ms) == self._reported or (status == "ok" == self._reported[0]):
            return
        if status == "ok" and not figures.batches:
            return  # nothing came yet: what the last process said stands
        try:
            await self._report(self.source.name, status, since_ms)
            self._places.report(self.source.name, status, since_ms)
        except (Overloaded, StoreError, sqlite3.Error):
            return  # told again at the next look
        self._reported = (status, since_ms)
        if status != "ok" or figures.connects > 1:
            log.info("a source changes", source=self.source.name, status=status, since_ms=since_ms)

    def _status(self, now_ms: int) -> tuple[Status, int]:
        """How the source does now, and since when."""
        if self._gap is not None:
            status, since_ms, until_ms = self._gap
            if now_ms < until_ms:
                return status, since_ms
            self._gap = None
        if self._holding_ms is not None:
            if now_ms - self._holding_ms >= LAGGING_S * 1000:
                return "lagging", self._holding_ms
        elif (
            self._own_errors >= BROKEN
            or now_ms - max(self._heard_ms, self._began_ms) >= self.source.silent_after_s * 1000
        ):
            return "silent", self._heard_ms
        if self._capped_ms is not None:
            return "capped", self._capped_ms
        if self._lagging_ms is not None:
            return "lagging", self._lagging_ms
        return "ok", now_ms if self.figures.status != "ok" else self.figures.since_ms


async def _insist(keep: Callable[[], Awaitable[None]], tell: Callable[[Exception], None]) -> None:
    """Keep something, however often it has to be tried; `tell` hears of the first time that it failed."""
    wait_s = AGAIN_S
    while True:
        try:
            await keep()
        except (Overloaded, StoreError, sqlite3.Error) as error:
            if wait_s == AGAIN_S:
                tell(error)
            await asyncio.sleep(wait_s)
            wait_s = min(AGAIN_LONGEST_S, 2 * wait_s)
        else:
            return


def _lives(batch: Batch) -> bool:
    """Whether a batch is a sign of life. What nobody can read is none: an error page served for ever is a silence."""
    return bool(batch.rows) or batch.place is not None or not batch.bad


def _ours(error: Exception) -> str:
    """An error that no source should raise: its kind, its place, and the name of the file it was about; not its words,
    for they may hold anything.
    """
    module, name = type(error).__module__, type(error).__name__
    kind = name if module == "builtins" else f"{module}.{name}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    file = error.filename if isinstance(error, OSError) else None
    about = f", about the file {PurePath(file).name[:80]!a}" if isinstance(file, str) else ""
    return f"an error of our own ({kind}{where}{about})"
