"""From a mention to scored mentions: matched first, judged per brand, counted honestly."""

import pytest

from stream.brands import Brand
from stream.mention import Mention, Sentiment
from stream.names import Names
from stream.scoring import Scoring, with_risks
from stream.sentiment import Scorers
from stream.text import cluster_text

NAMES = Names(b"test")


def post(text, **known):
    return Mention(id="x:1", created_ms=0, claimed_ms=0, observed_ms=0, text=text, **({"source": "x"} | known))


class Witness:
    """A scorer that notes what it was asked."""

    id = "witness@1"
    languages = ("en",)

    def __init__(self):
        self.asked = []

    def score(self, text):
        self.asked.append(text)
        return -300


def test_nothing_is_scored_for_a_text_that_is_about_no_brand():
    """Most of a stream ends after the match."""
    witness = Witness()
    scoring = Scoring([Brand("Acme", "acme")], NAMES, Scorers([witness]))
    assert scoring.score(post("beta is awful")) == []
    assert witness.asked == []
    assert (scoring.read, scoring.matched, scoring.scored, scoring.unscored) == (1, 0, 0, 0)


def test_each_brand_gets_its_own_verdict():
    """Masked by its own names, with its own voice told apart; what is about the text is the same for all."""
    brands = [Brand("United", "united", own_accounts=("united",)), Brand("Best", "best")]
    witness = Witness()
    scoring = Scoring(brands, NAMES, Scorers([witness]))
    mention = post("United and Best: data breach, my parcel never arrived", author="United")
    united, best = scoring.score(mention)
    assert [one.brand for one in (united, best)] == ["United", "Best"]
    assert witness.asked == [
        "xbrandx and Best: data breach, my parcel never arrived",
        "United and xbrandx: data breach, my parcel never arrived",
    ]
    assert (united.own, best.own) == (True, False)
    for one in (united, best):
        assert one.mention is mention
        assert one.sentiment.label == "negative"
        assert one.risks == ("data_breach",)
        assert one.issues == ("delivery",)
        assert one.cluster == NAMES.text(cluster_text(mention.text))
    assert (scoring.read, scoring.matched, scoring.scored, scoring.unscored) == (1, 1, 2, 0)


def test_a_text_is_read_in_each_brands_languages():
    """Without a scorer for Dutch the same post is unscored for both; its risks are found by the list of its words."""
    brands = [Brand("A", "acme", languages=("en", "nl")), Brand("B", "acme", languages=("nl",))]
    scoring = Scoring(brands, NAMES, Scorers([Witness()]))
    first, second = scoring.score(post("Er is een groot datalek bij acme, de gegevens van klanten liggen op straat"))
    assert (first.sentiment.lang, second.sentiment.lang) == ("nl", "nl")
    assert (first.sentiment.label, second.sentiment.label) == ("unscored", "unscored")
    assert first.risks == second.risks == ("data_breach",)
    assert (scoring.matched, scoring.scored, scoring.unscored) == (1, 0, 2)


def test_english_and_dutch_are_scored_as_shipped():
    """Each by its own scorer, whose id is kept with the score."""
    scoring = Scoring([Brand("Acme", "acme", languages=("en", "nl"))], NAMES)
    (english,) = scoring.score(post("acme is down again, still no reply", lang="en"))
    (dutch,) = scoring.score(post("acme is schandalig slecht", lang="nl"))
    (french,) = scoring.score(post("acme est en panne", lang="fr"))
    assert [one.sentiment.label for one in (english, dutch, french)] == ["negative", "negative", "unscored"]
    assert [one.sentiment.scorer.partition("@")[0] for one in (english, dutch, french)] == [
        "english",
        "pattern-nl",
        "none",
    ]


class Mute:
    """A scorer that never finds a word."""

    id = "mute@1"
    languages = ("en", "nl")

    def score(self, text):
        return 0


@pytest.mark.parametrize(
    ("text", "lang", "label"),
    [
        ("Salmonella found at acme", "en", "negative"),
        ("acme roept een partij kaas terug", "nl", "negative"),
        ("Nobody was injured at acme", "en", "neutral"),
        ("acme settles lawsuit over the recall", "en", "neutral"),
        ("acme opent een winkel in Gent", "nl", "neutral"),
    ],
)
def test_a_risk_is_bad_news_in_whatever_tone(text, lang, label):
    """Neutral words about a grave thing are negative, and the scorer's id says that the rule made them so."""
    (one,) = Scoring([Brand("Acme", "acme")], NAMES, Scorers([Mute()])).score(post(text, lang=lang))
    assert one.sentiment.label == label
    assert one.sentiment.scorer == ("mute@1+risk1" if label == "negative" else "mute@1")


def test_a_recall_of_baby_food_is_not_neutral():
    """By words or by rule."""
    (one,) = Scoring([Brand("Acme", "acme")], NAMES).score(post("Recall issued for acme baby food"))
    assert one.sentiment.label == "negative"
    assert "recall" in one.risks


def test_praise_that_names_a_risk_stays_praise():
    """What speaks for the brand in spite of the word decides, and news that the matter is settled is no bad news."""
    found = with_risks(Sentiment("positive", 500, "en", "x@1"), ("recall",), "thanks for the quick recall")
    assert (found.label, found.score, found.scorer) == ("positive", 500, "x@1")
    neutral = Sentiment("neutral", 0, "en", "x@1")
    assert with_risks(neutral, ("recall",), "acme settles over the recall") is neutral
    unscored = Sentiment("unscored", 0, "fr", "none")
    assert with_risks(unscored, ("boycott",), "boycott") is unscored


def test_where_nobody_knows_the_language_the_one_with_most_to_say_counts():
    """A word of one language of the brand's; without evidence in any the text is unscored, not neutral."""
    scoring = Scoring([Brand("All", None, languages=("en", "nl"))], NAMES)
    (dutch,) = scoring.score(post("top!"))
    (nothing,) = scoring.score(post("update"))
    assert (dutch.sentiment.label, dutch.sentiment.lang) == ("positive", "nl")
    assert (nothing.sentiment.label, nothing.sentiment.lang) == ("unscored", "und")


def test_a_text_that_mixes_its_languages_is_read_in_both():
    """What says nothing in its main language is tried in the other that it borrows from, if the brand has it."""
    mixed = post("the website and the app of acme, it is allemaal waardeloos en het was zo mooi bedoeld", lang="en")
    both = Scoring([Brand("Acme", "acme", languages=("en", "nl"))], NAMES)
    (one,) = both.score(mixed)
    assert (one.sentiment.label, one.sentiment.lang) == ("negative", "nl")
    (one,) = Scoring([Brand("Acme", "acme", languages=("en",))], NAMES).score(mixed)
    assert (one.sentiment.label, one.sentiment.lang) == ("neutral", "en")


def test_a_brand_is_heard_with_its_own_words_for_complaints():
    """Beside a brand that has none, in one pass over the same text."""
    own = Brand("Acme", "acme", issues=(("price", ("miles expired",)),))
    with_own, without = Scoring([own, Brand("All", None)], NAMES).score(post("acme: my miles expired"))
    assert (with_own.issues, without.issues) == (("price",), ())


def test_a_comment_on_a_quotation_is_a_wording_of_its_own_in_the_same_cluster():
    """Who quotes joins what spreads; who adds words is still somebody with words of his own."""
    scoring = Scoring([Brand("Down", "down")], NAMES)
    plain, commented = (scoring.score(post(t))[0] for t in ("RT @a: Down again!", "awful RT @a: Down again!"))
    assert (plain.cluster, plain.wording) == (commented.cluster, 0)
    assert commented.wording not in {0, commented.cluster}


def test_copies_share_a_cluster_and_silence_has_none():
    """64 bits that stand for the words; 0 where there are none."""
    scoring = Scoring([Brand("All", None)], NAMES, Scorers([]))
    clusters = [scoring.score(post(text))[0].cluster for text in ("RT @a: Down! https://x.y/1", "down @b", "", "🔥 @a")]
    assert clusters[0] == clusters[1] != 0
    assert clusters[2:] == [0, 0]
    assert all(0 <= cluster < 2**64 for cluster in clusters)


def test_deletes_and_bare_engagement_say_nothing_to_score():
    """They are read and counted, and belong to whoever remembers the mention; an edit is scored again."""
    scoring = Scoring([Brand("All", None)], NAMES)
    assert scoring.score(post("", kind="delete")) == []
    assert scoring.score(post("acme", kind="delete")) == []
    assert scoring.score(post("", kind="engagement")) == []
    assert len(scoring.score(post("acme", kind="update"))) == 1
    assert (scoring.read, scoring.matched) == (4, 1)


@pytest.mark.parametrize("text", ["\ud800 acme", "acme" + "\u0301" * 1_000_000, "acme " * 2_000_000, "\x00acme\x00"])
def test_hostile_texts_are_scored_like_any_other(text):
    """Whatever comes in, a result comes out, and quickly."""
    scoring = Scoring([Brand("Acme", "acme*", languages=("en", "nl"))], NAMES)
    (one,) = scoring.score(post(text))
    assert one.sentiment.score == 0
    assert scoring.score(post(text)) == [one]
