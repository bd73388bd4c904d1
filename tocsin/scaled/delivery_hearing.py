"""EDGE. What delivery hears: the topics `decisions` and `control`, in one order, by every delivery worker.

At the start the last two days are read again and folded in the order in which the brokers took them; from then on as
they come. What the leader has still to act on is kept until the log says that it has been acted on: so a worker that
takes over lacks nothing, and what is done twice is dropped by its key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from alerting.decision import Decision
from stream.codec import HOUR_MS, decode
from stream.kafka.clients import Brokers
from stream.kafka.records import kind_and_source
from stream.kafka.starting import started
from stream.kafka.tail import AT_ONCE, WAIT_MS
from tocsin.entry import ControlEvent
from tocsin.probe import is_probe
from tocsin.scaled.core_partition import Decided

log = structlog.get_logger("tocsin")

PAST_MS = 48 * HOUR_MS
NONCE = "nonce"
"""A header by which whoever wrote to `control` knows its own record again."""
CONTROL = "control"


class Heard(NamedTuple):
    """One thing that was heard, and where it stands."""

    place: str
    """`control`, or `decisions/<partition>`: the name of the note that says how far was acted."""
    offset: int
    stamp_ms: int
    """Running maximum along the partition."""
    what: Decision | ControlEvent


class Hearing:
    """Reads on until cancelled. `take` gets everything in order, `is_past` says whether it was there at the start."""

    def __init__(
        self,
        brokers: Brokers,
        take: Callable[[Sequence[Heard], bool], Awaitable[None]],
        *,
        clock: Callable[[], int],
        acted: Callable[[], Mapping[str, int]],
        lost: Callable[[str], None],
    ) -> None:
        """`acted` gives by place the offset from which on nothing was acted on yet; `lost` hears of a place whose
        topic was wiped, and which is read from its beginning.
        """
        layout = brokers.layout
        self._brokers = brokers
        self._control = TopicPartition(layout.name("control"), 0)
        self._homes = {TopicPartition(layout.name("decisions"), n): f"decisions/{n}" for n in range(layout.entries)}
        self._homes[self._control] = CONTROL
        self._take = take
        self._clock = clock
        self._acted = acted
        self._lost = lost
        self._stamps: dict[TopicPartition, int] = {}
        self._asker: AIOKafkaConsumer | None = None
        """Asks where the log ends; on the reader's connection that would wait behind a read that waits for news."""
        self._is_lost = False
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._moved = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.at: dict[str, int] = {}
        """By place: the offset before which everything was heard."""
        self._next: dict[str, int] = {}
        self._nonces: list[str] = []
        self.unreadable = 0
        self.wiped = 0
        """How often a topic had lost what we were to read next."""

    async def run(self) -> None:
        """Read until cancelled. Raises what `take` raises."""
        reader = await started(self._brokers.consumer)
        try:
            self._asker = await started(self._brokers.consumer)
            reader.assign(list(self._homes))
            goal = await self._begin(reader)
            past: list[Heard] = []
            while not await _is_at(reader, goal):
                past += self._read(await self._more(reader))
            await self._fold(past, is_past=True)
            self.caught_up.set()
            while True:
                if self._is_lost:
                    self._is_lost = False
                    await self._begin(reader)
                await self._fold(self._read(await self._more(reader)), is_past=False)
        finally:
            asker, self._asker = self._asker, None
            await asyncio.gather(reader.stop(), *([asker.stop()] if asker is not None else []))

    async def _fold(self, heard: Sequence[Heard], *, is_past: bool) -> None:
        """Hand over what was read; only then is it said to be heard."""
        await self._take(sorted(heard, key=_order), is_past)
        self.at.update(self._next)
        for nonce in self._nonces:
            future = self._awaited.get(nonce)
            if future is not None and not future.done():
                future.set_result(None)
        self._nonces.clear()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def begin_again(self) -> None:
        """Everything was lost: hear all that is there now, wherever it stands."""
        self._is_lost = True

    @property
    def heard_to(self) -> int:
        """Grows with every record of `control`: intake writes one a step."""
        return self.at.get(CONTROL, 0)

    def expect(self, nonce: str) -> "asyncio.Future[None]":
        """Done when the record with this nonce was heard. To be asked before it is written; cancel it to forget it."""
        future = self._awaited[nonce] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda _: self._awaited.pop(nonce, None))
        return future

    async def up_to_date(self) -> bool:
        """Hear everything that is durable in `control` now. False where we hear nothing yet."""
        if self._asker is None or not self.caught_up.is_set():
            return False
        end = (await self._asker.end_offsets([self._control]))[self._control]
        while self.at.get(CONTROL, 0) < end:
            await self._moved.wait()
        return True

    # ---- reading

    async def _begin(self, reader: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Go two days back, or to what was not acted on yet, whichever is earlier. Returns where all ends now."""
        homes = list(self._homes)
        ends: dict[TopicPartition, int] = await reader.end_offsets(homes)
        first = await reader.beginning_offsets(homes)
        young = await reader.offsets_for_times(dict.fromkeys(homes, max(0, self._clock() - PAST_MS)))
        acted = self._acted()
        for home, place in self._homes.items():
            at = young.get(home)
            since = ends[home] if at is None else at.offset
            noted = acted.get(place, 0)
            if noted > ends[home]:
                self._say_wiped(place)
                noted = first[home]
            start = max(first[home], min(since, noted))
            reader.seek(home, start)
            self.at[place] = self._next[place] = start
        return ends

    async def _more(self, reader: AIOKafkaConsumer) -> Mapping[TopicPartition, Sequence[Any]]:
        try:
            found: Mapping[TopicPartition, Sequence[Any]] = await reader.getmany(
                timeout_ms=WAIT_MS, max_records=AT_ONCE
            )
        except OffsetOutOfRangeError as error:
            (lost,) = error.args
            first = await reader.beginning_offsets(list(lost))
            for home in lost:
                self._say_wiped(self._homes[home])
                reader.seek(home, first[home])
                self.at[self._homes[home]] = self._next[self._homes[home]] = first[home]
            return {}
        return found

    def _say_wiped(self, place: str) -> None:
        self.wiped += 1
        self._lost(place)
        log.error("a topic lost what was to be read next: it is read from its beginning", place=place)

    def _read(self, found: Mapping[TopicPartition, Sequence[Any]]) -> list[Heard]:
        heard = []
        for home, records in found.items():
            place = self._homes[home]
            for record in records:
                stamp_ms = self._stamps[home] = max(self._stamps.get(home, 0), record.timestamp)
                what = self._what(home, record)
                if what is not None:
                    heard.append(Heard(place, record.offset, stamp_ms, what))
                self._nonces += [str(v, "ascii", "replace") for n, v in record.headers if n == NONCE]
            if records:
                self._next[place] = records[-1].offset + 1
        return heard

    def _what(self, home: TopicPartition, record: Any) -> Decision | ControlEvent | None:
        """What a record says to delivery: nothing, where it is a beat, or decides that nobody is told; but
        what is decided on a probe is heard, for it shows that the way is open.
        """
        try:
            if home != self._control:
                decision = decode(record.value or b"", Decided).decision
                return None if decision.kind == "NoPage" and not is_probe(decision) else decision
            if kind_and_source(record.headers)[0] != "control":
                return None
            event: ControlEvent = msgspec.json.decode(record.value or b"", type=ControlEvent)
        except (msgspec.MsgspecError, ValueError) as error:
            self.unreadable += 1
            where, why = self._homes[home], type(error).__name__
            log.error("a record cannot be read", place=where, offset=record.offset, problem=why)
            return None
        return event


def _order(one: Heard) -> tuple[int, bool, str, int]:
    """By the brokers' stamps; of one instant what people did comes first, as it does within a step of the core."""
    return one.stamp_ms, one.place != CONTROL, one.place, one.offset


async def _is_at(reader: AIOKafkaConsumer, goal: Mapping[TopicPartition, int]) -> bool:
    for home, end in goal.items():
        if await reader.position(home) < end:
            return False
    return True
