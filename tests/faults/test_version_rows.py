"""A data directory of another version: an older one goes on, fields that nobody knows yet do no harm, a newer format is
refused with its reason.

`tests/journals/first` holds the stores of the first format, as SQL: a past, an incident that waits for its second rung,
a page that was under way. `python -m tests.faults.test_version_rows` writes it anew; that is only right as long as no
release has been made with it.
"""

import asyncio
import contextlib
import gzip
import json
import sqlite3
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from alerting.delivery.outbox import Outbox, OutboxRow
from stream.codec import CHAIN_START, canonical, link
from stream.sources.store import StoreError, open_store
from tests.acceptance import living as lively
from tests.acceptance.living import STEP_MS, configure
from tests.faults.rows import fired, row
from tests.faults.virtual import Place, virtual
from tocsin.journal import Journal, open_existing

FIRST = Path(__file__).parent.parent / "journals" / "first"
STORES = ("journal", "outbox", "intake")


def laid_down(home: Path) -> dict[str, int]:
    """The stores of the fixture as files; what the fixture says of itself."""
    data = home / "data"
    data.mkdir(mode=0o700)
    for name in STORES:
        with contextlib.closing(sqlite3.connect(data / f"{name}.db")) as db:
            db.executescript(gzip.decompress((FIRST / f"{name}.sql.gz").read_bytes()).decode())
    (data / "names.key").write_bytes(bytes(range(32)))
    told: dict[str, int] = json.loads((FIRST / "about.json").read_text("utf-8"))
    return told


@row("F31")
async def test_a_directory_of_the_first_format_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Its chain holds, its incident is still open, the page that was under way is settled, and the next rung is woken
    when it is due.
    """
    about = laid_down(tmp_path)
    journal = open_existing(tmp_path / "data" / "journal.db")
    assert sum(1 for _ in journal.entries()) == about["entries"]
    journal.close()
    fired(about["entries"])
    place = Place()
    async with virtual(tmp_path, tmp_path, place=place, clock=[about["now_ms"]], within="10m") as service:
        assert service.works.delivery.recovered == 1
        before = service.decided("Page", "Escalate")
        assert [d.targets for d in before] == [("ana",)]
        await service.at(about["due_ms"] + 5 * STEP_MS)
        assert [d.targets for d in service.decided("Page", "Escalate")] == [("ana",), ("bram",)]
        assert place.woke()[-1] == "bram"


@row("F31")
def test_fields_of_a_later_version_do_no_harm(tmp_path: Path) -> None:
    """An older program reads what a newer one added, and leaves the journal's own bytes as they are."""
    laid_down(tmp_path)
    path = tmp_path / "data" / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        chain = CHAIN_START
        for seq, body in db.execute("SELECT seq, body FROM entries ORDER BY seq").fetchall():
            more = msgspec.json.encode(msgspec.json.decode(body) | {"later": {"a": [1]}})
            chain = link(chain, more)
            db.execute("UPDATE entries SET body = ?, chain = ? WHERE seq = ?", (more, chain, seq))
        db.commit()
        kept = db.execute("SELECT body FROM entries ORDER BY seq").fetchall()
    journal = open_existing(path)
    entries = list(journal.entries())
    engine = journal.restored_engine(journal.contents())
    assert engine.seq == 0 or entries[engine.seq - 1].seq == engine.seq
    fired(len(entries))
    journal.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT body FROM entries ORDER BY seq").fetchall() == kept
    box = Outbox(None)
    known = OutboxRow(page_id="p", brand="a", incident="a-0", key="k", way="slack", to="C1", kind="card")
    box.plan([known])
    body = canonical(msgspec.to_builtins(known) | {"later": 1})
    box._db.execute("UPDATE pages SET body = ?", (body,))
    assert box.row("p") == msgspec.structs.replace(known, seq=1)


@row("F31")
@pytest.mark.parametrize("store", STORES)
def test_a_store_of_a_later_format_is_refused_and_left_alone(tmp_path: Path, store: str) -> None:
    laid_down(tmp_path)
    path = tmp_path / "data" / f"{store}.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE store_version SET version = 99")
        db.commit()
    with pytest.raises(StoreError, match="was written by a newer tocsin"):
        open_store(path, "", version=1)
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT version FROM store_version").fetchall() == [(99,)]
    fired()


# ---- the fixture


async def _write(home: Path) -> None:
    """A crisis whose first page was being sent when the process ended."""
    lively.write_past(home / "data", 31, lively.wall_clock_ms(), hours=26, per_hour=12)
    (home / "data" / "names.key").write_bytes(bytes(range(32)))
    (home / "data" / "names.key").chmod(0o600)
    clock: list[int] = []
    async with virtual(home, home, clock=clock, within="10m") as service:
        page = await service.crisis(31)
        await service.at(service.now_ms + 2 * STEP_MS)
        outbox = service.works.home.outbox
        (sent,) = [one for one in outbox.pages(page.incident) if one.wakes and one.state == "sent"]
        outbox._change(sent.page_id, state="sending")
        due_ms = page.ack_by_ms
    journal = Journal(home / "data" / "journal.db", step_ms=STEP_MS)
    about = {"entries": journal.seq, "now_ms": clock[0] + STEP_MS, "due_ms": due_ms}
    journal.close()
    FIRST.mkdir(parents=True, exist_ok=True)
    (FIRST / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    for name in STORES:
        with contextlib.closing(sqlite3.connect(home / "data" / f"{name}.db")) as db:
            if name == "intake":  # what is sealed is not needed to go on
                db.execute("DELETE FROM log WHERE offset < (SELECT last_offset FROM head)")
                db.execute("UPDATE head SET first_offset = last_offset")
                db.commit()
            if name == "journal":  # one snapshot is enough
                db.execute("DELETE FROM snapshots WHERE seq < (SELECT max(seq) FROM snapshots)")
                db.commit()
            dump = "\n".join(db.iterdump()) + "\n"
            (FIRST / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        configure(Path(scratch), None)
        asyncio.run(_write(Path(scratch)))
    sys.exit(0)
