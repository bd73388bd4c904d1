"""The journal is what happened: append-only, chained, and `verify` names the first thing in it that is not so."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.codec import CHAIN_START, HOUR_MS, MINUTE_MS, canonical, decode, link
from stream.sources.store import StoreError
from stream.sources.text_store import TextStore
from tests.tocsin.stories import START_MS, STEP_MS, Lived, Said, brands, contents_of, intake_of, lived, write
from tocsin.engine import Engine
from tocsin.entry import Answer, ConfigChange, Entry, Mark, SourceReport
from tocsin.journal import Journal, JournalError, Recorded, Verdict, began_ms, open_existing, verify
from tocsin.sequencer import Sequencer
from tocsin.state import snapshot_bytes

TABLES = ("entries", "decisions", "contents", "snapshots")


def keep(path: Path, log: list[Said], of: Lived | None = None, *, snapshot_every: int = 25, batch: int = 4) -> None:
    """Feed a log to a core with its journal on disk."""
    known, bodies = (of.brands, of.bodies) if of is not None else (brands(), contents_of(brands())[0])
    journal = Journal(path, step_ms=STEP_MS, durable=False)
    for body in bodies.values():
        journal.add_content(body)
    sequencer = Sequencer(
        journal=journal,
        engine=Engine(step_ms=STEP_MS, contents=journal.contents()),
        intake=intake_of(known),
        texts=TextStore(None),
        step_ms=STEP_MS,
        incarnation="a",
        sink=lambda _: None,
        batch=batch,
        snapshot_every=snapshot_every,
    )
    for offset, said in enumerate(log, 1):
        if said.what is None:
            sequencer.reach(said.observed_ms, offset=offset)
        elif hasattr(said.what, "text"):
            sequencer.mention(said.what, offset=offset)
        else:
            sequencer.control(said.what, observed_ms=said.observed_ms, offset=offset)
    sequencer.close(offset=len(log) + 1)
    sequencer.snapshot()
    journal.close()


def short_story() -> list[Said]:
    """Some posts, and a source that says twice that it is silent: people are paged, and one of them answers."""
    brand = brands()[0].name
    (_, digest) = contents_of(brands())[1][0]
    first = [m for m in write(5, brands()) if m.observed_ms < START_MS + 6 * HOUR_MS]
    log = [Said(m.observed_ms, m) for m in first]
    log.append(Said(START_MS, ConfigChange(brand, digest, START_MS)))
    for hour in (1, 3):
        for minutes, status in ((0, "silent"), (80, "ok")):
            at_ms = START_MS + hour * HOUR_MS + minutes * MINUTE_MS
            log.append(Said(at_ms, SourceReport(brand, "forum", status, at_ms)))  # type: ignore[arg-type]
    blind_ms = START_MS + HOUR_MS + STEP_MS
    click_ms = blind_ms + 40 * MINUTE_MS
    log.append(Said(click_ms, Answer("c1", brand, f"tulpatel-blind-{blind_ms}", "own", "joris", click_ms)))
    return sorted(log, key=lambda s: s.observed_ms)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound journal of a short story."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    keep(path, short_story())
    return path


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copy(sound, tmp_path / "copy.db"))


def checked(path: Path) -> Verdict:
    with closing(open_existing(path)) as journal:
        return verify(journal)


def change(path: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement, values if "?" in statement else ())
        db.commit()


def rows(path: Path, query: str) -> list[tuple]:  # type: ignore[type-arg]
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


# --- a sound journal --------------------------------------------------------------------------------------------------


def test_a_sound_journal_verifies_and_says_what_is_in_it(sound: Path) -> None:
    verdict = checked(sound)
    assert verdict.ok, verdict.difference
    assert (verdict.unrecorded, verdict.entries) == (0, rows(sound, "SELECT MAX(seq) FROM entries")[0][0])
    assert verdict.decisions == len(rows(sound, "SELECT 1 FROM decisions")) >= 8
    assert verdict.pages >= 3
    assert len(rows(sound, "SELECT 1 FROM snapshots")) == 2, "older snapshots go"
    with closing(open_existing(sound)) as journal:
        assert verdict.chains == journal.decision_chains


def test_verifying_changes_nothing(copy: Path) -> None:
    before = {table: rows(copy, f"SELECT * FROM {table}") for table in (*TABLES, "header")}
    assert checked(copy) == checked(copy)
    assert before == {table: rows(copy, f"SELECT * FROM {table}") for table in (*TABLES, "header")}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4))])
def test_the_journal_of_a_story_with_people_in_it_verifies(seed: int, tmp_path: Path) -> None:
    story = lived(seed)
    path = tmp_path / "journal.db"
    keep(path, story.log, story, snapshot_every=500, batch=50)
    verdict = checked(path)
    assert verdict.ok, verdict.difference
    assert verdict.chains == story.chains
    with closing(open_existing(path)) as journal:
        assert [recorded.decision for recorded in journal.decisions()] == story.decisions


def test_two_journals_of_the_same_story_are_the_same_rows(sound: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.db"
    keep(again, short_story())
    for table in (*TABLES, "header"):
        assert rows(sound, f"SELECT * FROM {table}") == rows(again, f"SELECT * FROM {table}")


def test_an_empty_journal_verifies(tmp_path: Path) -> None:
    Journal(tmp_path / "empty.db", step_ms=STEP_MS).close()
    assert checked(tmp_path / "empty.db") == Verdict(0, 0, 0, {}, "", 0)


# --- one byte ---------------------------------------------------------------------------------------------------------

NAMED: dict[tuple[str, str], Callable[[tuple, bytes], list[str]]] = {  # type: ignore[type-arg]
    ("entries", "body"): lambda row, _: [f"the chain breaks at entry {row[0]}"],
    ("entries", "chain"): lambda row, _: [f"the chain breaks at entry {row[0]}"],
    ("decisions", "body"): lambda row, _: [f" {row[1]} ", f"entry {row[3]} "],
    ("decisions", "chain"): lambda row, _: [f"breaks at {row[1]}"],
    ("decisions", "key"): lambda row, _: [f"decision {row[1]} of entry {row[3]} is filed as"],
    ("decisions", "brand"): lambda row, _: [f"decision {row[1]} of entry {row[3]} is filed as"],
    ("contents", "body"): lambda row, _: [f"content {row[0][:12]} was changed"],
    ("contents", "digest"): lambda row, after: [f"content {after.decode()[:12]} was changed"],
    ("snapshots", "body"): lambda row, _: [f"the snapshot at entry {row[0]} is not the state"],
}


@pytest.mark.parametrize(("table", "column"), NAMED)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_is_found_and_named(
    table: str, column: str, data: st.DataObject, sound: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(sound, tmp_path / "flipped.db"))
    row_id, *_ = data.draw(st.sampled_from(rows(path, f"SELECT rowid FROM {table}")))
    row = rows(path, f"SELECT * FROM {table} WHERE rowid = {row_id}")[0]
    was = rows(path, f"SELECT CAST({column} AS BLOB) FROM {table} WHERE rowid = {row_id}")[0][0]
    at = data.draw(st.integers(0, len(was) - 1))
    flipped = bytearray(was)
    flipped[at] ^= 1
    kind = "BLOB" if column == "body" else "TEXT"
    statement = f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE rowid = {row_id}"
    change(path, statement, values=(bytes(flipped),))
    verdict = checked(path)
    assert not verdict.ok
    for words in NAMED[table, column](row, bytes(flipped)):
        assert words in verdict.difference


def test_a_decision_filed_under_another_entry_is_found(copy: Path) -> None:
    n, key, seq = rows(copy, "SELECT n, key, entry_seq FROM decisions ORDER BY n LIMIT 1 OFFSET 3")[0]
    change(copy, f"UPDATE decisions SET entry_seq = entry_seq + 1 WHERE n = {n}")
    assert f"decision {key} of entry {seq} is filed as {key} of entry {seq + 1}" in checked(copy).difference


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_anywhere_in_the_file_never_passes_for_another_story(
    data: st.DataObject, sound: Path, tmp_path: Path
) -> None:
    """In the file itself, where pages of the database have no rows of ours: refused, named, or without effect."""
    path = tmp_path / "raw.db"
    raw = bytearray(sound.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    for leftover in tmp_path.glob("raw.db-*"):
        leftover.unlink()
    try:
        verdict = checked(path)
    except (JournalError, StoreError, sqlite3.DatabaseError):
        return
    if verdict.ok:
        for table in TABLES[:3]:
            assert rows(path, f"SELECT * FROM {table}") == rows(sound, f"SELECT * FROM {table}")


# --- what is missing, what is too much --------------------------------------------------------------------------------


def test_each_entry_that_is_deleted_is_missed(sound: Path, tmp_path: Path) -> None:
    last = rows(sound, "SELECT MAX(seq) FROM entries")[0][0]
    for seq in [*range(1, last, 7), last - 1, last]:
        path = Path(shutil.copy(sound, tmp_path / f"{seq}.db"))
        change(path, f"DELETE FROM entries WHERE seq = {seq}")
        said = checked(path).difference
        named = f"the chain breaks at entry {seq}" if seq < last else f"the journal ends at entry {last - 1}"
        assert named in said, said


def test_each_decision_that_is_deleted_is_missed(sound: Path, tmp_path: Path) -> None:
    for n, key in rows(sound, "SELECT n, key FROM decisions"):
        path = Path(shutil.copy(sound, tmp_path / f"{n}.db"))
        change(path, f"DELETE FROM decisions WHERE n = {n}")
        assert key in checked(path).difference


def test_a_decision_that_was_put_in_is_found(sound: Path, tmp_path: Path) -> None:
    count = len(rows(sound, "SELECT 1 FROM decisions"))
    for place in range(1, count + 2):
        path = Path(shutil.copy(sound, tmp_path / f"{place}.db"))
        change(path, f"UPDATE decisions SET n = -n WHERE n >= {place}", "UPDATE decisions SET n = 1 - n WHERE n < 0")
        change(
            path,
            f"INSERT INTO decisions SELECT {place}, 'forged', brand, entry_seq, body, chain FROM decisions LIMIT 1",
        )
        verdict = checked(path)
        assert not verdict.ok
        if place == count + 1:
            assert "no entry leads to: forged" in verdict.difference


def test_an_entry_that_was_put_in_with_a_good_chain_is_found_by_what_it_changes(copy: Path) -> None:
    """Whoever can write the chain anew still has to explain the decisions."""
    events = [decode(body, Entry).event for (body,) in rows(copy, "SELECT body FROM entries ORDER BY seq")]
    reports = [n for n, e in enumerate(events) if isinstance(getattr(e, "event", None), SourceReport)]
    events[reports[0]] = msgspec.structs.replace(
        events[reports[0]], event=msgspec.structs.replace(events[reports[0]].event, status="ok")
    )
    chain = CHAIN_START
    with closing(sqlite3.connect(copy)) as db:
        for seq, event in enumerate(events, 1):
            body = canonical(Entry(seq, decode(_body(db, seq), Entry).at_ms, event))
            chain = link(chain, body)
            db.execute("UPDATE entries SET body = ?, chain = ? WHERE seq = ?", (body, chain, seq))
        db.commit()
    assert not checked(copy).ok


def _body(db: sqlite3.Connection, seq: int) -> bytes:
    found: bytes = db.execute("SELECT body FROM entries WHERE seq = ?", (seq,)).fetchone()[0]
    return found


def test_a_configuration_that_is_gone_is_named(copy: Path) -> None:
    chart = max(rows(copy, "SELECT digest, LENGTH(body) FROM contents"), key=lambda r: r[1])[0]
    change(copy, f"DELETE FROM contents WHERE digest = '{chart}'")
    assert chart in checked(copy).difference


def test_truncated_after_any_entry_it_is_sound_or_says_what_is_missing(sound: Path, tmp_path: Path) -> None:
    last = rows(sound, "SELECT MAX(seq) FROM entries")[0][0]
    for seq in [*range(0, last, 9), last]:
        path = Path(shutil.copy(sound, tmp_path / f"{seq}.db"))
        change(path, f"DELETE FROM entries WHERE seq > {seq}")
        verdict = checked(path)
        assert verdict.ok == (seq == last)
        assert verdict.ok or "no entry leads to" in verdict.difference or f"ends at entry {seq}" in verdict.difference


def test_as_a_crash_left_it_after_any_entry_it_verifies(sound: Path, tmp_path: Path) -> None:
    """Entries written, decisions on the last of them not recorded: they are counted, and taken at the next start."""
    last = rows(sound, "SELECT MAX(seq) FROM entries")[0][0]
    unrecorded = 0
    for seq in range(2, last + 1, 8):
        path = Path(shutil.copy(sound, tmp_path / f"{seq}.db"))
        applied = max(0, seq - 3)
        change(
            path,
            f"DELETE FROM entries WHERE seq > {seq}",
            f"DELETE FROM decisions WHERE entry_seq > {applied}",
            f"DELETE FROM snapshots WHERE seq > {applied}",
            f"UPDATE header SET value = '{applied}' WHERE name = 'applied_seq'",
        )
        verdict = checked(path)
        assert verdict.ok, f"after entry {seq}: {verdict.difference}"
        unrecorded += verdict.unrecorded
    assert unrecorded > 0


# --- keeping ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "fresh.db", step_ms=STEP_MS, durable=False)
    yield journal
    journal.close()


def test_entries_come_back_as_they_were_written_from_any_of_them_on(sound: Path) -> None:
    with closing(open_existing(sound)) as journal:
        everything = list(journal.entries())
        assert [entry.seq for entry in everything] == list(range(1, journal.seq + 1))
        for after in (1, 17, journal.seq - 1, journal.seq):
            assert list(journal.entries(after)) == everything[after:]


def test_the_next_offset_is_the_one_that_the_last_mark_names(sound: Path, fresh: Journal) -> None:
    assert fresh.next_offset() == 0
    fresh.append([(0, Mark(partition=0, incarnation="a", from_step=-1, upto_step=4, counts={}, offset=77))])
    assert fresh.next_offset() == 77
    with closing(open_existing(sound)) as journal:
        assert journal.next_offset() == len(short_story()) + 1


def test_a_decision_recorded_twice_is_one_and_one_that_differs_is_corruption(sound: Path, fresh: Journal) -> None:
    with closing(open_existing(sound)) as journal:
        recorded: Recorded = next(journal.decisions())
    decision = recorded.decision
    assert fresh.record([(3, decision)], applied_seq=3) == 1
    heads = fresh.decision_chains
    assert fresh.record([(3, decision)], applied_seq=3) == 0
    assert fresh.decision_chains == heads
    with pytest.raises(JournalError, match="taken twice, differently"):
        fresh.record([(3, msgspec.structs.replace(decision, severity="critical"))], applied_seq=3)


def test_an_engine_comes_back_from_the_newest_snapshot_that_can_be_read(copy: Path) -> None:
    newest, older = (seq for (seq,) in rows(copy, "SELECT seq FROM snapshots ORDER BY seq DESC"))
    for body, seq in ((None, newest), (b'{"from":"another version"}', older)):
        if body is not None:
            change(copy, f"UPDATE snapshots SET body = ? WHERE seq = {newest}", values=(body,))
        with closing(open_existing(copy)) as journal:
            engine = journal.restored_engine(journal.contents())
            assert engine.seq == seq
            for entry in journal.entries(engine.seq):
                engine.apply(entry)
            complete = Engine(step_ms=STEP_MS, contents=journal.contents())
            for entry in journal.entries():
                complete.apply(entry)
            assert snapshot_bytes(engine.snapshot()) == snapshot_bytes(complete.snapshot())


def test_a_journal_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "two.db"
    mark = Mark(partition=0, incarnation="a", from_step=-1, upto_step=4, counts={})
    for _ in range(2):
        journal = Journal(path, step_ms=STEP_MS)
        journal.append([(0, mark)])
        journal.close()
    with closing(open_existing(path)) as journal:
        assert [entry.seq for entry in journal.entries()] == [1, 2]
        assert journal.seq == 2


def test_a_grid_step_is_fixed_for_a_journals_life(sound: Path, copy: Path) -> None:
    with pytest.raises(JournalError, match="fixed for a journal's life"):
        Journal(copy, step_ms=STEP_MS * 2)


@pytest.mark.parametrize("body", [b"", b"not a database at all, but long enough to look like one" * 40])
def test_what_is_no_journal_is_told_so_in_a_line(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(body)
    with pytest.raises(JournalError, match="is not a journal"):
        open_existing(path)
    with pytest.raises(JournalError, match="there is no such journal"):
        open_existing(tmp_path / "missing.db")


def test_when_a_journal_began_is_known_beside_whoever_writes_it(tmp_path: Path) -> None:
    """Not before its first entry, and the same ever after; a file that is none of ours began at no time."""
    path = tmp_path / "journal.db"
    assert began_ms(path) == 0
    with closing(Journal(path, step_ms=STEP_MS)) as journal:
        assert began_ms(path) == 0
        for at_ms in (START_MS, START_MS + STEP_MS):
            step = at_ms // STEP_MS
            mark = Mark(partition=0, incarnation="a", from_step=step - 1, upto_step=step, counts={})
            journal.append([(at_ms, mark)])
            assert began_ms(path) == START_MS
    other = tmp_path / "other.db"
    other.write_bytes(b"no journal")
    assert began_ms(other) == 0
