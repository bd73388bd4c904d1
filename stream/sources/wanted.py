"""Which posts of a whole network can be about a brand at all: a cheap look before a post is written down.

It is wider than the queries and never narrower: what a query hits passes. Who asks a platform for everything throws
most of it away here, and the log and the disk never see it.
"""

from collections.abc import Iterable

from ahocorasick_rs import AhoCorasick

from stream.brands import Brand, handle
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
    """
    words: set[str] = set()
    for brand in brands:
        if brand.sources and source not in brand.sources:
            continue
        for query in (brand.query, *(query for _, query in brand.rivals)):
            required = compile_query(query).required if query is not None else ()
            if not required:
                return ()
            words.update(term.literal for term in required)
    return tuple(sorted(words))


def authors_of(brands: Iterable[Brand]) -> tuple[str, ...]:
    """The brands' own accounts: what they say concerns them, whatever it says."""
    return tuple(sorted({account for brand in brands for account in brand.own_accounts}))
