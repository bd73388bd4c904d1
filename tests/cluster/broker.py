"""Apache Kafka, one node, on the loopback: started, stopped, killed, paused and wiped as a test says.

    with Broker(kafka_jars(), directory) as kafka: ... kafka.bootstrap ...

Calls block until they are done: a test whose own loop must go on meanwhile uses `asyncio.to_thread(kafka.stop)`.
"""

import asyncio
import base64
import contextlib
import logging
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.cluster.processes import Interrupted, Server, free_port

READY_S = 60
USER, STRANGER, PASSWORD = "tocsin", "stranger", "not-a-secret-of-anybody"
"""Who may come in by the door that asks (`sasl_bootstrap`): the one may everything, the other nothing."""

JAVA = ["java", "-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{user}
log.dirs={data}
auto.create.topics.enable=false
delete.topic.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# groups form at once, and a test may let a silent member's session end soon
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# after a kill its own earlier self is given up for dead before it is let in again
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# compaction and deletion happen while a test looks
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=4194304
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=0
log.segment.delete.delay.ms=1000
# many small topics on a small machine
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
"""

LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = out
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = out
"""


class Broker(Interrupted):
    """One node with data of its own. Its ports stay the same for its life, whatever happens to it."""

    def __init__(self, jars: Path, directory: Path) -> None:
        """A broker that is to be started; its files go to `directory`."""
        self._jars, self._home = jars, directory
        self._port, self._sasl, self._controller = free_port(), free_port(), free_port()
        self._java = [*JAVA, f"-Dlog4j2.configurationFile={directory / 'log4j2.properties'}", "-cp", f"{jars}/*"]
        self._server = Server([*self._java, "kafka.Kafka", str(directory / "server.properties")], directory / "log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._home / "data", ignore_errors=True)

    @property
    def data(self) -> Path:
        """Where its logs lie: a directory for each partition of a topic."""
        return self._home / "data"

    @property
    def bootstrap(self) -> str:
        """host:port, without a password."""
        return f"127.0.0.1:{self._port}"

    @property
    def sasl_bootstrap(self) -> str:
        """host:port where SASL_PLAINTEXT, SCRAM-SHA-512 and a user are asked for."""
        return f"127.0.0.1:{self._sasl}"

    def start(self) -> None:
        """Start it and wait until topics can be made and groups be joined; data that are there are used again."""
        if not (self._home / "data").exists():
            self._format()
        self._server.start()
        self._paused = False
        try:
            _apart(self._ready())
        except BaseException:
            self._server.end(signal.SIGKILL)
            raise

    def wipe(self) -> None:
        """Stop it, lose its data with every topic and every committed offset, and start it at the same ports."""
        self.kill()
        shutil.rmtree(self._home / "data")
        self.start()

    def _format(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        ports = {"port": self._port, "sasl": self._sasl, "controller": self._controller}
        properties = self._home / "server.properties"
        properties.write_text(PROPERTIES.format(data=self._home / "data", user=USER, **ports))
        (self._home / "log4j2.properties").write_text(LOG4J)
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        call = [*self._java, "kafka.tools.StorageTool", "format", "-c", str(properties)]
        call += [f"--cluster-id={name}"]  # in one word: a name may begin with a dash
        for user in (USER, STRANGER):
            call += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]"]
        done = subprocess.run(call, capture_output=True, text=True, timeout=READY_S, check=False)
        if done.returncode:
            raise RuntimeError(f"Apache Kafka could not be set up:\n{done.stdout}{done.stderr}")

    async def _ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            if not self._server.runs:
                raise RuntimeError(f"Apache Kafka ended while it started:\n{self._server.said()}")
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5_000)
            try:
                await admin.start()
                await admin.find_coordinator("ready")
            except (KafkaError, OSError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Apache Kafka was not ready in {READY_S} s: {error}") from error
                await asyncio.sleep(0.05)
            else:
                return
            finally:
                await admin.close()


def _apart(wait: Coroutine[Any, Any, None]) -> None:
    """Run it in a loop of its own: the caller may be in one. What a client says meanwhile is of no use to anybody."""
    failed: list[BaseException] = []
    complaints = logging.getLogger("aiokafka")

    def run() -> None:
        with contextlib.ExitStack() as after:
            after.callback(complaints.setLevel, complaints.level)
            complaints.setLevel(logging.CRITICAL + 1)
            try:
                asyncio.run(wait)
            except BaseException as error:
                failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
