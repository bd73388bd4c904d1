"""Stars are evidence: the writer's own verdict, beside the words."""

import pytest

from stream.brands import Brand
from stream.mention import Mention, Sentiment
from stream.names import Names
from stream.scoring import Scoring
from stream.stars import with_stars

NAMES = Names(b"test")


def review(text: str, **known: object) -> Mention:
    return Mention(
        id="apps:1",
        source="apps",
        created_ms=0,
        claimed_ms=0,
        observed_ms=0,
        text=text,
        **known,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("score", range(-1000, 1001, 50))
def test_one_star_is_negative_and_five_are_positive_whatever_the_words(score: int) -> None:
    """Sarcasm ("great, lost my money again") is what no lexicon reads and a star tells."""
    label = "positive" if score > 49 else "negative" if score < -49 else "neutral"
    text = Sentiment(label, score, "en", "x@1")  # type: ignore[arg-type]
    assert with_stars(text, 1).label == "negative"
    assert with_stars(text, 5).label == "positive"


def test_more_stars_are_never_worse_and_better_words_neither() -> None:
    """Whatever the other one is; and the score stays within its bounds."""
    scores = [
        [
            with_stars(Sentiment("positive" if w > 0 else "negative", w, "en", "x@1"), stars).score
            for stars in range(1, 6)
        ]
        for w in range(-1000, 1001, 100)
    ]
    for row in scores:
        assert row == sorted(row)
        assert all(-1000 <= score <= 1000 for score in row)
    for column in zip(*scores, strict=True):
        assert list(column) == sorted(column)


def test_the_score_is_the_same_from_either_side_of_nothing() -> None:
    """Cut towards nothing, as every score is."""
    for words in range(0, 1001, 7):
        up = with_stars(Sentiment("positive", words, "en", "x@1"), 4).score
        down = with_stars(Sentiment("negative", -words, "en", "x@1"), 2).score
        assert up == -down


def test_without_stars_a_sentiment_is_the_very_same() -> None:
    """Rows of text alone are journaled as they always were; so are ratings on another scale."""
    text = Sentiment("negative", -300, "en", "x@1")
    for rating in (None, 0, -3, 6, 10, 100):
        assert with_stars(text, rating) is text


def test_a_review_in_a_language_that_nobody_reads_counts_by_its_stars() -> None:
    """And is counted as scored, by a scorer of its own."""
    scoring = Scoring([Brand("Acme", "acme OR source:apps", languages=("en",))], NAMES)
    (one,) = scoring.score(review("最悪です", rating=1))
    assert (one.sentiment.label, one.sentiment.score, one.sentiment.scorer) == ("negative", -533, "stars@1")
    assert (scoring.scored, scoring.unscored) == (1, 0)


def test_a_review_without_words_counts_too() -> None:
    """Where a brand is heard through all that a source brings."""
    scoring = Scoring([Brand("Acme", "acme OR source:apps")], NAMES)
    (one,) = scoring.score(review("", rating=5))
    assert one.sentiment.label == "positive"
    assert "stars" in one.sentiment.scorer


def test_the_scorers_id_says_that_stars_had_a_part() -> None:
    """So that a score can be traced to what made it; a risk is told behind them."""
    scoring = Scoring([Brand("Acme", "acme", languages=("en",))], NAMES)
    (plain,) = scoring.score(review("acme is awful"))
    (starred,) = scoring.score(review("acme is awful", rating=1))
    assert starred.sentiment.scorer == plain.sentiment.scorer + "+stars1"
    (risky,) = scoring.score(review("Salmonella found at acme", rating=3))
    assert risky.sentiment.label == "negative"
    assert "+stars1" in risky.sentiment.scorer
