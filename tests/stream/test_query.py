"""The Boolean query language: what it hits, what it refuses, and how it says so."""

import pytest

from stream.mention import Mention
from stream.query import Document
from stream.query_parser import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, QueryError, compile_query


def post(text, **known):
    return Mention(id="x:1", created_ms=0, claimed_ms=0, observed_ms=0, text=text, **({"source": "x"} | known))


def hits(query, text, **known):
    return compile_query(query).matches(Document(post(text, **known)))


HITS = [
    ("acme", "ACME!", True),
    ("acme", "#acme", True),
    ("acme", "@acme is here", True),
    ("acme", "acme's and acme’s", True),
    ("acme", "(acme)", True),
    ("acme", "acme_help", True),
    ("acme", "acmes", False),
    ("acme", "placme", False),
    ("acme", "acme2", False),
    ("acme", "ácmé", True),
    ("ácmé", "acme", True),
    ("@acme", "acme", False),
    ("@acme", "hello @ACME.", True),
    ("@acme", "@acme_help", False),
    ("@acme", "joe@acme.com", False),
    ("#acme", "#acme rocks", True),
    ("#acme", "#acmefail", False),
    ("#acme*", "#acmefail", True),
    ("acme*", "ACMEs and others", True),
    ("acme*", "placmes", False),
    ("c++", "I write c++, mostly", True),
    ('"acme corp"', "the Acme\n  Corp. of America", True),
    ('"acme corp"', "acme and corp", False),
    ('"acme cor*"', "acme corporation", True),
    ("acme corp", "corp of acme", True),
    ("acme corp", "acme", False),
    ("acme OR beta", "beta", True),
    ("a OR b c", "c b", True),
    ("a OR b c", "c", False),
    ("(a OR b) c", "a", False),
    ("acme NOT looney", "acme looney", False),
    ("acme AND NOT (looney OR tunes)", "acme tractors", True),
    ("acme and beta", "acme beta", False),
    ("acme and beta", "beta and acme", True),
    ("NOT NOT acme", "acme", True),
    ("🔥", "this is 🔥🔥", True),
    ("アクメ", "昨日アクメの店", True),
    ("삼성", "삼성이 좋아요", True),
    ("हिन्दी", "यह हिन्दी है", True),
    ("हिन", "यह हिन्दी है", False),
    ("“acme corp”", "acme corp", True),
    ("don't", "I don’t know", True),
    # NEAR counts from word to word: neighbours are one apart.
    ("acme NEAR/1 corp", "acme corp", True),
    ("acme NEAR/1 corp", "acme big corp", False),
    ("acme NEAR/2 corp", "corp, big acme", True),
    ("acme NEAR/3 (fire OR \"big blaze\")", "a big blaze seen at acme", True),
    ("acme NEAR/2 (fire OR \"big blaze\")", "a big blaze seen at acme", False),
    ("acme NEAR/3 acme", "acme", False),
    ("acme NEAR/3 acme", "acme or acme", True),
    ('data NEAR/5 "data breach"', "a data breach", False),
    ("acme NEAR/2 corp", "corp x x x acme x x x acme corp", True),
    ("a NEAR/2 b", "a don't b", True),
]  # fmt: skip


@pytest.mark.parametrize(("query", "text", "expected"), HITS)
def test_a_query_hits_what_it_says(query, text, expected):
    """One line, one promise of the language."""
    assert hits(query, text) is expected


def test_fields_ask_what_is_known_beside_the_text():
    """Author, language and source compare the whole field, `url:` looks inside addresses; unknown is not a match."""
    assert hits("author:acmehelp", "", author="@AcmeHelp")
    assert hits("author:@acme*", "", author="AcmeHelp")
    assert not hits("author:acme", "", author="acmehelp")
    assert not hits("author:acme*", "")
    assert hits("lang:NL", "", lang="nl-BE")
    assert not hits("lang:nl", "")
    assert hits('source:"the news"', "", source="The News")
    assert hits("url:acme.com", "", url="https://www.acme.com/help")
    assert hits("url:acme.com", "see https://acme.com/x")
    assert not hits("url:acme.com", "write to joe at acme.com")
    assert not hits("url:acme.com", "", url="https://notacme.com/")
    assert not hits("acme NOT lang:es", "acme", lang="es")


REFUSED = [
    ("", 0, "empty"),
    ("   ", 0, "empty"),
    ("NOT acme", 0, "must not be"),
    ("acme OR NOT beta", 0, "must not be"),
    ("(NOT a) AND NOT b", 0, "must not be"),
    ("(acme", 0, "never closed"),
    ("acme (beta", 5, "never closed"),
    ("acme)", 4, "never opened"),
    ("()", 1, "before this parenthesis"),
    ('acme "corp', 5, "never closed"),
    ('""', 1, "nothing to search for"),
    ("@", 0, "nothing to search for"),
    ("colour:red", 0, "author:"),
    ("http://acme.com", 0, "quotes"),
    ("author:", 0, "wants a value"),
    ("author:(a OR b)", 0, "wants a value"),
    ("lang:klingonese", 5, "language"),
    ("acme NEAR corp", 5, "NEAR/5"),
    ("acme NEAR/x corp", 5, "NEAR/5"),
    ("acme NEAR/0 corp", 5, "NEAR/5"),
    ("acme NEAR/999 corp", 5, "NEAR/5"),
    ("acme NEAR/3", 11, "ends where a term"),
    ("a NEAR/3 b NEAR/3 c", 11, "joins two"),
    ("a NEAR/3 (b AND c)", 9, "sides?|side of NEAR"),
    ("author:x NEAR/3 c", 0, "side of NEAR"),
    ("*", 0, "alone"),
    ("acme *", 5, "alone"),
    ("*acme", 0, "end of a word"),
    ("ac*me", 2, "end of a word"),
    ('"acme *"', 6, "follow a letter"),
    ("AND acme", 0, "before AND"),
    ("acme AND", 8, "ends where a term"),
    ("acme OR OR beta", 8, "before OR"),
    ("acme -looney", 5, "write NOT"),
]


@pytest.mark.parametrize(("query", "position", "words"), REFUSED)
def test_a_query_that_cannot_be_read_is_refused_with_a_caret(query, position, words):
    """The error says what is wrong and the caret stands under the character."""
    with pytest.raises(QueryError, match=words) as caught:
        compile_query(query)
    error = caught.value
    assert error.position == position
    assert error.query == query
    shown, caret = str(error).splitlines()[-2:]
    assert caret == "  " + " " * position + "^"
    assert shown == "  " + query


@pytest.mark.parametrize(
    "query",
    [
        "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1),
        "NOT " * (MAX_DEPTH + 1) + "a",
        " ".join(f"a{n}" for n in range(MAX_TERMS + 1)),
        "a" * (MAX_LENGTH + 1),
        "(" * 19_000,
    ],
)
def test_a_query_has_limits(query):
    """Too deep, too many, too long: refused at once, with an error short enough to read."""
    with pytest.raises(QueryError) as caught:
        compile_query(query)
    assert len(str(caught.value)) < 500


def test_the_largest_query_allowed_compiles():
    """The limits themselves are within the limits."""
    compile_query("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)
    assert len(compile_query(" OR ".join(f"a{n}" for n in range(MAX_TERMS))).literals) == MAX_TERMS


@pytest.mark.parametrize(
    ("query", "literals"),
    [
        ("acme", ("acme",)),
        ("Ácme* NOT looney", ("acme",)),
        ("(acme OR beta) AND fire", ("fire",)),
        ("acme NEAR/3 (fire OR blaze)", ("acme",)),
        ("acme OR author:joe", ()),
        ("author:joe", ()),
        ("acme author:joe", ("acme",)),
    ],
)
def test_one_of_the_literals_is_in_every_text_that_matches(query, literals):
    """What wakes a query: the fewest words of which one must be there; none where a field alone may decide."""
    assert compile_query(query).literals == literals


def test_users_patterns_are_text():
    """What would be a pattern elsewhere is searched for letter by letter."""
    assert hits('"(a+)+$"', "so: (a+)+$ indeed")
    assert not hits('"(a+)+$"', "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!")
    assert hits('"\\d{3}"', "a \\d{3} b")
