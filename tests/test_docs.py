"""Documents that cannot rot: what they name exists, and what is generated is fresh."""

import re
from pathlib import Path

import pytest

from alerting.facts import FACT_HELP
from tests.faults.rows import MUST
from tests.faults.table import page as reliability
from tests.faults.test_silence import GRACE
from tocsin.heartbeat import EVERY_MS
from tocsin.reference import PAGES as REFERENCE
from tocsin.settings import Section
from tocsin.settings_page import SECTIONS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
RULES = (
    [*(str(n) for n in range(1, 13)), "12a", "12b", "12c", "13"]
    + [f"T{n}" for n in ("1", "2", "3", "3a", "4", "5", "6")]
    + [f"W{n}" for n in range(1, 6)]
    + [f"F{n}" for n in range(1, 12)]
    + [f"M{n}" for n in range(1, 8)]
)
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(DOCS.rglob("*.md"))
_PATH = re.compile(r"`((?:stream|detectors|alerting|tocsin|tests|docs|deploy|benchmarks|\.ci)/[\w./-]*)`")
_TARGET = re.compile(r"`make (\w+)")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def rows(page_name: str) -> list[list[str]]:
    """The rows of a page's tables, cell by cell, without their headings."""
    lines = (DOCS / page_name).read_text("utf-8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for number, row in enumerate(cells) if not _is_heading(cells, number)]


def _is_heading(cells: list[list[str]], number: int) -> bool:
    return set(cells[number][0]) <= {"-"} or (number + 1 < len(cells) and set(cells[number + 1][0]) == {"-"})


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_what_a_page_names_exists(path: Path) -> None:
    """Every file, make target and link that a page mentions is there."""
    text = path.read_text("utf-8")
    missing = [name for name in _PATH.findall(text) if not (ROOT / name).exists() and not _generated(name)]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    missing += [f"make {name}" for name in _TARGET.findall(text) if name not in targets]
    links = [link for link in _LINK.findall(text) if not link.startswith(("http:", "https:", "mailto:"))]
    missing += [link for link in links if not (path.parent / link).exists()]
    assert missing == []


def _generated(name: str) -> bool:
    return name.startswith("tocsin/shipped/")  # a copy that exists in the installed package alone


def test_every_word_lives_where_the_glossary_says() -> None:
    """The module in which a word is born exists and uses the word; no word stands there twice."""
    words = rows("glossary.md")
    wrong = []
    for word, meaning, home in words:
        path = ROOT / home.strip("`")
        source = f"{path.stem} {path.read_text('utf-8')}" if path.is_file() else ""
        spoken = re.sub(r"[\s_-]+", r"[\\s_-]*", re.escape(word).replace(r"\ ", " "))
        if not re.search(spoken, source, re.IGNORECASE):
            wrong.append(f"{word}: {home} does not use it")
        if not meaning.endswith("."):
            wrong.append(f"{word}: its meaning is no sentence")
    assert not wrong, "\n".join(wrong)
    assert len({word.casefold() for word, _, _ in words}) == len(words) > 50


def test_every_invariant_names_the_test_that_holds_it() -> None:
    """Each rule stands there once, and each test that it names is there and is a test."""
    wrong, seen = [], []
    for rule, _, tests in rows("invariants.md"):
        seen.append(rule)
        named = re.findall(r"`(tests/[\w/]+\.py)`", tests)
        if not named:
            wrong.append(f"{rule}: names no test")
        for name in named:
            path = ROOT / name
            if not path.is_file() or "def test_" not in path.read_text("utf-8"):
                wrong.append(f"{rule}: {name} holds no test")
    assert not wrong, "\n".join(wrong)
    assert seen == RULES


def test_every_single_test_that_the_invariants_name_is_there() -> None:
    """The risk that is left is stated, and each part of it shown."""
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "invariants.md").read_text("utf-8")))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text("utf-8"))
    }
    assert len(named) >= 5
    assert named <= there, sorted(named - there)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_the_reference_is_fresh(name: str) -> None:
    """`docs/reference` says what the code says; if not: `make format`."""
    assert (DOCS / "reference" / name).read_text("utf-8") == REFERENCE[name]()


def test_no_page_of_the_reference_is_left_over() -> None:
    """What nothing writes any more is gone."""
    assert sorted(path.name for path in (DOCS / "reference").iterdir()) == sorted(REFERENCE)


def sections(section: type[Section]) -> set[type[Section]]:
    """Every section made from this one, however deep."""
    below = section.__subclasses__()
    return {*below, *(one for inner in below for one in sections(inner))}


def test_every_setting_has_a_meaning() -> None:
    """No section is left out of the reference, and no setting goes without a description."""
    shown = {section for _, section in SECTIONS}
    assert {s for s in sections(Section) if s.__name__ not in ("Secrets", "SourceSection")} == shown
    assert [
        f"{s.__name__}.{n}" for s in sorted(shown, key=str) for n, f in s.model_fields.items() if not f.description
    ] == []


def test_the_example_configuration_shows_every_section() -> None:
    """Whoever reads `tocsin.yaml` meets each section, be it behind a `#`."""
    text = (ROOT / "tocsin.yaml").read_text("utf-8")
    sections = [name.split("`")[1].rstrip(":") for name, _ in SECTIONS if name.startswith("`")]
    assert [s for s in sections if not re.search(rf"^(# )?{s}:", text, re.MULTILINE)] == []


def test_every_page_tells_people_the_same_grace() -> None:
    """That of the watcher outside: with a longer one, the three minutes that are promised would not hold."""
    every_s = EVERY_MS // 1000
    grace_s = int(GRACE * every_s)
    told = {
        ROOT / "tocsin.yaml": f"Give it a period of {every_s} s and a grace of {grace_s} s.",
        DOCS / "deploy.md": f"a grace of one and a half times that: {every_s} and {grace_s} seconds",
        DOCS / "reliability.md": "a grace of a minute and a half",
        DOCS / "reference" / "settings.md": "a grace of one and a half times that",
    }
    assert [path.name for path, words in told.items() if words not in " ".join(path.read_text("utf-8").split())] == []


def test_the_readme_denies_nothing_that_it_shows() -> None:
    """What it does not do yet has no console and no page of its own in it: both are there, above."""
    shown, _, denied = (ROOT / "README.md").read_text("utf-8").partition("## What it does not do yet")
    assert "docs/console.md" in shown
    assert re.findall(r"(?i)console|web page", denied.partition("\n## ")[0]) == []


def test_decisions_are_numbered_without_gaps() -> None:
    """0001, 0002, ...; each says whether it is accepted, what the question was and why."""
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [p.name[:4] for p in pages] == [f"{n:04d}" for n in range(1, len(pages) + 1)]
    for path in pages:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {path.name[:4]}: ")
        assert "**Accepted.**" in text or "**Superseded" in text
        assert "## Why" in text


def test_every_fact_is_explained() -> None:
    """A fact that a condition may ask about has words for whoever owns the flowchart."""
    assert [name for name, words in FACT_HELP.items() if not words] == []


def test_every_row_of_the_fault_matrix_has_its_test() -> None:
    """Those without which no release is made, and whatever `docs/results` knows of; none is told of as not held."""
    source = "".join(path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py")))
    shown = {number for found in re.findall(r"\brow\(([^)]*)\)\n", source) for number in re.findall(r"F\d+", found)}
    assert [number for number in MUST if number not in shown] == []
    assert "not held" not in (DOCS / "reliability.md").read_text("utf-8")


def test_the_page_on_reliability_is_what_the_runs_showed() -> None:
    """If not: `python -m tests.faults.table`."""
    assert (DOCS / "reliability.md").read_text("utf-8") == reliability()
