"""Servers that tests start: a port of their own, and an end that comes even where the test run is killed."""

import asyncio
import contextlib
import inspect
import random
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_GUARD = "import os, sys; sys.stdin.read(); os.kill(int(sys.argv[1]), 9)"
"""Its input ends when the test run does, in whatever way; then the server must not outlive it."""


def free_port() -> int:
    """A port of the loopback that nobody listens at, and below those the kernel gives to clients.

    A server that is down keeps its port thereby: no client that knocks gets the very port it knocks at.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            return port


def until(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait for it, looking every 50 ms. Raises `TimeoutError` saying what did not come."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within_s} s")
        time.sleep(0.05)


async def eventually(true: Callable[[], Any], what: str, within_s: float) -> Any:
    """Wait for it in a loop, be it a coroutine or not; what it gave. Raises `AssertionError` in words."""
    deadline = time.monotonic() + within_s
    while not (found := await asked if inspect.isawaitable(asked := true()) else asked):
        assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
        await asyncio.sleep(0.02)
    return found


class Server:
    """One process, its output in a file, started and ended as the test says. Every call returns when it is done."""

    def __init__(self, call: Sequence[str], output: Path, environment: Mapping[str, str] | None = None) -> None:
        self._call, self.output, self._environment = list(call), output, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its number, while it runs."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; whether it is ready is for the caller to find out."""
        assert not self.runs, "runs already"
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self._call, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment
            )
        guard = [sys.executable, "-S", "-c", _GUARD, str(self._process.pid)]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None, "not started"
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, within_s: float = 20) -> None:
        """End it by a signal and wait; what does not heed SIGTERM in time is killed."""
        process, guard = self._process, self._guard
        if guard is not None and guard.stdin is not None:
            guard.kill()
            guard.wait()
            guard.stdin.close()
        self._guard = None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def said(self, lines: int = 15) -> str:
        """The last lines of its output."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:]) if self.output.exists() else ""


class Interrupted(ABC):
    """A server that tests stop, kill, let stand still and start again. Whoever inherits says how it starts."""

    _server: Server
    _paused = False

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._server.pid

    @property
    def runs(self) -> bool:
        """Whether its process runs and is not paused."""
        return self._server.runs and not self._paused

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it answers."""

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
