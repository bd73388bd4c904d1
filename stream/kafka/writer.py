"""EDGE. One producer for a whole worker: what it was given is written, however long the broker is away.

A batch that a producer gave up leaves a hole in its numbering. So it is replaced then, and all is written again that
was not acknowledged together: whoever reads knows repeats by what they say.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.starting import started

log = structlog.get_logger("tocsin")

AGAIN_S = 1.0


class Writer:
    """Writes records and waits until the brokers have them. `again` counts writes that had to be repeated."""

    def __init__(self, brokers: Brokers, **more: Any) -> None:
        self._brokers = brokers
        self._more = more
        self._producer: Any = None
        self._renewing = asyncio.Lock()
        self.again = 0
        self.is_away = False
        """Whether what was written last was not acknowledged."""

    async def start(self) -> None:
        """Connect; waits for a broker."""
        self._producer = await started(self._make)

    async def stop(self) -> None:
        """Disconnect. What was not acknowledged yet is given a moment."""
        if self._producer is not None:
            await self._producer.stop()

    @property
    def is_open(self) -> bool:
        """Whether it was started."""
        return self._producer is not None

    @property
    def _open(self) -> AIOKafkaProducer:
        producer: AIOKafkaProducer | None = self._producer
        assert producer is not None, "a writer is started first"
        return producer

    async def write(self, records: Sequence[Outgoing], *, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Write them all; true once all are acknowledged. Tries for as long as they are `wanted`, else gives up.

        Raises `MessageSizeTooLargeError` for a record that no broker takes.
        """
        while wanted():
            if await self.try_to_write(records):
                return True
        return False

    async def try_to_write(self, records: Sequence[Outgoing]) -> bool:
        """Write them all, once; whether all are acknowledged. What is not may yet be written, or not.

        Raises `MessageSizeTooLargeError` for a record that no broker takes.
        """
        producer = self._open
        try:
            await _sent(producer, records)
        except MessageSizeTooLargeError:
            raise
        except (KafkaError, AssertionError, OSError) as error:
            # An assertion: the topic is being made anew and has no such partition yet.
            self.again += 1
            self.is_away = True
            log.error("what was to be written is not acknowledged", problem=type(error).__name__)
            await self._renew(producer)
            return False
        self.is_away = False
        return True

    def _make(self) -> AIOKafkaProducer:
        return self._brokers.producer(**self._more)

    async def _renew(self, broken: AIOKafkaProducer) -> None:
        async with self._renewing:
            if self._producer is not broken:
                return
            await asyncio.sleep(AGAIN_S)
            try:
                await asyncio.wait_for(broken.stop(), AGAIN_S)
            except (KafkaError, TimeoutError, OSError):
                log.warning("a producer did not end in time")
            self._producer = await started(self._make)


async def _sent(producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
    acks = [
        await producer.send(
            one.topic,
            one.value,
            key=one.key,
            partition=one.partition,
            timestamp_ms=one.stamp_ms,
            headers=list(one.headers),
        )
        for one in records
    ]
    for became in await asyncio.gather(*acks, return_exceptions=True):
        if isinstance(became, BaseException):
            raise became
