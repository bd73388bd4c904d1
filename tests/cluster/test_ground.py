"""What the other tests of the scaled deployment take for granted: the servers do what the tests have them do."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.kafka.clients import Brokers
from stream.kafka.making import check_topics
from tests.cluster.broker import PASSWORD, USER, Broker
from tests.cluster.conftest import MakeBrokers
from tests.cluster.jars import kafka_jars
from tests.cluster.processes import until
from tests.cluster.valkey import Valkey

pytestmark = pytest.mark.slow


async def _written(brokers: Brokers, value: bytes) -> int:
    producer = brokers.producer()
    await producer.start()
    try:
        return int((await producer.send_and_wait(brokers.layout.name("mentions"), value, partition=0)).offset)
    finally:
        await producer.stop()


async def _read(brokers: Brokers, count: int) -> list[bytes]:
    consumer = brokers.consumer(brokers.layout.name("mentions"), auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_what_kafka_acknowledged_is_there_after_a_kill_and_gone_after_a_wipe(
    kafka: Broker, brokers: Brokers
) -> None:
    """A kill keeps the data and the address; a wipe keeps the address alone."""
    assert await _written(brokers, b"first") == 0
    await asyncio.to_thread(kafka.kill)
    assert not kafka.runs
    await asyncio.to_thread(kafka.start)
    assert await _written(brokers, b"second") == 1
    assert await _read(brokers, 2) == [b"first", b"second"]
    await asyncio.to_thread(kafka.wipe)
    assert {one.setting for one in await check_topics(brokers)} == {"missing"}


async def test_a_paused_kafka_answers_nobody_and_goes_on_where_it_was(kafka: Broker, brokers: Brokers) -> None:
    """SIGSTOP is neither a refusal nor a loss."""
    await _written(brokers, b"before")
    producer: AIOKafkaProducer = brokers.producer()
    await producer.start()
    try:
        kafka.pause()
        sent = asyncio.ensure_future(producer.send_and_wait(brokers.layout.name("mentions"), b"during", partition=0))
        done, _ = await asyncio.wait([sent], timeout=1)
        assert not done
        kafka.resume()
        assert (await asyncio.wait_for(sent, 20)).offset == 1
    finally:
        kafka.ensure()
        await producer.stop()


async def test_the_last_value_of_a_key_outlives_compaction(make_brokers: MakeBrokers) -> None:
    """The cleaner is quick enough that a test can see what it leaves."""
    brokers = await make_brokers(
        more={"segment.ms": "200", "min.cleanable.dirty.ratio": "0.01", "min.compaction.lag.ms": "0"}
    )
    topic = brokers.layout.name("contents")
    producer = brokers.producer(linger_ms=0)
    await producer.start()
    try:
        deadline = time.monotonic() + 45
        while True:
            for number in range(5):
                await producer.send_and_wait(topic, f"{number}".encode(), key=b"chart")
            if await _first_offset(brokers, topic) > 0:
                break
            assert time.monotonic() < deadline, "nothing was compacted"
            await asyncio.sleep(0.3)
    finally:
        await producer.stop()


async def _first_offset(brokers: Brokers, topic: str) -> int:
    """The offset of the first record that is still there."""
    consumer: AIOKafkaConsumer = brokers.consumer(topic, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return int((await asyncio.wait_for(consumer.getone(), 20)).offset)
    finally:
        await consumer.stop()


async def test_only_who_has_the_password_comes_in(kafka: Broker, make_brokers: MakeBrokers) -> None:
    """The broker's SASL door is a real one."""
    plain = await make_brokers()
    asked = {"security": "SASL_PLAINTEXT", "mechanism": "SCRAM-SHA-512", "user": USER}
    known = Brokers(kafka.sasl_bootstrap, plain.layout, password=PASSWORD, **asked)
    assert await _written(known, b"by name") == 0
    wrong = Brokers(kafka.sasl_bootstrap, plain.layout, password="guessed", **asked)
    with pytest.raises(KafkaError):
        await _written(wrong, b"by nobody")


def test_a_valkey_set_back_knows_only_what_was_saved(own_valkey: Valkey) -> None:
    """Flush, save, restore and restart leave what they say."""
    with own_valkey.client() as client:
        client.set("a", 1)
        own_valkey.save()
        client.set("a", 2)
        client.set("b", 2)
    own_valkey.restore()
    with own_valkey.client() as client:
        assert client.get("a") == b"1"
        assert client.get("b") is None
        own_valkey.flush()
        assert client.dbsize() == 0
        own_valkey.stop()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        own_valkey.start()
        assert client.ping()


def test_two_tests_have_databases_of_their_own(the_valkey: Valkey, valkey_url: str) -> None:
    """What one leaves, the next does not find."""
    with redis.Redis.from_url(valkey_url) as client, the_valkey.client() as other:
        client.set("mine", 1)
        assert other.get("mine") is None


STARTS = """
import sys, time, pathlib
from tests.cluster.valkey import Valkey
server = Valkey(pathlib.Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def test_no_server_outlives_a_test_run_that_is_killed(tmp_path: Path) -> None:
    """However the run ends, its servers end too."""
    root = Path(__file__).parents[2]
    run = subprocess.Popen(
        [sys.executable, "-c", STARTS, str(tmp_path / "valkey")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert run.stdout is not None
    server = int(run.stdout.readline())
    os.kill(server, 0)
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    until(lambda: _gone(server), 10, "the server ends")


@pytest.mark.parametrize(("required", "outcome"), [("", "1 skipped"), ("1", "1 error")])
def test_without_kafka_the_tests_are_skipped_but_never_where_it_is_required(
    required: str, outcome: str, tmp_path: Path
) -> None:
    """A machine without it can still run the rest; a run that promises it cannot pass without."""
    one = f"{Path(__file__)}::{test_a_paused_kafka_answers_nobody_and_goes_on_where_it_was.__name__}"
    called = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-rsE", one]
    told = {**os.environ, "TOCSIN_KAFKA": str(tmp_path), "TOCSIN_REQUIRE_KAFKA": required}
    ran = subprocess.run(called, capture_output=True, text=True, check=False, env=told, cwd=Path(__file__).parents[2])
    assert outcome in ran.stdout, ran.stdout
    assert f"TOCSIN_KAFKA names {tmp_path}" in ran.stdout
    assert bool(ran.returncode) is bool(required)


@pytest.mark.skipif(not shutil.which("java"), reason="without Java there is none to take")
@pytest.mark.parametrize("inside", ["", "libs"])
def test_a_kafka_that_is_there_already_is_taken(inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacked as it is distributed, or as a directory of jars."""
    (tmp_path / inside).mkdir(exist_ok=True)
    (tmp_path / inside / "kafka_2.13-4.1.1.jar").touch()
    monkeypatch.setenv("TOCSIN_KAFKA", str(tmp_path))
    assert kafka_jars() == tmp_path / inside


def _gone(pid: int) -> bool:
    """Whether a process has ended, though nobody may have asked for its status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
