"""What the benchmarks of a cluster stand on: Apache Kafka and Valkey on this machine, and measured processes."""

import contextlib
import itertools
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from benchmarks.cluster_corpus import Post
from benchmarks.cluster_jobs import Job, Took
from stream.kafka.clients import Brokers
from stream.kafka.making import make_topics
from stream.kafka.topics import Layout
from tests.cluster.broker import Broker
from tests.cluster.jars import NoKafkaError, kafka_jars
from tests.cluster.valkey import Valkey

PATIENCE_S = 900
_numbers = itertools.count(1)


class Ground(NamedTuple):
    """The servers, and a directory for files."""

    kafka: Broker
    valkey: Valkey
    home: Path

    def brokers(self, **cut: Any) -> Brokers:
        """Clients of topics with a prefix of their own; `cut` is what `Layout` takes. They are to be made yet."""
        layout = Layout(**{"prefix": f"b{next(_numbers)}.", "replication": 1, "stamped": False, **cut})
        return Brokers(self.kafka.bootstrap, layout)

    async def topics(self, **cut: Any) -> Brokers:
        """The same, and the topics are made."""
        brokers = self.brokers(**cut)
        await make_topics(brokers)
        return brokers


@contextlib.contextmanager
def laid() -> Iterator[Ground]:
    """Start the servers; they end with the block. Exits with words where Apache Kafka cannot be had."""
    try:
        jars = kafka_jars()
    except NoKafkaError as missing:
        sys.exit(str(missing))
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with Broker(jars, home / "kafka") as kafka, Valkey(home / "valkey") as valkey:
            yield Ground(kafka, valkey, home)


def write_lines(path: Path, posts: Sequence[Post]) -> None:
    """The stream as jobs read it."""
    with path.open("wb") as file:
        file.writelines(b"%d %s\n" % (post.stamp_ms, post.line) for post in posts)


class Hand:
    """A process that does a job."""

    def __init__(self, job: Job) -> None:
        call = [sys.executable, "-m", "benchmarks.cluster_jobs", msgspec.json.encode(job).decode()]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
        )

    @property
    def output(self) -> IO[bytes]:
        """Where it speaks; not buffered, so that `select` tells the truth."""
        assert self._process.stdout is not None
        return self._process.stdout

    def hear(self) -> bytes:
        """What it says next. Raises `RuntimeError` where it ended or says nothing for too long."""
        if not select.select([self.output], [], [], PATIENCE_S)[0]:
            raise RuntimeError(f"a job said nothing for {PATIENCE_S} s")
        line = self.output.readline()
        if not line:
            raise RuntimeError(f"a job ended with status {self._process.wait()}")
        return line

    def took(self) -> Took:
        """What its job took."""
        while not (line := self.hear()).startswith(b"{"):
            pass
        return msgspec.json.decode(line, type=Took)

    def tell(self, word: str) -> None:
        """Say something to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Let it go."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def take(*jobs: Job) -> list[Took]:
    """Let processes do their jobs at the same time; those over Kafka begin once all partitions are shared out."""
    with contextlib.ExitStack() as after:
        hands = [Hand(job) for job in jobs]
        for hand in hands:
            after.callback(hand.end)
        if jobs[0].name in {"embedded", "faust", "bare_faust"}:
            for hand in hands:
                hand.hear()
        else:
            _until_shared(hands, jobs[0].layout.inputs)
        for hand in hands:
            hand.tell("go")
        return [hand.took() for hand in hands]


def _until_shared(hands: Sequence[Hand], inputs: int) -> None:
    shares: dict[Hand, list[int]] = {hand: [] for hand in hands}
    by_output = {hand.output: hand for hand in hands}
    while sorted(itertools.chain(*shares.values())) != list(range(inputs)) or not all(shares.values()):
        for output in select.select(list(by_output), [], [], PATIENCE_S)[0]:
            hand = by_output[output]
            shares[hand] = msgspec.json.decode(hand.hear())
