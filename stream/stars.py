"""Stars of a review as evidence of its sentiment: the writer's own verdict, in any language."""

from typing import Final

from stream.mention import Sentiment
from stream.sentiment import label_of

STARS_RULE: Final = "+stars1"
"""Stands behind a scorer's id where stars had a part in the score."""
STARS_ALONE: Final = "stars@1"
"""The scorer of a review whose words nobody could judge."""
MILLI: Final = {1: -800, 2: -400, 3: 0, 4: 400, 5: 800}
"""What each number of stars says, in milli-units."""


def with_stars(sentiment: Sentiment, rating: int | None) -> Sentiment:
    """The same sentiment with the stars that its writer gave: they count twice, the words once.

    So one star is negative and five are positive whatever the words say, and with two or four strong words can make it
    neutral. Words that say nothing, or that no scorer reads, count as nothing. No stars, or a number that is not 1 to 5
    (a vendor's other scale), change nothing.

    >>> with_stars(Sentiment("positive", 700, "en", "x@1"), 1)
    Sentiment(label='negative', score=-300, lang='en', scorer='x@1+stars1')
    >>> with_stars(Sentiment("unscored", 0, "ja", "none"), 5)
    Sentiment(label='positive', score=533, lang='ja', scorer='stars@1')
    """
    stars = MILLI.get(rating) if rating is not None else None
    if stars is None:
        return sentiment
    words = sentiment.score if sentiment.label in ("negative", "positive") else 0
    total = 2 * stars + words
    score = total // 3 if total >= 0 else -(-total // 3)
    scorer = STARS_ALONE if sentiment.label == "unscored" else sentiment.scorer + STARS_RULE
    return Sentiment(label_of(score), score, sentiment.lang, scorer)
