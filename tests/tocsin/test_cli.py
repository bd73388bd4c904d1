"""The command line as people and scripts meet it: what each command answers to good and to bad calls."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.codec import parse_rfc3339
from tests.command import COMMAND, Ran, ended, process, tocsin
from tests.mentions import seeded
from tocsin import __version__
from tocsin.synthetic import Row, crisis, merged, quiet

ROOT = Path(__file__).parents[2]
CHART = ROOT / "crisis_flowchart.yaml"
BRAND = "Zonnevlam"
HOURS = 9
COMMANDS = (
    "demo",
    "run",
    "check",
    "replay",
    "detect",
    "sentiment",
    "verify",
    "flowchart check",
    "flowchart show",
)


def lines(rows: list[Row]) -> str:
    """Rows as a file of mentions holds them."""
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """A made-up brand's quiet day and a half, and the crisis that ends it."""
    seed = seeded(11).randint(0, 999)
    start_ms = parse_rfc3339("2026-03-02T00:00:00Z")
    calm = quiet(seed, brand=BRAND, start_ms=start_ms, hours=HOURS, per_hour=120, rhythm=False)
    storm = crisis(seed, brand=BRAND, start_ms=start_ms + (HOURS - 1) * 3_600_000, posts=500)
    return list(merged(calm, storm))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> tuple[Path, Ran]:
    """One replay with everything that it can write; the directory holds `m.jsonl`, `d.jsonl` and `j.db`."""
    home = tmp_path_factory.mktemp("replayed")
    (home / "m.jsonl").write_text(lines(rows), encoding="utf-8")
    ran = tocsin(
        "replay", home / "m.jsonl", "--brand", BRAND, "--decisions", home / "d.jsonl", "--journal", home / "j.db"
    )
    return home, ran


# ---- help


def test_the_module_is_the_command() -> None:
    """For machines on which the environment's commands are not on the path."""
    done = subprocess.run([sys.executable, "-m", "tocsin", "--version"], capture_output=True, timeout=60, check=False)
    assert (done.returncode, __version__ in done.stdout.decode()) == (0, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    """`--help` shows a call that somebody could type."""
    ran = tocsin(*command.split(), "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"tocsin {command}" in ran.out.split("Example", 1)[1]


def test_the_version_is_told() -> None:
    """By the installed command itself."""
    assert COMMAND.exists()
    assert ended(process(["--version"], stdin=b"")) == Ran(0, f"tocsin {__version__}\n", "")


# ---- a call that cannot be meant


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with one good and some bad files, and the one in which the command runs."""
    good = {"id": "1", "created_at": "2026-03-02T00:00:00Z", "text": "acme is down"}
    (tmp_path / "m.jsonl").write_text(json.dumps(good) + "\n", encoding="utf-8")
    (tmp_path / "zip.jsonl").write_bytes(b"PK\x03\x04 and so on")
    (tmp_path / "cut.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00 and so on")
    (tmp_path / "text.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "there").mkdir()
    (tmp_path / "query.yaml").write_text("brands: [{name: A, query: (}]\n", encoding="utf-8")
    (tmp_path / "other.db").write_bytes(b"")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE other (n)")
    monkeypatch.chdir(tmp_path)
    return tmp_path


BRANDED = ("replay", "m.jsonl", "--brand", "a")
BAD_CALLS: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("bogus",), 2, "No such command"),
    (("replay",), 2, "no FILE"),
    (("replay", "m.jsonl"), 2, "no brand: say --brand NAME"),
    (("replay", "m.jsonl", "--brand", ""), 2, "--brand '': expected NAME"),
    (("replay", "m.jsonl", "--brand", "a="), 2, "--brand 'a=': expected NAME"),
    (("replay", "m.jsonl", "--brand", "!!"), 2, "a letter or digit"),
    (("replay", "m.jsonl", "--brand", "\udcff"), 2, "a letter or digit"),
    (("replay", "m.jsonl", "--brand", "a=\udcff"), 2, "is not UTF-8"),
    (("replay", "m.jsonl", "--brand", "a=(b"), 2, "this parenthesis is never closed"),
    ((*BRANDED, "--brand", "A!"), 2, "the same brand twice: a, A!"),
    ((*BRANDED, "--language", "dutch"), 2, "--language 'dutch': expected two small letters"),
    ((*BRANDED, "--since", "monday"), 2, "--since 'monday': not an RFC 3339 time"),
    ((*BRANDED, "--until", "2026-02-31"), 2, "--until '2026-02-31': day"),
    ((*BRANDED, "--since", "2026-03-02", "--until", "2026-03-02"), 2, "nothing lies between"),
    ((*BRANDED, "--config", "gone.yaml"), 2, "gone.yaml: cannot be read (no such file or directory)"),
    ((*BRANDED, "--config", "query.yaml"), 2, "query.yaml:1:"),
    ((*BRANDED, "--flowchart", "gone.yaml"), 2, "gone.yaml: no such file or directory"),
    ((*BRANDED, "--flowchart", "there"), 2, "there: is a directory"),
    ((*BRANDED, "--flowchart", "text.txt"), 2, 'the file is "hello"'),
    ((*BRANDED, "--decisions", "there"), 2, "there: is a directory"),
    ((*BRANDED, "--decisions", "gone/d.jsonl"), 2, "gone/d.jsonl: no such file or directory"),
    ((*BRANDED, "--decisions", "m.jsonl"), 2, "m.jsonl: is read and would be written"),
    ((*BRANDED, "--decisions", "there/../m.jsonl"), 2, "is read and would be written"),
    ((*BRANDED, "--journal", "m.jsonl"), 2, "m.jsonl: is there already"),
    ((*BRANDED, "--journal", "new.db", "--decisions", "new.db"), 2, "new.db: cannot hold both"),
    (("replay", "gone.jsonl", "--brand", "a"), 2, "gone.jsonl: no such file"),
    (("replay", "\udcfe.jsonl", "--brand", "a"), 2, "no such file"),
    (("replay", "m.jsonl", "there", "--brand", "a"), 2, "there: a directory: name the files in it"),
    (("replay", "zip.jsonl", "--brand", "a"), 2, "zip.jsonl: a zip archive"),
    (("replay", "cut.jsonl.gz", "--brand", "a"), 2, "cut.jsonl.gz: broken gzip"),
    (("verify",), 2, "Missing argument"),
    (("verify", "gone.db"), 2, "gone.db: there is no such journal"),
    (("verify", "there"), 2, "there: there is no such journal"),
    (("verify", "text.txt"), 2, "text.txt: is not a journal"),
    (("verify", "other.db"), 2, "other.db: is not a journal"),
    (("check",), 2, "tocsin.yaml: there is no such configuration"),
    (("run",), 2, "tocsin.yaml: there is no such configuration"),
    (("run", "--config", "there"), 2, "there: there is no such configuration"),
    (("run", "--config", "query.yaml"), 2, "query.yaml:1:"),
    (("check", "--config", "query.yaml"), 1, "query.yaml:1:"),
    (("flowchart", "check", "gone.yaml"), 1, "gone.yaml: no such file or directory"),
    (("flowchart", "check", "there"), 1, "there: is a directory"),
    (("flowchart", "check", "text.txt"), 1, 'text.txt:1:1: the file is "hello"'),
    (("flowchart", "check", "cut.jsonl.gz"), 1, "cut.jsonl.gz:1:"),
    (("flowchart", "show", "gone.yaml"), 2, "gone.yaml: no such file or directory"),
    (("flowchart", "show", str(CHART), "--svg", "gone/chart.svg"), 2, "gone/chart.svg: no such file or directory"),
    (("detect", "--interval"), 2, "requires an argument"),
)


@pytest.mark.parametrize(("call", "status", "word"), BAD_CALLS, ids=[" ".join(c[0])[-60:] for c in BAD_CALLS])
def test_a_mistake_is_told_in_plain_words(home: Path, call: tuple[str, ...], status: int, word: str) -> None:
    """What is wrong stands on standard error; no traceback, nothing on standard output, and the files are as before."""
    before = {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}
    ran = tocsin(*call)
    assert ran.status == status
    assert word in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    usage = "Error ─" in ran.err
    caret = "never closed" in ran.err and "replay" in call and "--config" not in call
    assert usage or len(ran.lines) == (3 if caret else 1), ran.err
    assert {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()} == before


def test_a_mistake_looks_the_same_from_outside(home: Path) -> None:
    """The installed command, in its own process: the line, the status, no traceback."""
    ran = ended(process(["replay", home / "zip.jsonl", "--brand", "a"], stdin=b""))
    assert (ran.status, ran.out) == (2, "")
    assert ran.lines == [f"{home}/zip.jsonl: a zip archive: JSON lines in UTF-8 are read, plain or gzipped"]


# ---- replay


def test_a_replay_ends_with_a_table_and_the_counts(replayed: tuple[Path, Ran], rows: list[Row]) -> None:
    """Who was paged for what, what became of the mentions, how fast it went, and where the files are."""
    home, ran = replayed
    assert ran.status == 0
    assert "Incidents" in ran.out
    assert "service_outage" in ran.out
    assert f"{len(rows)} read, 0 repeated, {len(rows)} matched" in ran.out
    assert "0 dead-lettered" in ran.out
    assert "mentions/s" in ran.out
    assert f"decisions: {home}/d.jsonl" in ran.out
    assert f"journal: {home}/j.db" in ran.out
    assert "replaying" in ran.err


def test_each_decision_is_one_line_of_the_promised_shape(replayed: tuple[Path, Ran]) -> None:
    """`at` with Z and in order, and every field that scripts read."""
    home, _ = replayed
    decided = [json.loads(line) for line in (home / "d.jsonl").read_text("utf-8").splitlines()]
    assert decided
    assert all(
        {"at", "brand", "kind", "incident", "scenario", "severity", "reason", "targets", "signals"} <= d.keys()
        for d in decided
    )
    assert all(d["at"].endswith("Z") for d in decided)
    times = [parse_rfc3339(d["at"]) for d in decided]
    assert times == sorted(times)
    assert "Page" in {d["kind"] for d in decided}


def test_with_json_nothing_but_json_stands_on_standard_output(replayed: tuple[Path, Ran], rows: list[Row]) -> None:
    """The table and the bar go to standard error."""
    home, _ = replayed
    ran = tocsin("replay", home / "m.jsonl", "--brand", BRAND, "--json")
    result = json.loads(ran.out)
    assert result["mentions"]["read"] == len(rows)
    assert result["incidents"][0]["brand"] == BRAND
    assert "Incidents" in ran.err
    assert ran.status == 0


def test_files_cut_any_way_give_the_same_decisions(replayed: tuple[Path, Ran], rows: list[Row]) -> None:
    """Several files, out of order on the command line and overlapping: merged by time, a repeated id counts once."""
    home, _ = replayed
    dice = seeded(12)
    parts: list[list[Row]] = [[], [], []]
    for row in rows:
        parts[dice.randrange(3)].append(row)
    parts[1] = sorted(parts[1] + parts[0][:50], key=lambda row: str(row["created_at"]))
    for number, part in enumerate(parts):
        (home / f"part{number}.jsonl").write_text(lines(part), encoding="utf-8")
    names = [home / f"part{n}.jsonl" for n in (2, 0, 1)]
    ran = tocsin("replay", *names, "--brand", BRAND, "--decisions", home / "parts.jsonl", "--json")
    mentions = json.loads(ran.out)["mentions"]
    assert (mentions["read"], mentions["repeated"], mentions["matched"]) == (len(rows) + 50, 50, len(rows))
    assert (home / "parts.jsonl").read_bytes() == (home / "d.jsonl").read_bytes()


def test_a_brand_without_a_query_takes_every_row(replayed: tuple[Path, Ran], rows: list[Row]) -> None:
    """With one, only what the query hits; two brands count apart."""
    home, _ = replayed
    ran = tocsin("replay", home / "m.jsonl", "--brand", "Everything", "--brand", "None=xyzzy", "--json")
    assert json.loads(ran.out)["mentions"]["matched"] == len(rows)
    ran = tocsin("replay", home / "m.jsonl", "--brand", "None=xyzzy OR plugh", "--json")
    assert (json.loads(ran.out)["mentions"]["matched"], ran.status) == (0, 0)
    assert "No incident." in ran.err


def test_a_span_is_a_half_open_stretch_of_time(replayed: tuple[Path, Ran], rows: list[Row]) -> None:
    """From `--since` on, before `--until`; a day may stand for its midnight."""
    home, _ = replayed
    ran = tocsin(
        "replay",
        home / "m.jsonl",
        "--brand",
        BRAND,
        "--since",
        "2026-03-02T06:00:00Z",
        "--until",
        "2026-03-03",
        "--json",
    )
    span = [r for r in rows if "2026-03-02T06" <= str(r["created_at"]) < "2026-03-03"]
    assert 0 < len(span) < len(rows)
    assert json.loads(ran.out)["mentions"]["read"] == len(span)


def test_bad_lines_are_counted_by_reason_beside_the_good(replayed: tuple[Path, Ran], rows: list[Row]) -> None:
    """The status is 0, and the same decisions come out."""
    home, _ = replayed
    bad = ["{", "[]", '{"id": 1}']
    text = lines(rows).splitlines()
    text[10:10], text[500:500] = bad, bad
    (home / "bad.jsonl").write_text("\n".join(text), encoding="utf-8")
    ran = tocsin("replay", home / "bad.jsonl", "--brand", BRAND, "--decisions", home / "bad_d.jsonl")
    assert ran.status == 0
    assert "6 dead-lettered" in ran.out
    for reason in ("not_json", "not_an_object", "missing_field"):
        assert f"dead letters: 2 {reason}" in ran.out
    assert (home / "bad_d.jsonl").read_bytes() == (home / "d.jsonl").read_bytes()


# ---- verify


def test_a_journal_of_a_replay_verifies(replayed: tuple[Path, Ran]) -> None:
    """And says how much was compared."""
    home, _ = replayed
    ran = tocsin("verify", home / "j.db")
    assert (ran.status, ran.err) == (0, "")
    assert "the chains agree" in ran.out
    decided = len((home / "d.jsonl").read_text("utf-8").splitlines())
    assert f"replay to the same {decided} decisions" in ran.out


DAMAGES: dict[str, tuple[str, str]] = {
    "a decision was changed": (
        "UPDATE decisions SET body = CAST(replace(CAST(body AS TEXT), 'new', 'old') AS BLOB)",
        "",
    ),
    "a decision was removed": ("DELETE FROM decisions WHERE n = 2", ""),
    "an entry was removed": ("DELETE FROM entries WHERE seq = 10", "the chain breaks at entry 10"),
    "an entry was changed": (
        "UPDATE entries SET body = CAST('{}' AS BLOB) WHERE seq = 9",
        "the chain breaks at entry 9",
    ),
    "a configuration was changed": ("UPDATE contents SET body = CAST('x' AS BLOB)", "was changed"),
    "the configurations are gone": ("DELETE FROM contents", "does not hold"),
    "a chain was changed": ("UPDATE decisions SET chain = 'abc'", "the decision chain"),
    "a snapshot was changed": ("UPDATE snapshots SET body = CAST('x' AS BLOB)", "snapshot"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_journal_that_differs_fails_with_the_first_difference(
    replayed: tuple[Path, Ran], tmp_path: Path, damage: str
) -> None:
    """Exit status 1 and one line that names it."""
    statement, word = DAMAGES[damage]
    path = tmp_path / "j.db"
    shutil.copy(replayed[0] / "j.db", path)
    with sqlite3.connect(path) as db:
        assert db.execute(statement).rowcount > 0
    db.close()
    ran = tocsin("verify", path)
    assert (ran.status, ran.out) == (1, "")
    (said,) = ran.lines
    assert said.startswith(f"{path}: ")
    assert said.count(str(path)) == 1
    assert word in said


def test_a_verdict_can_be_read_by_a_script(replayed: tuple[Path, Ran], tmp_path: Path) -> None:
    """`--json`: whether all agrees, and the first difference in words; the status is the same."""
    path = tmp_path / "j.db"
    shutil.copy(replayed[0] / "j.db", path)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM entries WHERE seq = 10")
    db.close()
    ran = tocsin("verify", path, "--json")
    verdict = json.loads(ran.out)
    assert (ran.status, verdict["ok"]) == (1, False)
    assert verdict["difference"].endswith("the chain breaks at entry 10")


def _cut(body: bytes) -> bytes:
    return body[: len(body) * 2 // 3]


def _scratched(body: bytes) -> bytes:
    return body[: len(body) // 2] + b"\xff" * 8192 + body[len(body) // 2 + 8192 :]


@pytest.mark.parametrize("damage", [_cut, _scratched, lambda body: body[:50], lambda _: b""])
def test_a_damaged_journal_is_one_line(
    replayed: tuple[Path, Ran], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """Cut short, overwritten in the middle, empty: no traceback, and never an "in order"."""
    path = tmp_path / "j.db"
    path.write_bytes(damage((replayed[0] / "j.db").read_bytes()))
    ran = tocsin("verify", path)
    assert ran.status in (1, 2)
    assert ran.out == ""
    assert len(ran.lines) == 1


# ---- flowchart and check


def test_the_shipped_flowchart_is_in_order_and_can_be_drawn(tmp_path: Path) -> None:
    """As words, as Mermaid on standard output, as an SVG file, and as JSON for a script."""
    assert tocsin("flowchart", "check", CHART) == Ran(0, f"{CHART}: in order.\n", "")
    assert json.loads(tocsin("flowchart", "check", CHART, "--json").out) == {"ok": True, "problems": [], "warnings": []}
    assert tocsin("flowchart", "show", CHART).out.startswith("flowchart ")
    drawn = tmp_path / "chart.svg"
    assert tocsin("flowchart", "show", CHART, "--svg", drawn).out == f"{drawn}: drawn.\n"
    assert drawn.read_text("utf-8").lstrip().startswith("<svg")


def test_a_check_says_everything_at_once_and_as_json(tmp_path: Path) -> None:
    """Problems of the settings and of the flowchart, each once, with file and line."""
    (tmp_path / "chart.yaml").write_text("version: 2\n", encoding="utf-8")
    config = tmp_path / "tocsin.yaml"
    config.write_text("flowchart: chart.yaml\nbrands: [{name: A, query: '('}]\n", encoding="utf-8")
    ran = tocsin("check", "--config", config)
    assert (ran.status, ran.out) == (1, "")
    assert any(line.startswith(f"{config}:2:") for line in ran.lines)
    assert any(line.startswith(f"{tmp_path}/chart.yaml:1:") for line in ran.lines)
    assert len(set(ran.lines)) == len(ran.lines)
    assert json.loads(tocsin("check", "--config", config, "--json").out) == {
        "ok": False,
        "problems": ran.lines,
        "warnings": [],
    }
    config.write_text("brands: [{name: A, query: a}]\n", encoding="utf-8")
    ran = tocsin("check", "--config", config)
    assert (ran.status, ran.out) == (
        0,
        f"Everything in the configuration is in order, but for the {len(ran.lines)} above.\n",
    )
    assert all("docs/paging.md" in line for line in ran.lines), "ways that the shipped chart counts on are not set up"


# ---- as part of something larger


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["sentiment"], b'{"text": "awful"}\n' * 3_000),
        (["detect"], b"2026-01-01T00:00:00Z,1\n" * 3_000),
        (["flowchart", "show", CHART], b""),
    ],
)
def test_a_reader_that_leaves_is_no_reason_to_shout(arguments: list[object], stdin: bytes) -> None:
    """`tocsin ... | head -1`: it ends, without a word about a broken pipe."""
    started = process(arguments)
    assert started.stdin is not None
    assert started.stdout is not None
    assert started.stderr is not None
    os.set_blocking(started.stdin.fileno(), False)
    started.stdin.write(stdin[:30_000])
    started.stdin.flush()
    assert started.stdout.readline()
    started.stdout.close()
    os.set_blocking(started.stdin.fileno(), True)
    try:
        started.stdin.write(stdin[30_000:])
        started.stdin.close()
    except BrokenPipeError:
        pass
    said = started.stderr.read().decode()
    assert started.wait(timeout=30) in (0, 1)
    assert "Broken" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["sentiment", "detect"])
def test_ctrl_c_ends_it_quietly(command: str) -> None:
    """Exit status 130, as shells expect, and not a word."""
    started = process([command])
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write(b'{"text": "1"}\n' if command == "sentiment" else b"0,1\n")
    started.stdin.flush()
    assert started.stdout.readline()
    started.send_signal(signal.SIGINT)
    time.sleep(0.05)
    ran = ended(started)
    assert (ran.status, ran.err.strip()) == (130, "")


def test_a_full_disk_is_a_line_and_not_a_traceback() -> None:
    """Standard output that takes nothing."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    with full.open("wb") as out:
        done = subprocess.run(
            [COMMAND, "flowchart", "show", CHART], stdout=out, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr


def test_a_terminal_that_knows_ascii_alone_is_served(home: Path) -> None:
    """Names that it cannot show are escaped."""
    ran = ended(
        process(["replay", home / "m.jsonl", "--brand", "Café"], stdin=b"", env={"PYTHONIOENCODING": "ascii:strict"})
    )
    assert ran.status == 0
    assert "1 read" in ran.out
