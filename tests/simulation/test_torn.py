"""What the model of a disk says of SQLite, held against SQLite's own files: a write that a power cut tears is whole or
not there, and never a half.
"""

import random
import shutil
from pathlib import Path

import pytest

from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.ways import Outcome
from stream.sources.store import StoreError, transaction
from tests.simulation.disk import MemoryDisk


def row(number: int) -> OutboxRow:
    """A page with a body that does not fit into one page of the file's log."""
    return OutboxRow(
        page_id=f"p{number}", brand="a", incident=f"a-{number}", key=f"a-{number}/1/Page", way="slack", to="C1",
        kind="card", wakes=True, line="x" * 3000,
    )  # fmt: skip


def state(box: Outbox) -> list[tuple[str, str]]:
    """Every page and where it stands."""
    return [(one.page_id, one.state) for number in range(6) for one in box.pages(f"a-{number}")]


def write(box: Outbox) -> list[list[tuple[str, str]]]:
    """Plan and send, and after each commit what the file must hold."""
    held = [state(box)]
    for number in range(6):
        box.plan([row(number)], key=row(number).key)
        held.append(state(box))
        box.begin(f"p{number}", 1, 1_000)
        held.append(state(box))
        box.settle(f"p{number}", Outcome("sent", "C1", "1.0"), 2_000)
        held.append(state(box))
    return held


def opened(db: Path, log: bytes, where: Path) -> list[tuple[str, str]]:
    """What a start finds with this much of the write-ahead log."""
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    shutil.copy(db, where / "outbox.db")
    (where / "outbox.db-wal").write_bytes(log)
    box = Outbox(where / "outbox.db")
    found = state(box)
    box.close()
    return found


@pytest.mark.parametrize("damage", ["cut", "zeros", "noise"])
def test_a_torn_log_reads_back_as_the_commits_before_the_tear(tmp_path: Path, damage: str) -> None:
    box = Outbox(tmp_path / "outbox.db")
    held = write(box)
    log = (tmp_path / "outbox.db-wal").read_bytes()
    rng = random.Random(damage)
    seen = set()
    for _ in range(60):
        at = rng.randrange(len(log))
        torn = rng.randbytes(min(512, len(log) - at)) if damage == "noise" else bytes(min(512, len(log) - at))
        left = log[:at] if damage == "cut" else log[:at] + torn + log[at + 512 :]
        found = opened(tmp_path / "outbox.db", left, tmp_path / "after")
        assert found in held, f"{damage} at {at}: a half transaction"
        seen.add(held.index(found))
    box.close()
    assert len(seen) > 6, "tears everywhere"


def test_a_synced_commit_survives_a_power_cut_and_an_unsynced_one_need_not() -> None:
    disk = MemoryDisk()
    for name, level in (("synced.db", "FULL"), ("cached.db", "NORMAL")):
        db = disk.connect(Path(name))
        db.execute(f"PRAGMA synchronous={level}")
        db.execute("CREATE TABLE t (n INTEGER)")
        with transaction(db, "example"):
            db.execute("INSERT INTO t VALUES (1)")
    assert disk.lose_power() == 1
    assert disk.files()["synced.db"].execute("SELECT n FROM t").fetchall() == [(1,)]
    assert disk.files()["cached.db"].execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_what_was_not_committed_is_gone_with_the_process() -> None:
    disk = MemoryDisk()
    db = disk.connect(Path("a.db"))
    db.execute("CREATE TABLE t (n INTEGER)")
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO t VALUES (1)")
    disk.kill()
    assert disk.files()["a.db"].execute("SELECT count(*) FROM t").fetchone() == (0,)
    with pytest.raises(SystemExit):
        db.execute("SELECT 1")


def test_a_full_disk_refuses_as_sqlite_does() -> None:
    disk = MemoryDisk()
    db = disk.connect(Path("a.db"))
    db.execute("CREATE TABLE t (n INTEGER)")
    disk.refuses = lambda _name, sql: "database or disk is full" if sql.startswith("COMMIT") else None
    with pytest.raises(StoreError, match="disk is full"), transaction(db, "example"):
        db.execute("INSERT INTO t VALUES (1)")
    disk.refuses = None
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
