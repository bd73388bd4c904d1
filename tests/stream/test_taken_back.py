"""What was taken back leaves the intake log too: every record of it, once, and nothing of anybody else's."""

import json
from pathlib import Path

import pytest

from stream import crash
from stream.repeats import Repeats
from stream.sources.intake_log import IntakeLog
from stream.sources.taken_back import find_raw, sweep

CANARY = b"kanarie"


@pytest.fixture
def log(tmp_path: Path) -> IntakeLog:
    return IntakeLog(tmp_path / "intake.db")


def row(number: int, author: str = "bob", kind: str = "create", **more: object) -> tuple[str, str, bytes]:
    fields = {"id": str(number), "created_at": "2026-03-02T09:00:00Z", "kind": kind, "author": author, **more}
    return "mention", "x", json.dumps(fields).encode()


def words(log: IntakeLog) -> list[str]:
    """The texts that are left, by record."""
    return [json.loads(record.body).get("text", "") if record.body else "-" for record in log.read(1, 1_000)]


def put(log: IntakeLog, *rows: tuple[str, str, bytes]) -> None:
    log.append(list(rows), now_ms=1_000)  # type: ignore[arg-type]


def test_a_delete_takes_its_post_and_every_edit_of_it(log: IntakeLog) -> None:
    put(log, row(1, text="a"), row(2, text="b"), row(1, kind="update", text="a2"), row(1, kind="delete"))
    assert sweep(log, 4) == 3
    assert words(log) == ["-", "b", "-", "-"]
    assert sweep(log, 4) == 0


def test_a_purge_takes_what_the_author_said_before_it_and_not_since(log: IntakeLog) -> None:
    elsewhere = ("mention", "y", row(3, "ann", text="another's")[2])
    put(log, row(1, "ann", text="a"), row(2, text="b"), elsewhere, row(7, "ann", "purge"), row(4, "ann", text="later"))
    sweep(log, 5)
    assert words(log) == ["-", "b", "another's", "-", "later"]


def test_nothing_is_wiped_that_is_not_sealed(log: IntakeLog) -> None:
    put(log, row(1, text="a"), row(1, kind="delete"), row(2, text="b"), row(2, kind="delete"))
    sweep(log, 2)
    assert words(log) == ["-", "-", "b", ""]
    sweep(log, 4)
    assert words(log) == ["-", "-", "-", "-"]


def test_what_was_wiped_stays_known_as_seen(log: IntakeLog) -> None:
    put(log, row(1, text="a"), row(1, kind="delete"))
    sweep(log, 2)
    repeats = Repeats()
    repeats.absorb(log.gone())
    assert repeats.is_repeat("x:1", 9, 2_000)
    assert not repeats.is_repeat("x:2", 10, 2_000)


@pytest.mark.parametrize("point", ["intake.erase.before", "intake.erase.after"])
@pytest.mark.parametrize("time", [1, 2])
def test_a_sweep_that_dies_anywhere_is_done_again(log: IntakeLog, point: str, time: int, tmp_path: Path) -> None:
    put(log, row(1, "kanarie", text="a"), row(2, text="b"), row(9, "kanarie", "purge"))
    left = [time]

    def die(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

    crash.install(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep(log, 3)
    finally:
        crash.install(None)
    log.close()
    again = IntakeLog(tmp_path / "intake.db")
    sweep(again, 3)
    again.finish()
    assert words(again) == ["-", "b", "-"]
    assert not any(CANARY in path.read_bytes() for path in tmp_path.glob("intake.db*"))


def test_no_byte_is_left_in_the_file_or_its_log(log: IntakeLog, tmp_path: Path) -> None:
    for number in range(300):
        author = "kanarie" if number % 7 == 0 else f"u{number}"
        put(log, row(number, author, text=f"{author} said {number}" * 20))
    put(log, row(999, "kanarie", "purge"))
    assert sweep(log, log.last_offset) == 44
    assert not any(CANARY in path.read_bytes() for path in tmp_path.iterdir())
    assert sum(word == "-" for word in words(log)) == 44


def test_odd_lines_cost_nothing_and_are_found_by_their_bytes(log: IntakeLog) -> None:
    put(
        log,
        ("mention", "x", b'{"id": "\\ud800", "delete'),
        ("mention", "x", b"\xff kanarie"),
        row(1, kind="d\u0065lete"),
    )
    found = find_raw(log, lambda named, record: named is None and CANARY in record.body)
    assert found.offsets == [2]
    assert sweep(log, 3) == 1
