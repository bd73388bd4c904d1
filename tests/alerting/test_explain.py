"""The words on a card: people say them now and did not before; nothing else makes a word new."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.explain import Explanation, Texts, Vocabulary, explain
from stream.brands import Brand

ABOUT = Vocabulary(Brand("Acme", "acme OR acmecare*", ("en", "nl"), own_accounts=("AcmeHelp",)))
TALK = ("great", "train", "late", "ticket", "app", "seat", "station", "bus", "window", "coffee", "music", "phone")


class Post(msgspec.Struct):
    """What is looked at of a post."""

    name: str
    text: str
    created_ms: int = 0
    author: str | None = None
    followers: int | None = None
    source: str = "x"
    lang: str | None = "en"
    url: str | None = None


def ordinary(count: int, *, seed: int = 1, start_ms: int = 0, by: str = "p") -> list[Post]:
    """Small talk about Acme, each by somebody else."""
    rng = random.Random(seed)
    return [
        Post(f"{by}{n:05d}", f"acme {' '.join(rng.sample(TALK, 4))} {n}", start_ms + n, f"{by}{n}")
        for n in range(count)
    ]


def story(count: int, said: str, *, people: int = 40, seed: int = 2) -> list[Post]:
    """Small talk of so many people, of whom some say something besides."""
    posts = ordinary(people, seed=seed, start_ms=10_000_000, by="n")
    for post in posts[:count]:
        post.text = f"{post.text} {said}"
    return posts


def words(now: list[Post], past: list[Post] | None = None) -> list[str]:
    """What is called new."""
    return [one.word for one in explain(Texts(now), Texts(PAST if past is None else past), ABOUT).words]


PAST = ordinary(1_500)


def test_a_word_that_many_use_and_nobody_did_is_new_with_its_people_and_posts() -> None:
    """Each figure leads to the posts that it counts."""
    now = story(14, "refund")
    found = explain(Texts(now), Texts(PAST), ABOUT)
    assert [(one.word, one.people) for one in found.words] == [("refund", 14)]
    assert sorted(found.words[0].posts) == [post.name for post in now[:14]]
    assert found.people == 40
    assert not found.sampled


def test_ordinary_talk_has_no_new_words() -> None:
    """Hundreds of words are compared, and chance lifts none."""
    assert [words(ordinary(60, seed=seed, start_ms=10**7, by="n")) for seed in range(20, 40)] == [[]] * 20


def test_a_word_of_every_day_is_new_when_it_swells() -> None:
    """Not only the never heard of: ten times as many as usual say it."""
    past = ordinary(1_500)
    for post in past[::40]:
        post.text += " outage"
    assert words(story(20, "outage"), past) == ["outage"]
    assert words(story(2, "outage"), past) == []


def test_an_account_that_posts_a_thousand_times_makes_no_word_new() -> None:
    """An author counts once for a word."""
    loud = [Post(f"l{n}", f"acme zorgelblub number {n}", 10_000_000 + n, "loud") for n in range(1_000)]
    assert words(story(0, "") + loud) == []


def test_a_headline_copied_by_hundreds_makes_no_word_new() -> None:
    """A copied text counts once, however many pass it on and whatever they hang on it."""
    copies = [
        Post(f"c{n}", f"RT @news: Acme reaches settlement https://t.co/{n} @friend{n}", 10_000_000 + n, f"c{n}")
        for n in range(249)
    ]
    assert words(story(0, "") + copies) == []


def test_the_brands_own_words_say_nothing_new_about_it() -> None:
    """Its name, the terms of its query and its accounts are in every post about it."""
    assert words(story(30, "acmecares @AcmeHelp acmehelp ACME"), PAST[:0] + ordinary(900)) == []


def test_function_words_of_both_languages_are_no_news() -> None:
    """Whatever the mix of languages: a Dutch crowd does not make "niet" new."""
    assert words(story(30, "het is niet van mij, waarom don't you")) == []


def test_two_words_that_come_together_are_told_as_one() -> None:
    """And a word that also comes alone stays a word."""
    assert words(story(15, "data leak")) == ["data leak"]
    now = story(8, "data leak")
    for post in now[8:24]:
        post.text += " leak"
    assert words(now)[0] == "leak"


def test_a_risk_that_nobody_spoke_of_before_is_a_new_subject() -> None:
    """In whichever words it is said."""
    now = story(6, "all passwords leaked")
    for post in now[6:12]:
        post.text += " my data was stolen in a data breach"
    found = explain(Texts(now), Texts(PAST), ABOUT)
    assert (found.subjects[0].word, found.subjects[0].people) == ("data_breach", 12)


def test_without_a_past_nothing_is_new() -> None:
    """Everything would be."""
    assert words(story(20, "refund"), []) == []
    assert explain(Texts([]), Texts(PAST), ABOUT) == Explanation()


def test_the_first_is_who_used_the_newest_word_first() -> None:
    """Where a conversation spreads, it is the author of its first post; in a sample, the earliest posts count too."""
    now = story(12, "refund")
    first = explain(Texts(reversed(now)), Texts(PAST), ABOUT).first
    assert first is not None
    assert (first.name, first.author, first.at_ms, first.began) == (now[0].name, "n0", now[0].created_ms, False)
    before = Post("early", "acme where is my REFUND", 9_999_999, "eve")
    sampled = explain(Texts(now), Texts(PAST), ABOUT, early=[before], sampled=True).first
    assert sampled is not None
    assert sampled.author == "eve"
    root = Post("root", "look at this", 5, "rob", url="https://x.example/1")
    began = explain(Texts(now), Texts(PAST), ABOUT, root=root).first
    assert began is not None
    assert (began.author, began.began, began.url) == ("rob", True, "https://x.example/1")


def test_voices_sources_and_languages_are_counted_with_their_posts() -> None:
    """Who posted most, who is followed most, and where."""
    now = [
        Post("a", "acme one", 1, "ann", 10),
        Post("b", "acme two", 2, "ann", 12, source="forum"),
        Post("b2", "acme two", 2, "ann", 11),
        Post("c", "acme three", 3, "bob", 9_000, lang="nl"),
        Post("d", "acme four", 4, None, None, lang=None),
    ]
    found = explain(Texts(now), Texts(PAST), ABOUT)
    assert [(v.author, v.posts, v.followers, v.names) for v in found.busiest] == [("ann", 3, 12, ("a", "b", "b2"))]
    assert [v.author for v in found.loudest] == ["bob", "ann"]
    assert [(t.what, t.posts, t.names) for t in found.sources] == [
        ("x", 4, ("a", "b2", "c", "d")),
        ("forum", 1, ("b",)),
    ]
    assert [(t.what, t.posts) for t in found.languages] == [("en", 3), ("nl", 1)]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(40)), st.integers(5, 30))
def test_the_order_of_the_posts_changes_nothing(order: list[int], using: int) -> None:
    """The same posts give the same card."""
    now = story(using, "refund strike")
    expected = explain(Texts(now), Texts(PAST), ABOUT)
    assert explain(Texts([now[n] for n in order]), Texts(reversed(PAST)), ABOUT) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=12), st.lists(st.text(max_size=60), max_size=12))
def test_any_text_at_all_is_taken_apart(now: Any, past: Any) -> None:
    """Lone surrogates, controls, nothing: a card is made all the same, and repeats count once."""
    posts = [Post(f"n{n}", text, n, f"a{n % 3}") for n, text in enumerate(now * 3)]
    found = explain(Texts(posts), Texts(Post(f"p{n}", text, n) for n, text in enumerate(past)), ABOUT)
    assert found.people <= 3
    assert found.words == ()
