"""The accuracy report: its measures are right, it skips what is not there, and what is shipped keeps its bars."""

import gzip
import json
import random
from pathlib import Path

import pytest

from stream.sentiment import Scorers, VaderScorer
from tocsin import accuracy
from tocsin.accuracy import calibration, judges, main, page, quality
from tocsin.labelled import find

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT.parent / "shared" / "data"
LABELS = ROOT / "tests" / "data"
needs_data = pytest.mark.skipif(not (DATA / "us_airlines_2015.jsonl.gz").exists(), reason="labelled sets are not here")

THREE = ("negative", "neutral", "positive")


def packed(path: Path, rows: list[dict[str, object]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with one set of each shape, made up from a seed."""
    dice = random.Random(7)
    said = {
        "negative": ["still waiting for my refund", "the app keeps crashing", "worst service ever"],
        "neutral": ["does it open on monday", "on my way to the store"],
        "positive": ["love the new store", "thanks, great service"],
    }
    posts = [
        {
            "id": str(n), "created_at": f"2026-01-01T00:{n % 60:02}:00Z", "brand": dice.choice(["Delta", "American"]),
            "text": dice.choice(said[label]), "label": {"sentiment": label},
        }
        for n in range(120)
        for label in [dice.choice(THREE)]
    ]  # fmt: skip
    packed(tmp_path / "us_airlines_2015.jsonl.gz", posts)
    rated = [{"id": f"made-tweets-{n}", "text": one, "label": {"valence": v}} for n, (one, v) in enumerate(
        [("horrible", -3), ("bad", -1), ("a table", 0), ("good", 1.5), ("wonderful", 3)])]  # fmt: skip
    packed(tmp_path / "vader_groundtruth.jsonl.gz", rated)
    reviews = [{"id": "1", "text": "wat een slecht boek", "label": {"sentiment": "negative"}}]
    packed(tmp_path / "nl_bol_reviews.jsonl.gz", reviews)
    return tmp_path


def test_measures_are_those_of_the_textbooks() -> None:
    """Counted by hand: two of three negatives found, one called so wrongly."""
    pairs = [("negative", "negative")] * 2 + [("negative", "neutral"), ("positive", "negative"), ("neutral", "neutral")]
    q = quality(pairs, THREE)
    assert (q.accuracy, q.precision, q.recall) == pytest.approx((3 / 5, 2 / 3, 2 / 3))
    assert q.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_what_is_no_label_of_the_set_is_wrong() -> None:
    """With two classes, neutral and unscored count against a scorer."""
    pairs = [("negative", "unscored"), ("positive", "neutral"), ("positive", "positive"), ("negative", "negative")]
    assert quality(pairs, ("negative", "positive")).accuracy == 0.5


def test_calibration_tells_error_from_lean() -> None:
    """Errors to both sides cancel in the lean and add up in the error; a rest is no group."""
    over = [("neutral", "negative")] * 10 + [("neutral", "neutral")] * 90
    under = [("negative", "neutral")] * 10 + [("neutral", "neutral")] * 90
    assert calibration(over + under + over[:50]) == (2, 10.0, 0.0)
    assert calibration(over[:99]) == (0, 0.0, 0.0)


def test_the_report_has_what_is_there_and_names_what_is_not(made: Path) -> None:
    """Every set found has its table with all three scorers; no text is in the page."""
    told = page(made, LABELS)
    assert "## us_airlines_2015" in told
    assert "posts to four airlines; 120 texts, language `en`." in told
    for scorer in judges("en"):
        assert f"| {scorer} |" in told
    assert "| us_airlines_2015 | JetBlue |" in told
    assert "- sanders_2011: skipped, the data is not here" in told
    assert "- nl_mentions_200.tsv: skipped, the data is not here" in told
    assert "| nl_bol_reviews | nl |" in told
    assert "still waiting" in told, "words of the lexicon are counted"
    assert "does it open on monday" not in told


def test_the_report_is_the_same_twice_but_for_the_speed(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the clock differs."""
    monkeypatch.setattr(accuracy, "_speeds", lambda every, _: dict.fromkeys(every, 0))
    assert page(made, LABELS) == page(made, LABELS)


def test_the_command_writes_the_page_or_says_why_not(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any set the page that is there stays."""
    target = made / "accuracy.md"
    target.write_text("old")
    assert main([str(made / "nowhere"), str(LABELS), str(target)]) == 2
    assert target.read_text() == "old"
    assert "stays as it is" in capsys.readouterr().err
    assert main([]) == 2
    assert main([str(made), str(LABELS), str(target)]) == 0
    assert target.read_text().startswith("# How far")


@needs_data
def test_the_shipped_english_keeps_its_bars() -> None:
    """Three labels on airlines, a gain on other trades, nothing lost on rated posts; Dutch in two classes."""
    found = {labelled.name: labelled for labelled in find(DATA, LABELS)[0]}
    airlines, brands, rated = (found[name] for name in ("us_airlines_2015", "sanders_2011", "vader_groundtruth"))
    every = judges("en")
    masked, shipped = every["vaderSentiment, masked"], every["shipped"]
    q = quality(accuracy._pairs(airlines, shipped), THREE)
    assert q.macro_f1 >= 0.70
    assert q.precision >= 0.87
    before, after = (quality(accuracy._pairs(brands, one), THREE).macro_f1 for one in (masked, shipped))
    assert after >= before + 0.08
    for part, bar in (("vader-tweets", 0.875), ("vader-amazonReviewSnippets", 0.65)):
        texts = [text for text in rated.texts if text.part == part]
        assert accuracy._correlation([(text.valence, shipped(text).score) for text in texts]) >= bar


@needs_data
def test_masking_alone_is_vader_alone() -> None:
    """The middle column is the scorer that a deployment gets which lists VADER in place of what is shipped."""
    airlines = next(one for one in find(DATA, LABELS)[0] if one.name == "us_airlines_2015")
    scorers, middle = Scorers([VaderScorer()]), judges("en")["vaderSentiment, masked"]
    for text in airlines.texts[:200]:
        assert middle(text) == scorers.judge(text.text, "en", text.masks)
