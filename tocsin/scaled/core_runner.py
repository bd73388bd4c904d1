"""EDGE. One partition at work: carried entries in, decisions out, state kept; what is missing is read again.

    apply -> decisions, acknowledged -> state -> done (DESIGN rule 5)

The offset in the state is the truth about what was applied. Whatever the stream leaves out, for whatever reason, is
read from the topic; whatever it brings twice is passed over. Nothing here reads the clock but the ticks.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from time import monotonic

import msgspec
import structlog
from aiokafka.errors import KafkaError

from stream import crash
from stream.codec import canonical, decode, digest
from stream.kafka.cuts import Outgoing
from stream.kafka.faust_app import Carried
from stream.kafka.tail import Held, Tail
from tocsin.entry import Tick
from tocsin.scaled.core_keeping import Keeping
from tocsin.scaled.core_partition import CorePartition, Decided, Unknown, Unreadable
from tocsin.scaled.core_tools import CoreTools
from tocsin.scaled.dead_letters import dead_letter
from tocsin.scaled.ticking import Ticking

log = structlog.get_logger("tocsin")

QUEUE = 5_000
"""Entries that wait here at the most: what comes beyond is let go, and read again when its turn comes."""
LOOK_EVERY_S = 3.0
LATE_LOOK_S = 3 * LOOK_EVERY_S
"""Who looks so much later than the last time could not look: brokers were away, or the process stood still."""
NAMED_EVERY_S = 15.0
"""A log that grew again beyond our place is known by its first record, with which a whole batch is read: that costs as
much as all other looking together. Whoever lost the brokers meanwhile looks at once.
"""
AGAIN_S = 1.0
AT_ONCE = 500
LAG_FEW = 1_000
"""With fewer entries to go a partition counts as caught up."""


class PartitionRunner:
    """Runs from `run` until `stop`. `rewound` is called when the log turns out to be another one."""

    def __init__(self, number: int, tools: CoreTools, keeping: Keeping, rewound: Callable[[int], None]) -> None:
        self.number = number
        self.core: CorePartition | None = None
        self.progress = 0
        """Grows with all that is done: whoever watches sees that it does not stand still."""
        self.behind = 0
        """Entries to go when it was last looked at."""
        self.trouble = "it is being restored"
        """Why it does not work, in words; empty while it does."""
        self.unfed = 0
        """How often in a row entries had to be read beside the stream, which brought nothing at all."""
        self._tools = tools
        self._keeping = keeping
        self._rewound = rewound
        self._ticking = Ticking(tools.step_ms)
        self._queue: deque[Carried] = deque()
        self._more = asyncio.Event()
        self._stopping = asyncio.Event()
        self._undone: list[Carried] = []
        self._unsent: list[Decided] = []
        self._told: tuple[str, int] = ("", -1)
        """Fingerprint of a log and an offset in it below which everything that was decided is known to be written."""
        self._looked_s = self._named_s = float("-inf")
        self._seen_end = -1
        self._next_then = -1

    def give(self, carried: Carried) -> None:
        """Take a record from the stream. Never waits: a partition that is being restored holds up no other."""
        self.unfed = 0
        if len(self._queue) < QUEUE:
            self._queue.append(carried)
        else:
            carried.done()
        self._more.set()

    async def run(self) -> None:
        """Work until `stop`; whatever fails is begun again, from what is kept where memory can no longer be trusted."""
        home = self._tools.brokers.layout.name("entries")
        while not self._stopping.is_set():
            try:
                async with Tail(self._tools.brokers, home, self.number) as tail:
                    await self._work(tail)
            except (KafkaError, OSError) as error:
                self._fail(f"the brokers do not answer as they should ({type(error).__name__})")
            except Unknown as error:
                self._fail(str(error))
            except Exception:
                log.exception("a partition begins anew from its kept state", partition=self.number)
                self._fail("it failed and begins anew from its kept state")
                self._forget()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), AGAIN_S)

    async def stop(self) -> None:
        """End after the entry under way; its state is kept before `run` returns."""
        self._stopping.set()
        self._more.set()

    async def _work(self, tail: Tail) -> None:
        if self.core is None:
            self.core = await self._restored(tail)
        self._looked_s = self._named_s = float("-inf")
        await self._look(tail)
        self.trouble = ""
        while not self._stopping.is_set():
            await self._turn(tail)
        await self._keep(final=True)

    async def _turn(self, tail: Tail) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_S):
                await self._more.wait()
        self._more.clear()
        while self._queue and not self._stopping.is_set():
            await self._take(tail)
        await self._keep()
        if monotonic() - self._looked_s >= LOOK_EVERY_S:
            await self._look(tail)
        await self._tick(tail)

    async def _take(self, tail: Tail) -> None:
        """Apply what waits, some at a time, with what the stream left out before it."""
        for _ in range(min(AT_ONCE, len(self._queue))):
            carried = self._queue[0]
            if carried.offset > self._core.next_offset:
                await self._fetch(tail, carried.offset)
            if carried.offset == self._core.next_offset:
                await self._apply(carried.offset, carried.timestamp_ms, carried.body)
            # Taken out only now: where it failed, it is still the next one.
            self._queue.popleft()
            self._undone.append(carried)
        await self._emit()
        await self._keep()

    @property
    def _core(self) -> CorePartition:
        assert self.core is not None, "restored first"
        return self.core

    async def _apply(self, offset: int, at_ms: int, body: bytes) -> None:
        crash.here("core.apply.before")
        try:
            try:
                decided = self._core.apply(offset, at_ms, body)
            except Unknown:
                await self._tools.contents.read_on()
                decided = self._core.apply(offset, at_ms, body)
        except Unreadable as why:
            await self._bury(offset, body, str(why))
            return
        log_name, below = self._told
        if not (log_name and log_name == self._core.log and offset < below):
            self._unsent += decided
        self.progress += 1
        self._tools.metrics.applied(self.number, [one.decision for one in decided])

    async def _bury(self, offset: int, body: bytes, why: str) -> None:
        log.error("a record of the journal cannot be read", partition=self.number, offset=offset, why=why)
        letter = dead_letter(self._tools.brokers, "entries", self.number, offset, body=body, why=why)
        if await self._tools.writer.write([letter], wanted=lambda: not self._stopping.is_set()):
            self._core.skip(offset, body)
            self.progress += 1
            self._tools.metrics.dead(self.number)

    async def _emit(self) -> None:
        """Write what was decided, and wait until the brokers have it."""
        if not self._unsent:
            return
        topic = self._tools.brokers.layout.name("decisions")
        records = [Outgoing(topic, self.number, one.brand.encode(), canonical(one)) for one in self._unsent]
        crash.here("core.emit.before")
        if await self._tools.writer.write(records, wanted=lambda: not self._stopping.is_set()):
            crash.here("core.emit.after")
            self._unsent = []

    async def _keep(self, *, final: bool = False) -> None:
        """Keep the state when it is time to; then what is kept need not be carried again."""
        if self._unsent or not await self._keeping.keep(self._core, final=final):
            return
        kept, self._undone = self._undone, []
        for carried in kept:
            carried.done()

    async def _fetch(self, tail: Tail, to_offset: int) -> None:
        """Read and apply `[next, to_offset)`: the stream did not bring it."""
        async for records in tail.read(self._core.next_offset, to_offset, at_once=AT_ONCE):
            for record in records:
                if record.offset == self._core.next_offset:
                    await self._apply(record.offset, record.timestamp, record.value or b"")
            self._tools.metrics.fetched(self.number, len(records))
            await self._emit()
            await self._keep()
            if self._stopping.is_set():
                return

    async def _restored(self, tail: Tail) -> CorePartition:
        self.trouble = "it is being restored"
        held = await tail.held()
        core, home = await self._keeping.restored(held)
        self._tools.metrics.restored(self.number, home)
        log.info("a partition was taken up", partition=self.number, home=home, offset=core.place.offset, end=held.end)
        self._told = await self._told_before()
        self.progress += 1
        return core

    async def _told_before(self) -> tuple[str, int]:
        """What the last record of `decisions` says: all that earlier entries led to stands before it."""
        async with Tail(self._tools.brokers, self._tools.brokers.layout.name("decisions"), self.number) as tail:
            held = await tail.held()
            last = await tail.one(held.end - 1) if held.end > held.first else None
        if last is None:
            return "", -1
        try:
            decided = decode(last.value, Decided)
        except msgspec.MsgspecError:
            return "", -1
        return decided.log, decided.offset

    async def _look(self, tail: Tail) -> None:
        """See how far the log goes, and that it is the one we know; read what does not come by itself."""
        held = await tail.held()
        name = await self._name(tail, held)
        core, first_look = self._core, self._looked_s == float("-inf")
        could_look = monotonic() - self._looked_s < LATE_LOOK_S
        self._looked_s = monotonic()
        if core.next_offset > held.end or (name and core.log and name != core.log):
            await self._lose(held, "the log was wiped: it is another one than it was")
        elif core.next_offset < held.first:
            await self._lose(held, f"the log lost its beginning: {held.first - core.next_offset} entries are gone")
        core.log = core.log or name
        stuck = core.next_offset == self._next_then and not self._queue
        if core.next_offset < held.end and (first_look or stuck):
            self.unfed += not first_look
            await self._fetch(tail, held.end)
        # After brokers were away intake has its time to seal what waits: until then marks do not lag, they come.
        self._ticking.looked(self._tools.clock, even=could_look and core.next_offset >= self._seen_end)
        self._seen_end, self._next_then = held.end, core.next_offset
        self.behind = max(0, held.end - core.next_offset)
        self._tools.metrics.looked(self.number, core, self.behind)

    async def _name(self, tail: Tail, held: Held) -> str:
        """What tells the log from any other; empty where it need not be asked for now."""
        if self._core.log and monotonic() - self._named_s < NAMED_EVERY_S:
            return ""
        self._named_s = monotonic()
        return await _fingerprint(tail, held)

    async def _lose(self, held: Held, words: str) -> None:
        """Go on from the state that we have, at the first entry of what is there now."""
        core = self._core
        incidents = [
            incident.id
            for state in core.engine.brands.values()
            if state.book is not None
            for incident in (state.book.incident, state.book.blind)
            if incident is not None and incident.is_open
        ]
        log.error(words, partition=self.number, offset=core.place.offset, goes_on_at=held.first, open=incidents)
        self._tools.metrics.lost_log(self.number)
        core.begin_log(first_offset=held.first)
        for carried in self._queue:
            carried.done()
        self._queue.clear()
        self._undone = []
        await self._tools.contents.begin_again()
        await self._keeping.log_lost(core)
        self._rewound(self.number)

    async def _tick(self, tail: Tail) -> None:
        """Let time pass where marks lag, if all that is there was read."""
        step = self._ticking.due(self._tools.clock, self._core.engine.sealing.complete_step)
        if step is None or (await tail.held()).end > self._core.next_offset:
            return
        layout = self._tools.brokers.layout
        tick = Outgoing(layout.name("entries"), self.number, b"", canonical(Tick(step)))
        if await self._tools.writer.try_to_write([tick]):
            log.warning("marks lag and time passes without them", partition=self.number, step=step)
            self._tools.metrics.ticked(self.number)
            self._ticking.wrote(step)

    def _fail(self, words: str) -> None:
        if self.trouble != words:
            log.error("a partition does not work", partition=self.number, why=words)
        self.trouble = words
        self._tools.metrics.failed(self.number)

    def _forget(self) -> None:
        """What is in memory may be half an entry ahead: begin at what is kept."""
        self.core = None
        self._unsent = []
        self._undone += self._queue
        self._queue.clear()


async def _fingerprint(tail: Tail, held: Held) -> str:
    """What tells this log from any other: its first record. Empty where it has none, or lost it."""
    if held.first != 0 or held.end == 0:
        return ""
    record = await tail.one(0)
    return "" if record is None else digest(canonical([record.timestamp, digest(record.value or b"")]))[:32]
