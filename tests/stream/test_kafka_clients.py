"""Clients of Kafka are made in one place: none loses what was acknowledged, and none shows the password."""

import ssl
from pathlib import Path

import pytest

from stream.kafka.clients import Brokers
from stream.kafka.topics import LARGEST_BYTES, Layout

PASSWORD = "correct horse battery"
LAYOUT = Layout("tocsin.")


def known(**more: str) -> Brokers:
    """Brokers that ask who we are."""
    told = {"security": "SASL_PLAINTEXT", "mechanism": "SCRAM-SHA-512", "user": "tocsin", **more}
    return Brokers("a:9092,b:9092", LAYOUT, password=PASSWORD, **told)


def test_the_password_shows_nowhere() -> None:
    """Not in a log line that holds the brokers, nor in what a client says of itself."""
    brokers = known()
    for shown in (repr(brokers), str(brokers), f"{brokers}", repr([brokers])):
        assert PASSWORD not in shown
        assert "tocsin" in shown


def test_who_is_not_asked_names_nobody() -> None:
    """PLAINTEXT sends no user, whatever is set."""
    told = Brokers("a:9092", LAYOUT, user="tocsin", password=PASSWORD).arguments()
    assert PASSWORD not in told.values()
    assert not [name for name in told if name.startswith("sasl")]


def test_every_broker_of_the_list_is_knocked_at() -> None:
    """The first that answers will do."""
    assert known().arguments()["bootstrap_servers"] == ["a:9092", "b:9092"]


def test_tls_holds_the_broker_to_its_name_and_its_signer(tmp_path: Path) -> None:
    """Certificates are checked, by the machine's own signers or by the named file's, and a bad file is an error."""
    context = known(security="SASL_SSL").arguments()["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    with pytest.raises(OSError, match=r"No such file"):
        known(security="SASL_SSL", ca_file=str(tmp_path / "none.pem")).arguments()
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        known(security="SSL", ca_file=str(bad)).arguments()


async def test_a_producer_loses_nothing_and_writes_nothing_twice() -> None:
    """Idempotent, acknowledged by all, and it takes the largest record there is."""
    producer = Brokers("127.0.0.1:1", LAYOUT).producer()
    assert producer._sender._acks == -1
    assert producer._txn_manager is not None
    assert producer._max_request_size == LARGEST_BYTES
    await producer.stop()


async def test_a_consumer_jumps_over_nothing_in_silence() -> None:
    """Without a place to begin at it fails, and it marks as read only what it is told to."""
    consumer = Brokers("127.0.0.1:1", LAYOUT).consumer("tocsin.mentions", group="intake")
    assert consumer._auto_offset_reset == "none"
    assert consumer._enable_auto_commit is False
    assert consumer._group_id == "tocsin.intake"
    await consumer.stop()
