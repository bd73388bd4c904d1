"""Hard English sentences: what each deserves, and an exact list of those that still get something else."""

from pathlib import Path

import pytest

from stream.brands import Brand
from stream.scoring import shipped_scorers
from stream.sentiment import Masks

HERE = Path(__file__).parent
LIMITS_PAGE = HERE.parent.parent / "docs" / "scoring.md"
HEADING = "### English"
BRAND = Masks.for_brand(Brand("Fresh", None))
KINDS = ("sarcasm", "negation", "mixed language", "brand name", "emoji only", "question", "quotation", "figurative")


def table():
    """Kind, deserved label and text of each row."""
    lines = (HERE / "hard_sentences_en.tsv").read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


def limits():
    """Text to label got, as the known limits in the docs have them."""
    section = LIMITS_PAGE.read_text("utf-8").partition(f"\n{HEADING}\n")[2].partition("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0]: tuple(row[1:]) for row in rows[2:]}


LIMITS = limits()


def cases():
    for kind, deserved, text in table():
        marks = [pytest.mark.xfail(strict=True, reason="a known limit: docs/scoring.md")] if text in LIMITS else []
        yield pytest.param(text, deserved, marks=marks, id=f"{kind}: {text[:40]}")


@pytest.mark.parametrize(("text", "deserved"), list(cases()))
def test_a_hard_sentence_gets_what_it_deserves(text, deserved):
    """Where it does not, the docs say so; where the docs say so and it does, the docs are behind (xfail is strict)."""
    assert shipped_scorers().judge(text, "en", BRAND).label == deserved


def test_the_known_limits_are_the_tables_own():
    """Each limit in the docs is a row of the table, with the label it deserves and the one it gets."""
    deserved = {text: label for _, label, text in table()}
    assert LIMITS
    for text, (deserves, gets) in LIMITS.items():
        assert deserves == deserved[text]
        assert gets == shipped_scorers().judge(text, "en", BRAND).label


def test_the_table_asks_for_every_kind():
    """At least thirty sentences; every kind of trap; each label somewhere."""
    rows = table()
    assert len({text for _, _, text in rows}) == len(rows) >= 30
    assert {kind for kind, _, _ in rows} >= set(KINDS)
    assert {label for _, label, _ in rows} == {"negative", "neutral", "positive"}
