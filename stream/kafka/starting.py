"""EDGE. A client that waits for its broker: a worker that comes up before Kafka does is early, not broken."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

log = structlog.get_logger("tocsin")

Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer, AIOKafkaAdminClient)

WAIT_S = 1.0


async def started(make: Callable[[], Client], *, wait_s: float = WAIT_S) -> Client:
    """A client, once it is connected. Tries for as long as no broker answers, and says so once."""
    told = False
    while True:
        client = make()
        try:
            await client.start()
        except (KafkaError, OSError) as error:
            await _end(client)
            if not told:
                log.warning("no broker answers", problem=type(error).__name__)
            told = True
            await asyncio.sleep(wait_s)
        except BaseException:
            await _end(client)
            raise
        else:
            if told:
                log.info("the broker answers")
            return client


async def _end(client: AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaAdminClient) -> None:
    await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
