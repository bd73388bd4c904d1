"""What every store of ours promises about its file."""

import sqlite3
import stat
import subprocess
import sys

import pytest

from stream.sources.store import StoreError, lock, open_store, transaction, truncate_wal

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER NOT NULL, b BLOB);\nCREATE INDEX IF NOT EXISTS t_n ON t (n);"


def test_a_store_is_durable_and_private(tmp_path):
    """WAL, a sync per commit, and neither the file nor its log readable by anybody else."""
    db = open_store(tmp_path / "new" / "a.db", SCHEMA, version=1)
    with transaction(db, "test"):
        db.execute("INSERT INTO t VALUES (1, x'00')")
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    files = sorted((tmp_path / "new").iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_world_readable_store_is_made_private(tmp_path):
    """A file copied back from a backup with wide modes is narrowed, not used as it is."""
    path = tmp_path / "a.db"
    open_store(path, SCHEMA, version=1).close()
    path.chmod(0o644)
    open_store(path, SCHEMA, version=1).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_transaction_is_all_or_nothing(tmp_path):
    """An exception half-way leaves nothing behind, and the connection usable."""
    db = open_store(tmp_path / "a.db", SCHEMA, version=1)
    rows = [(1, None), (None, None)]
    with pytest.raises(sqlite3.IntegrityError), transaction(db, "test"):
        db.executemany("INSERT INTO t VALUES (?, ?)", rows)
    with transaction(db, "test"):
        db.execute("INSERT INTO t VALUES (2, NULL)")
    assert db.execute("SELECT n FROM t").fetchall() == [(2,)]


@pytest.mark.parametrize(("found", "word"), [(2, "newer"), (0, "older")])
def test_another_version_is_refused(tmp_path, found, word):
    """A file of another version is refused with both numbers, not read as if it were ours."""
    open_store(tmp_path / "a.db", SCHEMA, version=found).close()
    with pytest.raises(StoreError, match=f"a.db.*{word} tocsin.*version {found}; this one reads 1"):
        open_store(tmp_path / "a.db", SCHEMA, version=1)


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_corrupt_file_is_named(tmp_path, content):
    """Corruption of our own is loud, and says which file."""
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"a\.db"):
        open_store(tmp_path / "a.db", SCHEMA, version=1)


def test_a_directory_in_place_of_the_file_is_named(tmp_path):
    """What cannot be opened at all gives the same kind of error."""
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(tmp_path, SCHEMA, version=1)


def test_a_reader_in_the_way_of_an_erasure_is_told(tmp_path, monkeypatch):
    """If old bytes stay in the log, the caller hears of it instead of believing that they are gone."""
    monkeypatch.setattr("stream.sources.store.BUSY_MS", 50)
    db = open_store(tmp_path / "a.db", SCHEMA, version=1, erasable=True)
    reader = open_store(tmp_path / "a.db", SCHEMA, version=1)
    with transaction(db, "test"):
        db.execute("INSERT INTO t VALUES (1, NULL)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    with transaction(db, "test"):
        db.execute("DELETE FROM t")
    with pytest.raises(StoreError, match="erase again"):
        truncate_wal(db)
    reader.execute("COMMIT")
    truncate_wal(db)
    assert (tmp_path / "a.db-wal").stat().st_size == 0


def test_a_second_process_is_refused(tmp_path):
    """Two services on one data directory would page twice: the second says who holds it, and does not start."""
    program = (
        "import sys, pathlib; from stream.sources.store import lock\n"
        "try: lock(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with lock(tmp_path):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "in use by another tocsin (process " in refused.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_a_lock_is_freed_by_closing(tmp_path):
    """The directory can be taken again, by the same process too."""
    first = lock(tmp_path)
    with pytest.raises(StoreError, match="in use"):
        lock(tmp_path)
    first.close()
    first.close()
    lock(tmp_path).close()


def test_who_looks_at_a_living_store_takes_nothing_from_it(tmp_path):
    """Another process that opens and closes the file leaves its log, to which the first goes on to write."""
    path = tmp_path / "a.db"
    writer, reader = (open_store(path, SCHEMA, version=1) for _ in range(2))  # two to one file, as stores have
    program = (
        "import sys, pathlib; from stream.sources.store import open_store\n"
        "db = open_store(pathlib.Path(sys.argv[1]), sys.argv[2], version=1)\n"
        "print(db.execute('SELECT count(*) FROM t').fetchone()[0]); db.close()"
    )
    command = [sys.executable, "-c", program, str(path), SCHEMA]
    seen = []
    for number in range(3):
        with transaction(writer, "test"):
            writer.execute("INSERT INTO t VALUES (?, NULL)", (number,))
        seen.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        assert path.with_name("a.db-wal").exists()
    assert seen == [1, 2, 3]
    assert reader.execute("SELECT count(*) FROM t").fetchone()[0] == 3
