"""Whatever of it stops, somebody outside hears of it: six parts and the whole, each stopped in a process of its own.

The watcher is a server that knows no more than a service as healthchecks does: when it was last touched, the period and
the grace. All intervals follow from one setting, `heartbeat.every`; the run at full size differs in nothing else.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from tests.acceptance.living import ENVIRONMENT, configure, until
from tests.faults.stopping import FIRED, PARTS
from tocsin.watching import Finding, Looker

ROOT = Path(__file__).parents[2]
ALL = (*PARTS, "whole")
GRACE = 1.5
"""Of periods: what the settings tell people to give the watcher."""
BOUND = 3
"""Of periods: within so many it is heard of. Three minutes at the usual period of one."""
SAYS = {
    "source": "the source drop gave no sign of life",
    "intake": "the intake log took nothing",
    "core": "the core is",
    "clock": "the clock ended by itself",
    "sender": "delivery ended by itself",
    "console": "the console ended by itself",
}


NOTHING = Finding("strange", "not looked at yet")


class Watcher:
    """Hears touches, by their address."""

    def __init__(self) -> None:
        self.touches: dict[str, list[float]] = {name: [] for name in ALL}
        heard = self.touches

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard[self.path.strip("/")].append(time.monotonic())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    @contextmanager
    def listening(self) -> Iterator["Watcher"]:
        """Hear touches until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def alarms(self, name: str, every_s: float) -> list[float]:
        """When it raised the alarm: where no touch came within period and grace of the one before."""
        waits_s = (1 + GRACE) * every_s
        times = [*self.touches[name], time.monotonic()]
        return [before + waits_s for before, after in pairwise(times) if after - before > waits_s]


class Running:
    """A service with a part that can be stopped."""

    def __init__(self, home: Path, part: str, watcher: Watcher, every_s: int) -> None:
        self.part = part
        home.mkdir()
        (home / "drop").mkdir()
        address = home / "watcher"
        address.write_text(f"{watcher.base_url}{part}")
        address.chmod(0o600)
        config = configure(home, None, extra=f"heartbeat: {{url_file: watcher, every: {every_s}s}}\n")
        drop = "  - {name: drop, type: files, directory: drop}\ningest:"
        config.write_text(config.read_text().replace("ingest:", drop, 1))
        self._log = home / "log.txt"
        stops = part if part in PARTS else "core"
        call = [sys.executable, "-m", "tests.faults.stopping", stops, "run", "--config", str(config)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(call, env=os.environ | ENVIRONMENT, stdout=log, stderr=log, cwd=ROOT)

    def stop_part(self) -> float:
        """Stop the part; when it was."""
        self._process.send_signal(signal.SIGUSR1 if self.part in PARTS else signal.SIGSTOP)
        return time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the process ended."""
        return self._process.poll() is not None

    def said(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")

    def looked_at(self) -> Finding:
        """How a second machine finds it, as `tocsin watch` asks."""
        url = next(line.split()[3].rstrip(";") for line in self.said().splitlines() if "Tocsin listens on" in line)
        looker = Looker(url, timeout_s=2)
        try:
            return looker.look()
        finally:
            looker.close()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()


@dataclass
class Heard:
    """What became of one."""

    touches_before: int
    alarms_before: int
    found_before: Finding
    stopped_at: float
    alarms: list[float]
    found: Finding
    said: str


def stop_each(root: Path, every_s: int, parts: Sequence[str] = ALL) -> dict[str, Heard]:
    """Stop each part of a service of its own, and wait for the watcher."""
    found: dict[str, Heard] = {}
    running: list[Running] = []
    with Watcher().listening() as watcher:
        try:
            running += [Running(root / part, part, watcher, every_s) for part in parts]
            for one in running:
                until(lambda one=one: one.is_over or len(watcher.touches[one.part]) >= 2, 90 + 4 * every_s, one.part)
                assert not one.is_over, one.said()
            for one in running:
                before = len(watcher.touches[one.part]), len(watcher.alarms(one.part, every_s)), one.looked_at()
                found[one.part] = Heard(*before, one.stop_part(), [], NOTHING, "")
            ends_at = time.monotonic() + BOUND * every_s + 1
            while time.monotonic() < ends_at and not all(watcher.alarms(part, every_s) for part in parts):
                time.sleep(0.05)
            for one in running:
                heard = found[one.part]
                heard.alarms = watcher.alarms(one.part, every_s)
                heard.found, heard.said = one.looked_at(), one.said()
        finally:
            for one in running:
                one.kill()
    return found


def hold(part: str, heard: Heard, every_s: int) -> None:
    """It was silent before, the part did stop, and then it was heard within the bound."""
    assert heard.touches_before >= 2
    assert heard.alarms_before == 0, "the alarm was silent while all was well"
    assert heard.found_before.well, heard.found_before
    if part in PARTS:
        assert f"{FIRED} {part}" in heard.said
        assert SAYS[part] in heard.found.words
    assert heard.found.state == ("unwell" if part in PARTS else "unreachable")
    assert len(heard.alarms) == 1, heard
    took_s = heard.alarms[0] - heard.stopped_at
    print(f"{part}: heard of after {took_s:.1f} s, at a period of {every_s} s")
    assert 0 < took_s <= BOUND * every_s


EVERY_S = 4


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Heard]:
    """Every part, stopped at the same time in a process of its own."""
    return stop_each(tmp_path_factory.mktemp("silence"), EVERY_S)


@pytest.mark.slow
@pytest.mark.parametrize("part", ALL)
def test_a_part_that_stops_is_heard_of_outside(stopped: dict[str, Heard], part: str) -> None:
    """Within three periods; and `tocsin watch` says what stopped, or that nobody answers any more."""
    hold(part, stopped[part], EVERY_S)


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_at_full_size_each_is_heard_of_within_three_minutes(tmp_path: Path) -> None:
    """With the period that a deployment has unless it says otherwise."""
    for part, heard in stop_each(tmp_path, 60).items():
        hold(part, heard, 60)
