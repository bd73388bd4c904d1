"""Which brands a mention is about: one pass for all must find what a plain reader of each query finds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.brands import Brand, Matcher, check_examples
from stream.mention import Mention
from stream.query_parser import QueryError


def post(text, **known):
    return Mention(id="x:1", created_ms=0, claimed_ms=0, observed_ms=0, text=text, **({"source": "x"} | known))


def names(brands, mention):
    return [brand.name for brand in Matcher(brands).match(mention)]


# A naive evaluator of its own: queries are nested tuples over small words, texts are words and single spaces,
# so that words, positions and boundaries are plain lists.
WORDS = ("acme", "ac", "beta", "betamax", "fire")
TERM = st.sampled_from([*WORDS, "ac*", "beta*", '"acme beta"', '"ac fire"'])
AUTHOR = st.sampled_from(["joe", "ann"])


def _joined(operator):
    return lambda parts: (operator, *parts)


TREES = st.recursive(
    st.one_of(
        TERM.map(lambda term: ("term", term)),
        AUTHOR.map(lambda author: ("author", author)),
        st.tuples(st.just("near"), st.lists(TERM, min_size=1, max_size=2), st.integers(1, 4), TERM),
    ),
    lambda parts: st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(_joined("and")),
        st.lists(parts, min_size=2, max_size=3).map(_joined("or")),
        st.tuples(st.just("not"), parts),
    ),
    max_leaves=6,
)


def written(tree):
    kind, *rest = tree
    if kind == "term":
        return rest[0]
    if kind == "author":
        return f"author:{rest[0]}"
    if kind == "near":
        return f"(({' OR '.join(rest[0])}) NEAR/{rest[1]} {rest[2]})"
    if kind == "not":
        return f"NOT ({written(rest[0])})"
    return "(" + f" {kind.upper()} ".join(map(written, rest)) + ")"


def places(term, words):
    """Where a term stands, as (first word, last word)."""
    wanted = term.strip('"').removesuffix("*").split()
    found = []
    for at in range(len(words) - len(wanted) + 1):
        there = words[at : at + len(wanted)]
        if there[:-1] == wanted[:-1] and (
            there[-1].startswith(wanted[-1]) if term.endswith("*") else there[-1] == wanted[-1]
        ):
            found.append((at, at + len(wanted) - 1))
    return found


def truth(tree, words, author):
    kind, *rest = tree
    if kind == "term":
        return bool(places(rest[0], words))
    if kind == "author":
        return author == rest[0]
    if kind == "near":
        ours = [place for term in rest[0] for place in places(term, words)]
        return any(
            0 < max(first - end, other - last) <= rest[1]
            for first, last in ours
            for other, end in places(rest[2], words)
        )
    if kind == "not":
        return not truth(rest[0], words, author)
    return (all if kind == "and" else any)(truth(part, words, author) for part in rest)


@given(
    st.lists(TREES, min_size=1, max_size=5),
    st.lists(st.lists(st.sampled_from([*WORDS, "acmebeta", "x"]), max_size=9), min_size=1, max_size=4),
    st.sampled_from(["joe", "ann", "bob", None]),
)
@settings(max_examples=300, deadline=None)
def test_the_one_pass_finds_what_a_plain_reader_finds(trees, texts, author):
    """All literals in one automaton, queries woken by what is there: same brands as reading each query in full."""
    brands = []
    kept = []
    for number, tree in enumerate(trees):
        brand = Brand(str(number), written(tree))
        if truth(tree, [], None):
            with pytest.raises(QueryError, match="must not be"):
                Matcher([brand])
        else:
            brands.append(brand)
            kept.append(tree)
    matcher = Matcher(brands)
    for words in texts:
        found = [brand.name for brand in matcher.match(post(" ".join(words), author=author))]
        expected = [brand.name for brand, tree in zip(brands, kept, strict=True) if truth(tree, words, author)]
        assert expected == found, (words, [written(tree) for tree in kept])


def test_brands_come_in_the_order_of_the_configuration():
    """Not by name and not by where they stand in the text."""
    brands = [Brand("Zeta", "zeta"), Brand("All", None), Brand("Acme", "acme")]
    assert names(brands, post("acme against zeta")) == ["Zeta", "All", "Acme"]


def test_a_brand_without_a_query_takes_every_post_of_its_sources():
    """`query: null` is about everything, `sources` limits any brand to what it listens to."""
    brands = [Brand("All", None), Brand("News", None, sources=("news",)), Brand("Acme", "acme", sources=("news",))]
    assert names(brands, post("acme")) == ["All"]
    assert names(brands, post("acme", source="news")) == ["All", "News", "Acme"]
    assert names(brands, post("", source="x")) == ["All"]


def test_a_brands_own_voice_is_heard_whatever_it_says():
    """An answer of the brand's seldom names the brand, and still concerns it."""
    brands = [Brand("Acme", "acme", own_accounts=("@AcmeHelp",)), Brand("Beta", "beta")]
    assert names(brands, post("Sorry to hear that, please write to us", author="acmehelp")) == ["Acme"]
    assert names(brands, post("Sorry to hear that", author="joe")) == []
    assert brands[0].is_own("ACMEHELP")
    assert not brands[0].is_own("acmehelper")
    assert not brands[0].is_own(None)
    assert not brands[1].is_own("acmehelp")


def test_hostile_texts_are_matched_like_any_other():
    """Lone surrogates, nothing at all and a text far over the limit neither crash nor hide the brand."""
    matcher = Matcher([Brand("Acme", "acme")])
    assert len(matcher.match(post("\ud800acme\udfff"))) == 1
    assert matcher.match(post("")) == ()
    assert len(matcher.match(post("acme " + "\u0300" * 1_000_000))) == 1
    assert matcher.match(post("x" * 10_000 + " acme")) == ()


def test_a_name_stands_once():
    """Two brands of one name could not be told apart in a decision."""
    with pytest.raises(ValueError, match="stands twice"):
        Matcher([Brand("Acme", "acme"), Brand("Acme", "beta")])


def test_examples_that_fail_are_named_in_plain_english():
    """Each failing example is quoted with the list it stands in; a query that cannot be read shows its caret."""
    good = Brand("Acme", "acme NOT looney", match=("acme!",), no_match=("looney acme", "beta"))
    assert check_examples(good) == []
    bad = Brand("Acme", "acme", match=("beta",), no_match=("acme tractors",))
    assert check_examples(bad) == [
        "Acme: the query misses 'beta', which stands under match",
        "Acme: the query hits 'acme tractors', which stands under no_match",
    ]
    assert len(check_examples(Brand("All", None, no_match=("x",)))) == 1
    assert check_examples(Brand("Acme", "(acme"))[0].endswith("^")
