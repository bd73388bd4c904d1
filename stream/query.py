"""The trade's Boolean query language, compiled to a tree that is walked: no pattern of a user's reaches `re`.

    (acme OR "acme corp" OR @acmehelp) AND NOT (acme NEAR/3 looney*) NOT lang:es

- Words and "phrases" match at word boundaries, whatever their case and accents; `acme` also hits `#acme`,
  `@acme` and `acme's`. A term written `@acme` or `#acme` wants that sign.
- `AND`, `OR`, `NOT` in capitals (in small letters they are words); terms side by side are joined by `AND`.
  `NOT` binds first, then `NEAR`, `AND`, `OR`.
- `a NEAR/5 b`: at most five words from one to the other, in either order; neighbours are one apart. Its sides are
  words, phrases, or groups of them joined by `OR`.
- `acme*`: every word that begins so.
- `author:`, `lang:`, `source:` compare the whole field (or its beginning, with `*`); `url:` finds its value
  inside the post's own address or a link in its text. `lang:` is the language that the source names.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from unicodedata import category

import msgspec

from stream.language import primary
from stream.mention import Mention
from stream.text import MAX_TEXT, clip, normalise

FIELDS = ("author", "lang", "source", "url")

Span = tuple[int, int]
"""Where something stands in a normalised text: `[start, end)` in characters."""


class Term(msgspec.Struct, frozen=True):
    """A word or phrase of a query, normalised. `key` tells it from every other term."""

    literal: str
    prefix: bool
    key: str

    @classmethod
    def of(cls, literal: str, *, prefix: bool = False) -> "Term":
        return cls(literal, prefix, literal + "*" if prefix else literal)

    def stands_at(self, text: str, start: int, end: int) -> bool:
        """Whether the literal found at `[start, end)` begins and ends where a word does."""
        literal = self.literal
        signed = literal[0] in "@#"
        if start:
            before = text[start - 1]
            if _is_word(before) if signed else _joined(before, literal[0]):
                return False
        if self.prefix or end >= len(text):
            return True
        after = text[end]
        return not (_joined(literal[-1], after) or (signed and after == "_"))

    def spans(self, text: str) -> list[Span]:
        """Every place where the term stands in a normalised text, by start."""
        found = []
        width = len(self.literal)
        start = text.find(self.literal)
        while start >= 0:
            if self.stands_at(text, start, start + width):
                found.append((start, start + width))
            start = text.find(self.literal, start + 1)
        return found

    def holds(self, document: "Document") -> bool:
        return bool(document.spans(self))


def _is_word(character: str) -> bool:
    return character.isalnum() or (character > "\u02ff" and category(character) in ("Mn", "Mc"))


def _joined(left: str, right: str) -> bool:
    """Whether one word goes on from `left` to `right`.

    Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese put no space (Korean: no space before a particle)
    between words: there a brand may stand next to any character.
    """
    return _is_word(left) and _is_word(right) and not (_is_spaceless(left) or _is_spaceless(right))


def _is_spaceless(character: str) -> bool:
    return character >= "\u0e00" and (
        character <= "\u0eff"
        or "\u1000" <= character <= "\u109f"
        or "\u1780" <= character <= "\u17ff"
        or "\u3040" <= character <= "\u9fff"
        or "\uac00" <= character <= "\ud7a3"
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )


class Document:
    """A mention as queries see it: normalised once, its words counted only when a `NEAR` asks.

    `found` is what a search for the terms of many queries at once has turned up; without it each term
    looks for itself.
    """

    __slots__ = ("_found", "_is_complete", "_mention", "_starts", "text")

    def __init__(self, mention: Mention, *, text: str | None = None) -> None:
        self._mention = mention
        self.text = normalise(clip(mention.text, MAX_TEXT)) if text is None else text
        self._found: dict[str, list[Span]] = {}
        self._is_complete = False
        self._starts: list[int] | None = None

    def know(self, found: dict[str, list[Span]]) -> None:
        """Take over the spans of every term that stands in the text, by key: other terms are not in it."""
        self._found, self._is_complete = found, True

    def spans(self, term: Term) -> Sequence[Span]:
        spans = self._found.get(term.key)
        if spans is None:
            if self._is_complete:
                return ()
            spans = self._found[term.key] = term.spans(self.text)
        return spans

    def word_at(self, position: int) -> int:
        """The number of the word that holds, or comes last before, a position (-1: before the first)."""
        if self._starts is None:
            self._starts = list(_word_starts(self.text))
        return bisect_right(self._starts, position) - 1

    def field(self, name: str) -> str:
        """A field as `lang:` and its like compare it; empty when unknown."""
        mention = self._mention
        if name == "lang":
            return primary(mention.lang)
        value = mention.author if name == "author" else mention.source
        return normalise(value).removeprefix("@") if value else ""

    def addresses(self) -> list[str]:
        """The post's own address and the links in its text, normalised."""
        links = [word for word in self.text.split(" ") if "://" in word or word.startswith("www.")]
        return [normalise(self._mention.url), *links] if self._mention.url else links


def _word_starts(text: str) -> Iterator[int]:
    """Where words begin; an apostrophe between letters does not end one."""
    inside = False
    for at, character in enumerate(text):
        if _is_word(character):
            if not inside:
                yield at
            inside = True
        elif character != "'":
            inside = False


class Field(msgspec.Struct, frozen=True):
    """`author:acme`: something known about the post beside its text."""

    name: str
    value: str
    prefix: bool

    def holds(self, document: Document) -> bool:
        if self.name == "url":
            term = Term.of(self.value, prefix=self.prefix)
            return any(term.spans(address) for address in document.addresses())
        actual = document.field(self.name)
        return actual.startswith(self.value) if self.prefix and actual else actual == self.value


class Not(msgspec.Struct, frozen=True):
    part: "Node"

    def holds(self, document: Document) -> bool:
        return not self.part.holds(document)


class And(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]

    def holds(self, document: Document) -> bool:
        return all(part.holds(document) for part in self.parts)


class Or(msgspec.Struct, frozen=True):
    parts: tuple["Node", ...]

    def holds(self, document: Document) -> bool:
        return any(part.holds(document) for part in self.parts)


class Near(msgspec.Struct, frozen=True):
    """A term of `left` at most `words` words from one of `right`, the two not overlapping."""

    left: tuple[Term, ...]
    right: tuple[Term, ...]
    words: int

    def holds(self, document: Document) -> bool:
        ours = [span for term in self.left for span in document.spans(term)]
        theirs = [span for term in self.right for span in document.spans(term)] if ours else []
        if not theirs:
            return False
        # The closest on the right begins first after our end; the closest on the left ends last before our start.
        starts = sorted(start for start, _ in theirs)
        ends = sorted(end for _, end in theirs)
        for start, end in ours:
            after = bisect_left(starts, end)
            if after < len(starts) and self._is_close(document, end, starts[after]):
                return True
            before = bisect_right(ends, start)
            if before and self._is_close(document, ends[before - 1], start):
                return True
        return False

    def _is_close(self, document: Document, end: int, start: int) -> bool:
        return document.word_at(start) - document.word_at(end - 1) <= self.words


Node = Term | Field | Not | And | Or | Near


class Query(msgspec.Struct, frozen=True):
    """A compiled query. `Query.matches` says whether a mention is about what it asks for."""

    text: str
    root: Node
    terms: tuple[Term, ...]
    """Every word and phrase in it, negated ones too, by key."""
    required: tuple[Term, ...]
    """Terms of which every matching text holds at least one; none when a field alone can decide."""

    @property
    def literals(self) -> tuple[str, ...]:
        """The required terms' normalised literals, sorted: at least one is in every matching text."""
        return tuple(sorted({term.literal for term in self.required}))

    def matches(self, document: Document) -> bool:
        return self.root.holds(document)


def each_term(node: Node) -> Iterator[Term]:
    """The terms of a tree, in the order they were written."""
    if isinstance(node, Term):
        yield node
    elif isinstance(node, Near):
        yield from node.left
        yield from node.right
    elif isinstance(node, Not):
        yield from each_term(node.part)
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from each_term(part)


def required_terms(node: Node) -> tuple[Term, ...]:
    """Terms of which a text must hold one for `node` to hold; empty when no text is needed."""
    if isinstance(node, Term):
        return (node,)
    if isinstance(node, Near):
        return min(node.left, node.right, key=_cost)
    if isinstance(node, Or):
        parts = [required_terms(part) for part in node.parts]
        return tuple(term for part in parts for term in part) if all(parts) else ()
    if isinstance(node, And):
        needed = [part for part in map(required_terms, node.parts) if part]
        return min(needed, key=_cost, default=())
    return ()


def _cost(terms: tuple[Term, ...]) -> tuple[int, int]:
    """Few and long terms wake a query least often."""
    return len(terms), -min(len(term.literal) for term in terms)


def naming_terms(node: Node) -> tuple[Term, ...]:
    """The terms that name the subject of a query, as against those that say in what company it counts.

    All branches of an `OR`; of an `AND` or `NEAR` the first operand that has any (`united AND (delay OR awful)`
    is about United, and "awful" is an opinion of it); nothing under a `NOT`.
    """
    if isinstance(node, Term):
        return (node,)
    if isinstance(node, Near):
        return node.left
    if isinstance(node, Or):
        return tuple(term for part in node.parts for term in naming_terms(part))
    if isinstance(node, And):
        return next((terms for terms in map(naming_terms, node.parts) if terms), ())
    return ()


def takes_silence(root: Node) -> bool:
    """Whether a post that has none of the query's terms and fields would match it (as `NOT a` does)."""
    if isinstance(root, Not):
        return not takes_silence(root.part)
    if isinstance(root, And):
        return all(takes_silence(part) for part in root.parts)
    if isinstance(root, Or):
        return any(takes_silence(part) for part in root.parts)
    return False
