"""EDGE. One life of a delivery worker with the outbox: it follows what the leader writes, then perhaps leads itself.

A life ends where another took over, or the log was lost: what this one had and the log has not is worth nothing then,
so the next begins from the log again. Only a log that was lost is filled from what is here.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TextIO

import structlog
from aiokafka.errors import KafkaError

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.ways import Answered, Way
from alerting.delivery.worker import Delivery
from stream.kafka.clients import Brokers
from stream.kafka.writer import Writer
from tocsin.outreach import Outreach
from tocsin.scaled.delivery_lock import DeliveryLock
from tocsin.scaled.delivery_log import DeliveryLog
from tocsin.scaled.delivery_people import ClusterPeople, Due
from tocsin.scaled.ending import put_away
from tocsin.scaled.fenced_way import FencedWay
from tocsin.scaled.outbox_journal import OutboxJournal
from tocsin.setting_sections import Secrets

log = structlog.get_logger("tocsin")

LONGEST_CLAIM_MS = 10_000
"""A claim is believed for a quarter of the grace, and never for longer than this."""
GOODBYE_MS = 3_000
"""How long what is under way may take at the end."""
PLACES_EVERY_S = 60.0
LOOK_S = 0.1


class Life:
    """Built over an empty outbox, or, after the log was lost, over the one that is left (`kept`). `probed` hears of
    each probe that was handed to delivery while we lead.
    """

    def __init__(
        self,
        brokers: Brokers,
        writer: Writer,
        lock: DeliveryLock,
        clock: Callable[[], int],
        *,
        noted: Callable[[str, str], None],
        probed: Callable[[Decision], None] = lambda _decision: None,
        kept: Outbox | None = None,
    ) -> None:
        self.outbox = kept or Outbox(None)
        self._kept = kept is not None
        self._lock = lock
        self._clock = clock
        self._probed = probed
        self.journal = OutboxJournal(self.outbox)
        self.log = DeliveryLog(brokers, writer, self.journal, may=lambda: lock.held, noted=noted, clock=clock)
        self.outreach: Outreach | None = None
        self._cluster: ClusterPeople | None = None
        self._limit_s = 0.0
        self.held_back: dict[str, int] = {}
        """Messages and edits that the fence held back, by reason."""

    # ---- standing by

    async def follow(self) -> None:
        """Keep the outbox as the leader writes it, until cancelled."""
        await self.log.follow()

    # ---- leading

    async def lead(
        self,
        cluster: ClusterPeople,
        secrets: Secrets,
        *,
        terminal: TextIO,
        ways: Mapping[str, Way] | None,
        stop: asyncio.Event,
        beside: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        """Take over, and lead until another does, the lock is gone, or `stop`. `beside` runs while we lead."""
        if not await self.log.take_over():
            return
        if self._kept:
            log.error("the log of deliveries was lost: it is written again from what is here")
            self.journal.all_again()
        self._cluster = cluster
        self._limit_s = min(LONGEST_CLAIM_MS, cluster.people.settings.delivery.grace // 4) / 1000
        outreach = self.outreach = Outreach(
            cluster.people, secrets, self.outbox, terminal=terminal, ways=ways, through=self._fenced
        )
        cluster.people.metrics.know_ways(outreach.names)
        now_ms = self._clock()
        for row in self.outbox.unknown():  # whoever began them may be at it still, by another clock
            self.outbox.begun(row.page_id, now_ms)
        log.info("leads the delivery", pages_in_doubt=outreach.delivery.recovered)
        cluster.lead(self)
        work = [self.log.publish(), outreach.delivery.run(), self._places(), self._configured(), beside()]
        if outreach.slack_side is not None:
            work.append(outreach.slack_side.run())
        tasks = [asyncio.create_task(one) for one in work]
        try:
            await self._until_over(tasks, stop)
            if stop.is_set() and self.log.leads:
                await outreach.delivery.finish(GOODBYE_MS)
                cluster.note_places()
                await self.log.confirm(GOODBYE_MS / 1000)
        finally:
            cluster.stand_by()
            await put_away(*tasks)
            await outreach.close()
            self.outreach = None
            log.info("leads the delivery no more")

    async def _until_over(self, tasks: "list[asyncio.Task[None]]", stop: asyncio.Event) -> None:
        """Return when this worker must not lead any more. Raises what a part of it raised."""
        while self.log.leads and not stop.is_set() and (self._lock.held or not self._lock.decided):
            done, _ = await asyncio.wait(tasks, timeout=LOOK_S, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                if (error := task.exception()) is not None:
                    raise error

    def act(self, due: Due) -> None:
        """Take a decision, or show an answer."""
        if self.outreach is None:
            return
        if isinstance(due.what, Answered):
            self.outreach.delivery.answered(due.what)
        else:
            self.outreach.delivery.take(due.what)

    def probed(self, decision: Decision) -> None:
        """Take what was decided on a probe as any decision, and say so to whoever sent it."""
        if self.outreach is not None:
            self.outreach.delivery.take(decision)
            self._probed(decision)

    def note(self, name: str, value: str) -> None:
        """Keep a word beside the outbox."""
        self.journal.note(name, value)

    @property
    def delivery(self) -> Delivery | None:
        """What reaches people, while we lead."""
        return self.outreach.delivery if self.outreach is not None else None

    async def _places(self) -> None:
        while True:
            await asyncio.sleep(PLACES_EVERY_S)
            if self._cluster is not None:
                self._cluster.note_places()

    async def _configured(self) -> None:
        """Say to the core what the flowchart says, where it was not said yet."""
        if self._cluster is not None:
            core, notes = self._cluster.people.core, self.journal.notes()

            def known(brand: str) -> str:
                seen = core.brands.get(brand)
                return notes.get(f"content/{brand}") or (seen.content if seen is not None else "")

            await self._cluster.configure(known)

    # ---- the fence

    def _fenced(self, way: Way) -> Way:
        return FencedWay(way, self._counted(self._may_post), self._counted(self._may_edit))

    def _counted(self, may: Callable[[str], Awaitable[str]]) -> Callable[[str], Awaitable[str]]:
        async def asked(page_id: str) -> str:
            why = await may(page_id)
            if why:
                self.held_back[why] = self.held_back.get(why, 0) + 1
            return why

        return asked

    async def _may_post(self, page_id: str) -> str:
        """Nobody may have taken over, and nobody may have answered: both by the log, as it stands now."""
        if self._cluster is None:
            return "not_leading"
        heard = False
        with contextlib.suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(self._limit_s):
                heard = await self._cluster.hearing.up_to_date()
        if not heard:
            return "log_silent"
        if self._is_moot(page_id):
            return "answered"
        return await self.log.confirm(self._limit_s) or ("answered" if self._is_moot(page_id) else "")

    async def _may_edit(self, _page_id: str) -> str:
        return await self.log.confirm(self._limit_s)

    def _is_moot(self, page_id: str) -> bool:
        return self.outreach is None or self.outreach.delivery.is_moot(self.outbox.row(page_id))
