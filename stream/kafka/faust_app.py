"""EDGE. Faust, cut down to what it is good for here: it shares a topic's partitions among workers and carries bytes.

It holds no table, no window and no time of ours, opens no port, declares no topic and makes no directory. What it is
known to do and what stands against it:

- It takes a record for done whose handler raised, and one that it skips in a rebalance. So nothing is done here until
  `Carried.done` is called, and who handles records must know by an offset of his own what he has, and fetch the rest.
- It drops records below the place it once read, in silence: after a wiped log it must be told by `rewind`.
- Waiting for records under way would hold up a rebalance for as long as a state is being rebuilt: it does not wait.
- Its clients run in threads of their own; whatever is called here is called in the loop that started the app.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import faust
import structlog
from faust.types import TP

from stream.kafka.clients import IDLE_MS, NEWS_MS, REQUEST_MS, SESSION_MS, Brokers
from stream.kafka.topics import LARGEST_BYTES

log = structlog.get_logger("tocsin")

COMMIT_S = 2.0


class Carried(NamedTuple):
    """A record as it is carried."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    body: bytes
    done: Callable[[], object]
    """To be called once, when the record need never be carried again."""


class CarrierBroke(Exception):  # noqa: N818 - named as it is read in a log
    """The app ended by itself: it is to be started anew, or the process with it."""


Handle = Callable[[Carried], Awaitable[None]]
Told = Callable[[frozenset[int]], Awaitable[None]]


class _App(faust.App):
    def _create_directories(self) -> None:
        """Nothing is kept on the disk: a worker's file system may be read-only."""


class Carrier:
    """One Faust app with one agent of concurrency 1 over one topic.

    `handle` gets each record, those of a partition in their order. `assigned` gets all partitions held after each
    rebalance, `revoked` those that are taken away at its start (mostly all, and most of them come back).
    """

    def __init__(
        self, brokers: Brokers, *, topic: str, group: str, handle: Handle, assigned: Told, revoked: Told
    ) -> None:
        self._topic = brokers.layout.name(topic)
        self._handle = handle
        self._assigned = assigned
        self._revoked = revoked
        self._app = _made(brokers, brokers.layout.name(group))
        self._started = False
        self.failures = 0
        """Records whose handler raised: they were not lost, their offsets are still missing."""
        self._agree()

    async def start(self) -> None:
        """Join the group. Returns when partitions are assigned, or none are left over. Raises what aiokafka raises."""
        self._started = True
        await self._app.start()
        if self._app.crash_reason is not None:
            raise CarrierBroke(repr(self._app.crash_reason))
        # Its client would look five times a second whether there is work, though whatever happens wakes it at once.
        consumer: Any = self._app.consumer
        consumer._thread._consumer._fetcher._fetcher_timeout = IDLE_MS / 1000  # noqa: SLF001 - it cannot be told

    async def ended(self) -> None:
        """Wait until the app ends. Raises `CarrierBroke` where it did so by itself."""
        await self._app.wait_until_stopped()
        if self._app.crash_reason is not None:
            raise CarrierBroke(repr(self._app.crash_reason))

    async def rewind(self, partition: int, to_offset: int) -> None:
        """Carry a partition from this offset on: the log is another one than it was, or its place is."""
        home = TP(self._topic, partition)
        consumer: Any = self._app.consumer
        consumer._committed_offset[home] = None  # noqa: SLF001 - else it commits nothing below what it committed once
        consumer._acked[home].clear()  # noqa: SLF001 - offsets of the other log
        consumer._acked_index[home].clear()  # noqa: SLF001
        await consumer.seek(home, to_offset)

    async def stop(self) -> None:
        """Leave the group; commits what is done. May be called twice, or before `start`."""
        if self._started:
            self._started = False
            await self._app.stop()

    def _agree(self) -> None:
        app = self._app

        async def assigned(_: Any, /, *said: Any, **__: Any) -> None:
            await self._assigned(self._numbers(said[0]))

        async def revoked(_: Any, /, *said: Any, **__: Any) -> None:
            await self._revoked(self._numbers(said[0]))

        app.on_partitions_assigned.connect(assigned, weak=False)
        app.on_partitions_revoked.connect(revoked, weak=False)
        topic = app.topic(
            self._topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=True
        )
        app.agent(topic, concurrency=1, name=self._topic)(self._carry)

    async def _carry(self, stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            carried = Carried(
                message.partition,
                message.offset,
                round(message.timestamp * 1000),
                message.key or b"",
                message.value or b"",
                event.ack,
            )
            try:
                await self._handle(carried)
            except asyncio.CancelledError:
                raise
            except Exception:
                self.failures += 1
                log.exception("a record was not handled", partition=carried.partition, offset=carried.offset)

    def _numbers(self, homes: set[TP]) -> frozenset[int]:
        return frozenset(home.partition for home in homes if home.topic == self._topic)


def _made(brokers: Brokers, name: str) -> _App:
    return _App(
        name,
        broker=";".join(f"kafka://{address.strip()}" for address in brokers.bootstrap.split(",")),
        broker_credentials=_credentials(brokers),
        broker_session_timeout=SESSION_MS / 1000,
        broker_heartbeat_interval=SESSION_MS / 5000,
        broker_rebalance_timeout=REQUEST_MS / 1000,
        broker_request_timeout=REQUEST_MS / 1000,
        broker_commit_interval=COMMIT_S,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=LARGEST_BYTES,
        consumer_metadata_max_age_ms=NEWS_MS,
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        loop=asyncio.get_running_loop(),
    )


def _credentials(brokers: Brokers) -> faust.SASLCredentials | faust.SSLCredentials | None:
    told = brokers.arguments()
    if brokers.security.startswith("SASL"):
        return faust.SASLCredentials(
            username=brokers.user,
            password=brokers.password,
            mechanism=brokers.mechanism,
            ssl_context=told.get("ssl_context"),
        )
    return faust.SSLCredentials(context=told["ssl_context"]) if brokers.security == "SSL" else None
