"""Exports of people's tools: what is found out about a file, what is taken of it, and what becomes of it."""

import asyncio
import contextlib
import gzip
import json
import os
import random
import tracemalloc
from pathlib import Path

import pytest
import structlog

from stream.sources import file_drop
from stream.sources.column_map import ColumnMap, propose, resolved, written
from stream.sources.contract import Surroundings, Trouble
from stream.sources.file_drop import FileDrop, FileDropOptions
from stream.sources.file_preview import preview
from stream.sources.file_rows import lines_of, look_at
from stream.sources.shapes import Rule, Shape, rule
from stream.sources.tables import BadFile, form_of
from stream.sources.values import Dates
from tests.command import tocsin
from tests.fakes.sources.files import COLUMNS, ZONE
from tests.sources.laws import Tracked
from tests.sources.test_talkwalker import Spent
from tests.sources.virtual import now_ms, run

NOW_MS = 1_772_546_700_000
"""3 March 2026, 15:05 in Amsterdam."""
HEAD = "Bericht ID;Datum;Tijd;Auteur;Bericht\r\n"
NO_ID = ColumnMap(COLUMNS.shape._replace(fields={k: v for k, v in COLUMNS.shape.fields.items() if k != "id"}))


def read(path, columns=COLUMNS):
    lines = list(lines_of(path, look_at(path, columns, ZONE), NOW_MS))
    return [json.loads(line.row) for line in lines if line.row], [line for line in lines if line.row is None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1252", "utf-16"])
@pytest.mark.parametrize("sign", [";", ",", "\t"])
def test_encoding_and_delimiter_are_found_out(tmp_path, encoding, sign):
    """A line break, the delimiter and quotation marks inside a text are part of it."""
    path = tmp_path / "export.csv"
    text = f'Anné: "€5\nkwijt{sign} \'t is wat"'
    quoted = '"' + text.replace('"', '""') + '"'
    body = HEAD.replace(";", sign) + sign.join(["7", "3 mrt. 2026", "14:55", "Zoë", quoted]) + "\r\n"
    path.write_bytes(body.encode(encoding))
    form = form_of(path)
    assert (form.encoding, form.delimiter) == (encoding, sign)
    rows, bad = read(path)
    assert not bad
    assert rows == [{"id": "7", "created_at": "2026-03-03T13:55:00.000Z", "author": "Zoë", "text": text}]


def test_each_bad_row_has_its_line_and_costs_itself_alone(tmp_path):
    """Lines are those an editor shows, also behind texts of several lines; empty lines are nobody's."""
    path = tmp_path / "export.csv"
    body = (
        HEAD
        + '1;3-3-2026;14:00;a;"twee\nregels"\n'
        + "\n;;;;\n"
        + "2;3-3-2026;14:00;a;te;veel\n"
        + "3;3-3-2026\n"
        + "4;31-2-2026;14:00;a;geen dag\n"
        + "5;3-3-2026;14:00;a;\n"
        + "6;3-3-2026;14:01;a;goed;;;\n"
    )
    path.write_bytes(body.encode())
    rows, bad = read(path)
    assert [row["id"] for row in rows] == ["1", "6"]
    assert [(line.number, line.reason) for line in bad] == [
        (6, "too_many_fields"),
        (7, "too_few_fields"),
        (8, "bad_time"),
        (9, "no_text"),
    ]
    assert "line 6 has 6 fields, the first line has 5" in bad[0].detail
    path.write_bytes((HEAD + '1;3-3-2026;14:00;a;goed\n2;3-3-2026;14:00;a;"open\n3;3-3-2026;14:00;"a";b\n').encode())
    rows, bad = read(path)
    assert [row["id"] for row in rows] == ["1"]
    assert "lines 3 to 4, one row by their quotation marks, have" in bad[0].detail


def test_a_row_without_an_id_has_the_same_one_in_every_export(tmp_path):
    """It follows from who said what when, and not from counts, which grow."""
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    head, row = "Datum;Tijd;Auteur;Bericht;Likes\n", "3-3-2026;14:00;anna;Stuk!;"
    first.write_text(head + row + "1\n" + row.replace("anna", "bo") + "1\n")
    second.write_text(head + row + "900\n")
    ids = [row["id"] for row in read(first, NO_ID)[0]]
    assert len(set(ids)) == 2
    assert [row["id"] for row in read(second, NO_ID)[0]] == ids[:1]


def test_two_columns_of_one_name_are_told_apart_and_a_map_need_not_mind_capitals(tmp_path):
    """The second is `Datum (2)`; one without a name is `column 4`; what is not there is said."""
    path = tmp_path / "export.csv"
    path.write_text("Datum;Bericht;Datum;;Auteur;;\n1-1-2026;Hoi;3-3-2026 14:00;x;anna;;\n")
    form = form_of(path)
    assert form.columns == ("Datum", "Bericht", "Datum (2)", "column 4", "Auteur")
    fields = {"created_at": rule("datum (2)"), "text": rule("BERICHT"), "url": rule("Linkje"), "author": rule("auteur")}
    shape, absent = resolved(ColumnMap(Shape(fields, dates=Dates(ZONE))), form)
    assert absent == ['url: there is no column "Linkje"; there are: Datum, Bericht, Datum (2), column 4, Auteur']
    assert shape.fields["text"] == Rule(("Bericht",))
    with pytest.raises(BadFile, match='text: there is no column "Berichtje"; is it "Bericht"'):
        resolved(ColumnMap(Shape({"created_at": rule("Datum"), "text": rule("Berichtje")})), form)


@pytest.mark.parametrize(
    ("body", "reason", "said"),
    [
        (b"", "empty", "nothing"),
        (b" \n\n", "empty", "nothing"),
        (b"PK\x03\x04 and so on", "not_text", "Excel workbook"),
        (b"\x00\x01\x02" * 500, "not_text", "no text"),
        (b"<!DOCTYPE html><html>", "not_text", "web page"),
        (b"[1, 2", "not_json", "no list"),
        (b"Naam;Leeftijd\nan;3\n", "no_column", "created_at"),
        (gzip.compress(b"{}" * 9000, mtime=0)[:30], "cannot_be_read", "read"),
    ],
)
def test_a_file_that_cannot_be_taken_says_what_would_help(tmp_path, body, reason, said):
    """With a reason of the closed list."""
    path = tmp_path / "odd.csv"
    path.write_bytes(body)
    with pytest.raises(BadFile, match=said) as bad:
        read(path)
    assert bad.value.reason == reason


def test_columns_without_a_map_are_not_guessed_but_proposed(tmp_path):
    """The reason holds a map to look at; nothing is taken."""
    path = tmp_path / "coosto.csv"
    path.write_text("Datum;Tijd;Bron;Auteur;Titel;Bericht;Url;Sentiment;Volgers\n3-3-2026;14:00;X;an;T;B;u;neg;1.204\n")
    with pytest.raises(BadFile, match="perhaps") as bad:
        look_at(path, None, ZONE)
    assert bad.value.reason == "no_map"
    form = form_of(path)
    proposal = propose(form, [], ZONE)
    assert (proposal.tool, proposal.missing) == ("Coosto", ())
    assert written(proposal.columns)["fields"] == {
        "created_at": {"join": ["Datum", "Tijd"], "with": " "},
        "author": "Auteur",
        "author_followers": "Volgers",
        "url": "Url",
        "text": ["Titel", "Bericht"],
    }
    rows, _ = read(path, proposal.columns)
    assert rows[0]["author_followers"] == 1204
    assert rows[0]["text"] == "T\n\nB"
    american = propose(form, [{"Datum": "03/14/2026", "Tijd": "2:05 PM"}], ZONE)
    assert american.columns.shape.dates.month_first


def test_rows_in_the_interchange_form_come_as_they_are_and_old_ones_as_a_back_fill(tmp_path):
    """JSON lines, gzipped or not, and a list in JSON."""
    rows = [
        {"id": "1", "created_at": "2026-03-03T14:00:00Z", "text": "now"},
        {"id": "2", "created_at": "2026-03-03T09:00:00Z", "text": "this morning", "author": "an"},
    ]
    lines = b"\n\n".join(json.dumps(row).encode() for row in rows) + b"\nnonsense\n7\n"
    for name, body in (("a.jsonl", lines), ("b.jsonl.gz", gzip.compress(lines)), ("c.json", json.dumps(rows).encode())):
        path = tmp_path / name
        path.write_bytes(body)
        found, bad = read(path, None)
        assert found == [rows[0], rows[1] | {"live": False}]
        assert [line.reason for line in bad] == ([] if name == "c.json" else ["not_json", "not_an_object"])


# ---- the directory


class Night:
    """A directory and a source over it, in virtual time."""

    def __init__(self, directory, columns=COLUMNS, **options):
        self.directory = directory
        around = Surroundings(now_ms, Spent(), Tracked())
        self.source = FileDrop("drop", FileDropOptions(str(directory), columns, ZONE, **options), around=around)

    async def brought(self, place=None, seconds=60.0, stop_after=None):
        batches = []

        async def bring():
            async for batch in self.source.batches(place):
                batches.append(batch)
                if stop_after is not None and sum(len(one.rows) for one in batches) >= stop_after:
                    return

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bring(), seconds)
        return batches

    def report(self, shelf, name):
        return json.loads((self.directory / shelf / f"{name}.report.json").read_text())


def many(count, first=0):
    return HEAD + "".join(f"{n};5-1-2026;15:50;an;bericht {n}\n" for n in range(first, first + count))


def ids(batches):
    return [json.loads(row)["id"] for batch in batches for row in batch.rows]


def last_place(batches):
    return next(batch.place for batch in reversed(batches) if batch.place)


def test_a_file_is_taken_once_it_stops_growing_and_moved_with_a_report(tmp_path):
    """Hidden ones and unfinished names are left alone, and so are links."""

    async def story():
        night = Night(tmp_path, steady_s=10.0)
        (tmp_path / ".hidden.csv").write_text(many(1))
        (tmp_path / "later.csv.part").write_text(many(1))
        (tmp_path / "link.csv").symlink_to(tmp_path / ".hidden.csv")
        (tmp_path / "growing.csv").write_text(many(3))
        task = asyncio.create_task(night.brought(seconds=60))
        for count in (4, 5, 6):
            await asyncio.sleep(8)
            (tmp_path / "growing.csv").write_text(many(count))
        assert not (tmp_path / "done").exists()
        batches = await task
        assert ids(batches) == [str(n) for n in range(6)]
        assert sorted(one.name for one in tmp_path.iterdir()) == [".hidden.csv", "done", "later.csv.part", "link.csv"]
        report = night.report("done", "growing.csv")
        assert (report["result"], report["rows_taken"], report["rows_bad"]) == ("taken", 6, 0)
        assert (report["encoding"], report["delimiter"]) == ("utf-8", ";")
        assert "bericht 3" not in json.dumps(report)
        assert (tmp_path / "done").stat().st_mode & 0o77 == 0

    run(story())


@pytest.mark.parametrize("killed_after", [100, 101, 250, 299])
def test_a_process_that_ends_goes_on_at_the_next_row(tmp_path, killed_after):
    """Whatever was kept is not asked again, what was not is; and the report is of the whole file."""

    async def story():
        (tmp_path / "big.csv").write_text(many(300).replace("bericht 7\n", "\n"))
        first = await Night(tmp_path, rows=50).brought(stop_after=killed_after)
        assert (tmp_path / "big.csv").exists()
        night = Night(tmp_path, rows=50)
        second = await night.brought(last_place(first))
        assert ids(first) + ids(second) == [str(n) for n in range(300) if n != 7]
        report = night.report("done", "big.csv")
        assert (report["rows_taken"], report["rows_bad"]) == (299, 1)
        assert report["errors"] == [{"line": 9, "reason": "no_text", "detail": "it has no text: nothing at Bericht"}]

    run(story())


def test_a_file_that_changed_since_is_begun_anew_and_one_of_the_same_name_is_kept_beside(tmp_path):
    """Its ids make repeats of what was taken; nothing in `done/` is overwritten."""

    async def story():
        (tmp_path / "e.csv").write_text(many(100))
        first = await Night(tmp_path, rows=50).brought(stop_after=50)
        (tmp_path / "e.csv").write_text(many(120))
        second = await Night(tmp_path).brought(last_place(first))
        assert len(ids(second)) == 120
        (tmp_path / "e.csv").write_text(many(5, first=500))
        third = await Night(tmp_path).brought(last_place(second))
        assert len(ids(third)) == 5
        names = {one.name for one in (tmp_path / "done").iterdir()}
        assert names == {"e.csv", "e.csv.report.json", "e (2).csv", "e (2).csv.report.json"}

    run(story())


def test_a_file_that_cannot_be_taken_goes_to_bad_and_the_rest_goes_on(tmp_path):
    """Counted once, with its report; an export without rows is no error."""

    async def story():
        (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04...")
        (tmp_path / "b.csv").write_text(HEAD)
        (tmp_path / "c.csv").write_text(many(2).replace("2026", "nooit"))
        (tmp_path / "d.csv").write_text(many(1))
        (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n' * 5000)[:60])
        night = Night(tmp_path)
        batches = await night.brought()
        assert ids(batches) == ["0"]
        assert sorted(one.name for one in (tmp_path / "bad").glob("*[!n]")) == ["a.xlsx", "c.csv", "e.jsonl.gz"]
        assert sorted(one.name for one in (tmp_path / "done").glob("*.csv")) == ["b.csv", "d.csv"]
        assert night.report("bad", "c.csv")["result"] == "nothing_readable"
        assert night.report("bad", "a.xlsx")["why"].startswith("it is an Excel workbook")
        reasons = [bad.reason for batch in batches for bad in batch.bad]
        assert {"not_text", "bad_time", "nothing_readable", "cannot_be_read"} <= set(reasons)

    run(story())


def damaged(body, at):
    """Gzip with bytes in its middle that no longer unpack."""
    whole = bytearray(gzip.compress(body))
    whole[at : at + 8] = b"\xff" * 8
    return bytes(whole)


def noise(count):
    """An export that does not pack well, so that damage far into it leaves rows before it."""
    numbers = random.Random(7)
    return (HEAD + "".join(f"{n};5-1-2026;15:50;an;{numbers.random()}\n" for n in range(count))).encode()


def test_damaged_gzip_is_set_aside_with_its_report_and_the_next_file_is_taken(tmp_path):
    """Wherever the damage is, and whatever the file holds; what was read before it is kept."""

    async def story():
        list_of_rows = json.dumps([{"id": str(n), "text": str(n)} for n in range(20_000)]).encode()
        (tmp_path / "a.csv.gz").write_bytes(damaged(noise(10), 12))
        (tmp_path / "b.csv.gz").write_bytes(damaged(noise(20_000), 150_000))
        (tmp_path / "c.json.gz").write_bytes(damaged(list_of_rows, 20_000))
        (tmp_path / "d.jsonl.gz").write_bytes(damaged(list_of_rows[1:-1].replace(b"}, ", b"}\n"), 20_000))
        (tmp_path / "e.csv.gz").write_bytes(gzip.compress(noise(9))[:-6])
        (tmp_path / "z.csv").write_text(many(1, first=99_999))
        night = Night(tmp_path)
        assert ids(await night.brought())[-1] == "99999"
        for name in ("a.csv.gz", "b.csv.gz", "c.json.gz", "d.jsonl.gz", "e.csv.gz"):
            report = night.report("bad", name)
            assert report["result"] == "cannot_be_read"
            assert "gzip that is cut short or damaged" in report["why"]
            assert (tmp_path / "bad" / name).exists()

    run(story())


def test_a_preview_of_damaged_gzip_says_so(tmp_path):
    """In one line, with exit status 2."""
    path = tmp_path / "corrupt.csv.gz"
    path.write_bytes(damaged(noise(10), 12))
    ran = tocsin("sources", "preview", path)
    assert (ran.status, len(ran.lines)) == (2, 1)
    assert "gzip that is cut short or damaged" in ran.err


@pytest.mark.parametrize("skip_lines", [None, 1])
def test_an_encoding_that_a_map_names_wrongly_is_said_of_the_file(tmp_path, skip_lines):
    """UTF-16 without its mark cannot be read; the next file is."""

    async def story():
        columns = COLUMNS._replace(encoding="utf-16", skip_lines=skip_lines)
        (tmp_path / "a.csv").write_text(many(3))
        (tmp_path / "b.csv").write_bytes(("\n" * (skip_lines or 0) + many(1)).encode("utf-16"))
        with pytest.raises(BadFile, match="not in the encoding that the map names"):
            preview(tmp_path / "a.csv", columns, zone=ZONE, now_ms=NOW_MS)
        night = Night(tmp_path, columns)
        assert ids(await night.brought()) == ["0"]
        assert night.report("bad", "a.csv")["result"] == "cannot_be_read"

    run(story())


def test_a_file_of_any_name_is_taken_and_moved(tmp_path):
    """One that is no UTF-8 and one that is as long as a name can be are kept under a name that can be written."""

    async def story():
        odd, long = os.fsdecode(b"kl\xe9.csv"), "n" * 251 + ".csv"
        (tmp_path / odd).write_text(many(1))
        (tmp_path / long).write_text(many(1, first=1))
        (tmp_path / ("é" * 125 + ".csv")).write_bytes(b"PK\x03\x04")
        (tmp_path / "z.csv").write_text(many(1, first=2))
        night = Night(tmp_path)
        assert sorted(ids(await night.brought())) == ["0", "1", "2"]
        assert night.report("done", "kl_.csv")["file"] == "kl\\xe9.csv"
        moved = {one.name for one in (tmp_path / "done").iterdir()}
        assert len(moved) == 6
        assert all(len(name.encode()) < 140 for name in moved)
        assert len(list((tmp_path / "bad").iterdir())) == 2
        assert [one.name for one in tmp_path.iterdir() if one.is_file()] == []

    run(story())


def test_whatever_goes_wrong_with_one_file_the_next_is_taken(tmp_path, monkeypatch):
    """A fault of the reading sets a file aside; one that cannot be moved is left and not taken again and again."""

    async def story():
        (tmp_path / "a.csv").write_text(many(1))
        (tmp_path / "b.csv").write_text(many(1, first=1))
        (tmp_path / "c.csv").write_text(many(1, first=2))
        replace, look = Path.replace, file_drop.look_at

        def moved(path, target):
            if path.name == "b.csv":
                raise PermissionError(path)
            return replace(path, target)

        def looked(path, *of_it):
            if path.name == "a.csv":
                raise RuntimeError("quotes a post")
            return look(path, *of_it)

        monkeypatch.setattr(Path, "replace", moved)
        monkeypatch.setattr(file_drop, "look_at", looked)
        night = Night(tmp_path)
        with structlog.testing.capture_logs() as said:
            assert ids(await night.brought(seconds=300)) == ["1", "2"]
        assert [(one["event"], one["file"]) for one in said] == [
            ("a file is set aside", "a.csv"),
            ("a file stays where it is", "b.csv"),
        ]
        assert "quotes" not in json.dumps(said) + json.dumps(night.report("bad", "a.csv"))
        assert sorted(one.name for one in (tmp_path / "done").glob("*.csv")) == ["c.csv"]

    run(story())


@pytest.mark.parametrize("seen_at", [30, 40, 100])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_file_that_grows_on_while_it_is_read_is_read_on_before_it_is_moved(tmp_path, seen_at, is_new):
    """No row is lost or taken twice, were it half written; one that was written anew meanwhile is taken as a whole."""

    async def story():
        path, whole = tmp_path / "e.csv", many(100)
        half = whole[: whole.index("bericht 49") + 4] if seen_at < 100 else whole
        path.write_text(half)
        night = Night(tmp_path, rows=10)
        batches, shelf = [], tmp_path / "done"

        async def bring():
            async for batch in night.source.batches(None):
                batches.append(batch)
                if len(ids(batches)) == seen_at and batch.rows:
                    path.write_text(many(100, first=500) if is_new else whole + many(5, first=100)[len(HEAD) :])
                    assert not shelf.exists()

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bring(), 120)
        texts = [json.loads(row)["text"] for batch in batches for row in batch.rows]
        if is_new:
            assert set(texts) >= {f"bericht {n}" for n in range(500, 600)}
        else:
            assert texts == [f"bericht {n}" for n in range(105)]
        report = night.report("done", "e.csv")
        assert report["rows_taken"] == (100 if is_new else 105)
        assert not (tmp_path / "bad").exists()

    run(story())


def test_a_line_of_many_megabytes_is_one_bad_row_and_is_never_held_as_a_whole(tmp_path):
    """Packed it is a few bytes; the rows before and behind it are taken."""
    path = tmp_path / "e.csv.gz"
    path.write_bytes(gzip.compress((many(1) + "x" * (24 << 20) + "\n" + many(1, first=1)[len(HEAD) :]).encode(), 1))
    tracemalloc.start()
    try:
        rows, bad = read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [row["id"] for row in rows] == ["0", "1"]
    assert [(line.number, line.reason) for line in bad] == [(3, "bad_csv")]
    assert peak < 16 << 20


def test_what_lies_in_done_is_not_kept_for_ever(tmp_path):
    """It holds what people wrote."""

    async def story():
        (tmp_path / "a.csv").write_text(many(1))
        await Night(tmp_path, every_s=900.0).brought(seconds=2 * 86_400)
        assert (tmp_path / "done" / "a.csv").exists()
        await Night(tmp_path, every_s=900.0).brought(seconds=6 * 86_400)
        assert list((tmp_path / "done").iterdir()) == []

    run(story())


def test_a_directory_that_is_not_there_is_a_trouble(tmp_path):
    """And the check says whether files could be moved."""

    async def story():
        gone = Night(tmp_path / "gone").source
        with pytest.raises(Trouble, match="its directory cannot be read"):
            await anext(gone.batches(None))
        (tmp_path / "a.csv").write_text(many(1))
        sample = await Night(tmp_path).source.check()
        assert json.loads(sample.row)["id"] == "0"
        assert sample.complete

    run(story())
