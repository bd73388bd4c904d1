"""One worker under test: a process that is killed, paused, stopped where it writes, and asked how it is."""

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.acceptance.living import ENVIRONMENT
from tests.cluster.processes import free_port

SECRETS = ENVIRONMENT | {"NAMES_KEY": "5e" * 32}
PROGRAM = """\
import os, pathlib, signal
import stream.kafka.clients as clients
from stream import crash

clients.SESSION_MS = {session}
flag = pathlib.Path({flag!r})

def passed(point):
    if flag.exists() and flag.read_text() == point:
        flag.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)

crash.install(passed)
from tocsin.cli import main
main()
"""
"""A worker, with another session, that stops where a flag names the crash point that it comes by."""


class Worker:
    """One place where a worker runs: killed, it is started again there, as a supervisor would."""

    def __init__(self, name: str, roles: Sequence[str], home: Path, config: str, session_ms: int) -> None:
        self.name, self.roles = name, tuple(roles)
        self.health, self.door = free_port(), free_port()
        self._config = home / f"{name}.yaml"
        self._config.write_text(config.replace("@door@", str(self.door)).replace("@health@", str(self.health)))
        self._log = home / f"{name}.log"
        self._flag = home / f"{name}.stop"
        self._program = PROGRAM.format(session=session_ms, flag=str(self._flag))
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()
        self.wanted = False
        self.ends: Counter[int] = Counter()
        """How it ended by itself or by a fault, by exit status."""

    def start(self) -> None:
        """Start it; the supervisor sees to it from then on."""
        with self._changing:
            self.wanted = True
            self._launch()

    def _launch(self) -> None:
        words = [word for role in self.roles[1:] for word in ("--with", role)]
        call = [sys.executable, "-c", self._program, "worker", self.roles[0], *words, "-c", str(self._config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(call, stdout=log, stderr=log, env={**os.environ, **SECRETS})

    def tend(self) -> None:
        """Start it again if it ended and is wanted."""
        with self._changing:
            status = None if self._process is None else self._process.poll()
            if self.wanted and status is not None:
                self.ends[status] += 1
                self._launch()

    @property
    def runs(self) -> bool:
        """Whether it runs, be it paused."""
        return self._process is not None and self._process.poll() is None

    @property
    def said(self) -> str:
        """All that it wrote, of all its lives."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None, "not started"
        self._process.send_signal(number)

    def terminate(self, within_s: float = 40) -> int:
        """SIGTERM, and the status with which it ends; it is not wanted any more."""
        with self._changing:
            self.wanted = False
        assert self._process is not None, "not started"
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(within_s)

    def end(self) -> None:
        """Whatever a test did with it, nothing is left."""
        with self._changing:
            self.wanted = False
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def ask(self, path: str) -> tuple[int, str]:
        """`(status, body)` of its health listener; 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=3) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def stop_at(self, point: str) -> None:
        """Let it stop, as by SIGSTOP, when it comes by this crash point next."""
        self._flag.write_text(point)

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still."""
        assert self._process is not None, "not started"
        stat = Path(f"/proc/{self._process.pid}/stat").read_text("ascii", "replace")
        return stat.rpartition(")")[2].split()[0] == "T"

    @property
    def is_ready(self) -> bool:
        """Whether it says that it does its work."""
        return self.ask("/readyz")[0] == 200

    @property
    def url(self) -> str:
        """Its door to the world outside."""
        return f"http://127.0.0.1:{self.door}"

    def metric(self, name: str, label: str = "") -> float:
        """The sum of a metric over its labels, those with `label` in them, in the life that runs."""
        lines = [line for line in self.ask("/metrics")[1].splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in lines if label in line)
