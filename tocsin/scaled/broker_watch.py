"""EDGE. Whether brokers answer, for a role that may have nothing to write for hours: it asks, so readiness is true.

It goes by the time since the last answer, so that a client which neither answers nor fails is found out as well.
"""

import asyncio
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.kafka.clients import Brokers
from stream.kafka.starting import started

ASK_EVERY_S = 2.0
ANSWERED_S = 5.0
"""How long brokers may take to say where a topic ends, before they are asked again."""
SILENT_S = 10.0
"""So long after their last answer brokers count as silent: one lost question is none of it."""


class BrokerWatch:
    """Asks for as long as `run` runs where the one partition of `topic` ends."""

    def __init__(self, brokers: Brokers, topic: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._brokers = brokers
        self._home = TopicPartition(topic, 0)
        self._monotonic = monotonic
        self._answered_s: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether nothing was answered for `SILENT_S`, of which the time before `run` is no part."""
        return self._answered_s is not None and self._monotonic() - self._answered_s > SILENT_S

    async def run(self) -> None:
        """Ask until cancelled. A broker that is away is waited for."""
        if self._answered_s is None:
            self._answered_s = self._monotonic()
        asker = await started(self._brokers.consumer)
        try:
            while True:
                await self._ask(asker)
                await asyncio.sleep(ASK_EVERY_S)
        finally:
            await asker.stop()

    async def _ask(self, asker: AIOKafkaConsumer) -> None:
        try:
            async with asyncio.timeout(ANSWERED_S):
                await asker.end_offsets([self._home])
        except (KafkaError, OSError, TimeoutError):
            return
        self._answered_s = self._monotonic()
