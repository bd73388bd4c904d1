"""Records that cannot be read, on their way to the topic `dead-letters`: the body as it was, and why. Pure."""

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing


def dead_letter(brokers: Brokers, topic: str, partition: int, offset: int, *, body: bytes, why: str) -> Outgoing:
    """The dead letter of one record."""
    headers = [
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
        ("why", why.encode()[:500]),
    ]
    return Outgoing(brokers.layout.name("dead-letters"), 0, f"{topic}/{partition}/{offset}".encode(), body, headers)
