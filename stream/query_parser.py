"""Reading a Boolean query: from its text to a tree, or to an error that points at the character."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from stream.language import primary
from stream.query import FIELDS, And, Field, Near, Node, Not, Or, Query, Term, each_term, required_terms, takes_silence
from stream.text import normalise

MAX_LENGTH = 20_000
"""Characters in one query."""
MAX_TERMS = 1_000
MAX_DEPTH = 50
"""Parentheses and `NOT`s inside each other."""
MAX_NEAR = 100
"""Words that `NEAR` may reach over: more is `AND`."""

_WINDOW = 60
"""Characters of a long query shown on either side of an error."""

_OPENING_QUOTES = '"“”„'
_CLOSING_QUOTES = '"“”'


class QueryError(ValueError):
    """A query that cannot be read. As text: what is wrong, the query, and a caret under the place.

    >>> print(QueryError("this parenthesis is never closed", 5, "acme (fire"))
    this parenthesis is never closed
      acme (fire
           ^
    """

    def __init__(self, message: str, position: int, query: str) -> None:
        self.message, self.position, self.query = message, position, query
        start = max(0, position - _WINDOW)
        shown = "".join(c if c.isprintable() else " " for c in query[start : position + _WINDOW])
        super().__init__(f"{message}\n  {shown}\n  {' ' * (position - start)}^")


TokenKind = Literal["(", ")", "AND", "OR", "NOT", "NEAR", "leaf", "end"]
_OPERATORS: dict[str, TokenKind] = {"AND": "AND", "OR": "OR", "NOT": "NOT"}


class _Token(msgspec.Struct, frozen=True):
    kind: TokenKind
    at: int
    leaf: Term | Field | None = None
    words: int = 0


def compile_query(text: str) -> Query:
    """Compile a query of the language described in `stream.query`.

    >>> query = compile_query('(acme OR "acme corp") AND NOT looney*')
    >>> query.literals
    ('acme', 'acme corp')

    Raises `QueryError` for anything that is not such a query, or that would match posts which say nothing of it.
    """
    if len(text) > MAX_LENGTH:
        raise QueryError(f"a query has at most {MAX_LENGTH:,} characters, this one {len(text):,}", MAX_LENGTH, text)
    root = _Parser(text).parse()
    if takes_silence(root):
        raise QueryError("this query only says what a post must not be; add a word that it must have", 0, text)
    terms = sorted({term.key: term for term in each_term(root)}.items())
    required = sorted({term.key: term for term in required_terms(root)}.items())
    return Query(text, root, tuple(term for _, term in terms), tuple(term for _, term in required))


class _Parser:
    """Recursive descent over the tokens: `or := and (OR and)*`, `and := unary ([AND] unary)*`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        if self._peek().kind == "end":
            raise QueryError("an empty query matches nothing", 0, self._text)
        root = self._or()
        token = self._peek()
        if token.kind == ")":
            raise QueryError("this parenthesis was never opened", token.at, self._text)
        return root

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _or(self) -> Node:
        parts = [self._and()]
        while self._peek().kind == "OR":
            self._take()
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Node:
        parts = [self._unary()]
        while self._peek().kind not in (")", "OR", "end"):
            if self._peek().kind == "AND":
                self._take()
            parts.append(self._unary())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _unary(self) -> Node:
        if self._peek().kind != "NOT":
            return self._near()
        token = self._take()
        self._enter(token)
        part = self._unary()
        self._depth -= 1
        return Not(part)

    def _near(self) -> Node:
        left_at = self._peek().at
        left = self._primary()
        token = self._peek()
        if token.kind != "NEAR":
            return left
        self._take()
        right_at = self._peek().at
        right = self._primary()
        if self._peek().kind == "NEAR":
            raise QueryError("NEAR joins two terms: write (a NEAR/3 b) AND (b NEAR/3 c)", self._peek().at, self._text)
        return Near(self._near_side(left, left_at), self._near_side(right, right_at), token.words)

    def _near_side(self, node: Node, at: int) -> tuple[Term, ...]:
        parts = node.parts if isinstance(node, Or) else (node,)
        terms: list[Term] = []
        for part in parts:
            if isinstance(part, Or):
                terms.extend(self._near_side(part, at))
            elif isinstance(part, Term):
                terms.append(part)
            else:
                raise QueryError(
                    "on a side of NEAR stand words, phrases or a group of them joined by OR", at, self._text
                )
        return tuple(terms)

    def _primary(self) -> Node:
        token = self._take()
        if token.leaf is not None:
            return token.leaf
        if token.kind == "(":
            self._enter(token)
            inner = self._or()
            if self._take().kind != ")":
                raise QueryError("this parenthesis is never closed", token.at, self._text)
            self._depth -= 1
            return inner
        if token.kind == "end":
            raise QueryError("the query ends where a term is wanted", token.at, self._text)
        if token.kind == ")":
            raise QueryError("a term is wanted before this parenthesis", token.at, self._text)
        raise QueryError(f"a term is wanted before {token.kind}", token.at, self._text)

    def _enter(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryError(f"more than {MAX_DEPTH} levels inside each other", token.at, self._text)


def _tokens(text: str) -> Iterator[_Token]:
    at, terms = 0, 0
    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
            continue
        if character in "()":
            yield _Token("(" if character == "(" else ")", at)
            at += 1
            continue
        end = _end_of_word(text, at)
        token, at = _word_token(text, at, end)
        if token.kind == "leaf":
            terms += 1
            if terms > MAX_TERMS:
                raise QueryError(f"more than {MAX_TERMS:,} terms", token.at, text)
        yield token
    yield _Token("end", len(text))


def _end_of_word(text: str, at: int) -> int:
    while at < len(text) and not text[at].isspace() and text[at] not in "()" and text[at] not in _OPENING_QUOTES:
        at += 1
    return at


def _word_token(text: str, at: int, end: int) -> tuple[_Token, int]:
    """The token whose word is `text[at:end]` (empty before a quotation mark), and where the next one begins."""
    word = text[at:end]
    operator = _OPERATORS.get(word)
    if operator is not None:
        return _Token(operator, at), end
    if word == "NEAR" or word.startswith("NEAR/"):
        return _Token("NEAR", at, words=_near_words(word, at, text)), end
    name, colon, value = word.partition(":")
    if colon and name not in FIELDS:
        known = ", ".join(f"{field}:" for field in FIELDS)
        raise QueryError(f"no field {name + ':'!r}; there are {known} (for the text itself use quotes)", at, text)
    value_at = at + len(name) + 1 if colon else at
    if not colon:
        value = word
    if not value:
        if end >= len(text) or text[end] not in _OPENING_QUOTES:
            raise QueryError(f"{name}: wants a value right after the colon", at, text)
        value_at = end + 1
        value, end = _quoted(text, end)
    return _Token("leaf", at, _leaf(name if colon else "", value, value_at, text)), end


def _quoted(text: str, opening: int) -> tuple[str, int]:
    end = opening + 1
    while end < len(text) and text[end] not in _CLOSING_QUOTES:
        end += 1
    if end == len(text):
        raise QueryError("this quotation mark is never closed", opening, text)
    return text[opening + 1 : end], end + 1


def _near_words(word: str, at: int, text: str) -> int:
    digits = word[5:]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3 and 1 <= int(digits) <= MAX_NEAR):
        raise QueryError(f"NEAR wants a number of words from 1 to {MAX_NEAR}, as NEAR/5", at, text)
    return int(digits)


def _leaf(name: str, value: str, at: int, text: str) -> Term | Field:
    prefix = value.endswith("*")
    body = value[:-1] if prefix else value
    if "*" in body:
        raise QueryError("* stands only at the end of a word", at + body.index("*"), text)
    if prefix and not body.rstrip():
        raise QueryError("* alone would match everything", at, text)
    if prefix and body[-1].isspace():
        raise QueryError("* must follow a letter", at + len(body), text)
    literal = normalise(body)
    if name:
        if name == "lang":
            literal = primary(literal)
        if not literal.strip("@"):
            raise QueryError(f"{name}: wants a {'language code' if name == 'lang' else 'value'}", at, text)
        return Field(name, literal.removeprefix("@") if name == "author" else literal, prefix)
    if body.startswith("-") and len(body) > 1 and not body[1].isdigit():
        raise QueryError("to leave something out write NOT before it", at, text)
    if not literal.strip("@# "):
        raise QueryError("nothing to search for", at, text)
    return Term.of(literal, prefix=prefix)
