"""The past of before the console: its minutes come from the journal, once, and what nobody heard stays unknown."""

from pathlib import Path

import pytest

from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.pulse import Counts, PulsePart
from tests.console.samples import AT_MS
from tocsin.console import filling
from tocsin.console.filling import Filler
from tocsin.console.history import History, Minute
from tocsin.entry import Mark, Part
from tocsin.journal import Journal

STEP_MS = 5_000
BEGAN_MS = AT_MS - 90 * MINUTE_MS


class Written:
    """A journal of a service that listened, and a memory that begins at `BEGAN_MS`."""

    def __init__(self, home: Path) -> None:
        self.path = home / "journal.db"
        self.journal = Journal(self.path, step_ms=STEP_MS)
        self.history = History(None)

    def heard(self, minute_ms: int, posts: int, *, brand: str = "Acme", live: bool = True) -> None:
        """Some posts of a minute, in two parts of one step, and the step's mark."""
        step = minute_ms // STEP_MS if live else AT_MS // STEP_MS
        for count in (posts - posts // 3, posts // 3):
            part = PulsePart(counts=Counts(mentions=count, negative=count // 2, neutral=count - count // 2))
            event = Part(
                partition=0,
                incarnation="x",
                step=step,
                brand=brand,
                minute_ms=minute_ms,
                part=part,
                live=live,
            )
            self.journal.append([(minute_ms, event)])
        self.listened(step * STEP_MS, step * STEP_MS + STEP_MS)

    def listened(self, from_ms: int, until_ms: int) -> None:
        """The marks of a service that was there."""
        first, last = from_ms // STEP_MS - 1, until_ms // STEP_MS - 1
        mark = Mark(partition=0, incarnation="x", from_step=first, upto_step=last, counts={})
        self.journal.append([(until_ms, mark)])

    def fill(self) -> None:
        """Read all there is, as one start does."""
        filler = Filler(self.history, self.path, ["Acme"], STEP_MS, lambda: AT_MS)
        until_ms = filler.begun(BEGAN_MS)
        while filler.piece(until_ms):
            pass

    def posts(self, minute_ms: int) -> int | None:
        row = self.history._db.execute(
            "SELECT posts FROM minutes WHERE brand = 'Acme' AND start_ms = ?", (minute_ms,)
        ).fetchone()
        return row[0] if row else None


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_what_the_journal_says_of_a_minute_is_added_up_and_kept(written: Written) -> None:
    written.heard(AT_MS - DAY_MS, 9)
    written.heard(AT_MS - DAY_MS, 3)
    written.heard(AT_MS - DAY_MS, 50, brand="Zeta")
    written.fill()
    assert written.posts(AT_MS - DAY_MS) == 12
    assert written.history._db.execute("SELECT sum(judged), sum(negative) FROM minutes").fetchone() == (12, 5)


def test_a_minute_in_which_somebody_listened_is_zero_and_one_in_which_nobody_did_is_unknown(written: Written) -> None:
    morning_ms = AT_MS - DAY_MS
    written.listened(morning_ms, morning_ms + 3 * MINUTE_MS)
    written.listened(morning_ms + 3 * MINUTE_MS, morning_ms + 5 * HOUR_MS)  # it was away, and made up for it at once
    written.fill()
    assert [written.posts(morning_ms + n * MINUTE_MS) for n in (0, 2, 3, 90)] == [0, 0, None, None]


def test_a_past_that_was_learnt_from_a_file_has_its_quiet_minutes_too(written: Written) -> None:
    for number in range(4):
        written.heard(AT_MS - DAY_MS + number * 20 * MINUTE_MS, 6, live=False)
    written.fill()
    seen = written.history.seen("Acme", "35d", AT_MS)
    assert sum(one or 0 for one in seen.posts) == 24
    assert written.posts(AT_MS - DAY_MS + 7 * MINUTE_MS) == 0


def test_what_the_memory_keeps_by_itself_is_never_counted_again(written: Written) -> None:
    written.heard(BEGAN_MS + MINUTE_MS, 9)
    written.history.keep([Minute("Acme", BEGAN_MS + MINUTE_MS, posts=9)])
    written.fill()
    assert written.posts(BEGAN_MS + MINUTE_MS) == 9


def test_a_later_start_reads_what_was_learnt_since_and_nothing_twice(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "AT_ONCE", 2)
    for number in range(5):
        written.heard(AT_MS - DAY_MS + number * MINUTE_MS, 4)
    written.fill()
    written.fill()
    written.heard(AT_MS - 2 * DAY_MS, 8, live=False)
    written.fill()
    assert [written.posts(AT_MS - DAY_MS + number * MINUTE_MS) for number in range(5)] == [4] * 5
    assert written.posts(AT_MS - 2 * DAY_MS) == 8


def test_what_was_written_while_the_service_ran_is_passed_over(written: Written) -> None:
    written.fill()
    written.heard(AT_MS - DAY_MS, 5)
    Filler(written.history, written.path, ["Acme"], STEP_MS, lambda: AT_MS).forward()
    written.fill()
    assert written.posts(AT_MS - DAY_MS) is None


def test_hours_are_made_of_the_past_as_well(written: Written) -> None:
    for number in range(60):
        written.heard(AT_MS - 3 * DAY_MS + number * MINUTE_MS, 2)
    written.history.tidy(AT_MS)
    written.fill()
    written.history.tidy(AT_MS)
    assert written.history._db.execute("SELECT sum(posts) FROM hours").fetchone() == (120,)


async def test_a_journal_that_cannot_be_read_costs_its_past_alone(written: Written, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"no journal, and long enough to be looked into" * 100)
    await Filler(written.history, tmp_path / "other.db", ["Acme"], STEP_MS, lambda: AT_MS).run(BEGAN_MS)
    assert written.history._db.execute("SELECT count(*) FROM minutes").fetchone() == (0,)
