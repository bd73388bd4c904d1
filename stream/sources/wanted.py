"""Which posts of a whole network can be about a brand at all: a cheap look before a post is written down.

It is wider than the queries and never narrower: what a query hits passes. Who asks a platform for everything throws
most of it away here, and the log and the disk never see it.
"""

from collections.abc import Iterable

from ahocorasick_rs import AhoCorasick

from stream.brands import Brand, handle
from stream.query import And, Field, Node, Not, Or, required_terms
from stream.query_parser import compile_query
from stream.text import clip, normalise


class Wanted:
    """Whether a post may be about one of the brands. No words: every post may be.

    >>> wanted = Wanted(("acme",), ("did:plc:acme",))
    >>> wanted.may_be("ACMÉ is down", "did:plc:jo"), wanted.may_be("sorry", "did:plc:acme"), wanted.may_be("hi", "x")
    (True, True, False)
    """

    def __init__(self, words: Iterable[str] = (), authors: Iterable[str] = ()) -> None:
        words = sorted(set(words))
        self.everything = not words
        self._found = AhoCorasick(words or ["-"]).find_matches_as_indexes
        self._authors = frozenset(map(handle, authors))

    def may_be(self, text: str, author: str | None) -> bool:
        """Whether a text holds one of the words, or its author is one of the authors."""
        if self.everything or self._found(normalise(clip(text))):
            return True
        return bool(author and self._authors) and handle(author or "") in self._authors


def words_of(brands: Iterable[Brand], source: str) -> tuple[str, ...]:
    """Words of which a post of a source must hold one to be about any of the brands, or about a competitor of theirs;
    none where no word is needed.

    Raises `stream.query_parser.QueryError` for a query that cannot be read.

    >>> words_of([Brand("Acme", '(acme OR "road runner") NOT looney'), Brand("Bolt", "bolt*")], "x")
    ('acme', 'bolt', 'road runner')
    >>> words_of([Brand("Acme", "acme OR author:jo")], "x"), words_of([Brand("Acme", None)], "x")
    ((), ())
    >>> words_of([Brand("Acme", "acme OR source:reviews")], "x"), words_of([Brand("Acme", "acme OR source:x")], "x")
    (('acme',), ())
    """
    words: set[str] = set()
    for brand in brands:
        if brand.sources and source not in brand.sources:
            continue
        for query in (brand.query, *(query for _, query in brand.rivals)):
            left = True if query is None else _left_of(compile_query(query).root, normalise(source))
            if left is False:  # what it asks for comes from other sources alone
                continue
            required = () if left is True else required_terms(left)
            if not required:
                return ()
            words.update(term.literal for term in required)
    return tuple(sorted(words))


def _left_of(node: Node, source: str) -> Node | bool:
    """What is left to be asked of a post once it is known through which source it came."""
    if isinstance(node, Field) and node.name == "source":
        return source.startswith(node.value) if node.prefix else source == node.value
    if isinstance(node, Not):
        part = _left_of(node.part, source)
        return not part if isinstance(part, bool) else Not(part)
    if isinstance(node, And | Or):
        settles = isinstance(node, Or)
        parts = [_left_of(part, source) for part in node.parts]
        if settles in parts:
            return settles
        asked = tuple(part for part in parts if not isinstance(part, bool))
        return type(node)(asked) if asked else not settles
    return node


def authors_of(brands: Iterable[Brand]) -> tuple[str, ...]:
    """The brands' own accounts: what they say concerns them, whatever it says."""
    return tuple(sorted({account for brand in brands for account in brand.own_accounts}))
