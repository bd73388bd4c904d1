"""Brands, and the one pass over a text that says which of them it is about."""

import functools
from collections.abc import Sequence

import msgspec
from ahocorasick_rs import AhoCorasick

from stream.mention import Mention
from stream.query import Document, Query, Span, Term
from stream.query_parser import QueryError, compile_query
from stream.text import normalise


class Brand(msgspec.Struct, frozen=True):
    """A brand to listen for, as it stands in the configuration.

    >>> Brand("Acme", "acme", own_accounts=("@AcmeHelp",)).is_own("acmehelp")
    True
    """

    name: str
    query: str | None
    """In the language of `stream.query`; `None`: every post of its sources is about the brand."""
    languages: tuple[str, ...] = ("en",)
    """Two-letter codes, the likeliest first."""
    own_accounts: tuple[str, ...] = ()
    """The brand's own voice: what these write are responses, never mentions."""
    sources: tuple[str, ...] = ()
    """Names of the sources that are listened to; empty: all."""
    match: tuple[str, ...] = ()
    """Texts that the query must hit."""
    no_match: tuple[str, ...] = ()
    """Texts that it must not."""
    timezone: str = "UTC"
    issues: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Its own terms for classes of complaint, beside those of `stream.risk_terms`; `-term` takes a shipped one out."""
    rivals: tuple[tuple[str, str], ...] = ()
    """Competitors by name, each with its query: counted beside the brand, never as its mentions."""
    unmeasured: tuple[str, ...] = ()
    """Sources whose terms forbid to look for protests and spam among their posts."""

    def is_own(self, author: str | None) -> bool:
        """Whether an author is one of the brand's own accounts, whatever the case and with or without `@`."""
        return bool(author and self.own_accounts) and handle(author or "") in _handles(self.own_accounts)


def handle(author: str) -> str:
    """An account's name as it is compared.

    >>> handle("@AcmeHelp")
    'acmehelp'
    """
    return normalise(author).removeprefix("@")


@functools.lru_cache(maxsize=1024)
def _handles(accounts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in map(handle, accounts) if name)


def rival_of(brand: Brand, name: str, query: str) -> Brand:
    """A brand's competitor as something to match: a second query of the brand, heard through the same sources.

    >>> rival_of(Brand("Acme", "acme"), "Bolt", "bolt").query
    'bolt'
    """
    return Brand(f"{brand.name}\0{name}", query, languages=brand.languages, sources=brand.sources)


class Matcher:
    """Finds the brands a mention is about: one Aho-Corasick pass for all terms of all brands, then the Boolean
    part of those queries alone of which a term is there.

    A post by a brand's own account concerns the brand whatever it says ("Sorry to hear that, please write to us"
    names nobody). Raises `QueryError` for a query that cannot be read, `ValueError` for a name that stands twice.

    >>> matcher = Matcher([Brand("Acme", "acme NOT looney"), Brand("All", None)])
    >>> post = Mention(id="x:1", source="x", created_ms=0, claimed_ms=0, observed_ms=0, text="#ACME is down")
    >>> [brand.name for brand in matcher.match(post)]
    ['Acme', 'All']
    """

    __slots__ = ("_always", "_automaton", "_brands", "_owners", "_queries", "_terms", "_woken")

    def __init__(self, brands: Sequence[Brand]) -> None:
        self._brands = tuple(brands)
        names = [brand.name for brand in self._brands]
        if len(set(names)) < len(names):
            raise ValueError(f"a brand's name stands twice: {', '.join(names)}")
        self._queries: list[Query | None] = [
            None if brand.query is None else compile_query(brand.query) for brand in self._brands
        ]
        self._always: list[int] = []
        """Brands that no term wakes, because a post may be about them without holding any."""
        self._woken: dict[str, list[int]] = {}
        """The brands to evaluate when a term is there, by its key."""
        self._owners: dict[str, list[int]] = {}
        terms: dict[str, dict[str, Term]] = {}
        for number, query in enumerate(self._queries):
            self._index(number, query, terms)
        literals = sorted(terms)
        self._terms = [tuple(terms[literal].values()) for literal in literals]
        self._automaton = AhoCorasick(literals)

    def _index(self, number: int, query: Query | None, terms: dict[str, dict[str, Term]]) -> None:
        for account in self._brands[number].own_accounts:
            self._owners.setdefault(handle(account), []).append(number)
        if query is None or not query.required:
            self._always.append(number)
        if query is None:
            return
        for term in query.terms:
            terms.setdefault(term.literal, {})[term.key] = term
        for term in query.required:
            self._woken.setdefault(term.key, []).append(number)

    def match(self, mention: Mention) -> tuple[Brand, ...]:
        """The brands that a mention is about, in the order of the configuration."""
        return self.match_document(mention, Document(mention))

    def match_document(self, mention: Mention, document: Document) -> tuple[Brand, ...]:
        """`match`, for a mention whose text was normalised already."""
        found = self._found(document.text)
        owned = self._owners.get(handle(mention.author), ()) if self._owners and mention.author else ()
        if not (found or self._always or owned):
            return ()
        document.know(found)
        numbers = {*self._always, *owned}
        for key in found:
            numbers.update(self._woken.get(key, ()))
        hits = []
        for number in sorted(numbers):
            brand, query = self._brands[number], self._queries[number]
            if brand.sources and mention.source not in brand.sources:
                continue
            if query is None or number in owned or query.matches(document):
                hits.append(brand)
        return tuple(hits)

    def _found(self, text: str) -> dict[str, list[Span]]:
        """Where each term of any brand stands in a normalised text, by the term's key."""
        found: dict[str, list[Span]] = {}
        for number, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            for term in self._terms[number]:
                if term.stands_at(text, start, end):
                    found.setdefault(term.key, []).append((start, end))
        return found


def check_examples(brand: Brand) -> list[str]:
    """What is wrong with a brand's `match` and `no_match` examples, in plain English; empty when all hold.

    >>> check_examples(Brand("Acme", "acme NOT looney", match=("Acme is down",), no_match=("acme tractors",)))
    ["Acme: the query hits 'acme tractors', which stands under no_match"]
    """
    if brand.query is None:
        return [f"{brand.name}: without a query every text is a match, {text!r} too" for text in brand.no_match]
    try:
        query = compile_query(brand.query)
    except QueryError as error:
        return [f"{brand.name}: {error}"]
    missed = [text for text in brand.match if not query.matches(_example(text))]
    wrong = [text for text in brand.no_match if query.matches(_example(text))]
    return [f"{brand.name}: the query misses {text!r}, which stands under match" for text in missed] + [
        f"{brand.name}: the query hits {text!r}, which stands under no_match" for text in wrong
    ]


def _example(text: str) -> Document:
    return Document(Mention(id="example:1", source="example", created_ms=0, claimed_ms=0, observed_ms=0, text=text))
