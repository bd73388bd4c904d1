"""The intake log: accepted means on the disk, in order, with a time that never goes back."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys

import pytest

from stream.sources.intake_log import Appender, IntakeLog, LogRecord, Overloaded
from stream.sources.signing import Seen
from stream.sources.store import StoreError


@pytest.fixture
def log(tmp_path):
    log = IntakeLog(tmp_path / "intake.db")
    yield log
    log.close()


def mention(n, size=0):
    return ("mention", "x", b'{"n":%d}' % n + b" " * size)


def raw(log_dir):
    return b"".join(file.read_bytes() for file in sorted(log_dir.iterdir()))


def test_records_come_back_in_order(log):
    """What is appended is read back, from any offset, in the order in which it was accepted."""
    first = log.append([mention(1), ("beat", "", b""), ("control", "slack", b"{}")], now_ms=1000)
    second = log.append([mention(2)], now_ms=2000)
    assert first[0] == LogRecord(1, "mention", "x", 1000, b'{"n":1}')
    assert log.read(0, 10) == first + second
    assert log.read(2, 2) == first[1:]
    assert (log.last_offset, log.last_observed_ms) == (4, 2000)


def test_time_never_goes_back_even_over_a_restart(tmp_path):
    """The stamp is the running maximum: a clock set back, before or after a restart, changes nothing."""
    log = IntakeLog(tmp_path / "intake.db")
    log.append([mention(1)], now_ms=5000)
    log.append([mention(2)], now_ms=4000)
    log.trim(10_000, 99)
    log.close()
    log = IntakeLog(tmp_path / "intake.db")
    record = log.append([mention(3)], now_ms=3000)[0]
    assert (record.offset, record.observed_ms) == (3, 5000)


def test_a_failed_append_leaves_nothing(log):
    """All items or none, and offsets without a hole afterwards."""
    with pytest.raises(sqlite3.Error):
        log.append([mention(1), ("mention", "x", object())], now_ms=1000)
    assert log.append([mention(2)], now_ms=500)[0][:4] == (1, "mention", "x", 500)
    assert [record.body for record in log.read(0, 10)] == [b'{"n":2}']


def test_a_full_disk_is_a_clear_error(log):
    """The path and the cause, as an error that says that nothing was accepted; then work goes on."""
    pages = log._db.execute("PRAGMA page_count").fetchone()[0]
    log._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match=r"intake\.db.*full"):
        log.append([mention(n, size=5000) for n in range(10)], now_ms=1000)
    log._db.execute("PRAGMA max_page_count=1000000")
    assert log.append([mention(1)], now_ms=1000)[0].offset == 1


def test_signatures_survive_with_what_they_signed(tmp_path):
    """They are written in the transaction of the items, and dropped after ten minutes."""
    log = IntakeLog(tmp_path / "intake.db")
    log.append([mention(1)], now_ms=1_000_000, seen=[("x", Seen(b"a", 1000, 1_000_000)), ("y", Seen(b"b", 1, 2))])
    log.close()
    log = IntakeLog(tmp_path / "intake.db")
    assert log.seen("x") == [Seen(b"a", 1000, 1_000_000)]
    log.append([], now_ms=1_600_001)
    assert log.seen("x") == []


def test_trimming_keeps_what_is_needed(log):
    """Retention takes what is old, but nothing that is still to be read; numbering goes on."""
    for n in range(10):
        log.append([mention(n)], now_ms=n * 1000)
    assert log.trim(5000, 3) == 2
    assert [record.offset for record in log.read(0, 3)] == [3, 4, 5]
    assert log.trim(5000, 99) == 3
    assert [record.observed_ms for record in log.read(0, 2)] == [5000, 6000]
    assert log.trim(10**9, 99) == 5
    assert log.read(0, 10) == []
    assert log.append([mention(11)], now_ms=0)[0].offset == 11


@pytest.mark.parametrize("seed", range(3))
def test_erased_bytes_are_gone_from_the_files(tmp_path, seed):
    """After erasing, and after trimming, no file of the log holds a byte of it, whatever went on around it."""
    rng = random.Random(seed)
    log = IntakeLog(tmp_path / "intake.db")
    now = 0
    for _ in range(60):
        items = []
        for _ in range(rng.randrange(1, 120)):
            words = b"CANARY " if rng.random() < 0.05 else b"plain "
            items.append(("mention", "x", b'"' + words * rng.choice([1, 5, 30, 30, 2000]) + b'"'))
        now += 1000
        log.append(items, now_ms=now)
        if rng.random() < 0.3:
            log.trim(now - rng.randrange(5000, 20_000), log.last_offset)
    offsets = log.find([b"CANARY"])
    assert len(offsets) > 10
    log.erase(offsets)
    assert b"CANARY" not in raw(tmp_path)
    assert {record.body for record in log.read(offsets[0], 1)} == {b""}
    assert b"plain" in raw(tmp_path)
    log.trim(now + 1, log.last_offset + 1)
    assert b"plain" not in raw(tmp_path)


def test_trimmed_space_is_used_again(tmp_path):
    """A log that is trimmed does not grow for ever."""
    log = IntakeLog(tmp_path / "intake.db")
    for n in range(60):
        log.append([mention(n, size=500)] * 200, now_ms=n)
        log.trim(n - 5, log.last_offset)
    assert (tmp_path / "intake.db").stat().st_size < 4_000_000


@pytest.mark.parametrize(("point", "kept"), [("before", 1), ("after", 2)])
def test_a_kill_around_the_commit_loses_nothing_accepted(tmp_path, point, kept):
    """Killed before the commit, nothing of the append is there; after it, all. Never half."""
    program = (
        "import pathlib, sys; from stream.sources.intake_log import IntakeLog\n"
        "log = IntakeLog(pathlib.Path(sys.argv[1]))\n"
        "for n in (1, 2): log.append([('mention', 'x', b'%d' % n)] * 3, now_ms=n)"
    )
    env = os.environ | {"TOCSIN_CRASH_AT": f"intake.append.{point}:2"}
    died = subprocess.run([sys.executable, "-c", program, str(tmp_path / "intake.db")], env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    records = IntakeLog(tmp_path / "intake.db").read(0, 10)
    assert [record.observed_ms for record in records] == [1, 1, 1, 2, 2, 2][: kept * 3]


async def test_callers_who_wait_together_share_a_sync(log):
    """A thousand concurrent posts cost a few transactions; each gets its own records, in order."""
    appender = Appender(log, lambda: 7)
    answers = await asyncio.gather(*(appender.append([mention(n)] * (n % 3)) for n in range(1000)))
    await appender.close()
    assert appender.transactions < 20
    flat = [record for records in answers for record in records]
    assert [record.offset for record in flat] == list(range(1, len(flat) + 1))
    assert [record.body for record in flat] == [b'{"n":%d}' % n for n in range(1000) for _ in range(n % 3)]
    assert log.read(0, 2000) == flat


async def test_an_error_reaches_its_caller_alone(log):
    """One caller's unusable item does not take down those whose transaction it would have shared."""
    appender = Appender(log, lambda: 7)
    bad = [("mention", "x", memoryview(b"z")), ("mention", object(), b"")]
    answers = await asyncio.gather(
        *(appender.append(bad if n == 5 else [mention(n)]) for n in range(10)), return_exceptions=True
    )
    assert [n for n, answer in enumerate(answers) if isinstance(answer, Exception)] == [5]
    assert [record.body for record in log.read(0, 20)] == [b'{"n":%d}' % n for n in range(10) if n != 5]


async def test_too_much_waiting_is_refused_at_once(log):
    """The queue is bounded: what does not fit hears so before anything is written, the rest is written."""
    appender = Appender(log, lambda: 7, waiting_items=10)
    answers = await asyncio.gather(*(appender.append([mention(n)] * 4) for n in range(5)), return_exceptions=True)
    assert [isinstance(answer, Overloaded) for answer in answers] == [False, False, True, True, True]
    assert appender.overloaded == 3
    assert log.last_offset == 8
    assert len(await appender.append([mention(9)] * 30)) == 30


async def test_a_caller_who_gave_up_disturbs_nobody(log):
    """Cancelling one append neither blocks the queue nor changes what others are told."""
    appender = Appender(log, lambda: 7)
    tasks = [asyncio.create_task(appender.append([mention(n)])) for n in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert (await appender.append([mention(4)]))[0].offset == log.last_offset
    assert b'{"n":2}' in [record.body for record in log.read(0, 9)]


async def test_a_full_disk_reaches_everybody_who_waited(log):
    """Nobody is told "accepted" for what is not on the disk."""
    appender = Appender(log, lambda: 7)
    pages = log._db.execute("PRAGMA page_count").fetchone()[0]
    log._db.execute(f"PRAGMA max_page_count={pages}")
    answers = await asyncio.gather(*(appender.append([mention(n, 9000)]) for n in range(5)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreError}
    assert log.read(0, 10) == []
