"""A disk that is full, fails to sync or loses what was not synced: loud, whole, and on again by itself."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerting.delivery.ways import Message
from stream import crash
from stream.sources import store
from stream.sources.store import Files, StoreError
from tests.acceptance.living import SOURCE, STEP_MS, Process, body_of, burst, configure, copied, counted, signed, until
from tests.faults.rows import fired, row
from tests.faults.test_restart import verifies
from tests.faults.virtual import Place, Virtual, virtual
from tocsin.journal import open_existing, verify
from tocsin.synthetic import Row

SEED = 20_269


# ---- a real process, whose disk is full


class Sender:
    """Sends posts, in small pieces, and notes what was promised to be kept."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.kept = 0
        self.statuses: list[int] = []

    def send(self, rows: list[Row]) -> int:
        """One request; its status, 0 where nobody answered."""
        body = body_of(rows)
        try:
            url = f"{self.process.base_url}/ingest/{SOURCE}"
            status = httpx.post(url, content=body, headers=signed(body), timeout=5, trust_env=False).status_code
        except httpx.HTTPError:
            status = 0
        self.statuses.append(status)
        self.kept += len(rows) * (status == 202)
        return status


Full = tuple[Path, Callable[[int], None], Callable[[int], None]]
"""A data directory, what fills its disk for a process, and what frees it."""


@contextmanager
def limited(home: Path) -> Iterator[Full]:
    """No file of the process may grow any more: what any user can do to a process of their own."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def fill(pid: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (16_384, most))

    def free(pid: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))

    yield home / "data", fill, free


@contextmanager
def small(home: Path) -> Iterator[Full]:
    """A file system of its own, with little space left, and then with none."""
    disk = home / "disk"
    disk.mkdir()
    size = sum(file.stat().st_size for file in (home / "data").iterdir()) + (3 << 20)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount; the same process with limited files is tried beside it")
    try:
        shutil.move(home / "data", disk / "data")
        (home / "data").symlink_to(disk / "data")
        ballast = disk / "ballast"

        def fill(_: int) -> None:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"\0" * 4096)
                except OSError as error:
                    assert error.errno == 28, "it is full"  # noqa: PT017 - this one is wanted

        yield home / "data", fill, lambda _: ballast.unlink()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def begun(process: Process) -> tuple[Sender, list[list[Row]]]:
    """Who sends to a service that listens now and took the first piece of a crisis, and the other pieces."""
    until(lambda: process.base_url, 20, "it listens")
    sender = Sender(process)
    rows = [one for one in burst(1, posts=600) if one["author"] != "tulpatel"]
    pieces = [rows[n : n + 5] for n in range(0, len(rows), 5)]
    assert sender.send(pieces.pop()) == 202
    return sender, pieces


@row("F19")
@pytest.mark.slow
@pytest.mark.parametrize("kind", [limited, small], ids=["limited", "full"])
def test_a_full_disk_is_loud_and_loses_nothing_and_goes_on_with_space(
    past: Path, tmp_path: Path, kind: Callable[[Path], Any]
) -> None:
    """Whatever was promised to be kept before, meanwhile and after is there once; nobody mends anything by hand.

    As long as it lives it answers 503 and says that it is unwell; where the core's own files fail, it ends with a line,
    and whoever starts it again finds everything in order.
    """
    home = copied(past, tmp_path)
    config = configure(home, None)
    with kind(home) as (data, fill, free):
        before = counted(data)
        process = Process(config)
        try:
            sender, pieces = begun(process)
            fill(process.pid)
            until(lambda: sender.send(pieces.pop()) in (0, 503), 20, "work is refused")
            if process.status is None and sender.statuses[-1] == 503:
                until(lambda: process.status is not None or unwell(process), 10, "it says that it is unwell")
            refusals = sum(status in (0, 503) for status in sender.statuses)
            fired(refusals)
            if process.status is None:
                free(process.pid)
            else:
                assert process.status not in (0, -signal.SIGKILL)
                assert str(data.name) in process.said
                free(os.getpid()) if kind is small else None
            process = sender.process = alive(process, config)
            until(lambda: sender.send(pieces.pop()) == 202, 20, "work is taken again")
            until(lambda: not unwell(process), 10, "it is well again")
            time.sleep(1.5)
            assert process.terminate() == 0, process.said
        finally:
            process.kill()
        assert verifies(config)
        assert (counted(data) - before)["mentions"] == sender.kept > 5


def alive(process: Process, config: Path) -> Process:
    """The process, or, as a supervisor would have it, the next one."""
    time.sleep(1.5)  # it may be on its way out
    if process.status is not None:
        process = Process(config)
        until(lambda: process.base_url or process.status is not None, 20, "it listens again")
    assert process.status is None, process.said
    return process


def unwell(process: Process) -> bool:
    """Whether it says so."""
    try:
        told = httpx.get(f"{process.base_url}/healthz", timeout=5, trust_env=False).json()
    except httpx.HTTPError:
        return True
    return bool(told["wrong"])


# ---- a disk that fails to write or to sync, a file at a time


class FailingDisk(Files):
    """Files whose commits fail, once each, where a test says so: as when the system reports that a sync failed."""

    def __init__(self, name: str, skip: int) -> None:
        self.fired = 0
        self._name = name
        self._skip = skip

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open the file."""
        db = super().connect(path)
        if path.name != self._name:
            return db
        db.close()
        disk = self

        class Failing(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if sql == "COMMIT" and disk.fails():
                    super().execute("ROLLBACK")
                    raise sqlite3.OperationalError("disk I/O error")
                return super().execute(sql, *values)

        return sqlite3.connect(path, factory=Failing, isolation_level=None, check_same_thread=False)

    def fails(self) -> bool:
        """Whether this commit does."""
        self._skip -= 1
        self.fired += self._skip == 0
        return self._skip == 0


@contextmanager
def on(disk: Files) -> Iterator[None]:
    """Every store that is opened from here on lies there."""
    store.install(disk)
    try:
        yield
    finally:
        store.install(Files())


class Crisis:
    """A crisis on works that may end at any moment and are then built anew, as a supervisor does."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.place = Place()
        self.rows = [one for one in burst(seed, posts=160) if one["author"] != "tulpatel"]
        self.pieces = [self.rows[n : n + 20] for n in range(0, len(self.rows), 20)]
        self.promised = 0
        self.pressed = False
        self.deaths = 0
        self._now_ms: list[int] = []

    async def play(self) -> None:
        """Until everything is sent and somebody has acknowledged, and a minute longer."""
        for _ in range(12):
            async with virtual(self.home, self.home, place=self.place, clock=self._now_ms, within="1m") as service:
                try:
                    await self._go_on(service)
                except StoreError:
                    self.deaths += 1
                    continue
                return
        raise AssertionError("it never came through")

    async def _go_on(self, service: Virtual) -> None:
        for _ in range(40):
            if self.pieces:
                await service.tell(self.pieces[0])  # one that is not promised is sent again
                self.promised += len(self.pieces.pop(0))
            await service.at(service.now_ms + STEP_MS)
            if not self.pressed and (found := service.decided("Page")) and self.place.woke():
                self.pressed = (await service.press(found[0].incident, "acknowledge", "ana")) != ""
        assert self.pressed
        await service.at(service.now_ms + 90_000)

    def rows_after(self, promised: int) -> list[list[Row]]:
        """What a sender sends again, who was promised so much: all that it was not promised."""
        rows = self.rows[promised:]
        return [rows[n : n + 20] for n in range(0, len(rows), 20)]

    def check(self, before: int) -> None:
        """Every post once, every page once, nobody after the acknowledgement, and a journal that replays to itself."""
        assert counted(self.home / "data")["mentions"] - before == len(self.rows) == self.promised
        assert self.place.woke() == ["ana"]
        ids = [one.page_id for one in self.place.there]
        assert len(ids) == len(set(ids))
        verdict = verify(open_existing(self.home / "data" / "journal.db"))
        assert verdict.ok, verdict.difference


FAILING = [("intake.db", 9), ("texts.db", 4), ("journal.db", 9), ("journal.db", 10), ("outbox.db", 3), ("outbox.db", 7)]
"""Which commit of which file fails."""


@row("F19")
@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), FAILING)
async def test_a_file_that_fails_to_sync_is_heard_of_and_loses_nothing(
    past: Path, tmp_path: Path, name: str, number: int
) -> None:
    """The log refuses, and is tried again; where the core's own files fail, it ends, and is started anew."""
    crisis = Crisis(copied(past, tmp_path), number)
    before = counted(tmp_path / "data")["mentions"]
    disk = FailingDisk(name, number)
    with on(disk):
        await crisis.play()
    assert disk.fired == 1
    fired(disk.fired)
    crisis.check(before)


# ---- power that fails


class TornDisk:
    """Pictures of a data directory as a power cut would leave it, in the middle of a commit."""

    def __init__(self, data: Path, where: Path, seed: int, most: int) -> None:
        self._most = most
        self.taken: list[tuple[Path, int, list[Message]]] = []
        self._data = data
        self._where = where
        self._rng = random.Random(seed)
        self._synced: dict[str, bytes] = {}
        self.torn = 0

    def hear(self, point: str, crisis: Crisis) -> None:
        """A point of the code is passed: after a commit, perhaps, the power fails as if it had been under way."""
        file = {"intake.append": "intake", "journal.append": "journal", "outbox.plan.commit": "outbox"}
        file |= {"journal.decisions": "journal", "outbox.cancel": "outbox", "outbox.view": "outbox"}
        name, _, side = point.rpartition(".")
        if name not in file:
            return
        log = self._data / f"{file[name]}.db-wal"
        if side == "before":
            self._synced[log.name] = log.read_bytes() if log.exists() else b""
        elif self._rng.random() < 0.12 and len(self.taken) < self._most and log.exists():
            self._take(log, crisis)

    def _take(self, log: Path, crisis: Crisis) -> None:
        before, after = self._synced[log.name], log.read_bytes()
        changed = [n for n in range(0, len(after), 512) if after[n : n + 512] != before[n : n + 512]]
        if not changed:
            return
        cut = self._rng.choice(changed) + self._rng.randrange(512)
        picture = self._where / str(len(self.taken)) / "data"
        picture.mkdir(parents=True)
        for path in self._data.iterdir():
            if not path.name.endswith("-shm"):
                shutil.copy(path, picture / path.name)
        (picture / log.name).write_bytes(after[:cut] + before[cut:])
        self.torn += 1
        for unsynced in ("texts", "dead_letters"):  # nobody was promised that these are synced
            path = picture / f"{unsynced}.db-wal"
            if path.exists():
                body = path.read_bytes()
                path.write_bytes(body[: self._rng.randrange(len(body) + 1)])
        self.taken.append((picture.parent, crisis.promised, list(crisis.place.there)))


@row("F20")
@pytest.mark.parametrize(
    ("seed", "most"),
    [
        pytest.param(1, 3, marks=pytest.mark.slow),
        *(pytest.param(seed, 12, marks=pytest.mark.proof) for seed in range(2, 7)),
    ],
)
async def test_a_power_cut_takes_nothing_that_was_promised(past: Path, tmp_path: Path, seed: int, most: int) -> None:
    """At some moments a commit is torn anywhere, and what is never synced is cut anywhere. Each picture starts, holds
    every post that was promised before that commit, goes on to the same page, and pages nobody twice.
    """
    crisis = Crisis(copied(past, tmp_path / "home"), seed)
    before = counted(crisis.home / "data")["mentions"]
    disk = TornDisk(crisis.home / "data", tmp_path / "pictures", seed, most)
    crash.install(lambda point: disk.hear(point, crisis))
    try:
        await crisis.play()
    finally:
        crash.install(None)
    crisis.check(before)
    assert disk.torn == len(disk.taken) >= min(most, 5)
    fired(disk.torn)
    for home, promised, there in disk.taken:
        again = Crisis(home, seed)
        again.place.there = there
        again.pieces = again.rows_after(promised)
        again.promised = promised
        await again.play()
        again.check(before)
