"""The audit trail: what people did, in one chain; whoever changes, removes or adds a row is found."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from stream.codec import CHAIN_START, canonical, link
from tests.command import tocsin
from tests.console.entering import PASSWORD, entered
from tocsin.console.audit import Act, Audit
from tocsin.console.tokens import Token

AT_MS = 1_800_000_000_000


def act(number: int) -> Act:
    """One of some acts."""
    return Act(at_ms=AT_MS + number, who=f"ana{number}", how="password", what="acknowledge", outcome="done")


def written(directory: Path, count: int = 5) -> None:
    """A trail of so many acts."""
    trail = Audit(directory)
    for number in range(1, count + 1):
        trail.add(act(number))
    trail.close()


def found(directory: Path) -> str:
    """What a look at the whole trail finds."""
    trail = Audit(directory)
    try:
        return trail.verify().difference
    finally:
        trail.close()


def tampered(directory: Path, *statements: str, file: str = "audit.db") -> None:
    """Somebody with the file, and the triggers out of the way."""
    with sqlite3.connect(directory / file) as db:
        db.execute("DROP TRIGGER IF EXISTS acts_stay")
        db.execute("DROP TRIGGER IF EXISTS acts_last")
        for statement in statements:
            db.execute(statement)
    db.close()


def test_an_untouched_trail_holds_over_restarts(tmp_path: Path) -> None:
    """Two lives of a service, one chain."""
    written(tmp_path, 3)
    trail = Audit(tmp_path)
    trail.add(act(4))
    assert [kept.seq for kept in trail.recent(2)] == [4, 3]
    assert [kept.act.who for kept in trail.recent(2, before=3)] == ["ana2", "ana1"]
    assert [kept.act for kept in trail.all()] == [act(number) for number in range(1, 5)]
    verdict = trail.verify()
    assert (verdict.ok, verdict.acts) == (True, 4)
    trail.close()


TAMPERING: dict[str, tuple[str, str]] = {
    "a word in a row": ("UPDATE acts SET body = replace(CAST(body AS TEXT), 'ana3', 'eve3') WHERE seq = 3", "row 3"),
    "a link": ("UPDATE acts SET chain = (SELECT chain FROM acts WHERE seq = 1) WHERE seq = 4", "row 4"),
    "two rows change places": (
        "UPDATE acts SET body = (SELECT body FROM acts AS other WHERE other.seq = 7 - acts.seq) WHERE seq IN (3, 4)",
        "row 3",
    ),
    "a row is gone": ("DELETE FROM acts WHERE seq = 2", "row 2 is missing"),
    "the first is gone": ("DELETE FROM acts WHERE seq = 1", "row 1 is missing"),
    "the last is gone": ("DELETE FROM acts WHERE seq = 5", "rows 5 to 5 were removed"),
    "all are gone": ("DELETE FROM acts", "rows 1 to 5 were removed"),
    "a row is put in": ("INSERT INTO acts SELECT 6, body, chain FROM acts WHERE seq = 5", "row 6"),
}


@pytest.mark.parametrize("name", list(TAMPERING))
def test_whatever_is_done_to_a_row_is_found_and_named(tmp_path: Path, name: str) -> None:
    """The first row that is not what it was."""
    statement, said = TAMPERING[name]
    written(tmp_path)
    assert found(tmp_path) == ""
    tampered(tmp_path, statement)
    assert said in found(tmp_path)


def test_a_chain_that_was_made_anew_is_found_by_the_witness(tmp_path: Path) -> None:
    """Whoever computes every link again still has the other file against them."""
    written(tmp_path)
    rows, chain = [], CHAIN_START
    for number in range(1, 6):
        body = canonical(act(number if number != 2 else 99))
        chain = link(chain, body)
        rows.append((body, chain, number))
    with sqlite3.connect(tmp_path / "audit.db") as db:
        db.execute("DROP TRIGGER acts_stay")
        db.executemany("UPDATE acts SET body = ?, chain = ? WHERE seq = ?", rows)
    db.close()
    assert "written anew" in found(tmp_path)


def test_rows_cannot_be_changed_by_mistake(tmp_path: Path) -> None:
    """The table itself refuses."""
    written(tmp_path)
    for statement in ("UPDATE acts SET body = x''", "DELETE FROM acts"):
        with sqlite3.connect(tmp_path / "audit.db") as db, pytest.raises(sqlite3.IntegrityError, match="rows stay"):
            db.execute(statement)
        db.close()


def test_a_witness_that_is_behind_accuses_nobody(tmp_path: Path) -> None:
    """A crash between the two files leaves it so."""
    written(tmp_path)
    with sqlite3.connect(tmp_path / "audit.db") as db:
        chain = db.execute("SELECT chain FROM acts WHERE seq = 4").fetchone()[0]
    db.close()
    tampered(tmp_path, f"UPDATE witness SET seq = 4, chain = '{chain}'", file="audit_witness.db")
    assert found(tmp_path) == ""


async def test_two_processes_add_to_one_chain(tmp_path: Path) -> None:
    """The service and a command beside it, at the same time."""
    one, other = Audit(tmp_path), Audit(tmp_path)

    def write(trail: Audit, numbers: range) -> None:
        for number in numbers:
            trail.add(act(number))

    await asyncio.gather(asyncio.to_thread(write, one, range(20)), asyncio.to_thread(write, other, range(100, 120)))
    assert one.verify().acts == 40
    assert one.verify().ok
    one.close()
    other.close()


async def test_every_act_is_written_down_with_who_how_what_and_what_became_of_it(tmp_path: Path) -> None:
    """Signing in, being refused, acting, acting by a token, signing out; looking at a page is no act."""
    async with entered(tmp_path) as console:
        ana, vera = await console.signed_in("ana@example.org"), await console.signed_in("vera@example.org")
        await ana.get("/now")
        await ana.post("/incidents/acme-1/own", data={"csrf": console.csrf(ana), "note": "what somebody typed"})
        await vera.post("/incidents/acme-1/own", data={"csrf": console.csrf(vera)})
        await ana.delete("/silences/Zeta", headers={"x-csrf-token": console.csrf(ana)})
        await ana.post("/incidents/made-up-by-somebody/own", data={"csrf": console.csrf(ana)})
        secret = console.entrance.tokens.make(Token(name="bot", role="responder", responder="ana"), days=1)
        async with console.client(headers={"authorization": f"Bearer {secret}"}) as bot:
            await bot.post("/api/v1/incidents/zeta-1/own")
        await ana.post("/sign-out", data={"csrf": console.csrf(ana)})
        rows = [
            (a.who, a.how, a.what, a.outcome, a.why, a.incident, a.brand)
            for a in (kept.act for kept in console.trail())
        ]
        name, other = "ana@example.org", "vera@example.org"
        assert rows == [
            (name, "password", "sign in", "done", "", "", ""),
            (other, "password", "sign in", "done", "", "", ""),
            (name, "password", "own", "done", "", "acme-1", "Acme"),
            (other, "password", "own", "refused", "forbidden", "acme-1", "Acme"),
            (name, "password", "unsilence", "done", "", "", "Zeta"),
            (name, "password", "own", "done", "", "", ""),
            ("token bot", "token", "own", "done", "", "zeta-1", "Zeta"),
            (name, "password", "sign out", "done", "", "", ""),
        ]
        assert console.trail()[2].act.as_responder == "ana"
        assert console.entrance.audit.verify().ok
        await ana.aclose()
        await vera.aclose()
    body = b"".join(path.read_bytes() for path in tmp_path.glob("audit*"))
    assert [word for word in (b"somebody typed", b"made-up", PASSWORD.encode(), secret.encode()) if word in body] == []


def test_the_command_shows_and_verifies_the_trail(tmp_path: Path) -> None:
    """For people, for scripts, and with the status that a script asks for."""
    config = tmp_path / "tocsin.yaml"
    config.write_text("data: data\nbrands:\n  - {name: Acme, query: acme}\n")
    written(tmp_path / "data")
    shown = tocsin("console", "audit", "--config", config, "--last", "2").out
    assert [line.split()[0] for line in shown.splitlines()] == ["4", "5"]
    assert "ana5 (password)  acknowledge" in shown
    lines = tocsin("console", "audit", "--config", config, "--json").out.splitlines()
    assert [json.loads(line)["who"] for line in lines] == [f"ana{number}" for number in range(1, 6)]
    assert tocsin("console", "audit", "--config", config, "--verify").status == 0
    tampered(tmp_path / "data", "DELETE FROM acts WHERE seq = 2")
    verdict = tocsin("console", "audit", "--config", config, "--verify", "--json")
    assert verdict.status == 1
    assert json.loads(verdict.out)["difference"] == "row 2 is missing: row 3 follows row 1"
