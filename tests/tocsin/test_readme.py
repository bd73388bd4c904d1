"""The README promises only what is there: its commands, their flags, its targets and its pictures."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.demo import OWN_FILES

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CALLS = sorted(set(re.findall(r"^ +tocsin (\S.*)$|`tocsin ([^`]+)`", README, re.MULTILINE)))
WORDS = [(first or second).split() for first, second in CALLS]


def helped(words: list[str]) -> str:
    """What `--help` says of the command that these words begin with."""
    names = [w for w in words[:2] if re.fullmatch(r"[a-z]+", w)]
    told = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    return told.output if told.exit_code == 0 else ""


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_command_of_the_readme_exists_with_its_flags(words: list[str]) -> None:
    """Each `tocsin ...` is a command, and each flag behind it is one of its flags."""
    told = helped(words)
    assert told, f"there is no such command: tocsin {' '.join(words)}"
    assert [w for w in words if w.startswith("--") and w not in told] == []


def test_the_readme_shows_commands() -> None:
    """The pattern above finds them."""
    assert {"replay", "run", "check", "flowchart", "verify"} <= {words[0] for words in WORDS}


def test_two_commands_do_all_the_set_up() -> None:
    """Exactly `make demo` and `make test` stand in the block that a newcomer copies, and both are targets."""
    block = README.split("## Two commands")[1].split("##")[0]
    assert re.findall(r"^ {4}(.+)$", block, re.MULTILINE) == ["make demo", "make test"]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", README)) - {"it"} <= targets


def test_the_pictures_are_there_and_small() -> None:
    """Each is shown by a page, weighs less than 300 kB, and loads nothing from elsewhere."""
    pictures = sorted((ROOT / "docs" / "pictures").iterdir())
    pages = README + "".join(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))
    assert [p.name for p in pictures if f"pictures/{p.name}" not in pages] == []
    assert [p.name for p in pictures if p.stat().st_size >= 300_000] == []
    drawn = [p for p in pictures if p.suffix == ".svg"]
    assert len(drawn) >= 2
    assert [p.name for p in drawn if re.search(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", p.read_text("utf-8"))] == []


def test_the_demo_leaves_its_files_where_git_does_not_see_them() -> None:
    """What `make demo` writes into a checkout is ignored there."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert "journal.db" in OWN_FILES
    assert any(line.strip("/") == "tocsin-demo" for line in ignored)
