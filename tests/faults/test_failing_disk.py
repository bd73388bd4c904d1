"""A disk that breaks under a running service: writes or syncs fail, or the system makes it read-only."""

import platform
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

from alerting.delivery.ways import Message, Outcome
from stream import crash
from stream.sources.store import Files, Lock, StoreError
from tests.acceptance.living import STEP_MS, Process, configure, copied, counted, until
from tests.faults.refusing import CALLS, FIRED
from tests.faults.rows import fired, row
from tests.faults.test_disk_rows import Crisis, Sender, begun, on, unwell
from tests.faults.test_restart import verifies
from tests.faults.virtual import Place, Virtual, virtual
from tocsin.synthetic import Row

SEED = 20_270
ROOT = Path(__file__).parents[2]


# ---- a real process, whose disk breaks and stays broken


class Broken(NamedTuple):
    """A data directory on a disk that can be broken under a process, and mended when that has ended."""

    data: Path
    break_: Callable[[Process], None]
    mend: Callable[[], None]
    is_seen_at_a_start: bool
    """Whether a process that is started on the broken disk meets the fault too."""


class Refusing(Process):
    """A process to which the system refuses what a signal tells it to."""

    PROGRAM: ClassVar = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.faults.refusing import main; main()"


def refused(number: signal.Signals) -> Callable[[Path], Any]:
    """The kernel answers EIO to what a process asks of its files."""

    @contextmanager
    def disk(home: Path) -> Iterator[Broken]:
        if platform.machine() not in CALLS:
            pytest.skip("the numbers of this machine's calls are not known")

        def break_(process: Process) -> None:
            process.signal(number)
            until(lambda: FIRED in process.said, 5, "the system refuses")
            assert "Seccomp:\t2" in Path(f"/proc/{process.pid}/status").read_text()

        yield Broken(home / "data", break_, lambda: None, is_seen_at_a_start=False)

    return disk


@contextmanager
def read_only(home: Path) -> Iterator[Broken]:
    """A file system of its own that finds an error in itself, and lets nobody write from then on."""
    image, disk = home / "image", home / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(sum(one.stat().st_size for one in (home / "data").iterdir()) + (24 << 20))

    def mounted() -> bool:
        call = ["mount", "-o", "loop,errors=remount-ro", str(image), str(disk)]
        return subprocess.run(call, capture_output=True, check=False).returncode == 0

    made = subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], capture_output=True, check=False).returncode == 0
    if not made or not mounted():
        pytest.skip("no file system may be made and mounted here; a read-only one is tried beside it, within SQLite")

    def trigger() -> Path:
        found = subprocess.run(
            ["findmnt", "-no", "SOURCE", str(disk)], capture_output=True, check=True, text=True
        ).stdout.strip()
        return Path("/sys/fs/ext4") / Path(found).name / "trigger_fs_error"

    def break_(_: Process) -> None:
        trigger().write_text("an error that a test wants\n")
        with pytest.raises(OSError, match="Read-only file system"):
            (disk / "written").write_bytes(b"")

    def mend() -> None:
        subprocess.run(["umount", str(disk)], check=True)
        assert mounted()

    try:
        subprocess.run(["cp", "-a", str(home / "data"), str(disk / "data")], check=True)
        subprocess.run(["sync", "-f", str(disk)], check=True)
        (home / "data").rename(home / "data-before")
        (home / "data").symlink_to(disk / "data")
        if not trigger().exists():
            pytest.skip("this system has no way to make a file system find an error in itself")
        yield Broken(disk / "data", break_, mend, is_seen_at_a_start=True)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


DISKS = {"write": refused(signal.SIGUSR1), "sync": refused(signal.SIGUSR2), "read-only": read_only}


@row("F19")
@pytest.mark.slow
@pytest.mark.parametrize("kind", DISKS)
def test_a_disk_that_breaks_is_loud_and_a_start_on_a_good_one_finds_everything(
    past: Path, tmp_path: Path, kind: str
) -> None:
    """What was promised is there once, and what was refused is taken when it is sent again, once: a commit whose sync
    failed may have reached the disk all the same.
    """
    home = copied(past, tmp_path)
    config = configure(home, None)
    with DISKS[kind](home) as disk:
        before = counted(disk.data)
        process: Process = Refusing(config)
        try:
            sender, pieces = begun(process)
            disk.break_(process)
            until(lambda: is_refused(sender, pieces), 20, "work is refused")
            if process.status is None:
                until(lambda: process.status is not None or unwell(process), 10, "it says that it is unwell")
            assert str(disk.data) in process.said, "the file is named"
            fired(sum(status in (0, 503) for status in sender.statuses))
            if process.status is None:
                process.signal(signal.SIGTERM)
            assert process.ended() not in (0, -signal.SIGKILL)
            if disk.is_seen_at_a_start:
                process = Process(config)
                assert process.ended() == 2, process.said
                assert str(home / "data") in process.said
                assert "Traceback" not in process.said
            disk.mend()
            process = sender.process = Process(config)
            until(lambda: process.base_url or process.status is not None, 20, "it listens again")
            assert process.status is None, process.said
            assert sender.send(pieces.pop()) == 202, "what was refused"
            assert sender.send(pieces.pop()) == 202, "what comes new"
            until(lambda: not unwell(process), 10, "it is well again")
            time.sleep(1.5)  # a step passes, and what came in it is counted
            assert process.terminate() == 0, process.said
        finally:
            process.kill()
        assert verifies(config)
        assert (counted(disk.data) - before)["mentions"] == sender.kept >= 15


def is_refused(sender: Sender, pieces: list[list[Row]]) -> bool:
    """Send the last piece; where it was taken, the one before it is the last now."""
    if sender.send(pieces[-1]) in (0, 503):
        return True
    pieces.pop()
    return False


# ---- a file system that turns read-only for a while, in the middle of a crisis


class ReadOnlyDisk(Files):
    """Files that SQLite may not change, from a point of the code on until it was refused so often."""

    def __init__(self, point: str, times: int) -> None:
        self.refused = 0
        self._point = point
        self._times = times
        self._is_on = False
        self._held: list[Lock] = []

    def lock(self, directory: Path) -> Lock:
        """Hold it; what a process held that broke off is free when the next one comes, as the system sees to."""
        while self._held:
            self._held.pop().close()
        self._held.append(super().lock(directory))
        return self._held[-1]

    def hear(self, point: str) -> None:
        """A point of the code is passed."""
        self._is_on = self._is_on or (point == self._point and not self.refused)

    @property
    def refuses(self) -> bool:
        """Whether nothing may be written now."""
        return self._is_on and self.refused < self._times

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open the file."""
        super().connect(path).close()
        disk = self

        class Guarded(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if not self.in_transaction:
                    super().execute(f"PRAGMA query_only = {disk.refuses:d}")
                try:
                    return super().execute(sql, *values)
                except sqlite3.OperationalError as error:
                    disk.refused += "readonly database" in str(error)
                    raise

        return sqlite3.connect(path, factory=Guarded, isolation_level=None, check_same_thread=False)


class Remembering(Place):
    """A Slack that shows what it was told: there may be messages of which nobody could write down that they went."""

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Look for it."""
        found = [number for number, one in enumerate(self.there, 1) if one.page_id == message.page_id]
        return Outcome("sent", message.to, f"1700000000.{found[0]:06}") if found else None


class ReadOnlyCrisis(Crisis):
    """A crisis whose sender is told to wait while nothing can be written; only the core's own files end a process."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, 1)
        self.place = Remembering()
        self.waits = 0

    async def play(self) -> None:
        """Until everything is sent and somebody has acknowledged, and a minute longer."""
        for _ in range(12):
            try:
                async with virtual(self.home, self.home, place=self.place, clock=self._now_ms, within="1m") as service:
                    await self._go_on(service)
                    return
            except StoreError:
                self.deaths += 1
                self._now_ms[0] += STEP_MS
        raise AssertionError("it never came through")

    async def _go_on(self, service: Virtual) -> None:
        while service.works.refuses or self.pieces or not self.pressed:
            if self.pieces:
                try:
                    await service.tell(self.pieces[0])
                    self.promised += len(self.pieces.pop(0))
                except StoreError:
                    self.waits += 1
            await service.at(service.now_ms + STEP_MS)
            if not self.pressed and (found := service.decided("Page")) and self.place.woke():
                self.pressed = (await service.press(found[0].incident, "acknowledge", "ana")) != ""
        await service.at(service.now_ms + 90_000)


TURNS = ["intake.append.after", "outbox.plan.commit.after", "outbox.sending.after"]
"""After what the file system turns read-only: everything that follows is refused, until it was so six times."""


@row("F19")
@pytest.mark.slow
@pytest.mark.parametrize("point", TURNS)
async def test_a_file_system_that_turns_read_only_and_back_loses_nothing(
    past: Path, tmp_path: Path, point: str
) -> None:
    """Senders wait, or the process ends and is started anew until it can go on: the same one page in the end."""
    crisis = ReadOnlyCrisis(copied(past, tmp_path))
    before = counted(tmp_path / "data")["mentions"]
    disk = ReadOnlyDisk(point, 6)
    crash.install(disk.hear)
    try:
        with on(disk):
            await crisis.play()
    finally:
        crash.install(None)
    assert disk.refused == 6
    assert crisis.waits + crisis.deaths > 0
    fired(disk.refused)
    crisis.check(before)
