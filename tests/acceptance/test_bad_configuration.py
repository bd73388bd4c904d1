"""Bad configurations at the two commands that read one: `tocsin check` and `tocsin run`.

Each is answered with lines that name file, line and column, what is wrong and what would be right; nothing is started
and nothing is written; no line repeats what may be a secret.
"""

import socket
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.sources.store import lock
from tests.command import Ran, ended, process, tocsin
from tests.faults.rows import fired, row
from tocsin.deployment import Deployment

ROOT = Path(__file__).parents[2]
CHART = (ROOT / "crisis_flowchart.yaml").read_text("utf-8")
GALLERY = sorted((ROOT / "tests" / "tocsin" / "bad").glob("*.yaml"))
CANARY = "Xk7canary-in-a-secret"
ENV = {
    "DOOR_SECRET": f"door-{CANARY}",
    "SAME_SECRET": f"door-{CANARY}",
    "SHORT_SECRET": "Xk7cana",
    "SLACK_BOT_TOKEN": f"bot-{CANARY}",
    "SLACK_APP_TOKEN": f"app-{CANARY}",
    "SLACK_SIGNING_SECRET": f"sign-{CANARY}",
    # What the gallery's files name.
    "TOCSIN_WEB": f"web-{CANARY}",
}

BRANDS = "brands: [{name: Acme, query: acme}]\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)

BAD: dict[str, tuple[str, tuple[str, ...]]] = {
    "a bomb of aliases": (BOMB, ("1:4: the anchor &a is not allowed; remove it",)),
    "a quarter of a megabyte": (
        BRANDS + "# " + "x" * 300_000,
        (":1:1: the file has 300038 bytes; at most 262144 are allowed",),
    ),
    "thirty levels": ("brands: " + "[" * 30 + "]" * 30, ("more than 20 levels deep",)),
    "a tag that would call something": ("brands: !!python/object/apply:os.system [id]\n", ("the tag !!python",)),
    "two documents": (BRANDS + "---\n" + BRANDS, (":2:",)),
    "half a list": ("brands: [", (":1:",)),
    "a control character": ("brands: \x07\n", (":1:9:",)),
    "a key twice": (BRANDS + BRANDS, ("2:1: `brands` stands here twice (first on line 1)",)),
    "a value of several lines": ("mode: 'li\n\n  \u202eve'\n", ('1:7: `mode` is "li ?ve"; allowed: live or shadow',)),
    "nothing": ("", ("1:1: no brand is declared",)),
    "a list": ("- acme\n", ("1:1: the file is a list",)),
    "several mistakes": (
        "mode: maybe\nstep: 7s\nbrands: [{name: Acme, qeury: acme}]\ningest: {listen: here}\n",
        (
            '1:7: `mode` is "maybe"; allowed: live or shadow',
            "3:10: `query` is missing here",
            "3:23: `qeury` is not known here; did you mean `query`?",
            '4:18: `listen` is "here"; it must be host:port',
        ),
    ),
    "two doors with one secret": (
        BRANDS + "sources:\n  - {name: one, secret_env: DOOR_SECRET}\n  - {name: two, secret_env: SAME_SECRET}\n",
        ("4:5: source two has a secret of source one: what one accepted could be sent again to the other",),
    ),
    "a secret far too short": (
        BRANDS + "sources: [{name: one, secret_env: SHORT_SECRET}]\n",
        ("2:11: the environment variable SHORT_SECRET holds 7 characters; a secret has 8 to 4096",),
    ),
    "a secret that others can read": (
        BRANDS + "sources: [{name: one, secret_file: open.secret}]\n",
        ("open.secret has mode 0644, so others can read it; run: chmod 600",),
    ),
    "a secret in the file": (
        BRANDS + f"sources: [{{name: one, secret_env: {CANARY}}}]\n",
        ("2:35: `secret_env` must be the name of an environment variable",),
    ),
    "a flowchart that is not there": (
        BRANDS + "flowchart: gone.yaml\n",
        ("2:12: `flowchart` is ", "gone.yaml, which is no file"),
    ),
    "a flowchart that is a bomb": (BRANDS + "flowchart: bomb.yaml\n", ("bomb.yaml:1:4: the anchor &a is not allowed",)),
    "a flowchart that is no text": (
        BRANDS + "flowchart: binary.yaml\n",
        ("binary.yaml:1:1: this byte is not UTF-8; save the file as UTF-8",),
    ),
    "a flowchart without an end": (BRANDS + "flowchart: broken.yaml\n", ("broken.yaml:",)),
    "a role that nobody knows": (
        "brands: [{name: Acme, query: acme, responders: {pr_on_cal: anna}}]\n",
        ("1:49: `pr_on_cal` is not known as a role of the flowchart; did you mean `pr_on_call`? Allowed:",),
    ),
    "a responder that nobody knows": (
        "brands: [{name: Acme, query: acme, responders: {pr_on_call: ann}}]\n",
        ("1:61: `ann` is not known as a responder of the flowchart; did you mean `anna`? Allowed:",),
    ),
    "a query without end": (
        'brands: [{name: Acme, query: "acme AND ("}]\n',
        ("query of Acme: the query ends where a term is wanted",),
    ),
}
"""Configurations, and what is said of each, in order."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with the files that the configurations name."""
    (tmp_path / "open.secret").write_text(f"file-{CANARY}", encoding="utf-8")
    (tmp_path / "open.secret").chmod(0o644)
    (tmp_path / "bomb.yaml").write_text(BOMB, encoding="utf-8")
    (tmp_path / "binary.yaml").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    (tmp_path / "broken.yaml").write_text(CHART.replace("nodes:", "nods:", 1), encoding="utf-8")
    return tmp_path


def config_of(home: Path, text: str) -> Path:
    """A configuration in this directory."""
    path = home / "tocsin.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(config: Path, env: dict[str, str]) -> Ran:
    """What `check` says; `run` must say the same and start nothing, and neither may repeat a secret."""
    before = sorted(config.parent.rglob("*"))
    checked = tocsin("check", "--config", config, env=env)
    ran = tocsin("run", "--config", config, env=env)
    assert (checked.status, ran.status) == (1, 2)
    assert checked.lines == ran.lines
    assert checked.out == ran.out == ""
    assert len(set(checked.lines)) == len(checked.lines), "each is told once"
    assert CANARY not in checked.err
    assert "Traceback" not in checked.err
    assert sorted(config.parent.rglob("*")) == before, "nothing was made"
    return checked


@pytest.mark.parametrize("name", BAD)
def test_a_bad_configuration_is_refused_with_its_place(home: Path, name: str) -> None:
    """By both commands, in the same words, one line each."""
    text, expected = BAD[name]
    config = config_of(home, text)
    said = refused(config, ENV).lines
    assert all(line.startswith(str(home)) for line in said)
    assert all(line.isprintable() for line in said)
    rest = "\n".join(said)
    for words in expected:
        assert words in rest, said
        rest = rest.partition(words)[2]


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_the_gallery_is_refused_at_the_command_line(path: Path) -> None:
    """The files that the settings are tried on: as many lines as each says of itself."""
    said = [line for line in path.read_text("utf-8").splitlines() if line.startswith("# says: ")]
    assert len(refused(path, ENV).lines) == len(said)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00", b"brands: \xed\xa0\x80", b"\x00" * 100], ids=["utf16", "half", "nul"]
)
def test_what_is_no_text_is_refused(home: Path, body: bytes) -> None:
    """Bytes that no editor wrote."""
    config = home / "tocsin.yaml"
    config.write_bytes(body)
    (said,) = refused(config, ENV).lines
    assert said.startswith(f"{config}:")


GOOD = BRANDS + 'ingest: {listen: "127.0.0.1:0"}\ndata: data\n'


@row("F23")
def test_a_directory_that_another_process_holds_is_refused(home: Path) -> None:
    """Two services never share a data directory; the one that came later says so and leaves."""
    (home / "data").mkdir()
    held = lock(home / "data")
    ran = ended(process(["run", "--config", config_of(home, GOOD)], stdin=b""))
    held.close()
    assert ran.status == 2
    (said,) = ran.lines
    assert str(home / "data") in said
    fired()


def test_a_port_that_is_taken_is_one_line(home: Path) -> None:
    """With the address that it is about."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = config_of(home, GOOD.replace("127.0.0.1:0", address))
        ran = ended(process(["run", "--config", config], stdin=b""))
    assert ran.status == 2
    assert ran.lines == [f"{address} cannot be listened on: Address already in use"]


def test_a_data_directory_that_is_a_file_is_one_line(home: Path) -> None:
    """With its path."""
    (home / "data").write_text("a file", encoding="utf-8")
    ran = ended(process(["run", "--config", config_of(home, GOOD)], stdin=b""))
    assert ran.status == 2
    (said,) = ran.lines
    assert str(home / "data") in said


@pytest.mark.parametrize("name", ["intake.db", "journal.db", "outbox.db", "texts.db", "dead_letters.db", "names.key"])
def test_a_damaged_store_is_one_line_and_is_left_as_it_is(home: Path, name: str) -> None:
    """Corruption of our own is told loudly, with the file, and nothing is written over it."""
    Deployment(home / "data", step_ms=5_000).close()
    spoilt = home / "data" / name
    spoilt.write_bytes(b"not what it was")
    ran = ended(process(["run", "--config", config_of(home, GOOD)], stdin=b""))
    assert ran.status == 2
    (said,) = ran.lines
    assert str(spoilt) in said
    assert spoilt.read_bytes() == b"not what it was"


def test_a_journal_of_another_step_is_refused(home: Path) -> None:
    """A step is fixed for a journal's life, and the line says so."""
    Deployment(home / "data", step_ms=5_000).close()
    ran = ended(process(["run", "--config", config_of(home, f"{GOOD}step: 10s\n")], stdin=b""))
    assert ran.status == 2
    (said,) = ran.lines
    assert "5000 ms" in said
    with sqlite3.connect(home / "data" / "journal.db") as db:
        assert db.execute("SELECT value FROM header WHERE name = 'step_ms'").fetchone() == ("5000",)
    db.close()


# ---- whatever somebody writes

words = st.sampled_from(
    ["name", "query", "brands", "sources", "slack", "mode", "5s", "acme", "a:b", "&a", "*a", "!!x", "<<", "- ", "\n  "]
)
texts = st.lists(words | st.text(max_size=5) | st.sampled_from([": ", "{", "}", "[", "]", ",", "\n"]), max_size=25)
bodies = st.binary(max_size=120) | texts.map("".join).map(lambda text: text.encode("utf-8", "replace"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies)
def test_any_bytes_as_a_configuration_are_explained(home: Path, body: bytes) -> None:
    """Exit status 0 or 1, and for 1 nothing but lines with the file's name."""
    config = home / "tocsin.yaml"
    config.write_bytes(body)
    ran = tocsin("check", "--config", config, env=ENV)
    assert ran.status in (0, 1)
    assert all(line.startswith(f"{config}:") for line in ran.lines)
    assert bool(ran.lines) == (ran.status == 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies)
def test_any_bytes_as_a_flowchart_are_explained(home: Path, body: bytes) -> None:
    """The same for `tocsin flowchart check` and `show`, and for a configuration that names it."""
    chart = home / "chart.yaml"
    chart.write_bytes(body)
    ran = tocsin("flowchart", "check", chart)
    assert ran.status == 1
    assert ran.lines
    assert all(line.startswith(f"{chart}:") for line in ran.lines)
    assert tocsin("flowchart", "show", chart).status == 2
    checked = tocsin("check", "--config", config_of(home, f"{BRANDS}flowchart: chart.yaml\n"), env=ENV)
    assert checked.lines == ran.lines


def test_a_place_in_a_file_is_no_picture(home: Path) -> None:
    """Line 100 of a flowchart is told as 100, and not as the little picture of that name."""
    (home / "chart.yaml").write_text("#\n" * 99 + "version: 1\n", encoding="utf-8")
    ran = tocsin("flowchart", "check", home / "chart.yaml")
    assert ran.lines
    assert all(line.startswith(f"{home}/chart.yaml:100:1: ") for line in ran.lines)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flowchart_with_a_scratch_is_explained_or_still_good(home: Path, data: st.DataObject) -> None:
    """The shipped one with a few characters changed: in order, or lines with places."""
    body = bytearray(CHART.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.sampled_from(list(b" :-[]{}x&*\n\t\xff")))
    chart = home / "chart.yaml"
    chart.write_bytes(bytes(body))
    ran = tocsin("flowchart", "check", chart)
    assert ran.status in (0, 1)
    assert all(line.startswith(f"{chart}:") for line in ran.lines)
    assert (ran.out == f"{chart}: in order.\n") == (ran.status == 0)
