"""EDGE. Clients of aiokafka, made in one place: every worker waits, retries and gives up by the same rules.

A producer here never loses an accepted record and never reorders: idempotent, acks of all replicas that are in step.
Consumers read from the earliest record where they have no place yet, and never jump over anything in silence:
`auto_offset_reset` is `none` wherever a jump would be a loss.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from stream.kafka.topics import LARGEST_BYTES, Layout

REQUEST_MS = 20_000
"""How long one request to a broker may take."""
SESSION_MS = 10_000
"""A worker that says nothing for so long has lost its partitions to the others."""


IDLE_MS = 2_000
"""How often a consumer looks for work though nothing happened; whatever happens wakes it at once."""
NEWS_MS = 10_000
"""How soon a worker knows of topics that were made again: until then it takes no partition of them."""


@dataclass(frozen=True)
class Brokers:
    """Where the brokers are and who we are to them. The password shows in no `repr`."""

    bootstrap: str
    layout: Layout
    security: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def arguments(self) -> dict[str, Any]:
        """What every client is told."""
        found: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": self.security,
            "request_timeout_ms": REQUEST_MS,
        }
        if self.security.endswith("SSL"):
            found["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.security.startswith("SASL"):
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return found

    def producer(self, **more: Any) -> AIOKafkaProducer:
        """A producer that is to be started: idempotent, so that a request tried again writes nothing twice."""
        told = {
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "gzip",
            "max_request_size": LARGEST_BYTES,
            "max_batch_size": 256 << 10,
            "linger_ms": 5,
        }
        return AIOKafkaProducer(**self.arguments(), **{**told, **more})

    def consumer(self, *topics: str, group: str | None = None, **more: Any) -> AIOKafkaConsumer:
        """A consumer that is to be started. With a `group` it shares the topics' partitions with the others in it."""
        told = {
            "group_id": None if group is None else self.layout.name(group),
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "session_timeout_ms": SESSION_MS,
            "heartbeat_interval_ms": SESSION_MS // 5,
            "max_poll_interval_ms": 300_000,
            "metadata_max_age_ms": NEWS_MS,
            "max_partition_fetch_bytes": LARGEST_BYTES,
            "consumer_timeout_ms": IDLE_MS,
        }
        return AIOKafkaConsumer(*topics, **self.arguments(), **{**told, **more})

    def admin(self) -> AIOKafkaAdminClient:
        """A client that makes topics and reads their settings."""
        return AIOKafkaAdminClient(**self.arguments())
