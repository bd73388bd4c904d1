"""Sentiment towards a brand: its names masked, VADER's own figures, no verdict on what nobody can read."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SentimentIntensityAnalyzer

from stream import sentiment as module
from stream.brands import Brand
from stream.sentiment import MAX_SCORED, Masks, Scorers, VaderScorer, label_of

VADER = SentimentIntensityAnalyzer()
SCORERS = Scorers([VaderScorer()])
UNITED = Masks.for_brand(Brand("United", '(united OR "united airlines" OR fly* OR @united) NOT "manchester united"'))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("United broke my guitar", "xbrandx broke my guitar"),
        ("UNITED Airlines!", "xbrandx!"),
        ("#united sucks", "#xbrandx sucks"),
        ("reunited and unitedly", "reunited and unitedly"),
        ("@United's @joe@host.social @a.bsky.social.", "xhandlex's xhandlex xhandlex."),
        ("see https://t.co/great-scott now", "see xlinkx now"),
        ("mail joe@great.com", "mail joe@great.com"),
        ("flying with them", "xbrandx with them"),
        ("Ünited  AIRLINES\nis bad", "xbrandx\nis bad"),
        ("e\u0301t u\u0301nited!", "e\u0301t xbrandx!"),
        ("ｕｎｉｔｅｄ ok", "xbrandx ok"),
        ("manchester city", "manchester city"),
        ("", ""),
    ],
)
def test_the_brand_is_masked_and_nothing_else(text, masked):
    """Names at word boundaries in any spelling, handles and links go; all else stays as it was written."""
    assert UNITED.apply(text) == masked


def test_a_brand_named_by_a_kind_word_gets_no_bonus_for_its_name():
    """ "united" is worth +1.8 to VADER; masked, it is worth nothing."""
    plain = Masks.for_brand(Brand("Acme", None))
    assert SCORERS.judge("flying united again", "en", plain).label == "positive"
    assert SCORERS.judge("flying united again", "en", UNITED).label == "neutral"
    for name in ("Best", "Joy", "Fresh Start"):
        masks = Masks.for_brand(Brand(name, None))
        assert SCORERS.judge(f"I was at {name} today", "en", masks).score == 0
        assert SCORERS.judge(f"I was at #{name.replace(' ', '')} today", "en", masks).score == 0


def test_opinions_in_a_query_are_not_masked():
    """`acme AND (awful OR great)` names Acme; what stands beside it is what people think of it."""
    masks = Masks.for_brand(Brand("Acme Corp", "acme AND (awful OR great) NOT terrible"))
    assert masks.apply("acme is awful and terrible") == "xbrandx is awful and terrible"
    near = Masks.for_brand(Brand("Acme Corp", "(acme OR #joyride) NEAR/3 (awful OR great)"))
    assert near.apply("#joyride is awful") == "xbrandx is awful"


def test_placeholders_mean_nothing_to_vader():
    """No placeholder is in its lexicon, nor a booster or a negation."""
    for word in (module._BRAND, module._HANDLE, module._LINK):
        assert word not in VADER.lexicon
        assert word not in BOOSTER_DICT
        assert word not in NEGATE
        assert VADER.polarity_scores(word)["compound"] == 0.0


def test_scores_are_vaders_own():
    """Milli-units are the compound cut to three decimals, for texts thrown together from its own lexicon."""
    rng = random.Random(20170409)
    words = [*sorted(VADER.lexicon)[::40], "not", "but", "very", "kind", "of", "the", "!!!", "NO", "least", "😀"]
    scorer = VaderScorer()
    for _ in range(400):
        text = " ".join(rng.choice(words) for _ in range(rng.randrange(1, 25)))
        compound = VADER.polarity_scores(text)["compound"]
        score = scorer.score(text)
        assert abs(score - compound * 1000) < 1
        assert (label_of(score) == "positive") == (compound >= 0.05)
        assert (label_of(score) == "negative") == (compound <= -0.05)


@pytest.mark.parametrize("lang", ["nl", "es", "und", ""])
def test_a_language_that_nobody_reads_is_unscored(lang):
    """Not neutral: a thousand angry Dutch posts would otherwise count as calm."""
    verdict = SCORERS.judge("Wat een verschrikkelijke, waardeloze service", lang, UNITED)
    assert (verdict.label, verdict.score, verdict.lang, verdict.scorer) == ("unscored", 0, lang, "none")


def test_the_first_scorer_that_reads_a_language_scores_it():
    """The order of the configuration decides, and the verdict says who gave it."""

    class Grump:
        id = "grump@1"
        languages = ("nl", "en")

        def score(self, text):
            return -1000

    assert Scorers([VaderScorer(), Grump()]).judge("great", "en", UNITED).scorer == VaderScorer.id
    assert Scorers([VaderScorer(), Grump()]).judge("fijn", "nl", UNITED).scorer == "grump@1"
    assert Scorers([Grump(), VaderScorer()]).judge("great", "en", UNITED).label == "negative"


def test_long_texts_are_scored_by_their_beginning():
    """What stands behind the limit changes nothing, and ten megabytes are scored at once."""
    start = "awful " * (MAX_SCORED // 6 + 1)
    assert SCORERS.judge(start, "en", UNITED) == SCORERS.judge(start + "great " * 1_500_000, "en", UNITED)


@given(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=60),
    st.lists(st.sampled_from(["united", "UNITED AIRLINES", " @joe ", "\n", "fly", "ﬂy", "https://x.y "]), max_size=4),
    st.randoms(use_true_random=False),
)
@settings(max_examples=200, deadline=None)
def test_masking_any_text_leaves_the_rest_in_place(noise, names, rng):
    """No text breaks the masks, and a masked text holds no name that stands alone."""
    pieces = [*names, *noise]
    rng.shuffle(pieces)
    masked = UNITED.apply("".join(pieces))
    assert UNITED.apply(masked) == masked
    verdict = SCORERS.judge("".join(pieces), "en", UNITED)
    assert -1000 <= verdict.score <= 1000
