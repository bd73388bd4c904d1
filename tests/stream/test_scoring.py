"""From a mention to scored mentions: matched first, judged per brand, counted honestly."""

import pytest

from stream.brands import Brand
from stream.mention import Mention
from stream.names import Names
from stream.scoring import Scoring
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
    """Without a scorer for Dutch the same post is unscored for both; its risks are found in the list of its language."""
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
