"""EDGE. The topic `deliveries`: where the outbox is written down, who leads, and the fence before every message.

Whoever leads wrote a `Took` and read up to it, so it has all that the leader before wrote while that one led. Before
each message it writes what changed (the row that says `sending` is the claim), reads its own record again, and sends
only where nobody took over before it, and where all that took no longer than a limit well below the grace. One that was
paused anywhere on the way finds a later takeover in the log or its claim too old, and sends nothing.

What is left: a process that stands still between this look and the first byte, with nothing of ours in between, and
wakes after another has sent. The next leader counts the grace anew, so that this takes a pause of a minute there.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.tail import Follower
from stream.kafka.writer import Writer
from tocsin.scaled.leading import BEAT, Ledger, Written, signature, signed, takeover
from tocsin.scaled.outbox_journal import Change, OutboxJournal

log = structlog.get_logger("tocsin")

TOPIC = "deliveries"
LOOK_S = 0.05
"""How often it is looked whether anything is to be written."""


class DeliveryLog:
    """One life with the topic: it is followed from its beginning, then perhaps led, then given up.

    `may` says whether we may lead at all now (the lock is ours); `noted` hears of each note that counts.
    """

    def __init__(
        self,
        brokers: Brokers,
        writer: Writer,
        journal: OutboxJournal,
        *,
        may: Callable[[], bool],
        noted: Callable[[str, str], None] = lambda _name, _value: None,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = brokers.layout.name(TOPIC)
        self._writer = writer
        self.journal = journal
        self._may = may
        self._noted = noted
        self._clock = clock
        self._monotonic = monotonic
        self._follower = Follower(brokers, self._topic, 1, self._take)
        self._begun = 1
        self.ledger = Ledger()
        self.wiped = False
        """Whether the topic was lost while we followed it: what we have of it is all that there is."""
        self.mine = ""
        """Our incarnation, from the takeover on."""
        self._number = 0
        self._moved: asyncio.Event = asyncio.Event()
        self._asked: list[asyncio.Future[int]] = []
        self._ask = asyncio.Event()
        self.published = 0

    # ---- following

    async def follow(self) -> None:
        """Read until cancelled. Where the brokers fail it the life is over: it cannot be read twice over."""
        await self._follower.run()

    @property
    def caught_up(self) -> asyncio.Event:
        """Set once all was read that was there at the start."""
        return self._follower.caught_up

    def _take(self, records: Sequence[Any]) -> None:
        if self._follower.begun != self._begun:
            self._begun = self._follower.begun
            self.wiped, self.ledger = True, Ledger()
        changes = []
        for record in records:
            key = (record.key or b"").decode("utf-8", "replace")
            one = Written(key, record.value, *signature(record.headers))
            if not self.ledger.counts(one):
                continue
            if key.startswith("note/") and one.value is not None:
                self._hear_note(key.removeprefix("note/"), one.value)
            if one.by != self.mine:
                changes.append(Change(key, one.value))
        self._apply(changes)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _apply(self, changes: Iterable[Change]) -> None:
        try:
            self.journal.apply(changes)
        except ValueError as error:
            log.error("a row of the outbox in the log cannot be read and is left out", problem=str(error))

    def _hear_note(self, name: str, value: bytes) -> None:
        words = self.journal.words_of(value)
        if words is not None:
            self._noted(name, words)

    # ---- leading

    @property
    def leads(self) -> bool:
        """Whether we lead, as far as we have read."""
        return bool(self.mine) and self.ledger.leader == self.mine and not self.wiped

    async def take_over(self) -> bool:
        """Lead from here on: the outbox is ours, as everybody before us left it. False where another was quicker."""
        incarnation = uuid.uuid4().hex
        key, value = takeover(incarnation, self._clock())
        record = Outgoing(self._topic, 0, key.encode(), value, signed(incarnation, 0))
        takeovers = self.ledger.takeovers
        if not await self._writer.write([record], wanted=self._may):
            return False
        while self.ledger.leader != incarnation and self.ledger.takeovers == takeovers and self._may():
            await self._read_on()
        if self.ledger.leader != incarnation or not self._may():
            return False
        self.mine, self._number = incarnation, 0
        self.journal.capture()
        return True

    async def publish(self) -> None:
        """Write what changes, in order, for as long as we lead."""
        while self.leads:
            await self._wait_for_news()
            if not self._may():
                await asyncio.sleep(LOOK_S)
                continue
            asked, self._asked = self._asked, []
            self._ask.clear()
            # What others wrote over what is ours, or what we wrote late ourselves, is written again.
            self.journal.again(self.ledger.to_heal())
            changes = self.journal.drain() or ([Change(BEAT, None)] if asked else [])
            records = [self._outgoing(change) for change in changes]
            for one in asked:
                if not one.done():
                    one.set_result(self._number)
            if records:
                await self._writer.write(records, wanted=lambda: self.leads)
                self.published += len(records)

    async def confirm(self, limit_s: float) -> str:
        """Whether we lead still, and all that changed so far is written: "" or a word why not. Whoever asks acts at
        once, or asks again.
        """
        began_s = self._monotonic()
        if not (self._may() and self.leads):
            return "not_leading"
        asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self._ask.set()
        try:
            async with asyncio.timeout(limit_s):
                number = await asked
                while self.leads and self.ledger.number < number:
                    await self._read_on()
        except TimeoutError:
            return "log_silent"
        if not (self._may() and self.leads):
            return "not_leading"
        return "claim_too_old" if self._monotonic() - began_s >= limit_s else ""

    async def flush(self, limit_s: float) -> None:
        """Write what changed, at the end; what does not get through in time is found out by the next leader."""
        await self.confirm(limit_s)

    def _outgoing(self, change: Change) -> Outgoing:
        self._number += 1
        # A beat says nothing, and is no tombstone: its key must stay, for its number.
        value = b"{}" if change.key == BEAT else change.value
        return Outgoing(self._topic, 0, change.key.encode(), value, signed(self.mine, self._number))

    async def _wait_for_news(self) -> None:
        while self.leads and not (self._ask.is_set() or self.journal.has_news or self.ledger.spoiled):
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._ask.wait()
            except TimeoutError:
                continue

    async def _read_on(self) -> None:
        """Until more was read, or a moment has passed."""
        try:
            async with asyncio.timeout(LOOK_S * 4):
                await self._moved.wait()
        except TimeoutError:
            return
