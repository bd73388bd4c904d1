"""Hard Dutch sentences: what each deserves, and an exact list of those that still get something else."""

from pathlib import Path

import pytest

from stream.brands import Brand
from stream.mention import Mention
from stream.names import Names
from stream.scoring import Scoring

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "scoring_nl.md"
KINDS = {"sarcasm", "negation", "mixed", "brand", "emoji", "question", "quotation", "figurative", "flemish", "but"}
SCORING = Scoring([Brand("Fris", None, languages=("nl",))], Names(b"test"))


def table():
    """Kind, deserved label and text of each row."""
    lines = (HERE / "hard_sentences_nl.tsv").read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


def limits():
    """By sentence the label it deserves and the one it gets, as the page has them."""
    section = PAGE.read_text("utf-8").partition("\n## Known limits\n")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0]: tuple(row[1:]) for row in rows[2:]}


def label(text):
    """As a deployment judges it: masked, scored, with the rule about risks."""
    post = Mention(id="x:1", source="x", created_ms=0, claimed_ms=0, observed_ms=0, text=text, lang="nl")
    (one,) = SCORING.score(post)
    return one.sentiment.label


LIMITS = limits()


@pytest.mark.parametrize(("kind", "deserved", "text"), table())
def test_a_hard_sentence_gets_what_it_deserves(kind, deserved, text):
    """Or stands among the known limits with what it gets: a limit that is overcome must leave the page."""
    assert (deserved, label(text)) == LIMITS.get(text, (deserved, deserved))


def test_the_known_limits_are_rows_of_the_table_that_fail():
    """Nothing is listed that does not fail, and most of the table holds."""
    deserved = {text: label for _, label, text in table()}
    assert all(deserves == deserved[text] != gets for text, (deserves, gets) in LIMITS.items())
    assert 0 < len(LIMITS) <= len(deserved) // 8


def test_the_table_asks_for_every_kind():
    """At least thirty sentences, every kind of trap, each label somewhere."""
    rows = table()
    assert len({text for _, _, text in rows}) == len(rows) >= 30
    assert {kind for kind, _, _ in rows} >= KINDS
    assert {label for _, label, _ in rows} == {"negative", "neutral", "positive"}
