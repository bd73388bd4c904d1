"""`tocsin worker` as an operator runs it: processes of their own against a real Kafka and a real Valkey."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.kafka.clients import Brokers
from stream.kafka.making import make_topics
from stream.sources.signing import sign
from tests.cluster.broker import Broker
from tests.cluster.conftest import MakeBrokers
from tests.cluster.processes import free_port
from tests.cluster.valkey import Valkey
from tests.command import COMMAND
from tests.faults.rows import fired, row
from tocsin.scaled.process import DRAIN_S

pytestmark = pytest.mark.slow

LOST_S = 60
SECRET = "a secret of the test"
CONFIG = """\
data: {data}
step: 1s
brands:
  - {{name: Tulpatel, query: tulpatel, sources: [social]}}
sources:
  - {{name: social, secret_env: SOCIAL}}
ingest: {{listen: "127.0.0.1:{door}"}}
cluster:
  names_key_env: NAMES_KEY
  kafka: {{bootstrap: "{bootstrap}", prefix: {prefix}, mentions: 2, entries: {entries}, replication: 1}}
  redis: {{url: "{redis}"}}
  listen: 127.0.0.1:{health}
  stalled: 20s
"""
ENVIRONMENT = {"SOCIAL": SECRET, "NAMES_KEY": "5e" * 32}


class Worker:
    """One process of `tocsin worker`, and what it says."""

    def __init__(self, directory: Path, brokers: Brokers, redis: str, *, entries: int = 2) -> None:
        self.health, self.door = free_port(), free_port()
        self.config = directory / f"tocsin-{self.health}.yaml"
        self.config.write_text(
            CONFIG.format(
                data=directory / "data",
                door=self.door,
                bootstrap=brokers.bootstrap,
                prefix=brokers.layout.prefix,
                entries=entries,
                redis=redis,
                health=self.health,
            )
        )
        self._log = (directory / f"log-{self.health}").open("w+b")
        self.process: subprocess.Popen[bytes] | None = None

    def change(self, before: str, after: str) -> "Worker":
        """Change its configuration before it starts."""
        text = self.config.read_text()
        assert before in text
        self.config.write_text(text.replace(before, after))
        return self

    def start(self, *roles: str, **more: str) -> "Worker":
        """Start it with these roles; `more` are variables of its environment."""
        words = [word for role in roles[1:] for word in ("--with", role)]
        self.process = subprocess.Popen(
            [COMMAND, "worker", roles[0], *words, "--config", self.config],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT, **more},
        )
        return self

    @property
    def said(self) -> str:
        """All that it wrote."""
        return Path(self._log.name).read_text("utf-8", "replace")

    def ask(self, path: str) -> tuple[int, str]:
        """`(status, body)`; 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def send(self, body: dict[str, object]) -> int:
        """Deliver one mention at its door; the status of the answer."""
        data, now = json.dumps(body).encode(), int(time.time())
        headers = {"X-Timestamp": str(now), "X-Signature": sign(SECRET, now, data)}
        request = urllib.request.Request(f"http://127.0.0.1:{self.door}/ingest/social", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def until(self, path: str, holds: Callable[[int, str], bool]) -> str:
        """Ask until the answer is as it should be; what it says then."""
        deadline = time.monotonic() + LOST_S
        while True:
            status, body = self.ask(path)
            if holds(status, body):
                return body
            assert self.process is not None
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"{status} {body}\n{self.said}"
            time.sleep(0.1)

    def terminate(self) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LOST_S)

    def end(self) -> None:
        """Whatever the test did, nothing is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Makes workers, and ends them."""
    made: list[Worker] = []

    def make(brokers: Brokers, redis: str, **more: int) -> Worker:
        made.append(Worker(tmp_path, brokers, redis, **more))
        return made[-1]

    yield make
    for worker in made:
        worker.end()


def ok(status: int, _: str) -> bool:
    """It says yes."""
    return status == 200


async def test_roles_in_one_process_listen_and_show_it(
    make_brokers: MakeBrokers, valkey_url: str, workers: Callable[..., Worker]
) -> None:
    """A small cluster: a signed mention goes in at the door, and the console shows that the brand is listened to."""
    brokers = await make_brokers(mentions=2, entries=2)
    worker = workers(brokers, valkey_url).start("intake", "core", "delivery", "console")
    worker.until("/readyz", ok)
    assert worker.send({"id": "social:1", "created_at": "2026-03-13T19:05:00Z", "text": "Tulpatel is down"}) == 202

    def listening(status: int, body: str) -> bool:
        return status == 200 and any(one["listening"] for one in json.loads(body)["brands"])

    status = json.loads(worker.until("/status", listening))
    assert status["redis"] is True
    (brand,) = status["brands"]
    assert brand["brand"] == "Tulpatel"
    assert brand["partition"] == brokers.layout.brand_partition("Tulpatel")
    assert all(one["behind_s"] < LOST_S for one in status["partitions"] if one["behind_s"] is not None)
    worker.until("/metrics", lambda _, body: "tocsin_delivery_leads 1.0" in body)
    shown = worker.ask("/metrics")[1]
    for role in ("intake", "core", "delivery", "console", "worker"):
        assert f'tocsin_worker_ready{{role="{role}"}} 1.0' in shown
    assert worker.terminate() == 0, worker.said
    assert "Traceback" not in worker.said
    assert SECRET not in worker.said


@row("F4")
async def test_a_worker_that_comes_before_its_broker_waits_for_it(
    kafka: Broker, make_brokers: MakeBrokers, valkey_url: str, workers: Callable[..., Worker]
) -> None:
    """F4: no broker, then a broker without topics, then topics: alive all the time, and ready without a new start."""
    brokers = await make_brokers(made=False)
    kafka.stop()
    worker = workers(brokers, valkey_url).start("core")
    try:
        worker.until("/livez", ok)
        worker.until("/readyz", lambda status, body: status == 503 and brokers.bootstrap in body)
    finally:
        kafka.start()
    worker.until("/readyz", lambda status, body: status == 503 and "tocsin topics create" in body)
    fired(2)
    await make_topics(brokers)
    worker.until("/readyz", ok)
    assert worker.process is not None
    assert worker.process.poll() is None
    assert worker.terminate() == 0, worker.said


async def test_a_worker_that_is_stopped_while_its_broker_is_away_ends_by_itself(
    kafka: Broker, make_brokers: MakeBrokers, valkey_url: str, workers: Callable[..., Worker]
) -> None:
    """Nothing can be committed then, and nothing need be: it ends in its time, and what it left is done by another."""
    brokers = await make_brokers(mentions=2, entries=2)
    worker = workers(brokers, valkey_url).start("intake", "core", "delivery", "console")
    worker.until("/readyz", ok)
    kafka.kill()
    try:
        assert worker.ask("/livez")[0] == 200
        began = time.monotonic()
        status = worker.terminate()
        took_s = time.monotonic() - began
    finally:
        kafka.ensure()
    assert status in (0, 1), worker.said
    assert took_s < DRAIN_S + 10, worker.said
    assert "Traceback" not in worker.said, worker.said


@row("F4")
async def test_topics_of_another_cut_end_the_worker_at_once(
    make_brokers: MakeBrokers, valkey_url: str, workers: Callable[..., Worker]
) -> None:
    """F4: where the configuration says four partitions and there are two, it ends with status 2 and says so, once."""
    brokers = await make_brokers(mentions=2, entries=2)
    worker = workers(brokers, valkey_url, entries=4).start("core")
    assert worker.process is not None
    assert worker.process.wait(LOST_S) == 2
    words = f"topic {brokers.layout.name('entries')} has partitions 2, the configuration says 4"
    assert worker.said.count(words) == 1, "it is said once"
    assert "Ended" not in worker.said
    assert "Traceback" not in worker.said
    fired()


async def test_the_console_says_when_redis_is_away(
    brokers: Brokers, own_valkey: Valkey, workers: Callable[..., Worker]
) -> None:
    """It guesses nothing: 503 and `redis: false`; and it comes back by itself."""
    worker = workers(brokers, own_valkey.url()).start("console")
    worker.until("/readyz", ok)
    own_valkey.stop()
    body = json.loads(worker.until("/status", lambda status, _: status == 503))
    assert body["redis"] is False
    assert body["brands"] == []
    worker.until("/readyz", lambda status, body: status == 503 and "Redis does not answer" in body)
    assert worker.ask("/livez")[0] == 200
    own_valkey.start()
    worker.until("/status", ok)
    assert worker.terminate() == 0


async def test_no_secret_of_a_worker_shows_while_nobody_lets_it_in(
    kafka: Broker, brokers: Brokers, valkey_url: str, workers: Callable[..., Worker]
) -> None:
    """Brokers and Redis refuse its passwords: it says so wherever it is asked, and repeats none of them."""
    worker = workers(brokers, valkey_url)
    worker.change(brokers.bootstrap, kafka.sasl_bootstrap)
    worker.change("replication: 1}", "replication: 1, security: SASL_PLAINTEXT, user: tocsin, password_env: BROKER}")
    worker.change(f'url: "{valkey_url}"', f'url: "{valkey_url}", user: nobody, password_env: STATE')
    secrets = {"BROKER": "Xk7canary-broker", "STATE": "Xk7canary-state", "NAMES_KEY": "0ca0a7" * 10 + "beef"}
    worker.start("intake", "core", "delivery", "console", **secrets)
    worker.until("/readyz", lambda status, body: status == 503 and kafka.sasl_bootstrap in body)
    worker.until("/status", lambda status, _: status == 503)
    told = [worker.ask(path)[1] for path in ("/readyz", "/livez", "/status", "/metrics", "/nowhere")]
    assert worker.terminate() == 0, worker.said
    for secret in (*secrets.values(), SECRET):
        assert all(secret not in one for one in (*told, worker.said, worker.config.read_text()))
    assert "Traceback" not in worker.said
