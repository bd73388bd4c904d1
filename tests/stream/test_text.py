"""Text as it is stored, matched and compared, for any string at all."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import text as module
from stream.text import MARK_RUN, clean, clip, cluster_text, fold_with_origins, normalise

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
HOSTILE = {
    "accents without end": "a" + "\u0315\u0300" * 500_000,
    "accents between joiners": "\u05b0\u200d" * 500_000,
    "astral marks": "\U0001e944" * 500_000,
    "surrogates": "\ud800" * 1_000_000,
    "emoji": "\U0001f600" * 1_000_000,
    "one long word": "x" * 10_000_000,
    "reposts of reposts": "rt " * 1_000_000,
    "handles": "@a." * 1_000_000,
    "addresses": "http://" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(20)
def test_ten_megabytes_of_spite_end_in_bounded_time(name):
    """Each shape of a text is linear in its length; a quadratic one would run into the time limit for hours."""
    text = HOSTILE[name]
    assert len(clean(text)) <= len(text)
    assert normalise(text).isprintable()
    assert "@" not in cluster_text(text)


def test_the_table_of_marks_is_complete():
    """No combining mark of the running Python's Unicode lies outside the ones that are counted."""
    marks = [point for point in range(sys.maxunicode + 1) if unicodedata.combining(chr(point))]
    assert max(marks) == module._LAST_MARK
    assert module._fewer_marks("a" + "".join(map(chr, marks))) == "a" + "".join(map(chr, marks[:MARK_RUN]))


@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_what_is_stored_is_valid_and_stays_as_it_is(text):
    """Cleaned text is valid UTF-8 in NFC without controls, and cleaning it again changes nothing."""
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not [c for c in cleaned if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert clean(cleaned) == cleaned


@given(ANY_TEXT)
@settings(max_examples=300, deadline=None)
def test_normalising_is_idempotent_and_knows_no_case(text):
    """A normalised text normalises to itself, is valid UTF-8, and has single spaces and no ends of white space."""
    once = normalise(text)
    once.encode("utf-8")
    assert normalise(once) == once
    assert once == " ".join(once.split())
    assert normalise(once.upper()) == normalise(once.upper().casefold())


@given(st.text(st.characters(max_codepoint=127), max_size=60))
@settings(max_examples=200, deadline=None)
def test_the_short_way_for_ascii_is_the_long_way(text):
    """Plain ASCII takes a short cut; it ends where the full folding would."""
    long_way = " ".join(module._fold(module._DROPPED.sub("", text)).split())
    assert normalise(text) == long_way


@pytest.mark.parametrize(
    ("written", "matched"),
    [
        ("ＡＣＭＥ", "acme"),
        ("ac\u200bme\u202e", "acme"),
        ("Zoë’s Café", "zoe's cafe"),
        ("e\u0301cole", "ecole"),
        ("STRASSE straße", "strasse strasse"),
        ("a\x00b\t\n c", "ab c"),
        ("“quoted”", '"quoted"'),
        ("हिन्दी", "हिन्दी"),
        ("İstanbul", "istanbul"),
    ],
)
def test_matching_sees_through_disguises(written, matched):
    """Full width, invisible characters, accents, case and typographic quotes are folded; other scripts stay whole."""
    assert normalise(written) == matched


@pytest.mark.parametrize(
    ("post", "what_spreads"),
    [
        ("Why? “@acme: Our fleet is new. https://t.co/1” smh", "our fleet is new"),
        ("nope. RT @acme: Our fleet is new. https://t.co/2", "our fleet is new"),
        ('RT "@acme: Our fleet is new." @joe', "our fleet is new"),
        ("lol RT @joe: look RT @acme Our fleet is new", "our fleet is new"),
        ('RT @joe: they call it "new" at @acme', "they call it new at"),
        ("so RT @joe: yes", "so rt yes"),
        ("start with @acme: it is new", "start with it is new"),
        ('"quoted" by nobody @acme', "quoted by nobody"),
    ],
)
def test_who_passes_words_on_with_some_of_his_own_joins_their_cluster(post, what_spreads):
    """A comment in front of or behind a quotation does not make a new text of what spreads."""
    assert cluster_text(post) == what_spreads


@pytest.mark.parametrize("piece", ["rt ", '"@a ', "rt @a ", " rt : ", '"@a: ', '@a" rt@', "rt @a: x "])
def test_a_text_made_of_quotation_marks_costs_no_more_than_its_length(piece):
    """Twenty thousand characters of the pieces of which quotations are made take as long as prose, give or take."""
    started = time.perf_counter()
    cluster_text(piece * (20_000 // len(piece)))
    assert time.perf_counter() - started < 0.5


def test_copies_of_a_text_share_a_cluster_and_other_texts_do_not():
    """Handles, links, "RT", emoji and punctuation make no new text; other words do."""
    copies = [
        "Boycott ACME now!",
        "RT @joe: boycott acme now",
        "boycott acme now https://t.co/abc @cnn @bbc",
        "BOYCOTT 🔥 ACME, NOW pic.twitter.com/xyz",
        "RT @a: RT @b: Boycott Ácme now",
    ]
    assert {cluster_text(copy) for copy in copies} == {"boycott acme now"}
    assert cluster_text("boycott acme tomorrow") != "boycott acme now"
    assert cluster_text("rtl is a channel") == "rtl is a channel"
    assert cluster_text("@joe 🔥 https://t.co/x") == ""


@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_a_folded_character_knows_where_it_came_from(text):
    """Each character folded in place stems from the character it points at, in order."""
    folded, origins = fold_with_origins(text)
    if origins is None:
        assert len(folded) == len(text)
        origins = list(range(len(text)))
    assert len(origins) == len(folded)
    assert origins == sorted(origins)
    assert all(character in (normalise(text[at]) or " ") for character, at in zip(folded, origins, strict=True))


@given(ANY_TEXT | st.text(st.sampled_from("aB  \n\u00a0\u200b\u0301éﬂ😀"), max_size=20))
@settings(max_examples=300, deadline=None)
def test_folding_in_place_is_folding_character_by_character(text):
    """Stretches of plain ASCII are folded at once; the outcome is that of looking at each character."""
    folded, origins, after_space = "", [], False
    for at, character in enumerate(text):
        pieces = " " if character.isspace() else normalise(character)
        if pieces != " " or not after_space:
            folded += pieces
            origins += [at] * len(pieces)
        after_space = pieces == " " or (after_space and not pieces)
    expected = (folded, origins)
    found, places = fold_with_origins(text)
    assert (found, list(range(len(text))) if places is None else places) == expected


def test_clipping_keeps_the_beginning():
    """A clipped text is the beginning of the text, never longer than the limit."""
    assert clip("abcdef", 3) == "abc"
    assert clip("abc", 10) == "abc"
