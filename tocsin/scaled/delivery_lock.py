"""EDGE. Which of the delivery workers leads: the one that the group `delivery` gives the one partition of `deliveries`.

The group finds a leader and finds out when it is gone. That nobody else sends is not its work but the fence's
(`tocsin.scaled.delivery_log`): a group may believe one that was paused to be dead, and that one may believe to lead.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from stream.kafka.clients import SESSION_MS, Brokers
from stream.kafka.starting import started

GROUP = "delivery"
POLL_MS = 500


class _ToTheLeader(AbstractPartitionAssignor):  # type: ignore[misc]
    """Gives the partition to whoever says that it leads, so that nobody else does because a worker came or went."""

    name = "tocsin-leader"
    version = 0

    def __init__(self, topic: str, term: Callable[[], int]) -> None:
        self._topic = topic
        self._term = term

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this member says to the one that assigns: in which term it leads (0: not at all)."""
        return ConsumerProtocolMemberMetadata(self.version, list(topics), str(self._term()).encode())

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """The latest leader has it; one that woke from a long sleep claims an earlier term."""
        leader = max(sorted(members), key=lambda name: _number(members[name].user_data))
        given = {name: [(self._topic, [0])] if name == leader else [] for name in members}
        return {name: ConsumerProtocolMemberAssignment(self.version, what, b"") for name, what in given.items()}

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing is kept."""


def _number(said: bytes) -> int:
    return int(said) if said and said.isdigit() else 0


class DeliveryLock(ConsumerRebalanceListener):  # type: ignore[misc]
    """`held` says whether it is ours now; while the group makes up its mind it is nobody's. `changed` is set whenever
    that may be another answer.
    """

    def __init__(self, brokers: Brokers, topic: str, *, term: Callable[[], int], session_ms: int = SESSION_MS) -> None:
        """`term` is the number of the takeover by which we lead, 0 where we do not. A worker that says nothing for
        `session_ms` has lost it.
        """
        self._brokers = brokers
        self._home = TopicPartition(topic, 0)
        self._term = term
        self._session_ms = session_ms
        self._consumer: AIOKafkaConsumer | None = None
        self.held = False
        self.decided = False
        """Whether the group has said whose it is, this worker's or another's."""
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Belong to the group until cancelled, then leave it: another may lead at once."""
        consumer = self._consumer = await started(self._make)
        try:
            consumer.subscribe([self._home.topic], listener=self)
            while True:
                # Nothing is read here: asking is what keeps a member in its group.
                await consumer.getmany(timeout_ms=POLL_MS)
        finally:
            self._say(False, decided=False)
            await consumer.stop()

    def _make(self) -> AIOKafkaConsumer:
        return self._brokers.consumer(
            group=GROUP,
            auto_offset_reset="latest",
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=max(100, self._session_ms // 5),
            partition_assignment_strategy=(_ToTheLeader(self._home.topic, self._term),),
        )

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The group makes up its mind anew."""
        self._say(False, decided=False)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The group has made up its mind."""
        mine = self._home in set(assigned)
        if mine and self._consumer is not None:
            self._consumer.pause(self._home)
        self._say(mine, decided=True)

    def _say(self, held: bool, *, decided: bool) -> None:
        self.held, self.decided = held, decided
        self.changed.set()
